"""A reply's text as values of the schema, or what is wrong with it, in words that hold nothing of the reply.

What is wrong is shown to the model on its next attempt, beside the instructions: so it may name the schema's fields and
the spec's expressions, and never repeat a key or a value that the reply brought.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import Any

from pydantic import TypeAdapter, ValidationError

from ingot.fields import Field, walk

LEAST_CHARACTERS, PER_TOKEN = 4_000, 12
"""A reply may have PER_TOKEN characters for each token that it was allowed, and LEAST_CHARACTERS in any case."""

Broken = Callable[..., list[str]]


class Unfit(Exception):
    """A reply that gives no values; the message is safe to show."""


def refuse_long(text: str, max_tokens: int) -> None:
    """Raises Unfit where a reply is longer than its tokens could make it."""
    most = max(LEAST_CHARACTERS, PER_TOKEN * max_tokens)
    if len(text) > most:
        raise Unfit(f"too long: {len(text):,} characters, and {most:,} is the limit")


def read_reply(text: str) -> dict[str, Any]:
    """The reply's one JSON object. Raises Unfit."""
    try:
        found = json.loads(text, object_pairs_hook=_once, parse_float=Decimal, parse_constant=_no_number)
    except (ValueError, ArithmeticError, RecursionError):
        raise Unfit("not JSON, or an object that names a field twice") from None
    if not isinstance(found, dict):
        raise Unfit("not a JSON object")
    return found


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({key for key, _ in pairs}) < len(pairs):
        raise ValueError("a field is named twice")
    return dict(pairs)


def _no_number(constant: str) -> Any:
    raise ValueError(f"{constant} is no JSON")


def checked(check: TypeAdapter[dict[str, Any]], fields: Iterable[Field], found: Mapping[str, Any]) -> dict[str, Any]:
    """The values, of the fields' types. Raises Unfit with the first place and what is wanted there."""
    try:
        return check.validate_python(found)
    except (ValidationError, RecursionError) as error:
        raise Unfit(_problem(error, fields)) from None


def _problem(error: ValidationError | RecursionError, fields: Iterable[Field]) -> str:
    if isinstance(error, RecursionError):
        return "nested too deeply"
    first = error.errors(include_input=False, include_url=False)[0]
    known = {one.name for _, one in walk(fields)}
    parts = [str(part) if isinstance(part, int) or part in known else "…" for part in first["loc"]]
    if first["type"] == "extra_forbidden":
        return "a field that the schema does not have"
    return f"{'.'.join(parts) or 'the whole'}: {first['msg']}"


def failed_expressions(broken: Broken | None, values: Mapping[str, Any]) -> list[str]:
    """The validation expressions that fail; one that cannot be computed (a null in it) fails."""
    if broken is None:
        return []
    params = broken.__code__.co_varnames[: broken.__code__.co_argcount]
    try:
        return broken(*(values.get(name) for name in params))
    except (TypeError, ArithmeticError) as error:
        return [f"a value is missing or too large ({type(error).__name__})"]
