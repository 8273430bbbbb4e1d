"""The spec of one function: what it is asked for, its cases and its thresholds, where it is asked for alone.

A part has one function: it reads what the step reads and gives what it sets. Its cases say what it must give for what it is
given; what it reads of other steps is computed in each case by those before it. A part is accepted where the whole could be
as far as it alone says: coverage, mutants and invariants are for the whole.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ingot import expressions
from ingot.compile import generate, prompt
from ingot.compile.assemble import assemble
from ingot.compile.attempts import Work, tables_part
from ingot.errors import StageError
from ingot.fields import Field
from ingot.program import Program
from ingot.runtime.sandbox import Limits
from ingot.spec import Case, Choice, Spec, Step, Thresholds
from ingot.stages.check import SECURITY
from ingot.stages.execution import warm_sandbox
from ingot.stages.inputs import case_trial

Read = Mapping[str, Mapping[str, Any]]
"""By case what a step reads in it; a case that does not come to the step is missing."""


def part_of(spec: Spec, step: Step, read: Read) -> Spec:
    """The spec of one function: of the rule what it rests on, of the cases what they say of it.

    All clauses stay known, as they are where the functions stand together; a request shows those of its function alone.
    No threshold is above that of the whole: where cases do not come to the step, as many may be wrong as of all.
    """
    fields = {field.name: field for field in _known(spec, step)}
    ours = {field.name for field in step.outputs} - _set_later(spec, step)
    cases = tuple(_case(case, read[case.id], ours) for case in spec.cases if case.id in read)
    inputs = tuple(fields[name] for name in dict.fromkeys(step.inputs)) or spec.inputs
    part = spec.model_copy(
        update={
            # the flow of labelled data is checked in the whole
            "metadata": spec.metadata.model_copy(update={"compliance": ()}),
            "plan": Choice(),
            "inputs": inputs,
            "outputs": step.outputs,
            "logic_requirements": (_plain(step),),
            "invariants": (),
            "overrides": (),
            "cases": cases,
            "scorers": {name: one for name, one in spec.scorers.items() if name.partition(".")[0] in ours},
            "answers": _answers(spec, step),
        }
    )
    return part.model_copy(update={"thresholds": _thresholds(spec, part)})


def parts_beforehand(spec: Spec) -> tuple[Spec, ...]:
    """The specs of the functions asked for, each with the cases for which nothing has to be computed."""
    every = {case.id: case.input for case in spec.cases}
    return tuple(
        part_of(spec, step, {} if steps_before(spec, step) else _read_of(spec, step, every)) for step in spec.asked
    )


def _plain(step: Step) -> Step:
    """A step without its validation, which may speak of fields that a part does not have."""
    return step.model_copy(update={"validation": ()})


def _known(spec: Spec, step: Step) -> tuple[Field, ...]:
    """The fields as they are known where a step stands."""
    known = {field.name: field for field in spec.inputs}
    for one in spec.logic_requirements:
        if one.step == step.step:
            break
        known |= {field.name: field for field in one.outputs}
    return tuple(known.values())


def _set_later(spec: Spec, step: Step) -> set[str]:
    """The fields that steps behind this one set: what a case says of them says nothing of this step."""
    at = [one.step for one in spec.logic_requirements].index(step.step)
    return {field.name for one in spec.logic_requirements[at + 1 :] for field in one.outputs}


def _case(case: Case, values: Mapping[str, Any], ours: set[str]) -> Case:
    """A case as one function has it; one that says nothing of it stays as an input to run."""
    return case.model_copy(
        update={
            "input": values,
            "expected": {name: value for name, value in case.expected.items() if name in ours},
            "answered": tuple(name for name in case.answered if name in ours),
            "steps": {},
            "escalates": None,
        }
    )


def _answers(spec: Spec, step: Step) -> dict[str, str]:
    """The owner's answers but for those about other steps, fields and clauses, and about held-out cases."""
    own = {step.step, *step.inputs, *step.clauses, *(field.name for field in step.outputs)}
    steps = {one.step for one in spec.logic_requirements}
    others = {*steps, *spec.known_fields(), *(clause.id for clause in spec.clauses)} - own
    kept: dict[str, str] = {}
    for question, answer in prompt.sayable(spec).items():
        named = set(question.split(":"))
        if named & own or not named & others:
            kept[question] = answer
    return kept


