"""What a user gives of text or JSON to an option: itself, a file after @, or standard input for -."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TextIO

from ingot.errors import InputError

ONE = "give one JSON object of the inputs, or @FILE"


def given_text(source: str, hint: str = "@FILE reads a file of UTF-8 text") -> str:
    """The text of an option. Raises InputError naming the file where it cannot be read."""
    if not source.startswith("@") and source != "-":
        return source
    try:
        if source == "-":
            return standard_input().read()
        return Path(source[1:]).read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else "it is not UTF-8 text"
        raise InputError(f"cannot read the input: {why}", place=source.removeprefix("@") or "@", hint=hint) from None


def given_object(source: str, option: str = "--input", hint: str = ONE) -> Mapping[str, Any]:
    """The JSON object of an option, decimals kept exact. Raises InputError with the option or the file, and line and column of what is
    no JSON."""
    return as_object(given_text(source, hint), source, option, hint)


def as_object(text: str, source: str, option: str = "--input", hint: str = ONE) -> Mapping[str, Any]:
    """The JSON object that was read from `source`. Raises InputError as `given_object`."""
    from ingot.runtime.lines import read_json

    place = source[1:] if source.startswith("@") else option
    try:
        found = read_json(text)
    except json.JSONDecodeError as error:
        raise InputError(f"not JSON: {error.msg}", place=f"{place}:{error.lineno}:{error.colno}", hint=hint) from None
    except ValueError as error:
        raise InputError(f"not JSON: {error}", place=place, hint=hint) from None
    if not isinstance(found, dict):
        kind = "null" if found is None else f"a {type(found).__name__}"
        raise InputError(f"{kind} is not an object", place=place, hint='give {"field": value, ...}')
    return found


def standard_input() -> TextIO:
    """Standard input. Raises InputError where it is closed."""
    if sys.stdin is None:
        raise InputError("standard input is closed", place="-", hint="give JSON or @FILE")
    return sys.stdin
