"""A solver's model made plain: an input that a person reads at a glance, where another shows the same."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

import z3

from ingot.proof.z3_fields import Leaf, Symbols

MOST_LEAVES, STEPS = 24, 50_000
"""So many variables are made plain; each attempt has so many of the solver's steps."""

_ORDINARY_DAY = date(2024, 6, 14)
_ORDINARY_YEARS = ((2020, 2030), (1940, 2060))


def plainer(solver: Any, symbols: Symbols) -> Any:
    """A model of what was asserted, with plain values where they do: not null, 0 or a bound, whole numbers, an
    ordinary day. The solver must have answered sat."""
    model = solver.model()
    solver.set("rlimit", STEPS)
    for leaf in symbols.leaves[:MOST_LEAVES]:
        own = model.eval(leaf.variable, model_completion=True)
        for wanted in _plain(leaf, own, symbols.context):
            if z3.is_true(model.eval(wanted, model_completion=True)):
                break
            if solver.check(wanted) == z3.sat:
                model = solver.model()
                break
        solver.add(leaf.variable == model.eval(leaf.variable, model_completion=True))
    return model


def _plain(leaf: Leaf, own: Any, context: Any) -> Iterator[Any]:
    """What to try for a variable, plainest first, as conditions."""
    for value in _values(leaf, own, context):
        yield leaf.variable == value
    if leaf.part not in ("none", "length") and leaf.field.type == "date":
        for first, last in _ORDINARY_YEARS:
            days = date(first, 1, 1).toordinal(), date(last, 12, 31).toordinal()
            yield z3.And(leaf.variable >= days[0], leaf.variable <= days[1])


def _values(leaf: Leaf, own: Any, context: Any) -> Iterator[Any]:
    """Values to try for a variable, plainest first."""
    field = leaf.field
    if leaf.part == "none":
        yield z3.BoolVal(False, context)
    elif leaf.part == "length":
        yield from (z3.IntVal(number, context) for number in range(1, min(own.as_long(), 3)))
    elif field.type == "boolean":
        yield z3.BoolVal(False, context)
    elif field.type in ("integer", "decimal"):
        yield z3.IntVal(0, context)
        scale = 10**leaf.places
        whole = own.as_long() // scale * scale
        yield from (z3.IntVal(number, context) for number in (whole, whole + scale, 10 * scale, 100 * scale))
    elif field.type == "date":
        yield z3.IntVal(_ORDINARY_DAY.toordinal(), context)
