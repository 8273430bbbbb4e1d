"""Arithmetic on symbolic values: exact as Python's own, or refused.

Each operation returns the value and the condition under which Python raises instead, with the exception's name.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

from ingot.proof.z3_values import (
    EXACT,
    NUMERIC,
    NotExpressible,
    Value,
    choose,
    conj,
    disj,
    floor_div,
    joined_kind,
    length,
    limit_at,
    negate,
    number,
    opaque,
    scaled,
    truncated,
)

Raises = tuple[Any, str]
"""The condition under which an operation raises, and what."""

DAYS, LAST_DAY = 999_999_999, 3_652_059
"""The longest timedelta, and the ordinal of 9999-12-31."""


def binary(operator: ast.operator, left: Value, right: Value) -> tuple[Value, list[Raises]]:
    """``left operator right``. Raises NotExpressible."""
    for one in (left, right):
        if one.kind == "opaque":
            raise NotExpressible(str(one.term))
    nulls: Raises = (disj(left.none, right.none), "TypeError")
    if left.kind in NUMERIC and right.kind in NUMERIC:
        value, raises = _numbers(operator, number(left), number(right))
    elif "none" in (left.kind, right.kind):
        return opaque("arithmetic with None"), [(True, "TypeError")]
    elif {left.kind, right.kind} & {"date", "days"}:
        value, raises = _dates(operator, left, right)
    elif isinstance(operator, ast.Add) and left.kind == right.kind == "text":
        value, raises = opaque("a text that is put together"), []
    elif isinstance(operator, ast.Add) and left.kind == right.kind and left.kind in ("list", "tuple"):
        fixed = left.prefix and all(there is True for there, _ in left.slots)
        value, raises = Value(left.kind, slots=(*left.slots, *right.slots), prefix=fixed and right.prefix), []
    else:
        raise NotExpressible(f"{type(operator).__name__} of {left.kind} and {right.kind}")
    return replace(value, none=False), [nulls, *raises]


def _numbers(operator: ast.operator, left: Value, right: Value) -> tuple[Value, list[Raises]]:
    if "float" in (left.kind, right.kind):
        raise NotExpressible("arithmetic in binary floating point")
    kind = "decimal" if "decimal" in (left.kind, right.kind) else joined_kind(left.kind, right.kind)
    match operator:
        case ast.Add() | ast.Sub():
            places = max(left.places, right.places)
            first, second = scaled(left, places), scaled(right, places)
            bounds = limit_at(left, places), limit_at(right, places)
            limit = None if bounds[0] is None or bounds[1] is None else bounds[0] + bounds[1]
            term = first + second if isinstance(operator, ast.Add) else first - second
            return exact(Value(kind, term, places=places, limit=limit)), []
        case ast.Mult():
            limit = None if left.limit is None or right.limit is None else left.limit * right.limit
            return exact(Value(kind, left.term * right.term, places=left.places + right.places, limit=limit)), []
        case ast.Div():
            return _divided(left, right)
        case ast.FloorDiv() | ast.Mod() if kind == "int":
            return _floored(operator, left, right)
        case ast.Pow() if isinstance(right.term, int) and 0 <= right.term <= 4 and right.kind == "int":
            return _powered(left, right.term)
        case _:
            raise NotExpressible(f"{type(operator).__name__} of {left.kind} and {right.kind}")


def _powered(base: Value, exponent: int) -> tuple[Value, list[Raises]]:
    if exponent == 0 and base.kind == "number":
        raise NotExpressible("zero to the power of zero of what may be a decimal or a whole number")
    value = Value(base.kind, 1, limit=1)
    for _ in range(exponent):
        value, _none = _numbers(ast.Mult(), value, base)
    undefined = exponent == 0 and base.kind == "decimal"  # a whole number gives 1
    return value, [(base.term == 0, "InvalidOperation")] if undefined else []


def exact(value: Value) -> Value:
    """The value, refused where decimal arithmetic might have rounded it to 28 digits."""
    if value.kind == "int" or (value.limit is not None and value.limit < EXACT):
        return value
    raise NotExpressible("decimal arithmetic that may need more than 28 digits", needs_bounds=True)


def _divided(left: Value, right: Value) -> tuple[Value, list[Raises]]:
    """A decimal over a constant such as 100 or 8, whose quotients end."""
    if not isinstance(right.term, int):
        raise NotExpressible("division by something that is not constant: it rounds to 28 digits")
    if right.term == 0:
        return opaque("a division by zero"), [(True, "ZeroDivisionError")]
    if left.kind not in ("decimal", "number") and right.kind != "decimal":
        raise NotExpressible("a division of whole numbers, which gives binary floating point")
    if left.kind == "number" and right.kind != "decimal":
        raise NotExpressible("a division of whole numbers, which gives binary floating point")
    divisor, power = abs(right.term), 0
    while 10**power % divisor and power < 28:
        power += 1
    if 10**power % divisor:
        raise NotExpressible(f"a division by {Decimal(right.term).scaleb(-right.places)}, whose quotients do not end")
    factor = (10**power // divisor) * 10**right.places * (1 if right.term > 0 else -1)
    limit = None if left.limit is None else left.limit * abs(factor)
    return exact(Value("decimal", left.term * factor, places=left.places + power, limit=limit)), []


def _floored(operator: ast.operator, left: Value, right: Value) -> tuple[Value, list[Raises]]:
    """``//`` and ``%`` of whole numbers; Z3's division floors for positive divisors."""
    first, second = left.term, right.term
    raises: list[Raises] = [(second == 0, "ZeroDivisionError")]
    if isinstance(second, int):
        if second == 0:
            return opaque("a division by zero"), [(True, "ZeroDivisionError")]
        quotient = floor_div(first, second) if second > 0 else floor_div(-first, -second)
    else:
        quotient = choose(second > 0, first / second, (-first) / (-second))
    if isinstance(operator, ast.FloorDiv):
        return Value("int", quotient, limit=left.limit), raises
    return Value("int", first - second * quotient, limit=right.limit), raises


