"""Prose, forms, parameters and tables become tasks: readable clauses, typed rows, and nothing scored that is a case."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from ingot.cli.bench import bench_command
from ingot.compile.plan import make_plan
from ingot.compile.prompt import first_request
from ingot.errors import InputError
from ingot.evals.evaluate import evaluate
from ingot.evals.log import Log
from ingot.evals.policyengine import read_policies
from ingot.evals.solvers.compiled import Compiled, Human
from ingot.evals.suite import check_apart, limited
from ingot.evals.suites import rules_airline, rules_tax
from ingot.evals.suites.rules import rules_suite
from ingot.evals.suites.rules_policy import policy_task
from ingot.evals.suites.rules_prose import clauses, sections, under

from .conftest import PROGRAM, RULE

PROSE = """\
# Bag fees
Fees are one way.

## Checked bags
Valid from today.

### First Bag

| Regions | Basic Economy | First |
|---------|---------------|-------|
| U.S.    | $40           | $0    |
| Europe  | $75           | $0    |

### Weight and Size
The limits are:
* Weight: 50 lbs
* Dimension: 62 in
"""
FORMS = """\
<!-- basic -->
# Form 1040: Return
## Income
Line 1a - Wages: $wage_tip_compensation

Line 9 - Add lines 1a and 8: $TBD
## Tax and Credits
Tax is 10 % of line 15.

---

Line 16 - Tax: $TBD
## Payments
Line 25 - Withheld: $federal_income_tax_withheld

