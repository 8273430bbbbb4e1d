"""The expressions of the allowed subset as symbolic values. What is not listed here is refused."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from decimal import Decimal, InvalidOperation
from functools import partial
from typing import Any, Literal

from ingot.proof.z3_arithmetic import ROUNDINGS, absolute, days, negative, quantized, size, smallest, total, whole
from ingot.proof.z3_fields import constant
from ingot.proof.z3_machine import Asked, Machine
from ingot.proof.z3_values import (
    NONE,
    NotExpressible,
    Value,
    below,
    choose,
    conj,
    disj,
    equal,
    is_constant,
    key_of,
    merge,
    negate,
    opaque,
    sequence,
    truth,
)

Slots = tuple[tuple[Any, Value], ...]


def evaluate(machine: Machine, node: ast.expr) -> Value:  # noqa: C901, PLR0912  (one row per node type)
    """The value of an expression on the machine's path. Raises NotExpressible."""
    match node:
        case ast.Constant():
            return constant(node.value, machine.symbols.codes)
        case ast.Name():
            return machine.name(node)
        case ast.BoolOp():
            return _bool_op(machine, node)
        case ast.UnaryOp():
            return _unary(machine, node)
        case ast.BinOp():
            return machine.operate(node.op, evaluate(machine, node.left), evaluate(machine, node.right))
        case ast.Compare():
            return Value("bool", _compare(machine, node))
        case ast.IfExp():
            condition = machine.truth(node.test)
            yes = machine.guarded(condition, lambda: _if_reached(machine, condition, node.body))
            no = machine.guarded(negate(condition), lambda: _if_reached(machine, negate(condition), node.orelse))
            return merge(condition, yes, no)
        case ast.Tuple() | ast.List():
            items = [evaluate(machine, item) for item in node.elts]
            return sequence("tuple" if isinstance(node, ast.Tuple) else "list", items)
        case ast.Set():
            return replace(sequence("tuple", [evaluate(machine, item) for item in node.elts]), kind="set")
        case ast.Dict():
            return _dict(machine, node)
        case ast.Subscript():
            return _subscript(machine, node)
        case ast.Attribute():
            return _attribute(machine, node)
        case ast.Call():
            return _call(machine, node)
        case ast.ListComp():
            return Value("list", slots=tuple(_comprehended(machine, node)))
        case ast.NamedExpr(target=target, value=value):
            raise NotExpressible(f"{ast.unparse(target)} := {ast.unparse(value)}", machine.line(node))
        case ast.JoinedStr():
            return _joined_text(machine, node)
        case ast.Yield(value=ast.Tuple(elts=[ast.Constant(value=str(step)), ast.Dict() as arguments])):
            machine.asked.append(Asked(step, machine.path, evaluate(machine, arguments)))
            return machine.reply(step)
        case _:
            raise NotExpressible(f"the expression {ast.unparse(node)[:60]}", machine.line(node))


def _if_reached(machine: Machine, condition: Any, node: ast.expr) -> Value:
    return NONE if condition is False else evaluate(machine, node)


def _bool_op(machine: Machine, node: ast.BoolOp) -> Value:
    """``and`` and ``or`` give one of their operands back."""
    is_and = isinstance(node.op, ast.And)
    first, *rest = node.values
    value = evaluate(machine, first)
    condition = machine.truth_of(value, node)
    going_on = condition if is_and else negate(condition)
    if not rest or going_on is False:
        return value
    remaining = rest[0] if len(rest) == 1 else ast.copy_location(ast.BoolOp(node.op, rest), node)
    other = machine.guarded(going_on, lambda: evaluate(machine, remaining))
    return merge(going_on, other, value)


def _unary(machine: Machine, node: ast.UnaryOp) -> Value:
    if isinstance(node.op, ast.Not):
        return Value("bool", negate(machine.truth(node.operand)))
    value = evaluate(machine, node.operand)
    if isinstance(node.op, ast.USub):
        return machine.failing(negative(value), node)
    raise NotExpressible(f"the operator {type(node.op).__name__}", machine.line(node))


