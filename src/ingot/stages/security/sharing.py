"""Which expressions of a function may be, or hold, an object that others share, and where one is changed in place.

An expression's `Shape` says of each level, itself first and then what is in it, whether an object there may be shared:
of ``[TABLE]`` the list is new and the table in it shared, ``(False, True)``. Where little is known, much is assumed.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence

from ingot.stages.security.allowed import MODULES, MUTATORS
from ingot.stages.security.scan import FunctionNode, Scan, rounds

Shape = tuple[bool, ...]
DEEPEST = 6
_MAKERS = frozenset({"list", "tuple", "set", "frozenset", "sorted", "reversed", "iter", "filter", "dict", "slice"})
_PAIRS = frozenset({"enumerate", "zip", "items", "most_common"})
_ONE_OF = frozenset({"next", "min", "max", "get", "pop", "popleft", "setdefault"})
_COPIES = frozenset({"copy", "values", "elements", "fromkeys", "subtract"})
_SETS = frozenset({"union", "intersection", "difference", "symmetric_difference"})
_PLAIN_MODULES = ("re.", "math.", "json.", "datetime.", "decimal.", "unicodedata.", "bisect.")


def joined(*shapes: Shape) -> Shape:
    """What may be either of them."""
    longest = max(map(len, shapes), default=0)
    return tuple(any(len(one) > level and one[level] for one in shapes) for level in range(min(longest, DEEPEST)))


def held(shape: Shape, levels: int = 1) -> Shape:
    """A new object that holds one of this shape, so many levels down."""
    return ((False,) * levels + shape)[:DEEPEST] if any(shape) else ()


def literal_shape(scan: Scan, node: ast.AST, depth: int = 0) -> Shape:
    """The shape of a constant's literal: its lists, dicts and sets are shared by all calls."""
    if depth > DEEPEST:
        return (True,) * DEEPEST
    if isinstance(node, ast.Name):
        return literal_shape(scan, scan.constants[node.id], depth + 1) if node.id in scan.constants else ()
    parts = [literal_shape(scan, part, depth + 1) for part in ast.iter_child_nodes(node)]
    if isinstance(node, ast.List | ast.Dict | ast.Set):
        return (True, *joined(*parts))[:DEEPEST]
    if isinstance(node, ast.Tuple):
        return held(joined(*parts))
    if isinstance(node, ast.Call) and scan.dotted(node.func) in ("list", "dict", "set"):
        return (True, *joined(*parts))[:DEEPEST]
    return joined(*parts)


_SCALARS = frozenset({"str", "int", "bool", "float", "Decimal", "date", "datetime", "timedelta", "None"})


def annotated_shape(node: ast.expr | None) -> Shape:
    """The shape of a parameter by its annotation: what is no scalar may be changed by whoever has it."""
    match node:
        case ast.Name(id=name) if name in _SCALARS:
            return ()
        case ast.Constant(value=None):
            return ()
        case ast.BinOp(left=one, right=other):
            return joined(annotated_shape(one), annotated_shape(other))
        case ast.Subscript(value=ast.Name(id="Literal")):
            return ()
        case ast.Subscript(slice=ast.Tuple(elts=parts)):
            return (True, *joined(*map(annotated_shape, parts)))[:DEEPEST]
        case ast.Subscript(slice=inner):
            return (True, *annotated_shape(inner))[:DEEPEST]
    return (True,) * 4


def changes(scan: Scan, function: FunctionNode, shared: Mapping[str, Shape]) -> list[ast.AST]:
    """The nodes of a function that may change, in place, what these names stand for."""
    return _Sharing(scan, function, shared).changes() if any(map(any, shared.values())) else []


def unbound_changes(scan: Scan) -> Iterator[ast.Attribute]:
    """``list.append`` and its like: a change that does not say of what."""
    for node in scan.nodes:
        if not isinstance(node, ast.Attribute) or node.attr not in MUTATORS or not isinstance(node.value, ast.Name):
            continue
        if node.value.id not in scan.names_in(node) and node.value.id not in scan.constants:
            yield node


