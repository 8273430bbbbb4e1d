"""What a cell says, as frozen values: unary tests of an input column, expressions of an output column.

The language is that of DMN's simple tables (S-FEEL): ``-``, literals, comparisons, intervals, disjunction by comma,
``not(...)``, and arithmetic over fields. `Ref.path` is a field's name, or the dotted path into an object.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

Value = Decimal | str | bool | date | None


@dataclass(frozen=True, slots=True)
class Literal:
    """A number, text, boolean, date or null; every number is a Decimal."""

    value: Value


@dataclass(frozen=True, slots=True)
class Ref:
    """A field, or a part of an object field."""

    path: str


@dataclass(frozen=True, slots=True)
class Binary:
    """``left op right`` with one of ``+ - * / **``."""

    op: str
    left: Expression
    right: Expression


@dataclass(frozen=True, slots=True)
class Negative:
    """``-inner``."""

    inner: Expression


@dataclass(frozen=True, slots=True)
class Call:
    """``min(...)`` or ``max(...)`` of numbers."""

    name: str
    arguments: tuple[Expression, ...]


Expression = Literal | Ref | Binary | Negative | Call


@dataclass(frozen=True, slots=True)
class Comparison:
    """The column's value compared with an expression; `op` is one of ``= != < <= > >=``."""

    op: str
    right: Expression


@dataclass(frozen=True, slots=True)
class Interval:
    """The column's value between two expressions, each end counting or not."""

    low: Expression
    high: Expression
    low_counts: bool
    high_counts: bool


Test = Comparison | Interval


@dataclass(frozen=True, slots=True)
class Cell:
    """One of `tests` holds, or, where `negated`, none of them. No tests: any value, null among them."""

    tests: tuple[Test, ...] = ()
    negated: bool = False


def expressions_of(cell: Cell) -> Iterator[Expression]:
    """The expressions that a cell compares with."""
    for test in cell.tests:
        yield from (test.right,) if isinstance(test, Comparison) else (test.low, test.high)


def refs(expression: Expression) -> Iterator[str]:
    """The paths that an expression reads."""
    match expression:
        case Ref(path):
            yield path
        case Binary(_, left, right):
            yield from (*refs(left), *refs(right))
        case Negative(inner):
            yield from refs(inner)
        case Call(_, arguments):
            for argument in arguments:
                yield from refs(argument)


# ---- as text -----------------------------------------------------------------------------------------------------


def show_value(value: object) -> str:
    """A value as a cell writes it."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, date):
        return f'date("{value.isoformat()}")'
    return f'"{value}"' if '"' not in str(value) else f"'{value}'"


def show_expression(expression: Expression, inside: bool = False) -> str:
    """An expression as a cell writes it; `inside` another one, an operation stands in brackets."""
    match expression:
        case Literal(value):
            return show_value(value)
        case Ref(path):
            return path
        case Binary(op, left, right):
            text = f"{show_expression(left, True)} {op} {show_expression(right, True)}"
            return f"({text})" if inside else text
        case Negative(inner):
            return f"-{show_expression(inner, True)}"
        case Call(name, arguments):
            return f"{name}({', '.join(show_expression(one) for one in arguments)})"


def show_cell(cell: Cell) -> str:
    """A cell's tests as text; reading it gives the same cell."""
    if not cell.tests:
        return "-"
    text = ", ".join(_show_test(test) for test in cell.tests)
    return f"not({text})" if cell.negated else text


def _show_test(test: Test) -> str:
    if isinstance(test, Comparison):
        right = show_expression(test.right)
        return right if test.op == "=" else f"{test.op} {right}"
    opening, closing = "[" if test.low_counts else "(", "]" if test.high_counts else ")"
    return f"{opening}{show_expression(test.low)}..{show_expression(test.high)}{closing}"
