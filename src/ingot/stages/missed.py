"""Which patterns of a function are not in a text, and what part of them is: what a repair needs where nothing was found."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from ingot.program import Program
from ingot.stages.security.regexes import patterns_of
from ingot.stages.security.scan import Scan, Unreadable, read

LONGEST_TEXT = 2_000
"""Characters. In a longer text most patterns are rightly missed, and to try them takes time."""
SHOWN = 3
LONGEST_PATTERN = 100
MOST_WORDS = 24
WORD = re.compile(r"[^\W\d_]{2,}")


def missed_patterns(program: Program, function: str, texts: Iterable[str]) -> list[str]:
    """The first literal patterns of a function, as in its code, that are in none of these texts; with a part of one that
    is, where there is such a part. None where a text is longer than `LONGEST_TEXT` characters. The candidate has passed
    SECURITY, so its patterns end."""
    given = list(texts)
    if not given or any(len(text) > LONGEST_TEXT for text in given):
        return []
    missed = {
        one.pattern: one
        for one in _compiled(program, function)
        if len(one.pattern) <= LONGEST_PATTERN and not any(map(one.search, given))
    }
    return [_said(one, given) for one in list(missed.values())[:SHOWN]]


def _said(pattern: re.Pattern[str], texts: Sequence[str]) -> str:
    part = _part_found(pattern, texts)
    return repr(pattern.pattern) + (f" ({part!r} is)" if part else "")


def _part_found(pattern: re.Pattern[str], texts: Sequence[str]) -> str:
    """The pattern in letters of either case, or else its longest run of words with all its groups, that is in a text. "" for
    a pattern without groups, since which words of it matter is not known; and a run without a word says nothing."""
    words = pattern.pattern.split(" ")
    if not pattern.groups or len(words) > MOST_WORDS:
        return ""
    runs = ((start, start + size) for size in range(len(words), 0, -1) for start in range(len(words) - size + 1))
    for start, end in runs:
        if not any(WORD.fullmatch(word) for word in words[start:end]):
            continue
        part = " ".join(words[start:end])
        for written in dict.fromkeys((part, part if part.startswith("(?i)") else f"(?i){part}")):
            found = _compile(written, pattern.flags & (re.I | re.M | re.S))
            if found is not None and found.groups == pattern.groups and any(map(found.search, texts)):
                return written
    return ""


def _compiled(program: Program, function: str) -> Iterator[re.Pattern[str]]:
    try:
        scan: Scan = read(program.logic, (), ())
    except Unreadable:
        return
    for owner, texts, flags in patterns_of(scan):
        if owner == function:
            yield from (one for text in sorted(texts) if (one := _compile(text, flags)) is not None)


def _compile(text: str, flags: int) -> re.Pattern[str] | None:
    try:
        return re.compile(text, flags)
    except (re.error, OverflowError, RecursionError):
        return None
