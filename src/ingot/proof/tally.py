"""Runs through two versions, counted, and grouped by the lines that decided them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ingot.fields import to_plain
from ingot.proof.deciding import Place
from ingot.proof.versions import Ended, Version


@dataclass(frozen=True, slots=True)
class Witness:
    """An input whose outcome changes, with both outcomes. `where` names the line of recorded traffic it came from."""

    input: Mapping[str, Any]
    steps: Mapping[str, Mapping[str, Any]]
    old: Ended
    new: Ended
    where: str = ""

    def to_json(self) -> dict[str, Any]:
        """Plain JSON."""
        found = {"input": to_plain(self.input), "old": self.old.to_json(), "new": self.new.to_json()}
        found |= {"steps": to_plain(self.steps)} if self.steps else {}
        return found | ({"where": self.where} if self.where else {})


@dataclass(frozen=True, slots=True)
class Change:
    """Inputs that two lines decide differently: one `witness`, and how many of those tried (0: only the solver's)."""

    old: Place
    new: Place
    witness: Witness
    count: int
    proved: bool = False

    def to_json(self) -> dict[str, Any]:
        """Plain JSON."""
        return {
            "clause": self.new.label,
            "count": self.count,
            "solver": self.proved,
            "old": self.old.to_json(),
            "new": self.new.to_json(),
            "witness": self.witness.to_json(),
        }


Key = tuple[str, str]


@dataclass
class Tally:
    """Runs through both versions, counted and grouped; as large as there are pairs of deciding lines."""

    old: Version
    new: Version
    shared: tuple[str, ...]
    runs: int = 0
    changed: int = 0
    changes: dict[Key, Change] = field(default_factory=dict)

    def take(self, case: Mapping[str, Any], steps: Mapping[str, Mapping[str, Any]], where: str = "") -> Change | None:
        """Run one input through both and count it; the change it shows, None where it shows none.

        Raises NotGiven where a version asks for outputs of a step that are not there, `Unfit` where both refuse it.
        """
        one, other = self.old.run(case, steps), self.new.run(case, steps)
        if one.status == other.status == "refused":
            raise Unfit(one.why)
        self.runs += 1
        names = self._apart(one, other)
        if names is None:
            return None
        self.changed += 1
        return self._grouped(case, steps, names, where)

    def _apart(self, one: Ended, other: Ended) -> tuple[str, ...] | None:
        """The shared outputs that differ, none where the runs do not end alike; None where the outcome is the same."""
        if one.status != other.status or (one.output is None) != (other.output is None):
            return ()
        if one.output is None or other.output is None:
            return None
        names = tuple(name for name in self.shared if not _equal(one.output.get(name), other.output.get(name)))
        return names or None

    def _grouped(
        self, case: Mapping[str, Any], steps: Mapping[str, Mapping[str, Any]], names: tuple[str, ...], where: str
    ) -> Change:
        one, other = self.old.run(case, steps, trace=True), self.new.run(case, steps, trace=True)
        before, after = self.old.place(one, names), self.new.place(other, names)
        key = (f"{before} {before.label}", f"{after} {after.label}")
        known = self.changes.get(key)
        if known is None:
            known = Change(before, after, Witness(case, steps, one, other, where), 0)
        self.changes[key] = replace(known, count=known.count + 1)
        return self.changes[key]


class Unfit(Exception):
    """Neither version takes this input."""


def _equal(one: Any, other: Any) -> bool:
    """Equal in value; true is not 1."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(_equal(value, other[key]) for key, value in one.items())
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(_equal, one, other))
    return bool(one == other)


def shared_outputs(old: Version, new: Version) -> tuple[str, ...]:
    """The outputs that both versions have, by name."""
    theirs = {one.name for one in new.program.spec.outputs}
    return tuple(one.name for one in old.program.spec.outputs if one.name in theirs)
