"""Which documents may be learnt from, which calibrate, and which are scored."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import cycle

from ingot.errors import InputError
from ingot.evals.suite import split
from ingot.evals.suites.documents_rows import Document

LABEL = re.compile(r"[A-Za-z][A-Za-z /&.'-]{2,29}")
SEEN_IN = 3
"""A label that fewer documents have is a name or a remark."""
ALIKE = 0.5
"""Documents that share half of their labels are of one template."""


@dataclass(frozen=True, slots=True)
class Parts:
    """Documents given (shown and tried), held out for gates and calibration, and scored. `said` tells how they were parted."""

    given: tuple[Document, ...]
    held_out: tuple[Document, ...]
    scored: tuple[Document, ...]
    said: str


def at_random(documents: Sequence[Document], given: int, held_out: int, seed: int = 0) -> Parts:
    """So many given and held out, drawn with `seed`, the rest scored. Raises InputError where none would be left."""
    shown, kept, rest = split(documents, given, held_out, seed=seed)
    said = f"{given} given and {held_out} held out at random (seed {seed}), the rest scored"
    return Parts(tuple(shown), tuple(kept), tuple(rest), said)


def by_template(documents: Sequence[Document]) -> Parts:
    """Whole templates, dealt from the largest to the smallest to scored, given and held out in turn: no scored document and
    no held-out one is of a template that another part has.

    Raises InputError where there are fewer than three templates.
    """
    groups = templates(documents)
    if len(groups) < 3:
        raise InputError(
            f"the documents are of {len(groups)} templates",
            hint="3 are needed: one each to learn, to calibrate, to score",
        )
    dealt: dict[str, list[Document]] = {"scored": [], "given": [], "held_out": []}
    for part, group in zip(cycle(dealt), groups, strict=False):
        dealt[part] += group
    said = (
        f"{len(groups)} templates (documents that share half of their labels, linked), dealt by size to scored, given and "
        "held out in turn: scored ones are of templates that no case has"
    )
    return Parts(_mixed(dealt["given"]), tuple(dealt["held_out"]), tuple(dealt["scored"]), said)


def templates(documents: Sequence[Document]) -> list[list[Document]]:
    """Documents of one look, largest group first. Two are alike where at least `ALIKE` of their labels are shared (Jaccard);
    groups are what is linked by that. A label is a cell of a line (parted by two blanks, a colon or #) of letters alone."""
    labels = [labels_of(one.text) for one in documents]
    counted = Counter(name for one in labels for name in one)
    known = [frozenset(name for name in one if counted[name] >= SEEN_IN) for one in labels]
    group = list(range(len(documents)))
    for at, one in enumerate(known):
        for before in range(at):
            if group[before] != group[at] and _alike(one, known[before]) >= ALIKE:
                old, new = sorted((group[before], group[at]), reverse=True)
                group = [new if each == old else each for each in group]
    found: dict[int, list[Document]] = {}
    for at, document in zip(group, documents, strict=True):
        found.setdefault(at, []).append(document)
    return sorted(found.values(), key=len, reverse=True)  # stable: of one size, the one that comes first


def labels_of(text: str) -> frozenset[str]:
    """The cells of letters alone, in small letters."""
    cells = (cell.strip() for line in text.split("\n") for cell in re.split(r"\s{2,}|[:#]", line.strip()))
    return frozenset(cell.casefold() for cell in cells if LABEL.fullmatch(cell))


def _alike(one: frozenset[str], two: frozenset[str]) -> float:
    return len(one & two) / max(1, len(one | two))


def _mixed(documents: Sequence[Document]) -> tuple[Document, ...]:
    """One document of each template in turn, so that the first few show them all."""
    groups = templates(documents)
    longest = max(map(len, groups))
    return tuple(group[at] for at in range(longest) for group in groups if at < len(group))
