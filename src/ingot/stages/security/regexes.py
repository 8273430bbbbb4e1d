"""Regular expressions in a candidate: found, worked out to their texts, and examined (SEC033 to SEC035)."""

from __future__ import annotations

import ast
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from functools import lru_cache
from itertools import product

from ingot.stages.security import automaton
from ingot.stages.security.scan import FunctionNode, Scan, binds
from ingot.stages.security.sharing import changes, joined, literal_shape
from ingot.verdict import Finding

_WITH_PATTERN = frozenset(
    f"re.{name}" for name in ("compile", "search", "match", "fullmatch", "findall", "finditer", "split", "sub", "subn")
)
_FLAGS = {
    "re.I": re.I, "re.IGNORECASE": re.I, "re.S": re.S, "re.DOTALL": re.S, "re.M": re.M, "re.MULTILINE": re.M,
    "re.A": re.A, "re.ASCII": re.A, "re.X": re.X, "re.VERBOSE": re.X,
}  # fmt: skip
MAX_TEXTS = 64
MOST_VALUES = 1_000
REFUSED_DEGREE = 3


def regexes(scan: Scan) -> Iterator[Finding]:
    """SEC033 to SEC035 for every call that takes a pattern."""
    yield from _passed_on(scan)
    compiled_whole = any(isinstance(node, ast.Attribute) and node.attr == "fullmatch" for node in scan.nodes)
    for node, dotted in scan.calls():
        if dotted not in _WITH_PATTERN:
            continue
        pattern = _pattern_of(node)
        texts = texts_of(scan, pattern) if pattern is not None else None
        if texts is None:
            hint = "write the pattern as a literal, or choose between literals"
            yield scan.finding("SEC035", node, "the pattern is not a literal, so it cannot be checked", hint)
            continue
        if _flags_given(scan, node, dotted) is None:
            yield scan.finding("SEC035", node, "the flags of the pattern are not known", "write them out: re.I | re.M")
            continue
        whole = dotted == "re.fullmatch" or (dotted == "re.compile" and compiled_whole)
        anchored = dotted in ("re.match", "re.fullmatch")
        for text in sorted(texts):
            yield from _pattern(scan, node, text, (_flags_of(scan, node), whole, anchored))


def patterns_of(scan: Scan) -> Iterator[tuple[str, frozenset[str], int]]:
    """Every call that takes a literal pattern: its top-level function ("" outside), what the pattern can be, its flags."""
    for node, dotted in scan.calls():
        if dotted in _WITH_PATTERN and (pattern := _pattern_of(node)) is not None:
            owner = scan.owners.get(node)
            yield owner.name if owner else "", texts_of(scan, pattern) or frozenset(), _flags_of(scan, node)


def _pattern_of(node: ast.Call) -> ast.expr | None:
    return node.args[0] if node.args else next((k.value for k in node.keywords if k.arg == "pattern"), None)


def _passed_on(scan: Scan) -> Iterator[Finding]:
    """SEC035: a function that takes a pattern, passed on as a value: its patterns would be nobody's to see."""
    for node in scan.nodes:
        if isinstance(node, ast.Name | ast.Attribute) and scan.dotted(node) in _WITH_PATTERN:
            parent = scan.parents.get(node)
            if not (isinstance(parent, ast.Call) and parent.func is node):
                hint = "call it with a literal pattern"
                yield scan.finding("SEC035", node, f"{scan.dotted(node)} is passed on as a value", hint)


def _flags_of(scan: Scan, node: ast.Call) -> int:
    return _flags_given(scan, node, scan.dotted(node.func) or "") or 0


_FLAGS_AT = {"re.compile": 1, "re.split": 3, "re.sub": 4, "re.subn": 4}


def _flags_given(scan: Scan, node: ast.Call, dotted: str) -> int | None:
    """The flags that a call gives to its pattern; None where they cannot be known."""
    if any(isinstance(one, ast.Starred) for one in node.args) or any(one.arg is None for one in node.keywords):
        return None
    given = node.args[_FLAGS_AT.get(dotted, 2) :] + [one.value for one in node.keywords if one.arg == "flags"]
    return _flags(scan, given, 0)


