"""Tables that cannot be used are one precise error, with the row and the column."""

from pathlib import Path

import pytest

from ingot.compile.driver import compile_spec
from ingot.errors import SpecError
from ingot.runtime.run import load
from ingot.spec import load_spec
from ingot.tables.compiled import check_tables
from ingot.tables.csv_text import read_csv
from tests.tables.conftest import table_spec


@pytest.mark.parametrize(
    ("rows", "policy", "message"),
    [
        (
            ['["<= 18", A]', '[">= 18", B]'],
            "unique",
            "row 2: holds together with row 1 for age = 18, and the hit policy",
        ),
        (['["<= 18", A]', '["> 90, 18", B]', '["> 18", A]'], "any", "row 2: .* row 1 for age = 18 and says otherwise"),
        (['["> 10", A]', '["> 20", B]', '["-", C]'], "first", "row 2: no input that no row before it takes reaches"),
        (['["-", A]', '["> 20", B]'], "first", "row 2: no input that no row before"),
        (
            ['["> 10", B]', '["> 20", C]', '["-", A]'],
            "priority",
            "row 1: wherever this row holds, a row with outputs of higher priority",
        ),
        (['["> 130", A]', '["<= 130", B]'], "unique", "row 1: no input reaches this row"),
        (['["[20..10]", A]', '["-", B]'], "collect", "'level' is of type enum"),
    ],
)
def test_contradictions(rows: list[str], policy: str, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        check_tables(table_spec(*rows, policy=policy))


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ('["old", A]', "row 1, column 'age': 'old' is neither a field nor a value of the column"),
        ('["> ", A]', "row 1, column 'age': '> ' ends where a value is expected"),
        ('["[18..64", A]', "lacks ']' or '\\)' or '\\[' at its end"),
        ('["not(18", A]', "lacks '\\)' at its end"),
        ('["18 19", A]', "'19' at character 4 does not belong there"),
        ('["> 18;", A]', "';' at character 5 has no meaning in a cell"),
        ("['\"18\"', A]", "column 'age': \"18\" is a text, and 'age' is integer"),
        ('["> true", A]', "true is a boolean, and 'age' is integer"),
        ('["date(\\"2024-02-30\\")", A]', "is not a date"),
        ('["> null", A]', "null has no order"),
        ('["> 18", D]', "column 'level': 'D' is neither a field nor a value"),
        ("['> 18', '\"D\"']", "column 'level': 'D' is not a value of 'level'"),
        ('["> 18", 5]', "column 'level': 5 is an integer, and 'level' is text|5 is an integer, and 'level' is enum"),
        ('["> 18", null]', "column 'level': null, and 'level' is not nullable"),
        ('["> 18", A + 1]', "which is not a number"),
        ('["> 2 ** age", A]', "the exponent of \\*\\* is a whole number from 0 to 10"),
        ('["> 2 ** 99", A]', "the exponent of \\*\\* is a whole number from 0 to 10"),
        ('["> modulo(age, 2)", A]', "'modulo' is not a function"),
        (f'["{"(" * 40}1{")" * 40}", A]', "nested more than 20 levels"),
        (f'["{"1," * 600}1", A]', "1,000 is the limit"),
    ],
)
def test_cells_that_do_not_fit_say_where(row: str, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        check_tables(table_spec(row))


def test_texts_and_booleans_have_no_order() -> None:
    with pytest.raises(SpecError, match="'plan' is enum, which has no order"):
        check_tables(table_spec('["> gold", A]', reads="[plan]"))
    with pytest.raises(SpecError, match="'member' is boolean, which has no order"):
        check_tables(table_spec('["[false..true]", A]', reads="[member]"))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"reads": "[ages]"}, "column 'ages' is not a field"),
        ({"reads": "[age, age]"}, "duplicate column 'age'"),
        ({"sets": "[levels]"}, "column 'levels' is not a field"),
        ({"reads": "[age, plan]"}, "row 1 of the table has 2 cells for 3 columns"),
        ({"more": "      default: [A, B]\n"}, "default has 2 cells for 1 outputs"),
        ({"more": "      aggregate: sum\n"}, "'aggregate' is for the hit policy collect"),
        ({"policy": "best"}, "best"),
        ({"policy": "collect"}, "answers a list, and 'level' is of type enum"),
        ({"policy": "collect", "more": "      aggregate: sum\n"}, "'sum' is for one column of numbers"),
        ({"policy": "priority", "outputs": "{level: text}"}, "goes by the order of the values of 'level'"),
        ({"outputs": "{level: {type: enum, values: [A, B]}, fee: decimal}"}, "no column sets 'fee'"),
    ],
)
def test_tables_that_do_not_fit_their_step(changes: dict[str, str], message: str) -> None:
    row = "['> 18', '\"A\"']" if "priority" in changes.values() else '["> 18", A]'
    with pytest.raises(SpecError, match=message):
        check_tables(table_spec(row, **changes))


