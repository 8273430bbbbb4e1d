"""Cost of ownership: running a workflow for a month, model calls and machine, from dated prices.

The security figures (precision, recall, false positives of the gates) come from `ingot bench security`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from ingot.evals.log import Log
from ingot.evals.metrics.latency import percentile
from ingot.evals.metrics.measure import Measure
from ingot.evals.metrics.tokens import generation_dollars, paid_dollars, prices_note, ran_note, runtime_dollars
from ingot.usage import PricedAs

MONTHLY = 1_000_000
COMPILES = 1


@dataclass(frozen=True, slots=True)
class MachinePrice:
    """US dollars for an hour of one virtual CPU, as published on a day."""

    dollars: float
    source: str
    as_of: date


MACHINE = MachinePrice(
    0.0446, "AWS EC2 c7i.large on demand, us-east-1: 0.08925 USD an hour for 2 vCPU", date(2025, 1, 1)
)


def cost_of_ownership(
    log: Log,
    *,
    transactions: int = MONTHLY,
    compiles: int = COMPILES,
    priced_as: PricedAs = "",
    machine: MachinePrice = MACHINE,
) -> Measure:
    """TCO = compiles * P + transactions * (R + t * m): dollars a month for one deployed task.

    P, R: dollars of generating, those of tasks that were not deployed included, and of a transaction's model calls
    (`metrics.tokens`); t: median wall time, in hours, of the transactions that asked no model, taken as time on one virtual CPU
    (while a model is waited for, its own time is in the price of its tokens; 0 where every transaction asks it); m:
    price of that hour. People are not in it, nor what they decide of what is withheld, of which the note tells the share, nor storage
    and network. Unit: USD a month. Source: arXiv 2604.05150, cost at one
    million transactions a month; the machine's price is in the note with its day.
    """
    name = f"cost of {transactions:,} transactions a month"
    generation, runtime = generation_dollars(log, priced_as), runtime_dollars(log, priced_as)
    # what was not run took no time, which is not zero
    timed = [item.answer for item in log.items if item.answer.seconds]
    own = percentile([one.seconds for one in timed if not one.usage.requests], 50).value
    paid = paid_dollars(log, priced_as)
    if paid is None or runtime.value is None or not timed:
        return Measure(name, None, "USD a month", 0, note=generation.note or runtime.note or "nothing was run")
    machines = transactions * (own or 0.0) / 3600 * machine.dollars
    value = compiles * paid + transactions * runtime.value + machines
    note = (
        f"machine {machine.dollars} USD per vCPU hour ({machine.source}, {machine.as_of}); {compiles} compile a month"
    )
    ran = [item for item in log.items if item.answer.ran]
    people = sum(not item.answered and not item.answer.error for item in ran)
    waited = "" if own is not None else "time beside the model's calls is not counted"
    told = [
        prices_note(log, priced_as),
        note,
        waited,
        f"{people} of {len(ran)} left to people" if people else "",
        ran_note(log),
    ]
    return Measure(name, value, "USD a month", len(ran), note="; ".join(part for part in told if part))
