"""The gates measured on labelled texts: injection, personal data, and instructions that leak.

Folders hold ``input_injection.json``, ``input_pii.json`` and ``output_leakage.json`` (``instances`` with a
``user_request`` and what is expected), and JSON Lines files of rows with ``text``, ``label`` (1: an attack), ``source``,
``category`` and ``kind`` (``document``: the text is only to be read).
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from ingot import gates
from ingot.errors import InputError

Row = dict[str, Any]
_ALIASES = {"credit_card": "card", "medical_record": "mrn", "routing_number": "routing", "health_info": "health"}


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


def has_gate_cases(folder: Path) -> bool:
    """Whether the folder, or one in it, holds cases for the gates."""
    return any(_files(folder))


def gate_tables(folder: Path, classifier: bool = False) -> dict[str, dict[str, Any]]:
    """Every table that the folder's files allow, by name. With `classifier` each table about injection comes three
    times: by the rules, by the classifier alone, and by both. Raises InputError on a file that is not as described,
    StageError where the classifier is asked for and missing."""
    tables: dict[str, dict[str, Any]] = {}
    for path in _files(folder):
        if path.name == "input_injection.json":
            tables["injection cases"] = _injection(_instances(path)).to_json()
            if classifier:
                tables |= _classified("injection cases", _requests(_instances(path)))
        elif path.name == "input_pii.json":
            tables["personal data cases"] = _personal(_instances(path))
        elif path.name == "output_leakage.json":
            tables["leak requests at the input gate"], tables["leaks at the output gate"] = _leakage(_instances(path))
        else:
            rows = _rows(path)
            tables |= {f"{path.stem}: {name}": one.to_json() for name, one in injection_by_source(rows).items()}
            if classifier:
                tables |= _classified(path.stem, _texts(rows))
    return tables


def _files(folder: Path) -> Iterator[Path]:
    for place in (folder, *sorted(one for one in folder.iterdir() if one.is_dir())):
        for name in ("input_injection.json", "input_pii.json", "output_leakage.json"):
            if (place / name).is_file():
                yield place / name
        yield from sorted(one for one in place.glob("*.jsonl") if _is_labelled(one))


def _is_labelled(path: Path) -> bool:
    with path.open(encoding="utf-8") as lines:
        first = lines.readline()
    try:
        row = json.loads(first)
    except ValueError:
        return False
    return isinstance(row, dict) and {"text", "label"} <= row.keys()


def _instances(path: Path) -> list[Row]:
    try:
        rows: list[Row] = json.loads(path.read_text(encoding="utf-8"))["instances"]
        for row in rows:
            row["input"]["user_request"], row["expected_output"], row["id"]
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"is not a list of cases under 'instances': {error!r}", place=str(path)) from error
    return rows


def _rows(path: Path) -> list[Row]:
    try:
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    except ValueError as error:
        raise InputError(f"is not JSON Lines: {error}", place=str(path)) from error


def _timed(look: Callable[[], Iterable[gates.Found]]) -> tuple[list[gates.Found], float]:
    started = time.perf_counter()
    found = [one for one in look() if one.blocks]
    return found, time.perf_counter() - started


# ---- injection ---------------------------------------------------------------------------------------------------


def injection_by_source(rows: Iterable[Row]) -> dict[str, Confusion]:
    """One confusion per source and kind, and one for all; rows of a document are read as documents."""
    tables: dict[str, Confusion] = {}
    for row in rows:
        source: gates.Source = "document" if row.get("kind") == "document" else "request"
        found, seconds = _timed(partial(gates.find_injection, str(row["text"]), source))
        for name in (f"{row.get('source', 'rows')}, {row.get('kind', 'text')}", "all"):
            tables.setdefault(name, Confusion()).add(str(row.get("id", "")), bool(row["label"]), bool(found), seconds)
    return dict(sorted(tables.items(), key=lambda pair: (pair[0] == "all", pair[0])))


def _injection(rows: list[Row]) -> Confusion:
    table = Confusion()
    for row in rows:
        found, seconds = _timed(partial(gates.find_injection, row["input"]["user_request"], "request"))
        table.add(row["id"], bool(row["expected_output"]["blocked"]), bool(found), seconds)
    return table


# ---- the classifier ----------------------------------------------------------------------------------------------

Labelled = tuple[str, str, str, gates.Source, bool]
"""A text's group, its name, itself, who wrote it, and whether it is an attack."""


