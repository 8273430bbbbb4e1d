"""Step → `DecisionTable`: every cell read and typed, or one error with its row and column."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Literal as OneOf

from ingot.fields import Field
from ingot.spec import Step, Table
from ingot.tables.cells import (
    Binary,
    Call,
    Cell,
    Compare,
    Expression,
    If,
    Interval,
    Literal,
    Logic,
    Negative,
    Not,
    Ref,
    expressions_of,
    parts_of,
    show_expression,
)
from ingot.tables.parse import CellError, Scope, parse_cell, parse_expression

Kind = OneOf["integer", "decimal", "float", "text", "boolean", "date", "null"]
NUMBERS = ("integer", "decimal", "float")
LISTS = ("collect", "rule order", "output order")
_KINDS: Mapping[str, Kind] = {"integer": "integer", "decimal": "decimal", "float": "float", "text": "text",
                              "enum": "text", "boolean": "boolean", "date": "date"}  # fmt: skip


class TableError(ValueError):
    """A table that cannot be used; `row` counts from 0, `column` is the cell's number in its row."""

    def __init__(self, message: str, row: int | None = None, column: int | None = None, hint: str | None = None):
        super().__init__(message)
        self.row = row
        self.column = column
        self.hint = hint


@dataclass(frozen=True, slots=True)
class Column:
    """An input column: the path it reads and the field there; nullable where any part of the path may be null."""

    path: str
    field: Field


@dataclass(frozen=True, slots=True)
class Row:
    """One row: a test for each input column and an expression for each output column; `clause` is what it is cited by."""

    number: int
    clause: str
    cells: tuple[Cell, ...]
    outputs: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class DecisionTable:
    """A table with typed cells. `outputs` are the fields of its output columns; `scope` every field that an
    expression may read, by path; `default` what holds where no row does, None where that is not said."""

    step: Step
    table: Table
    columns: tuple[Column, ...]
    outputs: tuple[Field, ...]
    rows: tuple[Row, ...]
    default: tuple[Expression, ...] | None
    scope: Mapping[str, Field]

    @property
    def makes_list(self) -> bool:
        """True where the outputs of all rows that hold are answered as a list."""
        return self.table.hit_policy in LISTS and self.table.aggregate == "list"


def paths_of(names: Sequence[str], known: Mapping[str, Field], on_null: str) -> dict[str, Field]:
    """Every field that a table of a step may read, by path. With ``escalate`` a field itself is never null."""
    found: dict[str, Field] = {}
    for name in names:
        field = known[name]
        if on_null == "escalate":
            field = field.model_copy(update={"nullable": False})
        _add_paths(name, field, found)
    return found


def _add_paths(path: str, field: Field, found: dict[str, Field]) -> None:
    found[path] = field
    for inner in field.fields if field.type == "object" else ():
        nullable = inner.nullable or field.nullable
        _add_paths(f"{path}.{inner.name}", inner.model_copy(update={"nullable": nullable}), found)


def read_table(step: Step, known: Mapping[str, Field]) -> DecisionTable:
    """The typed table of a step. `known` are the fields known where it stands. Raises TableError."""
    table = step.table
    assert table is not None
    scope = paths_of(step.inputs, known, step.on_null)
    columns = tuple(_column(path, scope) for path in table.inputs)
    outputs = _outputs(step, table)
    names = {path: path for path in scope}
    width = len(columns)
    rows: list[Row] = []
    clauses = row_clauses(step)
    for number, texts in enumerate(table.rows):
        cells = tuple(_input(number, n, columns[n], text, names, scope) for n, text in enumerate(texts[:width]))
        made = tuple(
            _output(number, width + n, outputs[n], text, names, scope, table) for n, text in enumerate(texts[width:])
        )
        rows.append(Row(number, clauses[number], cells, made))
    default = None
    if table.default:
        default = tuple(
            _output(None, width + n, outputs[n], text, names, scope, table) for n, text in enumerate(table.default)
        )
    found = DecisionTable(step, table, columns, outputs, tuple(rows), default, scope)
    _check_policy(found)
    return found


def row_clauses(step: Step) -> tuple[str, ...]:
    """The ids of the rows' clauses: the last ones that the step cites, in order."""
    assert step.table is not None
    return step.clauses[len(step.clauses) - len(step.table.rows) :]


