"""Constants, lists and pieces of source in words; what is larger than that is said in ``words``."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Sequence
from datetime import date
from decimal import Decimal, InvalidOperation

from ingot.fields import MOST_DIGITS

CODE, CODE_END = "\ue000", "\ue001"
"""What stands around a piece of source among words."""

_PLAIN = re.compile(r"[A-Z][A-Za-z0-9_-]*|[A-Z0-9_-]*[A-Z][A-Z0-9_-]*")


def quoted(words: str) -> int:
    """How many pieces of the words are source, for want of words."""
    return words.count(CODE)


def constant(expression: ast.expr) -> Decimal | date | None:
    """``Decimal("1.5")`` and ``date(2026, 1, 31)`` as what they are; None for everything else."""
    match expression:
        case ast.Call(func=ast.Name(id="Decimal"), args=[ast.Constant(value=str() | int() as value)], keywords=[]):
            try:
                return Decimal(value)
            except InvalidOperation:
                return None
        case ast.Call(
            func=ast.Name(id="date"),
            args=[
                ast.Constant(value=int() as year),
                ast.Constant(value=int() as month),
                ast.Constant(value=int() as day),
            ],
            keywords=[],
        ):
            try:
                return date(year, month, day)
            except ValueError:
                return None
    return None


def listed(parts: Sequence[str], word: str = "and") -> str:
    """``a, b and c``; of no parts, ``nothing``."""
    if not parts:
        return "nothing"
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} {word} {parts[-1]}"


def is_text(expression: ast.expr | None) -> bool:
    """Whether it is a constant text."""
    return isinstance(expression, ast.Constant) and isinstance(expression.value, str)


def is_fixed(expression: ast.expr) -> bool:
    """Whether it is a constant of any kind."""
    return isinstance(expression, ast.Constant) or constant(expression) is not None


def is_number(expression: ast.expr) -> bool:
    """Whether it is a constant number, with or without a sign."""
    inner = expression.operand if isinstance(expression, ast.UnaryOp) else expression
    return (
        isinstance(inner, ast.Constant) and isinstance(inner.value, int | float) and not isinstance(inner.value, bool)
    )


def shown(known: Decimal | date) -> str:
    """A decimal or a date as people write it."""
    return known.isoformat() if isinstance(known, date) else decimal_words(known)


def decimal_words(number: Decimal, tens: int = 0) -> str:
    """A decimal as people write it, all its digits; with `tens`, so many powers of ten larger and without noughts at its end."""
    if not number.is_finite() or abs(number.adjusted()) > MOST_DIGITS:
        return str(number if not tens else number.scaleb(tens))
    sign, digits, exponent = number.as_tuple()
    assert isinstance(exponent, int)
    said = f"{Decimal((sign, digits, exponent + tens)):f}"  # arithmetic would round it to 28 digits
    return said.rstrip("0").rstrip(".") if "." in said and (tens or exponent not in (-1, -2)) else said


def constant_words(value: object) -> str:
    """A constant as people write it."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        shown = value if _PLAIN.fullmatch(value) else json.dumps(value, ensure_ascii=False)
        return shown.replace(CODE, "\\ue000").replace(CODE_END, "\\ue001")
    return f"{CODE}{value!r}{CODE_END}" if not isinstance(value, int | float) else str(value)


def code(node: ast.expr) -> str:
    """Source between the CODE marks, for want of words."""
    source = ast.unparse(ast.fix_missing_locations(node))
    return f"{CODE}{source.replace(CODE, '?').replace(CODE_END, '?')}{CODE_END}"


def is_code(said: str) -> bool:
    """Whether the words are one piece of source."""
    return said.startswith(CODE) and said.endswith(CODE_END) and said.count(CODE) == 1


def starts_code(said: str) -> bool:
    """Whether the words begin with source."""
    return said.startswith(CODE)
