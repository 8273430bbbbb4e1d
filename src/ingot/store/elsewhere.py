"""Runs that something else drives, such as a Temporal server: it keeps their steps, the store their records and reviews.

Whoever drives a run asks `next_step` what comes after the steps that are done, carries it out, and tells the store once the
run ended or waits: `settle`. Telling it twice records it once, so that it can be told again after any fault.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import replace
from itertools import count
from threading import Lock
from typing import Any

from sqlalchemy import Connection, select, update
from sqlalchemy.exc import SQLAlchemyError

from ingot.errors import IngotError, InputError, StepError, StoreError
from ingot.fields import to_plain
from ingot.runtime.bounded.ledger import Call
from ingot.runtime.run import Outcome, Workflow
from ingot.runtime.steps import NeedsReview, Perform
from ingot.store.audit import run_place
from ingot.store.database import store_error, writing
from ingot.store.encoding import encoded
from ingot.store.group import End, Entry, append_together
from ingot.store.reviews import Decided, keep_decision, kept_before, show_review
from ingot.store.runs import ENDED, Progress, RecordedWorkflow, Step
from ingot.store.store import Store
from ingot.store.tables import reviews, runs, segments

ELSEWHERE = "elsewhere"
"""The state of a run that something else drives, under way or waiting: `ingot resume` leaves it alone."""

Finished = Sequence[tuple[str, Mapping[str, Any]]]
"""Finished steps and their outputs as plain JSON, in order."""


class _NextStep(BaseException):
    """Thrown out of a program at the first step that is not done: nothing in between may take it for an error."""

    def __init__(self, step: str, arguments: Mapping[str, Any]) -> None:
        super().__init__(step)
        self.step, self.arguments = step, arguments


class Together:
    """Records of several threads in one transaction: whoever's turn it is writes for all who came meanwhile."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._turn, self._lock = Lock(), Lock()
        self._waiting: list[tuple[Entry, Future[End]]] = []

    def add(self, entry: Entry) -> bool:
        """The record, once; False where it was there. Raises StoreError where it cannot be written."""
        future: Future[End] = Future()
        with self._lock:
            self._waiting.append((entry, future))
        with self._turn:
            if not future.done():
                self._write()
        end = future.result()
        if isinstance(end, StoreError):
            raise end
        return end

    def _write(self) -> None:
        with self._lock:
            mine, self._waiting = self._waiting, []
        try:
            ends = append_together(self._store, [entry for entry, _ in mine])
        except BaseException as error:
            for _, future in mine:
                future.set_exception(error)
            raise
        for (_, future), end in zip(mine, ends, strict=True):
            future.set_result(end)


