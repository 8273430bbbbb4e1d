"""Processes killed again and again over batches, runs and decisions, and an exact account of what is left.

A process ends itself with SIGKILL before a chosen line of the code that writes, or is killed from outside at a chosen
time, and another goes on. Afterwards every row must be answered once and in order, recorded once and asked once; the chain
must verify and hold every head that was seen; and no answer that anybody saw may lack its record.

This is the end of a process, not of a machine: what the operating system was given stays given.
"""

from __future__ import annotations

import json
import os
import random
import resource
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

from sqlalchemy import select

from ingot.compile.driver import check
from ingot.edges import batch as batch_module
from ingot.edges.batch import run_batch
from ingot.errors import IngotError, StageError
from ingot.runtime.run import Workflow, load
from ingot.store import audit, database, group, reviews, runs
from ingot.store.audit import Head
from ingot.store.database import reading
from ingot.store.keys import StoreKey
from ingot.store.reviews import decide, list_reviews
from ingot.store.runs import RUNNING, RecordedWorkflow
from ingot.store.store import Store
from ingot.store.tables import runs as run_table

KEY = StoreKey(bytes(range(32)))
ROWS, ROWS_AT_ONCE = 60, 10
KILLS_OF_A_TRIAL = 8
WRITERS = frozenset(str(one.__file__) for one in (batch_module, audit, database, group, reviews, runs))
"""The files whose every line is a point to be killed at."""

_SPEC = """
metadata: {{name: {name}, owner: bench}}
inputs:
  name: {{type: text, sensitive: phi, max_length: 40}}
  months: {{type: integer, range: [0, 12]}}
  rate: "decimal?"
outputs: {{fee: decimal}}
logic_requirements:
{asks}  - {{step: compute, type: function, intent: Months times the rate., inputs: [months, rate{more}], outputs: {{fee: decimal}}}}
cases:
  - {{id: a, input: {{name: Ann, months: 2, rate: 1.10}}, {steps}expected: {{fee: 2.20}}}}
  - {{id: b, input: {{name: Bob, months: 3, rate: 2}}, {steps}expected: {{fee: 6}}, held_out: true}}
"""
_ASKS = "  - {step: ask, type: human_review, intent: May it go on?, inputs: [months], outputs: {permit: {type: enum, values: [YES, NO]}}}\n"
_LOGIC = """def compute(months: int, rate: Decimal{more}) -> Decimal:
    return months * rate  # C1
"""
YES = {"permit": "YES"}


@dataclass
class Faults:
    """What came of it. `kills` by what was under way and how the process ended; `problems` is empty where all held."""

    seed: int
    kills: Counter[str] = field(default_factory=Counter)
    points: set[tuple[str, int]] = field(default_factory=set)
    batches: int = 0
    rows: int = 0
    ran: int = 0
    full_disks: int = 0
    problems: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def killed(self) -> int:
        """All kills."""
        return sum(self.kills.values())

    def to_json(self) -> dict[str, Any]:
        """As plain JSON."""
        return {
            "seed": self.seed, "kills": dict(sorted(self.kills.items())), "killed": self.killed,
            "lines": len(self.points), "batches": self.batches, "rows": self.rows, "runs": self.ran,
            "full_disks": self.full_disks, "problems": self.problems, "seconds": round(self.seconds, 1),
        }  # fmt: skip


def inject(
    folder: Path, kills: int, *, seed: int = 0, workers: int = 2, progress: Callable[[int], object] | None = None
) -> Faults:
    """At least `kills` kills over batches (one process, and `workers`) and over runs with decisions, in `folder`.

    Raises StageError where a process fails in another way than by being killed.
    """
    found = Faults(seed)
    chance, began = random.Random(seed), time.monotonic()  # noqa: S311 - where to kill, no secret
    pure, asking = _made(folder, asks=False), _made(folder, asks=True)
    source = folder / "in.jsonl"
    source.write_text("".join(json.dumps(row) + "\n" for row in _rows()), encoding="utf-8")
    run_batch(pure, source, folder / "whole.jsonl", workers=1, rows_at_once=ROWS_AT_ONCE)
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
        if progress is not None:
            progress(found.killed)
    found.seconds = time.monotonic() - began
    return found


