"""Latency: how long a transaction takes, how evenly, and how long from nothing to the first answer.

Items that were not answered at all (a task that was not deployed) took no time and are not among the transactions.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from statistics import fmean, pstdev

from ingot.evals.log import Log
from ingot.evals.metrics.measure import Measure, bootstrapped, quantile
from ingot.evals.metrics.validation import passed_at

PERCENTILES = (50, 90, 95, 99)


def latency(log: Log) -> list[Measure]:
    """All figures of this category that a log has; `cold_and_warm` needs processes of its own."""
    timed = [(item.task, item.answer.seconds) for item in log.items if item.answer.seconds]
    tasks, seconds = [task for task, _ in timed], [one for _, one in timed]
    found = [percentile(seconds, one, tasks) for one in PERCENTILES]
    return [*found, jitter(seconds, tasks), time_to_deploy(log), model_time(log)]


def percentile(seconds: Sequence[float], q: int, tasks: Sequence[str] = ()) -> Measure:
    """p = the q-th percentile of the wall time of a transaction, model calls included, linear between neighbours. Unit:
    seconds. Source: arXiv 2604.05150, latency; Hyndman and Fan 1996, type 7."""
    note = (
        ""
        if len(seconds) * (100 - q) >= 100
        else f"fewer than {100 / (100 - q):.0f} transactions: the largest or near it"
    )
    return bootstrapped(f"p{q}", seconds, partial(_quantile, q / 100), "s", tasks=tasks, note=note)


def jitter(seconds: Sequence[float], tasks: Sequence[str] = ()) -> Measure:
    """sigma = sqrt(sum (t_i - mean)^2 / n) of the wall times t_i of all n transactions. Unit: seconds.
    Source: arXiv 2604.05150, latency ("jitter")."""
    return bootstrapped("jitter", seconds, pstdev, "s", tasks=tasks)


def time_to_deploy(log: Log) -> Measure:
    """Wall time from the spec to a signed artifact, all attempts and stages / tasks that were deployed; a kept
    completion counts with the time that it took first. Unit: seconds. Source: arXiv 2604.05150, latency of the compile."""
    values = [task.generation.seconds for task in log.tasks if passed_at(task)]
    return bootstrapped("time to deploy", values, fmean, "s")


def model_time(log: Log) -> Measure:
    """Time that the model took for all attempts / tasks for which it was asked; kept completions count with the time that they
    took first. Unit: seconds. Source: arXiv 2604.05150, latency of the compile."""
    values = [task.generation.model_seconds for task in log.tasks if task.generation.usage.requests]
    return bootstrapped("model time of it", values, fmean, "s")


def cold_and_warm(cold: Sequence[float], warm: Sequence[float]) -> list[Measure]:
    """Median = the 50th percentile: cold of the first answer of new processes (start, verify, load, run), warm of runs in a loaded
    one. Unit: seconds. Source: Ingot's own definition; `ingot bench consistency` measures both."""
    median = partial(_quantile, 0.5)
    return [bootstrapped("cold", cold, median, "s"), bootstrapped("warm", warm, median, "s")]


def _quantile(q: float, values: Sequence[float]) -> float:
    return quantile(values, q)
