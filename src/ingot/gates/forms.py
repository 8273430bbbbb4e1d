"""The forms in which a text may hide another: encodings, hidden characters, spelled-out and split words.

`readings` gives the text as it reads and whatever can be decoded from it, bounded in depth, number and size. A form is
taken up only where it decodes to readable text, so ordinary texts have few.
"""

from __future__ import annotations

import base64
import binascii
import html
import re
from collections.abc import Callable, Iterator
from functools import partial
from itertools import pairwise
from urllib.parse import unquote_plus

from ingot.gates.folding import Reading, fold
from ingot.gates.words import CODED

MAX_DEPTH, MAX_READINGS = 4, 48
MAX_DECODED = 400_000
"""Characters decoded from one text, all forms together."""

_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{12,}={0,2}")
_BASE32 = re.compile(r"[A-Z2-7]{16,}={0,6}")
_HEX_RUN = re.compile(r"[0-9A-Fa-fxX\\\s,:-]{16,}")
_HEX_START = re.compile(r"(?<![0-9A-Za-z])[0-9A-Fa-f\\]")
_HEX_END = re.compile(r"[0-9A-Fa-f](?![0-9A-Za-z])")
_BITS = re.compile(r"(?<!\w)[01][01\s,]{22,}[01](?!\w)")
_CODES = re.compile(r"(?<!\w)\d[\d\s,;/-]{18,}\d(?!\w)")
_MORSE = re.compile(r"[.\-•–—·][.\-•–—·/|\s]{16,}[.\-•–—·]")
_ESCAPE = re.compile(r"\\u([0-9A-Fa-f]{4})|\\x([0-9A-Fa-f]{2})|\\([nrt])")
_PERCENT = re.compile(r"%[0-9A-Fa-f]{2}")
_ENTITY = re.compile(r"&#?\w{2,8};")
_TAGS = re.compile("[\U000e0020-\U000e007e]{4,}")
_SELECTORS = re.compile("[\ufe00-\ufe0f\U000e0100-\U000e01ef]{4,}")
_SPELLED = re.compile(r"(?<![^\W\d_])[^\W\d_](?:[\W\d_]{1,3}[^\W\d_]){3,}(?![^\W\d_])")
_QUOTED = re.compile(r"(?:\b(\w{1,12})\s?[=:]\s?)?([\"'])([^\"'\n]{1,200})\2")
_JOINED = re.compile(r"\b\w{1,12}(?: ?\+ ?\w{1,12}){1,9}\b")
_ALPHABET = "abcdefghijklmnopqrstuvwxyz"
_MORSE_CODE = dict(zip(
    [".-", "-...", "-.-.", "-..", ".", "..-.", "--.", "....", "..", ".---", "-.-", ".-..", "--", "-.", "---", ".--.", "--.-", ".-.", "...", "-", "..-", "...-", ".--", "-..-", "-.--", "--.."],
    _ALPHABET, strict=True,
))  # fmt: skip


def readings(text: str) -> list[Reading]:
    """The text as it reads first, then every form decoded from it; places are in the text as given."""
    found = [fold(text)]
    seen = {found[0].text}
    waiting = [(Reading("plain", text), 0)]
    left = MAX_DECODED
    while waiting and len(found) < MAX_READINGS:
        source, depth = waiting.pop(0)
        for form in _decoded(source.text):
            folded = fold(form.text)
            if folded.text in seen or len(folded.text) > left or len(found) >= MAX_READINGS:
                continue
            seen.add(folded.text)
            left -= len(folded.text)
            name = form.form if source.form == "plain" else f"{source.form}, {form.form}"
            whole = form.whole if depth == 0 else source.whole
            found.append(Reading(name, folded.text, _composed(form, folded) if whole is None else None, whole))
            if depth + 1 < MAX_DEPTH:
                waiting.append((Reading(name, form.text, None, whole or (0, len(text))), depth + 1))
    return found


def _composed(form: Reading, folded: Reading) -> list[int] | None:
    if form.places is None:
        return None if folded.places is None else list(folded.places)
    if folded.places is None:
        return list(form.places)
    return [form.places[index] for index in folded.places]


