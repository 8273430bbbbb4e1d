"""Logs of one suite beside each other: of the same items, and of the same tasks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from ingot.errors import InputError
from ingot.evals.log import Log


def alike(logs: Sequence[Log], *, shared: bool = False) -> list[Log]:
    """The logs, where they have the same tasks; with `shared` each with the tasks that all have, and how many it had besides.

    A log that was cut short has answered the first tasks alone, and a mean over those is no mean over all. Raises InputError
    where the suites differ, where the tasks do and `shared` is not said, and where no task is in all.
    """
    for other in logs[1:]:
        if other.header.suite_digest != logs[0].header.suite_digest:
            raise InputError(
                f"the logs are of different suites or of different items ({_suite(logs[0])}, {_suite(other)})",
                hint="put logs of one suite together, run with the same --limit, --items and --task",
            )
    logs = _labelled(logs)
    names = [{task.task for task in log.tasks} for log in logs]
    every = set.intersection(*names) if names else set()
    if all(one == every for one in names):
        return list(logs)
    if not every:
        raise InputError("no task is in all logs", hint="let the runs that were cut short get further")
    if not shared:
        raise InputError(
            f"the logs have different tasks: {'; '.join(map(_tasks, logs))}; figures of them are not comparable",
            hint=f"finish with the command that began it, or say --shared for the {len(every)} tasks that all have",
        )
    return [_kept(log, every) for log in logs]


def cut_short(log: Log) -> str:
    """What a reader must know of a log that is not whole, "" of one that is."""
    parts = [f"cut short after {len(log.tasks) + log.left_out} tasks"] if not log.whole else []
    parts += [f"{log.left_out} tasks left out, since not all logs have them"] if log.left_out else []
    return "; ".join(parts)


def _labelled(logs: Sequence[Log]) -> list[Log]:
    """Logs of one solver are told apart by their models, and where that is not enough by their place."""
    found = list(logs)
    for more in (lambda log, _: log.header.model, lambda _, at: str(at)):
        counted = Counter(log.name for log in found)
        found = [
            replace(log, label=f"{log.name} {more(log, at)}".strip()) if counted[log.name] > 1 else log
            for at, log in enumerate(found, start=1)
        ]
    return found


def _kept(log: Log, names: set[str]) -> Log:
    tasks = tuple(task for task in log.tasks if task.task in names)
    return replace(log, tasks=tasks, left_out=log.left_out + len(log.tasks) - len(tasks))


def _suite(log: Log) -> str:
    return f"{log.header.suite} {log.header.suite_digest[:12]}"


def _tasks(log: Log) -> str:
    return f"{log.name} has {len(log.tasks)}{'' if log.whole else ', cut short'}"
