"""Comparison of two logs of one suite, item by item: two systems, or one system before and after."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product
from math import comb, sqrt
from statistics import NormalDist, fmean
from typing import Any

from ingot.binomial import SURE
from ingot.errors import InputError
from ingot.evals.clustered import drawn, grouped, independent, is_clustered
from ingot.evals.log import UNWITHHELD, Log, Scored
from ingot.evals.metrics.measure import RESAMPLES, quantile
from ingot.evals.metrics.reliability import field_hits
from ingot.evals.shared import alike, cut_short

MOST_EXACT, DRAWN = 12, 10_000
"""Tasks up to which every way to exchange them is counted; beyond, as many ways are drawn."""
_SURE = NormalDist().inv_cdf((1 + SURE) / 2)


@dataclass(frozen=True, slots=True)
class Difference:
    """A figure of A and of B on the same items. `low` and `high` are the 95 % interval of B - A (of shares `paired_interval`, of
    others a paired bootstrap over items, over whole tasks where they have several; None for sums and for one pair); `only_a` and `only_b` items that one alone has right, `p` the two-sided
    `sign_test` on them, None for figures that are no yes or no."""

    name: str
    unit: str
    a: float
    b: float
    low: float | None
    high: float | None
    n: int
    only_a: int = 0
    only_b: int = 0
    p: float | None = None

    def to_json(self) -> dict[str, Any]:
        """Plain JSON."""
        return {name: getattr(self, name) for name in self.__slots__}


def compare(a: Log, b: Log, *, shared: bool = False) -> list[Difference]:
    """d = B - A over the items that both have, each a pair; the interval of shares is that of `paired_interval`, of other figures the
    2.5th and 97.5th percentile of it over 2,000 draws
    of as many pairs with replacement, of whole tasks where there are several and one has several items. Unit: the figure's.
    Source: Efron 1979, over pairs; of tasks, Davison and Hinkley 1997, section 3.8.

    Raises InputError where the suites differ, where one was cut short and `shared` is not said, and where nothing is in both."""
    a, b = alike([a, b], shared=shared)
    pairs = _pairs(a, b)
    if not pairs:
        raise InputError("no item is in both logs", hint="let both runs get further")
    asked = [pair for pair in pairs if pair[0].answerable]
    unasked = [pair for pair in pairs if not pair[0].answerable]
    rights = {
        "accuracy": [(one.cluster, one.right is True, two.right is True) for one, two in asked],
        "coverage": [(one.cluster, one.whole, two.whole) for one, two in asked],
        "irrelevance": [
            (one.cluster, one.right, two.right)
            for one, two in unasked
            if one.right is not None and two.right is not None
        ],
    }
    yes = [
        *(_of(name, hits) for name, hits in rights.items() if hits),  # of the same items as in a report
        _of("wrong accepts", [(one.cluster, _is_wrong(one), _is_wrong(two)) for one, two in pairs]),
        *_fields(pairs),
        *_unwithheld(pairs),
    ]
    ran = [(one.task, one.answer, two.answer) for one, two in pairs if one.answer.ran and two.answer.ran]
    tokens = [(task, float(one.usage.total_tokens), float(two.usage.total_tokens)) for task, one, two in ran]
    seconds = [(task, one.seconds, two.seconds) for task, one, two in ran]
    timed = [
        (task, one, two) for task, one, two in seconds if one and two
    ]  # what was not run took no time and no tokens, which is not zero
    first, second = (float(sum(task.generation.usage.total_tokens for task in log.tasks)) for log in (a, b))
    # a sum has no interval over items
    made = Difference("tokens to generate", "tokens", first, second, None, None, len(a.tasks))
    used = [_mean("run-time tokens", "tokens", tokens)] if tokens else []
    times = [_mean("seconds", "s", timed)] if timed else []
    return [*yes, made, *used, *times]


def sign_test(apart: Sequence[tuple[str, int]], *, seed: int = 0) -> float:
    """p = the share of all ways to exchange A and B, in whole tasks, in which |sum over items of B right - A right| is at least what
    was seen; of 2^m ways for m tasks that differ, or of 10,000 drawn ones and this one where m is more than 12. Where each task has
    one item, or all items one task, it is taken over items, and is `mcnemar`. Unit: probability. Source: Fisher, "The design of
    experiments", 1935, the randomisation test, of clusters."""
    if not is_clustered([task for task, _ in apart]):
        return mcnemar(sum(one < 0 for _, one in apart), sum(one > 0 for _, one in apart))
    sums: dict[str, int] = {}
    for task, one in apart:
        sums[task] = sums.get(task, 0) + one
    net = [abs(one) for one in sums.values() if one]
    seen = abs(sum(sums.values()))
    if len(net) <= MOST_EXACT:
        ways = [
            abs(sum(one * sign for one, sign in zip(net, signs, strict=True)))
            for signs in product((1, -1), repeat=len(net))
        ]
        return sum(one >= seen for one in ways) / len(ways)
    chance = random.Random(seed)  # noqa: S311 - a randomisation test, no secret
    hits = sum(abs(sum(chance.choice((one, -one)) for one in net)) >= seen for _ in range(DRAWN))
    return (hits + 1) / (DRAWN + 1)


