"""One suite for the three ways to run durably: the same outcomes, the same records, nothing repeated, decided once."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from ingot.errors import InputError, StepError, StoreError
from ingot.runtime.run import load
from ingot.store.reviews import decide, list_reviews
from ingot.store.runs import RecordedWorkflow, replay
from ingot.store.store import Store
from tests.durable.child import KEY
from tests.durable.conftest import CASE, Child, Effects, Server

YES = {"permit": "YES"}


class Backend:
    """Runs, goes on and decides in one of the three ways. `start` gives None where the process was killed."""

    def __init__(self, kind: str, folder: Path, child: Child, store: str | None = None) -> None:
        self.kind, self._child = kind, child
        self._store, self._flag = store or str(folder / "store.db"), str(folder / "killed")
        self.again = False

    def store(self) -> AbstractContextManager[Store]:
        return Store.open(self._store, KEY)

    def _order(self, artifact: Path, run: str, kill: tuple[str, str] | None) -> dict[str, Any]:
        return {
            "artifact": str(artifact), "store": self._store, "run": run, "case": CASE, "again": self.again,
            "kill": kill, "flag": self._flag,
        }  # fmt: skip

    def start(self, artifact: Path, run: str, kill: tuple[str, str] | None = None) -> dict[str, Any] | None:
        code, outcome = self._child.run(self.kind, self._order(artifact, run, kill))
        assert code == (0 if kill is None else -signal.SIGKILL)
        return outcome

    def go_on(self, artifact: Path, run: str) -> dict[str, Any]:
        self.again = True
        outcome = self.start(artifact, run)
        assert outcome is not None
        return outcome

    def decide(self, artifact: Path, review: str, **given: Any) -> dict[str, Any] | None:
        workflow = load(artifact)
        with ExitStack() as stack:
            store = stack.enter_context(self.store())
            recorded = RecordedWorkflow(workflow, store)
            if self.kind == "dbos" and workflow.perform is not None:
                from ingot.edges.durable import durable

                recorded = stack.enter_context(durable(workflow, store))
            outcome = decide(recorded, review, by="Kim", why="seen", **given)
        return None if outcome is None else outcome.to_json()

    def close(self) -> None:
        """Nothing is left running."""


class OnTemporal(Backend):
    """A worker process that is started anew where it was killed; this process is the client."""

    def __init__(self, folder: Path, child: Child, server: Server, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__("temporal", folder, child)
        self.address, self._loop = server.address, loop
        self._worker: Any = None

    def _call(self, made: Any) -> Any:
        future: Future[Any] = asyncio.run_coroutine_threadsafe(made, self._loop)
        return future.result(60)

    def start(self, artifact: Path, run: str, kill: tuple[str, str] | None = None) -> dict[str, Any] | None:
        from ingot.edges.temporal_client import connect, submit

        self.client = self._call(connect(KEY, self.address))
        self._restart(artifact, run, kill)
        self._patiently(lambda: self._call(submit(self.client, load(artifact), CASE, run)))
        if kill is not None:
            assert self._worker.wait(60) == -signal.SIGKILL
            return None
        return self._outcome(run)

    def _restart(self, artifact: Path, run: str, kill: tuple[str, str] | None) -> None:
        self.close()
        order = self._order(artifact, run, kill) | {"address": self.address}
        self._worker = self._child.start("temporal", order)

    def _patiently(self, call: Callable[[], Any]) -> Any:
        """Until the worker has been at the server."""
        import time

        from ingot.errors import StepError

        until = time.monotonic() + 30
        while True:
            try:
                return call()
            except StepError:
                if time.monotonic() > until:
                    raise
                time.sleep(0.1)

    def _outcome(self, run: str) -> dict[str, Any]:
        """Where the run waits or ended, as an in-process run would tell it."""
        import time

        from ingot.edges.temporal_client import result, status

        until = time.monotonic() + 60
        while time.monotonic() < until:
            told = self._call(status(self.client, run))
            if told.state == "waiting":
                assert told.waits is not None
                return {"status": "needs_review", "review": dict(told.waits)}
            if told.state in ("completed", "failed"):
                found: dict[str, Any] = self._call(result(self.client, run))
                return found
            time.sleep(0.1)
        raise AssertionError("the run does not end")

    def go_on(self, artifact: Path, run: str) -> dict[str, Any]:
        self._restart(artifact, run, None)
        return self._outcome(run)

    def decide(self, artifact: Path, review: str, **given: Any) -> dict[str, Any] | None:
        from ingot.edges import temporal_client

        kept = self._call(temporal_client.decide(self.client, review, by="Kim", why="seen", **given))
        outcome = self._outcome(review.rpartition(".")[0])
        return outcome if kept["goes_on"] else None

    def close(self) -> None:
        if self._worker is not None:
            self._worker.kill()
            self._worker.communicate()


@pytest.fixture(params=["store", "store-postgresql", "dbos", "dbos-postgresql", "temporal"])
def backend(request: pytest.FixtureRequest, tmp_path: Path, child: Child, effects: Effects) -> Iterator[Backend]:
    if request.param != "temporal":
        kind, _, database = request.param.partition("-")
        pytest.importorskip("dbos" if kind == "dbos" else "sqlalchemy")
        yield Backend(kind, tmp_path, child, request.getfixturevalue("database") if database else None)
        return
    pytest.importorskip("temporalio")
    from ingot.edges.temporal_client import loop_in_thread

    with loop_in_thread() as loop:
        made = OnTemporal(tmp_path, child, request.getfixturevalue("server"), loop)
        yield made
        made.close()


def told(store: Store, run: str) -> list[Mapping[str, Any]]:
    """The records of a run, without what differs from run to run."""
    differs = ("run", "at", "seconds", "sealed", "reviewinput_digest", "answer_digest")
    return [
        {name: value for name, value in record.items() if name not in differs and name != "review"}
        for record in store.audit.records(run)
    ]


def test_the_same_outcomes_and_the_same_records(
    backend: Backend, artifacts: Callable[[str], Path], effects: Effects, run: str
) -> None:
    steps = artifacts("steps")
    asked = backend.start(steps, run)
    assert asked is not None
    assert (asked["status"], asked["review"]["step"]) == ("needs_review", "ask_clerk")
    assert asked["review"]["reason"] == "May it go on?"
    with pytest.raises(InputError, match="does not fit"):
        backend.decide(steps, f"{run}.1", approve=True, answer={"permit": "MAYBE"})
    ended = backend.decide(steps, f"{run}.1", approve=True, answer=YES)
    assert ended is not None
    assert ended["output"] == {"fee": "2.20", "greeting": "Dear Planted Patient"}
    assert (ended["status"], ended["run_id"]) == ("completed", run)
    assert effects.count() == {"book": 1, "tell": 1}
    with backend.store() as store:
        records = told(store, run)
        assert [(one["kind"], one.get("status", one.get("state"))) for one in records] == [
            ("run", "needs_review"), ("decision", "approved"), ("run", "completed"),
        ]  # fmt: skip
        assert records[1]["by"] == "Kim"
        assert records[2]["clauses"] == ["C1"]
        assert records[2]["input"] == {"name": "<phi>", "months": 2, "rate": "1.10"}
        assert list_reviews(store) == []
        assert not store.audit.verify().problems
        (last,) = [one for one in store.audit.records(run) if one.get("status") == "completed"]
        assert replay(last, load(steps), store).same


@pytest.mark.parametrize(
    ("kill", "twice"),
    [(("before", "book"), ()), (("after", "book"), ("book",)), (("record", "before"), ()), (("record", "after"), ())],
    ids=lambda value: "-".join(value) or "none",
)
def test_killed_before_a_person_is_asked(
    backend: Backend, artifacts: Callable[[str], Path], effects: Effects, run: str, kill: Any, twice: Any
) -> None:
    """Only a step that was under way when the process died is carried out again, and nothing is recorded twice."""
    if kill == ("before", "book") and backend.kind != "store":
        pytest.skip("the step that was not begun is like the one in its middle, and processes take their time")
    steps = artifacts("steps")
    backend.start(steps, run, kill)
    if kill == ("record", "after") and backend.kind != "temporal":  # the store has it; there is nothing to resume
        asked: Any = {"status": "needs_review"}
    else:
        asked = backend.go_on(steps, run)
    assert asked["status"] == "needs_review"
    assert effects.count() == {"book": 2 if "book" in twice else 1}
    with backend.store() as store:
        assert [one["review"] for one in list_reviews(store)] == [f"{run}.1"]
        assert [one["status"] for one in store.audit.records(run)] == ["needs_review"]
    assert backend.decide(steps, f"{run}.1", approve=True, answer=YES) is not None
    assert effects.count()["tell"] == 1


def test_a_review_is_decided_once(
    backend: Backend, artifacts: Callable[[str], Path], effects: Effects, run: str
) -> None:
    steps = artifacts("steps")
    backend.start(steps, run)
    assert backend.decide(steps, f"{run}.1", approve=True, answer=YES) is not None
    with pytest.raises(StoreError):
        backend.decide(steps, f"{run}.1", approve=False)
    with backend.store() as store:
        assert sum(one["kind"] == "decision" for one in store.audit.records(run)) == 1
    assert effects.count() == {"book": 1, "tell": 1}


def test_a_rejected_run_ends(backend: Backend, artifacts: Callable[[str], Path], effects: Effects, run: str) -> None:
    steps = artifacts("steps")
    backend.start(steps, run)
    assert backend.decide(steps, f"{run}.1", approve=False) is None
    assert effects.count() == {"book": 1}
    with backend.store() as store, store.engine.connect() as connection:
        assert connection.execute(text("SELECT state FROM ingot_runs")).scalar() == "ended"


def test_what_a_failed_step_says_is_not_logged(
    artifacts: Callable[[str], Path], effects: Effects, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """DBOS logs the exception of a run with its causes: what a driver says of a row may repeat the row."""
    from ingot.edges.durable import durable

    def saying_it(_step: str, _arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        try:
            raise ValueError("row of Planted Patient")
        except ValueError as error:
            raise StepError("the driver said: Planted Patient", place="book") from error

    steps = load(artifacts("steps"))
    steps.perform = saying_it
    logger = logging.getLogger("dbos")
    with Store.open(str(tmp_path / "store.db"), KEY) as store, durable(steps, store) as recorded:
        logger.addHandler(caplog.handler)
        try:
            with pytest.raises(StepError):
                recorded.run(CASE)
        finally:
            logger.removeHandler(caplog.handler)
    assert "StepError at " in caplog.text
    assert "Planted" not in caplog.text
