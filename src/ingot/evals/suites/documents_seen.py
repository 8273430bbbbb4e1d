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
LEFT, RIGHT, ABOVE, BELOW, MOST_LINES = 60, 24, 2, 1, 7


@dataclass(frozen=True, slots=True)
class Place:
    """Where a value stands: from one letter of the text to another."""

    begin: int
    end: int


def excerpts(documents: Sequence[Document], field: str, count: int = SHOWN) -> list[str]:
    """For `count` documents in which the field's value stands: the lines around it, and the value. Those whose surroundings
    have most words that none before had are taken first, so that what is shown differs."""
    left = [
        (f"{_around(one.text, place)}\n=> {one.expected[field]}", _neighbours(one.text, place))
        for one, place in best_places(documents, field)
        if place is not None
    ]
    shown: list[str] = []
    known: set[str] = set()
    while left and len(shown) < count:
        best = max(left, key=lambda one: len(one[1] - known))
        left = [one for one in left if one[0] != best[0]]
        shown.append(best[0])
        known |= best[1]
    return shown


def best_places(documents: Sequence[Document], field: str) -> list[tuple[Document, Place | None]]:
    """Each document with the place of the field's value; None where it stands nowhere, or is no text.

    Where it stands several times, the place is taken whose neighbours most of the documents share: a label is shared, a
    line of a table is not.
    """
    places = [
        (one, places_of(one.text, one.expected[field]) if isinstance(one.expected[field], str) else []) for one in documents
    ]  # fmt: skip
    shared: Counter[str] = Counter()
    for one, found in places:
        shared.update({word for place in found for word in _neighbours(one.text, place)})
    return [
        (one, max(found, key=lambda place, text=one.text: _weight(text, place, shared)) if found else None)  # type: ignore[misc]
        for one, found in places
    ]


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
    return {word.casefold() for word in re.findall(r"[A-Za-z]{3,}", _around(text, Place(place.begin, place.begin), 0))}


def _weight(text: str, place: Place, shared: Counter[str]) -> int:
    words = _neighbours(text, place)
    return sum(shared[word] for word in words) // max(3, len(words))


def _around(text: str, place: Place, below: int = BELOW) -> str:
    """The lines of a value, those before it and `below` after it, cut to the columns around it."""
    begin = text.rfind("\n", 0, place.begin) + 1
    column = place.begin - begin
    before = [line for line in text[:begin].split("\n") if line.strip()][-ABOVE:]
    end = text.find("\n", place.end)
    own = text[begin : len(text) if end < 0 else end].split("\n")[:MOST_LINES]
    after = [] if end < 0 else [line for line in text[end:].split("\n") if line.strip()][:below]
    last = column + (place.end - place.begin if len(own) == 1 else 2 * LEFT) + RIGHT
    lines = [line[max(0, column - LEFT) : last].rstrip() for line in (*before, *own, *after)]
    margin = min((len(line) - len(line.lstrip()) for line in lines if line.strip()), default=0)
    return "\n".join(line[margin:] for line in lines if line.strip())
