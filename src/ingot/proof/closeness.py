"""How near a run comes to breaking an invariant: what the guided search climbs."""

from __future__ import annotations

import ast
from datetime import date
from decimal import Decimal
from types import CodeType
from typing import Any

from ingot.fields import Field
from ingot.program import Observation
from ingot.proof import search
from ingot.runtime.sandbox import Trial
from ingot.spec import Invariant, Spec

FAR = 1e18
"""Further than any value is from another."""


class Measure:
    """Measures runs of one workflow against one invariant."""

    def __init__(self, spec: Spec, invariant: Invariant) -> None:
        self._spec, self._builtin = spec, invariant.builtin
        self._codes: dict[int, CodeType] = {}
        self._tree: ast.expr | None = None
        if invariant.builtin is None and search.compiled(spec, invariant)[0] is not None:
            from ingot.proof.translate import expression

            self._tree = ast.parse(expression(invariant.holds, spec.known_fields()), mode="eval").body

    def closeness(self, trial: Trial, seen: Observation) -> float:
        """0 where the run breaks an expression or a range, otherwise a distance from breaking it; `FAR` where nothing
        can be measured."""
        if seen.error is not None or seen.output is None:
            return FAR
        if self._builtin == "output_range":
            return min((_margin(one, seen.output.get(one.name)) for one in self._spec.outputs), default=FAR)
        return FAR if self._tree is None else self._from(False, self._tree, {**trial.input, **seen.output})

    def _from(self, wanted: bool, node: ast.expr, values: dict[str, Any]) -> float:
        """How far an expression is from being true, or false, as `wanted`."""
        match node:
            case ast.BoolOp(op=operator, values=parts):
                distances = [self._from(wanted, part, values) for part in parts]
                return sum(distances) if isinstance(operator, ast.And) is wanted else min(distances)
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                return self._from(not wanted, operand, values)
        if bool(self._value(node, values)) is wanted:
            return 0.0
        match node:
            case ast.Compare(left=left, ops=[ast.Lt() | ast.LtE() | ast.Gt() | ast.GtE() | ast.Eq() | ast.NotEq()]):
                return _apart(self._value(left, values), self._value(node.comparators[0], values)) + 1e-6
        return 1.0

    def _value(self, node: ast.expr, values: dict[str, Any]) -> Any:
        """The value of a part of an expression; None where it has none, for the search goes on without it."""
        code = self._codes.get(id(node))
        if code is None:
            code = self._codes[id(node)] = compile(ast.Expression(node), "<invariant>", "eval")
        try:
            return eval(code, {"__builtins__": {}, **search.PURE}, values)  # noqa: S307  (spec text, checked by `expressions`)
        except (TypeError, ValueError, ArithmeticError, LookupError, NameError):
            return None


def _margin(one: Field, value: Any) -> float:
    bounds = [bound for bound in (one.minimum, one.maximum) if bound is not None]
    return min((_apart(value, bound) for bound in bounds), default=FAR)


def _apart(one: Any, other: Any) -> float:
    if isinstance(one, date) and isinstance(other, date):
        return float(abs(one.toordinal() - other.toordinal()))
    if isinstance(one, int | float | Decimal) and isinstance(other, int | float | Decimal):
        return abs(float(one) - float(other))
    return 1.0
