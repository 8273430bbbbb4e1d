"""An input against the declared ones: typed, with nulls for what is nullable and left out, or one precise error."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from pydantic import ValidationError

from ingot.errors import InputError
from ingot.fields import Field, validator, walk


def input_reader(fields: Sequence[Field]) -> Callable[[Mapping[str, Any]], dict[str, Any]]:
    """A function that gives an input's values as the fields' types, each nullable one that it lacks as null. It raises InputError that
    names the field; of a labelled one, no value."""
    nulls = {one.name: None for one in fields if one.nullable}
    check = validator(fields).validate_python

    def read(given: Mapping[str, Any]) -> dict[str, Any]:
        try:
            return check({**nulls, **given})
        except ValidationError as error:
            raise _input_error(error, fields) from None
        except TypeError:
            said = f"the input is a {type(given).__name__}, not an object"
            raise InputError(said, hint="give a JSON object of the inputs") from None

    return read


LONGEST_PART = 200

Kept = Callable[[Mapping[str, Any]], Mapping[str, Any]]


def input_keeper(fields: Sequence[Field]) -> Kept:
    """A function that gives an input as it is kept. JSON is read with decimals, which are kept as text; a float field takes no
    text, so its numbers are kept as floats: else what was kept would not fit when it is run again."""
    makers = {one.name: made for one in fields if (made := _floats(one)) is not None}

    def kept(given: Mapping[str, Any]) -> Mapping[str, Any]:
        return {name: makers[name](value) if name in makers else value for name, value in given.items()}

    return kept if makers else lambda given: given


def _floats(one: Field) -> Callable[[Any], Any] | None:
    if one.type == "float":
        return _as_float
    if one.type == "list" and one.items is not None and (inner := _floats(one.items)) is not None:
        return lambda values: [inner(value) for value in values] if isinstance(values, list) else values
    if one.type == "object" and any(_floats(each) is not None for each in one.fields):
        keep = input_keeper(one.fields)
        return lambda value: keep(value) if isinstance(value, Mapping) else value
    return None


def _as_float(value: Any) -> Any:
    """What does not fit the field stays as it is."""
    if type(value) is not Decimal or not value.is_finite():
        return value
    number = float(value)
    return number if math.isfinite(number) else value


def _input_error(error: ValidationError, fields: Sequence[Field]) -> InputError:
    from ingot.yaml_text import as_source, closest

    first = error.errors()[0]
    place = ".".join(_readable(str(part)) for part in first["loc"])
    names = [item.name for item in fields]
    if first["type"] == "missing":
        return InputError(f"the input lacks {place!r}", place=place, hint=f"give all of: {', '.join(names)}")
    if first["type"] == "extra_forbidden":
        return InputError(f"unknown input {place!r}", place=place, hint=closest(str(first["loc"][-1]), names))
    shown = shown_value(as_source(first["input"]), first["loc"], fields)
    return InputError(f"{shown} does not fit: {first['msg']}", place=place)


def _readable(part: str) -> str:
    """A part of a place on one line: an unknown field's name is whatever somebody sent, also what steers a terminal."""
    shown = part if part.isprintable() else ascii(part)[1:-1]
    return shown if len(shown) <= LONGEST_PART else f"{shown[: LONGEST_PART - 1]}…"


def shown_value(text: str, place: Sequence[int | str], fields: Sequence[Field]) -> str:
    """A value as an error shows it: in a field with a label, or with one inside, not at all. Errors get into logs."""
    own = [one for one in fields if place and one.name == place[0]]
    labels = [inner.sensitive for one in own for _, inner in walk((one,)) if inner.sensitive]
    return f"<{labels[0]}>" if labels else text
