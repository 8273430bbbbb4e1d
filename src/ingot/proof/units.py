"""Units of quantities through a program's own functions: never added or compared with another unit, and the stated one
in every output.

This is an analysis of the code, path by path merged, not a solver's proof: where every operation is understood and
nothing mixes, the code is *checked*. A literal takes whatever unit stands beside it; a quantity times a literal may
have been converted, so a mismatch after one is doubt (`NotExpressible`), not a finding.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from typing import Literal

from ingot.fields import Field
from ingot.program import Program, Signature
from ingot.proof.z3_values import NotExpressible

Unit = tuple[tuple[str, int], ...]
_SAME = {"day": "days", "month": "months", "year": "years", "week": "weeks", "%": "percent", "1": ""}
PERCENT: Unit = (("percent", 1),)


def unit_of(text: str) -> Unit:
    """The parts of a written unit with their powers: ``USD/kg`` is one of USD and minus one of kg; ``1`` has none."""
    found: dict[str, int] = {}
    for number, part in enumerate(text.replace("per ", "/").split("/")):
        for word in part.replace("*", " ").split():
            name = _SAME.get(word, word)
            if name:
                found[name] = found.get(name, 0) + (-1 if number else 1)
    return _unit(found)


def _unit(powers: Mapping[str, int]) -> Unit:
    return tuple(sorted((name, power) for name, power in powers.items() if power))


def _product(left: Unit, right: Unit, sign: int) -> Unit:
    """Units multiplied or divided; a percentage of something is of its unit."""
    if PERCENT in (left, right) and left != right:
        left, right = (one if one != PERCENT else () for one in (left, right))
    powers = dict(left)
    for name, power in right:
        powers[name] = powers.get(name, 0) + sign * power
    return _unit(powers)


def shown(unit: Unit) -> str:
    """A unit as it is written."""
    over = [name if power == 1 else f"{name}^{power}" for name, power in unit if power > 0]
    under = [name if power == -1 else f"{name}^{-power}" for name, power in unit if power < 0]
    return " ".join(over or ["1" if under else "a pure number"]) + "".join(f"/{one}" for one in under)


@dataclass(frozen=True, slots=True)
class Quantity:
    """What is known of a value: a ``number`` with its unit; a ``literal``, which takes any; a ``date``; a ``span`` of
    days; a ``list`` of `items`; a ``record`` or ``tuple`` of `rows`; ``plain`` for what has no unit; ``mixed`` where
    paths with different units meet. `scaled` says that a literal may have converted it."""

    kind: Literal["number", "literal", "date", "span", "list", "record", "tuple", "plain", "mixed"]
    unit: Unit = ()
    scaled: bool = False
    items: Quantity | None = None
    rows: tuple[tuple[object, Quantity], ...] = ()


LITERAL, PLAIN = Quantity("literal"), Quantity("plain")


@dataclass(frozen=True, slots=True)
class Mixture:
    """Two units that meet where they must be one; `line` counts in ``logic.py``."""

    line: int
    what: str
    left: Unit
    right: Unit

    def __str__(self) -> str:
        return f"line {self.line} {self.what} {shown(self.left)} and {shown(self.right)}"


def mixtures(program: Program) -> tuple[Mixture, ...]:
    """Where the functions mix units. Raises NotExpressible where an operation is not understood and none was found."""
    units = _Units(program)
    doubts: list[NotExpressible] = []
    for signature in program.signatures:
        try:
            units.check(signature)
        except NotExpressible as error:
            doubts.append(error)
    if doubts and not units.found:
        raise doubts[0]
    return tuple(dict.fromkeys(units.found))


def _of_field(field: Field) -> Quantity:
    match field.type:
        case "integer" | "decimal" | "float":
            if field.unit is None:
                raise NotExpressible(f"{field.name!r}, which states no unit ('unit: 1' is a pure number)")
            return Quantity("number", unit_of(field.unit))
        case "date":
            return Quantity("date")
        case "list" if field.items is not None:
            return Quantity("list", items=_of_field(field.items))
        case "object":
            return Quantity("record", rows=tuple((inner.name, _of_field(inner)) for inner in field.fields))
        case _:
            return PLAIN


Env = dict[str, Quantity]


class _Units:
    """Follows quantities through the functions; `found` collects the mixtures."""

    def __init__(self, program: Program) -> None:
        tree = ast.parse(program.logic)
        self.functions = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
        self.constants = {
            target.id: node.value
            for node in tree.body
            if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None
            for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
            if isinstance(target, ast.Name)
        }
        self.found: list[Mixture] = []
        self.returned: list[list[Quantity]] = []
        self.depth = 0

    def check(self, signature: Signature) -> None:
        """Follow one generated function and hold its returns against the stated units."""
        node = self.functions[signature.name]
        value = self._run(node, {field.name: _of_field(field) for field in signature.params})
        for field in signature.outputs:
            got = value if len(signature.outputs) == 1 else _row(value, field.name)
            self._same(got, _of_field(field), node, f"returns {field.name!r} between")

    def _run(self, node: ast.FunctionDef, env: Env) -> Quantity:
        self.depth += 1
        if self.depth > 12:
            raise NotExpressible("calls nested too deeply", node.lineno)
        self.returned.append([])
        try:
            self._block(node.body, env)
        finally:
            self.depth -= 1
            returns = self.returned.pop()
        return reduce(lambda one, other: self._met(one, other, node), returns, LITERAL)

    # ---- statements ----------------------------------------------------------------------------------------------

    def _block(self, body: Sequence[ast.stmt], env: Env) -> None:
        for statement in body:
            self._statement(statement, env)

    def _statement(self, node: ast.stmt, env: Env) -> None:  # noqa: C901, PLR0912  (one row per node type)
        match node:
            case ast.Return(value=value):
                self.returned[-1].append(LITERAL if value is None else self.of(value, env))
            case ast.Assign(targets=targets, value=value):
                for target in targets:
                    self._bind(target, self.of(value, env), env)
            case ast.AnnAssign(value=value):
                if value is not None:
                    self._bind(node.target, self.of(value, env), env)
            case ast.AugAssign(target=ast.Name(id=name) as target):
                changed = ast.copy_location(ast.BinOp(ast.Name(name, ast.Load()), node.op, node.value), node)
                self._bind(target, self.of(changed, env), env)
            case ast.If(test=test, body=body, orelse=orelse):
                self.of(test, env)
                self._branches([body, orelse], env, node)
            case ast.For(target=target, iter=iterable, body=body, orelse=orelse):
                each = self._each(self.of(iterable, env), node)
                self._loop(target, each, body, env, node)
                self._block(orelse, env)
            case ast.Match(subject=subject, cases=cases):
                self.of(subject, env)
                for case in cases:
                    if case.guard is not None:
                        self.of(case.guard, env)
                self._branches([*(case.body for case in cases), []], env, node)
            case ast.Expr(value=ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr="append"), args=[item])):
                known = env.get(name, Quantity("list", items=LITERAL))
                env[name] = Quantity("list", items=self._met(known.items or LITERAL, self.of(item, env), node))
            case ast.Expr(value=value):
                self.of(value, env)
            case ast.Assert(test=test):
                self.of(test, env)
            case ast.Pass() | ast.Break() | ast.Continue() | ast.Raise():
                pass
            case _:
                raise NotExpressible(f"a {type(node).__name__.lower()} statement", node.lineno)

    def _loop(self, target: ast.expr, each: Quantity, body: Sequence[ast.stmt], env: Env, node: ast.For) -> None:
        """Follow a loop's body until a round changes nothing."""
        for _ in range(10):
            before = dict(env)
            self._bind(target, each, env)
            self._branches([body, []], env, node)
            if env == before:
                return
        raise NotExpressible("a loop whose units go on changing", node.lineno)

    def _branches(self, bodies: Sequence[Sequence[ast.stmt]], env: Env, node: ast.stmt) -> None:
        ends = [dict(env) for _ in bodies]
        for body, end in zip(bodies, ends, strict=True):
            self._block(body, end)
        for name in dict.fromkeys(name for end in ends for name in end):
            known = [end[name] for end in ends if name in end]
            env[name] = reduce(lambda one, other: self._met(one, other, node), known)

    def _bind(self, target: ast.expr, value: Quantity, env: Env) -> None:
        match target:
            case ast.Name(id=name):
                env[name] = value
            case ast.Tuple(elts=elts):
                for number, one in enumerate(elts):
                    inner = _row(value, number) if value.kind == "tuple" else self._each(value, target)
                    self._bind(one, inner, env)
            case ast.Subscript(value=ast.Name(id=name), slice=ast.Constant(value=key)):
                rows = dict(env.get(name, LITERAL).rows) | {key: value}
                env[name] = Quantity("record", rows=tuple(rows.items()))
            case _:
                raise NotExpressible(f"an assignment to {ast.unparse(target)}", target.lineno)

    # ---- expressions ---------------------------------------------------------------------------------------------

    def of(self, node: ast.expr, env: Env) -> Quantity:  # noqa: C901, PLR0912  (one row per node type)
        """The quantity of an expression. Raises NotExpressible."""
        match node:
            case ast.Constant(value=constant):
                adopts = constant is None or (isinstance(constant, int | float) and not isinstance(constant, bool))
                return LITERAL if adopts else PLAIN
            case ast.Name(id=name):
                if name in env:
                    return env[name]
                if name in self.constants:
                    return self.of(self.constants[name], {})
                return PLAIN
            case ast.BinOp():
                return self._binary(node, env)
            case ast.UnaryOp(op=op, operand=operand):
                value = self.of(operand, env)
                return PLAIN if isinstance(op, ast.Not) else value
            case ast.BoolOp(values=values):
                return self._all([self.of(value, env) for value in values], node)
            case ast.IfExp(test=test, body=body, orelse=orelse):
                self.of(test, env)
                return self._met(self.of(body, env), self.of(orelse, env), node)
            case ast.Compare():
                return self._compared(node, env)
            case ast.Tuple(elts=elts):
                return Quantity("tuple", rows=tuple((n, self.of(one, env)) for n, one in enumerate(elts)))
            case ast.List(elts=elts) | ast.Set(elts=elts):
                return Quantity("list", items=self._all([self.of(one, env) for one in elts], node))
            case ast.Dict(keys=keys, values=values) if None not in keys:
                return Quantity("record", rows=tuple((_key(key), self.of(value, env)) for key, value in zip(keys, values, strict=True)))  # fmt: skip
            case ast.ListComp(elt=elt, generators=generators) | ast.GeneratorExp(elt=elt, generators=generators):
                inner = dict(env)
                for one in generators:
                    self._bind(one.target, self._each(self.of(one.iter, inner), node), inner)
                    for test in one.ifs:
                        self.of(test, inner)
                return Quantity("list", items=self.of(elt, inner))
            case ast.Subscript(value=owner, slice=index):
                return self._item(self.of(owner, env), index, env, node)
            case ast.Attribute():
                return self._attribute(node, env)
            case ast.Call():
                return self._call(node, env)
            case ast.JoinedStr():
                return PLAIN
            case _:
                raise NotExpressible(f"the expression {ast.unparse(node)[:60]}", node.lineno)

    def _binary(self, node: ast.BinOp, env: Env) -> Quantity:
        left, right = self.of(node.left, env), self.of(node.right, env)
        kinds = {left.kind, right.kind}
        if "mixed" in kinds:
            raise NotExpressible("a value whose unit depends on the path", node.lineno)
        if "date" in kinds:
            return Quantity("span") if left.kind == right.kind else Quantity("date")
        if kinds in ({"list"}, {"plain"}):
            return self._met(left, right, node)
        match node.op:
            case ast.Add() | ast.Sub():
                what = "adds" if isinstance(node.op, ast.Add) else "subtracts"
                return self._same(left, right, node, what)
            case ast.Mult() | ast.Div() | ast.FloorDiv():
                if "span" in kinds:
                    return Quantity("span", scaled=True)
                if "plain" in kinds:
                    raise NotExpressible("a value of no known unit in arithmetic", node.lineno)
                sign = 1 if isinstance(node.op, ast.Mult) else -1
                if kinds == {"literal"}:
                    return LITERAL
                scaled = left.scaled or right.scaled or "literal" in kinds
                return Quantity("number", _product(left.unit, right.unit, sign), scaled)
            case ast.Mod():
                return self._same(left, right, node, "takes the remainder of")
        raise NotExpressible(f"the operation {ast.unparse(node)[:60]}", node.lineno)

    def _compared(self, node: ast.Compare, env: Env) -> Quantity:
        values = [self.of(one, env) for one in (node.left, *node.comparators)]
        for operator, left, right in zip(node.ops, values, values[1:], strict=False):
            if isinstance(operator, ast.In | ast.NotIn):
                if left.kind in ("number", "literal") and right.kind in ("list", "tuple"):
                    self._same(left, self._each(right, node), node, "compares")
            elif not isinstance(operator, ast.Is | ast.IsNot):
                self._same(left, right, node, "compares")
        return PLAIN

    def _item(self, owner: Quantity, index: ast.expr, env: Env, node: ast.expr) -> Quantity:
        if isinstance(index, ast.Slice):
            return Quantity("list", items=self._each(owner, node))
        self.of(index, env)
        if isinstance(index, ast.Constant) and owner.kind in ("record", "tuple"):
            return _row(owner, index.value)
        return self._all([value for _, value in owner.rows], node) if owner.rows else self._each(owner, node)

    def _attribute(self, node: ast.Attribute, env: Env) -> Quantity:
        owner = self.of(node.value, env)
        if owner.kind == "span" and node.attr == "days":
            return Quantity("number", (("days", 1),), owner.scaled)
        if owner.kind == "date" and node.attr in ("year", "month", "day"):
            return Quantity("number", ((f"{node.attr}s", 1),))
        if owner.kind in ("plain", "literal"):
            return PLAIN
        raise NotExpressible(f".{node.attr} of a {owner.kind}", node.lineno)

    def _call(self, node: ast.Call, env: Env) -> Quantity:
        given = [self.of(arg, env) for arg in node.args]
        named = {word.arg or "": self.of(word.value, env) for word in node.keywords}
        match node.func:
            case ast.Name(id=name) if name in self.functions:
                called = self.functions[name]
                params = [arg.arg for arg in (*called.args.args, *called.args.kwonlyargs)]
                inner = dict.fromkeys(params, LITERAL) | dict(zip(params, given, strict=False)) | named
                return self._run(called, inner)
            case ast.Name(id=name) if name in _CALLS:
                return _CALLS[name](
                    self, node, [*given, *(named[word] for word in ("default", "days", "weeks") if word in named)]
                )
            case ast.Attribute(value=ast.Name(id="math")) if len(given) == 1:
                return given[0]
            case ast.Attribute(value=owner, attr=attr):
                return self._method(self.of(owner, env), attr, given, node)
        raise NotExpressible(f"the call {ast.unparse(node.func)}(…)", node.lineno)

    def _method(self, owner: Quantity, name: str, given: list[Quantity], node: ast.Call) -> Quantity:
        if name in ("quantize", "to_integral_value", "copy_abs", "normalize"):
            return owner
        values = [value for _, value in owner.rows]
        if name == "get" and owner.kind == "record":
            return self._all([*values, *given[1:]], node)
        if name == "values" and owner.kind == "record":
            return Quantity("list", items=self._all(values, node))
        if name == "items" and owner.kind == "record":
            return Quantity("list", items=Quantity("tuple", rows=((0, PLAIN), (1, self._all(values, node)))))
        if owner.kind == "date":
            return Quantity("date") if name == "replace" else PLAIN
        if owner.kind == "plain":
            return Quantity("date") if name == "fromisoformat" else PLAIN
        raise NotExpressible(f"the method {name} of a {owner.kind}", node.lineno)

    # ---- meeting -------------------------------------------------------------------------------------------------

    def _each(self, value: Quantity, node: ast.AST) -> Quantity:
        if value.kind == "tuple":
            return self._all([one for _, one in value.rows], node)
        return value.items if value.kind == "list" and value.items is not None else PLAIN

    def _all(self, values: Sequence[Quantity], node: ast.AST) -> Quantity:
        return reduce(lambda one, other: self._met(one, other, node), values, LITERAL)

    def _met(self, one: Quantity, other: Quantity, node: ast.AST) -> Quantity:
        """Where two paths meet, or items of one list: no mixture yet, for nothing is computed of both."""
        if one == other or other.kind == "literal":
            return one
        if one.kind == "literal":
            return other
        if one.kind != other.kind:
            return Quantity("mixed")
        if one.kind in ("record", "tuple"):
            keys = dict.fromkeys([*dict(one.rows), *dict(other.rows)])
            rows = tuple((key, self._met(_row(one, key), _row(other, key), node)) for key in keys)
            return replace(one, rows=rows)
        if one.kind == "list":
            return replace(one, items=self._met(one.items or LITERAL, other.items or LITERAL, node))
        if one.unit != other.unit:
            return Quantity("mixed")
        return replace(one, scaled=one.scaled or other.scaled)

    def _same(self, left: Quantity, right: Quantity, node: ast.AST, what: str) -> Quantity:
        """Two values that must have one unit."""
        line = int(getattr(node, "lineno", 0))
        if "mixed" in (left.kind, right.kind):
            raise NotExpressible("a value whose unit depends on the path", line)
        if {left.kind, right.kind} == {"number", "plain"}:
            raise NotExpressible("a value of no known unit beside a quantity", line)
        if left.kind == right.kind == "tuple":
            for key, value in left.rows:
                self._same(value, _row(right, key), node, what)
        if left.kind == right.kind == "list":
            self._same(left.items or LITERAL, right.items or LITERAL, node, what)
        if left.kind == right.kind == "number" and left.unit != right.unit:
            if left.scaled or right.scaled:
                met = f"{shown(left.unit)} and {shown(right.unit)}"
                raise NotExpressible(f"{met} that meet after a number without a unit may have converted one", line)
            self.found.append(Mixture(line, what, left.unit, right.unit))
        return self._met(left, right, node)


