"""`ingot cases`, as a user types it: weak cases, one round of suggestions answered by someone who knows, strong cases."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from ingot.compile.assemble import assemble
from ingot.spec import load_spec
from ingot.stages.suggested import suggest_cases
from ingot.yaml_text import read_yaml
from tests.cli.conftest import LOGIC, Run

SPEC = """# Who may ride.
metadata: {name: ride, version: 1.0.0}
inputs:
  age: {type: integer, range: [0, 120]}
  height_cm: {type: integer, range: [40, 250]}
  escorted: boolean
outputs: {answer: {type: enum, values: [RIDE, ASK, STAY]}}
clauses:
  C1: A guest under 120 in height_cm stays.
  C2: A guest with an age under 8 rides only escorted, and is asked for where not.
  C3: Everybody else rides.
logic_requirements:
  - {step: admit, type: deterministic_rule, clauses: [C1, C2, C3], intent: Decide.}
cases:
  # the obvious ones
  - {id: tall, input: {age: 30, height_cm: 180, escorted: false}, expected: {answer: RIDE}}
  - {id: small, input: {age: 4, height_cm: 100, escorted: true}, expected: {answer: STAY}}
  - {id: young, input: {age: 5, height_cm: 130, escorted: false}, expected: {answer: ASK}}
"""
RIDE = """def admit(age: int, height_cm: int, escorted: bool) -> Literal["RIDE", "ASK", "STAY"]:
    if height_cm < 120:
        return "STAY"  # C1
    if age < 8 and not escorted:
        return "ASK"  # C2
    return "RIDE"  # C3
