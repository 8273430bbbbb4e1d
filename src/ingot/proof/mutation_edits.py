"""The mutation operators: what a model could have written by a slip, as edits of the candidate's text."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterator

from ingot.program import Program
from ingot.proof.mutation_text import Edit, Source, Span, blocks, statements, stored
from ingot.proof.mutation_values import Texts, coarser, returns_by_function, stepped
from ingot.tables.room import asks_for_room

COMPARISONS: dict[type[ast.cmpop], tuple[str, str]] = {
    ast.Lt: ("<", "<="), ast.LtE: ("<=", "<"), ast.Gt: (">", ">="), ast.GtE: (">=", ">"), ast.Eq: ("==", "!="),
    ast.NotEq: ("!=", "=="), ast.In: (r"\bin\b", "not in"), ast.NotIn: (r"\bnot\s+in\b", "in"),
    ast.Is: (r"\bis\b", "is not"), ast.IsNot: (r"\bis\s+not\b", "is"),
}  # fmt: skip
"""Operator to its pattern in the text and its neighbour."""

ARITHMETIC: dict[type[ast.operator], tuple[str, str]] = {
    ast.Add: (r"\+", "-"), ast.Sub: ("-", "+"), ast.Mult: (r"\*", "/"), ast.Div: ("/", "*"), ast.FloorDiv: ("//", "/"),
    ast.Mod: ("%", "//"),
}  # fmt: skip

CALLED = {"min": "max", "max": "min", "any": "all", "all": "any"}
ROUNDING = {"ROUND_HALF_UP": "ROUND_HALF_EVEN", "ROUND_HALF_EVEN": "ROUND_HALF_UP", "ROUND_FLOOR": "ROUND_CEILING",
            "ROUND_CEILING": "ROUND_FLOOR"}  # fmt: skip
_NEGATED_ANYWAY = (ast.Eq, ast.NotEq, ast.In, ast.NotIn, ast.Is, ast.IsNot)


def edits(program: Program, source: Source) -> Iterator[tuple[ast.stmt, Edit]]:
    """Every edit with the top-level statement that it is in, in the order of the text; some may make the same tree."""
    texts = Texts(program, source.tree)
    returns = returns_by_function(source.tree)
    for top in source.tree.body:
        if isinstance(top, ast.FunctionDef):
            for edit in _function(top, source, texts, returns[top.name]):
                yield top, edit
        elif isinstance(top, ast.Assign | ast.AnnAssign) and top.value is not None:
            for edit in _Expression(source, texts, top.value).edits():
                yield top, edit


def _function(top: ast.FunctionDef, source: Source, texts: Texts, returns: list[ast.Return]) -> Iterator[Edit]:
    names = _Names(top, source) if returns else None
    for statement in statements(top.body):
        for expression, is_test in _expressions(statement):
            yield from _Expression(source, texts, expression, is_test).edits()
        yield from _statement(statement, source)
        for block in (*blocks(statement), *([top.body] if statement is top.body[0] else [])):
            yield from _swaps(block, source)
        if isinstance(statement, ast.Return) and statement.value is not None and names is not None:
            yield from _returns(statement, names, source, returns)


# ---- statements --------------------------------------------------------------------------------------------------


def _expressions(statement: ast.stmt) -> Iterator[tuple[ast.expr, bool]]:
    """The expressions of a statement, and whether each is a condition; no annotations, targets or docstrings."""
    if isinstance(statement, ast.If | ast.While):
        yield statement.test, True
    elif isinstance(statement, ast.For):
        yield statement.iter, False
    elif isinstance(statement, ast.Match):
        yield statement.subject, False
        for case in statement.cases:
            yield from ((one.value, False) for one in ast.walk(case.pattern) if isinstance(one, ast.MatchValue))
            if case.guard is not None:
                yield case.guard, True
    elif isinstance(statement, ast.Return | ast.Assign | ast.AugAssign | ast.AnnAssign | ast.Expr):
        value = statement.value
        if value is not None and not (isinstance(statement, ast.Expr) and isinstance(value, ast.Constant)):
            yield value, False


def _statement(statement: ast.stmt, source: Source) -> Iterator[Edit]:
    span = source.span(statement)
    if isinstance(statement, ast.AugAssign):
        yield Edit("dropped-statement", span, b"pass", span)
        pattern, other = ARITHMETIC.get(type(statement.op), ("", ""))
        place = source.between(statement.target, statement.value, pattern) if pattern else None
        if place is not None:
            yield Edit("arithmetic", place, other.encode(), span)
    elif isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call):
        yield Edit("dropped-statement", span, b"pass", span)


def _swaps(block: list[ast.stmt], source: Source) -> Iterator[Edit]:
    """The bodies of neighbouring conditions swapped: an elif after its if, an if after an if."""
    for number, first in enumerate(block):
        if not isinstance(first, ast.If):
            continue
        following = first.orelse if first.orelse else block[number + 1 : number + 2]
        if len(following) != 1 or not isinstance(following[0], ast.If):
            continue
        second = following[0]
        one, two = _body(first, source), _body(second, source)
        same_form = (first.body[0].lineno > first.test.lineno) is (second.body[0].lineno > second.test.lineno)
        if same_form and _tree(first.body) != _tree(second.body):
            between = source.of((one[1], two[0]))
            span = (one[0], two[1])
            yield Edit("swapped-clause", span, source.of(two) + between + source.of(one), span)


def _body(statement: ast.If, source: Source) -> Span:
    return source.span(statement.body[0])[0], source.span(statement.body[-1])[1]


def _tree(body: list[ast.stmt]) -> list[str]:
    return [ast.dump(statement) for statement in body]


class _Names:
    """The names that exist in a function: everywhere, and those that it sets, by line."""

    def __init__(self, top: ast.FunctionDef, source: Source) -> None:
        self._everywhere = {one.arg for one in ast.walk(top.args) if isinstance(one, ast.arg)} | set(dir(builtins))
        self._everywhere |= {
            "Decimal",
            "date",
            *ROUNDING,
            *(one for node in source.tree.body for one in _defined(node)),
        }
        inner = (one for node in top.body for one in ast.walk(node) if isinstance(one, ast.Name))
        self._set = [(one.lineno, one.id) for one in inner if isinstance(one.ctx, ast.Store)]

    def before(self, line: int) -> set[str]:
        """Those that exist in a line."""
        return self._everywhere | {name for at, name in self._set if at < line}


def _returns(own: ast.Return, names: _Names, source: Source, returns: list[ast.Return]) -> Iterator[Edit]:
    """The value of the nearest other return before and after, where the names that it reads exist."""
    assert own.value is not None
    at = returns.index(own)
    known = names.before(own.lineno)
    span = source.span(own.value)
    for others in (reversed(returns[:at]), returns[at + 1 :]):
        for other in others:
            assert other.value is not None
            if ast.dump(other.value) == ast.dump(own.value):
                continue
            read = {one.id for one in ast.walk(other.value) if isinstance(one, ast.Name)}
            if read - stored(other.value) <= known:
                text = source.of(source.span(other.value))
                yield Edit("return", span, b"(" + text + b")" if b"\n" in text else text, span)
                break


def _defined(node: ast.stmt) -> list[str]:
    if isinstance(node, ast.FunctionDef):
        return [node.name]
    if isinstance(node, ast.Import | ast.ImportFrom):
        return [alias.asname or alias.name for alias in node.names]
    return [*stored(node)]


# ---- expressions -------------------------------------------------------------------------------------------------


class _Expression:
    """The edits of one expression of a statement."""

    def __init__(self, source: Source, texts: Texts, root: ast.expr, is_test: bool = False) -> None:
        self.source, self.texts, self.root, self.is_test = source, texts, root, is_test
        self.unit = source.span(root)
        self.room = [one for node in ast.walk(root) if (one := asks_for_room(node)) is not None]

    def edits(self) -> Iterator[Edit]:
        if self.is_test:
            yield from self._test(self.root)
        yield from self._node(self.root)

    def _edit(self, operator: str, span: Span, new: str | bytes) -> Edit:
        return Edit(operator, span, new.encode() if isinstance(new, str) else new, self.unit)

    def _node(self, node: ast.AST) -> Iterator[Edit]:
        # the places of what is in an f-string are not those in the text; what a number can hold is no part of the rule
        if isinstance(node, ast.JoinedStr) or node in self.room:
            return
        if isinstance(node, ast.expr) and (values := stepped(node)) is not None:
            yield from (self._edit("boundary", self.source.span(node), value) for value in values)
            return
        if isinstance(node, ast.Constant):
            yield from self._constant(node)
        elif isinstance(node, ast.Compare):
            yield from self._compare(node)
        elif isinstance(node, ast.BoolOp):
            yield from self._boolean(node)
        elif isinstance(node, ast.UnaryOp):
            yield from self._unary(node)
        elif isinstance(node, ast.BinOp):
            yield from self._binary(node)
        elif isinstance(node, ast.IfExp):
            yield from self._test(node.test)
        elif isinstance(node, ast.comprehension):
            for test in node.ifs:
                yield from self._test(test)
        elif isinstance(node, ast.Name) and node.id in ROUNDING:
            yield self._edit("constant", self.source.span(node), ROUNDING[node.id])
        yield from self._inside(node)

    def _inside(self, node: ast.AST) -> Iterator[Edit]:
        inner = list(ast.iter_child_nodes(node))
        if isinstance(node, ast.Call):
            if isinstance(node.func, ast.Name) and node.func.id in CALLED:
                yield self._edit("arithmetic", self.source.span(node.func), CALLED[node.func.id])
            unit = node.args[0] if node.args and getattr(node.func, "attr", "") == "quantize" else None
            if unit is not None and (values := coarser(unit)) is not None:
                yield from (self._edit("constant", self.source.span(unit), value) for value in values)
                inner.remove(unit)
        for child in inner:
            yield from self._node(child)

    def _test(self, test: ast.expr) -> Iterator[Edit]:
        """A condition that is never met, always met, or met when it should not be."""
        if test in self.room:
            return
        span = self.source.span(test)
        yield self._edit("removed-branch", span, "False")
        yield self._edit("removed-branch", span, "True")
        yield from self._negated(test, span)

    def _negated(self, operand: ast.expr, span: Span) -> Iterator[Edit]:
        single = isinstance(operand, ast.Compare) and len(operand.ops) == 1
        is_done = isinstance(operand, ast.Compare) and single and isinstance(operand.ops[0], _NEGATED_ANYWAY)
        is_not = isinstance(operand, ast.UnaryOp) and isinstance(operand.op, ast.Not)
        if not is_done and not is_not and not isinstance(operand, ast.Constant):
            text = self.source.of(span)
            simple = isinstance(operand, ast.Name | ast.Call | ast.Subscript | ast.Attribute)
            yield self._edit("boolean", span, b"not " + text if simple else b"not (" + text + b")")

    def _constant(self, node: ast.Constant) -> Iterator[Edit]:
        span = self.source.span(node)
        if isinstance(node.value, bool):
            yield self._edit("constant", span, str(not node.value))
        elif isinstance(node.value, str):
            for other in self.texts.others(node):
                yield self._edit("constant", span, _quoted(other))

    def _compare(self, node: ast.Compare) -> Iterator[Edit]:
        operands = [node.left, *node.comparators]
        for number, op in enumerate(node.ops):
            pattern, other = COMPARISONS[type(op)]
            place = self.source.between(operands[number], operands[number + 1], pattern)
            if place is not None:
                yield self._edit("comparison", place, other)

    def _boolean(self, node: ast.BoolOp) -> Iterator[Edit]:
        word, other = ("and", "or") if isinstance(node.op, ast.And) else ("or", "and")
        start, end = self.source.span(node)
        places = [
            place
            for left, right in zip(node.values, node.values[1:], strict=False)
            if (place := self.source.between(left, right, rf"\b{word}\b")) is not None
        ]
        new, at = b"", start
        for place in places:
            new, at = new + self.source.of((at, place[0])) + other.encode(), place[1]
        yield self._edit("boolean", (start, end), new + self.source.of((at, end)))
        wholes = [self.source.whole(value) for value in node.values]
        for number, value in enumerate(node.values):
            cut = (wholes[number - 1][1], wholes[number][1]) if number else (wholes[0][0], wholes[1][0])
            yield self._edit("boolean", cut, b"")
            yield from self._negated(value, wholes[number])

    def _unary(self, node: ast.UnaryOp) -> Iterator[Edit]:
        start, _ = self.source.span(node)
        if isinstance(node.op, ast.Not):
            text = self.source.text[start + 3 :]
            yield self._edit("boolean", (start, start + 3 + len(text) - len(text.lstrip())), b"")
        elif isinstance(node.op, ast.USub) and not isinstance(node.operand, ast.Constant):
            yield self._edit("arithmetic", (start, start + 1), b"+")

    def _binary(self, node: ast.BinOp) -> Iterator[Edit]:
        pattern, other = ARITHMETIC.get(type(node.op), ("", ""))
        if not pattern or _is_text(node.left) or _is_text(node.right):
            return
        place = self.source.between(node.left, node.right, pattern)
        if place is not None:
            yield self._edit("arithmetic", place, other)


def _is_text(node: ast.expr) -> bool:
    """Whether this is a text for certain: another operator on it would only raise."""
    if isinstance(node, ast.BinOp):
        return _is_text(node.left) or _is_text(node.right)
    return isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str))


def _quoted(text: str) -> str:
    return f'"{text}"' if text.isprintable() and '"' not in text and "\\" not in text else repr(text)
