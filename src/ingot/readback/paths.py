"""Program → the rows of its functions; see ``rows`` for what a row says and when it is exact."""

from __future__ import annotations

import ast
from collections.abc import Mapping

from ingot.program import Program, Signature
from ingot.readback.citations import cited_lines
from ingot.readback.rows import LARGEST, MOST_ROWS, Condition, Paths, Row
from ingot.readback.walk import Walk

__all__ = ["Condition", "Paths", "Row", "paths", "program_paths"]


def program_paths(program: Program) -> tuple[Paths, ...]:
    """The rows of every generated function, in the spec's order."""
    clauses = {clause.id: clause.text for clause in program.spec.clauses}
    return tuple(paths(program.logic, signature, clauses) for signature in program.signatures)


def paths(logic: str, signature: Signature, clauses: Mapping[str, str]) -> Paths:
    """The rows of one function of `logic`. `clauses` maps the known ids to their texts.

    Raises SyntaxError for text that is not Python, and KeyError where the function is missing.
    """
    tree = ast.parse(logic)
    found = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
    walk = Walk(found[signature.name], signature, cited_lines(logic, clauses), MOST_ROWS, LARGEST, _rowed(tree))
    rows, named, cut = walk.rows()
    params = tuple(field.name for field in signature.params)
    return Paths(signature.name, params, tuple(field.name for field in signature.outputs), rows, named, cut)


def _rowed(tree: ast.Module) -> dict[str, int]:
    """The module's tables whose entries are all rows of equally many items."""
    found: dict[str, int] = {}
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            entries = node.value.values if isinstance(node.value, ast.Dict) else getattr(node.value, "elts", [])
            sizes = {len(one.elts) if isinstance(one, ast.Tuple | ast.List) else 0 for one in entries}
            if len(sizes) == 1:
                found[node.targets[0].id] = sizes.pop()
    return found
