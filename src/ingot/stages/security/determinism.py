"""Same input, same bytes: clock, randomness, process state, set order, rounding and money (SEC020 to SEC025)."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from ingot.stages.security.regexes import texts_of
from ingot.stages.security.scan import FunctionNode, Scan, is_called, rounds
from ingot.verdict import Finding

_CLOCK_METHODS = frozenset({"today", "now", "utcnow", "fromtimestamp", "utcfromtimestamp", "timestamp", "astimezone"})
_RANDOM = ("random.", "secrets.", "uuid.", "numpy.random.", "os.urandom")
_LOCAL = re.compile(
    r"(?<!%)(?:%%)*%[-_0^#]*[EO]?[scxX+]"  # of dates
    r"|(?:^|:)(?:.?[<>=^])?[-+ ]?z?#?0?\d*[_,]?(?:\.\d+)?n(?=$|\})"  # of numbers: the local thousands separator
)
_LOCAL_ZONE = re.compile(r"(?<!%)(?:%%)*%Z")
_STATE = frozenset({"id", "hash"})
_SET_METHODS = frozenset({"union", "intersection", "difference", "symmetric_difference", "copy"})
_UNORDERED = frozenset({"sorted", "len", "set", "frozenset", "any", "all", "sum", "min", "max", "isinstance", "bool"})
_ORDERED_METHODS = frozenset(
    {"join", "extend", "extendleft", "most_common", "from_iterable", "fromkeys", "update", "format"}
)
_ORDERED_MODULES = ("itertools.", "functools.", "collections.", "json.")
_TEXT = frozenset({"str", "repr", "format"})
_LAZY = frozenset({"map", "filter", "zip", "iter", "enumerate", "reversed"})


def clock(scan: Scan) -> Iterator[Finding]:
    """SEC020: anything that reads the time."""
    for node in scan.nodes:
        if not isinstance(node, ast.Attribute | ast.Name):
            continue
        dotted = scan.dotted(node) or ""
        is_method = isinstance(node, ast.Attribute) and node.attr in _CLOCK_METHODS
        if is_method or (dotted.startswith("time.") and isinstance(node, ast.Attribute | ast.Name) and "time" in
                         scan.imported.values()):  # fmt: skip
            name = node.attr if isinstance(node, ast.Attribute) else node.id
            yield scan.finding("SEC020", node, f"{dotted or name} reads the clock", "take the day or time as an input")


def randomness(scan: Scan) -> Iterator[Finding]:
    """SEC021: random numbers and unique identifiers."""
    for node in scan.nodes:
        if isinstance(node, ast.Attribute | ast.Name):
            dotted = scan.dotted(node) or ""
            if dotted.startswith(_RANDOM):
                yield scan.finding("SEC021", node, f"{dotted} differs from run to run")


def _formats(scan: Scan, node: ast.AST) -> frozenset[str] | None:
    """The texts by which a node writes a date; None where they cannot be known."""
    if isinstance(node, ast.FormattedValue) and isinstance(node.format_spec, ast.JoinedStr):
        return frozenset(str(part.value) for part in node.format_spec.values if isinstance(part, ast.Constant))
    if not isinstance(node, ast.Call):
        return frozenset()
    if isinstance(node.func, ast.Attribute) and node.func.attr == "strftime":
        wanted = [*node.args, *(keyword.value for keyword in node.keywords)]
        return texts_of(scan, wanted[0]) if len(wanted) == 1 else None
    if isinstance(node.func, ast.Attribute) and node.func.attr == "format":
        return texts_of(scan, node.func.value) or frozenset()  # SEC011 refuses a template that is not a literal
    if scan.is_global(node.func, "format") and len(node.args) > 1:
        return texts_of(scan, node.args[1]) or frozenset()
    return frozenset()


def local_formats(scan: Scan) -> Iterator[Finding]:
    """SEC022: dates and numbers written as the machine's language or time zone has them, dates read by its zone."""
    for node in scan.nodes:
        if isinstance(node, ast.Attribute) and node.attr in ("strftime", "strptime") and not is_called(scan, node):
            hint = "call it with a literal format"
            yield scan.finding("SEC022", node, f"{node.attr} is passed on as a value", hint)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "strptime":
            read = [text for argument in node.args[1:] for text in texts_of(scan, argument) or ()]
            if any(_LOCAL.search(text) or _LOCAL_ZONE.search(text) for text in read):
                yield scan.finding(
                    "SEC022", node, "what this reads differs from machine to machine", "use %z or no zone"
                )
            continue
        formats = _formats(scan, node)
        if formats is None:
            yield scan.finding("SEC022", node, "the format of a date is not a literal", "write the format out")
        elif any(map(_LOCAL.search, formats)):
            hint = "write it out, for instance %Y-%m-%d %H:%M:%S"
            yield scan.finding("SEC022", node, "this format differs from machine to machine", hint)


