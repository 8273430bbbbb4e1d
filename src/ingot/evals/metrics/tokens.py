"""Token efficiency: what is paid once, what is paid each time, and from how many transactions on compiling pays.

G is what generating took, R what a transaction takes at run time, both in tokens (input and output together) or in US dollars at
dated list prices; P = the G of all tasks / tasks that are deployed, so that one that works pays for those that came to nothing.
Transactions of a task that is not deployed took no tokens and are none: R is over those that were run, and its note says how many
were not. Against a baseline, the solver ``direct`` in a report, both are taken over the tasks that both have and the transactions
that both ran; P_b and R_b are the baseline's.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from decimal import Decimal
from statistics import fmean

from ingot.evals.log import Log
from ingot.evals.metrics.measure import Measure, bootstrapped
from ingot.usage import Price, PricedAs, Usage, cost, price_of

AT = (1, 100, 1_000, 100_000, 1_000_000)
"""The numbers of transactions at which totals are told."""


def tokens(log: Log, baseline: Log | None = None, *, priced_as: PricedAs = "") -> list[Measure]:
    """All figures of this category; those against a baseline (mostly ``direct``) where there is one.

    `priced_as` prices tokens as another model's, or at a price that a user gave, for a model that has no price of its own.
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
    """R = input and output tokens of all transactions / transactions that were run, answered or not. Unit: tokens a transaction.
    Source: arXiv 2604.05150, token efficiency."""
    return bootstrapped(
        "run-time tokens", _used(log), fmean, "tokens a transaction", tasks=_tasks(log), note=ran_note(log)
    )


def total_tokens(log: Log, n: int) -> Measure:
    """T(n) = P + n R for one deployed task. Unit: tokens. Source: arXiv 2604.05150, token efficiency, with the tokens of tasks that
    were not deployed paid by those that were."""
    paid, r = paid_tokens(log), _mean(_used(log))
    name = f"total at {n:,}"
    if paid is None or r is None:
        return Measure(name, None, "tokens", 0, note="nothing was run")
    return Measure(name, paid + n * r, "tokens", len(_used(log)), note=ran_note(log))


def amortised_tokens(log: Log, n: int) -> Measure:
    """A(n) = P / n + R: what a transaction takes with its part of the generation. Unit: tokens a transaction.
    Source: arXiv 2604.05150, amortisation."""
    total = total_tokens(log, n)
    value = None if total.value is None else total.value / n
    return Measure(f"amortised at {n:,}", value, "tokens a transaction", total.n, note=total.note)


def token_break_even(log: Log, baseline: Log) -> Measure:
    """n* = (P - P_b) / (R_b - R), 0 at least: from this many transactions of one task on, fewer tokens are used than by the
    baseline. Unit: transactions. Source: arXiv 2604.05150, break-even.

    Not measured where a transaction does not take fewer tokens than the baseline's: then it never pays.
    """
    ours, theirs = beside(log, baseline)
    return _break_even(
        "break-even, tokens",
        (paid_tokens(ours), paid_tokens(theirs)),
        (_mean(_used(ours)), _mean(_used(theirs))),
        ours,
        "a transaction takes no fewer tokens than the baseline's",
    )


def dollar_break_even(log: Log, baseline: Log, priced_as: PricedAs = "") -> Measure:
    """n* = (P - P_b) / (R_b - R), 0 at least, with P and R in dollars. Unit: transactions.
    Source: arXiv 2604.05150, break-even, with prices put in."""
    ours, theirs = beside(log, baseline)
    return _break_even(
        "break-even, dollars",
        (paid_dollars(ours, priced_as), paid_dollars(theirs, priced_as)),
        (runtime_dollars(ours, priced_as).value, runtime_dollars(theirs, priced_as).value),
        ours,
        "no price is known, or a transaction costs no less than the baseline's",
    )


def compression(log: Log, baseline: Log, n: int) -> Measure:
    """C(n) = T_b(n) / T(n): how many times fewer tokens than the baseline at n transactions. Unit: times.
    Source: arXiv 2604.05150, compression."""
    same, other = beside(log, baseline)
    ours, theirs = total_tokens(same, n).value, total_tokens(other, n).value
    name = f"compression at {n:,}"
    if ours is None or theirs is None or ours == 0:
        return Measure(name, None, "times", 0, note="one of the two took no tokens or was not run")
    return Measure(name, theirs / ours, "times", len(same.items), note=ran_note(log))


def generation_dollars(log: Log, priced_as: PricedAs = "") -> Measure:
    """G = (input tokens * their price + output tokens * theirs) / tasks, at the dated list price of who wrote them; not
    measured where one of them has none. Unit: USD a task. Source: the list prices of `ingot.usage`, with their days."""
    spent = [dollars(task.generation.usage, priced_as or task.generation.model) for task in log.tasks]
    return _priced("generation cost", spent, "USD a task", _writers(log), priced_as)


def runtime_dollars(log: Log, priced_as: PricedAs = "") -> Measure:
    """R = (input tokens * their price + output tokens * theirs) / transactions that were run, at the dated list price of the solver's model;
    0 where no token was used. Unit: USD a transaction. Source: the list prices of `ingot.usage`, with their days."""
    model = priced_as or log.header.model
    spent = [dollars(item.answer.usage, model) for item in log.items if item.answer.ran]
    return _priced("run-time cost", spent, "USD a transaction", _askers(log), priced_as, _tasks(log), ran_note(log))


