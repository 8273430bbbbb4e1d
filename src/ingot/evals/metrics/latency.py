"""Latency: how long a transaction takes, how evenly, and how long from nothing to the first answer.

Source: arXiv 2604.05150, latency and jitter; percentiles after Hyndman and Fan 1996 (type 7), intervals by percentile
bootstrap (Efron 1979).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from statistics import fmean, pstdev

from ingot.evals.log import Log
from ingot.evals.metrics.measure import Measure, bootstrapped, quantile

PERCENTILES = (50, 90, 95, 99)


def latency(log: Log) -> list[Measure]:
    """All figures of this category that a log has; `cold_and_warm` needs processes of its own."""
    seconds = [item.answer.seconds for item in log.items if item.answer.seconds]
    found = [percentile(seconds, one) for one in PERCENTILES]
    return [*found, jitter(seconds), time_to_deploy(log), model_time(log)]


def percentile(seconds: Sequence[float], q: int) -> Measure:
    """The q-th percentile of the wall time of a transaction, model calls included. Unit: seconds."""
    note = (
        ""
        if len(seconds) * (100 - q) >= 100
        else f"fewer than {100 / (100 - q):.0f} transactions: the largest or near it"
    )
    return bootstrapped(f"p{q}", seconds, partial(_quantile, q / 100), "s", note=note)


def jitter(seconds: Sequence[float]) -> Measure:
    """The standard deviation of the wall time of a transaction (of the whole sample, no correction). Unit: seconds."""
    return bootstrapped("jitter", seconds, pstdev, "s")


def time_to_deploy(log: Log) -> Measure:
    """Mean wall time from the spec to a signed artifact, all attempts and stages, of tasks that were deployed. Unit: seconds."""
    values = [task.generation.seconds for task in log.tasks if task.generation.deployed and task.generation.attempts]
    return bootstrapped("time to deploy", values, fmean, "s")


def model_time(log: Log) -> Measure:
    """Mean time that the model took of that. Unit: seconds. Kept completions count with the time that they took first."""
    values = [task.generation.model_seconds for task in log.tasks if task.generation.usage.requests]
    return bootstrapped("model time of it", values, fmean, "s")


def cold_and_warm(cold: Sequence[float], warm: Sequence[float]) -> list[Measure]:
    """Medians of the first answer of a new process (start, verify, load, run) and of a run in a loaded one. Unit: seconds."""
    median = partial(_quantile, 0.5)
    return [bootstrapped("cold", cold, median, "s"), bootstrapped("warm", warm, median, "s")]


def _quantile(q: float, values: Sequence[float]) -> float:
    return quantile(values, q)
