"""Rules given as parameters become specs that say what is in force, and nothing of what is held out."""

import json
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from ingot.cli.bench import bench_command
from ingot.compile.driver import check
from ingot.errors import InputError
from ingot.evals.policyengine import policies, read_policies

from .conftest import PROGRAM, RULE


def test_a_rule_becomes_a_spec(rules: Path) -> None:
    (policy,) = policies(rules)
    spec = policy.spec()
    assert [(one.name, one.type) for one in spec.inputs] == [
        ("period", "date"), ("cost", "decimal"), ("filing_status", "enum"),
    ]  # fmt: skip
    assert (spec.inputs[0].minimum, spec.inputs[0].maximum) == (date(2022, 1, 1), date(2024, 12, 1))
    assert "SEPARATE" in spec.inputs[2].values
    assert [one.type for one in spec.outputs] == ["decimal"]
    assert spec.scorers["answer"].tolerance == "0.01"
    assert "state_code is always ZZ" in spec.logic_requirements[0].intent


def test_a_parameter_becomes_a_clause_with_what_is_in_force(rules: Path) -> None:
    (policy,) = policies(rules)
    cap, rate = policy.spec().clauses
    assert cap.id == "P1"
    assert "park/cap: The parking subsidy is limited to this amount." in cap.text
    assert "SINGLE: 80 from 2019-01-01, 1_00 from 2023-01-01; JOINT: 200 from 2019-01-01" in cap.text
    assert "after the reform" in cap.text
    assert "999" not in cap.text
    assert "law.example" not in policy.spec_text
    assert "0.5 from 2000-01-01" in rate.text


def test_expected_outputs_are_worked_out_and_part_of_them_held_out(rules: Path) -> None:
    (policy,) = policies(rules)
    expected = {case.id: case.expected["answer"] for case in policy.spec().cases}
    assert expected["parking_1"] == Decimal(100)
    assert expected["parking_5"] == Decimal("199.75")
    assert [case.id for case in policy.spec().held_out] == ["parking_2", "parking_5"]
    assert "199.75" not in policy.spec_text + json.dumps(policy.given)


def changed(**parts: Any) -> dict[str, Any]:
    return json.loads(json.dumps({**RULE, **parts}))  # type: ignore[no-any-return]


def test_a_text_that_only_a_held_out_case_answers_comes_to_the_given_ones(tmp_path: Path) -> None:
    answers = ["LOW", "LOW", "HIGH", "LOW", "LOW", "LOW"]
    cases = [{**case, "expected": answer} for case, answer in zip(RULE["cases"], answers, strict=True)]
    (tmp_path / "r.jsonl").write_text(json.dumps(changed(cases=cases)))
    (policy,) = policies(tmp_path / "r.jsonl")
    assert policy.spec().outputs[0].values == ("HIGH", "LOW")
    assert [row["id"] for row in policy.held_out] == ["parking_5"]


def test_a_case_that_leaves_out_an_input_is_none_for_the_source_may_compute_it(tmp_path: Path) -> None:
    rule = changed()
    del rule["cases"][4]["input"]["cost"]
    (tmp_path / "r.jsonl").write_text(json.dumps(rule))
    read = read_policies(tmp_path / "r.jsonl")
    (policy,) = read.policies
    assert "parking_4" not in [row["id"] for row in (*policy.given, *policy.held_out)]
    assert (read.rules, read.cases, read.unstated) == (1, 6, 1)
    rule["cases"][4]["input"]["cost"] = None
    (tmp_path / "r.jsonl").write_text(json.dumps(rule))
    assert read_policies(tmp_path / "r.jsonl").unstated == 1


def test_what_is_left_out_is_the_default_where_the_rows_state_one(tmp_path: Path) -> None:
    rule = changed()
    del rule["cases"][4]["input"]["cost"]
    rule["spec"]["inputs"]["cost"]["default"] = 7
    (tmp_path / "r.jsonl").write_text(json.dumps(rule))
    (policy,) = policies(tmp_path / "r.jsonl")
    assert next(row for row in policy.given if row["id"] == "parking_4")["input"]["cost"] == "7"


def test_a_rule_without_a_case_that_states_every_input_is_left_out(rules: Path) -> None:
    rule = changed(name="nothing")
    for one in rule["cases"]:
        del one["input"]["cost"]
    with (rules / "dev.jsonl").open("a") as file:
        file.write(json.dumps(rule))
    read = read_policies(rules)
    assert [policy.name for policy in read.policies] == ["parking"]
    assert (read.rules, read.cases, read.unstated) == (2, 12, 6)


@pytest.mark.parametrize(
    "scored",
    [{"abs_tol": 5}, {"period": "2031-01"}, {"expected": "a text"}, {"expected": True},
     {"input": {"cost": -3, "state_code": "ZZ", "filing_status": "JOINT"}},
     {"input": {"cost": 900, "state_code": "YY", "filing_status": "OTHER"}}],
)  # fmt: skip
def test_a_scored_row_shapes_nothing_of_the_spec(rules: Path, tmp_path: Path, scored: dict[str, Any]) -> None:
    (before,) = read_policies(rules, apart=True).policies
    assert [row["id"] for row in before.scored] == ["parking_2"]
    rule = changed()
    rule["cases"][2] |= scored
    (tmp_path / "r.jsonl").write_text(json.dumps(rule))
    (after,) = read_policies(tmp_path / "r.jsonl", apart=True).policies
    assert after.spec_text == before.spec_text
    assert (after.given, after.held_out) == (before.given, before.held_out)
    assert after.scored[0] != before.scored[0] or after.tolerances != before.tolerances


@pytest.mark.parametrize(
    ("line", "said"),
    [("{", "not a rule"), ('{"name": "x"}', "KeyError('spec')"), (json.dumps(changed(cases=[])), "a rule has cases")],
)
def test_what_is_no_rule_is_said_with_its_line(tmp_path: Path, line: str, said: str) -> None:
    path = tmp_path / "r.jsonl"
    path.write_text(json.dumps(RULE) + "\n" + line + "\n")
    with pytest.raises(InputError) as caught:
        policies(path)
    assert said in str(caught.value)
    assert f"{path}:2" in str(caught.value)


def test_an_expected_value_is_never_run(tmp_path: Path) -> None:
    cases = [{**RULE["cases"][0], "expected": "2 ** 9 ** 9"}]
    (tmp_path / "r.jsonl").write_text(json.dumps(changed(cases=cases)))
    with pytest.raises(InputError, match="is no number"):
        policies(tmp_path)


def test_the_bench_writes_what_the_check_reads(rules: Path, tmp_path: Path) -> None:
    done = CliRunner().invoke(bench_command, ["policyengine", "--data", str(rules), "--out", str(tmp_path / "out")])
    assert done.exit_code == 0, done.output
    assert "4 given and 2 held-out cases" in done.output
    compiled = check(tmp_path / "out" / "parking" / "spec.yaml", PROGRAM)
    assert compiled.passed, [one.message for one in compiled.attempts[-1].findings]
