"""Suggested cases for a program, with the inputs and the scorers of the stages."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from ingot.program import Program
from ingot.proof.suggest import Inputs, Progress, Suggested, suggest
from ingot.proof.suggest_cover import key
from ingot.proof.traffic import Record, Taken, draw
from ingot.runtime.sandbox import Sandbox, Trial
from ingot.spec import Case, Spec
from ingot.stages.accuracy import score_case
from ingot.stages.execution import warm_sandbox
from ingot.stages.inputs import admission, boundary_trials, case_trial, focused_trials, generated_trials, nearby_trials

FURTHER, CHANGES, MOST_FOCUSED = 1_200, (2, 3), 24


def suggest_cases(program: Program, *, sandbox: Sandbox | None = None, progress: Progress | None = None) -> Suggested:
    """Inputs that tell what no case of the program's spec tells, for a person to answer.

    The program must have passed SECURITY. Held-out cases count as cases; no value of one is in a suggestion, and no
    suggestion repeats one. Raises StageError where the sandbox breaks.
    """
    sandbox = sandbox or warm_sandbox()
    spec = program.spec
    boundary = boundary_trials(program)

    def further(sources: Sequence[str]) -> Iterator[Trial]:
        for source in dict.fromkeys(sources[:MOST_FOCUSED]):
            yield from focused_trials(program, source)
        for changes in CHANGES:
            yield from nearby_trials(program, changes, FURTHER)

    inputs = Inputs(
        first=(*nearby_trials(program), *boundary, *generated_trials(program)),
        further=further,
        bases=[case_trial(case, spec) for case in spec.given] or boundary[:1],
        known=frozenset(key(case_trial(case, spec)) for case in spec.cases),
        is_valid=admission(spec),
    )
    right = [(case, case_trial(case, spec)) for case in _right(program, sandbox)]
    return suggest(
        program, right, inputs, sandbox,
        is_right=lambda case, seen: score_case(spec, case, seen).right, progress=progress,
    )  # fmt: skip


def draw_cases(spec: Spec, program: Program | None, records: Iterable[Record], most: int) -> tuple[Taken, ...]:
    """At most `most` diverse records that are not cases yet, told apart by what the program does where there is one.

    Raises StageError where the sandbox breaks.
    """
    return draw(
        spec, records, most, known=[key(case_trial(case, spec)) for case in spec.cases], program=program,
        sandbox=None if program is None else warm_sandbox(),
        is_right=lambda case, seen: score_case(spec, case, seen).right,
    )  # fmt: skip


def _right(program: Program, sandbox: Sandbox) -> list[Case]:
    """The cases that the program answers right: the others say nothing about its mutants."""
    spec = program.spec
    if not spec.cases:
        return []
    trials = [case_trial(case, spec) for case in spec.cases]
    run = sandbox.run(program.text, trials, offset=program.offset, seed=sandbox.seeds[0])
    return [case for case in spec.cases if score_case(spec, case, run.observations[case.id]).right]
