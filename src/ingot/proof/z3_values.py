"""Symbolic Python values: what an expression may be, for every input at once.

A value is a Z3 term, or a plain Python number where it is the same for every input. Numbers are integers scaled by a
power of ten (`places`), so that decimal arithmetic is exact; texts are integers too, one per distinct text; dates are
ordinals. `none` is the condition under which the value is None. Whatever has no exact form here is refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import z3

Kind = Literal[
    "bool",
    "int",
    "decimal",
    "number",
    "float",
    "text",
    "date",
    "days",
    "none",
    "record",
    "list",
    "tuple",
    "set",
    "opaque",
    "unbound",
]
NUMERIC = frozenset({"bool", "int", "decimal", "number", "float"})
EXACT = 10**28
"""Decimal arithmetic rounds to 28 digits; a scaled number below this is never rounded."""


class NotExpressible(Exception):
    """A construct that has no exact translation; `line` counts in ``logic.py``. `needs_bounds` says that ranges and
    places of the inputs would make it expressible."""

    def __init__(self, construct: str, line: int | None = None, needs_bounds: bool = False) -> None:
        self.construct, self.line, self.needs_bounds = construct, line, needs_bounds
        super().__init__(construct)

    def __str__(self) -> str:
        return self.construct if self.line is None else f"{self.construct} (line {self.line})"


@dataclass(frozen=True, slots=True)
class Value:
    """One symbolic value.

    `term` is a bool or Z3 Bool for ``bool``; an int or Z3 Int for numbers (times ``10**places``), texts (their code),
    dates (ordinal) and days; for ``opaque`` the reason why nothing may be asked of it, for ``unbound`` (a variable
    that may have no value here) the reason why it may not even be read. `limit` bounds the absolute value of the
    term, None where nothing does. `rows` are a record's keys and values; `slots` a sequence's items, each with the
    condition under which it is there; `prefix` says that no item follows an absent one. `nulls` names the
    inputs that the value may be, each with the condition under which that input is null and is the value.
    """

    kind: Kind
    term: Any = None
    none: Any = False
    places: int = 0
    limit: int | None = None
    rows: tuple[tuple[Value, Value], ...] = ()
    slots: tuple[tuple[Any, Value], ...] = ()
    prefix: bool = False
    nulls: tuple[tuple[Any, str], ...] = ()


NONE = Value("none", None, True)


def opaque(reason: str, none: Any = False) -> Value:
    """A value that may be carried and returned, but of which nothing is known."""
    return Value("opaque", reason, none)


# ---- conditions --------------------------------------------------------------------------------------------------


def conj(*parts: Any) -> Any:
    """All of them, folded where they are constant."""
    kept = [part for part in parts if part is not True]
    if any(part is False for part in kept):
        return False
    return True if not kept else kept[0] if len(kept) == 1 else z3.And(*kept)


def disj(*parts: Any) -> Any:
    """Any of them, folded where they are constant."""
    kept = [part for part in parts if part is not False]
    if any(part is True for part in kept):
        return True
    return False if not kept else kept[0] if len(kept) == 1 else z3.Or(*kept)


def negate(part: Any) -> Any:
    """The opposite condition."""
    return (not part) if isinstance(part, bool) else z3.Not(part)


def choose(condition: Any, yes: Any, no: Any) -> Any:
    """`yes` where the condition holds, else `no`: for numbers and conditions."""
    if isinstance(condition, bool):
        return yes if condition else no
    if yes is no or (not z3.is_expr(yes) and not z3.is_expr(no) and yes == no):
        return yes
    if isinstance(yes, bool):
        return disj(condition, no) if yes else conj(negate(condition), no)
    if isinstance(no, bool):
        return disj(negate(condition), yes) if no else conj(condition, yes)
    return z3.If(condition, yes, no)


def floor_div(number: Any, divisor: int) -> Any:
    """The floor of `number` over a positive constant."""
    assert divisor > 0
    if divisor == 1:
        return number
    return number // divisor if isinstance(number, int) else number / divisor


def truncated(number: Any, divisor: int) -> Any:
    """`number` over a positive constant, cut towards zero."""
    return choose(number >= 0, floor_div(number, divisor), -floor_div(-number, divisor))


# ---- numbers -----------------------------------------------------------------------------------------------------


def number(value: Value) -> Value:
    """A bool as the int that it also is."""
    if value.kind != "bool":
        return value
    return Value("int", choose(value.term, 1, 0), value.none, limit=1)


def scaled(value: Value, places: int) -> Any:
    """The term of a number at more decimal places."""
    factor: int = 10 ** (places - value.places)
    return value.term if factor == 1 else value.term * factor


def limit_at(value: Value, places: int) -> int | None:
    """The bound of a number's term at more decimal places."""
    return None if value.limit is None else int(value.limit * 10 ** (places - value.places))


