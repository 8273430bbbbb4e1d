"""What of a value may be written in the clear, by the labels of its fields."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ingot.fields import Field

Plain = dict[str, Any]


class Mask:
    """Takes the labelled values (``sensitive: phi``, ``pii``, ``pan``) out of objects with these fields.

    A field that the mask does not know is treated as labelled: it is better to seal too much.
    """

    def __init__(self, fields: Iterable[Field]) -> None:
        self._fields = {field.name: field for field in fields}
        self._labelled = {name for name, field in self._fields.items() if _is_labelled(field)}
        self._clear = self._fields.keys() - self._labelled
        self._signs = {name: f"<{field.sensitive}>" for name, field in self._fields.items() if field.sensitive}

    def split(self, values: Mapping[str, Any]) -> tuple[Mapping[str, Any], Plain]:
        """The values with ``<phi>`` and the like in place of what is labelled, and the fields that hold something labelled,
        whole. The values are of these fields' types, or the same as plain JSON."""
        if not self._labelled and values.keys() <= self._fields.keys():
            return values, {}
        if values.keys() == self._signs.keys():  # all of it is labelled, as a patient's record is
            nulls = [name for name, value in values.items() if value is None]
            return {**self._signs, **dict.fromkeys(nulls)} if nulls else self._signs, dict(values)
        shown, hidden = {}, {}
        for name, value in values.items():
            if name in self._clear:
                shown[name] = value
                continue
            hidden[name] = value
            sign = self._signs.get(name)
            shown[name] = self._masked(name, value) if sign is None else None if value is None else sign
        return shown, hidden

    def _masked(self, name: str, value: Any) -> Any:
        field = self._fields.get(name)
        return "<unknown>" if field is None and value is not None else _masked(field, value)


def joined(masked: Mapping[str, Any], hidden: Mapping[str, Any]) -> Plain:
    """What `Mask.split` took apart."""
    return {**masked, **hidden}


def _is_labelled(field: Field) -> bool:
    inner = (*field.fields, *((field.items,) if field.items is not None else ()))
    return field.sensitive is not None or any(_is_labelled(one) for one in inner)


def _masked(field: Field | None, value: Any) -> Any:
    """The value with what is labelled replaced; null stays null, since that a value is missing decides runs."""
    if value is None or field is None or not _is_labelled(field):
        return value
    if field.sensitive is not None:
        return f"<{field.sensitive}>"
    if isinstance(value, list):
        return [_masked(field.items, one) for one in value]
    inner = {one.name: one for one in field.fields}
    return {key: _masked(inner.get(key), one) for key, one in value.items()}
