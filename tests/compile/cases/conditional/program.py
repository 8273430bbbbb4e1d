"""conditional, version 0.1.0.

Compiled from spec 43bc3348c1f2. Do not edit: the artifact's digests cover this file.
"""

from __future__ import annotations

import math
import re
from collections.abc import Generator, Mapping
from datetime import date, datetime, timedelta
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal
from typing import Any, Literal, TypedDict

# ---- types and clauses -----------------------------------------------------------------------------------------------
#
#   C1: The total is the amount.


class Inputs(TypedDict):
    amount: Decimal
    limit: Decimal | None
    seen_on: date | None


class Outputs(TypedDict):
    total: Decimal
    remark: str | None


# ---- logic: the generated functions, as they are in logic.py --------------------------------------------------------


def add_up(amount: Decimal) -> Decimal:
    return amount


# ---- flow: written by Ingot from the spec ----------------------------------------------------------------------------


def broken_second_look(remark: str | None) -> list[str]:
    """The validation expressions of second_look that do not hold."""
    checks = (
        ('len(remark) > 0', remark is None or (len(remark) > 0)),
    )
    return [text for text, holds in checks if not holds]


def transact(_case: Inputs) -> Generator[tuple[str, dict[str, Any]], Mapping[str, Any], tuple[Outputs | None, tuple[str, str] | None]]:
    """Run one transaction: the output, and the step and reason where a person must decide."""
    amount = _case["amount"]
    limit = _case["limit"]
    seen_on = _case["seen_on"]
    # add_up: C1
    total = add_up(amount)
    # over_limit: human_review
    if limit is None:
        return None, ('over_limit', 'limit is null and the condition does not say what that means')
    if limit > Decimal('99.5'):
        yield 'over_limit', {"total": total}
    # second_look: human_review
    remark: str | None = None
    if total > Decimal('1000.0') and (seen_on is None or seen_on < date.fromisoformat('2020-01-01')):
        _reply = yield 'second_look', {"total": total}
        remark = _reply["remark"]
    _output: Outputs = {"total": total, "remark": remark}
    return _output, None
