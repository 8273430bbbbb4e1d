"""Inputs as they are kept: what is recorded fits when it is run again, and what does not fit is never written out."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from ingot.compile.driver import check
from ingot.edges.batch import run_batch
from ingot.edges.http_errors import Refused
from ingot.edges.http_reviews import _known
from ingot.errors import InputError
from ingot.runtime.lines import read_row
from ingot.runtime.run import Workflow, load
from ingot.store.reviews import decide, list_reviews
from ingot.store.runs import RecordedWorkflow, opened, replay
from ingot.store.store import Store

INPUTS = """
  heat: float
  more: {type: list, items: {type: float}}
  place: {type: object, fields: {north: float, name: "text?"}}
"""
SPEC = """
metadata: {{name: {name}, owner: clerk}}
inputs:{inputs}outputs: {{sum: float}}
clauses: [{{id: C1, text: Heat and north together.}}]
logic_requirements:
{before}  - step: compute
    type: function
    intent: Heat and north together{more}.
    inputs: [heat, place{more}]
    outputs: {{sum: float}}
cases:
  - {{id: a, input: {{heat: 0.5, more: [], place: {{north: 1.5}}}}, {steps}expected: {{sum: 2.0}}}}
  - {{id: b, input: {{heat: 2, more: [1.5], place: {{north: 1.0}}}}, {steps}expected: {{sum: 3.0}}, held_out: true}}
"""
CLERK = """  - step: ask_clerk
    type: human_review
    intent: May it go on?
    inputs: [heat]
    outputs: {permit: {type: enum, values: [YES]}}
"""
LOGIC = """def compute(heat: float, place: Place{more}) -> float:
    return heat + place["north"]  # C1
"""
LINE = '{"heat": 0.25, "more": [0.5, 2], "place": {"north": 1.50}}'

Make = Callable[[bool], Workflow]


@pytest.fixture(scope="module")
def warm(tmp_path_factory: pytest.TempPathFactory) -> Make:
    folder = tmp_path_factory.mktemp("warm")

    def make(clerk: bool) -> Workflow:
        spec = folder / f"{clerk}.yaml"
        text = SPEC.format(
            name="asked" if clerk else "warm", inputs=INPUTS, before=CLERK if clerk else "", more=", permit" * clerk,
            steps="steps: {ask_clerk: {permit: YES}}, " if clerk else "",
        )  # fmt: skip
        spec.write_text(text, encoding="utf-8")
        logic = LOGIC.format(more=", permit: Literal['YES']" if clerk else "")
        checked = check(spec, logic, author="test", out=folder / "out")
        assert checked.path, [str(finding) for finding in checked.attempts[0].findings]
        return load(checked.path)

    return make


def test_a_number_of_a_float_field_is_kept_as_one_and_replays(warm: Make, store: Store) -> None:
    workflow = warm(False)
    recorded = RecordedWorkflow(workflow, store)
    outcome = recorded.run(read_row(LINE))
    (record,) = store.audit.records(outcome.run_id)
    assert record["input"] == json.loads(LINE)
    assert record["input_digest"] == recorded.records.input_digest(read_row(LINE))
    assert replay(record, workflow, store).same


def test_a_workflow_with_steps_takes_a_float_as_json_has_it(warm: Make, store: Store, tmp_path: Path) -> None:
    recorded = RecordedWorkflow(warm(True), store)
    assert recorded.run(read_row(LINE)).status == "needs_review"
    source = tmp_path / "in.jsonl"
    source.write_text(LINE + "\n", encoding="utf-8")
    report = run_batch(recorded.workflow, source, tmp_path / "out.jsonl", workers=1, store=store)
    assert (report.failed, report.reviews) == (0, 1)
    for review in list_reviews(store):
        done = decide(recorded, str(review["review"]), approve=True, by="Kim", why="warm", answer={"permit": "YES"})
        assert done is not None
        assert done.output == {"sum": 1.75}
        assert opened(next(store.audit.records(done.run_id)), store)["input"] == json.loads(LINE)


@pytest.mark.parametrize(
    "rate", ["1e900000000", "1e-900000000", "1e99999999999", "[" * 900 + "]" * 900, "9" * 4200], ids=lambda one: one[:6]
)
def test_what_does_not_fit_is_refused_before_it_is_written_out(
    clerk: RecordedWorkflow, tmp_path: Path, rate: str
) -> None:
    line = '{"name": "Ann", "months": 2, "rate": @}'
    source = tmp_path / "in.jsonl"
    source.write_text("".join(line.replace("@", one) + "\n" for one in ("1.10", rate, "2")), encoding="utf-8")
    report = run_batch(clerk.workflow, source, tmp_path / "out.jsonl", workers=1, store=clerk.store)
    assert (report.rows, report.failed, report.reviews) == (3, 1, 2)
    with pytest.raises(InputError):
        clerk.run(read_row(line.replace("@", rate)))
    assert clerk.unfinished() == []


@pytest.mark.parametrize(
    ("by", "why", "place"),
    [("K\udcff", "w", "by"), ("K\nL", "w", "by"), ("K" * 201, "w", "by"), ("K", "\ud800", "why")],
)
def test_a_decision_that_cannot_be_kept_leaves_the_review_open(
    clerk: RecordedWorkflow, by: str, why: str, place: str
) -> None:
    clerk.run({"name": "Ann", "months": 2, "rate": "1.10"})
    (review,) = list_reviews(clerk.store)
    with pytest.raises(InputError) as caught:
        decide(clerk, str(review["review"]), approve=True, by=by, why=why, answer={"permit": "YES"})
    assert caught.value.place == place
    assert len(list_reviews(clerk.store)) == 1


@pytest.mark.parametrize("review", ["\0", "x" * 65, "\ud800", "nobody-00000001.0"])
def test_a_review_that_no_database_could_have_is_not_there(store: Store, review: str) -> None:
    with pytest.raises(Refused) as caught:
        _known(store, review)
    assert caught.value.status == 404
