"""A module as an artifact copies it: with the shared lines in place of the import of them, so that it runs alone."""

from __future__ import annotations

import ast

SHARED = "ingot.library.modules.shared"


def standalone(source: bytes, shared: bytes) -> bytes:
    """The `source` of a module with its import from ``shared.py`` replaced by what that file, `shared`, defines.

    The lines around the import stay as they are. Raises ValueError where the module does not import from it exactly
    once, at its top level and under the names that `shared` gives: anything else would mean something else in a copy.
    """
    tree = ast.parse(source)
    imports = [node for node in tree.body if isinstance(node, ast.ImportFrom) and node.module == SHARED]
    if len(imports) != 1 or any(alias.asname or alias.name == "*" for alias in imports[0].names):
        raise ValueError(f"a module imports names from {SHARED} once, without 'as' or '*'")
    first, last = _lines(imports[0])
    lines = source.split(b"\n")
    return b"\n".join([*lines[:first], b"# ---- shared by all modules " + b"-" * 91, b"", *_definitions(shared),
                       b"", b"", b"# ---- this module " + b"-" * 101, *lines[last:]])  # fmt: skip


def _definitions(shared: bytes) -> list[bytes]:
    """The lines after the docstring and the ``__future__`` import, which the module has for itself."""
    heading = [
        node
        for node in ast.parse(shared).body
        if (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))
        or (isinstance(node, ast.ImportFrom) and node.module == "__future__")
    ]
    start = max((_lines(node)[1] for node in heading), default=0)
    return b"\n".join(shared.split(b"\n")[start:]).strip(b"\n").split(b"\n")


def _lines(node: ast.stmt) -> tuple[int, int]:
    """Where a statement begins and ends, as the slice of its file's lines."""
    return node.lineno - 1, node.end_lineno or node.lineno
