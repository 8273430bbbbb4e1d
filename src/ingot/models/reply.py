"""What every backend does to a reply: keep it in size, keep keys out of it, count what cannot be counted."""

from __future__ import annotations

import math
import os
import re

from ingot.errors import ModelError
from ingot.models.model import Request
from ingot.usage import Usage

REPLY_LIMIT = 1_000_000
"""Bytes of UTF-8 that a reply may have; far above any set of functions, far below what would hurt."""

KEY_VARIABLES = ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "OPENAI_API_KEY", "OLLAMA_API_KEY")
_SHORTEST_KEY = 8  # a shorter value is a placeholder such as "none", and would be cut out of ordinary words
_KEY_LIKE = re.compile(r"\b[sp]k-[\w*.-]{6,}|\bbearer\s+[^\s'\",}]+", re.IGNORECASE)
_REDACTED = "[key removed]"


def within_limit(text: str, model: str) -> str:
    """`text` itself; raises ModelError where it is larger than REPLY_LIMIT."""
    size = len(text.encode(errors="replace"))
    if size > REPLY_LIMIT:
        raise too_large(model, size)
    return text


def too_large(model: str, size: int | None = None) -> ModelError:
    """The error for a reply over the limit; `size` in bytes where it is known."""
    known = f"{size:,} bytes" if size is not None else "too many bytes"
    return ModelError(
        f"the reply of {model!r} has {known}; {REPLY_LIMIT:,} bytes is the limit",
        hint="nothing of it was used; ask again or use another model",
    )


def without_known_keys(text: str) -> str:
    """`text` without the values of the environment's API keys."""
    for variable in KEY_VARIABLES:
        key = os.environ.get(variable, "").strip()
        if len(key) >= _SHORTEST_KEY:
            text = text.replace(key, _REDACTED)
    return text


def without_keys(text: str) -> str:
    """`text` for an error message: without the environment's keys and without anything that looks like one."""
    return _KEY_LIKE.sub(_REDACTED, without_known_keys(text))


def estimate_tokens(text: str) -> int:
    """A token count where nobody counted: a quarter of the characters, rounded up."""
    return math.ceil(len(text) / 4)


def estimate_input(request: Request) -> int:
    """Estimated input tokens of a request."""
    schema = "" if request.schema is None else str(dict(request.schema))
    return estimate_tokens(request.system + request.prompt + schema)


def estimated_usage(request: Request, text: str) -> Usage:
    """The usage of one request and its reply, both estimated."""
    return Usage(estimate_input(request), estimate_tokens(text), 1)
