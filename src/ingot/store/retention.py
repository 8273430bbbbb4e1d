"""Retention: what a store knows of before a day goes, wherever it is kept.

The log's old segments lose their records, and runs that are over and have nothing left in the log lose what was sealed of
them: input, what their steps gave, what their tokens stand for, reviews with their reasons and answers. Their rows stay, so
that no id is given out twice and the chain holds. Kept model answers go by their own age. A run that is under way or waits
for a person keeps everything, its records in the log too.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine, delete, exists, or_, select, update
from sqlalchemy.exc import SQLAlchemyError

from ingot.store.database import store_error, writing
from ingot.store.runs import ENDED
from ingot.store.store import Store
from ingot.store.tables import PRUNED, answers, redactions, reviews, runs, segments, steps

AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Pruned:
    """What a pruning came to: `segments` emptied, and `kept` though they are old, since runs in them are not over; `runs`
    that lost what was sealed of them; kept model `answers` removed. `wiped`: nothing of it is left in the journal of a
    SQLite file; None for a database that says nothing of its disk."""

    segments: int
    kept: int
    runs: int
    answers: int
    wiped: bool | None


def prune(store: Store, before: str) -> Pruned:
    """Prune what is older than a time (``2026-01-31T00:00:00Z``), all of it or nothing. Raises StoreError."""
    try:
        with writing(store.engine) as connection:
            keep = _waited_for(connection, before)
            emptied = store.audit.prune(before, keep=keep, within=connection)
            over = _over(connection, before)
            _empty(connection, over)
            alone = _without_row(connection, before)
            _forget(connection, alone)
            old = connection.execute(delete(answers).where(answers.c.at < before)).rowcount
    except SQLAlchemyError as error:
        raise store_error(error, "prune the store") from None
    return Pruned(emptied, len(keep), len(over) + len(alone), old, _wipe(store.engine))


def _waited_for(connection: Connection, before: str) -> set[int]:
    """Old segments with records of runs that are under way or wait."""
    open_runs = connection.execute(select(runs.c.run).where(runs.c.state != ENDED)).scalars()
    return {
        one.number
        for prefix, numbers in _places(open_runs).items()
        for one, inside in _segments(connection, prefix, sorted(numbers))
        if inside and one.full and one.at < before
    }


def _over(connection: Connection, before: str) -> list[str]:
    """Runs that are over, of which something is sealed still and nothing is left in the log."""
    left = or_(
        runs.c.sealed != PRUNED,
        exists().where(steps.c.run == runs.c.run, steps.c.sealed != PRUNED),
        exists().where(reviews.c.run == runs.c.run, reviews.c.sealed != PRUNED),
    )
    query = select(runs.c.run).where(runs.c.state == ENDED, runs.c.at < before, left)
    found = list(connection.execute(query).scalars())
    there, _ = _in_log(connection, found)
    return [run for run in found if run not in there]


def _without_row(connection: Connection, before: str) -> list[str]:
    """Runs that something else drove to their end, with tokens kept: the log had them and has nothing left."""
    known = select(runs.c.run)
    query = select(redactions.c.run).where(redactions.c.at < before, redactions.c.run.not_in(known)).distinct()
    found = list(connection.execute(query).scalars())
    there, was = _in_log(connection, found)
    return [run for run in found if run in was and run not in there]


def _empty(connection: Connection, some: Sequence[str]) -> None:
    gone = {"sealed": PRUNED}
    for mine in _parts(some):
        connection.execute(update(runs).where(runs.c.run.in_(mine)).values(**gone))
        connection.execute(update(steps).where(steps.c.run.in_(mine)).values(**gone))
        connection.execute(update(reviews).where(reviews.c.run.in_(mine)).values(**gone, why=None, answer=None))
    _forget(connection, some)


def _forget(connection: Connection, some: Sequence[str]) -> None:
    for mine in _parts(some):
        connection.execute(delete(redactions).where(redactions.c.run.in_(mine)))


def _parts(some: Sequence[str]) -> Iterator[Sequence[str]]:
    return (some[at : at + AT_ONCE] for at in range(0, len(some), AT_ONCE))


# ---- runs in the log ---------------------------------------------------------------------------------------------


def _in_log(connection: Connection, some: Iterable[str]) -> tuple[set[str], set[str]]:
    """Of some runs those of which the log has a record, and those of which it has or had one."""
    there: set[str] = set()
    known: set[str] = set()
    for prefix, named in _places(some).items():
        for one, inside in _segments(connection, prefix, sorted(named)):
            found = {run for number in inside for run in named[number]}
            known |= found
            there |= found if one.full else set()
    return there, known


def _segments(connection: Connection, prefix: str, numbers: Sequence[int]) -> Iterator[tuple[Any, Sequence[int]]]:
    """The segments of a prefix (`full` where they have their records), each with those of the sorted numbers that it is of."""
    columns = [segments.c[name] for name in ("number", "first", "records", "at")]
    query = select(*columns, segments.c.body.is_not(None).label("full")).where(segments.c.prefix == prefix)
    for one in connection.execute(query).all():
        yield one, numbers[bisect_left(numbers, one.first) : bisect_left(numbers, one.first + one.records)]


def _places(some: Iterable[str]) -> dict[str, dict[int, list[str]]]:
    """Where the log has runs: by prefix and number. An id of an older version may have no place of its own."""
    found: dict[str, dict[int, list[str]]] = defaultdict(lambda: defaultdict(list))
    for run in some:
        prefix, _, number = run.rpartition("-")
        try:
            found[prefix][int(number, 16)].append(run)
        except ValueError:
            continue
    return found


# ---- the disk ----------------------------------------------------------------------------------------------------


def _wipe(engine: Engine) -> bool | None:
    """Bring the journal into a SQLite file, where freed pages are overwritten with zeros, and cut it to nothing."""
    if engine.dialect.name != "sqlite":
        return None
    connection = engine.raw_connection()
    try:
        cursor = connection.cursor()
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        found = cursor.fetchone()
        return found is not None and found[0] == 0
    finally:
        connection.close()
