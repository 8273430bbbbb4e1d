"""Text and data transformed by example: a few rows to compile from, the rest to score.

    FILE.jsonl   a row a line: {"task": "dates", "id": "1", "input": "3 May 2024", "output": "2024-05-03"}
                 input and output are a value or an object of named values; task and id may be left out
    FILE.json    one task with words of its own, see `transforms_described`

A folder holds any number of both. The spec is made of the rows that are its cases alone: names, types and values. A scored row that
does not fit these is refused as an input; what it expects beyond them nobody can give. What becomes of a task's rows is `shared`.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from ingot.errors import InputError
from ingot.evals.suite import Item, Scores, Suite, Task, split
from ingot.evals.suite_rows import read_rows
from ingot.evals.suites.rules_prose import spec_text
from ingot.evals.suites.transforms_types import shape_of
from ingot.names import broken_spelling, hidden_by

GIVEN, HELD_OUT, SEED = 5, 3, 1
FEW = 4
"""Up to so many rows, each is scored once by a program that is made of the others."""

SCORER = "each output exactly, numbers by their value"
_NAME = re.compile(r"[^A-Za-z0-9_]+")


@dataclass(frozen=True, slots=True)
class Described:
    """A task's rows, and what is said of it in words: its intent and its outputs' meanings."""

    name: str
    rows: tuple[Item, ...]
    title: str = ""
    intent: str = ""
    meanings: Mapping[str, str] | None = None


def transforms_suite(path: Path, *, given: int = GIVEN, held_out: int = HELD_OUT, seed: int = SEED) -> Suite:
    """The suite of a file or folder. Raises InputError with the place of what cannot be read."""
    from ingot.evals.suites.transforms_described import described_file

    if given < 1:
        raise InputError(f"{given} given examples: a program by example needs one", hint="give --given 5")
    files = sorted([*path.glob("*.json"), *path.glob("*.jsonl")]) if path.is_dir() else [path]
    found: list[Described] = []
    for file in files:
        found += _grouped(file) if file.suffix == ".jsonl" else [described_file(file)]
    if not found:
        raise InputError("no *.json or *.jsonl with examples", place=str(path))
    tasks = [task for one in found for task in tasks_of(one, given, held_out, seed)]
    origin = f"{len(found)} tasks by example, {len(tasks)} programs to make"
    return Suite("transforms", "Transformations by example", "unseen", tuple(tasks), SCORER, origin)


def shared(rows: Sequence[Item], given: int, held_out: int, seed: int) -> Iterator[tuple[str, Any, Any, Any]]:
    """How rows are shared out: a suffix of the task's name, rows to show, rows to hold out, rows to score.

    With more rows than `given` and `held_out` together these are drawn. With fewer, half are shown and one is held out. Up
    to `FEW` rows there is a program for each: it is made of the others, none of which is held out, and scored on the one.
    """
    if len(rows) <= FEW:
        for number, row in enumerate(rows, start=1):
            yield f"-{number}", [one for one in rows if one is not row], [], [row]
    elif len(rows) <= given + held_out:
        yield "", *split(rows, (len(rows) + 1) // 2, 1, seed=seed)
    else:
        yield "", *split(rows, given, held_out, seed=seed)


def tasks_of(one: Described, given: int, held_out: int, seed: int) -> list[Task]:
    """The tasks of what is described. Raises InputError where a row alone makes a task, or rows do not go together."""
    if len(one.rows) < 2:
        raise InputError(f"the task {one.name!r} has one row; nothing would be left to score", hint="give two or more")
    tasks = []
    for suffix, shown, held, scored in shared(one.rows, given, held_out, seed):
        parts = _parts(one, [*shown, *held])
        fields = tuple(dict.fromkeys([*parts["outputs"], *(name for item in scored for name in item.expected)]))
        # with a handful of examples, branches for what they do not show are no fault; all of a task is one function
        limits = {"branch_coverage": 0.5 if held else 0.0, "function_lines": 80, "complexity": 20}
        made = {**parts, "thresholds": limits}
        tasks.append(Task(f"{one.name}{suffix}", spec_text(made, shown, held), tuple(scored), same, fields))
    return tasks


def same(item: Item, output: Mapping[str, Any]) -> Scores:
    """Each expected field: 1 where it is the same value, 0 where not; None where it is missing or null but should not be."""
    return {
        name: None
        if name not in output or (output[name] is None and wanted is not None)
        else float(_same(output[name], wanted))
        for name, wanted in item.expected.items()
    }


def _same(found: Any, wanted: Any) -> bool:
    if isinstance(found, Mapping) and isinstance(wanted, Mapping):
        return found.keys() == wanted.keys() and all(_same(found[key], wanted[key]) for key in wanted)
    if isinstance(found, list | tuple) and isinstance(wanted, list | tuple):
        return len(found) == len(wanted) and all(_same(a, b) for a, b in zip(found, wanted, strict=True))
    if isinstance(found, bool) or isinstance(wanted, bool):
        return found is wanted
    if isinstance(wanted, int | float):  # an output of a decimal field may come as its text
        return _is_number(found) and Decimal(str(found)) == Decimal(str(wanted))
    return bool(found == wanted)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | Decimal) or (
        isinstance(value, str) and re.fullmatch(r"-?\d+(\.\d+)?", value) is not None
    )


# ---- specs -------------------------------------------------------------------------------------------------------


def _parts(one: Described, cases: Sequence[Item]) -> dict[str, Any]:
    inputs = shape_of([row.input for row in cases], one.name)
    outputs = shape_of([row.expected for row in cases], one.name)
    for name, meaning in (one.meanings or {}).items():
        if name in outputs:
            outputs[name] = {**outputs[name], "description": meaning}
    step = {
        "step": identifier(one.name, {*inputs, *outputs}), "type": "function", "inputs": list(inputs), "outputs": outputs, "on_null": "handle",
        "intent": one.intent or "What the given cases show: find the rule that makes each output of its inputs, and apply it "
        "to any input of the kind.",
    }  # fmt: skip
    return {
        "metadata": {"name": one.name, "title": one.title or one.name},
        "inputs": inputs,
        "logic_requirements": [step],
        "outputs": outputs,
    }


def identifier(name: str, taken: Collection[str] = ()) -> str:
    """A name that the function of a task may have, none of `taken`."""
    made = _NAME.sub("_", name).strip("_").lower() or "answer"
    fits = not (broken_spelling(made) or hidden_by(made) or made in taken)
    return made if fits else f"make_{made}"[:60]


# ---- rows --------------------------------------------------------------------------------------------------------


def _grouped(path: Path) -> list[Described]:
    """The tasks of a JSON Lines file, in the order in which they first appear."""
    groups: dict[str, list[Item]] = {}
    bare: dict[str, bool] = {}
    for number, (row, place) in enumerate(read_rows(path), start=1):
        if missing := [name for name in ("input", "output") if name not in row]:
            raise InputError(f"a row has no {missing[0]!r}", place=place, hint="a row has input and output")
        name = str(row.get("task", path.stem))
        answers = not isinstance(row["output"], Mapping)
        if bare.setdefault(name, answers) is not answers:
            raise InputError(
                f"outputs of the task {name!r} are objects and values", place=place, hint="make them alike"
            )
        groups.setdefault(name, []).append(item_of(str(row.get("id", number)), row["input"], row["output"]))
    return [Described(name, tuple(rows)) for name, rows in groups.items()]


def item_of(name: str, given: Any, wanted: Any) -> Item:
    """An example as an item: a bare value is called ``text`` or ``value`` on the way in and ``answer`` on the way out."""
    if not isinstance(given, Mapping):
        given = {"text" if isinstance(given, str) else "value": given}
    return Item(name, dict(given), dict(wanted) if isinstance(wanted, Mapping) else {"answer": wanted})
