"""Bounded space: powers, repetitions, ranges, products and widths beyond any use (SEC032)."""

from __future__ import annotations

import ast
import re
import string
from collections.abc import Iterator

from ingot.stages.security.regexes import known_bindings, texts_of, values_of
from ingot.stages.security.scan import FunctionNode, Scan
from ingot.verdict import Finding

MAX_BITS = 4_096
MAX_COPIES = 100_000
MAX_STEPS = 1_000_000
MAX_WIDTH = 1_000
_Comprehension = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp


def bombs(scan: Scan) -> Iterator[Finding]:
    """SEC032: constant powers, shifts, repetitions, ranges, products, widths and exponents beyond any use."""
    for node in scan.nodes:
        why: str | None = None
        if isinstance(node, ast.BinOp):
            why = _operation(scan, node)
        elif isinstance(node, ast.AugAssign):
            why = _operation(scan, node) or _blown_up(scan, node)
        elif isinstance(node, ast.Assign):
            why = _blown_up(scan, node)
        elif isinstance(node, ast.Call):
            why = _call(scan, node)
        elif isinstance(node, ast.JoinedStr) and isinstance(scan.parents.get(node), ast.FormattedValue):
            spec = "".join(str(part.value) for part in node.values if isinstance(part, ast.Constant))
            why = _width(spec) or _spec_width(spec)
        elif isinstance(node, ast.Constant) and type(node.value) is int and node.value.bit_length() > MAX_BITS:
            why = "a number of thousands of digits"
        elif isinstance(node, ast.For | _Comprehension):
            why = _nested(scan, node)
        if why is not None:
            yield scan.finding("SEC032", node, why, "keep constants to sizes that the rule needs")


def whole(scan: Scan, node: ast.AST, depth: int = 0) -> int | None:
    """The value of a constant whole-number expression, names followed, or None; large powers are not worked out."""
    if isinstance(node, ast.Constant):
        return node.value if type(node.value) is int else None
    if isinstance(node, ast.Name):
        return _named(scan, node, depth)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        inner = whole(scan, node.operand, depth)
        return None if inner is None else -inner
    if not isinstance(node, ast.BinOp):
        return None
    left, right = whole(scan, node.left, depth), whole(scan, node.right, depth)
    if left is None or right is None or left.bit_length() + right.bit_length() > MAX_BITS:
        return None
    if isinstance(node.op, ast.Pow):
        return left**right if right >= 0 and left.bit_length() * right <= MAX_BITS else None
    plain = {ast.Add: left + right, ast.Sub: left - right, ast.Mult: left * right}
    return plain.get(type(node.op))


def _named(scan: Scan, node: ast.Name, depth: int) -> int | None:
    """The largest whole number that a name is known to be able to stand for."""
    key = ("whole", scan.owners.get(node), node.id)
    if depth < 8 and key not in scan.notes:
        scan.notes[key] = None  # of a name that stands for itself nothing is known
        found = [whole(scan, value, depth + 1) for value in values_of(scan, node, 0)]
        scan.notes[key] = max((one for one in found if one is not None), key=abs, default=None)
    known: int | None = scan.notes.get(key)
    return known


def _operation(scan: Scan, node: ast.BinOp | ast.AugAssign) -> str | None:
    left, right = (node.left, node.right) if isinstance(node, ast.BinOp) else (node.target, node.value)
    if isinstance(node.op, ast.Pow):
        return _power(scan, left, right)
    if isinstance(node.op, ast.LShift):
        bits = whole(scan, right)
        return "a shift by thousands of bits" if bits is not None and bits > MAX_BITS else None
    if isinstance(node.op, ast.Mult):
        copies = _copies(scan, left) * (whole(scan, right) or 0) or _copies(scan, right) * (whole(scan, left) or 0)
        return f"a repetition {copies:,} times" if copies > MAX_COPIES else None
    if isinstance(node.op, ast.Mod):
        found = (_width(text) or _percent_width(text) for text in sorted(texts_of(scan, left) or ()))
        return next((why for why in found if why), None)
    return None


def _copies(scan: Scan, node: ast.expr, depth: int = 0) -> int:
    """How often the text, list or tuple that an expression is repeats another one; 0 where it is none of these."""
    if isinstance(node, ast.List | ast.Tuple | ast.JoinedStr | ast.ListComp):
        return 1
    if isinstance(node, ast.Constant):
        return int(isinstance(node.value, str))
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
        left, right = _copies(scan, node.left, depth), _copies(scan, node.right, depth)
        return left * (whole(scan, node.right) or 1) or right * (whole(scan, node.left) or 1)
    if isinstance(node, ast.Name) and depth < 4:
        key = ("copies", scan.owners.get(node), node.id)
        if key not in scan.notes:
            scan.notes[key] = 0
            scan.notes[key] = max((_copies(scan, one, depth + 1) for one in _bound_to(scan, node)), default=0)
        return int(scan.notes[key])
    return 0


