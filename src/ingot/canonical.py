"""One way to turn values into bytes, and bytes into digests, so that equal things have equal digests."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from ingot.fields import to_plain

_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def canonical_json(value: Any) -> bytes:
    """UTF-8 JSON with sorted keys, no spaces, no NaN; decimals and dates as text."""
    return _ENCODER.encode(to_plain(value)).encode()


def readable_json(value: Any) -> bytes:
    """UTF-8 JSON with sorted keys, indented by two, ending in a newline: for files that people open."""
    return (json.dumps(to_plain(value), sort_keys=True, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode()


def digest(content: bytes | str) -> str:
    """Hex SHA-256."""
    return hashlib.sha256(content.encode() if isinstance(content, str) else content).hexdigest()
