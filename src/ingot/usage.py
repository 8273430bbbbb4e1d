"""What a model call used, and what it cost at a dated price."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens in, tokens out and requests made; adds up with ``+``."""

    input_tokens: int = 0
    output_tokens: int = 0
    requests: int = 0

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.input_tokens + other.input_tokens,
            self.output_tokens + other.output_tokens,
            self.requests + other.requests,
        )

    @property
    def total_tokens(self) -> int:
        """Input and output tokens together."""
        return self.input_tokens + self.output_tokens

    def to_json(self) -> dict[str, Any]:
        """The three counts."""
        return {
            "input_tokens": self.input_tokens,
            "output_tokens": self.output_tokens,
            "requests": self.requests,
        }


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars per million tokens, as published on a day, or as a user gave them on it (`by_user`)."""

    model: str
    input: Decimal
    output: Decimal
    as_of: date
    by_user: bool = False


PricedAs = str | Price
"""At which price tokens are: a model's, by its provider string, or one that a user gave. "" is their own model's."""


# Published list prices. A model that is not here has no cost, which is not the same as a cost of zero.
PRICES: tuple[Price, ...] = (
    Price("anthropic:claude-opus-4-5", Decimal("5"), Decimal("25"), date(2025, 11, 24)),
    Price("anthropic:claude-sonnet-4-5", Decimal("3"), Decimal("15"), date(2025, 9, 29)),
    Price("anthropic:claude-haiku-4-5", Decimal("1"), Decimal("5"), date(2025, 10, 15)),
    Price("openai:gpt-5", Decimal("1.25"), Decimal("10"), date(2025, 8, 7)),
    Price("openai:gpt-5-mini", Decimal("0.25"), Decimal("2"), date(2025, 8, 7)),
)


def price_of(model: PricedAs) -> Price | None:
    """The dated price of a model by its provider string, or None where none is known. A price is its own."""
    if isinstance(model, Price):
        return model
    if model.startswith(("local:", "replay:", "scripted", "ollama:")):
        return Price(model, Decimal(0), Decimal(0), date(2025, 1, 1))
    # Only the name itself or a dated snapshot of it: gpt-5-mini is not sold at the price of gpt-5.
    undated = re.sub(r"-(\d{8}|\d{4}-\d{2}-\d{2}|latest)$", "", model)
    return next((price for price in PRICES if undated == price.model), None)


def cost(usage: Usage, model: PricedAs) -> Decimal | None:
    """Dollars for a usage, or None where the model's price is not known."""
    price = price_of(model)
    if price is None:
        return None
    return (price.input * usage.input_tokens + price.output * usage.output_tokens) / Decimal(1_000_000)
