"""Cases of tax and benefit rules: which of them are shown, held out and scored, and what their values are."""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

EVERY = 3


def parted(cases: Sequence[Any], apart: bool) -> tuple[list[Any], list[Any], list[Any]]:
    """Cases to give, to hold out and to score. Every third is held out, with `apart` every second of those scored instead; by
    their place alone. Then a held-out text that no given case answers comes to the given ones. Of cases with one input and
    one answer the first alone is kept: shown and held out at once, it would say nothing."""
    fresh = [case for number, case in enumerate(cases) if not any(_is_again(case, one) for one in cases[:number])]
    given: list[Any] = []
    held_out: list[Any] = []
    scored: list[Any] = []
    for number, case in enumerate(fresh):
        third, turn = number % EVERY == EVERY - 1, number // EVERY % 2
        (given if not third else scored if apart and turn == 0 else held_out).append(case)
    kept: list[Any] = []
    for case in held_out:
        answer = value_of(case["expected"])
        is_known = not isinstance(answer, str) or answer in [value_of(one["expected"]) for one in given]
        (kept if is_known else given).append(case)
    return given, kept, scored


def _is_again(case: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    return bool(
        day_of(case["period"]) == day_of(other["period"])
        and case["input"] == other["input"]
        and value_of(case["expected"]) == value_of(other["expected"])
    )


_SIGNS = {ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv}


def value_of(expected: Any) -> Any:
    """A boolean, a Decimal, or text: ``"862 * 12"`` is worked out."""
    if isinstance(expected, bool):
        return expected
    text = str(expected)
    if not _is_number(text):
        return text
    return _worked_out(ast.parse(text, mode="eval").body, text)


def _is_number(text: str) -> bool:
    return re.fullmatch(r"[\d_.eE()+\-*/\s]*\d[\d_.eE()+\-*/\s]*", text) is not None


def _worked_out(node: ast.expr, text: str) -> Decimal:
    match node:
        case ast.BinOp(left, op, right) if type(op) in _SIGNS:
            return Decimal(_SIGNS[type(op)](_worked_out(left, text), _worked_out(right, text)))
        case ast.UnaryOp(ast.USub(), operand):
            return -_worked_out(operand, text)
        case ast.Constant(int() | float()):
            return Decimal((ast.get_source_segment(text, node) or "").replace("_", ""))
        case _:
            raise ValueError(f"{text!r} is no number")


def day_of(period: Any) -> str:
    """The first day of a year (``2024``) or a month (``2024-01``)."""
    text = str(period)
    return f"{text}-01-01" if len(text) == 4 else f"{text}-01"


def days_of(cases: Sequence[Any]) -> tuple[str, str]:
    """The first and last day that a period of the cases' years begins."""
    years = sorted(str(case["period"])[:4] for case in cases)
    return f"{years[0]}-01-01", f"{years[-1]}-01-01" if span_of(cases) == "year" else f"{years[-1]}-12-01"


def span_of(cases: Sequence[Any]) -> str:
    return "year" if all(len(str(case["period"])) == 4 for case in cases) else "month"
