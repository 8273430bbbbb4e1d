"""Gaps, overlaps and rows that no input reaches: exact, by regions, each with a witness.

The literals of a column cut its values into regions inside which no cell can tell two values apart. Going through the
columns, the inputs fall into classes by the set of rows that can still hold; the classes are few where the rows are,
so the whole product of regions is decided without being walked. Where a cell compares with another field, or there are
more than `MOST_CLASSES` classes, nothing is proved and `Coverage.reason` says why.
"""

from __future__ import annotations

import functools
import itertools
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_FLOOR, Decimal
from typing import Any

from ingot.fields import Field
from ingot.tables.cells import Cell, Comparison, Expression, Interval, Literal, Test, refs, show_value
from ingot.tables.table import Column, DecisionTable, Row

MOST_CLASSES = 20_000
GAPS_SHOWN = 5
PRIORITIES = ("priority", "output order")

Witness = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Coverage:
    """What was found. `gaps` are inputs that no row holds for, the first few of `gap_count` regions (a column that is
    not named may have any value). `overlaps` are pairs of rows with an input for which both hold. `dead` are the rows
    that no input reaches, or that never decide because rows before them always do. `exact` is False where nothing is
    proved; `reason` then says why."""

    gaps: tuple[Witness, ...] = ()
    gap_count: int = 0
    overlaps: tuple[tuple[Row, Row, Witness], ...] = ()
    dead: tuple[Row, ...] = ()
    exact: bool = True
    reason: str = ""


def in_order(table: DecisionTable) -> tuple[Row, ...]:
    """The rows, the one that decides first: by the order of the output values where the hit policy says so."""
    if table.table.hit_policy not in PRIORITIES:
        return table.rows
    return tuple(sorted(table.rows, key=lambda row: [_rank(table, row, n) for n in range(len(row.outputs))]))


def _rank(table: DecisionTable, row: Row, number: int) -> int:
    field, found = table.outputs[number], row.outputs[number]
    if field.type != "enum" or not isinstance(found, Literal) or found.value is None:
        return len(field.values)
    return field.values.index(str(found.value))


def cover(table: DecisionTable) -> Coverage:
    """The coverage of a table."""
    rows = in_order(table)
    columns = _columns(rows, table.columns)
    for column, cells in columns:
        for row, tests in zip(rows, cells, strict=True):
            if not all(isinstance(one, Literal) for cell in tests for one in _operands(cell)):
                what = (
                    "another field"
                    if any(True for cell in tests for one in _operands(cell) for _ in refs(one))
                    else "a computed value"
                )
                reason = f"a cell of row {row.number + 1} compares {column.path!r} with {what}"
                return Coverage(exact=False, reason=reason)
    classes: dict[int, Witness] = {(1 << len(rows)) - 1: {}}
    gaps: list[Witness] = []
    gap_count = 0
    for column, cells in columns:
        regions = _regions(column.field, cells)
        after: dict[int, Witness] = {}
        for held, witness in classes.items():
            for mask, value in regions.items():
                left = held & mask
                if left:
                    after.setdefault(left, {**witness, column.path: value})
                else:
                    gap_count += 1
                    if len(gaps) < GAPS_SHOWN:
                        gaps.append({**witness, column.path: value})
        classes = after
        if len(classes) > MOST_CLASSES:
            return Coverage(exact=False, reason=f"its rows meet in more than {MOST_CLASSES:,} ways")
    return _found(table, rows, classes, gaps, gap_count)


def _found(
    table: DecisionTable, rows: Sequence[Row], classes: Mapping[int, Witness], gaps: list[Witness], gap_count: int
) -> Coverage:
    pairs: dict[tuple[int, int], Witness] = {}
    met = [0] * len(rows)
    alive = 0
    ordered = table.table.hit_policy in ("first", "priority")
    for held, witness in classes.items():
        alive |= held & -held if ordered else held
        for first in _bits(held):
            fresh = held & ~met[first] & -(2 << first)
            met[first] |= fresh
            pairs |= {(first, second): witness for second in _bits(fresh)}
    overlaps = tuple((rows[a], rows[b], witness) for (a, b), witness in sorted(pairs.items()))
    dead = tuple(row for n, row in enumerate(rows) if not alive >> n & 1)
    return Coverage(tuple(gaps), gap_count, overlaps, dead)


def _columns(rows: Sequence[Row], columns: Sequence[Column]) -> list[tuple[Column, list[tuple[Cell, ...]]]]:
    """The columns with each row's cells; columns that read the same path are one."""
    found: dict[str, tuple[Column, list[tuple[Cell, ...]]]] = {}
    for n, column in enumerate(columns):
        cells: list[tuple[Cell, ...]] = [(row.cells[n],) for row in rows]
        if column.path in found:
            before = found[column.path][1]
            cells = [(*old, *new) for old, new in zip(before, cells, strict=True)]
        found[column.path] = (column, cells)
    return list(found.values())


def _operands(cell: Cell) -> list[Expression]:
    found: list[Expression] = []
    for test in cell.tests:
        found += [test.right] if isinstance(test, Comparison) else [test.low, test.high]
    return found


# ---- regions -----------------------------------------------------------------------------------------------------


