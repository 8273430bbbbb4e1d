"""Fields as symbolic values: a variable per leaf with what its type, range and places say, and the way back from a model.

Where a spec leaves a number unbounded and exact arithmetic needs a bound, the values are taken to lie in the same
stated domain that generated inputs are drawn from; a proof then says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal
from itertools import count
from typing import Any

import z3
from pydantic import ValidationError

from ingot.fields import MOST_DIGITS, Field, validator
from ingot.proof.z3_arithmetic import LAST_DAY
from ingot.proof.z3_values import NONE, Kind, NotExpressible, Value, disj, opaque, sequence

LONGEST_LIST = 8
ASSUMED = {"integer": (Decimal(-1_000), Decimal(1_000_000)), "decimal": (Decimal(-1_000), Decimal(1_000_000_000))}
ASSUMED_PLACES = 6


class Codes:
    """One whole number per distinct text; 0 is the empty one. Other texts of the world are the numbers not given."""

    def __init__(self) -> None:
        self._codes: dict[str, int] = {"": 0}
        self._texts: dict[int, str] = {0: ""}

    def of(self, text: str) -> int:
        """The text's code."""
        if text not in self._codes:
            code = next(number for number in count(len(self._codes)) if number not in self._texts)
            self._codes[text], self._texts[code] = code, text
        return self._codes[text]

    def forked(self) -> Codes:
        """The same codes so far."""
        codes = Codes()
        codes._codes, codes._texts = dict(self._codes), dict(self._texts)
        return codes

    def text(self, code: int) -> str:
        """The text of a code; for a code that was never given, a new text."""
        if code not in self._texts:
            number = abs(code)
            text = next(one for one in (f"x{number}", *(f"x{number}-{n}" for n in range(99))) if one not in self._codes)
            self._codes[text], self._texts[code] = code, text
        return self._texts[code]

    @property
    def known(self) -> tuple[str, ...]:
        """Every text that has a code."""
        return tuple(self._codes)


@dataclass(frozen=True, slots=True)
class Leaf:
    """A variable: a value's term, a null's condition (`part` is ``none``) or a list's length (``length``)."""

    path: tuple[Any, ...]
    field: Field
    part: str
    variable: Any
    places: int = 0


