"""Suggested cases for a program, with the inputs and the scorers of the stages."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from ingot.errors import StageError
from ingot.program import Program
from ingot.proof.edges import edges
from ingot.proof.suggest import Inputs, Progress, Suggested, suggest
from ingot.proof.suggest_cover import key
from ingot.proof.suggest_targets import Target
from ingot.proof.traffic import Record, Taken, draw
from ingot.runtime.sandbox import Limits, Sandbox, Trial
from ingot.spec import Case, Spec
from ingot.stages.accuracy import score_case
from ingot.stages.execution import warm_sandbox
from ingot.stages.inputs import admission, boundary_trials, case_trial, generated_trials, nearby_trials
from ingot.stages.weak_cases import inputs_nearer

FURTHER, CHANGES, BATCH, ROUNDS = 600, (2, 3), 150, 8
CROSSED, POOL = 450, 40
MOST_FIRST, MOST_ALONE = 1_200, 12
"""At most so many inputs with a constant of a target's line in a given case, and so many inputs to change."""


def suggest_cases(program: Program, *, sandbox: Sandbox | None = None, progress: Progress | None = None) -> Suggested:
    """Inputs that tell what no case of the program's spec tells, for a person to answer.

    The program must have passed SECURITY. Held-out cases count as cases; no value of one is in a suggestion, and no
    suggestion repeats one. Raises StageError where the sandbox breaks.
    """
    try:
        from ingot.proof.equivalence import Solver
        from ingot.proof.search_inputs import Changer, nearest
    except ImportError as error:
        raise StageError("the solver is not installed", hint="pip install 'ingot[compile]'") from error
    sandbox = sandbox or warm_sandbox()
    spec = program.spec
    boundary = boundary_trials(program)

    given = [case_trial(case, spec) for case in spec.given]
    trials = (*boundary, *generated_trials(program))
    pool = [*given, *boundary[:: max(1, len(boundary) // POOL)]]

    is_valid = admission(spec)

    def changer(targets: Sequence[Target]) -> Changer:
        return Changer(program, program, nearest(program, [(one.mutant.logic, one.mutant.line) for one in targets]))

    jumps: list[list[Trial]] = []

    def near(targets: Sequence[Target]) -> Iterator[Sequence[Trial]]:
        found = changer(targets).placed(given or pool, CROSSED)
        yield from (found[at : at + BATCH] for at in range(0, len(found), BATCH))
        if not jumps:
            found = edges(given or pool, spec.inputs, lambda some: _answers(program, some, sandbox))
            jumps.append([one for one in found if is_valid(one)])
        yield jumps[0]
        yield from (changer([one]).changed(given or pool, 2 * POOL) for one in targets[:MOST_ALONE])

    def further(targets: Sequence[Target]) -> Iterator[Sequence[Trial]]:
        for changes in CHANGES:
            yield nearby_trials(program, changes, FURTHER)
        for makes in (changer(targets), Changer(program, program)):
            for _ in range(ROUNDS // 2):
                yield makes.changed(pool, BATCH)

    inputs = Inputs(
        first=(*nearby_trials(program, most=MOST_FIRST), *trials),
        near=near,
        further=further,
        bases=given or boundary[:1],
        known=frozenset(key(case_trial(case, spec)) for case in spec.cases),
        is_valid=is_valid,
        equivalent=Solver(program, trials, sandbox),
        nearer=lambda some: inputs_nearer(program, some, trials),
    )
    right = [(case, case_trial(case, spec)) for case in _right(program, sandbox)]
    return suggest(
        program, right, inputs, sandbox,
        is_right=lambda case, seen: score_case(spec, case, seen).right, progress=progress,
    )  # fmt: skip


def _answers(program: Program, trials: Sequence[Trial], sandbox: Sandbox) -> list[str]:
    """What a program does on each, as text; the kind of exception where it raises."""
    some = [replace(one, id=f"e{number}") for number, one in enumerate(trials)]
    limits = Limits(run_seconds=60.0)
    run = sandbox.run(program.text, some, offset=program.offset, seed=sandbox.seeds[0], limits=limits)
    return [run.answers.get(one.id) or (run.observations[one.id].error or "").partition(":")[0] for one in some]


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
