"""Stream: items keep arriving, outcomes leave in the same order, a slow reader slows the source down.

Picked when the spec's items come from a queue, a socket or a feed without an end, and order matters. `handler` is
for one item, `batch` for a finished file of items that has to survive a crash.

`transact` is the compiled workflow, synchronous or async. At most `in_flight` items are between the source and the
reader at any time, whether they wait, run or are done; a pull is begun only while the reader is asking.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Mapping
from inspect import isawaitable
from typing import Any, Literal, NamedTuple, TypeVar

Outcome = TypeVar("Outcome")
Item = Mapping[str, Any]
_END: Any = object()


class Failure(NamedTuple):
    """Stands where the outcome of item number `number` (from 0) would have been. It does not hold the item."""

    number: int
    error: Exception


async def run(
    transact: Callable[[Item], Outcome | Awaitable[Outcome]],
    source: AsyncIterable[Item],
    *,
    in_flight: int = 8,
    errors: Literal["record", "raise"] = "record",
    threads: bool = False,
) -> AsyncIterator[Outcome | Failure]:
    """Outcomes in the order of the items.

    An item whose `transact` raises becomes a `Failure` and the stream goes on; with ``errors="raise"`` its error ends
    the stream when its turn comes. An error of the source ends the stream after the outcomes before it. A synchronous
    `transact` runs in the event loop, or in a thread with ``threads=True``, for one that waits. When the reader stops
    early (``aclose``) or is cancelled, everything in flight is cancelled and the source is closed; a thread that has
    begun runs to its end. Raises ValueError for an `in_flight` below 1.
    """
    if in_flight < 1:
        raise ValueError(f"in_flight is {in_flight!r}; it must be 1 or more")
    items = aiter(source)
    pull: asyncio.Task[Any] | None = None
    pending: deque[asyncio.Task[Outcome]] = deque()
    count, ended, broken = 0, False, None
    try:
        while pending or not ended:
            if pull is None and not ended and len(pending) < in_flight:
                pull = asyncio.ensure_future(_next(items))
            waiting = [task for task in (pull, pending[0] if pending else None) if task is not None]
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            if pull is not None and pull.done():
                broken = pull.exception()
                item = _END if broken else pull.result()
                pull, ended = None, item is _END
                if not ended:
                    pending.append(asyncio.ensure_future(_one(transact, item, threads)))
            if pending and pending[0].done():
                done = pending.popleft()
                error = done.exception()
                if isinstance(error, Exception) and errors == "record":
                    yield Failure(count, error)
                else:
                    yield done.result()
                count += 1
        if broken is not None:
            raise broken
    finally:
        await _stop(items, [task for task in (pull, *pending) if task is not None])


async def _next(items: AsyncIterator[Item]) -> Item:
    return await anext(items, _END)


async def _one(transact: Callable[[Item], Any], item: Item, threads: bool) -> Any:
    outcome = await asyncio.to_thread(transact, item) if threads else transact(item)
    return await outcome if isawaitable(outcome) else outcome


async def _stop(items: AsyncIterator[Item], tasks: list[asyncio.Task[Any]]) -> None:
    """Cancel what runs, wait until it has ended, then close the source."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    close = getattr(items, "aclose", None)
    if close is not None:
        await close()
