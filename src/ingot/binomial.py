"""Clopper and Pearson's interval of a share, by the beta function. Pure."""

from __future__ import annotations

import math

SURE = 0.95
"""The confidence of the intervals."""


def interval(right: float, cases: float) -> tuple[float, float]:
    """The two-sided 95 % interval of the share right / cases, 0 to 1 of none (Clopper and Pearson 1934). Neither need be whole: an
    effective number of cases is none (Korn and Graubard 1998)."""
    if cases == 0:
        return 0.0, 1.0
    tail = (1 - SURE) / 2
    low = 0.0 if right == 0 else beta_quantile(tail, right, cases - right + 1)
    high = 1.0 if right == cases else beta_quantile(1 - tail, right + 1, cases - right)
    return low, high


def beta_quantile(share: float, a: float, b: float) -> float:
    """Where the beta distribution's cumulative probability is `share`, by bisection."""
    low, high = 0.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if beta_below(middle, a, b) < share else (low, middle)
    return (low + high) / 2


def beta_below(x: float, a: float, b: float) -> float:
    """The regularised incomplete beta function I_x(a, b), by its continued fraction (Abramowitz and Stegun 26.5.8)."""
    if x <= 0 or x >= 1:
        return float(x >= 1)
    if x > (a + 1) / (a + b + 2):  # where the fraction is slow, the other tail's is quick
        return 1 - _lower_tail(1 - x, b, a)
    return _lower_tail(x, a, b)


def _lower_tail(x: float, a: float, b: float) -> float:
    log = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)
    return math.exp(log) / a / _fraction(x, a, b)


def _fraction(x: float, a: float, b: float) -> float:
    """``1 + d1 / (1 + d2 / (1 + ...))``, from its end: so many terms are enough where it is asked."""
    value = 1.0
    for k in range(int(40 + 4 * math.sqrt(a + b)), 0, -1):
        half = k // 2
        if k % 2:
            d = -(a + half) * (a + b + half) * x / ((a + 2 * half) * (a + 2 * half + 1))
        else:
            d = half * (b - half) * x / ((a + 2 * half - 1) * (a + 2 * half))
        value = 1 + d / value
    return value
