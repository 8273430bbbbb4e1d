"""One version of a workflow, run in process as it is deployed, with the outputs of its outer steps given.

A verified artifact is what a deployment would load, so comparing two of them needs no cage; the steps that no function
computes (modules, models, people) are not carried out: what they answered is part of the input.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from ingot.artifact.verify import Verified
from ingot.errors import InputError, OutputError
from ingot.fields import to_plain, validator
from ingot.program import Program
from ingot.proof.deciding import Deciding, Place, line_of
from ingot.runtime.run import Outcome, Workflow


@dataclass(frozen=True, slots=True)
class Ended:
    """How a run ended: `status` is completed, needs_review, raises or refused; `output` is the output or the proposal,
    `step` and `why` belong to the others. `line` is where an exception left ``logic.py``, `lines` those that decided
    where they were asked for."""

    status: str
    output: Mapping[str, Any] | None = None
    step: str = ""
    why: str = ""
    line: int | None = None
    lines: tuple[int, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Plain JSON."""
        return {
            "status": self.status,
            "output": None if self.output is None else to_plain(self.output),
            "step": self.step,
            "why": self.why,
        }


class NotGiven(Exception):
    """A step was asked for whose outputs are not in the input."""


@dataclass
class Version:
    """A verified artifact ready to be compared. `program` is its own program with the cases it was checked with."""

    program: Program
    verified: Verified
    deciding: Deciding = field(init=False)
    _steps: Mapping[str, Mapping[str, Any]] = field(default_factory=dict, init=False)
    _stopped: NotGiven | InputError | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        spec = self.program.spec
        self.deciding = Deciding(self.program)
        self._workflow = Workflow(self.verified, perform=self._given)
        self.inputs = {one.name for one in spec.inputs}
        effects = [step for step in spec.logic_requirements if not step.is_function]
        self._checks = {step.step: validator(step.outputs) for step in effects}
        self._nulls = {step.step: {one.name: None for one in step.outputs if one.nullable} for step in effects}

    @property
    def given_steps(self) -> tuple[str, ...]:
        """The steps whose outputs are part of the input."""
        return tuple(self._checks)

    def run(self, case: Mapping[str, Any], steps: Mapping[str, Mapping[str, Any]], *, trace: bool = False) -> Ended:
        """Run on the inputs in `case` that this version knows. Raises NotGiven where a step's outputs are not there."""
        self._steps, self._stopped = steps, None
        own = {name: value for name, value in case.items() if name in self.inputs}
        ended = self._run(own, trace)
        if isinstance(self._stopped, NotGiven):  # the validator template makes a review of every exception
            raise self._stopped
        return ended if self._stopped is None else Ended("refused", why=_where(self._stopped))

    def _run(self, own: Mapping[str, Any], trace: bool) -> Ended:
        try:
            return _ended(self._workflow.run(own, trace=trace))
        except InputError as error:
            return Ended("refused", why=_where(error))
        except OutputError as error:
            return Ended("raises", why=f"the answer does not fit the output {error.place!r}")
        except Exception as error:  # noqa: BLE001  (whatever leaves the program is how the run ended)
            return Ended("raises", why=type(error).__name__, line=line_of(error, self.program.offset))

    def place(self, ended: Ended, changed: tuple[str, ...]) -> Place:
        """Where a traced run decided the outputs `changed`; none of them: the run's end."""
        if ended.status == "refused":
            return Place(None, what="the input is not accepted")
        if ended.line is not None:
            return self.deciding.at(ended.line)
        if ended.status == "raises":
            return Place(None, what=ended.why)
        if ended.status == "needs_review" and ended.output is None:
            return Place(None, what=f"a person decides at {ended.step!r}")
        return self.deciding.of(ended.lines, changed)

    def _given(self, name: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        if name not in self._steps:
            self._stopped = NotGiven(name)
            raise self._stopped
        try:
            return self._checks[name].validate_python({**self._nulls[name], **self._steps[name]})
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join([name, *(str(part) for part in first["loc"])])
            self._stopped = InputError(f"does not fit: {first['msg']}", place=place)
            raise self._stopped from None


def _ended(outcome: Outcome) -> Ended:
    lines = () if outcome.trace is None else outcome.trace.lines
    if outcome.review is None:
        return Ended("completed", outcome.output, lines=lines)
    review = outcome.review
    return Ended("needs_review", review.proposed, review.step, review.reason, lines=lines)


def _where(error: InputError) -> str:
    """What does not fit, without the value: recorded values may be protected."""
    text = error.message if error.message.startswith(("the input lacks", "unknown input")) else "does not fit"
    return text if text != "does not fit" else f"the value of {error.place!r} does not fit"
