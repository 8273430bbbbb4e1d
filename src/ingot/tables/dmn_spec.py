"""`dmn.Model` → a spec: one table step for each decision, in the order in which they need each other.

A decision that is a literal expression becomes a table of one row. Names become plain ASCII; `Lowered` keeps which is
which. Every input and output is nullable, and nulls are the tables' own affair, as DMN has it. What the cell language
does not have is one SpecError that begins with ``not supported``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from ingot.errors import SpecError
from ingot.names import broken_spelling, hidden_by
from ingot.spec import Spec, parse_spec
from ingot.tables.cells import Comparison, Interval, Literal, Ref, show_cell, show_expression
from ingot.tables.dmn import Decision, DmnTable, InputColumn, Item, Model, OutputColumn
from ingot.tables.parse import CellError, Scope, parse_cell, parse_expression

_TYPES = {"string": "text", "number": "decimal", "boolean": "boolean", "date": "date"}
_POLICIES = ("unique", "first", "priority", "any", "collect", "rule order", "output order")


@dataclass(frozen=True)
class Lowered:
    """The spec's text, and for each DMN name of an input or decision its field, or, for a decision with several
    outputs, the field of each. `parts` maps the parts of objects back to their DMN names. `steps` are the settings of
    the spec's steps, `lines` the line of each step's decision and those of its rows."""

    text: str
    inputs: Mapping[str, str]
    outputs: Mapping[str, str | Mapping[str, str]]
    parts: Mapping[str, str]
    steps: Sequence[Mapping[str, Any]] = ()
    lines: Sequence[tuple[int, Sequence[int]]] = ()

    def spec(self) -> Spec:
        """The spec, read like any other."""
        return parse_spec(self.text, "model.dmn")


def lower(model: Model, wanted: Sequence[str]) -> Lowered:
    """The spec of some decisions of a model and of what they need. Raises SpecError."""
    try:
        return _Lowering(model).lower(wanted)
    except SpecError as error:
        raise SpecError(error.message, place=error.place or model.file, hint=error.hint) from None


@dataclass
class _Lowering:
    """The state of one lowering: names in use, names in scope, fields and steps so far."""

    model: Model
    taken: set[str] = field(default_factory=set)
    scope: dict[str, str] = field(default_factory=dict)
    parts: dict[str, str] = field(default_factory=dict)
    inputs: dict[str, str] = field(default_factory=dict)
    outputs: dict[str, str | Mapping[str, str]] = field(default_factory=dict)
    fields: list[dict[str, Any]] = field(default_factory=list)
    set_fields: list[dict[str, Any]] = field(default_factory=list)
    steps: list[dict[str, Any]] = field(default_factory=list)

    def lower(self, wanted: Sequence[str]) -> Lowered:
        order = self._order(wanted)
        needed = {name for one in order for name in one.requires}
        allowed = self._column_values(order)
        for name, kind in self.model.inputs.items():
            if name in needed or not needed:
                ident = self._identifier(name)
                self.inputs[name] = ident
                made = {"name": ident, **self._field(kind, name, ident, allowed.get(name))}
                self.fields.append(made)
                self.scope[name] = ident
        for one in order:
            try:
                self._decision(one)
            except SpecError as error:
                raise SpecError(error.message, place=error.place or self._place(one), hint=error.hint) from None
        raw = {
            "metadata": {"name": " ".join(self.model.name.split())[:120] or "model"},
            "inputs": self.fields,
            "logic_requirements": self.steps,
            "outputs": self.set_fields,
        }
        text = json.dumps(raw, indent=1, ensure_ascii=False)
        lines = [(one.line, one.table.lines if one.table else (one.line,)) for one in order]
        return Lowered(text, self.inputs, self.outputs, self.parts, self.steps, lines)

    def _place(self, one: Decision, row: int | None = None) -> str:
        line = one.line if row is None or one.table is None else one.table.lines[row]
        return f"{self.model.file}:{line}:1"

    def _order(self, wanted: Sequence[str]) -> list[Decision]:
        found: list[Decision] = []
        busy: set[str] = set()

        def visit(name: str) -> None:
            one = self.model.decision(name)
            if one is None or one in found:
                return
            if name in busy:
                raise SpecError(f"the decision {name!r} needs itself")
            busy.add(name)
            for needed in one.requires:
                visit(needed)
            found.append(one)

        for name in wanted:
            if self.model.decision(name) is None:
                raise SpecError(f"the model has no decision {name!r}")
            visit(name)
        return found

    def _column_values(self, order: Sequence[Decision]) -> dict[str, str]:
        """The allowed values that all columns which read an input agree on."""
        found: dict[str, set[str | None]] = {}
        for one in order:
            for column in one.table.inputs if one.table else ():
                found.setdefault(column.expression, set()).add(column.allowed)
        return {name: next(iter(texts)) or "" for name, texts in found.items() if len(texts) == 1 and None not in texts}

    # ---- names and types

    def _identifier(self, name: str) -> str:
        ident = re.sub(r"\W+", "_", name, flags=re.ASCII).strip("_")[:50] or "field"
        ident = ident if ident[0].isalpha() else f"f_{ident}"
        while ident in self.taken or broken_spelling(ident) or hidden_by(ident):
            ident += "_value"
        self.taken.add(ident)
        return ident

    def _field(self, kind: str | None, name: str, path: str, allowed: str | None = None) -> dict[str, Any]:
        """The settings of a nullable field of a DMN type; parts of objects come into scope as dotted names."""
        item = self.model.items.get(kind or "")
        if item is not None:
            return self._item_field(item, name, path, allowed)
        plain = _TYPES.get((kind or "").rpartition(":")[2])
        if plain is None:
            raise SpecError(f"not supported: {name!r} is of type {kind or 'none'}")
        return {"type": plain, "nullable": True, **_limits(plain, allowed)}

    def _item_field(self, item: Item, name: str, path: str, allowed: str | None) -> dict[str, Any]:
        made: dict[str, Any]
        if item.parts:
            inner: list[dict[str, Any]] = []
            taken, self.taken = self.taken, set()
            for part in item.parts:
                ident = self._identifier(part.name)
                self.parts[ident] = part.name
                self.scope[f"{name}.{part.name}"] = f"{path}.{ident}"
                inner.append({"name": ident, **self._part_field(part, f"{name}.{part.name}", f"{path}.{ident}")})
            self.taken = taken
            made = {"type": "object", "nullable": True, "fields": inner}
        else:
            made = self._field(item.base, name, path, item.allowed or allowed)
        if item.is_list:
            made = {"type": "list", "nullable": True, "items": {**made, "nullable": True}}
        return made

    def _part_field(self, part: Item, name: str, path: str) -> dict[str, Any]:
        if part.parts or part.is_list:
            return self._item_field(part, name, path, None)
        return self._field(part.base, name, path, part.allowed)

    # ---- decisions

    def _decision(self, one: Decision) -> None:
        ident = self._identifier(one.name)
        step: dict[str, Any] = {"type": "deterministic_rule", "on_null": "handle"}
        if one.table is not None:
            outputs, table = self._table(one, one.table, ident)
        elif one.literal is not None:
            outputs = [{"name": ident, **self._field(one.type, one.name, ident)}]
            self.scope[one.name] = ident
            self.outputs[one.name] = ident
            cell = self._expression(one.literal, f"decision {one.name!r}")
            table = {"hit_policy": "first", "inputs": [self._any_path()], "outputs": [ident], "rows": [["-", cell]]}
        else:
            raise SpecError(f"not supported: the decision {one.name!r} is a {one.other}")
        step["step"] = self._identifier(f"decide_{ident}"[:50])
        self.steps.append({**step, "outputs": outputs, "table": table})
        self.set_fields += outputs

    def _any_path(self) -> str:
        for made in (*self.fields, *self.set_fields):
            if made["type"] not in ("list", "object"):
                return str(made["name"])
            for part in made.get("fields", ()):
                if part["type"] not in ("list", "object"):
                    return f"{made['name']}.{part['name']}"
        raise SpecError("not supported: a model without a plain input")

    def _table(self, one: Decision, table: DmnTable, ident: str) -> tuple[list[dict[str, Any]], dict[str, Any]]:
        if table.hit_policy not in _POLICIES:
            raise SpecError(f"{one.name!r} has an unknown hit policy {table.hit_policy!r}")
        columns = [self._column(column) for column in table.inputs]
        width = len(columns)
        rows = [self._row(one, n, row, width) for n, row in enumerate(table.rows)]
        aggregate = (table.aggregation or "list").lower() if table.hit_policy == "collect" else "list"
        made: dict[str, Any] = {
            "hit_policy": table.hit_policy, "aggregate": aggregate, "inputs": columns, "rows": rows,
        }  # fmt: skip
        defaults = [column.default for column in table.outputs]
        if all(text is not None for text in defaults):
            made["default"] = [self._expression(text or "", "default") for text in defaults]
        outputs, names = self._outputs(one, table, ident, aggregate)
        made["outputs"] = names
        return outputs, made

    def _row(self, one: Decision, number: int, row: Sequence[str], width: int) -> list[str]:
        where = f"row {number + 1}"
        try:
            return [
                self._cell(text, where) if at < width else self._expression(text, where) for at, text in enumerate(row)
            ]
        except SpecError as error:
            raise SpecError(error.message, place=self._place(one, number), hint=error.hint) from None

    def _outputs(
        self, one: Decision, table: DmnTable, ident: str, aggregate: str
    ) -> tuple[list[dict[str, Any]], list[str]]:
        several = len(table.outputs) > 1
        is_list = table.hit_policy in ("collect", "rule order", "output order") and aggregate == "list"
        if not several:
            base = self._output_type(table.outputs[0], one, table, "") if aggregate == "list" else _number()
            made = {"type": "list", "nullable": False, "items": base} if is_list else base
            self.scope[one.name] = ident
            self.outputs[one.name] = ident
            return [{"name": ident, **made}], [ident]
        idents = [self._identifier(f"{ident}_{column.name or n}"[:50]) for n, column in enumerate(table.outputs)]
        named = [
            {"name": name, **self._output_type(column, one, table, column.name or "")}
            for name, column in zip(idents, table.outputs, strict=True)
        ]
        keys = {column.name or str(n): name for n, (column, name) in enumerate(zip(table.outputs, idents, strict=True))}
        if is_list:
            self.parts.update({name: key for key, name in keys.items()})
            self.scope[one.name] = ident
            self.outputs[one.name] = ident
            items = {"type": "object", "fields": named}
            return [{"name": ident, "type": "list", "items": items}], idents
        self.outputs[one.name] = keys
        self.scope.update({f"{one.name}.{key}": name for key, name in keys.items()})
        return named, idents

    def _output_type(self, column: OutputColumn, one: Decision, table: DmnTable, part: str) -> dict[str, Any]:
        """The column's own type, or the decision's, or that of its part; without any, what its values are."""
        kind = column.type or table.type or one.type
        item = self.model.items.get(kind or "")
        while item is not None and not item.parts and item.base in self.model.items:
            item = self.model.items[item.base or ""]
        if item is not None and item.parts:
            item = next((inner for inner in item.parts if inner.name == part), None)
        allowed = column.allowed or (item.allowed if item else None)
        base = item.base if item is not None else kind
        plain = _TYPES.get((base or "").rpartition(":")[2])
        if plain is None:
            at = len(table.inputs) + table.outputs.index(column)
            plain = _guess([row[at] for row in table.rows])
        if plain is None:
            raise SpecError(f"not supported: an output of {one.name!r} is of type {base or 'none'}")
        return {"type": plain, "nullable": True, **_limits(plain, allowed)}

    # ---- cells

    def _column(self, column: InputColumn) -> str:
        found = self._parsed(column.expression)
        if not isinstance(found, Ref):
            raise SpecError(f"not supported: the input expression {column.expression!r} is computed")
        return found.path

    def _parsed(self, text: str) -> Any:
        try:
            return parse_expression(text, Scope(self.scope))
        except CellError as error:
            raise SpecError(f"not supported: {error}") from None

    def _expression(self, text: str, where: str) -> str:
        try:
            return show_expression(parse_expression(text, Scope(self.scope)))
        except CellError as error:
            raise SpecError(f"not supported: {where}: {error}") from None

    def _cell(self, text: str, where: str) -> str:
        try:
            return show_cell(parse_cell(text, Scope(self.scope)))
        except CellError as error:
            raise SpecError(f"not supported: {where}: {error}") from None


def _number() -> dict[str, Any]:
    return {"type": "decimal", "nullable": True}


def _guess(cells: Sequence[str]) -> str | None:
    """The type of literals where none is stated."""
    kinds: set[str] = set()
    for text in cells:
        try:
            found = parse_expression(text, Scope({}))
        except CellError:
            return None
        value = found.value if isinstance(found, Literal) else None
        kinds.add("boolean" if isinstance(value, bool) else "decimal" if isinstance(value, Decimal) else
                  "text" if isinstance(value, str) else "?")  # fmt: skip
    return kinds.pop() if len(kinds) == 1 and "?" not in kinds else None


def _limits(plain: str, allowed: str | None) -> dict[str, Any]:
    """Allowed values as an enum's values or a number's range; what is neither is left open."""
    if not allowed:
        return {}
    try:
        tests = parse_cell(allowed, Scope({})).tests
    except CellError:
        return {}
    values = [
        test.right.value for test in tests
        if isinstance(test, Comparison) and test.op == "=" and isinstance(test.right, Literal)
    ]  # fmt: skip
    texts = [value for value in values if isinstance(value, str)]
    if plain == "text" and texts and len(texts) + values.count(None) == len(tests):
        return {"type": "enum", "values": list(dict.fromkeys(texts))}
    spans = [test for test in tests if isinstance(test, Interval)]
    if plain == "decimal" and len(spans) == 1 and len(tests) == 1 + values.count(None):
        low, high = spans[0].low, spans[0].high
        if isinstance(low, Literal) and isinstance(high, Literal) and spans[0].low_counts and spans[0].high_counts:
            return {"minimum": str(low.value), "maximum": str(high.value)}
    return {}
