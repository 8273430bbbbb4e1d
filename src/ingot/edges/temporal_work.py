"""The activities of `temporal_flow`: steps, records, decisions and chunks, each safe to be tried again.

A step is carried out at least once: a worker that dies in the middle of one leaves it to another. What has finished is
not repeated. Whatever goes to the store goes there once.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any, TypeVar

from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError
from temporalio import activity

from ingot.edges.chunks import ChunkRunner, Done
from ingot.edges.temporal_flow import Plain, failure
from ingot.edges.temporal_loaded import LOADED, Loaded
from ingot.errors import IngotError, InputError, StepError, StoreError
from ingot.runtime.bounded.ledger import Call
from ingot.runtime.steps import NeedsReview
from ingot.store.database import store_error, writing
from ingot.store.runs import RecordedWorkflow, keep_waiting
from ingot.store.tables import segments

Given = TypeVar("Given")


def _loaded(order: Plain) -> Loaded:
    found = LOADED.get(order["digest"])
    if found is None:
        raise LookupError(f"this worker does not have artifact {order['digest'][:12]}")
    return found


def _calls(order: Plain) -> list[Call]:
    return [Call.from_json(call) for call in order.get("calls", ())]


def _guarded(call: Callable[[], Given]) -> Given:
    """An error of ours ends the run; a store that cannot be written is tried again."""
    try:
        return call()
    except StoreError:
        raise
    except IngotError as error:
        raise failure(error) from None


@activity.defn(name="ingot-settle")
def settle(order: Plain) -> Plain:
    """Record what a run came to, and tell it."""
    asked = order["stop"]
    stop = None if asked is None else (asked[0], asked[1])
    broken = bool(order.get("broken"))
    recorded = _loaded(order).recorded
    outcome = _guarded(
        lambda: recorded.settle(order["run"], order["input"], order["done"], stop, _calls(order), broken=broken)
    )
    told = outcome.to_json()
    told.pop("trace", None)
    return told


@activity.defn(name="ingot-fail")
def fail(order: Plain) -> None:
    """Record that a step of a run failed."""
    _loaded(order).recorded.fail(
        order["run"], order["input"], order["done"], order["step"], order["message"], _calls(order)
    )


@activity.defn(name="ingot-decide")
def decide(order: Plain) -> Plain:
    """Keep a person's decision. Fails for good where it does not fit or the review is decided."""
    recorded = _loaded(order).recorded
    try:
        kept = recorded.decide(
            order["review"], approve=order["approve"], by=order["by"], why=order["why"], answer=order.get("answer")
        )
    except StoreError as error:
        if isinstance(error.__cause__ or error.__context__, SQLAlchemyError):
            raise
        raise failure(error) from None
    except IngotError as error:
        raise failure(error) from None
    return {
        "review": order["review"], "approved": order["approve"], "by": order["by"], "goes_on": kept.goes_on,
        "given": None if kept.given is None else dict(kept.given),
    }  # fmt: skip


@activity.defn(name="ingot-step")
async def step(order: Plain) -> Plain:
    """Carry out one step: ``{outputs}``, or ``{review}`` with the reason where a person must decide.

    A failing step is tried again as often as the spec says; after that, and for a step that has no retries, the run
    fails. A worker that was lost is no failure of the step.
    """
    loaded, name, calls = _loaded(order), order["step"], _calls(order)
    before = len(calls)
    async with _alive(loaded):
        try:
            mine = str(activity.info().workflow_id), int(order.get("number", 0))  # which an older version did not say
            found: Plain = {"outputs": await asyncio.to_thread(loaded.perform, name, order["arguments"], calls, *mine)}
        except NeedsReview as asked:
            found = {"review": asked.reason}
        except StepError as error:
            if activity.info().attempt > loaded.retries.get(name, 0):
                raise failure(error) from None
            raise
    return {**found, "calls": [call.to_json() for call in calls[before:]]}


@activity.defn(name="ingot-chunk")
async def chunk(order: Plain) -> Plain:
    """Run the rows of a chunk and record them once."""
    loaded = _loaded(order)
    async with _alive(loaded):
        done = await asyncio.to_thread(_run_chunk, loaded, order)
    return {
        "rows": done.rows, "out": done.out.decode(), "failed": done.failed.decode(), "failures": done.failures,
        "reviews": done.reviews,
    }  # fmt: skip


def _run_chunk(loaded: Loaded, order: Plain) -> Done:
    recorded = loaded.in_chunks
    runner = ChunkRunner(
        loaded.workflow, read_sent, validate=order["validate"], recorded=recorded, batch=order["batch"]
    )
    done = runner.run(order["first"], order["rows"])
    if done.records:
        _keep(recorded, order["batch"], order["first"], done)
    return done


def _keep(recorded: RecordedWorkflow, batch: str, first: int, done: Done) -> None:
    """The records of a chunk and its reviews, all of it or nothing, unless they are in the log already."""
    store = recorded.store
    there = select(segments.c.number).where((segments.c.prefix == batch) & (segments.c.first == first))
    try:
        with writing(store.engine) as connection:
            if connection.execute(there).first() is not None:
                return
            keep_waiting(connection, done.waiting)
            store.audit.append(
                done.records, prefix=batch, first=first, common=recorded.records.common(), within=connection
            )
    except SQLAlchemyError as error:
        raise store_error(error, "record the chunk") from None


def read_sent(row: Any) -> Plain:
    """A row as it was sent: what it is, or what was wrong with it. Raises InputError."""
    if "row" not in row:
        raise InputError(row["error"], place=row.get("place"))
    found: Plain = row["row"]
    return found


@contextlib.asynccontextmanager
async def _alive(loaded: Loaded) -> AsyncIterator[None]:
    """Tell the server that this worker is at work, so that it knows soon where it is not."""

    async def beat() -> None:
        while True:
            activity.heartbeat()
            await asyncio.sleep(loaded.lost_after.total_seconds() / 4)

    beating = asyncio.create_task(beat())
    try:
        yield
    finally:
        beating.cancel()


ACTIVITIES: Sequence[Callable[..., Any]] = (settle, fail, decide, step, chunk)
