"""Labelled values of a run in its other texts, however they are written there.

A value and a text are compared by their letters and digits alone: without case, accents, compatibility forms and
invisible characters. Between these a text may have other characters where the value has some; a value with a digit may be
grouped anywhere (``123 45 6789``), and any may be broken at the end of a line or spelt out letter by letter. Another order
(a date with the day first) and other words are not seen.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ingot.gates import Found
from ingot.gates.folding import fold

LOOSE = 5
"""Letters and digits from which a value with a digit may stand grouped, or against other letters."""
WIDEST = 3
"""Characters between two digits of one number, at most."""
# Scripts that put no space between words, or particles right behind a name: there a value stands anywhere.
_UNSPACED = re.compile(
    r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\u2fdf\u3005-\u30ff\u3400-\u9fff\u1100-\u11ff\uf900-\ufaff\U00020000-\U0003ffff]"
)
_BROKEN_LINE = re.compile(r"[-‐\u00ad]?[ \t]*\r?\n[ \t]*")


@dataclass(frozen=True, slots=True)
class _Bare:
    """A text's letters and digits, and where each stands in the text as given."""

    given: str
    letters: str
    places: tuple[int, ...]

    def gap(self, at: int) -> str | None:
        """What stands before letter `at`, without invisible characters; None where that is the same character."""
        before, here = self.places[at - 1], self.places[at]
        between = self.given[before + 1 : here]
        return None if before == here else between if between.isascii() else fold(between).text


def known_in(text: str, known: Mapping[str, str], shortest: int) -> list[Found]:
    """Every place in `text` of a value of at least `shortest` characters; `known` says its label. Places may overlap."""
    values = {value.strip(): label for value, label in known.items() if len(value.strip()) >= shortest}
    if not values:
        return []
    bare = _bare(text)
    return [
        Found("personal", label, start, end, 1.0, "a labelled value")
        for value, label in values.items()
        for start, end in (*_as_written(text, value), *_otherwise(bare, _bare(value)))
    ]


def joined(found: list[Found]) -> list[Found]:
    """The findings with those that share a character as one: what sticks out of a surer one would stay behind else."""
    whole: list[Found] = []
    for one in sorted(found, key=lambda one: (one.start, -one.end, -one.score)):
        last = whole[-1] if whole else None
        if last is None or one.start >= last.end:
            whole.append(one)
            continue
        surer = max(last, one, key=lambda each: each.score)
        whole[-1] = Found("personal", surer.kind, last.start, max(last.end, one.end), surer.score, surer.why)
    return whole


def _as_written(text: str, value: str) -> Iterator[tuple[int, int]]:
    for place in re.finditer(rf"(?<!\w){re.escape(value)}(?!\w)", text, re.IGNORECASE):
        yield place.span()


def _otherwise(text: _Bare, value: _Bare) -> Iterator[tuple[int, int]]:
    wanted = value.letters
    at = text.letters.find(wanted) if wanted else -1
    while at >= 0:
        end = at + len(wanted)
        if _apart(text, at, end) and _same_gaps(text, at, value):
            yield text.places[at], _after(text, end - 1)
            at = end - 1
        at = text.letters.find(wanted, at + 1)


def _after(text: _Bare, at: int) -> int:
    """Where the character ends that letter `at` is of, with the marks on it."""
    end = text.places[at] + 1
    while end < len(text.given) and not fold(text.given[end]).text:
        end += 1
    return end


def _apart(text: _Bare, start: int, end: int) -> bool:
    """Whether letters `start` to `end` are no part of a longer word or number."""
    loose = end - start >= LOOSE and any(one.isdigit() for one in text.letters[start:end])
    for inner, outer in ((start, start - 1), (end - 1, end)):
        if not 0 <= outer < len(text.letters) or text.gap(max(inner, outer)):
            continue
        one, other = text.letters[inner], text.letters[outer]
        if (one.isdigit() and other.isdigit()) or (one.isalpha() and other.isalpha() and not loose and not _free(one)):
            return False
        if one.isdigit() != other.isdigit() and end - start < LOOSE and not _free(one):
            return False
    return True


def _free(letter: str) -> bool:
    return _UNSPACED.match(letter) is not None


def _same_gaps(text: _Bare, start: int, value: _Bare) -> bool:
    """Whether what stands between the letters may stand there."""
    size = len(value.letters)
    gaps = [(text.gap(start + at), value.gap(at)) for at in range(1, size)]
    within = {found or "" for found, own in gaps if not own}
    if size > 2 and len(within) == 1 and 0 < len(max(within)) <= WIDEST and value.letters.isalpha():
        return True  # spelt out
    loose = size >= LOOSE and any(one.isdigit() for one in value.letters)
    return all(_may_stand(found or "", own or "", loose) for found, own in gaps)


def _may_stand(found: str, own: str, loose: bool) -> bool:
    if not found:
        return not own or loose or not own.strip(" \t\r\n-'’.")
    if own:
        return len(found) <= max(WIDEST, len(own)) or not found.strip()
    return (loose and len(found) <= WIDEST) or _BROKEN_LINE.fullmatch(found) is not None


def _bare(text: str) -> _Bare:
    folded = fold(text)
    letters: list[str] = []
    places: list[int] = []
    for at, character in enumerate(folded.text):
        if not character.isalnum():
            continue
        plain = "".join(_digit(one) for one in unicodedata.normalize("NFKD", character.casefold()) if one.isalnum())
        letters.append(plain)
        places += [at if folded.places is None else folded.places[at]] * len(plain)
    return _Bare(text, "".join(letters), tuple(places))


def _digit(character: str) -> str:
    """A digit of any script as the one that it is."""
    return str(int(character)) if character.isdecimal() else character
