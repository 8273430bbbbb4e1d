"""What only Temporal has: a server that keeps histories, versions, several workers, chunks."""

from __future__ import annotations

import asyncio
import contextlib
import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("temporalio")

from temporalio.client import WorkflowHistory
from temporalio.worker import Replayer, UnsandboxedWorkflowRunner

from ingot.edges import temporal_client
from ingot.edges.temporal_client import connect, loop_in_thread, run_batch_on, status, submit
from ingot.edges.temporal_codec import sealing_converter
from ingot.edges.temporal_flow import ChunkFlow, RunFlow
from ingot.edges.temporal_worker import work
from ingot.errors import InputError, StepError, StoreError
from ingot.runtime.run import Workflow, load
from ingot.store.keys import StoreKey
from ingot.store.reviews import list_reviews
from ingot.store.store import Store
from tests.durable.child import KEY
from tests.durable.conftest import CASE, Child, Effects, Server


@contextlib.asynccontextmanager
async def at_work(client: Any, workflow: Workflow, store: Store) -> AsyncIterator[None]:
    stop = asyncio.Event()
    working = asyncio.create_task(work(client, [workflow], store, lost_after=2.0, stop=stop))
    try:
        yield
    finally:
        stop.set()
        await working


async def started(client: Any, workflow: Workflow, case: Mapping[str, Any] = CASE) -> str:
    """Submit as soon as the worker has been at the server."""
    until = time.monotonic() + 30
    while True:
        try:
            return await submit(client, workflow, case)
        except StepError:
            if time.monotonic() > until:
                raise
        await asyncio.sleep(0.05)


async def until_waiting(client: Any, run: str) -> str:
    until = time.monotonic() + 30
    while time.monotonic() < until:
        told = await status(client, run)
        if told.waits is not None:
            return told.waits["review"]
        await asyncio.sleep(0.1)
    raise AssertionError("the run does not wait")


def saying_it(_step: str, _arguments: Mapping[str, Any]) -> Mapping[str, Any]:
    """A step whose driver repeats a value of the run."""
    try:
        raise ValueError("row of Planted Patient")
    except ValueError as error:
        raise StepError("the driver said: Planted Patient", place="book") from error


def test_what_a_failed_step_says_is_not_logged(
    server: Server, artifacts: Callable[[str], Path], tmp_path: Path, effects: Effects, caplog: pytest.LogCaptureFixture
) -> None:
    steps = load(artifacts("steps"))
    steps.perform = saying_it

    async def call() -> None:
        client = await connect(KEY, server.address)
        with Store.open(str(tmp_path / "store.db"), KEY) as store:
            async with at_work(client, steps, store):
                with pytest.raises(StepError, match="Planted Patient"):  # whoever submitted it is told
                    await temporal_client.result(client, await started(client, steps))

    asyncio.run(call())
    assert "Completing activity as failed" in caplog.text
    assert "StepError at " in caplog.text
    assert "Planted" not in caplog.text