"""


def right(age: int, height_cm: int, escorted: bool) -> str:
    """What the owner of the rule answers."""
    if height_cm < 120:
        return "STAY"
    return "ASK" if age < 8 and not escorted else "RIDE"


@pytest.fixture
def ride(tmp_path: Path) -> Path:
    (tmp_path / "spec.yaml").write_text(SPEC, encoding="utf-8")
    (tmp_path / "logic.py").write_text(RIDE, encoding="utf-8")
    return tmp_path / "spec.yaml"


def answered(file: Path) -> None:
    """Fill in every suggestion from the right answers."""
    text = file.read_text(encoding="utf-8")
    inputs: list[Mapping[str, Any]] = [row["input"] for row in read_yaml(text, "new.yaml")[0]]
    answers = iter([right(**values) for values in inputs])
    file.write_text(re.sub(r"answer:$", lambda _: f"answer: {next(answers)}", text, flags=re.M), encoding="utf-8")


def mutation(ingot: Run, spec: Path) -> float:
    told = json.loads(ingot("check", spec, "--code", spec.with_name("logic.py"), "--json").out)
    score: float = told["attempts"][0]["verdicts"][3]["measures"]["mutation_score"]["score"]
    return score


def test_one_round_of_suggestions_makes_weak_cases_strong(ingot: Run, ride: Path, tmp_path: Path) -> None:
    code, new = tmp_path / "logic.py", tmp_path / "new.yaml"
    before = mutation(ingot, ride)
    done = ingot("cases", "suggest", ride, "--code", code, "--out", new)
    assert done.code == 0, done.err
    text = new.read_text(encoding="utf-8")
    assert "height_cm = 120: the boundary of `height_cm < 120`, line 2" in text
    assert re.search(
        r"answer:\n.*# the candidate answers: RIDE \(C3, logic\.py:6\); not the truth: decide yourself", text
    )
    refused = ingot("cases", "add", ride, new)
    assert refused.code == 2
    assert re.search(r"new\.yaml:\d+:\d+: case '.*': answer is left empty", refused.err)
    assert ride.read_text(encoding="utf-8") == SPEC
    answered(new)
    added = ingot("cases", "add", ride, new, "--held-out-share", "0.3")
    assert added.code == 0, added.err
    assert "# the obvious ones" in ride.read_text(encoding="utf-8")
    assert before < 0.8
    assert mutation(ingot, ride) == 1.0
    again = ingot("cases", "suggest", ride, "--code", code, "--json")
    assert json.loads(again.out)["suggestions"] == []


def test_cases_are_added_behind_a_link_and_nobody_else_may_read_them_then(
    ingot: Run, ride: Path, tmp_path: Path
) -> None:
    ride.chmod(0o600)
    link, new = tmp_path / "link.yaml", tmp_path / "new.yaml"
    link.symlink_to(ride)
    new.write_text(
        "- {id: new, input: {age: 31, height_cm: 130, escorted: false}, expected: {answer: RIDE}}\n", encoding="utf-8"
    )
    added = ingot("cases", "add", link, new)
    assert added.code == 0, added.err
    assert link.is_symlink()
    assert "id: new" in ride.read_text(encoding="utf-8")
    assert ride.stat().st_mode & 0o777 == 0o600


def test_suggestions_are_few_near_a_case_and_the_same_each_time(ride: Path) -> None:
    program = assemble(load_spec(ride), RIDE)
    first, second = suggest_cases(program), suggest_cases(program)
    assert first.to_json() == second.to_json()
    assert len(first.suggestions) <= 7
    assert all(len(one.changed) <= 2 for one in first.suggestions)
    assert not [one for one in first.left if not one.proved]


def test_no_value_of_a_held_out_case_is_suggested(ride: Path) -> None:
    secret = (
        SPEC
        + "  - {id: secret, held_out: true, input: {age: 8, height_cm: 187, escorted: false}, expected: {answer: RIDE}}\n"
    )
    ride.write_text(secret, encoding="utf-8")
    found = suggest_cases(assemble(load_spec(ride), RIDE))
    assert found.suggestions
    assert "187" not in json.dumps(found.to_json())


def test_a_branch_that_no_case_takes_is_asked_for_and_one_that_none_can_take_is_proved(ride: Path) -> None:
    code = RIDE.replace('    return "RIDE"', '    if age > 130:\n        return "STAY"\n    return "RIDE"')
    found = suggest_cases(assemble(load_spec(ride), code))
    branches = [one for one in found.left if one.target.branch is not None]
    assert [str(one) for one in branches] == ["line 6: `if age > 130:` true: proved: no input takes it"]


def test_an_artifact_is_verified_first(ingot: Run, artifact: Path) -> None:
    told = json.loads(ingot("cases", "suggest", artifact, "--json").out)
    assert told["branches"] == {"all": 4, "uncovered": 0}
    (artifact / "logic.py").write_text("# changed\n", encoding="utf-8")
    assert ingot("cases", "suggest", artifact).code == 1


def test_code_that_is_not_accepted_is_refused(ingot: Run, starter: Path) -> None:
    starter.with_name("logic.py").write_text(LOGIC.replace("18.00", "19.00"), encoding="utf-8")
    done = ingot("cases", "suggest", starter, "--code", starter.with_name("logic.py"))
    assert done.code == 2
    assert "the code is not accepted: " in done.err
    assert "ACC001" in done.err


def test_a_spec_alone_has_the_values_that_it_names(ingot: Run, ride: Path) -> None:
    done = ingot("cases", "suggest", ride)
    assert "no candidate" in done.out
    for said in ("height_cm = 119: one step below 120, which C1 names", "age = 8: exactly 8, which C2 names",
                 "age = 120: the largest that the field allows"):  # fmt: skip
        assert said in done.out
    assert "the candidate answers" not in done.out
    assert ingot("cases", "suggest", ride, "--most", "2").out.count("\n- id:") == 2


def test_traffic_is_drawn_by_branch_and_boundary(ingot: Run, ride: Path, tmp_path: Path) -> None:
    rows: list[Any] = [{"age": 20 + n % 60, "height_cm": 150 + n % 50, "escorted": n % 2 == 0} for n in range(900)]
    rows[500] = {"input": {"age": 8, "height_cm": 120, "escorted": False}, "output": {"answer": "ASK"}}
    rows[700] = {"input": {"age": 7, "height_cm": 119, "escorted": True}, "expected": {"answer": "STAY"}}
    traffic, drawn = tmp_path / "traffic.jsonl", tmp_path / "drawn.yaml"
    lines = [json.dumps(row) for row in rows]
    lines[3:5] = ["not json", '{"age": 1}']
    traffic.write_text("\n".join(lines), encoding="utf-8")
    arguments = ("cases", "import", ride, traffic, "--code", tmp_path / "logic.py", "--most", "6")
    done = ingot(*arguments, "--out", drawn)
    assert done.code == 0, done.err
    assert f"{traffic}:4: not JSON" in done.err
    assert f"{traffic}:5: height_cm: Field required" in done.err
    text = drawn.read_text(encoding="utf-8")
    assert text.count("\n- id:") == 6
    assert "# recorded then: answer=ASK; not the truth" in text
    assert "answer: STAY" in text
    assert "6 of 898 recorded inputs" in done.out
    assert ingot(*arguments).out == text


def test_traffic_of_bad_lines_alone_is_an_error(ingot: Run, ride: Path, tmp_path: Path) -> None:
    traffic = tmp_path / "traffic.jsonl"
    traffic.write_text('{"status": "completed", "output": {"answer": "STAY"}}\n\nx\n', encoding="utf-8")
    done = ingot("cases", "import", ride, traffic)
    assert done.code == 2
    assert "an outcome without its input" in done.err
    assert "no line of it is a recorded run" in done.err


def test_a_draft_with_answers_is_not_overwritten(ingot: Run, ride: Path, tmp_path: Path) -> None:
    code, draft, runs = tmp_path / "logic.py", tmp_path / "new draft.yaml", tmp_path / "runs.jsonl"
    runs.write_text('{"height_cm": 150, "age": 30, "with_adult": true}\n', encoding="utf-8")
    first = ingot("cases", "suggest", ride, "--code", code, "--out", draft)
    assert first.out.splitlines()[-1].endswith(f"ingot cases add {ride} '{draft}'")  # ready to paste
    answered(draft)
    text = draft.read_text(encoding="utf-8")
    for again in (
        ingot("cases", "suggest", ride, "--code", code, "--out", draft),
        ingot("cases", "import", ride, runs, "--code", code, "--out", draft),
    ):
        assert (again.code, f"{draft}: there is a file already" in again.err) == (2, True), again
    assert draft.read_text(encoding="utf-8") == text


def test_a_draft_and_json_are_two_questions(ingot: Run, ride: Path, tmp_path: Path) -> None:
    done = ingot("cases", "suggest", ride, "--json", "--out", tmp_path / "new.yaml")
    assert (done.code, done.out, "--json is printed" in done.err) == (2, "", True)


def test_a_folder_that_takes_no_draft_is_told_by_the_name_that_was_given(
    ingot: Run, ride: Path, tmp_path: Path
) -> None:
    out = tmp_path / "none" / "new.yaml"
    done = ingot("cases", "suggest", ride, "--out", out)
    assert (done.code, done.err.splitlines()[-1]) == (1, f"error: {out}: No such file or directory")
