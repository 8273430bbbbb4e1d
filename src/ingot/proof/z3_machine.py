"""Symbolic execution of the allowed Python subset: every path at once, merged where paths meet.

Only what is listed here is executed; everything else raises NotExpressible with its line. Exceptions are conditions:
each place that may raise adds one, and what is computed after it counts only where none of them holds.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from ingot.proof.z3_arithmetic import Raises
from ingot.proof.z3_fields import Symbols
from ingot.proof.z3_values import NONE, NotExpressible, Value, conj, disj, equal, key_of, merge, negate, opaque, truth

DEEPEST_CALL, MOST_STEPS = 12, 40_000

Env = dict[str, Value]
State = tuple[Any, Env]
"""A path's condition and the variables on it."""

YieldTo = Callable[[str], Value]


@dataclass
class Frame:
    """One call: its variables, and the paths that have returned. `local` are the names that it sets anywhere: they are
    never the module's."""

    name: str
    owned: frozenset[str]
    env: Env = field(default_factory=dict)
    returns: list[tuple[Any, Value, Env]] = field(default_factory=list)
    breaks: list[State] = field(default_factory=list)
    continues: list[State] = field(default_factory=list)
    local: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Decision:
    """A return statement of a function on some path: its line, the path's condition and what it returns there."""

    function: str
    line: int
    condition: Any
    value: Value


@dataclass(frozen=True, slots=True)
class Asked:
    """A step that no function computes, asked for its outputs: the path's condition and the arguments."""

    step: str
    condition: Any
    arguments: Value


@dataclass(frozen=True, slots=True)
class NullTruth:
    """A place where a null may count as false without being asked whether it is one."""

    condition: Any
    origin: str
    line: int


