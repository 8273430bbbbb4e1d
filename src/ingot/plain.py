"""What is left of a text where its case, blanks and punctuation do not count."""

from __future__ import annotations

import unicodedata


def plain_text(text: str) -> str:
    """The letters and digits of a text, case-folded, in compatible form (NFKC)."""
    return "".join(letter for letter in unicodedata.normalize("NFKC", text).casefold() if letter.isalnum())
