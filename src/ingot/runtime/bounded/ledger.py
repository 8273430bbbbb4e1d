"""What the bounded steps of one run have spent: every call, and what the spec's budgets leave for the next.

The ledger of a run is found by its steps without being handed through the program: it belongs to the thread of the run.
Where a step is carried out somewhere else (another process, an activity), `spending` opens one there.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Literal, Protocol

from ingot.runtime.bounded.answers import Answers
from ingot.spec import Budget, Limits
from ingot.usage import Usage, cost, price_of

Ended = Literal["answered", "kept", "invalid", "refused", "timeout", "error", "budget"]
"""How a call ended: a valid answer; the same, from an earlier run; not of the schema or against a validation expression;
stopped by a gate; too late; no answer; more than its budget."""


@dataclass(frozen=True, slots=True)
class Call:
    """One answer asked of a model or a fallback function. `rung` 0 is the first of the chain; `attempt` counts from 1. `by`
    says who answered, `asked` the model that was to, where that has another name."""

    step: str
    rung: int
    attempt: int
    by: str
    ended: Ended
    usage: Usage = field(default_factory=Usage)
    seconds: float = 0.0
    kind: Literal["model", "function"] = "model"
    asked: str = ""

    @property
    def cost(self) -> Decimal | None:
        """US dollars by the list price, None where none is known."""
        return Decimal(0) if not self.usage.total_tokens else dollars(self.usage, self.by)

    @property
    def charged(self) -> Decimal:
        """US dollars that a budget counts: the list price of who answered or of the model asked, whichever is more. A name in a
        reply must not make a call free."""
        costs = (self.cost, dollars(self.usage, self.asked) if self.asked else None)
        return max((one for one in costs if one is not None), default=Decimal(0))

    def to_json(self) -> dict[str, Any]:
        """For the audit record: no value of the run is in it."""
        price = price_of(self.by)
        told: dict[str, Any] = {
            "step": self.step, "kind": self.kind, "rung": self.rung, "attempt": self.attempt, "by": self.by,
            "ended": self.ended, "seconds": round(self.seconds, 6), **self.usage.to_json(),
        }  # fmt: skip
        if self.kind == "model":
            told["cost_usd"] = None if self.cost is None else format(self.cost, "f")
            told["price_as_of"] = None if price is None or self.cost is None else price.as_of.isoformat()
        if self.asked:
            told["asked"] = self.asked
        return told

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> Call:
        """What `to_json` told."""
        used = Usage(told["input_tokens"], told["output_tokens"], told["requests"])
        named = {name: told[name] for name in ("step", "rung", "attempt", "by", "ended", "seconds", "kind")}
        return cls(**named, usage=used, asked=told.get("asked", ""))


def dollars(usage: Usage, model: str) -> Decimal | None:
    """What a usage costs; a model behind an address of its own is not sold at the list price of its name."""
    return None if "@http" in model else cost(usage, model)


def used_by(calls: Iterable[Call]) -> dict[str, Any]:
    """The usage of some calls for an outcome or a record: sums, and each call. Cost is null where a price is not known."""
    calls = tuple(calls)
    total = sum((call.usage for call in calls), Usage())
    costs = [call.cost for call in calls if call.kind == "model"]
    known = [one for one in costs if one is not None]
    whole = format(sum(known, Decimal(0)), "f") if len(known) == len(costs) else None
    return {**total.to_json(), "cost_usd": whole, "calls": [call.to_json() for call in calls]}


class Redactions(Protocol):
    """Where the tokens of one step are kept with its run: carried out again, the step takes the same ones again."""

    nonce: str
    """Capitals and digits in every token of the step, which no text that it is given can know beforehand."""

    def taken(self) -> Mapping[str, str]:
        """What the step's tokens stand for so far."""

    def keep(self, tokens: Mapping[str, str]) -> None:
        """Keep what they stand for, before any model sees them."""


@dataclass(slots=True)
class Ledger:
    """The calls of one run so far; where valid answers are kept, and what the tokens of the step under way stand for, if
    anywhere. One thread writes it."""

    calls: list[Call] = field(default_factory=list)
    answers: Answers | None = None
    redactions: Redactions | None = None

    @property
    def usage(self) -> Usage:
        """All tokens and requests so far."""
        return sum((call.usage for call in self.calls), Usage())

    def left(self, budget: Budget) -> Limits:
        """What the next call may take: the lesser of what a call may and what is left of the run's.

        A limit of zero cannot be written as one: raises ValueError with what is used up.
        """
        run, call = budget.run, budget.call
        seconds = _least(call.seconds, _rest("seconds", run.seconds, sum(one.seconds for one in self.calls)))
        tokens = _least(call.tokens, _rest("tokens", run.tokens, self.usage.total_tokens))
        spent = sum((one.charged for one in self.calls), Decimal(0))
        money = _least(_decimal(call.cost), _rest("dollars", _decimal(run.cost), spent))
        return Limits.model_construct(
            seconds=seconds, tokens=tokens, cost=None if money is None else format(money, "f")
        )


def _decimal(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)


def _least(one: Any, other: Any) -> Any:
    return min((each for each in (one, other) if each is not None), default=None)


def _rest(what: str, limit: Any, spent: Any) -> Any:
    if limit is None:
        return None
    if spent >= limit:
        raise ValueError(f"the run's budget of {limit} {what} is used up")
    return limit - spent


_LEDGER: ContextVar[Ledger | None] = ContextVar("ingot_ledger", default=None)


def run_ledger() -> Ledger:
    """The ledger of the run that this thread is in; a new one where there is none."""
    return _LEDGER.get() or Ledger()


@contextlib.contextmanager
def spending(ledger: Ledger | None = None) -> Iterator[Ledger]:
    """Make `ledger` that of the runs inside; by default the one that is there already, or a new one."""
    ledger = ledger or _LEDGER.get() or Ledger()
    token = _LEDGER.set(ledger)
    try:
        yield ledger
    finally:
        _LEDGER.reset(token)