# ---- comparisons -------------------------------------------------------------------------------------------------


def _compare(machine: Machine, node: ast.Compare) -> Any:
    """A chain of comparisons; each is reached only where the ones before it hold."""
    left, so_far = evaluate(machine, node.left), True
    for operator, written in zip(node.ops, node.comparators, strict=True):
        right = machine.guarded(so_far, partial(evaluate, machine, written))
        pair = left, right
        found = machine.guarded(so_far, partial(_compared, machine, operator, *pair, node))
        so_far, left = conj(so_far, found), right
    return so_far


def _compared(machine: Machine, operator: ast.cmpop, left: Value, right: Value, node: ast.Compare) -> Any:
    match operator:
        case ast.Eq():
            return equal(left, right)
        case ast.NotEq():
            return negate(equal(left, right))
        case ast.Is() | ast.IsNot():
            same = _identical(left, right)
            return same if isinstance(operator, ast.Is) else negate(same)
        case ast.In() | ast.NotIn():
            inside = _inside(machine, left, right)
            return inside if isinstance(operator, ast.In) else negate(inside)
    if isinstance(operator, ast.Gt | ast.GtE):
        left, right = right, left
    holds, raises = below(left, right, isinstance(operator, ast.LtE | ast.GtE))
    machine.fail(raises, "TypeError", node)
    return holds


def _identical(left: Value, right: Value) -> Any:
    """``is`` with None, True or False on the right."""
    if right.kind == "none":
        return left.none
    if right.kind == "bool" and isinstance(right.term, bool) and left.kind in ("bool", "none"):
        return equal(left, right)
    raise NotExpressible("identity of something else than None, True and False")


def _inside(machine: Machine, item: Value, container: Value) -> Any:
    machine.fail(container.none, "TypeError")
    if container.kind in ("record", "set") and item.kind in ("list", "record", "set"):
        raise NotExpressible("membership of something that has no hash")
    if container.kind == "record":
        return disj(*(equal(item, key) for key, _ in container.rows))
    if container.kind in ("list", "tuple", "set"):
        return disj(*(conj(there, equal(item, one)) for there, one in container.slots))
    raise NotExpressible(f"membership in {container.kind}")


# ---- dicts, items and attributes ---------------------------------------------------------------------------------


def _dict(machine: Machine, node: ast.Dict) -> Value:
    rows: dict[Any, tuple[Value, Value]] = {}
    for key, written in zip(node.keys, node.values, strict=True):
        if key is None:
            raise NotExpressible("a dict unpacked into another", machine.line(node))
        name, value = evaluate(machine, key), evaluate(machine, written)
        known = key_of(name)
        rows[known] = (rows[known][0] if known in rows else name, value)
    return Value("record", rows=tuple(rows.values()))


def _subscript(machine: Machine, node: ast.Subscript) -> Value:
    if isinstance(node.slice, ast.Slice):
        return _slice(machine, node.value, node.slice)
    owner, index = evaluate(machine, node.value), evaluate(machine, node.slice)
    machine.fail(owner.none, "TypeError", node)
    if owner.kind == "record":
        return _looked_up(machine, owner, index, None, node)
    if owner.kind in ("list", "tuple"):
        return _item(machine, owner, index, node)
    raise NotExpressible(f"an item of {owner.term if owner.kind == 'opaque' else owner.kind}", machine.line(node))


def _slice(machine: Machine, written: ast.expr, node: ast.Slice) -> Value:
    owner = evaluate(machine, written)
    bounds = [None if part is None else evaluate(machine, part) for part in (node.lower, node.upper, node.step)]
    fixed = owner.kind in ("list", "tuple") and owner.none is False and all(there is True for there, _ in owner.slots)
    if not fixed or any(bound is not None and not (bound.kind == "int" and is_constant(bound)) for bound in bounds):
        raise NotExpressible("a part of something whose length varies", machine.line(node))
    low, high, step = (None if bound is None else int(bound.term) for bound in bounds)
    if step == 0:
        raise NotExpressible("a slice with step 0", machine.line(node))
    return replace(owner, slots=owner.slots[low:high:step])


