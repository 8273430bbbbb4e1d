"""Boxed expressions of DMN → cell expressions: functions and contexts are written into what uses them.

A function of the model (a business knowledge model) is no function of the program: each call is its body with the
arguments in the place of the parameters. A table inside becomes a step of its own, and so does an expression that would
make a cell too long. What a type would turn into null at run time is refused instead.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any, Protocol

from ingot.errors import SpecError
from ingot.fields import Field
from ingot.tables.cells import Expression, If, Literal, Ref, show_expression
from ingot.tables.dmn import Boxed, Conditional, Context, DmnTable, Invocation, Knowledge, Model, Text
from ingot.tables.parse import CellError, Scope, parse_expression
from ingot.tables.table import NUMBERS, kind_of

LONG = 160
DEEPEST_CALL = 10

Bound = Expression | Mapping[str, Expression]


@dataclass(frozen=True, slots=True)
class Local:
    """What names mean where an expression stands: fields by path, and names bound to an expression."""

    names: Mapping[str, str]
    bound: Mapping[str, Expression] = field(default_factory=dict)

    def having(self, name: str, value: Bound) -> Local:
        """The same with one more name; an object comes with the names of its parts."""
        found = {key: old for key, old in self.bound.items() if key != name and not key.startswith(f"{name}.")}
        if isinstance(value, Mapping):
            found |= {f"{name}.{key}": part for key, part in value.items()}
        else:
            found[name] = value
            found |= {f"{name}{rest}": part for rest, part in self.parts(value)}
        return replace(self, bound=found)

    def parts(self, value: Expression) -> list[tuple[str, Expression]]:
        """The parts of an object field, each with the rest of its name."""
        if not isinstance(value, Ref):
            return []
        whole = [name for name, path in self.names.items() if path == value.path]
        whole_bound = [name for name, one in self.bound.items() if one == value]
        return [
            (name[len(outer):], Ref(path))
            for outer in whole[:1] for name, path in self.names.items() if name.startswith(f"{outer}.")
        ] + [
            (name[len(outer):], one)
            for outer in whole_bound[:1] for name, one in self.bound.items() if name.startswith(f"{outer}.")
        ]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Target:
    """What a value is for: the name and type of what will hold it, and its line."""

    name: str
    type: str | None
    line: int


class Steps(Protocol):
    """Where the steps of a spec are made."""

    @property
    def known(self) -> Mapping[str, Field]:
        """The type of every path."""

    def add_table(self, table: DmnTable, target: Target, local: Local) -> Bound:
        """A step for a table; what it sets."""

    def add_value(self, value: Expression, target: Target) -> Ref:
        """A step for an expression; what it sets."""

    def plain(self, kind: str | None) -> dict[str, Any] | None:
        """The settings of a plain type, None where it is a list, an object or not stated."""


class Boxes:
    """Reads the boxed expressions of one model."""

    def __init__(self, model: Model, steps: Steps) -> None:
        self._model = model
        self._steps = steps
        self._open: list[str] = []

    def value(self, boxed: Boxed, target: Target, local: Local) -> Bound:
        """The value of a boxed expression. Raises SpecError where it is not supported."""
        match boxed:
            case DmnTable():
                return self._steps.add_table(boxed, target, local)
            case Text(text, line):
                return self.expression(text, replace(target, line=line), local)
            case Context(_, line):
                return self._context(boxed, replace(target, line=line), local)
            case Invocation(called, bindings, line):
                arguments = [
                    (name, self.value(one, Target(f"{target.name} {name}", None, line), local))
                    for name, one in bindings
                ]
                return self._call(self._function(called, line), arguments, replace(target, line=line), local)
            case Conditional(condition, first, second, line):
                parts = [self._one(part, replace(target, line=line), local) for part in (condition, first, second)]
                return If(parts[0], parts[1], parts[2])
        raise self._refused(f"{target.name!r} is a {boxed.what}", boxed.line)

    def expression(self, text: str, target: Target, local: Local) -> Expression:
        """A literal expression with what its names mean in their place."""
        try:
            return parse_expression(text, self.scope(target, local))
        except CellError as error:
            raise self._refused(f"{target.name!r}: {error}", target.line) from None

    def scope(self, target: Target, local: Local) -> Scope:
        """The names that a text of the model may use."""
        names = {name: path for name, path in local.names.items() if name not in local.bound}

        def calling(knowledge: Knowledge) -> Any:
            inner = Target(f"{target.name} {knowledge.name}", None, target.line)
            return lambda arguments: self._whole(self._call(knowledge, arguments, inner, local), knowledge.name)

        functions = {name: calling(one) for name, one in self._model.knowledge.items() if name not in local.bound}
        return Scope(names, bound=local.bound, functions=functions)

    def fits(self, value: Expression, kind: str | None, what: str, line: int) -> None:
        """Refuse a value that its declared type might turn into null."""
        wanted = self._steps.plain(kind)
        if wanted is None:
            return
        if not isinstance(value, Ref) or self._steps.known[value.path].type not in ("list", "object"):
            try:
                found = kind_of(value, self._steps.known)
            except CellError as error:
                raise self._refused(f"{what}: {error}", line) from None
            plain = "text" if wanted["type"] == "enum" else wanted["type"]
            same = found in ("null", plain) or (found in NUMBERS and plain in NUMBERS)
            if same and self._within(value, wanted):
                return
        raise self._refused(f"{what} is {show_expression(value)}, which its type may not allow", line)

    # ---- parts

    def _context(self, context: Context, target: Target, local: Local) -> Bound:
        made: dict[str, Expression] = {}
        for entry in context.entries:
            if entry.name is None:
                return self.value(entry.value, target, local)
            inner = Target(f"{target.name} {entry.name}", entry.type, context.line)
            value = self.value(entry.value, inner, local)
            if not isinstance(value, Mapping):
                self.fits(value, entry.type, repr(entry.name), context.line)
                value = self._short(value, inner)
                made[entry.name] = value
            elif context.entries[-1].name is not None:
                raise self._refused(f"{target.name!r} is a context inside a context", context.line)
            local = local.having(entry.name, value)
        if not made:
            raise self._refused(f"{target.name!r} is an empty context", context.line)
        return made

    def _call(
        self, knowledge: Knowledge, arguments: Sequence[tuple[str | None, Bound]], target: Target, local: Local
    ) -> Bound:
        """The body of a function with its arguments in the place of its parameters."""
        name = knowledge.name
        if name in self._open or len(self._open) >= DEEPEST_CALL:
            raise self._refused(f"{name!r} calls itself, or calls go more than {DEEPEST_CALL} deep", knowledge.line)
        inner = local
        given = self._matched(knowledge, arguments, target.line)
        bound: dict[str, Expression] = {}
        for (parameter, kind), argument in zip(knowledge.parameters, given, strict=True):
            value = argument
            if not isinstance(value, Mapping):
                self.fits(value, kind, f"{parameter!r} of {name!r}", target.line)
                value = self._short(value, Target(f"{target.name} {parameter}", None, target.line))
            seen = inner.having(parameter, value).bound
            bound |= {key: one for key, one in seen.items() if key == parameter or key.startswith(f"{parameter}.")}
        self._open.append(name)
        found = self.value(knowledge.body, replace(target, line=knowledge.line), Local({}, bound))
        self._open.pop()
        return found

    def _matched(self, knowledge: Knowledge, arguments: Sequence[tuple[str | None, Bound]], line: int) -> list[Bound]:
        names = [name for name, _ in knowledge.parameters]
        labels = [label for label, _ in arguments]
        if all(label is None for label in labels) and len(labels) == len(names):
            return [value for _, value in arguments]
        if sorted(str(label) for label in labels) != sorted(names):
            given = ", ".join(str(label or "a value") for label in labels) or "nothing"
            raise self._refused(f"{knowledge.name!r} takes {', '.join(names) or 'nothing'}, and is given {given}", line)
        by_name = dict(arguments)
        return [by_name[name] for name in names]

    def _function(self, name: str, line: int) -> Knowledge:
        found = self._model.knowledge.get(" ".join(name.split()))
        if found is None:
            raise self._refused(f"{name!r} is no function of the model", line)
        return found

    def _one(self, boxed: Boxed, target: Target, local: Local) -> Expression:
        return self._whole(self.value(boxed, target, local), target.name)

    def _whole(self, value: Bound, name: str) -> Expression:
        if isinstance(value, Mapping):
            raise CellError(f"{name!r} has several outputs, and stands where one value is expected")
        return value

    def _short(self, value: Expression, target: Target) -> Expression:
        """The value, or, where it is long, the field of a step that works it out."""
        return value if len(show_expression(value)) <= LONG else self._steps.add_value(value, target)

    def _within(self, value: Expression, wanted: Mapping[str, Any]) -> bool:
        """True where a type's allowed values or range hold for every value that there can be."""
        known = self._steps.known[value.path] if isinstance(value, Ref) else None
        constant = value.value if isinstance(value, Literal) else None
        if value == Literal(None):
            return True
        if isinstance(value, If):
            return self._within(value.first, wanted) and self._within(value.second, wanted)
        if "values" in wanted:
            possible = known.values if known is not None and known.type == "enum" else (constant,)
            return set(possible) <= set(wanted["values"])
        if "minimum" in wanted:
            ends = (known.minimum, known.maximum) if known is not None else (constant, constant)
            low, high = Decimal(wanted["minimum"]), Decimal(wanted["maximum"])
            return all(isinstance(end, Decimal) and low <= end <= high for end in ends)
        return True

    def _refused(self, why: str, line: int) -> SpecError:
        return SpecError(f"not supported: {why}", place=f"{self._model.file}:{line}:1")
