"""Group commit: the records of many runs in one transaction, each run answered after it.

A commit waits for the disk, and a hundred records wait no longer than one. Runs that follow each other share a segment.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from ingot.errors import StoreError
from ingot.store.audit import run_place
from ingot.store.database import lost, store_error, writing
from ingot.store.records import Records
from ingot.store.runs import Waiting, keep_waiting
from ingot.store.store import Store


@dataclass(frozen=True, slots=True)
class Entry:
    """One run's record, and what must be kept with it where it waits for a person.

    `once`: the run's id stands for what somebody asked, and an answer that is in the log already stays the only one.
    """

    run: str
    record: bytes
    records: Records
    waiting: Waiting | None = None
    once: bool = False

    @property
    def place(self) -> tuple[str, int]:
        """The prefix and the number of the run's id."""
        return run_place(self.run)


End = bool | StoreError
"""True: it is in the log now. False: it was there already. A StoreError: it could not be written."""


def append_together(store: Store, entries: Sequence[Entry]) -> list[End]:
    """Write all entries in one transaction and say for each what came of it. Where that fails, each is tried alone, so
    that none fails for another; where the database went away all are tried once more, and none is written twice."""
    try:
        return _tried(store, entries, again=False)
    except SQLAlchemyError as error:
        if not lost(error):
            return _each(store, entries, error)
    try:
        return _tried(store, entries, again=True)
    except SQLAlchemyError as error:
        if lost(error):  # it is away still: each alone would wait for it as long
            return [store_error(error, "record the run") for _ in entries]
        return _each(store, entries, error)


def _each(store: Store, entries: Sequence[Entry], error: SQLAlchemyError) -> list[End]:
    """What comes of each alone, after all together failed with `error`."""
    if len(entries) == 1:
        return [store_error(error, "record the run")]
    return [_one(store, entry) for entry in entries]


def _one(store: Store, entry: Entry) -> End:
    try:
        return _tried(store, [entry], again=True)[0]
    except SQLAlchemyError as error:
        return store_error(error, "record the run")


def _tried(store: Store, entries: Sequence[Entry], *, again: bool) -> list[End]:
    """`again`: a commit of these may have come through without a word, so that none is written before it was looked for."""
    with writing(store.engine) as connection:
        ends = _append(connection, store, [replace(entry, once=True) for entry in entries] if again else entries)
    return [end or not entry.once for end, entry in zip(ends, entries, strict=True)]


def _append(connection: Connection, store: Store, entries: Sequence[Entry]) -> list[bool]:
    new = {index for index, entry in enumerate(entries) if not entry.once}
    for group in _segments(entry for entry in entries if not entry.once):
        _write(connection, store, group)
    for index, entry in enumerate(entries):
        if entry.once and not store.audit.has(connection, entry.run):
            _write(connection, store, [entry])
            new.add(index)
    return [index in new for index in range(len(entries))]


def _write(connection: Connection, store: Store, group: Sequence[Entry]) -> None:
    keep_waiting(connection, [entry.waiting for entry in group if entry.waiting is not None])
    prefix, first = group[0].place
    lines = [entry.record for entry in group]
    store.audit.append(lines, prefix=prefix, first=first, common=group[0].records.common(), within=connection)


def _segments(entries: Iterator[Entry]) -> Iterator[list[Entry]]:
    """Runs whose numbers follow each other, together."""
    group: list[Entry] = []
    for entry in sorted(entries, key=lambda one: one.place):
        if group and (group[0].place[0], group[-1].place[1] + 1) != entry.place:
            yield group
            group = []
        group.append(entry)
    if group:
        yield group
