"""One measured figure, and the intervals that figures come with."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ingot.agreement import interval

RESAMPLES = 2_000


@dataclass(frozen=True, slots=True)
class Measure:
    """A figure with its unit. `value` is None where nothing was measured, which is not zero; `n` is how many were
    measured, `low` and `high` its 95 % interval where it has one. `note` says what a reader must know."""

    name: str
    value: float | None
    unit: str
    n: int
    low: float | None = None
    high: float | None = None
    note: str = ""

    def to_json(self) -> dict[str, Any]:
        """Plain JSON."""
        return {
            "name": self.name, "value": self.value, "unit": self.unit, "n": self.n, "low": self.low, "high": self.high,
            "note": self.note,
        }  # fmt: skip


def share(name: str, hits: int, n: int, *, note: str = "") -> Measure:
    """hits / n with its Clopper-Pearson interval; not measured where n = 0. Unit: share.
    Source: Clopper and Pearson, "The use of confidence or fiducial limits illustrated in the case of the binomial", 1934."""
    if n == 0:
        return Measure(name, None, "share", 0, note=note or "nothing to measure")
    low, high = interval(hits, n)
    return Measure(name, hits / n, "share", n, low, high, note)


def bootstrapped(
    name: str,
    values: Sequence[float],
    statistic: Callable[[Sequence[float]], float],
    unit: str,
    *,
    seed: int = 0,
    note: str = "",
) -> Measure:
    """A statistic of values, with the 2.5th and 97.5th percentile of it over 2,000 draws of n values with replacement, seed = 0.
    Unit: the statistic's. Source: Efron, "Bootstrap methods: another look at the jackknife", 1979."""
    if not values:
        return Measure(name, None, unit, 0, note=note or "nothing to measure")
    drawn = random.Random(seed)  # noqa: S311 - resampling, no secret
    count = len(values)
    found = sorted(statistic(drawn.choices(values, k=count)) for _ in range(RESAMPLES if count > 1 else 1))
    low, high = quantile(found, 0.025), quantile(found, 0.975)
    return Measure(name, statistic(values), unit, count, low, high, note)


def quantile(values: Sequence[float], q: float) -> float:
    """The quantile of a non-empty sample x_0 to x_(n-1) in order: at h = (n - 1) q, linear between its neighbours. Unit: the
    sample's. Source: Hyndman and Fan, "Sample quantiles in statistical packages", 1996, type 7."""
    ordered = sorted(values)
    at = (len(ordered) - 1) * q
    low = int(at)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (at - low)
