"""A disk that is full: a batch's output, its side file, its journal or the store alone on a disk that grows page by page.

The disk is a tmpfs in a mount namespace of a child process, so that nobody else sees it. Where mounts are not permitted a
limit on the size of files takes its place (`limited`), which stops all of a batch's files alike.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from ingot.edges.batch import run_batch
from ingot.errors import IngotError, StageError, StepError, StoreError
from ingot.evals.faults import account_batch, account_runs, begun
from ingot.evals.faults_account import Faults
from ingot.evals.faults_process import REFUSED, forked
from ingot.evals.faults_workflows import KEY, ROWS_AT_ONCE, YES, made, rows
from ingot.runtime.run import Outcome, Workflow
from ingot.store.reviews import decide, list_reviews
from ingot.store.runs import RecordedWorkflow
from ingot.store.store import Store

PAGE = 4_096
ROWS_ON_DISK = 1_200
"""Rows of a batch whose disk is full: enough for several pages of failures."""

_LINKED = {
    "batch, its output": ".jsonl.partial",
    "batch, its side file": ".failed.jsonl",
    "batch, its journal": ".jsonl.journal",
}
_NEWNS, _NEWUSER, _REC, _PRIVATE, _REMOUNT = 0x0002_0000, 0x1000_0000, 0x4000, 0x4_0000, 0x20


def fill_disk(folder: Path, found: Faults, *, most: int = ROWS_ON_DISK, pages: int = 8) -> None:
    """Fill disks under batches of `most` rows, runs and decisions, each time making room for a little more (`pages` of
    4,096 bytes for a store), and count what is left.

    Raises StageError where one fails in another way than by a full disk.
    """
    pure, asking = made(folder, asks=False), made(folder, asks=True)
    source = begun(folder, pure, most)
    if not _in_child(found, folder, partial(_mounted, folder, pure, asking, source, pages)):
        limited(folder, found, pure, source)


def _in_child(found: Faults, folder: Path, work: Callable[[Faults], None]) -> bool:
    """Do `work` in a process that has a mount namespace of its own. False where that is not permitted."""
    told = folder / "told.json"

    def child() -> None:
        if not _namespace():
            return
        mine = Faults()
        work(mine)
        told.write_text(json.dumps(mine.to_json()))

    ended = forked(child)
    if ended != 0:
        raise StageError(f"the process with the full disk ended with {ended}", place=str(folder))
    if not told.exists():
        return False
    said = json.loads(told.read_text())
    for name in ("disks", "counted", "lost", "doubled"):
        getattr(found, name).update(said[name])
    found.chains += said["chains_verified"]
    found.problems += said["problems"]
    return True


# ---- a disk of one's own -----------------------------------------------------------------------------------------

_LIBC = ctypes.CDLL(None, use_errno=True)


def _namespace() -> bool:
    user, group = os.getuid(), os.getgid()
    if _LIBC.unshare(_NEWNS if user == 0 else _NEWNS | _NEWUSER) != 0:
        return False
    if user != 0:
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"0 {user} 1")
        Path("/proc/self/gid_map").write_text(f"0 {group} 1")
    return _mount(None, Path("/"), None, _REC | _PRIVATE, None)


def _mount(kind: bytes | None, at: Path, name: bytes | None, flags: int, options: bytes | None) -> bool:
    done: int = _LIBC.mount(name, os.fsencode(at), kind, ctypes.c_ulong(flags), options)
    return done == 0


class Disk:
    """A tmpfs of some pages, all of it taken but for `free` pages."""

    def __init__(self, at: Path, free: int) -> None:
        at.mkdir()
        self.at, self._pages = at, free
        if not _mount(b"tmpfs", at, b"tmpfs", 0, self._size()):
            raise StageError(f"cannot mount a disk: {os.strerror(ctypes.get_errno())}", place=str(at))

    def _size(self) -> bytes:
        return f"size={self._pages * PAGE}".encode()

    def grow(self, pages: int) -> None:
        """Make room for so many pages more."""
        self._pages += pages
        if not _mount(None, self.at, None, _REMOUNT, self._size()):
            raise StageError(f"the disk does not grow: {os.strerror(ctypes.get_errno())}", place=str(self.at))


def _until_done(found: Faults, name: str, disk: Disk, work: Callable[[], object], pages: int) -> None:
    """Do `work` again and again in this process, with a little more room each time that it stopped at the disk's end."""
    for _ in range(2_000):
        try:
            work()
        except (StepError, StoreError) as error:
            found.disks[name] += 1
            if not _is_full(error):
                found.problems.append(f"{name}: it stopped for another reason: {error}")
                return
            disk.grow(pages)
        except IngotError as error:
            found.problems.append(f"{name}: it does not go on: {error}")
            return
        else:
            return
    found.problems.append(f"{name}: it does not end")


