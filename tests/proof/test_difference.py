"""Which inputs change their outcome between two versions, and what is said where that cannot be known."""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from ingot.compile.compare import difference, version_of
from ingot.errors import StageError
from ingot.proof import pair as pairs
from ingot.proof.difference import Difference
from ingot.proof.replay import MOST_BAD, Replayed, replay
from ingot.proof.versions import Version

from .versions import verified

SPEC = """\
metadata: {name: fee, version: 1.0.0}
inputs:
  days: {type: integer, range: [0, 400]}
  kind: {type: enum, values: [private, business]}
  patient: {type: text, sensitive: phi, max_length: 20}
outputs:
  fee: {type: integer, range: [0, 100]}
clauses:
  C1: Within 10 days there is no fee.
  C2: After that a business pays 20.
  C3: After that a private customer pays 5.
logic_requirements:
  - step: charge
    type: deterministic_rule
    inputs: [days, kind]
    clauses: [C1, C2, C3]
"""
LOGIC = """\
def charge(days: int, kind: Literal["private", "business"]) -> int:
    if days <= 10:
        return 0  # C1
    if kind == "business":  # C2
        return 20
    return 5  # C3
"""
LOOPING = """\
def charge(days: int, kind: Literal["private", "business"]) -> int:
    text = kind.replace("private", "p")  # C3
    if days <= 10:
        return 0  # C1
    return 5 if text == "p" else 20  # C2, C3
"""


class Make:
    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __call__(self, logic: str = LOGIC, spec: str = SPEC) -> Version:
        return version_of(verified(self.folder, spec, logic))


@pytest.fixture
def make(tmp_path: Path) -> Make:
    return Make(tmp_path)


def compared(old: Version, new: Version) -> Difference:
    return difference(old, new, effort=40)


def test_a_boundary_moved_by_one_has_its_inputs_and_both_clauses(make: Make) -> None:
    found = compared(make(), make(LOGIC.replace("<= 10", "<= 11")))
    assert found.verdict == "differ"
    assert found.whole
    moved = {(one.old.clauses, one.new.clauses): one for one in found.changes}
    assert set(moved) == {(("C2",), ("C1",)), (("C3",), ("C1",))}
    for one in moved.values():
        assert one.proved
        assert one.witness.input["days"] == 11
        assert one.witness.new.output == {"fee": 0}


def test_a_refactor_is_proved_to_be_the_same(make: Make) -> None:
    other = """\
def charge(days: int, kind: Literal["private", "business"]) -> int:
    late = not days < 11
    if late and kind != "private":
        return 20  # C2
    return 5 if late else 0  # C1, C3
"""
    found = compared(make(), make(other))
    assert (found.verdict, found.how, found.changes) == ("same", "solver", ())
    assert not found.differs
    commented = compared(make(), make(LOGIC + "# a word\n"))
    assert (commented.verdict, commented.how) == ("same", "same code")


UNBOUNDED = """\
metadata: {name: sum, version: 1.0.0}
inputs: {n: decimal, m: decimal}
outputs: {fee: decimal}
clauses: {C1: The sum.}
logic_requirements: [{step: charge, type: deterministic_rule, inputs: [n, m], clauses: [C1]}]
"""
SUM = "def charge(n: Decimal, m: Decimal) -> Decimal:\n    return n * 2 + m  # C1\n"


def test_beyond_the_bounds_that_were_taken_nothing_is_called_proved(make: Make) -> None:
    hidden = SUM.replace("m  #", "m + bool(n * 7 == Decimal('35000000007.7') and m == Decimal('17.31'))  #")
    found = compared(make(SUM, UNBOUNDED), make(hidden, UNBOUNDED))
    assert (found.verdict, found.how, found.whole) == ("same", "solver", False)
    assert "every input the fields allow" not in found.sentence()
    assert "n between -1,000 and 1,000,000,000 with at most 6 decimal places" in found.sentence()
    assert "within the bounds" in found.why


def test_a_change_beyond_the_bounds_that_were_taken_is_a_change_and_no_fault(make: Make) -> None:
    far = SUM.replace("m  #", "m + bool(n > Decimal('5000000000'))  #")
    found = compared(make(SUM, UNBOUNDED), make(far, UNBOUNDED))
    assert (found.verdict, found.whole) == ("differ", False)
    assert "every one there is" not in found.sentence()


