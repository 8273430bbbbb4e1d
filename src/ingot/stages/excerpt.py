"""What a finding shows of an input: all of a short one, of a long text the lines around what matters."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ingot.canonical import canonical_json

SHORT = 600
"""An input that is not longer, as JSON, is shown whole."""
WIDE = 1_800
"""As much is shown of what is filled in of a wide input, such as a form."""
LEFT, RIGHT, BEFORE = 60, 40, 2
MOST_LINES = 6
PLACES = 2


def shown_input(values: Mapping[str, Any], wanted: Iterable[Any], found: Iterable[Any]) -> str:
    """An input as JSON. Of a long one whose texts hold a wanted or found value: the lines around these values (columns near
    them, the places where a value stands first), or that the text has no such words. Of one with many fields: those that are
    not 0, false, null or empty, as far as they go."""
    whole = canonical_json(values).decode()
    if len(whole) <= SHORT:
        return whole
    parts = []
    for name, value in values.items():
        if isinstance(value, str) and len(value) > SHORT // 2:
            parts += list(_around(name, value, "expected", wanted)) + list(_around(name, value, "found", found))
    return "\n".join(["(parts of it)", *dict.fromkeys(parts)]) if parts else _filled(values, whole)


def _filled(values: Mapping[str, Any], whole: str) -> str:
    """What is filled in of a wide input, longer than a short one may be; of any other its beginning."""
    filled = {name: value for name, value in values.items() if value}
    if len(filled) == len(values):
        return _cut(whole, SHORT)
    return f"(without what is 0, false, null or empty) {_cut(canonical_json(filled).decode(), WIDE)}"


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 3]}..."


def _around(name: str, text: str, kind: str, values: Iterable[Any]) -> Iterator[str]:
    for value in values:
        if not isinstance(value, str) or not value.split():
            continue
        pattern = r"(?<!\w)" + r"\s+".join(map(re.escape, value.split())) + r"(?!\w)"
        places = [match.span() for match in re.finditer(pattern, text)]
        if not places:
            yield f"{name} does not hold the {kind} {value!r} as it is written"
        for begin, end in places[:PLACES]:
            yield f"{name} around the {kind} {value!r}, letter {begin} of {len(text)}:\n{_lines(text, begin, end)}"


def _lines(text: str, begin: int, end: int) -> str:
    """The lines of a place and those before it, cut to the columns around it."""
    start = text.rfind("\n", 0, begin) + 1
    stop = text.find("\n", end)
    own = text[start : len(text) if stop < 0 else stop].split("\n")[:MOST_LINES]
    before = [line for line in text[max(0, start - 4_000) : start].split("\n") if line.strip()][-BEFORE:]
    left = max(0, begin - start - LEFT)
    right = begin - start + RIGHT + (end - begin if len(own) == 1 else 2 * LEFT)
    return "\n".join(f"  | {line[left:right].rstrip()}" for line in (*before, *own))