def _looked_up(machine: Machine, table: Value, key: Value, default: Value | None, node: ast.AST) -> Value:
    """The row of a table with this key; without one, the default or a KeyError."""
    if key.kind in ("list", "record"):
        machine.fail(True, "TypeError", node)
    missing: Any = True
    value = default
    for name, found in reversed(table.rows):
        hit = equal(key, name)
        if hit is True:
            missing, value = False, found
            continue
        value = found if value is None else merge(hit, found, value)
        missing = conj(missing, negate(hit))
    if default is None:
        machine.fail(missing, "KeyError", node)
    return opaque("an item of an empty table") if value is None else value


def _item(machine: Machine, owner: Value, index: Value, node: ast.AST) -> Value:
    """An item by its place. Where items may be absent, only places from the front are known."""
    if index.kind != "int":
        raise NotExpressible(f"an item at {index.kind}", machine.line(node))
    machine.fail(index.none, "TypeError", node)
    fixed = all(there is True for there, _ in owner.slots)
    count = len(owner.slots)
    if isinstance(index.term, int):
        if (fixed and -count <= index.term < count) or (owner.prefix and 0 <= index.term < count):
            there, value = owner.slots[index.term]
            machine.fail(negate(there), "IndexError", node)
            return value
        if fixed or (owner.prefix and index.term >= count):
            machine.fail(True, "IndexError", node)
            return opaque("an item beyond the end")
    if not fixed:
        raise NotExpressible("an item of a list whose length varies", machine.line(node))
    machine.fail(disj(index.term < -count, index.term >= count), "IndexError", node)
    value = opaque("an item of an empty list")
    for place, (_, item) in enumerate(owner.slots):
        hit = disj(index.term == place, index.term == place - count)
        value = item if place == 0 else merge(hit, item, value)
    return value


def _attribute(machine: Machine, node: ast.Attribute) -> Value:
    owner = evaluate(machine, node.value)
    machine.fail(owner.none, "AttributeError", node)
    if owner.kind == "days" and node.attr == "days":
        return Value("int", owner.term, limit=10**9)
    if owner.kind == "date" and node.attr in ("year", "month", "day"):
        from ingot.proof.z3_dates import calendar

        return Value("int", calendar(machine.symbols, owner.term)[node.attr], limit=10_000)
    raise NotExpressible(f".{node.attr} of {owner.kind}", machine.line(node))


def _joined_text(machine: Machine, node: ast.JoinedStr) -> Value:
    """A text made of values: nothing is known of it, and making it never fails for these kinds."""
    for part in node.values:
        if isinstance(part, ast.FormattedValue):
            value = evaluate(machine, part.value)
            if part.format_spec is not None or part.conversion != -1 or not _printable(value):
                raise NotExpressible("a formatted text", machine.line(node))
    return opaque("a text that is put together")


def _printable(value: Value) -> bool:
    """Whether ``str`` of it never fails; Python refuses to print integers beyond 4,300 digits."""
    return value.kind in ("bool", "text", "date", "none", "decimal") or (
        value.kind == "int" and value.limit is not None
    )


# ---- loops inside expressions ------------------------------------------------------------------------------------


_ITERATORS = ("range", "enumerate", "reversed", "zip")


