"""Handler: one item in, one outcome out, in the caller's thread.

Picked when nothing else is asked for: the caller has one item and waits for its outcome (a function call, a request,
a queue message). `stream` is for items that keep arriving, `batch` for a file of items that must survive a crash,
`validator` for outcomes that have to be checked before anybody sees them.

`transact` is the compiled workflow: it takes one item and returns its outcome, or raises.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

Outcome = TypeVar("Outcome")


def run(transact: Callable[[Mapping[str, Any]], Outcome], item: Mapping[str, Any]) -> Outcome:
    """The outcome of one item. Raises TypeError for an item that is not a mapping, and whatever `transact` raises.

    The workflow gets a copy of the item's top level, so that the caller's mapping stays as it was.
    """
    if not isinstance(item, Mapping):
        raise TypeError(f"an item is a mapping of the workflow's inputs, not a {type(item).__name__}")
    return transact(dict(item))
