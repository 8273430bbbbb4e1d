"""What waits for a person: list, show, decide. A decision resumes its run exactly once."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import ValidationError
from sqlalchemy import Row, select, update
from sqlalchemy.exc import SQLAlchemyError

from ingot.canonical import canonical_json, equal_bytes
from ingot.errors import InputError, StoreError
from ingot.fields import to_plain, validator
from ingot.names import LONGEST_PERSON, is_persons_name
from ingot.runtime.bounded.ledger import Call
from ingot.runtime.run import Outcome
from ingot.store.audit import run_place
from ingot.store.database import now_text, reading, store_error, writing
from ingot.store.runs import ENDED, RecordedWorkflow
from ingot.store.store import Store
from ingot.store.tables import PRUNED, reviews, runs

State = Literal["open", "approved", "rejected"]


@dataclass(frozen=True, slots=True)
class Review:
    """One review. `input`, `arguments` (of the step that asks) and `proposed` are in the clear: show them only to who may
    see them. `answer` is what the person gave, `why` their reason, in the clear too. `pruned`: retention has emptied it,
    and who decided and when is all that is left."""

    review: str
    run: str
    workflow: str
    step: str
    reason: str
    state: State
    at: str
    input: Mapping[str, Any]
    arguments: Mapping[str, Any]
    proposed: Mapping[str, Any] | None
    decided_at: str | None = None
    decided_by: str | None = None
    why: str | None = None
    answer: Mapping[str, Any] | None = None
    pruned: bool = False


def list_reviews(store: Store, state: State | None = "open", most: int = 100) -> list[Mapping[str, Any]]:
    """Reviews, oldest first, without what is sealed. `state` None lists all."""
    shown = [reviews.c[name] for name in ("review", "run", "workflow", "step", "reason", "state", "at", "decided_by")]
    query = select(*shown).order_by(reviews.c.at, reviews.c.review).limit(most)
    if state is not None:
        query = query.where(reviews.c.state == state)
    with reading(store.engine) as connection:
        return [dict(row._mapping) for row in connection.execute(query)]


def show_review(store: Store, review: str) -> Review:
    """One review, opened. Raises StoreError where there is none."""
    with reading(store.engine) as connection:
        row = connection.execute(select(reviews).where(reviews.c.review == review)).first()
    if row is None:
        raise StoreError(f"there is no review {review!r}", hint="see `ingot reviews list`")
    return _opened(row, store)


def _opened(row: Row[Any], store: Store) -> Review:
    if row.sealed == PRUNED:
        return Review(
            row.review, row.run, row.workflow, row.step, row.reason, row.state, row.at, {}, {}, None, row.decided_at,
            row.decided_by, pruned=True,
        )  # fmt: skip
    held = json.loads(store.key.open(row.sealed, row.review.encode()))
    answer = None if row.answer is None else json.loads(store.key.open(row.answer, f"{row.review}/answer".encode()))
    why = None if row.why is None else store.key.open(row.why, f"{row.review}/why".encode()).decode()
    return Review(
        row.review, row.run, row.workflow, row.step, row.reason, row.state, row.at, held["input"], held["arguments"],
        held["proposed"], row.decided_at, row.decided_by, why, answer,
    )  # fmt: skip


def _spent(store: Store, review: str) -> list[Call]:
    """The model calls that the step made before it asked a person."""
    with reading(store.engine) as connection:
        sealed = connection.execute(select(reviews.c.sealed).where(reviews.c.review == review)).scalar_one()
    return [Call.from_json(call) for call in json.loads(store.key.open(sealed, review.encode())).get("calls", ())]


@dataclass(frozen=True, slots=True)
class Decided:
    """A decision that is kept: `run` goes on with `given` as the outputs of the step that asked, or is over."""

    run: str
    goes_on: bool
    given: Mapping[str, Any] | None


def decide(
    recorded: RecordedWorkflow,
    review: str,
    *,
    approve: bool,
    by: str,
    why: str,
    answer: Mapping[str, Any] | None = None,
) -> Outcome | None:
    """A person's decision: recorded with who, when and why, and the run goes on. Returns what it came to.

    Approving takes the workflow's proposal, or `answer` where there is none: the outputs of the step that asks, or of
    the whole workflow where it stopped at its end. Rejecting ends the run without an output, or with `answer`, the outputs
    of the whole workflow whoever asked, kept beside the decision; the outcome is then None. Raises InputError for an answer that does not fit, StoreError
    where the review is decided already or the store fails: then nothing has changed.
    """
    kept = keep_decision(recorded, review, approve=approve, by=by, why=why, answer=answer)
    return recorded.resume(kept.run) if kept.goes_on else None


def keep_decision(
    recorded: RecordedWorkflow,
    review: str,
    *,
    approve: bool,
    by: str,
    why: str,
    answer: Mapping[str, Any] | None = None,
) -> Decided:
    """Keep a person's decision, and leave it to the caller to go on with the run. Raises as `decide`."""
    store = recorded.store
    held = show_review(store, review)
    if held.state != "open":
        raise StoreError(f"review {review!r} was {held.state} by {held.decided_by}", place=held.decided_at)
    _refuse_other(recorded, held)
    _refuse_nameless(by, why)
    is_step = _asks_for_step(recorded, held)
    goes_on = approve and is_step
    given = _checked(recorded, held, held.proposed if answer is None and approve else answer, goes_on, approve)
    calls = _spent(store, review) if goes_on else []
    running, waiting = recorded.states
    try:
        with writing(store.engine) as connection:
            _decided(connection, store, held, approve, by.strip(), why.strip(), given)
            if goes_on:
                number = int(held.review.rpartition(".")[2])
                recorded.finish_step(held.run, number, held.step, given or {}, connection, calls)
            mine = (runs.c.run == held.run) & (runs.c.state == waiting)
            moved = connection.execute(update(runs).where(mine).values(state=running if goes_on else ENDED)).rowcount
            if moved != 1:
                raise StoreError(
                    f"run {held.run!r} does not wait here",
                    hint="a run on Temporal is decided there: `ingot reviews approve --address HOST:PORT`",
                )
    except SQLAlchemyError as error:
        raise store_error(error, "keep the decision") from None
    return Decided(held.run, goes_on, given)


