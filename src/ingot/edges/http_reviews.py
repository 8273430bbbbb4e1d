"""What waits for a person, over HTTP. Who decides is who the token belongs to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from functools import partial
from typing import Any

from sqlalchemy import select

from ingot.edges.http_call import Call, Reply
from ingot.edges.http_errors import Refused, refusal
from ingot.edges.http_limits import Limits, read_body, read_case
from ingot.edges.http_runs import Runs, told
from ingot.edges.http_shelf import Shelf
from ingot.errors import IngotError, InputError, StoreError
from ingot.runtime.run import Outcome
from ingot.store.database import reading
from ingot.store.elsewhere import ELSEWHERE
from ingot.store.reviews import keep_decision, list_reviews, show_review
from ingot.store.runs import RecordedWorkflow
from ingot.store.store import Store
from ingot.store.tables import reviews
from ingot.store.tables import runs as run_table

STATES = ("open", "approved", "rejected", "all")
MOST = 1_000
LONGEST_ID = 64


async def listed(call: Call, store: Store, runs: Runs) -> Reply:
    """Reviews, oldest first, without what is sealed."""
    asked = call.query()
    state, most = asked.pop("state", "open"), asked.pop("most", "100")
    if state not in STATES:
        raise Refused(422, "unknown state", place="state", hint=f"one of: {', '.join(STATES)}")
    if not (most.isascii() and most.isdigit() and len(most) <= 4 and 1 <= int(most) <= MOST):
        raise Refused(422, f"a number from 1 to {MOST} is wanted", place="most")
    if asked:
        raise Refused(422, "unknown parameter", hint="known: state, most")
    wanted: Any = None if state == "all" else state
    return Reply.of({"reviews": await runs.in_thread(list_reviews, store, wanted, int(most))})


async def shown(call: Call, store: Store, runs: Runs) -> Reply:
    """One review with the values that the person needs, sensitive ones included."""
    review = await runs.in_thread(_known, store, call.part or "")
    return Reply.of(asdict(await runs.in_thread(show_review, store, review[0])))


async def decided(call: Call, store: Store, runs: Runs, shelf: Shelf, limits: Limits, *, approve: bool) -> Reply:
    """Approve or reject; the run goes on with the artifact that it began with."""
    why, answer = _decision(read_case(await read_body(call.receive, call.headers, limits), limits))
    review, state, run, digest, how = await runs.in_thread(_known, store, call.part or "")
    if state != "open":
        raise Refused(409, f"this review is {state} already", place=state, hint=f"GET /reviews/{review} says by whom")
    if how == ELSEWHERE:
        hint = "decide it there: `ingot reviews approve --address HOST:PORT`"
        raise Refused(409, "this run waits at a Temporal server", place="run", hint=hint)
    version = shelf.by_digest(digest)
    if version is None or version.recorded is None:
        hint = "serve that artifact too: a run ends with the version that it began with"
        raise Refused(409, f"the run's artifact {digest} is not served here", hint=hint)
    call.version, call.run = version, run
    decision = partial(_decided, version.recorded, review, approve=approve, by=call.caller.name, why=why, answer=answer)
    try:
        outcome = await runs.in_thread(decision)
    except InputError as error:  # its hint names the outputs that are wanted, and no value
        raise Refused(422, "the answer does not fit", place=error.place, hint=error.hint) from None
    except StoreError:
        if (await runs.in_thread(_known, store, review))[1] != "open":
            raise Refused(409, "somebody else decided this just now", hint=f"GET /reviews/{review}") from None
        raise
    if isinstance(outcome, IngotError):
        raise _stopped(run, outcome)
    call.outcome = "approved" if approve else "rejected"
    ended = None if outcome is None else told(outcome)
    return Reply.of({"review": review, "state": call.outcome, "by": call.caller.name, "outcome": ended})


def _decided(recorded: RecordedWorkflow, review: str, **decision: Any) -> Outcome | IngotError | None:
    """What the run comes to with a decision, in the thread that keeps it: a request that runs out of time stops neither.
    An error that comes after the decision was kept is returned. Raises what `keep_decision` raises."""
    kept = keep_decision(recorded, review, **decision)
    try:
        return recorded.resume(kept.run) if kept.goes_on else None
    except IngotError as error:
        return error


def _stopped(run: str, error: IngotError) -> Refused:
    """The run that a decision set going came to no answer; the decision stands."""
    found = refusal(error)
    if isinstance(error, StoreError):
        hint = f"`ingot resume ARTIFACT {run}` goes on with it"
    else:
        hint = f"`ingot audit show {run}` says what came of it"
    return Refused(found.status, f"the decision is kept, but {found.error}", place=found.place, hint=hint)


def _decision(body: Mapping[str, Any]) -> tuple[str, Mapping[str, Any] | None]:
    why, answer = body.get("why"), body.get("answer")
    if not isinstance(why, str) or not why.strip() or len(why) > 10_000:
        raise Refused(422, "a decision has a reason", place="why", hint='give {"why": "…"}')
    if answer is not None and not isinstance(answer, Mapping):
        raise Refused(422, "the answer is an object of outputs", place="answer")
    if body.keys() - {"why", "answer"}:
        raise Refused(422, "unknown field", hint="known: why, answer")
    return why, answer


def _known(store: Store, review: str) -> tuple[str, str, str, str, str]:
    """A review's id, its state, its run, the digest of the run's artifact and the run's state. Raises Refused where there is
    none."""
    shown = (reviews.c.review, reviews.c.state, reviews.c.run, run_table.c.digest, run_table.c.state.label("how"))
    query = select(*shown).join(run_table)
    row = None
    if review.isprintable() and len(review) <= LONGEST_ID:  # a database may refuse to look for anything else
        with reading(store.engine) as connection:
            row = connection.execute(query.where(reviews.c.review == review)).first()
    if row is None:
        raise Refused(404, "there is no such review", place="review", hint="GET /reviews lists them")
    return row.review, row.state, row.run, row.digest, row.how
