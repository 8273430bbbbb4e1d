"""Sentences of a document that set a writer a task which has nothing to do with the document."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from ingot.gates.folding import word_set
from ingot.gates.words import Word

_QUESTION = re.compile(r"^(?:what|what's|who|who's|how|why|when|where|which|can you|could you|would you|whats)\b")
_LISTED = re.compile(r"^(?:[-*•>|]|\d{1,3}[.)])\s")
_COMMON = word_set("""
    what which who whom whose when where why how this that these those with from into about have does your their there
    would could should please write create compose provide explain describe tell make give list between following example
    using simple short word words sentence some most more than then also they them each every first
""")  # fmt: skip
_OWN = word_set("we us our ours you your yours i my me it its this that they he she his her their")
_THEIRS = word_set("the your you this it he she they a an")
ENOUGH_WORDS = 10


def tasks_in(text: str, words: Sequence[Word]) -> Iterator[tuple[int, int]]:
    """Places of such sentences in a folded text. A short text is all there is to compare with, so it has none."""
    if len(words) < ENOUGH_WORDS:
        return
    by_sentence: dict[int, list[Word]] = {}
    for word in words:
        by_sentence.setdefault(word.sentence, []).append(word)
    counts: dict[str, int] = {}
    for word in words:
        counts[_stem(word.text)] = counts.get(_stem(word.text), 0) + 1
    for inside in by_sentence.values():
        start, end = inside[0].start, inside[-1].end
        if (
            3 <= len(inside) <= 40
            and _sets_a_task(text, inside, start, end)
            and _is_foreign(inside, counts, len(words))
        ):
            yield start, end


def _sets_a_task(text: str, inside: list[Word], start: int, end: int) -> bool:
    head = inside[0].concepts
    line = text[text.rfind("\n", 0, start) + 1 : start]
    if line.strip() and not _ended(line):
        return False
    if "MAKE" in head and any("PIECE" in word.concepts for word in inside[1:9]) and inside[1].text in _ARTICLES:
        return True
    if inside[0].text == "translate" and any(word.text in _LANGUAGES for word in inside):
        return True
    if "TELL" in head and len(inside) >= 4 and (inside[1].text in _ARTICLES or "REFER" in inside[1].concepts):
        told = inside[1].text in ("how", "what", "why") and inside[2].text in _THEIRS
        return not told and not any(word.text in _OWN - {"me"} for word in inside)
    stop = text[end : end + 3]
    alone = not _LISTED.match(text[start : start + 6]) and "?" in stop
    spoken = re.match(
        r"(?:how do (?:i|you)|can you (?:show|tell|explain|help|write|give)|could you (?:show|tell|explain|write|give))\b",
        text[start : start + 24],
    )
    if alone and (spoken or inside[-1].text in _LANGUAGES):
        return len(inside) >= 4
    asked = alone and _QUESTION.match(text[start : start + 12]) is not None and len(inside) >= 4
    return asked and not any(word.text in _OWN for word in inside[2:])


_LANGUAGES = word_set(
    "english french german spanish italian portuguese russian chinese japanese korean arabic hindi dutch greek latin swedish"
)
_ARTICLES = word_set("a an the me us some this two three four five ten following in how what why one short down")


def _ended(line: str) -> bool:
    return line.rstrip()[-1:] in (".", "!", "?", ":", "|", '"', "'", ">")


def _is_foreign(inside: list[Word], counts: dict[str, int], size: int) -> bool:
    """Whether no word of weight stands anywhere else in the document."""
    if size - len(inside) < ENOUGH_WORDS:
        return False
    own: dict[str, int] = {}
    for word in inside:
        own[_stem(word.text)] = own.get(_stem(word.text), 0) + 1
    heavy = [stem for stem in own if len(stem) >= 4 and stem not in _COMMON]
    enough = 1 if "MAKE" in inside[0].concepts or any(word.text in _LANGUAGES for word in inside) else 2
    return len(heavy) >= enough and all(counts[stem] == own[stem] for stem in heavy)


def _stem(word: str) -> str:
    return word.removesuffix("'s").removesuffix("s")
