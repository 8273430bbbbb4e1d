"""How large a number of a cell may be, and whether Decimal's 28 digits have room for it with the places that it is rounded to.

Where the stated ranges of the inputs show that they have, nothing is asked. Elsewhere the written code asks, and what has no room
is null: it would be rounded before its places, or not at all.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from decimal import Context, Decimal, InvalidOperation

from ingot.fields import Field
from ingot.tables.cells import Binary, Call, Expression, If, Literal, Negative, Ref

DIGITS = 28
"""Significant digits that arithmetic and ``quantize`` have room for."""
MOST_SPARE = 6
"""Digits that are ever kept free for a sum: those of the number of its rows."""
_WIDE = Context(prec=200)


def room_for(expression: Expression, source: str, places: int, spare: int, scope: Mapping[str, Field]) -> list[str]:
    """The condition under which a number that is rounded to `places` has room for them and for `spare` digits before it; none where
    it always has."""
    room = Decimal(1).scaleb(DIGITS - places - spare)
    most = largest(expression, scope)
    bare = source[1:-1] if isinstance(expression, Binary) else source
    return [] if most is not None and most < room else [f'abs({bare}) < Decimal("{room}")']


def asks_for_room(choice: ast.AST) -> ast.expr | None:
    """What a choice as the written code has it, ``NUMBER.quantize(…) if … abs(NUMBER) < Decimal("1E+26") else None``, asks of a
    number that it then rounds: what a decimal can hold, and no part of a rule. None for every other choice."""
    match choice:
        case ast.IfExp(
            test=test,
            body=ast.Call(func=ast.Attribute(value=rounded, attr="quantize"), args=[step, *_]),
            orelse=ast.Constant(value=None),
        ):
            last = test.values[-1] if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.And) else test
            places = _exponent(step)
            return last if places is not None and _is_asked(last, rounded, -places) else None
    return None


def _is_asked(test: ast.expr, rounded: ast.expr, places: int) -> bool:
    """Whether `test` asks for the room that just this number needs: a rule about another number, or another size, is a rule."""
    match test:
        case ast.Compare(
            left=ast.Call(func=ast.Name(id="abs"), args=[number], keywords=[]), ops=[ast.Lt()], comparators=[most]
        ):
            tens = _exponent(most)
            full = 0 if tens is None else tens + places
            return DIGITS - MOST_SPARE <= full <= DIGITS and ast.dump(number) == ast.dump(rounded)
    return False


def _exponent(written: ast.expr) -> int | None:
    """Of ``Decimal("1E+26")`` or ``Decimal("0.01")`` the power of ten that it is: 26, -2."""
    match written:
        case ast.Call(func=ast.Name(id="Decimal"), args=[ast.Constant(value=str() as text)], keywords=[]):
            try:
                sign, digits, exponent = Decimal(text).as_tuple()
            except InvalidOperation:
                return None
            return exponent if (sign, digits) == (0, (1,)) and isinstance(exponent, int) else None
    return None


def largest(expression: Expression, scope: Mapping[str, Field]) -> Decimal | None:
    """A number that the expression's distance from zero never exceeds; None where the stated ranges do not say one."""
    match expression:
        case Literal(value=Decimal() as value):
            return abs(value)
        case Ref(path):
            return _farthest(scope[path])
        case Negative(inner):
            return largest(inner, scope)
        case Call(_, arguments):
            return _most([largest(one, scope) for one in arguments])
        case If(_, first, second):
            return _most([largest(one, scope) for one in (first, second)])
        case Binary(op, left, right):
            return _computed(op, left, right, scope)
    return None


def _computed(op: str, left: Expression, right: Expression, scope: Mapping[str, Field]) -> Decimal | None:
    first, second = largest(left, scope), largest(right, scope)
    if first is None or second is None:
        return None
    match op:
        case "+" | "-":
            return _WIDE.add(first, second)
        case "*":
            return _WIDE.multiply(first, second)
        case "**" if isinstance(right, Literal) and second in range(11):
            return max(Decimal(1), _WIDE.power(first, second)) if second else Decimal(1)
        case "/":
            least = _nearest(right, scope)
            return None if least is None else _WIDE.divide(first, least) + 1
    return None


def _most(found: list[Decimal | None]) -> Decimal | None:
    known = [one for one in found if one is not None]
    return max(known) if known and len(known) == len(found) else None


def _farthest(field: Field) -> Decimal | None:
    if field.type == "list" and field.items is not None:
        return _farthest(field.items)
    low, high = field.minimum, field.maximum
    return max(abs(low), abs(high)) if isinstance(low, Decimal) and isinstance(high, Decimal) else None


def _nearest(expression: Expression, scope: Mapping[str, Field]) -> Decimal | None:
    """What the distance of a divisor from zero never falls below, where it is not zero."""
    if isinstance(expression, Literal) and isinstance(expression.value, Decimal) and expression.value:
        return abs(expression.value)
    if not isinstance(expression, Ref):
        return None
    field = scope[expression.path]
    if isinstance(field.minimum, Decimal) and field.minimum > 0:
        return field.minimum
    places = 0 if field.type == "integer" else field.places
    return None if places is None else Decimal(1).scaleb(-places)
