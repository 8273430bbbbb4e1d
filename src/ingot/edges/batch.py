"""A file of rows through a workflow on all cores. Killed at any point, it goes on: no row is lost, none is done twice.

    out.jsonl.partial   outcomes in the order of the rows; becomes out.jsonl at the end
    out.failed.jsonl    rows that failed, with their numbers and reasons
    out.jsonl.journal   what is finished: after every chunk both files are on the disk, then the chunk's audit records are in
                        the store, then the journal says so

A chunk is the unit of durable work. What was written of a chunk that the journal does not know is cut off and the chunk is
run again: programs are deterministic, so it gives the same bytes; audit records that the store has already are not added
again.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from sqlalchemy.exc import SQLAlchemyError

from ingot.artifact.durable import sync_folder
from ingot.edges.chunks import ChunkRunner, Done
from ingot.edges.sources import Chunk, ReadRow, Source, open_source
from ingot.errors import InputError, StepError
from ingot.hold import take
from ingot.runtime.run import Workflow
from ingot.store.database import store_error, writing
from ingot.store.records import Records
from ingot.store.runs import RecordedWorkflow, keep_waiting
from ingot.store.store import Store

ROWS_AT_ONCE = 2_000
AHEAD = 2
"""Chunks that each worker may have waiting: back-pressure keeps the rest in the file."""

Progress = Callable[[int], object]
Call = Callable[[Chunk], "Future[Done]"]
Elsewhere = Callable[[str, ReadRow], Call]
"""What runs the chunks of a batch, by its id, with what makes a row of what a chunk holds."""


@dataclass(frozen=True, slots=True)
class BatchReport:
    """How many `rows` there were, how many of them `failed` and how many wait for `reviews`; `resumed` of them were finished
    by an earlier run."""

    rows: int
    failed: int
    reviews: int
    resumed: int


@dataclass(frozen=True, slots=True)
class _Finished:
    """What the journal says is finished: rows, where the source and both files stood, and counts."""

    rows: int = 0
    position: int = 0
    seen: str = ""
    out: int = 0
    bad: int = 0
    failed: int = 0
    reviews: int = 0


_NOTED = frozenset(_Finished.__slots__)


def run_batch(
    workflow: Workflow,
    path: Path,
    out: Path,
    *,
    kind: str | None = None,
    workers: int | None = None,
    rows_at_once: int = ROWS_AT_ONCE,
    validate: bool = True,
    store: Store | None = None,
    progress: Progress | None = None,
    elsewhere: Elsewhere | None = None,
) -> BatchReport:
    """Run every row of `path` and write its outcome as a line of `out`.

    `kind` is the file's format where its name does not tell; `workers` processes (None: one a core). With a `store` every
    row has an audit record, and a workflow with module, bounded or human steps a journal of them. `progress` is told how
    far into the source the finished rows reach. `elsewhere` runs the chunks in place of processes here, and records them.
    Raises InputError where the source or the journal does not fit, StepError
    where a worker is lost or the output cannot be written: then running it again goes on.
    """
    source = open_source(path, workflow.spec.inputs, kind)
    if workflow.perform is not None and store is None and elsewhere is None:
        raise InputError(
            "this workflow has steps that reach outside, and nothing would keep them from being done twice",
            hint="give it a store: --store FILE",
        )
    settings = {"digest": workflow.digest, "validate": validate, "rows_at_once": rows_at_once}
    if out.exists() and (ended := _ended_before(out, settings)) is not None:
        return ended
    _refuse_taken(path, out)
    try:
        with _Files(out, settings) as files:
            return _run(
                workflow,
                source,
                files,
                workers or os.cpu_count() or 1,
                rows_at_once,
                validate,
                store,
                progress,
                elsewhere,
            )
    except OSError as error:
        raise StepError(
            f"cannot write: {error.strerror}", place=str(error.filename or out), hint="run it again"
        ) from error
    except BrokenProcessPool:
        raise StepError(
            "a worker process was lost", place=str(out), hint="run it again: it goes on where it was"
        ) from None


def _refuse_taken(path: Path, out: Path) -> None:
    """The files that a batch writes are none that somebody needs."""
    if out.exists():
        raise InputError("the output is there already", place=str(out), hint="name another, or remove it")
    if any(one.exists() and one.samefile(path) for one in _beside(out)):
        raise InputError(
            "the rows are in a file that the batch would write itself", place=str(path), hint="name another --out"
        )


def _beside(out: Path) -> tuple[Path, Path, Path]:
    """Unfinished outcomes, failures and the journal."""
    return (
        out.with_name(out.name + ".partial"),
        out.with_name(f"{out.stem}.failed.jsonl"),
        out.with_name(out.name + ".journal"),
    )


def _run(
    workflow: Workflow,
    source: Source,
    files: _Files,
    workers: int,
    rows_at_once: int,
    validate: bool,
    store: Store | None,
    progress: Progress | None,
    elsewhere: Elsewhere | None = None,
) -> BatchReport:
    finished = resumed = files.finished
    audited = 0 if store is None else store.audit.reached(files.batch)
    records = None if store is None else Records(workflow, store.key)
    todo = _unfinished(source, rows_at_once, finished)
    with ExitStack() as stack:
        if elsewhere is not None:
            call = elsewhere(files.batch, source.read)
        else:
            call = _caller(stack, workflow, source, files, workers, validate, store)
        for chunk, done in _in_order(call, todo, workers * AHEAD if workers > 1 else 1):
            files.write(done)
            if store is not None and records is not None and chunk.first >= audited:
                _keep(store, files.batch, chunk.first, done, records.common())
            finished = _after(finished, chunk, done, files)
            files.note(finished)
            if progress is not None:
                progress(finished.position)
    files.complete()
    return BatchReport(finished.rows, finished.failed, finished.reviews, resumed.rows)


def _after(before: _Finished, chunk: Chunk, done: Done, files: _Files) -> _Finished:
    return _Finished(
        chunk.first + done.rows, chunk.position, chunk.seen, files.out.tell(), files.bad.tell(),
        before.failed + done.failures, before.reviews + done.reviews,
    )  # fmt: skip


def _keep(store: Store, batch: str, first: int, done: Done, common: bytes) -> None:
    """The records of a chunk and the reviews that it opened, all of it or nothing."""
    if not done.records:
        return
    try:
        with writing(store.engine) as connection:
            keep_waiting(connection, done.waiting)
            store.audit.append(done.records, prefix=batch, first=first, common=common, within=connection)
    except SQLAlchemyError as error:
        raise store_error(error, "record the batch") from None


def _unfinished(source: Source, rows_at_once: int, finished: _Finished) -> Iterator[Chunk]:
    """The chunks after what is finished. Raises InputError where the source is not the one that was begun."""
    begun = not finished.seen
    for chunk in source.chunks(rows_at_once):
        if begun:
            yield chunk
        elif chunk.position >= finished.position:
            if (chunk.position, chunk.seen) != (finished.position, finished.seen):
                break
            begun = True
    if not begun:
        raise InputError(
            "the rows are not those that were begun with", place=str(source.path), hint="remove the .journal"
        )


# ---- workers -----------------------------------------------------------------------------------------------------

_RUNNER: list[ChunkRunner] = []


def _begin_worker(make: Callable[[], ChunkRunner], parent: int, lock: int) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle: it stops between chunks
    os.close(lock)  # a forked copy holds the lock too, and would keep whoever goes on after a kill from it
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    _RUNNER[:] = [make()]


def _end_with(parent: int) -> None:
    """End this worker when its parent was killed: it would wait for chunks for ever."""
    while os.getppid() == parent:
        time.sleep(0.2)
    os._exit(1)


def _run_chunk(first: int, raw: Any) -> Done:
    return _RUNNER[0].run(first, raw)


def _caller(
    stack: ExitStack,
    workflow: Workflow,
    source: Source,
    files: _Files,
    workers: int,
    validate: bool,
    store: Store | None,
) -> Call:
    batch, lock = files.batch, files.lock

    def make() -> ChunkRunner:
        own = None if store is None else store if workers == 1 else Store(store.fresh_engine(), store.key)
        recorded = None if own is None else RecordedWorkflow(workflow, own)
        return ChunkRunner(workflow, source.read, validate=validate, recorded=recorded, batch=batch)

    if workers == 1:
        runner = make()

        def here(chunk: Chunk) -> Future[Done]:
            future: Future[Done] = Future()
            future.set_result(runner.run(chunk.first, chunk.raw))
            return future

        return here
    # Forked, so that what was verified and compiled once is what every worker runs.
    context = multiprocessing.get_context("fork")
    pool = ProcessPoolExecutor(
        workers, mp_context=context, initializer=_begin_worker, initargs=(make, os.getpid(), lock)
    )
    stack.callback(pool.shutdown, wait=True, cancel_futures=True)
    return lambda chunk: pool.submit(_run_chunk, chunk.first, chunk.raw)


def _in_order(call: Call, todo: Iterator[Chunk], ahead: int) -> Iterator[tuple[Chunk, Done]]:
    under_way: deque[tuple[Chunk, Future[Done]]] = deque()
    for chunk in todo:
        under_way.append((chunk, call(chunk)))
        if len(under_way) >= ahead:
            first, future = under_way.popleft()
            yield first, future.result()
    while under_way:
        first, future = under_way.popleft()
        yield first, future.result()


# ---- files -------------------------------------------------------------------------------------------------------


class _Files:
    """The output, the failures and the journal of one batch, opened where an earlier run left them."""

    def __init__(self, out: Path, settings: dict[str, Any]) -> None:
        self._target = out
        self._partial, self._bad_path, self._journal_path = _beside(out)
        self._settings = settings
        self.batch = os.urandom(6).hex()
        self.finished = _Finished()

    def __enter__(self) -> _Files:
        self._journal = self._open_journal()
        self.out = _cut(self._partial, self.finished.out)
        self.bad = _cut(self._bad_path, self.finished.bad)
        return self

    def __exit__(self, *_: object) -> None:
        with ExitStack() as stack:  # one that cannot write what it still has must not keep the journal's lock
            for file in (self._journal, self.bad, self.out):
                stack.callback(file.close)

    @property
    def lock(self) -> int:
        """The descriptor that holds the output's lock."""
        return self._journal.fileno()

    def _open_journal(self) -> BinaryIO:
        file = self._journal_path.open("a+b")
        if not take(file.fileno()):
            file.close()
            raise InputError("another process is writing this output", place=str(self._target))
        if self._target.exists() or not os.fstat(file.fileno()).st_nlink:
            self._refuse_finished(file)
        file.seek(0)
        whole = [line for line in file.read().split(b"\n")[:-1] if line]
        if not whole:
            self._refuse_others_failures(file)
            file.truncate(0)
            _append(file, {**self._settings, "batch": self.batch})
            return file
        header, *notes = _read_journal(whole, self._journal_path)
        if {name: header.get(name) for name in self._settings} != self._settings:
            file.close()
            raise InputError(
                "this output was begun with another artifact or other settings",
                place=str(self._journal_path),
                hint="finish it with those, or remove the .journal and .partial files",
            )
        self.batch = header["batch"]
        if notes:
            self.finished = _Finished(**notes[-1])
        file.truncate(sum(len(line) + 1 for line in whole))
        return file

    def _refuse_others_failures(self, file: BinaryIO) -> None:
        """A batch that begins would write over the failures of another, whose output is named alike but for its suffix."""
        if self._bad_path.exists() and self._bad_path.stat().st_size:
            if not os.fstat(file.fileno()).st_size:
                self._journal_path.unlink()  # this process made it
            file.close()
            said = "the failures of another batch are in the file that this one would write its own to"
            raise InputError(said, place=str(self._bad_path), hint="name another --out, or remove it")

    def _refuse_finished(self, file: BinaryIO) -> None:
        """Another process finished the output after this one looked: done again, every row would be done twice."""
        if os.fstat(file.fileno()).st_nlink and not os.fstat(file.fileno()).st_size:
            self._journal_path.unlink()  # this process made it
        file.close()
        raise InputError("another process wrote this output just now", place=str(self._target))

    def write(self, done: Done) -> None:
        """Both files of a chunk, on the disk."""
        for file, content in ((self.out, done.out), (self.bad, done.failed)):
            if content:
                file.write(content)
                file.flush()
                os.fdatasync(file.fileno())

    def note(self, finished: _Finished) -> None:
        """From now on these rows are finished."""
        _append(self._journal, {name: getattr(finished, name) for name in _Finished.__slots__})

    def complete(self) -> None:
        """Give the output its name; the journal is not needed any more."""
        self._partial.replace(self._target)
        sync_folder(self._target.parent)
        if not self.bad.tell():
            self._bad_path.unlink(missing_ok=True)
        self._journal_path.unlink(missing_ok=True)


