"""EXECUTION: run the program in the sandbox, on inputs that people wrote and inputs that nobody thought of.

Every case, boundary values and random values of the declared types; under three hash seeds; the generated functions a
second time on Monty. Of a held-out case a finding says what happened and where, never a value of its input or answer.
"""

from __future__ import annotations

import atexit
import builtins
import re
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from threading import Lock
from typing import Any

from ingot.canonical import canonical_json
from ingot.errors import StageError
from ingot.fields import Field
from ingot.program import Observation, Program
from ingot.runtime.branches import Branch
from ingot.runtime.monty import Comparison, MontyRunner
from ingot.runtime.sandbox import LOST, Call, Limits, Run, Sandbox, Trial
from ingot.runtime.tagged import decode
from ingot.stages.execution_rules import BY_CODE, RULES
from ingot.stages.fit import misfits
from ingot.stages.inputs import boundary_trials, case_trial, generated_trials
from ingot.stages.stage import Observed, Stage
from ingot.tables.compiled import from_tables
from ingot.verdict import Finding, Severity, Verdict

LONGEST_SHOWN = 600
MOST_FINDINGS = 12
LIMITS = Limits(run_seconds=10.0)
AGAIN, COVERING = 2, 10
"""Times as much CPU for a program that has ended within the limits once: a second run takes what the first took, more or
less; one that notes every line takes several times as much."""
LONGEST_TWICE = 4096
"""Characters of text beyond which an input is run under two hash seeds instead of all."""


@dataclass(frozen=True)
class _Trials:
    """The trials of a program by kind; held-out ones last, so that a finding shows another one where it can."""

    given: tuple[Trial, ...]
    boundary: tuple[Trial, ...]
    generated: tuple[Trial, ...]
    held_out: tuple[Trial, ...]

    @property
    def every(self) -> tuple[Trial, ...]:
        return (*self.given, *self.boundary, *self.generated, *self.held_out)

    @property
    def backwards(self) -> tuple[Trial, ...]:
        """In another order, so that what a program keeps from one run to the next shows. Held-out trials stay last: a
        program that remembers them could otherwise tell of them in the answer to one that is shown."""
        return (*reversed((*self.given, *self.boundary, *self.generated)), *reversed(self.held_out))

    @property
    def short(self) -> tuple[Trial, ...]:
        """Backwards, without the longest: two seeds show what hangs on the seed, and those take most of the time."""
        return tuple(trial for trial in self.backwards if _length(trial) <= LONGEST_TWICE)

    @property
    def cases(self) -> tuple[Trial, ...]:
        return (*self.given, *self.held_out)


@dataclass(frozen=True)
class _Seen:
    """Everything observed of a program: `runs` has one run per hash seed, the first with the calls."""

    program: Program
    trials: _Trials
    runs: tuple[Run, ...]
    covered: Run
    monty: Comparison

    def subject(self, trial_id: str) -> str:
        """A trial in words; a held-out one is not named."""
        if trial_id in self.secret:
            return "a held-out case"
        case = trial_id in {trial.id for trial in self.trials.given}
        return f"case {trial_id.removeprefix(_CASE)!r}" if case else "an input of the declared types"

    @property
    def is_cut_short(self) -> bool:
        """Whether a process was lost or a trial not run, under any seed."""
        return any(run.lost for run in (*self.runs, self.covered))

    @property
    def secret(self) -> frozenset[str]:
        """The ids of the held-out trials."""
        return frozenset(trial.id for trial in self.trials.held_out)


def check_execution(
    program: Program,
    observed: Observed,
    sandbox: Sandbox,
    monty: MontyRunner | None = None,
    *,
    limits: Limits = LIMITS,
) -> tuple[Verdict, Observed]:
    """The verdict on what a program does when it runs, and what was observed of its cases, by case id.

    Raises StageError where the sandbox or Monty cannot run, or the machine is too busy for an answer.
    """
    started = time.perf_counter()
    spec = program.spec
    trials = _Trials(
        _unique(case_trial(case, spec) for case in spec.given),
        boundary_trials(program),
        generated_trials(program),
        _unique(case_trial(case, spec) for case in spec.held_out),
    )
    seen = _observe(program, trials, sandbox, monty or warm_monty(), limits)
    findings = _limited([finding for rule in _FINDERS for finding in rule(seen)])
    if seen.is_cut_short and all(finding.severity != "error" for finding in findings):
        raise StageError("not every trial could be run, and no rule says why", hint="report the program that did it")
    verdict = Verdict.of("execution", findings, time.perf_counter() - started, _measures(seen))
    own = {_own(trial): seen.runs[0].observations[trial.id] for trial in trials.cases}
    return verdict, {**observed, **own}


