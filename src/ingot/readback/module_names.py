"""What a function reads of its module: constants and functions that are no step of the flow, in the module's order."""

from __future__ import annotations

import ast
from collections.abc import Collection

from ingot.readback.substitute import set_names


def read_of_module(tree: ast.Module, function: ast.FunctionDef, steps: Collection[str]) -> list[ast.stmt]:
    """The statements of the module that give a meaning to what `function` reads, directly or through another of them.

    Functions named in `steps` are left out: they are told on their own.
    """
    given: dict[str, list[ast.stmt]] = {}
    for statement in tree.body:
        for name in _meant(statement):
            given.setdefault(name, []).append(statement)
    found: list[ast.stmt] = []
    waiting: list[ast.stmt] = list(function.body)
    while waiting:
        for name in _names_read(waiting.pop()):
            new = [one for one in given.get(name, ()) if one not in found and name not in steps]
            found += new
            waiting += new
    return [statement for statement in tree.body if statement in found]


def _meant(statement: ast.stmt) -> list[str]:
    if isinstance(statement, ast.FunctionDef):
        return [statement.name]
    return [] if isinstance(statement, ast.ClassDef | ast.Import | ast.ImportFrom) else list(set_names(statement))


def _names_read(statement: ast.stmt) -> list[str]:
    return [node.id for node in ast.walk(statement) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)]