def iterated(machine: Machine, node: ast.expr) -> Slots:
    """The items that a loop goes over, each with the condition under which it is there."""
    called = node.func.id if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) else None
    match node:
        case ast.Call() if called in _ITERATORS and not machine.is_builtin(called):
            raise NotExpressible(f"the call {called}(…)", machine.line(node))
        case ast.Call(func=ast.Name(id="range"), args=args, keywords=[]):
            bounds = [evaluate(machine, arg) for arg in args]
            if not all(bound.kind == "int" and is_constant(bound) for bound in bounds):
                raise NotExpressible("a range that is not constant", machine.line(node))
            numbers = range(*(int(bound.term) for bound in bounds))
            if len(numbers) > 64:
                raise NotExpressible("a loop of more than 64 rounds", machine.line(node))
            return tuple((True, constant(number, machine.symbols.codes)) for number in numbers)
        case ast.Call(func=ast.Name(id="enumerate"), args=[one], keywords=[]):
            return _numbered(iterated(machine, one))
        case ast.Call(func=ast.Name(id="reversed"), args=[one], keywords=[]):
            return tuple(reversed(iterated(machine, one)))
        case ast.Call(func=ast.Name(id="zip"), args=args, keywords=[]):
            return _zipped(machine, [iterated(machine, arg) for arg in args])
        case ast.GeneratorExp():
            return tuple(_comprehended(machine, node))
    value = evaluate(machine, node)
    machine.fail(value.none, "TypeError", node)
    if value.kind == "record":
        return tuple((True, key) for key, _ in value.rows)
    if value.kind not in ("list", "tuple"):
        what = value.term if value.kind == "opaque" else f"{value.kind} values"
        raise NotExpressible(f"a loop over {what}", machine.line(node))
    return value.slots


def _numbered(slots: Slots) -> Slots:
    found: list[tuple[Any, Value]] = []
    before: Any = 0
    for there, item in slots:
        found.append((there, sequence("tuple", [Value("int", before, limit=len(slots)), item])))
        before = before + choose(there, 1, 0)
    return tuple(found)


def _zipped(machine: Machine, columns: list[Slots]) -> Slots:
    if any(there is not True for column in columns for there, _ in column):
        raise NotExpressible("zip of lists whose length varies")
    return tuple((True, sequence("tuple", [item for _, item in row])) for row in zip(*columns, strict=False))


def _comprehended(
    machine: Machine, node: ast.ListComp | ast.GeneratorExp, stop: Callable[[Value], Any] | None = None
) -> Iterator[tuple[Any, Value]]:
    """Each element with the condition under which it is there. After an element for which `stop` holds, Python
    evaluates no further one."""
    env = dict(machine.frame.env)
    stopped: list[Any] = []

    def level(generators: list[ast.comprehension], there: Any) -> Iterator[tuple[Any, Value]]:
        if not generators:
            path, machine.path = machine.path, conj(machine.path, there, *(negate(one) for one in stopped))
            value = evaluate(machine, node.elt)
            machine.path = path
            if stop is not None:
                stopped.append(conj(there, stop(value)))
            yield there, value
            return
        first, *rest = generators
        path, machine.path = machine.path, conj(machine.path, there, *(negate(one) for one in stopped))
        slots = iterated(machine, first.iter)
        machine.path = path
        for present, item in slots:
            machine.assign(first.target, item)
            inside = conj(there, present)
            for test in first.ifs:
                running = conj(inside, *(negate(one) for one in stopped))
                inside = conj(inside, machine.guarded(running, partial(machine.truth, test)))
            yield from level(rest, inside)

    try:
        yield from list(level(list(node.generators), True))
    finally:
        machine.frame.env = env


# ---- calls -------------------------------------------------------------------------------------------------------


def _call(machine: Machine, node: ast.Call) -> Value:
    match node.func:
        case ast.Name(id=name) if name in machine.functions and name not in machine.frame.local:
            arguments = [evaluate(machine, arg) for arg in node.args]
            named = {arg.arg: evaluate(machine, arg.value) for arg in node.keywords if arg.arg is not None}
            if len(named) < len(node.keywords):
                raise NotExpressible("arguments unpacked from a dict", machine.line(node))
            return machine.call(name, arguments, named)
        case ast.Name(id=name) if name in _BUILTINS and machine.is_builtin(name):
            return _BUILTINS[name](machine, node)
        case ast.Attribute(value=ast.Name(id=module), attr=name) if (
            f"{module}.{name}" in _QUALIFIED and machine.is_builtin(module)
        ):
            return _QUALIFIED[f"{module}.{name}"](machine, node)
        case ast.Attribute(attr=name) if name in _METHODS:
            return _METHODS[name](machine, node, evaluate(machine, node.func.value))
    raise NotExpressible(f"the call {ast.unparse(node.func)}(…)", machine.line(node))


