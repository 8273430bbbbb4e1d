"""What the statements of a function say by their shape alone: tests in parts, assignments as pairs, cases as tests."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence

from ingot.readback.substitute import Env, names


def settled(once: set[str], function: ast.FunctionDef, local: set[str]) -> set[str]:
    """Those of `once` that are worked out from parameters and from each other alone: they mean one thing everywhere."""
    held: dict[str, ast.expr] = {}
    for node in statements_of(function.body):
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            aim = node.targets[0] if isinstance(node, ast.Assign) else node.target
            if isinstance(aim, ast.Name) and aim.id in once:
                held[aim.id] = node.value
    kept = set(held)
    while True:
        fewer = {name for name in kept if not (set(names(held[name])) & local) - kept}
        if fewer == kept:
            return kept
        kept = fewer


def statements_of(block: Sequence[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements of a block and of those inside it, in order, but not of functions inside it."""
    for statement in block:
        yield statement
        if isinstance(statement, ast.FunctionDef):
            continue
        inner = [statement, *getattr(statement, "handlers", ()), *getattr(statement, "cases", ())]
        for node in inner:
            for name in ("body", "orelse", "finalbody"):
                yield from statements_of(getattr(node, name, ()))


def without(env: Env, gone: set[str]) -> Env:
    """An environment without these names."""
    return {name: held for name, held in env.items() if name not in gone}


def size(expression: ast.expr) -> int:
    """How many nodes an expression has."""
    return sum(1 for _ in ast.walk(expression))


def parts_of(test: ast.expr, holds: bool) -> Iterator[tuple[ast.expr, bool]]:
    """A test as conditions that must all be so, in the order they are looked at."""
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        yield from parts_of(test.operand, not holds)
    elif isinstance(test, ast.BoolOp) and isinstance(test.op, ast.And if holds else ast.Or):
        for value in test.values:
            yield from parts_of(value, holds)
    else:
        yield test, holds


def pairs_of(aim: ast.expr, value: ast.expr, rowed: Mapping[str, int]) -> list[tuple[str, ast.expr]] | None:
    """Names with what they are set to; None for an assignment that takes something apart in a way not known here."""
    if isinstance(aim, ast.Name):
        return [(aim.id, value)]
    if not isinstance(aim, ast.Tuple | ast.List) or not all(isinstance(one, ast.Name) for one in aim.elts):
        return None
    own = [one.id for one in aim.elts if isinstance(one, ast.Name)]
    if isinstance(value, ast.Tuple | ast.List) and len(value.elts) == len(own):
        return list(zip(own, value.elts, strict=True)) if not any(map(_starred, value.elts)) else None
    if not _has_items(value, len(own), rowed):
        return None
    return [(name, ast.Subscript(value, ast.Constant(at), ast.Load())) for at, name in enumerate(own)]


def _has_items(value: ast.expr, count: int, rowed: Mapping[str, int]) -> bool:
    """Whether item n of `value` is surely what the n-th of `count` names is set to."""
    if isinstance(value, ast.Call) and isinstance(value.func, ast.Name):
        return value.func.id in ("sorted", "divmod")
    return isinstance(value, ast.Subscript) and isinstance(value.value, ast.Name) and rowed.get(value.value.id) == count


def _starred(node: ast.expr) -> bool:
    return isinstance(node, ast.Starred)


def loop_words(loop: ast.For | ast.While) -> str:
    """A loop by what it goes over and its line."""
    if isinstance(loop, ast.While):
        return f"the loop while {ast.unparse(loop.test)} (line {loop.lineno})"
    return f"the loop over {ast.unparse(loop.iter)} (line {loop.lineno})"


def case_test(subject: ast.expr, case: ast.match_case) -> ast.expr | None:
    """A case as an expression over the subject; None where its pattern is more than values."""
    test = _pattern_test(subject, case.pattern)
    if test is None or case.guard is None:
        return test
    if isinstance(test, ast.Constant):  # any value: the guard alone decides
        return case.guard
    return ast.BoolOp(ast.And(), [test, case.guard])


def _pattern_test(subject: ast.expr, pattern: ast.pattern) -> ast.expr | None:
    match pattern:
        case ast.MatchValue(value=value):
            return ast.Compare(subject, [ast.Eq()], [value])
        case ast.MatchSingleton(value=value):
            return ast.Compare(subject, [ast.Is()], [ast.Constant(value)])
        case ast.MatchAs(pattern=None, name=None):
            return ast.Constant(True)
        case ast.MatchOr(patterns=patterns):
            tests = [_pattern_test(subject, one) for one in patterns]
            sure = [one for one in tests if one is not None]
            return ast.BoolOp(ast.Or(), sure) if len(sure) == len(tests) else None
    return None
