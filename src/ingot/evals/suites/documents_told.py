"""What all given documents tell of a field: which labels its value has, where it stands and how it is written.

Counted by code and said in a few lines: excerpts show some documents, these lines speak for all of them.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import median

from ingot.evals.suites.documents_rows import Document
from ingot.evals.suites.documents_seen import Place, best_places
from ingot.evals.suites.documents_split import labels_of

MOST_LABELS, MOST_OTHERS = 8, 6
SHORT = 80
"""Lines up to which the number of a line says where in a document it is."""
ABOVE = 3


@dataclass(frozen=True, slots=True)
class _Seen:
    """A value where it stands: its document's text, its place, the label that is nearest to it ("" where there is none)."""

    text: str
    place: Place
    label: str


def told(documents: Sequence[Document], field: str) -> list[str]:
    """Lines for the writer of the functions; none where no value stands in its document as it is."""
    seen = [
        _Seen(one.text, place, label_at(one.text, place)) for one, place in best_places(documents, field) if place is not None
    ]  # fmt: skip
    if not seen:
        return []
    return [*_labels(documents, seen), *_lines(seen), _form(documents, seen)]


def label_at(text: str, place: Place) -> str:
    """The label of a value in small letters: the nearest cell of letters to its left, or else above it."""
    begin = text.rfind("\n", 0, place.begin) + 1
    for name in reversed(_names(text[begin : place.begin])):
        return name
    column, width = place.begin - begin, place.end - place.begin
    for line in [line for line in text[:begin].split("\n") if line.strip()][: -ABOVE - 1 : -1]:
        for cell in re.finditer(r"\S+(?: \S+)*", line):
            if cell.start() < column + width and cell.end() > column and (found := _names(cell.group())):
                return found[0]
    return ""


def _names(line: str) -> list[str]:
    """The cells of a line that are labels, from left to right."""
    return [cell for part in re.split(r"\s{2,}|[:#]", line) for cell in labels_of(part)]


def _labels(documents: Sequence[Document], seen: Sequence[_Seen]) -> Iterator[str]:
    counted = Counter(one.label for one in seen if one.label)
    having = Counter(name for one in documents for name in labels_of(one.text))
    at = [(name, count) for name, count in counted.most_common(MOST_LABELS) if count > 1 or having[name] > 1]
    if not at:
        return
    yield (
        f"In {len(seen)} given documents the value stands at these labels (times / documents that have the label): "
        + ", ".join(f"{name} {count}/{max(count, having[name])}" for name, count in at)
    )
    words = {word for name, _ in at for word in name.split() if len(word) > 2}
    ordered = sorted(having.items(), key=lambda one: (-one[1], one[0]))  # labels are a set's: in no order of their own
    others = [
        f"{name} 0/{count}"
        for name, count in ordered
        if count > 2 and name not in counted and words & set(name.split())
    ]
    if others:
        yield "and never at these: " + ", ".join(others[:MOST_OTHERS])


def _lines(seen: Sequence[_Seen]) -> Iterator[str]:
    """Which line it begins in, where documents are short and values begin in few lines."""
    if median(one.text.count("\n") for one in seen) > SHORT:
        return
    counted = Counter(
        sum(bool(line.strip()) for line in one.text[: one.place.begin].split("\n")[:-1]) + 1 for one in seen
    )
    if len(counted) * 2 > len(seen):
        return
    yield "It begins in line " + ", ".join(f"{line} ({count} times)" for line, count in counted.most_common(6))


def _form(documents: Sequence[Document], seen: Sequence[_Seen]) -> str:
    """How a value stands among what is around it, and how it begins and ends."""
    total = len(seen)
    around = [(_before(one), _after(one), one.text[one.place.begin : one.place.end]) for one in seen]
    words = sum(before[-1:].strip() == "" == after[:1].strip() for before, after, _ in around)
    lines = sum(not before.strip() and not after.strip() for before, after, _ in around)
    several = sum("\n" in value for *_, value in around)
    ends = Counter(value[-1] for *_, value in around if not value[-1].isalnum())
    said = [
        f"Of {total} values that stand in their documents as they are, {words} are whole words (blanks or line ends around)"
    ]
    said += [f"{lines} whole lines"] if lines else []
    said += [f"{several} run over several lines, joined by one blank"] if several else []
    said += [f"{count} end with {mark!r}, as printed" for mark, count in ends.most_common(3)]
    changed = len(documents) - total
    return ", ".join(said) + (f"; {changed} more are not printed so" if changed else "") + "."


def _before(one: _Seen) -> str:
    return one.text[one.text.rfind("\n", 0, one.place.begin) + 1 : one.place.begin]


def _after(one: _Seen) -> str:
    end = one.text.find("\n", one.place.end)
    return one.text[one.place.end : len(one.text) if end < 0 else end]
