"""The fields of two specs as one: what both allow."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal

from ingot.fields import Field
from ingot.proof.z3_values import NotExpressible
from ingot.spec import Spec

Path = tuple[str, ...]
"""``(input,)``, or ``(step(), output)`` of a step that no function computes."""


def roots_of(spec: Spec) -> dict[Path, Field]:
    """What a run is given: the inputs, and the outputs of the steps that no function computes."""
    found: dict[Path, Field] = {(one.name,): one for one in spec.inputs}
    for step in spec.logic_requirements:
        if not step.is_function:
            found |= {(f"{step.step}()", one.name): one for one in step.outputs}
    return found


def common_fields(one: Spec, other: Spec) -> dict[Path, Field]:
    """What runs of either are given, each field narrowed to what both allow. Raises NotExpressible, naming the field,
    where one has another type in the other, or no value in common."""
    mine, theirs = roots_of(one), roots_of(other)
    both = {path: _common(path, field, theirs[path]) if path in theirs else field for path, field in mine.items()}
    return {**both, **{path: field for path, field in theirs.items() if path not in mine}}


def incomparable(one: Spec, other: Spec) -> str | None:
    """Why two specs' programs cannot be run on the same inputs, or None."""
    try:
        common_fields(one, other)
    except NotExpressible as error:
        return error.construct
    return None


def structure(one: Spec, other: Spec) -> tuple[str, ...]:
    """What only one of two specs has among the inputs, outputs and steps, as text for people."""
    found: list[str] = []
    for what, mine, theirs in (
        ("input", [f.name for f in one.inputs], [f.name for f in other.inputs]),
        ("output", [f.name for f in one.outputs], [f.name for f in other.outputs]),
        ("step", [s.step for s in one.logic_requirements], [s.step for s in other.logic_requirements]),
    ):
        found += [f"{what} {name!r} is only in the first" for name in mine if name not in theirs]
        found += [f"{what} {name!r} is only in the second" for name in theirs if name not in mine]
    return tuple(found)


def _common(path: Path, one: Field, other: Field) -> Field:
    if one == other:
        return one
    name = ".".join(path)
    if one.type != other.type:
        raise NotExpressible(f"the input {name!r}, which is {one.type} in one and {other.type} in the other")
    return one.model_copy(
        update={
            "nullable": one.nullable and other.nullable,
            "minimum": _least(one.minimum, other.minimum, highest=True),
            "maximum": _least(one.maximum, other.maximum, highest=False),
            "places": _fewest(one.places, other.places),
            "min_length": max(one.min_length or 0, other.min_length or 0) or None,
            "max_length": _fewest(one.max_length, other.max_length),
            "pattern": _pattern(name, one, other),
            "values": _values(name, one, other),
            "items": _items(path, one, other),
            "fields": _inner(path, one, other),
        }
    )


def _least(one: Decimal | date | None, other: Decimal | date | None, *, highest: bool) -> Decimal | date | None:
    if one is None or other is None:
        return other if one is None else one
    pick = max if highest else min
    return pick(one, other)


def _fewest(one: int | None, other: int | None) -> int | None:
    return min(number for number in (one, other) if number is not None) if {one, other} != {None} else None


def _pattern(name: str, one: Field, other: Field) -> str | None:
    if one.pattern and other.pattern and one.pattern != other.pattern:
        raise NotExpressible(f"the input {name!r}, which has another pattern in the other")
    return one.pattern or other.pattern


def _values(name: str, one: Field, other: Field) -> tuple[str, ...]:
    values = tuple(value for value in one.values if value in other.values)
    if one.values and not values:
        raise NotExpressible(f"the input {name!r}, whose values are none of those in the other")
    return values


def _items(path: Path, one: Field, other: Field) -> Field | None:
    if one.items is None or other.items is None:
        return one.items or other.items
    return _common((*path, "items"), one.items, other.items)


def _inner(path: Path, one: Field, other: Field) -> tuple[Field, ...]:
    theirs: Mapping[str, Field] = {field.name: field for field in other.fields}
    if {field.name for field in one.fields} != set(theirs):
        raise NotExpressible(f"the input {'.'.join(path)!r}, whose fields are others in the other")
    return tuple(_common((*path, field.name), field, theirs[field.name]) for field in one.fields)
