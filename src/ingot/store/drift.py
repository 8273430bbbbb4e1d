"""Whether what runs are given, and what they answer, still looks like the cases that the workflow was compiled with.

Reads the audit log's masked records only and opens nothing that is sealed: unlabelled fields in bins, labelled ones by
how often they are null. A population stability index is compared with what chance alone would give at these numbers, so
that few cases or few runs raise no alarm.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Literal

from ingot.binomial import interval
from ingot.canonical import canonical_json
from ingot.fields import Field
from ingot.spec import Case, Drift, Spec
from ingot.store.masks import Mask

BINS = 10
MOST_WORDS = 20
"""A text with more distinct values than this in the baseline is binned by its length."""

FEWEST = 20
"""Of fewer runs, calls or baseline values than this, nothing raises an alarm: chance alone looks like drift there."""

Kind = Literal["values", "nulls", "length"]


@dataclass(frozen=True, slots=True)
class Shift:
    """One field: `psi` over `bins`, from `before` baseline values and `now` of the window. `chance` is the index that
    19 of 20 windows without any drift stay below."""

    where: Literal["input", "output"]
    field: str
    by: Kind
    bins: int
    before: int
    now: int
    psi: float
    chance: float
    limit: float

    @property
    def alarms(self) -> bool:
        """Above the spec's limit, and above chance, with enough on both sides."""
        return not self.is_thin and self.psi > self.limit and self.psi > self.chance

    @property
    def is_thin(self) -> bool:
        """Too little to tell drift from chance."""
        return min(self.before, self.now) < FEWEST


@dataclass(frozen=True, slots=True)
class Rate:
    """A share of the window: `hits` of `count`."""

    name: str
    hits: int
    count: int
    limit: float

    @property
    def share(self) -> float:
        """Hits in all."""
        return self.hits / self.count if self.count else 0.0

    @property
    def alarms(self) -> bool:
        """Above the spec's limit, with enough to count."""
        return self.count >= FEWEST and self.share > self.limit


@dataclass(frozen=True, slots=True)
class Drifted:
    """What the monitor found. `runs` are in the window, `baseline` says what they are compared with."""

    runs: int
    baseline: str
    shifts: tuple[Shift, ...]
    rates: tuple[Rate, ...]

    @property
    def alarms(self) -> bool:
        """Whether anything does."""
        return any(one.alarms for one in self.shifts) or any(one.alarms for one in self.rates)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON."""
        shifts = [
            {"where": one.where, "field": one.field, "by": one.by, "bins": one.bins, "before": one.before, "now": one.now,
             "psi": round(one.psi, 4), "chance": round(one.chance, 4), "limit": one.limit, "alarms": one.alarms}
            for one in self.shifts
        ]  # fmt: skip
        rates = [
            {"name": one.name, "hits": one.hits, "count": one.count, "share": round(one.share, 4),
             "interval": [round(end, 4) for end in interval(one.hits, one.count)], "limit": one.limit,
             "alarms": one.alarms}
            for one in self.rates
        ]  # fmt: skip
        return {"runs": self.runs, "baseline": self.baseline, "alarms": self.alarms, "fields": shifts, "rates": rates}


@dataclass
class _Run:
    """A run as its records have it: one that waited for a person has two."""

    input: Mapping[str, Any]
    output: Mapping[str, Any] | None = None
    escalated: bool = False
    calls: Sequence[Mapping[str, Any]] = ()


def drift(records: Iterable[Mapping[str, Any]], digest: str, spec: Spec, settings: Drift | None = None) -> Drifted:
    """The last runs of the artifact `digest` beside the baseline. `spec` is the artifact's, with its cases; `settings`
    by default the spec's own."""
    settings = settings or spec.drift
    runs = list(_runs(records, digest).values())
    if settings.baseline == "first":
        base, runs = runs[: settings.window], runs[settings.window :]
        said = f"the first {len(base)} runs"
        before = {"input": [one.input for one in base], "output": _outputs(base)}
    else:
        said = f"the artifact's {len(spec.cases)} cases"
        before = _of_cases(spec.cases)
    window = runs[-settings.window :]
    now = {"input": [one.input for one in window], "output": _outputs(window)}
    shifts = [
        shift
        for where, fields in (("input", spec.inputs), ("output", spec.outputs))
        for field in fields
        if (shift := _shift(where, field, before[where], now[where], settings.psi))
    ]
    return Drifted(len(window), said, tuple(shifts), _rates(window, settings))


def _runs(records: Iterable[Mapping[str, Any]], digest: str) -> dict[str, _Run]:
    found: dict[str, _Run] = {}
    for record in records:
        if record.get("kind") != "run" or record.get("digest") != digest:
            continue
        run = found.pop(str(record["run"]), None) or _Run(record["input"])  # the last to end comes last
        found[str(record["run"])] = run
        review = record.get("review")
        run.escalated = run.escalated or review is not None
        proposed = review.get("proposed") if review is not None else None
        run.output = record.get("output") or proposed or run.output
        calls = (record.get("usage") or {}).get("calls", ())
        run.calls = list({canonical_json(call): call for call in (*run.calls, *calls)}.values())  # each told once
    return found


def _outputs(runs: Iterable[_Run]) -> list[Mapping[str, Any]]:
    return [one.output for one in runs if one.output is not None]


def _of_cases(cases: Iterable[Case]) -> dict[str, list[Mapping[str, Any]]]:
    cases = list(cases)
    return {"input": [one.input for one in cases], "output": [one.expected for one in cases if one.expected]}


