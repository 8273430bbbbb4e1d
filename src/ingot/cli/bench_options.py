"""The options of benches that ask a model, and the model that they name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from ingot.cli.bench_costs import listed, priced, pricing
from ingot.cli.build import dollars

if TYPE_CHECKING:
    from ingot.models.model import Model
    from ingot.usage import Price, PricedAs

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Which model is asked, and what may be spent at which price: what `MODEL` and `SPENDING` gave. Raises UsageError where both ways
    to give a price were taken."""

    model: str | None
    max_tokens: int | None
    max_cost: Decimal | None
    timeout: float | None
    priced_as: str
    price: Price | None
    yes: bool

    def __post_init__(self) -> None:
        pricing(self.priced_as, self.price)  # both at once are told before anything is read

    @property
    def pricing(self) -> PricedAs:
        """At which price tokens are; "" is their own model's."""
        return pricing(self.priced_as, self.price)

    def opened(self, keep: Path | None) -> Model | None:
        """The model inside one budget, at `price` where one was given, whose completions are kept under `keep`: what one solver spends
        the next has no more. None where no model was named."""
        from ingot.evals.kept import Kept
        from ingot.models.budget import Budget
        from ingot.models.open import open_model

        if self.model is None:
            return None
        budget = Budget(self.max_tokens, self.max_cost, self.price)
        model = open_model(self.model, budget=budget, timeout=self.timeout)
        return model if keep is None else Kept(model, keep / "completions")


def say_where(model: str, *, quiet: bool) -> None:
    """Whoever writes the replies must know where they are awaited: nothing else is seen of a wait that may take an hour."""
    kind, _, folder = model.partition(":")
    if kind == "files" and not quiet:
        click.echo(
            f"each request is written to {folder}/*.request.md; its reply is awaited beside it, under *.reply.md",
            err=True,
        )
