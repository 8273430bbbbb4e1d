"""SYNTAX: every rule by its fixtures, its table, and what makes it fail closed."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from stage_fixtures import HERE, expected, fixtures, name, places, read

from ingot.compile.assemble import assemble
from ingot.errors import StageError
from ingot.spec import parse_spec
from ingot.stages import tools
from ingot.stages.syntax import RULES, STAGE
from ingot.verdict import Verdict

SPEC = parse_spec("""
metadata: {name: fees}
inputs:
  weight: integer
  note: text?
clauses:
  - {id: C1, text: The fee is the weight.}
logic_requirements:
  - step: fee
    type: function
    intent: The fee.
    on_null: handle
    clauses: [C1]
    inputs: [weight, note]
    outputs: {amount: integer}
cases:
  - {id: a, input: {weight: 1, note: null}, expected: {amount: 1}}
""")
FEE = "def fee(weight: int, note: str | None) -> int:\n"
WARNINGS = {rule.code for rule in RULES if rule.severity == "warning"}
GOOD = FEE + "    return weight  # C1\n"


def check(source: str) -> Verdict:
    return STAGE.check(assemble(SPEC, source), {})[0]


@pytest.mark.parametrize(("code", "path"), fixtures(RULES, "bad"), ids=name)
def test_bad_fixtures_are_found_where_expected(code: str, path: Path) -> None:
    verdict = check(read(path))
    assert code in {finding.code for finding in verdict.findings}
    assert places(verdict.findings) == expected(code)[path.name]
    assert verdict.passed is (code in WARNINGS)


@pytest.mark.parametrize(("code", "path"), fixtures(RULES, "good"), ids=name)
def test_good_fixtures_pass_the_whole_stage(code: str, path: Path) -> None:
    assert check(read(path)).findings == ()


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
def test_every_rule_has_fixtures_and_a_snapshot_of_all_bad_ones(rule: object) -> None:
    code = rule.code  # type: ignore[attr-defined]
    assert list((HERE / code).glob("good_*.py"))
    assert set(expected(code)) == {path.name for path in (HERE / code).glob("bad_*.py")} != set()


def test_codes_are_unique() -> None:
    assert len({rule.code for rule in RULES}) == len({rule.name for rule in RULES}) == len(RULES)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
def test_a_rules_example_is_found_and_its_fix_is_not(rule: object) -> None:
    assert rule.code in {one.code for one in check(rule.example).findings}  # type: ignore[attr-defined]
    assert check(rule.fix).findings == ()  # type: ignore[attr-defined]


def test_lines_count_in_the_candidate() -> None:
    found = check("LIMIT = 3\n\n\n" + FEE + '    return "x"  # C1\n').findings
    assert [(one.code, one.line, one.column, one.function) for one in found] == [("SYN004", 5, 12, "fee")]


def test_thresholds_come_from_the_spec() -> None:
    spec = SPEC.model_copy(
        update={"thresholds": SPEC.thresholds.model_copy(update={"function_lines": 5, "complexity": 1})}
    )
    source = (
        FEE
        + "    if weight > 3:\n        return 1  # C1\n    if weight > 2:\n        return 2  # C1\n    return 3  # C1\n"
    )
    verdict, _ = STAGE.check(assemble(spec, source), {})
    assert {one.code for one in verdict.findings} == {"SYN006", "SYN007"}


@pytest.mark.parametrize("missing", ["ty", "ruff"])
def test_a_missing_tool_is_a_stage_error(monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    which = tools.shutil.which
    monkeypatch.setattr(
        tools.shutil, "which", lambda name, path=None: None if name == missing else which(name, path=path)
    )
    with pytest.raises(StageError, match="is not installed"):
        check(GOOD)


@pytest.mark.parametrize(
    ("script", "says"),
    [("exit 2", "ended with code 2"), ("echo nonsense", "ended with code 0"), ("sleep 30", "took more than")],
)
def test_a_tool_that_breaks_or_hangs_is_a_stage_error(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, script: str, says: str
) -> None:
    fake = tmp_path / "ty"
    fake.write_text(f"#!/bin/sh\nexec {script}\n" if script.startswith("sleep") else f"#!/bin/sh\n{script}\n")
    fake.chmod(0o755)
    real = tools.tool
    monkeypatch.setattr(tools, "tool", lambda name: str(fake) if name == "ty" else real(name))
    monkeypatch.setattr(tools, "TIMEOUT", 0.5)
    began = time.perf_counter()
    with pytest.raises(StageError, match=says):
        check(GOOD)
    assert time.perf_counter() - began < 5


def test_configuration_around_the_working_directory_counts_for_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "ruff.toml").write_text('lint.ignore = ["ALL"]\n')
    (tmp_path / "ty.toml").write_text('[rules]\nall = "ignore"\n')
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TY_CONFIG_FILE", str(tmp_path / "ty.toml"))
    monkeypatch.setenv("RUFF_NO_CACHE", "false")
    found = {one.code for one in check(FEE + '    rate = 3\n    return "x"  # C1\n').findings}
    assert found == {"SYN004", "SYN005"}


def test_an_empty_list_without_annotation_may_take_up_typed_dicts() -> None:
    spec = parse_spec(
        "metadata: {name: bags}\n"
        "inputs: {bags: list of integer}\n"
        "outputs: {rows: {type: list, items: {type: object, fields: {pounds: integer}}}}\n"
        "logic_requirements: [{step: weigh, type: function, intent: Weigh.}]\n"
    )
    logic = (
        "def weigh(bags: list[int]) -> list[RowsItem]:\n"
        "    rows = []\n"
        "    seen = {}\n"
        "    for bag in bags:\n"
        "        seen[bag] = True\n"
        '        rows.append({"pounds": bag})\n'
        "    return rows  # C1\n"
    )
    verdict, _ = STAGE.check(assemble(spec, logic), {})
    assert [str(finding) for finding in verdict.findings] == []
    wrong = logic.replace("return rows", "return len(rows)")
    verdict, _ = STAGE.check(assemble(spec, wrong), {})
    assert [(finding.code, finding.line) for finding in verdict.findings] == [("SYN004", 7)]


def test_a_table_of_several_kinds_is_no_type_error() -> None:
    spec = parse_spec(
        "metadata: {name: table}\n"
        "inputs: {word: text}\n"
        "outputs: {found: text}\n"
        "logic_requirements: [{step: look, type: function, intent: Look.}]\n"
    )
    logic = (
        'TABLE = {"one": "a+", "many": ("b+", "c+")}\n\n\n'
        "def look(word: str) -> str:\n"
        '    return TABLE["one"] + "|".join(TABLE["many"])  # C1\n'
    )
    verdict, _ = STAGE.check(assemble(spec, logic), {})
    assert [str(finding) for finding in verdict.findings] == []


def test_what_is_said_of_a_piece_of_the_text_as_an_enum_value_can_be_done_in_the_function() -> None:
    spec = parse_spec(
        "metadata: {name: units}\n"
        "inputs: {word: text}\n"
        "outputs: {unit: {type: enum, values: [a, b], nullable: true}}\n"
        "logic_requirements: [{step: look, type: function, intent: Look.}]\n"
    )
    head = "def look(word: str) -> Literal['a', 'b'] | None:\n"
    (found,) = STAGE.check(assemble(spec, f"{head}    return word  # C1\n"), {})[0].findings
    told = str(found.hint).partition("in the function ")[2].partition(", then ")
    mended = f"{head}    {told[0]}\n    return {told[2].replace('text', 'word')}  # C1\n"
    assert "words.get(word)" in mended
    assert STAGE.check(assemble(spec, mended), {})[0].findings == ()
