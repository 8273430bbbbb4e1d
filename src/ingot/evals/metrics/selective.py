"""Answering without a model: how much, at which precision, and what it is without withholding anything.

The threshold is chosen on held-out cases that no program was written from, never on the items that are scored here; only
`coverage_at` is, and says so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from statistics import fmean

from ingot.agreement import alone
from ingot.evals.log import UNWITHHELD, Log, Scored
from ingot.evals.metrics.measure import Measure, bootstrapped, share_of
from ingot.evals.report.risk import risk_coverage
from ingot.evals.solvers.agreements import DIGITS

PRECISIONS = (0.99, 0.95, 0.9)
_MAKE_UP = 1e-9


def selective(log: Log) -> list[Measure]:
    """Fields that came with at least the confidence that shows a precision / all fields, and the right ones of them / them; none
    where nothing came with a confidence. All fields together are not told of a log of an earlier version, which has no order
    of their answers. Unit: share. Source: El-Yaniv and Wiener 2010; the threshold as in `pooled_threshold`, after split
    conformal prediction (Vovk et al. 2005)."""
    if not any(item.answer.confidence for item in log.items):
        return []
    is_ordered = all(item.answer.confidence.keys() <= item.answer.alone.keys() for item in log.items)
    found = []
    for wanted in PRECISIONS:
        found += _at(log, wanted, _confidence, wanted, f"at {wanted:.0%}, each field by its own cases")
        if is_ordered:
            least = pooled_threshold(log, wanted)
            found += _at(log, wanted, _alone, least, f"at {wanted:.0%}, all fields together")
    return [*found, *(coverage_at(log, wanted) for wanted in PRECISIONS)]


def coverage_at(log: Log, wanted: float) -> Measure:
    """Fields answered / all fields, at the largest coverage of the curve of risk and coverage where 1 - risk is at least the precision;
    0 where it is nowhere. The threshold is chosen on these very items, which flatters it, so it has no interval: nobody knows it
    beforehand. It is the most that a better choice of threshold than that of held-out cases could answer here. Unit: share.
    Source: Geifman and El-Yaniv 2017, "Selective classification for deep neural networks"."""
    name = f"coverage at {wanted:.0%}, threshold chosen on these items"
    fields = sum(len(item.scores) for item in log.items)
    if not fields:
        return Measure(name, None, "share", 0, note="nothing to measure")
    reached = [one for one in risk_coverage(log) if 1 - one.risk >= wanted - _MAKE_UP]
    best = max(reached, key=lambda one: one.coverage, default=None)
    told = "no threshold reaches it" if best is None else f"from {best.confidence:.3f} on; flattered by the choice"
    return Measure(name, 0.0 if best is None else best.coverage, "share", fields, note=told)


def _confidence(item: Scored, name: str) -> float:
    return item.answer.confidence.get(name, 0.0)


def _alone(item: Scored, name: str) -> float:
    return item.answer.alone.get(name, 0.0)


def unwithheld(log: Log) -> list[Measure]:
    """Were nothing withheld: the mean of each measure over the items of each field, and over the fields' means. A field
    without a guess counts 0. Where all items have 0 or 1, the interval is that of a share. Unit: share. Source: the mean over fields of
    VRDU (Wang et al. 2023), macro-averaged."""
    found: list[Measure] = []
    measures = dict.fromkeys(name for item in log.items for name in item.full)
    for measure in measures:
        by_field = _by_field(log.items, measure)
        label = "as the suite scores" if measure == UNWITHHELD else measure
        found += [_mean(f"{name}, {label}", values, clusters) for name, (values, clusters) in by_field.items()]
        if len(by_field) > 1:
            n = min(len(values) for values, _ in by_field.values())
            mean = fmean(fmean(values) for values, _ in by_field.values())
            found.append(Measure(f"mean over fields, {label}", mean, "share", n, note=f"of {len(by_field)} fields"))
    return found


def _mean(name: str, values: Sequence[float], clusters: Sequence[str]) -> Measure:
    """A bootstrap of values that are all 1 would give an interval of no width, however few they are."""
    if all(one in (0, 1) for one in values):
        return share_of(name, [(cluster, one == 1) for cluster, one in zip(clusters, values, strict=True)])
    return bootstrapped(name, values, fmean, "share", tasks=clusters)


def pooled_threshold(log: Log, wanted: float) -> float | None:
    """The lowest standing (`ingot.agreement.alone`) from which the held-out cases of all fields together show a precision:
    ``(wrong + 1) / (answered + 1) <= 1 - wanted``; None where there is none. The order of the fields' levels is learnt on the
    same cases, which flatters it a little. Source: split conformal prediction (Vovk et al. 2005), the fields of a case
    taken as one sample."""
    levels = sorted(_levels(log), reverse=True)
    answered = right = 0
    best = None
    for at, (sure, cases, good) in enumerate(levels):
        answered, right = answered + cases, right + good
        last = at + 1 == len(levels) or levels[at + 1][0] < sure  # ties are answered together
        if last and (answered - right + 1) / (answered + 1) <= 1 - wanted + _MAKE_UP:
            best = sure
    return best


def _levels(log: Log) -> Iterator[tuple[float, int, int]]:
    """Of every field: a standing above 0, held-out cases that have it, and how many of them are right."""
    for task in log.tasks:
        for told in task.generation.calibration.values():
            for level in told["levels"]:
                if (standing := round(alone(told, level["score"]), DIGITS)) > 0:
                    yield standing, level["cases"], level["right"]


def _at(
    log: Log, wanted: float, sure_of: Callable[[Scored, str], float], least: float | None, label: str
) -> list[Measure]:
    """What would be answered from a confidence or standing on, of all fields of all items, and how much of it is right."""
    fields = [(item, name) for item in log.items for name in item.scores]
    is_sure = [least is not None and sure_of(item, name) >= least - _MAKE_UP for item, name in fields]
    # of one program alone the fields of an item are together, as the items of several are
    alone = len({item.cluster for item in log.items}) == 1
    whose = [f"{item.task}/{item.item}" if alone else item.cluster for item, _ in fields]
    answered = list(zip(whose, is_sure, strict=True))
    taken = [
        (cluster, item.unwithheld(name) == 1)
        for cluster, (item, name), sure in zip(whose, fields, is_sure, strict=True)
        if sure
    ]
    told = "no confidence shows it" if least is None else f"from {least:.3f} on"
    return [
        share_of(f"answered without a model {label}", answered, note=told),
        share_of(f"right of these {label}", taken, note=f"wanted {wanted:.0%}"),
    ]


def _by_field(items: Iterable[Scored], measure: str) -> dict[str, tuple[list[float], list[str]]]:
    """By field its values, and the cluster of each."""
    found: dict[str, tuple[list[float], list[str]]] = {}
    for item in items:
        for name, value in item.were_nothing_withheld(measure).items():
            values, tasks = found.setdefault(name, ([], []))
            values.append(value or 0.0)
            tasks.append(item.cluster)
    return found
