"""What is known on a path: tests that were answered, and the values a field can still have."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass, replace

from ingot.program import Signature

Text = str | None


@dataclass(frozen=True, slots=True)
class Facts:
    """`answered` maps the dump of a test to its answer; `left` an expression to the texts and None it can still be;
    `gone` those it cannot."""

    answered: Mapping[str, bool]
    left: Mapping[str, frozenset[Text]]
    gone: Mapping[str, frozenset[Text]]

    @staticmethod
    def of(signature: Signature) -> Facts:
        """What the types of the parameters say."""
        left = {
            ast.dump(ast.Name(field.name, ast.Load())): frozenset([*field.values, *([None] if field.nullable else [])])
            for field in signature.params
            if field.type == "enum"
        }
        return Facts({}, left, {})

    def decided(self, test: ast.expr) -> bool | None:
        """What a test must answer here; None where it can answer either."""
        known = self.answered.get(ast.dump(test))
        if known is not None:
            return known
        match test:
            case ast.Constant(value=bool() as value):
                return value
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                inner = self.decided(operand)
                return None if inner is None else not inner
            case ast.BoolOp(op=op, values=values):
                answers = [self.decided(value) for value in values]
                ends = isinstance(op, ast.Or)
                if ends in answers:
                    return ends
                return None if None in answers else not ends
            case ast.Compare(left=ast.Constant(value=a), ops=[ast.Eq()], comparators=[ast.Constant(value=b)]):
                return bool(a == b)
        return self._belongs(test)

    def _belongs(self, test: ast.expr) -> bool | None:
        read = _membership(test)
        if read is None:
            return None
        subject, wanted, positive = read
        left = self.left.get(subject)
        possible = wanted - self.gone.get(subject, frozenset())
        if left is not None:
            possible &= left
            if left and left <= wanted:
                return positive
        return not positive if not possible else None

    def told(self, test: ast.expr, holds: bool) -> Facts:
        """These facts and one more."""
        facts = replace(self, answered={**self.answered, ast.dump(test): holds})
        read = _membership(test)
        if read is None:
            return facts
        subject, wanted, positive = read
        left, gone = self.left.get(subject), self.gone.get(subject, frozenset())
        if positive is holds:
            now = wanted - gone if left is None else (left & wanted) - gone
            return replace(facts, left={**self.left, subject: now})
        facts = replace(facts, gone={**self.gone, subject: gone | wanted})
        return facts if left is None else replace(facts, left={**self.left, subject: left - wanted})


def _membership(test: ast.expr) -> tuple[str, frozenset[Text], bool] | None:
    """``x == "A"``, ``x in ("A", "B")``, ``x is None`` and their opposites: the dump of x, the values, and the sense."""
    if not isinstance(test, ast.Compare) or len(test.ops) != 1:
        return None
    op, right = test.ops[0], test.comparators[0]
    if isinstance(op, ast.Eq | ast.NotEq | ast.Is | ast.IsNot):
        members = [right]
    elif isinstance(op, ast.In | ast.NotIn) and isinstance(right, ast.Tuple | ast.List | ast.Set):
        members = right.elts
    else:
        return None
    values: list[Text] = []
    for one in members:
        if not isinstance(one, ast.Constant) or not (one.value is None or isinstance(one.value, str)):
            return None
        values.append(one.value)
    return ast.dump(test.left), frozenset(values), isinstance(op, ast.Eq | ast.Is | ast.In)