def _dates(operator: ast.operator, left: Value, right: Value) -> tuple[Value, list[Raises]]:
    adds, subtracts = isinstance(operator, ast.Add), isinstance(operator, ast.Sub)
    kinds = left.kind, right.kind
    if subtracts and kinds == ("date", "date"):
        return Value("days", left.term - right.term), []
    if (adds and kinds in (("date", "days"), ("days", "date"))) or (subtracts and kinds == ("date", "days")):
        term = left.term + right.term if adds else left.term - right.term
        return Value("date", term), [(disj(term < 1, term > LAST_DAY), "OverflowError")]
    if kinds == ("days", "days") and (adds or subtracts):
        return days(left.term + right.term if adds else left.term - right.term)
    if isinstance(operator, ast.Mult) and set(kinds) <= {"days", "int", "bool"}:
        return days(number(left).term * number(right).term)
    raise NotExpressible(f"{type(operator).__name__} of {left.kind} and {right.kind}")


def days(term: Any) -> tuple[Value, list[Raises]]:
    """A timedelta of whole days."""
    return Value("days", term), [(disj(term < -DAYS, term > DAYS), "OverflowError")]


def negative(value: Value) -> tuple[Value, list[Raises]]:
    """``-value``."""
    value = number(value)
    raises: list[Raises] = [(value.none, "TypeError")]
    if value.kind == "days":
        changed, more = days(-value.term)
        return changed, [*raises, *more]
    if value.kind == "float":
        return replace(value, term=-value.term), raises
    if value.kind not in ("int", "decimal", "number"):
        raise NotExpressible(f"the negative of {value.kind}")
    return exact(replace(value, term=-value.term, none=False)), raises


def absolute(value: Value) -> tuple[Value, list[Raises]]:
    """``abs(value)``."""
    value = number(value)
    raises: list[Raises] = [(value.none, "TypeError")]
    if value.kind == "days":
        return Value("days", choose(value.term >= 0, value.term, -value.term)), raises
    if value.kind not in ("int", "decimal", "number"):
        raise NotExpressible(f"abs of {value.kind}")
    term = choose(value.term >= 0, value.term, -value.term)
    return exact(replace(value, term=term, none=False)), raises


# ---- rounding ----------------------------------------------------------------------------------------------------


