"""Inside the cage: many variants of one program on the same inputs, told apart from the program itself.

A variant differs in one top-level statement, so only that is compiled anew. The child answers, per variant, where it
does not do what the program does. Standard library only: this runs where nothing else of Ingot is imported.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from typing import Any

from ingot.runtime import tagged, worker

LONGEST = 400_000
"""Characters of differing answers that one variant may give: more would not be let out of the cage."""

ANNOTATIONS = 0x1000000
"""The compiler flag of ``from __future__ import annotations``, which every program starts with."""

SHORTEST, SLOWER = 0.1, 10.0
"""For one trial a variant has `SLOWER` times the CPU seconds of the program's slowest, and at least `SHORTEST`."""

Outcome = tuple[Any, str | None]
"""The answer, or the type of the exception that left the program."""


def variants(space: dict[str, Any], trials: str, first_only: bool) -> Callable[[dict[str, str]], Any]:
    """The ``transact`` of a program that tries its own variants.

    `space` is the program's namespace, `trials` tagged JSON of ``[[input, steps], …]``. What is returned takes
    ``{"statement": source}`` and answers ``({"differs": [[trial number, answer, error], …]}, None)``; after the first
    where `first_only`. Number -1 is a variant that cannot be loaded.
    """
    read = tagged.decode(trials)
    own: list[tuple[str, str, str | None]] = []
    slowest = 0.0
    for values, steps in read:
        started = time.process_time()
        answer, error = _outcome(space, values, steps)
        slowest = max(slowest, time.process_time() - started)
        own.append((repr(answer), tagged.encode(answer), error))
    limit = max(SHORTEST, SLOWER * slowest)

    def start() -> None:
        signal.setitimer(signal.ITIMER_PROF, limit)

    def vary(variant: dict[str, str]) -> Any:
        kept = dict(space)
        start()
        try:
            failed = _load(space, variant["statement"])
            differs = [[-1, None, failed]] if failed else _differences(space, read, own, start, first_only)
        finally:
            space.clear()
            space.update(kept)
        return {"differs": differs}, None

    return vary


def _load(space: dict[str, Any], statement: str) -> str | None:
    try:
        exec(compile(statement, worker.PROGRAM, "exec", ANNOTATIONS, True), space)  # noqa: S102  (in the cage)
    except BaseException as error:  # noqa: BLE001  (whatever a variant raises is what it does)
        return type(error).__name__[:80]
    return None


def _differences(
    space: dict[str, Any], read: list[Any], own: list[tuple[str, str, str | None]], start: Callable[[], None],
    first_only: bool,
) -> list[Any]:  # fmt: skip
    differs: list[Any] = []
    length = 0
    for number, (values, steps) in enumerate(read):
        start()
        answer, error = _outcome(space, values, steps)
        shown, encoded, failed = own[number]
        if error == failed and repr(answer) == shown:  # quicker than encoding; unequal ones may still be equal
            continue
        text = tagged.encode(answer)
        if error == failed and text == encoded:
            continue
        differs.append([number, None if error else text, error])
        length += len(text)
        if first_only or length > LONGEST:
            break
    return differs


def _outcome(space: dict[str, Any], values: Any, steps: Any) -> Outcome:
    try:
        return worker.transacted(
            space["_ingot_own"], _fresh(values), {name: _fresh(steps[name]) for name in steps}
        ), None
    except BaseException as error:  # noqa: BLE001
        return None, type(error).__name__[:80]


def _fresh(value: Any) -> Any:
    """A copy whose parts can be changed: one variant that changes its input must not reach another."""
    if type(value) is dict:
        return {key: _fresh(inner) for key, inner in value.items()}
    return [_fresh(inner) for inner in value] if type(value) is list else value
