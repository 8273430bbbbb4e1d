"""Branches of a program, and a copy of it that notes which it takes. Pure: source text in, syntax tree out.

A branch is a direction that a test, a loop, a case or an except clause can go. Line tracing alone cannot see
``a if b else c`` or a comprehension's condition, so each test is wrapped in a call that passes its value on.
"""

from __future__ import annotations

import ast
import threading
from dataclasses import dataclass
from typing import cast

from ingot.tables.room import asks_for_room

NOTE = "_ingot_taken"
"""The name of the noting function in the copy; a generated name never starts with ``_ingot``."""


@dataclass(frozen=True, slots=True)
class Branch:
    """One direction. `line` is where the decision stands, `target` the first line run when it goes this way, None
    where it only goes on. Lines count in ``logic.py``. `number` is what the noting function records."""

    number: int
    line: int
    target: int | None
    what: str
    function: str | None

    def __str__(self) -> str:
        return f"line {self.line} ({self.what})"


_PARSING = threading.Lock()


def parse(text: str) -> ast.Module:
    """The tree of a text. CPython 3.11 counts the depth of all trees in the making as one: two threads that parse large
    texts at once make each other fail with SystemError."""
    with _PARSING:
        return ast.parse(text)


def instrument(text: str, offset: int, last: int) -> tuple[ast.Module, tuple[Branch, ...]]:
    """The tree of `text` with its branches noted, and the branches of its lines from `offset` + 1 to `last`.

    Raises SyntaxError for text that is no Python.
    """
    tree = parse(text)
    noting = _Noting(offset, last)
    noted = cast(ast.Module, ast.fix_missing_locations(noting.visit(tree)))
    return noted, tuple(sorted(noting.found, key=lambda branch: (branch.line, branch.number)))


def failing(text: str, number: int) -> ast.Module:
    """The tree of a text with a failure where its branch `number` is taken: what tells this copy from the
    text is an input that takes the branch. Raises SyntaxError for text that is no Python.
    """
    failing = _Failing(number, text.count("\n") + 1)
    return cast(ast.Module, ast.fix_missing_locations(failing.visit(parse(text))))


class _Noting(ast.NodeTransformer):
    def __init__(self, offset: int, last: int) -> None:
        self.offset = offset
        self.last = last
        self.found: list[Branch] = []
        self.function: str | None = None
        self.next = 0
        self.filled: frozenset[str] = frozenset()

    def visit(self, node: ast.AST) -> ast.AST:
        """Only what stands in the logic is changed; the flow around it is Ingot's own."""
        if isinstance(node, ast.stmt) and not self.offset < node.lineno <= self.last:
            return node
        visited: ast.AST = super().visit(node)
        return visited

    def visit_Module(self, node: ast.Module) -> ast.AST:
        self.filled = _filled(node)
        return self.generic_visit(node)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        outer, self.function = self.function, self.function or node.name
        self.generic_visit(node)
        self.function = outer
        return node

    def visit_If(self, node: ast.If) -> ast.AST:
        node.test = self._test(node.test, "true", node.body[0], "false", node.orelse[0] if node.orelse else None)
        return self.generic_visit(node)

    def visit_While(self, node: ast.While) -> ast.AST:
        node.test = self._test(node.test, "enters the loop", node.body[0], "leaves the loop", None)
        return self.generic_visit(node)

    def visit_IfExp(self, node: ast.IfExp) -> ast.AST:
        if asks_for_room(node) is node.test:  # no case need be so large
            return self.generic_visit(node)
        node.test = self._test(node.test, "true", node.body, "false", node.orelse)
        return self.generic_visit(node)

    def visit_comprehension(self, node: ast.comprehension) -> ast.AST:
        node.ifs = [self._test(test, "true", None, "false", None) for test in node.ifs]
        return self.generic_visit(node)

    def visit_For(self, node: ast.For) -> ast.AST:
        if _is_filled(node.iter, self.filled):  # no input makes it empty
            number = self._number()
            self._add(number, node.iter.lineno, node.body[0], "goes round")
        else:
            number = self._pair(node.iter.lineno, "goes round", node.body[0], "is empty", None)
        self.generic_visit(node)
        node.iter = self._call(number, node.iter, ast.Constant("loop"))
        return node

    def visit_Match(self, node: ast.Match) -> ast.AST:
        for case in node.cases:
            self._mark(case.body, case.pattern.lineno, "the case matches")
        return self.generic_visit(node)

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> ast.AST:
        self._mark(node.body, node.lineno, "the exception is caught")
        return self.generic_visit(node)

    def _test(self, test: ast.expr, yes: str, body: ast.AST | None, no: str, otherwise: ast.AST | None) -> ast.expr:
        if isinstance(test, ast.Constant):  # `while True` goes one way only
            return test
        return self._call(self._pair(test.lineno, yes, body, no, otherwise), test)

    def _pair(self, line: int, yes: str, body: ast.AST | None, no: str, otherwise: ast.AST | None) -> int:
        number = self._number()
        self._add(number, line, body, yes)
        self._add(number + 1, line, otherwise, no)
        return number

    def _mark(self, body: list[ast.stmt], line: int, what: str) -> None:
        number = self._number()
        self._add(number, line, body[0], what)
        call = ast.Expr(self._call(number, ast.Constant(None), ast.Constant("mark")))
        body.insert(0, ast.copy_location(call, body[0]))

    def _number(self) -> int:
        self.next += 2
        return self.next - 2

    def _add(self, number: int, line: int, target: ast.AST | None, what: str) -> None:
        place = getattr(target, "lineno", None)
        target_line = None if place is None else place - self.offset
        self.found.append(Branch(number, line - self.offset, target_line, what, self.function))

    def _call(self, number: int, value: ast.expr, *more: ast.expr) -> ast.expr:
        call = ast.Call(ast.Name(NOTE, ast.Load()), [ast.Constant(number), value, *more], [])
        return ast.copy_location(call, value if hasattr(value, "lineno") else more[0])


