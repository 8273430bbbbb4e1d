"""Programs that are taken to be right: the bundled examples, or a folder of specs with code."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ingot.compile.assemble import assemble
from ingot.compile.plan import make_plan
from ingot.errors import InputError, StageError
from ingot.program import Observation, Program
from ingot.runtime.sandbox import Limits, Sandbox, Trial
from ingot.spec import Case, Spec, load_spec
from ingot.stages.accuracy import score_case
from ingot.stages.inputs import boundary_trials, case_trial, generated_trials


@dataclass(frozen=True, slots=True)
class Right:
    """A program by name."""

    name: str
    program: Program


def right_programs(programs: Path | None = None, rules: Path | None = None) -> Iterator[Right]:
    """The bundled examples; or each ``NAME.py`` of a folder with its ``NAME/spec.yaml`` (or ``NAME.yaml``); or, with
    `rules`, each ``NAME.py`` with the rule of that name (see `ingot.evals.policyengine`).

    Raises InputError where a program has no spec or the folder no program.
    """
    if programs is None:
        from ingot.evals.bundled import EXAMPLES, compile_example

        for name in EXAMPLES:
            program = compile_example(name, None).program
            assert program is not None, name
            yield Right(name, program)
        return
    found = sorted([*programs.glob("*.py"), *programs.glob("*/logic.py")])
    if not found:
        raise InputError("no NAME.py and no NAME/logic.py here", place=str(programs), hint="name another folder")
    named = [(path.parent.name if path.name == "logic.py" else path.stem, path) for path in found]
    specs = {} if rules is None else _rules(rules, {name for name, _ in named})
    for name, path in named:
        spec = specs[name] if name in specs else load_spec(_beside(path, name))
        plan = make_plan(spec)
        yield Right(name, assemble(spec, path.read_text(encoding="utf-8"), plan.template, plan.blocks))


def _rules(path: Path, names: set[str]) -> dict[str, Spec]:
    from ingot.evals.policyengine import policies

    return {policy.name: policy.spec() for policy in policies(path, names)}


def _beside(path: Path, name: str) -> Path:
    tried = (path.parent / "spec.yaml", path.parent / name / "spec.yaml", path.parent / f"{name}.yaml")
    there = [one for one in (tried[:1] if path.name == "logic.py" else tried[1:]) if one.is_file()]
    if not there:
        raise InputError(f"{name!r} has no spec", place=str(path), hint="put its spec.yaml beside it, or give --data")
    return there[0]


# ---- cases that a right program answers --------------------------------------------------------------------------


def drawn_trials(program: Program) -> tuple[Trial, ...]:
    """The program's own cases first, then ordinary inputs, then those at boundaries: as a person would test a branch."""
    own = [replace(case_trial(case, program.spec), id=f"case-{n}") for n, case in enumerate(program.spec.cases)]
    return (*own, *generated_trials(program), *boundary_trials(program))


def branch_cases(program: Program, sandbox: Sandbox) -> tuple[Case, ...]:
    """One case per branch that an input was found for, answered by the program itself; every third is held out.

    Raises StageError where the program raises on its own cases.
    """
    trials = drawn_trials(program)
    last = program.offset + program.logic.count("\n") + 1
    run = sandbox.run(
        program.text, trials, offset=program.offset, last_line=last, seed=sandbox.seeds[0], cover=True,
        limits=Limits(run_seconds=60.0),
    )  # fmt: skip
    usable = [trial for trial in trials if run.observations[trial.id].error is None]
    chosen: list[Trial] = []
    for branch in run.branches:
        taking = [trial for trial in usable if branch.number in run.taken[trial.id]]
        fresh = [trial for trial in taking if trial not in chosen]
        chosen += fresh[:1]
    chosen = chosen or usable[:3]
    if not chosen:
        raise StageError("no input could be run, so no case can be made", hint="run 'ingot check' on the program")
    return tuple(
        answered(program, trial, run.observations[trial.id], f"branch-{n}", held_out=n % 3 == 2)
        for n, trial in enumerate(chosen)
    )


def answered(program: Program, trial: Trial, seen: Observation, name: str, *, held_out: bool = False) -> Case:
    """The case that a person writes who knows the right answer."""
    expected = {} if seen.output is None else dict(seen.output)
    return Case(
        id=name, input=trial.input, steps=trial.steps, expected=expected, escalates=seen.review is not None,
        held_out=held_out,
    )  # fmt: skip


def with_cases(program: Program, cases: Sequence[Case]) -> Program:
    """The program with these cases in place of its spec's."""
    return replace(program, spec=program.spec.model_copy(update={"cases": tuple(cases)}))


def is_right(spec: Spec, case: Case, seen: Observation) -> bool:
    """Whether an answer is the one that a case states, within the tolerance of the spec."""
    return score_case(spec, case, seen).right
