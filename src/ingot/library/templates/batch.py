"""Batch: a finished set of items into one output file, with checkpoints; it may be killed at any moment and resumed.

Picked when the spec works through a file or table of items that is too long to do again. `handler` is for one item,
`stream` for items that keep arriving.

The unit of durable work is a chunk. For each one: its outcomes are appended to the output and reach the disk, then one
line of the journal says how far the output is complete. After a crash the output is cut back to what the journal says
and the items after it are done again. So every item is in the output once, whenever the process died; `transact`
itself may see the items of the last chunk twice, which matters where it has effects: give those an idempotency key.
"""

from __future__ import annotations

import fcntl
import hashlib
import io
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, Literal, NamedTuple, TypeVar

Outcome = TypeVar("Outcome")
Item = Mapping[str, Any]


class Failure(NamedTuple):
    """Stands in place of the outcome of item number `number` (from 0) where ``errors="record"``."""

    number: int
    error: Exception


class Report(NamedTuple):
    """What is durable: `items` in the output, `bytes` of output, of them `resumed` items from earlier runs.
    `failures` counts the recorded failures of this run."""

    items: int
    bytes: int
    resumed: int
    failures: int


class _Checkpoint(NamedTuple):
    items: int
    bytes: int
    output_digest: str
    done: bool


def run(
    transact: Callable[[Item], Outcome],
    items: Iterable[Item],
    journal: Path,
    write: Callable[[BinaryIO, Outcome | Failure], object],
    *,
    output: Path,
    input_digest: str,
    program_digest: str,
    chunk: int = 500,
    progress: Callable[[int], object] | None = None,
    errors: Literal["raise", "record"] = "raise",
) -> Report:
    """Work through the items, from where an earlier run with the same journal stopped.

    `write` puts one outcome into a binary file; the same outcomes must give the same bytes on every run. `items` must
    come in the same order each time. `input_digest` and `program_digest` say what is worked on and with what: a
    journal of other ones is refused. `progress` hears the number of durable items after each chunk.

    Raises ValueError where the journal belongs to other work or the output is not what the journal describes,
    FileExistsError where there is output without a journal, BlockingIOError where another process is at it, and what
    `transact` raises (with ``errors="record"`` a `Failure` is written instead). After any of these it can be resumed.
    """
    if chunk < 1:
        raise ValueError(f"chunk is {chunk!r}; it must be 1 or more")
    identity = {"version": 1, "input": input_digest, "program": program_digest, "output": output.name}
    with _journal(journal) as log:
        start = _resume(log, journal, output, identity)
        flags = os.O_RDWR | os.O_CLOEXEC | (os.O_CREAT if start.bytes == 0 else 0)
        with open(os.open(output, flags, 0o600), "r+b", buffering=0) as file:
            _sync_folder(output)
            seen = _cut(file, output, start)
            source = _from(items, start.items)
            if start.done:
                return Report(start.items, start.bytes, start.items, 0)

            def put(item: Item, number: int, block: BinaryIO) -> bool:
                outcome = _outcome(transact, item, number, errors)
                write(block, outcome)
                return isinstance(outcome, Failure)

            return _work(source, put, _Ledger(file.fileno(), log, seen, start), chunk, progress)


class _Ledger(NamedTuple):
    output: int
    journal: int
    seen: Any
    start: _Checkpoint


def _work(
    source: Iterator[Item],
    put: Callable[[Item, int, BinaryIO], bool],
    ledger: _Ledger,
    chunk: int,
    progress: Callable[[int], object] | None,
) -> Report:
    """Chunk by chunk: compute, append, sync, and only then say so in the journal."""
    count, size, failures = ledger.start.items, ledger.start.bytes, 0
    done = False
    while not done:
        part, block = list(islice(source, chunk)), io.BytesIO()
        for number, item in enumerate(part, start=count):
            failures += put(item, number, block)
        content = block.getvalue()
        _append(ledger.output, content)
        ledger.seen.update(content)
        count, size, done = count + len(part), size + len(content), len(part) < chunk
        _note(ledger.journal, {"items": count, "bytes": size, "sha256": ledger.seen.hexdigest(), "done": done})
        if progress is not None and part:
            progress(count)
    return Report(count, size, ledger.start.items, failures)


def _outcome(transact: Callable[[Item], Outcome], item: Item, number: int, errors: str) -> Outcome | Failure:
    try:
        return transact(item)
    except Exception as error:
        if errors != "record":
            raise
        return Failure(number, error)


# ---- the journal: one line of identity, then one line per durable chunk ------------------------------------------


@contextmanager
def _journal(path: Path) -> Iterator[int]:
    """The journal's descriptor, held by this process alone."""
    log = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(log, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BlockingIOError(f"another process is working with the journal {str(path)!r}") from None
        yield log
    finally:
        os.close(log)


def _resume(log: int, path: Path, output: Path, identity: Mapping[str, Any]) -> _Checkpoint:
    """The last complete checkpoint; writes the journal's first line where there is none yet."""
    content = b"".join(iter(lambda: os.read(log, 1 << 20), b""))
    whole = content[: content.rfind(b"\n") + 1]  # a line without an end was being written at the crash
    os.ftruncate(log, len(whole))
    os.lseek(log, len(whole), os.SEEK_SET)
    if not whole:
        if output.exists():
            raise FileExistsError(f"the output {str(output)!r} exists without a journal; remove it or name another")
        _note(log, identity)
        _sync_folder(path)
        return _Checkpoint(0, 0, hashlib.sha256().hexdigest(), done=False)
    try:
        first, *lines = [json.loads(line) for line in whole.splitlines()]
        found = _Checkpoint(0, 0, hashlib.sha256().hexdigest(), done=False)
        if lines:
            found = _Checkpoint(*(lines[-1][key] for key in ("items", "bytes", "sha256", "done")))
    except (ValueError, KeyError, TypeError):
        raise ValueError(f"{str(path)!r} is not a journal of this template") from None
    for key, wanted in identity.items():
        if not isinstance(first, dict) or first.get(key) != wanted:
            raise ValueError(f"the journal {str(path)!r} belongs to another {key}; name a new journal and output")
    return found


def _from(items: Iterable[Item], count: int) -> Iterator[Item]:
    """The items after the first `count`; ValueError where there are not even so many."""
    source = iter(items)
    skipped = sum(1 for _ in islice(source, count))
    if skipped < count:
        raise ValueError(f"there are {skipped} items and the journal says that {count} are done; is it the same input?")
    return source


def _cut(file: Any, output: Path, start: _Checkpoint) -> Any:
    """Cut the output back to the checkpoint and return the hash of what stays, or refuse what is not ours."""
    seen, left = hashlib.sha256(), start.bytes
    while left and (piece := file.read(min(left, 1 << 20))):
        seen.update(piece)
        left -= len(piece)
    if left or seen.hexdigest() != start.output_digest:
        raise ValueError(f"the output {str(output)!r} is not what its journal describes; it was changed from outside")
    os.ftruncate(file.fileno(), start.bytes)
    os.lseek(file.fileno(), start.bytes, os.SEEK_SET)
    return seen


# ---- the disk ----------------------------------------------------------------------------------------------------


def _append(descriptor: int, content: bytes) -> None:
    """Write it all, and return when the disk has it."""
    view = memoryview(content)
    while view:
        view = view[os.write(descriptor, view) :]
    os.fsync(descriptor)


def _note(log: int, line: Mapping[str, Any]) -> None:
    _append(log, json.dumps(line, sort_keys=True).encode() + b"\n")


def _sync_folder(path: Path) -> None:
    """Make a new file's name durable."""
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
