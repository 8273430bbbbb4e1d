"""Which patterns of a function are not in a text, and what part of them is: what a repair needs where nothing was found."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from ingot.program import Program
from ingot.stages.security.regexes import is_quick, patterns_of
from ingot.stages.security.scan import Scan, Unreadable, read

LONGEST_TEXT = 2_000
"""Characters. In a longer text most patterns are rightly missed, and to try them takes time."""
SHOWN = 3
LONGEST_PATTERN = 100
MOST_WORDS = 24
LONGEST_VALUE = 40
"""Characters; a longer value is prose and has no form."""
WORD = re.compile(r"[^\W\d_]{2,}")


@dataclass(frozen=True, slots=True)
class Missed:
    """`patterns` of a function that are in none of its texts, and `parts` of these that are, or the patterns with the form of
    the expected value in place of another: where there is a part, small models that are shown the pattern too write it again."""

    patterns: tuple[str, ...] = ()
    parts: tuple[str, ...] = ()

    @property
    def said(self) -> str:
        """For the end of a finding's message; "" where nothing was missed."""
        if self.parts:
            return f"; in the text is {' and '.join(map(_written, self.parts))}"
        return f"; not found in it: {', '.join(map(_written, self.patterns))}" if self.patterns else ""

    @property
    def hint(self) -> str:
        """What to search for; "" where nothing is known."""
        return f"search for {' and '.join(map(_written, self.parts))}" if self.parts else ""


def missed_patterns(program: Program, function: str, texts: Iterable[str], expected: Iterable[str] = ()) -> Missed:
    """The first literal patterns of a function, as in its code, that are in none of these texts, where these values were
    expected. Nothing where a text is longer than `LONGEST_TEXT` characters. The candidate has passed SECURITY, so its patterns
    end."""
    given, wanted = list(texts), [one for one in expected if one]
    if not given or any(len(text) > LONGEST_TEXT for text in given):
        return Missed()
    missed = {
        one.pattern: one
        for one in _compiled(program.logic, function)
        if len(one.pattern) <= LONGEST_PATTERN and not any(map(one.search, given))
    }
    shown = list(missed.values())[:SHOWN]
    parts = tuple(part for one in shown if (part := _refitted(one, given, wanted) or _part_found(one, given)))
    return Missed(tuple(one.pattern for one in shown), parts)


def _written(pattern: str) -> str:
    """As a literal of Python, in its plainest form: it is copied."""
    return repr(pattern) if '"' in pattern or "\n" in pattern or pattern.endswith("\\") else f'r"{pattern}"'


def _refitted(pattern: re.Pattern[str], texts: Sequence[str], expected: Sequence[str]) -> str:
    """The pattern with the form of an expected value (a date, an amount) in one of its groups, where it then finds that value;
    "" where it does not."""
    for number, group in enumerate(GROUP.finditer(pattern.pattern), start=1):
        for value in expected if pattern.groups == len(GROUP.findall(pattern.pattern)) else ():
            form = _form(value)
            written = pattern.pattern[: group.start()] + f"({form})" + pattern.pattern[group.end() :]
            found = _compile(written, pattern.flags & (re.I | re.M | re.S)) if form else None
            if found is None or not is_quick(written, found.flags & ~re.U):
                continue
            if any(one[number] == value for text in texts for one in found.finditer(text)):
                return written
    return ""


GROUP = re.compile(r"(?<!\\)\((?!\?)((?:\\.|[^()\\])*)\)")
"""A group that has none inside it."""


def _form(value: str) -> str:
    """What a short value with digits looks like, as a pattern; "" for any other."""
    if len(value) > LONGEST_VALUE or not any(map(str.isdigit, value)) or not value.isascii():
        return ""
    if re.fullmatch(r"\d[\d.,]*", value):
        return r"\d[\d.,]*"
    return "".join(map(_form_of_run, re.findall(r"\d+|[A-Za-z]+|.", value, re.DOTALL)))


def _form_of_run(run: str) -> str:
    if run.isdigit():
        return r"\d{1,2}" if len(run) <= 2 else rf"\d{{{len(run)}}}"
    return r"[A-Za-z]+" if run.isalpha() else run if run in "-/:, " else re.escape(run)


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


@lru_cache(maxsize=64)
def _compiled(logic: str, function: str) -> tuple[re.Pattern[str], ...]:
    """The patterns of a function: every wrong case of a candidate asks for the same ones."""
    try:
        scan: Scan = read(logic, (), ())
    except Unreadable:
        return ()
    found = (
        _compile(text, flags)
        for owner, texts, flags in patterns_of(scan)
        if owner == function
        for text in sorted(texts)
    )
    return tuple(one for one in found if one is not None)


def _compile(text: str, flags: int) -> re.Pattern[str] | None:
    try:
        return re.compile(text, flags)
    except (re.error, OverflowError, RecursionError):
        return None
