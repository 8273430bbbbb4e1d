"""Invariants asked of a program outside the stages: more effort, extra invariants, and nothing written.

The code passes SECURITY before anything of it is executed, as everywhere.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ingot.errors import CompileFailed
from ingot.program import Program
from ingot.proof.guided import Search
from ingot.proof.invariants import InvariantVerdict, check_contradictions, check_invariants
from ingot.runtime.sandbox import Sandbox, Trial
from ingot.spec import Invariant
from ingot.stages.check import SECURITY
from ingot.stages.inputs import boundary_trials, case_trial, generated_trials
from ingot.stages.stated_invariants import input_key

EFFORT = 5_000
"""So many more inputs are tried for an invariant that the solver has no answer to."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An invariant, its verdict and the seconds it took; `held_out` says that its example is a held-out case."""

    invariant: Invariant
    verdict: InvariantVerdict
    seconds: float
    held_out: bool = False

    @property
    def stated(self) -> str:
        """The invariant as it is written."""
        one = self.invariant
        if one.builtin is None:
            return one.holds
        parts = [one.builtin, one.of, "in" if one.in_ else None, one.in_, one.direction]
        return " ".join(part for part in parts if part)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON, the example with it."""
        found: dict[str, Any] = {**self.verdict.to_json(), "stated": self.stated, "seconds": round(self.seconds, 3)}
        if self.verdict.example and not self.held_out:
            found["example"] = [{"input": trial.input, "steps": trial.steps} for trial in self.verdict.example]
        return found


def prove(program: Program, sandbox: Sandbox, *, effort: int = EFFORT) -> Iterator[Answer]:
    """An answer for each invariant of the program's spec, one after the other.

    Held-out cases are neither searched nor shown. Raises CompileFailed where SECURITY refuses the code, SpecError
    where invariants contradict each other, StageError where the solver or the sandbox cannot run.
    """
    verdict, _ = SECURITY.check(program, {})
    if not verdict.passed:
        first = next(finding for finding in verdict.findings if finding.severity == "error")
        raise CompileFailed(f"security refuses the code, so none of it is run: {first}", hint="run 'ingot check' first")
    check_contradictions(program.spec)
    spec = program.spec
    held_out = [case_trial(case, spec) for case in spec.held_out]
    secret = {input_key(trial) for trial in held_out}
    given = [Trial(f"given-{n}", one.input, case_trial(one, spec).steps) for n, one in enumerate(spec.given)]
    trials = [t for t in (*given, *boundary_trials(program), *generated_trials(program)) if input_key(t) not in secret]
    for invariant in spec.invariants:
        began = time.perf_counter()
        alone = replace(program, spec=spec.model_copy(update={"invariants": (invariant,)}))
        found = _asked(alone, sandbox, trials, held_out, effort)
        shown = any(input_key(trial) in secret for trial in found.example)
        yield Answer(invariant, found, time.perf_counter() - began, shown)


def _asked(
    program: Program, sandbox: Sandbox, trials: Sequence[Trial], held_out: Sequence[Trial], effort: int
) -> InvariantVerdict:
    (found,) = check_invariants(
        program,
        trials,
        lambda some: sandbox.run(program.text, some, offset=program.offset, seed=sandbox.seeds[0]).observations,
        (lambda some: Search(program, sandbox, some, held_out).go(trials, effort)) if effort else None,
    )
    return found
