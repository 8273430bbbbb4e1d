"""What a cell says, as frozen values: unary tests of an input column, expressions of an output column.

The language is that of DMN's simple tables (S-FEEL): ``-``, literals, comparisons, intervals, disjunction by comma,
``not(...)``, arithmetic over fields, comparisons joined by ``and`` and ``or`` in three values, and ``if``. `Ref.path`
is a field's name, or the dotted path into an object.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
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


@dataclass(frozen=True, slots=True)
class Compare:
    """Two values compared with one of ``= != < <= > >=``; an order with null is null, an equality never is."""

    op: str
    left: Expression
    right: Expression


@dataclass(frozen=True, slots=True)
class Logic:
    """``left and right``, ``left or right``: null where the other side does not decide."""

    op: str
    left: Expression
    right: Expression


@dataclass(frozen=True, slots=True)
class Not:
    """``not(inner)``; null of null."""

    inner: Expression


@dataclass(frozen=True, slots=True)
class If:
    """``if condition then first else second``; a condition that is null is not true."""

    condition: Expression
    first: Expression
    second: Expression


Expression = Literal | Ref | Binary | Negative | Call | Compare | Logic | Not | If


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
    if isinstance(expression, Ref):
        yield expression.path
    for part in parts_of(expression):
        yield from refs(part)


def parts_of(expression: Expression) -> tuple[Expression, ...]:
    """The expressions that one is directly made of."""
    match expression:
        case Binary(_, left, right) | Compare(_, left, right) | Logic(_, left, right):
            return (left, right)
        case Negative(inner) | Not(inner):
            return (inner,)
        case Call(_, arguments):
            return arguments
        case If(condition, first, second):
            return (condition, first, second)
    return ()


def layers(expression: Expression) -> int:
    """How many conditions stand inside each other; the way through the branches of an ``if`` counts once."""
    match expression:
        case If(condition, first, second):
            return max(1 + layers(condition), layers(first), layers(second))
        case Compare(_, left, right):
            return 1 + max(layers(left), layers(right))
    return max((layers(one) for one in parts_of(expression)), default=0)


def replaced(expression: Expression, change: Callable[[Ref], Expression]) -> Expression:
    """The expression with something else in the place of each `Ref`."""
    match expression:
        case Ref():
            return change(expression)
        case Binary(op, left, right):
            return Binary(op, replaced(left, change), replaced(right, change))
        case Compare(op, left, right):
            return Compare(op, replaced(left, change), replaced(right, change))
        case Logic(op, left, right):
            return Logic(op, replaced(left, change), replaced(right, change))
        case Negative(inner):
            return Negative(replaced(inner, change))
        case Not(inner):
            return Not(replaced(inner, change))
        case Call(name, arguments):
            return Call(name, tuple(replaced(one, change) for one in arguments))
        case If(condition, first, second):
            return If(replaced(condition, change), replaced(first, change), replaced(second, change))
    return expression


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
        case Binary(op, left, right) | Compare(op, left, right) | Logic(op, left, right):
            text = f"{show_expression(left, True)} {op} {show_expression(right, True)}"
            return f"({text})" if inside else text
        case Negative(inner):
            return f"-{show_expression(inner, True)}"
        case Call(name, arguments):
            return f"{name}({', '.join(show_expression(one) for one in arguments)})"
        case Not(inner):
            return f"not({show_expression(inner)})"
        case If(condition, first, second):
            parts = [show_expression(one, True) for one in (condition, first, second)]
            text = f"if {parts[0]} then {parts[1]} else {parts[2]}"
            return f"({text})" if inside else text


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
