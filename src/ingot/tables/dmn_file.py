"""A DMN file as a spec of its own, or as the table of one step of a spec.

`spec_text` gives the text of a spec for all decisions of a model, `table_of` the settings of one decision's table, its
columns under the names of fields. What is not supported is one SpecError with the line of the decision or row.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ingot.errors import SpecError
from ingot.tables.dmn import Model, read
from ingot.tables.dmn_spec import Lowered, lower
from ingot.yaml_text import closest


def lowered(text: str, name: str) -> Lowered:
    """The spec of all decisions of a model. Raises SpecError."""
    model = read(text, name)
    if not model.decisions:
        raise SpecError("the model has no decision", place=f"{name}:1:1", hint="add a <decision> with a table")
    return lower(model, [one.name for one in model.decisions])


def spec_text(text: str, name: str) -> str:
    """The text of the spec of all decisions of a model. Raises SpecError."""
    return lowered(text, name).text


def place_in(text: str, name: str, where: tuple[Any, ...]) -> str:
    """The line of a DMN file that a path of its spec comes from: a row, or else a decision."""
    match where:
        case ("logic_requirements", int(step), "table", "rows", int(row), *_):
            return f"{name}:{lowered(text, name).lines[step][1][row]}:1"
        case ("logic_requirements", int(step), *_):
            return f"{name}:{lowered(text, name).lines[step][0]}:1"
    return f"{name}:1:1"


def table_of(settings: Mapping[str, Any], name: str, text: str) -> dict[str, Any]:
    """The settings of a table that names a DMN file, with the rows of its ``decision`` (the only one by default).

    The fields of the spec bear the names of the model, what is no letter or digit as ``_``. Raises SpecError.
    """
    for key in ("rows", "inputs", "outputs", "hit_policy", "aggregate", "default"):
        if key in settings:
            raise SpecError(f"a table from a DMN file has its own {key!r}", hint=f"delete {key!r}")
    model = read(text, name)
    decision = str(settings.get("decision") or _only(model, name))
    if model.decision(decision) is None:
        raise SpecError(
            f"the model has no decision {decision!r}", place=f"{name}:1:1",
            hint=closest(decision, [one.name for one in model.decisions]),
        )  # fmt: skip
    made = lower(model, [decision])
    own = [step for step in made.steps if step["step"] not in _required(model, decision)]
    if len(own) != 1:
        raise SpecError(
            f"the decision {decision!r} is more than one table: {', '.join(step['step'] for step in own)}",
            place=f"{name}:{made.lines[-1][0]}:1", hint=f"take the whole model: ingot init NAME --from {name}",
        )  # fmt: skip
    table: dict[str, Any] = made.steps[-1]["table"]
    return {key: value for key, value in settings.items() if key not in ("dmn", "decision")} | table


def _required(model: Model, decision: str) -> set[str]:
    """The steps of what a decision requires, whose outputs are fields of the spec."""
    one = model.decision(decision)
    needed = [name for name in (one.requires if one else ()) if model.decision(name) is not None]
    return {str(step["step"]) for step in lower(model, needed).steps} if needed else set()


def _only(model: Model, name: str) -> str:
    names = [one.name for one in model.decisions]
    if len(names) != 1:
        raise SpecError(
            f"the model has {len(names)} decisions: {', '.join(names)}",
            place=f"{name}:1:1",
            hint="add 'decision: NAME'",
        )
    return names[0]