def _column(path: str, scope: Mapping[str, Field]) -> Column:
    field = scope.get(path)
    if field is None:
        raise TableError(f"the column {path!r} is not a field of its object", hint="name a field, or object.field")
    if field.type not in _KINDS:
        raise TableError(f"the column {path!r} is of type {field.type}, which no cell can be compared with")
    return Column(path, field)


def _outputs(step: Step, table: Table) -> tuple[Field, ...]:
    """The field of each output column. A list's columns are those of its items; an aggregate's those of its output."""
    by_name = {field.name: field for field in step.outputs}
    if table.hit_policy not in LISTS:
        missing = [name for name, field in by_name.items() if name not in table.outputs and not field.nullable]
        if missing:
            raise TableError(f"no column sets {missing[0]!r}, an output of {step.step!r}", hint="add the column")
        return tuple(by_name[name] for name in table.outputs)
    if len(step.outputs) != 1:
        raise TableError(
            f"a table with the hit policy {table.hit_policy!r} sets one output; {step.step!r} has {len(step.outputs)}",
            hint="declare one list, of objects where a row has several outputs",
        )
    field = step.outputs[0]
    if table.aggregate == "list":
        return _item_columns(field, table)
    if table.aggregate == "count" and field.type not in NUMBERS:
        raise TableError(f"{field.name!r} is of type {field.type}, and a count is an integer")
    if table.aggregate == "count":
        return tuple(Field(name=name, type="text") for name in table.outputs)
    if field.type not in NUMBERS or table.outputs != (field.name,):
        raise TableError(
            f"{table.aggregate!r} is for one column of numbers, named after the output {field.name!r}",
            hint="use 'aggregate: list' or 'count', or give the output a type of number",
        )
    return (field.model_copy(update={"nullable": False}),)


def _item_columns(field: Field, table: Table) -> tuple[Field, ...]:
    if field.type != "list" or field.items is None:
        raise TableError(
            f"the hit policy {table.hit_policy!r} answers a list, and {field.name!r} is of type {field.type}",
            hint=f"write 'type: list of {field.type}', or an 'aggregate:'",
        )
    item = field.items
    if item.type != "object":
        return (item.model_copy(update={"name": field.name}),)
    by_name = {inner.name: inner for inner in item.fields}
    for name, inner in by_name.items():
        if name not in table.outputs and not inner.nullable:
            raise TableError(f"no column sets {name!r}, a field of {field.name!r}", hint="add the column")
    return tuple(by_name[name] for name in table.outputs if name in by_name)


def _check_policy(found: DecisionTable) -> None:
    policy = found.table.hit_policy
    if found.table.aggregate != "list" and policy != "collect":
        raise TableError(f"'aggregate' is for the hit policy collect, not {policy!r}", hint="delete it")
    if policy not in ("priority", "output order"):
        return
    first = found.outputs[0]
    if first.type != "enum":
        raise TableError(
            f"{policy!r} goes by the order of the values of {first.name!r}, which is of type {first.type}",
            hint="declare an enum, with its values from the most important to the least",
        )
    for row in found.rows:
        for n, expression in enumerate(row.outputs):
            if found.outputs[n].type == "enum" and not isinstance(expression, Literal):
                raise TableError("an order of values needs a value in this cell", row.number, len(row.cells) + n)


# ---- cells -------------------------------------------------------------------------------------------------------


def _input(
    row: int, number: int, column: Column, text: str, names: Mapping[str, str], scope: Mapping[str, Field]
) -> Cell:
    field = column.field
    try:
        cell = parse_cell(text, Scope(names, frozenset(field.values)))
        kind = _KINDS[field.type]
        for expression in expressions_of(cell):
            _check_operand(expression, field, kind, scope)
        for test in cell.tests:
            ordered = isinstance(test, Interval) or test.op not in ("=", "!=")
            if ordered and kind in ("boolean", "text"):
                raise CellError(f"{column.path!r} is {field.type}, which has no order")
            if ordered and any(end == Literal(None) for end in expressions_of(Cell((test,)))):
                raise CellError("null has no order; write 'null' or 'not(null)'")
    except CellError as error:
        raise TableError(str(error), row, number, _hint(field)) from None
    return cell


