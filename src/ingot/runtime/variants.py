"""Inside the cage: many variants of one program on the same inputs, told apart from the program itself.

A variant differs in one top-level statement, so only that is compiled anew. The child answers, per variant, where it
does not do what the program does. Standard library only: this runs where nothing else of Ingot is imported.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterable
from types import CodeType
from typing import Any

from ingot.runtime import tagged, worker

LONGEST = 400_000
"""Characters of differing answers that one variant may give: more would not be let out of the cage."""

ANNOTATIONS = 0x1000000
"""The compiler flag of ``from __future__ import annotations``, which every program starts with."""

SHORTEST, SLOWER = 0.05, 10.0
"""For one trial a variant has `SLOWER` times the CPU seconds of the program's slowest, and at least `SHORTEST`."""

Outcome = tuple[Any, str | None]
"""The answer, or the type of the exception that left the program."""


def variants(
    space: dict[str, Any], trials: str, first_only: bool, kept: Iterable[str] = ()
) -> Callable[[dict[str, str]], Any]:
    """The ``transact`` of a program that tries its own variants.

    `space` is the program's namespace, `trials` tagged JSON of ``[[input, steps], …]``. What is returned takes
    ``{"statement": source}`` and answers ``({"differs": [[trial number, answer, error], …]}, None)``; after the first
    where `first_only`. Number -1 is a variant that cannot be loaded. Of the functions named in `kept` the answers are
    kept, so that a variant of one of them does not cost the others' time again.
    """
    read = tagged.decode(trials)
    remembered = _Remembered(space, kept)
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
        before = dict(space)
        start()
        try:
            failed = _load(space, variant["statement"])
            remembered.leave({name for name, value in space.items() if before.get(name) is not value})
            differs = [[-1, None, failed]] if failed else _differences(space, read, own, start, first_only)
        finally:
            space.clear()
            space.update(before)
        return {"differs": differs}, None

    return vary


class _Remembered:
    """The program's functions with their answers kept by argument, in place of the functions.

    The functions are pure, which SECURITY sees to, and each is given copies. One that reads what a variant changed is
    run itself.
    """

    def __init__(self, space: dict[str, Any], names: Iterable[str]) -> None:
        self._space = space
        self._own = {name: space[name] for name in names if callable(space.get(name))}
        self._reads = {name: _reached(name, space) for name in self._own}
        for name, function in self._own.items():
            space[name] = _remembering(function)

    def leave(self, changed: set[str]) -> None:
        """Put the functions themselves in the place of those that read one of these names."""
        for name, function in self._own.items():
            if name not in changed and changed & self._reads[name]:
                self._space[name] = function


def _reached(name: str, space: dict[str, Any]) -> set[str]:
    """The names that a function reads, and those that the functions among them read."""
    found: set[str] = set()
    left = [name]
    while left:
        code = getattr(space.get(left.pop()), "__code__", None)
        fresh = _names(code) - found if isinstance(code, CodeType) else set()
        found |= fresh
        left += fresh
    return found


def _names(code: CodeType) -> set[str]:
    inner = [_names(one) for one in code.co_consts if isinstance(one, CodeType)]
    return set(code.co_names).union(*inner)


def _remembering(function: Callable[..., Any]) -> Callable[..., Any]:
    answers: dict[str, tuple[Any, Exception | None]] = {}

    def remembering(*values: Any, **named: Any) -> Any:
        called = repr((values, named))
        if called not in answers:
            try:
                answers[called] = function(*values, **named), None
            except Exception as error:  # noqa: BLE001  (whatever it raises, it raises again)
                answers[called] = None, error
        answer, raised = answers[called]
        if raised is not None:
            raise raised
        return _fresh(answer)

    return remembering


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
