"""One request a function: each is asked for, checked and repaired alone; then all go through the gates together.

    part_of ─▶ attempts.ask ─▶ an accepted function ─▶ … ─▶ joined ─▶ the four gates ─▶ repairs, a function at a time

A part is a spec with one function: it reads what the step reads and gives what it sets. So its requests hold the rule of
that function alone, its cases say what it must give for what it is given, and the stages that check it are the usual ones.
What it reads of other functions is computed by those that were accepted before it. A part is accepted where the whole could
be as far as it alone says: coverage, mutants and invariants are for the whole.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ingot import expressions
from ingot.compile import generate, prompt
from ingot.compile.assemble import assemble
from ingot.compile.attempts import (
    SEEDS,
    Attempt,
    Event,
    Work,
    ask,
    asked_part,
    checked,
    for_the_model,
    is_for_the_author,
    stages_of,
    standing,
    tables_part,
    with_tables,
)
from ingot.errors import PromptTooLong, StageError
from ingot.fields import Field
from ingot.program import Program
from ingot.runtime.sandbox import Limits
from ingot.spec import Case, Choice, Spec, Step, Thresholds
from ingot.stages.check import SECURITY, run_stages
from ingot.stages.execution import warm_sandbox
from ingot.stages.inputs import case_trial
from ingot.verdict import Finding

Read = Mapping[str, Mapping[str, Any]]
"""By case what a step reads in it; a case that does not come to the step is missing."""

_WRONG = ("ACC001", "ACC002", "ACC005")


def ask_one_by_one(work: Work, made: list[Attempt], candidate: int = 1) -> None:
    """Like `attempts.ask`, with a request of its own for each function: at most `work.limit` replies for each, repairs of the
    joined program among them. Ends with the function that none of them is accepted for, or with the joined program."""
    begin, logic = len(made), ""
    for step in work.spec.asked:
        part = part_of(work.spec, step, what_is_read(work, step, logic))
        _ask_alone(replace(work, repairs=not _copies(made[begin:])), part, step.step, made, candidate)
        if not made[-1].accepted:
            return
        logic = generate.splice(logic, made[-1].logic or "", [step.step])
    line = candidate if work.of > 1 else None
    number = len(made) + 1
    work.tell(Event("attempt", number, "joined", candidate=line, of=work.of))
    logic = with_tables(work.spec, logic)
    verdicts = stages_of(work, work.assembled(logic), number, "joined", line)
    made.append(Attempt(number, "joined", None, None, logic, verdicts, line))
    _mend(work, made, begin, candidate)


def _ask_alone(work: Work, part: Spec, name: str, made: list[Attempt], candidate: int) -> None:
    """A line of attempts for one function. What was made is marked as its own, also where the model raises."""
    begin = len(made)
    alone = replace(work, spec=part, one_by_one=False, tell=lambda event: work.tell(replace(event, function=name)))
    try:
        ask(alone, made, candidate)
    finally:
        made[begin:] = [replace(one, function=name) for one in made[begin:]]


def _copies(made: Sequence[Attempt]) -> bool:
    """Whether a repair was answered with the code that it was to mend. Small models do that with every function, so the others
    are drawn anew instead."""
    return any(
        after.kind == "repair" and after.logic is not None and _stripped(after.logic) == _stripped(before.logic or "")
        for before, after in itertools.pairwise(made)
    )


def _stripped(logic: str) -> dict[str, str]:
    return {name: text.strip() for name, text in generate.split(logic).items()}


# ---- a function alone --------------------------------------------------------------------------------------------


def part_of(spec: Spec, step: Step, read: Read) -> Spec:
    """The spec of one function: of the rule what it rests on, of the cases what they say of it.

    No threshold is above that of the whole: where cases do not come to the step, as many may be wrong as of all.
    """
    fields = {field.name: field for field in _known(spec, step)}
    ours = {field.name for field in step.outputs} - _set_later(spec, step)
    cases = tuple(_case(case, read[case.id], ours) for case in spec.cases if case.id in read)
    inputs = tuple(fields[name] for name in dict.fromkeys(step.inputs)) or spec.inputs
    part = spec.model_copy(
        update={
            "metadata": spec.metadata.model_copy(
                update={"compliance": ()}
            ),  # the flow of the whole is checked as a whole
            "plan": Choice(),
            "inputs": inputs,
            "outputs": step.outputs,
            "logic_requirements": (_plain(step),),
            "clauses": tuple(clause for clause in spec.clauses if clause.id in step.clauses),
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


# ---- all of them together ----------------------------------------------------------------------------------------


def _mend(work: Work, made: list[Attempt], begin: int, candidate: int) -> None:
    """Repair the joined program, one function at a time, the one with most findings first, on the best program so far."""
    best = made[-1]
    while not (best.passed or is_for_the_author(work.spec, best)):
        found = at_fault(work, best)
        name = next((one for one in found if _used(made[begin:], one) < work.limit), None)
        if name is None:
            return
        draw = SEEDS * (candidate - 1) + len(made) - begin
        one = _repaired(work, best, name, found[name], len(made) + 1, draw)
        if one is None:
            return
        made.append(one)
        if one.passed or standing(work.spec, one) > standing(work.spec, best):
            best = one


def _used(made: Sequence[Attempt], name: str) -> int:
    """The replies that were asked for with this function alone."""
    return sum(one.request is not None and one.request.functions == (name,) for one in made)


def _repaired(
    work: Work, best: Attempt, name: str, findings: Sequence[Finding], number: int, draw: int
) -> Attempt | None:
    """A program with one function of a new reply; None where the request does not fit into the model."""
    assert work.model is not None
    assert best.logic is not None
    before = asked_part(work.spec, best.logic)
    request = prompt.repair_request(work.spec, [name], before, findings, draw=draw)
    told = {"candidate": best.candidate, "of": work.of, "function": name}
    work.tell(Event("attempt", number, "repair", **told))  # type: ignore[arg-type]
    try:
        completion = work.model.complete(request)
    except PromptTooLong:
        return None
    work.tell(Event("completion", number, "repair", completion=completion, **told))  # type: ignore[arg-type]
    return checked(work, Attempt(number, "repair", request, completion, None, (), best.candidate), [best])


def at_fault(work: Work, attempt: Attempt) -> dict[str, tuple[Finding, ...]]:
    """The functions of a joined program that something is said of, with that, those with most first. Where wrong answers
    can be the fault of several, each is told those that it gives by itself."""
    spec = work.spec
    errors = for_the_model(spec, attempt)
    names = [step.step for step in spec.asked]
    own = {name: tuple(one for one in errors if one.function == name) for name in names}
    shared = tuple(one for one in errors if one.function not in names)
    if any(one.code in _WRONG for one in shared):
        alone = {step.step: _wrong_alone(work, step, attempt.logic or "") for step in spec.asked}
        own = {name: alone[name] or own[name] for name in names}
        if any(alone.values()):
            shared = tuple(one for one in shared if one.code not in _WRONG)
    told = {name: (*own[name], *shared) for name in names}
    return {name: told[name] for name in sorted(names, key=lambda name: -len(told[name])) if told[name]}


def _wrong_alone(work: Work, step: Step, logic: str) -> tuple[Finding, ...]:
    """What is wrong with a function of a program by itself, also where it is little enough to be accepted alone."""
    asked = asked_part(work.spec, logic)
    part = part_of(work.spec, step, what_is_read(work, step, asked))
    alone = assemble(part, generate.excerpt(asked, [step.step]), work.plan.template, work.plan.blocks)
    findings = [finding for verdict in run_stages(alone) for finding in verdict.findings]
    wrong = [one for one in findings if one.severity == "error" or one.code in _WRONG]
    return tuple(replace(one, severity="error", line=None, function=step.step) for one in wrong)