def fill_disk(folder: Path, found: Faults) -> None:
    """A batch whose files may grow to a limit only, which is raised each time it stopped there."""
    pure, source = _made(folder, asks=False), folder / "in.jsonl"
    place = folder / "full"
    place.mkdir()
    one = _Batch(pure, source, place, found, random.Random(0), 1, timed=False)  # noqa: S311 - nothing is drawn
    limit = 512
    while (ended := _forked(partial(one.limited, limit))) == REFUSED:
        found.full_disks += 1
        one.midway()
        limit += 2_048
    if ended != 0:
        raise StageError(f"the batch on a full disk ended with {ended}", place=str(place))
    one.account()


# ---- one batch ---------------------------------------------------------------------------------------------------


class _Trial:
    """What is the same for batches and runs: a store, and processes that are killed."""

    name = ""

    def __init__(self, place: Path, found: Faults, chance: random.Random, timed: bool) -> None:
        self.place, self.found, self.chance, self.timed = place, found, chance, timed
        self.head: Head | None = None

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
            ended = _forked(self.work, after=self.chance.uniform(0.0, 0.25))
        else:
            at = int(self.chance.expovariate(1 / 250)) + 1
            ended = _forked(lambda: _lines_until(at, seen, self.work))
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

    def problem(self, said: str) -> None:
        self.found.problems.append(f"{self.place.name} ({self.name}): {said}")

    def midway(self) -> None:
        """What must hold at any moment: the chain, with the head that was seen before still in it."""
        with self.store() as store:
            checked = store.audit.verify(self.head)
            self.head = checked.head
        for one in checked.problems:
            self.problem(f"segment {one.segment}: {one.message}")


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

    def limited(self, size: int) -> None:
        """As `work`, with files of at most `size` bytes; 4 MB for the pages that make a new store."""
        store = self.store()
        with store as opened:
            resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
            run_batch(self.workflow, self.source, self.out, workers=1, rows_at_once=ROWS_AT_ONCE, store=opened)

    def go(self) -> None:
        for _ in range(KILLS_OF_A_TRIAL):
            if not self.killed():
                break
            self.midway()
            if self.out.exists() and not self.out.with_name("out.jsonl.journal").exists():
                break  # killed when all was done
        else:
            if (ended := _forked(self.work)) != 0:
                raise StageError(f"the last process of a batch ended with {ended}", place=str(self.place))
        self.account()

    def account(self) -> None:
        """Rows in the files, records in the log and reviews, each once and in order."""
        whole = self.source.parent
        for name, reference in (("out.jsonl", "whole.jsonl"), ("out.failed.jsonl", "whole.failed.jsonl")):
            if (self.place / name).read_bytes() != (whole / reference).read_bytes():
                self.problem(f"{name} is not what it is without a kill")
        left = [one.name for one in self.place.iterdir() if one.suffix in (".journal", ".partial")]
        if left:
            self.problem(f"left over: {', '.join(left)}")
        with self.store() as store:
            numbers = [int(record["run"].rpartition("-")[2], 16) for record in store.audit.records()]
            asked = sorted(int(one["run"].rpartition("-")[2], 16) for one in list_reviews(store, most=10_000))
        if numbers != list(range(ROWS)):
            self.problem(f"records of rows {numbers}")
        lines = map(json.loads, (whole / "whole.jsonl").read_text().splitlines())
        if asked != [line["row"] for line in lines if line["status"] == "needs_review"]:
            self.problem(f"reviews of rows {asked}")
        self.midway()
        self.found.batches += 1
        self.found.rows += ROWS


