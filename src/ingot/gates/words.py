"""Words of a text with what they do in an attack (`lexicon`), however they are spelled."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from ingot.gates.folding import LEET, LOOKALIKES, fold, word_set
from ingot.gates.lexicon import LEXICON, PHRASES

_WORD = re.compile(r"[^\W_]+(?:['’@$!|€][^\W_]+)*")
_END = re.compile(r"[.!?;](?=\s|$)|[\n\u3002\uff01\uff1f\u0964]")
"""The end of a sentence: not the point of an address, nor a mark that a quotation mark follows."""
_NO_CONCEPTS: frozenset[str] = frozenset()

TELLING = word_set(
    "ignore ignores ignoring disregard forget bypass override reveal display output repeat instruction instructions previous "
    "prompt prompts system secret password passwords guidelines restrictions unrestricted jailbreak developer message "
    "confidential everything please resume state"
)
"""Words that give an encoded attack away."""


@dataclass(frozen=True, slots=True)
class Word:
    """A word with its place in a reading, its sentence's number, and its concepts."""

    text: str
    start: int
    end: int
    sentence: int
    concepts: frozenset[str]


def _by_word() -> dict[str, frozenset[str]]:
    found: dict[str, set[str]] = {}
    for concept, words in LEXICON.items():
        for word in words.split():
            found.setdefault(fold(word).text, set()).add(concept)
    return {word: frozenset(concepts) for word, concepts in found.items()}


def _skeleton(word: str) -> str:
    """A word with its inner letters in order of the alphabet: people read both alike."""
    return word[0] + "".join(sorted(word[1:-1])) + word[-1]


def _coded() -> dict[str, str]:
    """Telling words as they look under every shift of the alphabet, mirrored and backwards, with the way back."""
    alphabet = "abcdefghijklmnopqrstuvwxyz"
    found: dict[str, str] = {}
    for word in (one for one in sorted(TELLING) if len(one) >= 6):
        for by in range(1, 26):
            shifted = "".join(alphabet[(alphabet.index(one) + by) % 26] for one in word)
            found[shifted] = f"alphabet shifted by {by}"
        found["".join(alphabet[25 - alphabet.index(one)] for one in word)] = "mirrored alphabet"
        found[word[::-1]] = "backwards"
    return found


_CONCEPTS = _by_word()
_SKELETONS = {_skeleton(word): word for word in sorted(TELLING) if len(word) >= 6}
CODED = _coded()
_LONGEST = 14
_PHRASES = {fold(phrase.replace("_", " ")).text: name for name, all_of in PHRASES.items() for phrase in all_of.split()}
_PHRASE = re.compile("|".join(sorted(map(re.escape, _PHRASES), key=len, reverse=True)))


def words_of(text: str) -> list[Word]:
    """The words of a folded text."""
    found: list[Word] = []
    sentence = last = 0
    for start, end, word in _spelled(text):
        sentence += _END.search(text[last:start]) is not None
        found.append(Word(word, start, end, sentence, _concepts_of(word)))
        last = end
    return found


def phrases_of(text: str) -> list[Word]:
    """Concepts of languages that are not split at spaces, each with its place and its sentence."""
    if text.isascii():
        return []
    found: list[Word] = []
    sentence = last = 0
    for match in _PHRASE.finditer(text):
        sentence += _END.search(text[last : match.start()]) is not None
        found.append(Word(match[0], *match.span(), sentence, frozenset({_PHRASES[match[0]]})))
        last = match.end()
    return found


def _spelled(text: str) -> Iterator[tuple[int, int, str]]:
    """Words with digits and signs for letters read as letters; a long one without spaces taken apart."""
    for match in _WORD.finditer(text):
        word = match[0].replace("’", "'")
        if len(word) > _LONGEST and word.isalpha() and word.isascii():
            yield from _apart(word, match.start())
        else:
            yield match.start(), match.end(), word


def _apart(word: str, start: int) -> Iterator[tuple[int, int, str]]:
    """Known words inside ``ignoreallrules``: the longest first, from the left. A word with fewer than two stays whole."""
    word = word[:400]
    pieces: list[tuple[int, int, str]] = []
    at = 0
    while at < len(word):
        size = next(
            (size for size in range(min(_LONGEST, len(word) - at), 2, -1) if word[at : at + size] in _CONCEPTS), 0
        )
        if size:
            pieces.append((start + at, start + at + size, word[at : at + size]))
        at += size or 1
    known = sum(len(piece) for _, _, piece in pieces)
    yield from pieces if len(pieces) >= 2 and known >= 0.7 * len(word) else [(start, start + len(word), word)]


_CONTRACTED = word_set("what's it's that's who's there's here's he's she's let's how's where's when's why's")


@lru_cache(maxsize=8192)
def _concepts_of(word: str) -> frozenset[str]:
    found = _listed(word)
    return found | {"SOMEONE"} if word.endswith("'s") and word not in _CONTRACTED else found


def _listed(word: str) -> frozenset[str]:
    for spelling in _spellings(word):
        if spelling in _CONCEPTS:
            return _CONCEPTS[spelling]
    return _NO_CONCEPTS


def _spellings(word: str) -> Iterator[str]:
    yield word
    if not word.isascii():
        yield word.translate(LOOKALIKES)
    if not word.isalpha() and any(one.isalpha() for one in word):
        yield word.translate(LEET)
        yield word.translate(LEET).replace("l", "i")
        if word.endswith("'s"):
            yield word[:-2]
    if len(word) >= 6 and word.isalpha() and word.isascii():
        yield _SKELETONS.get(_skeleton(word), word)
        yield re.sub(r"(.)\1+", r"\1", word)
