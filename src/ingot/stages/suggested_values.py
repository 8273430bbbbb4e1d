"""Suggested cases that need no candidate: the values that a spec itself names, each once."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from ingot.fields import Field
from ingot.proof.suggest_cover import Axis, flat, key
from ingot.runtime.sandbox import Trial
from ingot.runtime.tagged import encode
from ingot.spec import Spec
from ingot.stages.constants import bounds_of
from ingot.stages.inputs import admission, axes, case_trial
from ingot.stages.suggested_forms import texts_with
from ingot.stages.values import typical

_DATE = re.compile(r"\b\d{4}-\d{2}-\d{2}\b")
_NUMBER = re.compile(r"(?<![\w.-])\d[\d,]*(?:\.\d+)?(?![\w-])")


@dataclass(frozen=True, slots=True)
class Named:
    """An input with one value that the spec names: `why` says where. `near` is the given case that it was made from,
    "" where it was made of typical values."""

    trial: Trial
    changed: Axis
    why: str
    near: str


def named_values(spec: Spec, base: Trial | None = None) -> tuple[Named, ...]:
    """An input for each value that no given case has: of enums and booleans, null, the bounds of the fields, both
    sides of the numbers and dates that clauses and validation expressions name, and the forms of a date that clauses name. The rest is as in `base`, by default
    the first given case."""
    places = axes(spec)
    given = [case_trial(case, spec) for case in spec.given]
    values = {axis: typical(field) for axis, field in places.items()}
    like = base or (given[0] if given else None)
    rest = {**values, **(flat(like) if like else {})}
    near = like.id if like else ""
    seen = {(axis, encode(value)) for trial in given for axis, value in flat(trial).items()}
    known = {key(case_trial(case, spec)) for case in spec.cases}
    is_valid = admission(spec)
    found: list[Named] = []
    for axis, value, why in (*_named(spec, places), *_dated(spec, places, rest)):
        if (axis, encode(value)) in seen:
            continue
        seen.add((axis, encode(value)))
        trial = _trial(f"named-{len(found) + 1}", {**rest, axis: value})
        if is_valid(trial) and key(trial) not in known:
            found.append(Named(trial, axis, why, near))
    return tuple(found)


def _trial(name: str, values: dict[Axis, Any]) -> Trial:
    steps: dict[str, dict[str, Any]] = {}
    for (step, field), value in values.items():
        steps.setdefault(step, {})[field] = value
    return Trial(name, steps.pop("", {}), steps)


def _named(spec: Spec, places: dict[Axis, Field]) -> Iterator[tuple[Axis, Any, str]]:
    """Every axis with a value and why it is worth a case."""
    for axis, field in places.items():
        for value in field.values if field.type == "enum" else (True, False) if field.type == "boolean" else ():
            yield (
                axis,
                value,
                f"{field.name} = {str(value).lower() if value in (True, False) else value}: a value of its own",
            )
        if field.nullable:
            yield axis, None, f"{field.name} = null: it may be missing"
    for clause in spec.clauses:
        for axis, field in places.items():
            if _mentions(clause.text, field.name):
                for constant in _constants(clause.text, field):
                    yield from _sides(axis, field, constant, f"which {clause.id} names")
    stated = bounds_of([text for step in spec.logic_requirements for text in step.validation])
    for axis, field in places.items():
        for constant in stated.get(field.name, ()):
            yield from _sides(axis, field, constant, "which a validation names")
        for bound, word in ((field.minimum, "smallest"), (field.maximum, "largest")):
            if bound is not None:
                yield axis, _typed(field, bound), f"{field.name} = {bound}: the {word} that the field allows"


def _dated(spec: Spec, places: dict[Axis, Field], rest: dict[Axis, Any]) -> Iterator[tuple[Axis, Any, str]]:
    """Every text with a date in each form that a clause names."""
    for axis, field in places.items():
        if field.type != "text" or field.pattern is not None or not isinstance(rest.get(axis), str):
            continue
        for clause in spec.clauses:
            for value, form in texts_with(clause.text, rest[axis]):
                yield axis, value, f"{field.name} has a date as {form}, which {clause.id} names"


def _mentions(text: str, name: str) -> bool:
    words = re.escape(name.lower()).replace("_", "[_ -]")
    return re.search(rf"(?<!\w){words}(?!\w)", text.lower()) is not None


def _constants(text: str, field: Field) -> list[Any]:
    if field.type == "date":
        days = []
        for found in _DATE.findall(text):
            try:
                days.append(date.fromisoformat(found))
            except ValueError:
                continue
        return days
    if field.type not in ("integer", "decimal", "float"):
        return []
    return [Decimal(found.replace(",", "")) for found in _NUMBER.findall(_DATE.sub(" ", text))]


def _sides(axis: Axis, field: Field, constant: Any, where: str) -> Iterator[tuple[Axis, Any, str]]:
    """One step below, on it and one step above."""
    step: Any
    if isinstance(constant, date):
        step = timedelta(days=1)
    else:
        constant = Decimal(str(constant))
        step = (
            Decimal(1) if field.type == "integer" else Decimal(1).scaleb(-(2 if field.places is None else field.places))
        )
    for change, side in (
        (constant - step, "one step below"),
        (constant, "exactly"),
        (constant + step, "one step above"),
    ):
        value = _typed(field, change)
        if value is not None:
            yield axis, value, f"{field.name} = {value}: {side} {constant}, {where}"


def _typed(field: Field, value: Any) -> Any:
    """The value in the field's type; None where it has none of this value."""
    if field.type == "integer":
        return int(value) if value == int(value) else None
    return float(value) if field.type == "float" else value
