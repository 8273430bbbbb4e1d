"""The options of benches that ask a model, and the model that they name."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from ingot.cli.bench_costs import listed, priced
from ingot.cli.build import dollars

if TYPE_CHECKING:
    from ingot.models.model import Model
    from ingot.usage import Price

F = TypeVar("F", bound=Callable[..., Any])

MODEL = click.option("--model", envvar="INGOT_MODEL", help="As for `ingot compile`. [env: INGOT_MODEL]")
PRICES: tuple[Callable[[Any], Any], ...] = (
    click.option(
        "--priced-as", default="", callback=listed,
        help="Price tokens as this model's, where the model itself has no list price.",
    ),
    click.option(
        "--price", metavar="IN,OUT", callback=priced,
        help="Price tokens at so many US dollars per million in and out; the report names it as yours.",
    ),
)  # fmt: skip
SPENDING: tuple[Callable[[Any], Any], ...] = (
    click.option("--max-tokens", type=click.IntRange(1), help="Hard stop at this many tokens."),
    click.option("--max-cost", callback=dollars, help="Hard stop at this many US dollars."),
    click.option("--timeout", type=float, help="Seconds that the model may take for one answer."),
    *PRICES,
    click.option("--yes", is_flag=True, help="Do not ask before a run that costs more than a dollar."),
)  # fmt: skip
"""What may be spent, and at which price."""


def with_options(command: F, *options: Callable[[Any], Any]) -> F:
    """A command with options, listed in this order."""
    for add in reversed(options):
        command = add(command)
    return command


def opened(
    name: str,
    *,
    max_tokens: int | None,
    max_cost: Decimal | None,
    timeout: float | None,
    price: Price | None,
    keep: Path | None,
) -> Model:
    """A model inside one budget, at `price` where one was given, whose completions are kept under `keep`: what one solver spends the
    next has no more."""
    from ingot.evals.kept import Kept
    from ingot.models.budget import Budget
    from ingot.models.open import open_model

    model = open_model(name, budget=Budget(max_tokens, max_cost, price), timeout=timeout)
    return model if keep is None else Kept(model, keep / "completions")


def say_where(model: str, *, quiet: bool) -> None:
    """Whoever writes the replies must know where they are awaited: nothing else is seen of a wait that may take an hour."""
    kind, _, folder = model.partition(":")
    if kind == "files" and not quiet:
        click.echo(
            f"each request is written to {folder}/*.request.md; its reply is awaited beside it, under *.reply.md",
            err=True,
        )
