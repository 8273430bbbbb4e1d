"""`cells.Expression` → Python: source, and the conditions under which it has a value.

Every operation on null is null, so the conditions of the parts are those of the whole; ``and``, ``or`` and ``=`` can have a
value beside a null and are written as what makes them true and what makes them false. Powers and divisions round to
the 28 significant digits of Python's Decimal, half to even.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal

from ingot.fields import Field
from ingot.tables.cells import Binary, Call, Compare, Expression, If, Literal, Logic, Negative, Not, Ref
from ingot.tables.room import DIGITS, room_for
from ingot.tables.table import Kind, is_small_power, kind_of, rounds

Scope = Mapping[str, Field]
LEAST_PLACES, MOST_PLACES = -32, 59
"""Tens between which a rounded power is: with its 28 significant digits it then has no more than a decimal's 60."""
_ANY: Mapping[Kind, str] = {
    "integer": "0", "decimal": 'Decimal("0")', "float": "0.0", "text": '""', "boolean": "False",
    "date": "date(1, 1, 1)", "null": "None",
}  # fmt: skip


def written(expression: Expression, scope: Scope, beside: Field | None = None) -> tuple[str, list[str]]:
    """Python source, and the conditions under which it has a value. A number is written as `beside` needs it."""
    match expression:
        case Literal(value):
            return _literal(value, beside), []
        case Ref(path):
            return _path(path, scope)
        case Negative(inner):
            source, guards = written(inner, scope, beside)
            return f"(-{source})", guards
        case Call(name, arguments):
            return _call(name, arguments, _number_field(expression, scope), scope)
        case Binary("**"):
            return _power(expression, scope)
        case Binary():
            return _binary(expression, scope)
        case If():
            return _if(expression, scope)
        case Compare() | Logic() | Not():
            true = holds(expression, scope)
            return true, [] if _never_null(expression, scope) else [f"({true} or {holds(expression, scope, False)})"]


def is_truth(expression: Expression) -> bool:
    """True for an expression whose value is worked out as true, false or null."""
    return isinstance(expression, Compare | Logic | Not)


def _joined(parts: Sequence[tuple[str, list[str]]]) -> list[str]:
    return list(dict.fromkeys(guard for _, guards in parts for guard in guards))


# ---- numbers -----------------------------------------------------------------------------------------------------


def _call(name: str, arguments: Sequence[Expression], beside: Field | None, scope: Scope) -> tuple[str, list[str]]:
    """The least or largest: a decimal where one of them is, for a whole number cannot be rounded and divides to a float."""
    parts = [written(one, scope, beside) for one in arguments]
    sources = [source for source, _ in parts]
    if beside is not None and beside.type == "decimal":
        sources = [_as_decimal(one, source, scope) for one, source in zip(arguments, sources, strict=True)]
    return f"{name}({', '.join(sources)})", _joined(parts)


def _binary(expression: Binary, scope: Scope) -> tuple[str, list[str]]:
    beside = _number_field(expression, scope)
    left, right = (written(one, scope, beside) for one in (expression.left, expression.right))
    guards = _joined([left, right])
    first, second = left[0], right[0]
    if expression.op == "/":
        nonzero = isinstance(expression.right, Literal) and expression.right.value != 0
        guards += [] if nonzero else [f"{second} != 0"]
        if kind_of(expression, scope) != "float":
            first = _as_decimal(expression.left, first, scope)
    return f"({first} {expression.op} {second})", guards