# ---- runs and decisions ------------------------------------------------------------------------------------------


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
            for row in _rows()[:new]:
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
        if (ended := _forked(lambda: self.work(0))) != 0:
            raise StageError(f"the last process of the runs ended with {ended}", place=str(self.place))
        self.account()

    def account(self) -> None:
        """Each run that began ended, with one question, one decision and one end in the log, and every answer is in it."""
        with self.store() as store:
            kinds: dict[str, Counter[str]] = {}
            for record in store.audit.records():
                kinds.setdefault(record["run"], Counter())[_kind(record)] += 1
            with reading(store.engine) as connection:
                states = {row.run: row.state for row in connection.execute(select(run_table))}
            asked = Counter(one["run"] for one in list_reviews(store, None, most=10_000))
        self.midway()
        once = Counter({"needs_review": 1, "decision": 1, "completed": 1})
        for run in states.keys() | kinds.keys():
            if kinds.get(run) != once or asked[run] != 1 or states.get(run) in (None, RUNNING):
                self.problem(f"run {run}: records {dict(kinds.get(run, {}))}, {asked[run]} reviews, {states.get(run)}")
        for line in self.seen.read_text().splitlines() if self.seen.exists() else ():
            run, status = line.split()
            if kinds.get(run, Counter())[status] != 1:
                self.problem(f"run {run} was answered {status} and has no record of that")
        self.found.ran += len(states)


def _kind(record: Mapping[str, Any]) -> str:
    return str(record["status"] if record["kind"] == "run" else record["kind"])


# ---- processes ---------------------------------------------------------------------------------------------------

REFUSED = 3
"""The exit code of a process whose work ended with an error of ours."""


def _forked(work: Callable[[], object], after: float | None = None) -> int:
    """The exit code of a process that does `work`; it is killed `after` seconds."""
    sys.stdout.flush()
    sys.stderr.flush()
    child = os.fork()
    if child == 0:
        _child(work)
    if after is not None:
        time.sleep(after)
        os.kill(child, signal.SIGKILL)  # a process that has ended is a child still, until it is waited for
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _child(work: Callable[[], object]) -> None:
    code = 1
    try:
        work()
        code = 0
    except IngotError as error:
        code = REFUSED
        os.write(2, f"{error}\n".encode() if os.environ.get("INGOT_FAULTS_TELL") else b"")
    except BaseException:  # noqa: BLE001 - it is told, and the process must not go on as its parent
        import traceback

        traceback.print_exc()
    finally:
        os._exit(code)


def _lines_until(at: int, seen: Path, work: Callable[[], object]) -> None:
    """Do `work`, and be killed before the line of `WRITERS` that comes as number `at`."""
    own, count = os.getpid(), 0

    def line(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal count
        count += event == "line"
        if count == at and os.getpid() == own:
            seen.write_text(f"{Path(frame.f_code.co_filename).name}:{frame.f_lineno}")
            os.kill(own, signal.SIGKILL)
        return line

    sys.settrace(lambda frame, event, _: line if frame.f_code.co_filename in WRITERS else None)
    work()


# ---- what is run -------------------------------------------------------------------------------------------------


def _rows() -> list[dict[str, Any]]:
    """Every seventh row fits nothing, every fifth has no rate and goes to a person."""
    found: list[dict[str, Any]] = []
    for number in range(ROWS):
        row = {"name": f"Planted{number}", "months": 99 if number % 7 == 6 else number % 13, "rate": f"{number}.10"}
        if number % 5 == 4:
            del row["rate"]
        found.append(row)
    return found


def _made(folder: Path, asks: bool) -> Workflow:
    name = "asking" if asks else "pure"
    spec, logic = folder / f"{name}.yaml", ', permit: Literal["YES", "NO"]' if asks else ""
    steps = "steps: {ask: {permit: YES}}, " if asks else ""
    more = ", permit" if asks else ""
    spec.write_text(_SPEC.format(name=name, asks=_ASKS if asks else "", more=more, steps=steps), encoding="utf-8")
    checked = check(spec, _LOGIC.format(more=logic), author="bench", out=folder / "out")
    if checked.path is None:
        raise StageError(f"the workflow {name!r} did not pass", place=str(spec))
    return load(checked.path)
