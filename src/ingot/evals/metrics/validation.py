"""Validation: how candidates fare at the stages, and what the stages cost.

Source: arXiv 2604.05150, validation pipeline ("first-pass rate per stage, regeneration attempts, time to valid").
"""

from __future__ import annotations

from collections.abc import Iterable
from statistics import fmean

from ingot.evals.log import Log, TaskLog
from ingot.evals.metrics.measure import Measure, bootstrapped, share

STAGES = ("reply", "security", "syntax", "execution", "accuracy")


def validation(log: Log) -> list[Measure]:
    """All figures of this category."""
    asked = [task for task in log.tasks if task.generation.attempts]
    found = [first_pass(asked, stage) for stage in STAGES]
    return [
        *found,
        first_pass_overall(asked),
        deployed(asked),
        attempts(asked),
        time_to_valid(asked),
        false_rejection(log),
    ]


def first_pass(tasks: Iterable[TaskLog], stage: str) -> Measure:
    """First attempts that passed a stage / first attempts that reached it. Unit: share. A reply that held no code
    did not pass ``reply``; one that did is not in the log of that stage, and passed it."""
    reached = passed = 0
    for task in tasks:
        rows = [row for row in task.generation.stages if row.attempt == 1]
        here = next((row for row in rows if row.stage == stage), None)
        if stage == "reply":
            reached, passed = reached + bool(rows), passed + (bool(rows) and here is None)
        elif here is not None:
            reached, passed = reached + 1, passed + here.passed
    return share(f"first pass, {stage}", passed, reached)


def first_pass_overall(tasks: Iterable[TaskLog]) -> Measure:
    """First attempts that passed every stage / tasks. Unit: share."""
    tasks = list(tasks)
    hits = sum(task.generation.deployed and task.generation.attempts == 1 for task in tasks)
    return share("first pass, overall", hits, len(tasks))


def deployed(tasks: Iterable[TaskLog]) -> Measure:
    """Tasks for which some attempt passed every stage / tasks. Unit: share."""
    tasks = list(tasks)
    return share("deployed", sum(task.generation.deployed for task in tasks), len(tasks))


def attempts(tasks: Iterable[TaskLog]) -> Measure:
    """Mean attempts until a candidate passed or none was left. Unit: attempts a task."""
    return bootstrapped("attempts", [float(task.generation.attempts) for task in tasks], fmean, "attempts a task")


def time_to_valid(tasks: Iterable[TaskLog]) -> Measure:
    """Mean wall time less the model's, of tasks that were deployed: what the stages took. Unit: seconds."""
    values = [
        max(0.0, task.generation.seconds - task.generation.model_seconds) for task in tasks if task.generation.deployed
    ]
    note = "of completions that were kept from an earlier run the model's time is not in the wall time"
    return bootstrapped("stages' time", values, fmean, "s", note=note)


def false_rejection(log: Log) -> Measure:
    """Right programs that a stage refused / right programs. Unit: share.

    Measured on the solver ``human`` alone, whose programs are given as right; a refused candidate of a model may be wrong
    in a way that no item shows.
    """
    name = "false rejections"
    if log.header.solver != "human":
        return Measure(name, None, "share", 0, note="needs programs known to be right: the solver human")
    return share(name, sum(not task.generation.deployed for task in log.tasks), len(log.tasks))
