"""Going through a function once for every way through it; see ``rows``."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice

from ingot.program import Signature
from ingot.readback.citations import within
from ingot.readback.facts import Facts
from ingot.readback.rows import Condition, Row
from ingot.readback.shapes import case_test, loop_words, pairs_of, parts_of, settled, size, statements_of, without
from ingot.readback.substitute import Env, names, replaced, set_names, targets, unreplaceable
from ingot.readback.written import written
from ingot.tables.room import asks_for_room

MOST_STEPS = 20_000
"""Statements that are gone through in all: a function with more ways than that is cut."""


@dataclass(frozen=True, slots=True)
class _State:
    """Where one path has got to. `env` replaces every local, `kept` only those with several meanings."""

    facts: Facts
    env: Env = field(default_factory=dict)
    kept: Env = field(default_factory=dict)
    conditions: tuple[Condition, ...] = ()
    passed: tuple[int, ...] = ()
    notes: tuple[str, ...] = ()
    sure: bool = True


@dataclass(frozen=True, slots=True)
class _End:
    """How a path ended: with a value, with an error, or at the end of a loop's body or of the function."""

    state: _State
    node: ast.Return | ast.Raise | ast.Assert | None = None
    value: ast.expr | None = None
    raises: str = ""
    fell: bool = False


