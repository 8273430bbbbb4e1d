"""The four stages in their order, and the one loop that runs them."""

from __future__ import annotations

from collections.abc import Callable

from ingot.program import Program
from ingot.stages import accuracy, execution, security, syntax
from ingot.stages.flow import FLOW_RULES, check_flow
from ingot.stages.stage import Observed, Stage
from ingot.verdict import StageName, Verdict


def check_security(program: Program, observed: Observed) -> tuple[Verdict, Observed]:
    """The data flow of the spec's steps, then the candidate's code: one verdict."""
    verdict, observed = security.STAGE.check(program, observed)
    findings = (*check_flow(program.spec), *verdict.findings)
    return Verdict.of("security", findings, verdict.seconds, verdict.measures), observed


SECURITY = Stage("security", (*FLOW_RULES, *security.RULES), check_security)
STAGES: tuple[Stage, ...] = (SECURITY, syntax.STAGE, execution.STAGE, accuracy.STAGE)

Progress = Callable[[StageName, Verdict | None], None]


def run_stages(program: Program, progress: Progress | None = None) -> tuple[Verdict, ...]:
    """The verdicts on a program, up to and including the first that does not pass.

    SECURITY comes first because nothing may be executed before it. `progress` is called with a stage's name and None
    when it starts, and with its verdict when it ends. Raises StageError where a stage cannot run.
    """
    verdicts: list[Verdict] = []
    observed: Observed = {}
    for stage in STAGES:
        if progress:
            progress(stage.name, None)
        verdict, observed = stage.check(program, observed)
        verdicts.append(verdict)
        if progress:
            progress(stage.name, verdict)
        if not verdict.passed:
            break
    return tuple(verdicts)


def all_passed(verdicts: tuple[Verdict, ...]) -> bool:
    """True where all four stages ran, in order, and passed."""
    return [verdict.stage for verdict in verdicts] == [stage.name for stage in STAGES] and all(
        verdict.passed for verdict in verdicts
    )