def _arguments(machine: Machine, node: ast.Call, least: int, most: int) -> list[Value]:
    if node.keywords or not least <= len(node.args) <= most:
        raise NotExpressible(f"the arguments of {ast.unparse(node.func)}", machine.line(node))
    return [evaluate(machine, arg) for arg in node.args]


def _extreme(machine: Machine, node: ast.Call, largest: bool) -> Value:
    defaults = [word.value for word in node.keywords if word.arg == "default"]
    if len(defaults) < len(node.keywords):
        raise NotExpressible("min or max with a key", machine.line(node))
    if len(node.args) == 1:
        slots = iterated(machine, node.args[0])
    else:
        slots = tuple((True, evaluate(machine, arg)) for arg in node.args)
    if not defaults:
        return machine.failing(smallest(list(slots), largest), node)
    value, raises = smallest(list(slots), largest)
    default = evaluate(machine, defaults[0])
    *wrong, (empty, _) = raises
    for condition, name in wrong:
        machine.fail(condition, name, node)
    return merge(empty, default, value) if slots else default


def _sum(machine: Machine, node: ast.Call) -> Value:
    if node.keywords or not 1 <= len(node.args) <= 2:
        raise NotExpressible("the arguments of sum", machine.line(node))
    slots = iterated(machine, node.args[0])
    start = evaluate(machine, node.args[1]) if len(node.args) == 2 else constant(0, machine.symbols.codes)
    return machine.failing(total(Value("list", slots=slots), start), node)


def _quantifier(machine: Machine, node: ast.Call, is_any: bool) -> Value:
    if len(node.args) != 1 or node.keywords:
        raise NotExpressible("the arguments of any or all", machine.line(node))
    written = node.args[0]
    if isinstance(written, ast.GeneratorExp):
        slots = tuple(_comprehended(machine, written, truth if is_any else lambda value: negate(truth(value))))
    else:
        slots = iterated(machine, written)
    found: list[tuple[Any, Any]] = []
    for there, value in slots:  # what comes after the one that settles it is not asked
        reached = conj(there, *(disj(negate(here), negate(one) if is_any else one) for here, one in found))
        found.append((there, machine.guarded(reached, partial(machine.truth_of, value, node))))
    if is_any:
        return Value("bool", disj(*(conj(there, one) for there, one in found)))
    return Value("bool", conj(*(disj(negate(there), one) for there, one in found)))


def _next(machine: Machine, node: ast.Call) -> Value:
    match node.args:
        case [ast.GeneratorExp() as generator, default] if not node.keywords:
            slots = list(_comprehended(machine, generator, lambda _: True))
            value = evaluate(machine, default)
            for there, item in reversed(slots):
                value = merge(there, item, value)
            return value
    raise NotExpressible("next without a generator and a default", machine.line(node))


def _decimal(machine: Machine, node: ast.Call) -> Value:
    match node.args:
        case [ast.Constant(value=str(text))] if not node.keywords:
            try:
                return constant(Decimal(text), machine.symbols.codes)
            except InvalidOperation:
                raise NotExpressible(f"Decimal({text!r})", machine.line(node)) from None
    (value,) = _arguments(machine, node, 1, 1)
    if value.kind not in ("bool", "int", "decimal", "number") or value.none is not False:
        raise NotExpressible(f"Decimal of {value.kind}", machine.line(node))
    if value.kind == "bool":
        return Value("decimal", choose(value.term, 1, 0), limit=1)
    return replace(value, kind="decimal")