def _bound_to(scan: Scan, node: ast.Name) -> list[ast.expr]:
    """The values that a name is given by itself, however else it may be bound."""
    owner = scan.owners.get(node)
    if owner is None or node.id not in scan.bound[owner]:
        return [scan.constants[node.id]] if node.id in scan.constants else []
    pairs = known_bindings(scan, owner)[1].get(node.id, [])
    return [value for target, value, walked in pairs if isinstance(target, ast.Name) and not walked]


def _blown_up(scan: Scan, node: ast.Assign | ast.AugAssign) -> str | None:
    """A number that each round of a loop squares, or a text that it doubles."""
    target = node.target if isinstance(node, ast.AugAssign) else node.targets[0]
    around = scan.parents.get(node)
    while around is not None and not isinstance(around, ast.For | ast.While | FunctionNode):
        around = scan.parents.get(around)
    if not isinstance(target, ast.Name) or not isinstance(around, ast.For | ast.While):
        return None
    if isinstance(node, ast.AugAssign):
        operator, sides = node.op, [target, node.value]
    elif isinstance(node.value, ast.BinOp):
        operator, sides = node.value.op, [node.value.left, node.value.right]
    else:
        return None
    own = sum(isinstance(one, ast.Name) and one.id == target.id for one in sides)
    if (own == 2 and isinstance(operator, ast.Mult)) or (own and isinstance(operator, ast.Pow)):
        return f"{target.id!r} is squared in every round"
    is_text = own and _copies(scan, target) > 0
    times = max((whole(scan, one) or 0 for one in sides), default=0)
    if is_text and ((own == 2 and isinstance(operator, ast.Add)) or (isinstance(operator, ast.Mult) and times > 1)):
        return f"{target.id!r} is repeated in every round"
    return None


def _power(scan: Scan, left: ast.expr, right: ast.expr) -> str | None:
    """Constant powers by their size; a power of a power, whose exponent an input may choose, in any case."""
    base, exponent = whole(scan, left), whole(scan, right)
    if exponent is not None and exponent > MAX_BITS and base not in (0, 1, -1):
        return f"a power of {exponent:,}"
    if base is not None and exponent is not None and exponent > 0 and base.bit_length() * exponent > MAX_BITS:
        return "a power of thousands of digits"
    if isinstance(right, ast.BinOp) and isinstance(right.op, ast.Pow) and exponent is None:
        return "a power of a power"
    return None


def _call(scan: Scan, node: ast.Call) -> str | None:
    dotted = scan.dotted(node.func) or ""
    counts = _counts(scan, node)
    method = node.func.attr if isinstance(node.func, ast.Attribute) else ""
    if scan.is_global(node.func, "pow") and len(node.args) == 2:
        return _power(scan, *node.args)
    if scan.is_global(node.func, "range"):
        return _range(scan, node, counts)
    if dotted == "itertools.islice" and any(count > MAX_STEPS for count in counts):
        return f"a walk of {max(counts):,} steps"
    if dotted == "itertools.product":
        return _product(scan, node)
    if dotted == "itertools.repeat" and any(count > MAX_COPIES for count in counts):
        return "a repetition of more than 100,000 times"
    if dotted in ("math.factorial", "math.perm", "math.comb") and any(count > 1_000 for count in counts):
        return f"{dotted} of a number over 1,000"
    if method in ("ljust", "rjust", "center", "zfill", "expandtabs") and any(count > MAX_WIDTH for count in counts):
        return f"a text {max(counts):,} wide"
    if dotted == "decimal.Decimal" and node.args:
        return _exponent(scan, node.args[0])
    if method == "scaleb" and any(abs(count) > MAX_WIDTH for count in counts):
        return "a scale of more than 1,000 places"
    return _formatted(scan, node)


def _counts(scan: Scan, node: ast.Call) -> list[int]:
    """The whole numbers that a call is given, also by name and in an unpacked list."""
    given = [one.value if isinstance(one, ast.Starred) else one for one in node.args]
    given = [part for one in given for part in (one.elts if isinstance(one, ast.List | ast.Tuple) else (one,))]
    given += [keyword.value for keyword in node.keywords]
    return [count for argument in given if (count := whole(scan, argument)) is not None]


