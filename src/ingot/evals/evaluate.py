"""A suite through a solver: prepare once a task, answer every item, score, write down."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import asdict, replace
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

from ingot.canonical import canonical_json, digest
from ingot.errors import PromptTooLong
from ingot.evals.alone import alone
from ingot.evals.log import UNWITHHELD, Header, Journal, Log, Scored, TaskLog, write_log
from ingot.evals.side_by_side import side_by_side
from ingot.evals.solvers.solver import NOT_DEPLOYED, Answer, Generation, Prepared, Solver, too_long
from ingot.evals.suite import Item, Suite, Task, check_apart
from ingot.usage import Usage

Tell = Callable[[str, int, int], None]
"""Told of every step: the task's id, items done, items in all."""


def estimate(suite: Suite, solver: Solver) -> Usage:
    """The tokens that an evaluation is expected to use where everything passes at the first attempt: a lower bound."""
    return sum((solver.estimate(task) for task in suite.tasks), Usage())


def evaluate(
    suite: Suite,
    solver: Solver,
    folder: Path,
    *,
    settings: Mapping[str, Any] | None = None,
    tell: Tell | None = None,
    at_once: int = 1,
) -> Log:
    """Run a suite with a solver; the log is in `folder`, which a run that was cut short goes on with.

    Of a solver that can (`Solver.side_by_side`), `at_once` transactions of a task are answered at a time.

    What is finished is kept at Ctrl-C, task by task. A task whose prompt does not fit the model's context is not deployed,
    and a transaction whose prompt does not is withheld; the others go on. Raises ModelError and StageError where a tool is broken,
    SpecError where an item is among a task's cases, InputError where the folder holds another evaluation or another run is
    writing to it.
    """
    check_apart(suite)
    with alone(folder):
        return _evaluated(suite, solver, folder, settings or {}, tell or (lambda *_: None), at_once)


def _evaluated(
    suite: Suite, solver: Solver, folder: Path, settings: Mapping[str, Any], tell: Tell, at_once: int
) -> Log:
    journal = Journal(folder, _header(suite, solver, settings))
    done = 0
    for task in suite.tasks:
        if task.id not in journal.done:
            journal.add(_run(task, solver, partial(_told, tell, task.id, done, suite.items), at_once))
        done += len(task.items)
        tell(task.id, done, suite.items)
    log = Log(journal.header, tuple(journal.done[task.id] for task in suite.tasks))
    write_log(folder, log)
    return log


def _told(tell: Tell, task: str, before: int, items: int, count: int) -> None:
    tell(task, before + count, items)


def finished(folder: Path, suite: Suite, solver: Solver, settings: Mapping[str, Any]) -> Log:
    """The log of what is finished so far, after Ctrl-C."""
    journal = Journal(folder, _header(suite, solver, settings))
    tasks = tuple(journal.done[task.id] for task in suite.tasks if task.id in journal.done)
    log = Log(journal.header, tasks, whole=len(tasks) == len(suite.tasks))
    write_log(folder, log)
    return log


def _run(task: Task, solver: Solver, tell: Callable[[int], None], at_once: int) -> TaskLog:
    prepared: Prepared
    with closing(_prepared(task, solver)) as prepared:
        answered = partial(_answered, task, prepared)
        if at_once > 1 and solver.side_by_side:
            return TaskLog(task.id, prepared.generation, tuple(side_by_side(answered, task.items, at_once, tell)))
        items = []
        for count, item in enumerate(task.items, start=1):
            items.append(answered(item))
            tell(count)
        return TaskLog(task.id, prepared.generation, tuple(items))


def _prepared(task: Task, solver: Solver) -> Prepared:
    try:
        return solver.prepare(task)
    except PromptTooLong as error:
        return _TooLong(Generation(False, error.message))


class _TooLong:
    """A task that the model cannot even be asked about."""

    def __init__(self, generation: Generation) -> None:
        self.generation = generation

    def answer(self, given: Mapping[str, Any]) -> Answer:
        return Answer(None, withheld=self.generation.reason)

    def close(self) -> None:
        return


def _answered(task: Task, prepared: Prepared, item: Item) -> Scored:
    if not prepared.generation.deployed:
        answer = Answer(None, withheld=f"{NOT_DEPLOYED}{prepared.generation.reason}", ran=False)
    else:
        try:
            answer = prepared.answer(item.input)
        except PromptTooLong as error:
            answer = too_long(error, Usage(), 0.0)
    answer = _unless_none(task, item, answer)
    scores, full = _scores(task, item, answer), _full(task, item, answer)
    return Scored(item.id, item.kind, item.answerable, answer, scores, full, item.group)


def _unless_none(task: Task, item: Item, answer: Answer) -> Answer:
    """Where the only right answer is none, an output that the task scores as withheld in every field is none: fields that
    say "no call" are no call."""
    if item.answerable or not answer.output:
        return answer
    scores = task.score(item, answer.output)
    if not scores or any(one is not None for one in scores.values()):
        return answer
    return replace(answer, output=None, withheld=answer.withheld or "its fields say that there is no answer")


def _scores(task: Task, item: Item, answer: Answer) -> dict[str, float | None]:
    """Every field that is asked of the item: 0 where the transaction failed, None where the field was withheld."""
    if not item.answerable:
        return {}
    if answer.error:
        return dict.fromkeys(_asked(task, item), 0.0)
    if answer.output is None:
        return dict.fromkeys(_asked(task, item))
    found = task.score(item, answer.output)
    asked = _asked(task, item)
    return {name: found.get(name) for name in task.fields if name in asked or name in found}


def _asked(task: Task, item: Item) -> tuple[str, ...]:
    """The task's fields that the item says something about, all where it names none of them: a field that nothing is
    expected of cannot be right, and is no abstention."""
    return tuple(name for name in task.fields if name in item.expected) or task.fields


def _full(task: Task, item: Item, answer: Answer) -> dict[str, dict[str, float | None]]:
    """The suite's score and its further measures of what was answered or guessed: 0 where there is neither."""
    if not item.answerable or not (task.others or answer.guesses):
        return {}
    measures = {UNWITHHELD: task.score, **task.others}
    found = {name: measure(item, answer.unwithheld) for name, measure in measures.items()}
    return {name: {one: scores.get(one, 0.0) for one in _asked(task, item)} for name, scores in found.items()}


def _header(suite: Suite, solver: Solver, settings: Mapping[str, Any]) -> Header:
    references = tuple(asdict(one) for one in suite.references)
    if solver.name == "human":  # what answers: a finished task of another program is not gone on with
        programs = {task.id: task.program for task in suite.tasks}
        settings = {**settings, "programs": digest(canonical_json(programs))}
    return Header(
        suite.name, suite.title, suite.protocol, suite.digest, suite.scorer, suite.origin, solver.name, solver.model,
        settings, version("ingot"), started=datetime.now(UTC).isoformat(timespec="seconds"), references=references,
    )  # fmt: skip
