"""Runs on Temporal from outside: submit one, ask how it is, decide its review, send a batch."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from threading import Thread
from typing import Any, TypeVar

from temporalio.client import (
    Client,
    WorkflowExecutionStatus,
    WorkflowFailureError,
    WorkflowHandle,
    WorkflowQueryFailedError,
    WorkflowUpdateFailedError,
)
from temporalio.common import (
    PinnedVersioningOverride,
    VersioningOverride,
    WorkerDeploymentVersion,
    WorkflowIDConflictPolicy,
    WorkflowIDReusePolicy,
)
from temporalio.converter import WorkflowSerializationContext
from temporalio.envconfig import ClientConfig
from temporalio.exceptions import ApplicationError, WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from ingot import errors
from ingot.canonical import equal_bytes
from ingot.edges.batch import BatchReport, Progress, run_batch
from ingot.edges.chunks import Done
from ingot.edges.sources import Chunk, ReadRow
from ingot.edges.temporal_codec import sealing_converter
from ingot.edges.temporal_loaded import deployment
from ingot.errors import IngotError, InputError, StepError, StoreError
from ingot.fields import to_plain
from ingot.runtime.run import Workflow
from ingot.store.audit import run_place
from ingot.store.encoding import encoded
from ingot.store.keys import StoreKey

ROWS_AT_ONCE = 100
CHUNKS_AHEAD = 8
LARGEST_CHUNK = 1_000_000
"""Bytes of a chunk's rows as JSON; a Temporal server takes 2 MB, sealed."""
PATIENCE = 600.0
"""Seconds for which a server that is away is waited for."""
COMING_UP = 30.0
"""Seconds for which a server that listens and is not ready yet is waited for."""

Given = TypeVar("Given")


async def connect(key: StoreKey, address: str | None = None, namespace: str | None = None) -> Client:
    """A client whose payloads are sealed with the store's secret.

    Address, namespace, TLS and API key come from Temporal's own settings (TEMPORAL_ADDRESS, TEMPORAL_TLS …, or its
    configuration file); `address` and `namespace` go before them. A server that is just coming up is waited for. Raises
    StepError where none answers.
    """
    settings: dict[str, Any] = dict(ClientConfig.load_client_connect_config())
    given = {"target_host": address, "namespace": namespace}
    settings |= {name: value for name, value in given.items() if value}
    settings.setdefault("target_host", "localhost:7233")
    until = time.monotonic() + COMING_UP
    while True:
        try:
            return await Client.connect(**settings, data_converter=sealing_converter(key))
        except RuntimeError as error:
            if not _comes_up(error) or time.monotonic() > until:
                raise StepError(
                    f"no Temporal server answers: {str(error)[:200]}",
                    place=str(settings["target_host"]),
                    hint="start one (`temporal server start-dev`), or give --address HOST:PORT",
                ) from None
        await asyncio.sleep(0.1)


def _comes_up(error: RuntimeError) -> bool:
    """Whether a server answered that it is not ready; one that is not there at all refuses the connection instead."""
    return "get_system_info" in str(error) and "Unavailable" in str(error)


def pinned(workflow: Workflow) -> VersioningOverride:
    """What holds a run to the workers of this very artifact."""
    return PinnedVersioningOverride(WorkerDeploymentVersion(deployment(workflow.spec), workflow.digest))


def new_run() -> str:
    """The id of a run of its own."""
    return f"{os.urandom(6).hex()}-00000001"


async def submit(client: Client, workflow: Workflow, case: Mapping[str, Any], run: str | None = None) -> str:
    """Start a run and give its id; the same id given twice with the same input is one run.

    Raises InputError for an input that does not fit, or another than that with which the id was given before; StepError
    where no worker of the artifact has been there yet.
    """
    workflow.validate(case)
    run = run or new_run()
    run_place(run)
    order = {"digest": workflow.digest, "run": run, "input": to_plain(workflow.kept(case))}
    handle, begun = await _start(client, workflow, "ingot-run", order, run)
    if not begun:
        _refuse_another(workflow, order, await _patiently(lambda: _order_of(client, handle)))
    return run


async def _order_of(client: Client, handle: WorkflowHandle[Any, Any]) -> dict[str, Any]:
    """What a run was started with, opened. Raises StoreError where it was sealed with another secret."""
    first = await anext(handle.fetch_history_events(page_size=1))
    payloads = first.workflow_execution_started_event_attributes.input.payloads
    converter = client.data_converter.with_context(WorkflowSerializationContext(client.namespace, handle.id))
    (order,) = await converter.decode(payloads)
    found: dict[str, Any] = order
    return found


