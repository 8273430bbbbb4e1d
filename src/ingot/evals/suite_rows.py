"""Rows of a suite of one's own: read, made into items, and held against the spec before anything is run."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from ingot.edges.sources_csv import cell_value
from ingot.errors import InputError
from ingot.evals.suite import Item
from ingot.fields import Field, validator
from ingot.runtime.inputs import input_reader
from ingot.spec import Spec
from ingot.tables.csv_text import refuse_other_delimiter

Row = tuple[dict[str, Any], str]
"""A row, and its ``file:line``."""
_KEYS = ("id", "input", "expected", "kind", "answerable", "group")


def read_rows(path: Path, columns: Iterable[str] = ()) -> list[Row]:
    """The rows of a JSON Lines or CSV file, each with its ``file:line``. `columns` are those that are read, by which another
    delimiter than a comma is told. Raises InputError."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot read the rows: {error}", place=str(path)) from None
    if path.suffix.lower() == ".csv":
        return list(_csv_rows(path, text, columns))
    found = []
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            try:
                row = json.loads(line)
            except ValueError as error:
                raise InputError(f"not JSON: {error}", place=f"{path}:{number}") from None
            if not isinstance(row, dict):
                raise InputError("a row is an object", place=f"{path}:{number}")
            found.append((row, f"{path}:{number}"))
    return found


def _csv_rows(path: Path, text: str, columns: Iterable[str]) -> Iterator[Row]:
    read = csv.DictReader(text.splitlines(keepends=True), strict=True)
    try:
        refuse_other_delimiter(read.fieldnames or (), columns, f"{path}:1", InputError)
        for row in read:
            if None in row or None in row.values():
                known = len(read.fieldnames or ())
                raise InputError(
                    f"the row has not one cell for each of {known} columns", place=f"{path}:{read.line_num}"
                )
            yield dict(row), f"{path}:{read.line_num}"
    except csv.Error as error:
        raise InputError(f"not CSV: {error}", place=f"{path}:{read.reader.line_num}") from None


@dataclass(frozen=True, slots=True)
class Columns:
    """Which column of a row is what: that of the id, and by field those of inputs and of what is expected."""

    id: str
    inputs: Mapping[str, str]
    expected: Mapping[str, str]

    @classmethod
    def of(cls, spec: Spec, name: str, inputs: Mapping[str, str] | None, expected: Mapping[str, str] | None) -> Columns:
        """As they are named; left out, columns have the fields' names."""
        given, wanted = ({one.name: one.name for one in fields} for fields in (spec.inputs, spec.outputs))
        return cls(name, inputs or given, expected or wanted)

    @property
    def read(self) -> list[str]:
        """All columns that are read."""
        return [self.id, *self.inputs.values(), *self.expected.values()]

    def item(self, row: Mapping[str, Any], spec: Spec, place: str) -> Item:
        """A labelled row as an item. Raises InputError where it lacks a column."""
        try:
            named = {
                one.name: _value(one, row[self.inputs[one.name]]) for one in spec.inputs if one.name in self.inputs
            }
            expected = {
                one.name: _value(one, row[self.expected[one.name]]) for one in spec.outputs if one.name in self.expected
            }
            return Item(str(row[self.id]), named, expected)
        except KeyError as error:
            raise InputError(
                f"the row has no column {error.args[0]!r}", place=place, hint=f"it has {', '.join(map(str, row))}"
            ) from None


def item_of(row: Mapping[str, Any], place: str) -> Item:
    """An item as a row states it. Raises InputError for a row of another shape."""
    if extra := sorted(set(row) - set(_KEYS)):
        raise InputError(f"an item has an unknown key {extra[0]!r}", place=place, hint=f"it may have {sorted(_KEYS)}")
    if not {"id", "input"} <= set(row) or not isinstance(row["input"], dict):
        raise InputError("an item needs an id and an input, which is an object", place=place)
    expected, answerable = row.get("expected"), row.get("answerable", True)
    if not isinstance(expected, dict | None):
        raise InputError(
            f"'expected' is {expected!r}", place=place, hint="give an object of output to what is right for it"
        )
    if not isinstance(answerable, bool):
        raise InputError(f"'answerable' is {answerable!r}", place=place, hint="write true or false")
    kind, group = str(row.get("kind", "unseen")), str(row.get("group", ""))
    return Item(str(row["id"]), row["input"], expected or {}, kind, answerable, group)


def check_items(items: Iterable[tuple[Item, str]], spec: Spec) -> None:
    """Refuse items, each given with its place, that no program could answer rightly: what they expect is no output of the spec, not
    of its type, or nothing. Raises InputError."""
    checks = {one.name: validator((one,)) for one in spec.outputs}
    for item, place in items:
        for name, value in item.expected.items():
            if name not in checks:
                raise InputError(
                    f"item {item.id!r} expects {name!r}, which the spec does not give",
                    place=place,
                    hint=f"its outputs are {', '.join(checks)}",
                )
            try:
                checks[name].validate_python({name: value})
            except ValidationError as error:
                raise InputError(
                    f"item {item.id!r} expects {name!r} to be {value!r}: {error.errors()[0]['msg']}",
                    place=place,
                    hint="mend the label, or the output's type in the spec",
                ) from None
        if item.answerable and not item.expected:
            raise InputError(
                f"item {item.id!r} expects nothing", place=place, hint="say what is right, or answerable: false"
            )


def check_inputs(items: Iterable[tuple[Item, str]], spec: Spec) -> None:
    """Refuse items that are to be cases, each given with its place, whose input is no input of the spec. Raises InputError."""
    read = input_reader(spec.inputs)
    for item, place in items:
        try:
            read(item.input)
        except InputError as error:
            told = f"{error.place}: {error.message}" if error.place else error.message
            hint = "mend the row, or the input's type in the spec"
            raise InputError(f"item {item.id!r} is to be a case: {told}", place=place, hint=hint) from None


def _value(field: Field, value: Any) -> Any:
    """A cell of a CSV file as the field's value; JSON values are values already."""
    return cell_value(field, value) if isinstance(value, str) else value