@dataclass
class Symbols:
    """The variables of a translation, in order, with the constraints on them. `assume` bounds what has no bounds."""

    assume: bool
    codes: Codes = field(default_factory=Codes)
    context: Any = field(default_factory=z3.Context)
    leaves: list[Leaf] = field(default_factory=list)
    constraints: list[Any] = field(default_factory=list)
    texts: list[tuple[Field, Any]] = field(default_factory=list)
    assumed: dict[str, str] = field(default_factory=dict)
    calendars: list[tuple[Any, dict[str, Any]]] = field(default_factory=list)
    roots: dict[tuple[Any, ...], Value] = field(default_factory=dict)

    def forked(self) -> Symbols:
        """The same variables and codes so far; what is added to either from here on is not in the other."""
        return Symbols(
            self.assume, self.codes.forked(), self.context, list(self.leaves), list(self.constraints), list(self.texts),
            dict(self.assumed), list(self.calendars), dict(self.roots),
        )  # fmt: skip

    def root(self, one: Field, path: tuple[Any, ...]) -> Value:
        """The symbolic value of an input or of a step's output; the one declared first where it is asked for again."""
        if path not in self.roots:
            self.roots[path] = self.declare(one, path)
        return self.roots[path]

    def declare(self, one: Field, path: tuple[Any, ...]) -> Value:
        """The symbolic value of a field."""
        none: Any = False
        if one.nullable:
            none = self._variable(one, path, "none", boolean=True)
        nulls = () if none is False else ((none, ".".join(str(part) for part in path)),)
        return replace(self._content(one, path), none=none, nulls=nulls)

    def _content(self, one: Field, path: tuple[Any, ...]) -> Value:
        match one.type:
            case "boolean":
                return Value("bool", self._variable(one, path, "value", boolean=True))
            case "integer" | "decimal":
                return self._number(one, path)
            case "date":
                term = self._variable(one, path, "value")
                low = one.minimum.toordinal() if isinstance(one.minimum, date) else 1
                high = one.maximum.toordinal() if isinstance(one.maximum, date) else LAST_DAY
                self.constraints += [term >= low, term <= high]
                return Value("date", term)
            case "enum" | "text":
                term = self._variable(one, path, "value")
                if one.type == "enum":
                    self.constraints.append(disj(*(term == self.codes.of(value) for value in one.values)))
                else:
                    self.texts.append((one, term))
                return Value("text", term)
            case "object" if one.fields:
                rows = [(self.text(inner.name), self.declare(inner, (*path, inner.name))) for inner in one.fields]
                return Value("record", rows=tuple(rows))
            case "list" if one.items is not None and one.max_length is not None and one.max_length <= LONGEST_LIST:
                return self._list(one, path)
            case "list":
                return opaque(f"a list ({one.name}) without a max_length of at most {LONGEST_LIST}")
            case _:
                return opaque(f"a field of type {one.type} ({one.name})")

    def text(self, text: str) -> Value:
        """A constant text."""
        return Value("text", self.codes.of(text))

    def _number(self, one: Field, path: tuple[Any, ...]) -> Value:
        low, high = (bound if isinstance(bound, Decimal) else None for bound in (one.minimum, one.maximum))
        places = 0 if one.type == "integer" else MOST_DIGITS if one.places is None else one.places
        if self.assume:
            low, high, places = self._bounded(one, path, low, high, places)
        term = self._variable(one, path, "value", places=places)
        for bound, at_least in ((low, True), (high, False)):
            if bound is not None:
                edge = _edge(bound, places, at_least)
                self.constraints.append(term >= edge if at_least else term <= edge)
        limit = None
        if low is not None and high is not None:
            limit = int(max(abs(low), abs(high)) * 10**places) + 1
        elif one.type == "decimal":
            limit = 10 ** (3 * MOST_DIGITS)
        return Value("int" if one.type == "integer" else "decimal", term, places=places, limit=limit)

    def _bounded(
        self, one: Field, path: tuple[Any, ...], low: Decimal | None, high: Decimal | None, places: int
    ) -> tuple[Decimal, Decimal, int]:
        least, most = ASSUMED[one.type]
        if low is not None and high is not None and (one.type == "integer" or one.places is not None):
            return low, high, places
        first = min(least, high) if low is None and high is not None else least if low is None else low
        last = max(most, low) if high is None and low is not None else most if high is None else high
        said = f"between {first:,} and {last:,}"
        if one.type == "decimal" and one.places is None:
            places = ASSUMED_PLACES
            said += f" with at most {places} decimal places"
        self.assumed[".".join(str(part) for part in path)] = said
        return first, last, places

    def _list(self, one: Field, path: tuple[Any, ...]) -> Value:
        assert one.items is not None
        assert one.max_length is not None
        count = self._variable(one, path, "length")
        self.constraints += [count >= (one.min_length or 0), count <= one.max_length]
        slots = tuple((count > n, self.declare(one.items, (*path, n))) for n in range(one.max_length))
        return Value("list", slots=slots, prefix=True)

    def _variable(self, one: Field, path: tuple[Any, ...], part: str, *, boolean: bool = False, places: int = 0) -> Any:
        name = ".".join(str(step) for step in path) + ("" if part == "value" else f":{part}")
        variable = z3.Bool(name, self.context) if boolean else z3.Int(name, self.context)
        self.leaves.append(Leaf(path, one, part, variable, places))
        return variable

    def domain(self) -> list[Any]:
        """All constraints, with the texts that a field cannot be: call it when every literal is known."""
        extra: list[Any] = []
        for one, term in self.texts:
            if one.pattern is None and one.min_length is None and one.max_length is None:
                continue
            plain = one.model_copy(update={"nullable": False})
            extra += [term != self.codes.of(text) for text in self.codes.known if not is_valid(plain, text)]
        return [*self.constraints, *extra]

    # ---- there and back ------------------------------------------------------------------------------------------

    def bindings(self, values: Mapping[str, Any]) -> list[tuple[Any, Any]]:
        """Each variable with its Z3 value for concrete values by the first part of their path."""
        found = [(leaf.variable, self._encoded(leaf, _at(values, leaf.path))) for leaf in self.leaves]
        for term, parts in self.calendars:
            day = _number_of(z3.simplify(z3.substitute(term, *found)))
            known = date.fromordinal(min(max(day, 1), LAST_DAY))
            found += [(variable, z3.IntVal(getattr(known, name), self.context)) for name, variable in parts.items()]
        return found

    def _encoded(self, leaf: Leaf, value: Any) -> Any:
        if leaf.part == "none":
            return z3.BoolVal(value is None or value is _ABSENT, self.context)
        if leaf.field.type == "boolean":
            return z3.BoolVal(value is True, self.context)
        if value is None or value is _ABSENT:
            return z3.IntVal(0, self.context)
        if leaf.part == "length":
            return z3.IntVal(len(value), self.context)
        if leaf.field.type in ("integer", "decimal"):
            return z3.IntVal(_scaled(Decimal(value), leaf.places), self.context)
        return z3.IntVal(value.toordinal() if isinstance(value, date) else self.codes.of(value), self.context)

    def decoded(
        self, model: Any, roots: Mapping[str, Field], variables: Mapping[int, Any] | None = None
    ) -> dict[str, Any]:
        """The concrete values that a model stands for, by root name. `variables` replaces leaves by their number."""
        tree: dict[Any, Any] = {}
        nulls: set[tuple[Any, ...]] = set()
        lengths: dict[tuple[Any, ...], int] = {}
        for number, leaf in enumerate(self.leaves):
            variable = (variables or {}).get(number, leaf.variable)
            found = model.eval(variable, model_completion=True)
            if leaf.part == "none":
                if z3.is_true(found):
                    nulls.add(leaf.path)
            elif leaf.part == "length":
                lengths[leaf.path] = found.as_long()
            else:
                tree[leaf.path] = self._value(leaf, found)
        return _Built(tree, nulls, lengths).all(roots)

    def _value(self, leaf: Leaf, found: Any) -> Any:
        if leaf.field.type == "boolean":
            return z3.is_true(found)
        number = found.as_long()
        match leaf.field.type:
            case "integer":
                return number
            case "decimal":
                return _decimal(number, leaf.places)
            case "date":
                return date.fromordinal(number)
            case _:
                return self.codes.text(number)


