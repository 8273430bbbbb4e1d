"""Model backends as the runtime's bounded steps want them: a question in, the reply with its usage out."""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock

from ingot.errors import ModelError
from ingot.models.model import Model, Request
from ingot.runtime.bounded.asking import Question, Reply


class Asked:
    """Serves bounded steps: the first of a chain with `first`, the others by the names that the spec gives."""

    def __init__(self, first: Model | None, open_named: Callable[[str], Model] | None = None) -> None:
        self._first, self._open = first, open_named
        self._opened: dict[str, Model] = {}
        self._lock = Lock()

    def named(self, question: Question) -> str | None:
        """The model that a question would go to."""
        if self._first is not None and (question.rung == 0 or question.model is None):
            return self._first.name
        return question.model

    def __call__(self, question: Question) -> Reply:
        """One schema-bound request. Raises what the model raises."""
        request = Request(
            system=question.instructions,
            prompt=question.material,
            schema=question.schema,
            max_tokens=question.max_tokens,
            seed=question.attempt - 1,
        )
        completion = self._model(question).complete(request)
        return Reply(completion.text, completion.model, completion.usage)

    def _model(self, question: Question) -> Model:
        if self._first is not None and (question.rung == 0 or question.model is None):
            return self._first
        if question.model is None or self._open is None:
            raise ModelError(
                f"no model is named for rung {question.rung} of the step",
                hint="name one in the spec ('model:'), or give one when running",
            )
        with self._lock:
            if question.model not in self._opened:
                self._opened[question.model] = self._open(question.model)
            return self._opened[question.model]


def ask_with(first: Model | None, open_named: Callable[[str], Model] | None = None) -> Asked:
    """Serve bounded steps with `first`, whatever the spec names first; the rest of a chain with what `open_named` opens.

    Without `first`, the models are those that the spec names.
    """
    return Asked(first, open_named)
