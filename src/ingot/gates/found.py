"""What a gate saw in a text, and how much text it looks at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from ingot.errors import InputError

MAX_TEXT = 200_000
"""Characters. A longer text is an error and not scanned in part: what is cut off would pass unseen."""

BLOCKS_FROM = 0.5
"""A finding with a score below this is shown, and does not stop a text."""

GateName = Literal["personal", "injection", "canary", "leakage", "schema"]


@dataclass(frozen=True, slots=True)
class Found:
    """One thing seen: characters `start` to `end` of the text as given.

    `kind` says what it is (``ssn``, ``drop-instructions``). `score` is from 0 to 1: how sure the rule is, set by hand in
    its table and no probability. `why` is a sentence without the value. `code` is the rule's, where it has one; `form`
    is how the text had to be read (``plain``, ``base64``, ``letters of other scripts`` …).
    """

    gate: GateName
    kind: str
    start: int
    end: int
    score: float
    why: str
    code: str = ""
    form: str = "plain"

    @property
    def blocks(self) -> bool:
        """Whether this alone stops a text."""
        return self.score >= BLOCKS_FROM

    def to_json(self) -> dict[str, Any]:
        """Plain JSON; the value itself is not in it."""
        pairs = {"gate": self.gate, "kind": self.kind, "code": self.code, "start": self.start, "end": self.end}
        return {**pairs, "score": self.score, "form": self.form, "why": self.why}


def bounded(text: str) -> str:
    """The text. Raises InputError where it is longer than MAX_TEXT."""
    if len(text) > MAX_TEXT:
        raise InputError(
            f"a text of {len(text)} characters is longer than a gate reads ({MAX_TEXT})",
            hint="scan it in pieces that overlap",
        )
    return text


def without_overlaps(found: list[Found]) -> list[Found]:
    """The findings, in order of place, of which no two share a character: the surer stays, then the longer."""
    taken: list[Found] = []
    covered: set[int] = set()
    for one in sorted(found, key=lambda one: (-one.score, one.start - one.end, one.start, one.kind)):
        place = range(one.start, one.end)
        if covered.isdisjoint(place):
            covered.update(place)
            taken.append(one)
    return sorted(taken, key=lambda one: (one.start, one.end))
