"""Run a workflow so that every run is in the audit log before its outcome is given.

A pure workflow costs one append. One with module, bounded or human steps also keeps a journal: the outputs of each
finished step, so that a run which was killed or waited for a person goes on where it was and repeats no step that had
finished. (A step that was under way when the process died is carried out again.)
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any, NamedTuple

from sqlalchemy import Connection, Dialect, Table, select, update
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from ingot.canonical import canonical_json
from ingot.errors import IngotError, InputError, StepError, StoreError
from ingot.fields import to_plain, validator
from ingot.runtime.bounded.ledger import Call, Ledger, spending
from ingot.runtime.run import Outcome, Review, Workflow
from ingot.runtime.steps import Perform
from ingot.store.alone import RunTaken, alone
from ingot.store.answers import StoreAnswers
from ingot.store.audit import run_place
from ingot.store.database import now_text, reading, store_error, writing
from ingot.store.encoding import encoded
from ingot.store.masks import joined
from ingot.store.records import Records, Steps, Written
from ingot.store.redactions import StepRedactions
from ingot.store.store import Store
from ingot.store.tables import reviews, runs, steps, tables

RUNNING, WAITING, ENDED = "running", "waiting", "ended"


@dataclass(frozen=True, slots=True)
class Step:
    """One finished step of a run; its outputs as plain JSON."""

    step: str
    outputs: Mapping[str, Any]


@dataclass
class Progress:
    """What a run has behind it: its input as plain JSON and its finished steps in order; `asked` is the step at which it
    stopped and what that step was given; `calls` are the model calls so far, the first `finished` of them those of finished
    steps."""

    run: str
    input: dict[str, Any]
    done: list[Step] = field(default_factory=list)
    asked: tuple[str, Mapping[str, Any]] | None = None
    calls: list[Call] = field(default_factory=list)
    finished: int = 0


class Waiting(NamedTuple):
    """A pure run that waits for a person: the artifact it is of, the step and the reason that ask, and its input with what
    it proposes, sealed for the review."""

    run: str
    workflow: str
    digest: str
    step: str
    reason: str
    sealed: str


class RunPruned(StoreError):
    """A run ended, and retention has taken what it came to; nothing is wrong with the store."""


_RUN_COLUMNS = ("run", "workflow", "digest", "state", "sealed", "at")
_REVIEW_COLUMNS = ("review", "run", "number", "workflow", "step", "reason", "sealed", "state", "at")


def keep_waiting(connection: Connection, waiting: Sequence[Waiting]) -> None:
    """Write pure runs that wait for a person, in the caller's transaction. Their input is sealed in the review alone: it
    is the review that a person opens, and such a run never goes on."""
    at = now_text()
    begun = [(one.run, one.workflow, one.digest, WAITING, "", at) for one in waiting]
    asked = [
        (_review_of(one.run), one.run, 0, one.workflow, one.step, one.reason, one.sealed, "open", at) for one in waiting
    ]
    _insert_all(connection, runs, _RUN_COLUMNS, begun)
    _insert_all(connection, reviews, _REVIEW_COLUMNS, asked)


def _review_of(run: str, number: int = 0) -> str:
    """The id of the review that a run waits for behind `number` finished steps."""
    return f"{run}.{number}"


def _insert_all(connection: Connection, table: Table, names: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> None:
    """All rows by the driver's own means: SQLAlchemy's look at every parameter would cost more than the insert."""
    if rows:
        insert = _insert(table.name, names, connection.dialect.name, connection.dialect)
        some = rows if insert.positional else [dict(zip(names, row, strict=True)) for row in rows]
        connection.exec_driver_sql(str(insert), list(some))


_COMPILED: dict[tuple[str, str], Any] = {}


def _insert(table: str, names: Sequence[str], dialect_name: str, dialect: Dialect) -> Any:
    """The INSERT of these columns, compiled once for each kind of database."""
    found = _COMPILED.get((table, dialect_name))
    if found is None:
        found = tables.tables[table].insert().compile(dialect=dialect, column_keys=list(names))
        _COMPILED[table, dialect_name] = found
    return found


class RecordedWorkflow:
    """A workflow with a store. Safe to use from several threads."""

    states = (RUNNING, WAITING)
    """What the store says of a run under way and of one that waits for a person."""

    def __init__(self, workflow: Workflow, store: Store) -> None:
        self.workflow, self.store = workflow, store
        spec = workflow.spec
        self.records = Records(workflow, store.key)
        self._checks = {step.step: validator(step.outputs) for step in spec.logic_requirements if step.outputs}
        self._prefix = os.urandom(6).hex()
        self._numbers = count(1)

    def new_run(self) -> str:
        """An id that no other run has."""
        return f"{self._prefix}-{next(self._numbers):08x}"

    def run(self, case: Mapping[str, Any], *, run: str | None = None) -> Outcome:
        """Run one transaction and record it. `run` is its id, by default a new one.

        Raises what `Workflow.run` raises (recorded as failed, but for an input that does not fit), and StoreError where
        it cannot be recorded, or a run of this id is in the store: then there is no answer.
        """
        given = run is not None
        run = run or self.new_run()
        run_place(run)  # before any step is carried out
        if self.workflow.perform is None:
            return self._pure(run, case, given)
        self.workflow.validate(case)  # what does not fit may be of any size, and is not written out
        plain: dict[str, Any] = to_plain(self.workflow.kept(case))
        with alone(self.store.engine, run):
            self._begin(run, plain)
            return self.go_on(Progress(run, plain))

    def _pure(self, run: str, case: Mapping[str, Any], given: bool) -> Outcome:
        try:
            outcome, record, waiting = self.traced(run, case)
        except InputError:  # no run came of it
            raise
        except IngotError as error:
            self._record_pure(run, self.records.failed(run, case, error), None, given)
            raise
        self._record_pure(run, record, waiting, given)
        return outcome

    def traced(self, run: str, case: Mapping[str, Any]) -> tuple[Outcome, bytes, Waiting | None]:
        """A pure workflow's outcome, its record and what must go into the store with it; nothing is written here."""
        outcome = replace(self.workflow.run(case, trace=True), run_id=run)
        written = self._ended(run, case, outcome)
        asked = None if outcome.review is None else (outcome.review.step, outcome.review.reason)
        return outcome, written.record, None if asked is None else self.waiting(run, asked, written)

    def waiting(self, run: str, asked: tuple[str, str], written: Written) -> Waiting:
        """What is kept of a pure run that waits for a person, at the step and for the reason that it `asked` with."""
        held = b'{"arguments":{},"input":%b,"proposed":%b}' % (written.case, written.answer)
        sealed = self.store.key.seal(held, _review_of(run).encode())
        return Waiting(run, self.records.name, self.workflow.digest, *asked, sealed)

    def _record_pure(self, run: str, record: bytes, waiting: Waiting | None, given: bool) -> None:
        """A pure run: its record and, where it ends with a person, the run and the review: all of it or nothing. An id that
        was `given` may have been given before, and that time the answer to the commit may have been lost."""
        if waiting is None and not given:
            self._append(run, record)
            return
        try:
            with writing(self.store.engine) as connection:
                if given and self.store.audit.has(connection, run):
                    raise _twice(run)
                keep_waiting(connection, [] if waiting is None else [waiting])
                self._append(run, record, connection)
        except IntegrityError:
            raise _twice(run) from None
        except SQLAlchemyError as error:
            raise store_error(error, "record the run") from None

    def run_once(self, case: Mapping[str, Any], run: str) -> Outcome:
        """Run a transaction whose id tells whether it ran before: one that ended is read back, one that was killed goes
        on. Raises as `run`; StepError where it failed before, RunPruned where its record was pruned."""
        state = self.state(run)
        if state is None and not self._is_recorded(run):
            return self.run(case, run=run)
        if state == RUNNING:
            return self.resume(run)
        ended = [opened(one, self.store) for one in self.store.audit.records(run) if one["kind"] == "run"]
        if not ended:
            raise RunPruned(
                f"run {run!r} ended, and its record was pruned: what it came to is not kept",
                hint="a new run needs an id of its own",
            )
        return self.read_back(ended[-1])

    def _is_recorded(self, run: str) -> bool:
        """Whether the log has a run that has no row of its own, as a pure one."""
        if self.workflow.perform is not None:
            return False
        with reading(self.store.engine) as connection:
            return self.store.audit.has(connection, run)

    def read_back(self, record: Mapping[str, Any]) -> Outcome:
        """The outcome in a run's record, opened. Raises StepError where the run failed."""
        if record["status"] == "failed":
            raise StepError(str(record.get("error", "it failed")), place=record.get("at_step"))
        review = record.get("review")
        asked = None if review is None else Review(review["step"], review["reason"], review["proposed"])
        return Outcome(record.get("output"), asked, record["run"], record["digest"], record["seconds"])

    def _append(self, run: str, record: bytes, within: Connection | None = None) -> None:
        prefix, number = run_place(run)
        common = self.records.common()
        self.store.audit.append([record], prefix=prefix, first=number, common=common, within=within)

    # ---- runs with steps -----------------------------------------------------------------------------------------

    def _begin(self, run: str, plain: dict[str, Any]) -> None:
        try:
            with writing(self.store.engine) as connection:
                connection.execute(runs.insert().values(**self._row(Progress(run, plain), RUNNING)))
        except IntegrityError:
            raise _twice(run) from None
        except SQLAlchemyError as error:
            raise store_error(error, "begin the run") from None

    def _row(self, progress: Progress, state: str) -> dict[str, Any]:
        sealed = self.store.key.seal(encoded(progress.input), progress.run.encode())
        return {
            "run": progress.run, "workflow": self.records.name, "digest": self.workflow.digest, "state": state,
            "sealed": sealed, "at": now_text(),
        }  # fmt: skip

    def resume(self, run: str) -> Outcome:
        """Go on with a run that was killed, or whose review was decided. Raises StoreError where it is not under way,
        belongs to another artifact, or another process is working on it."""
        with alone(self.store.engine, run):
            return self.go_on(self.progress(run))

    def progress(self, run: str) -> Progress:
        """What a run under way has behind it. Raises as `resume`."""
        with reading(self.store.engine) as connection:
            row = connection.execute(select(runs).where(runs.c.run == run)).first()
            if row is None:
                raise StoreError(f"there is no run {run!r} under way", hint="see `ingot audit show`")
            if row.digest != self.workflow.digest:
                raise StoreError(
                    f"run {run!r} belongs to artifact {row.digest[:12]}, this is {self.workflow.digest[:12]}",
                    hint="a run goes on with the version that it began with",
                )
            if row.state != RUNNING:
                hint = (
                    "see `ingot audit show`" if row.state == ENDED else "decide its review first: `ingot reviews list`"
                )
                raise StoreError(f"run {run!r} is {row.state}", hint=hint)
            finished = connection.execute(select(steps).where(steps.c.run == run).order_by(steps.c.number)).all()
        key = self.store.key
        progress = Progress(run, json.loads(key.open(row.sealed, run.encode())))
        for one in finished:
            kept = json.loads(key.open(one.sealed, f"{run}/{one.number}".encode()))
            outputs, calls = kept if isinstance(kept, list) else (kept, [])
            progress.done.append(Step(one.step, outputs))
            progress.calls += [Call.from_json(call) for call in calls]
        progress.finished = len(progress.calls)
        return progress

    def state(self, run: str) -> str | None:
        """``running``, ``waiting`` or ``ended``; None for a run that the store has not begun."""
        with reading(self.store.engine) as connection:
            return connection.execute(select(runs.c.state).where(runs.c.run == run)).scalar()

    def unfinished(self) -> list[str]:
        """Runs of this artifact that are under way: where no process works on them, they were killed."""
        mine = (runs.c.digest == self.workflow.digest) & (runs.c.state == RUNNING)
        with reading(self.store.engine) as connection:
            return list(connection.execute(select(runs.c.run).where(mine).order_by(runs.c.at)).scalars())

    def go_on(self, progress: Progress) -> Outcome:
        """Take a run from where it is to its end or to a person, and record what it came to."""
        try:
            outcome = self.workflow.run(progress.input, trace=True, perform=self._journalled(progress))
        except StoreError:
            raise
        except IngotError as error:
            done, calls = _pairs(progress.done), progress.calls
            record = self.records.failed(progress.run, progress.input, error, done, calls)
            self._end(progress, ENDED, record, None)
            raise
        outcome = replace(outcome, run_id=progress.run, calls=tuple(progress.calls))
        record = self._ended(progress.run, progress.input, outcome, progress.done).record
        self._end(progress, ENDED if outcome.review is None else WAITING, record, outcome)
        return outcome

    def _journalled(self, progress: Progress) -> Perform:
        numbers = count()

        def perform(step: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
            number = next(numbers)
            self.carry_out(progress, number, step, arguments)
            return self.restored(progress, number, step)

        return perform

    def carry_out(self, progress: Progress, number: int, step: str, arguments: Mapping[str, Any]) -> None:
        """Carry out a step and keep what it gave, unless that was done before the run was killed or had to wait."""
        if number < len(progress.done):
            return
        own = self.workflow.perform
        assert own is not None
        progress.asked = (step, arguments)
        before = progress.finished = len(progress.calls)
        tokens = StepRedactions(self.store, progress.run, number, step)
        with spending(Ledger(progress.calls, StoreAnswers(self.store), tokens)):
            outputs = to_plain(own(step, arguments))
        progress.asked = None
        self.finish_step(progress.run, number, step, outputs, None, progress.calls[before:])
        progress.done.append(Step(step, outputs))

    def restored(self, progress: Progress, number: int, step: str) -> Mapping[str, Any]:
        """What a finished step gave, as values of its outputs' types. Raises StoreError where it was another step."""
        done = progress.done[number]
        if done.step != step:
            raise StoreError(f"step {number} of run {progress.run!r} was {done.step!r} and is now {step!r}")
        check = self._checks.get(step)
        restored: Mapping[str, Any] = done.outputs if check is None else check.validate_python(done.outputs)
        return restored

    def finish_step(
        self,
        run: str,
        number: int,
        step: str,
        outputs: Mapping[str, Any],
        within: Connection | None = None,
        calls: Sequence[Call] = (),
    ) -> None:
        """Keep the outputs (plain JSON) of a run's step `number`, once, with the model calls it made, where it made any."""
        kept = [outputs, [call.to_json() for call in calls]] if calls else outputs
        sealed = self.store.key.seal(encoded(kept), f"{run}/{number}".encode())
        insert = steps.insert().values(run=run, number=number, step=step, sealed=sealed, at=now_text())
        if within is not None:
            within.execute(insert)
            return
        try:
            with writing(self.store.engine) as connection:
                connection.execute(insert)
        except SQLAlchemyError as error:
            raise store_error(error, f"keep what step {step!r} gave") from None

    def _end(self, progress: Progress, state: str, record: bytes, outcome: Outcome | None) -> None:
        """The run's record, its state and, where a person must decide, the review: all of it or nothing."""
        run = progress.run
        try:
            with writing(self.store.engine) as connection:
                mine = (runs.c.run == run) & (runs.c.state == RUNNING)
                if connection.execute(update(runs).where(mine).values(state=state)).rowcount != 1:
                    raise StoreError(f"run {run!r} was ended by another process", hint="see `ingot audit show`")
                self._append(run, record, connection)
                if outcome is not None and outcome.review is not None:
                    connection.execute(reviews.insert().values(**self._review(progress, outcome.review)))
        except SQLAlchemyError as error:
            raise store_error(error, "end the run") from None

    def _review(self, progress: Progress, asked: Review) -> dict[str, Any]:
        arguments = {} if progress.asked is None else to_plain(progress.asked[1])
        held = {"input": progress.input, "arguments": arguments, "proposed": to_plain(asked.proposed)}
        if calls := progress.calls[progress.finished :]:  # what the step spent before it asked is the run's for good
            held["calls"] = [call.to_json() for call in calls]
        number = len(progress.done)
        review = _review_of(progress.run, number)
        return {
            "review": review, "run": progress.run, "number": number, "workflow": self.records.name, "step": asked.step,
            "reason": asked.reason, "state": "open", "at": now_text(),
            "sealed": self.store.key.seal(encoded(held), review.encode()),
        }  # fmt: skip

    def _ended(self, run: str, case: Mapping[str, Any], outcome: Outcome, done: Sequence[Step] = ()) -> Written:
        assert outcome.trace is not None
        review = outcome.review
        answered = outcome.output if review is None else review.proposed
        asked = None if review is None else (review.step, review.reason)
        done_pairs, calls = _pairs(done), outcome.calls
        return self.records.ended(run, case, answered, asked, outcome.trace, outcome.seconds, done_pairs, calls)


def _pairs(done: Sequence[Step]) -> Steps:
    return [(one.step, one.outputs) for one in done]


def _twice(run: str) -> RunTaken:
    return RunTaken(f"run {run!r} is in the store already", hint="give each run an id of its own")


def opened(record: Mapping[str, Any], store: Store) -> dict[str, Any]:
    """A run's record with what was sealed in its place. Raises StoreError where it does not open."""
    if "sealed" not in record:
        return dict(record)
    hidden = json.loads(store.key.open(record["sealed"], str(record["run"]).encode()))
    whole = {name: value for name, value in record.items() if name != "sealed"}
    if record.get("kind") == "decision":
        return {**whole, **hidden}
    whole["input"] = joined(record["input"], hidden.get("input", {}))
    review = record.get("review")
    if review is not None and review["proposed"] is not None:
        whole["review"] = {**review, "proposed": joined(review["proposed"], hidden.get("output", {}))}
    elif "output" in record:
        whole["output"] = joined(record["output"], hidden.get("output", {}))
    return whole | {name: hidden[name] for name in ("steps", "error") if name in hidden}


@dataclass(frozen=True, slots=True)
class Replayed:
    """A recorded run and the same run now: `same` where they are byte for byte the same outcome."""

    before: bytes
    now: bytes

    @property
    def same(self) -> bool:
        """Whether nothing differs."""
        return self.before == self.now


def replay(record: Mapping[str, Any], workflow: Workflow, store: Store) -> Replayed:
    """Execute a recorded run again, its steps giving what they gave. Nothing is recorded and no step is carried out.

    Raises StoreError where the record does not open, belongs to another artifact or is not of a run that ended.
    """
    if record.get("kind") != "run" or record.get("status") == "failed":
        raise StoreError(f"{record.get('run')!r} came to no outcome that could be compared")
    if record["digest"] != workflow.digest:
        raise StoreError(f"the run was of artifact {record['digest'][:12]}, this is {workflow.digest[:12]}")
    whole = opened(record, store)
    recorded = RecordedWorkflow(workflow, store)
    done = [Step(step, outputs) for step, outputs in whole.get("steps", ())]
    progress = Progress(str(record["run"]), whole["input"], done)
    numbers = count()

    def perform(step: str, _arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        number = next(numbers)
        if number >= len(done):
            from ingot.runtime.steps import NeedsReview

            review = record.get("review") or {}
            if review.get("step", step) != step:  # it failed, and the validator template asked a person
                raise StepError("the step failed in the recorded run", place=step)
            raise NeedsReview(step, str(review.get("reason", "the recorded run did not get this far")))
        return recorded.restored(progress, number, step)

    outcome = workflow.run(whole["input"], trace=True, perform=perform)
    return Replayed(canonical_json(_outcome_of(whole)), canonical_json(_outcome_of(outcome_record(outcome))))


def outcome_record(outcome: Outcome) -> dict[str, Any]:
    """An outcome as its record would have it, in the clear."""
    shown = outcome.to_json()
    return {**shown, **shown.pop("trace", {"lines": [], "clauses": []})}


def _outcome_of(record: Mapping[str, Any]) -> dict[str, Any]:
    return {name: record[name] for name in ("status", "output", "review", "lines", "clauses") if name in record}
