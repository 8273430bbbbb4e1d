"""The audit log: append-only segments of JSON lines, each chained to the one before.

A segment's first line says what all its records share. Its hash is SHA-256 over the hash before it, its lines and its own
columns; its stamp is keyed with the store's secret. Changing, removing, adding or reordering anything in the middle breaks
the chain; cutting the end off is seen where a head that was noted earlier (`AuditLog.head`) is asked for again.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine, Row, bindparam, func, select, update
from sqlalchemy.exc import SQLAlchemyError

from ingot.canonical import canonical_json
from ingot.errors import InputError, StoreError
from ingot.store.database import now_text, reading, store_error, writing
from ingot.store.keys import StoreKey
from ingot.store.tables import about, segments

Record = dict[str, Any]

READ_AT_ONCE = 64

RETENTION = "retention"
"""The prefix of the segments that say what was pruned; they are pruned themselves only by saying so."""

MOST_NUMBER = 0x7FFFFFFF
"""The greatest number of a run that every database keeps."""

_LAST = select(segments.c.number, segments.c.hash).order_by(segments.c.number.desc()).limit(1)
_INSERT = segments.insert()
_THERE = (
    select(segments.c.number)
    .where(segments.c.prefix == bindparam("prefix"), segments.c.first <= bindparam("run"))
    .where(segments.c.first + segments.c.records > bindparam("run"))
    .limit(1)
)
"""Made once: making a statement costs more than executing it."""

_HASH = re.compile(r"[0-9a-f]{64}")
_RUN = re.compile(r"([A-Za-z0-9][A-Za-z0-9._:@+-]{0,39})-([0-7][0-9a-f]{7})")


def run_place(run: str) -> tuple[str, int]:
    """Where the log has a run: the prefix and the number of its id. Each place has one spelling, so that no two runs share
    one; the log's own prefixes are not for runs. Raises InputError."""
    found = _RUN.fullmatch(run)
    if found is None or found[1] == RETENTION or found[1].startswith("label-"):
        raise InputError(
            f"{run[:80]!r} is no id of a run",
            place="run",
            hint="letters, digits and . _ : @ + - (at most 40), then - and eight hex digits: order-00000017",
        )
    return found[1], int(found[2], 16)


