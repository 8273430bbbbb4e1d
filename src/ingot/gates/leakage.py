"""Instructions that come out in a reply: the letters they share in a row, whatever stands between them.

Both texts are taken as their letters alone: without case, accents, spaces, marks and digits, so line breaks, numbering,
quotation and code blocks change nothing; and every decoded form of the reply is compared. A leak is LONGEST letters in a
row, or parts of PIECE letters and more that cover SHARE of the instructions and LEAST letters. A translation or a
paraphrase shares no letters in a row, and is not seen.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ingot.gates.folding import LEET, LOOKALIKES, Reading
from ingot.gates.forms import readings
from ingot.gates.found import Found, bounded

LONGEST = 50
"""Letters in a row that are a leak by themselves: some ten words."""
PIECE, LEAST, SHARE = 20, 60, 0.2
SHORT = 16
"""Instructions of fewer letters are common words, and cannot be told from a reply's own."""


@dataclass(frozen=True, slots=True)
class Overlap:
    """Letters that a reply shares with instructions: the longest run, all of them, and their share of the instructions."""

    longest: int
    letters: int
    share: float
    start: int
    end: int


def find_leaks(reply: str, instructions: str, *, public: Iterable[str] = ()) -> list[Found]:
    """At most one finding: the form of the reply that shares most. `public` is what the reply may repeat of the
    instructions (the input, the schema): letters that stand there are no leak. Raises InputError on too long a text."""
    secret, _ = _letters(instructions)
    if len(secret) < SHORT:
        return []
    known = [_letters(one)[0] for one in public]
    worst: Found | None = None
    for reading in _forms(bounded(reply), secret):
        letters, places = _letters(reading.text)
        overlap = overlapping(letters, secret, known)
        if _is_leak(overlap, len(secret)) and (worst is None or overlap.share > worst.score):
            first, last = reading.place(places[overlap.start], places[overlap.end - 1] + 1)
            why = f"{overlap.letters} letters of the instructions ({overlap.share:.0%}), {overlap.longest} of them in a row"
            worst = Found(
                "leakage",
                "instructions",
                first,
                last,
                round(min(1.0, 0.6 + overlap.share), 2),
                why,
                "GAT031",
                reading.form,
            )
    return [] if worst is None else [worst]


def _forms(reply: str, secret: str) -> list[Reading]:
    found = readings(reply)
    plain = found[0]
    whole = (0, len(reply))
    for form, table in (("letters of other scripts", LOOKALIKES), ("digits for letters", LEET)):
        if (mapped := plain.text.translate(table)) != plain.text:
            found.append(Reading(form, mapped, plain.places))
    found.append(Reading("backwards", plain.text[::-1], None, whole))
    if (by := _shift(_letters(plain.text)[0], secret)) is not None:
        found.append(Reading("alphabet shifted", plain.text.translate(_shifting(by)), plain.places))
    return found


def _shift(letters: str, secret: str) -> int | None:
    """The shift of the alphabet under which the reply holds some of the instructions: pieces are looked up, each tenth."""
    known = {secret[at : at + PIECE] for at in range(len(secret) - PIECE + 1)}
    for by in range(1, 26):
        turned = letters.translate(_shifting(by))
        if any(turned[at : at + PIECE] in known for at in range(0, len(turned) - PIECE + 1, 10)):
            return by
    return None


def _shifting(by: int) -> dict[int, int]:
    alphabet = "abcdefghijklmnopqrstuvwxyz"
    return str.maketrans(alphabet, alphabet[by:] + alphabet[:by])


def _letters(text: str) -> tuple[str, list[int]]:
    plain = text.lower()
    if len(plain) != len(text):
        plain = text
    places = [index for index, one in enumerate(plain) if one.isalpha()]
    return "".join(plain[index] for index in places), places


def _is_leak(overlap: Overlap, size: int) -> bool:
    if size < LEAST:
        return overlap.longest >= max(SHORT, 0.8 * size)
    return overlap.longest >= LONGEST or (overlap.letters >= LEAST and overlap.share >= SHARE)


def overlapping(reply: str, secret: str, known: Iterable[str] = ()) -> Overlap:
    """What `reply` has of `secret`, both as letters. Time is linear in their lengths: runs are found by their pieces."""
    piece = min(PIECE, max(8, len(secret) // 2))
    allowed = {one[at : at + piece] for one in known for at in range(len(one) - piece + 1)}
    where: dict[str, int] = {}
    for at in range(len(secret) - piece + 1):
        part = secret[at : at + piece]
        if part not in allowed:
            where.setdefault(part, at)
    hit = bytearray(len(secret))
    longest = run = 0
    start = end = -1
    for at in range(len(reply) - piece + 1):
        place = where.get(reply[at : at + piece])
        if place is None:
            run = 0
            continue
        run = run + 1 if run else piece
        hit[place : place + piece] = b"\1" * piece
        start = at if start < 0 else start
        longest, end = max(longest, run), at + piece
    letters = sum(hit)
    return Overlap(longest, letters, letters / max(1, len(secret)), max(start, 0), max(end, 1))