def _flags(scan: Scan, nodes: list[ast.expr], depth: int) -> int | None:
    """All flags that any of these can have; None where one is not known."""
    found = 0
    for node in nodes:
        if (named := _FLAGS.get(scan.dotted(node) or "")) is not None:
            found |= named
            continue
        parts: list[ast.expr] = []
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr | ast.Add):
            parts = [node.left, node.right]
        elif isinstance(node, ast.IfExp):
            parts = [node.body, node.orelse]
        elif isinstance(node, ast.Name) and depth < 8:
            parts = values_of(scan, node, depth + 1)
        inner = _flags(scan, parts, depth + 1) if parts and depth < 8 else None
        if inner is None and not (isinstance(node, ast.Constant) and node.value == 0):
            return None
        found |= inner or 0
    return found


def _pattern(scan: Scan, node: ast.AST, text: str, how: tuple[int, bool, bool]) -> Iterator[Finding]:
    """Findings for one pattern; `how` is its flags, whether it must reach the text's end, and start at its start."""
    try:
        ambiguity = _examined(text, *how)
    except (re.error, OverflowError, RecursionError) as error:
        yield scan.finding("SEC035", node, f"the pattern {_short(text)} does not compile: {error}")
        return
    except automaton.TooLarge:
        yield scan.finding("SEC034", node, f"the pattern {_short(text)} is too large to be examined", "split it up")
        return
    hint = "make neighbouring repeats share no character, and put no repeat inside a repeat"
    if ambiguity.exponential:
        yield scan.finding("SEC033", node, f"the pattern {_short(text)} can take exponential time", hint)
    elif ambiguity.degree >= REFUSED_DEGREE:
        message = f"the pattern {_short(text)} can take time in the power of {ambiguity.degree} of the text's length"
        yield scan.finding("SEC034", node, message, hint)
    elif ambiguity.degree > 1:
        found = scan.finding("SEC034", node, f"the pattern {_short(text)} can take quadratic time", hint)
        yield Finding(found.code, found.message, found.line, found.column, found.function, found.hint, "warning")


def _short(text: str) -> str:
    """A pattern for a message: its beginning is enough to find it."""
    shown = repr(text)
    return shown if len(shown) <= 80 else f"{shown[:76]}...'"


def is_quick(text: str, flags: int) -> bool:
    """Whether a pattern may be searched for in any text: what SECURITY says nothing of, not even a warning."""
    try:
        ambiguity = _examined(text, flags, False, False)
    except (re.error, OverflowError, RecursionError, automaton.TooLarge):
        return False
    return not ambiguity.exponential and ambiguity.degree <= 1


@lru_cache(maxsize=512)
def _examined(text: str, flags: int, whole: bool, anchored: bool) -> automaton.Ambiguity:
    return automaton.examine(text, flags, whole=whole, anchored=anchored)


# ---- constant texts ----------------------------------------------------------------------------------------------


def texts_of(scan: Scan, node: ast.expr, depth: int = 0) -> frozenset[str] | None:
    """Every text that an expression can be, or None where that is not known. `re.escape(…)` counts as one letter."""
    if depth > 8:
        return None
    if isinstance(node, ast.Constant):
        return frozenset({node.value}) if isinstance(node.value, str) else None
    if isinstance(node, ast.IfExp):
        return _united([texts_of(scan, node.body, depth + 1), texts_of(scan, node.orelse, depth + 1)])
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return _joined([texts_of(scan, node.left, depth + 1), texts_of(scan, node.right, depth + 1)])
    if isinstance(node, ast.JoinedStr):
        return _joined([_piece(scan, part, depth) for part in node.values])
    if isinstance(node, ast.Call):
        return frozenset({"x"}) if scan.dotted(node.func) == "re.escape" else _join(scan, node, depth)
    if isinstance(node, ast.Name):
        key = ("texts", scan.owners.get(node), node.id, depth)
        if key not in scan.notes:
            scan.notes[key] = _united([texts_of(scan, value, depth + 1) for value in values_of(scan, node, depth)])
        texts: frozenset[str] | None = scan.notes[key]
        return texts
    if isinstance(node, ast.Subscript):
        return _united([texts_of(scan, value, depth + 1) for value in _members(scan, node)])
    return None


def _members(scan: Scan, node: ast.Subscript) -> list[ast.expr]:
    """What ``TABLE[key]`` can be, of a constant dict, tuple or list: the member of a literal key, else any of them."""
    return [member for one in _tables(scan, node.value, 0) for member in _members_of(one, node.slice)]


def _tables(scan: Scan, node: ast.expr, depth: int) -> list[ast.expr]:
    """The literal tables that an expression can be; ``rules = RULES`` is followed."""
    if isinstance(node, ast.Subscript):
        return _members(scan, node)
    if isinstance(node, ast.Name) and depth < 8:
        return [table for value in values_of(scan, node, depth) for table in _tables(scan, value, depth + 1)]
    return [node]


