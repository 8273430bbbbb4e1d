"""A program that raises on an input that nobody tried: the row fails, is recorded, and keeps no other from running."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from ingot.compile.driver import check
from ingot.edges.batch import run_batch
from ingot.errors import OutputError, StoreError
from ingot.runtime.run import load
from ingot.store.runs import RecordedWorkflow
from ingot.store.store import Store

SPEC = """
metadata: {{name: sums, owner: clerk}}
inputs: {{a: {{type: integer, range: [0, 100000000]}}, b: {{type: integer, range: [0, 100000000]}}}}
outputs: {{out: integer}}
clauses: [{{id: C1, text: More for more.}}]
logic_requirements:
{before}  - {{step: compute, type: function, intent: More for more., inputs: [a, b{more}], outputs: {{out: integer}}}}
cases:
  - {{id: a, input: {{a: 1, b: 2}}, {steps}expected: {{out: 18}}}}
  - {{id: c, input: {{a: 60, b: 2}}, {steps}expected: {{out: 15}}}}
  - {{id: d, input: {{a: 60, b: 70}}, {steps}expected: {{out: 16}}}}
  - {{id: b, input: {{a: 2, b: 2}}, {steps}expected: {{out: 18}}, held_out: true}}
"""
CLERK = """  - step: ask_clerk
    type: human_review
    intent: May it go on?
    inputs: [a]
    outputs: {permit: {type: enum, values: [YES]}}
"""
LOGIC = """def compute(a: int, b: int{more}) -> int:
    out = 1 if a > 50 else 2  # C1
    if b > 50:
        out += 1
    else:
        out += 2
    if a > b:
        out += 5
    else:
        out += 6
    if a > 2 * b:
        out += 7
    else:
        out += 8
{rare}
    return out  # C1
"""
RARE = "(a * 7 + b * 13) % 99991 == 12345"
BAD = {"a": 44615, "b": 1}
CODE = {
    "UnboundLocalError": f"    if not {RARE}:\n        kept = out\n    out = kept",
    "RuntimeError": f"    seen = {{1: 1}}\n    for one in seen:\n        if {RARE}:\n            seen[a] = one",
    "Exception": f'    if {RARE}:\n        raise Exception("x")',
}


def made(folder: Path, name: str, *, clerk: bool = False) -> Path:
    spec = folder / "sums.yaml"
    steps = "steps: {ask_clerk: {permit: YES}}, " if clerk else ""
    text = SPEC.format(before=CLERK if clerk else "", more=", permit" if clerk else "", steps=steps)
    spec.write_text(text, encoding="utf-8")
    logic = LOGIC.format(more=", permit: Literal['YES']" if clerk else "", rare=CODE[name])
    checked = check(spec, logic, author="test", out=folder / "out")
    assert checked.path, [str(finding) for finding in checked.attempts[0].findings]
    return checked.path


@pytest.mark.parametrize("name", CODE)
def test_whatever_a_program_raises_fails_its_row_alone(tmp_path: Path, store: Store, name: str) -> None:
    workflow = load(made(tmp_path, name))
    assert (BAD["a"] * 7 + BAD["b"] * 13) % 99991 == 12345
    with pytest.raises(OutputError, match=f"the program raised {name}"):
        workflow.run(BAD)
    source = tmp_path / "in.jsonl"
    source.write_text("".join(json.dumps(row) + "\n" for row in ({"a": 1, "b": 2}, BAD, {"a": 60, "b": 2})))
    report = run_batch(workflow, source, tmp_path / "out.jsonl", workers=1, store=store)
    assert (report.rows, report.failed) == (3, 1)
    assert [record["status"] for record in store.audit.records()] == ["completed", "failed", "completed"]


def test_a_program_with_steps_that_raises_is_recorded_as_failed(tmp_path: Path, store: Store) -> None:
    path = made(tmp_path, "UnboundLocalError", clerk=True)
    recorded = RecordedWorkflow(load(path, ask_person=lambda *_: {"permit": "YES"}), store)
    assert recorded.run({"a": 1, "b": 2}).output == {"out": 18}
    with pytest.raises(OutputError, match="the program raised UnboundLocalError"):
        recorded.run(BAD)
    assert [record["status"] for record in store.audit.records()] == ["completed", "failed"]
    assert recorded.unfinished() == []


def test_a_store_that_fails_stops_the_batch_and_no_row_is_told_as_failed(tmp_path: Path, store: Store) -> None:
    path = made(tmp_path, "Exception", clerk=True)
    database = str(store.engine.url.database)
    asked: list[int] = []

    def change(statement: str) -> None:
        with sqlite3.connect(database) as connection:
            connection.execute(statement)

    def ask(_: str, arguments: Mapping[str, Any]) -> dict[str, str]:
        asked.append(arguments["a"])
        if len(asked) == 3:
            change("ALTER TABLE ingot_steps RENAME TO away")
        return {"permit": "YES"}

    source, out = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    source.write_text("".join(json.dumps({"a": number, "b": 0}) + "\n" for number in range(5)), encoding="utf-8")
    workflow = load(path, ask_person=ask)
    with pytest.raises(StoreError, match="keep what step 'ask_clerk' gave"):
        run_batch(workflow, source, out, workers=1, store=store)
    change("ALTER TABLE away RENAME TO ingot_steps")
    report = run_batch(workflow, source, out, workers=1, store=store)
    assert (report.rows, report.failed) == (5, 0)
    assert asked == [0, 1, 2, 2, 3, 4]
    assert [record["status"] for record in store.audit.records()] == ["completed"] * 5
