"""Texts near a text: edits of its lines with words that a program looks for."""

from __future__ import annotations

import random
import re
from collections.abc import Iterable, Sequence
from re import _constants as ops
from re import _parser as parser
from typing import Any

SAMPLES, LONGEST, EDITS = 8, 60, (1, 1, 2, 3)
_MARKS = re.compile(r"[\\\[\](){}?*+|^$]")


def words_of(constants: Iterable[Any]) -> tuple[str, ...]:
    """The texts among some constants; of one that is a regular expression, texts that it matches."""
    found: list[str] = []
    for text in (one for one in constants if isinstance(one, str)):
        found += samples(text) if _MARKS.search(text) else [text]
    return tuple(dict.fromkeys(word for word in found if word))


def samples(pattern: str) -> list[str]:
    """At most `SAMPLES` texts that a regular expression is about: each alternative once, repeats as short as they may
    be. What it looks at around them is left out, so a text may not match; a pattern that is none has no samples."""
    try:
        tree = parser.parse(pattern)
    except (re.error, RecursionError, OverflowError):
        return []
    made = (_sample(tree, number) for number in range(SAMPLES))
    return list(dict.fromkeys(one[:LONGEST] for one in made if one))


def _sample(tree: Any, number: int) -> str:
    """One text: at every choice the alternative of this number, counted round."""
    return "".join(_part(kind, value, number) for kind, value in tree)


def _part(kind: Any, value: Any, number: int) -> str:
    if kind is ops.LITERAL:
        return chr(value)
    if kind is ops.BRANCH:
        return _sample(value[1][number % len(value[1])], number // len(value[1]))
    if kind is ops.SUBPATTERN:
        return _sample(value[-1], number)
    if kind in (ops.MAX_REPEAT, ops.MIN_REPEAT, ops.POSSESSIVE_REPEAT):
        least, most, inner = int(value[0]), value[1], value[2]
        if most == least:
            return _sample(inner, number) * min(least, LONGEST)
        return _sample(inner, number // 2) * min(least + number % 2, LONGEST)
    if kind is ops.ATOMIC_GROUP:
        return _sample(value, number)
    if kind is ops.IN:
        return _one_of(value, number)
    return "a" if kind is ops.ANY else "z" if kind is ops.NOT_LITERAL else ""


def _one_of(choices: Any, number: int) -> str:
    if choices[0][0] is ops.NEGATE:
        return "a"
    kind, value = choices[number % len(choices)]
    if kind is ops.RANGE:
        return chr(value[0] + number % (value[1] - value[0] + 1))
    if kind is ops.CATEGORY:
        digits, spaces = value is ops.CATEGORY_DIGIT, value is ops.CATEGORY_SPACE
        return "1234567890"[number % 10] if digits else " " if spaces else "a"
    return chr(value)


def edited(text: str, words: Sequence[str], others: Sequence[str], chance: random.Random) -> str:
    """The text with one to three of its lines changed, left out, doubled or moved, a word of these put in, a number
    changed, or its end taken from another text."""
    lines = text.split("\n")
    for _ in range(chance.choice(EDITS)):
        lines = _edit(lines, words, others, chance) or [""]
    return "\n".join(lines)


def _edit(lines: list[str], words: Sequence[str], others: Sequence[str], chance: random.Random) -> list[str]:
    at = chance.randrange(len(lines))
    line, word = lines[at], chance.choice(words) if words else ""
    known = next((one for one in words if one in line), None)
    match chance.randrange(12):
        case 0:
            made = [word]
        case 1:
            made = [word, line]
        case 2:
            made = [line + " " + word]
        case 3:
            made = [word + " " + line]
        case 4:
            made = []
        case 5:
            made = [line, line]
        case 6:
            made = [line.replace(known, word)] if known else [line, word]
        case 7:
            made = [_renumbered(line, chance)]
        case 8:  # moved to another place
            rest = lines[:at] + lines[at + 1 :]
            to = chance.randrange(len(rest) + 1)
            return [*rest[:to], line, *rest[to:]]
        case 9:  # joined with the next
            return [*lines[:at], " ".join(lines[at : at + 2]), *lines[at + 2 :]]
        case 10 if others:
            other = chance.choice(others).split("\n")
            return [*lines[: at + 1], *other[chance.randrange(len(other)) :]]
        case _:
            made = [line[: chance.randrange(len(line) + 1)]]
    return [*lines[:at], *made, *lines[at + 1 :]]


def _renumbered(line: str, chance: random.Random) -> str:
    found = list(re.finditer(r"\d+", line))
    if not found:
        return line
    one = chance.choice(found)
    number = chance.choice(
        (0, int(one.group()) + 1, max(0, int(one.group()) - 1), chance.randrange(10 ** len(one.group())))
    )
    return line[: one.start()] + str(number).zfill(len(one.group())) + line[one.end() :]
