"""Workers and a Temporal server killed under load, and an exact account: what was asked, done, recorded and answered.

Every run books once at an HTTP endpoint of this process, with an idempotency key, computes a fee and is recorded. The
endpoint counts calls and keys apart: a step that a kill cut short may be called again, and its key says that it is the same.

    single runs   a workflow each; a worker is killed and replaced, then the server, its SQLite file kept
    a batch       workflows of many rows, each row a run, shared by two workers; one is killed and stays dead, then the server
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from temporalio.client import Client

from ingot.compile.driver import check
from ingot.edges.temporal_client import connect, loop_in_thread, result, run_batch_on, submit
from ingot.errors import StageError, StepError
from ingot.evals.temporal_times import server_path
from ingot.runtime.run import Workflow, load
from ingot.store.keys import SECRET_BYTES, StoreKey
from ingot.store.store import Store

UNDER_WAY, LOST_AFTER, ROWS_AT_ONCE, PATIENCE = 32, 2.0, 50, 60.0

_SPEC = """
metadata: {{name: booking, owner: bench}}
inputs:
  order: {{type: text, sensitive: pii, max_length: 40}}
  months: {{type: integer, range: [0, 12]}}
outputs: {{fee: decimal}}
clauses: [{{id: C1, text: Months times 1.10.}}]
logic_requirements:
  - step: book
    type: module
    module: http.post
    retries: 3
    with:
      url: {url}
      hosts: [127.0.0.1]
      json: {{order: "{{order}}"}}
      idempotency_key: "{{order}}"
      timeout_seconds: 20
    inputs: [order]
    outputs: {{booked: {{type: integer}}}}
  - {{step: compute, type: function, intent: Months times 1.10., inputs: [months], outputs: {{fee: decimal}}}}
cases:
  - {{id: a, input: {{order: a, months: 2}}, steps: {{book: {{booked: 1}}}}, expected: {{fee: 2.20}}}}
  - {{id: b, input: {{order: b, months: 3}}, steps: {{book: {{booked: 1}}}}, expected: {{fee: 3.30}}, held_out: true}}
"""
_LOGIC = """def compute(months: int) -> Decimal:
    return months * Decimal("1.10")  # C1
"""


@dataclass(frozen=True, slots=True)
class KilledLoad:
    """What came of a load. `answered` rightly, `recorded` exactly once, `booked` keys at the endpoint, all of `runs` where
    nothing was lost; `calls` at the endpoint, of which `calls` - `booked` were repeated under a key it had."""

    kind: str
    runs: int
    answered: int
    recorded: int
    booked: int
    calls: int
    worker_kills: int
    server_kills: int
    seconds: float
    problems: tuple[str, ...]

    @property
    def whole(self) -> bool:
        """Whether every run was answered rightly, recorded once and booked once, and the audit log's chain holds."""
        return self.runs == self.answered == self.recorded == self.booked and not self.problems

    def to_json(self) -> dict[str, Any]:
        """As plain JSON."""
        return {**asdict(self), "whole": self.whole}


def kill_under_load(folder: Path, rows: int, singles: int) -> tuple[KilledLoad, KilledLoad]:
    """`singles` runs and a batch of `rows`, each on a server of its own with two worker processes.

    Raises StageError where a process does not come up or a run fails in another way than by being killed.
    """
    return _load(folder / "singles", "single runs", singles), _load(folder / "batch", "batch", rows)


def _load(folder: Path, kind: str, runs: int) -> KilledLoad:
    folder.mkdir()
    with _Endpoint() as endpoint, loop_in_thread() as loop, _Site(folder, endpoint.url) as site:
        client = asyncio.run_coroutine_threadsafe(connect(site.key, site.address), loop).result()
        asyncio.run_coroutine_threadsafe(_until_there(client, site.workflow), loop).result()
        began = time.monotonic()
        if kind == "batch":
            answered = _batch(client, loop, site, runs)
        else:
            answered = asyncio.run_coroutine_threadsafe(_singles(client, site, runs), loop).result()
        seconds = time.monotonic() - began
        recorded, problems = _recorded(site, runs)
        endpoint.keys.pop("first", None)
        booked = sum(1 for number in range(runs) if _order(number) in endpoint.keys)
        problems += [f"{len(endpoint.keys) - booked} keys that no run has"] if len(endpoint.keys) > booked else []
        calls = sum(endpoint.keys.values())
    return KilledLoad(
        kind, runs, answered, recorded, booked, calls, site.worker_kills, site.server_kills, seconds, tuple(problems)
    )


def _order(number: int) -> str:
    return f"order {number}"


def _case(number: int) -> dict[str, Any]:
    return {"order": _order(number), "months": number % 13}


def _right(number: int, output: Any) -> bool:
    return isinstance(output, Mapping) and Decimal(str(output.get("fee"))) == (number % 13) * Decimal("1.10")


async def _until_there(client: Client, workflow: Workflow) -> None:
    until = time.monotonic() + PATIENCE
    while True:
        try:
            await result(client, await submit(client, workflow, {"order": "first", "months": 1}))
            return
        except StepError:
            if time.monotonic() > until:
                raise
        await asyncio.sleep(0.2)


