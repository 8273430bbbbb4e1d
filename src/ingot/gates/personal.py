"""Personal data in a text: recognisers with checks, words around them, and what stays when two see the same characters."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from ingot.gates.found import Found, bounded, without_overlaps
from ingot.gates.names import names_in
from ingot.gates.personal_rules import NEAR, RECOGNISERS, SUPPOSED, Recogniser

KINDS = tuple(sorted({one.kind for one in RECOGNISERS} | {"name"}))


def find_personal(text: str, *, least: float = 0.0) -> list[Found]:
    """Personal data of a score of at least `least`, in order of place, without overlaps. Raises InputError on too long a text."""
    bounded(text)
    found = [one for recogniser in RECOGNISERS for one in _seen(recogniser, text)]
    found += [Found("personal", "name", start, end, score, why) for start, end, score, why in names_in(text)]
    return without_overlaps([one for one in found if one.score >= max(least, 0.01)])


def _seen(recogniser: Recogniser, text: str) -> Iterator[Found]:
    group = _group(recogniser)
    for match in recogniser.pattern.finditer(text):
        start, end = match.span(group)
        score = _score(recogniser, text, start, end)
        if score and not (
            recogniser.kind == "health" and SUPPOSED.search(text[max(0, match.start() - 60) : match.start()])
        ):
            yield Found("personal", recogniser.kind, start, end, score, recogniser.why)


@lru_cache(maxsize=256)
def _group(recogniser: Recogniser) -> str | int:
    return "v" if "v" in recogniser.pattern.groupindex else 0


def _score(recogniser: Recogniser, text: str, start: int, end: int) -> float:
    checked = recogniser.check is None or recogniser.check(text[start:end])
    score = recogniser.sure if checked else 0.0
    if recogniser.context is not None and score < recogniser.near:
        around = text[max(0, start - NEAR) : start] + "\n" + text[end : end + NEAR // 2]
        if recogniser.context.search(around):
            return recogniser.near
    return score