class Machine:
    """Executes a module's functions. `raises` and `null_truths` collect conditions over the inputs; `decisions` has
    every return that was passed, `asked` every question to a step, in the order of execution."""

    def __init__(self, tree: ast.Module, symbols: Symbols, offset: int, reply: YieldTo) -> None:
        self.symbols, self.offset, self.reply = symbols, offset, reply
        self.functions = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
        self.constants = _constants(tree)
        self.rebound, self.imported = _bindings(tree)
        self.known_constants: Env = {}
        self.path: Any = True
        self.raises: list[tuple[Any, str, int]] = []
        self.null_truths: list[NullTruth] = []
        self.decisions: list[Decision] = []
        self.asked: list[Asked] = []
        self.frame = Frame("", frozenset())
        self.depth = self.steps = 0

    # ---- calls ---------------------------------------------------------------------------------------------------

    def call(self, name: str, arguments: Sequence[Value], named: dict[str, Value]) -> Value:
        """The value of a call of one of the module's functions."""
        frame = self.run(name, arguments, named)
        if not frame.returns:
            return opaque(f"the value of {name}, which never returns")
        *others, (_, value, _env) = frame.returns
        for condition, earlier, _env in reversed(others):
            value = merge(condition, earlier, value)
        return value

    def run(self, name: str, arguments: Sequence[Value], named: dict[str, Value]) -> Frame:
        """Execute a function and return its frame, whose returns say what came of it."""
        node = self.functions[name]
        if self.depth >= DEEPEST_CALL:
            raise NotExpressible("calls nested too deeply, or a function that calls itself", self.line(node))
        frame = Frame(name, _owned(node), _bound(self, node, arguments, named), local=_local(node))
        outer, self.frame, path = self.frame, frame, self.path
        self.depth += 1
        try:
            self.block(node.body)
        finally:
            self.frame, self.depth = outer, self.depth - 1
        if self.path is not False:
            frame.returns.append((self.path, NONE, frame.env))
            self.decisions.append(Decision(name, self.line(node), self.path, NONE))
        self.path = path
        return frame

    # ---- statements ----------------------------------------------------------------------------------------------

    def block(self, body: Iterable[ast.stmt]) -> None:
        """Execute statements until no path is left."""
        for statement in body:
            if self.path is False:
                return
            self.steps += 1
            if self.steps > MOST_STEPS:
                raise NotExpressible("more steps than are followed", self.line(statement))
            try:
                self.statement(statement)
            except NotExpressible as error:
                if error.line is None:
                    error.line = self.line(statement)
                raise

    def statement(self, node: ast.stmt) -> None:  # noqa: C901, PLR0912  (one row per node type)
        """Execute one statement."""
        frame = self.frame
        match node:
            case ast.Return():
                value = NONE if node.value is None else self.eval(node.value)
                frame.returns.append((self.path, value, dict(frame.env)))
                self.decisions.append(Decision(frame.name, self.line(node), self.path, value))
                self.path = False
            case ast.If():
                self._if(self.truth(node.test), node.body, node.orelse)
            case ast.Assign():
                value = self.eval(node.value)
                for target in node.targets:
                    self.assign(target, value)
            case ast.AnnAssign():
                if node.value is not None:
                    self.assign(node.target, self.eval(node.value))
            case ast.AugAssign(target=ast.Name() as target):
                self._augment(node, target)
            case ast.For():
                self._for(node)
            case ast.Expr():
                self._expression(node.value)
            case ast.Raise():
                self.fail(True, _exception(node.exc))
                self.path = False
            case ast.Assert():
                self.fail(negate(self.truth(node.test)), "AssertionError")
            case ast.Match():
                self._match(node)
            case ast.Pass():
                pass
            case ast.Break():
                frame.breaks.append((self.path, dict(frame.env)))
                self.path = False
            case ast.Continue():
                frame.continues.append((self.path, dict(frame.env)))
                self.path = False
            case _:
                raise NotExpressible(f"a {type(node).__name__.lower()} statement", self.line(node))

    def _if(self, condition: Any, body: Sequence[ast.stmt], orelse: Sequence[ast.stmt]) -> None:
        path, env = self.path, self.frame.env
        yes = self._branch(conj(path, condition), env, body)
        no = self._branch(conj(path, negate(condition)), env, orelse)
        self.path, self.frame.env = self._met(path, condition, yes, no)

    def _branch(self, path: Any, env: Env, body: Sequence[ast.stmt]) -> tuple[Any, Any, Env]:
        self.path, self.frame.env = path, dict(env)
        self.block(body)
        return path, self.path, self.frame.env

    def _met(self, path: Any, condition: Any, yes: tuple[Any, Any, Env], no: tuple[Any, Any, Env]) -> State:
        """Where two branches meet again; a branch that has ended leaves no trace in the variables."""
        if yes[1] is False:
            return no[1], no[2]
        if no[1] is False:
            return yes[1], yes[2]
        whole = yes[1] is yes[0] and no[1] is no[0]
        return (path if whole else disj(yes[1], no[1])), _merged_env(condition, yes[2], no[2])

    def _augment(self, node: ast.AugAssign, target: ast.Name) -> None:
        current = self.name(target)
        if current.kind in ("list", "record"):
            raise NotExpressible("a list or dict changed in place")
        value = self.operate(node.op, current, self.eval(node.value))
        self.frame.env[target.id] = value

    def _expression(self, node: ast.expr) -> None:
        if isinstance(node, ast.Constant):
            return
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr="append"), args=[item], keywords=[]):
                self._append(name, self.eval(item))
            case _:
                self.eval(node)

    def _append(self, name: str, item: Value) -> None:
        current = self.frame.env.get(name)
        if name not in self.frame.owned or current is None or current.kind != "list":
            raise NotExpressible(f"append to {name!r}, which other names may share")
        prefix = current.prefix and all(there is True for there, _ in current.slots)
        self.frame.env[name] = replace(current, slots=(*current.slots, (True, item)), prefix=prefix)

    def assign(self, target: ast.expr, value: Value) -> None:
        """Bind a name, the names of a tuple, or a constant key of a dict that nothing else refers to."""
        match target:
            case ast.Name():
                self.frame.env[target.id] = value
            case ast.Tuple() | ast.List():
                self._unpack(target.elts, value)
            case ast.Subscript(value=ast.Name(id=name)) if name in self.frame.owned:
                self._set_key(name, self.eval(target.slice), value)
            case _:
                raise NotExpressible(f"an assignment to {ast.unparse(target)}")

    def _unpack(self, targets: Sequence[ast.expr], value: Value) -> None:
        if value.kind not in ("tuple", "list") or any(there is not True for there, _ in value.slots):
            raise NotExpressible(f"a {value.kind} taken apart")
        self.fail(value.none, "TypeError")
        if len(value.slots) != len(targets):
            self.fail(True, "ValueError")
            raise NotExpressible("a sequence taken apart into another number of names")
        for target, (_, item) in zip(targets, value.slots, strict=True):
            self.assign(target, item)

    def _set_key(self, name: str, key: Value, value: Value) -> None:
        current = self.frame.env.get(name)
        if current is None or current.kind != "record":
            raise NotExpressible(f"an assignment to an item of {name!r}")
        wanted = key_of(key)
        rows = [(old, value if key_of(old) == wanted else was) for old, was in current.rows]
        if all(key_of(old) != wanted for old, _ in rows):
            rows.append((key, value))
        self.frame.env[name] = replace(current, rows=tuple(rows))

    # ---- loops and matches ---------------------------------------------------------------------------------------

    def _for(self, node: ast.For) -> None:
        frame, path = self.frame, self.path
        outer = frame.breaks, frame.continues
        frame.breaks, frame.continues = [], []
        for there, item in self.items(node.iter):
            entered = conj(self.path, there)
            skipped: list[State] = [] if there is True else [(conj(self.path, negate(there)), dict(frame.env))]
            self.path = entered
            self.assign(node.target, item)
            self.block(node.body)
            self.path, frame.env = _joined([(self.path, frame.env), *frame.continues, *skipped], frame.env)
            frame.continues = []
            if self.path is False:
                break
        breaks = frame.breaks
        frame.breaks, frame.continues = outer  # a break in the else part ends the loop around this one
        self.block(node.orelse)
        ended = bool(breaks) or self.path is False or node.orelse
        self.path, frame.env = _joined([(self.path, frame.env), *breaks], frame.env)
        if not ended and not _leaves(node.body):
            self.path = path

    def _match(self, node: ast.Match) -> None:
        subject = self.eval(node.subject)
        self._cases(subject, node.cases)

    def _cases(self, subject: Value, cases: Sequence[ast.match_case]) -> None:
        if not cases or self.path is False:
            return
        first, *rest = cases
        condition = self._pattern(subject, first.pattern)
        path, env = self.path, self.frame.env
        if first.guard is not None:
            condition = conj(condition, self.guarded(condition, lambda: self.truth(first.guard)))
        yes = self._branch(conj(path, condition), env, first.body)
        self.path, self.frame.env = conj(path, negate(condition)), dict(env)
        begun = self.path
        self._cases(subject, rest)
        self.path, self.frame.env = self._met(path, condition, yes, (begun, self.path, self.frame.env))

    def _pattern(self, subject: Value, pattern: ast.pattern) -> Any:
        match pattern:
            case ast.MatchValue():
                return equal(subject, self.eval(pattern.value))
            case ast.MatchSingleton(value=None):
                return subject.none
            case ast.MatchSingleton() if subject.kind == "bool":
                return conj(negate(subject.none), subject.term if pattern.value else negate(subject.term))
            case ast.MatchOr():
                return disj(*(self._pattern(subject, one) for one in pattern.patterns))
            case ast.MatchAs(pattern=None, name=None):
                return True
            case ast.MatchSequence() if subject.kind == "tuple" and len(subject.slots) == len(pattern.patterns):
                pairs = zip(subject.slots, pattern.patterns, strict=True)
                return conj(negate(subject.none), *(self._pattern(item, one) for (_, item), one in pairs))
            case _:
                raise NotExpressible(f"the pattern {ast.unparse(pattern)}")

    # ---- what expressions need -----------------------------------------------------------------------------------

    def fail(self, condition: Any, name: str, node: ast.AST | None = None) -> None:
        """Note that an exception leaves the program where the condition holds on this path."""
        whole = conj(self.path, condition)
        if whole is not False:
            self.raises.append((whole, name, self.line(node) if node else 0))

    def failing(self, found: tuple[Value, Iterable[Raises]], node: ast.AST | None = None) -> Value:
        """The value of an operation, its exceptions noted."""
        value, raises = found
        for condition, name in raises:
            self.fail(condition, name, node)
        return value

    def guarded(self, condition: Any, evaluate: Callable[[], Any]) -> Any:
        """Evaluate something that Python evaluates only where the condition holds."""
        path, self.path = self.path, conj(self.path, condition)
        try:
            return evaluate()
        finally:
            self.path = path

    def line(self, node: ast.AST) -> int:
        """The node's line in ``logic.py``."""
        return int(getattr(node, "lineno", self.offset)) - self.offset

    def truth(self, node: ast.expr | None) -> Any:
        """The truth of an expression; a null that counts as false is noted."""
        assert node is not None
        match node:
            case ast.BoolOp(values=values):
                return self._truths(isinstance(node.op, ast.And), values)
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                return negate(self.truth(operand))
        return self.truth_of(self.eval(node), node)

    def truth_of(self, value: Value, node: ast.AST) -> Any:
        """The truth of a value."""
        found = truth(value)
        for null, origin in value.nulls:
            whole = conj(self.path, value.none, null)
            if whole is not False:
                self.null_truths.append(NullTruth(whole, origin, self.line(node)))
        return found

    def _truths(self, is_and: bool, values: Sequence[ast.expr]) -> Any:
        so_far = self.truth(values[0])
        for value in values[1:]:
            going_on = so_far if is_and else negate(so_far)
            if going_on is False:
                return so_far
            right = self.guarded(going_on, partial(self.truth, value))
            so_far = conj(so_far, right) if is_and else disj(so_far, right)
        return so_far

    def eval(self, node: ast.expr) -> Value:
        """The value of an expression. Raises NotExpressible."""
        from ingot.proof.z3_expressions import evaluate

        return evaluate(self, node)

    def is_builtin(self, name: str) -> bool:
        """Whether a name still means what Python, or the head of a program, means by it."""
        return not (
            name in self.rebound or name in self.frame.local or name in self.frame.env or name in self.functions
        )

    def items(self, node: ast.expr) -> tuple[tuple[Any, Value], ...]:
        """What a loop goes over."""
        from ingot.proof.z3_expressions import iterated

        return iterated(self, node)

    def operate(self, operator: ast.operator, left: Value, right: Value) -> Value:
        """A binary operation."""
        from ingot.proof.z3_arithmetic import binary

        return self.failing(binary(operator, left, right))

    def name(self, node: ast.Name) -> Value:
        """The value of a variable or of a constant of the module."""
        if node.id in self.frame.env:
            value = self.frame.env[node.id]
            if value.kind == "unbound":
                raise NotExpressible(str(value.term), self.line(node))
            return value
        if node.id in self.frame.local:
            raise NotExpressible(f"{node.id!r}, which has no value here", self.line(node))
        if node.id in self.known_constants:
            return self.known_constants[node.id]
        if node.id not in self.constants:
            raise NotExpressible(f"the name {node.id!r}", self.line(node))
        frame, path = self.frame, self.path
        self.frame, self.path = Frame("", frozenset()), True
        try:
            value = self.known_constants[node.id] = self.eval(self.constants[node.id])
        finally:
            self.frame, self.path = frame, path
        return value


