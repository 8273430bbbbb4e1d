"""`ingot serve` against a bare FastAPI endpoint that calls the same function, in one run, told as ratios."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ingot.errors import StageError
from ingot.evals.http_load import Load, has_wrk, load_of
from ingot.fields import to_plain

BARE, SERVED, RECORDED = "bare FastAPI", "ingot serve", "ingot serve --store"


@dataclass(frozen=True, slots=True)
class HttpBench:
    """Loads by server: the median of the rounds each."""

    loads: Mapping[str, Load]
    connections: int
    with_wrk: bool

    def ratio(self, name: str) -> float:
        """Requests a second, as a part of the bare endpoint's."""
        return self.loads[name].a_second / self.loads[BARE].a_second

    def to_json(self) -> dict[str, Any]:
        """Figures and ratios."""
        rows = {name: {**load.to_json(), "ratio": round(self.ratio(name), 3)} for name, load in self.loads.items()}
        return {"connections": self.connections, "wrk": self.with_wrk, "servers": rows}


def bench_http(
    artifact: Path, case: Mapping[str, Any], *, seconds: float = 3.0, rounds: int = 3, connections: int = 32
) -> HttpBench:
    """Start the three servers, and load one after the other, `rounds` times in turn."""
    body = json.dumps(to_plain(case)).encode()
    found: dict[str, list[Load]] = {BARE: [], SERVED: [], RECORDED: []}
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        served = ["serve", str(artifact), "--port", "0"]
        commands = {
            BARE: ["bench", "bare-http", str(artifact)],
            SERVED: served,
            RECORDED: [*served, "--store", str(folder / "store.db")],
        }
        urls = {name: stack.enter_context(_server(command, folder)) for name, command in commands.items()}
        for url in urls.values():  # warm
            load_of(url, body, seconds=1, connections=connections)
        for _ in range(rounds):
            for name, url in urls.items():
                found[name].append(load_of(url, body, seconds=seconds, connections=connections))
    return HttpBench({name: _median(loads) for name, loads in found.items()}, connections, has_wrk())


def _median(loads: Sequence[Load]) -> Load:
    middle = sorted(loads, key=lambda one: one.a_second)[len(loads) // 2]
    p50, p99 = (statistics.median(getattr(one, name) for one in loads) for name in ("p50_ms", "p99_ms"))
    return Load(middle.a_second, p50, p99, sum(one.failed for one in loads))


@contextmanager
def _server(command: list[str], folder: Path) -> Iterator[str]:
    """A server in a process of its own; gives the address of its run."""
    with (folder / f"{command[-1].rpartition('/')[2]}.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "ingot", *command], stdout=subprocess.PIPE, stderr=log, text=True
        )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line.startswith("serving at "):
            raise StageError(f"the server did not start: {' '.join(command)}", hint="run it alone to see why")
        yield f"{line.removeprefix('serving at ').strip()}/run"
    finally:
        process.terminate()
        process.wait(timeout=60)
