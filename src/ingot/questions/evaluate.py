"""Expressions evaluated on trial inputs, without running them as code.

The same meaning as the Python that `ingot.expressions.to_python` writes; a test compares the two.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any

_OPERATORS: Mapping[type[ast.AST], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv, ast.Mod: operator.mod, ast.Eq: operator.eq, ast.NotEq: operator.ne,
    ast.Lt: operator.lt, ast.LtE: operator.le, ast.Gt: operator.gt, ast.GtE: operator.ge, ast.Is: operator.is_,
    ast.IsNot: operator.is_not, ast.In: lambda left, right: left in right,
    ast.NotIn: lambda left, right: left not in right,
}  # fmt: skip
_CALLS: Mapping[str, Callable[..., Any]] = {
    "len": len, "min": min, "max": max, "abs": abs, "sum": sum, "all": all, "any": any, "sorted": sorted,
    "Decimal": Decimal, "date": date.fromisoformat, "datetime": datetime.fromisoformat,
}  # fmt: skip


class Undecided(Exception):
    """The expression has no value for these inputs: it compares null, divides by zero or reads what is not there."""


@lru_cache(maxsize=1_000)
def _parsed(source: str) -> ast.expr:
    return ast.parse(source, mode="eval").body


def evaluate(source: str, values: Mapping[str, Any]) -> Any:
    """The value of a typed Python expression. Raises Undecided."""
    try:
        return _value(_parsed(source), values)
    except (TypeError, ArithmeticError, LookupError, ValueError, RecursionError) as error:
        raise Undecided(str(error)) from error


def _value(node: ast.AST, values: Mapping[str, Any]) -> Any:
    match node:
        case ast.Constant(value=value):
            return value
        case ast.Name(id=name):
            return values[name]
        case ast.BoolOp(op=op, values=parts):
            return _joined(isinstance(op, ast.And), parts, values)
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return not _value(operand, values)
        case ast.UnaryOp(operand=operand):
            return -_value(operand, values)
        case ast.BinOp(left=left, op=op, right=right):
            return _OPERATORS[type(op)](_value(left, values), _value(right, values))
        case ast.Compare():
            return _compared(node, values)
        case ast.IfExp(test=test, body=body, orelse=orelse):
            return _value(body if _value(test, values) else orelse, values)
        case ast.Tuple(elts=parts) | ast.List(elts=parts):
            return [_value(part, values) for part in parts]
        case _:
            return _taken(node, values)


def _taken(node: ast.AST, values: Mapping[str, Any]) -> Any:
    """What is taken out of or made from other values: items, calls, generators."""
    match node:
        case ast.Subscript(value=owner, slice=key):
            return _value(owner, values)[_value(key, values)]
        case ast.Call(func=function, args=arguments):
            name = function.id if isinstance(function, ast.Name) else ast.unparse(function).partition(".")[0]
            return _CALLS[name](*(_value(argument, values) for argument in arguments))
        case ast.GeneratorExp(elt=item, generators=generators):
            return [_value(item, inner) for inner in _bindings(generators, values)]
    raise TypeError(f"no value for {type(node).__name__}")


def _joined(both: bool, parts: list[ast.expr], values: Mapping[str, Any]) -> Any:
    value: Any = both
    for part in parts:
        value = _value(part, values)
        if bool(value) is not both:
            break
    return value


def _compared(node: ast.Compare, values: Mapping[str, Any]) -> bool:
    left = _value(node.left, values)
    for op, comparator in zip(node.ops, node.comparators, strict=True):
        right = _value(comparator, values)
        if not _OPERATORS[type(op)](left, right):
            return False
        left = right
    return True


def _bindings(generators: list[ast.comprehension], values: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    found = [values]
    for part in generators:
        name = part.target.id if isinstance(part.target, ast.Name) else ""
        found = [{**outer, name: item} for outer in found for item in _value(part.iter, outer)]
        found = [inner for inner in found if all(_value(condition, inner) for condition in part.ifs)]
    return found