def _refuse_another(workflow: Workflow, order: Mapping[str, Any], before: Mapping[str, Any]) -> None:
    """An id that is taken may be given again only for what it was given for. Says what differs, and no value."""
    hint = "give each run an id of its own"
    if "input" not in before:
        raise InputError(f"{order['run']!r} is a chunk of a batch", place="run", hint=hint)
    if before["digest"] != order["digest"]:
        raise InputError(
            f"run {order['run']!r} began with artifact {before['digest'][:12]}, this is {order['digest'][:12]}",
            place="run", hint=hint,
        )  # fmt: skip
    was, now = workflow.validate(before["input"]), workflow.validate(order["input"])
    other = [name for name in now if equal_bytes(was[name]) != equal_bytes(now[name])]
    if other:
        raise InputError(
            f"run {order['run']!r} was submitted before with another input: {', '.join(other)} differ", place="run",
            hint=hint,
        )  # fmt: skip


async def result(client: Client, run: str) -> dict[str, Any]:
    """What a run came to, waited for: an outcome as JSON. Raises what the run failed with."""
    return await _waited(client.get_workflow_handle(run))


@dataclass(frozen=True, slots=True)
class Status:
    """How a run is: ``running``, ``waiting`` (then `waits` names review, step and reason), ``completed`` or ``failed``; `done` are
    the names of its finished steps, None where no worker answered."""

    run: str
    state: str
    digest: str | None
    done: tuple[str, ...] | None = None
    waits: Mapping[str, str] | None = None


async def status(client: Client, run: str) -> Status:
    """How a run is. Raises StoreError where the server knows none of that id."""
    handle = client.get_workflow_handle(run)
    try:
        told = await handle.describe()
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            raise StoreError(f"there is no run {run!r} on this server", hint="`ingot submit` prints its id") from None
        raise
    version = told.raw_description.workflow_execution_info.versioning_info.versioning_override.pinned.version.build_id
    if told.status is not WorkflowExecutionStatus.RUNNING:
        state = "completed" if told.status is WorkflowExecutionStatus.COMPLETED else "failed"
        return Status(run, state, version or None)
    try:
        found = await handle.query("state", rpc_timeout=timedelta(seconds=5))
    except (RPCError, WorkflowQueryFailedError):
        return Status(run, "running", version or None)
    waits = found["waits"]
    return Status(run, "waiting" if waits else "running", version or None, tuple(found["done"]), waits)


