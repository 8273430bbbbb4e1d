"""The same input many times: an artifact in fresh processes with different hash seeds."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Generator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ingot.canonical import canonical_json
from ingot.errors import StageError
from ingot.evals.metrics.consistency import consistency
from ingot.evals.metrics.latency import cold_and_warm
from ingot.evals.metrics.measure import Measure

_CHILD = """
import json, sys, time
began = time.perf_counter()
from ingot.runtime.run import load
told = json.loads(sys.stdin.read())
workflow = load(told["artifact"], trusted=told["keys"])
first = workflow.run(told["input"])
cold = time.perf_counter() - began
warm = []
for _ in range(20):
    at = time.perf_counter()
    workflow.run(told["input"])
    warm.append(time.perf_counter() - at)
shown = first.to_json()
kept = {key: shown[key] for key in ("status", "output", "review") if key in shown}
print(json.dumps({"outcome": kept, "cold": cold, "warm": sorted(warm)[10]}))
"""


@dataclass(frozen=True, slots=True)
class Repeated:
    """One run: the canonical bytes of its outcome, and its times in seconds (`cold` from the process's start)."""

    outcome: bytes
    cold: float
    warm: float


def repeat(
    artifact: Path,
    given: Mapping[str, Any],
    runs: int,
    *,
    keys: Sequence[Path] = (),
    workers: int | None = None,
    first: int = 1,
) -> Generator[Repeated, None, None]:
    """Fresh processes, each with a hash seed of its own (`first` to `runs`), in that order; closing it starts no more of them.
    Raises StageError where one breaks."""
    told = json.dumps({"artifact": str(artifact), "input": dict(given), "keys": [str(key) for key in keys]})
    pool = ThreadPoolExecutor(workers or os.cpu_count() or 1)
    try:
        yield from pool.map(lambda seed: _one(told, seed), range(first, runs + 1))
    finally:  # Ctrl-C may come while the runs are still being queued
        pool.shutdown(cancel_futures=True)


def _one(told: str, seed: int) -> Repeated:
    began = time.perf_counter()
    env = {**os.environ, "PYTHONHASHSEED": str(seed)}
    done = subprocess.run(
        [sys.executable, "-P", "-c", _CHILD], input=told, capture_output=True, text=True, env=env, check=False
    )
    if done.returncode != 0:
        last = done.stderr.strip().splitlines()[-1:] or ["no message"]
        raise StageError(f"run {seed} ended with exit code {done.returncode}: {last[0]}")
    said = json.loads(done.stdout)
    return Repeated(canonical_json(said["outcome"]), time.perf_counter() - began, said["warm"])


def measured(runs: Sequence[Repeated]) -> list[Measure]:
    """Consistency, and the cold and warm times. Cold counts starting the interpreter, verifying and loading."""
    return [
        *consistency([one.outcome for one in runs]),
        *cold_and_warm([one.cold for one in runs], [one.warm for one in runs]),
    ]
