"""A text as it reads: compatibility forms, marks, letter case and invisible characters taken away."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

# letters of other scripts, and small capitals, that read as Latin ones
_LOOK = (
    ("а", "a"), ("в", "b"), ("с", "c"), ("ԁ", "d"), ("е", "e"), ("ɡ", "g"), ("һ", "h"), ("н", "h"), ("і", "i"), ("ј", "j"),
    ("к", "k"), ("ӏ", "l"), ("м", "m"), ("о", "o"), ("р", "p"), ("ԛ", "q"), ("г", "r"), ("ѕ", "s"), ("т", "t"), ("υ", "u"),
    ("ѵ", "v"), ("ԝ", "w"), ("х", "x"), ("у", "y"), ("α", "a"), ("β", "b"), ("ϲ", "c"), ("ε", "e"), ("η", "n"), ("ι", "i"),
    ("κ", "k"), ("ν", "v"), ("ο", "o"), ("ρ", "p"), ("σ", "o"), ("τ", "t"), ("χ", "x"), ("γ", "y"), ("ω", "w"), ("ı", "i"),
    ("ᴀ", "a"), ("ʙ", "b"), ("ᴄ", "c"), ("ᴅ", "d"), ("ᴇ", "e"), ("ꜰ", "f"), ("ɢ", "g"), ("ʜ", "h"), ("ɪ", "i"), ("ᴊ", "j"),
    ("ᴋ", "k"), ("ʟ", "l"), ("ᴍ", "m"), ("ɴ", "n"), ("ᴏ", "o"), ("ᴘ", "p"), ("ʀ", "r"), ("ꜱ", "s"), ("ᴛ", "t"), ("ᴜ", "u"),
    ("ᴠ", "v"), ("ᴡ", "w"), ("ʏ", "y"), ("ᴢ", "z"), ("ո", "n"), ("օ", "o"), ("ս", "u"), ("հ", "h"), ("ɑ", "a"), ("ɩ", "i"),
)  # fmt: skip
LOOKALIKES = str.maketrans(dict(_LOOK))
LEET = str.maketrans("0134578@$!|€", "oieastbasile")
_REGIONAL = range(0x1F1E6, 0x1F200)
_NEGATIVE = range(0x1F170, 0x1F18A)


@dataclass(frozen=True, slots=True)
class Reading:
    """A text as one of its forms reads. `places[i]` is where character i stands in the text as given, or None where
    every character is its own; `whole` is the place of all of it, where characters cannot be told apart any more."""

    form: str
    text: str
    places: Sequence[int] | None = None
    whole: tuple[int, int] | None = None

    def place(self, start: int, end: int) -> tuple[int, int]:
        """Where characters `start` to `end` stand in the text as given."""
        if self.whole is not None:
            return self.whole
        if self.places is None:
            return start, end
        if not self.places:
            return 0, 0
        first, last = self.places[min(start, len(self.places) - 1)], self.places[max(0, min(end, len(self.places)) - 1)]
        return min(first, last), max(first, last) + 1


def fold(text: str) -> Reading:
    """The text in small letters, without accents and invisible characters, compatibility forms as what they stand for."""
    if text.isascii():
        return Reading("plain", text.lower())
    letters: list[str] = []
    places: list[int] = []
    for index, character in enumerate(text):
        plain = _folded(character)
        letters.append(plain)
        places += [index] * len(plain)
    return Reading("plain", "".join(letters), places)


@lru_cache(maxsize=4096)
def _folded(character: str) -> str:
    """What one character reads as: nothing for an invisible one. Marks stay on scripts whose vowels they are."""
    code = ord(character)
    if character in "\n\r\t":
        return character
    if code in _REGIONAL:
        return chr(ord("a") + code - _REGIONAL.start)
    if code in _NEGATIVE:
        return chr(ord("a") + code - _NEGATIVE.start)
    category = unicodedata.category(character)
    if category in ("Cf", "Cc", "Co", "Cn") or code in (0x034F, 0x3164) or 0xFE00 <= code <= 0xFE0F:
        return ""
    if category == "Zs":
        return " "
    if category in ("Mn", "Me") and (code < 0x0590 or 0x1AB0 <= code < 0x2100):
        return ""
    plain = unicodedata.normalize("NFKD", character)
    if category != "Mn" and len(plain) > 1:
        plain = "".join(one for one in plain if unicodedata.category(one) not in ("Mn", "Me"))
    if 0xAC00 <= code <= 0xD7A3:  # Hangul syllables stay whole
        plain = character
    return plain.lower()


def word_set(text: str) -> frozenset[str]:
    """The words of a table that is written as one text."""
    return frozenset(text.split())
