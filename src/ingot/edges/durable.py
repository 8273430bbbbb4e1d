"""A workflow with steps on DBOS: its database knows which runs are under way, so that a killed process's runs go on by
themselves when the next one starts.

What a run is given, what its steps gave, its record and its reviews are the store's, as without DBOS; DBOS keeps run ids,
step names and the reasons for reviews, sealed. A pure workflow has nothing to resume and never comes here.

One process at a time is an executor: it holds a lock on its name, so that what it is at work on is not taken for lost.
"""

from __future__ import annotations

import hashlib
import pickle
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from dbos import DBOS, Serializer, SetWorkflowID
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url

from ingot.edges.logs import DBOS as LOGGERS
from ingot.edges.logs import keep_values_out
from ingot.errors import IngotError, InputError, StoreError
from ingot.hold import lock_file, take
from ingot.runtime.run import Outcome, Workflow
from ingot.runtime.steps import NeedsReview
from ingot.store.database import make_own
from ingot.store.keys import StoreKey
from ingot.store.runs import RUNNING, Progress, RecordedWorkflow
from ingot.store.store import Store

ABOUT = b"kept by dbos"
_UNDER_WAY = ["PENDING", "ENQUEUED"]
_NOW: list[DurableWorkflow] = []
"""The workflow that this process serves: DBOS finds its functions by name, and there is one DBOS in a process."""


class DurableWorkflow(RecordedWorkflow):
    """A recorded workflow whose runs go on by themselves after a crash. Made by `durable`."""

    def __init__(self, workflow: Workflow, store: Store) -> None:
        super().__init__(workflow, store)
        self._ended_here: dict[str, Outcome] = {}
        self.taken_up: tuple[str, ...] = ()
        """The runs that were under way when their process ended, and go on now."""

    def go_on(self, progress: Progress) -> Outcome:
        """Take a run on as a DBOS workflow, to its end or to a person."""
        self._start(progress.run).get_result()
        here = self._ended_here.pop(progress.run, None)
        return here or self._told(progress.run)

    def resume_all(self) -> None:
        """Set on their way the runs of this artifact that were under way when their process ended.

        DBOS has taken up those that it knows; the others are those whose decision was kept and whose process ended
        before DBOS heard of it.
        """
        self.taken_up = tuple(self.unfinished())
        for run in self.taken_up:
            self._start(run)

    def wait(self, run: str) -> Outcome:
        """What a run comes to that was taken up. Raises as `run`."""
        return self.go_on(Progress(run, {}))

    def _start(self, run: str) -> Any:
        """The DBOS workflow that is at work on the run, or a new one."""
        known = DBOS.list_workflows(workflow_id_prefix=f"{run}.", load_input=False, load_output=False)
        at_work = [one.workflow_id for one in known if one.status in _UNDER_WAY]
        if at_work:
            return DBOS.retrieve_workflow(at_work[-1])
        with SetWorkflowID(f"{run}.{len(known)}"):
            return DBOS.start_workflow(_run_workflow, run)

    def here(self, run: str) -> None:
        """The body of the DBOS workflow: the run from where the store has it, unless that is its end or a person."""
        if self.state(run) == RUNNING:
            self._ended_here[run] = super().go_on(self.progress(run))

    def carry_out(self, progress: Progress, number: int, step: str, arguments: Mapping[str, Any]) -> None:
        """A step as a step of DBOS. Its outputs go to the store alone; DBOS keeps that it is done, or its question."""

        def body() -> tuple[str, str] | None:
            try:
                RecordedWorkflow.carry_out(self, progress, number, step, arguments)
            except NeedsReview as asked:
                return asked.step, asked.reason
            return None

        asked = DBOS.run_step({"name": step}, body)
        if asked is not None and number >= len(progress.done):  # else it was decided since
            progress.asked = (step, arguments)
            raise NeedsReview(*asked)

    def _told(self, run: str) -> Outcome:
        return self.run_once({}, run)


@DBOS.workflow(name="ingot-run")
def _run_workflow(run: str) -> None:
    _NOW[0].here(run)