def _decoded(text: str) -> Iterator[Reading]:
    yield from _pieces(text)
    for name, mark, decode in (
        ("escapes", _ESCAPE, _unescaped),
        ("percent encoding", _PERCENT, unquote_plus),
        ("character references", _ENTITY, html.unescape),
    ):
        if mark.search(text) and (plain := decode(text)) != text:
            yield Reading(name, plain, None, (0, len(text)))
    yield from _spelled_out(text)
    yield from _split_up(text)
    yield from _shifted(text)


# ---- encodings of bytes ------------------------------------------------------------------------------------------


def _pieces(text: str) -> Iterator[Reading]:
    """Pieces of the text that are readable text in an encoding."""
    ways: tuple[tuple[str, Callable[[str], Iterator[tuple[int, int]]], Callable[[str], bytes | str | None]], ...] = (
        ("base64", partial(_spans, _BASE64), _from_base64),
        ("base32", partial(_spans, _BASE32), _from_base32),
        ("hexadecimal", hex_spans, _from_hex),
        ("binary", partial(_spans, _BITS), _from_bits),
        ("character codes", partial(_spans, _CODES), _from_codes),
        ("Morse code", partial(_spans, _MORSE), _from_morse),
        ("invisible tags", partial(_spans, _TAGS), lambda piece: "".join(chr(ord(one) - 0xE0000) for one in piece)),
        ("variation selectors", partial(_spans, _SELECTORS), _from_selectors),
    )
    for name, places, decode in ways:
        for start, end in places(text):
            plain = _readable(decode(text[start:end]))
            if plain is not None:
                yield Reading(name, plain, None, (start, end))


def _spans(pattern: re.Pattern[str], text: str) -> Iterator[tuple[int, int]]:
    return (match.span() for match in pattern.finditer(text))


def hex_spans(text: str) -> Iterator[tuple[int, int]]:
    """Places of 16 or more digits and what stands between them, from a digit or backslash that begins a word to a digit
    that ends one. One pattern for all of it takes time in the square of the text; a run and its two ends do not."""
    for run in _HEX_RUN.finditer(text):
        first = _HEX_START.search(text, *run.span())
        if first is None:
            continue
        at = run.end() - 1
        while at - first.start() >= 15 and not _HEX_END.match(text, at):
            at -= 1
        if at - first.start() >= 15:
            yield first.start(), at + 1


def _readable(decoded: bytes | str | None) -> str | None:
    """Text of mostly letters and spaces, or None."""
    if isinstance(decoded, bytes):
        try:
            decoded = decoded.decode("utf-8")
        except UnicodeDecodeError:
            return None
    if not decoded or len(decoded) < 4 or not all(one.isprintable() or one.isspace() for one in decoded):
        return None
    good = sum(one.isalpha() or one.isspace() for one in decoded)
    encoded = _BASE64.fullmatch(decoded) or (0, len(decoded)) in hex_spans(decoded)
    return decoded if good >= 0.5 * len(decoded) or encoded else None


def _from_base64(piece: str) -> bytes | None:
    plain = piece.rstrip("=").replace("-", "+").replace("_", "/")
    try:
        return base64.b64decode(plain + "=" * (-len(plain) % 4))
    except (binascii.Error, ValueError):
        return None


def _from_base32(piece: str) -> bytes | None:
    plain = piece.rstrip("=")
    try:
        return base64.b32decode(plain + "=" * (-len(plain) % 8))
    except (binascii.Error, ValueError):
        return None


def _from_hex(piece: str) -> bytes | None:
    digits = re.sub(r"0[xX]|\\x|[\s,:-]", "", piece)
    if len(digits) < 8 or len(digits) % 2 or not all(one in "0123456789abcdefABCDEF" for one in digits):
        return None
    return bytes.fromhex(digits)


def _from_bits(piece: str) -> bytes | None:
    bits = re.sub(r"[\s,]", "", piece)
    for width in (8, 7):
        if len(bits) % width == 0 and len(bits) >= 3 * width:
            return bytes(int(bits[at : at + width], 2) for at in range(0, len(bits), width))
    return None


