"""Validator: check every outcome before anybody sees it; fall back; else hand it to a person.

Picked when a workflow has bounded steps or validation expressions, or its spec says that outcomes need checking:
the primary answer may be wrong in ways that a rule can see. `handler` is for logic that needs no second look.

`transact` is the compiled workflow. `validate` looks at an outcome and returns what is wrong with it, in words; nothing
means that it holds. `fallback` computes another outcome for the item, knowing the problems. `escalate` takes what
neither could answer and returns what the caller gets, usually a reference to a person's decision.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Generic, Literal, NamedTuple, TypeVar

Outcome = TypeVar("Outcome")
Item = Mapping[str, Any]


class Decision(NamedTuple, Generic[Outcome]):
    """What came of an item and from where; `problems` are those of the attempts that were not used."""

    outcome: Outcome
    source: Literal["primary", "fallback", "escalation"]
    problems: tuple[str, ...] = ()


def run(
    transact: Callable[[Item], Outcome],
    item: Item,
    *,
    validate: Callable[[Outcome], Sequence[str]],
    fallback: Callable[[Item, Sequence[str]], Outcome] | None = None,
    escalate: Callable[[Item, Outcome | None, Sequence[str]], Outcome],
) -> Decision[Outcome]:
    """A decision for one item. An exception in `transact`, `fallback` or `validate` is a problem like any other: what
    could not be computed or could not be checked is never passed on. `escalate` gets the last outcome there was
    (None where there was none) and every problem; what it raises reaches the caller.
    """
    primary, problems = _attempt(lambda: transact(item), validate)
    if not problems and primary is not None:
        return Decision(primary.outcome, "primary")
    last, known = primary, list(problems)
    if fallback is not None:
        second, problems = _attempt(lambda: fallback(item, tuple(known)), validate)
        if not problems and second is not None:
            return Decision(second.outcome, "fallback", tuple(known))
        last, known = second or last, known + problems
    proposed = None if last is None else last.outcome
    return Decision(escalate(item, proposed, tuple(known)), "escalation", tuple(known))


class _Made(NamedTuple, Generic[Outcome]):
    outcome: Outcome


def _attempt(
    compute: Callable[[], Outcome], validate: Callable[[Outcome], Sequence[str]]
) -> tuple[_Made[Outcome] | None, list[str]]:
    """An outcome, where there is one, and what is wrong with it. Messages name the error's type, not its text, which
    may quote the item."""
    try:
        made = _Made(compute())
    except Exception as error:  # noqa: BLE001 - whatever went wrong, the next one in line answers
        return None, [f"no outcome: {type(error).__name__}"]
    try:
        found = validate(made.outcome)
    except Exception as error:  # noqa: BLE001 - an outcome that cannot be checked does not pass
        return made, [f"the outcome could not be checked: {type(error).__name__}"]
    return made, [found] if isinstance(found, str) else [str(problem) for problem in found]
