"""Boundary values by name: which comparison of the logic, or which bound of a field, a value stands at."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

from ingot.fields import to_plain
from ingot.program import Program
from ingot.readback.citations import citations
from ingot.runtime.sandbox import Trial

LONGEST = 60


@dataclass(frozen=True, slots=True)
class Boundary:
    """A value at a comparison. `distance` is 0 on the constant, else one step: -1 below it, 1 above it."""

    operand: str
    value: Any
    comparison: str
    line: int
    clauses: tuple[str, ...]
    distance: int

    def __str__(self) -> str:
        side = {0: "the boundary of", -1: "one step below the boundary of", 1: "one step above the boundary of"}
        cited = "".join(f", {clause}" for clause in self.clauses)
        return (
            f"{self.operand} = {shown(self.value)}: {side[self.distance]} `{self.comparison}`, line {self.line}{cited}"
        )


def shown(value: Any) -> str:
    """A value for people, cut to a readable length."""
    text = str(to_plain(value))
    return text if len(text) <= LONGEST else text[:LONGEST] + "…"


class Comparisons:
    """The comparisons of a program's functions, read once and looked at for many inputs."""

    def __init__(self, program: Program) -> None:
        tree = ast.parse(program.logic)
        self._cited = citations(program.logic, program.spec)
        self._found = list(_comparisons(program.logic, tree))
        self._constants = _assigned_once(tree.body)
        self._spec = program.spec

    def at(self, trial: Trial, lines: Collection[int] | None = None) -> tuple[Boundary, ...]:
        """The boundaries that an input stands at, in the order of the text; on these `lines` alone where given."""
        values = dict(trial.input)
        for step in trial.steps.values():
            values |= step
        found: list[Boundary] = []
        for node, left, right, texts, locals_ in self._found:
            if lines is None or node.lineno in lines:
                names = {**self._constants, **locals_}
                for one, other, text in ((left, right, texts[0]), (right, left, texts[1])):
                    distance, value = _distance(one, other, values, names, self._constants)
                    if distance is not None:
                        cited = self._cited.get(node.lineno, ())
                        found.append(Boundary(text, value, texts[2], node.lineno, cited, distance))
                        break
        return tuple(dict.fromkeys(found))

    def of_fields(self, trial: Trial, names: Collection[str]) -> tuple[str, ...]:
        """Those of the inputs `names` that stand at a bound of their field, in words."""
        found = []
        for field in (field for field in self._spec.inputs if field.name in names):
            value = trial.input.get(field.name)
            for bound, word in ((field.minimum, "smallest"), (field.maximum, "largest")):
                if bound is not None and value is not None and type(value) is not bool and value == bound:
                    found.append(f"{field.name} = {shown(value)}: the {word} that the field allows")
        return tuple(found)


_Found = tuple[ast.Compare, ast.expr, ast.expr, tuple[str, str, str], Mapping[str, ast.expr]]


def _comparisons(text: str, tree: ast.Module) -> Iterator[_Found]:
    for top in tree.body:
        locals_ = _assigned_once(top.body) if isinstance(top, ast.FunctionDef) else {}
        for node in ast.walk(top):
            if not isinstance(node, ast.Compare):
                continue
            operands = [node.left, *node.comparators]
            whole = " ".join((ast.get_source_segment(text, node) or "").split())
            for left, right in pairwise(operands):
                said = [" ".join((ast.get_source_segment(text, one) or "").split()) for one in (left, right)]
                yield node, left, right, (said[0], said[1], whole), locals_


def _assigned_once(body: list[ast.stmt]) -> dict[str, ast.expr]:
    """Names that stand for one expression: nothing else in the block gives them a value."""
    found: dict[str, ast.expr] = {}
    stored: dict[str, int] = {}
    for statement in body:
        for node in ast.walk(statement):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                stored[node.id] = stored.get(node.id, 0) + 1
        if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
            found[statement.targets[0].id] = statement.value
        elif isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name) and statement.value:
            found[statement.target.id] = statement.value
    return {name: value for name, value in found.items() if stored[name] == 1}


def _distance(
    one: ast.expr,
    other: ast.expr,
    values: Mapping[str, Any],
    names: Mapping[str, ast.expr],
    constants: Mapping[str, ast.expr],
) -> tuple[int | None, Any]:
    """How far the operand `one` is from the constant `other`, in steps, where that is at most one; and its value."""
    constant, value = _value(other, {}, constants), _value(one, values, names)
    if constant is None or value is None or _value(one, {}, constants) is not None:
        return None, None
    if type(value) in (int, Decimal) and type(constant) in (int, Decimal):
        step: Any = 1 if type(value) is int else Decimal(1).scaleb(min(int(_exponent(value)), int(_exponent(constant))))
        apart: Any = value - constant
    elif type(value) is type(constant) is date:
        step, apart = timedelta(days=1), value - constant
    else:
        return None, None
    zero = step - step
    if apart == zero:
        return 0, value
    return ((1 if apart > zero else -1), value) if abs(apart) == step else (None, None)


def _exponent(value: Any) -> int:
    exponent = Decimal(value).as_tuple().exponent
    return exponent if isinstance(exponent, int) else 0


def _value(node: ast.expr, values: Mapping[str, Any], names: Mapping[str, ast.expr], depth: int = 0) -> Any:
    """The value of a plain expression; None where it is anything more than arithmetic on what is known.

    This never runs the candidate's code: only what is listed here is worked out.
    """
    if depth > 12:
        return None
    match node:
        case ast.Constant(value=int() | str() as value):
            return value
        case ast.Name(id=name) if name in values:
            return values[name]
        case ast.Name(id=name) if name in names:
            return _value(names[name], values, names, depth + 1)
        case ast.UnaryOp(op=ast.USub(), operand=inner):
            found = _value(inner, values, names, depth + 1)
            return -found if type(found) in (int, Decimal) else None
        case ast.Subscript(value=inner, slice=ast.Constant(value=key)):
            found = _value(inner, values, names, depth + 1)
            return found.get(key) if isinstance(found, Mapping) and isinstance(key, str) else None
        case ast.Attribute(value=inner, attr="days" | "year" | "month" | "day" as part):
            found = _value(inner, values, names, depth + 1)
            return getattr(found, part, None) if isinstance(found, date | timedelta) else None
        case ast.BinOp(left=left, op=ast.Add() | ast.Sub() | ast.Mult() as operator, right=right):
            return _computed(operator, _value(left, values, names, depth + 1), _value(right, values, names, depth + 1))
        case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]):
            return _called(name, [_value(argument, values, names, depth + 1) for argument in arguments])
    return None


def _computed(operator: ast.operator, left: Any, right: Any) -> Any:
    numbers = all(type(one) in (int, Decimal) for one in (left, right))
    days = type(left) is date and type(right) in (date, timedelta)
    if (not numbers and not days) or any(type(one) is datetime for one in (left, right)):
        return None
    try:
        match operator:
            case ast.Add():
                return left + right
            case ast.Sub():
                return left - right
            case _:
                return left * right
    except (TypeError, ArithmeticError):
        return None


def _called(name: str, arguments: list[Any]) -> Any:
    if any(argument is None for argument in arguments):
        return None
    makers: dict[str, Any] = {"Decimal": Decimal, "date": date, "len": len}
    try:
        return makers[name](*arguments) if name in makers else None
    except (TypeError, ValueError, ArithmeticError):
        return None
