"""PolicyEngine's rules as tasks: of the cases that are held out, every second is scored and is no case at all.

Types, values, dates and the tolerance of a spec are those of its own cases. A scored row that does not fit them is refused as an
input, and counts as it does in use; each is scored within the tolerance that it states itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from functools import partial
from pathlib import Path
from typing import Any

from ingot.evals.policyengine import Policy, Read, read_policies
from ingot.evals.scoring import by_spec
from ingot.evals.suite import Item, Score, Scores, Task
from ingot.evals.suites.rules_prose import spec_text
from ingot.fields import to_plain
from ingot.spec import Scorer, Spec, parse_spec
from ingot.yaml_text import read_yaml


def policy_tasks(path: Path) -> tuple[list[Task], str]:
    """A task a rule that has an item left to score, and a sentence on where they are from. Raises InputError."""
    read = read_policies(path, apart=True)
    tasks = [task for task in map(policy_task, read.policies) if task is not None]
    return tasks, _origin(read, len(tasks))


def _origin(read: Read, tasks: int) -> str:
    without = f", {read.rules - tasks} of them with no item left to score" if tasks < read.rules else ""
    unstated = (
        f"; {read.unstated} of {read.cases} cases are left out, since they do not state an input that the source's system "
        "may compute"
        if read.unstated
        else ""
    )
    return f"PolicyEngine: {read.rules} rules{without}{unstated}; of every two held-out cases one is scored"


def policy_task(policy: Policy) -> Task | None:
    """The rule's task, None where nothing is left to score.

    An input that is there twice stays where it is seen first: given, held out, scored.
    """
    given, held_out, items = _apart(policy.given, policy.held_out, policy.scored)
    if not items:
        return None
    tree, _ = read_yaml(policy.spec_text, f"{policy.name}.yaml")
    parts = {name: value for name, value in to_plain(tree).items() if name != "cases"}
    # the cases that are scored would have taken branches too
    text = spec_text({**parts, "thresholds": {"branch_coverage": 0.5}}, given, held_out)
    spec = parse_spec(text, f"{policy.name}.yaml")
    scores = {tolerance: by_spec(_within(spec, tolerance)) for tolerance in set(policy.tolerances.values())}
    own = {item.id: scores[policy.tolerances[item.id]] for item in items}
    return Task(policy.name, text, items, partial(_scored, own), ("answer",))


def _within(spec: Spec, tolerance: Decimal) -> Spec:
    """The spec with another tolerance of its numbers."""
    scorers = {
        name: Scorer(scorer="numeric", tolerance=f"{tolerance:f}") if one.scorer == "numeric" else one
        for name, one in spec.scorers.items()
    }
    return spec.model_copy(update={"scorers": scorers})


def _scored(own: Mapping[str, Score], item: Item, output: Mapping[str, Any]) -> Scores:
    return own[item.id](item, output)


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
