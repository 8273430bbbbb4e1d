"""The installed package ``bfcl-eval``: its prompts, its accepted answers, and its AST checker called in process.

The checker's module imports a table of every vendor's client only to ask whether dots in a function's name were replaced.
A table that always says no stands in its place while the checker is imported, so none of those clients is needed.
"""

from __future__ import annotations

import importlib
import importlib.resources
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from types import ModuleType
from typing import Any

from ingot.errors import InputError, StageError

VERSION = "2026.3.23"
INSTALL = f"pip install --no-deps bfcl-eval=={VERSION}"
_TABLE = "bfcl_eval.constants.model_config"


@dataclass(frozen=True, slots=True)
class Prompt:
    """One prompt: its text, the functions that it may be answered with, and its accepted calls (`answers`: one a call
    that has to be made, function to parameter to accepted values; () where no call is right)."""

    id: str
    category: str
    text: str
    functions: tuple[Mapping[str, Any], ...]
    answers: tuple[Mapping[str, Mapping[str, Sequence[Any]]], ...] = ()


def load_prompts(category: str, *, answered: bool = True) -> dict[str, Prompt]:
    """The prompts of a category by id, for instance ``simple_python``. Raises InputError where the package is missing."""
    questions = _rows(f"BFCL_v4_{category}.json")
    answers = _rows(f"possible_answer/BFCL_v4_{category}.json") if answered else {}
    return {
        name: Prompt(
            name,
            category,
            "\n".join(message["content"] for turn in row["question"] for message in turn),
            tuple(row["function"]),
            tuple(answers[name]["ground_truth"]) if name in answers else (),
        )
        for name, row in questions.items()
    }


def is_accepted(prompt: Prompt, function: str, arguments: Mapping[str, Any]) -> bool:
    """Whether the official checker accepts this one call as the answer. Raises StageError where it cannot be loaded."""
    checker, python = _checker()
    calls = [{function: dict(arguments)}]
    try:
        said = checker(list(prompt.functions), calls, list(prompt.answers), python, prompt.category, "model")
    except (KeyError, TypeError, AttributeError, IndexError):
        return False  # it does so for values of a shape that no accepted answer has
    return bool(said["valid"])


@cache
def _checker() -> tuple[Any, Any]:
    _folder()
    table = _NoDotsReplaced()
    stand_in = ModuleType(_TABLE)
    vars(stand_in)["MODEL_CONFIG_MAPPING"] = table
    there = sys.modules.get(_TABLE)
    sys.modules[_TABLE] = there or stand_in
    try:
        module = importlib.import_module("bfcl_eval.eval_checker.ast_eval.ast_checker")
        language = importlib.import_module("bfcl_eval.constants.enums").Language.PYTHON
    except (ImportError, AttributeError) as error:
        raise StageError(f"the checker of bfcl-eval cannot be loaded: {error}", hint=INSTALL) from error
    finally:
        if there is None:
            del sys.modules[_TABLE]
    if there is not None:  # the true table has no row of ours
        vars(module)["MODEL_CONFIG_MAPPING"] = table
    return module.ast_checker, language


class _NoDotsReplaced:
    """Every model calls functions by the names that their documents have."""

    underscore_to_dot = False

    def __getitem__(self, model: str) -> _NoDotsReplaced:
        return self


@cache
def _rows(name: str) -> dict[str, dict[str, Any]]:
    try:
        text = (_folder() / name).read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(f"bfcl-eval has no {name!r}: {error.strerror}", hint=INSTALL) from None
    rows = [json.loads(line) for line in text.splitlines() if line.strip()]
    return {row["id"]: row for row in rows}


def _folder() -> Any:
    try:
        return importlib.resources.files("bfcl_eval") / "data"
    except ModuleNotFoundError:
        raise InputError("the package bfcl-eval is not installed", hint=INSTALL) from None
