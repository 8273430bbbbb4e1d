"""Load a verified artifact once, then run it.

`load` verifies every byte before any of it is executed and keeps what it verified; `Workflow.run` validates the input,
executes, validates the output. There is no model here: a bounded step gets its model from the caller or goes to a
person.
"""

from __future__ import annotations

import itertools
import json
import os
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property, partial
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import ValidationError

from ingot.artifact.manifest import CALIBRATION, PROMPTS
from ingot.artifact.verify import Verified, verify
from ingot.errors import ArtifactError, OutputError, StoreError
from ingot.fields import to_plain, validator
from ingot.readback.citations import citations
from ingot.runtime.bounded.hybrid import standing
from ingot.runtime.bounded.ledger import Call, spending, used_by
from ingot.runtime.inputs import input_keeper, input_reader, shown_value
from ingot.runtime.steps import AskModel, AskPerson, NeedsReview, Perform, make_perform
from ingot.runtime.trace import Decision, Recorder, Trace, instrument, trace_of
from ingot.spec import Metadata, Spec, parse_spec

_RUN_PREFIX = os.urandom(6).hex()
_RUN_NUMBERS = itertools.count(1)
_MOST_TRACES = 1_000


@dataclass(frozen=True, slots=True)
class Review:
    """A person must decide: at which `step`, for which `reason`; `proposed` is the workflow's proposal or None."""

    step: str
    reason: str
    proposed: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run came to. Exactly one of `output` and `review` is not None. `digest` pins the artifact, `seconds` is
    wall time, `trace` is None unless it was asked for, `calls` are the model calls of its bounded steps."""

    output: Mapping[str, Any] | None
    review: Review | None
    run_id: str
    digest: str
    seconds: float
    trace: Trace | None = None
    calls: tuple[Call, ...] = ()

    @property
    def status(self) -> str:
        """``completed`` or ``needs_review``."""
        return "completed" if self.review is None else "needs_review"

    def to_json(self) -> dict[str, Any]:
        """The outcome as plain JSON; decimals and dates as text."""
        out: dict[str, Any] = {"status": self.status, "run_id": self.run_id, "digest": self.digest}
        if self.output is not None:
            out["output"] = to_plain(self.output)
        if self.review is not None:
            review = self.review
            out["review"] = {"step": review.step, "reason": review.reason, "proposed": to_plain(review.proposed)}
        if self.trace is not None:
            out["trace"] = {"lines": list(self.trace.lines), "clauses": list(self.trace.clauses)}
        if self.calls:
            out["usage"] = used_by(self.calls)
        return out


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a run ended as it did: its outcome and every deciding line, in order."""

    outcome: Outcome
    decisions: tuple[Decision, ...]
    clauses: Mapping[str, str] = field(default_factory=dict)


Transact = Callable[[Mapping[str, Any]], Any]
Answer = tuple[Mapping[str, Any] | None, tuple[str, str] | None]