# ---- meeting paths -----------------------------------------------------------------------------------------------


def _merged_env(condition: Any, yes: Env, no: Env) -> Env:
    merged: Env = {}
    for name in [*yes, *(name for name in no if name not in yes)]:
        mine, theirs = yes.get(name), no.get(name)
        if mine is None or theirs is None:
            merged[name] = Value("unbound", f"{name!r}, which may have no value here")
        else:
            merged[name] = merge(condition, mine, theirs)
    return merged


def _joined(states: Sequence[State], env: Env) -> State:
    """Where disjoint paths meet."""
    alive = [state for state in states if state[0] is not False]
    if not alive:
        return False, env
    *others, (path, joined) = alive
    for condition, other in reversed(others):
        joined = _merged_env(condition, other, joined)
        path = disj(condition, path)
    return path, joined


def _leaves(body: Sequence[ast.stmt]) -> bool:
    """Whether a loop's body can end the function or raise on purpose."""
    return any(isinstance(node, ast.Return | ast.Raise) for statement in body for node in ast.walk(statement))


# ---- the module --------------------------------------------------------------------------------------------------


def _constants(tree: ast.Module) -> dict[str, ast.expr]:
    """Module constants by name; one that is assigned twice is not constant."""
    found: dict[str, ast.expr] = {}
    twice: set[str] = set()
    for node in tree.body:
        target = node.targets[0] if isinstance(node, ast.Assign) and len(node.targets) == 1 else None
        target = node.target if isinstance(node, ast.AnnAssign) else target
        if isinstance(target, ast.Name) and isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            if target.id in found:
                twice.add(target.id)
            found[target.id] = node.value
    return {name: value for name, value in found.items() if name not in twice}


