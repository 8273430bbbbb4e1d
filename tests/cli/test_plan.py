"""`ingot plan` refuses what `ingot check` refuses before it looks at any code, in the same words."""

from pathlib import Path

import pytest

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
        ({"more": "answers: {nobody_asked: 'yes'}"}, "a question that this spec does not raise"),
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
