"""Rows a second of batches, beside a bare Python loop over the same rows in the same run; and the memory they take."""

from __future__ import annotations

import json
import multiprocessing
import os
import resource
import statistics
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ingot.edges.batch import run_batch
from ingot.edges.chunks import converter
from ingot.errors import StageError
from ingot.runtime.run import load
from ingot.store.keys import StoreKey
from ingot.store.store import Store

WAYS: Mapping[str, Mapping[str, bool]] = {
    "bare loop": {},
    "trusted": {"validate": False},
    "validated": {"validate": True},
    "trusted, audited": {"validate": False, "audit": True},
    "validated, audited": {"validate": True, "audit": True},
}


@dataclass(frozen=True, slots=True)
class Rate:
    """Rows a second of one way with a number of worker processes: the median of the rounds. `ratio` is over the bare loop;
    `per_core` that ratio for each of as many cores; `cpu_us` the CPU time of all its processes for a row, `peak_mb` the
    largest process."""

    way: str
    workers: int
    rows_per_second: float
    ratio: float
    per_core: float
    cpu_us: float
    peak_mb: float

    def to_json(self) -> dict[str, Any]:
        """All figures."""
        return asdict(self)


def batch_rates(
    artifact: Path, cases: Sequence[Mapping[str, Any]], rows: int, *, workers: Sequence[int] = (1, 2), rounds: int = 3
) -> list[Rate]:
    """Time every way on `rows` rows made of the cases' inputs (plain JSON), interleaved, each in a process of its own that
    has as many cores as workers: divided by them a rate is one per core."""
    jobs = [("bare loop", 1), *((way, count) for count in workers for way in list(WAYS)[1:])]
    seen: dict[tuple[str, int], list[tuple[float, float, float]]] = {job: [] for job in jobs}
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "in.jsonl"
        _write_rows(source, cases, rows)
        for _ in range(rounds):
            for way, count in jobs:
                seen[way, count].append(_in_own_process(artifact, source, way, count))
    bare = statistics.median(rows / one[0] for one in seen["bare loop", 1])
    return [_rate(way, count, rows, times, bare) for (way, count), times in seen.items()]


def _rate(way: str, workers: int, rows: int, times: list[tuple[float, float, float]], bare: float) -> Rate:
    rate = statistics.median(rows / one[0] for one in times)
    cpu = statistics.median(one[1] for one in times) / rows * 1e6
    return Rate(way, workers, rate, rate / bare, rate / bare / workers, cpu, max(one[2] for one in times))


def _in_own_process(artifact: Path, source: Path, way: str, workers: int) -> tuple[float, float, float]:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_measure, args=(theirs, artifact, source, way, workers))
    process.start()
    theirs.close()
    measured: tuple[float, float, float] = ours.recv()
    process.join()
    return measured


def _measure(pipe: Any, artifact: Path, source: Path, way: str, workers: int) -> None:
    """Seconds by the clock, CPU seconds of this process and its children, and megabytes of the largest of them."""
    _hold_to(workers)
    workflow = load(artifact)
    validate = WAYS[way].get("validate", True)
    with tempfile.TemporaryDirectory(dir=source.parent) as folder, ExitStack() as stack:
        out = Path(folder) / "out.jsonl"
        store = None
        if WAYS[way].get("audit"):
            store = stack.enter_context(Store.open(str(Path(folder) / "store.db"), StoreKey(bytes(32))))
        before, started = _cpu(), time.perf_counter()
        if not WAYS[way]:
            _bare(workflow, source, out)
        else:
            run_batch(workflow, source, out, workers=workers, validate=validate, store=store)
        seconds, cpu = time.perf_counter() - started, _cpu() - before
    who = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    pipe.send((seconds, cpu, max(resource.getrusage(one).ru_maxrss for one in who) / 1024))


def _hold_to(cores: int) -> None:
    """Let this process and its children have so many cores; raises StageError where there are fewer."""
    if not hasattr(os, "sched_setaffinity"):
        raise StageError("this system cannot hold a process to some cores", hint="measure on Linux")
    mine = sorted(os.sched_getaffinity(0))
    if len(mine) < cores:
        raise StageError(f"{cores} cores are wanted and {len(mine)} are here", hint="give fewer --workers")
    os.sched_setaffinity(0, mine[:cores])


def _cpu() -> float:
    times = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in times)


def _bare(workflow: Any, source: Path, out: Path) -> None:
    """What one would write without Ingot: read a line, call the function, write a line; nothing is checked."""
    transact, convert = workflow.transact, converter(workflow.spec.inputs)
    with source.open(encoding="utf-8") as lines, out.open("w", encoding="utf-8") as file:
        for line in lines:
            output, review = transact(convert(json.loads(line)))
            file.write(json.dumps(output if review is None else list(review), default=str) + "\n")


def _write_rows(path: Path, cases: Sequence[Mapping[str, Any]], rows: int) -> None:
    lines = [json.dumps(case) + "\n" for case in cases]
    with path.open("w", encoding="utf-8") as file:
        file.writelines(lines[number % len(lines)] for number in range(rows))


# ---- memory ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Memory:
    """The peak resident memory in megabytes of the process that runs a batch and of each of its workers, when the first
    hundredth of the rows was done and when all were; `growth` is the one over the other, of the process that grew most."""

    rows: int
    workers: int
    audited: bool
    seconds: float
    at_first: tuple[float, ...]
    at_end: tuple[float, ...]

    @property
    def growth(self) -> float:
        """How many times its early peak the process that grew most has at the end."""
        return max(end / first for first, end in zip(self.at_first, self.at_end, strict=True))

    def to_json(self) -> dict[str, Any]:
        """All figures."""
        return {**asdict(self), "growth": self.growth}


def batch_memory(
    artifact: Path, cases: Sequence[Mapping[str, Any]], rows: int, *, workers: int = 2, audit: bool = False
) -> Memory:
    """Run a batch of `rows` rows made of the cases' inputs in a process of its own and note its peaks. Needs the disk for
    the rows, their outcomes and, audited, their records. Raises StageError where the system does not tell a peak."""
    if not Path("/proc/self/status").exists():
        raise StageError("this system does not tell the peak memory of a process", hint="measure on Linux")
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    with tempfile.TemporaryDirectory() as folder:
        _write_rows(Path(folder) / "in.jsonl", cases, rows)
        process = context.Process(target=_measure_memory, args=(theirs, artifact, Path(folder), workers, audit))
        process.start()
        theirs.close()
        seconds, first, end = ours.recv()
        process.join()
    return Memory(rows, workers, audit, seconds, first, end)


def _measure_memory(pipe: Any, artifact: Path, folder: Path, workers: int, audit: bool) -> None:
    source = folder / "in.jsonl"
    size, seen = source.stat().st_size, list[tuple[float, ...]]()

    def reached(position: int) -> None:
        if (not seen and position * 100 >= size) or position == size:
            seen.append(_peaks())

    started = time.perf_counter()
    with ExitStack() as stack:
        store = stack.enter_context(Store.open(str(folder / "store.db"), StoreKey(bytes(32)))) if audit else None
        run_batch(load(artifact), source, folder / "out.jsonl", workers=workers, store=store, progress=reached)
    pipe.send((time.perf_counter() - started, seen[0], seen[-1]))


def _peaks() -> tuple[float, ...]:
    """Megabytes: this process, then its children in the order of their ids."""
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    return tuple(_peak(one) for one in ("self", *sorted(children, key=int)))


def _peak(process: str) -> float:
    status = Path(f"/proc/{process}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024