def _range(scan: Scan, node: ast.Call, counts: list[int]) -> str | None:
    unpacked = any(isinstance(one, ast.Starred) for one in node.args)
    found = max(counts, default=0) if unpacked else steps(scan, node)
    return f"a range of {found:,} steps" if found > MAX_STEPS else None


def _formatted(scan: Scan, node: ast.Call) -> str | None:
    if scan.is_global(node.func, "format") and len(node.args) > 1 and isinstance(node.args[1], ast.Constant):
        return _width(str(node.args[1].value)) or _spec_width(str(node.args[1].value))
    if not isinstance(node.func, ast.Attribute) or node.func.attr != "format":
        return None
    if not isinstance(node.func.value, ast.Constant):
        return None
    return _width(str(node.func.value.value)) or _brace_width(str(node.func.value.value))


def _product(scan: Scan, node: ast.Call) -> str | None:
    if any(k.arg == "repeat" and (whole(scan, k.value) or 9) > 4 for k in node.keywords):
        return "a product of more than four repeats"
    total = 1
    for part in node.args:
        is_range = isinstance(part, ast.Call) and scan.is_global(part.func, "range")
        total *= max(steps(scan, part), 1) if is_range and isinstance(part, ast.Call) else 1
    if len(node.args) > 4:
        return "a product of more than four"
    return f"a product of {total:,} rows" if total > MAX_STEPS * 10 else None


def _percent_width(template: str) -> str | None:
    """The width or precision in a text for `%`; a star takes it from the values."""
    for width, places in re.findall(r"%(?:\([^)]*\))?[-+ #0]*(\d+|\*)?(?:\.(\d+|\*))?[A-Za-z]", template):
        for digits in (width, places):
            if digits == "*" or (digits and int(digits[-18:]) > MAX_WIDTH):
                return f"a format width of {digits[-18:]}"
    return None


def _brace_width(template: str) -> str | None:
    """The width or precision in a text for str.format."""
    try:
        specs = [spec or "" for _, _, spec, _ in string.Formatter().parse(template)]
    except ValueError:  # SEC011 says that it is malformed
        return None
    return next((why for spec in specs if (why := _spec_width(spec))), None)


def _spec_width(spec: str) -> str | None:
    """The width or precision in a format spec; what a date's spec says in words is no number of this kind."""
    numbers = [] if "%" in spec[:-1] else [int(digits[-18:]) for digits in re.findall(r"\d+", spec)]
    return f"a format width of {max(numbers):,}" if numbers and max(numbers) > MAX_WIDTH else None


def steps(scan: Scan, node: ast.Call) -> int:
    """The number of steps of a range of constants, 0 where it is not constant."""
    values = [whole(scan, argument) for argument in node.args]
    if not values or None in values or len(values) > 3:
        return 0
    numbers = [value for value in values if value is not None]
    try:
        found = range(*numbers)
        return max((found.stop - found.start) // found.step, 0)
    except ValueError:
        return 0


def _exponent(scan: Scan, node: ast.expr) -> str | None:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        match = re.search(r"[eE][+-]?(\d+)$", node.value.strip())
        if match and int(match[1][:9]) > MAX_WIDTH:
            return "a Decimal with an exponent over 1,000"
    if isinstance(node, ast.Tuple) and node.elts and abs(whole(scan, node.elts[-1]) or 0) > MAX_WIDTH:
        return "a Decimal with an exponent over 1,000"
    return None


def _width(spec: str) -> str | None:
    numbers = [int(digits[:9]) for digits in re.findall(r"\d+", spec)] if re.search(r"[%{:<>^.]|^\d", spec) else []
    return f"a format width of {max(numbers):,}" if numbers and max(numbers) > MAX_WIDTH and len(spec) < 40 else None


def _nested(scan: Scan, node: ast.AST) -> str | None:
    """Nested walks over constant ranges, multiplied; told at the innermost."""
    if isinstance(node, ast.For) and any(isinstance(part, ast.For) for one in node.body for part in ast.walk(one)):
        return None
    total, depth = 1, 0
    current: ast.AST | None = node
    while current is not None and not isinstance(current, FunctionNode):
        for walked in _walked_here(scan, current):
            if isinstance(walked, ast.Call) and scan.is_global(walked.func, "range") and steps(scan, walked):
                total, depth = total * steps(scan, walked), depth + 1
        current = scan.parents.get(current)
    return f"nested loops of {total:,} steps" if depth > 1 and total > MAX_STEPS * 10 else None


def _walked_here(scan: Scan, node: ast.AST) -> list[ast.expr]:
    if isinstance(node, ast.For):
        return [node.iter]
    if isinstance(node, _Comprehension):
        return [part.iter for part in node.generators]
    return []