def _row(value: Quantity, key: object) -> Quantity:
    return dict(value.rows).get(key, LITERAL if value.kind in ("record", "tuple", "literal") else PLAIN)


def _key(node: ast.expr | None) -> object:
    return node.value if isinstance(node, ast.Constant) else ast.unparse(node) if node is not None else None


_Call = Callable[[_Units, ast.Call, list[Quantity]], Quantity]


def _extreme(units: _Units, node: ast.Call, given: list[Quantity]) -> Quantity:
    values = [units._each(one, node) if one.kind in ("list", "tuple") else one for one in given]
    return reduce(lambda one, other: units._same(one, other, node, "compares"), values)


def _span(units: _Units, node: ast.Call, given: list[Quantity]) -> Quantity:
    wanted = "weeks" if any(word.arg == "weeks" for word in node.keywords) else "days"
    for one in given:
        units._same(one, Quantity("number", ((wanted, 1),)), node, "makes a span of")
    return Quantity("span")


def _first(units: _Units, node: ast.Call, given: list[Quantity]) -> Quantity:
    return given[0] if given else PLAIN


_CALLS: dict[str, _Call] = {
    **dict.fromkeys(("abs", "int", "round", "sorted", "list", "tuple", "reversed", "set"), _first),
    **dict.fromkeys(("min", "max"), _extreme),
    **dict.fromkeys(("len", "range"), lambda units, node, given: LITERAL if node.args else PLAIN),
    **dict.fromkeys(("bool", "str", "any", "all", "isinstance"), lambda units, node, given: PLAIN),
    "Decimal": lambda units, node, given: given[0] if given and given[0].kind == "number" else LITERAL,
    "date": lambda units, node, given: Quantity("date"),
    "timedelta": _span,
    "sum": lambda units, node, given: units._same(units._each(given[0], node), given[1] if given[1:] else LITERAL, node, "adds"),
    "next": lambda units, node, given: units._all([units._each(given[0], node), *given[1:]], node),
    "enumerate": lambda units, node, given: Quantity("list", items=Quantity("tuple", rows=((0, LITERAL), (1, units._each(given[0], node))))),
    "zip": lambda units, node, given: Quantity("list", items=Quantity("tuple", rows=tuple(enumerate(units._each(one, node) for one in given)))),
}  # fmt: skip
