"""A model backend as the runtime's bounded steps want it: instructions and material in, JSON text out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ingot.models.model import Model, Request
from ingot.runtime.steps import AskModel


def ask_with(model: Model) -> AskModel:
    """Serve bounded steps with `model`: one schema-bound request a call. Raises what the model raises."""

    def ask(instructions: str, content: str, schema: Mapping[str, Any], max_tokens: int) -> str:
        request = Request(system=instructions, prompt=content, schema=schema, max_tokens=max_tokens)
        return model.complete(request).text

    return ask
