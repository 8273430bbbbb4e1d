"""What can be said of right programs: the mutation score of their cases and the verdict on each invariant, with times.

Each program is asked for its own invariants and for those offered by name that make sense for its fields: totality,
determinacy, the outputs' ranges, every value of an output reached, and for each number among the inputs whether an
output that is a number goes up with it. The last is a question, not a claim: a counter-example is an answer too.
"""

from __future__ import annotations

import re
import statistics
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ingot.evals.right_programs import Right, is_right
from ingot.program import Program
from ingot.proof.invariants import check_invariants
from ingot.runtime.sandbox import Sandbox, Trial
from ingot.spec import Invariant
from ingot.stages.inputs import boundary_trials, case_trial, generated_trials
from ingot.stages.weak_cases import score_of_cases

NUMBERS = ("integer", "decimal")


@dataclass(frozen=True, slots=True)
class Claim:
    """The verdict on one invariant; `seconds` for it alone, translation included."""

    name: str
    status: str
    why: str
    inputs: int
    seconds: float

    def to_json(self) -> dict[str, Any]:
        """Plain JSON."""
        return {"name": self.name, "status": self.status, "why": self.why or None, "inputs": self.inputs,
                "seconds": round(self.seconds, 3)}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Proof:
    """One program: mutants and score of its cases, the seconds of that, and its claims."""

    name: str
    lines: int
    cases: int
    right: int
    mutants: int
    score: float | None
    survived: int
    seconds: float
    claims: tuple[Claim, ...]

    def count(self, status: str) -> int:
        """Claims with this verdict."""
        return sum(claim.status == status for claim in self.claims)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON."""
        return {
            "program": self.name, "lines": self.lines, "cases": self.cases, "right": self.right,
            "mutants": self.mutants, "mutation_score": self.score, "survived": self.survived,
            "seconds": round(self.seconds, 3), "claims": [claim.to_json() for claim in self.claims],
        }  # fmt: skip


def prove(right: Right, sandbox: Sandbox) -> Proof:
    """Score the cases and check every claim, one by one. Raises StageError where the solver or the sandbox breaks."""
    program = right.program
    spec = program.spec
    trials = [replace(case_trial(case, spec), id=f"case-{n}") for n, case in enumerate(spec.cases)]
    seen = _run(program, trials, sandbox)
    good = [case for case, trial in zip(spec.cases, trials, strict=True) if is_right(spec, case, seen[trial.id])]
    started = time.perf_counter()
    found = score_of_cases(program, good, lambda case, one: is_right(spec, case, one), sandbox)
    seconds = time.perf_counter() - started
    killed, survived = (0, 0) if found is None else (len(found.killed), len(found.survivors))
    alike = 0 if found is None else len(found.alike) + len(found.proved)
    secret = {case.id for case in spec.held_out}
    shown = [trial for case, trial in zip(spec.cases, trials, strict=True) if case.id not in secret]
    drawn = (*shown, *boundary_trials(program), *generated_trials(program))
    claims = tuple(_claim(program, one, drawn, sandbox) for one in claims_of(program))
    return Proof(
        right.name, program.logic.count("\n"), len(spec.cases), len(good), killed + survived + alike,
        None if found is None else found.score, survived, seconds, claims,
    )  # fmt: skip


def claims_of(program: Program) -> Iterator[Invariant]:
    """The spec's own invariants, then those by name that make sense for its fields."""
    spec = program.spec
    yield from spec.invariants
    stated = {one.builtin for one in spec.invariants}
    for name in ("totality", "determinacy"):
        if name not in stated:
            yield Invariant.model_validate({"name": name, "builtin": name})
    bounded = [one for one in spec.outputs if one.minimum is not None or one.maximum is not None or one.values]
    if bounded and "output_range" not in stated:
        yield Invariant.model_validate({"name": "output_range", "builtin": "output_range"})
    for one in spec.outputs:
        if one.values or one.type == "boolean":
            yield Invariant.model_validate(
                {"name": f"reachable_{one.name}"[:60], "builtin": "reachable", "of": one.name}
            )
    for output in spec.outputs:
        for field in spec.inputs if output.type in NUMBERS else ():
            if field.type in NUMBERS:
                name = f"up_{output.name}_in_{field.name}"[:60]
                yield Invariant.model_validate(
                    {"name": name, "builtin": "monotone", "of": output.name, "in": field.name, "direction": "up"}
                )


def _claim(program: Program, invariant: Invariant, trials: Sequence[Trial], sandbox: Sandbox) -> Claim:
    alone = replace(program, spec=program.spec.model_copy(update={"invariants": (invariant,)}))
    started = time.perf_counter()
    (verdict,) = check_invariants(alone, trials, lambda some: _run(program, some, sandbox))
    return Claim(invariant.name, verdict.status, verdict.why, verdict.tried, time.perf_counter() - started)


def _run(program: Program, trials: Sequence[Trial], sandbox: Sandbox) -> Any:
    return sandbox.run(program.text, trials, offset=program.offset, seed=sandbox.seeds[0]).observations


# ---- for people --------------------------------------------------------------------------------------------------

STATUSES = ("proved", "no counter-example found", "counter-example", "not expressible", "time-out")


def table(found: Sequence[Proof]) -> str:
    """One line per program, then the totals and what stood in the solver's way."""
    head = (
        f"{'program':<46}{'lines':>6}{'cases':>6}{'mutants':>8}{'score':>7}{'s':>7}"
        f"{'proved':>8}{'none found':>12}{'counter':>9}{'not expr.':>11}{'time-out':>10}{'median s':>10}"
    )
    lines = [head]
    for one in found:
        counts = [one.count(status) for status in STATUSES]
        median = statistics.median([claim.seconds for claim in one.claims])
        score = "-" if one.score is None else f"{one.score:.2f}"
        lines.append(
            f"{one.name[:44]:<46}{one.lines:>6}{one.cases:>6}{one.mutants:>8}{score:>7}{one.seconds:>7.2f}"
            f"{counts[0]:>8}{counts[1]:>12}{counts[2]:>9}{counts[3]:>11}{counts[4]:>10}{median:>10.2f}"
        )
    totals = ", ".join(f"{sum(one.count(status) for one in found)} {status}" for status in STATUSES)
    lines += ["", f"{sum(len(one.claims) for one in found)} claims: {totals}"]
    reasons: dict[str, list[str]] = {}
    for one in found:
        for claim in one.claims:
            if claim.status in ("not expressible", "time-out", "no counter-example found"):
                construct = re.sub(r"^the solver has no exact form of ", "", claim.why)
                reasons.setdefault(construct, []).append(f"{one.name}:{claim.name}")
    lines += [f"    {why}: {', '.join(names[:4])}{' …' if len(names) > 4 else ''}" for why, names in reasons.items()]
    return "\n".join(lines)
