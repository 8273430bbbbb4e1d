"""The gates measured on labelled texts: what each sees, in which time, and the tables of it."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from ingot import gates
from ingot.evals.gate_cases import LEAKS_IN, LEAKS_OUT, PERSONAL, Text


@dataclass(frozen=True, slots=True)
class Look:
    """What a gate saw in one text: whether anything that blocks, in how many seconds; of personal data which kinds, and whether the
    text came back from what was written in its place; and whether the classifier saw an attack, None where it did not look."""

    seen: bool
    seconds: float
    kinds: tuple[str, ...] = ()
    restored: bool = False
    trained: bool | None = None
    trained_seconds: float = 0.0


def look(text: Text) -> Look:
    """Let its gate look at a text. Raises StageError where the classifier is to look and is not installed."""
    found, seconds = _timed(partial(_found, text))
    if text.look == "personal":
        redacted = gates.redact(text.text)
        back = gates.restore(redacted.text, redacted.mapping) == text.text
        return Look(bool(found), seconds, tuple(sorted({one.kind for one in found})), back)
    if not text.classified:
        return Look(bool(found), seconds)
    from ingot.gates.classifier import find_by_classifier, require_classifier

    require_classifier()  # its start is no text's time
    trained, trained_seconds = _timed(partial(find_by_classifier, text.text))
    return Look(bool(found), seconds, trained=bool(trained), trained_seconds=trained_seconds)


def _found(text: Text) -> Iterable[gates.Found]:
    if text.look == "personal":
        return gates.find_personal(text.text)
    if text.look == "reply":
        return gates.check_reply(
            text.text, canary=text.canary, instructions=text.instructions, public=text.public
        ).found
    return gates.find_injection(text.text, text.look)


def _timed(look: Callable[[], Iterable[gates.Found]]) -> tuple[list[gates.Found], float]:
    started = time.perf_counter()
    found = [one for one in look() if one.blocks]
    return found, time.perf_counter() - started


# ---- tables ------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Confusion:
    """Counts of right and wrong answers, and what each text took in milliseconds."""

    true_positives: int = 0
    false_negatives: int = 0
    false_positives: int = 0
    true_negatives: int = 0
    times_ms: list[float] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    def add(self, name: str, expected: bool, seen: bool, seconds: float) -> None:
        """Count one text."""
        self.true_positives += expected and seen
        self.false_negatives += expected and not seen
        self.false_positives += seen and not expected
        self.true_negatives += not seen and not expected
        self.times_ms.append(seconds * 1000)
        if expected != seen:
            self.wrong.append(name)

    def to_json(self) -> dict[str, Any]:
        """Counts, shares from 0 to 1 (None where there is nothing to divide by) and p50 and p99 of the time."""
        times = sorted(self.times_ms)
        return {
            "true_positives": self.true_positives,
            "false_negatives": self.false_negatives,
            "false_positives": self.false_positives,
            "true_negatives": self.true_negatives,
            "precision": _share(self.true_positives, self.true_positives + self.false_positives),
            "recall": _share(self.true_positives, self.true_positives + self.false_negatives),
            "false_positive_rate": _share(self.false_positives, self.false_positives + self.true_negatives),
            "p50_ms": round(times[len(times) // 2], 2) if times else None,
            "p99_ms": round(times[len(times) * 99 // 100], 2) if times else None,
            "wrong": self.wrong,
        }


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None


Seen = Sequence[tuple[Text, Look]]


def gate_tables(seen: Seen) -> dict[str, dict[str, Any]]:
    """Every table that these texts allow, by name: one for each of their tables, for a file with several one of all, and where the
    classifier looked too, each again by it alone and by both."""
    tables: dict[str, dict[str, Any]] = {}
    for file in dict.fromkeys(one.title or one.table for one, _ in seen):
        some = [pair for pair in seen if (pair[0].title or pair[0].table) == file]
        tables |= _of_file(file, some)
    if LEAKS_IN in tables and LEAKS_OUT in tables:
        tables[LEAKS_OUT]["recall_of_both_gates"] = _stopped(tables)
    return tables


def _of_file(file: str, some: Seen) -> dict[str, dict[str, Any]]:
    if file == PERSONAL:
        return {file: {**_counted(some).to_json(), **_kinds(some)}}
    if file == LEAKS_OUT:
        counted = _counted(some).to_json()
        return {file: {**counted, "wrong": len(counted["wrong"]), "ways": _ways(some)}}
    groups = _groups(file, some)
    tables = {name: _counted(rows).to_json() for name, rows in groups.items()}
    for name, rows in groups.items():
        looked = [(text, one) for text, one in rows if one.trained is not None]
        if looked:
            each = name if ": " in name else f"{name}: all"
            tables[f"{each}, classifier alone"] = _counted(looked, _alone).to_json()
            tables[f"{each}, rules and classifier"] = _counted(looked, _both).to_json()
    return tables


def _groups(file: str, some: Seen) -> dict[str, Seen]:
    """The tables of a file in their order: those of its sources, then all."""
    names = sorted({text.table for text, _ in some})
    groups: dict[str, Seen] = {name: [pair for pair in some if pair[0].table == name] for name in names}
    return {**groups, f"{file}: all": some} if some[0][0].title else groups


def _rules(one: Look) -> tuple[bool, float]:
    return one.seen, one.seconds


def _alone(one: Look) -> tuple[bool, float]:
    return bool(one.trained), one.trained_seconds


def _both(one: Look) -> tuple[bool, float]:
    return one.seen or bool(one.trained), one.seconds + one.trained_seconds


def _counted(some: Seen, by: Callable[[Look], tuple[bool, float]] = _rules) -> Confusion:
    counts = Confusion()
    for text, one in some:
        counts.add(text.name, text.positive, *by(one))
    return counts


def _kinds(some: Seen) -> dict[str, Any]:
    """How many of the named kinds of personal data were seen, and how many texts came back."""
    named, met = Counter[str](), Counter[str]()
    for text, one in some:
        named.update(text.kinds)
        met.update(set(text.kinds) & set(one.kinds))
    missed = sorted(kind for kind in named if met[kind] < named[kind])
    restored = sum(one.restored for _, one in some)
    counts = {"kinds_named": sum(named.values()), "kinds_seen": sum(met.values()), "kinds_missed": missed}
    return {**counts, "restored": restored}


def _ways(some: Seen) -> dict[str, str]:
    """Of each way to write a leak how many were caught."""
    ways = Counter(text.way for text, _ in some if text.positive)
    caught = Counter(text.way for text, one in some if text.positive and one.seen)
    return {way: f"{caught[way]} of {number}" for way, number in ways.items()}


def _stopped(tables: dict[str, dict[str, Any]]) -> float:
    """What share of leaks is stopped at either gate, where whatever passes the first is obeyed in every way."""
    at_input, recall = tables[LEAKS_IN], float(tables[LEAKS_OUT]["recall"] or 0.0)
    missed, met = int(at_input["false_negatives"]), int(at_input["true_positives"])
    passed = missed / max(1, missed + met)
    return round(1 - passed * (1 - recall), 4)


def gate_text(tables: dict[str, dict[str, Any]]) -> str:
    """The tables for people."""
    head = (
        f"{'':<74}{'TP':>5}{'FN':>5}{'FP':>5}{'TN':>5}{'precision':>11}{'recall':>8}{'FP rate':>9}{'p50':>9}{'p99':>9}"
    )
    lines = [head]
    for name, row in tables.items():
        counts = "".join(
            f"{row[key]:>5}" for key in ("true_positives", "false_negatives", "false_positives", "true_negatives")
        )
        shares = (
            f"{_percent(row['precision']):>11}{_percent(row['recall']):>8}{_percent(row['false_positive_rate']):>9}"
        )
        lines.append(f"{name[:73]:<74}{counts}{shares}{row['p50_ms']:>7}ms{row['p99_ms']:>7}ms")
        if "ways" in row:
            lines += [f"    {way}: {count}" for way, count in row["ways"].items()]
        if "recall_of_both_gates" in row:
            lines.append(
                f"    stopped by one of the gates, where a request that passes is obeyed: {_percent(row['recall_of_both_gates'])}"
            )
        if "kinds_named" in row:
            lines.append(
                f"    kinds seen: {row['kinds_seen']} of {row['kinds_named']}; texts restored: {row['restored']}"
            )
    return "\n".join(lines)


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{share:.1%}"
