X = 1
from __future__ import annotations


def fee(weight: int, note: str | None) -> int:
    return weight  # C1