def _length(trial: Trial) -> int:
    return sum(len(value) for value in trial.input.values() if isinstance(value, str))


def _unique(trials: Iterable[Trial]) -> tuple[Trial, ...]:
    """Trials of cases under ids that no generated trial has."""
    return tuple(Trial(f"{_CASE}{trial.id}", trial.input, trial.steps) for trial in trials)


_CASE = "case:"


def _own(trial: Trial) -> str:
    return trial.id.removeprefix(_CASE)


# ---- running -----------------------------------------------------------------------------------------------------


def _observe(program: Program, trials: _Trials, sandbox: Sandbox, monty: MontyRunner, limits: Limits) -> _Seen:
    """Run every trial under every seed, the cases once more for coverage, and the calls on Monty meanwhile."""
    functions = [signature.name for signature in program.signatures]
    last = program.offset + program.logic.count("\n") + 1

    def run(seed: int, some: Sequence[Trial], names: Sequence[str], cover: bool, allowed: Limits) -> Run:
        return sandbox.run(
            program.text,
            some,
            offset=program.offset,
            seed=seed,
            cover=cover,
            functions=names,
            last_line=last,
            limits=allowed,
        )

    first, *others = sandbox.seeds
    main = run(first, trials.every, functions, False, limits)
    if main.lost:  # it has failed: the same hangs and deaths under other seeds would only take time
        return _Seen(program, trials, (main,), main, Comparison(0, 0, (), None))
    with ThreadPoolExecutor(max_workers=len(others) + 1) as pool:
        some = (trials.backwards if number == 0 else trials.short for number in range(len(others)))
        again, covering = limits.times(AGAIN), limits.times(COVERING)
        rest = [pool.submit(run, seed, asked, (), False, again) for seed, asked in zip(others, some, strict=True)]
        covered = pool.submit(run, first, trials.cases or trials.every, (), True, covering)
        compared = _compared(program, functions, main, monty)
        return _Seen(program, trials, (main, *(one.result() for one in rest)), covered.result(), compared)


def _compared(program: Program, functions: Sequence[str], run: Run, monty: MontyRunner) -> Comparison:
    if not run.calls:
        return Comparison(0, 0, (), None)
    prelude = "\n".join(program.text.split("\n")[: program.offset])
    return monty.compare(prelude, program.logic, functions, run.calls)


# ---- what is wrong with it ---------------------------------------------------------------------------------------


def _finding(
    code: str, message: str, *, line: int | None = None, function: str | None = None, hint: str | None = None
) -> Finding:
    rule = BY_CODE[code]
    return Finding(code, message, line, None, function, hint or rule.fix, rule.severity)


def _errors(seen: _Seen) -> list[Finding]:
    """EXE001, EXE003, EXE011, EXE012, EXE013: what left the program as an exception, one finding per place."""
    run = seen.runs[0]
    if run.loading is not None and run.loading.error is not None:
        observation = run.loading
        code = "EXE002" if "did not end" in (observation.error or "") else "EXE013"
        message = f"the program cannot be loaded: {observation.error}"
        return [_finding(code, message, line=observation.line)]
    places: dict[tuple[str, int | None, str | None], list[str]] = {}
    for trial in seen.trials.every:
        observation = run.observations[trial.id]
        if observation.error is not None and trial.id not in run.lost and trial.id not in run.refused:
            kind = observation.error.partition(":")[0]
            places.setdefault((kind, observation.line, observation.function), []).append(trial.id)
    return [_error(seen, kind, line, function, ids) for (kind, line, function), ids in places.items()]


_ERROR_CODES = {"MemoryError": "EXE003", "StepNotGiven": "EXE012", "AnswerTooLarge": "EXE011"}