def test_nothing_planted_is_in_what_the_server_keeps_and_histories_replay(
    server: Server, artifacts: Callable[[str], Path], effects: Effects, tmp_path: Path
) -> None:
    """Pure, with steps and a person, and failing runs: their histories hold no value of theirs, and replay."""
    pure, steps = load(artifacts("pure")), load(artifacts("steps"))

    async def call() -> list[WorkflowHistory]:
        client = await connect(KEY, server.address)
        with Store.open(str(tmp_path / "store.db"), KEY) as store:
            async with at_work(client, pure, store):
                first = await started(client, pure)
                assert (await temporal_client.result(client, first))["output"]["fee"] == "2.20"
                again = await submit(client, pure, CASE, first)
                assert again == first
                other = await submit(client, pure, {**CASE, "rate": None})
                review = await until_waiting(client, other)
                with pytest.raises(InputError, match="does not fit"):
                    await temporal_client.decide(
                        client, review, approve=True, by="Kim", why="x", answer={"fee": "Planted"}
                    )
                answer = {"fee": "1.00", "greeting": "Planted"}
                await temporal_client.decide(client, review, approve=True, by="Kim", why="Planted", answer=answer)
                decided = await temporal_client.result(client, other)
                assert (decided["status"], decided["output"]["fee"]) == ("decided", "1.00")
                with pytest.raises(StoreError):
                    await temporal_client.decide(client, review, approve=True, by="Kim", why="again", answer=answer)
            async with at_work(client, steps, store):
                long = await started(client, steps)
                review = await until_waiting(client, long)
                answer = {"permit": "YES"}
                await temporal_client.decide(client, review, approve=True, by="Kim", why="ok", answer=answer)
                assert (await temporal_client.result(client, long))["status"] == "completed"
            runs = (first, other, long)
            assert [len(list(store.audit.records(run))) for run in runs] == [1, 2, 3]
            assert not store.audit.verify().problems
        return [await client.get_workflow_handle(run).fetch_history() for run in runs]

    histories = asyncio.run(call())
    for history in histories:
        assert "Planted" not in history.to_json()
        assert "UGxhbnRlZ" not in history.to_json()  # the same in base64
        asyncio.run(_replay(history))
    assert b"Planted" not in server.path.read_bytes()


async def _replay(history: WorkflowHistory) -> None:
    replayer = Replayer(
        workflows=[RunFlow, ChunkFlow],
        workflow_runner=UnsandboxedWorkflowRunner(),
        data_converter=sealing_converter(KEY),
    )
    await replayer.replay_workflow(history)


def test_another_secret_opens_nothing(server: Server, artifacts: Callable[[str], Path], tmp_path: Path) -> None:
    pure = load(artifacts("pure"))

    async def call() -> None:
        client = await connect(KEY, server.address)
        with Store.open(str(tmp_path / "store.db"), KEY) as store:
            async with at_work(client, pure, store):
                run = await started(client, pure)
                await temporal_client.result(client, run)
        stranger = await connect(StoreKey(bytes(32)), server.address)
        with pytest.raises(StoreError, match="does not open"):
            await temporal_client.result(stranger, run)

    asyncio.run(call())


def test_a_run_waits_for_its_own_artifact(
    server: Server, artifacts: Callable[[str], Path], tmp_path: Path, child: Child
) -> None:
    """A newer version's worker on the same queue leaves it alone; one of its own takes it on."""
    from ingot.compile.driver import check

    path = artifacts("pure")
    old = load(path)
    spec = tmp_path / "newer.yaml"
    text = artifacts("pure").parents[1] / "pure.yaml"
    spec.write_text(text.read_text().replace("and a greeting", "and a long greeting"))
    newer_path = check(spec, old.verified.files["logic.py"].decode(), author="test", out=tmp_path / "out").path
    assert newer_path is not None
    newer = load(newer_path)
    assert newer.digest != old.digest

    async def call() -> None:
        client = await connect(KEY, server.address)
        with Store.open(str(tmp_path / "store.db"), KEY) as store:
            async with at_work(client, old, store):
                await temporal_client.result(client, await started(client, old))
            run = await submit(client, old, CASE)
            async with at_work(client, newer, store):
                done = await temporal_client.result(client, await started(client, newer))
                assert done["digest"] == newer.digest
                assert (await status(client, run)).state == "running"
            async with at_work(client, old, store):
                assert (await temporal_client.result(client, run))["digest"] == old.digest

    asyncio.run(call())


def test_no_worker_yet_is_one_clear_error(server: Server, artifacts: Callable[[str], Path], tmp_path: Path) -> None:
    lonely = load(artifacts("pure"))
    lonely.digest = "0" * 64

    async def call() -> None:
        client = await connect(KEY, server.address)
        with pytest.raises(StepError, match="no worker of artifact 000000000000"):
            await submit(client, lonely, CASE)
        with pytest.raises(InputError, match="months"):
            await submit(client, lonely, {**CASE, "months": 99})
        with pytest.raises(StoreError, match="there is no run"):
            await status(client, "nobody-1")

    asyncio.run(call())