@dataclass(slots=True)
class Walk:
    """One function, gone through. `most` rows at most; an expression of more than `largest` nodes stays as written.
    `rowed` names the module's tables whose entries are all rows of so many items."""

    function: ast.FunctionDef
    signature: Signature
    cited: Mapping[int, tuple[str, ...]]
    most: int
    largest: int
    rowed: Mapping[str, int]
    steps: int = 0
    fixed: set[str] = field(default_factory=set)
    once: set[str] = field(default_factory=set)
    local: set[str] = field(default_factory=set)

    def rows(self) -> tuple[tuple[Row, ...], dict[str, str], bool]:
        """The rows, the kept locals with what they stand for, and whether there are more rows."""
        counts = set_names(self.function)
        params = {argument.arg for argument in self.function.args.args}
        self.fixed = unreplaceable(self.function)
        self.local = (set(counts) | self.fixed) - params
        in_loops = {name for node in ast.walk(self.function) if isinstance(node, ast.For | ast.While)
                    for name in set_names(node)}  # fmt: skip
        self.once = {name for name, count in counts.items() if count == 1} - in_loops - self.fixed - params
        self.once = settled(self.once, self.function, self.local)
        start = _State(Facts.of(self.signature), sure=not params & (counts.keys() | self.fixed))
        ends = list(islice(self._run(self.function.body, start), self.most + 1))
        cut = len(ends) > self.most or self.steps > MOST_STEPS
        rows = [self._row(n, end) for n, end in enumerate(ends[: self.most], start=1)]
        return tuple(rows), self._named(), cut

    # ---- statements ----------------------------------------------------------------------------------------------

    def _run(self, statements: Sequence[ast.stmt], state: _State) -> Iterator[_End]:
        """Every end of the path that goes on with `statements`. True branches first: rows are in the code's order."""
        waiting = list(statements)
        while waiting:
            statement, waiting = waiting[0], waiting[1:]
            self.steps += 1
            if self.steps > MOST_STEPS:
                return
            state = replace(state, passed=(*state.passed, statement.lineno))
            match statement:
                case ast.If():
                    answer = self._decided(statement.test, state)
                    if answer is not False:
                        yes = state if answer else self._went(state, statement.test, True)
                        yield from self._run([*statement.body, *waiting], yes)
                    if answer is True:
                        return
                    state = state if answer is False else self._went(state, statement.test, False)
                    waiting = [*statement.orelse, *waiting]
                case ast.Assert():
                    failed = self._went(state, statement.test, False, implied=False)
                    yield _End(failed, statement, raises="AssertionError")
                    state = self._went(state, statement.test, True, implied=True)
                case ast.For() | ast.While():
                    yield from self._in_loop(statement, state)
                    state = self._after_loop(statement, state)
                    waiting = [*statement.orelse, *waiting]
                case ast.Return() | ast.Raise() | ast.Break() | ast.Continue() | ast.Try() | ast.Match():
                    yield from self._last(statement, waiting, state)
                    return
                case _:
                    state = self._plain(statement, state)
        yield _End(state, fell=True)

    def _last(self, statement: ast.stmt, waiting: Sequence[ast.stmt], state: _State) -> Iterator[_End]:
        """A statement that ends the path, or parts it for good."""
        match statement:
            case ast.Return():
                yield from self._returned(state, statement, statement.value or ast.Constant(None))
            case ast.Raise():
                said = written(statement.exc) if statement.exc else "the error that was met"
                yield _End(state, statement, raises=said)
            case ast.Try():
                yield from self._tried(statement, waiting, state)
            case ast.Match():
                yield from self._matched(statement, waiting, state)
            case _:
                yield _End(state, fell=True)

    def _plain(self, statement: ast.stmt, state: _State) -> _State:
        match statement:
            case ast.Assign(targets=[aim], value=value):
                return self._assigned(state, aim, value)
            case ast.AnnAssign(target=aim, value=ast.expr() as value):
                return self._assigned(state, aim, value)
            case ast.AugAssign(target=ast.Name(id=name), op=op, value=value):
                return self._assigned(state, statement.target, ast.BinOp(ast.Name(name, ast.Load()), op, value))
            case ast.FunctionDef(name=name, lineno=line):
                return replace(state, notes=(*state.notes, f"{name} is a calculation of its own (line {line})"))
        gone = set(set_names(statement))
        return replace(state, env=without(state.env, gone), kept=without(state.kept, gone))

    def _assigned(self, state: _State, aim: ast.expr, value: ast.expr) -> _State:
        pairs = pairs_of(aim, value, self.rowed)
        if pairs is None:
            gone = set(targets(aim))
            return replace(state, env=without(state.env, gone), kept=without(state.kept, gone))
        env, kept = dict(state.env), dict(state.kept)
        for name, held in pairs:
            full, said = self._full(held, state), self._said(held, state)
            if name in self.fixed or size(full) > self.largest:
                env.pop(name, None)
                kept.pop(name, None)
                continue
            env[name] = full
            if name not in self.once:
                kept[name] = said
        return replace(state, env=env, kept=kept)

    def _went(self, state: _State, test: ast.expr, holds: bool, *, implied: bool | None = None) -> _State:
        """The path on one side of a test, each part of the test a condition of its own where it can be."""
        implied = not holds if implied is None else implied
        for part, way in parts_of(self._reduced(test, state), holds):
            if self._decided(part, state) is way:
                continue
            full = self._full(part, state)
            known = self._is_exact(full)
            said = written(self._said(part, state))
            at = Condition(written(full), said, way, part.lineno, known and state.sure, implied and state.sure)
            facts = state.facts.told(full, way) if known else state.facts
            state = replace(state, conditions=(*state.conditions, at), facts=facts)
        return state

    def _reduced(self, test: ast.expr, state: _State) -> ast.expr:
        """An and, or an or, without the parts that the path has settled and that make no difference to it."""
        if not isinstance(test, ast.BoolOp):
            return test
        neutral = isinstance(test.op, ast.And)
        values = [value for value in test.values if self._decided(value, state) is not neutral]
        if not values or len(values) == len(test.values):
            return test
        return values[0] if len(values) == 1 else ast.copy_location(ast.BoolOp(test.op, values), test)

    def _decided(self, test: ast.expr, state: _State) -> bool | None:
        """What the path so far says of a test. Of names that may have changed since it says nothing."""
        full = self._full(test, state)
        return state.facts.decided(full) if self._is_exact(full) else None

    # ---- loops, try, match ---------------------------------------------------------------------------------------

    def _in_loop(self, loop: ast.For | ast.While, state: _State) -> Iterator[_End]:
        """The paths that end inside a loop, told of one round of it."""
        if not any(isinstance(node, ast.Return | ast.Raise | ast.Assert) for node in ast.walk(loop)):
            return
        inside = replace(
            self._after_loop(loop, state), notes=(*state.notes, f"in a round of {loop_words(loop)}"), sure=False
        )
        body = loop.body
        yield from (end for end in self._run(body, inside) if not end.fell)

    def _after_loop(self, loop: ast.For | ast.While, state: _State) -> _State:
        gone = set(set_names(loop))
        ends = any(isinstance(node, ast.Return | ast.Raise | ast.Assert) for node in ast.walk(loop))
        note = f"after {loop_words(loop)}"
        passed = tuple(node.lineno for node in ast.walk(loop) if isinstance(node, ast.stmt))
        return replace(
            state, env=without(state.env, gone), kept=without(state.kept, gone), notes=(*state.notes, note),
            sure=state.sure and not ends and not loop.orelse, passed=(*state.passed, *sorted(passed)),
        )  # fmt: skip

    def _tried(self, tried: ast.Try, waiting: Sequence[ast.stmt], state: _State) -> Iterator[_End]:
        rest = [*tried.finalbody, *waiting]
        note = f"where nothing fails in line {tried.lineno} and what it tries"
        yield from self._run(
            [*tried.body, *tried.orelse, *rest], replace(state, sure=False, notes=(*state.notes, note))
        )
        gone = set(set_names(tried))
        for handler in tried.handlers:
            kind = written(handler.type) if handler.type else "any error"
            caught = replace(
                state, env=without(state.env, gone), kept=without(state.kept, gone), sure=False,
                notes=(*state.notes, f"where line {tried.lineno} or what it tries fails with {kind}"),
                passed=(*state.passed, handler.lineno),
            )  # fmt: skip
            yield from self._run([*handler.body, *rest], caught)

    def _matched(self, matched: ast.Match, waiting: Sequence[ast.stmt], state: _State) -> Iterator[_End]:
        """A match of values is a chain of ifs; one that takes things apart is told in words."""
        for case in matched.cases:
            test = case_test(matched.subject, case)
            if test is None:
                gone = set(set_names(case))
                note = f"where {written(matched.subject)} is like {written(case.pattern)}"
                inside = replace(state, sure=False, notes=(*state.notes, note), env=without(state.env, gone))
                yield from self._run([*case.body, *waiting], inside)
                state = replace(state, sure=False)
                continue
            ast.fix_missing_locations(ast.copy_location(test, case.pattern))
            answer = self._decided(test, state)
            if answer is not False:
                yes = state if answer else self._went(state, test, True)
                yield from self._run([*case.body, *waiting], replace(yes, passed=(*yes.passed, case.pattern.lineno)))
            if answer is True:
                return
            state = state if answer is False else self._went(state, test, False)
        yield from self._run(waiting, state)

    # ---- ends ----------------------------------------------------------------------------------------------------

    def _returned(self, state: _State, node: ast.Return, value: ast.expr) -> Iterator[_End]:
        """A return; one that chooses between two values is two."""
        if not isinstance(value, ast.IfExp):
            yield _End(state, node, value)
            return
        if asks_for_room(value) is value.test:  # the sentences say it
            yield from self._returned(state, node, value.body)
            return
        answer = self._decided(value.test, state)
        if answer is not False:
            yield from self._returned(state if answer else self._went(state, value.test, True), node, value.body)
        if answer is not True:
            gone = state if answer is False else self._went(state, value.test, False)
            yield from self._returned(gone, node, value.orelse)

    def _row(self, number: int, end: _End) -> Row:
        node, state = end.node, end.state
        line = node.lineno if node else (self.function.end_lineno or self.function.lineno)
        value = end.value or ast.Constant(None)
        outputs = {} if end.raises else self._outputs(self._full(value, state))
        said = {} if end.raises else self._outputs(self._said(value, state))
        exact = state.sure and all(one.exact for one in state.conditions)
        exact = exact and (bool(end.raises) or self._is_exact(self._full(value, state)))
        return Row(
            self.function.name, number, state.conditions, outputs, said, line,
            within(line, (node.end_lineno or line) if node else line, self.cited),
            tuple(dict.fromkeys(one for at in state.passed if at != line for one in self.cited.get(at, ()))),
            exact, tuple(dict.fromkeys(state.notes)), end.raises,
        )  # fmt: skip

    def _outputs(self, value: ast.expr) -> dict[str, str]:
        fields = [one.name for one in self.signature.outputs]
        if len(fields) == 1:
            return {fields[0]: written(value)}
        if isinstance(value, ast.Dict):
            keys = [key.value if isinstance(key, ast.Constant) else None for key in value.keys]
            if sorted(map(str, keys)) == sorted(fields):
                held = dict(zip(map(str, keys), value.values, strict=True))
                return {name: written(held[name]) for name in fields}
        return {"": written(value)}

    # ---- expressions ---------------------------------------------------------------------------------------------

    def _full(self, expression: ast.expr, state: _State) -> ast.expr:
        full = replaced(expression, state.env)
        return full if size(full) <= self.largest else self._said(expression, state)

    def _said(self, expression: ast.expr, state: _State) -> ast.expr:
        return replaced(expression, state.kept)

    def _is_exact(self, full: ast.expr) -> bool:
        if any(isinstance(node, ast.NamedExpr) for node in ast.walk(full)):
            return False
        return not self.local & set(names(full))

    def _named(self) -> dict[str, str]:
        """The locals with one meaning, in the code's order."""
        found: dict[str, str] = {}
        for node in statements_of(self.function.body):
            if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
                aims = node.targets if isinstance(node, ast.Assign) else [node.target]
                own = [aim.id for aim in aims if isinstance(aim, ast.Name) and aim.id in self.once]
                found |= dict.fromkeys(own, written(node.value))
        return found
