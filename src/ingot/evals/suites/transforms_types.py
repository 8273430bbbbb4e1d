"""The types of fields as examples have them: names and kinds, no values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ingot.errors import InputError


def shape_of(rows: Sequence[Mapping[str, Any]], place: str) -> dict[str, Any]:
    """The fields of objects: every key that any of them has. One that is missing somewhere, or null, is nullable.

    Raises InputError for a key whose values are of kinds that do not go together.
    """
    names = dict.fromkeys(name for row in rows for name in row)
    return {name: _field([row.get(name) for row in rows], f"{place}.{name}") for name in names}


def _field(values: Sequence[Any], place: str) -> dict[str, Any]:
    stated = [value for value in values if value is not None]
    nullable = {"nullable": True} if len(stated) < len(values) else {}
    return {**_kind(stated, place), **nullable}


def _kind(values: Sequence[Any], place: str) -> dict[str, Any]:
    if all(isinstance(value, str) for value in values):
        return {"type": "text"}
    if all(isinstance(value, bool) for value in values):
        return {"type": "boolean"}
    if any(isinstance(value, bool) for value in values):
        raise _mixed(values, place)
    if all(isinstance(value, int) for value in values):
        return {"type": "integer"}
    if all(isinstance(value, int | float) for value in values):
        return {"type": "decimal"}
    if all(isinstance(value, list) for value in values):
        inner = [one for value in values for one in value]
        return {"type": "list", "items": _field(inner or [""], f"{place}[]")}
    if all(isinstance(value, Mapping) for value in values):
        return _object(values, place)
    raise _mixed(values, place)


def _object(values: Sequence[Mapping[str, Any]], place: str) -> dict[str, Any]:
    """An object with named fields where several all have the same names, which can be names; else one of any keys: one object
    alone does not show which of its names others have."""
    names = {tuple(sorted(value)) for value in values}
    if (
        len(values) > 1
        and len(names) == 1
        and all(name.isidentifier() for name in next(iter(names)))
        and next(iter(names))
    ):
        return {"type": "object", "fields": shape_of(values, place)}
    return {"type": "object"}


def _mixed(values: Sequence[Any], place: str) -> InputError:
    kinds = sorted({type(value).__name__ for value in values})
    return InputError(f"values of the kinds {', '.join(kinds)} under one name", place=place, hint="make them one kind")