def _regions(field: Field, cells: Sequence[tuple[Cell, ...]]) -> dict[int, Any]:
    """One value for each set of rows whose cells hold for the same values; a bit stands for a row."""
    constants = {one.value for row in cells for cell in row for one in _operands(cell) if isinstance(one, Literal)} - {
        None
    }
    values = _values(field, constants)
    line = _Line(values, field.nullable)
    flips = [0] * (line.size + 1)
    spans: dict[tuple[Cell, ...], int] = {}
    for n, row in enumerate(cells):
        if row not in spans:
            spans[row] = functools.reduce(int.__and__, (line.where(cell) for cell in row))
        for place in _bits(spans[row] ^ spans[row] << 1):
            flips[place] ^= 1 << n
    found: dict[int, Any] = {}
    mask = 0
    for value, flip in zip([*values, *([None] if field.nullable else [])], flips, strict=False):
        mask ^= flip
        found.setdefault(mask, value)
    return found


def _bits(mask: int) -> Iterator[int]:
    """The places of the bits that are set, from the lowest."""
    while mask:
        lowest = mask & -mask
        yield lowest.bit_length() - 1
        mask ^= lowest


class _Line:
    """The values of a field side by side, null last; a set of them is a number with a bit for each."""

    def __init__(self, values: Sequence[Any], nullable: bool) -> None:
        self.size = len(values) + nullable
        self._values = values
        self._places = {value: n for n, value in enumerate(values)}
        self._known = (1 << len(values)) - 1
        self._null = (1 << len(values)) if nullable else 0

    def where(self, cell: Cell) -> int:
        """The values that a cell of literals holds for. A comparison with null says nothing, so it does not hold,
        except with the literal null."""
        if not cell.tests:
            return self._known | self._null
        some = functools.reduce(int.__or__, (self._test(test) for test in cell.tests))
        return self._known & ~some if cell.negated else some

    def _test(self, test: Test) -> int:
        if isinstance(test, Interval):
            low, high = _value_of(test.low), _value_of(test.high)
            if low is None or high is None:
                return 0
            return self._compared(">=" if test.low_counts else ">", low) & self._compared(
                "<=" if test.high_counts else "<", high
            )
        right = _value_of(test.right)
        if right is None:
            return {"=": self._null, "!=": self._known}.get(test.op, 0)
        return self._compared(test.op, right)

    def _compared(self, op: str, right: Any) -> int:
        if op in ("=", "!="):
            place = self._places.get(right)
            equal = 0 if place is None else 1 << place
            return equal if op == "=" else self._known ^ equal
        before = (1 << (bisect_left if op in ("<", ">=") else bisect_right)(self._values, right)) - 1
        return before if op in ("<", "<=") else self._known ^ before


def _value_of(expression: Expression) -> Any:
    assert isinstance(expression, Literal)
    return expression.value


def _values(field: Field, constants: set[Any]) -> list[Any]:
    """At least one value of every region of a field's values."""
    match field.type:
        case "boolean":
            return [True, False]
        case "enum":
            return list(field.values)
        case "text":
            return [*sorted(constants), _other_text(constants)]
        case "date":
            return _dates(field, constants)
        case _:
            return _numbers(field, constants)


def _other_text(constants: set[str]) -> str:
    return next(text for n in itertools.count() if (text := f"another text{'' if n == 0 else n}") not in constants)


def _dates(field: Field, constants: set[date]) -> list[date]:
    bounds = {bound for bound in (field.minimum, field.maximum) if isinstance(bound, date)}
    ordered = constants | bounds or {date(2024, 1, 1)}
    days = {one.toordinal() + move for one in ordered for move in (-1, 0, 1)}
    found = [date.fromordinal(day) for day in sorted(days) if 1 <= day <= date.max.toordinal()]
    return [one for one in found if _inside(field, one)]


def _numbers(field: Field, constants: set[Decimal]) -> list[Decimal]:
    """The constants, what lies between each two, and what lies beyond: whole numbers only for an integer, and no finer
    than its places for a decimal."""
    bounds = {bound for bound in (field.minimum, field.maximum) if isinstance(bound, Decimal)}
    ordered = sorted(constants | bounds) or [Decimal(0)]
    places = 0 if field.type == "integer" else field.places
    if places is None:
        middles = [(low + high) / 2 for low, high in itertools.pairwise(ordered)]
        points = [ordered[0] - 1, *ordered, *middles, ordered[-1] + 1]
    else:
        grain = Decimal(1).scaleb(-places)
        floors = [(one / grain).to_integral_value(ROUND_FLOOR) * grain for one in ordered]
        points = [floors[0] - grain, *(one for one in ordered if one in floors), *(one + grain for one in floors)]
    return [point for point in sorted(set(points)) if _inside(field, point)]


def _inside(field: Field, value: Any) -> bool:
    low, high = field.minimum, field.maximum
    return (low is None or value >= low) and (high is None or value <= high)


def show_witness(witness: Witness) -> str:
    """A witness as a short text: ``age = 18, plan = "gold"``."""
    return ", ".join(f"{name} = {show_value(value)}" for name, value in witness.items()) or "any input"