def _number_of(term: Any) -> int:
    """The number that a term is; any number where it has none, because a division by zero has raised before."""
    return int(term.as_long()) if z3.is_int_value(term) else 1


def _decimal(number: int, places: int) -> Decimal:
    """The number as a person would write it: no zeros at the end beyond two places."""
    sign, digits = (1 if number < 0 else 0), tuple(int(digit) for digit in str(abs(number)))
    while places > 2 and len(digits) > 1 and digits[-1] == 0:
        digits, places = digits[:-1], places - 1
    return Decimal((sign, digits, -places)) if number else Decimal(0)


class _Built:
    """Nested values from leaves by path."""

    def __init__(
        self, leaves: Mapping[Any, Any], nulls: set[tuple[Any, ...]], lengths: Mapping[tuple[Any, ...], int]
    ) -> None:
        self._leaves, self._nulls, self._lengths = leaves, nulls, lengths

    def all(self, roots: Mapping[str, Field]) -> dict[str, Any]:
        return {name: self._one(one, (name,)) for name, one in roots.items()}

    def _one(self, one: Field, path: tuple[Any, ...]) -> Any:
        if path in self._nulls:
            return None
        if one.type == "object" and one.fields:
            return {inner.name: self._one(inner, (*path, inner.name)) for inner in one.fields}
        if path in self._lengths and one.items is not None:
            return [self._one(one.items, (*path, n)) for n in range(self._lengths[path])]
        if path in self._leaves:
            return self._leaves[path]
        return _plainest(one)


def _plainest(one: Field) -> Any:
    """A value of a field that has no variable: nothing in the program may ask anything of it."""
    if one.nullable:
        return None
    match one.type:
        case "list" if one.items is not None:
            return [_plainest(one.items)] * (one.min_length or 0)
        case "float":
            return float(one.minimum) if isinstance(one.minimum, Decimal) else 0.0
        case "datetime":
            return datetime(2024, 6, 14, 9, 30)
        case _:
            return {}


def _scaled(value: Decimal, places: int) -> int:
    """The value times ten to the places, exactly; ``scaleb`` would round to 28 digits."""
    sign, digits, exponent = value.as_tuple()
    assert isinstance(exponent, int)
    power = exponent + places
    term: int
    term, left = divmod(int("".join(map(str, digits))) * 10 ** max(power, 0), 10 ** max(-power, 0))
    if left:
        raise NotExpressible("a number with more decimal places than the field has")
    return -term if sign else term


_ABSENT = object()


def _at(values: Any, path: tuple[Any, ...]) -> Any:
    for part in path:
        if isinstance(part, int):
            values = values[part] if isinstance(values, list) and part < len(values) else _ABSENT
        elif isinstance(values, Mapping):
            values = values.get(part)
        else:
            return _ABSENT
    return values


def _edge(bound: Decimal, places: int, at_least: bool) -> int:
    exact = bound * 10**places
    whole = int(exact)
    if whole == exact:
        return whole
    return whole + (1 if at_least and exact > 0 else 0) - (1 if not at_least and exact < 0 else 0)


def is_valid(one: Field, value: Any) -> bool:
    """Whether a value fits a field."""
    try:
        validator((one,)).validate_python({one.name: value})
    except ValidationError:
        return False
    return True


def constant(value: Any, codes: Codes) -> Value:
    """A Python value as a symbolic one that is the same for every input. Raises NotExpressible."""
    kind = type(value)
    if value is None:
        return NONE
    if kind is bool:
        return Value("bool", value)
    if kind is int:
        return Value("int", value, limit=abs(value))
    if kind is str:
        return Value("text", codes.of(value))
    if kind in (Decimal, float):
        return _constant_number(value)
    if kind is date:
        return Value("date", value.toordinal())
    if kind in (list, tuple):
        return sequence("list" if kind is list else "tuple", [constant(item, codes) for item in value])
    if kind is dict:
        return Value("record", rows=tuple((constant(key, codes), constant(v, codes)) for key, v in value.items()))
    raise NotExpressible(f"a value of type {kind.__name__}")


def _constant_number(value: Decimal | float) -> Value:
    exact = Decimal(value)
    if not exact.is_finite():
        raise NotExpressible(f"the number {value}")
    sign, digits, exponent = exact.as_tuple()
    assert isinstance(exponent, int)
    if abs(exponent) > 1_100:
        raise NotExpressible(f"the number {value}")
    term = int("".join(map(str, digits)) or "0") * 10 ** max(exponent, 0) * (-1 if sign else 1)
    kind: Kind = "decimal" if isinstance(value, Decimal) else "float"
    return Value(kind, term, places=max(-exponent, 0), limit=abs(term))
