"""Intervals where several items share a task: one program answers them all, so they are right or wrong together.

Items of one task are a cluster; where a suite says in which groups its items are right or wrong together (`Item.group`), these are.
The variance is that between clusters, and as many as there are say how well it is known. What is said here of tasks holds for both.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Mapping, Sequence

from ingot.binomial import SURE, beta_quantile, interval


def is_clustered(tasks: Sequence[str]) -> bool:
    """True where there are several tasks and one of them has several items: else items are as independent as tasks."""
    return 1 < len(set(tasks)) < len(tasks)


def share_interval(hits: Sequence[tuple[str, bool]]) -> tuple[float, float]:
    """The 95 % interval of a share of items, given each one's task and whether it is a hit (Korn and Graubard 1998).

    Clopper and Pearson's of ``n*`` items: as many independent ones as would have the variance that is seen between the tasks,
    times ``(t(n - 1) / t(m - 1)) ** 2`` for the few tasks m that it is known from. It is n at most, and at least
    ``n**2 / sum of squares of the tasks' sizes``: items cannot be more alike than wholly, and each task is then one. That is
    what is taken where all items are right, or all wrong: then nothing shows that those of a task are not wholly alike, and as
    many independent items as there are would cover the truth far too seldom.
    """
    by_task: dict[str, list[bool]] = {}
    for task, hit in hits:
        by_task.setdefault(task, []).append(hit)
    p = sum(hit for _, hit in hits) / len(hits)
    effective = independent({task: [hit - p for hit in one] for task, one in by_task.items()}, p * (1 - p))
    return interval(p * effective if p < 1 else effective, effective)


def independent(apart: Mapping[str, Sequence[float]], variance: float) -> float:
    """As many independent items as know a mean as well as these: of each task how far its items are `apart` from the mean of all,
    whose variance about it is `variance` (`share_interval`)."""
    sizes = [len(one) for one in apart.values()]
    n, m = sum(sizes), len(sizes)
    fewest = n**2 / sum(size**2 for size in sizes)
    if not variance:
        return fewest
    seen = m / (m - 1) * sum(sum(one) ** 2 for one in apart.values()) / n**2
    alike = min(float(n), variance / seen) if seen else float(n)
    return max(fewest, min(float(n), alike * (student(n - 1) / student(m - 1)) ** 2))


def drawn(
    values: Sequence[float],
    tasks: Sequence[str],
    statistic: Callable[[Sequence[float]], float],
    times: int,
    seed: int = 0,
) -> list[float]:
    """The statistic of so many draws with replacement, in order: of values, or of whole tasks where values share them."""
    chance = random.Random(seed)  # noqa: S311 - resampling, no secret
    if not is_clustered(tasks):
        count = len(values)
        return sorted(statistic(chance.choices(values, k=count)) for _ in range(times if count > 1 else 1))
    groups = list(grouped(values, tasks).values())
    return sorted(
        statistic([value for group in chance.choices(groups, k=len(groups)) for value in group]) for _ in range(times)
    )


def grouped(values: Sequence[float], tasks: Sequence[str]) -> Mapping[str, list[float]]:
    """The values of each task."""
    found: dict[str, list[float]] = {}
    for value, task in zip(values, tasks, strict=True):
        found.setdefault(task, []).append(value)
    return found


def student(freedom: int) -> float:
    """The value that Student's t with these degrees of freedom passes to either side with 5 % chance."""
    x = beta_quantile(1 - SURE, freedom / 2, 0.5)
    return math.sqrt(freedom * (1 - x) / x)
