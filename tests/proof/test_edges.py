"""Jumps of a program's answer are found by halving, without its constants."""

from collections.abc import Sequence
from decimal import Decimal

from ingot.fields import Field
from ingot.proof.edges import MOST, edges
from ingot.runtime.sandbox import Trial

FIELDS = (
    Field(name="income", type="decimal", minimum=Decimal(0), maximum=Decimal(100_000_000)),
    Field(name="line", type="integer", minimum=Decimal(1), maximum=Decimal(90_000)),
)
BASE = Trial("a", {"income": Decimal(12_000), "line": 13_590})


def stepped(trials: Sequence[Trial]) -> list[str]:
    shares = [one.input["income"] / one.input["line"] for one in trials]
    return [str(sum(share > Decimal(step) for step in ("1", "1.04", "1.24"))) for share in shares]


def test_both_sides_of_every_threshold_of_a_quotient() -> None:
    found = {one.input["income"] for one in edges([BASE], FIELDS, stepped) if one.input["line"] == 13_590}
    for step in ("1", "1.04", "1.24"):
        at = 13_590 * Decimal(step)
        assert {at, at + Decimal("0.01")} <= found


def test_an_answer_that_follows_the_number_everywhere_ends() -> None:
    assert len(edges([BASE], FIELDS, lambda some: [str(one.input["income"]) for one in some])) <= 2 * MOST
