"""Several extractors, one value, and how often such an agreement was right: split conformal calibration. Pure.

The value of a field is the one that most candidates name; its score says how many, and which of them. Calibration cases
that no candidate was written from tell, for each score, how often the value was right. A value is trusted from the lowest
score at which the calibration supports the wanted precision, with one more error added for the case to come.
Where values recur, those that labelled cases have are known (`Spellings`): a value with the letters and digits of a known
one is taken in its spelling, and that it is known, from several cases or from one, counts before any vote.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ingot.binomial import interval
from ingot.canonical import canonical_json
from ingot.plain import plain_text

MOST_CANDIDATES = 8
_STEP = 1_000
_KNOWN = 10_000


@dataclass(frozen=True, slots=True)
class Agreed:
    """The value that most candidates name. `score` is 0 where none names one; a higher score is a better agreement."""

    value: Any
    score: int

    @property
    def votes(self) -> int:
        """How many candidates named it."""
        return votes_of(self.score)

    @property
    def known(self) -> int:
        """2 where several labelled cases have it, all in one spelling, 1 where one has it, else 0."""
        return known_of(self.score)


def votes_of(score: int) -> int:
    """How many candidates a score stands for."""
    return score % _KNOWN // _STEP


def known_of(score: int) -> int:
    """How well known the value of a score is: from several labelled cases (2), from one (1), not (0)."""
    return score // _KNOWN


Spellings = Mapping[str, Sequence[Sequence[Any]]]
"""By the letters and digits of values (`plain_text`) how labelled cases write them: each spelling with the number of its
cases, the most frequent first."""


def spellings(values: Iterable[Any]) -> dict[str, list[list[Any]]]:
    """How these values are written; what is no text, or has no letter or digit, is left out."""
    counted: dict[str, Counter[str]] = {}
    for value in values:
        if isinstance(value, str) and (key := plain_text(value)):
            counted.setdefault(key, Counter())[value] += 1
    return {key: [[one, cases] for one, cases in counted[key].most_common()] for key in sorted(counted)}


def recall(value: Any, known: Spellings) -> tuple[Any, int]:
    """A value in the spelling of labelled cases, and how well known it is: 2 where several have it in one spelling, 1 where
    one has it, 0 where none has or they spell it differently. Then one that is spelt as some of them have it stays."""
    written = known.get(plain_text(value), ()) if known and isinstance(value, str) else ()
    if not written:
        return value, 0
    first, cases = written[0]
    if len(written) > 1:
        return (value if any(value == one for one, _ in written) else first), 0
    return first, 2 if cases > 1 else 1


def agree(values: Sequence[Any], known: Spellings | None = None) -> Agreed:
    """What candidates agree on, the first listed before the others. Null, "" and [] are no vote. With `known` spellings a
    known value stands above all that are not."""
    recalled = [recall(value, known or {}) for value in values]
    values = [value for value, _ in recalled]
    votes: dict[bytes, list[int]] = {}
    for at, value in enumerate(values):
        if value not in (None, "", []):
            votes.setdefault(canonical_json(value), []).append(at)
    if not votes:
        return Agreed(None, 0)
    scored = [(_score(places) + _KNOWN * recalled[places[0]][1], -places[0], places[0]) for places in votes.values()]
    score, _, first = max(scored)
    return Agreed(values[first], score)


def _score(places: Iterable[int]) -> int:
    """Votes first; among as many, those of candidates listed earlier."""
    places = tuple(places)
    return len(places) * _STEP + sum(1 << (MOST_CANDIDATES - 1 - at) for at in places)


@dataclass(frozen=True, slots=True)
class Level:
    """Calibration cases with exactly this score, and how many of them were right."""

    score: int
    cases: int
    right: int


@dataclass(frozen=True, slots=True)
class Calibration:
    """What calibration found for one field.

    `threshold` is the lowest score that is trusted, None where no score is. `answered` of the `cases` reach it, `right` of
    those were right.

    What is promised is split conformal coverage: on average over calibrations, at most 1 - `precision` of all cases to come
    are answered and wrong, where they come like the calibration's. The precision among those answered is an estimate, and
    a hopeful one, since the threshold was chosen on the same cases; `interval` (95 %, Clopper and Pearson) is its width.
    """

    precision: float
    cases: int
    threshold: int | None
    answered: int
    right: int
    levels: tuple[Level, ...]

    @property
    def risk(self) -> float:
        """The bound on the share of cases that are answered and wrong; 1 less this is the coverage stated."""
        return 0.0 if self.threshold is None else 1 - self.precision

    @property
    def held_back(self) -> tuple[int, int]:
        """Of the cases, how many are answered and how many of these right, where each is left out of the calibration
        that it is tried on: what may be expected of cases to come, unlike `answered` and `right`."""
        answered = right_ones = 0
        for at, level in enumerate(self.levels):
            for right, count in ((1, level.right), (0, level.cases - level.right)):
                if count and level.score:
                    others = [*self.levels[:at], Level(level.score, level.cases - 1, level.right - right)]
                    threshold, _, _ = _trusted((*others, *self.levels[at + 1 :]), self.precision)
                    if threshold is not None and level.score >= threshold:
                        answered, right_ones = answered + count, right_ones + count * right
        return answered, right_ones

    @property
    def interval(self) -> tuple[float, float]:
        """The interval of the precision."""
        return interval(self.right, self.answered)

    @property
    def said(self) -> str:
        """The finding in a sentence, small numbers said plainly."""
        needed = needed_cases(self.precision)
        if self.threshold is None:
            few = f"; {needed} answered without an error are the fewest that can show it" if self.cases < needed else ""
            return f"no agreement showed {self.precision:.2%} on {self.cases} held-out cases{few}: nothing is answered"
        low, high = self.interval
        return (
            f"{self.answered} of {self.cases} held-out cases answered, {self.right} right "
            f"(precision {self.right / self.answered:.2%}, 95 % interval {low:.2%} to {high:.2%}); "
            f"answered and wrong in at most {self.risk:.2%} of all cases on average"
        )

    def to_json(self) -> dict[str, Any]:
        """For the artifact's evidence. Shares are texts, as every number with a point there. Coverage is the share of all
        cases that are not answered and wrong: as promised, and as measured on cases that were held back."""
        low, high = self.interval
        answered, right = self.held_back
        measured = f"{1 - (answered - right) / self.cases:.6f}" if self.cases else None
        return {
            "precision": repr(self.precision), "cases": self.cases, "threshold": self.threshold,
            "answered": self.answered, "right": self.right, "interval": [f"{low:.6f}", f"{high:.6f}"],
            "risk": f"{self.risk:.6f}", "said": self.said,
            "coverage": {"stated": f"{1 - self.risk:.6f}", "measured": measured, "answered": answered, "right": right},
            "levels": [{"score": one.score, "cases": one.cases, "right": one.right} for one in self.levels],
        }  # fmt: skip


def needed_cases(precision: float) -> int:
    """The fewest answered cases, all right, that can show a precision."""
    return math.ceil(round(1 / (1 - precision), 9)) - 1


def calibrate(seen: Iterable[tuple[int, bool]], precision: float) -> Calibration:
    """The lowest score from which values are trusted, from ``(score, right)`` of the calibration cases."""
    counted: dict[int, list[int]] = {}
    total = 0
    for score, right in seen:
        total += 1
        both = counted.setdefault(score, [0, 0])
        both[0] += 1
        both[1] += right
    levels = tuple(Level(score, *counted[score]) for score in sorted(counted, reverse=True))
    return Calibration(precision, total, *_trusted(levels, precision), levels)


def _trusted(levels: Iterable[Level], precision: float) -> tuple[int | None, int, int]:
    """The lowest score that is trusted, of levels from the highest down, with how many reach it and are right."""
    answered = right_ones = 0
    best: tuple[int | None, int, int] = (None, 0, 0)
    for level in levels:
        if not (level.score and level.cases):
            continue
        answered, right_ones = answered + level.cases, right_ones + level.right
        if (answered - right_ones + 1) / (answered + 1) <= 1 - precision + 1e-12:
            best = level.score, answered, right_ones
    return best


def read_threshold(told: Mapping[str, Any]) -> int | None:
    """The threshold in what `Calibration.to_json` told."""
    threshold = told.get("threshold")
    return threshold if isinstance(threshold, int) and not isinstance(threshold, bool) and threshold > 0 else None


def read_spellings(told: Mapping[str, Any]) -> Spellings:
    """The known spellings in what the calibration's evidence tells of an output; none where it does not recall."""
    known: Spellings = told.get("spellings", {})
    return known


