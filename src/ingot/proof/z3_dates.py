"""Years, months and days of symbolic dates, by the Gregorian calendar."""

from __future__ import annotations

from typing import Any

import z3

from ingot.proof.z3_arithmetic import LAST_DAY
from ingot.proof.z3_fields import Symbols
from ingot.proof.z3_values import choose, conj, disj, floor_div

_BEFORE = (0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334)
_LENGTHS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


def ordinal(year: Any, month: Any, day: Any) -> tuple[Any, Any]:
    """The ordinal of a date, and the condition under which there is no such date."""
    leap = conj(year % 4 == 0, disj(year % 100 != 0, year % 400 == 0))
    before, longest = _by_month(month, _BEFORE), _by_month(month, _LENGTHS)
    before = before + choose(conj(leap, month > 2), 1, 0)
    longest = longest + choose(conj(leap, month == 2), 1, 0)
    past = year - 1
    years = 365 * past + floor_div(past, 4) - floor_div(past, 100) + floor_div(past, 400)
    wrong = disj(year < 1, year > 9999, month < 1, month > 12, day < 1, day > longest)
    return years + before + day, wrong


def _by_month(month: Any, values: tuple[int, ...]) -> Any:
    found: Any = values[-1]
    for number in range(11, 0, -1):
        found = choose(month == number, values[number - 1], found)
    return found


def calendar(symbols: Symbols, term: Any) -> dict[str, Any]:
    """Year, month and day of an ordinal: new variables that the ordinal determines."""
    if isinstance(term, int):
        from datetime import date

        day = date.fromordinal(min(max(term, 1), LAST_DAY))  # a date outside has raised before its year is asked for
        return {"year": day.year, "month": day.month, "day": day.day}
    for known, parts in symbols.calendars:
        if known.eq(term):
            return parts
    number = len(symbols.calendars)
    parts = {name: z3.Int(f"calendar:{number}:{name}", symbols.context) for name in ("year", "month", "day")}
    found, wrong = ordinal(parts["year"], parts["month"], parts["day"])
    symbols.calendars.append((term, parts))
    outside = z3.Or(term < 1, term > LAST_DAY)  # such a date has raised before anybody asks for its year
    symbols.constraints.append(z3.Or(outside, z3.And(z3.Not(wrong), found == term)))
    return parts
