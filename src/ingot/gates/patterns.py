"""Patterns over words with concepts: ``DROP ~2 ALL|PRIOR ~4 RULES`` in one sentence, in this order.

An element is concepts (capitals) or words (small letters), alternatives between ``|``; ``~4`` before it allows up to
four words between. ``^`` before the first: it begins the sentence, or follows a word that lets an order begin.
Matching takes time linear in the text: every pattern looks at a bounded number of words after its first.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ingot.gates.folding import word_set
from ingot.gates.lexicon import LEXICON
from ingot.gates.words import Word

_LEADS = word_set(
    "and then please also now so just first instead must should will can could you kindly but simply next go let's or ; : - > immediately"
)
_NEGATIONS = word_set("never not don't dont cannot can't shouldn't mustn't won't doesn't didn't without")


@dataclass(frozen=True, slots=True)
class _Element:
    gap: int
    concepts: frozenset[str]
    words: frozenset[str]

    def fits(self, word: Word) -> bool:
        return word.text in self.words or not self.concepts.isdisjoint(word.concepts)


@dataclass(frozen=True, slots=True)
class Pattern:
    """A compiled pattern. `negatable`: a ``never`` or ``don't`` right before the first word takes the match away."""

    text: str
    elements: tuple[_Element, ...]
    leading: bool
    negatable: bool

    def found(self, words: Sequence[Word]) -> Iterator[tuple[int, int]]:
        """(index of the first word, of the last) of every match."""
        first = self.elements[0]
        for at, word in enumerate(words):
            if first.fits(word) and self._may_begin(words, at) and (end := self._end(words, at)) is not None:
                yield at, end

    def _may_begin(self, words: Sequence[Word], at: int) -> bool:
        before = words[at - 1] if at and words[at - 1].sentence == words[at].sentence else None
        if self.negatable and before is not None and before.text in _NEGATIONS:
            return False
        return not self.leading or before is None or before.text in _LEADS or words[at].start - before.end > 1

    def _end(self, words: Sequence[Word], at: int) -> int | None:
        reached = {at}
        for element in self.elements[1:]:
            following: set[int] = set()
            for index in reached:
                last = min(index + element.gap + 2, len(words))
                following.update(
                    next_
                    for next_ in range(index + 1, last)
                    if words[next_].sentence == words[at].sentence and element.fits(words[next_])
                )
            if not following:
                return None
            reached = following
        return min(reached)


def pattern(text: str, *, negatable: bool = True) -> Pattern:
    """A pattern from its text. Raises ValueError where it names a concept that there is not."""
    leading = text.startswith("^")
    elements: list[_Element] = []
    gap = 0
    for part in text.removeprefix("^").split():
        if part.startswith("~"):
            gap = int(part[1:])
            continue
        names = part.split("|")
        concepts = frozenset(name for name in names if name.isupper())
        if unknown := concepts - LEXICON.keys():
            raise ValueError(f"no concept {sorted(unknown)[0]!r} in pattern {text!r}")
        elements.append(_Element(gap, concepts, frozenset(names) - concepts))
        gap = 0
    return Pattern(text, tuple(elements), leading, negatable)
