"""Comparison of two logs of one suite, item by item: two systems, or one system before and after."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from math import comb
from statistics import fmean
from typing import Any

from ingot.errors import InputError
from ingot.evals.log import Log, Scored
from ingot.evals.metrics.measure import RESAMPLES, quantile
from ingot.evals.shared import alike, cut_short


@dataclass(frozen=True, slots=True)
class Difference:
    """A figure of A and of B on the same items. `low` and `high` are the 95 % interval of B - A (paired bootstrap over
    items); `only_a` and `only_b` items that one alone has right, `p` the exact two-sided McNemar test on them, None for
    figures that are no yes or no."""

    name: str
    unit: str
    a: float
    b: float
    low: float
    high: float
    n: int
    only_a: int = 0
    only_b: int = 0
    p: float | None = None

    def to_json(self) -> dict[str, Any]:
        """Plain JSON."""
        return {name: getattr(self, name) for name in self.__slots__}


def compare(a: Log, b: Log, *, shared: bool = False) -> list[Difference]:
    """d = B - A over the items that both have, each a pair; the interval is the 2.5th and 97.5th percentile of it over 2,000 draws
    of as many pairs with replacement. Unit: the figure's. Source: Efron 1979, over pairs.

    Raises InputError where the suites differ, where one was cut short and `shared` is not said, and where nothing is in both."""
    a, b = alike([a, b], shared=shared)
    pairs = _pairs(a, b)
    if not pairs:
        raise InputError("no item is in both logs", hint="let both runs get further")
    asked = [pair for pair in pairs if pair[0].answerable]
    unasked = [pair for pair in pairs if not pair[0].answerable]
    rights = {
        "accuracy": [(one.right is True, two.right is True) for one, two in asked],
        "coverage": [(one.whole, two.whole) for one, two in asked],
        "irrelevance": [
            (one.right, two.right) for one, two in unasked if one.right is not None and two.right is not None
        ],
    }
    yes = [
        *(_of(name, hits) for name, hits in rights.items() if hits),  # of the same items as in a report
        _of("wrong accepts", [(_is_wrong(one), _is_wrong(two)) for one, two in pairs]),
        *_fields(pairs),
    ]
    ran = [(one.answer, two.answer) for one, two in pairs if one.answer.ran and two.answer.ran]
    tokens = [(float(one.usage.total_tokens), float(two.usage.total_tokens)) for one, two in ran]
    seconds = [(one.seconds, two.seconds) for one, two in ran]
    timed = [pair for pair in seconds if all(pair)]  # what was not run took no time and no tokens, which is not zero
    first, second = (float(sum(task.generation.usage.total_tokens for task in log.tasks)) for log in (a, b))
    apart = second - first  # a sum has no interval over items
    made = Difference("tokens to generate", "tokens", first, second, apart, apart, len(a.tasks))
    used = [_mean("run-time tokens", "tokens", tokens)] if tokens else []
    times = [_mean("seconds", "s", timed)] if timed else []
    return [*yes, made, *used, *times]


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
    shown.append(f"{'':<26}{'A':>12}{'B':>12}{'B - A, 95 % interval':>34}{'A only':>8}{'B only':>8}{'p':>9}")
    for one in found:
        scale = 100 if one.unit == "share" else 1
        unit = " %" if one.unit == "share" else ""
        between = f"{(one.b - one.a) * scale:+.4g}{unit} [{one.low * scale:+.4g}, {one.high * scale:+.4g}]"
        told = f"{one.only_a:>8}{one.only_b:>8}{one.p:>9.3g}" if one.p is not None else ""
        shown.append(f"{one.name:<26}{one.a * scale:>10.4g}{unit:<2}{one.b * scale:>10.4g}{unit:<2}{between:>34}{told}")
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
        hits = [(one.scores[name] == 1, two.scores.get(name) == 1) for one, two in pairs if name in one.scores]
        if len(names) > 1:
            found.append(_of(f"field {name}", hits))
    return found


def _of(name: str, hits: Sequence[tuple[bool, bool]]) -> Difference:
    found = _mean(name, "share", [(float(one), float(two)) for one, two in hits])
    only_a = sum(one and not two for one, two in hits)
    only_b = sum(two and not one for one, two in hits)
    return Difference(
        name, "share", found.a, found.b, found.low, found.high, found.n, only_a, only_b, mcnemar(only_a, only_b)
    )


def _mean(name: str, unit: str, pairs: Sequence[tuple[float, float]]) -> Difference:
    drawn = random.Random(0)  # noqa: S311 - resampling, no secret
    apart = [two - one for one, two in pairs]
    means = sorted(fmean(drawn.choices(apart, k=len(apart))) for _ in range(RESAMPLES))
    low, high = quantile(means, 0.025), quantile(means, 0.975)
    return Difference(name, unit, fmean(one for one, _ in pairs), fmean(two for _, two in pairs), low, high, len(pairs))
