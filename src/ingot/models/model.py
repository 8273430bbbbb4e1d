"""The one narrow protocol that every model backend has, and its values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from ingot.canonical import canonical_json, digest
from ingot.usage import Usage


@dataclass(frozen=True, slots=True)
class Request:
    """One question to a model.

    `schema` is a JSON Schema that the answer must fit (bounded steps); None asks for code in one fenced block.
    `functions` are the names asked for, for the log. `start` is how the code begins: a backend that can write the
    beginning of an answer itself does so, the others ignore it. `seed` tells apart several draws of the same question.
    """

    system: str
    prompt: str
    functions: tuple[str, ...] = ()
    schema: Mapping[str, Any] | None = None
    max_tokens: int = 2_000
    temperature: float = 0.0
    seed: int = 0
    start: str = ""

    def to_json(self) -> dict[str, Any]:
        """Everything that the digest covers."""
        return {
            "system": self.system,
            "prompt": self.prompt,
            "functions": list(self.functions),
            "schema": None if self.schema is None else dict(self.schema),
            "max_tokens": self.max_tokens,
            "temperature": str(self.temperature),
            "seed": self.seed,
            "start": self.start,
        }

    @property
    def digest(self) -> str:
        """SHA-256 over the request; recordings are keyed by it."""
        return digest(canonical_json(self.to_json()))


@dataclass(frozen=True, slots=True)
class Completion:
    """A model's answer. `model` says who wrote it (for a replay: who wrote the recording). `seconds` is wall time."""

    text: str
    model: str
    usage: Usage
    seconds: float = 0.0
    recorded: bool = False


@runtime_checkable
class Model(Protocol):
    """A model backend."""

    @property
    def name(self) -> str:
        """The string that the user gave, for instance ``openai:gpt-5``."""

    def complete(self, request: Request) -> Completion:
        """Answer one request. Raises ModelError, ModelTimeout or BudgetExceeded.

        A JSON answer is never partial. Code that was cut off at `max_tokens` comes back with its block left open, so
        that it is read as a finding and another attempt is made. An empty reply is an empty text.
        """
