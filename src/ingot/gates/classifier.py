"""A small trained classifier beside the rules, where the extra `ingot[classifier]` is installed.

Its model comes in the package: nothing is fetched. It sees polite and unusual attacks that no rule knows, and takes some
harmless texts for attacks, so it is asked only where the caller asks for it.
"""

from __future__ import annotations

import threading
from functools import lru_cache
from importlib import import_module
from typing import Any

from ingot.errors import StageError
from ingot.gates.found import Found, bounded

LEAST = 0.8
"""The model's score from which a text counts as an attack: at its own 0.64 it takes three times as many for one wrongly."""
INSTALL = "pip install 'ingot[classifier]'"
_ONE_AT_A_TIME = threading.Lock()


@lru_cache(maxsize=1)
def _classifier() -> Any:
    try:
        package = import_module("stackone_defender")
    except ImportError as error:
        raise StageError("the classifier is not installed", hint=INSTALL) from error
    try:
        return package.create_prompt_defense(enable_tier1=False, require_tier2=True)
    except Exception as error:  # the package's own errors; without its model it must not pass for a clean text
        raise StageError(f"the classifier does not start: {error}", hint=INSTALL) from error


def require_classifier() -> None:
    """Raises StageError where the classifier is missing or does not start: ask before a run, not in the middle of it."""
    with _ONE_AT_A_TIME:
        _classifier()


def find_by_classifier(text: str, *, least: float = LEAST) -> list[Found]:
    """At most one finding, of the whole text. Raises StageError where the classifier is missing or gives no score."""
    bounded(text)
    if not text.strip():
        return []
    with _ONE_AT_A_TIME:
        score = _scored(text)
    if score is None:
        raise StageError("the classifier gave no score", hint="scan without it, or in shorter pieces")
    if score < least:
        return []
    why = "a trained classifier takes the text for an attack"
    return [Found("injection", "classified", 0, len(text), round(float(score), 2), why, "", "plain")]


def _scored(text: str) -> Any:
    """The package's score. Raises StageError on an error of its own, whose words may hold the text and are not told."""
    try:
        return _classifier().defend_tool_result({"text": text}, "read_document").tier2_score
    except StageError:
        raise
    except Exception as error:  # noqa: BLE001 - whatever the package raises, the text did not pass
        raise StageError(f"the classifier failed ({type(error).__name__})", hint="scan without it") from None
