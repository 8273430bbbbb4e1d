"""Parameter files of tax and benefit rules as numbered clauses: what applies, from which day."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}$")
_NOTE = re.compile(r"^(?P<before>[^#\"']*)#\s*(?P<note>.+)$")
_KINDS = {
    "single_amount": "the amount of the last bracket whose threshold is reached",
    "marginal_rate": "each rate applies to the part of the amount between its threshold and the next",
    "marginal_amount": "the amounts of all brackets reached, added up",
}


def clauses(parameters: Mapping[str, str], days: tuple[str, str]) -> dict[str, str]:
    """A clause per parameter file, ``P1`` and so on, with what is in force from the first to the last of `days`."""
    return {f"P{number}": _clause(path, text, days) for number, (path, text) in enumerate(parameters.items(), start=1)}


def keys_of(parameters: Mapping[str, str], values: Sequence[str]) -> list[str]:
    """The keys of the level of a parameter that all `values` are keys of: what else such an input can be."""
    for text in parameters.values():
        for level in _levels(_read(text)):
            if values and set(values) <= set(level):
                return [key for key in level if key != "metadata"]
    return []


def _levels(tree: Any) -> Iterator[list[str]]:
    if isinstance(tree, Mapping):
        yield list(tree)
        for inner in tree.values():
            yield from _levels(inner)


def _read(text: str) -> Any:
    from ruamel.yaml import YAML

    return YAML(typ="base", pure=True).load(text)


def _clause(path: str, text: str, days: tuple[str, str]) -> str:
    tree = _read(text)
    about = tree.get("metadata") or {}
    kind = _KINDS.get(about.get("type", ""), "")
    units = ", ".join(f"{key.replace('_', ' ')} {about[key]}" for key in _UNITS if isinstance(about.get(key), str))
    said = [f"{path.removesuffix('.yaml').removeprefix('gov/')}: {tree.get('description', '').strip()}"]
    said += [f"({units})"] if units else []
    said += [f"[{kind}]"] if kind else []
    values = {key: value for key, value in tree.items() if key not in ("description", "metadata")}
    said.append("; ".join(f"{where}: {what}" if where else what for where, what in _valued("", values, days)))
    notes = [f"{before}: {note}" if before else note for before, note in _notes(text)]
    return " ".join(said) + (f" Notes: {' / '.join(notes)}" if notes else "")


_UNITS = ("unit", "threshold_unit", "amount_unit", "rate_unit", "period")


def _valued(where: str, tree: Any, days: tuple[str, str]) -> Iterator[tuple[str, str]]:
    """Every value with the path to it, and the days from which it holds."""
    if isinstance(tree, Mapping):
        dated = {key: value for key, value in tree.items() if _DAY.match(str(key))}
        if dated:
            yield where, ", ".join(_dated(dated, days))
        for key, inner in tree.items():
            if key not in dated and key not in ("metadata", "reference"):
                yield from _valued(where if key == "values" else f"{where} {key}".strip(), inner, days)
    elif isinstance(tree, Sequence) and not isinstance(tree, str):
        for number, inner in enumerate(tree, start=1):
            yield from _valued(f"{where.removesuffix('s')} {number}".strip(), inner, days)


def _dated(dated: Mapping[str, Any], days: tuple[str, str]) -> Iterator[str]:
    """The last value before the first day, and those that come into force up to the last."""
    ordered = sorted(dated)
    before = [day for day in ordered if day <= days[0]][-1:]
    for day in (*before, *(day for day in ordered if days[0] < day <= days[1])):
        value = dated[day]
        shown = "[" + ", ".join(map(str, value)) + "]" if isinstance(value, list) else str(value)
        yield f"{shown.replace('.inf', 'infinity')} from {day}"


def _notes(text: str) -> Iterator[tuple[str, str]]:
    for line in text.splitlines():
        found = _NOTE.match(line)
        if found and "http" not in line:
            yield found["before"].strip(" -:"), found["note"].strip()
