"""Tables become functions that do what the rows say, under each hit policy."""

import ast
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from ingot.compile.driver import compile_spec, provenance
from ingot.runtime.run import load
from tests.tables.conftest import Run, program_of, table_spec


def levels(run: Run, spec: object, *ages: int) -> list[object]:
    return [(run(spec, age=age)[0] or {"level": "?"})["level"] for age in ages]


def test_unique(run: Run) -> None:
    spec = table_spec('["< 18", A]', '["[18..64]", B]', '["> 64", C]')
    assert levels(run, spec, 17, 18, 64, 65) == ["A", "B", "B", "C"]
    assert [clause.id for clause in spec.clauses] == ["R1", "R2", "R3"]
    logic = program_of(spec).logic
    assert [line.split("# ")[1].split(":")[0] for line in logic.splitlines() if "return" in line] == ["R1", "R2", "R3"]


def test_open_ends_and_disjunction(run: Run) -> None:
    spec = table_spec('["(18..30), ]40..50[, 99", A]', '["-", B]', policy="first")
    assert levels(run, spec, 18, 19, 30, 40, 41, 49, 50, 99) == ["B", "A", "B", "B", "A", "A", "B", "A"]


def test_not_and_texts(run: Run) -> None:
    spec = table_spec('["not(gold, \\"tin\\")", A]', "[\"'gold'\", B]", "[tin, C]", reads="[plan]")
    answers = [run(spec, plan=plan)[0]["level"] for plan in ("gold", "silver", "tin")]
    assert answers == ["B", "A", "C"]


def test_a_gap_is_for_a_person_where_the_output_may_not_be_null(run: Run) -> None:
    rows = ('["< 18", A]', '["> 18", B]')
    output, review = run(table_spec(*rows), age=18)
    assert output is None
    assert review[0] == "judge"
    nullable = table_spec(*rows, outputs="{level: {type: enum, values: [A, B, C], nullable: true}}")
    assert run(nullable, age=18) == ({"level": None}, None)
    with_default = table_spec(*rows, more="      default: [C]\n")
    assert run(with_default, age=18) == ({"level": "C"}, None)


def test_priority_goes_by_the_order_of_the_values(run: Run) -> None:
    spec = table_spec('["-", C]', '["> 10", B]', '["> 20", A]', policy="priority")
    assert levels(run, spec, 5, 15, 25) == ["C", "B", "A"]


def test_any_takes_rows_that_agree(run: Run) -> None:
    spec = table_spec('["< 18", A]', '["< 12", A]', '[">= 18", B]', policy="any")
    assert levels(run, spec, 5, 15, 25) == ["A", "A", "B"]


@pytest.mark.parametrize(
    ("aggregate", "kind", "answers"),
    [
        ("list", "list of decimal", [["1.5", "2", "0.5"], ["1.5"], []]),
        ("sum", "decimal?", ["4.0", "1.5", None]),
        ("min", "decimal?", ["0.5", "1.5", None]),
        ("max", "decimal?", ["2", "1.5", None]),
        ("count", "integer", [3, 1, 0]),
    ],
)
def test_collect(run: Run, aggregate: str, kind: str, answers: list[object]) -> None:
    spec = table_spec(
        '["> 1", 1.5]', '["> 2", 2]', '["> 3", 0.5]', policy="collect", sets="[fee]",
        outputs=f"{{fee: {kind}}}", more=f"      aggregate: {aggregate}\n",
    )  # fmt: skip
    for age, answer in zip((4, 2, 1), answers, strict=True):
        found = run(spec, age=age)[0]["fee"]
        plain = [str(one) for one in found] if isinstance(found, list) else found
        assert (str(plain) if isinstance(plain, Decimal) else plain) == answer


def test_output_order_and_objects(run: Run) -> None:
    outputs = (
        "{hits: {type: list, items: {type: object, fields: {level: {type: enum, values: [A, B, C]}, note: text}}}}"
    )
    spec = table_spec(
        '["> 1", C, "\\"low\\""]',
        '["> 2", A, "\'high\'"]',
        policy="output order",
        sets="[level, note]",
        outputs=outputs,
    )
    assert run(spec, age=3)[0]["hits"] == [{"level": "A", "note": "high"}, {"level": "C", "note": "low"}]


def test_arithmetic_is_decimal_and_rounded_to_the_places(run: Run) -> None:
    inputs = "{amount: {type: decimal, unit: USD}, months: integer}"
    spec = table_spec(
        '["> 0", "(amount + 1) / months * 2", "max(months, 3) - -1"]', '["<= 0", amount, 0]', inputs=inputs, reads="[months]",
        sets="[fee, term]", outputs="{fee: {type: decimal, unit: USD, places: 2}, term: integer}",
    )  # fmt: skip
    output, review = run(spec, amount=Decimal("9.00"), months=3)
    assert review is None
    assert output == {"fee": Decimal("6.67"), "term": 4}


