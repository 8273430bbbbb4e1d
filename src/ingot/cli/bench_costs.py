"""What a bench of a suite is expected to take, told before it takes it."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from decimal import Decimal
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from ingot.evals.solvers.solver import Solver
    from ingot.evals.suite import Suite
    from ingot.usage import Usage

ASKED_FROM = 1
"""Dollars in all from which a person at a terminal is asked."""


def listed(_: click.Context, __: click.Parameter, name: str) -> str:
    """The name of a model with a list price, or ""; a name without one would price nothing, and only the report would tell."""
    from ingot.usage import PRICES, price_of

    price = price_of(name)
    if name and (price is None or price not in PRICES):
        raise click.BadParameter(f"no list price is known of {name!r}; there are {', '.join(p.model for p in PRICES)}")
    return name


def say_costs(suite: Suite, solvers: Mapping[str, Solver], priced_as: str, *, ask: bool) -> None:
    """Tell what each solver takes at least, before the first one starts; with `ask` a person is asked where that is much."""
    from ingot.evals.evaluate import estimate

    total = Decimal(0)
    for solver in solvers.values():
        usage = estimate(suite, solver)
        price = _price(usage, priced_as or solver.model)
        total += price or 0
        click.echo(
            f"{solver.name}: {len(suite.tasks)} tasks, {suite.items} items; at least about {usage.total_tokens:,} tokens in "
            f"{usage.requests:,} requests ({_said(price)}) where every first attempt passes; kept completions cost nothing",
            err=True,
        )
    if total > ASKED_FROM and ask and sys.stdin.isatty():
        click.confirm(f"at least about ${total:.2f} in all; go on?", abort=True, err=True)


def say_estimate(suite: Suite, solvers: Mapping[str, Solver], model: str, *, as_json: bool) -> None:
    """Tell what running a suite is expected to take, in dollars too where the price of `model` is known."""
    from ingot.evals.evaluate import estimate

    found = {name: estimate(suite, solver) for name, solver in solvers.items()}
    if as_json:
        told = {name: usage.to_json() for name, usage in found.items()}
        click.echo(
            json.dumps(
                {"suite": suite.name, "tasks": len(suite.tasks), "items": suite.items, "estimate": told}, indent=2
            )
        )
        return
    click.echo(f"{suite.name}: {len(suite.tasks)} tasks, {suite.items} items")
    for name, usage in found.items():
        price = f" ({_said(_price(usage, model))})" if model else ""
        click.echo(f"{name:<12}at least about {usage.total_tokens:,} tokens in {usage.requests:,} requests{price}")


def _price(usage: Usage, model: str) -> Decimal | None:
    from ingot.usage import cost

    return cost(usage, model) if usage.total_tokens else Decimal(0)


def _said(price: Decimal | None) -> str:
    return "no price known" if price is None else f"${price:.2f}"
