"""DMN models as tasks: their decision tables are written as programs without a language model.

A folder holds ``cases.jsonl`` as for `ingot.evals.dmn_tck`. A task is what the cases of a model ask of it: the decisions that
they expect, its cases all scored, none of them a case of the spec, since nothing is learnt from them. Models and cases that
this version cannot express are left out here and counted in the suite's origin; `ingot bench dmn` names them.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from ingot.errors import SpecError
from ingot.evals.dmn_tck import decided, named_input, read_models, same_value
from ingot.evals.suite import Item, Score, Scores, Task
from ingot.fields import validator
from ingot.spec import Spec
from ingot.tables.compiled import check_tables
from ingot.tables.dmn import read
from ingot.tables.dmn_spec import Lowered, lower


def dmn_tasks(folder: Path) -> tuple[list[Task], str]:
    """The tasks of a folder, and a sentence that counts what is left out. Raises InputError."""
    models = read_models(folder)
    tasks = [task for row, text in models for task in _tasks(row, text)]
    cases = sum(len(row["cases"]) for row, _ in models)
    scored = sum(len(task.items) for task in tasks)
    return tasks, f"DMN: {len(models)} models, {scored} of {cases} cases scored; this version cannot express the others"


def _tasks(row: Mapping[str, Any], text: str) -> list[Task]:
    groups: dict[tuple[str, ...], list[Mapping[str, Any]]] = {}
    for case in row["cases"]:
        groups.setdefault(tuple(sorted(case["expected"])), []).append(case)
    tasks = []
    for number, (wanted, cases) in enumerate(groups.items(), start=1):
        name = str(row["model"]) if len(groups) == 1 else f"{row['model']}-{number}"
        task = _task(name, text, wanted, cases)
        if task is not None:
            tasks.append(task)
    return tasks


def _task(name: str, text: str, wanted: tuple[str, ...], cases: list[Mapping[str, Any]]) -> Task | None:
    """The task of some decisions, None where the model or all of the cases cannot be expressed."""
    try:
        lowered = lower(read(text, name), wanted)
        spec = lowered.spec()
        check_tables(spec)
    except SpecError:
        return None
    found = [_item(case, lowered, spec) for case in cases]
    items = tuple(item for item in found if item is not None)
    return Task(name, lowered.text, items, _score(lowered), wanted) if items else None


def _item(case: Mapping[str, Any], lowered: Lowered, spec: Spec) -> Item | None:
    """The case as an item; None where it gives a decision, or an input that no field can hold."""
    if any(name in lowered.outputs for name in case["input"]):
        return None
    given = {lowered.inputs[k]: named_input(v, lowered) for k, v in case["input"].items() if k in lowered.inputs}
    nulls = {field.name: None for field in spec.inputs if field.name not in given}
    try:
        validator(spec.inputs).validate_python(given)
    except ValidationError:
        return None
    return Item(str(case["id"]), {**nulls, **given}, dict(case["expected"]))


def _score(lowered: Lowered) -> Score:
    """Each decision by the kit's own comparison, with the model's names."""

    def scored(item: Item, output: Mapping[str, Any]) -> Scores:
        found: dict[str, float | None] = {}
        for name, wanted in item.expected.items():
            where = lowered.outputs[name]
            fields = (where,) if isinstance(where, str) else tuple(where.values())
            is_there = all(one in output for one in fields)
            found[name] = float(same_value(wanted, decided(output, name, lowered))) if is_there else None
        return found

    return scored
