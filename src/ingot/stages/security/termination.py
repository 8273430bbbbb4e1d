"""Programs that end, in bounded space: recursion, loops, bombs (SEC030 to SEC032)."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping

from ingot.stages.security.allowed import MUTATORS
from ingot.stages.security.scan import FunctionNode, Scan
from ingot.verdict import Finding

MAX_BITS = 4_096
MAX_COPIES = 100_000
MAX_STEPS = 1_000_000
MAX_WIDTH = 1_000


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
        elif isinstance(node, ast.Call) and scan.is_global(node.func, "iter") and len(node.args) > 1:
            yield scan.finding("SEC031", node, "iter() with a sentinel may never end", "walk the values themselves")


def _while(scan: Scan, node: ast.While) -> Iterator[Finding]:
    names = {part.id for part in ast.walk(node.test) if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Load)}
    walrus = any(isinstance(part, ast.NamedExpr) for part in ast.walk(node.test))
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
    if dotted not in ("itertools.count", "itertools.cycle", "itertools.repeat"):
        return
    call = scan.parents.get(node)
    if dotted == "itertools.repeat" and isinstance(call, ast.Call) and (len(call.args) > 1 or call.keywords):
        return
    outer = scan.parents.get(call) if call is not None else None
    # zip ends with its shortest argument; islice with its count.
    if isinstance(outer, ast.Call) and len(outer.args) > 1 and scan.dotted(outer.func) in ("zip", "itertools.islice"):
        return
    yield scan.finding("SEC031", node, f"{dotted} never ends", "use range, or islice around it")


# ---- bombs -------------------------------------------------------------------------------------------------------


def bombs(scan: Scan) -> Iterator[Finding]:
    """SEC032: constant powers, shifts, repetitions, ranges, products, widths and exponents beyond any use."""
    for node in scan.nodes:
        why: str | None = None
        if isinstance(node, ast.BinOp):
            why = _operation(node)
        elif isinstance(node, ast.Call):
            why = _call(scan, node)
        elif isinstance(node, ast.JoinedStr) and isinstance(scan.parents.get(node), ast.FormattedValue):
            why = _width("".join(str(part.value) for part in node.values if isinstance(part, ast.Constant)))
        elif isinstance(node, ast.Constant) and type(node.value) is int and node.value.bit_length() > MAX_BITS:
            why = "a number of thousands of digits"
        elif isinstance(node, ast.For):
            why = _nested(scan, node)
        if why is not None:
            yield scan.finding("SEC032", node, why, "keep constants to sizes that the rule needs")


def whole(node: ast.AST) -> int | None:
    """The value of a constant whole-number expression, or None; large powers are not worked out."""
    if isinstance(node, ast.Constant):
        return node.value if type(node.value) is int else None
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        inner = whole(node.operand)
        return None if inner is None else -inner
    if not isinstance(node, ast.BinOp):
        return None
    left, right = whole(node.left), whole(node.right)
    if left is None or right is None or left.bit_length() + right.bit_length() > MAX_BITS:
        return None
    if isinstance(node.op, ast.Pow):
        return left**right if right >= 0 and left.bit_length() * right <= MAX_BITS else None
    plain = {ast.Add: left + right, ast.Sub: left - right, ast.Mult: left * right}
    return plain.get(type(node.op))


def _operation(node: ast.BinOp) -> str | None:
    if isinstance(node.op, ast.Pow):
        return _power(node)
    if isinstance(node.op, ast.LShift):
        right = whole(node.right)
        return "a shift by thousands of bits" if right is not None and right > MAX_BITS else None
    if isinstance(node.op, ast.Mult):
        for value, times in ((node.left, node.right), (node.right, node.left)):
            count = whole(times)
            is_sequence = isinstance(value, ast.List | ast.Tuple | ast.JoinedStr) or (
                isinstance(value, ast.Constant) and isinstance(value.value, str)
            )
            if is_sequence and count is not None and count > MAX_COPIES:
                return f"a repetition {count:,} times"
    if isinstance(node.op, ast.Mod) and isinstance(node.left, ast.Constant) and isinstance(node.left.value, str):
        return _width(node.left.value)
    return None


def _power(node: ast.BinOp) -> str | None:
    """Constant powers by their size; a power of a power, whose exponent an input may choose, in any case."""
    base, exponent = whole(node.left), whole(node.right)
    if exponent is not None and exponent > MAX_BITS and base not in (0, 1, -1):
        return f"a power of {exponent:,}"
    if base is not None and exponent is not None and exponent > 0 and base.bit_length() * exponent > MAX_BITS:
        return "a power of thousands of digits"
    if isinstance(node.right, ast.BinOp) and isinstance(node.right.op, ast.Pow) and exponent is None:
        return "a power of a power"
    return None


def _call(scan: Scan, node: ast.Call) -> str | None:
    dotted = scan.dotted(node.func) or ""
    counts = [count for argument in node.args if (count := whole(argument)) is not None]
    method = node.func.attr if isinstance(node.func, ast.Attribute) else ""
    if scan.is_global(node.func, "range") and steps(node) > MAX_STEPS:
        return f"a range of {steps(node):,} steps"
    if dotted == "itertools.repeat" and any(count > MAX_COPIES for count in counts):
        return "a repetition of more than 100,000 times"
    if dotted in ("math.factorial", "math.perm", "math.comb") and any(count > 1_000 for count in counts):
        return f"{dotted} of a number over 1,000"
    if method in ("ljust", "rjust", "center", "zfill", "expandtabs") and any(count > MAX_WIDTH for count in counts):
        return f"a text {max(counts):,} wide"
    if dotted == "itertools.product" and any(k.arg == "repeat" and (whole(k.value) or 9) > 4 for k in node.keywords):
        return "a product of more than four repeats"
    if dotted == "decimal.Decimal" and node.args:
        return _exponent(node.args[0])
    if method == "scaleb" and any(abs(count) > MAX_WIDTH for count in counts):
        return "a scale of more than 1,000 places"
    if scan.is_global(node.func, "format") and len(node.args) > 1 and isinstance(node.args[1], ast.Constant):
        return _width(str(node.args[1].value))
    if method == "format" and isinstance(node.func, ast.Attribute) and isinstance(node.func.value, ast.Constant):
        return _width(str(node.func.value.value))
    return None


def steps(node: ast.Call) -> int:
    """The number of steps of a range of constants, 0 where it is not constant."""
    values = [whole(argument) for argument in node.args]
    if not values or None in values or len(values) > 3:
        return 0
    numbers = [value for value in values if value is not None]
    try:
        found = range(*numbers)
        return max((found.stop - found.start) // found.step, 0)
    except ValueError:
        return 0


def _exponent(node: ast.expr) -> str | None:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        match = re.search(r"[eE][+-]?(\d+)$", node.value.strip())
        if match and int(match[1][:9]) > MAX_WIDTH:
            return "a Decimal with an exponent over 1,000"
    return None


def _width(spec: str) -> str | None:
    numbers = [int(digits[:9]) for digits in re.findall(r"\d+", spec)] if re.search(r"[%{:<>^.]|^\d", spec) else []
    return f"a format width of {max(numbers):,}" if numbers and max(numbers) > MAX_WIDTH and len(spec) < 40 else None


def _nested(scan: Scan, node: ast.For) -> str | None:
    """Nested loops over constant ranges, multiplied; told at the innermost."""
    if any(isinstance(part, ast.For) for statement in node.body for part in ast.walk(statement)):
        return None
    total, depth = 1, 0
    current: ast.AST | None = node
    while current is not None and not isinstance(current, FunctionNode):
        walked = current.iter if isinstance(current, ast.For) else None
        if isinstance(walked, ast.Call) and scan.is_global(walked.func, "range") and steps(walked):
            total, depth = total * steps(walked), depth + 1
        current = scan.parents.get(current)
    return f"nested loops of {total:,} steps" if depth > 1 and total > MAX_STEPS * 10 else None
