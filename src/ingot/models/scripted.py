"""A model whose answers are written beforehand: for tests, here and in the projects of users."""

from __future__ import annotations

from collections.abc import Iterable

from ingot.errors import ModelError
from ingot.models.model import Completion, Request
from ingot.models.reply import estimated_usage, within_limit


class Scripted:
    """Answers in turn: a text is the reply, a Completion is returned as it is, an exception is raised.

    `requests` holds what it was asked, oldest first. Usage is estimated (a quarter of the characters). Raises
    ModelError when it is asked once more than it has answers.
    """

    def __init__(self, answers: Iterable[str | Completion | Exception], *, name: str = "scripted") -> None:
        self.name = name
        self.requests: list[Request] = []
        self._answers = tuple(answers)

    def __repr__(self) -> str:
        return f"Scripted({len(self._answers)} answers, asked {len(self.requests)} times)"

    def complete(self, request: Request) -> Completion:
        """The next answer."""
        self.requests.append(request)
        asked = len(self.requests)
        if asked > len(self._answers):
            raise ModelError(
                f"{self.name!r} was asked {asked} times and has {len(self._answers)} answers",
                hint="add an answer to the script, or allow fewer attempts",
            )
        answer = self._answers[asked - 1]
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, Completion):
            return answer
        text = within_limit(answer, self.name)
        return Completion(text, self.name, estimated_usage(request, text))