def dollars(usage: Usage, model: PricedAs) -> Decimal | None:
    """What tokens cost; 0 where there are none, None where no price is known. A local model costs no tokens' price, so
    its tokens are not priced unless as another's or at a price that was given."""
    if usage.total_tokens == 0:
        return Decimal(0)
    if isinstance(model, str) and model.startswith(("local:", "replay:", "scripted", "ollama:", "files:")):
        return None
    return cost(usage, model)


def paid_tokens(log: Log) -> float | None:
    """P: the generation tokens of all tasks for each that is deployed; None where none is."""
    working = _deployed(log)
    return sum(_generated(log)) / working if working else None


def paid_dollars(log: Log, priced_as: PricedAs = "") -> float | None:
    """P in dollars; None where no task is deployed or a price is not known."""
    each, working = generation_dollars(log, priced_as).value, _deployed(log)
    return None if each is None or not working else each * len(log.tasks) / working


def beside(log: Log, baseline: Log) -> tuple[Log, Log]:
    """Both logs with the tasks that both have, and of these the items that both ran."""
    ran = [
        {(task.task, item.item) for task in one.tasks for item in task.items if item.answer.ran}
        for one in (log, baseline)
    ]
    names = {task.task for task in log.tasks} & {task.task for task in baseline.tasks}

    def kept(one: Log) -> Log:
        tasks = (
            replace(task, items=tuple(item for item in task.items if (task.task, item.item) in ran[0] & ran[1]))
            for task in one.tasks
            if task.task in names
        )
        return replace(one, tasks=tuple(tasks))

    return kept(log), kept(baseline)


def ran_note(log: Log) -> str:
    """How many transactions were not run, "" where all were."""
    lost = sum(not item.answer.ran for item in log.items)
    return f"{lost} of {len(log.items)} transactions were not run" if lost else ""


def prices_note(log: Log, priced_as: PricedAs = "") -> str:
    """The prices that a log's dollars are at, each with its day; "" where no token was used."""
    return prices_of([*_writers(log), *_askers(log)], priced_as)


def prices_of(models: Iterable[str], priced_as: PricedAs) -> str:
    """Of models that used tokens; all of them at one price where they are priced as another. One that a user gave says so."""
    known = [(name, price_of(name)) for name in dict.fromkeys(priced_as or one for one in models) if name]
    return "; ".join(
        f"tokens {_whose(name, priced_as)}{price.input} and {price.output} USD a million in and out "
        f"({'given by the user, ' if price.by_user else ''}{price.as_of})"
        for name, price in known
        if price is not None
    )


def _whose(name: PricedAs, priced_as: PricedAs) -> str:
    if isinstance(name, Price):
        return "at "
    return f"{'priced as' if priced_as else 'of'} {name}, "


def _writers(log: Log) -> list[str]:
    """Who wrote programs, for tokens."""
    return [one.generation.model for one in log.tasks if one.generation.usage.total_tokens]


def _askers(log: Log) -> list[str]:
    """Who was asked at run time, for tokens."""
    return [log.header.model] if any(one.answer.usage.total_tokens for one in log.items) else []


def _deployed(log: Log) -> int:
    return sum(task.generation.deployed for task in log.tasks)


def _generated(log: Log) -> list[float]:
    """The tokens of each task's generation."""
    return [float(task.generation.usage.total_tokens) for task in log.tasks]


def _used(log: Log) -> list[float]:
    """The tokens of each transaction that was run."""
    return [float(item.answer.usage.total_tokens) for item in log.items if item.answer.ran]


def _mean(values: Sequence[float]) -> float | None:
    """The mean alone: its interval takes 2,000 draws, and totals have none."""
    return fmean(values) if values else None


def _tasks(log: Log) -> list[str]:
    """The task of each transaction that was run."""
    return [item.task for item in log.items if item.answer.ran]


def _priced(
    name: str,
    spent: Sequence[Decimal | None],
    unit: str,
    models: Iterable[str],
    priced_as: PricedAs,
    tasks: Sequence[str] = (),
    more: str = "",
) -> Measure:
    known = [float(one) for one in spent if one is not None]
    note = "; ".join(part for part in (prices_of(models, priced_as), more) if part)
    if len(known) < len(spent):
        return Measure(name, None, unit, 0, note="no list price is known for who wrote the tokens")
    return bootstrapped(name, known, fmean, unit, tasks=tasks, note=note)


def _break_even(
    name: str,
    generation: tuple[float | None, float | None],
    runtime: tuple[float | None, float | None],
    ours: Log,
    otherwise: str,
) -> Measure:
    known = _all((*generation, *runtime))
    if not ours.items:
        return Measure(name, None, "transactions", 0, note="no transaction was run by both")
    if known is None or known[3] <= known[2]:
        return Measure(name, None, "transactions", 0, note=otherwise)
    g, g_base, r, r_base = known
    return Measure(name, max(0.0, (g - g_base) / (r_base - r)), "transactions", len(ours.items))


def _all(values: Iterable[float | None]) -> list[float] | None:
    found = [one for one in values if one is not None]
    return found if len(found) == 4 else None
