"""RuleArena's airline baggage fees as a task: the published prose as clauses, four functions, one amount.

A folder holds ``spec_rules.md`` and a ``*.jsonl`` of rows with ``id``, ``input`` (`base_price`, `customer_class`, `routine`,
`direction`, `bag_list`) and ``expected``, the total in dollars. Nothing is added to the prose but what the fields of a row
mean: what it leaves open is found out from the given cases or not at all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ingot.evals.scoring import by_spec
from ingot.evals.suite import Item, Task, split
from ingot.evals.suites.rules_prose import (
    GIVEN,
    HELD_OUT,
    Section,
    clauses,
    read_prose,
    rows_of,
    sections,
    spec_text,
    under,
)
from ingot.spec import parse_spec

SEED = 1
CLASSES = ("Basic Economy", "Main Cabin", "Main Plus", "Premium Economy", "Business", "First")
PLACES = (
    "U.S.", "Puerto Rico", "U.S. Virgin Islands", "Canada", "Mexico", "Caribbean", "Central America", "Cuba", "Haiti",
    "Honduras", "El Salvador", "Guyana", "Suriname", "South America", "Panama", "Colombia", "Ecuador", "Peru", "Argentina",
    "Brazil", "Chile", "Paraguay", "Uruguay", "Europe", "Israel", "Qatar", "India", "China", "Japan", "South Korea",
    "Hong Kong", "Australia", "New Zealand",
)  # fmt: skip
"""The regions and countries that the prose names."""

_INPUTS: Mapping[str, Any] = {
    "base_price": {"type": "integer", "range": [0, 100_000], "description": "the ticket"},
    "customer_class": {"type": "enum", "values": list(CLASSES)},
    "routine": {
        "type": "enum",
        "values": list(PLACES),
        "description": "the region or country of one end of the trip as the rules name it; the other end is in the U.S.",
    },
    "direction": {"type": "integer", "range": [0, 1], "description": "0 from the U.S., 1 to the U.S."},
    "bag_list": {
        "type": "list",
        "max_length": 40,
        "description": "what the passenger brings along, in order",
        "items": {
            "type": "object",
            "fields": {
                "id": "integer",
                "name": "text",
                "size": {"type": "list of integer", "min_length": 3, "max_length": 3, "unit": "inches"},
                "weight": {"type": "integer", "range": [0, 1_000], "unit": "lbs"},
            },
        },
    },
}
_BAGS = {"type": "list", "items": {"type": "object", "fields": {"inches": "integer", "pounds": "integer"}}}
_TRIP = ("routine", "customer_class", "direction")
_STEPS: Sequence[tuple[str, tuple[str, ...], tuple[str, ...], Mapping[str, Any], str]] = (
    (
        "check_in", (r"^Bag fees$", r"Carry-on"), ("bag_list",), {"checked": _BAGS},
        "Which bags are checked, in the order of bag_list; inches is length + width + height.",
    ),
    (
        "charge_bags", (r"Checked bags$", r"(First|Second|Third|Fourth) Bag", r"Complimentary"), (*_TRIP, "checked"),
        {"bag_fees": "list of integer"}, "The fee of each checked bag in dollars, in order.",
    ),
    (
        "charge_excess", (r"Weight and Size",), (*_TRIP, "checked", "bag_fees"), {"excess_fees": "integer?"},
        "What all checked bags cost beyond their fees because of weight and size, in dollars; None if one is not accepted.",
    ),
    (
        "add_up", (r"^Bag fees$",), ("base_price", "bag_fees", "excess_fees"), {"total_cost": "integer"},
        "The ticket and all fees, in dollars.",
    ),
)  # fmt: skip
"""Step, the headings that it rests on, inputs, outputs, intent. What no step names goes to the first."""


def airline_task(folder: Path, given: int = GIVEN, held_out: int = HELD_OUT) -> Task:
    """The task of a folder, rows split with a fixed seed. Raises InputError."""
    rows = [
        Item(str(row["id"]), {name: row["input"][name] for name in _INPUTS}, {"total_cost": row["expected"]})
        for row, _ in rows_of(folder)
    ]
    shown, held, rest = split(rows, given, held_out, seed=SEED)
    text = spec_text(_parts(sections(read_prose(folder))), shown, held)
    return Task("airline", text, tuple(rest), by_spec(parse_spec(text, "airline.yaml")), ("total_cost",))


def _parts(found: Sequence[Section]) -> dict[str, Any]:
    return {
        "metadata": {"name": "airline", "title": "What one passenger pays: the ticket and the bags"},
        "inputs": dict(_INPUTS),
        "clauses": clauses(found),
        "logic_requirements": list(_steps(found)),
        "outputs": {"total_cost": {"type": "integer", "unit": "USD"}},
        # prose with many regions: what a few cases cannot reach, and how long a function of its tables is
        "thresholds": {"function_lines": 120, "complexity": 30, "branch_coverage": 0.5},
    }


def _steps(found: Sequence[Section]) -> list[dict[str, Any]]:
    steps = [
        {"step": name, "type": "function", "intent": intent, "clauses": under(found, *headings), "inputs": list(inputs),
         "outputs": outputs}
        for name, headings, inputs, outputs, intent in _STEPS
    ]  # fmt: skip
    taken = {one for step in steps for one in step["clauses"]}
    steps[0]["clauses"] = [one for one in clauses(found) if one not in taken or one in steps[0]["clauses"]]
    return steps
