"""One request a function: each is asked for, checked and repaired alone; then all go through the gates together.

    part_of ─▶ attempts.ask ─▶ an accepted function ─▶ … ─▶ joined ─▶ the four gates ─▶ repairs, a function at a time

A part is a spec with one function (`ingot.compile.parts`). So its requests hold the rule of that function alone, and the
stages that check it are the usual ones. Passing alone accepts nothing but the function into the joined program.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace

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
    with_tables,
)
from ingot.compile.parts import part_of, what_is_read
from ingot.errors import PromptTooLong
from ingot.spec import Spec, Step
from ingot.stages.check import run_stages
from ingot.verdict import Finding

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


# ---- all of them together ----------------------------------------------------------------------------------------


def _mend(work: Work, made: list[Attempt], begin: int, candidate: int) -> None:
    """Repair the joined program, one function at a time, the one with most findings first, on the best program so far."""
    best: Attempt | None = made[-1]
    while best is not None and not (best.passed or is_for_the_author(work.spec, best)):
        best = _better(work, made, begin, best, candidate)


def _better(work: Work, made: list[Attempt], begin: int, best: Attempt, candidate: int) -> Attempt | None:
    """The first repair of a program that stands higher than it; None where no function that is at fault has replies left."""
    found = at_fault(work, best)
    while (name := next((one for one in found if _used(made[begin:], one) < work.limit), None)) is not None:
        draw = SEEDS * (candidate - 1) + len(made) - begin
        one = _repaired(work, best, name, found[name], len(made) + 1, draw)
        if one is None:
            return None
        made.append(one)
        if one.passed or standing(work.spec, one) > standing(work.spec, best):
            return one
    return None


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
