"""Risk and coverage of hybrid steps: how much is answered without a model, at which precision, on cases that calibrated
nothing."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import mean
from typing import Any

from ingot.agreement import Calibration, calibrate
from ingot.binomial import interval
from ingot.compile.calibrate import agreements
from ingot.program import Program
from ingot.spec import Case, Step

SPLITS = 100
Seen = tuple[str, bool, int]
"""A case's id, whether the value agreed on was right, and the score of the agreement."""


@dataclass(frozen=True, slots=True)
class CaseSeen:
    """What a step's candidates agree on in one case: for each field that the case says what is right of, whether it was right and
    the score of the agreement."""

    id: str
    fields: dict[str, tuple[bool, int]]


def cases_seen(program: Program, step: Step, cases: Sequence[Case]) -> list[CaseSeen]:
    """The candidates tried on these cases, together. Raises StageError where they cannot be run."""
    fields: dict[str, dict[str, tuple[bool, int]]] = {case.id: {} for case in cases}
    for name, rows in agreements(program, step, cases).items():
        for case, right, agreed in rows:
            fields[case][name] = (right, agreed.score)
    return [CaseSeen(case.id, fields[case.id]) for case in cases]


def by_field(step: Step, seen: Iterable[CaseSeen]) -> dict[str, list[Seen]]:
    """For each output of the step its rows, in the order of the cases."""
    seen = tuple(seen)
    return {
        field.name: [(one.id, *one.fields[field.name]) for one in seen if field.name in one.fields]
        for field in step.outputs
    }


@dataclass(frozen=True, slots=True)
class Measured:
    """One field at one wanted precision. `calibration` is that of the first split; `answered` of `tested` cases of its
    other half were answered, `right` of them. `share`, `precision` and `risk` are means over all splits: answered, right
    among the answered (all splits' together, None where nothing was), and answered and wrong: the coverage stated is
    `wanted`, the coverage measured 1 - `risk`."""

    field: str
    wanted: float
    calibration: Calibration
    tested: int
    answered: int
    right: int
    share: float
    precision: float | None
    risk: float

    def to_json(self) -> dict[str, Any]:
        """Plain JSON."""
        low, high = interval(self.right, self.answered)
        return {
            "field": self.field, "wanted": self.wanted, "calibrated_on": self.calibration.cases, "tested": self.tested,
            "answered": self.answered, "right": self.right, "interval": [round(low, 4), round(high, 4)],
            "splits": SPLITS, "mean_share": round(self.share, 4),
            "mean_precision": None if self.precision is None else round(self.precision, 4),
            "coverage_stated": self.wanted, "coverage_measured": round(1 - self.risk, 4), "said": self.calibration.said,
        }  # fmt: skip


def split(rows: Iterable[Seen], number: int, share: float = 0.5) -> tuple[list[Seen], list[Seen]]:
    """Cases for calibration and for the test, by the hash of their ids: the same for every field and machine."""
    halves: tuple[list[Seen], list[Seen]] = ([], [])
    for row in rows:
        found = hashlib.sha256(f"{number}:{row[0]}".encode()).digest()
        halves[int.from_bytes(found[:4]) >= share * 2**32].append(row)
    return halves


def measure(field: str, rows: Sequence[Seen], wanted: float, share: float = 0.5) -> Measured:
    """A field's agreement, calibrated on one part of the cases and tried on the other, over `SPLITS` ways to part them."""
    shares: list[float] = []
    risks: list[float] = []
    answered_all = right_all = 0
    first: tuple[Calibration, int, int, int] | None = None
    for number in range(SPLITS):
        seen, tested = split(rows, number, share)
        calibration = calibrate(((score, right) for _, right, score in seen), wanted)
        least = calibration.threshold
        taken = [] if least is None else [right for _, right, score in tested if score >= least]
        answered, right = len(taken), sum(taken)
        first = first or (calibration, len(tested), answered, right)
        shares.append(answered / max(1, len(tested)))
        risks.append((answered - right) / max(1, len(tested)))
        answered_all, right_all = answered_all + answered, right_all + right
    assert first is not None
    precision = right_all / answered_all if answered_all else None
    return Measured(field, wanted, *first, mean(shares), precision, mean(risks))


def table(seen: Mapping[str, Sequence[Seen]], wanted: Sequence[float], share: float = 0.5) -> list[Measured]:
    """Every field at every wanted precision."""
    return [measure(field, rows, one, share) for one in wanted for field, rows in seen.items()]


def lines(found: Iterable[Measured]) -> Iterable[str]:
    """The table for people."""
    yield f"{'field':<20} {'wanted':>7} {'calib.':>6} {'tested':>6} {'answered':>8} {'right':>6} {'95 % interval':>17} {'mean share':>10} {'mean prec.':>10} {'coverage':>8}"
    for one in found:
        low, high = interval(one.right, one.answered)
        precision = "-" if one.precision is None else f"{one.precision:.1%}"
        width = f"{low:.1%} to {high:.1%}" if one.answered else "-"
        yield (
            f"{one.field:<20} {one.wanted:>7.1%} {one.calibration.cases:>6} {one.tested:>6} {one.answered:>8} "
            f"{one.right:>6} {width:>17} {one.share:>10.1%} {precision:>10} {1 - one.risk:>8.1%}"
        )
    yield f"answered and right: one split; mean share, precision and coverage (not answered and wrong): over {SPLITS} splits"
