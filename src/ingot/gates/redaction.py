"""Personal data out of a text and back into it: ``SSN 123-45-6789`` to ``SSN [SSN_1]``.

The tokens stand for nothing outside their mapping, which whoever redacts keeps (sealed, in the store). No token that is
made stands in the text already, and a text between two tokens cannot become one, since a token is what lies between two
brackets: so `restore` undoes `redact` for every text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from ingot.gates.found import BLOCKS_FROM, Found, without_overlaps
from ingot.gates.personal import find_personal

_TOKEN = re.compile(r"\[[A-Z][A-Z0-9_]{0,40}_[0-9]{1,9}\]")


class Redacted(NamedTuple):
    """A text with tokens, and what each token stands for."""

    text: str
    mapping: dict[str, str]


def redact(text: str, found: Iterable[Found] | None = None, *, taken: Mapping[str, str] | None = None) -> Redacted:
    """The text with a token for each value found; equal values of a kind get one token.

    `found` is by default all personal data that blocks. `taken` is the mapping of other texts of the same
    conversation: its tokens keep their meaning, and the new mapping holds them too.
    """
    places = without_overlaps(
        list(
            find_personal(text, least=BLOCKS_FROM)
            if found is None
            else (one for one in found if one.gate == "personal")
        )
    )
    mapping = dict(taken or {})
    tokens = {(token.rpartition("_")[0][1:], value): token for token, value in mapping.items()}
    used = {*_TOKEN.findall(text), *mapping}
    pieces: list[str] = []
    at = 0
    for one in places:
        value, kind = text[one.start : one.end], one.kind.upper()
        if (kind, value) not in tokens:
            tokens[kind, value] = _unused(kind, used)
            mapping[tokens[kind, value]] = value
        pieces += [text[at : one.start], tokens[kind, value]]
        at = one.end
    return Redacted("".join((*pieces, text[at:])), mapping)


def _unused(kind: str, used: set[str]) -> str:
    number = 1
    while (token := f"[{kind}_{number}]") in used:
        number += 1
    used.add(token)
    return token


def restore(text: str, mapping: Mapping[str, str]) -> str:
    """The text with every token of the mapping as its value, in one pass: a value that looks like a token stays as it is."""
    return _TOKEN.sub(lambda match: mapping.get(match[0], match[0]), text)