def _hint(field: Field) -> str | None:
    if field.type == "enum":
        return f"its values: {', '.join(field.values)}"
    return None


def _check_operand(expression: Expression, field: Field, kind: Kind, scope: Mapping[str, Field]) -> None:
    if isinstance(expression, Ref) and scope[expression.path].type == "list":
        items = scope[expression.path].items
        if items is None or _KINDS.get(items.type) != kind:
            raise CellError(f"{expression.path!r} is not a list of {field.type}")
        return
    found = kind_of(expression, scope)
    if rounds(expression):
        raise CellError("the exponent of ** is a whole number from 0 to 10 where a column is compared with it")
    if found in ("null", kind):
        _check_value(expression, field)
        return
    numbers = found in NUMBERS and kind in NUMBERS
    # a float is compared with a literal only: 0.1 as a decimal and as a float are not the same number
    literal = kind == "float" and isinstance(expression, Literal)
    if not numbers or ("float" in (found, kind) and not literal):
        raise CellError(f"{show_expression(expression)} is {_a(found)}, and {field.name!r} is {field.type}")


def rounds(expression: Expression) -> bool:
    """True where a power is rounded, so that a number next to it may fall on the wrong side."""
    power = isinstance(expression, Binary) and expression.op == "**" and not is_small_power(expression.right)
    return power or any(rounds(one) for one in parts_of(expression))


def _check_value(expression: Expression, field: Field) -> None:
    value = expression.value if isinstance(expression, Literal) else None
    if field.type == "enum" and isinstance(value, str) and value not in field.values:
        raise CellError(f"{value!r} is not a value of {field.name!r}")


def _output(
    row: int | None,
    number: int,
    field: Field,
    text: str,
    names: Mapping[str, str],
    scope: Mapping[str, Field],
    table: Table,
) -> Expression:
    try:
        found = parse_expression(text, Scope(names, frozenset(field.values)))
        if table.aggregate != "count":
            _check_output(found, field, scope)
    except CellError as error:
        raise TableError(str(error), row, number, _hint(field)) from None
    return found


def _check_output(found: Expression, field: Field, scope: Mapping[str, Field]) -> None:
    if field.type not in _KINDS:
        raise CellError(f"{field.name!r} is of type {field.type}, which no cell can give")
    if isinstance(found, If):
        kind_of(found, scope)
        _check_output(found.first, field, scope)
        _check_output(found.second, field, scope)
        return
    kind, wanted = kind_of(found, scope), _KINDS[field.type]
    if kind == "null":
        if not field.nullable:
            raise CellError(f"null, and {field.name!r} is not nullable; add '?' to its type")
    elif kind == wanted:
        _check_value(found, field)
        if field.type == "enum" and isinstance(found, Ref) and not set(scope[found.path].values) <= set(field.values):
            raise CellError(f"{found.path!r} may have a value that {field.name!r} does not")
        any_text = not isinstance(found, Ref | Literal) or (isinstance(found, Ref) and scope[found.path].type != "enum")
        if field.type == "enum" and any_text:
            raise CellError(f"{show_expression(found)!r} is any text, and {field.name!r} is an enum")
    elif not (wanted == "decimal" and kind == "integer") and not (
        wanted == "float" and kind in ("integer", "decimal") and isinstance(found, Literal)
    ):
        raise CellError(f"{show_expression(found)} is {_a(kind)}, and {field.name!r} is {field.type}")
    if isinstance(found, Literal) and isinstance(found.value, Decimal):
        _check_number(found.value, field)


def _check_number(value: Decimal, field: Field) -> None:
    if isinstance(field.minimum, Decimal) and value < field.minimum:
        raise CellError(f"{value} is below the minimum of {field.name!r}, {field.minimum}")
    if isinstance(field.maximum, Decimal) and value > field.maximum:
        raise CellError(f"{value} is above the maximum of {field.name!r}, {field.maximum}")
    if field.places is not None and -int(value.normalize().as_tuple().exponent) > field.places:
        raise CellError(f"{value} has more than the {field.places} places of {field.name!r}")