def test_two_workers_share_a_batch_while_one_and_the_server_are_killed(
    artifacts: Callable[[str], Path], tmp_path: Path, child: Child
) -> None:
    """Every row once in the output and once in the log, in the order of the rows."""
    path = artifacts("pure")
    server = Server(tmp_path)
    rows = 400
    source = tmp_path / "in.jsonl"
    lines = [{"name": f"Planted {n}", "months": n % 13, "rate": None if n % 50 == 7 else "1.5"} for n in range(rows)]
    lines[11]["months"] = 99
    source.write_text("".join(json.dumps(one) + "\n" for one in lines) + "not JSON\n")
    order = {"artifact": str(path), "store": str(tmp_path / "store.db"), "address": server.address}
    Store.open(order["store"], KEY).close()
    first, second = (child.start("temporal", order) for _ in range(2))
    faults: list[int] = []

    def progress(_: int) -> None:
        faults.append(1)
        if len(faults) == 3:
            first.kill()
        if len(faults) == 6:
            server.kill()
            server.start()

    try:
        with loop_in_thread() as loop:
            client = asyncio.run_coroutine_threadsafe(connect(KEY, server.address), loop).result()
            workflow = load(path)
            asyncio.run_coroutine_threadsafe(started(client, workflow), loop).result()
            report = run_batch_on(
                client, loop, workflow, source, tmp_path / "out.jsonl", rows_at_once=20, progress=progress
            )
    finally:
        for one in (first, second):
            one.kill()
            one.communicate()
        server.kill()
    assert (report.rows, report.failed, report.reviews) == (rows + 1, 2, 8)
    out = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert [one["row"] for one in out] == [n for n in range(rows) if n != 11]
    failed = [json.loads(line) for line in (tmp_path / "out.failed.jsonl").read_text().splitlines()]
    assert [one["row"] for one in failed] == [11, rows]
    with Store.open(order["store"], KEY) as store:
        logged = [one["run"].rpartition("-") for one in store.audit.records()]
        ((batch, _),) = Counter(prefix for prefix, _, _ in logged).most_common(1)
        numbers = [int(number, 16) for prefix, _, number in logged if prefix == batch]
        assert sorted(numbers) == list(range(rows + 1))
        assert len(list_reviews(store)) == report.reviews
        assert not store.audit.verify().problems


def test_the_commands(server: Server, artifacts: Callable[[str], Path], tmp_path: Path, effects: Effects) -> None:
    """worker, submit, reviews and status as a user types them."""
    import base64
    import os

    secret = base64.b64encode(bytes(range(32))).decode()
    env = {**os.environ, "INGOT_STORE_KEY": secret, "INGOT_STORE": str(tmp_path / "store.db")}
    env["TEMPORAL_ADDRESS"] = server.address
    steps = str(artifacts("steps"))

    def ingot(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "ingot", *arguments],
            env=env,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    working = subprocess.Popen([sys.executable, "-m", "ingot", "worker", steps], env=env, stderr=subprocess.PIPE)
    try:
        until = time.monotonic() + 40
        while (done := ingot("submit", steps, "--input", json.dumps(CASE))).returncode:
            assert "no worker of artifact" in done.stderr
            assert time.monotonic() < until
        run = json.loads(done.stdout)["run_id"]
        while (told := json.loads(ingot("status", run).stdout))["state"] != "waiting":
            assert time.monotonic() < until
        assert told["done"] == ["book"]
        wrong = ingot(
            "reviews", "approve", f"{run}.1", "--artifact", steps, "--why", "x", "--answer", '{"permit":"YES"}'
        )
        assert (wrong.returncode, "does not wait here" in wrong.stderr) == (1, True)
        right = ingot(
            "reviews", "approve", f"{run}.1", "--address", server.address, "--why", "x", "--answer", '{"permit":"YES"}'
        )
        assert right.returncode == 0, right.stderr
        ended = json.loads(ingot("status", run, "--wait").stdout)
        assert ended["outcome"]["output"]["fee"] == "2.20"
        assert effects.count() == {"book": 1, "tell": 1}
        working.terminate()
        assert working.wait(20) == 0
    finally:
        working.kill()
        working.communicate()
