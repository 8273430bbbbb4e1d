"""Programs that end: recursion and loops (SEC030 and SEC031)."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping

from ingot.stages.security.allowed import MUTATORS
from ingot.stages.security.scan import FunctionNode, Scan, is_called
from ingot.verdict import Finding

_ENDLESS = frozenset({"itertools.count", "itertools.cycle", "itertools.repeat"})


def recursion(scan: Scan) -> Iterator[Finding]:
    """SEC030: a function whose name is used in its own body, or in a circle of bodies. A use is enough: functions are
    values, so a name that is passed on can be called."""
    bodies = _bodies(scan)
    uses = {
        name: {
            part.id
            for body in found
            for part in ast.walk(body)
            if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Load) and part.id in bodies
        }
        for name, found in bodies.items()
    }
    for name in bodies:
        if name in _reachable(uses, name):
            yield scan.finding("SEC030", bodies[name][0], f"{name!r} reaches itself", "use a loop over bounded data")


def _bodies(scan: Scan) -> dict[str, list[ast.AST]]:
    """Function and lambda bodies by the name they are bound to."""
    bodies: dict[str, list[ast.AST]] = {}
    for node in scan.nodes:
        if isinstance(node, FunctionNode):
            bodies.setdefault(node.name, []).append(node)
        elif isinstance(node, ast.Assign) and isinstance(node.value, ast.Lambda):
            for target in node.targets:
                if isinstance(target, ast.Name):
                    bodies.setdefault(target.id, []).append(node.value)
    return bodies


def _reachable(uses: Mapping[str, set[str]], start: str) -> set[str]:
    seen: set[str] = set()
    todo = list(uses[start])
    while todo:
        name = todo.pop()
        if name not in seen:
            seen.add(name)
            todo += uses[name]
    return seen


def loops(scan: Scan) -> Iterator[Finding]:
    """SEC031: while without progress, endless iterators, and growing the list that is being walked."""
    for node in scan.nodes:
        if isinstance(node, ast.While):
            yield from _while(scan, node)
        elif isinstance(node, ast.For) and isinstance(node.iter, ast.Name):
            if any(_grows(part, node.iter.id) for part in ast.walk(node)):
                hint = "collect into another list"
                yield scan.finding("SEC031", node, f"{node.iter.id!r} grows while it is walked", hint)
        elif isinstance(node, ast.Name | ast.Attribute):
            yield from _endless(scan, node)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and scan.is_global(node, "iter"):
            call = scan.parents.get(node)
            one = is_called(scan, node) and isinstance(call, ast.Call) and len(call.args) == 1
            if not (one and isinstance(call, ast.Call) and not isinstance(call.args[0], ast.Starred)):
                message = "iter() with a sentinel may never end"
                yield scan.finding("SEC031", call or node, message, "walk the values themselves")


def _while(scan: Scan, node: ast.While) -> Iterator[Finding]:
    names = {part.id for part in ast.walk(node.test) if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Load)}
    walrus = any(  # of a value that something works out, and no constant or name
        isinstance(part, ast.NamedExpr) and any(isinstance(one, ast.Call | ast.BinOp) for one in ast.walk(part.value))
        for part in ast.walk(node.test)
    )
    changed = {name for statement in node.body for part in ast.walk(statement) for name in _changes(part)}
    hint = "use for … in range(…), or a condition that the body moves towards its end"
    if not names and not walrus:
        yield scan.finding("SEC031", node, "the loop's condition is a constant", hint)
    elif not names & changed and not walrus:
        yield scan.finding("SEC031", node, f"nothing in the loop changes {', '.join(sorted(names))}", hint)


def _changes(node: ast.AST) -> Iterator[str]:
    """The names that a node gives a value to or changes in place."""
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
        yield node.id
    elif (isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store) and isinstance(node.value, ast.Name)) or (
        isinstance(node, ast.Attribute) and node.attr in MUTATORS and isinstance(node.value, ast.Name)
    ):
        yield node.value.id


def _grows(node: ast.AST, name: str) -> bool:
    if isinstance(node, ast.AugAssign):
        return isinstance(node.target, ast.Name) and node.target.id == name and isinstance(node.op, ast.Add)
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in ("append", "extend", "insert", "appendleft", "extendleft")
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id == name
    )


def _endless(scan: Scan, node: ast.Name | ast.Attribute) -> Iterator[Finding]:
    dotted = scan.dotted(node)
    if dotted not in _ENDLESS:
        return
    call = scan.parents.get(node)
    if dotted == "itertools.repeat" and isinstance(call, ast.Call) and _is_counted(call):
        return
    outer = scan.parents.get(call) if call is not None else None
    if isinstance(outer, ast.Call) and isinstance(call, ast.Call) and is_called(scan, node) and _ends(scan, outer):
        return
    yield scan.finding("SEC031", node, f"{dotted} never ends", "use range, or islice around it")


def _is_counted(call: ast.Call) -> bool:
    """Whether `repeat` is told how often."""
    plain = len(call.args) > 1 and not any(isinstance(one, ast.Starred) for one in call.args)
    return plain or any(keyword.arg == "times" for keyword in call.keywords)


def _ends(scan: Scan, outer: ast.Call) -> bool:
    """Whether a call around an endless iterator ends: zip with its shortest argument, islice with its count."""
    rest = [one for one in outer.args if not isinstance(one, ast.Starred)]
    if scan.dotted(outer.func) == "zip":
        return any(not (isinstance(one, ast.Call) and scan.dotted(one.func) in _ENDLESS) for one in rest)
    if scan.dotted(outer.func) != "itertools.islice" or not 2 <= len(rest) == len(outer.args):
        return False
    stop = rest[1] if len(rest) == 2 else rest[2]
    return not (isinstance(stop, ast.Constant) and stop.value is None)
