"""Validation: how candidates fare at the stages, and what the stages cost.

Measured where stages judged something: the solvers ``compiled``, ``hybrid`` and ``human``. A task whose prompt the model could not
take was never judged; it is not deployed.
"""

from __future__ import annotations

from collections.abc import Iterable
from statistics import fmean

from ingot.evals.log import Log, TaskLog
from ingot.evals.metrics.measure import Measure, bootstrapped, share, share_of
from ingot.evals.solvers.solver import StageRow

STAGES = ("reply", "security", "syntax", "execution", "accuracy")


def validation(log: Log) -> list[Measure]:
    """All figures of this category."""
    judged = [task for task in log.tasks if task.generation.stages]
    asked = log.tasks if judged else ()
    return [
        *(first_pass(judged, stage) for stage in STAGES),
        first_pass_overall(asked),
        deployed(asked),
        attempts(judged),
        time_to_valid(judged),
        false_rejection(log),
    ]


def passed_at(task: TaskLog) -> list[int]:
    """The attempts whose whole program passed every stage."""
    rows: dict[int, list[bool]] = {}
    for row in task.generation.stages:
        if not row.function:
            rows.setdefault(row.attempt, []).append(row.passed)
    return [attempt for attempt, found in rows.items() if all(found)]


def first_pass(tasks: Iterable[TaskLog], stage: str) -> Measure:
    """First attempts that passed a stage / first attempts that reached it; a reply without code did not pass ``reply``,
    and reached nothing else. Of functions asked for one by one the first attempt of each counts. Unit: share.
    Source: arXiv 2604.05150, validation pipeline ("first-pass rate per stage")."""
    hits: list[tuple[str, bool]] = []
    for name, rows in ((task.task, rows) for task in tasks for rows in _firsts(task)):
        here = next((row for row in rows if row.stage == stage), None)
        if stage == "reply":
            hits.append((name, here is None))
        elif here is not None:
            hits.append((name, here.passed))
    return share_of(f"first pass, {stage}", hits)


def _firsts(task: TaskLog) -> list[list[StageRow]]:
    """What the stages said of first attempts: of the whole program, or of each function."""
    stages = task.generation.stages
    first = {row.function: row.attempt for row in reversed(stages) if row.function} or {"": 1}
    found = ([row for row in stages if (row.function, row.attempt) == one] for one in first.items())
    return [rows for rows in found if rows]


def first_pass_overall(tasks: Iterable[TaskLog]) -> Measure:
    """First attempts that passed every stage / tasks; of functions asked for one by one, programs of first attempts.
    Unit: share. Source: arXiv 2604.05150, validation pipeline."""
    tasks = list(tasks)
    hits = sum(whole_at_first(task) in passed_at(task) for task in tasks)
    return share("first pass, overall", hits, len(tasks))


def whole_at_first(task: TaskLog) -> int:
    """The number of the attempt at which there is a whole program for the first time where nothing has to be repaired."""
    return len({row.function for row in task.generation.stages if row.function}) + 1


def deployed(tasks: Iterable[TaskLog]) -> Measure:
    """Tasks for which some attempt passed every stage / tasks. Unit: share. Source: arXiv 2604.05150, validation pipeline."""
    tasks = list(tasks)
    return share("deployed", sum(bool(passed_at(task)) for task in tasks), len(tasks))


def attempts(tasks: Iterable[TaskLog]) -> Measure:
    """Attempts until a candidate passed or none was left / tasks. Unit: attempts a task.
    Source: arXiv 2604.05150, validation pipeline ("regeneration attempts")."""
    return bootstrapped("attempts", [float(task.generation.attempts) for task in tasks], fmean, "attempts a task")


def time_to_valid(tasks: Iterable[TaskLog]) -> Measure:
    """Wall time of the stages of all attempts / tasks that were deployed. Unit: seconds.
    Source: arXiv 2604.05150, validation pipeline ("time to valid"), less the model's part, which is in the latency."""
    return bootstrapped(
        "stages' time", [task.generation.stage_seconds for task in tasks if passed_at(task)], fmean, "s"
    )


def false_rejection(log: Log) -> Measure:
    """Right programs that a stage refused / right programs. Unit: share.
    Source: the false-reject rate of ISO/IEC 19795-1, applied to programs.

    Measured on the solver ``human`` alone, whose programs are given as right; a refused candidate of a model may be wrong
    in a way that no item shows.
    """
    name = "false rejections"
    if log.header.solver != "human":
        return Measure(name, None, "share", 0, note="needs programs known to be right: the solver human")
    return share(name, sum(not task.generation.deployed for task in log.tasks), len(log.tasks))