def _thresholds(spec: Spec, part: Spec) -> Thresholds:
    asked = spec.thresholds
    update = {
        "accuracy": _eased(asked.accuracy, len(spec.given), len(part.given)),
        "held_out_accuracy": _eased(asked.held_out_accuracy, len(spec.held_out), len(part.held_out)),
        "branch_coverage": 0.0,
        "mutation_score": 0.0,
        "mutation": "warn",
    }
    return asked.model_copy(update=update)


def _eased(share: float, of: int, left: int) -> float:
    """The share of `left` cases that leaves as many wrong as `share` does of them all."""
    return share if left in (0, of) else max(0.0, 1 - (1 - share) * of / left - 1e-9)


# ---- what a function reads ---------------------------------------------------------------------------------------


def what_is_read(work: Work, step: Step, logic: str) -> Read:
    """What a step reads in each case: of the case's input, and of what the steps before it set, which are run.

    Raises StageError where SECURITY refuses what would be run, or the sandbox cannot run it.
    """
    spec = work.spec
    before = steps_before(spec, step)
    computed: Read = {case.id: {} for case in spec.cases}
    if before and spec.cases:
        computed = _run(_up_to(work, before, logic), spec.cases)
    return _read_of(
        spec, step, {case.id: {**case.input, **computed[case.id]} for case in spec.cases if case.id in computed}
    )


def _read_of(spec: Spec, step: Step, whole: Read) -> Read:
    """Of all that is known in a case what a step reads; a step that reads nothing has the workflow's inputs to be run on."""
    names = step.inputs or tuple(field.name for field in spec.inputs)
    return {
        name: {key: values[key] for key in names}
        for name, values in whole.items()
        if all(key in values for key in names)
    }


def steps_before(spec: Spec, step: Step) -> tuple[Step, ...]:
    """The steps that set what this one reads, and what those read, in order."""
    names = [one.step for one in spec.logic_requirements]
    wanted = set(step.inputs)
    found: list[Step] = []
    for one in reversed(spec.logic_requirements[: names.index(step.step)]):
        if wanted & {field.name for field in one.outputs}:
            found.insert(0, one)
            wanted |= set(one.inputs)
            wanted |= set(expressions.names(expressions.to_python(one.when))) if one.when else set()
    return tuple(found)


def _up_to(work: Work, before: Sequence[Step], logic: str) -> Program:
    """The program of these steps alone: it answers with all that they set."""
    fields = {field.name: field.model_copy(update={"adverse": ()}) for one in before for field in one.outputs}
    update = {
        "metadata": work.spec.metadata.model_copy(update={"compliance": ()}),
        "plan": Choice(),
        "outputs": tuple(fields.values()),
        "logic_requirements": tuple(map(_plain, before)),
        "invariants": (),
    }
    spec = work.spec.model_copy(update=update)
    asked = [step.step for step in spec.asked]
    text = generate.excerpt(logic, asked) if asked else ""
    text = f"{text}\n{tables_part(spec)}" if tables_part(spec) else text
    program = assemble(spec, text, work.plan.template, work.plan.blocks)
    verdict, _ = SECURITY.check(program, {})
    if not verdict.passed:
        first = next(finding for finding in verdict.findings if finding.severity == "error")
        raise StageError(f"what was accepted is refused: {first.code} {first.message}", hint="report the spec")
    return program


def _run(program: Program, cases: Iterable[Case]) -> Read:
    """What a program answers to cases, where it answers."""
    sandbox = warm_sandbox()
    trials = [case_trial(case, program.spec) for case in cases]
    run = sandbox.run(
        program.text, trials, offset=program.offset, seed=sandbox.seeds[0], limits=Limits(run_seconds=10.0)
    )
    return {name: seen.output for name, seen in run.observations.items() if seen.output is not None}
