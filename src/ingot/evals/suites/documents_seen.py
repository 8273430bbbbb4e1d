"""Where a field's value stands in the given documents: excerpts that a spec shows, since whole documents are too long."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from ingot.evals.suites.documents_rows import Document

SHOWN = 10
"""Excerpts in a spec."""
WHOLE = 2_000
"""Documents as long as this are not shown with the cases: a spec tells how they look."""
HEAD, TAIL, WIDTH = 28, 10, 130
LEFT, RIGHT, ABOVE, MOST_LINES = 60, 24, 2, 7


@dataclass(frozen=True, slots=True)
class Place:
    """Where a value stands: from one letter of the text to another."""

    begin: int
    end: int


def excerpts(documents: Sequence[Document], field: str, count: int = SHOWN) -> list[str]:
    """For the first `count` documents in which the field's value stands: the lines around it, and the value.

    Where it stands several times, the place is taken whose neighbours most of the documents share: a label is shared, a
    line of a table is not.
    """
    places = [
        (one, places_of(one.text, one.expected[field])) for one in documents if isinstance(one.expected[field], str)
    ]
    shared: Counter[str] = Counter()
    for one, found in places:
        shared.update({word for place in found for word in _neighbours(one.text, place)})
    shown: dict[str, None] = {}
    for one, found in places:
        if found and len(shown) < count:
            best = max(found, key=lambda place, text=one.text: _weight(text, place, shared))  # type: ignore[misc]
            shown[f"{_around(one.text, best)}\n=> {one.expected[field]}"] = None
    return list(shown)


def outline(text: str) -> str:
    """The first and last lines of a long document, runs of blanks shortened and long lines cut; "" of a short one."""
    if len(text) < WHOLE:
        return ""
    lines = [re.sub(r" {4,}", "   ", line.strip())[:WIDTH] for line in text.split("\n") if line.strip()]
    return "\n".join(lines if len(lines) <= HEAD + TAIL else [*lines[:HEAD], "[...]", *lines[-TAIL:]])


def places_of(text: str, value: str) -> list[Place]:
    """Every place where a value stands by itself, whatever the white space between its words."""
    words = value.split()
    if not words:
        return []
    pattern = r"(?<![\w.,])" + r"\s+".join(map(re.escape, words)) + r"(?![\w])(?![.,]\d)"
    return [Place(match.start(), match.end()) for match in re.finditer(pattern, text)]


def _neighbours(text: str, place: Place) -> set[str]:
    """The words to the left in the line and in the lines above it, nearest columns only, in small letters."""
    return {word.casefold() for word in re.findall(r"[A-Za-z]{3,}", _around(text, Place(place.begin, place.begin)))}


def _weight(text: str, place: Place, shared: Counter[str]) -> int:
    words = _neighbours(text, place)
    return sum(shared[word] for word in words) // max(3, len(words))


def _around(text: str, place: Place) -> str:
    """The lines of a value and those before it, cut to the columns around it."""
    begin = text.rfind("\n", 0, place.begin) + 1
    column = place.begin - begin
    before = [line for line in text[:begin].split("\n") if line.strip()][-ABOVE:]
    end = text.find("\n", place.end)
    own = text[begin : len(text) if end < 0 else end].split("\n")[:MOST_LINES]
    last = column + (place.end - place.begin if len(own) == 1 else 2 * LEFT) + RIGHT
    lines = [line[max(0, column - LEFT) : last].rstrip() for line in (*before, *own)]
    margin = min((len(line) - len(line.lstrip()) for line in lines if line.strip()), default=0)
    return "\n".join(line[margin:] for line in lines if line.strip())
