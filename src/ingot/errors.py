"""Every exception that Ingot raises on purpose.

    IngotError
    ├── SpecError          the spec cannot be read or contradicts itself (file:line:column)
    ├── InputError         a run's input does not fit the spec's inputs
    ├── OutputError        a program answered something that does not fit the spec's outputs
    ├── StepError          a module, bounded or human step could not be carried out
    ├── ModelError         a model could not answer
    │   ├── ModelTimeout   it took longer than it was given
    │   ├── PromptTooLong  the prompt does not fit the model's context: no answer of it can be had
    │   └── BudgetExceeded the tokens or the money allowed are used up
    ├── StageError         a stage could not run (a tool is missing, a time-out): never a pass
    ├── CompileFailed      no candidate passed all four stages; carries every attempt
    ├── ArtifactError      an artifact failed a numbered step of verification
    ├── SigningError       a key cannot be read, made or used
    └── StoreError         runs, the audit log or reviews cannot be written or read: then nothing is answered

Bad *code* is not an exception: it is a `Verdict` with findings. A message names the value, the place and the
next action; `hint` holds the last of these.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ingot.usage import Usage


class IngotError(Exception):
    """Base of the tree. `place` is where (``file:line:column`` or a dotted path), `hint` is what to do next."""

    exit_code = 1

    def __init__(self, message: str, *, place: str | None = None, hint: str | None = None) -> None:
        self.message = message
        self.place = place
        self.hint = hint
        super().__init__(message)

    def __str__(self) -> str:
        text = f"{self.place}: {self.message}" if self.place else self.message
        return f"{text}\n  hint: {self.hint}" if self.hint else text


class SpecError(IngotError):
    """The spec is malformed; `place` is ``file:line:column``."""

    exit_code = 2


class InputError(IngotError):
    """A run's input does not fit the declared inputs; `place` is the field's path."""

    exit_code = 2


class OutputError(IngotError):
    """A program's answer does not fit the declared outputs."""


class StepError(IngotError):
    """A step outside the pure logic failed; `place` is the step's name."""


class ModelError(IngotError):
    """A model could not be reached or refused; keys never appear in the message. `used` is what was used all the same, where a
    reply came that is no answer."""

    used: Usage | None = None


class ModelTimeout(ModelError):
    """The model took longer than the time it was given."""


class PromptTooLong(ModelError):
    """The prompt does not fit the model's context. Asking again does not help; a larger context or a shorter rule does."""


class BudgetExceeded(ModelError):
    """A hard limit on tokens or money was reached. `paid` is the completion that passed it, for whoever keeps what was paid for;
    None where no call was made."""

    paid: object = None


class StageError(IngotError):
    """A stage's tool is missing, broke or ran out of time. The candidate is neither passed nor failed by it."""


class CompileFailed(IngotError):
    """No candidate passed; `attempts` holds every attempt with its verdicts, oldest first."""

    def __init__(self, message: str, *, attempts: tuple[object, ...] = (), hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.attempts = attempts


class ArtifactError(IngotError):
    """An artifact was refused; `step` is the number of the verification step that refused it."""

    def __init__(
        self, message: str, *, step: int | None = None, place: str | None = None, hint: str | None = None
    ) -> None:
        super().__init__(message, place=place, hint=hint)
        self.step = step


class SigningError(IngotError):
    """A signing or trusted key cannot be read, made or used."""


class StoreError(IngotError):
    """The store cannot be opened, written or read. A run whose record cannot be written gives no answer."""