def _is_full(error: IngotError) -> bool:
    return any(said in str(error) for said in ("No space left", "is full", "disk I/O error"))


# ---- what is run on it -------------------------------------------------------------------------------------------


def _mounted(folder: Path, pure: Workflow, asking: Workflow, source: Path, pages: int, found: Faults) -> None:
    for number, (name, ending) in enumerate(_LINKED.items()):
        place = folder / f"full{number}"
        place.mkdir()
        disk = Disk(folder / f"disk{number}", 1)
        (place / f"out{ending}").symlink_to(disk.at / "file")
        with Store.open(str(place / "store.db"), KEY) as store:
            _until_done(found, name, disk, partial(_batch, pure, source, place, store, rows_at_once=10), 1)
            if not found.problems:
                account_batch(found, name, source, place, store)
            found.verify(name, store, None)
    _full_store_batch(folder, pure, source, pages, found)
    _full_store_runs(folder, asking, pages, found)


def _batch(pure: Workflow, source: Path, place: Path, store: Store, rows_at_once: int = ROWS_AT_ONCE) -> None:
    run_batch(pure, source, place / "out.jsonl", workers=1, rows_at_once=rows_at_once, store=store)


@contextmanager
def _store_on(disk: Disk) -> Iterator[Store]:
    """A store on a disk that has room for its empty tables."""
    with Store.open(str(disk.at / "store.db"), KEY) as store:
        yield store


def _full_store_batch(folder: Path, pure: Workflow, source: Path, pages: int, found: Faults) -> None:
    name, place = "batch, its store", folder / "full-store"
    place.mkdir()
    disk = Disk(folder / "disk-store", 128)
    with _store_on(disk) as store:
        _until_done(found, name, disk, partial(_batch, pure, source, place, store), pages)
        account_batch(found, name, source, place, store)
        found.verify(name, store, None)


def _full_store_runs(folder: Path, asking: Workflow, pages: int, found: Faults) -> None:
    """Runs and decisions on one store that is full again and again; what was refused is asked again."""
    name, disk = "runs and decisions, their store", Disk(folder / "disk-runs", 128)
    answered: list[tuple[str, str]] = []
    with _store_on(disk) as store:
        recorded = RecordedWorkflow(asking, store)
        todo = [row for row in rows(400) if row["months"] <= 12]

        def note(outcome: Outcome | None) -> None:
            if outcome is not None:
                answered.append((str(outcome.run_id), outcome.status))

        def work() -> None:
            for run in recorded.unfinished():
                note(recorded.resume(run))
            for one in list_reviews(store, most=10_000):
                note(decide(recorded, one["review"], approve=True, by="bench", why="it may", answer=YES))
            while todo:
                outcome = recorded.run({**todo[-1], "rate": "2"})
                todo.pop()
                note(outcome)
                note(decide(recorded, f"{outcome.run_id}.0", approve=True, by="bench", why="it may", answer=YES))

        _until_done(found, name, disk, work, pages)
        account_runs(found, name, store, iter(answered))
        found.verify(name, store, None)


# ---- without mounts ----------------------------------------------------------------------------------------------


def limited(folder: Path, found: Faults, pure: Workflow, source: Path) -> None:
    """A batch whose files may grow to a limit only, which is raised each time it stopped there."""
    name, place = "batch, the size of its files limited", folder / "limited"
    place.mkdir()

    def work(size: int) -> None:
        with Store.open(str(place / "store.db"), KEY) as store:
            resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
            _batch(pure, source, place, store)

    size = 512
    while (ended := forked(partial(work, size))) == REFUSED:
        found.disks[name] += 1
        size += 4_096 if size < 200_000 else 200_000
    if ended != 0:
        raise StageError(f"the batch on a full disk ended with {ended}", place=str(place))
    with Store.open(str(place / "store.db"), KEY) as store:
        account_batch(found, name, source, place, store)
        found.verify(name, store, None)
