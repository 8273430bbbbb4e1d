"""The risk-coverage curve: how many answers are wrong, as the least certain ones are withheld.

After El-Yaniv and Wiener 2010; Geifman and El-Yaniv 2017, "Selective classification for deep neural networks".
"""

from __future__ import annotations

from dataclasses import dataclass

from ingot.evals.log import Log


@dataclass(frozen=True, slots=True)
class Point:
    """Where fields of at least `confidence` are answered: the share that is, and the share of wrong ones among them."""

    confidence: float
    coverage: float
    risk: float
    answered: int


def risk_coverage(log: Log, field: str | None = None) -> list[Point]:
    """Risk = wrong / answered over coverage = answered / all, of the fields of all items (or one field) that came with a
    confidence, most certain first; [] where none did. Of a field that was withheld the guess counts, where there is one;
    else it counts as not answered. Unit: share. Source: El-Yaniv and Wiener 2010."""
    scored = total = 0
    pairs: list[tuple[float, bool]] = []
    for item in log.items:
        for name in item.scores:
            if field is None or name == field:
                total, score = total + 1, item.unwithheld(name)
                sure = item.answer.confidence.get(name)
                if score is not None and sure is not None:
                    pairs.append((sure, score == 1))
    points: list[Point] = []
    wrong = 0
    ordered = sorted(pairs, key=lambda pair: -pair[0])
    for at, (sure, right) in enumerate(ordered):
        scored, wrong = scored + 1, wrong + (not right)
        if at + 1 == len(ordered) or ordered[at + 1][0] < sure:  # ties are answered together
            points.append(Point(sure, scored / total, wrong / scored, scored))
    return points