def _filled(module: ast.Module) -> frozenset[str]:
    """The constants of a module that are written out with something in them and assigned nowhere else; `[]` after a
    name says that it is so for everything in it."""
    stored = [name.id for name in ast.walk(module) if isinstance(name, ast.Name) and isinstance(name.ctx, ast.Store)]
    names: set[str] = set()
    for node in module.body:
        match node:
            case ast.Assign([ast.Name(name)], value) | ast.AnnAssign(ast.Name(name), _, value):
                if value is not None and stored.count(name) == 1 and _is_filled(value, frozenset()):
                    names.add(name)
                    names |= {f"{name}[]"} if _are_filled(value) else set()
    return frozenset(names)


def _are_filled(value: ast.expr) -> bool:
    match value:
        case ast.Tuple(items) | ast.List(items) | ast.Dict(_, items):
            return all(_is_filled(item, frozenset()) for item in items)
        case _:
            return False


def _is_filled(iterated: ast.expr, constants: frozenset[str]) -> bool:
    """Whether what is gone over can be seen to have something in it, whatever the input."""
    match iterated:
        case ast.Name(name):
            return name in constants
        case ast.Subscript(ast.Name(name)):
            return f"{name}[]" in constants
        case ast.Tuple(items) | ast.List(items) | ast.Dict(items, _):
            return any(item is not None and not isinstance(item, ast.Starred) for item in items)
        case ast.IfExp(_, body, otherwise):
            return _is_filled(body, constants) and _is_filled(otherwise, constants)
        case ast.Call(ast.Attribute(of, "items" | "keys" | "values"), [], []):
            return _is_filled(of, constants)
        case ast.Call(ast.Name("reversed" | "sorted" | "enumerate"), [of, *_], _):
            return _is_filled(of, constants)
        case _:
            return False


class _Failing(_Noting):
    """The numbers are those of `_Noting`: it goes the same way and puts the failure where the other puts its call."""

    def __init__(self, wanted: int, last: int) -> None:
        super().__init__(0, last)
        self.wanted = wanted

    def visit_For(self, node: ast.For) -> ast.AST:
        inside = self.next == self.wanted
        visited = super().visit_For(node)
        if inside:
            node.body.insert(0, ast.copy_location(ast.Expr(_failure()), node.body[0]))
        return visited

    def _call(self, number: int, value: ast.expr, *more: ast.expr) -> ast.expr:
        kind = more[0].value if more and isinstance(more[0], ast.Constant) else "test"
        if kind == "mark":
            return _failure() if number == self.wanted else value
        if number == self.wanted and kind == "test":
            return ast.BoolOp(ast.And(), [value, _failure()])
        if number + 1 != self.wanted:
            return value
        return ast.BoolOp(ast.Or(), [_sized(value) if kind == "loop" else value, _failure()])


def _sized(iterated: ast.expr) -> ast.expr:
    """What is gone over, such that it is false where it is empty: an iterator is always true."""
    own = isinstance(iterated, ast.Call) and isinstance(iterated.func, ast.Name)
    if isinstance(iterated, ast.GeneratorExp) or (own and iterated.func.id not in ("range", "sorted", "list")):  # type: ignore[attr-defined]
        return ast.Call(ast.Name("list", ast.Load()), [iterated], [])
    return iterated


def _failure() -> ast.expr:
    """``None < 1``, which raises in every context."""
    return ast.Compare(ast.Constant(None), [ast.Lt()], [ast.Constant(1)])
