"""Values as the bytes that a store keeps: sorted JSON, decimals and dates as text."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import orjson

from ingot.canonical import canonical_json
from ingot.fields import decimal_text, to_plain

_OPTIONS = orjson.OPT_SORT_KEYS | orjson.OPT_PASSTHROUGH_DATETIME


def _text(value: Any) -> Any:
    return decimal_text(value) if type(value) is Decimal else to_plain(value)


def encoded(value: Any) -> bytes:
    """The same bytes for the same value. What the quick encoder has no form for (a number of more than 64 bits) goes the
    slow way. Raises TypeError for what is no value of a workflow."""
    try:
        return orjson.dumps(value, default=_text, option=_OPTIONS)
    except orjson.JSONEncodeError:
        return canonical_json(value)