def _refuse_nameless(by: str, why: str) -> None:
    """What cannot be kept is refused before anything is: half of a surrogate pair comes of bytes that are no UTF-8."""
    if not by.strip() or not why.strip():
        raise InputError("a decision has a name and a reason", hint="say who decides and why")
    if not is_persons_name(by):
        raise InputError("this cannot be a name", place="by", hint=f"one line of at most {LONGEST_PERSON} characters")
    try:
        why.encode()
    except UnicodeEncodeError:
        raise InputError("the reason holds half of a surrogate pair", place="why", hint="give it as UTF-8") from None


def kept_before(
    recorded: RecordedWorkflow,
    held: Review,
    *,
    approve: bool,
    by: str,
    why: str,
    answer: Mapping[str, Any] | None = None,
) -> Decided | None:
    """What `keep_decision` came to where it was told this very decision before; None where it was not."""
    if (held.state, held.decided_by, held.why) != ("approved" if approve else "rejected", by.strip(), why.strip()):
        return None
    is_step = _asks_for_step(recorded, held)
    given = _checked(
        recorded, held, held.proposed if answer is None and approve else answer, approve and is_step, approve
    )
    same = equal_bytes(given) == equal_bytes(held.answer)
    return Decided(held.run, approve and is_step, held.answer) if same else None


def _asks_for_step(recorded: RecordedWorkflow, held: Review) -> bool:
    """Whether the answer stands for a step's outputs, with which the run goes on, and not for the run's."""
    return recorded.workflow.perform is not None and held.proposed is None and _is_step(recorded, held.step)


def _refuse_other(recorded: RecordedWorkflow, held: Review) -> None:
    """Only the artifact that a run began with knows what its answer must be."""
    with reading(recorded.store.engine) as connection:
        digest = connection.execute(select(runs.c.digest).where(runs.c.run == held.run)).scalar()
    if digest != recorded.workflow.digest:
        raise StoreError(
            f"run {held.run!r} belongs to artifact {str(digest)[:12]}, this is {recorded.workflow.digest[:12]}",
            hint="a run ends with the version that it began with",
        )


def _is_step(recorded: RecordedWorkflow, name: str) -> bool:
    return any(step.step == name and not step.is_function for step in recorded.workflow.spec.logic_requirements)


def _checked(
    recorded: RecordedWorkflow, held: Review, answer: Mapping[str, Any] | None, goes_on: bool, approve: bool
) -> dict[str, Any] | None:
    """The answer as plain JSON, of the types of the outputs that it stands for: those of the step where the run goes on
    with them, those of the workflow where it ends with them. Raises InputError."""
    spec = recorded.workflow.spec
    step = next((one for one in spec.logic_requirements if one.step == held.step), None)
    fields = step.outputs if goes_on and step is not None else spec.outputs
    if answer is None:
        if approve and fields:
            names = ", ".join(one.name for one in fields)
            raise InputError("the run has no proposal: approving needs an answer", hint=f"give {names}")
        return None
    stands = recorded.workflow.standing(held.step, held.arguments) if goes_on else {}
    try:
        checked: dict[str, Any] = to_plain(validator(fields).validate_python({**stands, **answer}))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "answer"
        whose = f"step {held.step!r}" if goes_on else "the workflow"
        hint = f"the outputs of {whose}: {', '.join(one.name for one in fields)}"
        raise InputError(f"the answer does not fit: {first['msg']}", place=place, hint=hint) from None
    return checked


def _decided(
    connection: Any, store: Store, held: Review, approve: bool, by: str, why: str, given: dict[str, Any] | None
) -> None:
    state = "approved" if approve else "rejected"
    at = now_text()
    sealed = None if given is None else store.key.seal(canonical_json(given), f"{held.review}/answer".encode())
    reason = store.key.seal(why.encode(), f"{held.review}/why".encode())
    mine = (reviews.c.review == held.review) & (reviews.c.state == "open")
    values = {"state": state, "decided_at": at, "decided_by": by, "why": reason, "answer": sealed}
    if connection.execute(update(reviews).where(mine).values(**values)).rowcount != 1:
        raise StoreError(
            f"review {held.review!r} was decided by somebody else just now", hint="see `ingot reviews show`"
        )
    record = {
        "kind": "decision", "run": held.run, "review": held.review, "at": at, "step": held.step, "state": state, "by": by,
        "why": "<sealed>", "why_digest": store.key.input_digest(why.encode()),
        "answer_digest": None if given is None else store.key.input_digest(canonical_json(given)),
        "sealed": store.key.seal(canonical_json({"why": why, "answer": given}), held.run.encode()),
    }  # fmt: skip
    prefix, number = run_place(held.run)
    store.audit.append([canonical_json(record)], prefix=prefix, first=number, within=connection)
