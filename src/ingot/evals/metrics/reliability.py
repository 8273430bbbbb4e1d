"""Reliability: what was answered, what of it was right, and what was wrong without anybody being told.

An item is right, wrong or withheld (sent to a person); one that ended with an error is wrong, since nobody was asked.
Selective prediction after El-Yaniv and Wiener 2010, "On the foundations of noise-free selective classification".
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from ingot.evals.log import Log, Scored, TaskLog
from ingot.evals.metrics.measure import Measure, share, share_of
from ingot.evals.metrics.validation import passed_at, whole_at_first


def reliability(log: Log) -> list[Measure]:
    """All figures of this category, of all items together and, where there are several kinds, of each kind."""
    found = [*_of(log.items, ""), recovery(log.tasks)]
    kinds = sorted({item.kind for item in log.items})
    if len(kinds) > 1:
        for kind in kinds:
            found += _of([item for item in log.items if item.kind == kind], f" ({kind})")
    return found


def _of(items: Sequence[Scored], suffix: str) -> list[Measure]:
    measures = [
        completion(items), coverage(items), accuracy(items), accuracy_on_answered(items), wrong_accept(items),
        abstention(items), irrelevance(items),
    ]  # fmt: skip
    return [replace(one, name=f"{one.name}{suffix}") for one in measures if one.n or not suffix]


def completion(items: Iterable[Scored]) -> Measure:
    """Items that ended without an error / items that were run; what was not, since its task is not deployed, is in the note.
    Unit: share. Source: arXiv 2604.05150, reliability ("task completion")."""
    items = list(items)
    ran = [one for one in items if one.answer.ran]
    note = f"{len(items) - len(ran)} of {len(items)} were not run" if len(ran) < len(items) else ""
    return share_of("completion", [(one.cluster, not one.answer.error) for one in ran], note=note)


def coverage(items: Iterable[Scored]) -> Measure:
    """Items answered in every field / items that have a right answer. Unit: share. Source: El-Yaniv and Wiener 2010."""
    items = [one for one in items if one.answerable]
    return share_of("coverage", [(one.cluster, one.whole) for one in items])


def accuracy(items: Iterable[Scored]) -> Measure:
    """Items right in every field / items that have a right answer: what was withheld counts as not right. Unit: share.
    Source: arXiv 2604.05150, reliability, with withheld items in the denominator."""
    items = [one for one in items if one.answerable]
    return share_of(
        "accuracy", [(one.cluster, one.right is True) for one in items], note="withheld counts as not right"
    )


def accuracy_on_answered(items: Iterable[Scored]) -> Measure:
    """Items right in every field / items answered in every field (1 - selective risk); to be read with the coverage, never alone.
    Unit: share. Source: El-Yaniv and Wiener 2010."""
    items = [one for one in items if one.answerable and one.whole]
    return share_of("accuracy on answered", [(one.cluster, one.right is True) for one in items])


def wrong_accept(items: Iterable[Scored]) -> Measure:
    """Items given a wrong answer as if it were right / all items, those that have no answer included; an error is no
    answer. Unit: share. Source: the false-accept rate of ISO/IEC 19795-1, applied to answers."""
    return share_of("wrong accepts", [(one.cluster, one.right is False and one.answered) for one in items])


def abstention(items: Iterable[Scored]) -> Measure:
    """Items of which at least one field was withheld, those without an error / items that have a right answer. Unit: share.
    Source: El-Yaniv and Wiener 2010, the rejection rate."""
    items = [one for one in items if one.answerable]
    return share_of("abstention", [(one.cluster, not one.answer.error and not one.whole) for one in items])


def irrelevance(items: Iterable[Scored]) -> Measure:
    """Items that have no right answer and were given none, refused inputs among them / items that have none and were run to
    an end. What was not run, since its task is not deployed, and what ended with another error are neither right nor wrong,
    and counted in the note. Unit: share. Source: the irrelevance categories of the Berkeley Function-Calling Leaderboard,
    which count such failures as right."""
    items = [one for one in items if not one.answerable]
    told = [one for one in items if one.right is not None]
    lost = sum(not one.answer.ran for one in items)
    failed = len(items) - len(told) - lost
    note = f"of {len(items)} without an answer {lost} were not run and {failed} failed" if lost or failed else ""
    return share_of("irrelevance", [(one.cluster, one.right is True) for one in told], note=note)


def recovery(tasks: Iterable[TaskLog]) -> Measure:
    """Tasks deployed after their first attempt was refused / tasks whose first attempt was refused; of functions asked for one
    by one, the first of any of them or the program of these. Unit: share.
    Source: arXiv 2604.05150, reliability ("error recovery"), read for the compile, since runs make no attempts."""
    refused = [one for one in tasks if one.generation.stages and whole_at_first(one) not in passed_at(one)]
    return share("recovery", sum(bool(passed_at(one)) for one in refused), len(refused))


def field_scores(log: Log) -> list[Measure]:
    """Items with a score of 1 in the field / items of which it is asked, withheld counting as not right as in the accuracy; and, on
    answered, the same / items that answered it or ended with an error. Partial credit is rounded down to not right. Unit: share.
    Source: arXiv 2604.05150, accuracy per field."""
    names = list(dict.fromkeys(name for item in log.items for name in item.scores))
    found = []
    for name in names:
        asked = field_hits(log.items, name)
        answered = [(cluster, hit) for cluster, hit in asked if hit is not None]
        found.append(share_of(f"field {name}", [(cluster, hit is True) for cluster, hit in asked]))
        found.append(share_of(f"field {name} on answered", answered))
    return found


def field_hits(items: Iterable[Scored], name: str) -> list[tuple[str, bool | None]]:
    """The cluster of every item of which the field is asked, and whether it is right there; None where it was withheld."""
    scores = [(item.cluster, item.scores[name]) for item in items if name in item.scores]
    return [(cluster, None if one is None else one == 1) for cluster, one in scores]
