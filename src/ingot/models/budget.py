"""A hard limit on tokens and money around any model."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from threading import Lock

from ingot import usage
from ingot.errors import BudgetExceeded, ModelError, ModelTimeout
from ingot.models.model import Completion, Model, Request
from ingot.models.reply import estimate_input
from ingot.usage import Usage


@dataclass(frozen=True, slots=True)
class Budget:
    """What may be spent in all: input and output tokens together, and US dollars. None is no limit.

    `price` is what the model's tokens cost where that is not its list price; it says nothing without `max_cost`.
    """

    max_tokens: int | None = None
    max_cost: Decimal | None = None
    price: usage.Price | None = None

    def __post_init__(self) -> None:
        for name, limit in (("max_tokens", self.max_tokens), ("max_cost", self.max_cost)):
            if limit is not None and limit < 0:
                raise ModelError(f"a budget's {name} is {limit!r}, below zero", hint="give zero or more, or no limit")


class Budgeted:
    """A model that refuses to pass its budget. `spent` is what it has used so far.

    A call is refused before it is made where its estimated input and its `max_tokens` do not fit into what is left
    (calls under way in other threads count with theirs). A call whose real usage passes the budget raises as well: its
    completion is not handed out, but is with the error for whoever keeps completions. A call that timed out counts in full, because the provider may have charged for it;
    so does one whose reply was cut off or refused, with what it took.
    """

    def __init__(self, model: Model, budget: Budget) -> None:
        self.model = model
        self.budget = budget
        self.spent = Usage()
        self._reserved = Usage()
        self._lock = Lock()
        if budget.max_cost is not None:
            self._cost(Usage())  # a price that is not known is an error before the first call, not after it

    @property
    def name(self) -> str:
        """The name of the model inside."""
        return self.model.name

    def __repr__(self) -> str:
        return f"Budgeted({self.name!r}, {self.budget!r}, spent {self.spent.total_tokens:,} tokens)"

    def complete(self, request: Request) -> Completion:
        """Ask the model inside. Raises BudgetExceeded before a call that may not fit and after one that did not."""
        most = Usage(estimate_input(request), request.max_tokens, 1)
        with self._lock:
            self._refuse_over(self.spent + self._reserved + most, "the next request may need up to")
            self._reserved += most
        used = Usage()
        try:
            completion = self.model.complete(request)
            used = completion.usage
        except (ModelTimeout, KeyboardInterrupt):
            used = most
            raise
        except ModelError as error:
            used = error.used or used
            raise
        finally:
            with self._lock:
                self._reserved = Usage(
                    self._reserved.input_tokens - most.input_tokens,
                    self._reserved.output_tokens - most.output_tokens,
                    self._reserved.requests - most.requests,
                )
                self.spent += used
        try:
            self._refuse_over(self.spent, "the last request brought it to")
        except BudgetExceeded as error:
            error.paid, error.used = completion, completion.usage
            raise
        return completion

    def _refuse_over(self, total: Usage, why: str) -> None:
        budget = self.budget
        if budget.max_tokens is not None and total.total_tokens > budget.max_tokens:
            raise BudgetExceeded(
                f"the budget of {budget.max_tokens:,} tokens for {self.name!r} does not hold: {why} "
                f"{total.total_tokens:,} in all ({self.spent.total_tokens:,} used so far)",
                hint="raise the token budget, ask for fewer max_tokens, or allow fewer attempts",
            )
        if budget.max_cost is not None and (dollars := self._cost(total)) > budget.max_cost:
            raise BudgetExceeded(
                f"the budget of ${budget.max_cost} for {self.name!r} does not hold: {why} ${dollars:.6f} in all "
                f"(${self._cost(self.spent):.6f} used so far)",
                hint="raise the money budget, use a cheaper model, or allow fewer attempts",
            )

    def _cost(self, total: Usage) -> Decimal:
        # A model behind an address of its own is not sold at the list price of the model whose name it bears.
        known = self.budget.price or (None if "@http" in self.name else self.name)
        dollars = None if known is None else usage.cost(total, known)
        if dollars is None:
            raise BudgetExceeded(
                f"no price is known for {self.name!r}, so a limit of ${self.budget.max_cost} cannot be kept",
                hint="set a limit in tokens instead (max_tokens), or use a model with a listed price",
            )
        return dollars


def budgeted(model: Model, budget: Budget | None) -> Model:
    """`model` inside `budget`; `model` itself where there is none. Raises BudgetExceeded where its price is unknown
    and money is limited."""
    if budget is None or (budget.max_tokens is None and budget.max_cost is None):
        return model
    return Budgeted(model, budget)
