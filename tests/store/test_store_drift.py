"""The drift monitor: silent where runs look like the cases, loud where they do not, and blind to what is labelled."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from ingot.cli.drift import drift_command
from ingot.compile.driver import check
from ingot.models.bounded import ask_with
from ingot.models.model import Completion
from ingot.models.scripted import Scripted
from ingot.runtime.run import load
from ingot.spec import Spec, parse_spec
from ingot.store.answers import StoreAnswers
from ingot.store.drift import drift, psi
from ingot.store.keys import store_key
from ingot.store.reviews import decide, list_reviews
from ingot.store.runs import RecordedWorkflow, opened
from ingot.store.store import Store
from ingot.usage import Usage

SPEC = """
metadata: {name: fees, owner: clerk}
inputs:
  zone: {type: enum, values: [A, B, C]}
  amount: decimal
  who: {type: text?, sensitive: phi}
outputs: {fee: decimal}
logic_requirements:
  - {step: compute, type: function, intent: A tenth., inputs: [amount], outputs: {fee: decimal}}
drift: {window: 500, psi: 0.2, escalation: 0.1}
"""
DIGEST = "d" * 64


def cases(seed: int, count: int, zones: str = "AAB", top: int = 100) -> list[dict[str, Any]]:
    draw = random.Random(seed)
    rows = []
    for _ in range(count):
        amount = draw.randrange(top)
        given = {"zone": draw.choice(zones), "amount": str(amount), "who": draw.choice([None, "Ann"])}
        rows.append({"input": given, "expected": {"fee": str(amount / 10)}})
    return rows


def spec(count: int = 200) -> Spec:
    return parse_spec(SPEC, cases=[{"id": f"c{n}", **row} for n, row in enumerate(cases(1, count))])


def records(rows: list[dict[str, Any]], **more: Any) -> list[dict[str, Any]]:
    return [
        {
            "kind": "run", "digest": DIGEST, "run": f"r-{n}", "status": "completed",
            "input": {**row["input"], "who": row["input"]["who"] and "<phi>"}, "output": row["expected"], **more,
        }
        for n, row in enumerate(rows)
    ]  # fmt: skip


def test_runs_like_the_cases_raise_no_alarm() -> None:
    loud = sum(drift(records(cases(seed, 300)), DIGEST, spec()).alarms for seed in range(2, 22))
    assert loud == 0


def test_other_values_alarm_by_field() -> None:
    found = drift(records(cases(2, 300, zones="CCB")), DIGEST, spec())
    assert [one.field for one in found.shifts if one.alarms] == ["zone"]
    found = drift(records(cases(2, 300, top=300)), DIGEST, spec())
    assert [(one.where, one.field) for one in found.shifts if one.alarms] == [("input", "amount"), ("output", "fee")]


def test_of_a_labelled_field_only_nulls_count() -> None:
    rows = records(cases(2, 300))
    (who,) = [one for one in drift(rows, DIGEST, spec()).shifts if one.field == "who"]
    assert (who.by, who.bins) == ("nulls", 2)
    gone = [{**one, "input": {**one["input"], "who": None}} for one in rows]
    assert [one.field for one in drift(gone, DIGEST, spec()).shifts if one.alarms] == ["who"]


def test_few_runs_raise_no_alarm_and_the_window_slides() -> None:
    few = records(cases(2, 3, zones="C"))
    assert not drift(few, DIGEST, spec(6)).alarms
    old, new = records(cases(2, 600, zones="CCB")), records(cases(3, 500))
    renamed = [{**one, "run": f"n-{n}"} for n, one in enumerate(new)]
    assert drift(old, DIGEST, spec()).alarms
    found = drift([*old, *renamed], DIGEST, spec())
    assert (found.runs, found.alarms) == (500, False)
    assert drift(old, "e" * 64, spec()).runs == 0


def test_the_first_runs_can_be_the_baseline() -> None:
    settings = spec().drift.model_copy(update={"baseline": "first"})
    rows = [{**one, "run": f"n-{n}"} for n, one in enumerate(records([*cases(2, 500, "CCB"), *cases(3, 500, "CCB")]))]
    assert not drift(rows, DIGEST, spec(), settings).alarms


def test_escalations_and_refused_answers_alarm() -> None:
    asked = {"step": "x", "kind": "model", "ended": "invalid"}
    rows = records(cases(2, 100), usage={"calls": [asked, {**asked, "ended": "answered"}]})
    for row in rows[:15]:
        row["review"] = {"step": "x", "reason": "y", "proposed": None}
    rates = {one.name: one for one in drift(rows, DIGEST, spec()).rates}
    assert (rates["runs that went to a person"].share, rates["model answers refused"].share) == (0.15, 0.5)
    assert all(one.alarms for one in rates.values())


def test_a_run_that_waited_counts_once() -> None:
    rows = records(cases(2, 40))
    waited = [{**one, "review": {"step": "x", "reason": "y", "proposed": None}, "output": None} for one in rows]
    found = drift([*waited, *rows], DIGEST, spec())
    assert (found.runs, found.rates[0].hits) == (40, 40)


def test_calls_that_both_records_of_a_run_tell_of_count_once() -> None:
    first = {"step": "x", "kind": "model", "ended": "answered", "attempt": 1}
    rows = records(cases(2, 1), usage={"calls": [first, {**first, "step": "y", "ended": "invalid"}]})
    again = records(cases(2, 1), usage={"calls": [first]})
    refused = drift([*rows, *again], DIGEST, spec()).rates[1]
    assert (refused.hits, refused.count) == (1, 2)


def test_equal_counts_have_an_index_of_nothing() -> None:
    assert psi({"a": 10, "b": 20}, {"a": 10, "b": 20}) == 0
    assert psi({"a": 10, "b": 20}, {"a": 20, "b": 10}) > 0.3


# ---- from a run to the table -------------------------------------------------------------------------------------

BOUNDED = """
metadata: {name: mail, owner: clerk}
inputs: {note: {type: text, sensitive: phi}, days: integer}
outputs: {fee: integer}
logic_requirements:
  - step: read_note
    type: bounded_invocation
    intent: Read the count.
    inputs: [note]
    schema: {number: integer}
    cache: true
  - {step: compute, type: function, intent: Days times the count., inputs: [days, number], outputs: {fee: integer}}
