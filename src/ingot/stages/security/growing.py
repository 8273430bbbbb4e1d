"""What is walked and grows meanwhile never ends (SEC031), and functions as values, which can call themselves (SEC030)."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from ingot.stages.security.scan import FunctionNode, Scan, is_called
from ingot.verdict import Finding

_GROWERS = frozenset({"append", "extend", "insert", "appendleft", "extendleft"})
_LAZY = frozenset(
    {"enumerate", "zip", "reversed", "iter", "map", "filter", "itertools.chain", "itertools.islice",
     "itertools.zip_longest", "itertools.accumulate", "itertools.takewhile", "itertools.dropwhile",
     "itertools.starmap", "itertools.filterfalse", "itertools.compress", "itertools.pairwise"}
)  # fmt: skip
_TAKERS = _LAZY | {
    "sorted", "min", "max", "functools.reduce", "itertools.groupby", "re.sub", "collections.defaultdict", "json.loads",
    "json.dumps", "bisect.bisect", "bisect.bisect_left", "bisect.bisect_right",
}  # fmt: skip
_TAKING_METHODS = frozenset({"sort", "sub"})


def growing(scan: Scan) -> Iterator[Finding]:
    """SEC031: a list that grows while it is walked, also under another name, in a comprehension or by its own items."""
    for function in scan.functions():
        same = _same_names(function)
        for node in ast.walk(function):
            walked, inside = _walk_of(scan, node)
            names = {same.get(name, name) for part in walked for name in _walked(scan, part)}
            grown = (name for part in inside for inner in ast.walk(part) for name in _grown(inner))
            if found := sorted(name for name in set(grown) if same.get(name, name) in names):
                yield scan.finding(
                    "SEC031", node, f"{found[0]!r} grows while it is walked", "collect into another list"
                )


def _walk_of(scan: Scan, node: ast.AST) -> tuple[list[ast.expr], list[ast.AST]]:
    """What a node walks, and what happens at each step."""
    if isinstance(node, ast.For):
        plain = isinstance(node.iter, ast.Name)  # told by `loops`, where it grows under this name
        return [node.iter], [part for part in node.body if not (plain and _is_told(node, part))]
    if isinstance(node, ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp):
        return [part.iter for part in node.generators], list(ast.iter_child_nodes(node))
    if isinstance(node, ast.AugAssign) and isinstance(node.op, ast.Add):
        return ([node.value], [node]) if not isinstance(node.value, ast.Name) else ([], [])
    if not isinstance(node, ast.Call):
        return [], []
    if isinstance(node.func, ast.Attribute) and node.func.attr in _GROWERS:
        return [part for part in node.args if not isinstance(part, ast.Name)], [node.func]
    return list(node.args), [part for part in node.args if isinstance(part, ast.Attribute | ast.Lambda)]


def _is_told(node: ast.For, part: ast.AST) -> bool:
    assert isinstance(node.iter, ast.Name)
    return any(name == node.iter.id for inner in ast.walk(part) for name in _grown(inner))


def _walked(scan: Scan, node: ast.expr) -> Iterator[str]:
    """The names whose items a walk over an expression takes as it goes; what is copied first is not among them."""
    if isinstance(node, ast.Name):
        yield node.id
    elif isinstance(node, ast.Subscript) and not isinstance(node.slice, ast.Slice):
        yield ast.unparse(node)
    elif isinstance(node, ast.GeneratorExp):
        yield from (name for part in node.generators for name in _walked(scan, part.iter))
    elif isinstance(node, ast.IfExp):
        yield from (*_walked(scan, node.body), *_walked(scan, node.orelse))
    elif isinstance(node, ast.Call) and scan.dotted(node.func) in _LAZY:
        yield from (name for part in node.args for name in _walked(scan, part))


def _grown(node: ast.AST) -> Iterator[str]:
    """What a node makes longer: a name, or a part of one as it is written."""
    if isinstance(node, ast.AugAssign) and isinstance(node.op, ast.Add):
        yield ast.unparse(node.target)
    elif (isinstance(node, ast.Attribute) and node.attr in _GROWERS) or (
        isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store) and isinstance(node.slice, ast.Slice)
    ):
        yield ast.unparse(node.value)


def _same_names(function: FunctionNode) -> dict[str, str]:
    """Name to the name that it was first given the value of."""
    found: dict[str, str] = {}
    for node in ast.walk(function):
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Name | ast.Subscript):
            origin = ast.unparse(node.value)
            for target in node.targets:
                if isinstance(target, ast.Name) and target.id != origin:
                    found[target.id] = found.get(origin, origin)
    return found


# ---- functions as values -----------------------------------------------------------------------------------------


def function_values(scan: Scan) -> Iterator[Finding]:
    """SEC030: a function that is kept or handed on where it could come back to itself. It may be called, have a name, and be
    given to what is known to take one."""
    own = {function: _functions_in(function) for function in scan.functions()}
    for node in scan.nodes:
        owner = scan.owners.get(node)
        named = isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and owner and node.id in own[owner]
        if (named or isinstance(node, ast.Lambda)) and not is_called(scan, node):
            parent = scan.parents.get(node)
            holds_name = isinstance(node, ast.Lambda) and isinstance(parent, ast.Assign)
            if not holds_name and not _is_taken(scan, node):
                hint = "call it, or give it to map, filter, sorted, min, max, reduce or sub"
                yield scan.finding("SEC030", node, "a function is kept as a value and may come back to itself", hint)


def _functions_in(function: FunctionNode) -> frozenset[str]:
    """The names of the functions and lambdas inside a function."""
    found = {node.name for node in ast.walk(function) if isinstance(node, FunctionNode) and node is not function}
    for node in ast.walk(function):
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Lambda):
            found |= {target.id for target in node.targets if isinstance(target, ast.Name)}
    return frozenset(found)


def _is_taken(scan: Scan, node: ast.AST) -> bool:
    """Whether a function is given to a call that only calls it."""
    parent = scan.parents.get(node)
    call = scan.parents.get(parent) if isinstance(parent, ast.keyword) else parent
    if not isinstance(call, ast.Call) or (isinstance(parent, ast.keyword) and parent.arg in (None, "default", "cls")):
        return False
    if not isinstance(parent, ast.keyword) and not _is_place(scan, call, node):
        return False
    if isinstance(call.func, ast.Attribute) and call.func.attr in _TAKING_METHODS:
        return True
    return scan.dotted(call.func) in _TAKERS


def _is_place(scan: Scan, call: ast.Call, node: ast.AST) -> bool:
    """Whether a positional argument is where the callee takes a function: the first one, of `re.sub` the second."""
    place = {"re.sub": 1, "itertools.accumulate": 1, "itertools.groupby": 1}.get(scan.dotted(call.func) or "", 0)
    return scan.dotted(call.func) not in ("sorted", "min", "max") and call.args[place : place + 1] == [node]
