"""The constants that a program compares with: the places where its behaviour changes. Source text in, values out."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from ingot import expressions

LARGEST = 24


@dataclass(frozen=True, slots=True)
class Constants:
    """Constants by the name that they are compared with, and all of them, in order of appearance."""

    by_name: Mapping[str, tuple[Any, ...]]
    every: tuple[Any, ...]


def constants_of(logic: str) -> Constants:
    """The constants of comparisons, membership tests and cases in `logic`; none where it does not parse."""
    try:
        tree = ast.parse(logic)
    except (SyntaxError, ValueError, RecursionError):
        return Constants({}, ())
    named = _named(tree)
    by_name: dict[str, list[Any]] = {}
    every: list[Any] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare):
            values = [value for operand in (node.left, *node.comparators) for value in _values(operand, named)]
            for name in (name for operand in (node.left, *node.comparators) for name in _names(operand)):
                by_name.setdefault(name, []).extend(values)
            every += values
        elif isinstance(node, ast.MatchValue):
            every += _values(node.value, named)
        elif isinstance(node, ast.Dict):
            every += [value for key in node.keys if key is not None for value in _values(key, named)]
    return Constants({name: _distinct(values) for name, values in by_name.items()}, _distinct(every))


def bounds_of(validation: Iterable[str]) -> dict[str, tuple[Any, ...]]:
    """The constants that validation expressions compare each name with."""
    found: dict[str, tuple[Any, ...]] = {}
    for text in validation:
        for name, values in constants_of(expressions.to_python(text)).by_name.items():
            found[name] = found.get(name, ()) + values
    return found


def _named(tree: ast.Module) -> dict[str, ast.expr]:
    """Module-level names with the expressions they stand for."""
    named: dict[str, ast.expr] = {}
    for node in tree.body:
        if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
            named[node.targets[0].id] = node.value
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value is not None:
            named[node.target.id] = node.value
    return named


def _names(node: ast.expr) -> list[str]:
    """What an operand is called: a variable, or the key of a subscript or of ``.get``; through one call or sum."""
    if isinstance(node, ast.Name):
        return [node.id]
    if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant):
        return [str(node.slice.value)]
    if isinstance(node, ast.Call):
        inner = [name for argument in node.args for name in _names(argument)]
        keys = [str(argument.value) for argument in node.args if isinstance(argument, ast.Constant)]
        owner = _names(node.func.value) if isinstance(node.func, ast.Attribute) else []
        return [*inner, *keys, *owner]
    if isinstance(node, ast.BinOp):
        return [*_names(node.left), *_names(node.right)]
    return []


def _values(node: ast.expr, named: Mapping[str, ast.expr], depth: int = 0) -> list[Any]:
    """The constant values that an operand holds."""
    if depth > 3:
        return []
    if isinstance(node, ast.Name) and node.id in named:
        return _values(named[node.id], named, depth + 1)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return [-value for value in _values(node.operand, named, depth + 1) if type(value) in (int, float, Decimal)]
    if isinstance(node, ast.Tuple | ast.List | ast.Set):
        return [value for inner in node.elts for value in _values(inner, named, depth + 1)]
    if isinstance(node, ast.Dict):
        return [value for key in node.keys if key is not None for value in _values(key, named, depth + 1)]
    if isinstance(node, ast.Call):
        return _called(node)
    if isinstance(node, ast.Constant) and type(node.value) in (int, float, str):
        return [node.value]
    return []


def _called(node: ast.Call) -> list[Any]:
    """``Decimal("1.5")``, ``date(2024, 1, 1)`` and their like as values."""
    arguments = [argument.value for argument in node.args if isinstance(argument, ast.Constant)]
    makers: dict[str, Any] = {
        "Decimal": Decimal,
        "date": date,
        "datetime": datetime,
        "date.fromisoformat": date.fromisoformat,
        "datetime.fromisoformat": datetime.fromisoformat,
        "frozenset": None,
    }
    maker = makers.get(ast.unparse(node.func))
    if ast.unparse(node.func) in ("frozenset", "set", "tuple") and node.args:
        return _values(node.args[0], {}, 1)
    if maker is None or not arguments or len(arguments) != len(node.args):
        return []
    try:
        return [maker(*arguments)]
    except (TypeError, ValueError, InvalidOperation):
        return []


def _distinct(values: Iterable[Any]) -> tuple[Any, ...]:
    return tuple({(type(value), value): value for value in values}.values())[:LARGEST]