cases:
  - {id: a, input: {note: one, days: 2}, steps: {read_note: {number: 1}}, expected: {fee: 2}}
  - {id: b, input: {note: two, days: 3}, steps: {read_note: {number: 2}}, expected: {fee: 6}, held_out: true}
"""
LOGIC = "def compute(days: int, number: int) -> int:\n    return days * number  # C1\n"


@pytest.fixture(scope="module")
def mail(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("mail")
    (folder / "mail.yaml").write_text(BOUNDED, encoding="utf-8")
    checked = check(folder / "mail.yaml", LOGIC, author="test", out=folder / "out")
    assert checked.path, [str(finding) for finding in checked.attempts[0].findings]
    return checked.path


def test_usage_is_in_the_record_answers_are_kept_sealed_and_the_command_reads_both(mail: Path, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 's.db'}"
    model = Scripted(["no", '{"number": 4}'], name="local:tiny")
    with Store.open(url, store_key()) as store:
        recorded = RecordedWorkflow(load(mail, ask_model=ask_with(model)), store)
        note = "Patient Zebedee Quux, four"
        first, second = (recorded.run({"note": note, "days": 2}) for _ in range(2))
        assert first.output == second.output == {"fee": 8}
        assert [one.ended for one in (*first.calls, *second.calls)] == ["invalid", "answered", "kept"]
        told = [opened(one, store)["usage"] for one in store.audit.records()]
        assert [len(one["calls"]) for one in told] == [2, 1]
        assert told[0]["requests"] == 2
        assert told[0]["cost_usd"] == "0"
        assert StoreAnswers(store).get("0" * 64) is None
    assert b"Zebedee" not in b"".join(path.read_bytes() for path in tmp_path.glob("s.db*"))
    ran = CliRunner().invoke(drift_command, [str(mail), "--store", url])
    assert ran.exit_code == 0, ran.output
    assert "model answers refused: 1 of 2" in ran.output
    ran = CliRunner().invoke(drift_command, [str(mail), "--store", url, "--json"])
    assert json.loads(ran.output)["runs"] == 2


def test_a_run_that_waited_keeps_what_its_calls_used(mail: Path, tmp_path: Path) -> None:
    with Store.open(f"sqlite:///{tmp_path / 's.db'}", store_key()) as store:
        recorded = RecordedWorkflow(load(mail, ask_model=ask_with(Scripted(["no", "no"]))), store)
        outcome = recorded.run({"note": "x", "days": 2})
        assert outcome.status == "needs_review"
        (record,) = store.audit.records(outcome.run_id)
        assert [one["ended"] for one in record["usage"]["calls"]] == ["invalid", "invalid"]


TWICE = BOUNDED.replace(
    "  - {step: compute,",
    """  - step: read_days
    type: bounded_invocation
    intent: Read the days.
    inputs: [note]
    schema: {more: integer}
    retries: 0
    budget: {run: {tokens: BUDGET}}
  - {step: compute,""",
).replace("inputs: [days, number]", "inputs: [days, number, more]").replace(
    "steps: {read_note: {number: 1}}", "steps: {read_note: {number: 1}, read_days: {more: 0}}"
).replace("steps: {read_note: {number: 2}}", "steps: {read_note: {number: 2}, read_days: {more: 0}}")  # fmt: skip


@pytest.mark.parametrize(("budget", "asked"), [(100_000, 3), (5_000, 2)])
def test_what_a_step_spent_before_a_person_answered_it_stays_spent(tmp_path: Path, budget: int, asked: int) -> None:
    (tmp_path / "mail.yaml").write_text(TWICE.replace("BUDGET", str(budget)), encoding="utf-8")
    code = "def compute(days: int, number: int, more: int) -> int:\n    return days * number + more  # C1\n"
    checked = check(tmp_path / "mail.yaml", code, author="test", out=tmp_path / "out")
    assert checked.path, [str(finding) for finding in checked.attempts[0].findings]
    model = Scripted([Completion("no", "local:tiny", Usage(2_000, 500, 1))] * 2 + ['{"more": 1}'], name="local:tiny")
    with Store.open(f"sqlite:///{tmp_path / 's.db'}", store_key()) as store:
        recorded = RecordedWorkflow(load(checked.path, ask_model=ask_with(model)), store)
        assert recorded.run({"note": "x", "days": 2}).status == "needs_review"
        (review,) = list_reviews(store)
        outcome = decide(recorded, review["review"], approve=True, by="Ben", why="read it", answer={"number": 4})
        assert outcome is not None
        assert outcome.output == ({"fee": 9} if asked == 3 else None)
        assert len(model.requests) == asked
        assert [one.ended for one in outcome.calls][:2] == ["invalid", "invalid"]