def _ended_before(out: Path, settings: dict[str, Any]) -> BatchReport | None:
    """The report of a batch that was killed after its output had its name and before its journal was gone; that is done
    now. None where `out` is something else."""
    journal = out.with_name(out.name + ".journal")
    if not journal.exists() or out.with_name(out.name + ".partial").exists():
        return None
    lines = [line for line in journal.read_bytes().split(b"\n")[:-1] if line]
    header, *notes = _read_journal(lines, journal) if lines else [{}]
    if {name: header.get(name) for name in settings} != settings:
        return None
    done = _Finished(**notes[-1]) if notes else _Finished()
    if out.stat().st_size != done.out:
        return None
    if not done.bad:
        out.with_name(f"{out.stem}.failed.jsonl").unlink(missing_ok=True)
    journal.unlink(missing_ok=True)
    return BatchReport(done.rows, done.failed, done.reviews, done.rows)


def _read_journal(lines: list[bytes], place: Path) -> list[dict[str, Any]]:
    """The settings of a batch, then what was finished. Raises InputError where no batch wrote that."""
    with suppress(ValueError):
        header, *notes = [json.loads(line) for line in lines]
        if isinstance(header, dict) and all(isinstance(one, dict) and one.keys() <= _NOTED for one in notes):
            return [header, *notes]
    raise InputError("this is no journal of a batch", place=str(place), hint="remove the .journal and .partial files")


def _append(file: BinaryIO, entry: dict[str, Any]) -> None:
    file.write(json.dumps(entry).encode() + b"\n")
    file.flush()
    os.fdatasync(file.fileno())


def _cut(path: Path, size: int) -> BinaryIO:
    """The file, ending at `size`: what comes after was not finished."""
    file = path.open("ab")
    if file.tell() < size:
        file.close()
        raise InputError(
            "it is shorter than its journal says", place=str(path), hint="remove the .journal and .partial files"
        )
    file.truncate(size)
    file.seek(0, os.SEEK_END)
    return file
