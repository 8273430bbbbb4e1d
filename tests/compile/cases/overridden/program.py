"""overridden, version 0.1.0.

Compiled from spec 855deaa05b81. Do not edit: the artifact's digests cover this file.
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
#   C1: IF age >= 18 THEN APPROVE
#   C2: ELSE DENY


class Inputs(TypedDict):
    age: int


class Outputs(TypedDict):
    decision: Literal['APPROVE', 'DENY']


# ---- logic: the generated functions, as they are in logic.py --------------------------------------------------------


def judge(age: int) -> Literal['APPROVE', 'DENY']:
    return "APPROVE" if age >= 18 else "DENY"


# ---- flow: written by Ingot from the spec ----------------------------------------------------------------------------


def transact(_case: Inputs) -> tuple[Outputs | None, tuple[str, str] | None]:
    """Run one transaction: the output, and the step and reason where a person must decide."""
    age = _case["age"]
    # judge: C1, C2
    decision = judge(age)
    _output: Outputs = {"decision": decision}
    return _output, None
