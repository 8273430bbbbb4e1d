"""Few and readable inputs for many targets: how far an input is from a known one, greedy cover, and shrinking."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, islice
from typing import Any

from ingot.runtime.sandbox import Trial
from ingot.runtime.tagged import encode

MOST_RESETS, MOST_BASES = 96, 24
"""Inputs between one and its nearest base that are tried to shrink it, and bases that one value is put into."""

Axis = tuple[str, str]


def flat(trial: Trial) -> dict[Axis, Any]:
    """Every value of a trial by ``("", input)`` or ``(step, output)``."""
    found: dict[Axis, Any] = {("", name): value for name, value in trial.input.items()}
    return found | {(step, name): value for step, values in trial.steps.items() for name, value in values.items()}


def key(trial: Trial) -> str:
    """The same text for the same values."""
    return encode([dict(trial.input), {name: dict(values) for name, values in trial.steps.items()}])


@dataclass(frozen=True, slots=True)
class Near:
    """The base that an input is closest to, and the values that differ from it."""

    base: Trial
    changed: tuple[Axis, ...]


class Bases:
    """The inputs that a person knows already: those of given cases, or one of typical values."""

    def __init__(self, bases: Sequence[Trial]) -> None:
        self._bases = [(base, {axis: encode(value) for axis, value in flat(base).items()}) for base in bases]

    def nearest(self, trial: Trial) -> Near:
        """The closest base, the earliest of several."""
        own = {axis: encode(value) for axis, value in flat(trial).items()}
        best: Near | None = None
        for base, texts in self._bases:
            changed = tuple(axis for axis, text in own.items() if texts.get(axis) != text)
            if best is None or len(changed) < len(best.changed):
                best = Near(base, changed)
        return best or Near(trial, tuple(own))


def cover(hits: Sequence[frozenset[int]], tiers: Sequence[int], cost: Callable[[int], Any]) -> list[int]:
    """Numbers of inputs that together serve every target that any serves.

    `hits` has the inputs that serve each target, `tiers` the distance of each input: what a nearer input serves is
    left to the nearer ones. Within a tier the input comes first that serves most, then the one of least `cost`.
    """
    serves: dict[int, set[int]] = {}
    for target, numbers in enumerate(hits):
        for number in numbers:
            serves.setdefault(number, set()).add(target)
    left = {target for target, numbers in enumerate(hits) if numbers}
    chosen: list[int] = []
    for tier in sorted({tiers[number] for number in serves}):
        alive = {number: cost(number) for number in serves if tiers[number] == tier}
        while left and alive:
            best = min(alive, key=lambda one: (-len(serves[one] & left), alive[one]))
            if not serves[best] & left:
                break
            chosen.append(best)
            left -= serves[best]
    return _needed(chosen, serves)


def _needed(chosen: list[int], serves: Mapping[int, set[int]]) -> list[int]:
    """Without those that the others make superfluous; what serves least goes first."""
    kept = list(chosen)
    for number in sorted(chosen, key=lambda one: len(serves[one])):
        others: set[int] = set().union(*(serves[one] for one in kept if one != number))
        if serves[number] <= others:
            kept.remove(number)
    return kept


def shrunk(trial: Trial, near: Near, bases: Sequence[Trial]) -> Iterator[Trial]:
    """Inputs between a trial and what a person knows, fewest changes first: one value of the trial in each base, then
    as many values as possible as in the nearest base."""
    values = flat(trial)
    own = {axis: encode(value) for axis, value in values.items()}
    for known in (flat(base) for base in bases[:MOST_BASES]):
        if known.keys() == values.keys():
            for axis in (axis for axis in known if encode(known[axis]) != own[axis]):
                yield _built(trial, {**known, axis: values[axis]})
    base = flat(near.base)
    resettable = [axis for axis in near.changed if axis in base]
    subsets = (kept for size in range(len(resettable)) for kept in combinations(resettable, size))
    for kept in islice(subsets, MOST_RESETS):
        yield _built(trial, {**values, **{axis: base[axis] for axis in resettable if axis not in kept}})


def _built(trial: Trial, values: Mapping[Axis, Any]) -> Trial:
    inputs = {name: values["", name] for name in trial.input}
    steps = {step: {name: values[step, name] for name in own} for step, own in trial.steps.items()}
    return Trial(trial.id, inputs, steps)
