"""Run time of artifacts and time of the stages, measured in one run and told as medians and ratios."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

from ingot.program import Program
from ingot.runtime.run import Workflow
from ingot.stages.check import run_stages


@dataclass(frozen=True, slots=True)
class RunTimes:
    """Of one artifact: microseconds a call, except `load_ms`. `bare` calls the program on validated values, `run` is
    the whole of `Workflow.run`; `p99` is over single calls of `run`."""

    name: str
    calls: int
    bare_us: float
    run_us: float
    traced_us: float
    p99_us: float
    load_ms: float

    @property
    def over_bare_us(self) -> float:
        """What `run` adds to the bare function."""
        return self.run_us - self.bare_us

    @property
    def traced_ratio(self) -> float:
        """Traced over untraced."""
        return self.traced_us / self.run_us

    def to_json(self) -> dict[str, Any]:
        """All figures, derived ones too."""
        return {**asdict(self), "over_bare_us": self.over_bare_us, "traced_ratio": self.traced_ratio}


def time_runs(
    name: str, load: Callable[[], Workflow], cases: Sequence[Mapping[str, Any]], *, rounds: int = 15, calls: int = 300
) -> RunTimes:
    """Time one artifact over its cases: the three ways interleaved, `rounds` times `calls` calls each."""
    loads = [_seconds(load) for _ in range(5)]
    workflow = load()
    values = [workflow.validate(case) for case in cases]
    work = [index % len(cases) for index in range(calls)]
    ways: tuple[Callable[[int], Any], ...] = (
        lambda index: workflow.transact(values[index]),
        lambda index: workflow.run(cases[index]),
        lambda index: workflow.run(cases[index], trace=True),
    )
    times: list[list[float]] = [[], [], []]
    for way in ways:
        _each(way, work)  # warm
    for _ in range(rounds):
        for way, found in zip(ways, times, strict=True):
            found.append(_each(way, work) / calls * 1e6)
    singles = [_seconds(partial(ways[1], index)) * 1e6 for index in work * 10]
    bare, run, traced = (statistics.median(found) for found in times)
    p99 = statistics.quantiles(singles, n=100)[98]
    return RunTimes(name, rounds * calls, bare, run, traced, p99, statistics.median(loads) * 1e3)


def _each(way: Callable[[int], Any], work: Sequence[int]) -> float:
    started = time.perf_counter()
    for index in work:
        way(index)
    return time.perf_counter() - started


def _seconds(call: Callable[[], Any]) -> float:
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


@dataclass(frozen=True, slots=True)
class StageTimes:
    """Milliseconds of each stage on one program: `cold` in a new process's first run, `warm` the median after it."""

    name: str
    cold: Mapping[str, float]
    warm: Mapping[str, float]

    def to_json(self) -> dict[str, Any]:
        """All figures with their sums."""
        return {
            "name": self.name,
            "cold_ms": dict(self.cold),
            "warm_ms": dict(self.warm),
            "cold_total_ms": sum(self.cold.values()),
            "warm_total_ms": sum(self.warm.values()),
        }


def time_stages(name: str, program: Program, *, rounds: int = 5) -> StageTimes:
    """Time the four stages on one accepted program. The first run of the process counts as cold."""
    cold = _stage_times(program)
    warm = [_stage_times(program) for _ in range(rounds)]
    medians = {stage: statistics.median(one[stage] for one in warm) for stage in cold}
    return StageTimes(name, cold, medians)


def _stage_times(program: Program) -> dict[str, float]:
    return {verdict.stage: verdict.seconds * 1e3 for verdict in run_stages(program)}