def _half_up(term: Any, step: int) -> Any:
    """To the nearest multiple of a step, halves away from zero; the quotient."""
    return choose(term >= 0, floor_div(2 * term + step, 2 * step), -floor_div(-2 * term + step, 2 * step))


def _half_down(term: Any, step: int) -> Any:
    return choose(term >= 0, -floor_div(step - 2 * term, 2 * step), floor_div(2 * term + step, 2 * step))


def _half_even(term: Any, step: int) -> Any:
    low = floor_div(term, step)
    twice = 2 * (term - low * step)
    tie = choose(low - 2 * floor_div(low, 2) == 0, low, low + 1)
    return choose(twice < step, low, choose(twice > step, low + 1, tie))


def _away(term: Any, step: int) -> Any:
    return choose(term >= 0, -floor_div(-term, step), floor_div(term, step))


ROUNDINGS: dict[str, Callable[[Any, int], Any]] = {
    "ROUND_HALF_UP": _half_up, "ROUND_HALF_EVEN": _half_even, "ROUND_HALF_DOWN": _half_down, "ROUND_UP": _away,
    "ROUND_FLOOR": floor_div, "ROUND_CEILING": lambda term, step: -floor_div(-term, step), "ROUND_DOWN": truncated,
}  # fmt: skip


def quantized(value: Value, places: int, rounding: str) -> tuple[Value, list[Raises]]:
    """``value.quantize(...)`` to a number of places, negative ones being tens and hundreds."""
    if value.kind != "decimal":
        raise NotExpressible(f"quantize of {value.kind}")
    if rounding not in ROUNDINGS:
        raise NotExpressible("quantize without a rounding that is written out")
    if places >= value.places:
        term, limit = scaled(value, places), limit_at(value, places)
    else:
        step: int = 10 ** (value.places - places)
        term = ROUNDINGS[rounding](value.term, step)
        limit = None if value.limit is None else value.limit // step + 1
    if places < 0 and limit is not None:
        factor: int = 10**-places
        term, limit, places = term * factor, limit * factor, 0
    changed = Value("decimal", term, places=places, limit=limit)
    return exact(changed), [(value.none, "AttributeError")]


def whole(value: Value, rounding: str) -> tuple[Value, list[Raises]]:
    """``int(value)``, ``math.floor(value)`` and ``math.ceil(value)``."""
    value = number(value)
    if value.kind not in ("int", "decimal", "number"):
        raise NotExpressible(f"a whole number of {value.kind}")
    step: int = 10**value.places
    term = ROUNDINGS[rounding](value.term, step)
    limit = None if value.limit is None else value.limit // step + 1
    return Value("int", term, limit=limit), [(value.none, "TypeError")]


def smallest(values: list[tuple[Any, Value]], largest: bool) -> tuple[Value, list[Raises]]:
    """``min`` or ``max`` of items, each with the condition under which it is there."""
    from ingot.proof.z3_values import below, merge

    best: Value | None = None
    found: Any = False
    raises: list[Raises] = []
    for there, value in values:
        if best is None:
            best, found = value, there
            continue
        better, wrong = below(best, value, False) if largest else below(value, best, False)
        raises.append((conj(found, there, wrong), "TypeError"))
        best = merge(conj(there, disj(negate(found), better)), value, best)
        found = disj(found, there)
    raises.append((negate(found), "ValueError"))
    return best or opaque("the smallest of nothing"), raises


def total(value: Value, start: Value) -> tuple[Value, list[Raises]]:
    """``sum`` of a sequence of numbers."""
    raises: list[Raises] = []
    so_far = start
    for there, item in value.slots:
        added, wrong = binary(ast.Add(), so_far, item)
        raises += [(conj(there, condition), name) for condition, name in wrong]
        from ingot.proof.z3_values import merge

        so_far = merge(there, added, so_far)
    return so_far, raises


def size(value: Value) -> tuple[Value, list[Raises]]:
    """``len`` of a sequence or a table."""
    raises: list[Raises] = [(value.none, "TypeError")]
    if value.kind == "record":
        return Value("int", len(value.rows), limit=len(value.rows)), raises
    if value.kind in ("list", "tuple"):
        return Value("int", length(value), limit=len(value.slots)), raises
    raise NotExpressible(f"len of {value.kind}")
