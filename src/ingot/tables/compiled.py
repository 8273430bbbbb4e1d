"""The table steps of a spec, checked and written as one candidate."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from typing import Any

from ingot.errors import SpecError
from ingot.fields import Field
from ingot.program import Program, Signature
from ingot.spec import Spec, Step
from ingot.tables.cells import Literal
from ingot.tables.coverage import Coverage, cover, show_witness
from ingot.tables.source import write_function
from ingot.tables.table import DecisionTable, TableError, read_table

Locate = Callable[[tuple[Any, ...]], str]


def check_tables(spec: Spec, locate: Locate | None = None) -> None:
    """Refuse a spec whose table steps cannot be read or contradict themselves.

    `locate` says where a path of the spec is written (``file:line:column``). Raises SpecError: a cell that does not
    parse or fit its column, rows of a unique table that overlap, rows of an ``any`` table that overlap and differ,
    rows that no input reaches.
    """
    known: dict[str, Field] = {field.name: field for field in spec.inputs}
    for number, step in enumerate(spec.logic_requirements):
        if step.is_table:
            place = _Place(("logic_requirements", number, "table"), locate)
            try:
                table = read_table(step, known)
            except TableError as error:
                raise place.error(step, str(error), error.row, error.column, error.hint) from None
            _check_coverage(table, cover(table), place)
        known |= {field.name: field for field in step.outputs}


def write_tables(spec: Spec, signed: Sequence[Signature]) -> str:
    """The functions of all table steps, in the order of the spec."""
    return "\n\n".join(table_functions(spec, signed).values())


def table_functions(spec: Spec, signed: Sequence[Signature]) -> dict[str, str]:
    """The function of each table step by name, with a line break at its end, in the order of the spec."""
    by_name = {signature.name: signature for signature in signed}
    known: dict[str, Field] = {field.name: field for field in spec.inputs}
    found: dict[str, str] = {}
    for step in spec.logic_requirements:
        if step.is_table:
            found[step.step] = write_function(read_table(step, known), by_name[step.step]).source
        known |= {field.name: field for field in step.outputs}
    return found


def from_tables(program: Program) -> frozenset[str]:
    """The functions of a program that are, byte for byte, what the tables of its spec are written as.

    Their rows are the rule itself, so limits that keep a function readable or its cases honest do not apply to them.
    A function of a table step that somebody else wrote is not among them.
    """
    if not any(step.is_table for step in program.spec.functions):
        return frozenset()
    try:
        written = table_functions(program.spec, program.signatures)
        lines = program.logic.splitlines(keepends=True)
        nodes = [node for node in ast.parse(program.logic).body if isinstance(node, ast.FunctionDef)]
    except (TableError, SyntaxError, ValueError, RecursionError, MemoryError):
        return frozenset()
    texts = {node.name: "".join(lines[node.lineno - 1 : node.end_lineno]).rstrip("\n") + "\n" for node in nodes}
    return frozenset(name for name, text in written.items() if texts.get(name) == text)


_DEAD = {
    "first": ("no input that no row before it takes reaches this row", "delete it, or move it up"),
    "priority": (
        "wherever this row holds, a row with outputs of higher priority holds as well",
        "delete it, or put its outputs earlier among the output's values",
    ),
}


class _Place:
    """Where the parts of one table are written."""

    def __init__(self, path: tuple[Any, ...], locate: Locate | None) -> None:
        self._path = path
        self._locate = locate

    def error(
        self, step: Step, message: str, row: int | None = None, column: int | None = None, hint: str | None = None
    ) -> SpecError:
        """The error with the step, the row and the column in words, and the place in the file."""
        assert step.table is not None
        columns = (*step.table.inputs, *step.table.outputs)
        where = f"table of {step.step!r}"
        where += "" if row is None else f", row {row + 1}"
        where += "" if column is None else f", column {columns[column]!r}"
        path = (*self._path, *(() if row is None else ("rows", row)), *(() if column is None else (column,)))
        return SpecError(f"{where}: {message}", place=None if self._locate is None else self._locate(path), hint=hint)


def _check_coverage(table: DecisionTable, coverage: Coverage, place: _Place) -> None:
    policy = table.table.hit_policy
    for first, second, witness in coverage.overlaps:
        both = f"holds together with row {first.number + 1} for {show_witness(witness)}"
        if policy == "unique":
            raise place.error(
                table.step,
                f"{both}, and the hit policy is unique",
                second.number,
                hint="make the rows exclude each other, or choose 'first', 'priority' or 'any'",
            )
        if policy == "any" and first.outputs != second.outputs and _literal(first.outputs + second.outputs):
            raise place.error(
                table.step,
                f"{both} and says otherwise, and the hit policy is any",
                second.number,
                hint="give both rows the same outputs, or choose 'first' or 'priority'",
            )
    for row in coverage.dead:
        told, hint = _DEAD.get(
            policy, ("no input reaches this row", "delete it, or mend its tests or the range of its fields")
        )
        raise place.error(table.step, told, row.number, hint=hint)


def _literal(outputs: Sequence[object]) -> bool:
    return all(isinstance(one, Literal) for one in outputs)