# Schedule C (Form 1040): Profit
Line 1 - Gross receipts: $gross_receipts
"""


def rows(folder: Path, prose: str, name: str, lines: list[dict[str, Any]]) -> Path:
    folder.mkdir(parents=True)
    (folder / name).write_text(prose, encoding="utf-8")
    (folder / "dev.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return folder


def passenger(number: int) -> dict[str, Any]:
    bags = [{"id": 1, "name": "box", "size": [30, 20, 10], "weight": 40 + number}]
    given = {"base_price": 100, "customer_class": "First", "routine": "U.S.", "direction": 0, "bag_list": bags}
    return {"id": f"p{number}", "input": {**given, "note": "not a field"}, "expected": 100, "input_text": "…"}


def taxpayer(number: int) -> dict[str, Any]:
    said = {"filing_status": "single", "itemized": False, "self_employed": False, "child_and_dependent": False,
            "has_student_loans_or_education_expenses": False, "age": 40, "spouse_age": 0, "blind": False,
            "spouse_blind": False, "num_qualifying_children": 0, "num_other_dependents": 0, "name": "A"}  # fmt: skip
    amounts: dict[str, Any] = {"wage_tip_compensation": 1000 + number, "federal_income_tax_withheld": 5}
    amounts |= {"gross_receipts": "[__]"} if number == 7 else {"gross_receipts": 20} if number % 2 else {}
    return {"id": f"t{number}", "input": {**said, "data": amounts}, "expected": 95.5 + number / 10}


@pytest.fixture
def rulearena(tmp_path: Path) -> Path:
    rows(tmp_path / "arena" / "airline", PROSE, "spec_rules.md", [passenger(n) for n in range(24)])
    rows(tmp_path / "arena" / "tax", FORMS, "spec_forms.md", [taxpayer(n) for n in range(24)])
    return tmp_path / "arena"


def test_sections_stay_readable_on_one_line() -> None:
    found = sections(PROSE)
    assert [one.heading for one in found] == [
        "Bag fees", "Bag fees > Checked bags", "Bag fees > Checked bags > First Bag", "Bag fees > Checked bags > Weight and Size",
    ]  # fmt: skip
    assert found[2].text == "Table [Regions | Basic Economy | First]: [U.S. | $40 | $0] [Europe | $75 | $0]."
    assert found[3].text == "The limits are: • Weight: 50 lbs • Dimension: 62 in"
    assert clauses(found)["S1"] == "[Bag fees] Fees are one way."
    assert under(found, r"First Bag", r"^Bag fees$") == ["S1", "S3"]


def test_a_rule_between_sections_goes_on_with_the_outer_heading() -> None:
    found = sections(FORMS)
    assert found[2].path == ("Form 1040: Return", "continued")
    assert found[2].text == "Line 16 - Tax: $TBD;"
    assert "basic" not in " ".join(one.text for one in found)


def test_airline_rows_are_shown_held_out_and_scored_apart(rulearena: Path) -> None:
    task = rules_airline.airline_task(rulearena / "airline")
    spec = task.spec()
    assert (len(spec.given), len(spec.held_out), len(task.items)) == (8, 12, 4)
    assert {case.id for case in spec.cases}.isdisjoint(item.id for item in task.items)
    steps = {step.step: step.clauses for step in spec.logic_requirements}
    assert steps["charge_bags"] == ("S2", "S3")
    assert steps["charge_excess"] == ("S4",)
    prompt = first_request(spec, make_plan(spec)).prompt
    assert "[U.S. | $40 | $0]" in prompt
    assert not any(f'"weight":{item.input["bag_list"][0]["weight"]}}}' in prompt for item in task.items)


def test_a_section_that_no_step_names_goes_to_the_first(rulearena: Path) -> None:
    path = rulearena / "airline" / "spec_rules.md"
    path.write_text(PROSE + "\n# Pets\nA pet is a bag.\n")
    first = rules_airline.airline_task(rulearena / "airline").spec().logic_requirements[0]
    assert first.clauses == ("S1", "S5")


def test_tax_amounts_are_nought_without_their_form_and_null_where_left_open(rulearena: Path) -> None:
    task = rules_tax.tax_task(rulearena / "tax")
    spec = task.spec()
    inputs = {field.name: field for field in spec.inputs}
    assert inputs["gross_receipts"].nullable
    assert not inputs["wage_tip_compensation"].nullable
    assert "name" not in inputs
    by_id = {**{case.id: case.input for case in spec.cases}, **{item.id: item.input for item in task.items}}
    assert by_id["t7"]["gross_receipts"] is None
    assert str(by_id["t0"]["gross_receipts"]) == "0"
    assert spec.scorers["tax_owed"].tolerance == "0.01"
    steps = {step.step: step for step in spec.logic_requirements}
    assert steps["schedule_c"].inputs == ("self_employed", "gross_receipts")
    assert "federal_income_tax_withheld" in steps["amount_owed"].inputs
    item = task.items[0]
    near = str(float(item.expected["tax_owed"]) + 0.01)
    assert task.score(item, {"tax_owed": near}) == {"tax_owed": 1.0}
    assert task.score(item, {"tax_owed": "1"}) == {"tax_owed": 0.0}


def test_an_amount_that_only_a_scored_row_leaves_open_is_not_nullable(rulearena: Path) -> None:
    scored = {item.id for item in rules_tax.tax_task(rulearena / "tax").items}
    told = [taxpayer(n) for n in range(24)]
    for row in told:
        row["input"]["data"]["gross_receipts"] = "[__]" if row["id"] in scored else 20
    (rulearena / "tax" / "dev.jsonl").write_text("".join(json.dumps(row) + "\n" for row in told))
    task = rules_tax.tax_task(rulearena / "tax")
    assert not next(field for field in task.spec().inputs if field.name == "gross_receipts").nullable
    assert task.items[0].input["gross_receipts"] is None


def test_a_form_that_is_a_text_is_shown_as_a_given_case_has_it(rulearena: Path) -> None:
    path = rulearena / "tax" / "spec_forms.md"
    path.write_text(FORMS + "\n# Form 8863: Education\nLine 1 - All of Part III: $TBD\n$f8863_part_iii\n")
    told = [taxpayer(n) for n in range(24)]
    for row in told:
        row["input"]["data"]["f8863_part_iii"] = (
            f"\n## Part III\n\nLine 21 - Paid: ${row['id']}\n## Part III\nLine 21 - Paid: $9"
        )
    (rulearena / "tax" / "dev.jsonl").write_text("".join(json.dumps(row) + "\n" for row in told))
    spec = rules_tax.tax_task(rulearena / "tax").spec()
    (shown,) = [clause.text for clause in spec.clauses if clause.id == "P3"]
    assert shown.split("joined: ")[1].split() == [
        "##",
        "Part",
        "III",
        "Line",
        "21",
        "-",
        "Paid:",
        f"${spec.given[0].id}",
    ]
    reader = next(step for step in spec.logic_requirements if step.step == "form_8863")
    assert reader.clauses[-1] == "P3"


@pytest.mark.parametrize(
    ("line", "said"),
    [({"id": "x", "input": {}}, "no 'expected'"), ({"id": "x", "input": [], "expected": 1}, "is an object"),
     ({"id": "x", "input": {}, "expected": 1}, "under 'data'")],
)  # fmt: skip
def test_a_row_that_is_none_is_said_with_its_line(tmp_path: Path, line: dict[str, Any], said: str) -> None:
    folder = rows(tmp_path / "tax", FORMS, "spec_forms.md", [taxpayer(1), line])
    with pytest.raises(InputError, match=said) as caught:
        rules_tax.tax_task(folder)
    assert "dev.jsonl:2" in str(caught.value)


def test_of_held_out_policy_cases_some_are_scored_and_none_is_a_case(rules: Path) -> None:
    (policy,) = read_policies(rules, apart=True).policies
    task = policy_task(policy)
    assert task is not None
    assert [item.id for item in task.items] == ["parking_2"]
    assert [case.id for case in task.spec().held_out] == ["parking_5"]
    assert task.spec().thresholds.branch_coverage == 0.5
    assert len(task.spec().given) == 4


def test_an_input_that_is_there_twice_is_not_scored(tmp_path: Path) -> None:
    cases = json.loads(json.dumps(RULE["cases"]))
    cases[2] = {**cases[0], "id": "again", "input": {**cases[0]["input"], "cost": 100.0}, "expected": 51}
    (tmp_path / "r.jsonl").write_text(json.dumps({**RULE, "cases": cases}))
    (policy,) = read_policies(tmp_path / "r.jsonl", apart=True).policies
    assert policy_task(policy) is None


def test_a_scored_row_is_scored_within_its_own_tolerance_and_refused_where_no_case_is_like_it(
    tmp_path: Path,
) -> None:
    def log_of(**changes: Any) -> Log:
        rule = json.loads(json.dumps(RULE))
        rule["cases"][2] |= changes
        (tmp_path / "r.jsonl").write_text(json.dumps(rule))
        suite = rules_suite(policyengine=tmp_path / "r.jsonl")
        suite = replace(suite, tasks=tuple(replace(task, program=PROGRAM) for task in suite.tasks))
        folder = tmp_path / str(len(list(tmp_path.iterdir())))
        return evaluate(suite, Human(), folder)

    assert log_of(expected=201).items[0].right is False
    assert log_of(expected=201, abs_tol=2).items[0].right is True
    refused = log_of(input={"cost": 900, "state_code": "YY", "filing_status": "JOINT"}).items[0]
    assert (refused.right, "InputError" in refused.answer.error) == (False, True)


def test_the_origin_counts_the_cases_that_do_not_state_an_input(rules: Path) -> None:
    rule = json.loads(json.dumps(RULE))
    del rule["cases"][5]["input"]["filing_status"]
    (rules / "dev.jsonl").write_text(json.dumps(rule))
    assert "1 of 6 cases are left out" in rules_suite(policyengine=rules).origin


def test_the_suite_runs_a_rule_through_the_gates(rules: Path, tmp_path: Path) -> None:
    suite = rules_suite(policyengine=rules)
    with_program = replace(suite, tasks=tuple(replace(task, program=PROGRAM) for task in suite.tasks))
    log = evaluate(with_program, Human(), tmp_path / "out")
    assert [one.right for one in log.items] == [True]
    assert "1 rules" in suite.origin


def test_all_sources_make_one_suite(rulearena: Path, rules: Path) -> None:
    suite = limited(check_apart(rules_suite(rulearena, rules)), None, items=2)
    assert [(task.id, len(task.items)) for task in suite.tasks] == [("airline", 2), ("tax", 2), ("parking", 1)]
    assert [task.id for task in rules_suite(rulearena / "tax").tasks] == ["tax"]
    with pytest.raises(InputError, match="no rules to score"):
        rules_suite()
    with pytest.raises(InputError, match="no folder airline or tax"):
        rules_suite(rules)


# ---- decision tables ---------------------------------------------------------------------------------------------

DMN = """<?xml version="1.0" encoding="UTF-8"?>
<definitions xmlns="https://www.omg.org/spec/DMN/20191111/MODEL/" id="d" name="fees" namespace="urn:fees">
  <inputData id="i" name="Weight"><variable name="Weight" typeRef="number"/></inputData>
  <decision id="f" name="Fee"><variable name="Fee" typeRef="number"/>
    <informationRequirement id="r"><requiredInput href="#i"/></informationRequirement>
    <decisionTable id="t" hitPolicy="UNIQUE">
      <input id="c"><inputExpression id="e" typeRef="number"><text>Weight</text></inputExpression></input>
      <output id="o" name="Fee" typeRef="number"/>
      <rule id="r1"><inputEntry id="a"><text>&lt;= 10</text></inputEntry><outputEntry id="b"><text>5</text></outputEntry></rule>
      <rule id="r2"><inputEntry id="g"><text>&gt; 10</text></inputEntry><outputEntry id="h"><text>9</text></outputEntry></rule>
    </decisionTable>
  </decision>