class DrivenElsewhere(RecordedWorkflow):
    """A workflow whose runs something else drives. Safe to use from several threads."""

    states = (ELSEWHERE, ELSEWHERE)

    def __init__(self, workflow: Workflow, store: Store) -> None:
        super().__init__(workflow, store)
        self._turn = Lock()
        self._together = Together(store)
        self.has_steps = workflow.perform is not None

    def next_step(self, case: Mapping[str, Any], done: Finished) -> tuple[str, dict[str, Any]] | None:
        """The step to carry out after those that are `done`, with its arguments as plain JSON; None at the end.

        Pure: the same answer for the same values, and nothing is recorded. Raises what `Workflow.run` raises.
        """
        try:
            self.workflow.run(case, perform=self._again(Progress("", dict(case), _steps(done)), None))
        except _NextStep as asked:
            return asked.step, to_plain(asked.arguments)
        return None

    def settle(
        self,
        run: str,
        case: Mapping[str, Any],
        done: Finished = (),
        stop: tuple[str, str] | None = None,
        calls: Sequence[Call] = (),
        broken: bool = False,
    ) -> Outcome:
        """Record what a run came to and give it: its end, or where `stop` (step and reason) asks a person, or is `broken`
        for that reason, which the validator template takes to a person.

        `calls` are the model calls of its steps. The program is run again over the steps that are done, which gives its outcome and the lines that decided.
        Recorded once however often it is called. Raises StoreError where it cannot be recorded, and what
        `Workflow.run` raises after recording that.
        """
        progress = Progress(run, dict(case), _steps(done), calls=list(calls))
        try:
            outcome = self.workflow.run(case, trace=True, perform=self._again(progress, stop, broken))
        except StoreError:
            raise
        except IngotError as error:
            self._failed(progress, error)
            raise
        outcome = replace(outcome, run_id=run, calls=tuple(calls))
        record = self._ended(run, progress.input, outcome, progress.done).record
        self._once(progress, record, outcome)
        return outcome

    def fail(
        self, run: str, case: Mapping[str, Any], done: Finished, step: str, message: str, calls: Sequence[Call] = ()
    ) -> None:
        """Record, once, that a step of a run failed."""
        self._failed(Progress(run, dict(case), _steps(done), calls=list(calls)), StepError(message, place=step))

    def decide(
        self, review: str, *, approve: bool, by: str, why: str, answer: Mapping[str, Any] | None = None
    ) -> Decided:
        """Keep a decision; the same one told again is the same one. Raises as `reviews.decide`."""
        held = show_review(self.store, review)
        before = kept_before(self, held, approve=approve, by=by, why=why, answer=answer)
        return before or keep_decision(self, review, approve=approve, by=by, why=why, answer=answer)

    # ---- recording -----------------------------------------------------------------------------------------------

    def _failed(self, progress: Progress, error: IngotError) -> None:
        steps = [(one.step, one.outputs) for one in progress.done]
        record = self.records.failed(progress.run, progress.input, error, steps, progress.calls)
        self._once(progress, record, None)

    def _once(self, progress: Progress, record: bytes, outcome: Outcome | None) -> None:
        """The record, the run's state and, where a person must decide, the review: all of it, once, or nothing."""
        if not self._written(progress, record, outcome):
            self._refuse_other_input(progress)

    def _refuse_other_input(self, progress: Progress) -> None:
        """What is in the log under this id is this run told again, or there would be an answer that no record has."""
        mine = self.store.key.input_digest(encoded(progress.input))
        for record in self.store.audit.records(progress.run):
            if record["kind"] == "run" and record["input_digest"] != mine:
                raise InputError(
                    f"run {progress.run!r} was recorded with another input",
                    place="run",
                    hint="give each run an id of its own",
                )

    def _written(self, progress: Progress, record: bytes, outcome: Outcome | None) -> bool:
        """Write what is not there yet; False where it was."""
        run = progress.run
        asked = None if outcome is None else outcome.review
        if asked is None and not self.has_steps:  # a pure run that waits always waits: it has no row of its own
            return self._together.add(Entry(run, record, self.records, once=True))
        try:
            # threads queue here and not at the database, where a waiting one may be passed over for long
            with self._turn, writing(self.store.engine) as connection:
                if asked is not None:
                    return self._wait_once(connection, progress, record, self._review(progress, asked))
                if self._over(connection, run):
                    return False
                self._append(run, record, connection)
                connection.execute(update(runs).where(runs.c.run == run).values(state=ENDED))
                return True
        except SQLAlchemyError as error:
            raise store_error(error, "record the run") from None

    def _wait_once(self, connection: Connection, progress: Progress, record: bytes, row: dict[str, Any]) -> bool:
        run = progress.run
        if connection.execute(select(reviews.c.review).where(reviews.c.review == row["review"])).first():
            return False
        if not connection.execute(select(runs.c.run).where(runs.c.run == run)).first():
            connection.execute(runs.insert().values(**self._row(progress, ELSEWHERE)))
        self._append(run, record, connection)
        connection.execute(reviews.insert().values(**row))
        return True

    def _over(self, connection: Connection, run: str) -> bool:
        """Whether the log has the end of this run. Asked in the transaction that would add it."""
        state = connection.execute(select(runs.c.state).where(runs.c.run == run)).scalar()
        if state is not None:
            return str(state) == ENDED
        prefix, number = run_place(run)
        mine = (segments.c.prefix == prefix) & (segments.c.first == number)
        return connection.execute(select(segments.c.number).where(mine)).first() is not None

    # ---- steps ---------------------------------------------------------------------------------------------------

    def _again(self, progress: Progress, stop: tuple[str, str] | None, broken: bool = False) -> Perform:
        """Gives what the finished steps gave; at the first that is not, asks a person where `stop` says so, or fails."""
        numbers = count()

        def perform(step: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
            number = next(numbers)
            if number < len(progress.done):
                return self.restored(progress, number, step)
            if stop is None:
                raise _NextStep(step, arguments)
            progress.asked = (step, arguments)
            if broken:
                raise StepError(stop[1], place=stop[0])
            raise NeedsReview(*stop)

        return perform


def _steps(done: Finished) -> list[Step]:
    return [Step(step, outputs) for step, outputs in done]
