"""One way to turn values into bytes, and bytes into digests, so that equal things have equal digests."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from ingot.fields import to_plain

_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def canonical_json(value: Any) -> bytes:
    """UTF-8 JSON with sorted keys, no spaces, no NaN; decimals and dates as text."""
    return _ENCODER.encode(to_plain(value)).encode()


def equal_bytes(value: Any) -> bytes:
    """`canonical_json` that is the same for equal values: 100 and 100.00 are one amount."""
    return canonical_json(_trimmed(value))


def _trimmed(value: Any) -> Any:
    if isinstance(value, Decimal):
        return _without_zeros(value)
    if isinstance(value, Mapping):
        return {key: _trimmed(inner) for key, inner in value.items()}
    return [_trimmed(inner) for inner in value] if isinstance(value, list | tuple) else value


def _without_zeros(number: Decimal) -> Decimal:
    """The number without zeros at its end, exactly; ``normalize`` would round to 28 digits."""
    sign, digits, exponent = number.as_tuple()
    if not isinstance(exponent, int) or not number:
        return Decimal(0)
    kept = len(digits) - next(n for n, digit in enumerate(reversed(digits)) if digit)
    return Decimal((sign, digits[:kept], exponent + len(digits) - kept))


def readable_json(value: Any) -> bytes:
    """UTF-8 JSON with sorted keys, indented by two, ending in a newline: for files that people open."""
    return (json.dumps(to_plain(value), sort_keys=True, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode()


def digest(content: bytes | str) -> str:
    """Hex SHA-256."""
    return hashlib.sha256(content.encode() if isinstance(content, str) else content).hexdigest()