def _bindings(tree: ast.Module) -> tuple[frozenset[str], frozenset[str]]:
    """The names that a module gives a meaning of its own, and those that it imports as they are."""
    rebound: set[str] = set()
    imported: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            for alias in node.names:
                plain = alias.asname in (None, alias.name) and "." not in alias.name
                (imported if plain else rebound).add(alias.asname or alias.name.split(".")[0])
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            rebound.add(node.name)
        else:
            rebound |= {
                one.id for one in ast.walk(node) if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Store)
            }
    return frozenset(rebound), frozenset(imported - rebound)


def _local(node: ast.FunctionDef) -> frozenset[str]:
    """The names that a function sets anywhere outside comprehensions, its parameters among them."""
    inner = {id(part) for one in ast.walk(node) if isinstance(one, ast.comprehension) for part in ast.walk(one.target)}
    stored = (one for one in ast.walk(node) if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Store | ast.Del))
    parameters = {arg.arg for arg in ast.walk(node.args) if isinstance(arg, ast.arg)}
    return frozenset({one.id for one in stored if id(one) not in inner} | parameters)


def _exception(node: ast.expr | None) -> str:
    called = node.func if isinstance(node, ast.Call) else node
    return called.id if isinstance(called, ast.Name) else "Exception"


def _bound(machine: Machine, node: ast.FunctionDef, arguments: Sequence[Value], named: dict[str, Value]) -> Env:
    """Parameters by name; only plain parameters, with constant defaults."""
    written = node.args
    if written.vararg or written.kwarg or node.decorator_list:
        raise NotExpressible(f"the parameters of {node.name}", machine.line(node))
    params = [arg.arg for arg in (*written.posonlyargs, *written.args)]
    env = dict(zip(params, arguments, strict=False)) | named
    defaults = dict(zip(params[len(params) - len(written.defaults) :], written.defaults, strict=True))
    for arg, default in zip(written.kwonlyargs, written.kw_defaults, strict=True):
        params.append(arg.arg)
        if default is not None:
            defaults[arg.arg] = default
    for name in params:
        if name not in env and name in defaults:
            env[name] = machine.eval(defaults[name])
    if set(env) != set(params) or len(arguments) > len(params):
        raise NotExpressible(f"a call of {node.name} with other arguments")
    return env


