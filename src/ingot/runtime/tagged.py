"""Values as tagged JSON: the only form in which anything leaves the sandbox.

Nothing that a cage answers is ever unpickled. JSON has no Decimal and no date, so these travel as one-key objects
(``{"~d": "1.20"}``); a value that no workflow may hold travels as the name of its type alone. Standard library only:
the cage's side of this module runs where nothing of Ingot is imported.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

LARGEST_BYTES = 64 * 1024
LONGEST_DECIMAL = 4_000
DEEPEST = 60


@dataclass(frozen=True, slots=True)
class Foreign:
    """A value that has no place in a workflow (a set, an object, a function): only its type's name is known."""

    type_name: str


def encode(value: object) -> str:
    """`value` as tagged JSON text with sorted keys: equal values give equal text. Never raises for a strange value."""
    return json.dumps(_out(value, 0), separators=(",", ":"), sort_keys=True)


def _out(value: Any, depth: int) -> Any:
    # `type(x) is`, not isinstance: a subclass may lie about everything that is asked of it.
    kind = type(value)
    if value is None or kind is str or kind is bool:
        return value
    if depth > DEEPEST:
        return {"~!": "too deeply nested value"}
    if kind is dict:
        if all(type(key) is str and not key.startswith("~") for key in value):
            return {key: _out(inner, depth + 1) for key, inner in value.items()}
        pairs = [[_out(key, depth + 1), _out(inner, depth + 1)] for key, inner in value.items()]
        return {"~o": sorted(pairs, key=lambda pair: json.dumps(pair[0], sort_keys=True))}
    if kind is list:
        return [_out(inner, depth + 1) for inner in value]
    if kind is tuple:
        return {"~t": [_out(inner, depth + 1) for inner in value]}
    return _scalar_out(value, kind)


def _scalar_out(value: Any, kind: type) -> Any:
    if kind is int:
        # Python refuses to print integers beyond 4,300 digits; nothing that long is an answer.
        return value if value.bit_length() < 10_000 else {"~!": "int of more than 3,000 digits"}
    if kind is float:
        return value if value - value == 0 else {"~f": repr(value)}
    if kind is Decimal:
        return {"~d": str(value)} if _is_writable(value) else {"~!": "Decimal of more than 4,000 places"}
    if kind is date:
        return {"~D": value.isoformat()}
    if kind is datetime and (value.tzinfo is None or type(value.tzinfo).__module__ == "datetime"):
        return {"~T": value.isoformat()}
    if kind is bytes and len(value) <= LARGEST_BYTES:
        return {"~b": value.hex()}
    name = type.__getattribute__(kind, "__name__")
    return {"~!": str.__str__(name)[:60]}


def _is_writable(value: Decimal) -> bool:
    """Whether the number, written out, is of a bounded length: ``1e999999999`` is a gigabyte of zeros."""
    _, digits, exponent = value.as_tuple()
    return len(digits) <= LONGEST_DECIMAL and (not isinstance(exponent, int) or abs(exponent) <= LONGEST_DECIMAL)


def _decimal_in(text: str) -> Decimal:
    value = Decimal(text)
    if not _is_writable(value):
        raise ValueError(f"a decimal of more than {LONGEST_DECIMAL:,} places")
    return value


def decode(text: str | bytes) -> Any:
    """The value of a tagged JSON text. Raises ValueError for anything that `encode` does not write."""
    return _in(json.loads(text), 0)


_TAGS: dict[str, Callable[[str], object]] = {
    "~d": _decimal_in,
    "~D": date.fromisoformat,
    "~T": datetime.fromisoformat,
    "~f": float,
    "~b": bytes.fromhex,
    "~!": Foreign,
}


def _in(node: Any, depth: int) -> Any:
    if depth > 2 * DEEPEST + 10:
        raise ValueError("tagged JSON nested too deeply")
    if isinstance(node, list):
        return [_in(inner, depth + 1) for inner in node]
    if not isinstance(node, dict):
        return node
    if len(node) == 1:
        (key, inner), *_ = node.items()
        if key.startswith("~"):
            return _tag_in(key, inner, depth)
    return {key: _in(inner, depth + 1) for key, inner in node.items()}


def _tag_in(tag: str, inner: Any, depth: int) -> Any:
    if tag == "~t" and isinstance(inner, list):
        return tuple(_in(one, depth + 1) for one in inner)
    if tag == "~o" and isinstance(inner, list):
        try:
            return {_in(key, depth + 1): _in(value, depth + 1) for key, value in inner}
        except TypeError as error:
            raise ValueError("tagged JSON with a key that is no key") from error
    if tag in _TAGS and isinstance(inner, str):
        try:
            return _TAGS[tag](inner)
        except (ValueError, ArithmeticError) as error:
            raise ValueError(f"tagged JSON with a bad {tag!r}") from error
    raise ValueError(f"tagged JSON with an unknown tag {tag!r}")