def test_what_the_solver_cannot_express_is_searched_and_never_called_the_same(make: Make) -> None:
    same = compared(make(LOOPING), make(LOOPING.replace("text", "word")))
    assert same.verdict == "none found"
    assert same.tried > 40
    assert "replace" in same.why
    apart = compared(make(LOOPING), make(LOOPING.replace("<= 10", "<= 12")))
    assert apart.verdict == "differ"
    assert not apart.whole
    assert 0 < apart.changed < apart.tried


def test_an_added_and_a_removed_clause_are_said_by_name(make: Make) -> None:
    longer = SPEC.replace("logic_req", "  C4: A business pays 40 after 90 days.\nlogic_req").replace(
        "[C1, C2, C3]", "[C1, C2, C3, C4]"
    )
    logic = LOGIC.replace("        return 20\n", "        return 40 if days > 90 else 20  # C2, C4\n")
    old, new = make(), make(logic, longer)
    found = compared(old, new)
    assert [str(one) for one in found.structure] == ["clause 'C4' added: A business pays 40 after 90 days."]
    assert found.changes[0].new.label == "C2, C4"
    assert found.changes[0].witness.input["days"] > 90
    back = compared(new, old)
    assert [(one.name, one.change) for one in back.structure] == [("C4", "removed")]
    assert back.changes[0].new.label == "C2", "a return that cites nothing rests on the test around it"


def test_inputs_and_outputs_that_only_one_version_has(make: Make) -> None:
    wider = (
        SPEC.replace("range: [0, 400]", "range: [0, 500]").replace("[private, business]", "[private, business, public]")
        .replace("  patient", "  rush: boolean\n  patient").replace("\nclauses:", "\n  note: {type: enum, values: [X, Y]}\nclauses:")
        .replace("inputs: [days, kind]", "inputs: [days, kind, rush]")
    )  # fmt: skip
    logic = """\
def charge(days: int, kind: Literal["private", "business", "public"], rush: bool) -> ChargeOutput:
    if days <= 10:
        return {"fee": 0, "note": "X"}  # C1
    if kind == "business":
        return {"fee": 20, "note": "Y"}  # C2
    return {"fee": 6 if rush else 5, "note": "X"}  # C3
"""
    found = compared(make(), make(logic, wider))
    named = {(one.part, one.name, one.change) for one in found.structure}
    assert {("input", "rush", "added"), ("output", "note", "added"), ("input", "days", "changed"),
            ("input value", "kind=public", "added")} <= named  # fmt: skip
    assert found.shared == ("fee",)
    assert {one.new.label for one in found.changes} == {"C3"}
    assert all(one.witness.input["rush"] is True for one in found.changes)
    assert all(one.witness.input["kind"] == "private" for one in found.changes)


def test_nothing_in_common_is_not_compared(make: Make) -> None:
    other = SPEC.replace("  fee: {type: integer, range: [0, 100]}", "  cost: {type: integer, range: [0, 100]}")
    found = compared(make(), make(LOGIC, other))
    assert found.verdict == "not compared"
    assert "no output in common" in found.why
    assert found.differs


