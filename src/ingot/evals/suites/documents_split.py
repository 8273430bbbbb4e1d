"""Which documents may be learnt from, which calibrate, and which are scored."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import cycle
from typing import Any

from ingot.errors import InputError
from ingot.evals.suite import split
from ingot.evals.suites.documents_rows import Document

LABEL = re.compile(r"[A-Za-z][A-Za-z /&.'-]{2,29}")
SEEN_IN = 3
"""A label that fewer documents have is a name or a remark."""
ALIKE = 0.5
"""Documents that share half of their labels are of one template."""
SAME = 0.9
"""Texts that share nine of ten words are one document, scanned or printed twice."""


@dataclass(frozen=True, slots=True)
class Parts:
    """Documents given (shown and tried), held out for gates and calibration, and scored. `said` tells how they were parted."""

    given: tuple[Document, ...]
    held_out: tuple[Document, ...]
    scored: tuple[Document, ...]
    said: str


def at_random(documents: Sequence[Document], given: int, held_out: int, seed: int = 0) -> Parts:
    """So many given and held out, drawn with `seed`, the rest scored. A document that is near-equal to one drawn before it is
    no case, and another is drawn in its place. Raises InputError where none would be left."""
    shown, kept, rest = split(documents, given, held_out, seed=seed)
    seen: list[frozenset[tuple[str, int]]] = []
    cases: list[Document] = []
    left = [*shown, *kept, *rest]
    while left and len(cases) < given + held_out:
        one = left.pop(0)
        if _is_new(one, seen):
            cases.append(one)
    said = f"{given} given and {held_out} held out at random (seed {seed}), the rest scored"
    return Parts(tuple(cases[:given]), tuple(cases[given:]), tuple(left), said)


TURNS = 3
"""So many parts, where nothing else is said: each template is scored in one turn, held out in another, given in the others."""


def by_template(documents: Sequence[Document], turn: int = 0, turns: int = TURNS) -> Parts:
    """Whole templates, dealt from the largest to the smallest into `turns` parts, of which one is scored, one held out and the
    others given: no scored document and no held-out one is of a template that another part has. `turn` (from 0) moves the
    parts on by one: over all turns each document is scored once.

    Raises InputError where there are fewer templates than turns, or fewer than three turns.
    """
    if turns < TURNS:
        raise InputError(
            f"{turns} turns are too few", hint="3 are needed: one part each to learn, to calibrate, to score"
        )
    groups = templates(documents)
    if len(groups) < turns:
        raise InputError(
            f"the documents are of {len(groups)} templates",
            hint=f"{turns} are needed: one for each turn, and at least 3",
        )
    roles = ("scored", *["given"] * (turns - 2), "held_out")
    order = roles[turn:] + roles[:turn]
    dealt: dict[str, list[Document]] = {role: [] for role in roles}
    for number, (role, group) in enumerate(zip(cycle(order), groups, strict=False), start=1):
        dealt[role] += [replace(one, source=one.source or f"template {number}") for one in group]
    said = (
        f"{len(groups)} templates (documents that share half of their labels, linked), dealt by size to "
        f"{', '.join(order[:-1])} and {order[-1]} in turn: scored ones are of templates that no case has"
    )
    return Parts(_mixed(dealt["given"]), tuple(dealt["held_out"]), tuple(dealt["scored"]), said)


def apart(parts: Parts) -> Parts:
    """Each document in one part, given before held out before scored. One that is near-equal (`SAME`) to a document that is
    given or held out is left out, so that neither a case nor a scored document is seen twice. `said` counts those left out."""
    seen: list[frozenset[tuple[str, int]]] = []
    given = tuple(one for one in parts.given if _is_new(one, seen))
    held_out = tuple(one for one in parts.held_out if _is_new(one, seen))
    scored = tuple(one for one in parts.scored if _is_new(one, list(seen)))
    left_out = sum(map(len, (parts.given, parts.held_out, parts.scored))) - len(given) - len(held_out) - len(scored)
    said = f"{parts.said}; {left_out} left out that are near-equal to another" if left_out else parts.said
    return Parts(given, held_out, scored, said)


def _is_new(document: Document, seen: list[frozenset[tuple[str, int]]]) -> bool:
    """Whether no document seen is near-equal; from now on this one is seen."""
    words = _words(document.text)
    is_new = not any(_alike(words, other) >= SAME for other in seen)
    if is_new:
        seen.append(words)
    return is_new


def _words(text: str) -> frozenset[tuple[str, int]]:
    """The words of a text, each occurrence for itself: the second TOTAL is another than the first."""
    counted: Counter[str] = Counter()
    found = []
    for word in re.findall(r"[^\W_]+", text.casefold()):
        counted[word] += 1
        found.append((word, counted[word]))
    return frozenset(found)


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


def _alike(one: frozenset[Any], two: frozenset[Any]) -> float:
    return len(one & two) / max(1, len(one | two))


def _mixed(documents: Sequence[Document]) -> tuple[Document, ...]:
    """One document of each template in turn, so that the first few show them all."""
    groups = templates(documents)
    longest = max(map(len, groups))
    return tuple(group[at] for at in range(longest) for group in groups if at < len(group))
