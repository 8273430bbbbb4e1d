"""Which patterns of a function are not in a text: what a repair needs to know where a value was not found."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from ingot.program import Program
from ingot.stages.security.regexes import patterns_of
from ingot.stages.security.scan import Scan, Unreadable, read

LONGEST_TEXT = 2_000
"""Characters. In a longer text most patterns are rightly missed, and to try them takes time."""
SHOWN = 3
LONGEST_PATTERN = 100


def missed_patterns(program: Program, function: str, texts: Iterable[str]) -> list[str]:
    """The first literal patterns of a function, as in its code, that are in none of these texts. None where a text is
    longer than `LONGEST_TEXT` characters. The candidate has passed SECURITY, so its patterns end."""
    given = list(texts)
    if not given or any(len(text) > LONGEST_TEXT for text in given):
        return []
    missed = dict.fromkeys(
        pattern.pattern for pattern in _compiled(program, function) if not any(map(pattern.search, given))
    )
    return [one for one in missed if len(one) <= LONGEST_PATTERN][:SHOWN]


def _compiled(program: Program, function: str) -> Iterator[re.Pattern[str]]:
    try:
        scan: Scan = read(program.logic, (), ())
    except Unreadable:
        return
    for owner, texts, flags in patterns_of(scan):
        if owner == function:
            for text in sorted(texts):
                try:
                    yield re.compile(text, flags)
                except (re.error, OverflowError, RecursionError):
                    continue