@pytest.mark.parametrize(
    ("cell", "answer"),
    [
        ("max(n, x)", "3.00"),
        ("min(0.5, n, -(n))", "-3.00"),
        ("max(n, x) / 2", "1.50"),
        ("max(n, x) / n", "1.00"),
        ("if n > 1 then max(-(n), 0.25, min(n, x)) else x", "0.25"),
        ("n ** 0 + x", "1.10"),
        ("(n - 3) ** 0 + x", "None"),
        ("0 ** 0 + x", "None"),
        ("2 ** 0 + x", "1.10"),
    ],
)
def test_a_whole_number_beside_a_decimal_is_one(run: Run, cell: str, answer: str) -> None:
    spec = table_spec(
        f'["-", "{cell}"]',
        reads="[n]",
        sets="[cost]",
        inputs="{n: {type: integer, range: [0, 9]}, x: {type: decimal, places: 1, range: [0, 9]}}",
        outputs='{cost: {type: "decimal?", places: 2}}',
    )
    found = run(spec, n=3, x=Decimal("0.1"))[0]["cost"]
    assert str(found) == answer


def test_a_sign_binds_before_a_power(run: Run) -> None:
    spec = table_spec('["> 3", "-age ** 2"]', '["<= 3", "-2 ** 2 - 1"]', outputs="{fee: integer}", sets="[fee]")
    assert [run(spec, age=age)[0]["fee"] for age in (4, 3)] == [16, 3]


def test_dates_and_a_comparison_with_a_field(run: Run) -> None:
    spec = table_spec(
        '["< date(\\"2024-03-01\\")", A]',
        '["> due", B]',
        inputs="{paid: date, due: date}",
        reads="[paid]",
        policy="first",
    )
    assert run(spec, paid=date(2024, 2, 29), due=date(2024, 2, 1))[0] == {"level": "A"}
    assert run(spec, paid=date(2024, 3, 1), due=date(2024, 2, 1))[0] == {"level": "B"}
    assert run(spec, paid=date(2024, 3, 1), due=date(2024, 4, 1))[1][0] == "judge"


def test_rows_that_are_not_proved_apart_are_counted_at_run_time(run: Run) -> None:
    spec = table_spec('["> low", A]', '["< high", B]', inputs="{age: integer, low: integer, high: integer}")
    assert run(spec, age=5, low=1, high=2)[0] == {"level": "A"}
    assert run(spec, age=5, low=1, high=9)[1][0] == "judge"


def test_a_comparison_with_null_does_not_hold(run: Run) -> None:
    inputs = "{age: integer?, limit: integer?}"
    rows = ('["> 18", A]', '["not(> 18)", B]', '["null", C]')
    spec = table_spec(*rows, inputs=inputs, step="    on_null: handle\n    inputs: [age]\n")
    assert [run(spec, age=age)[0] for age in (19, 18, None)] == [{"level": one} for one in "ABC"]
    spec = table_spec('["not(< limit)", A]', '["-", B]', policy="first", inputs=inputs, step="    on_null: handle\n")
    answers = [run(spec, age=age, limit=limit)[0]["level"] for age, limit in ((2, 1), (1, 2), (2, None), (None, 1))]
    assert answers == ["A", "B", "B", "B"]


def test_nulls_escalate_where_nothing_else_is_said(run: Run) -> None:
    spec = table_spec('["> 18", A]', '["<= 18", B]', inputs="{age: integer?}")
    assert run(spec, age=None)[1][0] == "judge"


def test_a_part_of_an_object(run: Run) -> None:
    inputs = "{item: {type: object, fields: {price: decimal, name: text}}}"
    spec = table_spec('["> 10.5", A]', '["<= 10.5", B]', inputs=inputs, reads="[item.price]")
    assert run(spec, item={"price": Decimal("10.6"), "name": "x"})[0] == {"level": "A"}


CASES = """
cases:
  - {input: {age: 17, plan: gold, member: true}, expected: {level: A}}
  - {input: {age: 64, plan: gold, member: true}, expected: {level: B}}
  - {input: {age: 65, plan: gold, member: true}, expected: {level: C}, held_out: true}
"""
SPEC = """
metadata: {name: tabled}
inputs: {age: {type: integer, range: [0, 120]}, plan: text, member: boolean}
logic_requirements:
  - step: judge
    type: deterministic_rule
    outputs: {level: {type: enum, values: [A, B, C]}}
    table:
      inputs: [age]
      outputs: [level]
      rows:
        - ["< 18", A]
        - ["[18..64]", B]
        - ["> 64", C]
"""


def test_a_spec_of_tables_compiles_without_a_model(tmp_path: Path) -> None:
    path = tmp_path / "spec.yaml"
    path.write_text(SPEC + CASES)
    compiled = compile_spec(path, out=tmp_path / "out")
    assert compiled.passed
    assert compiled.usage.requests == 0
    assert [attempt.kind for attempt in compiled.attempts] == ["given"]
    assert compiled.path is not None
    workflow = load(compiled.path)
    assert provenance(compiled)["author"]["kind"] == "table"
    assert workflow.run({"age": 70, "plan": "x", "member": False}).output == {"level": "C"}
    again = compile_spec(path, out=tmp_path / "again")
    assert again.digest == compiled.digest


def test_a_wrong_case_refuses_a_table_as_it_refuses_a_model(tmp_path: Path) -> None:
    path = tmp_path / "spec.yaml"
    path.write_text(SPEC + CASES.replace("level: B", "level: C"))
    with pytest.raises(Exception, match="no candidate passed"):
        compile_spec(path)


def test_a_table_source_parses_whatever_the_texts_hold(run: Run) -> None:
    spec = table_spec('[\'"a\\"b\\\\c"\', A]', '["-", B]', reads="[note]", inputs="{note: text}", policy="first")
    ast.parse(program_of(spec).logic)
    assert run(spec, note='a"b\\c')[0] == {"level": "A"}
