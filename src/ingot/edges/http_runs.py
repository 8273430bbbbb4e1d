"""Runs for requests: quick ones at once, long ones in threads; with a store, recorded together before any is answered."""

from __future__ import annotations

import asyncio
import re
import time
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar

from sqlalchemy import select

from ingot.edges.http_errors import Refused, field_errors, refusal
from ingot.edges.http_limits import Limits
from ingot.edges.http_metrics import Metrics
from ingot.edges.http_shelf import Version
from ingot.errors import IngotError, InputError, OutputError
from ingot.fields import validator
from ingot.runtime.run import Outcome
from ingot.store.alone import RunTaken
from ingot.store.database import reading
from ingot.store.group import End, Entry, append_together
from ingot.store.runs import ENDED, RecordedWorkflow, opened
from ingot.store.store import Store
from ingot.store.tables import runs

Of = TypeVar("Of")

_KEY = re.compile(r"[!-~]{1,255}")
QUICK_SECONDS, QUICK_BYTES = 0.02, 64 * 1024
REPEATED = "repeated"
"""The status, in the figures, of an outcome that was told again."""

STRIKES = 3
"""A workflow whose runs took more than QUICK_SECONDS of processor time this often runs in threads from then on."""


class GroupCommit:
    """Gathers what arrives while a commit is under way, and commits it together."""

    def __init__(self, store: Store, pool: ThreadPoolExecutor) -> None:
        self._store, self._pool = store, pool
        self._waiting: list[tuple[Entry, asyncio.Future[bool]]] = []
        self._pump: asyncio.Task[None] | None = None

    async def add(self, entry: Entry) -> bool:
        """Wait until the entry is in the log. False where its run was there before. Raises StoreError."""
        loop = asyncio.get_running_loop()
        done: asyncio.Future[bool] = loop.create_future()
        self._waiting.append((entry, done))
        if self._pump is None or self._pump.done():
            self._pump = loop.create_task(self._commit())
        return await done

    async def _commit(self) -> None:
        loop = asyncio.get_running_loop()
        while self._waiting:
            group, self._waiting = self._waiting, []
            entries = [entry for entry, _ in group]
            try:
                ends = await loop.run_in_executor(self._pool, append_together, self._store, entries)
            except BaseException as error:
                for _, done in group:
                    if not done.done():
                        done.set_exception(error if isinstance(error, Exception) else asyncio.CancelledError())
                if not isinstance(error, Exception):
                    raise
                continue
            for (_, done), end in zip(group, ends, strict=True):
                _settle(done, end)


def _settle(done: asyncio.Future[bool], end: End) -> None:
    if done.done():  # the request ran out of time
        return
    if isinstance(end, bool):
        done.set_result(end)
    else:
        done.set_exception(end)