def _owned(node: ast.FunctionDef) -> frozenset[str]:
    """Local names of lists and dicts that no other name can refer to, so that changing them changes nothing else.

    Such a name is only ever set to a new list or dict, read by item, iterated, measured, returned or appended to, and not changed
    while a loop goes over it.
    """
    fresh: dict[str, bool] = {}
    for one in ast.walk(node):
        targets = one.targets if isinstance(one, ast.Assign) else [one.target] if isinstance(one, _BINDERS) else []
        value = one.value if isinstance(one, ast.Assign | ast.AnnAssign) else None
        new = isinstance(value, ast.List | ast.Dict | ast.ListComp | ast.DictComp) and len(targets) == 1
        for target in targets:
            for name in (part for part in ast.walk(target) if isinstance(part, ast.Name)):
                if isinstance(name.ctx, ast.Store):
                    fresh[name.id] = fresh.get(name.id, True) and new
    shared = {arg.arg for arg in ast.walk(node.args) if isinstance(arg, ast.arg)} | _shared(node)
    return frozenset(name for name, new in fresh.items() if new and name not in shared)


_BINDERS = (ast.AnnAssign, ast.AugAssign, ast.For, ast.NamedExpr, ast.comprehension)
_READERS = frozenset({"len", "sum", "min", "max", "any", "all"})


def _shared(node: ast.FunctionDef) -> set[str]:
    """Names that are read in a way that may give what they stand for another name, or changed in a loop over it."""
    harmless: set[int] = set()
    looped: set[str] = set()
    for one in ast.walk(node):
        match one:
            case ast.Subscript(value=ast.Name() as name) | ast.Attribute(value=ast.Name() as name, attr="append"):
                harmless.add(id(name))
            case ast.Return(value=ast.Name() as name):
                harmless.add(id(name))
            case ast.Call(func=ast.Name(id=called), args=[ast.Name() as name]) if called in _READERS:
                harmless.add(id(name))
            case ast.For(iter=ast.Name() as name):
                harmless.add(id(name))
                looped |= {name.id} & _changed(one)
    names = (one for one in ast.walk(node) if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Load))
    return looped | {name.id for name in names if id(name) not in harmless}


def _changed(node: ast.AST) -> set[str]:
    found: set[str] = set()
    for one in ast.walk(node):
        match one:
            case ast.Subscript(value=ast.Name(id=name), ctx=ast.Store()):
                found.add(name)
            case ast.Attribute(value=ast.Name(id=name), attr="append"):
                found.add(name)
    return found
