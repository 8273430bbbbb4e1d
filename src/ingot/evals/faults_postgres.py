"""PostgreSQL stopped and started again under load, and commits whose answer is lost on the way.

In this one process several threads run, record, ask and decide all the time on one store, which is never opened anew: each
must answer again after every restart. A run that could not be written must not have answered; one that was answered must be
in the log, once. A commit whose answer is lost may be in the log without an answer, never twice.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import cycle
from pathlib import Path
from typing import Any

from ingot.edges.batch import run_batch
from ingot.errors import StoreError
from ingot.evals.faults import account_batch, account_runs, begun
from ingot.evals.faults_account import Faults, kind_of
from ingot.evals.faults_cluster import Cluster, Wire
from ingot.evals.faults_workflows import KEY, ROWS_AT_ONCE, YES, made, rows
from ingot.runtime.run import Workflow
from ingot.store.audit import Head
from ingot.store.group import Entry, append_together
from ingot.store.reviews import decide, list_reviews
from ingot.store.runs import RecordedWorkflow
from ingot.store.store import Store

PATIENCE_SECONDS = 60
"""How long a load may take to answer again once the server is back."""

CUTS_OF_A_ROUND = 8
_PAUSE_SECONDS = 0.05


class Load:
    """One thread that works until it is told to stop; what the store refuses it tries again later, as a client would."""

    name = ""

    def __init__(self, store: Store, found: Faults) -> None:
        self.store, self.found = store, found
        self.answered: list[tuple[str, str]] = []
        self.refused = 0
        self.at = 0.0
        self.broken: BaseException | None = None

    def once(self) -> None:
        """Some work. Raises StoreError where the store does not take it."""
        raise NotImplementedError

    def went(self) -> None:
        """An answer was given now."""
        self.at = time.monotonic()

    def until(self, stop: threading.Event) -> None:
        """Work on. What is raised besides StoreError ends it, and is kept."""
        while not stop.is_set():
            try:
                self.once()
            except StoreError:
                self.refused += 1
                time.sleep(_PAUSE_SECONDS)
            except BaseException as error:  # noqa: BLE001 - told by the account, which fails
                self.broken = error
                return


class _Single(Load):
    """Runs of the pure workflow, one by one."""

    name = "runs"

    def __init__(self, store: Store, found: Faults, pure: Workflow) -> None:
        super().__init__(store, found)
        self._recorded = RecordedWorkflow(pure, store)
        self._rows = cycle(row for row in rows() if row["months"] <= 12)

    def once(self) -> None:
        outcome = self._recorded.run(next(self._rows))
        assert outcome.run_id is not None
        self.answered.append((outcome.run_id, outcome.status))
        self.went()


class _Group(_Single):
    """Runs whose records are committed together, as `ingot serve` does."""

    name = "runs recorded together"

    def once(self) -> None:
        entries, statuses = [], []
        for _ in range(10):
            run = self._recorded.new_run()
            outcome, record, waiting = self._recorded.traced(run, next(self._rows))
            entries.append(Entry(run, record, self._recorded.records, waiting))
            statuses.append(outcome.status)
        failed = None
        for entry, status, end in zip(entries, statuses, append_together(self.store, entries), strict=True):
            if isinstance(end, StoreError):
                failed = end
            else:
                self.answered.append((entry.run, status))
        if failed is not None:
            raise failed
        self.went()


class _Asker(Load):
    """Runs that ask a person, who decides; what was under way or open is gone on with first."""

    name = "runs and decisions"

    def __init__(self, store: Store, found: Faults, asking: Workflow) -> None:
        super().__init__(store, found)
        self._recorded = RecordedWorkflow(asking, store)

    def once(self, new: int = 5) -> None:
        for run in self._recorded.unfinished():
            self._note(self._recorded.resume(run))
        for one in list_reviews(self.store, most=100_000):
            if one["workflow"] == self._recorded.records.name:
                self._decide(one["review"])
        for row in rows(new):
            outcome = self._recorded.run({**row, "rate": "2"})
            self._note(outcome)
            self._decide(f"{outcome.run_id}.0")

    def _decide(self, review: str) -> None:
        self._note(decide(self._recorded, review, approve=True, by="bench", why="it may", answer=YES))

    def _note(self, outcome: Any) -> None:
        self.answered.append((outcome.run_id, outcome.status))
        self.went()


class _Batches(Load):
    """A batch with audit, gone on with by the same command; then the next."""

    name = "batch"

    def __init__(self, store: Store, found: Faults, pure: Workflow, source: Path, folder: Path) -> None:
        super().__init__(store, found)
        self._pure, self._source, self._folder = pure, source, folder
        self._number = 0

    def once(self) -> None:
        place = self._folder / f"b{self._number}"
        place.mkdir(exist_ok=True)
        run_batch(
            self._pure, self._source, place / "out.jsonl", workers=1, rows_at_once=ROWS_AT_ONCE, store=self.store,
            progress=lambda _: self.went(),
        )  # fmt: skip
        self._number += 1

    def finish(self) -> None:
        """Take the batch that is under way to its end."""
        if (self._folder / f"b{self._number}").exists():
            self.once()

    def account(self) -> None:
        """Each batch, whose records are those of one prefix, in their order."""
        prefixes = dict.fromkeys(one["run"].rpartition("-")[0] for one in self.store.audit.records())
        if len(prefixes) != self._number:
            self.found.problems.append(f"{self.name}: {len(prefixes)} batches in the log, {self._number} were run")
        for number, prefix in enumerate(prefixes):
            place = self._folder / f"b{number}"
            account_batch(self.found, f"{place.name} ({self.name})", self._source, place, self.store, prefix)


# ---- restarts ----------------------------------------------------------------------------------------------------


def outages(
    folder: Path,
    restarts: int,
    *,
    seed: int = 0,
    progress: Callable[[int], object] | None = None,
    found: Faults | None = None,
) -> Faults:
    """Restart PostgreSQL `restarts` times under load, in turn stopped at once, with all its processes killed, and with one
    of them killed; between them lose the answers to some commits. What is found is added to `found`.

    Raises StageError where there is no PostgreSQL, or it does not start.
    """
    found = found or Faults(seed)
    chance, began = random.Random(seed), time.monotonic()  # noqa: S311 - when to stop it, no secret
    pure, asking = made(folder, asks=False), made(folder, asks=True)
    source = begun(folder, pure)
    with Cluster() as cluster, _wired(cluster) as wire, _stores(wire) as (runs, asked, batches):
        loads = [
            _Single(runs, found, pure), _Single(runs, found, pure), _Group(runs, found, pure),
            _Asker(asked, found, asking), _Batches(batches, found, pure, source, folder),
        ]  # fmt: skip
        heads: dict[int, Head | None] = {}
        with _working(loads):
            for number in range(restarts):
                _lose_answers(wire, chance)
                kind = _break(cluster, number, chance)
                found.outages[kind] += 1
                _all_answer(loads, found, kind)
                for index, store in enumerate((runs, asked, batches)):
                    heads[index] = found.verify(f"PostgreSQL, {kind}", store, heads.get(index))
                if progress is not None:
                    progress(number + 1)
                if found.problems:
                    break
        found.outages["the answer to a commit lost"] += wire.cuts
        _account(found, loads)
        for index, store in enumerate((runs, asked, batches)):
            found.verify("PostgreSQL, at the end", store, heads.get(index))
    found.seconds += time.monotonic() - began
    return found


@contextmanager
def _wired(cluster: Cluster) -> Iterator[Wire]:
    wire = Wire(cluster.port)
    try:
        yield wire
    finally:
        wire.close()


@contextmanager
def _stores(wire: Wire) -> Iterator[tuple[Store, Store, Store]]:
    """Three databases: runs, runs that ask, batches."""
    import sqlalchemy

    server = f"127.0.0.1:{wire.port}"
    admin = sqlalchemy.create_engine(f"postgresql+psycopg://bench@{server}/postgres", isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        for name in ("runs", "asked", "batches"):
            connection.execute(sqlalchemy.text(f"CREATE DATABASE {name}"))
    admin.dispose()
    one, two, three = (f"postgresql://bench@{server}/{name}" for name in ("runs", "asked", "batches"))
    with Store.open(one, KEY) as runs, Store.open(two, KEY) as asked, Store.open(three, KEY) as batches:
        yield runs, asked, batches


@contextmanager
def _working(loads: list[Load]) -> Iterator[None]:
    stop = threading.Event()
    threads = [threading.Thread(target=load.until, args=(stop,), daemon=True) for load in loads]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join(PATIENCE_SECONDS)


def _lose_answers(wire: Wire, chance: random.Random) -> None:
    for _ in range(CUTS_OF_A_ROUND):
        wire.cut()
        time.sleep(chance.uniform(0.02, 0.1))


def _break(cluster: Cluster, number: int, chance: random.Random) -> str:
    """Let the server end in one of three ways, and be there again."""
    kind = ("stopped at once", "all its processes killed", "one of its processes killed")[number % 3]
    if number % 3 == 2 and cluster.kill_backend():
        cluster.wait()
        return kind
    (cluster.kill if number % 3 else cluster.stop)()
    time.sleep(chance.uniform(0.0, 0.3))
    cluster.start()
    return kind if number % 3 < 2 else "all its processes killed"


def _all_answer(loads: list[Load], found: Faults, kind: str) -> None:
    """Wait until every load has answered again."""
    since = time.monotonic()
    for load in loads:
        while load.at < since and load.broken is None and time.monotonic() < since + PATIENCE_SECONDS:
            time.sleep(0.01)
        if load.at < since:
            said = f"it ended with {load.broken!r}" if load.broken else f"no answer for {PATIENCE_SECONDS} s"
            found.problems.append(f"PostgreSQL, {kind}: {load.name}: {said}")
        found.longest = max(found.longest, load.at - since)


def _account(found: Faults, loads: list[Load]) -> None:
    """After the last restart: what was left is finished, and all is counted."""
    singles = [load for load in loads if isinstance(load, _Single)]
    _account_pure(found, singles)
    for load in loads:
        if isinstance(load, _Asker):
            load.once(0)
            account_runs(found, load.name, load.store, iter(load.answered))
        if isinstance(load, _Batches):
            load.finish()
            load.account()
        found.counted["runs answered"] += len(load.answered)
        found.counted["refusals of the store"] += load.refused
        if load.broken is not None:
            found.problems.append(f"{load.name}: it ended with {load.broken!r}")


def _account_pure(found: Faults, loads: list[_Single]) -> None:
    store = loads[0].store
    told = [(one["run"], kind_of(one)) for one in store.audit.records()]
    answered = [one for load in loads for one in load.answered]
    seen = set(answered)
    found.compare("runs", "records of answers", answered, (one for one in told if one in seen))
    unseen = [one for one in told if one not in seen]
    found.compare("runs", "recorded, their answer lost", list(dict.fromkeys(unseen)), unseen)
    waits = [run for run, status in told if status == "needs_review"]
    found.compare("runs", "reviews of runs", waits, (one["run"] for one in list_reviews(store, most=1_000_000)))