def _error(seen: _Seen, kind: str, line: int | None, function: str | None, ids: list[str]) -> Finding:
    code = _ERROR_CODES.get(kind, "EXE001")
    where = f" in {function}, line {line}" if line is not None else ""
    message = f"{seen.subject(ids[0])} raised {_spoken(kind, seen.program)}{where}"
    if ids[0] not in seen.secret:
        _, _, said = (seen.runs[0].observations[ids[0]].error or "").partition(": ")
        message += f": {said}" if said else ""
        message += f"; {_shown(seen, ids[0])}"
    if len(ids) > 1:
        message += f" ({len(ids)} inputs in all)"
    return _finding(code, message, line=line, function=function, hint=_RAISED.get(kind) if code == "EXE001" else None)


_RAISED = {
    "IndexError": "test the length first, or loop over what is there; say what holds where there is less",
    "KeyError": "test with 'in' first, and say what holds where it is not there",
    "AttributeError": "it may be None: test it first (value = match.group(1) if match else None)",
    "TypeError": "a value may be None or of another type there: test it first",
    "ValueError": "test the text before it is converted (text.isdigit(), or a pattern that only numbers fit)",
    "InvalidOperation": "test the text before it is made a Decimal (a pattern that only numbers fit)",
}
"""What mends an exception of a kind."""


def _spoken(kind: str, program: Program) -> str:
    """An exception's name; one that is neither Python's nor in the source may have been made of a value."""
    known = kind in ("StepNotGiven", "AnswerTooLarge", LOST) or isinstance(getattr(builtins, kind, None), type)
    named = re.search(rf"\b{re.escape(kind)}\b", program.text) is not None
    decimal = kind in ("InvalidOperation", "DivisionByZero", "DivisionUndefined", "Overflow", "ConversionSyntax")
    return kind if known or named or decimal else "an exception of its own"


def _shown(seen: _Seen, trial_id: str) -> str:
    """A trial's input as JSON, cut to a readable length. Never called for a held-out case."""
    trial = next(trial for trial in seen.trials.every if trial.id == trial_id)
    shown = canonical_json(trial.input).decode()
    steps = f", steps {canonical_json(trial.steps).decode()}" if trial.steps else ""
    return "input " + _cut(shown + steps)


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST_SHOWN else text[:LONGEST_SHOWN] + "…"


def _losses(seen: _Seen) -> list[Finding]:
    """EXE002, EXE011, EXE003: the trials during which the process was lost, one finding per reason."""
    codes = {"timeout": "EXE002", "memory": "EXE003", "crash": "EXE011"}
    words = {
        "timeout": "did not end in the time allowed",
        "memory": "used all the memory allowed",
        "crash": "killed the interpreter",
    }
    found: dict[str, Finding] = {}
    for run in (*seen.runs, seen.covered):
        for trial in seen.trials.every:
            why = run.lost.get(trial.id)
            if why in codes and why not in found:
                shown = "" if trial.id in seen.secret else f"; {_shown(seen, trial.id)}"
                found[why] = _finding(codes[why], f"{seen.subject(trial.id)} {words[why]}{shown}")
    return list(found.values())


def _refusals(seen: _Seen) -> list[Finding]:
    """EXE004: what the cage refused, one finding per event."""
    found: dict[str, Finding] = {}
    for run in seen.runs:
        for trial_id, events in run.refused.items():
            for event in events:
                observation = run.observations.get(trial_id, Observation(None))
                subject = seen.subject(trial_id) if trial_id else "the program, while it was loaded,"
                message = f"{subject} made the program try {_event(event)!r}, which the cage refuses"
                line, function = observation.line, observation.function
                found.setdefault(event, _finding("EXE004", message, line=line, function=function))
    return list(found.values())


def _event(event: str) -> str:
    return event if re.fullmatch(r"[\w.]{1,60}", event) else "something"


def _misfitting(seen: _Seen) -> list[Finding]:
    """EXE005: outputs of functions, then of the workflow, that do not fit their fields."""
    found: dict[tuple[str, str], Finding] = {}
    named: set[str] = set()
    outputs = {signature.name: signature.outputs for signature in seen.program.signatures}
    for call in seen.runs[0].calls:
        fields = outputs.get(call.function)
        if fields is None or call.output is None:
            continue
        for misfit in misfits(fields, _as_object(fields, decode(call.output))):
            named.add(misfit.path.partition(".")[0].partition("[")[0])
            message = f"{call.function} returned an output that does not fit: {misfit} ({seen.subject(call.trial)})"
            found.setdefault((misfit.path, misfit.found), _finding("EXE005", message, function=call.function))
    for trial in seen.trials.every:
        output = seen.runs[0].observations[trial.id].output
        for misfit in () if output is None else misfits(seen.program.spec.outputs, output):
            if misfit.path.partition(".")[0].partition("[")[0] not in named:
                message = f"the output does not fit: {misfit} ({seen.subject(trial.id)})"
                found.setdefault((misfit.path, misfit.found), _finding("EXE005", message))
    return list(found.values())


