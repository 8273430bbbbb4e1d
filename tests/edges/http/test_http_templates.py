"""Workflows of the stream and the validator template at every way in: the same answers, and nothing broken passed on."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from ingot.compile.driver import check
from ingot.edges.http_shelf import Shelf
from ingot.edges.mcp_tools import Answer, workflow_tools
from ingot.store.reviews import list_reviews
from ingot.store.store import Store
from tests.edges.http.conftest import CASE, app_of, running

Make = Callable[..., Path]

DIVIDES = """
metadata: {name: shares, owner: clerk}
plan: {template: TEMPLATE}
inputs: {parts: {type: integer, range: [1, 90000]}}
outputs: {share: {type: decimal, places: 2}}
clauses: [{id: C1, text: "A hundred divided by the parts."}]
logic_requirements:
  - {step: divide, type: function, intent: C1., clauses: [C1], inputs: [parts], outputs: {share: {type: decimal, places: 2}}}
  - {step: look, type: human_review, intent: A person looks., when: share > 90, inputs: [share]}
cases:
  - {id: four, input: {parts: 4}, expected: {share: 25}}
  - {id: one, input: {parts: 1}, steps: {look: {}}, expected: {share: 100}, held_out: true}
thresholds: {mutation_score: 0, branch_coverage: 0}
"""
LOGIC = """def divide(parts: int) -> Decimal:
    if parts * 7919 % 100003 == 55096:
        return Decimal("0.125")  # C1
    return (Decimal(100) / parts).quantize(Decimal("0.01"), ROUND_HALF_UP)  # C1
"""


def dividing(folder: Path, template: str) -> Path:
    """A workflow that gives more places than its output may have where `parts` is 54321, which no stage comes upon."""
    spec = folder / "spec.yaml"
    spec.write_text(DIVIDES.replace("TEMPLATE", template), encoding="utf-8")
    checked = check(spec, LOGIC, author="test", out=folder / "artifacts")
    assert checked.path, [str(finding) for finding in checked.attempts[0].findings]
    return folder / "artifacts"


def tool(folder: Path, store: Store | None = None) -> Callable[[dict[str, object]], Answer]:
    shelf = Shelf([folder], store=store)
    shelf.load()
    (made,) = workflow_tools(shelf)
    return lambda case: made.call(case, "test")


@pytest.mark.parametrize("template", ["stream", "validator", "handler", "batch"])
def test_every_template_answers_one_item_and_many_as_any_other(make: Make, tmp_path: Path, template: str) -> None:
    """A request is one item of a stream, and a body of lines a stream that ends: answered in the order of its rows."""
    folder = make(tmp_path / "a", more=f"}}\nplan: {{template: {template}").parent
    wanted = {"fee": 0, "greeting": "Dear Ann"}
    rows = [{**CASE, "months": number % 13, "paid": False} for number in range(60)]
    with running(app_of(folder)) as client:
        assert client.post("/run", json=CASE).json()["output"] == wanted
        body = "\n".join(map(json.dumps, rows))
        told = client.post("/batch", content=body, headers={"content-type": "application/x-ndjson"})
        lines = [json.loads(line) for line in told.text.splitlines()]
    assert [(one["row"], one["output"]["fee"]) for one in lines] == [(at, at % 13 * 10) for at in range(60)]
    answer = tool(folder)(dict(CASE))
    assert answer.value is not None
    assert answer.value["output"] == wanted


def test_a_validator_hands_what_does_not_hold_to_a_person_at_every_way_in(tmp_path: Path, store: Store) -> None:
    folder = dividing(tmp_path, "validator")
    rows = '{"parts": 4}\n{"parts": 54321}\n{"parts": 1}\n'
    with running(app_of(folder, store)) as client:
        assert client.post("/run", json={"parts": 4}).json()["output"] == {"share": "25.00"}
        assert client.post("/run", json={"parts": 54321}).json()["status"] == "needs_review"
        told = client.post("/batch", content=rows, headers={"content-type": "application/x-ndjson"})
        assert [json.loads(line)["status"] for line in told.text.splitlines()] == [
            "completed", "needs_review", "needs_review",
        ]  # fmt: skip
    answer = tool(folder, store)({"parts": 54321})
    assert not answer.failed
    assert answer.value is not None
    assert (answer.value["status"], answer.value["output"]) == ("needs_review", None)
    assert answer.text.startswith("needs_review: a person must decide")
    assert len(list(list_reviews(store))) == 4


@pytest.mark.parametrize("template", ["stream", "handler"])
def test_the_others_fail_that_item_alone(tmp_path: Path, template: str) -> None:
    folder = dividing(tmp_path, template)
    rows = '{"parts": 4}\n{"parts": 54321}\n{"parts": 5}\n'
    with running(app_of(folder)) as client:
        assert client.post("/run", json={"parts": 54321}).status_code == 500
        told = client.post("/batch", content=rows, headers={"content-type": "application/x-ndjson"})
        lines = [json.loads(line) for line in told.text.splitlines()]
    assert [("output" in one, "error" in one) for one in lines] == [(True, False), (False, True), (True, False)]
    assert tool(folder)({"parts": 54321}).failed
