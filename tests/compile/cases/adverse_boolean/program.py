"""adverse boolean, version 0.1.0.

Compiled from spec 309ec069cb41. Do not edit: the artifact's digests cover this file.
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
#   C1: From 18 on a member is covered; before, the member waits.


class JudgeOutput(TypedDict):
    covered: bool
    wait: bool


class Inputs(TypedDict):
    age: int


class Outputs(TypedDict):
    covered: bool
    wait: bool


# ---- logic: the generated functions, as they are in logic.py --------------------------------------------------------


def judge(age: int) -> JudgeOutput:
    return {"covered": age >= 18, "wait": age < 18}


# ---- flow: written by Ingot from the spec ----------------------------------------------------------------------------


def transact(_case: Inputs) -> tuple[Outputs | None, tuple[str, str] | None]:
    """Run one transaction: the output, and the step and reason where a person must decide."""
    age = _case["age"]
    # judge: C1
    _output_judge = judge(age)
    covered = _output_judge["covered"]
    wait = _output_judge["wait"]
    _output: Outputs = {"covered": covered, "wait": wait}
    if covered in (False,):
        return _output, ('adverse_action_review', "covered goes against the person concerned; CMS_Decision_Timeframes asks for a person's decision")
    return _output, None
