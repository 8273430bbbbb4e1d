"""Processes killed again and again over batches, runs and decisions, and an exact account of what is left.

A process ends itself with SIGKILL before a chosen line of the code that writes, or is killed from outside at a chosen
time, and another goes on. Afterwards every row must be answered once and in order, recorded once and asked once; the chain
must verify and hold every head that was seen; and no answer that anybody saw may lack its record.

This is the end of a process, not of a machine: what the operating system was given stays given.

    faults_disk.py      the same where the disk is full
    faults_postgres.py  the same where PostgreSQL is stopped and started again under load
    faults_clock.py     the same where the clock jumps
"""

from __future__ import annotations

import json
import random
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import select

from ingot.edges.batch import run_batch
from ingot.errors import StageError
from ingot.evals.faults_account import Faults, kind_of, run_number
from ingot.evals.faults_process import forked, lines_until
from ingot.evals.faults_workflows import KEY, ROWS, ROWS_AT_ONCE, YES, made, rows
from ingot.runtime.run import Workflow
from ingot.store.audit import Head
from ingot.store.database import reading
from ingot.store.reviews import decide, list_reviews
from ingot.store.runs import RUNNING, RecordedWorkflow
from ingot.store.store import Store
from ingot.store.tables import runs as run_table

KILLS_OF_A_TRIAL = 8


def inject(
    folder: Path,
    kills: int,
    *,
    seed: int = 0,
    workers: int = 2,
    progress: Callable[[int], object] | None = None,
    found: Faults | None = None,
) -> Faults:
    """At least `kills` kills over batches (one process, and `workers`) and over runs with decisions, in `folder`.

    What is found is added to `found`, where it is given, as it is found. Raises StageError where a process fails in
    another way than by being killed.
    """
    found = found or Faults(seed)
    chance, began = random.Random(seed), time.monotonic()  # noqa: S311 - where to kill, no secret
    pure, asking = made(folder, asks=False), made(folder, asks=True)
    source = begun(folder, pure)
    trial = 0
    while found.killed < kills and not found.problems:
        place = folder / f"t{trial}"
        place.mkdir()
        kind = trial % 4
        if kind < 3:
            _Batch(pure, source, place, found, chance, workers if kind == 2 else 1, timed=kind == 1).go()
        else:
            _Runs(asking, place, found, chance, timed=trial % 8 == 3).go()
        trial += 1
        found.seconds = time.monotonic() - began
        if progress is not None:
            progress(found.killed)
    return found


def begun(folder: Path, pure: Workflow, most: int = ROWS) -> Path:
    """Rows in `folder`, and beside them what they come to where nothing goes wrong."""
    source = folder / "in.jsonl"
    source.write_text("".join(json.dumps(row) + "\n" for row in rows(most)), encoding="utf-8")
    run_batch(pure, source, folder / "whole.jsonl", workers=1, rows_at_once=ROWS_AT_ONCE)
    return source


def account_batch(found: Faults, where: str, source: Path, place: Path, store: Store, batch: str | None = None) -> None:
    """Rows in the files, records in the log and reviews, each once and in order; those of `batch` where a store has more."""
    for name, reference, what in (
        ("out.jsonl", "whole.jsonl", "rows answered"),
        ("out.failed.jsonl", "whole.failed.jsonl", "rows refused"),
    ):
        wanted, there = (source.parent / reference).read_bytes(), (place / name).read_bytes()
        found.compare(where, what, wanted.splitlines(), there.splitlines())
        if wanted != there:
            found.problems.append(f"{where}: {name} is not what it is without a fault")
    left = [one.name for one in place.iterdir() if one.suffix in (".journal", ".partial")]
    if left:
        found.problems.append(f"{where}: left over: {', '.join(left)}")
    lines = [json.loads(line) for line in (source.parent / "whole.jsonl").read_text().splitlines()]
    waits = [line["row"] for line in lines if line["status"] == "needs_review"]
    count = sum(1 for _ in source.open("rb"))
    numbers = [run_number(one["run"]) for one in store.audit.records(prefix=batch)]
    asked = list_reviews(store, most=100_000)
    mine = [run_number(one["run"]) for one in asked if batch is None or one["run"].startswith(f"{batch}-")]
    found.compare(where, "records of rows", range(count), numbers)
    found.compare(where, "reviews of rows", waits, mine)
    found.counted["batches"] += 1


def account_runs(found: Faults, where: str, store: Store, answered: Iterator[tuple[str, str]]) -> None:
    """Each run that began ended, with one question, one decision and one end in the log, and every answer is in it."""
    with reading(store.engine) as connection:
        states = {row.run: row.state for row in connection.execute(select(run_table))}
    told = [(one["run"], kind_of(one)) for one in store.audit.records()]
    for kind in ("needs_review", "decision", "completed"):
        found.compare(where, f"records of runs, {kind}", states, (run for run, one in told if one == kind))
    found.compare(where, "reviews of runs", states, (one["run"] for one in list_reviews(store, None, most=100_000)))
    found.problems += [f"{where}: run {run} is under way" for run, state in states.items() if state == RUNNING]
    recorded = set(told)
    for run, status in answered:
        if (run, status) not in recorded:
            found.lost["records of answers"] += 1
            found.problems.append(f"{where}: run {run} was answered {status} and has no record of that")