@contextmanager
def durable(
    workflow: Workflow, store: Store, *, url: str | None = None, executor: str | None = None
) -> Iterator[DurableWorkflow]:
    """The workflow on DBOS while the context lasts; what was under way goes on at once.

    `url` is the database of DBOS: by default ``STORE.dbos`` beside a SQLite store, or schema ``dbos`` of a PostgreSQL
    store. `executor` names this process among others at the same store (default: the host's name). Runs belong to the
    artifact's digest: another version leaves them alone. Raises InputError for a workflow without steps, StoreError
    where another process has the executor's name or the database does not open.
    """
    if workflow.perform is None:
        raise InputError(
            "this workflow is pure: there is nothing to resume", hint="run it with --store alone, which records it"
        )
    if _NOW:
        raise StoreError("this process has a durable workflow already", hint="close it first")
    at = _address(store, url)
    if make_url(at).get_backend_name() == "sqlite":
        make_own(make_url(at).database)
    name = executor or socket.gethostname()
    with _alone(at, name):
        recorded = DurableWorkflow(workflow, store)
        _NOW.append(recorded)
        try:
            _launch(at, name, recorded)
            yield recorded
        finally:
            DBOS.destroy(workflow_completion_timeout_sec=5)
            _NOW.clear()


def _launch(at: str, executor: str, recorded: DurableWorkflow) -> None:
    DBOS(
        config={
            "name": "ingot", "system_database_url": at, "application_version": recorded.workflow.digest,
            "executor_id": executor, "serializer": Sealed(recorded.store.key), "log_level": "ERROR",
        }
    )  # fmt: skip
    keep_values_out(LOGGERS)
    try:
        DBOS.launch()
        recorded.resume_all()
    except IngotError:
        raise
    except Exception as error:  # whatever its driver raises, nothing runs without it
        shown = make_url(at).render_as_string(hide_password=True)
        raise StoreError(f"DBOS cannot open its database: {type(error).__name__}", place=shown) from error


class Sealed(Serializer):
    """What DBOS keeps, sealed with the store's secret: nothing in its database can be read or forged without it."""

    def __init__(self, key: StoreKey) -> None:
        self._key = key

    def name(self) -> str:
        """The serializer's name in the rows that it wrote."""
        return "ingot_sealed"

    def serialize(self, data: Any) -> str:  # the name that DBOS calls it with
        """AES-256-GCM of the value."""
        return self._key.seal(pickle.dumps(data), ABOUT)

    def deserialize(self, serialized_data: str) -> Any:
        """What was sealed. Raises StoreError before anything is read that was not sealed here."""
        return pickle.loads(self._key.open(serialized_data, ABOUT))  # noqa: S301 - authenticated with the store's key


def _address(store: Store, url: str | None) -> str:
    if url:
        return url if "://" in url else f"sqlite:///{url}"
    own = store.engine.url
    if own.get_backend_name() == "sqlite":
        if not own.database or own.database == ":memory:":
            raise StoreError("a store in memory has nothing to resume from", hint="give it a file")
        return f"sqlite:///{Path(own.database).absolute()}.dbos"
    return own.render_as_string(hide_password=False)


@contextmanager
def _alone(at: str, executor: str) -> Iterator[None]:
    """Hold the executor's name at this database: two processes with one name would each take the other's runs for lost."""
    taken = StoreError(
        f"another process is executor {executor!r} at this database", hint="give this one a name of its own: --executor"
    )
    url = make_url(at)
    if url.get_backend_name() == "sqlite":
        path = Path(f"{url.database}.{hashlib.sha256(executor.encode()).hexdigest()[:12]}.lock")
        with lock_file(path) as descriptor:
            if not take(descriptor):
                raise taken
            yield
        return
    number = int.from_bytes(hashlib.sha256(f"ingot executor {executor}".encode()).digest()[:7], "big")
    engine = create_engine(url)
    try:
        with engine.connect() as connection:
            if not connection.execute(text("SELECT pg_try_advisory_lock(:number)"), {"number": number}).scalar():
                raise taken
            connection.commit()
            yield
    finally:
        engine.dispose()
