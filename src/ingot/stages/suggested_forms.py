"""The forms of a date that clauses name (``DD/MM/YYYY``, ``D MON YY``, ``YYYYMMDD``), as texts that have them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date

_FORM = re.compile(
    r"(?<![A-Za-z])(?:D{1,2}(?P<a>[-/. ])(?:MON|M{1,2})(?P=a)(?:YYYY|YY)|M{1,2}(?P<b>[-/. ])D{1,2}(?P=b)(?:YYYY|YY)"
    r"|YYYY(?P<c>[-/. ])M{1,2}(?P=c)D{1,2}|YYYYMMDD|DDMMYYYY|MMDDYYYY)(?![A-Za-z])"
)
_PART = re.compile("YYYY|YY|MON|M{1,2}|D{1,2}")
_PRINTED = re.compile(
    r"(?<!\d)(?:\d{1,2}[-/. ](?:\d{1,2}|[A-Za-z]{3})[-/. ]\d{2,4}|\d{4}[-/. ]\d{1,2}[-/. ]\d{1,2}|(?:19|20)\d{6})(?!\d)"
)
_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")

SHOWN = date(2019, 3, 8)
"""The day that the texts have: its parts differ, and one-digit ones show whether a form pads."""


def forms(text: str) -> tuple[str, ...]:
    """The forms of a date that a clause names, each once, in its order."""
    return tuple(dict.fromkeys(found[0] for found in _FORM.finditer(text)))


def written(form: str, day: date = SHOWN) -> str:
    """The day in the form: ``D`` and ``M`` without a leading zero, ``DD`` and ``MM`` with one, ``MON`` as letters."""
    parts = {
        "YYYY": f"{day.year:04}", "YY": f"{day.year % 100:02}", "MON": _MONTHS[day.month - 1], "MM": f"{day.month:02}",
        "M": str(day.month), "DD": f"{day.day:02}", "D": str(day.day),
    }  # fmt: skip
    return _PART.sub(lambda found: parts[found[0]], form)


def texts_with(clause: str, base: str) -> Iterator[tuple[str, str]]:
    """The base text with its dates written in each form that the clause names, and the form.

    A base without a date gets one as a line of its own.
    """
    for form in forms(clause):
        shown = written(form)
        changed, count = _PRINTED.subn(shown, base)
        yield (changed if count else f"{base}\n{shown}".lstrip("\n")), form