# ---- killed again and again --------------------------------------------------------------------------------------


class _Trial:
    """What is the same for batches and runs: a store, and processes that are killed."""

    name = ""

    def __init__(self, place: Path, found: Faults, chance: random.Random, timed: bool) -> None:
        self.place, self.found, self.chance, self.timed = place, found, chance, timed
        self.head: Head | None = None

    @property
    def where(self) -> str:
        """What a problem is told of."""
        return f"{self.place.name} ({self.name})"

    @contextmanager
    def store(self) -> Iterator[Store]:
        with Store.open(str(self.place / "store.db"), KEY) as store:
            yield store

    def work(self) -> None:
        raise NotImplementedError

    def killed(self) -> bool:
        """Let one process work and kill it. False where it was done before."""
        seen = self.place / "line"
        if self.timed:
            ended = forked(self.work, after=self.chance.uniform(0.0, 0.25))
        else:
            at = int(self.chance.expovariate(1 / 250)) + 1
            ended = forked(lambda: lines_until(at, seen, self.work))
        if ended == 0:
            return False
        if ended != -signal.SIGKILL:
            raise StageError(f"a process ended with {ended} and was not killed", place=str(self.place))
        if seen.exists():
            file, _, line = seen.read_text().rpartition(":")
            self.found.points.add((file, int(line)))
            seen.unlink()
        self.found.kills[f"{self.name}, {'at a time' if self.timed else 'at a line'}"] += 1
        return True

    def midway(self) -> None:
        """What must hold at any moment: the chain, with the head that was seen before still in it."""
        with self.store() as store:
            self.head = self.found.verify(self.where, store, self.head)


class _Batch(_Trial):
    def __init__(
        self,
        workflow: Workflow,
        source: Path,
        place: Path,
        found: Faults,
        chance: random.Random,
        workers: int,
        timed: bool,
    ) -> None:
        super().__init__(place, found, chance, timed)
        self.workflow, self.source, self.workers = workflow, source, workers
        self.name = f"batch, {workers} process{'' if workers == 1 else 'es'}"
        self.out = place / "out.jsonl"

    def work(self) -> None:
        with self.store() as store:
            run_batch(
                self.workflow, self.source, self.out, workers=self.workers, rows_at_once=ROWS_AT_ONCE, store=store
            )

    def go(self) -> None:
        for _ in range(KILLS_OF_A_TRIAL):
            if not self.killed():
                break
            self.midway()
            if self.out.exists() and not self.out.with_name("out.jsonl.journal").exists():
                break  # killed when all was done
        else:
            if (ended := forked(self.work)) != 0:
                raise StageError(f"the last process of a batch ended with {ended}", place=str(self.place))
        with self.store() as store:
            account_batch(self.found, self.where, self.source, self.place, store)
        self.midway()


class _Runs(_Trial):
    """Runs that ask a person, who approves; whatever an earlier process left is gone on with first."""

    name = "runs and decisions"

    def __init__(self, workflow: Workflow, place: Path, found: Faults, chance: random.Random, timed: bool) -> None:
        super().__init__(place, found, chance, timed)
        self.workflow, self.seen = workflow, place / "answers"

    def work(self, new: int = 20) -> None:
        with self.store() as store, self.seen.open("ab", buffering=0) as answers:
            recorded = RecordedWorkflow(self.workflow, store)
            for run in recorded.unfinished():
                answers.write(f"{run} {recorded.resume(run).status}\n".encode())
            for one in list_reviews(store, most=10_000):
                self._decide(recorded, one["review"], answers)
            for row in rows(new):
                if "rate" not in row or row["months"] > 12:
                    continue
                outcome = recorded.run(row)
                answers.write(f"{outcome.run_id} {outcome.status}\n".encode())
                self._decide(recorded, f"{outcome.run_id}.0", answers)

    def _decide(self, recorded: RecordedWorkflow, review: str, answers: Any) -> None:
        ended = decide(recorded, review, approve=True, by="bench", why="it may", answer=YES)
        assert ended is not None
        answers.write(f"{ended.run_id} {ended.status}\n".encode())

    def go(self) -> None:
        for _ in range(KILLS_OF_A_TRIAL):
            self.killed()
            self.midway()
        if (ended := forked(lambda: self.work(0))) != 0:
            raise StageError(f"the last process of the runs ended with {ended}", place=str(self.place))
        with self.store() as store:
            account_runs(self.found, self.where, store, self._answered())
        self.midway()

    def _answered(self) -> Iterator[tuple[str, str]]:
        for line in self.seen.read_text().splitlines() if self.seen.exists() else ():
            run, status = line.split()
            yield run, status
