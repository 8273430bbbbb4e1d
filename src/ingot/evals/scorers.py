"""Scorers of what was read off documents. Pure and deterministic; none is a model.

exact           the texts are the same, blanks at the ends aside
normalised      the same value: letter case, punctuation and the way that a date or an amount is written aside
anls            how alike two texts are, 0 at one half and below (Biten et al. 2019)
same_text       the same words in the same letters, only the white space between them aside
line_items      F1 over the cells of lists of line items, paired as well as they can be
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from ingot.plain import plain_text
from ingot.stages.scorers import read_amount

Kind = Literal["text", "amount", "date"]
"""How a value is written: an amount and a date are the same however they are written."""

ANLS_FROM = 0.5
"""The threshold of ANLS: a text that is not more alike scores 0."""

_DAYS = (
    "%d/%m/%Y", "%d-%m-%Y", "%d.%m.%Y", "%d/%m/%y", "%d-%m-%y", "%d.%m.%y", "%Y-%m-%d", "%Y/%m/%d", "%Y%m%d", "%d %b %Y",
    "%d %B %Y", "%d-%b-%Y", "%d-%b-%y", "%d %b %y", "%d%b%Y", "%b %d %Y", "%B %d %Y",
)  # fmt: skip
_MONTHS_FIRST = {"%d/%m/%Y": "%m/%d/%Y", "%d-%m-%Y": "%m-%d-%Y", "%d/%m/%y": "%m/%d/%y", "%d-%m-%y": "%m-%d-%y"}


def exact(found: Any, expected: Any) -> float:
    """1 where the texts are the same, blanks at the ends aside; values that are no texts where they are equal.

    Source: the exact-match rate of SROIE's task 3 (Huang et al. 2019).
    """
    if isinstance(found, str) and isinstance(expected, str):
        return float(found.strip() == expected.strip())
    return float(type(found) is type(expected) and found == expected)


def same_text(found: Any, expected: Any) -> float:
    """1 where the words are the same in the same letters, runs of white space made one blank.

    Source: DocILE's ``same_text`` condition (Šimsa et al. 2023), to which a place on the page would be added.
    """
    if isinstance(found, str) and isinstance(expected, str):
        return float(found.split() == expected.split())
    return exact(found, expected)


def normalised(found: Any, expected: Any, kind: Kind = "text", *, month_first: bool = False) -> float:
    """1 where the values are the same once normalised: dates as days, amounts as numbers, texts case-folded (NFKC) with
    everything but letters and digits left out, as they stand where they have none. A date or amount that cannot be read is
    compared as a text.

    Source: the type-aware matching of VRDU (Wang et al. 2023), here with equality in place of its fuzzy match.
    """
    if not isinstance(found, str) or not isinstance(expected, str):
        return exact(found, expected)
    return float(_plain(found, kind, month_first) == _plain(expected, kind, month_first))


def anls(found: Any, expected: Any) -> float:
    """Average normalised Levenshtein similarity of one pair: ``1 - d / max(len)`` where that is more than 0.5, else 0, with
    ``d`` the edit distance of the case-folded texts, ends stripped; 1 for two empty texts.

    Source: Biten et al. 2019, "Scene text visual question answering", threshold τ = 0.5.
    """
    if not isinstance(found, str) or not isinstance(expected, str):
        return exact(found, expected)
    one, two = found.strip().casefold(), expected.strip().casefold()
    if not one and not two:
        return 1.0
    alike = 1 - edit_distance(one, two) / max(len(one), len(two))
    return alike if alike > ANLS_FROM else 0.0


def edit_distance(one: str, two: str) -> int:
    """Insertions, deletions and replacements of a letter that make one text the other (Levenshtein 1966)."""
    before = list(range(len(two) + 1))
    for row, left in enumerate(one, start=1):
        now = [row]
        for column, right in enumerate(two, start=1):
            now.append(min(before[column] + 1, now[-1] + 1, before[column - 1] + (left != right)))
        before = now
    return before[-1]


@dataclass(frozen=True, slots=True)
class Cells:
    """Cells of line items: right ones, and those found and expected in all."""

    right: int
    found: int
    expected: int

    @property
    def f1(self) -> float:
        """``2 right / (found + expected)``; 1 where there is nothing to find and nothing was found."""
        return 2 * self.right / (self.found + self.expected) if self.found + self.expected else 1.0

    def __add__(self, other: Cells) -> Cells:
        return Cells(self.right + other.right, self.found + other.found, self.expected + other.expected)


def line_items(
    found: Any, expected: Any, kinds: Mapping[str, Kind] | None = None, *, month_first: bool = False
) -> Cells:
    """Cells of two lists of line items (objects of column to text). A cell is right where `normalised` says so, in the item
    that its own is paired with, dates read with the month first where that is said; items are paired one to one so that
    most cells are right (optimal, Kuhn 1955), empty cells are none. Micro-F1 over documents is the F1 of the sum.

    Source: the line-item recognition of DocILE (Šimsa et al. 2023), with texts in place of places on the page.
    """
    ours, theirs = (_rows(found), _rows(expected))
    kinds = kinds or {}
    alike = [[_right_cells(one, two, kinds, month_first) for two in theirs] for one in ours]
    pairs = assignment(alike)
    right = sum(alike[row][column] for row, column in pairs)
    return Cells(right, sum(map(len, ours)), sum(map(len, theirs)))


def assignment(gain: Sequence[Sequence[int]]) -> list[tuple[int, int]]:
    """Rows and columns paired one to one with the greatest sum of `gain` (the Hungarian method, cubic time); pairs
    without gain are left out."""
    if not gain or not gain[0]:
        return []
    if len(gain) > len(gain[0]):
        turned = [[row[column] for row in gain] for column in range(len(gain[0]))]
        return sorted((row, column) for column, row in assignment(turned))
    columns = len(gain[0])
    of_column = _hungarian([[-value for value in row] for row in gain], columns)
    return sorted((row, column) for column, row in of_column.items() if gain[row][column] > 0)


def _hungarian(cost: Sequence[Sequence[int]], columns: int) -> dict[int, int]:
    """Column to row of the cheapest pairing of every row, by augmenting paths with potentials. Rows <= columns."""
    rows = len(cost)
    left, right = [0] * (rows + 1), [0] * (columns + 1)
    owner = [0] * (columns + 1)
    for row in range(1, rows + 1):
        _augment(row, cost, left, right, owner)
    return {column - 1: owner[column] - 1 for column in range(1, columns + 1) if owner[column]}


def _augment(row: int, cost: Sequence[Sequence[int]], left: list[int], right: list[int], owner: list[int]) -> None:
    columns = len(right) - 1
    owner[0], at = row, 0
    least: list[float] = [float("inf")] * (columns + 1)
    way, seen = [0] * (columns + 1), [False] * (columns + 1)
    while owner[at]:
        seen[at] = True
        own, best, following = owner[at], float("inf"), 0
        for column in range(1, columns + 1):
            if seen[column]:
                continue
            reduced = cost[own - 1][column - 1] - left[own] - right[column]
            if reduced < least[column]:
                least[column], way[column] = reduced, at
            if least[column] < best:
                best, following = least[column], column
        for column in range(columns + 1):
            if seen[column]:
                left[owner[column]] += int(best)
                right[column] -= int(best)
            else:
                least[column] -= best
        at = following
    while at:
        owner[at] = owner[way[at]]
        at = way[at]


def _rows(value: Any) -> list[dict[str, str]]:
    rows = value if isinstance(value, list | tuple) else []
    return [
        {name: str(cell) for name, cell in row.items() if cell not in (None, "")}
        for row in rows
        if isinstance(row, Mapping)
    ]


def _right_cells(one: Mapping[str, str], two: Mapping[str, str], kinds: Mapping[str, Kind], month_first: bool) -> int:
    """How many cells of a row have the value of the same column in the other."""
    both = [(value, two[name], kinds.get(name, "text")) for name, value in one.items() if name in two]
    return sum(normalised(found, wanted, kind, month_first=month_first) == 1 for found, wanted, kind in both)


def _plain(text: str, kind: Kind, month_first: bool) -> str:
    if kind == "date" and (day := _day(text.casefold(), month_first)):
        return day
    if kind == "amount" and (amount := read_amount(text)) is not None:
        return format(amount.normalize(), "f")
    return plain_text(text) or text.strip()  # "$" is not "€", though neither has a letter


def _day(text: str, month_first: bool) -> str:
    """A date as ISO text, "" where none can be read."""
    clean = text.replace(",", " ").strip(" .")
    for form in _DAYS:
        tried = _MONTHS_FIRST.get(form, form) if month_first else form
        try:
            return datetime.strptime(" ".join(clean.split()), tried).date().isoformat()
        except ValueError:
            continue
    return ""
