"""Tables of hundreds of rows: written, checked and run like short ones, and every row stays a clause that is cited."""

import time
from decimal import Decimal
from pathlib import Path

import pytest

from ingot.compile.driver import Compiled, check, compile_spec
from ingot.runtime.run import load
from ingot.spec import Spec, parse_spec
from ingot.tables.compiled import from_tables
from tests.tables.conftest import program_of

ROWS = 500


def long_text(rows: int, policy: str, output: str = "fee: {type: decimal, places: 2}", more: str = "") -> str:
    cells = "\n".join(f'        - ["[{n * 10}..{n * 10 + 9}]", {n}.50]' for n in range(rows))
    return (
        f"metadata: {{name: long}}\ninputs:\n  income: {{type: integer, range: [0, {rows * 10 - 1}]}}\n"
        f"logic_requirements:\n  - step: charge\n    type: deterministic_rule\n    outputs: {{{output}}}\n"
        f"    table:\n      hit_policy: {policy}\n      inputs: [income]\n      outputs: [fee]\n{more}      rows:\n"
        f"{cells}\ncases:\n  - {{input: {{income: 12}}, expected: {{fee: {'[1.50]' if 'list' in output else '1.50'}}}}}\n"
    )


def compiled(folder: Path, text: str) -> Compiled:
    path = folder / "spec.yaml"
    path.write_text(text, encoding="utf-8")
    return compile_spec(path, out=folder / "artifacts")


@pytest.mark.parametrize(
    ("policy", "output"),
    [("unique", "fee: {type: decimal, places: 2}"), ("first", "fee: {type: decimal, places: 2}"),
     ("collect", "fee: list of decimal")],
)  # fmt: skip
def test_five_hundred_rows_compile_and_run(tmp_path: Path, policy: str, output: str) -> None:
    began = time.process_time()
    done = compiled(tmp_path, long_text(ROWS, policy, output))
    assert done.passed
    assert done.path is not None
    workflow = load(done.path)
    for number in (0, 249, ROWS - 1):
        told = workflow.explain({"income": number * 10 + 9})
        assert told.outcome.output is not None
        answer = told.outcome.output["fee"]
        assert answer == ([Decimal(f"{number}.50")] if policy == "collect" else Decimal(f"{number}.50"))
    assert time.process_time() - began < 30


def test_explain_names_the_row_that_decided(tmp_path: Path) -> None:
    done = compiled(tmp_path, long_text(120, "first"))
    assert done.path is not None
    told = load(done.path).explain({"income": 777})
    assert told.decisions[-1].clauses == ("R78",)


def test_rows_that_no_case_takes_are_a_warning(tmp_path: Path) -> None:
    done = compiled(tmp_path, long_text(30, "unique"))
    told = [finding for verdict in done.verdicts for finding in verdict.findings if finding.code == "EXE008"]
    assert [finding.severity for finding in told] == ["warning"]
    assert "of the tables' branches" in told[0].message


def test_the_limits_hold_for_a_function_that_somebody_else_wrote(tmp_path: Path) -> None:
    text = long_text(30, "unique")
    path = tmp_path / "spec.yaml"
    path.write_text(text, encoding="utf-8")
    logic = program_of(parse_spec(text)).logic
    assert check(path, logic).passed
    other = logic.replace('Decimal("7.50")', 'Decimal("7.5")')
    told = {finding.code for verdict in check(path, other).verdicts for finding in verdict.findings}
    assert {"SYN006", "SYN007"} <= told


def test_only_functions_that_are_their_table_count_as_written_from_it() -> None:
    spec: Spec = parse_spec(long_text(12, "unique"))
    assert from_tables(program_of(spec)) == {"charge"}


def test_a_gap_in_a_long_table_is_asked_about() -> None:
    from ingot.questions import find_questions

    text = long_text(90, "unique").replace('        - ["[40..49]", 4.50]\n', "")
    told = [question for question in find_questions(parse_spec(text)) if question.id == "gap:charge"]
    assert len(told) == 1
    assert "income = 40" in told[0].text
