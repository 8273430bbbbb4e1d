"""Inputs on both sides of every place where a program's answer jumps, found by halving: no constant needs to be known.

A threshold of a quotient or of a product stands in no constant of the program; between two inputs that it answers
differently there is one all the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from ingot.fields import Field
from ingot.runtime.sandbox import Trial
from ingot.runtime.tagged import encode

ROUNDS, MOST, BASES = 40, 48, 4
"""Halvings, intervals that are halved at a time, and inputs that they start from."""

Ask = Callable[[Sequence[Trial]], Sequence[str]]
"""What a program answers on inputs, as texts to be compared."""

_Interval = tuple[Trial, str, Decimal, str, Decimal, str]
"""The input, the field, and the two ends with the answers there."""


def edges(bases: Sequence[Trial], fields: Sequence[Field], ask: Ask) -> list[Trial]:
    """Inputs one step apart in one number that are answered differently, near these bases; the same every time.

    A number that the answer follows everywhere has a jump at every step: at most `MOST` places are looked at.
    """
    numbers = {one.name: one for one in fields if one.type in ("integer", "decimal")}
    open_ = _started(bases[:BASES], numbers, ask)
    found: dict[str, Trial] = {}
    for _ in range(ROUNDS):
        middles = [_middle(low, high, numbers[name]) for _, name, low, _, high, _ in open_]
        for (base, name, low, _, high, _), middle in zip(open_, middles, strict=True):
            if middle is None:
                for end in (low, high):
                    trial = _with(base, numbers[name], end)
                    found.setdefault(encode(dict(trial.input)), trial)
        left = [(one, middle) for one, middle in zip(open_, middles, strict=True) if middle is not None]
        if not left:
            break
        asked = ask([_with(one[0], numbers[one[1]], middle) for one, middle in left])
        open_ = [half for (one, middle), at in zip(left, asked, strict=True) for half in _halves(one, middle, at)][
            :MOST
        ]
    return list(found.values())


def _started(bases: Sequence[Trial], numbers: Mapping[str, Field], ask: Ask) -> list[_Interval]:
    """From each base's number to the ends of its field, where the answers are not the same."""
    spans = [
        (base, name, min(Decimal(str(base.input[name])), end), max(Decimal(str(base.input[name])), end))
        for base in bases
        for name, one in numbers.items()
        if base.input.get(name) is not None
        for end in _ends(one, Decimal(str(base.input[name])))
    ]
    asked = ask([_with(base, numbers[name], end) for base, name, low, high in spans for end in (low, high)])
    found = [
        (base, name, low, asked[2 * number], high, asked[2 * number + 1])
        for number, (base, name, low, high) in enumerate(spans)
        if low < high
    ]
    return [one for one in found if one[3] != one[5]][:MOST]


def _ends(one: Field, value: Decimal) -> tuple[Decimal, Decimal]:
    low = one.minimum if isinstance(one.minimum, Decimal) else min(Decimal(0), value)
    high = one.maximum if isinstance(one.maximum, Decimal) else max(Decimal(1_000_000), 2 * value)
    return low, high


def _halves(one: _Interval, middle: Decimal, at: str) -> list[_Interval]:
    base, name, low, left, high, right = one
    halves = [(base, name, low, left, middle, at), (base, name, middle, at, high, right)]
    return [half for half in halves if half[3] != half[5]]


def _middle(low: Decimal, high: Decimal, one: Field) -> Decimal | None:
    """A number of the field between two, about half way; None where they are one step apart."""
    places = 0 if one.type == "integer" else 2 if one.places is None else one.places
    middle = ((low + high) / 2).quantize(Decimal(1).scaleb(-places), "ROUND_FLOOR")
    return middle if low < middle < high else None


def _with(base: Trial, one: Field, value: Decimal) -> Trial:
    shown: Any = int(value) if one.type == "integer" else value
    return Trial(base.id, {**base.input, one.name: shown}, base.steps)
