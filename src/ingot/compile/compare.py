"""Two verified artifacts compared: their own programs, and the inputs to try on both."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from ingot.artifact.verify import Verified
from ingot.compile.rerun import program_of
from ingot.errors import SpecError
from ingot.program import Program
from ingot.proof.difference import Difference, Search, compare
from ingot.proof.versions import Deployed, Version
from ingot.runtime.sandbox import Trial
from ingot.runtime.tagged import encode
from ingot.stages.draws import drawn
from ingot.stages.inputs import axes, boundary_trials, generated_trials
from ingot.stages.values import typical

EFFORT = 500
LARGEST_TRIAL = 4096
"""Characters of an input beyond which it is left out: the longest text that a field allows tells no more."""

MOST_DRAWN = 100_000


def version_of(verified: Verified) -> Version:
    """An artifact as it would run. Raises SpecError where today's Ingot no longer reads its spec."""
    program = program_of(verified)
    text = verified.files["program.py"].decode()
    part = verified.manifest.program
    return Deployed(replace(program, text=text, offset=part.logic_offset, template=part.template), verified)


def difference(old: Version, new: Version, *, effort: int = EFFORT) -> Difference:
    """What inputs change their outcome. `effort` is how many random inputs are drawn for each version, beside its given
    cases and those at the boundaries. Raises StageError."""
    return compare(old, new, tuple(trials(old.program, new.program, effort)), more=_guided(old, new, effort))


def trials(old: Program, new: Program, effort: int) -> Iterator[Trial]:
    """Inputs from both versions, each with ordinary values for what only the other version has, none twice."""
    seen: set[str] = set()
    for own, other in ((old, new), (new, old)):
        missing = {axis: typical(field) for axis, field in axes(other.spec).items() if axis not in axes(own.spec)}
        for trial in _own(own, effort):
            whole = _with(trial, missing)
            key = encode([dict(whole.input), {name: dict(values) for name, values in whole.steps.items()}])
            if key not in seen and len(key) <= LARGEST_TRIAL:
                seen.add(key)
                yield whole


def _own(program: Program, effort: int) -> Iterator[Trial]:
    yield from (Trial(case.id, case.input, case.steps) for case in program.spec.given)
    yield from boundary_trials(program)
    yield from generated_trials(program)[:effort]
    beyond = min(effort, MOST_DRAWN) - len(generated_trials(program))
    for values in drawn(axes(program.spec), beyond) if beyond > 0 else ():
        yield _with(Trial("drawn", {}, {}), values)


def _with(trial: Trial, values: Mapping[tuple[str, str], Any]) -> Trial:
    """The trial with these values in addition."""
    case = {**trial.input, **{name: value for (step, name), value in values.items() if not step}}
    steps = {step: dict(outputs) for step, outputs in trial.steps.items()}
    for (step, name), value in values.items():
        if step:
            steps.setdefault(step, {})[name] = value
    return Trial(trial.id, case, steps)


def _guided(old: Version, new: Version, effort: int) -> Search:
    """A search that makes new inputs of those that take new ways through one of the versions, in the sandbox."""

    def search() -> tuple[Trial | None, int]:
        from ingot.proof.apart import tell_apart
        from ingot.stages.execution import warm_sandbox

        try:
            apart = tell_apart(old.program, new.program, warm_sandbox(), effort=effort)
        except SpecError:  # inputs of other types: there is nothing to start from
            return None, 0
        return apart.trial, apart.tried

    return search
