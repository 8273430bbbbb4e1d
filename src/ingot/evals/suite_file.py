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

import importlib
import json
import sys
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator
from pydantic import Field as Setting

from ingot.errors import IngotError, InputError, SpecError
from ingot.evals.scoring import Null, by_spec
from ingot.evals.suite import Item, Protocol, Reference, Suite, Task, check_apart, split
from ingot.evals.suite_rows import Columns, check_inputs, check_items, item_of, read_rows
from ingot.fields import to_plain
from ingot.spec import Spec, load_spec, parse_spec, self_contained_text
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
        raise _error(error, place, short="tasks" not in tree) from None
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
    if part.items is not None:
        items = [(item_of(row, place), place) for row, place in read_rows(base / part.items)]
        check_items(items, spec)
        text = _with_cases(spec_path, spec, spec.given, spec.held_out)
    else:
        _check_columns(part, spec, str(suite))
        columns = Columns.of(spec, part.id, part.input, part.expected)
        read = read_rows(base / (part.rows or ""), columns.read)
        rows = [(columns.item(row, spec, place), place) for row, place in read]
        check_items(rows, spec)
        given, held_out, items = split(rows, part.split.given, part.split.held_out, seed=part.split.seed)
        check_inputs([*given, *held_out], spec)
        cases = [[item for item, _ in some] for some in (given, held_out)]
        text = _with_cases(spec_path, spec, [*spec.given, *cases[0]], [*spec.held_out, *cases[1]])
    if not items:
        raise InputError("there is no item to score", place=str(base / (part.items or part.rows or "")))
    whole, scored = parse_spec(text, str(spec_path)), tuple(item for item, _ in items)
    fields = tuple(field.name for field in whole.outputs if any(field.name in item.expected for item in scored))
    return Task(part.task or name, text, scored, by_spec(whole, part.nulls), fields, _program(part, base))


def _program(part: Part, base: Path) -> str:
    """The program that a person wrote, "" where there is none."""
    if part.program is None:
        return ""
    path = base / part.program
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot read the program: {error}", place=str(path)) from None


def _check_columns(part: Part, spec: Spec, place: str) -> None:
    for said, fields in ((part.input, spec.inputs), (part.expected, spec.outputs)):
        names = [field.name for field in fields]
        if unknown := sorted(set(said or {}) - set(names)):
            raise InputError(f"the spec has no {unknown[0]!r}", place=place, hint=f"it has {', '.join(names)}")


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


def _loaded(loader: str, path: Path, place: Place) -> Suite:
    """What the loader gives. What breaks in it is told with its own place: it is the user's code."""
    module, _, name = loader.partition(":")
    here = place.of(("loader",))
    sys.path.insert(0, str(path.parent.resolve()))
    try:
        function = getattr(importlib.import_module(module), name, None)
        suite = function(path) if callable(function) else None
    except IngotError:
        raise
    except Exception as error:
        if isinstance(error, ModuleNotFoundError) and error.name == module:
            raise SpecError(f"no loader {loader!r}: {error}", place=here, hint="name it module:function") from None
        raise SpecError(
            f"the loader {loader!r} failed: {type(error).__name__}: {error}{_where(error)}",
            place=here,
            hint="it is called with the path of this file and gives a Suite",
        ) from error
    finally:
        sys.path.pop(0)
    if not callable(function):
        raise SpecError(
            f"no loader {loader!r}: {module!r} has no function {name!r}", place=here, hint="name it module:function"
        )
    if not isinstance(suite, Suite):
        raise SpecError(f"the loader gave a {type(suite).__name__}, not a Suite", place=here)
    if not suite.items:
        raise SpecError("the loader's suite has no item to score", place=here)
    return suite


def _where(error: Exception) -> str:
    """The innermost line of code from outside this module at which it was raised, "" where there is none."""
    if isinstance(error, SyntaxError):  # says so itself
        return ""
    frames = [one for one in traceback.extract_tb(error.__traceback__) if one.filename != __file__]
    own = [one for one in frames if not one.filename.startswith("<")]
    return f" ({own[-1].filename}:{own[-1].lineno})" if own else ""


def _error(error: ValidationError, place: Place, *, short: bool) -> SpecError:
    """The first thing that is wrong, unknown keys before others: they are mostly why something else is missing. In the `short`
    form the task's keys stand beside the suite's."""
    told = sorted(error.errors(), key=lambda one: one["type"] != "extra_forbidden")[0]
    where = told["loc"][2:] if short and told["loc"][:2] == ("tasks", 0) else told["loc"]
    name, said = ".".join(map(str, where)), told["msg"].removeprefix("Value error, ")
    message = f"unknown key {where[-1]!r}" if told["type"] == "extra_forbidden" else f"{name}: {said}" if name else said
    return SpecError(message, place=place.of(where), hint="see the documentation on suites for the keys")