def process_state(scan: Scan) -> Iterator[Finding]:
    """SEC022: id, hash, the environment, the locale, the platform."""
    for node in scan.nodes:
        dotted = scan.dotted(node) if isinstance(node, ast.Attribute | ast.Name) else None
        if dotted is None:
            continue
        if dotted in _STATE and isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            yield scan.finding("SEC022", node, f"{dotted}() differs from process to process")
        elif dotted.startswith(("os.environ", "os.getenv", "locale.", "platform.", "sys.", "os.getpid")):
            yield scan.finding("SEC022", node, f"{dotted} differs from machine to machine")


def identity(scan: Scan) -> Iterator[Finding]:
    """SEC022: where a value lies in memory: `is` between values, and the text of a function or an iterator."""
    for node in scan.nodes:
        if isinstance(node, ast.Compare):
            sides = [node.left, *node.comparators]
            for number, operator in enumerate(node.ops):
                pair = sides[number : number + 2]
                if isinstance(operator, ast.Is | ast.IsNot) and not any(isinstance(one, ast.Constant) for one in pair):
                    hint = "compare values with == and !="
                    yield scan.finding(
                        "SEC022", node, "whether two values are one object differs from run to run", hint
                    )
        shown: list[ast.expr] = [node.value] if isinstance(node, ast.FormattedValue) else []
        if isinstance(node, ast.Call) and any(scan.is_global(node.func, name) for name in _TEXT):
            shown = node.args[:1]
        if any(_has_address(scan, one) for one in shown):
            yield scan.finding(
                "SEC022", node, "this text holds an address in memory", "make a list or tuple of it first"
            )


def _has_address(scan: Scan, node: ast.expr) -> bool:
    lazy = isinstance(node, ast.Call) and any(scan.is_global(node.func, name) for name in _LAZY)
    return lazy or isinstance(node, ast.GeneratorExp | ast.Lambda)


# ---- set order ---------------------------------------------------------------------------------------------------


def set_order(scan: Scan) -> Iterator[Finding]:
    """SEC023: a set's order used: iterated, listed, joined, unpacked, popped or turned into text."""
    sets = {function: _set_names(scan, function) for function in scan.functions()}
    for node in scan.nodes:
        owner = scan.owners.get(node)
        names = sets.get(owner, frozenset()) if owner is not None else frozenset[str]()
        for used in _ordered_uses(scan, node):
            if _is_set(scan, used, names):
                yield scan.finding("SEC023", node, "the order of a set is used here", "put sorted(...) around the set")


def _set_names(scan: Scan, function: FunctionNode) -> frozenset[str]:
    """Names that hold a set somewhere in the function, or a set constant of the module; to a fixed point."""
    found = {name for name, value in scan.constants.items() if _is_set(scan, value, frozenset())}
    for argument in ast.walk(function):
        if isinstance(argument, ast.arg) and _is_set_annotation(argument.annotation):
            found.add(argument.arg)
    found |= {node.name for node in ast.walk(function) if isinstance(node, FunctionNode) and _gives_set(scan, node)}
    bindings = list(_bindings(function))
    for _ in rounds(function):
        known = frozenset(found)
        more = {name for name, value in bindings if name not in known and _is_set(scan, value, known)}
        if not more:
            break
        found |= more
    return frozenset(found)


def _gives_set(scan: Scan, function: FunctionNode) -> bool:
    """Whether a function inside a function says, or shows by what it returns, that it gives a set."""
    returned = [node.value for node in ast.walk(function) if isinstance(node, ast.Return) and node.value is not None]
    return _is_set_annotation(function.returns) or any(_is_set(scan, value, frozenset()) for value in returned)


def _is_set_annotation(node: ast.expr | None) -> bool:
    return node is not None and ast.unparse(node).startswith(("set", "frozenset"))


def _bindings(function: FunctionNode) -> Iterator[tuple[str, ast.expr]]:
    for node in ast.walk(function):
        if isinstance(node, ast.Assign):
            yield from ((target.id, node.value) for target in node.targets if isinstance(target, ast.Name))
        elif isinstance(node, ast.AnnAssign | ast.NamedExpr) and isinstance(node.target, ast.Name) and node.value:
            yield node.target.id, node.value