def _a(kind: Kind) -> str:
    return {"integer": "an integer", "null": "null"}.get(kind, f"a {kind}")


def kind_of(expression: Expression, scope: Mapping[str, Field]) -> Kind:
    """The type of an expression's value. Raises CellError where its parts do not go together."""
    match expression:
        case Literal(value):
            return _kind_of_value(value)
        case Ref(path):
            field = scope[path]
            if field.type not in _KINDS:
                raise CellError(f"{path!r} is of type {field.type}, which cannot be computed with")
            return _KINDS[field.type]
        case Negative(inner):
            return _number(inner, "-", scope)
        case Call(name, arguments):
            kinds = [_number(one, name, scope) for one in arguments]
            return _common(kinds, name)
        case Binary():
            return _computed(expression, scope)
        case Compare():
            return _compared(expression, scope)
        case Not(inner):
            return _truths([inner], "not", scope)
        case Logic(op, left, right):
            return _truths([left, right], op, scope)
        case If(condition, first, second):
            _truths([condition], "if", scope)
            return _either(kind_of(first, scope), kind_of(second, scope))


def _computed(expression: Binary, scope: Mapping[str, Field]) -> Kind:
    op, left, right = expression.op, expression.left, expression.right
    if op == "+" and kind_of(left, scope) == kind_of(right, scope) == "text":
        return "text"
    common = _common([_number(one, op, scope) for one in (left, right)], op)
    if op == "**" and not is_small_power(right):
        if common == "float":
            raise CellError("the exponent of a float's ** is a whole number from 0 to 10; declare it as decimal")
        return "decimal"  # never an integer of a million digits
    return "decimal" if op == "/" and common == "integer" else common


def is_small_power(right: Expression) -> bool:
    """True for an exponent that is written as a whole number from 0 to 10, whose power is exact for any number."""
    value = right.value if isinstance(right, Literal) else None
    return isinstance(value, Decimal) and value in range(11)


def _compared(expression: Compare, scope: Mapping[str, Field]) -> Kind:
    kinds = [kind_of(one, scope) for one in (expression.left, expression.right)]
    text = show_expression(expression)
    if expression.op not in ("=", "!=") and {"null", "text", "boolean"} & set(kinds):
        raise CellError(f"{text}: {_a(next(one for one in kinds if one in ('null', 'text', 'boolean')))} has no order")
    if "null" in kinds:
        return "boolean"
    if all(kind in NUMBERS for kind in kinds):
        literals = sum(isinstance(one, Literal) for one in (expression.left, expression.right))
        if "float" in kinds and set(kinds) != {"float"} and not literals:
            raise CellError(f"{text} compares a float with {_a(kinds[kinds[0] == 'float'])}; declare both as decimal")
    elif kinds[0] != kinds[1]:
        raise CellError(f"{text} compares {_a(kinds[0])} with {_a(kinds[1])}")
    return "boolean"


def _truths(parts: Sequence[Expression], op: str, scope: Mapping[str, Field]) -> Kind:
    for one in parts:
        if kind_of(one, scope) not in ("boolean", "null"):
            raise CellError(f"{op!r} of {show_expression(one)}, which is not true or false")
    return "boolean"


def _either(first: Kind, second: Kind) -> Kind:
    """The kind of what is one or the other."""
    if first in NUMBERS and second in NUMBERS:
        return _common([first, second], "if")
    if first != second and "null" not in (first, second):
        raise CellError(f"'if' gives {_a(first)} or {_a(second)}")
    return second if first == "null" else first


def _number(expression: Expression, op: str, scope: Mapping[str, Field]) -> Kind:
    kind = kind_of(expression, scope)
    if kind not in NUMBERS:
        raise CellError(f"{op!r} of {show_expression(expression)}, which is not a number")
    return kind


def _common(kinds: Sequence[Kind], op: str) -> Kind:
    if "float" in kinds and "decimal" in kinds:
        raise CellError(f"{op!r} of a float and a decimal, which would lose digits; declare both as decimal")
    return "float" if "float" in kinds else "decimal" if "decimal" in kinds else "integer"


def _kind_of_value(value: object) -> Kind:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, Decimal):
        return "integer" if value == value.to_integral_value() else "decimal"
    return "date" if isinstance(value, date) else "text"
