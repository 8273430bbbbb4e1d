"""Transactions of solvers that ask a model for each, several at once; Ctrl-C does not wait for those under way."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Sequence
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


def side_by_side(work: Callable[[T], R], items: Sequence[T], at_once: int, tell: Callable[[int], None]) -> list[R]:
    """`work` on every item, at most `at_once` at a time, in threads; what came of them, in the items' order.

    `tell` is told how many are done. Raises what `work` raises first; no further item is begun then, nor after Ctrl-C, and
    those under way are left to end by themselves.
    """
    waiting: queue.SimpleQueue[int] = queue.SimpleQueue()
    done: queue.SimpleQueue[tuple[int, R | None, BaseException | None]] = queue.SimpleQueue()
    for at in range(len(items)):
        waiting.put(at)
    stopped = threading.Event()

    def run() -> None:
        while not stopped.is_set():
            try:
                at = waiting.get_nowait()
            except queue.Empty:
                return
            try:
                done.put((at, work(items[at]), None))
            except BaseException as error:  # noqa: BLE001  raised again by whoever waits for it
                stopped.set()
                done.put((at, None, error))

    for number in range(min(at_once, len(items))):
        threading.Thread(target=run, name=f"transaction {number}", daemon=True).start()
    try:
        return _collected(done, len(items), tell)
    finally:
        stopped.set()


def _collected(
    done: queue.SimpleQueue[tuple[int, R | None, BaseException | None]], count: int, tell: Callable[[int], None]
) -> list[R]:
    found: dict[int, R] = {}
    while len(found) < count:
        at, result, error = done.get()
        if error is not None:
            raise error
        found[at] = result  # type: ignore[assignment]  # None stands for a result only beside an error
        tell(len(found))
    return [found[at] for at in range(count)]
