"""All categories of one log, for reports."""

from __future__ import annotations

from ingot.evals.log import Log
from ingot.evals.metrics.code_quality import quality_of
from ingot.evals.metrics.latency import latency
from ingot.evals.metrics.measure import Measure
from ingot.evals.metrics.reliability import field_scores, reliability
from ingot.evals.metrics.security_cost import cost_of_ownership
from ingot.evals.metrics.selective import selective, unwithheld
from ingot.evals.metrics.tokens import tokens
from ingot.evals.metrics.validation import validation
from ingot.usage import PricedAs


def every(log: Log, baseline: Log | None = None, *, priced_as: PricedAs = "") -> dict[str, list[Measure]]:
    """Category to figures, none where a suite or solver has no such figures. Consistency needs runs of
    its own: `ingot bench consistency`."""
    return {
        "reliability": reliability(log),
        "fields": field_scores(log),
        "nothing withheld": unwithheld(log),
        "without a model": selective(log),
        "validation": validation(log),
        "code quality": quality_of(log),
        "token efficiency": tokens(log, baseline, priced_as=priced_as),
        "latency": latency(log),
        "cost": [cost_of_ownership(log, priced_as=priced_as)],
    }
