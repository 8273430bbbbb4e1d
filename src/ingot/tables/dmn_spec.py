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
from ingot.fields import Field
from ingot.names import broken_spelling, hidden_by
from ingot.spec import Spec, parse_spec
from ingot.tables.cells import Comparison, Expression, Interval, Literal, Ref, show_cell, show_expression
from ingot.tables.dmn import Decision, DmnTable, InputColumn, Item, Model, OutputColumn
from ingot.tables.dmn_boxed import Bound, Boxes, Local, Target
from ingot.tables.parse import CellError, Scope, parse_cell, parse_expression
from ingot.tables.table import NUMBERS, kind_of

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
    lines: list[tuple[int, Sequence[int]]] = field(default_factory=list)
    known: dict[str, Field] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.boxes = Boxes(self.model, self)

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
        return Lowered(text, self.inputs, self.outputs, self.parts, self.steps, self.lines)

    def _place(self, one: Decision) -> str:
        return f"{self.model.file}:{one.line}:1"

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
        whole, number = ident, 1
        while ident in self.taken or broken_spelling(ident) or hidden_by(ident):
            ident = f"{whole[:40].rstrip('_')}_value{number if number > 1 else ''}"
            number += 1
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
        made = {"type": plain, "nullable": True, **_limits(plain, allowed)}
        self.known[path] = _as_field(made)
        return made

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
            self.known[path] = _as_field(made)
        else:
            made = self._field(item.base, name, path, item.allowed or allowed)
        if item.is_list:
            made = {"type": "list", "nullable": True, "items": {**made, "nullable": True}}
            self.known[path] = _as_field(made)
        return made

    def _part_field(self, part: Item, name: str, path: str) -> dict[str, Any]:
        if part.parts or part.is_list:
            return self._item_field(part, name, path, None)
        return self._field(part.base, name, path, part.allowed)

    # ---- decisions

    def _decision(self, one: Decision) -> None:
        target = Target(one.name, one.type, one.line)
        before = len(self.steps)
        value = self.boxes.value(one.logic, target, Local(self.scope))
        found = value if isinstance(value, Mapping) else {"": value}
        made = {field["name"] for field in self.steps[-1]["outputs"]} if len(self.steps) > before else set()
        own = all(isinstance(part, Ref) and part.path in made for part in found.values())
        if isinstance(value, Mapping):
            value = value if own else self._object(value, target)
        elif own:
            self._same_kind(value, one)
        else:
            value = self.add_value(value, target)
        self._name(one.name, value)
        self.set_fields += self.steps[-1]["outputs"]

    def _same_kind(self, value: Expression, one: Decision) -> None:
        """Refuse a table inside a function whose answer is of another type than its decision."""
        wanted = self.plain(one.type)
        if one.table is None and wanted is not None and isinstance(value, Ref):
            kinds = {"enum": "text"}
            found = self.known[value.path].type
            if kinds.get(found, found) != kinds.get(wanted["type"], wanted["type"]):
                raise SpecError(f"not supported: {one.name!r} is a {wanted['type']}, and its logic gives a {found}")

    def _name(self, name: str, value: Bound) -> None:
        """The decision's name stands for what its last step sets."""
        if isinstance(value, Mapping):
            paths = {key: part.path for key, part in value.items() if isinstance(part, Ref)}
            self.outputs[name] = paths
            self.scope.update({f"{name}.{key}": path for key, path in paths.items()})
        elif isinstance(value, Ref):
            self.outputs[name] = self.scope[name] = value.path

    def add_value(self, value: Expression, target: Target) -> Ref:
        """A step that works out an expression. A type that is not stated is that of the value."""
        ident = self._identifier(target.name)
        made = self._typed(value, target, ident)
        self._add_rows([{"name": ident, **made}], ident, [value], target)
        return Ref(ident)

    def _object(self, parts: Mapping[str, Expression], target: Target) -> Bound:
        """A step that works out the named parts of a context."""
        item = self.model.items.get(target.type or "")
        kinds = {part.name: part.base for part in item.parts} if item is not None else {}
        idents = {key: self._identifier(f"{target.name} {key}") for key in parts}
        fields = [
            {
                "name": ident,
                **self._typed(parts[key], Target(f"{target.name}.{key}", kinds.get(key), target.line), ident),
            }
            for key, ident in idents.items()
        ]
        self._add_rows(fields, self._identifier(target.name), list(parts.values()), target)
        return {key: Ref(ident) for key, ident in idents.items()}

    def _typed(self, value: Expression, target: Target, ident: str) -> dict[str, Any]:
        if target.type is not None:
            return self._field(target.type, target.name, ident)
        try:
            kind = kind_of(value, self.known)
        except CellError as error:
            raise SpecError(f"not supported: {target.name!r}: {error}") from None
        if kind == "null":
            raise SpecError(f"not supported: {target.name!r} is null, and of no type")
        plain = "decimal" if kind in NUMBERS else kind
        self.known[ident] = Field(name="value", type=plain, nullable=True)
        return {"type": plain, "nullable": True}

    def _add_rows(self, fields: list[dict[str, Any]], ident: str, values: Sequence[Expression], target: Target) -> None:
        names = [made["name"] for made in fields]
        row = ["-", *(show_expression(value) for value in values)]
        table = {"hit_policy": "first", "inputs": [self._any_path()], "outputs": names, "rows": [row]}
        self._add(fields, table, ident, (target.line, (target.line,)))

    def _add(
        self, fields: list[dict[str, Any]], table: dict[str, Any], ident: str, lines: tuple[int, Sequence[int]]
    ) -> None:
        step = {"type": "deterministic_rule", "on_null": "handle", "step": self._identifier(f"decide_{ident}"[:50])}
        self.steps.append({**step, "outputs": fields, "table": table})
        self.lines.append(lines)

    def _any_path(self) -> str:
        for made in (*self.fields, *self.set_fields):
            if made["type"] not in ("list", "object"):
                return str(made["name"])
            for part in made.get("fields", ()):
                if part["type"] not in ("list", "object"):
                    return f"{made['name']}.{part['name']}"
        raise SpecError("not supported: a model without a plain input")

    def add_table(self, table: DmnTable, target: Target, local: Local) -> Bound:
        """A step for a table, columns that are computed as steps before it."""
        if table.hit_policy not in _POLICIES:
            raise SpecError(f"{target.name!r} has an unknown hit policy {table.hit_policy!r}")
        ident = self._identifier(target.name)
        columns: list[str] = []
        for column in table.inputs:
            columns.append(self._column(column, target, local, columns))
        scope = self.boxes.scope(target, local)
        width = len(columns)
        rows = [self._row(table, n, row, width, scope) for n, row in enumerate(table.rows)]
        aggregate = (table.aggregation or "list").lower() if table.hit_policy == "collect" else "list"
        made: dict[str, Any] = {
            "hit_policy": table.hit_policy, "aggregate": aggregate, "inputs": columns, "rows": rows,
        }  # fmt: skip
        defaults = [column.default for column in table.outputs]
        if all(text is not None for text in defaults):
            made["default"] = [self._expression(text or "", "default", scope) for text in defaults]
        outputs, names, value = self._outputs(target, table, ident, aggregate)
        self._add(outputs, {**made, "outputs": names}, ident, (target.line, table.lines))
        return value

    def _row(self, table: DmnTable, number: int, row: Sequence[str], width: int, scope: Scope) -> list[str]:
        where = f"row {number + 1}"
        try:
            return [
                self._cell(text, where, scope) if at < width else self._expression(text, where, scope)
                for at, text in enumerate(row)
            ]
        except SpecError as error:
            place = f"{self.model.file}:{table.lines[number]}:1"
            raise SpecError(error.message, place=place, hint=error.hint) from None

    def _outputs(
        self, one: Target, table: DmnTable, ident: str, aggregate: str
    ) -> tuple[list[dict[str, Any]], list[str], Bound]:
        """The fields that a table sets, the names of its columns, and what they are together."""
        several = len(table.outputs) > 1
        is_list = table.hit_policy in ("collect", "rule order", "output order") and aggregate == "list"
        if not several:
            base = self._output_type(table.outputs[0], one, table, "") if aggregate == "list" else _number()
            made = {"type": "list", "nullable": False, "items": base} if is_list else base
            self.known[ident] = _as_field(made)
            return [{"name": ident, **made}], [ident], Ref(ident)
        idents = [self._identifier(f"{ident}_{column.name or n}"[:50]) for n, column in enumerate(table.outputs)]
        named = [
            {"name": name, **self._output_type(column, one, table, column.name or "")}
            for name, column in zip(idents, table.outputs, strict=True)
        ]
        keys = {column.name or str(n): name for n, (column, name) in enumerate(zip(table.outputs, idents, strict=True))}
        if is_list:
            self.parts.update({name: key for key, name in keys.items()})
            items = {"type": "object", "fields": named}
            made = {"type": "list", "items": items}
            self.known[ident] = _as_field(made)
            return [{"name": ident, **made}], idents, Ref(ident)
        self.known.update({name: _as_field(made) for name, made in zip(idents, named, strict=True)})
        return named, idents, {key: Ref(name) for key, name in keys.items()}

    def _output_type(self, column: OutputColumn, one: Target, table: DmnTable, part: str) -> dict[str, Any]:
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

    def _column(self, column: InputColumn, target: Target, local: Local, before: Sequence[str]) -> str:
        """The path that a column tests; what is computed, or stands in two columns, is set by a step of its own."""
        found = self.boxes.expression(column.expression, target, local)
        if isinstance(found, Ref) and found.path not in before:
            return found.path
        return self.add_value(found, Target(f"{target.name} {column.expression}", None, target.line)).path

    def _expression(self, text: str, where: str, scope: Scope) -> str:
        try:
            return show_expression(parse_expression(text, scope))
        except CellError as error:
            raise SpecError(f"not supported: {where}: {error}") from None

    def _cell(self, text: str, where: str, scope: Scope) -> str:
        try:
            return show_cell(parse_cell(text, scope))
        except CellError as error:
            raise SpecError(f"not supported: {where}: {error}") from None

    def plain(self, kind: str | None) -> dict[str, Any] | None:
        """The settings of a plain type, None where it is a list, an object or not stated."""
        allowed = None
        for _ in self.model.items:
            item = self.model.items.get(kind or "")
            if item is None:
                break
            if item.parts or item.is_list:
                return None
            kind, allowed = item.base, item.allowed or allowed
        plain = _TYPES.get((kind or "").rpartition(":")[2])
        return None if plain is None else {"type": plain, **_limits(plain, allowed)}


def _as_field(made: Mapping[str, Any]) -> Field:
    """A field's settings as a field, with what an expression may need to know of it."""
    if made["type"] in ("list", "object"):
        items = made.get("items")
        inner = None if items is None else _as_field(items)
        return Field.model_construct(name="value", type=made["type"], items=inner)
    return Field(
        name="value", type=made["type"], nullable=True, values=tuple(made.get("values", ())),
        minimum=Decimal(made["minimum"]) if "minimum" in made else None,
        maximum=Decimal(made["maximum"]) if "maximum" in made else None,
    )  # fmt: skip


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