def paired_interval(apart: Sequence[tuple[str, int]]) -> tuple[float, float]:
    """d = (b' - a') / (n + 2) with 1.96 sqrt((a' + b' - (b' - a')^2 / (n + 2)) / (n + 2)^2) to either side, -1 and 1 at most, where a items
    are right in A alone, b in B alone, of n, a' = a + 1 and b' = b + 1; given each item's task and B right - A right. Where several tasks have
    several items, a, b and n are made as much smaller as `share_of` makes n. Unit: share. Source: Bonett and Price, "Adjusted
    Wald confidence interval for a difference of binomial proportions based on paired data", 2012.

    A bootstrap draws no pair that was not seen: of few items that are all alike it would give an interval of no width.
    """
    n, tasks, mean = float(len(apart)), [task for task, _ in apart], fmean(one for _, one in apart)
    shares = [sum(one == sign for _, one in apart) / n for sign in (-1, 1)]
    if is_clustered(tasks):
        n = independent(grouped([one - mean for _, one in apart], tasks), sum(shares) - mean**2)
    a, b = ((one * n + 1) / (n + 2) for one in shares)
    wide = _SURE * sqrt((a + b - (b - a) ** 2) / (n + 2))
    return max(-1.0, b - a - wide), min(1.0, b - a + wide)


def mcnemar(only_a: int, only_b: int) -> float:
    """p = 2 * sum of C(n, k) / 2^n for k = 0 to min(a, b), 1 at most, where a items are right in A alone, b in B alone and
    n = a + b: the chance of a split as uneven under equal odds. Unit: probability. Source: McNemar 1947, in its exact form."""
    n = only_a + only_b
    if n == 0:
        return 1.0
    tail: float = sum(comb(n, k) for k in range(min(only_a, only_b) + 1)) / 2**n
    return min(1.0, 2 * tail)


def lines(a: Log, b: Log, found: Sequence[Difference]) -> list[str]:
    """The comparison for people."""
    names = [f"{log.header.solver} {log.header.model}".strip() for log in (a, b)]
    shown = [f"A: {names[0]} ({a.header.started})", f"B: {names[1]} ({b.header.started})"]
    marked = [
        f"{name}: {cut_short(log)}"
        for name, log in zip("AB", alike([a, b], shared=True), strict=True)
        if cut_short(log)
    ]
    shown += marked
    width = max(26, *(len(one.name) + 2 for one in found))
    shown.append(f"{'':<{width}}{'A':>12}{'B':>12}{'B - A, 95 % interval':>34}{'A only':>8}{'B only':>8}{'p':>9}")
    for one in found:
        scale = 100 if one.unit == "share" else 1
        unit = " %" if one.unit == "share" else ""
        wide = ""
        if one.low is not None and one.high is not None:
            wide = f" [{one.low * scale:+.4g}, {one.high * scale:+.4g}]"
        between = f"{(one.b - one.a) * scale:+.4g}{unit}{wide}"
        told = f"{one.only_a:>8}{one.only_b:>8}{one.p:>9.3g}" if one.p is not None else ""
        shown.append(
            f"{one.name:<{width}}{one.a * scale:>10.4g}{unit:<2}{one.b * scale:>10.4g}{unit:<2}{between:>34}{told}"
        )
    return shown


def _pairs(a: Log, b: Log) -> list[tuple[Scored, Scored]]:
    theirs = {(task.task, item.item): item for task in b.tasks for item in task.items}
    ours = [((task.task, item.item), item) for task in a.tasks for item in task.items]
    return [(item, theirs[key]) for key, item in ours if key in theirs]


def _is_wrong(item: Scored) -> bool:
    return item.answered and item.right is False


def _fields(pairs: Sequence[tuple[Scored, Scored]]) -> list[Difference]:
    names = dict.fromkeys(name for one, _ in pairs for name in one.scores)
    found = []
    for name in names:
        asked = [(one, two) for one, two in pairs if name in one.scores and name in two.scores]
        a, b = (field_hits([pair[at] for pair in asked], name) for at in (0, 1))
        hits = [(task, one is True, two is True) for (task, one), (_, two) in zip(a, b, strict=True)]
        if len(names) > 1 and hits:
            found.append(_of(f"field {name}", hits))
    return found


def _unwithheld(pairs: Sequence[tuple[Scored, Scored]]) -> list[Difference]:
    """Each measure of what both would answer were nothing withheld, of an item the mean over its fields: what a system that always
    answers and one that withholds have in common."""
    theirs = {name for _, two in pairs for name in two.full}
    names = dict.fromkeys(name for one, _ in pairs for name in one.full if name in theirs)
    found = []
    for name in names:
        both = [
            (one.cluster, _mean_of(one, name), _mean_of(two, name))
            for one, two in pairs
            if one.were_nothing_withheld(name) and two.were_nothing_withheld(name)
        ]
        label = f"nothing withheld, {'as scored' if name == UNWITHHELD else name}"
        if all(value in (0, 1) for _, *values in both for value in values):
            found.append(_of(label, [(task, one == 1, two == 1) for task, one, two in both]))
        elif both:
            found.append(_mean(label, "share", both))
    return found


def _mean_of(item: Scored, measure: str) -> float:
    return fmean(one or 0.0 for one in item.were_nothing_withheld(measure).values())


def _of(name: str, hits: Sequence[tuple[str, bool, bool]]) -> Difference:
    found = _mean(name, "share", [(task, float(one), float(two)) for task, one, two in hits])
    only_a = sum(one and not two for _, one, two in hits)
    only_b = sum(two and not one for _, one, two in hits)
    apart = [(task, two - one) for task, one, two in hits]
    low, high = paired_interval(apart)
    return replace(found, low=low, high=high, only_a=only_a, only_b=only_b, p=sign_test(apart))


def _mean(name: str, unit: str, pairs: Sequence[tuple[str, float, float]]) -> Difference:
    """The means of triples of task, value in A, value in B."""
    means = drawn([two - one for _, one, two in pairs], [task for task, _, _ in pairs], fmean, RESAMPLES)
    low, high = (quantile(means, share) if len(pairs) > 1 else None for share in (0.025, 0.975))
    a, b = fmean(one for _, one, _ in pairs), fmean(two for _, _, two in pairs)
    return Difference(name, unit, a, b, low, high, len(pairs))
