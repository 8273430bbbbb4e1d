"""Token efficiency: what is paid once, what is paid each time, and from how many transactions on compiling pays.

G is what generating took, R what a transaction takes at run time, both in tokens (input and output together) or in US dollars at
dated list prices; G_b and R_b are those of the baseline, the solver ``direct`` in a report.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from statistics import fmean

from ingot.evals.log import Log
from ingot.evals.metrics.measure import Measure, bootstrapped
from ingot.usage import Usage, cost

AT = (1, 100, 1_000, 100_000, 1_000_000)
"""The numbers of transactions at which totals are told."""


def tokens(log: Log, baseline: Log | None = None, *, priced_as: str = "") -> list[Measure]:
    """All figures of this category; those against a baseline (mostly ``direct``) where there is one.

    `priced_as` prices tokens as another model's, for a model that has no price of its own.
    """
    found = [generation_tokens(log), runtime_tokens(log)]
    found += [total_tokens(log, n) for n in AT]
    found += [amortised_tokens(log, n) for n in AT[1:]]
    found += [generation_dollars(log, priced_as), runtime_dollars(log, priced_as)]
    if baseline is not None:
        found += [token_break_even(log, baseline), dollar_break_even(log, baseline, priced_as)]
        found += [compression(log, baseline, n) for n in AT[1:]]
    return found


def generation_tokens(log: Log) -> Measure:
    """G = input and output tokens of all attempts / tasks, deployed or not. Unit: tokens a task.
    Source: arXiv 2604.05150, token efficiency."""
    values = _generated(log)
    return bootstrapped("generation tokens", values, fmean, "tokens a task")


def runtime_tokens(log: Log) -> Measure:
    """R = input and output tokens of all transactions / transactions. Unit: tokens a transaction.
    Source: arXiv 2604.05150, token efficiency."""
    values = _used(log)
    return bootstrapped("run-time tokens", values, fmean, "tokens a transaction")


def total_tokens(log: Log, n: int) -> Measure:
    """T(n) = G + n R for one task. Unit: tokens. Source: arXiv 2604.05150, token efficiency."""
    g, r = _mean(_generated(log)), _mean(_used(log))
    name = f"total at {n:,}"
    if g is None or r is None:
        return Measure(name, None, "tokens", 0, note="nothing was run")
    return Measure(name, g + n * r, "tokens", len(log.items))


def amortised_tokens(log: Log, n: int) -> Measure:
    """A(n) = G / n + R: what a transaction takes with its part of the generation. Unit: tokens a transaction.
    Source: arXiv 2604.05150, amortisation."""
    total = total_tokens(log, n)
    value = None if total.value is None else total.value / n
    return Measure(f"amortised at {n:,}", value, "tokens a transaction", total.n, note=total.note)


def token_break_even(log: Log, baseline: Log) -> Measure:
    """n* = (G - G_b) / (R_b - R), 0 at least: from this many transactions of one task on, fewer tokens are used than by the
    baseline. Unit: transactions. Source: arXiv 2604.05150, break-even.

    Not measured where a transaction does not take fewer tokens than the baseline's: then it never pays.
    """
    return _break_even(
        "break-even, tokens",
        (_mean(_generated(log)), _mean(_generated(baseline))),
        (_mean(_used(log)), _mean(_used(baseline))),
        len(log.items),
        "a transaction takes no fewer tokens than the baseline's",
    )


def dollar_break_even(log: Log, baseline: Log, priced_as: str = "") -> Measure:
    """n* = (G - G_b) / (R_b - R), 0 at least, with G and R in dollars. Unit: transactions.
    Source: arXiv 2604.05150, break-even, with prices put in."""
    return _break_even(
        "break-even, dollars",
        (generation_dollars(log, priced_as).value, generation_dollars(baseline, priced_as).value),
        (runtime_dollars(log, priced_as).value, runtime_dollars(baseline, priced_as).value),
        len(log.items),
        "no price is known, or a transaction costs no less than the baseline's",
    )


def compression(log: Log, baseline: Log, n: int) -> Measure:
    """C(n) = T_b(n) / T(n): how many times fewer tokens than the baseline at n transactions. Unit: times.
    Source: arXiv 2604.05150, compression."""
    ours, theirs = total_tokens(log, n).value, total_tokens(baseline, n).value
    name = f"compression at {n:,}"
    if ours is None or theirs is None or ours == 0:
        return Measure(name, None, "times", 0, note="one of the two took no tokens or was not run")
    return Measure(name, theirs / ours, "times", len(log.items))


def generation_dollars(log: Log, priced_as: str = "") -> Measure:
    """G = (input tokens * their price + output tokens * theirs) / tasks, at the dated list price of who wrote them; not
    measured where one of them has none. Unit: USD a task. Source: the list prices of `ingot.usage`, with their days."""
    spent = [dollars(task.generation.usage, priced_as or task.generation.model) for task in log.tasks]
    return _priced("generation cost", spent, "USD a task", priced_as)


def runtime_dollars(log: Log, priced_as: str = "") -> Measure:
    """R = (input tokens * their price + output tokens * theirs) / transactions, at the dated list price of the solver's model;
    0 where no token was used. Unit: USD a transaction. Source: the list prices of `ingot.usage`, with their days."""
    model = priced_as or log.header.model
    return _priced(
        "run-time cost", [dollars(item.answer.usage, model) for item in log.items], "USD a transaction", priced_as
    )


def dollars(usage: Usage, model: str) -> Decimal | None:
    """What tokens cost; 0 where there are none, None where no price is known. A local model costs no tokens' price, so
    its tokens are not priced unless as another's."""
    if usage.total_tokens == 0:
        return Decimal(0)
    if model.startswith(("local:", "replay:", "scripted", "ollama:", "files:")):
        return None
    return cost(usage, model)


def _generated(log: Log) -> list[float]:
    """The tokens of each task's generation."""
    return [float(task.generation.usage.total_tokens) for task in log.tasks]


def _used(log: Log) -> list[float]:
    """The tokens of each transaction."""
    return [float(item.answer.usage.total_tokens) for item in log.items]


def _mean(values: Sequence[float]) -> float | None:
    """The mean alone: its interval takes 2,000 draws, and totals have none."""
    return fmean(values) if values else None


def _priced(name: str, spent: Sequence[Decimal | None], unit: str, priced_as: str) -> Measure:
    known = [float(one) for one in spent if one is not None]
    note = f"tokens priced as {priced_as}" if priced_as else ""
    if len(known) < len(spent):
        return Measure(name, None, unit, 0, note="no list price is known for who wrote the tokens")
    return bootstrapped(name, known, fmean, unit, note=note)


def _break_even(
    name: str,
    generation: tuple[float | None, float | None],
    runtime: tuple[float | None, float | None],
    n: int,
    otherwise: str,
) -> Measure:
    known = _all((*generation, *runtime))
    if known is None or known[3] <= known[2]:
        return Measure(name, None, "transactions", 0, note=otherwise)
    g, g_base, r, r_base = known
    return Measure(name, max(0.0, (g - g_base) / (r_base - r)), "transactions", n)


def _all(values: Iterable[float | None]) -> list[float] | None:
    found = [one for one in values if one is not None]
    return found if len(found) == 4 else None
