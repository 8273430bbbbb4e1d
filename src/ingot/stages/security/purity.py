"""Honest, pure functions: what they catch, what they share and what they change (SEC040 to SEC043)."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from ingot.stages.security.allowed import MUTATORS
from ingot.stages.security.scan import FunctionNode, Scan, rounds
from ingot.stages.security.sharing import Shape, annotated_shape, changes, literal_shape, unbound_changes
from ingot.verdict import Finding


def catch_all(scan: Scan) -> Iterator[Finding]:
    """SEC040: an except for everything that does not raise again, one that does not name what it catches, and a finally
    that is left early, which drops every error."""
    hint = "name the errors that can happen"
    for node in scan.nodes:
        if isinstance(node, ast.Try) and any(map(_leaves, node.finalbody)):
            yield scan.finding("SEC040", node.finalbody[0], "this finally swallows every error", "leave it to its end")
        if not isinstance(node, ast.ExceptHandler):
            continue
        kinds = node.type.elts if isinstance(node.type, ast.Tuple) else [node.type]
        names = [None if kind is None else scan.dotted(kind) for kind in kinds]
        if any(kind is not None and _is_unnamed(scan, kind) for kind in kinds):
            yield scan.finding("SEC040", node, "what this except catches is not written out", hint)
        elif any(name in (None, "Exception", "BaseException") for name in names) and not _raises_again(node):
            yield scan.finding("SEC040", node, "this except swallows every error", hint)


def _is_unnamed(scan: Scan, kind: ast.expr) -> bool:
    return scan.dotted(kind) is None or (isinstance(kind, ast.Name) and kind.id in scan.constants)


def _raises_again(node: ast.ExceptHandler) -> bool:
    """Whether every way through a handler ends in a raise."""
    return _ends_in_raise(node.body) and not any(map(_leaves, node.body))


def _ends_in_raise(body: list[ast.stmt]) -> bool:
    last = body[-1] if body else None
    if isinstance(last, ast.If):
        return _ends_in_raise(last.body) and _ends_in_raise(last.orelse)
    return isinstance(last, ast.Raise)


def _leaves(node: ast.AST, in_loop: bool = False) -> bool:
    """Whether a statement can leave what is around it without an error."""
    if isinstance(node, FunctionNode | ast.Lambda):
        return False
    if isinstance(node, ast.Return) or (isinstance(node, ast.Break | ast.Continue) and not in_loop):
        return True
    inside = in_loop or isinstance(node, ast.For | ast.While)
    return any(_leaves(child, inside) for child in ast.iter_child_nodes(node))


def mutable_defaults(scan: Scan) -> Iterator[Finding]:
    """SEC041: a list, dict or set as a default, or a call that makes one."""
    makers = (ast.List, ast.Dict, ast.Set, ast.ListComp, ast.DictComp, ast.SetComp)
    for node in scan.nodes:
        if not isinstance(node, FunctionNode | ast.Lambda):
            continue
        for default in (*node.args.defaults, *(default for default in node.args.kw_defaults if default is not None)):
            made = isinstance(default, ast.Call) and scan.dotted(default.func) in (
                "list", "dict", "set", "collections.deque", "collections.defaultdict", "collections.Counter",
            )  # fmt: skip
            if made or isinstance(default, makers):
                yield scan.finding("SEC041", default, "a mutable default is shared by all calls", "use None or a tuple")


def asserts(scan: Scan) -> Iterator[Finding]:
    """SEC043: assert statements."""
    for node in scan.nodes:
        if isinstance(node, ast.Assert):
            yield scan.finding("SEC043", node, "assert disappears under optimisation", "use if … raise")


# ---- changed inputs ----------------------------------------------------------------------------------------------


def mutations(scan: Scan) -> Iterator[Finding]:
    """SEC042: a change in place of a parameter, of a part of one, or of a constant of the module."""
    for unbound in unbound_changes(scan):
        hint = "call it on the value that it changes"
        yield scan.finding("SEC042", unbound, f"{ast.unparse(unbound)} does not say what it changes", hint)
    constants = {name: literal_shape(scan, value) for name, value in scan.constants.items()}
    for function in scan.functions():
        told: set[int] = set()
        shared = _shared(scan, function)
        fresh = _fresh(function, shared)
        for node in ast.walk(function):
            for root in _changed(node):
                if root in shared and getattr(node, "lineno", 0) <= fresh.get(root, 10**9):
                    what = "the constant" if root in scan.constants else "the input behind"
                    told.add(getattr(node, "lineno", 0))
                    yield scan.finding("SEC042", node, f"{what} {root!r} is changed in place", "work on a copy")
        own = {name: shape for name, shape in constants.items() if name not in scan.bound[function]}
        for node in changes(scan, function, own):
            if getattr(node, "lineno", 0) not in told:
                message = "a constant, or a part of one, may be changed in place: the next run would see it"
                told.add(getattr(node, "lineno", 0))
                yield scan.finding("SEC042", node, message, "work on a copy")
        for node in changes(scan, function, _given(function)):  # a number that is added to is not what was given
            if getattr(node, "lineno", 0) not in told and not isinstance(node, ast.AugAssign):
                message = "an input, or a part of one, may be changed in place"
                yield scan.finding("SEC042", node, message, "work on a copy")


def _given(function: FunctionNode) -> dict[str, Shape]:
    """The shapes of the parameters that stand for the same thing all through the function."""
    stored = {node.id for node in ast.walk(function) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    arguments = (*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs)
    return {one.arg: annotated_shape(one.annotation) for one in arguments if one.arg not in stored}


def _parameters(function: FunctionNode) -> set[str]:
    arguments = function.args
    return {one.arg for one in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)}


def _shared(scan: Scan, function: FunctionNode) -> set[str]:
    """Parameters, constants, and the names that stand for them or a part of them; to a fixed point."""
    shared = _parameters(function) | scan.constants.keys()
    aliases = [pair for node in ast.walk(function) for pair in _aliases(node)]
    for _ in rounds(function):
        more = {name for target, value in aliases if _roots(value) & shared for name in _target_names(target)} - shared
        if not more:
            break
        shared |= more
    return shared


def _aliases(node: ast.AST) -> Iterator[tuple[ast.expr, ast.expr]]:
    """(target, value) where the target may be the value or a part of it."""
    if isinstance(node, ast.Assign):
        yield from ((target, node.value) for target in node.targets)
    elif isinstance(node, ast.For | ast.comprehension):
        yield node.target, node.iter
    elif isinstance(node, ast.AnnAssign | ast.NamedExpr) and node.value is not None:
        yield node.target, node.value
    elif isinstance(node, ast.Match):
        for part in (inner for case in node.cases for inner in ast.walk(case.pattern)):
            if isinstance(part, ast.MatchAs | ast.MatchStar) and part.name:
                yield ast.Name(part.name), node.subject


def _target_names(node: ast.expr) -> Iterator[str]:
    if isinstance(node, ast.Name):
        yield node.id
    elif isinstance(node, ast.Tuple | ast.List):
        for part in node.elts:
            yield from _target_names(part)
    elif isinstance(node, ast.Starred):
        yield from _target_names(node.value)


def _roots(node: ast.expr) -> frozenset[str]:
    """The names that a value may be, or be a part of: those of every branch it is chosen from."""
    if isinstance(node, ast.IfExp):
        return _roots(node.body) | _roots(node.orelse)
    if isinstance(node, ast.BoolOp):
        return frozenset().union(*map(_roots, node.values))
    if isinstance(node, ast.NamedExpr):
        return _roots(node.value)
    root = _root(node)
    return frozenset() if root is None else frozenset({root})


def _root(node: ast.expr) -> str | None:
    """The name that a value is, or is a part of; slices and arithmetic make new values."""
    while True:
        if isinstance(node, ast.Name):
            return node.id
        if isinstance(node, ast.Subscript) and not isinstance(node.slice, ast.Slice):
            node = node.value
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            if node.func.attr not in ("get", "values", "items", "setdefault"):
                return None
            node = node.func.value
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.args:
            if node.func.id not in ("enumerate", "reversed", "zip", "iter"):
                return None
            node = node.args[0]
        else:
            return None


def _fresh(function: FunctionNode, shared: set[str]) -> dict[str, int]:
    """Name → line of the first plain statement of the function that gives it a value of its own."""
    lines: dict[str, int] = {}
    for node in function.body:
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None and not _roots(node.value) & shared:
            for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
                if isinstance(target, ast.Name):
                    lines.setdefault(target.id, node.lineno)
    return lines


def _changed(node: ast.AST) -> Iterator[str]:
    target: ast.expr | None = None
    if (isinstance(node, ast.Attribute) and node.attr in MUTATORS) or (  # called here, or passed on to be called
        isinstance(node, ast.Subscript) and not isinstance(node.ctx, ast.Load)
    ):
        target = node.value
    elif isinstance(node, ast.AugAssign) and isinstance(node.value, ast.List | ast.ListComp):
        target = node.target
    yield from sorted(_roots(target)) if target is not None else ()