def _as_object(fields: tuple[Field, ...], value: Any) -> Any:
    """A function's return value by output name: one output is returned bare."""
    return {fields[0].name: value} if len(fields) == 1 else value


def _unstable(seen: _Seen) -> list[Finding]:
    """EXE006: trials that do not give the same bytes under every hash seed and in every order of the trials."""
    outcomes = {
        trial.id: {_outcome(run, trial.id) for run in seen.runs if trial.id in run.observations}
        for trial in seen.trials.every
    }
    differing = [name for name, every in outcomes.items() if len(every) > 1]
    differing = [one for one in differing if not any(one in run.lost for run in seen.runs)]
    if not differing:
        return []
    first = differing[0]
    seeds = ", ".join(str(run.seed) for run in seen.runs)
    message = (
        f"{seen.subject(first)} gives different bytes under the hash seeds {seeds} ({len(differing)} inputs in all)"
    )
    if first not in seen.secret:
        answers = " or ".join(dict.fromkeys(_outcome(run, first) for run in seen.runs if first in run.observations))
        message += f": {_cut(answers)}; {_shown(seen, first)}"
    return [_finding("EXE006", message)]


def _outcome(run: Run, trial_id: str) -> str:
    """What must not differ: the canonical answer, or the type and place of the error."""
    observation = run.observations[trial_id]
    if observation.error is not None:
        return f"{observation.error.partition(':')[0]} at line {observation.line}"
    canonical = run.canonical(trial_id)
    return run.answers.get(trial_id, "") if canonical is None else canonical.decode()


def _disagreeing(seen: _Seen) -> list[Finding]:
    """EXE007 and EXE010: what the second engine makes of the same calls."""
    found: dict[str, Finding] = {}
    for one in sorted(seen.monty.disagreements, key=lambda one: one.call.trial in seen.secret):
        call = one.call
        if call.trial in seen.secret:
            message = f"CPython and Monty disagree on a call of {call.function} in a held-out case"
        else:
            arguments = canonical_json(decode(call.arguments)).decode()
            message = (
                f"CPython and Monty disagree on {call.function}{_cut('(' + arguments[1:-1] + ')')}: "
                f"{_cut(one.cpython)} against {_cut(one.monty)}"
            )
        found.setdefault(call.function, _finding("EXE007", message, function=call.function))
    if seen.monty.outside is not None:
        outside = seen.monty.outside
        message = f"the second engine cannot run the program: {outside.reason}"
        found[""] = _finding("EXE010", message, line=outside.line)
    return list(found.values())


def _uncovered(seen: _Seen) -> list[Finding]:
    """EXE008: branch coverage below the threshold, every branch not taken named.

    The rows of a decision table are the rule itself, and what is left out of them is told before: that no case takes a
    row is a warning.
    """
    if seen.is_cut_short or any(_is_broken(one) for one in seen.covered.observations.values()):
        return []  # what breaks off early covers little: that it breaks off is the finding
    tabled = from_tables(seen.program)
    own = [branch for branch in seen.covered.branches if branch.function not in tabled]
    rows = [branch for branch in seen.covered.branches if branch.function in tabled]
    return [
        *_below(seen, own, "of the branches", None),
        *_below(seen, rows, "of the tables' branches", "warning"),
    ]


def _below(seen: _Seen, some: Sequence[Branch], what: str, severity: Severity | None) -> list[Finding]:
    share, missing = _coverage(seen, some)
    wanted = seen.program.spec.thresholds.branch_coverage
    if share >= wanted:
        return []
    by = "the cases" if seen.trials.cases else "the boundary and generated inputs"
    more = "" if severity is None or len(missing) <= 20 else f" and {len(missing) - 20} more"
    named = ", ".join(map(str, missing[:20]))
    message = f"{by} take {share:.0%} {what}, below {wanted:.0%}; never taken: {named}{more}"
    found = _finding("EXE008", message, line=missing[0].target or missing[0].line, function=missing[0].function)
    return [found if severity is None else replace(found, severity=severity)]