def confidence(told: Mapping[str, Any], score: int) -> float:
    """The highest precision at which the calibration that `Calibration.to_json` told trusts a value of this score: at a
    wanted precision of p a value is trusted just where this is p or more. 0 where it never is."""
    levels = sorted(told.get("levels", ()), key=lambda level: -int(level["score"]))
    answered = right = 0
    best = 0.0
    for level in levels:
        answered, right = answered + level["cases"], right + level["right"]
        if 0 < level["score"] <= score:
            best = max(best, 1 - (answered - right + 1) / (answered + 1))
    return best


def alone(told: Mapping[str, Any], score: int) -> float:
    """How precise values of this score are by themselves, without the better ones that `confidence` counts with them: to
    order values of several outputs, each with a calibration of its own, beside each other.

    A run of levels shows ``1 - (wrong + 1) / (answered + 1)``. It is the most that a run from this level down shows, and no
    more than a level above has (isotonic regression: the least, over the levels from which a run may begin, of the most that
    such a run shows). A score between levels is taken for the one below. 0 where there is none.
    """
    levels = sorted((one for one in told.get("levels", ()) if one["score"] > 0), key=lambda one: -int(one["score"]))
    at = next((place for place, one in enumerate(levels) if one["score"] <= score), None)
    if at is None:
        return 0.0
    ends = range(at + 1, len(levels) + 1)
    return min(max(_shown(levels[begin:end]) for end in ends) for begin in range(at + 1))


def _shown(levels: Sequence[Mapping[str, Any]]) -> float:
    """The precision that these levels together show, with one more error for the case to come."""
    answered = sum(int(one["cases"]) for one in levels)
    wrong = answered - sum(int(one["right"]) for one in levels)
    return 1 - (wrong + 1) / (answered + 1)