def _members_of(held: ast.expr, key: ast.expr) -> list[ast.expr]:
    if isinstance(held, ast.Dict):
        pairs = zip(held.keys, held.values, strict=True)
        named = [value for name, value in pairs if isinstance(key, ast.Constant) and _is_constant(name, key.value)]
        return named or list(held.values)
    if not isinstance(held, ast.Tuple | ast.List) or isinstance(key, ast.Slice):
        return []
    index = key.value if isinstance(key, ast.Constant) else None
    return [held.elts[index]] if isinstance(index, int) and 0 <= index < len(held.elts) else list(held.elts)


def _join(scan: Scan, node: ast.Call, depth: int) -> frozenset[str] | None:
    """``"|".join(PARTS)`` of parts that are all known, one text each."""
    if not isinstance(node.func, ast.Attribute) or node.func.attr != "join" or len(node.args) != 1 or node.keywords:
        return None
    between, held = texts_of(scan, node.func.value, depth + 1), node.args[0]
    choices = [held]
    if isinstance(held, ast.Name):
        choices = values_of(scan, held, depth + 1)
    elif isinstance(held, ast.Subscript):
        choices = _members(scan, held)
    if len(choices) != 1:  # which of them is joined is not known
        return None
    parts = [texts_of(scan, part, depth + 1) for part in _elements(scan, choices[0], depth + 1)]
    if between is None or len(between) != 1 or any(part is None or len(part) != 1 for part in parts):
        return None
    return frozenset({next(iter(between)).join(next(iter(part)) for part in parts if part is not None)})


def _is_constant(node: ast.expr | None, value: object) -> bool:
    return isinstance(node, ast.Constant) and node.value == value


def _piece(scan: Scan, part: ast.expr, depth: int) -> frozenset[str] | None:
    if isinstance(part, ast.FormattedValue):
        plain = part.conversion == -1 and part.format_spec is None
        return texts_of(scan, part.value, depth + 1) if plain else None
    return texts_of(scan, part, depth + 1)


def _united(parts: list[frozenset[str] | None]) -> frozenset[str] | None:
    known = [part for part in parts if part is not None]
    if not parts or len(known) < len(parts):
        return None
    texts = frozenset[str]().union(*known)
    return texts if len(texts) <= MAX_TEXTS else None


def _joined(parts: list[frozenset[str] | None]) -> frozenset[str] | None:
    known = [sorted(part) for part in parts if part is not None]
    size = 1
    for part in known:
        size *= len(part)
    if len(known) < len(parts) or size > MAX_TEXTS:
        return None
    return frozenset("".join(choice) for choice in product(*known))


def values_of(scan: Scan, name: ast.Name, depth: int) -> list[ast.expr]:
    """Every expression that a name can stand for; one that is no literal (an ast.Slice) where a binding is not known."""
    unknown: list[ast.expr] = [ast.Slice()]
    if name.id not in scan.names_in(name):
        return [scan.constants[name.id]] if name.id in scan.constants else unknown
    values: list[ast.expr] = []
    owner = scan.owners[name]
    names, pairs, others = known_bindings(scan, owner)
    if name.id in others or names[name.id] != len(pairs[name.id]):
        return unknown
    for target, value, walked in pairs[name.id]:
        found = _elements(scan, value, depth) if walked else [value]
        values += [_pick(target, name.id, each) for each in found]
        if len(values) > MOST_VALUES:
            return unknown
    return unknown if not values or _is_changed(scan, owner, name.id, values) else values


_Pairs = Mapping[str, list[tuple[ast.expr, ast.expr, bool]]]


def known_bindings(scan: Scan, owner: FunctionNode) -> tuple[Counter[str], _Pairs, frozenset[str]]:
    """Of a function: how often each name is bound, its bindings that are understood, and the names that are bound by
    anything else than a value: a parameter, a pattern of `match`, a function."""
    if ("bindings", owner) not in scan.notes:
        names: Counter[str] = Counter()
        others: set[str] = set()
        pairs: dict[str, list[tuple[ast.expr, ast.expr, bool]]] = defaultdict(list)
        for node in ast.walk(owner):
            if isinstance(node, ast.Name):
                names.update(binds(node))
            else:
                others.update(binds(node))
            for target, value, walked in _bindings(node):
                for held in _held_in(target):
                    pairs[held].append((target, value, walked))
        scan.notes["bindings", owner] = names, pairs, frozenset(others)
    known: tuple[Counter[str], _Pairs, frozenset[str]] = scan.notes["bindings", owner]
    return known


