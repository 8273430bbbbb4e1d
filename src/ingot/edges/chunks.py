"""One chunk of rows through a workflow: a line for each outcome, a line for each row that failed, an audit record for each.

Everything here happens in a worker process and touches no file.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from ingot.edges.sources import ReadRow
from ingot.errors import IngotError, InputError, StoreError
from ingot.fields import Field, walk
from ingot.runtime.run import Outcome, Workflow
from ingot.store.encoding import encoded
from ingot.store.runs import RecordedWorkflow, RunPruned, Waiting

Convert = Callable[[Any], Any]


@dataclass
class Done:
    """What came of a chunk: lines of outcomes and of failures, each ending in a newline, and counts. `records` are the audit
    records, one a row in the order of the rows; `waiting` what must go into the reviews with them."""

    rows: int
    out: bytes = b""
    failed: bytes = b""
    failures: int = 0
    reviews: int = 0
    records: list[bytes] = field(default_factory=list)
    waiting: list[Waiting] = field(default_factory=list)


class ChunkRunner:
    """Runs chunks of one artifact. `validate` off trusts the rows' values and converts only what JSON has no type for;
    the answer is not checked either: for rows that something before this has validated. An artifact of the template
    ``validator`` always has its answers checked: that none goes on unseen is what the template is for."""

    def __init__(
        self,
        workflow: Workflow,
        read: ReadRow,
        *,
        validate: bool = True,
        recorded: RecordedWorkflow | None = None,
        batch: str = "",
    ) -> None:
        self.workflow, self.read, self.recorded, self.batch = workflow, read, recorded, batch
        self._labelled = {one.name for one in workflow.spec.inputs if any(inner.sensitive for _, inner in walk((one,)))}
        self._convert = None if validate else converter(workflow.spec.inputs)
        self._check = validate or workflow.template_name == "validator"

    def run(self, first: int, raw: Sequence[Any]) -> Done:
        """Run the rows from number `first` on. A row that fails is told with its number and keeps no other from running.

        Raises StoreError where a run with steps cannot be kept.
        """
        done = Done(len(raw))
        lines: list[bytes] = []
        failed: list[bytes] = []
        for number, one in enumerate(raw, start=first):
            try:
                lines.append(self._line(number, one, done))
            except IngotError as error:
                if isinstance(error, StoreError) and not isinstance(error, RunPruned):
                    raise  # no fault of the row: it may be under way, and is run again when the store is there
                failed.append(encoded(self._failure(number, error, done)) + b"\n")
        done.out, done.failed, done.failures = b"".join(lines), b"".join(failed), len(failed)
        return done

    def _line(self, number: int, raw: Any, done: Done) -> bytes:
        row = self.read(raw)
        if self.workflow.perform is not None:
            return self._with_steps(number, row, done)
        values = self.workflow.validate(row) if self._convert is None else _trusted(self._convert, row)
        if self.recorded is not None:
            return self._audited(number, row, values, done)
        output, review = self.workflow.answer(values, check=self._check)
        done.reviews += review is not None
        return _line_of(number, output, review)

    def _audited(self, number: int, row: Mapping[str, Any], values: dict[str, Any], done: Done) -> bytes:
        assert self.recorded is not None
        run = f"{self.batch}-{number:08x}"
        started = time.perf_counter()
        try:
            output, review, trace = self.workflow.traced_answer(values, check=self._check)
        except IngotError as error:  # a run that failed: what it says may hold a value, so its record seals it
            done.records.append(self.recorded.records.failed(run, row, error))
            raise
        seconds = time.perf_counter() - started
        written = self.recorded.records.ended(run, row, output, review, trace, seconds)
        done.records.append(written.record)
        if review is not None:
            done.reviews += 1
            done.waiting.append(self.recorded.waiting(run, review, written))
        return _line_with(number, written.answer, review)

    def _with_steps(self, number: int, row: Mapping[str, Any], done: Done) -> bytes:
        assert self.recorded is not None
        outcome = self.recorded.run_once(row, f"{self.batch}-{number:08x}")
        done.reviews += outcome.review is not None
        return outcome_line(number, outcome)

    def _failure(self, number: int, error: IngotError, done: Done) -> dict[str, Any]:
        """The row and what is wrong with it; what it holds in a field with a label stays out."""
        name = (error.place or "").split(".")[0]
        message = "the value does not fit" if name in self._labelled else error.message
        told = {"row": number, "error": message, "kind": type(error).__name__, "place": error.place}
        if self.recorded is not None and self.workflow.perform is None and isinstance(error, InputError):
            done.records.append(self.recorded.records.refused(f"{self.batch}-{number:08x}", told))
        return told


def outcome_line(number: int, outcome: Outcome) -> bytes:
    """One line of the output: the same bytes for the same outcome, whenever and wherever it is run."""
    review = outcome.review
    if review is None:
        return _line_of(number, outcome.output, None)
    return _line_of(number, review.proposed, (review.step, review.reason))


def _line_of(number: int, output: Any, review: tuple[str, str] | None) -> bytes:
    return _line_with(number, encoded(output), review)


def _line_with(number: int, answer: bytes, review: tuple[str, str] | None) -> bytes:
    """`answer` is the output, or what is proposed, encoded."""
    if review is None:
        return b'{"output":%b,"row":%d,"status":"completed"}\n' % (answer, number)
    reason, step = encoded(review[1]), encoded(review[0])
    return b'{"review":{"proposed":%b,"reason":%b,"step":%b},"row":%d,"status":"needs_review"}\n' % (
        answer, reason, step, number,
    )  # fmt: skip


def _trusted(convert: Convert, row: Mapping[str, Any]) -> dict[str, Any]:
    try:
        values: dict[str, Any] = convert(row)
    except (TypeError, ValueError, ArithmeticError, LookupError) as error:
        raise InputError(f"the row does not fit: {type(error).__name__}") from None
    return values


# ---- rows that are trusted ---------------------------------------------------------------------------------------


def converter(fields: Sequence[Field]) -> Convert:
    """From plain JSON to the values that programs take, without a check: for rows that were validated before."""
    converts = {one.name: made for one in fields if (made := _convert(one)) is not None}
    nulls = {one.name: None for one in fields if one.nullable}

    def convert(row: Mapping[str, Any]) -> dict[str, Any]:
        values = {**nulls, **row}
        for name, one in converts.items():
            values[name] = one(values[name])
        return values

    return convert


def _convert(one: Field) -> Convert | None:
    plain = _PLAIN.get(one.type)
    if one.type == "list" and one.items is not None and (inner := _convert(one.items)) is not None:
        plain = lambda values: [inner(value) for value in values]  # noqa: E731
    if one.type == "object" and one.fields:
        plain = converter(one.fields)
    if plain is None or not one.nullable:
        return plain
    return lambda value: None if value is None else plain(value)


def _decimal(value: Any) -> Decimal:
    return value if type(value) is Decimal else Decimal(str(value))


def _date(value: Any) -> date:
    return date.fromisoformat(value) if type(value) is str else value


def _datetime(value: Any) -> datetime:
    return datetime.fromisoformat(value) if type(value) is str else value


_PLAIN: Mapping[str, Convert] = {"decimal": _decimal, "date": _date, "datetime": _datetime, "float": float}