async def _singles(client: Client, site: _Site, runs: int) -> int:
    """Runs under way together; after a third of them a worker is killed, after two thirds the server."""
    turns, done, right = asyncio.Semaphore(UNDER_WAY), 0, 0

    async def one(number: int) -> None:
        nonlocal done, right
        async with turns:
            run = await submit(client, site.workflow, _case(number), f"single-{number:08x}")
            told = await result(client, run)
        right += _right(number, told.get("output"))
        done += 1
        if done == runs // 3:
            await asyncio.to_thread(site.kill_worker, True)
        if done == 2 * runs // 3:
            await asyncio.to_thread(site.kill_server)

    await asyncio.gather(*(one(number) for number in range(runs)))
    return right


def _batch(client: Client, loop: asyncio.AbstractEventLoop, site: _Site, rows: int) -> int:
    """Rows through two workers: one is killed after a third and stays dead, the server after two thirds."""
    source, out = site.folder / "in.jsonl", site.folder / "out.jsonl"
    with source.open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(_case(number)) + "\n" for number in range(rows))
    whole = source.stat().st_size

    def progress(position: int) -> None:
        if not site.worker_kills and position >= whole // 3:
            site.kill_worker(False)
        if not site.server_kills and position >= 2 * whole // 3:
            site.kill_server()

    at_once = max(1, min(ROWS_AT_ONCE, rows // 12))
    run_batch_on(client, loop, site.workflow, source, out, rows_at_once=at_once, progress=progress)
    told = [json.loads(line) for line in out.open(encoding="utf-8")]
    numbers = Counter(one["row"] for one in told)
    return sum(1 for one in told if numbers[one["row"]] == 1 and _right(one["row"], one.get("output")))


def _recorded(site: _Site, runs: int) -> tuple[int, list[str]]:
    """How many runs are in the log exactly once and completed, and what is wrong with the log."""
    with Store.open(site.store, site.key) as store:
        found: Counter[str] = Counter()
        for record in store.audit.records():
            if record["kind"] == "run" and record["status"] == "completed":
                found[record["run"]] += 1
        problems = [f"segment {one.segment}: {one.message}" for one in store.audit.verify().problems]
    once = [run for run, times in found.items() if times == 1]
    problems += [f"run {run!r} was recorded {times} times" for run, times in found.items() if times > 1]
    prefixes = Counter(run.rpartition("-")[0] for run in once)
    return prefixes.most_common(1)[0][1] if prefixes else 0, problems


# ---- what is killed ----------------------------------------------------------------------------------------------


class _Listener(ThreadingHTTPServer):
    """Takes as many calls as both workers make at once, and ends though they keep their connections."""

    request_queue_size = 128
    daemon_threads = True
    block_on_close = False


class _Endpoint:
    """A real HTTP endpoint that books: `keys` counts the calls of each idempotency key."""

    def __init__(self) -> None:
        self.keys: Counter[str] = Counter()
        lock, keys = threading.Lock(), self.keys

        class Asked(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                order = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["order"]
                with lock:
                    keys[order] += 1
                body = json.dumps({"booked": 1}).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None:
                """Nothing: a line a call would be thousands."""

        self._server = _Listener(("127.0.0.1", 0), Asked)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/book"

    def __enter__(self) -> _Endpoint:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Site:
    """A server with an SQLite file and two worker processes of one store, each to be killed."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder, self.store = folder, str(folder / "runs.db")
        secret = os.urandom(SECRET_BYTES)
        self.key = StoreKey(secret)
        self._env = {**os.environ, "INGOT_STORE_KEY": base64.b64encode(secret).decode()}
        spec = folder / "booking.yaml"
        spec.write_text(_SPEC.format(url=url), encoding="utf-8")
        checked = check(spec, _LOGIC, author="bench", out=folder / "artifacts")
        if checked.path is None:
            raise StageError("the workflow 'booking' did not pass", place=str(spec))
        self.path, self.workflow = checked.path, load(checked.path)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._port = int(free.getsockname()[1])
        self.address = f"127.0.0.1:{self._port}"
        self.worker_kills = self.server_kills = 0
        self._workers: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> _Site:
        Store.open(self.store, self.key).close()
        self._start_server()
        self._workers = [self._worker(), self._worker()]
        return self

    def __exit__(self, *_: object) -> None:
        for one in [*self._workers, self._server]:
            one.kill()
            one.wait()

    def kill_worker(self, replace: bool) -> None:
        """SIGKILL to the first worker; another takes its place where `replace` says so."""
        self._workers[0].kill()
        self._workers[0].wait()
        self.worker_kills += 1
        if replace:
            self._workers[0] = self._worker()

    def kill_server(self) -> None:
        """SIGKILL to the server, and a new one on its file."""
        self._server.kill()
        self._server.wait()
        self.server_kills += 1
        self._start_server()

    def _worker(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "ingot", "worker", str(self.path), "--address", self.address]
        command += ["--store", self.store, "--lost-after", str(LOST_AFTER)]
        return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=self._env)

    def _start_server(self) -> None:
        command = [
            server_path(), "server", "start-dev", "--headless", "--ip", "127.0.0.1", "--port", str(self._port),
            "--db-filename", str(self.folder / "temporal.db"), "--log-level", "never",
        ]  # fmt: skip
        self._server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self._port), timeout=1):
                return
            time.sleep(0.05)
        raise StageError("the Temporal server did not come up", place=self.address)
