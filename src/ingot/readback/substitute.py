"""Local names replaced by what they hold, and which of them cannot be: what is changed in place, or read once only."""

from __future__ import annotations

import ast
import copy
from collections import Counter
from collections.abc import Iterator, Mapping

_MUTATORS = frozenset({
    "append", "appendleft", "extend", "extendleft", "insert", "remove", "pop", "popleft", "popitem", "clear", "sort",
    "reverse", "rotate", "update", "setdefault", "add", "discard", "subtract",
})  # fmt: skip
_READ_ONCE = frozenset({
    "map", "filter", "zip", "iter", "enumerate", "reversed", "finditer", "chain", "islice", "groupby", "accumulate",
})  # fmt: skip
_SCOPES = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp, ast.Lambda)
Env = Mapping[str, ast.expr]


def replaced(expression: ast.expr, env: Env) -> ast.expr:
    """The expression with the names in `env` replaced. A name that would be caught by an inner one is left."""
    changed = _Replace(env).visit(copy.deepcopy(expression))
    assert isinstance(changed, ast.expr)
    return changed


class _Replace(ast.NodeTransformer):
    def __init__(self, env: Env) -> None:
        self._env = env

    def visit_Name(self, node: ast.Name) -> ast.expr:
        held = self._env.get(node.id) if isinstance(node.ctx, ast.Load) else None
        return node if held is None else copy.deepcopy(held)

    def generic_visit(self, node: ast.AST) -> ast.AST:
        if isinstance(node, _SCOPES):
            bound = bound_names(node)
            outer = self._env
            self._env = {k: v for k, v in outer.items() if k not in bound and not bound & set(names(v))}
            super().generic_visit(node)
            self._env = outer
            return node
        return super().generic_visit(node)


def bound_names(node: ast.AST) -> set[str]:
    """The names that a comprehension or a lambda binds for itself."""
    if isinstance(node, ast.Lambda):
        return {argument.arg for argument in [*node.args.args, *node.args.kwonlyargs, *node.args.posonlyargs]}
    return {name for one in getattr(node, "generators", ()) for name in targets(one.target)}


def names(expression: ast.AST) -> Iterator[str]:
    """The names that an expression reads from outside itself."""
    if isinstance(expression, ast.Name):
        yield expression.id
        return
    bound = bound_names(expression) if isinstance(expression, _SCOPES) else set()
    for child in ast.iter_child_nodes(expression):
        yield from (name for name in names(child) if name not in bound)


def targets(target: ast.AST) -> list[str]:
    """The names that an assignment to `target` sets."""
    return [node.id for node in ast.walk(target) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)]


def set_names(node: ast.AST) -> Counter[str]:
    """How often each name is set in a statement and those inside it; comprehensions keep theirs to themselves."""
    found: Counter[str] = Counter()
    stack: list[ast.AST] = [node]
    while stack:
        one = stack.pop()
        if isinstance(one, _SCOPES):
            found.update(name.target.id for name in ast.walk(one) if isinstance(name, ast.NamedExpr))
            continue
        if isinstance(one, ast.FunctionDef) and one is not node:
            found[one.name] += 1
            continue
        if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Store):
            found[one.id] += 1
        if isinstance(one, ast.MatchAs | ast.MatchStar | ast.ExceptHandler) and one.name:
            found[one.name] += 1
        stack += ast.iter_child_nodes(one)
    return found


def unreplaceable(function: ast.FunctionDef) -> set[str]:
    """Local names whose value is more than the expression they were set to.

    Those are lists and the like that are changed in place, under this name or another that may mean the same object;
    iterators, which a second reading finds used up; and names set inside an expression.
    """
    changed: set[str] = set()
    linked: list[set[str]] = []
    for node in ast.walk(function):
        changed |= _changed(node)
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            aims = node.targets if isinstance(node, ast.Assign) else [node.target]
            own = {name for aim in aims for name in targets(aim)}
            if _is_read_once(node.value):
                changed |= own
            linked.append(own | set(names(node.value)))
    parameters = {argument.arg for argument in function.args.args}
    grown = True
    while grown:
        more = {name for link in linked if link & changed for name in link} - changed - parameters
        changed |= more
        grown = bool(more)
    return changed


def _changed(node: ast.AST) -> set[str]:
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _MUTATORS:
        return set(names(node.func.value))
    if isinstance(node, ast.Subscript | ast.Attribute) and isinstance(node.ctx, ast.Store):
        return set(names(node.value))
    if isinstance(node, ast.NamedExpr):
        return {node.target.id}
    if isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name) and not _is_number(node.value):
        return {node.target.id}
    return set()


def _is_number(value: ast.expr) -> bool:
    """What surely is no list: then ``x += value`` is a new value for x and nothing else changes."""
    if isinstance(value, ast.Constant):
        return not isinstance(value.value, str | bytes)
    if isinstance(value, ast.UnaryOp):
        return True
    if isinstance(value, ast.Call) and isinstance(value.func, ast.Name):
        return value.func.id in ("Decimal", "int", "float", "len", "abs", "timedelta")
    if isinstance(value, ast.Call) and isinstance(value.func, ast.Attribute):
        return value.func.attr == "quantize"
    return False


def _is_read_once(value: ast.expr) -> bool:
    if isinstance(value, ast.GeneratorExp):
        return True
    if not isinstance(value, ast.Call):
        return False
    called = value.func
    return (called.id if isinstance(called, ast.Name) else getattr(called, "attr", "")) in _READ_ONCE
