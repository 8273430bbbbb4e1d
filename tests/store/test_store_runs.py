"""Recorded runs: no answer without a record, nothing sensitive in the clear, replay to the byte, people exactly once."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Callable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from ingot.errors import InputError, StoreError
from ingot.runtime.run import load
from ingot.store.alone import alone
from ingot.store.database import writing
from ingot.store.reviews import decide, list_reviews, show_review
from ingot.store.runs import RecordedWorkflow, opened, replay
from ingot.store.store import Store

from .conftest import KEY

CASE = {"name": "Planted Patient", "months": 2, "rate": "1.10"}


def everything(store: Store) -> str:
    """Every cell of every table as text, bodies unpacked."""
    with store.engine.connect() as connection:
        rows = [
            row
            for table in ("ingot_runs", "ingot_steps", "ingot_reviews", "ingot_audit")
            for row in connection.execute(text(f"SELECT * FROM {table}")).all()
        ]
    return repr(rows) + json.dumps(list(store.audit.records()))


def test_a_driver_that_is_not_there_is_named_with_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(StoreError, match=r"PostgreSQL needs 'psycopg'[\s\S]*pip install 'ingot\[store\]'"):
        Store.open("postgresql://localhost/runs", KEY)


def test_a_run_is_in_the_log_before_it_answers(pure: RecordedWorkflow) -> None:
    outcome = pure.run(CASE)
    assert outcome.output is not None
    assert outcome.output["fee"] == Decimal("2.20")
    (record,) = pure.store.audit.records(outcome.run_id)
    assert record["digest"] == pure.workflow.digest
    assert record["input"] == {"name": "<phi>", "months": 2, "rate": "1.10"}
    assert record["output"] == {"fee": "2.20", "greeting": "<pii>"}
    assert (record["clauses"], record["status"]) == (["C1"], "completed")
    assert opened(record, pure.store)["input"] == CASE
    assert opened(record, pure.store)["output"]["greeting"] == "Dear Planted Patient"


def test_nothing_labelled_is_written_in_the_clear(pure: RecordedWorkflow, clerk: RecordedWorkflow) -> None:
    pure.run(CASE)
    pure.run({**CASE, "rate": None})
    asked = clerk.run(CASE)
    (review,) = [one for one in list_reviews(clerk.store) if one["run"] == asked.run_id]
    decide(clerk, review["review"], approve=True, by="Kim", why="Planted asked", answer={"permit": "YES"})
    assert "Planted" not in everything(pure.store)


def test_no_answer_without_a_record(pure: RecordedWorkflow) -> None:
    with writing(pure.store.engine) as connection:
        connection.execute(text("ALTER TABLE ingot_audit RENAME TO away"))
    with pytest.raises(StoreError, match="cannot write the audit log"):
        pure.run(CASE)


@pytest.mark.parametrize("case", [CASE, {**CASE, "rate": None}])
def test_an_id_that_is_given_again_is_not_recorded_again(pure: RecordedWorkflow, case: Mapping[str, Any]) -> None:
    """Whose commit went through without an answer asks again under the same id."""
    first = pure.run(case, run="order-00000001")
    for again in (CASE, {**CASE, "rate": None}):
        with pytest.raises(StoreError, match="order-00000001' is in the store already"):
            pure.run(again, run="order-00000001")
    assert [one["run"] for one in pure.store.audit.records()] == ["order-00000001"]
    told = pure.run_once(case, "order-00000001")
    assert (told.status, told.run_id) == (first.status, "order-00000001")
    assert pure.run_once(CASE, "order-00000002").status == "completed"
    assert pure.store.audit.count() == (2, 2)


def test_a_run_replays_to_the_byte(pure: RecordedWorkflow, clerk: RecordedWorkflow) -> None:
    runs = [(pure, pure.run(CASE)), (pure, pure.run({**CASE, "rate": None}))]
    asked = clerk.run(CASE)
    ended = decide(clerk, f"{asked.run_id}.0", approve=True, by="Kim", why="ok", answer={"permit": "YES"})
    assert ended is not None
    assert asked.run_id == ended.run_id
    runs.append((clerk, ended))
    for recorded, outcome in runs:
        records = [r for r in recorded.store.audit.records(outcome.run_id) if r["kind"] == "run"]
        replayed = replay(records[-1], recorded.workflow, recorded.store)
        assert replayed.same, replayed
        assert replayed.now


def test_an_outcome_that_was_altered_does_not_replay(pure: RecordedWorkflow) -> None:
    (record,) = pure.store.audit.records(pure.run(CASE).run_id)
    assert not replay({**record, "output": {**record["output"], "fee": "9.99"}}, pure.workflow, pure.store).same


def test_a_person_is_asked_and_the_run_goes_on_once(clerk: RecordedWorkflow) -> None:
    outcome = clerk.run(CASE)
    assert outcome.status == "needs_review"
    (listed,) = list_reviews(clerk.store)
    held = show_review(clerk.store, listed["review"])
    assert (held.run, held.step, held.input) == (outcome.run_id, "ask_clerk", CASE)
    assert held.arguments == {"months": 2}
    ended = decide(clerk, held.review, approve=True, by="Kim Lee", why="allowed", answer={"permit": "YES"})
    assert ended is not None
    assert ended.output is not None
    assert ended.output["fee"] == Decimal("2.20")
    kinds = [record["kind"] for record in clerk.store.audit.records(outcome.run_id)]
    assert kinds == ["run", "decision", "run"]
    decided = show_review(clerk.store, held.review)
    assert (decided.state, decided.decided_by, decided.why) == ("approved", "Kim Lee", "allowed")
    (decision,) = [one for one in clerk.store.audit.records(outcome.run_id) if one["kind"] == "decision"]
    assert (decision["why"], decision["why_digest"]) == ("<sealed>", clerk.store.key.input_digest(b"allowed"))
    assert opened(decision, clerk.store)["why"] == "allowed"
    assert opened(decision, clerk.store)["answer"] == {"permit": "YES"}
    assert decided.answer == {"permit": "YES"}
    with pytest.raises(StoreError, match="was approved by Kim Lee"):
        decide(clerk, held.review, approve=True, by="Kim", why="again", answer={"permit": "NO"})
    assert clerk.store.audit.verify().problems == ()


def test_of_many_decisions_at_once_one_counts(clerk: RecordedWorkflow) -> None:
    clerk.run(CASE)
    (listed,) = list_reviews(clerk.store)
    came: list[object] = []

    def one(number: int) -> None:
        try:
            answer = {"permit": "YES"}
            came.append(decide(clerk, listed["review"], approve=True, by=f"P{number}", why="x", answer=answer))
        except StoreError as error:
            came.append(error)

    threads = [threading.Thread(target=one, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(not isinstance(what, StoreError) for what in came) == 1
    assert [record["kind"] for record in clerk.store.audit.records()].count("decision") == 1


@pytest.mark.parametrize(
    ("decision", "says"),
    [
        ({"approve": True, "by": "Kim", "why": "x"}, "approving needs an answer"),
        ({"approve": True, "by": "Kim", "why": "x", "answer": {"permit": "MAYBE"}}, "does not fit"),
        ({"approve": False, "by": "Kim", "why": "x", "answer": {"permit": "YES"}}, "does not fit"),
        ({"approve": True, "by": " ", "why": "x", "answer": {"permit": "YES"}}, "a name and a reason"),
        ({"approve": False, "by": "Kim", "why": ""}, "a name and a reason"),
    ],
)
def test_a_decision_that_does_not_fit_changes_nothing(
    clerk: RecordedWorkflow, decision: Mapping[str, Any], says: str
) -> None:
    clerk.run(CASE)
    (listed,) = list_reviews(clerk.store)
    with pytest.raises(InputError, match=says):
        decide(clerk, listed["review"], **decision)
    assert show_review(clerk.store, listed["review"]).state == "open"


def test_a_rejection_ends_the_run(clerk: RecordedWorkflow) -> None:
    outcome = clerk.run(CASE)
    (listed,) = list_reviews(clerk.store)
    assert decide(clerk, listed["review"], approve=False, by="Kim", why="no") is None
    assert list_reviews(clerk.store) == []
    with pytest.raises(StoreError, match="is ended"):
        clerk.resume(outcome.run_id)


def test_a_rejection_may_say_what_holds_instead(clerk: RecordedWorkflow) -> None:
    """The run ends with it: it stands for the outputs of the workflow, not for those of the step that asked."""
    run = clerk.run(CASE).run_id
    answer = {"fee": "0", "greeting": "Dear Planted Patient"}
    assert decide(clerk, f"{run}.0", approve=False, by="Kim", why="waived", answer=answer) is None
    assert show_review(clerk.store, f"{run}.0").answer == answer
    assert "Planted" not in everything(clerk.store)


def test_a_final_escalation_of_a_pure_workflow_waits_too(pure: RecordedWorkflow) -> None:
    pure.run({**CASE, "rate": None})
    (listed,) = list_reviews(pure.store)
    answer = {"fee": "3.30", "greeting": "Dear Ann"}
    assert decide(pure, listed["review"], approve=True, by="Kim", why="by hand", answer=answer) is None
    assert show_review(pure.store, listed["review"]).answer == answer


def test_a_killed_run_goes_on_and_repeats_no_finished_step(store: Store, artifacts: Callable[[str], Path]) -> None:
    asked: list[str] = []

    def person(step: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        asked.append(step)
        return {"permit": "YES"}

    recorded = RecordedWorkflow(load(artifacts("clerk"), ask_person=person), store)
    kept = recorded.finish_step

    def killed(*arguments: Any) -> None:
        kept(*arguments)
        raise KeyboardInterrupt

    recorded.finish_step = killed  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        recorded.run(CASE)
    again = RecordedWorkflow(load(artifacts("clerk"), ask_person=person), store)
    (run,) = again.unfinished()
    outcome = again.resume(run)
    assert outcome.output is not None
    assert (asked, again.unfinished()) == (["ask_clerk"], [])


def test_a_run_goes_on_only_with_its_own_version(pure: RecordedWorkflow, clerk: RecordedWorkflow) -> None:
    outcome = clerk.run(CASE)
    with pytest.raises(StoreError, match="belongs to artifact"):
        pure.resume(outcome.run_id)
    with pytest.raises(StoreError, match="no run"):
        pure.resume("nothing-00")


@pytest.mark.parametrize(
    "run",
    [
        "plain",
        "order-1",
        "order-01",
        "order-zz",
        "x-" + "f" * 20,
        "x-80000000",
        "retention-00000001",
        "label-a-00000001",
    ],
)
def test_an_id_that_the_log_has_no_place_of_its_own_for_is_refused_before_anything_is_done(
    pure: RecordedWorkflow, clerk: RecordedWorkflow, run: str
) -> None:
    for recorded in (pure, clerk):
        with pytest.raises(InputError, match="no id of a run"):
            recorded.run(CASE, run=run)
    assert list(pure.store.audit.records(run)) == []
    assert clerk.unfinished() == []
    assert pure.store.audit.verify().problems == ()


def test_a_decision_is_taken_only_with_the_artifact_that_the_run_began_with(
    pure: RecordedWorkflow, clerk: RecordedWorkflow
) -> None:
    run = clerk.run(CASE).run_id
    for approve, answer in ((False, None), (True, {"permit": "YES"}), (True, {"fee": 1, "greeting": "Dear Eve"})):
        with pytest.raises(StoreError, match="belongs to artifact"):
            decide(pure, f"{run}.0", approve=approve, by="Eve", why="why not", answer=answer)
    assert [one["state"] for one in list_reviews(clerk.store)] == ["open"]
    outcome = decide(clerk, f"{run}.0", approve=True, by="Eve", why="fits", answer={"permit": "YES"})
    assert outcome is not None


def test_a_run_has_one_record(clerk: RecordedWorkflow) -> None:
    clerk.run(CASE, run="mine-00000001")
    with pytest.raises(StoreError, match="in the store already"):
        clerk.run(CASE, run="mine-00000001")


def test_two_who_resume_a_run_carry_its_step_out_once(store: Store, artifacts: Callable[[str], Path], url: str) -> None:
    asked: list[str] = []
    inside, let_go = threading.Event(), threading.Event()

    def slow(step: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        asked.append(step)
        inside.set()
        assert let_go.wait(20)
        return {"permit": "YES"}

    def killed(step: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        RecordedWorkflow(load(artifacts("clerk"), ask_person=killed), store).run(CASE, run="mine-00000001")
    outcomes: list[Any] = []
    first = RecordedWorkflow(load(artifacts("clerk"), ask_person=slow), store)
    thread = threading.Thread(target=lambda: outcomes.append(first.resume("mine-00000001")))
    thread.start()
    assert inside.wait(20)
    with Store.open(url, KEY) as other:
        second = RecordedWorkflow(load(artifacts("clerk"), ask_person=slow), other)
        with pytest.raises(StoreError, match="under way in another process"):
            second.resume("mine-00000001")
    let_go.set()
    thread.join()
    assert (asked, [outcome.status for outcome in outcomes]) == (["ask_clerk"], ["completed"])
    with pytest.raises(StoreError, match="is ended"):
        first.resume("mine-00000001")


def test_a_run_is_let_go_by_whoever_held_it(store: Store, url: str, tmp_path: Path) -> None:
    for _ in range(3):
        with alone(store.engine, "mine-00000001"), Store.open(url, KEY) as other, alone(other.engine, "mine-00000002"):
            pass
    assert not list(tmp_path.glob("*.lock"))
