"""Scores by a spec: its outputs' types and its scorers, field by field. The same for every solver."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import ValidationError

from ingot.evals.suite import Item, Score, Scores
from ingot.fields import Field, validator
from ingot.spec import Spec
from ingot.stages.scorers import score

Null = Literal["answer", "withheld"]


def by_spec(spec: Spec, null: Null = "answer") -> Score:
    """Each expected field by the spec's scorer for it, 0 to 1; 0 for a value that is not of the field's type.

    `null` says what a null in an answer is: an answer like any other, or no answer where something else is expected, or where
    there is no right answer. A field that is missing from the answer is withheld.
    """
    fields = {field.name: field for field in spec.outputs}
    checks = {name: validator((field,)) for name, field in fields.items()}

    def typed(field: Field, value: Any) -> Any:
        return checks[field.name].validate_python({field.name: value})[field.name]

    def scored(item: Item, output: Mapping[str, Any]) -> Scores:
        if null == "withheld" and not item.answerable:
            return {name: None if given is None else 0.0 for name, given in output.items()}
        found: dict[str, float | None] = {}
        for name, wanted in item.expected.items():
            field = fields[name]
            given = output.get(name)
            if name not in output or (null == "withheld" and given is None and wanted is not None):
                found[name] = None
                continue
            try:
                found[name] = score(field, typed(field, given), typed(field, wanted), spec.scorers)
            except ValidationError:
                found[name] = 0.0
        return found

    return scored
