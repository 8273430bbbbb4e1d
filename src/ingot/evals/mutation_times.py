"""What the mutation score of a program costs, measured alone: the mutants made, tried and told apart."""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ingot.errors import StageError
from ingot.program import Program
from ingot.proof.mutation import MutationScore
from ingot.stages.accuracy import score_case
from ingot.stages.execution import warm_sandbox
from ingot.stages.weak_cases import score_of_cases


@dataclass(frozen=True, slots=True)
class MutationTimes:
    """Of one program: its size, what became of its mutants, and the median seconds of it all, warm."""

    name: str
    lines: int
    cases: int
    mutants: int
    killed: int
    survived: int
    no_difference_found: int
    proved: int
    seconds: float

    def to_json(self) -> dict[str, Any]:
        """All figures."""
        return asdict(self)


def time_mutation(name: str, program: Program, *, rounds: int = 3) -> MutationTimes:
    """Measure an accepted program, `rounds` times after one to warm up. Raises StageError where nothing is to be
    scored."""
    found, _ = _once(program)
    times = [_once(program)[1] for _ in range(rounds)]
    return MutationTimes(
        name,
        program.logic.count("\n"),
        len(program.spec.cases),
        len(found.killed) + len(found.survivors) + len(found.alike) + len(found.proved),
        len(found.killed),
        len(found.survivors),
        len(found.alike),
        len(found.proved),
        statistics.median(times),
    )


def _once(program: Program) -> tuple[MutationScore, float]:
    spec = program.spec
    sandbox = warm_sandbox()
    started = time.perf_counter()
    found = score_of_cases(program, spec.cases, lambda case, seen: score_case(spec, case, seen).right, sandbox)
    if found is None:
        raise StageError(f"{spec.metadata.name!r} has no cases or nothing to change", hint="write cases")
    return found, time.perf_counter() - started


def mutation_table(rows: Sequence[MutationTimes]) -> str:
    """The rows for people."""
    head = f"{'program':<20}{'lines':>7}{'cases':>7}{'mutants':>9}{'killed':>8}{'survived':>10}{'no difference':>15}{'proved':>8}{'seconds':>9}"
    body = (
        f"{row.name:<20}{row.lines:>7}{row.cases:>7}{row.mutants:>9}{row.killed:>8}{row.survived:>10}"
        f"{row.no_difference_found:>15}{row.proved:>8}{row.seconds:>9.2f}"
        for row in rows
    )
    return "\n".join((head, *body))
