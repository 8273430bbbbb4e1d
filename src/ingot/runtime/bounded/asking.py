"""The question that a model is asked, its reply, and the clock that runs against it."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from ingot.errors import ModelTimeout
from ingot.usage import Usage


@dataclass(frozen=True, slots=True)
class Question:
    """One schema-bound request to a quarantined model: one that has no tools and whose answer is read as values only.

    `instructions` hold the spec's words and nothing of a run's input; `material` is the one place of those. `model` is
    the name that the spec gives (None: it leaves the choice to the caller), `rung` the place in the step's chain, 0 the
    first; `attempt` counts from 1.
    """

    instructions: str
    material: str
    schema: Mapping[str, Any]
    max_tokens: int
    model: str | None = None
    rung: int = 0
    attempt: int = 1


@dataclass(frozen=True, slots=True)
class Reply:
    """A model's answer as text, who gave it and what it used."""

    text: str
    model: str = "unnamed"
    usage: Usage = field(default_factory=lambda: Usage(requests=1))


class AskModel(Protocol):
    """How the caller hands in models. It may also have ``named(question) -> str``, the model that would be asked: then
    answers can be kept, and money limited before a call."""

    def __call__(self, question: Question, /) -> Reply:
        """Ask. Raises ModelError, ModelTimeout or BudgetExceeded."""


def name_of(ask: AskModel, question: Question) -> str | None:
    """The model that a question would go to, None where nobody says."""
    named = getattr(ask, "named", None)
    if named is not None:
        return str(named(question))
    return question.model


MOST_HANGING = 8
"""Calls to one model that may hang at a time; while so many do it is asked no more, or each would leave a thread behind."""

_HANGING: dict[str, list[threading.Thread]] = {}
_LOCK = threading.Lock()


def hanging(model: str | None) -> int:
    """How many calls to a model were given up and have not come back."""
    with _LOCK:
        alive = [thread for thread in _HANGING.pop(model or "", ()) if thread.is_alive()]
        if alive:
            _HANGING[model or ""] = alive
        return len(alive)


def timed(ask: AskModel, question: Question, seconds: float) -> Reply:
    """Ask, and wait no longer than `seconds` whatever the backend does. Raises ModelTimeout, and what `ask` raises.

    A call that hangs goes on in a thread of its own, and what it brings in the end is thrown away; `hanging` counts them.
    """
    came: list[Reply | BaseException] = []

    def call() -> None:
        try:
            came.append(ask(question))
        except BaseException as error:  # noqa: BLE001  (raised again below, in the caller's thread)
            came.append(error)

    thread = threading.Thread(target=call, name="bounded call", daemon=True)
    thread.start()
    thread.join(seconds)
    if not came:
        with _LOCK:
            _HANGING.setdefault(name_of(ask, question) or "", []).append(thread)
        raise ModelTimeout(f"no answer within {seconds:g} s", hint="raise budget.call.seconds, or use a quicker model")
    if isinstance(came[0], BaseException):
        raise came[0]
    return came[0]