class Runs:
    """Carries out runs for one server."""

    def __init__(self, store: Store | None, limits: Limits, metrics: Metrics) -> None:
        self._store, self._metrics = store, metrics
        self.pool = ThreadPoolExecutor(limits.threads, thread_name_prefix="ingot-run")
        self._commit_pool = ThreadPoolExecutor(1, thread_name_prefix="ingot-commit")
        self._group = None if store is None else GroupCommit(store, self._commit_pool)
        self._checks: dict[str, tuple[Any, dict[str, None]]] = {}
        self._strikes: Counter[str] = Counter()
        self._asked: set[str] = set()

    def close(self) -> None:
        """Wait for what is under way in threads."""
        self.pool.shutdown(wait=True, cancel_futures=True)
        self._commit_pool.shutdown(wait=True)

    async def run(
        self, version: Version, case: Mapping[str, Any], *, once: str | None = None, size: int = 0
    ) -> Outcome:
        """One run, recorded where there is a store. `once` is the run's id where a client asked for it to be done once.

        `size` is the input's bytes. Raises Refused.
        """
        started = time.perf_counter()
        status = "failed"
        try:
            outcome, status = await self._run(version, case, once, size)
        except InputError:
            status = "invalid"
            raise self._misfit(version, case) from None
        except IngotError as error:
            raise refusal(error) from None
        except Refused:
            status = "refused"
            raise
        finally:
            self._metrics.run(version.name, status, time.perf_counter() - started)
        return outcome

    async def _run(self, version: Version, case: Mapping[str, Any], once: str | None, size: int) -> tuple[Outcome, str]:
        """The outcome, and its status for the figures."""
        recorded = version.recorded
        if recorded is None:
            return _new(await self._call(version, size, partial(version.workflow.run, case)))
        if once is not None:
            return await self._once(version, recorded, once, case, size)
        if version.workflow.perform is not None:
            return _new(await self.in_thread(recorded.run, case))
        return await self._recorded(version, recorded, recorded.new_run(), case, size, once=False)

    async def _recorded(
        self,
        version: Version,
        recorded: RecordedWorkflow,
        run: str,
        case: Mapping[str, Any],
        size: int,
        *,
        once: bool,
    ) -> tuple[Outcome, str]:
        """A pure run: its outcome is given when its record is in the log."""
        assert self._group is not None
        try:
            outcome, record, waiting = await self._call(version, size, partial(recorded.traced, run, case))
        except InputError:  # no run came of it
            raise
        except IngotError as error:
            record = recorded.records.failed(run, case, error)
            await self._group.add(Entry(run, record, recorded.records, None, once))
            raise
        if await self._group.add(Entry(run, record, recorded.records, waiting, once)):
            return _new(outcome)
        return await self._told_before(recorded, run, case), REPEATED

    async def _once(
        self, version: Version, recorded: RecordedWorkflow, run: str, case: Mapping[str, Any], size: int
    ) -> tuple[Outcome, str]:
        if run in self._asked:
            raise _still_asked("a request with this key is under way")
        self._asked.add(run)
        try:
            before = await self.in_thread(self._before, recorded, run, case)
            if before is not None:
                return before, REPEATED
            if version.workflow.perform is None:
                return await self._recorded(version, recorded, run, case, size, once=True)
            try:
                return _new(await self.in_thread(partial(recorded.run, run=run), case))
            except RunTaken:
                return await self._told_before(recorded, run, case), REPEATED
        finally:
            self._asked.discard(run)

    async def _told_before(self, recorded: RecordedWorkflow, run: str, case: Mapping[str, Any]) -> Outcome:
        """Another server on the same store was asked at the same time, and was quicker: its answer stands."""
        before = await self.in_thread(self._before, recorded, run, case)
        if before is not None:
            return before
        raise _pruned() if recorded.workflow.perform is None else _still_asked("the run of this key is under way")

    def _before(self, recorded: RecordedWorkflow, run: str, case: Mapping[str, Any]) -> Outcome | None:
        """What a run with this id came to. Raises Refused where it ran on another input, or is under way elsewhere."""
        store = recorded.store
        found = [one for one in store.audit.records(run) if one.get("kind") == "run"]
        if not found:
            with reading(store.engine) as connection:
                state = connection.execute(select(runs.c.state).where(runs.c.run == run)).scalar()
            if state == ENDED:
                raise _pruned()
            if state is not None:
                raise _still_asked("the run of this key is under way, or its server was killed")
            return None
        if found[-1]["input_digest"] != recorded.records.input_digest(case):
            hint = "take a new key for a new request"
            raise Refused(409, "this key was given with another body before", place="Idempotency-Key", hint=hint)
        if found[-1].get("error_type") == "OutputError":
            raise OutputError("the program came to no answer", place=found[-1].get("at_step"))
        return recorded.read_back(opened(found[-1], store))

    def once(self, version: Version, caller: str, key: str, row: int = 0) -> str:
        """The id of the run that a caller's key stands for. Raises Refused."""
        if self._store is None:
            hint = "start it with --store"
            raise Refused(400, "this server keeps nothing, so no key", place="Idempotency-Key", hint=hint)
        if not _KEY.fullmatch(key):
            raise Refused(400, "a key has 1 to 255 visible ASCII characters", place="Idempotency-Key")
        about = "\0".join(("idempotency", caller, version.name, key))
        return f"k{self._store.key.input_digest(about.encode())[:38]}-{row:08x}"

    # ---- where ---------------------------------------------------------------------------------------------------

    async def _call(self, version: Version, size: int, call: Callable[[], Of]) -> Of:
        """A run that is known to be quick costs less here than its way to a thread and back."""
        if version.workflow.perform is not None or size > QUICK_BYTES or self._strikes[version.digest] >= STRIKES:
            return await self.in_thread(call)
        started = time.thread_time()  # its own work: on a busy machine the clock also counts that of others
        try:
            return call()
        finally:
            if time.thread_time() - started > QUICK_SECONDS:
                self._strikes[version.digest] += 1

    async def in_thread(self, call: Callable[..., Of], *arguments: Any) -> Of:
        """A call that may wait or take long."""
        return await asyncio.get_running_loop().run_in_executor(self.pool, call, *arguments)

    def _misfit(self, version: Version, case: Mapping[str, Any]) -> Refused:
        found = self._checks.get(version.digest)
        if found is None:
            inputs = version.workflow.spec.inputs
            found = self._checks[version.digest] = (
                validator(inputs),
                {one.name: None for one in inputs if one.nullable},
            )
        check, nulls = found
        fields = field_errors(check, {**nulls, **case})
        place = fields[0]["place"] if fields else None
        return Refused(
            422, "the input does not fit", place=place, hint="see /openapi.json for its fields", fields=fields
        )


def _new(outcome: Outcome) -> tuple[Outcome, str]:
    return outcome, outcome.status


def _pruned() -> Refused:
    hint = "take a new key for a new request"
    return Refused(409, "this key was answered long ago: its record was pruned", place="Idempotency-Key", hint=hint)


def _still_asked(error: str) -> Refused:
    hint = "ask again later with the same key"
    return Refused(409, error, place="Idempotency-Key", hint=hint, headers=[(b"retry-after", b"1")])


def told(outcome: Outcome) -> dict[str, Any]:
    """An outcome as a server tells it."""
    found: dict[str, Any] = {"status": outcome.status, "run_id": outcome.run_id, "digest": outcome.digest}
    if outcome.review is None:
        found["output"] = outcome.output
    else:
        review = outcome.review
        found["review"] = {"step": review.step, "reason": review.reason, "proposed": review.proposed}
    return found
