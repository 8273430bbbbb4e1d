"""An explanation as a server gives it: the deciding lines, and of their values those that no label hides."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ingot.fields import to_plain, walk
from ingot.runtime.run import Explanation
from ingot.spec import Spec

HIDDEN = "***"


def explained(told: Explanation, case: Mapping[str, Any], spec: Spec) -> dict[str, Any]:
    """Decisions and clauses as plain JSON. A value is hidden where its name is a labelled field's, or where it is, or
    holds as text, a value that the input or the deciding lines have in a labelled field."""
    labelled = {one.name for one in spec.known_fields().values() if any(inner.sensitive for _, inner in walk((one,)))}
    given = [case.get(name) for name in labelled]
    seen = [value for one in told.decisions for name, value in one.values.items() if name in labelled]
    secrets = {leaf for value in (*given, *seen) for leaf in _leaves(value)}
    decisions = [
        {
            "line": one.line,
            "function": one.function,
            "source": one.source,
            "clauses": list(one.clauses),
            "values": {
                name: HIDDEN if name in labelled or _holds(value, secrets) else _plain(value)
                for name, value in one.values.items()
            },
        }
        for one in told.decisions
    ]
    cited = dict.fromkeys(clause for one in told.decisions for clause in one.clauses)
    return {"decisions": decisions, "clauses": {name: told.clauses.get(name, "") for name in cited}}


def _leaves(value: Any) -> Iterator[str]:
    """The texts of a value's scalars; null and the two booleans say nothing of anybody."""
    if isinstance(value, Mapping):
        for inner in value.values():
            yield from _leaves(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _leaves(inner)
    elif value is not None and not isinstance(value, bool) and (text := str(value)):
        yield text


def _holds(value: Any, secrets: set[str]) -> bool:
    found = list(_leaves(value))
    return any(one in secrets or any(len(secret) > 2 and secret in one for secret in secrets) for one in found)


def _plain(value: Any) -> Any:
    try:
        return to_plain(value)
    except TypeError:  # a class of the rule's own making
        return type(value).__name__
