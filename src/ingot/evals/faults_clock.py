"""A clock that jumps, back and forward, between and during runs, batches, decisions and a pruning.

The clock is the one that the store reads (`now_text`); a machine's own is not touched.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, tzinfo
from pathlib import Path

from sqlalchemy import select

from ingot.edges.batch import run_batch
from ingot.evals.faults import account_batch, account_runs, begun
from ingot.evals.faults_account import Faults, run_number
from ingot.evals.faults_workflows import KEY, ROWS_AT_ONCE, YES, made, rows
from ingot.runtime.run import Workflow
from ingot.store import database
from ingot.store.audit import RETENTION
from ingot.store.database import reading
from ingot.store.reviews import decide
from ingot.store.runs import RecordedWorkflow
from ingot.store.store import Store
from ingot.store.tables import segments

JUMPS = tuple(timedelta(seconds=sign * size) for size in (1, 3_600, 86_400 * 400) for sign in (1, -1))
"""A second, an hour and more than a year, forward and back."""

ONE_IN = 3
"""Of so many looks at the clock one finds that it jumped."""


def jump(folder: Path, found: Faults, trials: int = 8, *, seed: int = 0) -> None:
    """`trials` times runs with decisions, a batch and a pruning, while the clock jumps; count what is left."""
    chance = random.Random(seed)  # noqa: S311 - when it jumps, no secret
    pure, asking = made(folder, asks=False), made(folder, asks=True)
    source = begun(folder, pure)
    with _jumping(found, chance):
        for trial in range(trials):
            place = folder / f"clock{trial}"
            place.mkdir()
            _runs(place, asking, found)
            _batch(place, source, pure, found, chance)


@contextmanager
def _jumping(found: Faults, chance: random.Random) -> Iterator[None]:
    offset = timedelta()

    class Clock(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
            nonlocal offset
            if chance.randrange(ONE_IN) == 0:
                by = chance.choice(JUMPS)
                offset += by
                found.jumps["forward" if by > timedelta() else "back"] += 1
            return datetime.now(tz) + offset

    names = vars(database)
    own = names["datetime"]
    names["datetime"] = Clock
    try:
        yield
    finally:
        names["datetime"] = own


def _runs(place: Path, asking: Workflow, found: Faults) -> None:
    where, answered = f"{place.name} (runs and decisions)", []
    with Store.open(str(place / "runs.db"), KEY) as store:
        recorded = RecordedWorkflow(asking, store)
        for row in rows(20):
            if row["months"] <= 12:
                outcome = recorded.run({**row, "rate": "2"})
                ended = decide(recorded, f"{outcome.run_id}.0", approve=True, by="bench", why="it may", answer=YES)
                assert ended is not None
                answered += [(str(one.run_id), one.status) for one in (outcome, ended)]
        account_runs(found, where, store, iter(answered))
        found.verify(where, store, None)


def _batch(place: Path, source: Path, pure: Workflow, found: Faults, chance: random.Random) -> None:
    """A batch, then a pruning at a time that one of its segments says: exactly what says an earlier one is emptied."""
    where = f"{place.name} (batch)"
    with Store.open(str(place / "batch.db"), KEY) as store:
        run_batch(pure, source, place / "out.jsonl", workers=1, rows_at_once=ROWS_AT_ONCE, store=store)
        account_batch(found, where, source, place, store)
        head = found.verify(where, store, None)
        with reading(store.engine) as connection:
            written = connection.execute(select(segments.c.first, segments.c.records, segments.c.at)).all()
        if not written:
            return  # all is lost, and told
        before = str(chance.choice(written).at)
        young = [number for one in written if one.at >= before for number in range(one.first, one.first + one.records)]
        store.audit.prune(before)
        kept = [run_number(one["run"]) for one in store.audit.records() if one["kind"] != "pruned"]
        found.compare(where, "records after a pruning", young, kept)
        pruned = list(store.audit.records(prefix=RETENTION))
        emptied = any(one.at < before for one in written)
        found.compare(where, "records of a pruning", range(emptied), range(len(pruned)))
        found.verify(where, store, head)
