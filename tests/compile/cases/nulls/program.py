"""nulls, version 0.1.0.

Compiled from spec 53d4ba1483ce. Do not edit: the artifact's digests cover this file.
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
#   C1: L from 18 on, else S.
#   C2: 'none' where the weight is missing, else 'some'.


class Inputs(TypedDict):
    age: int | None
    weight: Decimal | None
    height: int


class Outputs(TypedDict):
    size: Literal['S', 'L']
    label: str


# ---- logic: the generated functions, as they are in logic.py --------------------------------------------------------


def judge(age: int, height: int) -> Literal['S', 'L']:
    return "L" if age >= 18 else "S"


def name_it(weight: Decimal | None) -> str:
    return "none" if weight is None else "some"


# ---- flow: written by Ingot from the spec ----------------------------------------------------------------------------


def transact(_case: Inputs) -> tuple[Outputs | None, tuple[str, str] | None]:
    """Run one transaction: the output, and the step and reason where a person must decide."""
    age = _case["age"]
    weight = _case["weight"]
    height = _case["height"]
    # judge: C1
    if age is None:
        return None, ('judge', 'age is null and the rule does not say what that means')
    size = judge(age, height)
    # name_it: C2
    label = name_it(weight)
    _output: Outputs = {"size": size, "label": label}
    return _output, None
