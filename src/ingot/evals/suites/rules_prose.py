"""Rules written as Markdown, made into the clauses of a spec: a clause a section, tables as rows that stay readable.

A prompt writes a clause on one line, so the parts of a section are told apart by more than line ends:

    Table [Regions | Basic Economy | First]: [Within Europe | $40 | $0] [To Cuba | $35 | $0].
    For all regions: • Dimension: 62 in • Weight: 50 lbs
    Line 1 - Gross receipts: $gross_receipts; Line 2 - Returns: $returns; …
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ingot.errors import InputError
from ingot.evals.suite import Item

GIVEN, HELD_OUT = 8, 12
"""As many rows are cases to show and cases for the gates alone, where nothing else is asked for."""

_HEADING = re.compile(r"(#{1,6})\s+(.*?)\s*#*$")
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_RULE = re.compile(r"-{3,}|\*{3,}")
_DASHES = re.compile(r":?-+:?")


@dataclass(frozen=True, slots=True)
class Section:
    """The headings that a section stands under, outermost first, and its text on one line."""

    path: tuple[str, ...]
    text: str

    @property
    def heading(self) -> str:
        """The headings as a reader says where something stands."""
        return " > ".join(self.path)


def sections(markdown: str) -> tuple[Section, ...]:
    """Every section that has text of its own, in order. What follows a horizontal rule goes on with the outermost heading."""
    found: list[Section] = []
    path: list[tuple[int, str]] = []
    lines: list[str] = []

    def close() -> None:
        if text := _one_line(lines):
            found.append(Section(tuple(name for _, name in path), text))
        lines.clear()

    for line in _COMMENT.sub("", markdown).splitlines():
        heading = _HEADING.fullmatch(line.strip())
        if heading is not None:
            close()
            depth = len(heading[1])
            path = [(at, name) for at, name in path if at < depth] + [(depth, heading[2])]
        elif _RULE.fullmatch(line.strip()):
            close()
            path = [*path[:1], (6, "continued")]
        else:
            lines.append(line.strip())
    close()
    return tuple(found)


def clauses(found: Sequence[Section]) -> dict[str, str]:
    """The sections as clauses ``S1``, ``S2`` … each beginning with its heading."""
    return {f"S{number}": f"[{one.heading}] {one.text}" for number, one in enumerate(found, start=1)}


def under(found: Sequence[Section], *headings: str) -> list[str]:
    """The ids of the clauses whose headings one of `headings`, regular expressions, is found in."""
    return [
        f"S{number}"
        for number, one in enumerate(found, start=1)
        if any(re.search(name, one.heading) for name in headings)
    ]


def _one_line(lines: Sequence[str]) -> str:
    parts: list[str] = []
    table: list[str] = []
    for line in [*lines, ""]:
        if line.startswith("|"):
            table.append(line)
            continue
        if table:
            parts.append(_table(table))
            table = []
        if line:
            parts.append(_told_apart(line))
    return " ".join(parts)


def _told_apart(line: str) -> str:
    if line.startswith(("* ", "- ")):
        return f"• {line[2:].strip()}"
    return line if line[-1] in ".:;,!?" else f"{line};"


def _table(lines: Sequence[str]) -> str:
    rows = [[" ".join(cell.split()) for cell in line.strip("|").split("|")] for line in lines]
    written = [f"[{' | '.join(row)}]" for row in rows if not all(_DASHES.fullmatch(cell) for cell in row)]
    return f"Table {written[0]}: {' '.join(written[1:])}."


# ---- rows and specs ----------------------------------------------------------------------------------------------


def read_prose(folder: Path) -> str:
    """The one ``spec_*.md`` of a folder. Raises InputError."""
    found = sorted(folder.glob("spec_*.md"))
    if len(found) != 1:
        raise InputError(f"{len(found)} files spec_*.md instead of one", place=str(folder))
    try:
        return found[0].read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot read the rules: {error}", place=str(found[0])) from None


def rows_of(folder: Path) -> Iterator[tuple[dict[str, Any], str]]:
    """The rows of the one ``*.jsonl`` of a folder, each with its ``file:line``. Raises InputError."""
    from ingot.evals.suite_rows import read_rows

    found = sorted(folder.glob("*.jsonl"))
    if len(found) != 1:
        raise InputError(f"{len(found)} files *.jsonl instead of one", place=str(folder))
    for row, place in read_rows(found[0]):
        if missing := [name for name in ("id", "input", "expected") if name not in row]:
            raise InputError(f"a row has no {missing[0]!r}", place=place)
        if not isinstance(row["input"], Mapping):
            raise InputError("the input of a row is an object", place=place)
        yield row, place


def spec_text(parts: Mapping[str, Any], given: Sequence[Item], held_out: Sequence[Item]) -> str:
    """A spec of `parts` with items as its cases, as JSON, which is YAML."""
    cases = [case_of(one, held=False) for one in given] + [case_of(one, held=True) for one in held_out]
    return json.dumps({**parts, "cases": cases} if cases else dict(parts), ensure_ascii=False, indent=1)


def case_of(one: Item, *, held: bool) -> dict[str, Any]:
    """An item as a case of a spec."""
    told: dict[str, Any] = {"id": one.id, "input": dict(one.input), "expected": dict(one.expected)}
    return {**told, "held_out": True} if held else told
