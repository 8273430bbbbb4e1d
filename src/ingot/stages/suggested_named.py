"""Suggested cases for what a candidate may have left out: values that its spec names and its cases do not have.

A condition that was forgotten has no mutant: nothing in the code stands for it. So the values that the spec names are
asked about as well, each on the given case where most inputs matter, since on one that is decided at once a forgotten
condition would not show.
"""

from __future__ import annotations

from collections.abc import Sequence

from ingot.program import Observation, Program
from ingot.proof.suggest_cover import Axis, Bases, key
from ingot.runtime.sandbox import Limits, Sandbox, Trial
from ingot.stages.inputs import case_trial, nearby_trials
from ingot.stages.suggested_values import Named, named_values

MOST = 600


def named_beside(program: Program, suggested: Sequence[Trial], sandbox: Sandbox) -> tuple[Named, ...]:
    """The values that the spec of an accepted program names, on its given case where most inputs matter.

    Inputs that are `suggested` already are left out. Raises StageError where the sandbox breaks.
    """
    base = telling_case(program, sandbox)
    known = {key(trial) for trial in suggested}
    return tuple(one for one in named_values(program.spec, base) if key(one.trial) not in known)


def telling_case(program: Program, sandbox: Sandbox) -> Trial | None:
    """The given case where a change of one value changes the answer for the most inputs; the first of several."""
    given = [case_trial(case, program.spec) for case in program.spec.given]
    if not given:
        return None
    bases = Bases(given)
    trials = nearby_trials(program, most=MOST)
    seen = _observed(program, (*given, *trials), sandbox)
    matter: dict[str, set[Axis]] = {base.id: set() for base in given}
    for trial in trials:
        near = bases.nearest(trial)
        if len(near.changed) == 1 and seen[trial.id] != seen[near.base.id]:
            matter[near.base.id].add(near.changed[0])
    return max(given, key=lambda base: len(matter[base.id]))


def _observed(program: Program, trials: Sequence[Trial], sandbox: Sandbox) -> dict[str, Observation]:
    run = sandbox.run(
        program.text, trials, offset=program.offset, seed=sandbox.seeds[0], limits=Limits(run_seconds=60.0)
    )
    return dict(run.observations)