def _is_changed(scan: Scan, owner: FunctionNode, name: str, values: list[ast.expr]) -> bool:
    """Whether the function puts something else into a table that it has under this name."""
    if ("changed", owner, name) not in scan.notes:
        shape = joined(*(literal_shape(scan, value) for value in values))
        scan.notes["changed", owner, name] = bool(changes(scan, owner, {name: shape}))
    return bool(scan.notes["changed", owner, name])


def _bindings(node: ast.AST) -> Iterator[tuple[ast.expr, ast.expr, bool]]:
    """(target, value, True where the target takes the value's elements)."""
    if isinstance(node, ast.Assign):
        yield from ((target, node.value, False) for target in node.targets)
    elif isinstance(node, ast.AnnAssign) and node.value is not None:
        yield node.target, node.value, False
    elif isinstance(node, ast.For | ast.comprehension):
        yield node.target, node.iter, True


def _holds(target: ast.expr, name: str) -> bool:
    if isinstance(target, ast.Tuple | ast.List):
        return any(_holds(part, name) for part in target.elts)
    return isinstance(target, ast.Name) and target.id == name


def _held_in(target: ast.expr) -> set[str]:
    """The names that a target gives a value to."""
    if isinstance(target, ast.Tuple | ast.List):
        return set().union(*map(_held_in, target.elts))
    return {target.id} if isinstance(target, ast.Name) else set()


def _pick(target: ast.expr, name: str, value: ast.expr) -> ast.expr:
    """The part of a value that goes to a name when the value is unpacked into a target."""
    if isinstance(target, ast.Name):
        return value
    if not isinstance(target, ast.Tuple | ast.List) or not isinstance(value, ast.Tuple | ast.List):
        return ast.Slice()
    if len(target.elts) != len(value.elts):
        return ast.Slice()
    pairs = zip(target.elts, value.elts, strict=True)
    return next((_pick(part, name, held) for part, held in pairs if _holds(part, name)), ast.Slice())


def _elements(scan: Scan, node: ast.expr, depth: int) -> list[ast.expr]:
    if isinstance(node, ast.List | ast.Tuple | ast.Set):
        return list(node.elts)
    if isinstance(node, ast.Dict):
        return [key for key in node.keys if key is not None]
    if isinstance(node, ast.Name) and depth < 8:
        return [element for value in values_of(scan, node, depth + 1) for element in _elements(scan, value, depth + 1)]
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add) and depth < 8:  # one table and then another
        return [*_elements(scan, node.left, depth + 1), *_elements(scan, node.right, depth + 1)]
    if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Slice) and depth < 8:
        return _elements(scan, node.value, depth + 1)  # some of these, so each is looked at
    if isinstance(node, ast.Subscript) and depth < 8:
        return [element for value in _members(scan, node) for element in _elements(scan, value, depth + 1)]
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.args and depth < 8:
        return _counted(scan, node.func.id, node.args[0], depth)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and not node.args:
        held = [node.func.value]
        if isinstance(node.func.value, ast.Name):
            held = values_of(scan, node.func.value, depth + 1)
        dicts = [value for value in held if isinstance(value, ast.Dict)]
        if len(dicts) == len(held) and node.func.attr in ("items", "values", "keys"):
            return [element for one in dicts for element in _dict_elements(one, node.func.attr)]
    return [ast.Slice()]


def _counted(scan: Scan, name: str, held: ast.expr, depth: int) -> list[ast.expr]:
    """The elements of ``enumerate(TABLE)`` and ``reversed(TABLE)``; these names cannot be bound anew (SEC008)."""
    if name == "enumerate":
        return [ast.Tuple([ast.Slice(), each], ast.Load()) for each in _elements(scan, held, depth + 1)]
    return _elements(scan, held, depth + 1) if name == "reversed" else [ast.Slice()]


def _dict_elements(node: ast.Dict, method: str) -> list[ast.expr]:
    pairs = [(key, value) for key, value in zip(node.keys, node.values, strict=True) if key is not None]
    if len(pairs) < len(node.keys):
        return [ast.Slice()]
    if method == "items":
        return [ast.Tuple([key, value], ast.Load()) for key, value in pairs]
    return [value if method == "values" else key for key, value in pairs]