class Workflow:
    """A loaded artifact. Safe to use from several threads: a run keeps nothing on it."""

    def __init__(
        self,
        verified: Verified,
        *,
        ask_model: AskModel | None = None,
        ask_person: AskPerson | None = None,
        environment: Mapping[str, str] | None = None,
        perform: Perform | None = None,
    ) -> None:
        """`perform` stands in for every step that no function computes; no module or model is then set up."""
        files = verified.files
        self.verified = verified
        self.digest: str = verified.digest
        self.spec: Spec = parse_spec(files["spec.yaml"].decode(), "spec.yaml", cases=())
        self._logic = files["logic.py"].decode()
        self._text = files["program.py"].decode()
        self._offset = verified.manifest.program.logic_offset
        names = _namespace(compile(self._text, "program.py", "exec"))
        self.transact: Transact = names["transact"]
        modules = {Path(name).stem: files[name] for name in files if name.startswith("modules/")}
        self._calibrations = json.loads(files.get(CALIBRATION, b"{}"))
        self.perform: Perform | None = None
        """Carries out a step that no function computes; None where the workflow has no such step."""
        if any(not step.is_function for step in self.spec.logic_requirements):
            self.perform = perform or make_perform(
                self.spec, names, modules, ask_model=ask_model, ask_person=ask_person, environment=environment,
                calibrations=self._calibrations, prompts=json.loads(files.get(PROMPTS, b"{}")),
            )  # fmt: skip
        self._read_input = input_reader(self.spec.inputs)
        self.kept = input_keeper(self.spec.inputs)
        """An input as it is kept with its run: it fits when it is read back."""
        self._check_output = validator(self.spec.outputs).validate_python
        self.template_name: str = verified.manifest.program.template
        self.template = _namespace(compile(files["template.py"], "template.py", "exec"))
        self._validates = self.template_name == "validator"
        self._traced: Callable[..., Any] | None = None
        self._traces: dict[tuple[int, ...], Trace] = {}

    def standing(self, step: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """The outputs that a hybrid step takes from its functions, which nobody is asked for; of other steps none."""
        found = next((one for one in self.spec.logic_requirements if one.step == step), None)
        if found is None or found.type != "hybrid":
            return {}
        return standing(found, self._calibrations.get(step, {}), arguments)

    # ---- running -------------------------------------------------------------------------------------------------

    def run(self, case: Mapping[str, Any], *, trace: bool = False, perform: Perform | None = None) -> Outcome:
        """Run one transaction.

        `case` maps every input's name to its value (nullable ones may be absent); decimals may be given as numbers or
        text, dates as ISO text. `perform` carries out the steps that no function computes, in place of the workflow's
        own. Raises InputError for a value that does not fit, OutputError where the program's
        answer does not, StepError where a module or bounded step is broken.
        """
        started = time.perf_counter()
        values = self.validate(case)
        if not trace:
            return self._outcome(self.transact, values, started, None, perform)
        hits: list[int] = []
        return self._outcome(self._instrumented(hits.append), values, started, hits, perform)

    def explain(self, case: Mapping[str, Any]) -> Explanation:
        """Run one transaction and tell every deciding line with the values that it saw."""
        started = time.perf_counter()
        hits: list[int] = []
        recorder = Recorder(self._logic, self._offset, self._cited, hits)
        values = self.validate(case)
        outcome = self._outcome(self._instrumented(recorder), values, started, hits)
        texts = {clause.id: clause.text for clause in self.spec.clauses}
        return Explanation(outcome, tuple(recorder.decisions), texts)

    def validate(self, case: Mapping[str, Any]) -> dict[str, Any]:
        """The input with values of the fields' types. Raises InputError naming the field."""
        return self._read_input(case)

    def _outcome(
        self,
        transact: Transact,
        values: dict[str, Any],
        started: float,
        hits: list[int] | None,
        perform: Perform | None = None,
    ) -> Outcome:
        answer = self._escalating if self._validates else self._answer
        if self.perform is None:
            output, review = answer(transact, values, None)
            calls: tuple[Call, ...] = ()
        else:
            with spending() as ledger:
                output, review = answer(transact, values, perform or self.perform)
            calls = tuple(ledger.calls)
        trace = None if hits is None else self._trace(tuple(hits))
        asked = None if review is None else Review(review[0], review[1], output)
        seconds = time.perf_counter() - started
        return Outcome(None if asked else output, asked, _run_id(), self.digest, seconds, trace, calls)

    def answer(self, values: dict[str, Any], *, check: bool = True) -> Answer:
        """The output or proposal for validated values, and the step and reason where a person must decide. `check` off
        leaves the output unchecked."""
        answer = self._escalating if self._validates else self._answer
        return answer(self.transact, values, self.perform, check)

    def traced_answer(
        self, values: dict[str, Any], *, check: bool = True
    ) -> tuple[Mapping[str, Any] | None, tuple[str, str] | None, Trace]:
        """What `answer` gives, and the lines and clauses that decided."""
        hits: list[int] = []
        answer = self._escalating if self._validates else self._answer
        output, review = answer(self._instrumented(hits.append), values, self.perform, check)
        return output, review, self._trace(tuple(hits))

    def _answer(
        self, transact: Transact, values: dict[str, Any], perform: Perform | None, check: bool = True
    ) -> Answer:
        """The checked output or proposal, and the step and reason where a person must decide."""
        try:
            output, review = drive(transact, values, perform) if perform is not None else _computed(transact, values)
        except NeedsReview as stop:
            return None, (stop.step, stop.reason)
        except (ArithmeticError, LookupError, TypeError, ValueError, AttributeError, RecursionError) as error:
            raise _raised(error) from error
        if output is None or not check:
            return output, review
        try:
            return self._check_output(output), review
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(map(str, first["loc"]))
            shown = shown_value(repr(first["input"]), first["loc"], self.spec.outputs)
            raise OutputError(f"the program answered {shown}: {first['msg']}", place=place) from None

    def _escalating(
        self, transact: Transact, values: dict[str, Any], perform: Perform | None, check: bool = True
    ) -> Answer:
        """The validator template: what cannot be computed or does not fit goes to a person, never on. A store that fails is
        no answer for a person to mend: its error is raised."""
        failed: list[StoreError] = []

        def attempt(item: dict[str, Any]) -> Answer:
            try:
                return self._answer(transact, item, perform, check)
            except StoreError as error:
                failed.append(error)
                raise

        def escalate(_: Mapping[str, Any], proposed: Answer | None, problems: Sequence[str]) -> Answer:
            return (proposed or (None, None))[0], ("validator", "; ".join(problems))

        decision = self.template["run"](attempt, values, validate=lambda _: (), escalate=escalate)
        if failed:
            raise failed[0]
        answer: Answer = decision.outcome
        return answer

    def _trace(self, hits: tuple[int, ...]) -> Trace:
        """The trace of these hits; the few ways through a rule that most runs take are remembered."""
        found = self._traces.get(hits)
        if found is None:
            found = trace_of(list(hits), self._offset, self._cited)
            if len(self._traces) < _MOST_TRACES:
                self._traces[hits] = found
        return found

    @cached_property
    def _cited(self) -> dict[int, tuple[str, ...]]:
        """Which clauses each line cites, read when a trace is first asked for: most workflows are never traced."""
        return citations(self._logic, self.spec)

    def _instrumented(self, hit: Callable[[int], None]) -> Transact:
        """The traced program, compiled when it is first asked for, telling `hit` of every deciding line."""
        if self._traced is None:
            last = self._offset + self._logic.count("\n") + 1
            self._traced = _namespace(instrument(self._text, self._offset + 1, last))["transact"]
        return partial(self._traced, hit)


def drive(transact: Transact, values: dict[str, Any], perform: Perform) -> Any:
    """Drive a program with effects: perform each step it yields and send the outputs back."""
    flow, given = transact(values), None
    try:
        while True:
            asked = _next_step(flow, given)
            if isinstance(asked, _Ended):
                return asked.answer
            given = perform(*asked)
    finally:
        flow.close()


class _Ended(NamedTuple):
    """What a program with effects came to."""

    answer: Any


def _next_step(flow: Generator[Any, Any, Any], given: Any) -> Any:
    """The step that the program asks for next, with its arguments, or its end. Raises as `_computed`."""
    try:
        return flow.send(given)
    except StopIteration as end:
        return _Ended(end.value)
    except Exception as error:
        raise _raised(error) from error


def _computed(transact: Transact, values: dict[str, Any]) -> Any:
    """What a pure program comes to. Its own code may raise anything on an input that nobody tried, and no run may end without an
    outcome for that. Raises OutputError."""
    try:
        return transact(values)
    except Exception as error:
        raise _raised(error) from error


def _raised(error: Exception) -> OutputError:
    """What the error says may hold a value that no log may."""
    return OutputError(f"the program raised {type(error).__name__}", hint="`ingot explain` shows where")


def load(
    path: str | Path,
    *,
    trusted: Sequence[str | Path] | None = None,
    require_approval: bool = False,
    ask_model: AskModel | None = None,
    ask_person: AskPerson | None = None,
    environment: Mapping[str, str] | None = None,
    on: date | None = None,
) -> Workflow:
    """Verify an artifact and make it ready to run.

    `trusted` are public key files beside the user's own; `require_approval` refuses an artifact that nobody but its
    author signed. `ask_model` serves bounded steps, `ask_person` human ones. `on` is the day for which it decides
    (None: today), looked at once, here. Raises ArtifactError with the number of the step that refused, or where the
    policy is not in force on that day.
    """
    from ingot.artifact.sign import trusted_keys

    verified = verify(Path(path), trusted_keys(trusted or ()), require_approval=require_approval)
    workflow = Workflow(verified, ask_model=ask_model, ask_person=ask_person, environment=environment)
    _refuse_out_of_force(workflow, on or date.today())
    return workflow


def in_force(metadata: Metadata, day: date) -> bool:
    """Whether a policy decides on a day: between its effective dates, both included."""
    first, last = metadata.effective_from, metadata.effective_until
    return (first is None or first <= day.isoformat()) and (last is None or day.isoformat() <= last)


def _refuse_out_of_force(workflow: Workflow, day: date) -> None:
    """A policy decides only between its effective dates, both included."""
    metadata = workflow.spec.metadata
    if in_force(metadata, day):
        return
    first, last = metadata.effective_from, metadata.effective_until
    period = " ".join(part for part in (f"from {first}" if first else "", f"until {last}" if last else "") if part)
    raise ArtifactError(
        f"{metadata.name} {metadata.version} is in force {period}, not on {day.isoformat()}",
        place=str(workflow.verified.path),
        hint="run the version that is in force, or give the day it decides for: --on YYYY-MM-DD",
    )


def _namespace(code: Any) -> dict[str, Any]:
    namespace: dict[str, Any] = {"__name__": "ingot_program"}
    exec(code, namespace)  # noqa: S102 - these bytes were verified against a trusted signature
    return namespace


def _run_id() -> str:
    return f"{_RUN_PREFIX}-{next(_RUN_NUMBERS):08x}"
