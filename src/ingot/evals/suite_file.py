"""A suite of one's own: one small file, and rows beside it or a loader in Python.

    suite: postcodes
    title: Postcodes out of addresses
    spec: spec.yaml                 # its own cases are what may be learnt from
    rows: addresses.csv             # labelled; some become cases, the rest is scored
    id: number
    input: {text: address}
    expected: {code: postcode}
    split: {given: 10, held_out: 20, seed: 1}

or ``items: unseen.jsonl`` (objects with id, input, expected) in place of ``rows``; ``tasks:`` for a list of such parts; or
``loader: my_module:load`` for anything else, a function that takes this file's path and gives a `Suite`.
"""

from __future__ import annotations

import csv
import importlib
import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator
from pydantic import Field as Setting

from ingot.edges.sources import cell_value
from ingot.errors import InputError, SpecError
from ingot.evals.scoring import Null, by_spec
from ingot.evals.suite import Item, Protocol, Reference, Suite, Task, check_apart, split
from ingot.fields import Field, to_plain
from ingot.spec import Spec, load_spec, parse_spec, self_contained_text
from ingot.tables.csv_text import refuse_other_delimiter
from ingot.yaml_text import Place, read_yaml


class _Read(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Split(_Read):
    """How many rows become given and held-out cases, drawn with `seed`; the rest is scored."""

    given: int = Setting(0, ge=0)
    held_out: int = Setting(0, ge=0)
    seed: int = 0


class Part(_Read):
    """One task. Exactly one of `items` and `rows` names a file beside the suite's (``.jsonl`` or ``.csv``).

    `id`, `input` and `expected` say which column of a row is what; left out, columns have the fields' names. `nulls` says
    what a null answer is. `program` is a ``logic.py`` for the solver ``human``.
    """

    id: str = "id"
    task: str = ""
    spec: str
    items: str | None = None
    rows: str | None = None
    input: dict[str, str] | None = None
    expected: dict[str, str] | None = None
    split: Split = Split()
    nulls: Null = "answer"
    program: str | None = None

    @model_validator(mode="after")
    def _one_source(self) -> Part:
        if (self.items is None) == (self.rows is None):
            raise ValueError("give either items (all are scored) or rows (some become cases)")
        if self.items is not None and self.split != Split():
            raise ValueError("items are all scored and are not split; name them as rows")
        return self


class _Reference(_Read):
    system: str
    measure: str
    value: float
    unit: str = "share"
    source: str


class SuiteFile(_Read):
    """The file, read."""

    suite: str = Setting(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=80)
    title: str = ""
    protocol: Protocol = "unseen"
    origin: str = ""
    loader: str | None = Setting(None, pattern=r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$")
    tasks: tuple[Part, ...] = ()
    references: tuple[_Reference, ...] = ()


def load_suite(path: Path) -> Suite:
    """The suite that a file describes. Raises SpecError and InputError with file:line."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot read the suite: {error}", place=str(path)) from None
    tree, place = read_yaml(text, str(path))
    if not isinstance(tree, Mapping):
        raise SpecError("a suite is a mapping", place=f"{path}:1:1", hint="start with 'suite: name'")
    try:
        read = SuiteFile.model_validate(_spelled(to_plain(dict(tree))))
    except ValidationError as error:
        raise _error(error, place) from None
    if read.loader is not None:
        return check_apart(_loaded(read.loader, path, place))
    if not read.tasks:
        raise SpecError("the suite has nothing to score", place=f"{path}:1:1", hint="name a spec with items or rows")
    tasks = tuple(_task(part, path, f"{read.suite}-{number}") for number, part in enumerate(read.tasks, start=1))
    references = tuple(Reference(**one.model_dump()) for one in read.references)
    scorer = "each expected field by its spec's scorer"
    return check_apart(
        Suite(read.suite, read.title or read.suite, read.protocol, tasks, scorer, read.origin, references)
    )


def _spelled(tree: dict[str, Any]) -> dict[str, Any]:
    """A suite of one task may have the task's keys beside its own."""
    own = {name: tree.pop(name) for name in list(tree) if name in Part.model_fields}
    if own and "tasks" not in tree:
        return {**tree, "tasks": [{"task": tree.get("suite", ""), **own}]}
    return {**tree, **own}


def _task(part: Part, suite: Path, name: str) -> Task:
    base = suite.parent
    spec_path = base / part.spec
    spec = load_spec(spec_path)
    items: Sequence[Item]
    if part.items is not None:
        text = _with_cases(spec_path, spec, spec.given, spec.held_out)
        items = [_item(row, place) for row, place in read_rows(base / part.items)]
    else:
        found = read_rows(base / (part.rows or ""), _columns(part, spec))
        rows = [_row(row, part, spec, place) for row, place in found]
        given, held_out, rest = split(rows, part.split.given, part.split.held_out, seed=part.split.seed)
        text = _with_cases(spec_path, spec, [*spec.given, *given], [*spec.held_out, *held_out])
        items = rest
    whole = parse_spec(text, str(spec_path))
    _check_columns(part, whole, str(suite))
    _check_fields(items, whole, str(suite))
    program = (base / part.program).read_text(encoding="utf-8") if part.program else ""
    fields = tuple(field.name for field in whole.outputs if any(field.name in item.expected for item in items))
    return Task(part.task or name, text, tuple(items), by_spec(whole, part.nulls), fields, program)


def _with_cases(path: Path, spec: Spec, given: Sequence[Any], held_out: Sequence[Any]) -> str:
    """The spec's text with these cases in it."""
    tree, _ = read_yaml(self_contained_text(path), str(path))
    rows = [_case(one, held=False) for one in given] + [_case(one, held=True) for one in held_out]
    told = to_plain({name: value for name, value in tree.items() if name != "cases"})
    return json.dumps({**told, "cases": rows} if rows else told, ensure_ascii=False, indent=1)


def _case(one: Any, *, held: bool) -> dict[str, Any]:
    if isinstance(one, Item):
        told: dict[str, Any] = {"id": one.id, "input": dict(one.input), "expected": dict(one.expected)}
        return {**told, "held_out": True} if held else told
    found: dict[str, Any] = one.to_json()
    return found


def read_rows(path: Path, columns: Iterable[str] = ()) -> list[tuple[dict[str, Any], str]]:
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


def _csv_rows(path: Path, text: str, columns: Iterable[str]) -> Iterator[tuple[dict[str, Any], str]]:
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


def _columns(part: Part, spec: Spec) -> list[str]:
    """The columns of a row that a part reads."""
    inputs = part.input or {field.name: field.name for field in spec.inputs}
    outputs = part.expected or {field.name: field.name for field in spec.outputs}
    return [part.id, *inputs.values(), *outputs.values()]


def _item(row: Mapping[str, Any], place: str) -> Item:
    known = {"id", "input", "expected", "kind", "answerable"}
    if extra := sorted(set(row) - known):
        raise InputError(f"an item has an unknown key {extra[0]!r}", place=place, hint=f"it may have {sorted(known)}")
    if not {"id", "input"} <= set(row) or not isinstance(row["input"], dict):
        raise InputError("an item needs an id and an input, which is an object", place=place)
    return Item(
        str(row["id"]),
        row["input"],
        row.get("expected") or {},
        str(row.get("kind", "unseen")),
        row.get("answerable", True),
    )


def _row(row: Mapping[str, Any], part: Part, spec: Spec, place: str) -> Item:
    """A labelled row as an item, by its columns."""
    inputs = part.input or {field.name: field.name for field in spec.inputs}
    outputs = part.expected or {field.name: field.name for field in spec.outputs}
    try:
        named = {field.name: _value(field, row[inputs[field.name]]) for field in spec.inputs if field.name in inputs}
        expected = {
            field.name: _value(field, row[outputs[field.name]]) for field in spec.outputs if field.name in outputs
        }
        return Item(str(row[part.id]), named, expected)
    except KeyError as error:
        raise InputError(
            f"the row has no column {error.args[0]!r}", place=place, hint=f"it has {', '.join(map(str, row))}"
        ) from None


def _value(field: Field, value: Any) -> Any:
    """A cell of a CSV file as the field's value; JSON values are values already."""
    return cell_value(field, value) if isinstance(value, str) else value


def _check_columns(part: Part, spec: Spec, place: str) -> None:
    for said, fields in ((part.input, spec.inputs), (part.expected, spec.outputs)):
        names = [field.name for field in fields]
        if unknown := sorted(set(said or {}) - set(names)):
            raise InputError(f"the spec has no {unknown[0]!r}", place=place, hint=f"it has {', '.join(names)}")


def _check_fields(items: Sequence[Item], spec: Spec, place: str) -> None:
    names = {field.name for field in spec.outputs}
    for item in items:
        if unknown := sorted(set(item.expected) - names):
            raise InputError(
                f"item {item.id!r} expects {unknown[0]!r}, which the spec does not give",
                place=place,
                hint=f"its outputs are {', '.join(sorted(names))}",
            )
        if item.answerable and not item.expected:
            raise InputError(
                f"item {item.id!r} expects nothing", place=place, hint="say what is right, or answerable: false"
            )


def _loaded(loader: str, path: Path, place: Place) -> Suite:
    module, _, name = loader.partition(":")
    sys.path.insert(0, str(path.parent.resolve()))
    try:
        function = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise SpecError(
            f"no loader {loader!r}: {error}", place=place.of(("loader",)), hint="name it module:function"
        ) from None
    finally:
        sys.path.pop(0)
    suite = function(path)
    if not isinstance(suite, Suite):
        raise SpecError(f"the loader gave a {type(suite).__name__}, not a Suite", place=place.of(("loader",)))
    return suite


def _error(error: ValidationError, place: Place) -> SpecError:
    first = error.errors()[0]
    where = tuple(part for part in first["loc"] if part != "tasks" or "tasks" in first["loc"])
    name = ".".join(map(str, where)) or "the suite"
    message = f"unknown key {where[-1]!r}" if first["type"] == "extra_forbidden" else f"{name}: {first['msg']}"
    return SpecError(message, place=place.of(where), hint="see the documentation on suites for the keys")
