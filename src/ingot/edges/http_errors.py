"""What a request that is refused is told: one JSON object ``{error, place, hint}``, without a value of anybody's.

A client may send anything as a value, and what a program or a database says of it may repeat it. So nothing of an
exception's text goes out or into a log; what does is written here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import TypeAdapter, ValidationError

from ingot.errors import ArtifactError, IngotError, InputError, ModelError, OutputError, StepError, StoreError
from ingot.store.alone import RunTaken

Header = tuple[bytes, bytes]
CLOSE: Header = (b"connection", b"close")

MOST_FIELDS = 20
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,39}")


class Refused(Exception):
    """A request is answered with `status` and what is wrong. `fields` are ``{place, error}`` of an input's fields."""

    def __init__(
        self,
        status: int,
        error: str,
        *,
        place: str | None = None,
        hint: str | None = None,
        fields: Sequence[Mapping[str, str]] = (),
        headers: Sequence[Header] = (),
    ) -> None:
        super().__init__(error)
        self.status, self.error, self.place, self.hint = status, error, place, hint
        self.fields, self.headers = fields, headers

    def to_json(self) -> dict[str, Any]:
        """The body of the answer."""
        told: dict[str, Any] = {"error": self.error, "place": self.place, "hint": self.hint}
        return {**told, "fields": list(self.fields)} if self.fields else told


def refusal(error: IngotError) -> Refused:
    """The answer for an error of ours."""
    match error:
        case InputError():
            return Refused(422, "the input does not fit", place=error.place, hint="see /openapi.json for its fields")
        case OutputError():
            hint = "`ingot explain` on the same input shows the deciding lines"
            return Refused(500, "the program came to no answer that fits its outputs", place=error.place, hint=hint)
        case StepError() | ModelError():
            return Refused(503, "a step could not be carried out", place=error.place, hint="see to it, then ask again")
        case RunTaken():
            return Refused(409, "this run is under way elsewhere, or was before", place="run", hint="ask again later")
        case StoreError():
            hint = "see to the store, then ask again"
            return Refused(503, "the store failed, so there is no answer", place="store", hint=hint)
        case ArtifactError():
            return Refused(409, "the artifact was refused", hint="`ingot verify` says why")
    return Refused(500, f"a {type(error).__name__}", hint="the server's log has its place")


def field_errors(check: TypeAdapter[Any], case: Any, first: str = "") -> list[dict[str, str]]:
    """What is wrong with each field of a value that does not fit: place and reason, no value.

    `first` is put before each place. Empty where the value fits after all.
    """
    try:
        check.validate_python(case)
    except ValidationError as error:
        rows = error.errors(include_url=False, include_context=False, include_input=False)
        return [_told(row["type"], row["loc"], row["msg"], first) for row in rows[:MOST_FIELDS]]
    return []


def _told(kind: str, place: Sequence[int | str], message: str, first: str) -> dict[str, str]:
    """The last part of an unknown field's place is the client's own text: it is told where it looks like a name."""
    parts = [str(part) for part in place]
    if kind == "missing":
        message = "it is missing"
    elif kind == "extra_forbidden":
        message = "there is no such field"
        parts = [part if _NAME.fullmatch(part) else "…" for part in parts]
    return {"place": ".".join(part for part in (first, *parts) if part), "error": message}
