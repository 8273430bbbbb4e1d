"""Bandit over a candidate, in process (SEC017). Missing or broken is a StageError, never a pass."""

from __future__ import annotations

import ast
import io
import warnings
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any

from ingot.errors import StageError
from ingot.verdict import Finding

IGNORED: dict[str, str] = {
    "B101": "SEC043 refuses assert in any place",
    "B102": "SEC013 refuses exec",
    "B105": "SEC015 tells secrets from placeholders",
    "B106": "SEC015 tells secrets from placeholders",
    "B107": "SEC015 tells secrets from placeholders",
    "B110": "SEC040 refuses an except that swallows",
    "B112": "SEC040 refuses an except that swallows",
    "B307": "SEC013 refuses eval",
}
"""Bandit checks that a rule of our own covers more exactly, with that rule."""


_PATH = "/logic.py"
"""A name for messages that never reach anyone; Bandit wants an absolute one. No file of this name is read."""


@lru_cache(maxsize=1)
def _visitor() -> Callable[[bytes], list[Any]]:
    """A function from source to Bandit's findings; importing it takes about 0.2 seconds the first time."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Bandit's own use of its libraries is not ours to mend
            from bandit.core.config import BanditConfig
            from bandit.core.meta_ast import BanditMetaAst
            from bandit.core.metrics import Metrics
            from bandit.core.node_visitor import BanditNodeVisitor
            from bandit.core.test_set import BanditTestSet
    except ImportError as error:
        hint = "install it: pip install 'ingot[compile]'"
        raise StageError(f"Bandit cannot be imported: {error}", place="security", hint=hint) from error
    tests = BanditTestSet(BanditConfig(), {"include": [], "exclude": sorted(IGNORED)})
    if not tests.get_tests("Call"):
        raise StageError("Bandit has no checks loaded", place="security", hint="reinstall bandit")

    def visit(source: bytes) -> list[Any]:
        metrics = Metrics()
        metrics.begin(_PATH)
        # No comment switches a check off: the table of nosec lines is empty. The tester's debug mode makes a broken check
        # raise; the visitor's would only write out every node, in half of the time.
        visitor = BanditNodeVisitor(_PATH, io.BytesIO(source), BanditMetaAst(), tests, False, {}, metrics)
        visitor.tester.debug = True
        try:
            visitor.process(source)
        finally:
            _forget(source)
        return list(visitor.tester.results)

    return visit


def _forget(source: bytes) -> None:
    """Take Bandit's notes off the nodes without fields, such as Load: Python has each of them once, so what is noted
    there hangs on every tree of the process, and a tree that is pickled would take all of Bandit's along."""
    for node in ast.walk(ast.parse(source)):
        if not node._fields and not node._attributes:
            vars(node).clear()


def bandit(source: str) -> Iterator[Finding]:
    """SEC017: what Bandit finds, its own code in the message. Raises StageError where Bandit is missing or breaks."""
    visit = _visitor()
    try:
        found = visit(source.encode())
    except Exception as error:
        raise StageError(f"Bandit broke: {type(error).__name__}: {error}", place="security") from error
    for one in found:
        if one.test_id not in IGNORED:
            text = " ".join(str(one.text).split())
            yield Finding("SEC017", f"{one.test_id} {one.test}: {text}", one.lineno, one.col_offset + 1)
