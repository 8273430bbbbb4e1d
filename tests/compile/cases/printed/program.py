"""GLP-1 Agonist Medical Necessity Review, version 0.1.0.

Compiled from spec 1e11b8cee73c. Do not edit: the artifact's digests cover this file.
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
#   C1: IF has_t2d_diagnosis THEN APPROVE
#   C2: ELSE IF (bmi >= 30) AND has_step_therapy_failure THEN APPROVE
#   C3: ELSE DENY


class Inputs(TypedDict):
    patient_chart_summary: str


class Outputs(TypedDict):
    decision: Literal['APPROVE', 'DENY']


# ---- logic: the generated functions, as they are in logic.py --------------------------------------------------------


def evaluate_coverage(has_t2d_diagnosis: bool, bmi: float, has_step_therapy_failure: bool) -> Literal['APPROVE', 'DENY']:
    if has_t2d_diagnosis:  # C1
        return "APPROVE"
    if bmi >= 30 and has_step_therapy_failure:  # C2
        return "APPROVE"
    return "DENY"  # C3


# ---- flow: written by Ingot from the spec ----------------------------------------------------------------------------


def broken_extract_clinical_factors(bmi: float) -> list[str]:
    """The validation expressions of extract_clinical_factors that do not hold."""
    checks = (
        ('bmi > 10 AND bmi < 100', bmi > 10 and bmi < 100),
    )
    return [text for text, holds in checks if not holds]


def transact(_case: Inputs) -> Generator[tuple[str, dict[str, Any]], Mapping[str, Any], tuple[Outputs | None, tuple[str, str] | None]]:
    """Run one transaction: the output, and the step and reason where a person must decide."""
    patient_chart_summary = _case["patient_chart_summary"]
    # extract_clinical_factors: bounded_invocation
    _reply = yield 'extract_clinical_factors', {"patient_chart_summary": patient_chart_summary}
    has_t2d_diagnosis = _reply["has_t2d_diagnosis"]
    bmi = _reply["bmi"]
    has_step_therapy_failure = _reply["has_step_therapy_failure"]
    # evaluate_coverage: C1, C2, C3
    decision = evaluate_coverage(has_t2d_diagnosis, bmi, has_step_therapy_failure)
    _output: Outputs = {"decision": decision}
    if decision in ('DENY',):
        return _output, ('adverse_action_review', "decision goes against the person concerned; CMS_Decision_Timeframes asks for a person's decision")
    return _output, None
