"""One version of a workflow to be compared: run as it is deployed, or, where nobody has signed it yet, in the sandbox.

A verified artifact is what a deployment would load, so it needs no cage. The steps that no function computes (modules,
models, people) are not carried out in either: what they answered is part of the input.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from pydantic import ValidationError

from ingot.artifact.manifest import PROMPTS
from ingot.artifact.verify import Verified
from ingot.errors import InputError, OutputError, StageError
from ingot.fields import to_plain, validator
from ingot.program import Observation, Program
from ingot.proof.deciding import Deciding, Place, line_of
from ingot.proof.prompts import prompts_of
from ingot.runtime.run import Outcome, Workflow
from ingot.runtime.sandbox import Limits, Sandbox, Trial
from ingot.runtime.tagged import encode


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


class Version(ABC):
    """A version ready to be compared: its `program`, with the cases it was checked with, what it takes, and the `prompts`
    of its steps that ask a model."""

    def __init__(self, program: Program, prompts: bytes | None) -> None:
        """`prompts` is what the tuning of its steps came to, None where none was asked for. Raises ArtifactError."""
        spec = program.spec
        self.prompts = prompts_of(spec, prompts)
        self.program = program
        self.deciding = Deciding(program)
        self.inputs = {one.name for one in spec.inputs}
        effects = [step for step in spec.logic_requirements if not step.is_function]
        self._checks = {step.step: validator(step.outputs) for step in effects}
        self._nulls = {step.step: {one.name: None for one in step.outputs if one.nullable} for step in effects}

    @property
    def given_steps(self) -> tuple[str, ...]:
        """The steps whose outputs are part of the input."""
        return tuple(self._checks)

    def foresee(self, trials: Iterable[Trial]) -> None:
        """Learn which inputs will be run, for a version that runs many at once more cheaply than one by one."""
        return

    @abstractmethod
    def run(self, case: Mapping[str, Any], steps: Mapping[str, Mapping[str, Any]], *, trace: bool = False) -> Ended:
        """Run on the inputs in `case` that this version knows. Raises NotGiven where a step's outputs are not there."""

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

    def _checked(self, name: str, outputs: Mapping[str, Any]) -> Mapping[str, Any]:
        """A step's outputs with values of their types. Raises InputError."""
        try:
            return self._checks[name].validate_python({**self._nulls[name], **outputs})
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join([name, *(str(part) for part in first["loc"])])
            raise InputError(f"does not fit: {first['msg']}", place=place) from None


class Deployed(Version):
    """A verified artifact, run in process."""

    def __init__(self, program: Program, verified: Verified) -> None:
        super().__init__(program, verified.files.get(PROMPTS))
        self._workflow = Workflow(verified, perform=self._given)
        self._steps: Mapping[str, Mapping[str, Any]] = {}
        self._stopped: NotGiven | InputError | None = None

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
            if error.__cause__ is None:
                return Ended("raises", why=f"the answer does not fit the output {error.place!r}")
            return self._raised(error.__cause__)
        except Exception as error:  # noqa: BLE001  (whatever leaves the program is how the run ended)
            return self._raised(error)

    def _raised(self, error: BaseException) -> Ended:
        return Ended("raises", why=type(error).__name__, line=line_of(error, self.program.offset))

    def _given(self, name: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        try:
            if name not in self._steps:
                raise NotGiven(name)
            return self._checked(name, self._steps[name])
        except (NotGiven, InputError) as stopped:
            self._stopped = stopped
            raise


class Caged(Version):
    """A candidate that passed the stages and that nobody has signed yet, run in the sandbox alone.

    It ends as a deployed one does: inputs and outputs are validated here as `Workflow` validates them.
    """

    def __init__(self, program: Program, sandbox: Sandbox, prompts: bytes | None = None) -> None:
        super().__init__(program, prompts)
        self._sandbox = sandbox
        self._input = validator(program.spec.inputs)
        self._output = validator(program.spec.outputs)
        self._optional = {one.name: None for one in program.spec.inputs if one.nullable}
        self._known: dict[str, tuple[Observation, tuple[int, ...]]] = {}

    def foresee(self, trials: Iterable[Trial]) -> None:
        """Run all of them in one go."""
        fitting = {}
        for trial in trials:
            try:
                made = self._trial(trial.input, trial.steps)
            except InputError:
                continue
            fitting[_key(made)] = made
        self._observe({key: made for key, made in fitting.items() if key not in self._known})

    def run(self, case: Mapping[str, Any], steps: Mapping[str, Mapping[str, Any]], *, trace: bool = False) -> Ended:
        """Run on the inputs in `case` that this version knows. Raises NotGiven where a step's outputs are not there,
        StageError where the sandbox gave the program up."""
        try:
            trial = self._trial(case, steps)
        except InputError as error:
            return Ended("refused", why=_where(error))
        key = _key(trial)
        if key not in self._known:
            self._observe({key: trial})
        seen, lines = self._known[key]
        return replace(self._ended(seen), lines=lines if trace else ())

    def _trial(self, case: Mapping[str, Any], steps: Mapping[str, Mapping[str, Any]]) -> Trial:
        own = {name: value for name, value in case.items() if name in self.inputs}
        try:
            values = self._input.validate_python({**self._optional, **own})
        except ValidationError as error:
            raise InputError("does not fit", place=".".join(map(str, error.errors()[0]["loc"]))) from None
        given = {name: self._checked(name, outputs) for name, outputs in steps.items() if name in self._checks}
        return Trial("", values, given)

    def _observe(self, trials: Mapping[str, Trial]) -> None:
        program = self.program
        if not trials:
            return
        run = self._sandbox.run(
            program.text, [replace(trial, id=key) for key, trial in trials.items()], offset=program.offset,
            seed=self._sandbox.seeds[0], cover=True, last_line=program.offset + program.logic.count("\n") + 1,
            limits=Limits(run_seconds=120.0),
        )  # fmt: skip
        if run.lost:
            why = next(iter(run.lost.values()))
            raise StageError(f"the candidate was given up while it was compared: {why}", hint="check it alone first")
        for key in trials:
            self._known[key] = run.observations[key], tuple(sorted(run.lines.get(key, ())))

    def _ended(self, seen: Observation) -> Ended:
        kind = (seen.error or "").partition(":")[0]
        if kind == "StepNotGiven":
            raise NotGiven(seen.error)
        escalates = self.program.template == "validator"
        if seen.error is not None:
            return _escalated(None) if escalates else Ended("raises", why=kind, line=seen.line)
        output = None
        if seen.output is not None:
            try:
                output = self._output.validate_python(seen.output)
            except ValidationError as error:
                place = ".".join(map(str, error.errors()[0]["loc"]))
                return (
                    _escalated(None)
                    if escalates
                    else Ended("raises", why=f"the answer does not fit the output {place!r}")
                )
        return Ended("completed", output) if seen.review is None else Ended("needs_review", output, *seen.review)


def _escalated(proposed: Mapping[str, Any] | None) -> Ended:
    """What the validator template makes of a run without an answer that fits."""
    return Ended("needs_review", proposed, "validator", "no outcome: OutputError")


def _key(trial: Trial) -> str:
    return encode([dict(trial.input), {name: dict(values) for name, values in sorted(trial.steps.items())}])


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
