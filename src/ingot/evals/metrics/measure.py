"""One measured figure, and the intervals that figures come with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ingot.binomial import interval
from ingot.evals.clustered import drawn, is_clustered, share_interval

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


def share_of(name: str, hits: Sequence[tuple[str, bool]], *, note: str = "") -> Measure:
    """hits / n of items, each given with its task: as `share` where every item has a task of its own, or all have one. Where several
    tasks have several items, Clopper and Pearson's interval of n* = p (1 - p) / v (t_(n-1) / t_(m-1))^2 items, n at most and n^2 / sum
    of squares of the tasks' items at least, with p = hits / n, v = m / (m - 1) * sum over the m tasks of (hits in the task - p * its items)^2 / n^2, and t the 97.5th percentile of
    Student's; where p is 0 or 1, n* = n^2 / that sum, since nothing shows then that items of a task differ. Unit: share. Source: Korn and Graubard, "Confidence intervals for
    proportions with small expected number of positive counts estimated from survey data", 1998."""
    tasks = [task for task, _ in hits]
    found = share(name, sum(hit for _, hit in hits), len(hits), note=note)
    if not is_clustered(tasks):
        return found
    low, high = share_interval(hits)
    return replace(found, low=low, high=high, note="; ".join(part for part in (note, _told(tasks)) if part))


def bootstrapped(
    name: str,
    values: Sequence[float],
    statistic: Callable[[Sequence[float]], float],
    unit: str,
    *,
    tasks: Sequence[str] = (),
    note: str = "",
) -> Measure:
    """A statistic of values, with the 2.5th and 97.5th percentile of it over 2,000 draws of n values with replacement, seed = 0; of
    whole tasks with all their values, where there are several tasks and one has several values. Unit: the statistic's.
    Source: Efron, "Bootstrap methods: another look at the jackknife", 1979; of tasks, Davison and Hinkley, "Bootstrap methods and
    their application", 1997, section 3.8."""
    if not values:
        return Measure(name, None, unit, 0, note=note or "nothing to measure")
    found = drawn(values, tasks, statistic, RESAMPLES)
    low, high = quantile(found, 0.025), quantile(found, 0.975)
    said = "; ".join(part for part in (note, _told(tasks) if is_clustered(tasks) else "") if part)
    return Measure(name, statistic(values), unit, len(values), low, high, said)


def _told(tasks: Sequence[str]) -> str:
    return f"interval over {len(set(tasks))} clusters"


def quantile(values: Sequence[float], q: float) -> float:
    """The quantile of a non-empty sample x_0 to x_(n-1) in order: at h = (n - 1) q, linear between its neighbours. Unit: the
    sample's. Source: Hyndman and Fan, "Sample quantiles in statistical packages", 1996, type 7."""
    ordered = sorted(values)
    at = (len(ordered) - 1) * q
    low = int(at)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (at - low)
