"""Values of a field: the typical one, those at its boundaries, and random ones drawn with hypothesis.

What a type allows and a spec does not bound is tried within a stated domain, so that a rule need not defend itself
against numbers that no workflow sees: integers from -1,000 to 1,000,000, decimals and floats from -1,000 to
1,000,000,000 with at most six decimal places, dates from 1900 to 2100. A spec that means more or less says so.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, time
from decimal import Context, Decimal
from typing import Any

from pydantic import ValidationError

from ingot.fields import MOST_DIGITS, Field, validator
from ingot.runtime.tagged import encode
from ingot.stages.constants import Constants
from ingot.stages.draws import DATES, INTEGERS, NUMBERS, drawn_texts

LEAP_AND_EDGES = tuple(
    date.fromisoformat(text)
    for text in ("2024-02-29", "2023-02-28", "2000-02-29", "1999-12-31", "2024-01-01", "2024-12-31", "2024-03-01")
)
TEXTS = (
    "",
    " ",
    "a",
    "A",
    "0",
    "-1",
    "12.50",
    "Straße Ünï 中文 🙂",
    "two\nlines",
    "  padded  ",
    "null",
    "1E+99999999",
    "x" * 120,
)
PLACES = ("0.01", "0.005", "-0.01", "0.000001", "999999.995", "0.10", "1E+3")
MOST = 40
_WIDE = Context(prec=2 * MOST_DIGITS)
"""More digits than a number may have: the usual 28 are fewer than a field with many places may ask for."""


def narrowed(field: Field, bounds: Iterable[Any]) -> Field:
    """The field, kept between the smallest and the largest number that it is compared with, where it has no range."""
    numbers = sorted(Decimal(str(value)) for value in bounds if type(value) in (int, float, Decimal))
    if field.type not in ("integer", "decimal", "float") or len(numbers) < 2:
        return field
    low = numbers[0] if field.minimum is None else field.minimum
    high = numbers[-1] if field.maximum is None else field.maximum
    return field.model_copy(update={"minimum": low, "maximum": high})


# ---- the typical value -------------------------------------------------------------------------------------------


def typical(field: Field) -> Any:
    """An ordinary value of the field, never null: the middle of its range, the first of its enum, one list item."""
    low, high = field.minimum, field.maximum
    match field.type:
        case "integer" | "decimal" | "float":
            return _middle(field)
        case "boolean":
            return True
        case "date":
            day = date(2024, 6, 14)
            return max(low, day) if isinstance(low, date) else min(high, day) if isinstance(high, date) else day
        case "datetime":
            return datetime(2024, 6, 14, 9, 30)
        case "enum":
            return field.values[0]
        case "list":
            return [] if field.items is None else [typical(field.items)] * _length(field, 1)
        case "object":
            return {inner.name: typical(inner) for inner in field.fields}
        case _:
            return next(iter(drawn_texts(field, 5)), "") if field.pattern else ("example" * 99)[: _length(field, 7)]


def _length(field: Field, wanted: int) -> int:
    """The length nearest to `wanted` that the field allows."""
    return max(field.min_length or 0, wanted if field.max_length is None else min(wanted, field.max_length))


def _middle(field: Field) -> Any:
    low, high = field.minimum, field.maximum
    low, high = (low if isinstance(low, Decimal) else None), (high if isinstance(high, Decimal) else None)
    if low is not None and high is not None:
        middle = (low + high) / 2
    elif low is None and high is None:
        middle = Decimal(10)
    else:
        middle = low + 10 if low is not None else (high or Decimal(0)) - 10
    if field.type == "integer":
        return int(middle)
    step = Decimal(1).scaleb(-(field.places or 0))
    return float(middle) if field.type == "float" else middle.quantize(step, context=_WIDE)


# ---- boundaries --------------------------------------------------------------------------------------------------


def boundary_values(field: Field, constants: Constants, known: Iterable[Any] = ()) -> tuple[Any, ...]:
    """Distinct valid values at the boundaries of a field; `known` values of it (from given cases) are taken up."""
    wanted = [None] if field.nullable else []
    wanted += [*_edges(field, constants), *known, *_altered(field, known)]
    check = validator([field])
    found: dict[str, Any] = {}
    for value in wanted:
        try:
            check.validate_python({field.name: value})
        except ValidationError:
            continue
        found.setdefault(encode(value), value)
        if len(found) == MOST:
            break
    return tuple(found.values()) or (typical(field),)


def _edges(field: Field, constants: Constants) -> list[Any]:
    match field.type:
        case "integer" | "decimal" | "float":
            return _number_edges(field, constants)
        case "boolean":
            return [True, False]
        case "date" | "datetime":
            return _date_edges(field, constants)
        case "enum":
            return list(field.values)
        case "list":
            return _list_edges(field, constants)
        case "object":
            return _object_edges(field, constants)
        case _:
            return _text_edges(field, constants)


def _near(field: Field, constants: Constants, *kinds: type) -> list[Any]:
    """Constants of these kinds: first those compared with the field by name, then all."""
    values = [*constants.by_name.get(field.name, ()), *constants.every[:12]]
    return [value for value in values if type(value) in kinds]


def _number_edges(field: Field, constants: Constants) -> list[Any]:
    step = Decimal(1) if field.type == "integer" else Decimal(1).scaleb(-(2 if field.places is None else field.places))
    bounds = [bound for bound in (field.minimum, field.maximum) if isinstance(bound, Decimal)]
    near = [Decimal(str(value)) for value in _near(field, constants, int, float, Decimal)]
    numbers = [*bounds, Decimal(0), Decimal(1), Decimal(-1)]
    numbers += [value + change for value in (*bounds, *near) for change in (0, step, -step)]
    low, high = (Decimal(INTEGERS[0]), Decimal(INTEGERS[1])) if field.type == "integer" else NUMBERS
    numbers += [bound for bound, own in ((low, field.minimum), (high, field.maximum)) if own is None]
    if field.type != "integer":
        numbers += [Decimal(text) for text in PLACES]
    if field.type == "integer":
        return [int(number) for number in numbers if number == int(number)]
    return [float(number) for number in numbers] if field.type == "float" else numbers


def _date_edges(field: Field, constants: Constants) -> list[Any]:
    bounds = [bound for bound in (field.minimum, field.maximum) if isinstance(bound, date)]
    near = [value.date() if isinstance(value, datetime) else value for value in _near(field, constants, date, datetime)]
    days = [
        date.fromordinal(number)
        for day in (*bounds, *near)
        for number in (day.toordinal(), day.toordinal() + 1, day.toordinal() - 1)
        if date.min.toordinal() <= number <= date.max.toordinal()
    ]
    days += [*LEAP_AND_EDGES, *DATES]
    if field.type == "date":
        return list(days)
    times = (time(0, 0), time(23, 59, 59), time(12, 0))
    return [datetime.combine(day, times[number % 3]) for number, day in enumerate(days)]


def _list_edges(field: Field, constants: Constants) -> list[Any]:
    if field.items is None:
        return [[]]
    items = list(boundary_values(field.items, constants))
    many = [items[number % len(items)] for number in range(_length(field, 12))]
    one = typical(field.items)
    rest = [one] * (_length(field, 1) - 1)
    short = [[one] * _length(field, count) for count in (0, 1, 2)]
    return [
        *short,
        many,
        *([item, *rest] for item in items),
        *([one, *rest, item][-_length(field, 2) :] for item in items),
    ]


def _object_edges(field: Field, constants: Constants) -> list[Any]:
    if not field.fields:
        return [{}, {"key": "value", "number": 1}]
    base = typical(field)
    choices = [(inner.name, boundary_values(inner, constants)) for inner in field.fields]
    longest = max(len(values) for _, values in choices)
    return [base] + [
        {**base, name: values[number]} for number in range(longest) for name, values in choices if number < len(values)
    ]


def _text_edges(field: Field, constants: Constants) -> list[Any]:
    near = _near(field, constants, str)
    longest = ["x" * length for length in (field.min_length, field.max_length) if length]
    fitting = drawn_texts(field, 12) if field.pattern else []
    return [*TEXTS[:3], *fitting, *near, *TEXTS[3:], *longest, *(value.lower() for value in near)]


def _altered(field: Field, known: Iterable[Any]) -> list[Any]:
    """Real texts made a little wrong: cut, reversed by lines, without digits, in capitals."""
    if field.type != "text":
        return []
    altered: list[str] = []
    for text in [value for value in known if isinstance(value, str)][:3]:
        altered += [text[: len(text) // 2], "\n".join(reversed(text.splitlines())), text.upper()]
        altered += ["".join(character for character in text if not character.isdigit()), text + "\n" + text]
    return altered