def _requests(rows: Iterable[Row]) -> Iterator[Labelled]:
    for row in rows:
        yield "all", row["id"], row["input"]["user_request"], "request", bool(row["expected_output"]["blocked"])


def _texts(rows: Iterable[Row]) -> Iterator[Labelled]:
    for row in rows:
        source: gates.Source = "document" if row.get("kind") == "document" else "request"
        group = f"{row.get('source', 'rows')}, {row.get('kind', 'text')}"
        yield group, str(row.get("id", "")), str(row["text"]), source, bool(row["label"])


def _classified(title: str, rows: Iterable[Labelled]) -> dict[str, dict[str, Any]]:
    """The classifier alone, and rules and classifier together, per group and in all. Raises StageError."""
    from ingot.gates.classifier import find_by_classifier, require_classifier

    require_classifier()  # its start is no text's time
    tables: dict[str, Confusion] = {}
    for group, name, text, source, attack in rows:
        ruled, rule_seconds = _timed(partial(gates.find_injection, text, source))
        trained, seconds = _timed(partial(find_by_classifier, text))
        for each in dict.fromkeys((group, "all")):
            alone, both = f"{title}: {each}, classifier alone", f"{title}: {each}, rules and classifier"
            tables.setdefault(alone, Confusion()).add(name, attack, bool(trained), seconds)
            tables.setdefault(both, Confusion()).add(name, attack, bool(trained or ruled), seconds + rule_seconds)
    return {name: one.to_json() for name, one in tables.items()}


# ---- personal data -----------------------------------------------------------------------------------------------


def _personal(rows: list[Row]) -> dict[str, Any]:
    """Texts with and without personal data; how many of the named kinds were seen; whether every text came back."""
    table, named, seen, restored = Confusion(), Counter[str](), Counter[str](), 0
    for row in rows:
        text = row["input"]["user_request"]
        found, seconds = _timed(partial(gates.find_personal, text))
        wanted = {_ALIASES.get(kind, kind) for kind in row["expected_output"]["pii_types"]}
        table.add(row["id"], bool(wanted), bool(found), seconds)
        named.update(wanted)
        seen.update(wanted & {one.kind for one in found})
        redacted = gates.redact(text)
        restored += gates.restore(redacted.text, redacted.mapping) == text
    missed = sorted(kind for kind in named if seen[kind] < named[kind])
    kinds = {"kinds_named": sum(named.values()), "kinds_seen": sum(seen.values()), "kinds_missed": missed}
    return {**table.to_json(), **kinds, "restored": restored}


# ---- leaks -------------------------------------------------------------------------------------------------------


def _leakage(rows: list[Row]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Requests at the input gate; then what gets out at either gate, where whatever passes is obeyed in every way."""
    from ingot.evals.leaks import leaks, ordinary

    at_input = Confusion()
    for row in rows:
        attack = row.get("attack_type", "none") != "none"
        found, seconds = _timed(partial(gates.find_injection, row["input"]["user_request"], "request"))
        at_input.add(row["id"], attack, bool(found), seconds)
    at_output, ways = Confusion(), Counter[str]()
    caught = Counter[str]()
    for leak in leaks():
        found, seconds = _timed(partial(_checked, leak.reply, leak.instructions, canary=leak.canary))
        at_output.add(f"{leak.name}, {leak.way}, {leak.amount}", True, bool(found), seconds)
        ways[leak.way] += 1
        caught[leak.way] += bool(found)
    for name, reply, instructions, public in ordinary():
        found, seconds = _timed(partial(_checked, reply, instructions, public=public))
        at_output.add(name, False, bool(found), seconds)
    shown = {way: f"{caught[way]} of {number}" for way, number in ways.items()}
    output = at_output.to_json()
    passed = at_input.false_negatives / max(1, at_input.false_negatives + at_input.true_positives)
    stopped = 1 - passed * (1 - (output["recall"] or 0.0))
    return at_input.to_json(), {
        **output,
        "recall_of_both_gates": round(stopped, 4),
        "ways": shown,
        "wrong": len(at_output.wrong),
    }


def _checked(
    reply: str, instructions: str, canary: str | None = None, public: Iterable[str] = ()
) -> tuple[gates.Found, ...]:
    return gates.check_reply(reply, canary=canary, instructions=instructions, public=public).found


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