def _date(machine: Machine, node: ast.Call) -> Value:
    parts = _arguments(machine, node, 3, 3)
    if all(part.kind == "int" and is_constant(part) for part in parts):
        try:
            return Value("date", date(*(int(part.term) for part in parts)).toordinal())
        except ValueError:
            raise NotExpressible("a date that does not exist", machine.line(node)) from None
    from ingot.proof.z3_dates import ordinal

    if any(part.kind != "int" or part.none is not False for part in parts):
        raise NotExpressible("a date of something else than whole numbers", machine.line(node))
    term, wrong = ordinal(*(part.term for part in parts))
    machine.fail(wrong, "ValueError", node)
    return Value("date", term)


def _from_iso(machine: Machine, node: ast.Call) -> Value:
    match node.args:
        case [ast.Constant(value=str(text))]:
            try:
                return Value("date", date.fromisoformat(text).toordinal())
            except ValueError:
                pass
    raise NotExpressible("date.fromisoformat of something that is not a written date", machine.line(node))


def _timedelta(machine: Machine, node: ast.Call) -> Value:
    words = {word.arg: evaluate(machine, word.value) for word in node.keywords}
    if len(node.args) == 1 and not words:
        words = {"days": evaluate(machine, node.args[0])}
    if node.args[1:] or not set(words) <= {"days", "weeks"} or any(v.kind != "int" for v in words.values()):
        raise NotExpressible("a timedelta of something else than whole days or weeks", machine.line(node))
    for value in words.values():
        machine.fail(value.none, "TypeError", node)
    terms = [value.term * (7 if name == "weeks" else 1) for name, value in words.items()]
    return machine.failing(days(sum(terms[1:], terms[0]) if terms else 0), node)


def _bool(machine: Machine, node: ast.Call) -> Value:
    if len(node.args) != 1 or node.keywords:
        raise NotExpressible("the arguments of bool", machine.line(node))
    return Value("bool", machine.truth(node.args[0]))


def _collected(machine: Machine, node: ast.Call, kind: Literal["list", "tuple", "set"]) -> Value:
    if node.keywords or len(node.args) > 1:
        raise NotExpressible(f"the arguments of {kind}", machine.line(node))
    slots = iterated(machine, node.args[0]) if node.args else ()
    if kind == "tuple" and any(there is not True for there, _ in slots):
        raise NotExpressible("a tuple whose length varies", machine.line(node))
    prefix = all(there is True for there, _ in slots)
    return Value(kind, slots=slots, prefix=prefix)


def _str(machine: Machine, node: ast.Call) -> Value:
    (value,) = _arguments(machine, node, 1, 1)
    if value.kind == "text" and value.none is False:
        return value
    if not _printable(value):
        raise NotExpressible(f"the text of {value.kind}", machine.line(node))
    return opaque("a text that is put together")


_Builtin = Callable[[Machine, ast.Call], Value]
_BUILTINS: dict[str, _Builtin] = {
    "abs": lambda m, n: m.failing(absolute(_arguments(m, n, 1, 1)[0]), n),
    "len": lambda m, n: m.failing(size(_arguments(m, n, 1, 1)[0]), n),
    "min": lambda m, n: _extreme(m, n, False),
    "max": lambda m, n: _extreme(m, n, True),
    "int": lambda m, n: m.failing(whole(_arguments(m, n, 1, 1)[0], "ROUND_DOWN"), n),
    "any": lambda m, n: _quantifier(m, n, True),
    "all": lambda m, n: _quantifier(m, n, False),
    "tuple": lambda m, n: _collected(m, n, "tuple"),
    "list": lambda m, n: _collected(m, n, "list"),
    "frozenset": lambda m, n: _collected(m, n, "set"),
    "set": lambda m, n: _collected(m, n, "set"),
    "sum": _sum, "next": _next, "Decimal": _decimal, "date": _date, "timedelta": _timedelta, "bool": _bool,
    "str": _str,
}  # fmt: skip
_QUALIFIED: dict[str, _Builtin] = {
    "math.floor": lambda m, n: m.failing(whole(_arguments(m, n, 1, 1)[0], "ROUND_FLOOR"), n),
    "math.ceil": lambda m, n: m.failing(whole(_arguments(m, n, 1, 1)[0], "ROUND_CEILING"), n),
    "date.fromisoformat": _from_iso,
}


