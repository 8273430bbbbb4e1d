"""What small models write beside the functions, taken out of a reply and told: it changes nothing of what the code does.

Imports of what every program has, or of its modules where nothing uses them; the classes of the types shown to the model,
written out once more; the rule's own lines, copied as comments; ``Type(a=1)`` for the dict that a type stands for; and
``return None`` where a dict is declared whose values may all be None. Whatever else is odd stays, for the stages to refuse.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from ingot.compile.assemble import PRELUDE

_Edit = tuple[int, int, int, bytes]
"""Line from 1, first and last column in bytes, what takes their place."""


@dataclass(frozen=True, slots=True)
class Tidied:
    """The code that is left; the statements left out, as source; the types whose calls became dicts; the functions in which
    a None became a dict of them; the number of comment lines left out."""

    code: str
    left_out: tuple[str, ...] = ()
    called: tuple[str, ...] = ()
    nothing: tuple[str, ...] = ()
    comments: int = 0


def tidy(code: str, types: Mapping[str, Sequence[str] | None] | None = None, said: Collection[str] = ()) -> Tidied:
    """`types` are the classes that the program has already: by name the keys, where every value may be None, else None;
    `said` is what comments of a line must not repeat.

    Code that does not parse is left as it is.
    """
    types = types or {}
    try:
        tree = ast.parse(code)
        comments = _copied(code, said)
    except (SyntaxError, ValueError, RecursionError, MemoryError, tokenize.TokenError):
        return Tidied(code)
    used = _used(tree, types)
    statements = [node for block in _blocks(tree) for node in _known(block, types, used)]
    lines = code.encode().splitlines(keepends=True)
    dicts = [(_called(node), _as_dict(node, lines)) for node in ast.walk(tree) if _called(node) in types]
    nulls = [(name, edit) for name, node, keys in _nothings(tree, types) if (edit := _as_nulls(node, keys, lines))]
    edits = [*(edit for _, made in dicts for edit in made), *(edit for _, edit in nulls)]
    if not (statements or edits or comments):
        return Tidied(code)
    for row, start, end, text in sorted(edits, reverse=True):
        line = lines[row - 1]
        lines[row - 1] = line[:start] + text + line[end:]
    gone = {row for node in statements for row in range(node.lineno, (node.end_lineno or node.lineno) + 1)}
    left = b"".join(line for row, line in enumerate(lines, start=1) if row not in gone | comments).decode()
    if not _parses(left):
        return Tidied(code)
    changed = tuple(dict.fromkeys(name for name, made in dicts if made))
    nothing = tuple(dict.fromkeys(name for name, _ in nulls))
    return Tidied(left.lstrip("\n"), tuple(_told(node) for node in statements), changed, nothing, len(comments - gone))


def _parses(code: str) -> bool:
    try:
        ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


def _told(node: ast.stmt) -> str:
    return f"class {node.name}" if isinstance(node, ast.ClassDef) else ast.unparse(node)


def _copied(code: str, said: Collection[str]) -> set[int]:
    """The rows of comments that stand alone in their line and repeat a line of the request."""
    found: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(code).readline) if said else ():
        if (
            token.type == tokenize.COMMENT
            and token.line.strip() == token.string.strip()
            and token.string.strip() in said
        ):
            found.add(token.start[0])
    return found


def _blocks(tree: ast.Module) -> Iterator[Sequence[ast.stmt]]:
    yield tree.body
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            yield node.body


# ---- imports and classes -------------------------------------------------------------------------------------------


def _known(block: Sequence[ast.stmt], types: Collection[str], used: Collection[str]) -> list[ast.stmt]:
    """Such statements in a block that share their lines with nothing, where more than they stands in it."""
    found = [
        node
        for node in block
        if (_is_known_import(node, used) or _is_known_class(node, types))
        and not any(other is not node and _overlap(node, other) for other in block)
    ]
    return found if len(found) < len(block) else []


def _used(node: ast.AST, types: Collection[str]) -> set[str]:
    """The names that are read, but for those in the classes that are left out."""
    if isinstance(node, ast.stmt) and _is_known_class(node, types):
        return set()
    own = {node.id} if isinstance(node, ast.Name) else set()
    return own.union(*(_used(part, types) for part in ast.iter_child_nodes(node)))


def _is_known_class(node: ast.stmt, types: Collection[str]) -> bool:
    """A class of a type's name whose body only declares fields."""
    return (
        isinstance(node, ast.ClassDef)
        and node.name in types
        and all(isinstance(part, ast.AnnAssign) and part.value is None for part in node.body)
    )


