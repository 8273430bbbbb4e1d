"""Programs byte for byte, and what they do.

Each folder of ``cases`` holds a spec, a candidate and the program that they become. ``INGOT_WRITE_GOLDEN=1`` writes the
programs anew; read the difference before it is committed.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Generator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from ingot.compile.assemble import PRELUDE, RESERVED, adverse_outputs, assemble, signatures, types_source
from ingot.program import Program
from ingot.spec import load_spec, parse_spec

CASES = sorted(path for path in (Path(__file__).parent / "cases").iterdir() if (path / "logic.py").exists())


def program_of(name: str) -> Program:
    folder = Path(__file__).parent / "cases" / name
    return assemble(load_spec(folder / "spec.yaml"), (folder / "logic.py").read_text())


def loaded(program: Program) -> dict[str, Any]:
    scope: dict[str, Any] = {"__name__": "program"}
    exec(compile(program.text, "program.py", "exec"), scope)
    return scope


def ran(
    program: Program, case: dict[str, Any], replies: dict[str, dict[str, Any]] | None = None
) -> tuple[Any, Any, list[Any]]:
    """Output, review and the steps asked for, of one transaction."""
    transact = loaded(program)["transact"](case)
    if not isinstance(transact, Generator):
        output, review = transact
        return output, review, []
    asked: list[Any] = []
    try:
        step, arguments = next(transact)
        while True:
            asked.append((step, arguments))
            step, arguments = transact.send((replies or {})[step])
    except StopIteration as stop:
        output, review = stop.value
    return output, review, asked


@pytest.mark.parametrize("folder", CASES, ids=lambda path: path.name)
def test_programs_are_these_bytes(folder: Path) -> None:
    program = program_of(folder.name)
    golden = folder / "program.py"
    if os.environ.get("INGOT_WRITE_GOLDEN"):
        golden.write_text(program.text)
    assert program.text == golden.read_text()
    assert program.digest == program_of(folder.name).digest


@pytest.mark.parametrize("folder", CASES, ids=lambda path: path.name)
def test_lines_of_the_logic_stand_at_the_offset(folder: Path) -> None:
    program = program_of(folder.name)
    lines = program.text.split("\n")[program.offset :]
    logic = program.logic.rstrip("\n").split("\n")
    assert lines[: len(logic)] == logic


@pytest.mark.parametrize("folder", CASES, ids=lambda path: path.name)
def test_programs_define_what_was_asked_for(folder: Path) -> None:
    program = program_of(folder.name)
    scope = loaded(program)
    for signature in program.signatures:
        assert signature.header() in program.text
        assert callable(scope[signature.name])
    assert program.text.startswith('"""')
    assert PRELUDE in program.text


def test_programs_pass_ruff_and_ty(tmp_path: Path) -> None:
    for folder in CASES:
        (tmp_path / f"{folder.name}.py").write_text(program_of(folder.name).text)
    tools = Path(sys.executable).parent
    ruff = [tools / "ruff", "check", "--isolated", "--select", "E9,F", "--ignore", "F401", "--no-cache", tmp_path]
    for command in (ruff, [tools / "ty", "check", "--python", sys.executable, tmp_path]):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


# ---- what they do ------------------------------------------------------------------------------------------------

CHART = {"patient_chart_summary": "…"}
FACTORS = {"has_t2d_diagnosis": False, "current_a1c": 6.1, "bmi": 31.0, "has_step_therapy_failure": True}


def test_an_effect_is_asked_for_and_its_reply_used() -> None:
    output, review, asked = ran(program_of("printed"), CHART, {"extract_clinical_factors": FACTORS})
    assert (output, review) == ({"decision": "APPROVE"}, None)
    assert asked == [("extract_clinical_factors", CHART)]


def test_a_denial_is_only_proposed() -> None:
    output, review, _ = ran(program_of("printed"), CHART, {"extract_clinical_factors": FACTORS | {"bmi": 29.9}})
    assert output == {"decision": "DENY"}
    assert review is not None
    assert review[0] == "adverse_action_review"
    assert "person's decision" in review[1]


def test_an_override_lets_the_code_deny() -> None:
    output, review, _ = ran(program_of("overridden"), {"age": 3})
    assert (output, review) == ({"decision": "DENY"}, None)


def test_the_guard_knows_adverse_booleans() -> None:
    program = program_of("adverse_boolean")
    assert ran(program, {"age": 20}) == ({"covered": True, "wait": False}, None, [])
    output, review, _ = ran(program, {"age": 10})
    assert output == {"covered": False, "wait": True}
    assert review is not None
    assert review[0] == "adverse_action_review"