def _from_codes(piece: str) -> str | None:
    numbers = [int(one) for one in re.findall(r"\d{1,6}", piece)]
    if len(numbers) < 6:
        return None
    if all(1 <= one <= 26 for one in numbers):
        return "".join(_ALPHABET[one - 1] for one in numbers)
    plain = sum(9 <= one < 127 for one in numbers)
    return "".join(map(chr, numbers)) if plain >= 0.9 * len(numbers) and max(numbers) < 0xD800 else None


def _from_morse(piece: str) -> str | None:
    plain = piece.translate(str.maketrans("•·–—|", "..--/"))
    letters = [_MORSE_CODE.get(one, " " if one == "/" else "") for one in plain.replace("/", " / ").split()]
    return "".join(letters) if sum(map(bool, letters)) >= 6 else None


def _from_selectors(piece: str) -> bytes:
    return bytes(ord(one) - 0xFE00 if ord(one) < 0xFE10 else ord(one) - 0xE0100 + 16 for one in piece)


def _unescaped(text: str) -> str:
    return _ESCAPE.sub(lambda match: "\n" if match[3] else chr(int(match[1] or match[2], 16)), text)


# ---- words written so that they are no words ----------------------------------------------------------------------


def _spelled_out(text: str) -> Iterator[Reading]:
    """``i.g.n.o.r.e``, ``i g n o r e  r u l e s``, letters with pictures between them: put together again.

    Where what stands between two letters is longer than usual in the run, a word ends.
    """
    letters: list[str] = []
    places: list[int] = []
    last = 0
    for match in _SPELLED.finditer(text):
        for index in range(last, match.start()):
            letters.append(text[index])
            places.append(index)
        run = [match.start() + offset for offset, one in enumerate(match[0]) if one.isalpha()]
        usual = min(after - before for before, after in pairwise(run))
        for at, index in enumerate(run):
            if at and index - run[at - 1] > usual:
                letters.append(" ")
                places.append(index)
            letters.append(text[index])
            places.append(index)
        last = match.end()
    if last:
        for index in range(last, len(text)):
            letters.append(text[index])
            places.append(index)
        yield Reading("spelled out", "".join(letters), places)


def _split_up(text: str) -> Iterator[Reading]:
    """Quoted parts put together: in the order of ``a + b + c`` where they are named, else as they stand."""
    parts = [(match[1], match[3]) for match in _QUOTED.finditer(text)]
    if not 2 <= len(parts) <= 40:
        return
    named = {name: part for name, part in parts if name}
    for match in _JOINED.finditer(text):
        names = re.findall(r"\w+", match[0])
        if sum(name in named for name in names) >= 2:
            yield Reading("split in parts", "".join(named.get(name, "") for name in names), None, (0, len(text)))
    if re.search(r"\b(?:parts?|pieces?|concat\w*|join\w*|combine\w*|interlace\w*|together)\b", text, re.IGNORECASE):
        yield Reading("split in parts", "".join(part for _, part in parts), None, (0, len(text)))


def _shifted(text: str) -> Iterator[Reading]:
    """The text with its alphabet shifted or mirrored, or read backwards, where that makes telling words of it."""
    ways = {CODED[word] for word in re.findall(r"[a-z]{5,}", text.lower()) if word in CODED}
    for way in sorted(ways):
        if way == "backwards":
            yield Reading("backwards", text[::-1], range(len(text) - 1, -1, -1))
        elif way == "mirrored alphabet":
            yield Reading(way, text.translate(_table(_ALPHABET[::-1])))
        else:
            by = int(way.removeprefix("alphabet shifted by "))
            yield Reading(way, text.translate(_table(_ALPHABET[26 - by :] + _ALPHABET[: 26 - by])))


def _table(letters: str) -> dict[int, int]:
    """Takes every letter to the one at its place in `letters`."""
    return str.maketrans(_ALPHABET + _ALPHABET.upper(), letters + letters.upper())
