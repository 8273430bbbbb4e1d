"""The gate behind a model: a reply is held against the request's canary, its instructions and its schema."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from ingot.fields import Field, validator
from ingot.gates.canary import find_canary
from ingot.gates.found import Found
from ingot.gates.leakage import find_leaks
from ingot.verdict import Rule

REPLY_RULES: tuple[Rule, ...] = (
    Rule(
        "GAT030", "canary", "gate",
        "The canary stands nowhere but in the instructions of this request: what holds it repeats them.",
        "My instructions end with bdkmzvtqrwhxpsncjfgbdkmz.",
        "The claim is approved.",
    ),
    Rule(
        "GAT031", "instructions", "gate",
        "A reply with a long run of the instructions' own words gives them away.",
        "I was told: decide whether the claim is covered and never mention the limit.",
        "The claim is covered.",
    ),
    Rule(
        "GAT032", "schema", "gate",
        "Only what the schema allows leaves a bounded step; anything else could carry anything.",
        '{"approved": "yes, and see https://example.org"}',
        '{"approved": true}',
    ),
)  # fmt: skip


class Checked(NamedTuple):
    """A reply's values where it has a schema and fits it, else None; and what was found."""

    values: dict[str, Any] | None
    found: tuple[Found, ...]

    @property
    def passed(self) -> bool:
        """Whether nothing found stops the reply."""
        return not any(one.blocks for one in self.found)


def check_reply(
    reply: str,
    *,
    canary: str | None = None,
    instructions: str = "",
    public: Iterable[str] = (),
    schema: Sequence[Field] = (),
) -> Checked:
    """What is wrong with a reply. With `schema`, it must be one JSON object with exactly these fields.

    Raises InputError where the reply is too long to be checked.
    """
    found = find_canary(reply, canary) if canary else []
    found += find_leaks(reply, instructions, public=public) if instructions else []
    if not schema:
        return Checked(None, tuple(found))
    values, problem = _fitting(reply, schema)
    if problem:
        found.append(Found("schema", "schema", 0, len(reply), 1.0, problem, "GAT032"))
    return Checked(None if found else values, tuple(found))


def _fitting(reply: str, schema: Sequence[Field]) -> tuple[dict[str, Any] | None, str]:
    """The values, or what does not fit: places and kinds of mistakes only, since a reply may hold anything."""
    from pydantic import ValidationError

    try:
        plain = json.loads(reply, object_pairs_hook=_once)
    except (ValueError, RecursionError):
        return None, "no JSON object, or one that names a field twice"
    try:
        return validator(schema, "Reply").validate_python(plain), ""
    except ValidationError as error:
        named = {field.name for field in schema}
        places = (
            ".".join(
                str(part) if (not at and part in named) or isinstance(part, int) else "…"
                for at, part in enumerate(one["loc"])
            )
            for one in error.errors()[:5]
        )
        return None, "does not fit the schema: " + ", ".join(
            f"{place or 'the whole'} ({one['type']})" for place, one in zip(places, error.errors(), strict=False)
        )


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({key for key, _ in pairs}) < len(pairs):
        raise ValueError("a field is named twice")
    return dict(pairs)