def test_broken_validation_expressions_are_named() -> None:
    broken = loaded(program_of("printed"))["broken_extract_clinical_factors"]
    assert broken(31.0) == []
    assert broken(10.0) == ["bmi > 10 AND bmi < 100"]


def test_a_null_goes_to_a_person_unless_the_rule_handles_it() -> None:
    program = program_of("nulls")
    assert ran(program, {"age": 3, "weight": None, "height": 1}) == ({"size": "S", "label": "none"}, None, [])
    assert ran(program, {"age": 3, "weight": Decimal(3), "height": 1})[0] == {"size": "S", "label": "some"}
    output, review, _ = ran(program, {"age": None, "weight": None, "height": 1})
    assert output is None
    assert review == ("judge", "age is null and the rule does not say what that means")


def test_conditional_steps_run_or_leave_null() -> None:
    program = program_of("conditional")
    small = {"amount": Decimal("1000.00"), "limit": Decimal(5), "seen_on": None}
    output, review, asked = ran(program, small)
    assert (output, review, asked) == ({"total": Decimal("1000.00"), "remark": None}, None, [])
    output, _, asked = ran(program, small | {"amount": Decimal("1000.01")}, {"second_look": {"remark": "fine"}})
    assert output["remark"] == "fine"
    assert asked == [("second_look", {"total": Decimal("1000.01")})]


def test_a_condition_on_null_goes_to_a_person() -> None:
    case = {"amount": Decimal(1), "limit": None, "seen_on": None}
    output, review, asked = ran(program_of("conditional"), case)
    assert (output, asked) == (None, [])
    assert review == ("over_limit", "limit is null and the condition does not say what that means")


def test_a_null_that_the_schema_allows_breaks_no_validation() -> None:
    broken = loaded(program_of("conditional"))["broken_second_look"]
    assert broken(None) == []
    assert broken("") == ["len(remark) > 0"]


def test_several_outputs_and_lists_of_objects() -> None:
    case = {
        "bags": [{"weight": Decimal("60.5"), "tag": None}, {"weight": Decimal(10), "tag": "x"}],
        "home": {"zip": "1", "since": None},
    }
    assert ran(program_of("bags"), case)[0] == {
        "heavy": [{"weight": Decimal("60.5"), "tag": None}], "fee": Decimal("30.00"), "note": "1",
    }  # fmt: skip


# ---- the text ----------------------------------------------------------------------------------------------------

PLAIN = """\
metadata: {{name: {name}}}
inputs: {{age: integer}}
outputs: {{ok: boolean}}
clauses: {{C1: {clause}}}
logic_requirements: [{{step: judge, type: function, clauses: [C1]}}]
"""
LOGIC = "def judge(age: int) -> bool:\n    return age > 3\n"


@pytest.mark.parametrize(
    "written",
    [
        r'"a \"\"\" b"',
        r'"ends in \\"',
        r'"two\nlines"',
        r'"\u2028import os"',
        r'"\r\nimport os\n#"',
        r'"\u202Egnp.exe"',
        "'\"'",
    ],
)
def test_no_name_or_clause_gets_out_of_its_comment(written: str) -> None:
    program = assemble(parse_spec(PLAIN.format(name=written, clause=written)), LOGIC)
    assert ran(program, {"age": 4})[0] == {"ok": True}
    assert "os" not in loaded(program)
    assert re.search("[\u2028\u202e\r]", program.text) is None


def test_logic_without_a_last_line_end_is_completed() -> None:
    spec = parse_spec(PLAIN.format(name="x", clause="y"))
    assert assemble(spec, LOGIC.rstrip("\n")).text == assemble(spec, LOGIC).text
    assert assemble(spec, LOGIC.rstrip("\n")).logic == LOGIC.rstrip("\n")


def test_signatures_say_what_is_nullable() -> None:
    program = program_of("nulls")
    headers = {one.name: one.header() for one in signatures(program.spec)}
    assert "age: int," in headers["judge"]
    assert "weight: Decimal | None" in headers["name_it"]
    assert types_source(program.signatures[0]) == ""


def test_adverse_outputs_need_the_compliance() -> None:
    assert [field.name for field in adverse_outputs(program_of("printed").spec)] == ["decision"]
    assert adverse_outputs(program_of("overridden").spec) == ()
    assert adverse_outputs(program_of("bags").spec) == ()


def test_the_names_that_the_flow_uses_are_reserved() -> None:
    assert {"_case", "_reply", "_output", "transact", "Inputs", "Outputs"} <= RESERVED