def _power(expression: Binary, scope: Scope) -> tuple[str, list[str]]:
    """A power: exact for a small whole exponent, rounded for any other. What has no value, such as the root of a negative
    number or a power of zero that is not above zero, is null, and so is what is too large or too near zero for a decimal."""
    beside = _number_field(expression, scope)
    left, right = (written(one, scope, beside) for one in (expression.left, expression.right))
    guards = _joined([left, right])
    base, exponent = left[0], right[0]
    if is_small_power(expression.right):
        assert isinstance(expression.right, Literal)
        assert isinstance(expression.right.value, Decimal)
        base = f"({base})" if base.startswith("-") else base  # a sign binds before **, unlike in Python
        whole = int(expression.right.value)
        known = expression.left.value if isinstance(expression.left, Literal) else None
        guards += [f"{base} != 0"] if whole == 0 and not known else []
        return f"({base} ** {whole})", guards
    base = _as_decimal(expression.left, base, scope)
    exponent = _as_decimal(expression.right, exponent, scope)
    known = expression.left.value if isinstance(expression.left, Literal) else None
    if not isinstance(known, Decimal) or known <= 0:
        whole_exponent = f"{base} < 0 and {exponent} == {exponent}.to_integral_value()"
        guards.append(f"({base} > 0 or ({whole_exponent}) or ({base} == 0 and {exponent} > 0))")
    if not _is_root(expression):
        places = f"{LEAST_PLACES} < {exponent} * abs({base}).log10() < {MOST_PLACES}"
        guards.append(places if isinstance(known, Decimal) and known else f"({base} == 0 or {places})")
    return f"({base} ** {exponent})", guards


def fits(expression: Expression, source: str, places: int | None, scope: Scope, spare: int = 0) -> list[str]:
    """The condition under which an answer is a decimal with the places to which it is rounded, and room for `spare` more digits. A
    rounded power may be large or near zero enough that what it divides has more digits than a decimal, any number too large to have
    its places."""
    if isinstance(expression, Literal):
        return []
    if not rounds(expression):
        return [] if places is None else room_for(expression, source, places, spare, scope)
    most = MOST_PLACES if places is None else DIGITS - places - spare
    if isinstance(expression, Binary) and expression.op == "**":  # its own condition keeps it within a decimal
        return [] if places is None or _is_root(expression) else [f"{source}.adjusted() < {most}"]
    return [f"({source} == 0 or {LEAST_PLACES - 1} <= {source}.adjusted() < {most})"]


def _is_root(power: Binary) -> bool:
    """True where a power goes no further than its base."""
    stated = power.right.value if isinstance(power.right, Literal) else None
    return isinstance(stated, Decimal) and abs(stated) <= 1


def _as_decimal(expression: Expression, source: str, scope: Scope) -> str:
    whole = kind_of(expression, scope) == "integer" and not isinstance(expression, Literal)
    return f"Decimal({source})" if whole else source


def _if(expression: If, scope: Scope) -> tuple[str, list[str]]:
    """One of two values, and the condition of whichever it is."""
    beside, kind = _number_field(expression, scope), kind_of(expression, scope)
    sources: list[str] = []
    conditions: list[str] = []
    for one in (expression.first, expression.second):
        source, guards = written(one, scope, beside)
        source = _as_decimal(one, source, scope) if kind == "decimal" else source
        # a branch without a value is never asked for: the condition of the whole keeps it out
        sources.append(f"({source} if {' and '.join(guards)} else {_ANY[kind]})" if guards else source)
        conditions.append("False" if one == Literal(None) else " and ".join(guards) or "True")
    condition = holds(expression.condition, scope)
    if "False" in conditions and conditions != ["False", "False"]:
        other = conditions.index("False") ^ 1  # the only one with a value, so that nothing is left to choose
        needed = [condition if other == 0 else f"not ({condition})", conditions[other]]
        return sources[other], [one for one in needed if one != "True"]
    either = [] if conditions == ["True", "True"] else [f"({conditions[0]} if {condition} else {conditions[1]})"]
    return f"({sources[0]} if {condition} else {sources[1]})", either


def _number_field(expression: Expression, scope: Scope) -> Field | None:
    kind: Kind = kind_of(expression, scope)
    return Field(name="number", type=kind) if kind in ("integer", "decimal", "float") else None


# ---- true, false and null ----------------------------------------------------------------------------------------


