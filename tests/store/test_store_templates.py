"""Workflows of the validator and the stream template with a store."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from ingot.compile.driver import check
from ingot.errors import InputError
from ingot.runtime.lines import run_stream
from ingot.runtime.run import Outcome, load
from ingot.store.reviews import decide, show_review
from ingot.store.runs import RecordedWorkflow, replay
from ingot.store.store import Store

SPEC = """
plan: {{template: {template}}}
metadata: {{name: {template}, owner: clerk}}
inputs: {{name: {{type: text, sensitive: phi}}, months: integer}}
outputs: {{fee: integer}}
logic_requirements:
  - step: book
    type: module
    module: database.execute
    with: {{url_env: EFFECTS_DB, sql: "INSERT INTO effects (name) VALUES (:name) RETURNING 1 AS booked"}}
    inputs: [name]
    outputs: {{booked: integer}}
  - {{step: compute, type: function, intent: Months times booked., inputs: [months, booked], outputs: {{fee: integer}}}}
cases:
  - {{id: a, input: {{name: Ann, months: 2}}, steps: {{book: {{booked: 1}}}}, expected: {{fee: 2}}}}
  - {{id: b, input: {{name: Bob, months: 3}}, steps: {{book: {{booked: 2}}}}, expected: {{fee: 6}}, held_out: true}}
"""
LOGIC = "def compute(months: int, booked: int) -> int:\n    return months * booked\n"
CASE = {"name": "Planted Quux", "months": 2}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("templates")


def made(folder: Path, template: str) -> Path:
    spec = folder / f"{template}.yaml"
    spec.write_text(SPEC.format(template=template), encoding="utf-8")
    checked = check(spec, LOGIC, author="test", out=folder / "out")
    assert checked.path, [str(finding) for finding in checked.attempts[0].findings]
    return checked.path


@pytest.fixture
def effects(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A database for the module step, without its table."""
    monkeypatch.setenv("EFFECTS_DB", f"sqlite:///{tmp_path / 'effects.db'}")
    (tmp_path / "effects.db").touch()
    return tmp_path / "effects.db"


def with_table(effects: Path) -> None:
    with closing(sqlite3.connect(effects)) as database:
        database.execute("CREATE TABLE effects (name TEXT)")


def last(store: Store, run: str) -> Mapping[str, Any]:
    return [one for one in store.audit.records(run) if one["kind"] == "run"][-1]


def test_where_a_validators_step_fails_a_person_gives_the_outputs(folder: Path, store: Store, effects: Path) -> None:
    workflow = load(made(folder, "validator"))
    recorded = RecordedWorkflow(workflow, store)
    run = recorded.run(CASE).run_id
    held = show_review(store, f"{run}.0")
    assert (held.step, held.reason, held.input, held.proposed) == ("validator", "no outcome: StepError", CASE, None)
    assert replay(last(store, run), workflow, store).same
    with_table(effects)
    assert replay(last(store, run), workflow, store).same, "nothing is carried out again"
    with pytest.raises(InputError, match="approving needs an answer"):
        decide(recorded, held.review, approve=True, by="Kim", why="by hand")
    assert decide(recorded, held.review, approve=True, by="Kim", why="by hand", answer={"fee": 7}) is None
    assert show_review(store, held.review).answer == {"fee": 7}
    ended = recorded.run(CASE)
    assert (ended.status, ended.output) == ("completed", {"fee": 2})
    assert replay(last(store, ended.run_id), workflow, store).same
    assert store.audit.verify().problems == ()


def test_every_line_of_a_stream_is_recorded_before_it_is_answered(folder: Path, store: Store, effects: Path) -> None:
    with_table(effects)
    workflow = load(made(folder, "stream"))
    recorded = RecordedWorkflow(workflow, store)
    lines: list[str] = []
    answered: list[int] = []

    def transact(case: Mapping[str, Any]) -> Outcome:
        answered.append(store.audit.count()[1])
        return recorded.run(case)

    rows = iter(['{"name": "Quux", "months": 2}\n', '{"name": "Quux"}\n', '{"name": "Quux", "months": 3}\n'])
    assert run_stream(workflow, rows, lines.append, transact=transact) == (3, 1)
    assert answered == [0, 1, 1], "the line that does not fit is no run"
    told = [json.loads(one) for one in lines]
    assert [one.get("output") for one in told] == [{"fee": 2}, None, {"fee": 3}]
    for one in (told[0], told[2]):
        assert replay(last(store, one["run_id"]), workflow, store).same
