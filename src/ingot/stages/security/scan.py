"""One reading of a candidate that every rule shares: its tree, who owns which node, and what each name stands for."""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ingot.fields import walk
from ingot.program import Signature
from ingot.stages.security.allowed import PRELUDE
from ingot.verdict import Finding

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef
MAX_SOURCE = 64_000
MAX_DEPTH = 60
MAX_ROUNDS = 60
_ENCODING = re.compile(r"[ \t\f]*#.*?coding[:=][ \t]*[-\w.]+")


class Unreadable(Exception):
    """The candidate cannot be examined: `line` and `message` say why."""

    def __init__(self, message: str, line: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.line = line


@dataclass(frozen=True, slots=True)
class Asked:
    """One function that was asked for, and what the rules must know of its fields.

    `fields` are the names that the spec chose (they may shadow a builtin); `money` is True where a field is decimal or
    has a currency, `cents` where money is in whole units, `floats` where a field is a binary float. `values` are those of
    its enums.
    """

    name: str
    fields: frozenset[str] = frozenset()
    money: bool = False
    cents: bool = False
    floats: bool = False
    values: frozenset[str] = frozenset()

    @staticmethod
    def of(signature: Signature) -> Asked:
        """What a signature asks for."""
        fields = tuple(one for _, one in walk((*signature.params, *signature.outputs)))
        return Asked(
            signature.name,
            frozenset(one.name for one in fields),
            money=any(one.type == "decimal" or one.is_money for one in fields),
            cents=any(one.type == "integer" and one.is_money for one in fields),
            floats=any(one.type == "float" for one in fields),
            values=frozenset(value for one in fields for value in one.values),
        )


@dataclass(frozen=True, slots=True)
class Scan:
    """A parsed candidate. `owners` maps a node to its top-level function; `parents` to the node around it; `imported`
    maps a name to the dotted name it was imported as; `bound` maps each top-level function to every name bound in it."""

    source: str
    tree: ast.Module
    asked: Mapping[str, Asked]
    types: frozenset[str]
    nodes: tuple[ast.AST, ...]
    parents: Mapping[ast.AST, ast.AST]
    owners: Mapping[ast.AST, FunctionNode]
    imported: Mapping[str, str]
    bound: Mapping[FunctionNode, frozenset[str]]
    constants: Mapping[str, ast.expr]
    notes: dict[object, Any] = field(default_factory=dict)
    """What a rule has worked out and asks for again, such as the bindings of a function."""

    def finding(self, code: str, node: ast.AST, message: str, hint: str | None = None) -> Finding:
        """A finding at a node."""
        owner = self.owners.get(node)
        line, column = getattr(node, "lineno", None), getattr(node, "col_offset", None)
        return Finding(code, message, line, None if column is None else column + 1, owner.name if owner else None, hint)

    def names_in(self, node: ast.AST) -> frozenset[str]:
        """The names bound anywhere in the function around a node."""
        owner = self.owners.get(node)
        return self.bound[owner] if owner is not None else frozenset()

    def is_global(self, node: ast.AST, name: str) -> bool:
        """True where a node is the name of a builtin, and nothing in its function rebinds it."""
        return isinstance(node, ast.Name) and node.id == name and name not in self.names_in(node)

    def dotted(self, node: ast.AST) -> str | None:
        """``datetime.date.today`` for ``date.today``: a chain of names, with imports followed; None for the rest."""
        parts: list[str] = []
        while isinstance(node, ast.Attribute):
            parts.append(node.attr)
            node = node.value
        if not isinstance(node, ast.Name):
            return None
        if node.id in self.imported and (node.id not in self.names_in(node)):
            root = self.imported[node.id]
        elif node.id in self.names_in(node):
            return None
        else:
            root = node.id
        return ".".join([root, *reversed(parts)])

    def calls(self) -> Iterator[tuple[ast.Call, str | None]]:
        """Every call with the dotted name of what is called."""
        for node in self.nodes:
            if isinstance(node, ast.Call):
                yield node, self.dotted(node.func)

    def functions(self) -> tuple[FunctionNode, ...]:
        """The functions at module level."""
        return tuple(node for node in self.tree.body if isinstance(node, FunctionNode))


def read(source: str, asked: Collection[Asked], types: Collection[str]) -> Scan:
    """Parse a candidate. Raises Unreadable where it does not parse or is too large or too deep to examine."""
    tree = _parse(source)
    nodes, parents, owners = _index(tree)
    imported = _imports(nodes)
    bound = {node: frozenset(_bound(node)) for node in tree.body if isinstance(node, FunctionNode)}
    constants = {
        target.id: node.value
        for node in tree.body
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
        if isinstance(target, ast.Name)
    }
    by_name = {one.name: one for one in asked}
    return Scan(source, tree, by_name, frozenset(types), nodes, parents, owners, imported, bound, constants)


def _parse(source: str) -> ast.Module:
    if len(source) > MAX_SOURCE:
        raise Unreadable(f"the candidate has {len(source):,} characters; {MAX_SOURCE:,} are the most that is examined")
    for number, line in enumerate(re.split(r"\r\n|\r|\n", source)[:2], start=1):
        if _ENCODING.match(line):  # tools that read bytes would read another text than Python runs
            raise Unreadable("the candidate declares an encoding; it is text already", number)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # odd escapes are SYNTAX's to report
            return ast.parse(source)
    except SyntaxError as error:
        raise Unreadable(f"the candidate does not parse: {error.msg}", error.lineno) from error
    except (ValueError, RecursionError, MemoryError) as error:
        raise Unreadable(f"the candidate does not parse: {error}") from error


def _index(
    tree: ast.Module,
) -> tuple[tuple[ast.AST, ...], dict[ast.AST, ast.AST], dict[ast.AST, FunctionNode]]:
    """Nodes, parents and owners, without recursion. The context nodes (Load, Store) are left out: they are shared."""
    nodes: list[ast.AST] = []
    parents: dict[ast.AST, ast.AST] = {}
    owners: dict[ast.AST, FunctionNode] = {}
    todo: list[tuple[ast.AST, FunctionNode | None, int]] = [(tree, None, 0)]
    while todo:
        node, owner, depth = todo.pop()
        if depth > MAX_DEPTH:
            raise Unreadable(f"the candidate is nested more than {MAX_DEPTH} deep", getattr(node, "lineno", None))
        if depth == 1 and isinstance(node, FunctionNode):
            owner = node
        nodes.append(node)
        if owner is not None:
            owners[node] = owner
        children = [child for child in ast.iter_child_nodes(node) if not isinstance(child, ast.expr_context)]
        for child in reversed(children):
            parents[child] = node
            todo.append((child, owner, depth + 1))
    return tuple(nodes), parents, owners


def _imports(nodes: Collection[ast.AST]) -> dict[str, str]:
    found = dict(PRELUDE)
    for node in nodes:
        if isinstance(node, ast.Import):
            for alias in node.names:
                name = alias.asname or alias.name.split(".")[0]
                found[name] = alias.name if alias.asname else name
        elif isinstance(node, ast.ImportFrom):
            found |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
    return found


def rounds(function: FunctionNode) -> Iterator[int]:
    """The rounds in which a rule follows names to their values. Raises Unreadable where they are not enough."""
    yield from range(MAX_ROUNDS)
    raise Unreadable("names stand for each other in too long a chain", function.lineno)


def binds(node: ast.AST) -> tuple[str, ...]:
    """The names that one node binds, imports left out."""
    if isinstance(node, ast.Name):
        return () if isinstance(node.ctx, ast.Load) else (node.id,)
    if isinstance(node, ast.arg):
        return (node.arg,)
    if isinstance(node, FunctionNode | ast.ClassDef):
        return (node.name,)
    if isinstance(node, ast.ExceptHandler | ast.MatchAs | ast.MatchStar):
        return (node.name,) if node.name else ()
    return (node.rest,) if isinstance(node, ast.MatchMapping) and node.rest else ()


def _bound(function: FunctionNode) -> Iterator[str]:
    """Every name bound in a function, in the functions and comprehensions inside it too."""
    for node in ast.walk(function):
        if node is not function:
            yield from binds(node)


def is_called(scan: Scan, node: ast.AST) -> bool:
    """Whether a node is what a call calls, rather than a value that is passed on."""
    parent = scan.parents.get(node)
    return isinstance(parent, ast.Call) and parent.func is node


TYPED_DICT = re.compile(r"^class (\w+)\(TypedDict\):", re.MULTILINE)