class _Sharing:
    """One function's names and what each may stand for, to a fixed point."""

    def __init__(self, scan: Scan, function: FunctionNode, shared: Mapping[str, Shape]) -> None:
        self.scan, self.function, self.nodes = scan, function, tuple(ast.walk(function))
        self.shared, self.every = shared, joined(*shared.values())
        self.names: dict[str, Shape] = dict(shared)
        self.known: dict[ast.AST, Shape] = {}
        self.returns: dict[ast.AST, Shape] = {}
        self.bodies: dict[str, list[FunctionNode | ast.Lambda]] = {}
        for node in self.nodes:
            if isinstance(node, FunctionNode) and node is not function:
                self.bodies.setdefault(node.name, []).append(node)
            elif isinstance(node, ast.Assign) and isinstance(node.value, ast.Lambda):
                for target in node.targets:
                    if isinstance(target, ast.Name):
                        self.bodies.setdefault(target.id, []).append(node.value)
        self._settle()

    def _settle(self) -> None:
        for _ in rounds(self.function):
            before = (dict(self.names), dict(self.returns))
            self.known = {}
            for node in self.nodes:
                self._note(node)
            if (self.names, self.returns) == before:
                self.known = {}
                return

    def changes(self) -> list[ast.AST]:
        return [node for node in self.nodes if self._is_change(node)]

    def _is_change(self, node: ast.AST) -> bool:
        if (isinstance(node, ast.Attribute) and node.attr in MUTATORS) or (
            isinstance(node, ast.Subscript) and not isinstance(node.ctx, ast.Load)
        ):
            return self.value(node.value)[:1] == (True,)
        return (
            isinstance(node, ast.AugAssign)
            and isinstance(node.target, ast.Name)
            and self.names.get(node.target.id, ())[:1] == (True,)
        )

    # ---- what is bound to a name ---------------------------------------------------------------------------------

    def _add(self, name: str, shape: Shape) -> None:
        if any(shape):
            self.names[name] = joined(self.names.get(name, ()), shape)

    def _note(self, node: ast.AST) -> None:
        if isinstance(node, ast.Assign):
            for target in node.targets:
                self._bind(target, self.value(node.value), node.value)
        elif isinstance(node, ast.AnnAssign | ast.NamedExpr) and node.value is not None:
            self._bind(node.target, self.value(node.value), node.value)
        elif isinstance(node, ast.For | ast.comprehension):
            self._bind(node.target, self.value(node.iter)[1:], None)
            self._back(node.target, node.iter)
        elif isinstance(node, ast.AugAssign):
            self._bind(node.target, held(self.value(node.value)[1:]), None)
        elif isinstance(node, ast.Match):
            self._match(node)
        elif isinstance(node, ast.Call):
            self._call(node)
        elif isinstance(node, FunctionNode | ast.Lambda):
            defaults = [*node.args.defaults, *(one for one in node.args.kw_defaults if one is not None)]
            self._take(node, joined(*map(self.value, defaults)))
            self._note_returned(node)

    def _bind(self, target: ast.expr, shape: Shape, value: ast.expr | None) -> None:
        if isinstance(target, ast.Name):
            self._add(target.id, shape)
            if value is not None:
                self._back(target, value)
        elif isinstance(target, ast.Starred):
            self._bind(target.value, held(shape), None)
        elif isinstance(target, ast.Subscript):
            self._put(target.value, shape)
        elif isinstance(target, ast.Tuple | ast.List):
            parts: Sequence[ast.expr | None] = [None] * len(target.elts)
            if isinstance(value, ast.Tuple | ast.List) and len(value.elts) == len(target.elts):
                parts = value.elts
            for inner, part in zip(target.elts, parts, strict=True):
                self._bind(inner, shape[1:] if part is None else self.value(part), part)

    def _back(self, target: ast.expr, value: ast.expr) -> None:
        """What is put into a name is in what it was taken from, too."""
        for one in ast.walk(target):
            inside = self.names.get(one.id, ())[1:] if isinstance(one, ast.Name) else ()
            if any(inside):
                self._put(value, inside)

    def _match(self, node: ast.Match) -> None:
        subject = self.value(node.subject)
        every = joined(*(subject[level:] for level in range(len(subject))), held(subject[1:]))
        for part in (inner for case in node.cases for inner in ast.walk(case.pattern)):
            name = part.name if isinstance(part, ast.MatchAs | ast.MatchStar) else getattr(part, "rest", None)
            if name:
                self._add(name, every)

    def _put(self, into: ast.expr, shape: Shape) -> None:
        """Note that something is put into what an expression stands for."""
        whole = joined(held(shape), held(shape[1:]))
        for part in ast.walk(into):  # what is shared is known in full: to put something into it is a change of its own
            if isinstance(part, ast.Name) and part.id not in self.shared:
                self._add(part.id, joined(whole, *(() if part is into else (held(shape, 2), held(shape, 3)))))

    def _take(self, function: FunctionNode | ast.Lambda, shape: Shape) -> None:
        """Note that a function of this function is called with something."""
        arguments = function.args
        for one in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs):
            self._add(one.arg, shape)
        for many in (arguments.vararg, arguments.kwarg):
            if many is not None:
                self._add(many.arg, held(shape))

    def _call(self, node: ast.Call) -> None:
        given = [*node.args, *(keyword.value for keyword in node.keywords)]
        everything = joined(*self._given(node))
        if isinstance(node.func, ast.Attribute):
            if node.func.attr in MUTATORS:
                several = node.func.attr in ("extend", "extendleft", "update", "subtract")
                self._put(node.func.value, everything[1:] if several else everything)
            everything = joined(everything, self.value(node.func.value))
        elif isinstance(node.func, ast.Name):
            for body in self.bodies.get(node.func.id, ()):
                self._take(body, everything)
                self._give_back(body, given)
        parts = joined(everything[1:], everything[2:])
        if self.scan.dotted(node.func) in ("functools.reduce", "itertools.accumulate"):
            parts = joined(parts, everything)
        for argument in given:
            for body in self._functions(argument):
                self._take(body, parts)
                self._give_back(body, given)
            if isinstance(argument, ast.Attribute) and argument.attr in MUTATORS:
                self._put(argument.value, joined(parts, everything))

    def _given(self, node: ast.Call) -> list[Shape]:
        """The shapes of what a call is given, unpacked where it unpacks."""
        named = [self.value(one.value)[one.arg is None :] for one in node.keywords]
        return [*map(self.value, node.args), *named]

    def _give_back(self, function: FunctionNode | ast.Lambda, given: Sequence[ast.expr]) -> None:
        """What a function puts into its parameters is in what it was called with."""
        arguments = function.args
        for one in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs):
            for part in given if any(self.names.get(one.arg, ())[1:]) else ():
                self._put(part, self.names[one.arg][1:])

    def _functions(self, node: ast.expr) -> Sequence[FunctionNode | ast.Lambda]:
        if isinstance(node, ast.Lambda):
            return (node,)
        return self.bodies.get(node.id, ()) if isinstance(node, ast.Name) else ()

    # ---- what an expression may be -------------------------------------------------------------------------------

    def value(self, node: ast.expr) -> Shape:
        """The shape of an expression, as far as the names are known by now."""
        if node not in self.known:
            self.known[node] = self._value(node)
        return self.known[node]

    def _value(self, node: ast.expr) -> Shape:
        match node:
            case ast.Name(id=name):
                return self.names.get(name, ())
            case ast.Subscript(value=inner, slice=ast.Slice()):
                return held(self.value(inner)[1:])
            case ast.Subscript(value=inner) | ast.Starred(value=inner):
                return self.value(inner)[1:]
            case ast.IfExp(body=one, orelse=other):
                return joined(self.value(one), self.value(other))
            case ast.BoolOp(values=parts):
                return joined(*map(self.value, parts))
            case ast.NamedExpr(value=inner):
                return self.value(inner)
            case ast.Attribute(attr="args"):  # of an exception: whatever it was raised with
                return held(self.every)
            case ast.Call():
                return self._called(node)
        return held(joined(*self._put_together(node)))

    def _put_together(self, node: ast.expr) -> list[Shape]:
        """The shapes of what is in a new object."""
        match node:
            case ast.Tuple(elts=parts) | ast.List(elts=parts) | ast.Set(elts=parts):
                return [self.value(part) for part in parts]
            case ast.Dict(keys=keys, values=parts):
                return [self.value(part)[key is None :] for key, part in zip(keys, parts, strict=True)]
            case ast.BinOp(left=one, right=other):
                return [self.value(one)[1:], self.value(other)[1:]]
            case ast.ListComp(elt=inner) | ast.SetComp(elt=inner) | ast.GeneratorExp(elt=inner):
                return [self.value(inner)]
            case ast.DictComp(value=inner):
                return [self.value(inner)]
        return []

    def _called(self, node: ast.Call) -> Shape:
        given = self._given(node)
        every = (*node.args, *(keyword.value for keyword in node.keywords))
        functions = [body for part in every for body in self._functions(part)]
        returned = joined(*map(self._returned, functions))
        name, dotted = "", self.scan.dotted(node.func) or ""
        if isinstance(node.func, ast.Name):
            name = "" if node.func.id in self.scan.imported else node.func.id
            if name in self.bodies:
                return joined(*map(self._returned, self.bodies[name]))
        elif isinstance(node.func, ast.Attribute) and not (dotted.split(".")[0] in MODULES and "." in dotted):
            name = node.func.attr
            given = [self.value(node.func.value), *given]
        return self._result(name, dotted, given, returned)

    def _result(self, name: str, dotted: str, given: list[Shape], returned: Shape) -> Shape:
        every = joined(*given)
        inner = every[1:]
        if name == "popitem":
            return held(inner)
        if name in _ONE_OF:
            several = name in ("min", "max") and len(given) > 1
            return joined(inner, *(given if several else given[1:]))
        if name in _MAKERS | _COPIES | _SETS:
            return held(joined(inner, inner[1:]) if name in ("dict", "fromkeys", "union") else inner)
        if name in _PAIRS:
            return held(inner, 2)
        if name == "sum":
            return joined(held(inner[1:]), *given[1:])
        if name == "map":
            return held(joined(returned, inner, inner[1:]))
        if dotted == "functools.reduce":
            return joined(every, inner, returned)
        if dotted.startswith(("itertools.", "collections.")):
            first = every if dotted == "itertools.repeat" else inner
            return held(joined(first, inner[1:], held(inner), held(inner, 2), returned))
        if dotted.startswith(_PLAIN_MODULES) or not any(every):
            return returned
        return () if name and not name[0].isupper() else held(joined(every, inner))

    def _returned(self, function: FunctionNode | ast.Lambda) -> Shape:
        return self.returns.get(function, ())

    def _note_returned(self, function: FunctionNode | ast.Lambda) -> None:
        if isinstance(function, ast.Lambda):
            found: list[ast.expr | None] = [function.body]
        else:
            found = [part.value for part in ast.walk(function) if isinstance(part, ast.Return)]
        self.returns[function] = joined(*(self.value(part) for part in found if part is not None))
