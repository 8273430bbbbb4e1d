"""Figures of several logs of one suite side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ingot.evals.log import Log
from ingot.evals.metrics.every import every
from ingot.evals.metrics.measure import Measure
from ingot.evals.shared import alike
from ingot.usage import PricedAs

BASELINE = "direct"

Measured = Sequence[Mapping[str, Sequence[Measure]]]
"""For each log its category to figures. They take seconds, so a report measures once and shows it in every form."""


@dataclass(frozen=True, slots=True)
class Row:
    """One figure for every solver, None where a solver has no such figure."""

    name: str
    unit: str
    measures: tuple[Measure | None, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """The figures of one category."""

    title: str
    rows: tuple[Row, ...]


def measured(logs: Sequence[Log], *, priced_as: PricedAs = "") -> Measured:
    """Every figure of every log. The log of ``direct``, where there is one, is the baseline.

    Raises InputError where the logs are of different suites or have different tasks, as where one was cut short.
    """
    alike(logs)
    baseline = next((log for log in logs if log.header.solver == BASELINE), None)
    return [every(log, None if log is baseline else baseline, priced_as=priced_as) for log in logs]


def tables(found: Measured) -> tuple[Table, ...]:
    """A table for each category that has figures, a column for each log."""
    made = (_table(category, [one[category] for one in found]) for category in found[0])
    return tuple(table for table in made if table.rows)


def _table(category: str, columns: Sequence[Sequence[Measure]]) -> Table:
    names: dict[str, str] = {}
    for column in columns:
        names |= {one.name: one.unit for one in column if one.name not in names}
    by_name = [{one.name: one for one in column} for column in columns]
    return Table(
        category, tuple(Row(name, unit, tuple(one.get(name) for one in by_name)) for name, unit in names.items())
    )


def cells(row: Row) -> list[str]:
    """A row's figures for people; each with its own n where they are of different numbers of observations."""
    known = [one for one in row.measures if one is not None and one.value is not None]
    apart = len({one.n for one in known}) > 1
    return [f"{shown(one)} (n = {one.n:,})" if apart and one in known and one else shown(one) for one in row.measures]


def notes(row: Row) -> str:
    """What a reader must know of a row's figures, each thing once."""
    return "; ".join(dict.fromkeys(part for one in row.measures if one and one.note for part in one.note.split("; ")))


def shown(measure: Measure | None) -> str:
    """A figure with its interval and n, for people; "not measured" where it was not."""
    if measure is None or measure.value is None:
        return "not measured"
    value = number(measure.value, measure.unit)
    if measure.low is None or measure.high is None or measure.n < 2:
        return value
    return f"{value} [{number(measure.low, measure.unit)}, {number(measure.high, measure.unit)}]"


def number(value: float, unit: str) -> str:
    """A value in its unit: shares as per cent, seconds with a fitting prefix, dollars with four places or more."""
    if unit == "share":
        return f"{100 * value:.1f} %"
    if unit == "s":
        return _seconds(value)
    if unit.startswith("USD"):
        return f"${value:,.2f}" if value >= 10 else f"${value:.6f}" if value < 0.01 else f"${value:.4f}"
    if unit == "bits":
        return f"{value:.3f}"
    return f"{value:,.0f}" if abs(value) >= 100 or value == int(value) else f"{value:,.2f}"


def _seconds(value: float) -> str:
    for size, prefix in ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs")):
        if value >= size:
            return f"{value / size:.3g} {prefix}"
    return "0 s" if value == 0 else f"{value / 1e-6:.3g} µs"
