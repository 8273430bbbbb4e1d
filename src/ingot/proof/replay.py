"""Recorded traffic run through both versions: how many runs change, and by which clause.

A line is the input of a run, ``{"field": value, ...}``, or ``{"input": {...}, "steps": {"step": {...}}}`` where steps that
no function computes answered something. Lines are read one at a time and only counts and one witness per pair of
deciding lines are kept, so that memory does not grow with the file.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from ingot.errors import InputError
from ingot.fields import walk
from ingot.proof.deciding import Place
from ingot.proof.tally import Change, Tally, Unfit, Witness, shared_outputs
from ingot.proof.versions import Ended, NotGiven, Version
from ingot.runtime.lines import read_row

MOST_BAD = 20
HIDDEN = "***"

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Replayed:
    """What became of the runs of one file. `bad` are the first lines that could not be run, with why; `bad_lines` is how
    many there are in all."""

    name: str
    runs: int
    changed: int
    changes: tuple[Change, ...]
    bad: tuple[tuple[int, str], ...]
    bad_lines: int

    def by_clause(self) -> dict[str, int]:
        """How many runs change by what decides in the new version, the most first."""
        return _counted((one.new, one.count) for one in self.changes)

    def by_old_clause(self) -> dict[str, int]:
        """The same by what decided in the old version."""
        return _counted((one.old, one.count) for one in self.changes)

    def sentence(self) -> str:
        """``1,204 of 50,000 runs change: 1,199 by C3, 5 by C4``."""
        by = ", ".join(f"{count:,} by {label}" for label, count in self.by_clause().items())
        verb = "changes" if self.changed == 1 else "change"
        return f"{self.changed:,} of {self.runs:,} runs {verb}" + (f": {by}" if by else "")

    def to_json(self) -> dict[str, Any]:
        """Plain JSON."""
        return {
            "file": self.name,
            "runs": self.runs,
            "changed": self.changed,
            "by_clause": self.by_clause(),
            "by_old_clause": self.by_old_clause(),
            "changes": [one.to_json() for one in self.changes],
            "bad_lines": self.bad_lines,
            "bad": [{"line": line, "why": why} for line, why in self.bad],
        }


def _counted(places: Iterable[tuple[Place, int]]) -> dict[str, int]:
    found: Counter[str] = Counter()
    for place, count in places:
        found[place.label] += count
    return dict(sorted(found.items(), key=lambda one: (-one[1], one[0])))


def replay(
    old: Version,
    new: Version,
    lines: Iterable[bytes],
    name: str,
    *,
    reveal: bool = False,
    progress: Callable[[int], object] = lambda _: None,
) -> Replayed:
    """Run every line through both versions. `progress` is told the bytes of each line as it is done.

    Values of sensitive fields stand as ``***`` in the witnesses, unless `reveal` asks for them. A line that is no run of
    either version is counted as bad, with why.
    """
    tally = Tally(old, new, shared_outputs(old, new))
    bad: list[tuple[int, str]] = []
    bad_lines = 0
    for number, line in enumerate(lines, start=1):
        why = _line(tally, line, f"{name}:{number}")
        if why:
            bad_lines += 1
            bad += [(number, why)] if len(bad) < MOST_BAD else []
        progress(len(line))
    labelled = _labelled(old, new)
    shown = tally.changes.values() if reveal else (hidden(one, labelled) for one in tally.changes.values())
    changes = tuple(sorted(shown, key=lambda one: (-one.count, one.new.line or 0, one.old.line or 0)))
    return Replayed(name, tally.runs, tally.changed, changes, tuple(bad), bad_lines)


def _line(tally: Tally, line: bytes, place: str) -> str:
    """Run one line; why it could not be, or nothing. No value of it is repeated: it may be protected."""
    if not line.strip():
        return ""
    try:
        text = line.decode("utf-8-sig")
    except UnicodeDecodeError:
        return "not UTF-8"
    try:
        case, steps = split_row(read_row(text), tally)
        tally.take(case, steps, place)
    except InputError as error:
        return error.message
    except NotGiven as missing:
        return f"no recorded outputs of step {str(missing)!r}"
    except Unfit as unfit:
        return str(unfit)
    return ""


def split_row(row: Row, tally: Tally) -> tuple[Row, Mapping[str, Row]]:
    """A line's input and the outputs of its steps. Raises InputError for a name that neither version knows."""
    known = tally.old.inputs | tally.new.inputs
    case: Row = row
    steps: Any = {}
    if isinstance(row.get("input"), Mapping) and "input" not in known:
        case, steps = row["input"], row.get("steps") or {}
    if not isinstance(steps, Mapping) or not all(isinstance(one, Mapping) for one in steps.values()):
        raise InputError("its steps are not an object of objects")
    unknown = next((name for name in case if name not in known), None)
    if unknown is not None:
        raise InputError(f"unknown input {unknown!r}")
    return case, steps


# ---- what may be shown -------------------------------------------------------------------------------------------


def _labelled(*versions: Version) -> frozenset[str]:
    """The names of the fields that are labelled sensitive in either version, or hold one that is."""
    return frozenset(
        one.name
        for version in versions
        for one in version.program.spec.known_fields().values()
        if any(inner.sensitive for _, inner in walk((one,)))
    )


def hidden(change: Change, labelled: frozenset[str]) -> Change:
    """The change with ``***`` for the values of labelled fields, and for other values that are the same."""
    seen = change.witness
    held = {**seen.input, **{name: value for values in seen.steps.values() for name, value in values.items()}}
    secrets = [value for name, value in held.items() if name in labelled and _is_secret(value)]
    cover = _Cover(labelled, secrets)
    steps = {step: cover.row(values) for step, values in seen.steps.items()}
    witness = Witness(cover.row(seen.input), steps, cover.ended(seen.old), cover.ended(seen.new), seen.where)
    return replace(change, witness=witness)


def _is_secret(value: Any) -> bool:
    return value is not None and not isinstance(value, bool)


@dataclass(frozen=True, slots=True)
class _Cover:
    labelled: frozenset[str]
    secrets: list[Any]

    def row(self, values: Row) -> Row:
        return {
            name: HIDDEN if name in self.labelled or (_is_secret(value) and value in self.secrets) else value
            for name, value in values.items()
        }

    def ended(self, one: Ended) -> Ended:
        why = one.why
        for text in (str(secret) for secret in self.secrets):
            why = why.replace(text, HIDDEN) if len(text) > 1 else why
        return replace(one, output=None if one.output is None else self.row(one.output), why=why)
