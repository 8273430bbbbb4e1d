"""A question about a spec, as a frozen value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Question:
    """One thing that a spec leaves open.

    `id` is stable (``null:bmi``, ``boundary:C3:30``): answers in the spec name it. `kind` is its first part. `clause`
    and `step` say what it is about, None where it is about the whole spec. `reading` is what holds until it is
    answered. `place` is a dotted path in the spec. `answer` is the owner's, None while the question is open. The
    value of a held-out case never appears in a question.
    """

    id: str
    kind: str
    clause: str | None
    step: str | None
    text: str
    reading: str
    place: str | None = None
    answer: str | None = None

    def to_json(self) -> dict[str, Any]:
        """The question as plain JSON, as it is kept in an artifact."""
        return {
            "id": self.id,
            "kind": self.kind,
            "clause": self.clause,
            "step": self.step,
            "text": self.text,
            "reading": self.reading,
            "place": self.place,
            "answer": self.answer,
        }


def ask(
    id: str, text: str, reading: str, *, clause: str | None = None, step: str | None = None, place: str | None = None
) -> Question:
    """An open question; its kind is the part of the id before the first colon."""
    return Question(id, id.partition(":")[0], clause, step, text, reading, place)
