"""Decimals as a client of the protocol sends them: its packages read numbers with a point as binary fractions.

Up to 15 significant digits come through exactly, and no further: 12345678901234.567 is another number before anybody here
sees it. So a decimal whose digits may have been lost is refused, and texts take their place.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any

from ingot.fields import Field, walk

DIGITS = 15
"""Significant digits that every binary fraction of 64 bits gives back."""


def imprecise(fields: Iterable[Field], case: Mapping[str, Any]) -> list[dict[str, str]]:
    """Place and error of every decimal that came as a number which cannot be told to be exact; values are not shown."""
    error = f"a number with a point and more than {DIGITS} digits does not come through exactly; send it as a string"
    return [{"place": place, "error": error} for place in _places(fields, case)]


def takes_decimals(fields: Iterable[Field]) -> bool:
    """Whether any of the fields, or of what is in them, is a decimal."""
    return any(field.type == "decimal" for _, field in walk(fields))


def _places(fields: Iterable[Field], values: Mapping[str, Any], before: str = "") -> Iterator[str]:
    for field in fields:
        yield from _within(field, values.get(field.name), f"{before}{field.name}")


def _within(field: Field, value: Any, place: str) -> Iterator[str]:
    if field.type == "decimal" and type(value) is float and len(Decimal(repr(value)).as_tuple().digits) > DIGITS:
        yield place
    elif field.type == "list" and field.items is not None and isinstance(value, list):
        for number, item in enumerate(value):
            yield from _within(field.items, item, f"{place}.{number}")
    elif field.type == "object" and isinstance(value, Mapping):
        yield from _places(field.fields, value, f"{place}.")