def holds(expression: Expression, scope: Scope, truth: bool = True) -> str:
    """A Python condition: the expression is true, or, with `truth` False, false. Null is neither."""
    match expression:
        case Literal(value):
            return str(value is truth)
        case Not(inner):
            return holds(inner, scope, not truth)
        case Logic(op, left, right):
            word = op if truth else {"and": "or", "or": "and"}[op]
            return f"({holds(left, scope, truth)} {word} {holds(right, scope, truth)})"
        case Compare():
            return _compared(expression, scope, truth)
    source, guards = written(expression, scope)
    whole = " and ".join([*guards, source if truth else f"not {source}"])
    return f"({whole})" if guards else whole


def _compared(expression: Compare, scope: Scope, truth: bool) -> str:
    if expression.op == "!=":
        return _compared(Compare("=", expression.left, expression.right), scope, not truth)
    beside = _beside(expression, scope)
    left, right = (written(one, scope, beside) for one in (expression.left, expression.right))
    if expression.op != "=":
        test = f"{left[0]} {expression.op} {right[0]}"
        whole = " and ".join([*_joined([left, right]), test if truth else f"not {test}"])
        return f"({whole})" if " and " in whole else whole
    equal = _equal(expression, left, right)
    return equal if truth else f"not {equal}"


def _equal(expression: Compare, left: tuple[str, list[str]], right: tuple[str, list[str]]) -> str:
    """Equality has a value beside null: two nulls are equal, and null is equal to nothing else."""
    if Literal(None) in (expression.left, expression.right):
        others = [*left[1], *right[1]]
        if expression.left == expression.right:
            return "True"
        return f"(not ({' and '.join(others)}))" if others else "False"
    whole = " and ".join([*_joined([left, right]), f"{left[0]} == {right[0]}"])
    if left[1] and right[1]:
        whole = f"({whole}) or not ({' and '.join(left[1])} or {' and '.join(right[1])})"
    return f"({whole})"


def _beside(expression: Compare, scope: Scope) -> Field | None:
    """How numbers beside each other are written: as floats beside a float, else as Decimals."""
    kinds = {kind_of(one, scope) for one in (expression.left, expression.right)}
    kind = next((one for one in ("float", "decimal", "integer") if one in kinds), None)
    return None if kind is None else Field(name="number", type=kind)


def _never_null(expression: Expression, scope: Scope) -> bool:
    match expression:
        case Compare(op, left, right):
            return op in ("=", "!=") or not (written(left, scope)[1] or written(right, scope)[1])
        case Logic(_, left, right):
            return _never_null(left, scope) and _never_null(right, scope)
        case Not(inner):
            return _never_null(inner, scope)
    return expression != Literal(None) and not written(expression, scope)[1]


# ---- values and fields -------------------------------------------------------------------------------------------


def _literal(value: object, beside: Field | None) -> str:
    if isinstance(value, Decimal):
        if beside is not None and beside.type == "float":
            return repr(float(value))
        whole = value == value.to_integral_value()
        if beside is not None and beside.type == "integer" and whole:
            return str(int(value))
        return f'Decimal("{value:f}")'
    if isinstance(value, date):
        return f"date({value.year}, {value.month}, {value.day})"
    if isinstance(value, str):
        return _quoted(value)
    return repr(value)


def _quoted(text: str) -> str:
    """A text in double quotes, as formatted Python has it."""
    plain = repr(text)
    return f'"{plain[1:-1]}"' if plain[0] == "'" and '"' not in plain else plain


def _path(path: str, scope: Mapping[str, Field]) -> tuple[str, list[str]]:
    first, *rest = path.split(".")
    source, at = first, first
    guards = [f"{source} is not None"] if scope[at].nullable else []
    for part in rest:
        source, at = f'{source}["{part}"]', f"{at}.{part}"
        field = scope[at]
        outer = scope[at.rpartition(".")[0]]
        own_null = next((one.nullable for one in outer.fields if one.name == part), field.nullable)
        if own_null:
            guards.append(f"{source} is not None")
    return source, guards
