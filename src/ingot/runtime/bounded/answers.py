"""Valid answers kept for the same question: a run that is repeated is then the same to the byte, and costs nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from ingot.canonical import canonical_json, digest


class Answers(Protocol):
    """Where answers are kept. Questions and answers hold what the run was given: keep both sealed."""

    def get(self, key: str) -> bytes | None:
        """The answer under a key, None where there is none."""

    def put(self, key: str, answer: bytes) -> None:
        """Keep an answer; the first under a key stays."""


def answer_key(
    model: str, instructions: str, schema: Mapping[str, Any], checks: Any, material: Mapping[str, Any]
) -> str:
    """Hex SHA-256 of all that decides an answer: who is asked, what, in which form, and on what material.

    `checks` are the validation expressions and gates. The material is taken before anything is redacted.
    """
    return digest(canonical_json([model, instructions, schema, checks, material]))
