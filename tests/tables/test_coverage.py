"""Gaps, overlaps and dead rows against the slow truth: every value of small columns, in every combination."""

import itertools
import random
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

import pytest

from ingot.spec import Spec
from ingot.tables.cells import Cell, Comparison, Literal, Test
from ingot.tables.coverage import Coverage, cover, show_witness
from ingot.tables.source import may_miss
from ingot.tables.table import DecisionTable, read_table
from tests.tables.conftest import Run, table_spec

INPUTS = (
    "{age: {type: integer, range: [-3, 9], nullable: true}, fee: {type: decimal, places: 1, range: [0, 1]}, "
    "plan: {type: enum, values: [gold, tin]}, member: boolean}"
)
READS = ("age", "fee", "plan", "member")
AGES = [
    "-",
    "null",
    "not(null)",
    "< 2",
    ">= 2",
    "[0..4]",
    "(0..4)",
    "not(3, 5)",
    "]-1..7]",
    "1, 2, > 6",
    "!= 4",
    "2.5",
    "-2",
]
FEES = ["-", "-", "< 0.5", ">= 0.5", "[0.2..0.3]", "(0.2..0.3)", "not(0.1)", "0.55", "> 0.9"]
PLANS = ["-", "gold", "tin", "not(tin)", "gold, tin"]
MEMBERS = ["-", "true", "false", "not(true)"]


def holds(cell: Cell, value: Any) -> bool:
    """Whether a cell of literals holds for a value. A comparison with null says nothing, so it does not hold, except
    with the literal null."""
    if not cell.tests:
        return True
    if cell.negated:
        if value is None:
            return False
        return not any(one_holds(test, value) for test in cell.tests)
    return any(one_holds(test, value) for test in cell.tests)


def one_holds(test: Test, value: Any) -> bool:
    ends = [test.right] if isinstance(test, Comparison) else [test.low, test.high]
    literals = [one.value for one in ends if isinstance(one, Literal)]
    if isinstance(test, Comparison) and literals == [None]:
        return test.op in ("=", "!=") and (value is None) == (test.op == "=")
    if value is None or None in literals:
        return False
    if isinstance(test, Comparison):
        right: Any = literals[0]
        return bool(COMPARE[test.op](value, right))
    low, high = literals
    above = value >= low if test.low_counts else value > low
    return bool(above and (value <= high if test.high_counts else value < high))


COMPARE: Mapping[str, Any] = {
    "=": lambda a, b: a == b, "!=": lambda a, b: a != b, "<": lambda a, b: a < b, "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b, ">=": lambda a, b: a >= b,
}  # fmt: skip


def random_spec(seed: int, policy: str) -> Spec:
    draw = random.Random(seed)
    rows = [
        f"[{', '.join(repr(draw.choice(cells)) for cells in (AGES, FEES, PLANS, MEMBERS))}, {draw.choice('ABC')}]"
        for _ in range(draw.randint(1, 5))
    ]
    return table_spec(*rows, policy=policy, reads=f"[{', '.join(READS)}]", inputs=INPUTS, step="    on_null: handle\n")


def typed(spec: Spec) -> DecisionTable:
    return read_table(spec.logic_requirements[0], {field.name: field for field in spec.inputs})


def every_input() -> Iterator[dict[str, Any]]:
    fees = [Decimal(n) / 10 for n in range(11)]
    for values in itertools.product([None, *range(-3, 10)], fees, ["gold", "tin"], [True, False]):
        yield dict(zip(READS, values, strict=True))


def held(table: DecisionTable, values: dict[str, Any]) -> list[int]:
    return [
        row.number
        for row in table.rows
        if all(holds(cell, values[column.path]) for cell, column in zip(row.cells, table.columns, strict=True))
    ]


@pytest.mark.parametrize("seed", range(40))
def test_what_is_found_is_all_there_is(seed: int) -> None:
    table = typed(random_spec(seed, "first"))
    coverage = cover(table)
    assert coverage.exact
    seen = [held(table, values) for values in every_input()]
    assert bool(coverage.gap_count) is any(not rows for rows in seen)
    pairs = {pair for rows in seen for pair in itertools.combinations(rows, 2)}
    assert {(a.number, b.number) for a, b, _ in coverage.overlaps} == pairs
    assert {row.number for row in table.rows} - {row.number for row in coverage.dead} == {
        rows[0] for rows in seen if rows
    }


@pytest.mark.parametrize("seed", range(40))
def test_witnesses_are_inputs_that_show_it(seed: int) -> None:
    table = typed(random_spec(seed, "unique"))
    coverage = cover(table)
    full = next(every_input())
    for gap in coverage.gaps:  # columns that are not named may have any value
        assert held(table, {**full, **gap}) == []
    for first, second, witness in coverage.overlaps:
        assert {first.number, second.number} <= set(held(table, {**full, **witness}))


@pytest.mark.parametrize("policy", ["unique", "first", "any", "priority"])
@pytest.mark.parametrize("seed", range(6))
def test_the_program_does_what_the_rows_say(run: Run, seed: int, policy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.tables.conftest.check_tables", lambda spec: None)  # contradictions are run here, too
    spec = random_spec(100 + seed, policy)
    table = typed(spec)
    letters = [row[-1] for row in spec.logic_requirements[0].table.rows]  # type: ignore[union-attr]
    for values in itertools.islice(every_input(), 0, None, 7):
        found = [letters[number] for number in held(table, values)]
        output, review = run(spec, **values)
        expected = {
            "unique": found[0] if len(found) == 1 else None,
            "first": next(iter(found), None),
            "any": found[0] if len(set(found)) == 1 else None,
            "priority": min(found, default=None),
        }[policy]
        assert (output or {"level": None})["level"] == expected, values
        assert (review is None) is (expected is not None)
        assert review is None or may_miss(table.step, {field.name: field for field in spec.inputs})


def test_a_hundred_rows_over_many_columns_are_still_exact() -> None:
    names = [f"f{n}" for n in range(12)]
    inputs = "{" + ", ".join(f"{name}: integer" for name in names) + "}"
    rows = []
    for n in range(100):
        cells = ["'-'"] * 12
        cells[n % 12] = f"'{n}'"
        rows.append(f"[{', '.join(cells)}, A]")
    table = typed(table_spec(*rows[:10], policy="any", reads=f"[{', '.join(names)}]", inputs=inputs))
    assert cover(table).exact
    table = typed(table_spec(*rows, policy="any", reads=f"[{', '.join(names)}]", inputs=inputs))
    coverage = cover(table)
    assert not coverage.exact
    assert coverage.reason == "its rows meet in more than 20,000 ways"


def test_a_comparison_with_a_field_is_not_claimed_to_be_checked() -> None:
    table = typed(table_spec('["> low", A]', '["-", B]', inputs="{age: integer, low: integer}", policy="first"))
    assert cover(table) == Coverage(exact=False, reason="a cell of row 1 compares 'age' with another field")


def test_a_witness_is_written_as_cells_are() -> None:
    assert show_witness({"fee": Decimal("0.50"), "plan": "gold", "ok": None}) == 'fee = 0.50, plan = "gold", ok = null'