def joined_kind(left: Kind, right: Kind) -> Kind:
    """The kind of something that is one or the other number."""
    return left if left == right else "number"


def merge(condition: Any, yes: Value, no: Value) -> Value:
    """`yes` where the condition holds, else `no`."""
    if yes is no or condition is True:
        return yes
    if condition is False:
        return no
    nulls = _merged_nulls(condition, yes, no)
    if yes.kind == "none":
        return no if no.kind == "none" else replace(no, none=choose(condition, True, no.none), nulls=nulls)
    if no.kind == "none":
        return replace(yes, none=choose(condition, yes.none, True), nulls=nulls)
    none = choose(condition, yes.none, no.none)
    merged = _merged(condition, yes, no)
    return replace(merged, none=none, nulls=nulls)


def _merged_nulls(condition: Any, yes: Value, no: Value) -> tuple[tuple[Any, str], ...]:
    found: dict[str, Any] = {}
    for here, one in ((condition, yes), (negate(condition), no)):
        for null, origin in one.nulls:
            found[origin] = disj(found.get(origin, False), conj(here, null))
    return tuple((null, origin) for origin, null in found.items() if null is not False)


def _merged(condition: Any, yes: Value, no: Value) -> Value:
    for kind in ("unbound", "opaque"):
        for one in (yes, no):
            if one.kind == kind:
                return one
    if yes.kind == no.kind == "bool":
        return Value("bool", choose(condition, yes.term, no.term))
    if {yes.kind, no.kind} <= {"int", "decimal", "number"}:
        places = max(yes.places, no.places)
        bounds = [limit_at(yes, places), limit_at(no, places)]
        limit = None if None in bounds else max(bound for bound in bounds if bound is not None)
        term = choose(condition, scaled(yes, places), scaled(no, places))
        return Value(joined_kind(yes.kind, no.kind), term, places=places, limit=limit)
    if yes.kind != no.kind or yes.kind == "float":
        return opaque(f"a value that is {yes.kind} or {no.kind}")
    if yes.kind == "set":
        return opaque("this set or that")
    if yes.kind == "record":
        return _merged_records(condition, yes, no)
    if yes.kind in ("list", "tuple"):
        return _merged_sequences(condition, yes, no)
    return Value(yes.kind, choose(condition, yes.term, no.term), limit=None)


def _merged_records(condition: Any, yes: Value, no: Value) -> Value:
    mine, theirs = ({key_of(key): (key, value) for key, value in one.rows} for one in (yes, no))
    if list(mine) != list(theirs):
        return opaque("a dict with these keys or those")
    rows = tuple((key, merge(condition, value, theirs[name][1])) for name, (key, value) in mine.items())
    return Value("record", rows=rows)


def _merged_sequences(condition: Any, yes: Value, no: Value) -> Value:
    size = max(len(yes.slots), len(no.slots))
    if yes.kind == "tuple" and len(yes.slots) != len(no.slots):
        return opaque("a tuple of this length or that")
    slots: list[tuple[Any, Value]] = []
    for number_ in range(size):
        if number_ >= len(yes.slots):
            there, value = no.slots[number_]
            slots.append((conj(negate(condition), there), value))
        elif number_ >= len(no.slots):
            there, value = yes.slots[number_]
            slots.append((conj(condition, there), value))
        else:
            (here, mine), (there, theirs) = yes.slots[number_], no.slots[number_]
            slots.append((choose(condition, here, there), merge(condition, mine, theirs)))
    return Value(yes.kind, slots=tuple(slots), prefix=yes.prefix and no.prefix)


def key_of(key: Value) -> Any:
    """A constant key as a Python value, equal where Python's keys are equal. Raises NotExpressible."""
    if key.kind in NUMERIC and isinstance(key.term, int):
        from fractions import Fraction

        return Fraction(int(key.term), 10**key.places)
    if key.kind == "tuple":
        return tuple(key_of(item) for _, item in key.slots)
    if key.kind == "none":
        return None
    if key.kind in ("text", "date") and isinstance(key.term, int):
        return (key.kind, key.term)
    raise NotExpressible(f"a dict key that is not constant ({key.kind})")


def is_constant(value: Value) -> bool:
    """Whether it is the same number for every input."""
    return isinstance(value.term, int) and value.none is False


# ---- comparisons -------------------------------------------------------------------------------------------------


