"""The decisions that a step spells out: the rows of IF … THEN … ELSE logic or of a decision table, as conditions."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ingot import expressions
from ingot.fields import Field
from ingot.questions.evaluate import evaluate
from ingot.spec import Spec, Step

ANY_CELL = frozenset({"", "-", "*", "any"})
_RANGE = re.compile(r"^([\[\](])\s*(.+?)\s*\.\.\s*(.+?)\s*([\[\])])$|^(.+?)\s*\.\.\s*(.+?)$")


@dataclass(frozen=True, slots=True)
class Row:
    """One branch or table row. `condition` is typed Python, None where it always holds. `outcomes` are the texts
    of what it sets, in the order of `Decisions.outputs`. `group` counts the IFs that begin a new chain.
    """

    number: int
    label: str
    condition: str | None
    outcomes: tuple[str, ...]
    clause: str | None
    group: int = 0


@dataclass(frozen=True, slots=True)
class Decisions:
    """All rows of a step. `first` is True where the order of the rows decides between two that hold; `unread` is
    the first condition that could not be read, or None.
    """

    step: Step
    outputs: tuple[str, ...]
    rows: tuple[Row, ...]
    first: bool
    is_table: bool
    unread: str | None = None

    def holding(self, values: Mapping[str, Any]) -> tuple[Row, ...]:
        """The rows whose own turn it is for these values: within a chain only the first. Raises Undecided."""
        found: dict[int, Row] = {}
        for row in self.rows:
            group = row.number if self.is_table else row.group
            if group not in found and (row.condition is None or evaluate(row.condition, values)):
                found[group] = row
        return tuple(found.values())


def decisions_of(step: Step, spec: Spec) -> Decisions | None:
    """What a step's table or logic decides, or None where it is in prose."""
    if step.table is not None:
        return _table(step, spec)
    branches = expressions.branches(step.logic)
    if not branches or len(step.outputs) != 1:
        return None
    known = spec.known_fields()
    clauses = _clauses(spec, step)
    rows: list[Row] = []
    group = -1
    for number, branch in enumerate(branches, start=1):
        group += number == 1 or branch.text.startswith("IF")
        condition = branch.condition and expressions.typed(branch.condition, known)
        clause = clauses.get(branch.text)
        rows.append(Row(number, branch.text, condition, (branch.outcome,), clause, group))
    return Decisions(step, (step.outputs[0].name,), tuple(rows), first=True, is_table=False)


def _clauses(spec: Spec, step: Step) -> dict[str, str]:
    """The clauses that a step cites, by their text; the first where two say the same."""
    cited = set(step.clauses)
    return {one.text.strip(): one.id for one in reversed(spec.clauses) if one.id in cited}


def _table(step: Step, spec: Spec) -> Decisions | None:
    table = step.table
    assert table is not None
    known = spec.known_fields()
    for column in (*table.inputs, *table.outputs):
        if column not in known:  # a part of an object: conditions are over whole fields
            return None
    width = len(table.inputs)
    clauses = _clauses(spec, step)
    rows: list[Row] = []
    unread = None
    for number, row in enumerate(table.rows, start=1):
        try:
            cells = [_cell(known[name], cell) for name, cell in zip(table.inputs, row[:width], strict=True)]
        except expressions.ExpressionError as error:
            unread = unread or f"row {number}: {error}"
            continue
        condition = " and ".join(f"({cell})" for cell in cells if cell)
        clause = clauses.get(" | ".join(row))
        outcomes = tuple(cell.strip().strip("'\"") for cell in row[width:])
        rows.append(Row(number, f"row {number}", condition or None, outcomes, clause))
    first = table.hit_policy in ("first", "priority")
    return Decisions(step, table.outputs, tuple(rows), first, is_table=True, unread=unread)


def _cell(field: Field, text: str) -> str | None:
    """A table cell as a typed condition on its column's field: FEEL's unary tests, without functions."""
    text = text.strip()
    if text.lower() in ANY_CELL:
        return None
    if match := re.fullmatch(r"not\s*\((.*)\)", text, re.IGNORECASE):
        inner = _cell(field, match[1])
        return f"not ({inner})" if inner else "False"
    parts = re.findall(r"\"[^\"]*\"|'[^']*'|[\[\](][^\[\]()]*\.\.[^\[\]()]*[\[\])]|[^,]+", text)
    tests = [_test(field, part.strip()) for part in parts if part.strip()]
    return expressions.typed(expressions.to_python(" or ".join(tests)), {field.name: field})


def _test(field: Field, text: str) -> str:
    if match := _RANGE.match(text):
        opening, low, high, closing, bare_low, bare_high = match.groups()
        left = "<" if opening in ("(", "]") else "<="
        right = "<" if closing in (")", "[") else "<="
        return f"{_literal(field, low or bare_low)} {left} {field.name} {right} {_literal(field, high or bare_high)}"
    if match := re.match(r"^(>=|<=|!=|<>|=|>|<)\s*(.+)$", text):
        return f"{field.name} {match[1]} {_literal(field, match[2])}"
    if text.lower() in ("null", "none"):
        return f"{field.name} is None"
    return f"{field.name} = {_literal(field, text)}"


def _literal(field: Field, text: str) -> str:
    """A literal of the field's type as an expression writes it. Raises ExpressionError."""
    bare = re.sub(r"^date\((.*)\)$", r"\1", text.strip()).strip("'\" ")
    if field.type in ("integer", "decimal", "float"):
        number = bare.replace(",", "").lstrip("$€£")
        if not re.fullmatch(r"-?\d+(\.\d+)?", number):
            raise expressions.ExpressionError(f"{text!r} is not a number, and {field.name!r} is {field.type}")
        return number
    if field.type == "boolean":
        if bare.lower() not in ("true", "false"):
            raise expressions.ExpressionError(f"{text!r} is not true or false, and {field.name!r} is boolean")
        return bare.capitalize()
    if field.type == "enum" and bare not in field.values:
        raise expressions.ExpressionError(f"{text!r} is not a value of {field.name!r}")
    return repr(bare)
