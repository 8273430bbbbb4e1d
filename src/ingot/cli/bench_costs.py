"""What a bench of a suite is expected to take, told before it takes it."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from ingot.evals.solvers.solver import Solver
    from ingot.evals.suite import Suite
    from ingot.usage import Price, PricedAs, Usage

ASKED_FROM = 1
"""Dollars in all from which a person at a terminal is asked."""

_FORM = "dollars per million tokens in and out, for instance 0.25,2"


def listed(_: click.Context, __: click.Parameter, name: str) -> str:
    """The name of a model with a list price, or ""; a name without one would price nothing, and only the report would tell."""
    from ingot.usage import PRICES, price_of

    price = price_of(name)
    if name and (price is None or price not in PRICES):
        raise click.BadParameter(f"no list price is known of {name!r}; there are {', '.join(p.model for p in PRICES)}")
    return name


def priced(_: click.Context, __: click.Parameter, text: str | None) -> Price | None:
    """Two amounts with a comma between them as a price that a user gave today."""
    from ingot.usage import Price

    if text is None:
        return None
    parts = [part.strip() for part in text.split(",")]
    if len(parts) != 2:
        raise click.BadParameter(f"{text!r} has {len(parts)} parts, and a price two: IN,OUT, {_FORM}")
    amounts = [_amount(part, text) for part in parts]
    return Price("", amounts[0], amounts[1], datetime.now().astimezone().date(), by_user=True)


def _amount(part: str, text: str) -> Decimal:
    try:
        amount = Decimal(part)
    except InvalidOperation:
        raise click.BadParameter(f"{part!r} in {text!r} is not an amount; {_FORM}") from None
    if not (amount.is_finite() and amount >= 0):
        raise click.BadParameter(f"{part!r} in {text!r} is not an amount of zero or more; {_FORM}")
    return amount


def pricing(priced_as: str, price: Price | None) -> PricedAs:
    """The one of both that was given, "" where none was."""
    if priced_as and price is not None:
        raise click.UsageError("--price and --priced-as both say what tokens cost; give one of them")
    return price or priced_as


def say_costs(suite: Suite, solvers: Mapping[str, Solver], priced_as: PricedAs, *, ask: bool) -> None:
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


def say_estimate(suite: Suite, solvers: Mapping[str, Solver], model: PricedAs, *, as_json: bool) -> None:
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


def _price(usage: Usage, model: PricedAs) -> Decimal | None:
    from ingot.usage import cost

    return cost(usage, model) if usage.total_tokens else Decimal(0)


def _said(price: Decimal | None) -> str:
    return "no price known" if price is None else f"${price:.2f}"
