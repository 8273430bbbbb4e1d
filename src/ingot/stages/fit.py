"""Whether a value is exactly of its field's type: which path is not, and what stands there instead."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from pydantic import TypeAdapter, ValidationError

from ingot.fields import Field, free_form, validator
from ingot.runtime.tagged import Foreign

_EXACT: Mapping[str, tuple[type, ...]] = {
    "text": (str,), "integer": (int,), "decimal": (Decimal,), "float": (float,), "boolean": (bool,), "date": (date,),
    "datetime": (datetime,), "enum": (str,), "list": (list,), "object": (dict,),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Misfit:
    """A value that is not what its field says: the field's dotted path, what is there, and what should be."""

    path: str
    found: str
    wanted: str

    def __str__(self) -> str:
        return f"{self.path} is {self.found}; {self.wanted}"


def misfits(fields: tuple[Field, ...], values: Any) -> tuple[Misfit, ...]:
    """Every misfit of an output object; none where it fits. Types are exact: 1 is no decimal, and True no integer."""
    if type(values) is not dict:
        return (Misfit("the returned value", f"of type {_type_name(values)}", "an object is declared"),)
    found = tuple(_object(fields, values, ""))
    return found or tuple(_bounds(fields, values))


def _object(fields: tuple[Field, ...], values: Mapping[Any, Any], path: str) -> Iterator[Misfit]:
    for field in fields:
        if field.name in values:
            yield from _value(field, values[field.name], f"{path}{field.name}")
        elif not field.nullable:
            yield Misfit(f"{path}{field.name}", "missing", f"{field.type} is declared")
    if set(values) - {field.name for field in fields}:
        # Not by name: an undeclared key may be a value of the input.
        yield Misfit(path.rstrip(".") or "the output", "an object with keys that are not declared", "leave them out")


def _value(field: Field, value: Any, path: str) -> Iterator[Misfit]:
    if value is None:
        if not field.nullable:
            yield Misfit(path, "null", f"{field.type} is declared")
        return
    if type(value) not in _EXACT[field.type]:
        yield Misfit(path, f"of type {_type_name(value)}", f"{field.type} is declared")
    elif field.type == "list" and field.items is not None:
        for item in value:
            yield from _value(field.items, item, f"{path}[]")
    elif field.type == "object" and field.fields:
        yield from _object(field.fields, value, f"{path}.")
    elif field.type == "enum" and value not in field.values:
        yield Misfit(path, "a text that is none of its values", "one of " + ", ".join(field.values) + " is declared")
    elif (inside := _strange(value)) is not None:
        yield Misfit(path, f"a value that holds {inside}", "plain values are declared")
    elif field.type == "object":
        yield from _free_form(value, path)


def _type_name(value: Any) -> str:
    return value.type_name if isinstance(value, Foreign) else type(value).__name__


def _strange(value: Any) -> str | None:
    """The type of a value inside a free-form object that no JSON can hold."""
    if isinstance(value, Foreign):
        return f"a {value.type_name}"
    if isinstance(value, Mapping):
        return next((found for inner in value.values() if (found := _strange(inner))), None)
    if isinstance(value, list | tuple):
        return next((found for inner in value if (found := _strange(inner))), None)
    if isinstance(value, str) and not value.isascii():
        return "text that is not Unicode" if any("\ud800" <= letter <= "\udfff" for letter in value) else None
    return None


def _free_form(value: Any, path: str) -> Iterator[Misfit]:
    """What has no place in an object without fields."""
    try:
        free_form(value)
    except ValueError as error:
        yield Misfit(path, "no plain object", str(error))


def _bounds(fields: tuple[Field, ...], values: Mapping[str, Any]) -> Iterator[Misfit]:
    """What the types alone do not say: ranges, places, lengths, patterns, infinities."""
    try:
        _validator(fields).validate_python(dict(values))
    except ValidationError as error:
        for one in error.errors(include_input=False, include_url=False):
            path = ".".join("[]" if isinstance(part, int) else str(part) for part in one["loc"]).replace(".[]", "[]")
            yield Misfit(path, "out of its bounds", str(one["msg"])[0].lower() + str(one["msg"])[1:])


@functools.lru_cache(maxsize=256)
def _validator(fields: tuple[Field, ...]) -> TypeAdapter[dict[str, Any]]:
    return validator(fields)
