"""Hybrid steps measured: what their candidates say of the held-out cases, and how far that is to be trusted.

Nothing of this reaches a prompt; counts reach the artifact, and the spellings of outputs that a step recalls.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ingot.agreement import Agreed, Calibration, Spellings, agree, calibrate, spellings
from ingot.compile.assemble import assemble
from ingot.errors import StageError
from ingot.fields import Field
from ingot.program import Program
from ingot.spec import Case, Spec, Step
from ingot.stages.execution import warm_sandbox
from ingot.stages.inputs import case_trial
from ingot.stages.scorers import score

Seen = tuple[str, bool, Agreed]
"""A case's id, whether the value agreed on was right, and the agreement."""


def hybrid_steps(spec: Spec) -> tuple[Step, ...]:
    """The steps that need a calibration."""
    return tuple(step for step in spec.logic_requirements if step.type == "hybrid")


def calibrations(program: Program) -> dict[str, dict[str, Any]]:
    """For each hybrid step and output, its calibration on the held-out cases as JSON. Raises StageError."""
    return {step.step: _calibrated(program, step) for step in hybrid_steps(program.spec)}


def _calibrated(program: Program, step: Step) -> dict[str, Any]:
    """A step's outputs calibrated, with the spellings that runs are to recall."""
    found = measured(program, step, program.spec.held_out)
    told = {name: one.to_json() for name, one in found.items()}
    for name in step.recall:
        told[name]["spellings"] = known_spellings(program.spec, step, name)
    return told


def known_spellings(spec: Spec, step: Step, output: str, without: str = "") -> Spellings:
    """How all labelled cases, given and held-out, write an output that a step recalls; the case with the id `without` left
    out. None where it is not recalled."""
    if output not in step.recall:
        return {}
    return spellings(_expected(case, step).get(output) for case in spec.cases if case.id != without)


def measured(program: Program, step: Step, cases: Iterable[Case]) -> dict[str, Calibration]:
    """A step's outputs calibrated on these cases."""
    seen = agreements(program, step, cases)
    return {
        name: calibrate(((one.score, right) for _, right, one in rows), step.precision) for name, rows in seen.items()
    }


def agreements(program: Program, step: Step, cases: Iterable[Case]) -> dict[str, list[Seen]]:
    """For each output of a hybrid step, what its candidates agree on in each case that says what is right.

    The candidates run in the sandbox, in a program that ends before the step. One that raises agrees on nothing. Where a
    value is recalled, it is from the other cases alone: what a case says is not known when it is tried itself.
    """
    wanted = {case.id: values for case in cases if (values := _expected(case, step))}
    cases = [case for case in cases if case.id in wanted]
    found: dict[str, list[Seen]] = {field.name: [] for field in step.outputs}
    values = _candidates(program, step, cases)
    for case in cases:
        for field in step.outputs:
            if field.name in wanted[case.id]:
                known = known_spellings(program.spec, step, field.name, without=case.id)
                agreed = agree([values[case.id].get(name) for name in step.candidates[field.name]], known)
                right = _is_right(field, agreed.value, wanted[case.id][field.name], program.spec)
                found[field.name].append((case.id, right, agreed))
    return found


def _expected(case: Case, step: Step) -> Mapping[str, Any]:
    """What the step should give: what the case says of it, or the outputs of the workflow that bear its names."""
    names = {field.name for field in step.outputs}
    return {**{name: case.expected[name] for name in names & set(case.expected)}, **case.steps.get(step.step, {})}


def _is_right(field: Field, found: Any, expected: Any, spec: Spec) -> bool:
    return found is not None and score(field, found, expected, spec.scorers) >= 1.0


def _candidates(program: Program, step: Step, cases: Iterable[Case]) -> dict[str, Mapping[str, Any]]:
    """The candidates' values of each case."""
    spec = program.spec
    names = dict.fromkeys(name for each in step.candidates.values() for name in each)
    known = spec.known_fields()
    before = spec.logic_requirements[: [one.step for one in spec.logic_requirements].index(step.step)]
    probe = spec.model_copy(
        update={
            "logic_requirements": before,
            "outputs": tuple(known[name].model_copy(update={"adverse": ()}) for name in names),
        }
    )
    text = assemble(probe, program.logic)
    trials = [case_trial(case, probe) for case in cases]
    sandbox = warm_sandbox()
    run = sandbox.run(text.text, trials, offset=text.offset, seed=sandbox.seeds[0])
    if run.loading is not None and run.loading.error is not None:
        raise StageError(f"step {step.step!r} cannot be calibrated: {run.loading.error}")
    return {trial.id: run.observations[trial.id].output or {} for trial in trials}