def _is_set(scan: Scan, node: ast.expr, names: frozenset[str]) -> bool:
    """True where the value is a set: displays, set(), set algebra, algebra of keys and items, names that hold one."""
    if isinstance(node, ast.Set | ast.SetComp):
        return True
    if isinstance(node, ast.Name):
        return node.id in names
    if isinstance(node, ast.IfExp):
        return _is_set(scan, node.body, names) or _is_set(scan, node.orelse, names)
    if isinstance(node, ast.NamedExpr):
        return _is_set(scan, node.value, names)
    if isinstance(node, ast.BoolOp):
        return any(_is_set(scan, value, names) for value in node.values)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitAnd | ast.BitOr | ast.Sub | ast.BitXor):
        return any(_is_set(scan, side, names) or _is_view(side) for side in (node.left, node.right))
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        return node.func.attr in _SET_METHODS and _is_set(scan, node.func.value, names)
    return isinstance(node, ast.Call) and (
        scan.is_global(node.func, "set")
        or scan.is_global(node.func, "frozenset")
        or (isinstance(node.func, ast.Name) and node.func.id in names)
    )


def _is_view(node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in ("keys", "items")


def _ordered_uses(scan: Scan, node: ast.AST) -> Iterator[ast.expr]:
    """The expressions whose order this node uses."""
    if isinstance(node, ast.For):
        yield node.iter
    elif isinstance(node, ast.ListComp | ast.DictComp) or (
        isinstance(node, ast.GeneratorExp) and not _feeds_unordered(scan, node)
    ):
        yield from (part.iter for part in node.generators)
    elif isinstance(node, (ast.Starred, ast.FormattedValue)) or (
        isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Tuple | ast.List)
    ):
        yield node.value
    elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mod):
        yield from node.right.elts if isinstance(node.right, ast.Tuple) else (node.right,)
    elif isinstance(node, ast.AugAssign) and isinstance(node.op, ast.Add):
        yield node.value
    elif isinstance(node, ast.Assign) and any(isinstance(target, ast.Subscript) for target in node.targets):
        if any(isinstance(one, ast.Subscript) and isinstance(one.slice, ast.Slice) for one in node.targets):
            yield node.value
    elif isinstance(node, ast.Call):
        yield from _call_uses(scan, node)


def _feeds_unordered(scan: Scan, node: ast.AST) -> bool:
    parent = scan.parents.get(node)
    if not isinstance(parent, ast.Call) or _is_float_sum(scan, parent):
        return False
    return any(scan.is_global(parent.func, name) for name in _UNORDERED)


def _is_float_sum(scan: Scan, node: ast.Call) -> bool:
    """Whether binary floats are added up, whose sum depends on their order."""
    if not scan.is_global(node.func, "sum"):
        return False
    owner = scan.owners.get(node)
    asked = scan.asked.get(owner.name) if owner is not None else None
    return (asked is not None and asked.floats) or any(
        (isinstance(part, ast.Constant) and isinstance(part.value, float))
        or (isinstance(part, ast.Name) and part.id == "float")
        for part in ast.walk(node)
    )


def _call_uses(scan: Scan, node: ast.Call) -> Iterator[ast.expr]:
    if isinstance(node.func, ast.Attribute):
        if node.func.attr == "pop" and not node.args:
            yield node.func.value
        if (scan.dotted(node.func) or "").startswith(_ORDERED_MODULES):
            yield from node.args
        elif node.func.attr in _ORDERED_METHODS:
            yield from (node.args if node.func.attr != "update" else ())
        return
    if not isinstance(node.func, ast.Name) or node.func.id in scan.names_in(node):
        return
    keyed = any(keyword.arg == "key" for keyword in node.keywords)
    # Ties under a key are settled by order, so min, max and sorted with a key need an ordered argument.
    tied = keyed and node.func.id in ("min", "max", "sorted")
    if node.func.id in _UNORDERED and not tied and not _is_float_sum(scan, node):
        return
    yield from (argument for argument in node.args if not isinstance(argument, ast.Starred))


# ---- numbers -----------------------------------------------------------------------------------------------------