def _rates(window: Sequence[_Run], settings: Drift) -> tuple[Rate, Rate]:
    ended = Counter(call["ended"] for run in window for call in run.calls if call["kind"] == "model")
    refused = ended["invalid"] + ended["refused"]
    return (
        Rate("runs that went to a person", sum(one.escalated for one in window), len(window), settings.escalation),
        Rate("model answers refused", refused, refused + ended["answered"], settings.validation_failures),
    )


# ---- one field ---------------------------------------------------------------------------------------------------


def _shift(
    where: str, field: Field, before: Sequence[Mapping[str, Any]], now: Sequence[Mapping[str, Any]], limit: float
) -> Shift | None:
    """The index of one field; None where one side never has it."""
    old = [row[field.name] for row in before if field.name in row]
    new = [row[field.name] for row in now if field.name in row]
    if not old or not new:
        return None
    by, bin_of = _binning(field, old)
    first, second = Counter(map(bin_of, old)), Counter(map(bin_of, new))
    bins = sorted({*first, *second})
    chance = _chance(len(bins), len(old), len(new))
    return Shift(where, field.name, by, len(bins), len(old), len(new), psi(first, second), chance, limit)  # type: ignore[arg-type]


def psi(before: Mapping[str, int], now: Mapping[str, int]) -> float:
    """The population stability index of two counts; half a case is added to every bin, so that none is empty."""
    bins = {*before, *now}
    old, new = sum(before.values()) + 0.5 * len(bins), sum(now.values()) + 0.5 * len(bins)
    total = 0.0
    for one in bins:
        p, q = (before.get(one, 0) + 0.5) / old, (now.get(one, 0) + 0.5) / new
        total += (q - p) * math.log(q / p)
    return total


def _chance(bins: int, before: int, now: int) -> float:
    """The index that chance stays below in 19 of 20 windows: it is near (1/n + 1/m) times a chi-squared of bins - 1."""
    free = bins - 1
    if free < 1:
        return 0.0
    width = 2 / (9 * free)  # Wilson and Hilferty
    quantile = free * float((1 - width + 1.6449 * math.sqrt(width)) ** 3)
    return (1 / before + 1 / now) * quantile


def _binning(field: Field, old: Sequence[Any]) -> tuple[Kind, Callable[[Any], str]]:
    """How a field's values are told apart, by its type and its baseline. A labelled field's never are."""
    masked, hidden = Mask((field,)).split({field.name: "x"})
    if hidden or masked[field.name] != "x" or field.type == "object":
        return "nulls", lambda value: "null" if value is None else "value"
    if field.type in ("enum", "boolean"):
        return "values", _word
    if field.type in ("integer", "decimal", "float", "date", "datetime"):
        return "values", _in_steps(old, _number)
    if field.type == "text" and len({value for value in old if value is not None}) <= min(MOST_WORDS, len(old) // 2):
        known = {_word(value) for value in old}
        return "values", lambda value: word if (word := _word(value)) in known else "another"
    return "length", _in_steps(old, _length)


def _word(value: Any) -> str:
    return "null" if value is None else f"={str(value).lower() if isinstance(value, bool) else value}"


def _number(value: Any) -> float | None:
    try:
        if isinstance(value, str) and "-" in value[1:]:
            value = datetime.fromisoformat(value)
        if isinstance(value, datetime):
            return float(value.toordinal())
        return float(value.toordinal()) if isinstance(value, date) else float(Decimal(str(value)))
    except (ValueError, InvalidOperation, OverflowError):
        return None


def _length(value: Any) -> float | None:
    return float(len(value)) if isinstance(value, str | list | tuple) else None


def _in_steps(old: Sequence[Any], measure: Callable[[Any], float | None]) -> Callable[[Any], str]:
    """Bins of about equal size in the baseline, no more of them than it can fill with five values each."""
    known = sorted(number for value in old if value is not None and (number := measure(value)) is not None)
    count = max(2, min(BINS, len(known) // 5))
    edges = sorted({known[len(known) * at // count] for at in range(1, count)}) if known else []

    def bin_of(value: Any) -> str:
        number = None if value is None else measure(value)
        return "null" if number is None else f"bin {sum(number >= edge for edge in edges)}"

    return bin_of


def lines(found: Drifted) -> Iterable[str]:
    """The table for people."""
    yield f"{found.runs} run{'' if found.runs == 1 else 's'} beside {found.baseline}"
    yield f"{'field':<28} {'by':<7} {'bins':>4} {'before':>7} {'now':>7} {'psi':>7} {'chance':>7} {'limit':>6}"
    for one in found.shifts:
        name = f"{one.where}.{one.field}"
        mark = "  ALARM" if one.alarms else f"  (fewer than {FEWEST}: no alarm)" if one.is_thin else ""
        yield (
            f"{name:<28} {one.by:<7} {one.bins:>4} {one.before:>7} {one.now:>7} {one.psi:>7.3f} {one.chance:>7.3f} "
            f"{one.limit:>6.2f}{mark}"
        )
    for rate in found.rates:
        low, high = interval(rate.hits, rate.count)
        few = f"  (fewer than {FEWEST}: no alarm)" if rate.count < FEWEST else ""
        mark = "  ALARM" if rate.alarms else few
        yield (
            f"{rate.name}: {rate.hits} of {rate.count} ({rate.share:.1%}, 95 % interval {low:.1%} to {high:.1%}; "
            f"limit {rate.limit:.0%}){mark}"
        )