def test_a_table_without_rows() -> None:
    with pytest.raises(SpecError, match=r"spec.yaml:\d+:\d+: .*rows"):
        table_spec()


SPEC = """\
# the fee schedule
metadata: {name: fees}
inputs:
  age: {type: integer, range: [0, 120]}
logic_requirements:
  - step: judge
    type: deterministic_rule
    outputs: {level: {type: enum, values: [A, B]}}
    table: {csv: fees.csv, outputs: [level]}
cases:
  - {input: {age: 17}, expected: {level: A}}
  - {input: {age: 18}, expected: {level: B}}
"""


def test_a_table_from_a_csv_file_goes_into_the_artifact(tmp_path: Path) -> None:
    (tmp_path / "spec.yaml").write_text(SPEC)
    (tmp_path / "fees.csv").write_text('level,age\nA,< 18\n\nB,"[18..64], > 64"\n')
    compiled = compile_spec(tmp_path / "spec.yaml", out=tmp_path / "out")
    assert compiled.path is not None
    (tmp_path / "fees.csv").unlink()
    assert "# the fee schedule" in (compiled.path / "spec.yaml").read_text()
    assert load(compiled.path).run({"age": 65}).output == {"level": "B"}


def test_a_bad_cell_of_a_spec_file_has_its_line(tmp_path: Path) -> None:
    path = tmp_path / "spec.yaml"
    rows = '\n      inputs: [age]\n      outputs: [level]\n      rows:\n        - ["< 18", A]\n        - [">= x", B]'
    path.write_text(SPEC.replace(" {csv: fees.csv, outputs: [level]}", rows))
    with pytest.raises(SpecError, match=r"spec.yaml:14:12: table of 'judge', row 2, column 'age': 'x'"):
        compile_spec(path)


def test_files_are_beside_the_spec(tmp_path: Path) -> None:
    path = tmp_path / "spec.yaml"
    path.write_text(SPEC.replace("fees.csv", "../fees.csv"))
    with pytest.raises(SpecError, match="outside the spec's folder"):
        load_spec(path)
    path.write_text(SPEC)
    with pytest.raises(SpecError, match="cannot read the table file"):
        load_spec(path)
    (tmp_path / "fees.csv").write_text("age,level\n18\n")
    with pytest.raises(SpecError, match=r"fees\.csv:2:2: 1 cells for 2 columns"):
        load_spec(path)
    for mark, said in ((";", "';'"), ("\t", "tabs"), ("|", r"'\|'")):
        (tmp_path / "fees.csv").write_text(f"age{mark}level\n< 18{mark}A\n")
        with pytest.raises(SpecError, match=rf"fees\.csv:1:1: its columns are set apart by {said}, not by commas"):
            load_spec(path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "f.csv:1:1: the table has no rows"),
        ("age,level\n", "f.csv:1:1: the table has no rows"),
        ("age,age,level\n1,2,A\n", "f.csv:1:2: the column 'age' stands twice"),
        ("age,,level\n1,2,A\n", "f.csv:1:2: column 2 has no name"),
        ("age,note,level\n1,2,A\n", "f.csv:1:2: unknown column 'note'"),
        ("ages,level\n1,A\n", "f.csv:1:1: unknown column 'ages'"),
        ("age\n1\n", "f.csv:1:1: no column 'level'"),
        ('age,level\n"1,A\n', "malformed CSV"),
        ("age,level\n" + "1,A\n" * 1_001, "1,000 is the limit"),
        ("x" * 300_000, "is the limit"),
    ],
)
def test_broken_csv_has_a_place(text: str, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        read_csv(text, "f.csv", ["level"], ["age"])