# ---- methods -----------------------------------------------------------------------------------------------------


def _quantize(machine: Machine, node: ast.Call, value: Value) -> Value:
    words = {word.arg: word.value for word in node.keywords}
    roundings = [*node.args[1:2], *(words[name] for name in ("rounding",) if name in words)]
    if len(node.args) not in (1, 2) or set(words) - {"rounding"} or len(roundings) != 1:
        raise NotExpressible("quantize without a rounding that is written out", machine.line(node))
    places = _places(machine, node.args[0])
    return machine.failing(quantized(value, places, _rounding(machine, roundings[0])), node)


def _rounding(machine: Machine, node: ast.expr) -> str:
    name = node.value if isinstance(node, ast.Constant) else None
    if isinstance(node, ast.Name) and node.id in machine.imported and machine.is_builtin(node.id):
        name = node.id
    if isinstance(name, str) and name in ROUNDINGS:
        return name
    raise NotExpressible("a rounding that is not written out")


def _places(machine: Machine, node: ast.expr) -> int:
    """The decimal places of quantize's pattern: those of the text as written, ``1E+2`` being minus two."""
    if isinstance(node, ast.Name) and node.id in machine.constants and node.id not in machine.frame.local:
        node = machine.constants[node.id]
    match node:
        case ast.Call(func=ast.Name(id="Decimal"), args=[ast.Constant(value=str() | int() as text)], keywords=[]) if (
            machine.is_builtin("Decimal")
        ):
            exponent = Decimal(text).as_tuple().exponent
            if isinstance(exponent, int) and abs(exponent) <= 12:
                return -exponent
    raise NotExpressible("quantize to something that is not a written Decimal", machine.line(node))


def _whole_decimal(machine: Machine, node: ast.Call, value: Value) -> Value:
    words = {word.arg: word.value for word in node.keywords}
    roundings = [*node.args[:1], *(words[name] for name in ("rounding",) if name in words)]
    if len(roundings) != 1 or len(node.args) + len(words) != 1:
        raise NotExpressible("to_integral_value without a rounding that is written out", machine.line(node))
    return machine.failing(quantized(value, 0, _rounding(machine, roundings[0])), node)


def _get(machine: Machine, node: ast.Call, table: Value) -> Value:
    arguments = _arguments(machine, node, 1, 2)
    if table.kind != "record" or table.none is not False:
        raise NotExpressible(f".get of {table.kind}", machine.line(node))
    return _looked_up(machine, table, arguments[0], arguments[1] if len(arguments) == 2 else NONE, node)


def _rows(machine: Machine, node: ast.Call, table: Value) -> Value:
    _arguments(machine, node, 0, 0)
    if table.kind != "record" or table.none is not False:
        raise NotExpressible(f"the rows of {table.kind}", machine.line(node))
    assert isinstance(node.func, ast.Attribute)
    parts: dict[str, Callable[[tuple[Value, Value]], Value]] = {
        "keys": lambda row: row[0],
        "values": lambda row: row[1],
        "items": lambda row: sequence("tuple", row),
    }
    return sequence("tuple", [parts[node.func.attr](row) for row in table.rows])


def _weekday(machine: Machine, node: ast.Call, value: Value) -> Value:
    _arguments(machine, node, 0, 0)
    assert isinstance(node.func, ast.Attribute)
    if value.kind != "date":
        raise NotExpressible(f"the weekday of {value.kind}", machine.line(node))
    machine.fail(value.none, "AttributeError", node)
    day = (value.term + 6) % 7
    return Value("int", day + 1 if node.func.attr == "isoweekday" else day, limit=7)


_METHODS: dict[str, Callable[[Machine, ast.Call, Value], Value]] = {
    "quantize": _quantize, "to_integral_value": _whole_decimal, "get": _get, "items": _rows, "keys": _rows,
    "values": _rows, "weekday": _weekday, "isoweekday": _weekday,
}  # fmt: skip
