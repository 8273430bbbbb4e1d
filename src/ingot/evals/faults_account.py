"""What came of injected faults, counted: what was lost, what was doubled, and which chains hold."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ingot.store.audit import Head
from ingot.store.store import Store


@dataclass
class Faults:
    """What came of it. `kills`, `disks`, `outages` and `jumps` by what was under way; `lost` and `doubled` by what it is
    that is not there, or there more than once; `problems` tells each and is empty where all held."""

    seed: int = 0
    kills: Counter[str] = field(default_factory=Counter)
    points: set[tuple[str, int]] = field(default_factory=set)
    disks: Counter[str] = field(default_factory=Counter)
    outages: Counter[str] = field(default_factory=Counter)
    jumps: Counter[str] = field(default_factory=Counter)
    counted: Counter[str] = field(default_factory=Counter)
    lost: Counter[str] = field(default_factory=Counter)
    doubled: Counter[str] = field(default_factory=Counter)
    chains: int = 0
    longest: float = 0.0
    problems: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def killed(self) -> int:
        """All kills."""
        return sum(self.kills.values())

    def to_json(self) -> dict[str, Any]:
        """As plain JSON; `longest` in seconds is what the slowest load waited for an answer after a restart."""
        counters = {
            name: dict(sorted(getattr(self, name).items()))
            for name in ("kills", "disks", "outages", "jumps", "counted", "lost", "doubled")
        }
        return {
            "seed": self.seed, **counters, "killed": self.killed, "lines": len(self.points),
            "chains_verified": self.chains, "longest": round(self.longest, 2), "problems": self.problems,
            "seconds": round(self.seconds, 1),
        }  # fmt: skip

    def compare(self, where: str, what: str, wanted: Iterable[Any], found: Iterable[Any]) -> None:
        """Count what is wanted once and is not there, and what is there and not wanted, or more than once."""
        first, second = Counter(iter(wanted)), Counter(iter(found))
        missing, extra = first - second, second - first
        self.counted[what] += first.total()
        for one, tally, said in ((missing, self.lost, "lost"), (extra, self.doubled, "too many")):
            if one:
                tally[what] += one.total()
                self.problems.append(f"{where}: {what}: {said}: {_shown(one)}")

    def verify(self, where: str, store: Store, since: Head | None) -> Head:
        """Verify the chain, with the head that was seen before still in it; its head now."""
        checked = store.audit.verify(since)
        self.chains += 1
        self.problems += [f"{where}: segment {one.segment}: {one.message}" for one in checked.problems]
        return checked.head


def kind_of(record: Mapping[str, Any]) -> str:
    """A run's record by its status, any other by its kind."""
    return str(record["status"] if record["kind"] == "run" else record["kind"])


def run_number(run: str) -> int:
    """The number in a run's id."""
    return int(run.rpartition("-")[2], 16)


def _shown(some: Counter[Any]) -> str:
    first = [f"{one!r}" if times == 1 else f"{one!r} ({times} times)" for one, times in list(some.items())[:5]]
    return ", ".join(first) + (f" and {len(some) - 5} others" if len(some) > 5 else "")