@dataclass(frozen=True, slots=True)
class Head:
    """The end of the log: the last segment's number (0: none yet) and its hash."""

    number: int
    hash: str

    def __str__(self) -> str:
        return f"{self.number}:{self.hash}"

    @staticmethod
    def parse(text: str) -> Head:
        """What `str` wrote. Raises StoreError."""
        number, _, found = text.partition(":")
        if not (number.isdigit() and len(found) == 64 and set(found) <= set("0123456789abcdef")):
            raise StoreError(
                f"{text!r} is not a head of an audit log", hint="give NUMBER:HASH as `ingot audit verify` prints it"
            )
        return Head(int(number), found)


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with the log, and at which segment."""

    segment: int
    message: str


@dataclass(frozen=True, slots=True)
class Checked:
    """What verifying came to. `pruned` segments have only their hashes left; `problems` is empty where all holds."""

    segments: int
    records: int
    pruned: int
    head: Head
    problems: tuple[Problem, ...]


class AuditLog:
    """The log of one store. Safe to use from several threads and processes."""

    def __init__(self, engine: Engine, key: StoreKey) -> None:
        self._engine, self._key = engine, key
        with reading(engine) as connection:
            self._store = str(connection.execute(select(about.c.store)).scalar_one())

    def append(
        self,
        records: Sequence[bytes],
        *,
        prefix: str,
        first: int = 0,
        common: bytes = b"{}",
        within: Connection | None = None,
    ) -> Head:
        """Add records (JSON objects, no newline) as one segment, in `within`'s transaction where one is given.

        `common` is an object of what each of them says where it says nothing else. Runs of these records are `prefix`-`first` and on. Raises StoreError: then nothing was added.
        """
        if not records:
            raise ValueError("a segment has at least one record")
        if within is not None:
            return self._append(within, (common, *records), prefix, first)
        try:
            with writing(self._engine) as connection:
                return self._append(connection, (common, *records), prefix, first)
        except SQLAlchemyError as error:
            raise store_error(error, "write the audit log") from None

    def _append(self, connection: Connection, lines: Sequence[bytes], prefix: str, first: int) -> Head:
        last = self._last(connection)
        number = last.number + 1
        row = {"number": number, "prefix": prefix, "first": first, "records": len(lines) - 1, "at": now_text()}
        body = b"\n".join(lines)
        found = chained(last.hash, body, row)
        chain = {"previous": last.hash, "hash": found, "stamp": self._key.stamp(found.encode())}
        connection.execute(_INSERT, {**row, **chain, "body": body})
        return Head(number, found)

    def has(self, connection: Connection, run: str) -> bool:
        """Whether the log has, or had, a record of this run; as a transaction sees it, so that it can be asked before one
        is added."""
        prefix, number = run_place(run)
        return connection.execute(_THERE, {"prefix": prefix, "run": number}).first() is not None

    def head(self) -> Head:
        """The end of the log as it is now. Note it elsewhere: `verify` then sees whether the log was cut."""
        with reading(self._engine) as connection:
            return self._last(connection)

    def _last(self, connection: Connection) -> Head:
        last = connection.execute(_LAST).first()
        return Head(0, _origin(self._store)) if last is None else Head(last.number, last.hash)

    # ---- reading -------------------------------------------------------------------------------------------------

    def records(self, run: str | None = None, *, prefix: str | None = None) -> Iterator[Record]:
        """Every record in order, or those of one run, or of one prefix. Raises StoreError where a body cannot be read."""
        for row in self._rows(run, prefix):
            if row.body is None:
                continue
            for record in _read(row):
                if run is None or record.get("run") == run:
                    yield record

    def _rows(self, run: str | None = None, own: str | None = None) -> Iterator[Row[Any]]:
        """Segments in order, some at a time, each time from one state of the store."""
        after, query = 0, select(segments).order_by(segments.c.number).limit(READ_AT_ONCE)
        if own is not None:
            query = query.where(segments.c.prefix == own)
        if run is not None:
            prefix, _, number = run.rpartition("-")
            at = int(number, 16) if 0 < len(number) <= 8 and set(number) <= set("0123456789abcdef") else -1
            at = at if at <= MOST_NUMBER else -1
            inside = (segments.c.first <= at) & (segments.c.first + segments.c.records > at)
            query = query.where(segments.c.prefix == prefix, inside)
        while True:
            with reading(self._engine) as connection:
                found = connection.execute(query.where(segments.c.number > after)).all()
            yield from found
            if len(found) < READ_AT_ONCE:
                return
            after = found[-1].number

    def count(self) -> tuple[int, int]:
        """Segments and records, those that retention has emptied included."""
        with reading(self._engine) as connection:
            row = connection.execute(select(func.count(), func.sum(segments.c.records)).select_from(segments)).one()
        return int(row[0]), int(row[1] or 0)

    def reached(self, prefix: str) -> int:
        """The number after the last run of `prefix` that is in the log; 0 where none is."""
        mine = select(func.max(segments.c.first + segments.c.records)).where(segments.c.prefix == prefix)
        with reading(self._engine) as connection:
            return int(connection.execute(mine).scalar() or 0)

    # ---- verifying -----------------------------------------------------------------------------------------------

    def verify(self, since: Head | None = None) -> Checked:
        """Compute the whole chain anew. `since` is a head noted earlier, which must still be in the log."""
        before = Head(0, _origin(self._store))
        records = 0
        pruned: list[int] = []
        bare: list[int] = []
        prunings: list[tuple[int, int]] = []
        unchecked: list[tuple[int, int]] = []
        problems: list[Problem] = []
        noted = since is None or since == before
        for row in self._rows():
            problems += [Problem(row.number, message) for message in self._broken(row, before)]
            before = Head(row.number, row.hash if isinstance(row.hash, str) else "")
            noted = noted or before == since
            records += row.records if isinstance(row.records, int) else 0
            if row.body is None:
                pruned.append(row.number)
                bare += [row.number] if row.content is None else []
            elif row.prefix == RETENTION and not (problems and problems[-1].segment == row.number):
                prunings += _said(row)
                unchecked += _said(row, "bare")
        unsaid = list(_unsaid(pruned, prunings))
        problems += [Problem(one, "it is empty, and no record says that it was pruned") for one in unsaid]
        problems += [
            Problem(one, "its columns cannot be checked: the digest of its records is gone")
            for one in _unsaid(bare, unchecked)
            if one not in unsaid
        ]
        if not noted:
            problems.append(Problem(before.number, f"the noted head {since} is not in the log: it was cut or replaced"))
        return Checked(before.number, records, len(pruned), before, tuple(problems))

    def _broken(self, row: Row[Any], before: Head) -> Iterator[str]:
        if not _is_written_so(row):
            yield "its columns are not of the kinds that are written"
            return
        if row.number != before.number + 1:
            yield f"segment {before.number + 1} is missing"
        if row.previous != before.hash:
            yield "it does not follow the segment before it"
        if not hmac.compare_digest(row.stamp, self._key.stamp(row.hash.encode())):
            yield "its stamp was not made with the store's secret"
        if row.body is None:
            content = _digest_of(row.content)
            if content is not None and _chained(row.previous, content, row._mapping) != row.hash:
                yield "its columns are not those that were written"
            return
        lines = _lines(row)
        if len(lines) - 1 != row.records:
            yield f"it has {len(lines) - 1} records and should have {row.records}"
        if chained(row.previous, _body(row), row._mapping) != row.hash:
            yield "its records are not those that were written"

    # ---- retention -----------------------------------------------------------------------------------------------

    def prune(self, before: str, *, keep: Collection[int] = (), within: Connection | None = None) -> int:
        """Empty the segments that were written before a time (``2026-01-31T00:00:00Z``), but for those to `keep`: their
        hashes stay, so the chain holds, and a record of the pruning is added. Returns how many segments were emptied."""
        if within is not None:
            return self._prune(within, before, keep)
        try:
            with writing(self._engine) as connection:
                return self._prune(connection, before, keep)
        except SQLAlchemyError as error:
            raise store_error(error, "prune the audit log") from None

    def _prune(self, connection: Connection, before: str, keep: Collection[int]) -> int:
        old = (segments.c.at < before) & segments.c.body.is_not(None)
        found = connection.execute(select(segments.c.number).where(old).order_by(segments.c.number)).scalars()
        emptied = [number for number in found if number not in keep]
        if not emptied:
            return 0
        said = _ranges([*self._prunings(connection), *_each(emptied)])
        bare = _ranges(list(self._prunings(connection, "bare")))
        note = {"kind": "pruned", "before": before, "segments": said, "count": len(emptied), "bare": bare}
        self._append(connection, [b"{}", canonical_json(note)], RETENTION, emptied[-1])
        for at in range(0, len(emptied), READ_AT_ONCE):
            _empty(connection, emptied[at : at + READ_AT_ONCE])
        return len(emptied)

    def _prunings(self, connection: Connection, what: str = "segments") -> Iterator[tuple[int, int]]:
        """What earlier prunings emptied, by those of their records that hold: a new record says it again, since it may be
        all that is left of them."""
        mine = (segments.c.prefix == RETENTION) & segments.c.body.is_not(None)
        for row in connection.execute(select(segments).where(mine)):
            if not list(self._broken(row, Head(row.number - 1, row.previous))):
                yield from _said(row, what)


def chained(previous: str, body: bytes, row: Any) -> str:
    """The hash of a segment: over the hash before, its lines, and the columns that say what and when."""
    return _chained(previous, hashlib.sha256(body).digest(), row)


def _chained(previous: str, content: bytes, row: Any) -> str:
    columns = canonical_json([row[name] for name in ("number", "prefix", "first", "records", "at")])
    return hashlib.sha256(bytes.fromhex(previous) + content + columns).hexdigest()


def _is_written_so(row: Row[Any]) -> bool:
    """Whether the columns hold what is ever written there: SQLite takes anything anywhere."""
    numbers, texts = (row.number, row.first, row.records), (row.prefix, row.at)
    if not all(type(one) is int for one in numbers) or not all(type(one) is str for one in texts):
        return False
    hashes = (row.previous, row.hash, row.stamp)
    if not all(type(one) is str and _HASH.fullmatch(one) for one in hashes):
        return False
    return isinstance(row.content, str | None) and isinstance(row.body, bytes | memoryview | str | None)


def _read(row: Row[Any]) -> list[Record]:
    """The records of a segment, each with what they share. Raises StoreError."""
    try:
        common, *lines = _lines(row)
        shared = json.loads(common)
        return [{**shared, **json.loads(line)} for line in lines]
    except (TypeError, ValueError, RecursionError):
        hint = "it was changed: `ingot audit verify` says what else was"
        raise StoreError(f"segment {row.number} of the audit log cannot be read", hint=hint) from None


def _digest_of(text: str | None) -> bytes | None:
    """The bytes of a digest in hex; what is no digest is one that nothing has."""
    try:
        return None if text is None else bytes.fromhex(text)
    except ValueError:
        return b""


def _empty(connection: Connection, numbers: Sequence[int]) -> None:
    """Take the bodies of segments away and leave their digests."""
    query = select(segments.c.number, segments.c.body).where(segments.c.number.in_(numbers))
    emptied = [{"mine": row.number, "was": hashlib.sha256(_body(row)).hexdigest()} for row in connection.execute(query)]
    change = update(segments).where(segments.c.number == bindparam("mine")).values(body=None, content=bindparam("was"))
    connection.execute(change, emptied)


def _said(row: Row[Any], what: str = "segments") -> list[tuple[int, int]]:
    """The first and last segments of what a record of a pruning says: that they were emptied, or (``bare``) that this was
    before digests were left, which an older record says of all that it names."""
    notes = [json.loads(line) for line in _lines(row)[1:]]
    return [tuple(pair) for one in notes if one.get("kind") == "pruned" for pair in one.get(what, one["segments"])]


def _each(numbers: Iterable[int]) -> list[tuple[int, int]]:
    return [(number, number) for number in numbers]


def _ranges(some: Sequence[tuple[int, int]]) -> list[list[int]]:
    """The same segments in as few ranges as there are gaps: a clock that was set back leaves younger ones in between."""
    found: list[list[int]] = []
    for first, last in sorted(some):
        if found and first <= found[-1][1] + 1:
            found[-1][1] = max(found[-1][1], last)
        else:
            found.append([first, last])
    return found


def _unsaid(pruned: Sequence[int], prunings: Sequence[tuple[int, int]]) -> Iterator[int]:
    """The empty segments that lie in no range that a pruning names."""
    for number in pruned:
        if not any(first <= number <= last for first, last in prunings):
            yield number


def _origin(store: str) -> str:
    return hashlib.sha256(b"ingot audit " + store.encode()).hexdigest()


def _lines(row: Row[Any]) -> list[bytes]:
    return _body(row).split(b"\n")


def _body(row: Any) -> bytes:
    """The body's bytes; SQLite may hold text where somebody wrote text."""
    return row.body.encode() if isinstance(row.body, str) else bytes(row.body)