def equal(left: Value, right: Value) -> Any:
    """The condition under which Python finds them equal. Raises NotExpressible."""
    return disj(
        conj(left.none, right.none),
        conj(negate(left.none), negate(right.none), _equal_content(left, right)),
    )


def _equal_content(left: Value, right: Value) -> Any:
    if "none" in (left.kind, right.kind):
        return False
    for one in (left, right):
        if one.kind == "opaque":
            raise NotExpressible(str(one.term))
    if left.kind == right.kind == "bool":
        return same(left.term, right.term)
    if left.kind in NUMERIC and right.kind in NUMERIC:
        first, second = aligned(left, right)
        return first == second
    if left.kind != right.kind:
        return False
    if left.kind == "set":
        raise NotExpressible("a comparison of sets")
    if left.kind in ("tuple", "list"):
        return _equal_sequences(left, right)
    if left.kind == "record":
        return _equal_records(left, right)
    return left.term == right.term


def _equal_sequences(left: Value, right: Value) -> Any:
    if any(there is not True for there, _ in (*left.slots, *right.slots)):
        return _equal_varying(left, right)
    if len(left.slots) != len(right.slots):
        return False
    return conj(*(equal(mine, theirs) for (_, mine), (_, theirs) in zip(left.slots, right.slots, strict=True)))


def _equal_varying(left: Value, right: Value) -> Any:
    """Lists of varying length whose absent items are all at the end: there are as many, and each equals its like."""
    if not (left.prefix and right.prefix):
        raise NotExpressible("a comparison of lists of varying length")
    parts: list[Any] = []
    for number in range(max(len(left.slots), len(right.slots))):
        here, mine = left.slots[number] if number < len(left.slots) else (False, NONE)
        there, theirs = right.slots[number] if number < len(right.slots) else (False, NONE)
        parts.append(same(here, there))
        if here is not False and there is not False:
            parts.append(disj(negate(here), negate(there), equal(mine, theirs)))
    return conj(*parts)


def _equal_records(left: Value, right: Value) -> Any:
    mine, theirs = ({key_of(key): value for key, value in one.rows} for one in (left, right))
    if set(mine) != set(theirs):
        return False
    return conj(*(equal(mine[key], theirs[key]) for key in mine))


def same(left: Any, right: Any) -> Any:
    """Whether two conditions agree."""
    if isinstance(left, bool) and isinstance(right, bool):
        return left == right
    if isinstance(left, bool) or isinstance(right, bool):
        fixed, other = (left, right) if isinstance(left, bool) else (right, left)
        return other if fixed else negate(other)
    return left == right


def aligned(left: Value, right: Value) -> tuple[Any, Any]:
    """The terms of two numbers at the same decimal places."""
    left, right = number(left), number(right)
    places = max(left.places, right.places)
    return scaled(left, places), scaled(right, places)


def below(left: Value, right: Value, or_equal: bool) -> tuple[Any, Any]:
    """``left < right`` or ``left <= right``, and the condition under which Python raises instead."""
    for one in (left, right):
        if one.kind == "opaque":
            raise NotExpressible(str(one.term))
    raises = disj(left.none, right.none)
    if left.kind in NUMERIC and right.kind in NUMERIC:
        first, second = aligned(left, right)
    elif left.kind == right.kind and left.kind in ("date", "days"):
        first, second = left.term, right.term
    elif "none" in (left.kind, right.kind):
        return False, True
    elif left.kind == right.kind:
        raise NotExpressible(f"an ordering of {left.kind} values")
    else:
        return False, True
    return (first <= second if or_equal else first < second), raises


def truth(value: Value) -> Any:
    """Python's truth of a value: None and zero and the empty are false. The code of the empty text is 0."""
    if value.kind == "opaque":
        raise NotExpressible(str(value.term))
    if value.kind == "none":
        return False
    if value.kind == "bool":
        full = value.term
    elif value.kind == "date":
        full = True
    elif value.kind == "record":
        full = bool(value.rows)
    elif value.kind in ("list", "tuple", "set"):
        full = disj(*(there for there, _ in value.slots))
    else:
        full = value.term != 0
    return conj(negate(value.none), full)


# ---- sequences ---------------------------------------------------------------------------------------------------


def sequence(kind: Literal["list", "tuple"], items: Sequence[Value]) -> Value:
    """A list or tuple whose items are all there."""
    return Value(kind, slots=tuple((True, item) for item in items), prefix=True)


def length(value: Value) -> Any:
    """How many items are there."""
    fixed = sum(1 for there, _ in value.slots if there is True)
    counted = [choose(there, 1, 0) for there, _ in value.slots if not isinstance(there, bool)]
    return fixed + sum(counted) if counted else fixed