</definitions>
"""


@pytest.fixture
def dmn(tmp_path: Path) -> Path:
    folder = tmp_path / "dmn"
    folder.mkdir()
    (folder / "fees.dmn").write_text(DMN)
    (folder / "broken.dmn").write_text("<definitions/>")
    cases = [
        {"id": "1", "input": {"Weight": 4}, "expected": {"Fee": 5}},
        {"id": "2", "input": {"Weight": 40}, "expected": {"Fee": 8}},
    ]
    lines = [{"model": name, "dmn_file": f"{name}.dmn", "cases": cases} for name in ("fees", "broken")]
    (folder / "cases.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return folder


def test_tables_need_no_model_and_what_is_left_out_is_counted(dmn: Path, tmp_path: Path) -> None:
    suite = rules_suite(dmn=dmn)
    assert "2 of 4 cases scored" in suite.origin
    log = evaluate(suite, Compiled(None), tmp_path / "out")
    assert log.tasks[0].generation.usage.requests == 0
    assert [one.right for one in log.items] == [True, False]  # the second expects something else than the table says


def test_the_command_scores_tables_and_says_where_a_model_is_missing(
    dmn: Path, rulearena: Path, tmp_path: Path
) -> None:
    said = ["rules", "--dmn", str(dmn), "--out", str(tmp_path / "a"), "--json", "--yes"]
    done = CliRunner().invoke(bench_command, said)
    assert done.exit_code == 0, done.output
    done = CliRunner().invoke(bench_command, ["rules", "--rulearena", str(rulearena), "--out", str(tmp_path / "b")])
    assert isinstance(done.exception, InputError)
    assert "asks a model for the task 'airline'" in str(done.exception)