def _is_known_import(node: ast.stmt, used: Collection[str]) -> bool:
    brought = _imported(node)
    if not brought:
        return False
    modules = {module for module, _, _ in _known_names()}
    return all(one in _known_names() or (one[0] in modules and one[2] not in {*used, "*"}) for one in brought)


def _overlap(one: ast.stmt, other: ast.stmt) -> bool:
    return one.lineno <= (other.end_lineno or other.lineno) and other.lineno <= (one.end_lineno or one.lineno)


def _imported(node: ast.stmt) -> frozenset[tuple[str, str, str]]:
    """What an import brings in: module, name and the name it is given; nothing for any other statement."""
    if isinstance(node, ast.Import):
        return frozenset((one.name, "", one.asname or one.name) for one in node.names)
    if isinstance(node, ast.ImportFrom) and not node.level:
        return frozenset((node.module or "", one.name, one.asname or one.name) for one in node.names)
    return frozenset()


@cache
def _known_names() -> frozenset[tuple[str, str, str]]:
    """What the imports of every program bring in."""
    return frozenset(one for node in ast.parse(PRELUDE).body for one in _imported(node))


# ---- calls of types ------------------------------------------------------------------------------------------------


def _called(node: ast.AST) -> str:
    """The name that a call calls with keywords alone; empty for anything else."""
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name)) or node.args or not node.keywords:
        return ""
    return node.func.id if all(one.arg for one in node.keywords) else ""


def _as_dict(call: ast.AST, lines: Sequence[bytes]) -> list[_Edit]:
    """The edits that make a dict of ``Type(a=1)``, which `_called` names; none where its text is not as plain as that."""
    assert isinstance(call, ast.Call)
    assert isinstance(call.func, ast.Name)
    row, column = call.func.lineno, call.func.col_offset
    head = re.match(rb"\w+\s*\(", lines[row - 1][column:])
    if head is None or call.end_lineno is None or call.end_col_offset is None:
        return []
    edits: list[_Edit] = [(row, column, column + head.end(), b"{")]
    for one in call.keywords:
        name = re.match(rb"\w+\s*=\s*", lines[one.lineno - 1][one.col_offset :])
        if name is None:
            return []
        edits.append((one.lineno, one.col_offset, one.col_offset + name.end(), f'"{one.arg}": '.encode()))
    return [*edits, (call.end_lineno, call.end_col_offset - 1, call.end_col_offset, b"}")]


# ---- None for a dict of them ---------------------------------------------------------------------------------------


def _nothings(
    tree: ast.Module, types: Mapping[str, Sequence[str] | None]
) -> Iterator[tuple[str, ast.Return, Sequence[str]]]:
    """The returns of nothing in functions that are to return a dict of a type, all of whose keys may be None."""
    for function in tree.body:
        if isinstance(function, ast.FunctionDef) and isinstance(function.returns, ast.Name):
            keys = types.get(function.returns.id)
            for node in _own(function) if keys else ():
                if isinstance(node, ast.Return) and (node.value is None or ast.unparse(node.value) == "None"):
                    yield function.name, node, keys or ()


def _own(node: ast.AST) -> Iterator[ast.AST]:
    """The parts of a function that are not in one of its own."""
    for part in ast.iter_child_nodes(node):
        if not isinstance(part, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)):
            yield part
            yield from _own(part)


def _as_nulls(node: ast.Return, keys: Sequence[str], lines: Sequence[bytes]) -> _Edit | None:
    """The edit that writes a return's dict; none where the return does not stand in one line."""
    found = re.match(rb"return(\s+None\b)?", lines[node.lineno - 1][node.col_offset :])
    if found is None or node.end_lineno != node.lineno:
        return None
    written = ", ".join(f'"{key}": None' for key in keys)
    return node.lineno, node.col_offset, node.col_offset + found.end(), f"return {{{written}}}".encode()