def test_a_solver_that_runs_out_is_said_and_is_no_pass(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    unknown = pairs.Answer("unknown", why="the solver used up its steps")
    monkeypatch.setattr(pairs.Pair, "changes", lambda *_: iter([unknown]))
    found = compared(make(), make(LOGIC.replace("<= 10", "< 11")))
    assert (found.verdict, found.how, found.whole) == ("none found", "", False)
    assert found.why == "the solver used up its steps"


def test_a_solver_that_a_run_disproves_is_not_believed(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    old, new = make(), make(LOGIC.replace("<= 10", "<= 200"))
    with monkeypatch.context() as patch:
        patch.setattr(pairs.Pair, "changes", lambda *_: iter(()))
        with pytest.raises(StageError, match=r"a run of .* shows a change"):
            compared(old, new)
    right = next(iter(pairs.Pair(old.program, new.program).changes()))
    assert right.trial is not None
    wrong = replace(right, trial=replace(right.trial, input={**right.trial.input, "days": 5}))
    monkeypatch.setattr(pairs.Pair, "changes", lambda *_: iter([wrong]))
    with pytest.raises(StageError, match="shows no change"):
        compared(old, new)


def test_the_same_difference_has_the_same_digest(make: Make) -> None:
    old, new = make(), make(LOGIC.replace("<= 10", "<= 11"))
    assert compared(old, new).digest() == compared(old, new).digest() != compared(new, old).digest()


# ---- recorded traffic --------------------------------------------------------------------------------------------


def rows(count: int) -> Iterator[bytes]:
    for number in range(count):
        kind = "business" if number % 4 == 0 else "private"
        yield json.dumps({"days": number % 40, "kind": kind, "patient": f"P-{number}"}).encode() + b"\n"


def replayed(old: Version, new: Version, lines: Iterator[bytes], reveal: bool = False) -> Replayed:
    return replay(old, new, lines, "runs.jsonl", reveal=reveal)


def test_a_replay_counts_by_clause(make: Make) -> None:
    found = replayed(
        make(), make(LOGIC.replace("return 5  # C3", "return 6  # C3").replace("<= 10", "<= 11")), rows(400)
    )
    assert found.runs == 400
    assert found.changed == 10 + 210
    assert found.by_clause() == {"C3": 210, "C1": 10}
    assert found.by_old_clause() == {"C3": 220}
    assert found.sentence() == "220 of 400 runs change: 210 by C3, 10 by C1"


def test_recorded_values_of_sensitive_fields_stay_hidden(make: Make) -> None:
    old, new = make(), make(LOGIC.replace("<= 10", "<= 11"))
    hidden = replayed(old, new, rows(50))
    assert "P-" not in json.dumps(hidden.to_json())
    assert hidden.changes[0].witness.input["patient"] == "***"
    assert replayed(old, new, rows(50), reveal=True).changes[0].witness.input["patient"] == "P-11"


def test_bad_lines_are_named_by_number_and_without_their_values(make: Make) -> None:
    good = next(rows(1))
    lines = [
        good, b"not json\n", b"[1]\n", b'{"days": 1, "kind": "none", "patient": "SECRET"}\n', b"\n", b"\xff\n",
        b'{"days": 1, "kind": "private", "patient": "SECRET", "extra": 1}\n', b'{"days": 1}\n', good,
    ]  # fmt: skip
    found = replayed(make(), make(), iter(lines))
    assert found.runs == 2
    assert [number for number, _ in found.bad] == [2, 3, 4, 6, 7, 8]
    assert found.bad_lines == 6
    assert "SECRET" not in json.dumps(found.to_json())
    many = replayed(make(), make(), iter([b"x\n"] * 500))
    assert (len(many.bad), many.bad_lines) == (MOST_BAD, 500)


def test_an_input_that_only_one_version_takes_is_a_change(make: Make) -> None:
    narrow = make(LOGIC, SPEC.replace("[0, 400]", "[0, 30]"))
    found = replayed(make(), narrow, rows(40))
    assert found.changed == 9
    assert found.by_clause() == {"the input is not accepted": 9}


def test_memory_does_not_grow_with_the_file(make: Make) -> None:
    old, new = make(), make(LOGIC.replace("<= 10", "<= 11"))
    replayed(old, new, rows(100))
    peaks = []
    for count in (200, 4000):
        tracemalloc.start()
        replayed(old, new, rows(count))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] + 100_000


EFFECT_SPEC = """\
metadata: {name: triage}
inputs:
  letter: {type: text, sensitive: phi, max_length: 200}
outputs:
  urgent: boolean
clauses:
  C1: A pain of 7 or more is urgent.
logic_requirements:
  - step: read
    type: bounded_invocation
    intent: Read the pain score.
    inputs: [letter]
    outputs: {pain: {type: integer, range: [0, 10]}}
  - step: decide
    type: deterministic_rule
    inputs: [pain]
    clauses: [C1]
    outputs: {urgent: boolean}
"""
TRIAGE = "def decide(pain: int) -> bool:\n    return pain >= 7  # C1\n"


def test_outputs_of_models_and_people_are_given(make: Make) -> None:
    old, new = make(TRIAGE, EFFECT_SPEC), make(TRIAGE.replace("7", "8"), EFFECT_SPEC)
    found = compared(old, new)
    assert found.given == ("read",)
    assert found.changes[0].witness.steps == {"read": {"pain": 7}}
    lines = [json.dumps({"input": {"letter": "x"}, "steps": {"read": {"pain": pain}}}).encode() for pain in range(11)]
    told = replayed(old, new, iter([*lines, b'{"letter": "x"}']))
    assert (told.runs, told.changed, told.bad) == (11, 1, ((12, "no recorded outputs of step 'read'"),))
