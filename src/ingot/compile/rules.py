"""Every rule that can refuse a candidate, in one table."""

from __future__ import annotations

from ingot.compile import generate
from ingot.stages.check import STAGES
from ingot.verdict import Rule


def all_rules() -> tuple[Rule, ...]:
    """The rules of the reply, the flow and the four stages, by code."""
    rules = [rule for stage in STAGES for rule in stage.rules]
    return tuple(sorted({rule.code: rule for rule in (*rules, *generate.RULES)}.values(), key=lambda r: r.code))
