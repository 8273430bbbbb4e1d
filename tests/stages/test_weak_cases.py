"""ACC006: what the cases are worth is measured, warned of, and refused where the spec says so."""

import json

import pytest

from ingot.compile.assemble import assemble
from ingot.errors import SpecError
from ingot.program import Observation, Program
from ingot.spec import parse_spec
from ingot.stages.accuracy import check_accuracy

SPEC = """
metadata: {name: ward}
inputs: {age: integer, weight: integer}
outputs: {ward: {type: enum, values: [CHILD, ADULT]}}
clauses: {C1: Under 18 it is the children's ward., C2: Else the adults'.}
logic_requirements:
  - {step: choose, type: function, intent: Choose the ward., clauses: [C1, C2]}
thresholds: THRESHOLDS
cases:
  given:
    - {id: child, input: {age: 5, weight: 4711}, expected: {ward: CHILD}}
    - {id: adult, input: {age: 40, weight: 70}, expected: {ward: ADULT}}
"""
LOGIC = """\
def choose(age: int, weight: int) -> str:
    if age < 18:
        return "CHILD"  # C1
    return "ADULT"  # C2
"""
SECRET = "  held_out: [{id: hidden, input: {age: 17, weight: 987654}, expected: {ward: CHILD}}]\n"
SEEN = {
    "child": Observation({"ward": "CHILD"}),
    "adult": Observation({"ward": "ADULT"}),
    "hidden": Observation({"ward": "CHILD"}),
}


def program(thresholds: str = "{}", held_out: str = "") -> Program:
    return assemble(parse_spec(SPEC.replace("THRESHOLDS", thresholds) + held_out), LOGIC)


def test_weak_cases_are_a_warning_that_shows_what_they_let_pass() -> None:
    verdict, _ = check_accuracy(program(), SEEN)
    assert verdict.passed
    found = verdict.measures["mutation_score"]
    assert found["score"] < 0.9
    assert found["survived"] == 3
    finding = next(one for one in verdict.findings if one.code == "ACC006")
    assert (finding.severity, finding.line, finding.function) == ("warning", 2, "choose")
    assert "line 2 (C1): `if age < 18:` as `if age <= 18:`" in finding.message
    assert json.loads(json.dumps(verdict.to_json())) == verdict.to_json()


def test_the_spec_may_refuse_them() -> None:
    verdict, _ = check_accuracy(program("{mutation: refuse}"), SEEN)
    assert not verdict.passed
    assert [one.code for one in verdict.findings if one.severity == "error"] == ["ACC006"]


def test_a_lower_threshold_lets_them_be() -> None:
    verdict, _ = check_accuracy(program("{mutation_score: 0.5, mutation: refuse}"), SEEN)
    assert verdict.passed
    assert "ACC006" not in {one.code for one in verdict.findings}


def test_held_out_cases_count_and_nothing_of_them_is_told() -> None:
    verdict, _ = check_accuracy(program("{mutation_score: 1}", SECRET), SEEN)
    assert verdict.measures["mutation_score"]["survived"] == 2
    told = json.dumps(verdict.to_json())
    assert "987654" not in told
    assert "hidden" not in told


def test_a_refused_candidate_is_not_measured() -> None:
    verdict, _ = check_accuracy(program(), {**SEEN, "adult": Observation({"ward": "CHILD"})})
    assert not verdict.passed
    assert verdict.measures["mutation_score"] is None


def test_without_cases_it_is_unscored_which_is_not_zero() -> None:
    text = SPEC.partition("thresholds:")[0]
    verdict, _ = check_accuracy(assemble(parse_spec(text), LOGIC), {})
    assert verdict.measures["mutation_score"] is None
    assert "ACC006" not in {one.code for one in verdict.findings}


def test_another_word_than_warn_or_refuse_is_refused() -> None:
    with pytest.raises(SpecError, match="mutation"):
        program("{mutation: ignore}")