async def decide(
    client: Client, review: str, *, approve: bool, by: str, why: str, answer: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Tell a run what a person decided; the run's worker checks it, keeps it in its store and goes on.

    Raises InputError where the answer does not fit, StoreError where the run does not wait for this review.
    """
    run = review.rpartition(".")[0]
    decision = {"review": review, "approve": approve, "by": by, "why": why, "answer": to_plain(answer)}
    handle = client.get_workflow_handle(run)
    try:
        kept: dict[str, Any] = await handle.execute_update("decide", decision)
    except WorkflowUpdateFailedError as error:
        raise _ours(error.cause) from None
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            raise StoreError(f"no run waits for review {review!r} on this server") from None
        raise
    return kept


# ---- batches -----------------------------------------------------------------------------------------------------


def run_batch_on(
    client: Client,
    loop: asyncio.AbstractEventLoop,
    workflow: Workflow,
    path: Path,
    out: Path,
    *,
    kind: str | None = None,
    rows_at_once: int = ROWS_AT_ONCE,
    validate: bool = True,
    progress: Progress | None = None,
) -> BatchReport:
    """What `run_batch` does, with the chunks run by the workers of a Temporal server.

    `loop` runs in another thread and is the client's. A chunk is one workflow, whose id says which chunk of which batch
    it is: sent again after a crash of this process, it is not run again. Raises as `run_batch`.
    """

    def elsewhere(batch: str, read: ReadRow) -> Callable[[Chunk], Future[Done]]:
        def call(chunk: Chunk) -> Future[Done]:
            order = {
                "digest": workflow.digest, "batch": batch, "first": chunk.first, "validate": validate,
                "rows": [_sent(workflow, read, raw) for raw in chunk.raw],
            }  # fmt: skip
            if len(encoded(order)) > LARGEST_CHUNK:
                raise InputError(
                    f"the chunk from row {chunk.first} on has more than {LARGEST_CHUNK} bytes",
                    place=str(path),
                    hint=f"take fewer than {rows_at_once} rows at once: --rows-at-once",
                )
            return asyncio.run_coroutine_threadsafe(_chunk(client, workflow, order), loop)

        return call

    return run_batch(
        workflow, path, out, kind=kind, workers=CHUNKS_AHEAD, rows_at_once=rows_at_once, validate=validate,
        progress=progress, elsewhere=elsewhere,
    )  # fmt: skip


def _sent(workflow: Workflow, read: ReadRow, raw: Any) -> dict[str, Any]:
    try:
        return {"row": to_plain(workflow.kept(read(raw)))}
    except InputError as error:
        return {"error": error.message, "place": error.place}


async def _chunk(client: Client, workflow: Workflow, order: Mapping[str, Any]) -> Done:
    name = f"ingot-batch-{order['batch']}-{order['first']:08x}"
    handle, _ = await _start(client, workflow, "ingot-chunk", order, name)
    told = await _waited(handle)
    return Done(told["rows"], told["out"].encode(), told["failed"].encode(), told["failures"], told["reviews"])


@contextmanager
def loop_in_thread() -> Iterator[asyncio.AbstractEventLoop]:
    """An event loop that runs in a thread of its own while the context lasts."""
    loop = asyncio.new_event_loop()
    thread = Thread(target=loop.run_forever, name="ingot-temporal", daemon=True)
    thread.start()
    try:
        yield loop
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


# ---- the server --------------------------------------------------------------------------------------------------


async def _start(
    client: Client, workflow: Workflow, kind: str, order: Mapping[str, Any], run: str
) -> tuple[WorkflowHandle[Any, Any], bool]:
    """The workflow of this id, and whether this call began it; an earlier try of it may have."""

    async def call() -> WorkflowHandle[Any, Any]:
        return await client.start_workflow(
            kind,
            order,
            id=run,
            task_queue=deployment(workflow.spec),
            versioning_override=pinned(workflow),
            id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
            id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
        )

    try:
        return await _patiently(call), True
    except WorkflowAlreadyStartedError:
        return client.get_workflow_handle(run), False
    except RPCError as error:
        if "not present in task queue" in error.message:
            raise StepError(
                f"no worker of artifact {workflow.digest[:12]} has been at this server",
                hint=f"start one: ingot worker {workflow.verified.path}",
            ) from None
        raise StepError(f"the Temporal server refused: {error.message[:200]}") from None


async def _waited(handle: WorkflowHandle[Any, Any]) -> dict[str, Any]:
    try:
        told: dict[str, Any] = await _patiently(handle.result)
    except WorkflowFailureError as error:
        raise _ours(error.cause) from None
    return told


_AWAY = (
    RPCStatusCode.UNAVAILABLE, RPCStatusCode.DEADLINE_EXCEEDED, RPCStatusCode.CANCELLED, RPCStatusCode.UNKNOWN,
    RPCStatusCode.INTERNAL,
)  # fmt: skip
"""What a call ends with while the server goes away or comes back: a connection cut in its middle is UNKNOWN or INTERNAL."""


async def _patiently(call: Callable[[], Awaitable[Given]]) -> Given:
    """Call again while the server is away: what it has begun goes on when it is back."""
    until = asyncio.get_running_loop().time() + PATIENCE
    while True:
        try:
            return await call()
        except RPCError as error:
            if error.status not in _AWAY or asyncio.get_running_loop().time() > until:
                raise
        await asyncio.sleep(0.5)


def _ours(cause: BaseException | None) -> IngotError:
    """The error that a run failed with, as an in-process run raises it."""
    while cause is not None and not isinstance(cause, ApplicationError) and cause.__cause__ is not None:
        cause = cause.__cause__
    if not isinstance(cause, ApplicationError):
        return StepError(f"the run ended: {cause}")
    kind = getattr(errors, cause.type or "", StepError)
    place = str(cause.details[0]) if cause.details and cause.details[0] else None
    known = isinstance(kind, type) and issubclass(kind, InputError | errors.OutputError | StepError | StoreError)
    return kind(cause.message, place=place) if known else StepError(cause.message, place=place)