def _is_broken(observation: Observation) -> bool:
    return observation.error is not None and not observation.error.startswith("StepNotGiven:")


def _coverage(seen: _Seen, some: Sequence[Branch]) -> tuple[float, list[Branch]]:
    taken = frozenset().union(*seen.covered.taken.values())
    missing = [branch for branch in some if branch.number not in taken]
    return (1.0 if not some else (len(some) - len(missing)) / len(some)), missing


def _changed(seen: _Seen) -> list[Finding]:
    """EXE009: functions that change an argument."""
    calls: dict[str, Call] = {}
    for call in seen.runs[0].calls:
        if call.changed:
            calls.setdefault(call.function, call)
    return [
        _finding("EXE009", f"{name} changes its argument ({seen.subject(call.trial)})", function=name)
        for name, call in calls.items()
    ]


_FINDERS: tuple[Callable[[_Seen], list[Finding]], ...] = (
    _losses, _refusals, _errors, _misfitting, _unstable, _disagreeing, _changed, _uncovered,
)  # fmt: skip


_FOLLOWS = {"EXE004": frozenset({"EXE007", "EXE010", "EXE013"}), "EXE001": frozenset({"EXE010"})}
"""What a finding explains: these beside it would only distract."""


def _limited(findings: list[Finding]) -> list[Finding]:
    """The first findings: a candidate that fails in a hundred places is repaired one thing at a time."""
    codes = {finding.code for finding in findings}
    hidden = frozenset().union(*(_FOLLOWS.get(code, frozenset()) for code in codes))
    findings = [finding for finding in findings if finding.code not in hidden]
    if "EXE005" in codes:  # the flow stumbles over what a function should not have returned
        findings = [finding for finding in findings if finding.code != "EXE001" or finding.line is not None]
    return sorted(findings, key=lambda finding: finding.severity != "error")[:MOST_FINDINGS]


# ---- what was measured -------------------------------------------------------------------------------------------


def _measures(seen: _Seen) -> dict[str, Any]:
    """Plain JSON, the same for the same program on the same kind of machine."""
    trials = seen.trials
    share, missing = _coverage(seen, seen.covered.branches)
    by = "cases" if trials.cases else "generated"
    lines = sorted({branch.target or branch.line for branch in missing})
    monty = seen.monty
    return {
        "trials": {
            "given": len(trials.given),
            "held_out": len(trials.held_out),
            "boundary": len(trials.boundary),
            "generated": len(trials.generated),
        },
        "seeds": [run.seed for run in seen.runs],
        "confinement": dict(sorted(seen.runs[0].confinement.items())),
        "monty": {
            "compared": monty.compared,
            "agreed": monty.agreed,
            "outside": None if monty.outside is None else str(monty.outside),
        },
        # None is "not measured": a program that was cut short has no coverage to speak of.
        "branch_coverage": None
        if seen.is_cut_short
        else {by: round(share, 4), "branches": len(seen.covered.branches), "uncovered": lines},
    }


# ---- the stage ---------------------------------------------------------------------------------------------------

_LOCK = Lock()
_WARM: dict[str, Any] = {}


def warm_sandbox() -> Sandbox:
    """The one sandbox of this process, started when it is first needed and closed at exit."""
    with _LOCK:
        if "sandbox" not in _WARM:
            _WARM["sandbox"] = Sandbox().start()
            atexit.register(_WARM["sandbox"].close)
        sandbox: Sandbox = _WARM["sandbox"]
        return sandbox


def warm_monty() -> MontyRunner:
    """The one Monty pool of this process, closed at exit."""
    with _LOCK:
        if "monty" not in _WARM:
            _WARM["monty"] = MontyRunner()
            atexit.register(_WARM["monty"].close)
        monty: MontyRunner = _WARM["monty"]
        return monty


def _check(program: Program, observed: Observed) -> tuple[Verdict, Observed]:
    return check_execution(program, observed, warm_sandbox())


STAGE = Stage("execution", RULES, _check)
