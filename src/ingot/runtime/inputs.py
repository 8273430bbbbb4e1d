"""An input against the declared ones: typed, with nulls for what is nullable and left out, or one precise error."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
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


def _input_error(error: ValidationError, fields: Sequence[Field]) -> InputError:
    from ingot.yaml_text import as_source, closest

    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"])
    names = [item.name for item in fields]
    if first["type"] == "missing":
        return InputError(f"the input lacks {place!r}", place=place, hint=f"give all of: {', '.join(names)}")
    if first["type"] == "extra_forbidden":
        return InputError(f"unknown input {place!r}", place=place, hint=closest(str(first["loc"][-1]), names))
    shown = shown_value(as_source(first["input"]), first["loc"], fields)
    return InputError(f"{shown} does not fit: {first['msg']}", place=place)


def shown_value(text: str, place: Sequence[int | str], fields: Sequence[Field]) -> str:
    """A value as an error shows it: in a field with a label, or with one inside, not at all. Errors get into logs."""
    own = [one for one in fields if place and one.name == place[0]]
    labels = [inner.sensitive for one in own for _, inner in walk((one,)) if inner.sensitive]
    return f"<{labels[0]}>" if labels else text
