"""A transformation described in words, with examples: the form of small public benchmarks of language-model workflows.

    {"id": …, "name": …, "prompt_template": "… {email_text} …", "output_format": {"type": "object", "fields": {name: meaning}},
     "instances": [{"id": …, "input": {…}, "expected_output": …}]}

The prompt's words, without its placeholders, and the meanings of the output's fields become the intent: they are what a
model would have been told. An output whose fields are not named is one field ``answer``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ingot.errors import InputError
from ingot.evals.suites.transforms import Described, item_of

_PLACEHOLDER = re.compile(r"\{(\w+)\}")


def described_file(path: Path) -> Described:
    """The task of a file. Raises InputError where it is not as described."""
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"cannot read the task: {error}", place=str(path)) from None
    try:
        return _described(told, path)
    except (KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"not a task: {error!r}", place=str(path), hint="it has instances with input and expected_output"
        ) from None


def _described(told: Mapping[str, Any], path: Path) -> Described:
    about = told.get("output_format") or {}
    meanings = about.get("fields") or {}
    rows = []
    for number, one in enumerate(told["instances"], start=1):
        wanted = one["expected_output"]
        named = isinstance(wanted, Mapping) and bool(meanings)
        rows.append(item_of(str(one.get("id", number)), one["input"], wanted if named else {"answer": wanted}))
    said = [_words(told.get("prompt_template", "")), *([] if meanings else [about.get("description", "")])]
    return Described(
        str(told.get("id", path.stem)), tuple(rows), str(told.get("name", "")),
        " ".join(part for part in said if part), meanings,
    )  # fmt: skip


def _words(template: str) -> str:
    """A prompt's words on one line, which is one clause, with the names of the inputs where their values stood."""
    return " ".join(_PLACEHOLDER.sub(r"(\1)", template).split())