def rounding(scan: Scan) -> Iterator[Finding]:
    """SEC024: the builtin round, called or passed on."""
    hint = 'use amount.quantize(Decimal("0.01"), rounding=ROUND_HALF_UP), or integer arithmetic'
    for node in scan.nodes:
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and scan.is_global(node, "round"):
            yield scan.finding("SEC024", node, "round() has no stated rounding", hint)


def money(scan: Scan) -> Iterator[Finding]:
    """SEC025: binary floats in a function with decimal or money fields, and division of whole units."""
    for node in scan.nodes:
        owner = scan.owners.get(node)
        asked = scan.asked.get(owner.name) if owner is not None else None
        if isinstance(node, ast.Call) and scan.dotted(node.func) == "decimal.Decimal":
            if node.args and isinstance(node.args[0], ast.Constant) and isinstance(node.args[0].value, float):
                text = repr(node.args[0].value)
                yield scan.finding("SEC025", node, f"Decimal({text}) takes on the float's error", f'Decimal("{text}")')
        elif asked is None or not asked.money:
            continue
        elif isinstance(node, ast.Call) and scan.is_global(node.func, "float"):
            yield scan.finding("SEC025", node, "float() in a function over decimals", "use Decimal(...) of the text")
        elif isinstance(node, ast.Constant) and isinstance(node.value, float) and not asked.floats:
            if not _inside_decimal(scan, node):
                hint = f'write Decimal("{node.value!r}")'
                yield scan.finding("SEC025", node, f"float literal {node.value!r} in a function over decimals", hint)
        elif (
            isinstance(node, ast.BinOp)
            and isinstance(node.op, ast.Div)
            and _is_integer_division(scan, node, asked.cents)
        ):
            yield scan.finding("SEC025", node, "/ on whole numbers gives a float", "use // or Decimal")


def _inside_decimal(scan: Scan, node: ast.AST) -> bool:
    parent = scan.parents.get(node)
    return isinstance(parent, ast.Call) and scan.dotted(parent.func) == "decimal.Decimal"


def _is_integer_division(scan: Scan, node: ast.BinOp, cents: bool) -> bool:
    """Both sides are provably whole; where money is in whole units, it is enough that no side is provably Decimal."""
    if cents:
        return not any(_is_decimal(scan, side) for side in (node.left, node.right))
    return _is_whole(scan, node.left) and _is_whole(scan, node.right)


def _is_decimal(scan: Scan, node: ast.expr) -> bool:
    if isinstance(node, ast.BinOp):
        return _is_decimal(scan, node.left) or _is_decimal(scan, node.right)
    if isinstance(node, ast.Call):
        method = node.func.attr if isinstance(node.func, ast.Attribute) else None
        return scan.dotted(node.func) == "decimal.Decimal" or method in ("quantize", "to_integral_value", "copy_abs")
    return isinstance(node, ast.Name) and annotation_of(scan, node).startswith("Decimal")


def _is_whole(scan: Scan, node: ast.expr) -> bool:
    if isinstance(node, ast.Constant):
        return type(node.value) is int
    if isinstance(node, ast.BinOp):
        return _is_whole(scan, node.left) and _is_whole(scan, node.right) and not isinstance(node.op, ast.Div)
    if isinstance(node, ast.Call):
        return any(scan.is_global(node.func, name) for name in ("len", "int", "ord"))
    return isinstance(node, ast.Name) and annotation_of(scan, node) == "int"


def annotation_of(scan: Scan, node: ast.Name) -> str:
    """The annotation of a parameter or constant, or the class its constant is made of."""
    owner = scan.owners.get(node)
    if owner is not None and (found := _annotations(scan, owner).get(node.id)) is not None:
        return found
    value = scan.constants.get(node.id)
    if isinstance(value, ast.Call) and scan.dotted(value.func) == "decimal.Decimal":
        return "Decimal"
    return "int" if isinstance(value, ast.Constant) and type(value.value) is int else ""


def _annotations(scan: Scan, function: FunctionNode) -> dict[str, str]:
    """The first annotation of each name in a function."""
    if ("annotations", function) not in scan.notes:
        found: dict[str, str] = {}
        for part in ast.walk(function):
            if isinstance(part, ast.arg) and part.annotation is not None:
                found.setdefault(part.arg, ast.unparse(part.annotation))
            elif isinstance(part, ast.AnnAssign) and isinstance(part.target, ast.Name):
                found.setdefault(part.target.id, ast.unparse(part.annotation))
        scan.notes["annotations", function] = found
    known: dict[str, str] = scan.notes["annotations", function]
    return known
