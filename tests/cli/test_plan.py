"""`ingot plan` refuses what `ingot check` refuses of a spec, in the same words, and states what a model would be asked."""

import json
from pathlib import Path

import pytest

from ingot.compile.candidates import first_requests
from ingot.spec import load_spec
from tests.cli.conftest import Run

SPEC = """\
metadata: {{name: fees{metadata}}}
inputs: {{weight: {{type: integer, range: [0, 30]}}}}
outputs: {{fee: integer}}
logic_requirements:
  - step: decide
    type: deterministic_rule
    outputs: {{fee: integer}}
    table: {{hit_policy: first, inputs: [weight], outputs: [fee], rows: [{row}, ["-", "9"]]}}
{more}
"""
CASES = """\
cases:
  given: [{id: a, input: {weight: 7}, expected: {fee: 9}}, {id: b, input: {weight: 7}, expected: {fee: 8}}]"""
INVARIANTS = 'invariants: [{name: low, holds: "fee < 5"}, {name: high, holds: "fee > 6"}]'


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"row": '["< 5 kg", "5"]'}, "table of 'decide', row 1, column 'weight'"),
        ({"row": '["< 5", "weight + other"]'}, "table of 'decide', row 1, column 'fee'"),
        ({"metadata": ", compliance: [SOC2]"}, "FLW009 metadata names no owner"),
        ({"more": CASES}, "cases 'a' and 'b' have the same input and expect another fee: no program can pass both"),
        ({"more": INVARIANTS}, "invariant 'high' contradicts"),
        (
            {"more": "answers: {nobody_asked: 'yes'}"},
            "spec.yaml:9:11: 'answers' names 'nobody_asked', a question that this spec does not raise",
        ),
    ],
)
def test_what_check_refuses_of_a_spec_plan_refuses(
    ingot: Run, tmp_path: Path, changed: dict[str, str], said: str
) -> None:
    path, code = tmp_path / "spec.yaml", tmp_path / "logic.py"
    path.write_text(SPEC.format(**{"metadata": "", "row": '["< 5", "5"]', "more": "", **changed}), encoding="utf-8")
    code.write_text("", encoding="utf-8")
    planned, checked = ingot("plan", path), ingot("check", path, "--code", code)
    assert planned.code == checked.code == 2
    assert checked.err.endswith(planned.err)  # contradictions are met among the stages there
    assert said in planned.err


def test_a_spec_that_can_be_compiled_is_planned(ingot: Run, tmp_path: Path) -> None:
    path = tmp_path / "spec.yaml"
    path.write_text(SPEC.format(metadata="", row='["< 5", "5"]', more=""), encoding="utf-8")
    assert ingot("plan", path).code == 0


FUNCTIONS = """\
metadata: {name: fees}
inputs: {weight: {type: integer, range: [0, 30]}, urgent: boolean}
outputs: {fee: integer, days: integer}
clauses: {C1: Up to 5 kg the fee is 4 and above 9., C2: Urgent parcels take 1 day and others 3.}
logic_requirements:
  - {step: set_fee, type: function, inputs: [weight], clauses: [C1], outputs: {fee: integer}}
  - {step: set_days, type: function, inputs: [READS], clauses: [C2], outputs: {days: integer}}
cases:
  - {id: a, input: {weight: 7, urgent: true}, expected: {fee: 9, days: 1}}
"""


@pytest.mark.parametrize(("reads", "about"), [("urgent", "about"), ("urgent, fee", "at least")])
def test_what_one_request_a_function_would_take_is_stated(ingot: Run, tmp_path: Path, reads: str, about: str) -> None:
    path = tmp_path / "spec.yaml"
    path.write_text(FUNCTIONS.replace("READS", reads), encoding="utf-8")
    told = json.loads(ingot("plan", path, "--json").out)
    requests = first_requests(load_spec(path), one_by_one=True)
    tokens = sum((len(one.system) + len(one.prompt)) // 4 for one in requests)
    assert told["one_by_one"] == {"requests": 2, "prompt_tokens_estimate": tokens}
    assert tokens > told["prompt_tokens_estimate"] > tokens / 2
    assert f"with --one-by-one 2 requests, {about} {tokens} tokens in\n" in ingot("plan", path).out


def test_nothing_is_said_of_one_by_one_where_at_most_one_function_is_asked_for(ingot: Run, tmp_path: Path) -> None:
    path = tmp_path / "spec.yaml"
    table = SPEC.format(metadata="", row='["< 5", "5"]', more="")
    prose = table.replace("    table:", "    intent: 5 below 5 kg, 9 above. #")
    for requests, text in enumerate((table, prose)):
        path.write_text(text, encoding="utf-8")
        assert "--one-by-one" not in ingot("plan", path).out
        assert json.loads(ingot("plan", path, "--json").out)["one_by_one"]["requests"] == requests
