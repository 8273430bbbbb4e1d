"""PolicyEngine's rules as tasks: of the cases that are held out, every second is scored and is no case at all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from ingot.evals.policyengine import Policy, policies
from ingot.evals.scoring import by_spec
from ingot.evals.suite import Item, Task
from ingot.evals.suites.rules_prose import spec_text
from ingot.fields import to_plain
from ingot.spec import parse_spec
from ingot.yaml_text import read_yaml


def policy_tasks(path: Path) -> tuple[list[Task], str]:
    """A task a rule that has an item left to score, and a sentence on where they are from. Raises InputError."""
    made = [policy_task(policy) for policy in policies(path)]
    tasks = [task for task in made if task is not None]
    without = f", {len(made) - len(tasks)} of them with no item left to score" if len(tasks) < len(made) else ""
    return tasks, f"PolicyEngine: {len(made)} rules{without}; of every two held-out cases one is scored"


def policy_task(policy: Policy) -> Task | None:
    """The rule's task, None where nothing is left to score.

    An input that is there twice stays where it is seen first: given, held out, scored.
    """
    given, held_out, items = _apart(policy.given, policy.held_out[1::2], policy.held_out[::2])
    if not items:
        return None
    tree, _ = read_yaml(policy.spec_text, f"{policy.name}.yaml")
    parts = {name: value for name, value in to_plain(tree).items() if name != "cases"}
    # the cases that are scored would have taken branches too
    text = spec_text({**parts, "thresholds": {"branch_coverage": 0.5}}, given, held_out)
    return Task(policy.name, text, items, by_spec(parse_spec(text, f"{policy.name}.yaml")), ("answer",))


def _apart(*groups: Sequence[Mapping[str, Any]]) -> tuple[tuple[Item, ...], ...]:
    """Rows as items, without those whose input an earlier group has."""
    known: set[tuple[tuple[str, str], ...]] = set()
    found = []
    for rows in groups:
        kept = [row for row in rows if _key(row["input"]) not in known]
        known |= {_key(row["input"]) for row in kept}
        found.append(tuple(Item(row["id"], row["input"], row["expected"]) for row in kept))
    return tuple(found)


def _key(given: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """An input as something to compare by: 1, "1" and "1.0" are one number."""
    return tuple(sorted((name, _text(value)) for name, value in given.items()))


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return repr(value)
    try:
        return f"{Decimal(str(value)).normalize()}"
    except InvalidOperation:
        return repr(value)
