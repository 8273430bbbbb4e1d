"""What a model's tokens stand for: kept sealed before the model sees them, the same after a kill, gone with the run."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import text

from ingot.compile.driver import check
from ingot.errors import StoreError
from ingot.gates import restore
from ingot.runtime.bounded import Question, Reply
from ingot.runtime.run import Workflow, load
from ingot.store.database import reading, writing
from ingot.store.redactions import redactions_of
from ingot.store.retention import prune
from ingot.store.runs import RecordedWorkflow, replay
from ingot.store.store import Store

SPEC = """
metadata: {name: letters, owner: clerk}
inputs: {patient: {type: text, sensitive: phi}, note: text}
outputs: {greeting: {type: text, sensitive: phi}}
logic_requirements:
  - step: first
    type: bounded_invocation
    intent: Copy the name.
    inputs: [patient, note]
    schema: {who: {type: text, sensitive: phi}}
  - step: second
    type: bounded_invocation
    intent: Copy the name again.
    inputs: [who, note]
    schema: {again: {type: text, sensitive: phi}}
  - {step: compute, type: function, intent: Greet., inputs: [again], outputs: {greeting: {type: text, sensitive: phi}}}
cases:
  - {id: a, input: {patient: A, note: b}, steps: {first: {who: A}, second: {again: A}}, expected: {greeting: Dear A}}
  - {id: b, input: {patient: C, note: d}, steps: {first: {who: C}, second: {again: C}}, expected: {greeting: Dear C}, held_out: true}
"""
LOGIC = 'def compute(again: str) -> str:\n    return "Dear " + again\n'
CASE = {"patient": "Planted Quux", "note": "planted quux, b. 1970, rang"}

CHILD = """
import os, signal, sys
from pathlib import Path
from tests.store.conftest import KEY
from tests.store.test_store_redactions import CASE, asked, load
from ingot.store.runs import RecordedWorkflow
from ingot.store.store import Store

artifact, url, out = sys.argv[1:]
answer = asked(seen := [])

def ask(question):
    reply = answer(question)
    if len(seen) == 2:
        Path(out).write_text("\\n".join(seen))
        os.kill(os.getpid(), signal.SIGKILL)
    return reply

with Store.open(url, KEY) as store:
    RecordedWorkflow(load(artifact, ask_model=ask), store).run(CASE, run="mine-00000001")
"""


def asked(seen: list[str]) -> Callable[[Question], Reply]:
    """A model that copies the first value that it is shown; `seen` is what it was shown, without the mark around it."""

    def ask(question: Question) -> Reply:
        seen.append(question.material.split("\n")[1])
        shown = json.loads(seen[-1])
        name = "who" if "patient" in shown else "again"
        return Reply(json.dumps({name: shown.get("patient") or shown["who"]}), "local:tiny")

    return ask


@pytest.fixture(scope="module")
def letters(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("letters")
    (folder / "letters.yaml").write_text(SPEC, encoding="utf-8")
    checked = check(folder / "letters.yaml", LOGIC, author="test", out=folder / "out")
    assert checked.path, [str(finding) for finding in checked.attempts[0].findings]
    return checked.path


def loaded(letters: Path, seen: list[str]) -> Workflow:
    return load(letters, ask_model=asked(seen))


def test_who_has_the_secret_can_tell_what_a_model_saw(letters: Path, store: Store) -> None:
    seen: list[str] = []
    outcome = RecordedWorkflow(loaded(letters, seen), store).run(CASE)
    assert outcome.output == {"greeting": "Dear Planted Quux"}
    assert "quux" not in "".join(seen).lower()
    tokens = redactions_of(store, outcome.run_id)
    assert json.loads(restore(seen[0], tokens)) == CASE
    assert json.loads(restore(seen[1], tokens))["who"] == "Planted Quux"
    first, second = (json.loads(one) for one in seen)
    assert first["patient"] != second["who"], "what one step's model saw is no token of the next step"
    with reading(store.engine) as connection:
        rows = repr(connection.execute(text("SELECT * FROM ingot_redactions")).all())
    assert "Quux" not in rows
    (record,) = store.audit.records(outcome.run_id)
    assert replay(record, loaded(letters, []), store).same


def test_a_run_that_was_killed_goes_on_with_the_same_tokens(
    letters: Path, store: Store, url: str, tmp_path: Path
) -> None:
    out = tmp_path / "seen"
    done = subprocess.run([sys.executable, "-c", CHILD, letters, url, out], check=False, cwd=Path(__file__).parents[2])
    assert done.returncode == -signal.SIGKILL
    before = redactions_of(store, "mine-00000001")
    seen: list[str] = []
    outcome = RecordedWorkflow(loaded(letters, seen), store).resume("mine-00000001")
    assert outcome.output == {"greeting": "Dear Planted Quux"}
    assert out.read_text().split("\n")[1:] == seen, "the second step alone, byte for byte what it was"
    assert redactions_of(store, "mine-00000001") == before


def test_where_tokens_cannot_be_kept_no_model_is_asked(letters: Path, store: Store) -> None:
    with writing(store.engine) as connection:
        connection.execute(text("ALTER TABLE ingot_redactions RENAME TO away"))
    seen: list[str] = []
    with pytest.raises(StoreError):
        RecordedWorkflow(loaded(letters, seen), store).run(CASE)
    assert seen == []


def test_tokens_go_with_their_run(letters: Path, store: Store) -> None:
    run = RecordedWorkflow(loaded(letters, []), store).run(CASE).run_id
    assert prune(store, "9999-01-01T00:00:00Z").runs == 1
    assert redactions_of(store, run) == {}
    with reading(store.engine) as connection:
        assert connection.execute(text("SELECT count(*) FROM ingot_redactions")).scalar() == 0
