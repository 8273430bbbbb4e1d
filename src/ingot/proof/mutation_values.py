"""Other constants in place of a constant: one step up and down, or another of the same kind."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, timedelta
from decimal import Decimal, InvalidOperation

from ingot.fields import Field
from ingot.program import Program
from ingot.proof.mutation_text import statements


def stepped(node: ast.expr) -> tuple[str, ...] | None:
    """A number, ``Decimal("…")`` or date one step down and up, as source; None for anything else.

    A step is one unit of the constant's own last place; one day of a date.
    """
    if isinstance(node, ast.Constant) and type(node.value) in (int, float):
        return _neighbours(repr(node.value))
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub) and isinstance(node.operand, ast.Constant):
        return _neighbours(f"-{node.operand.value!r}")
    if not isinstance(node, ast.Call) or node.keywords or not all(isinstance(one, ast.Constant) for one in node.args):
        return None
    name = ast.unparse(node.func)
    values = [one.value for one in node.args if isinstance(one, ast.Constant)]
    if name == "Decimal" and len(values) == 1 and isinstance(values[0], str):
        found = _neighbours(values[0])
        return None if found is None else tuple(f'Decimal("{text}")' for text in found)
    try:
        if name == "date":
            days = _days(date(*values))  # type: ignore[arg-type]
            return tuple(f"date({day.year}, {day.month}, {day.day})" for day in days)
        if name == "date.fromisoformat":
            return tuple(f'date.fromisoformat("{day}")' for day in _days(date.fromisoformat(values[0])))  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        return None
    return None


def coarser(node: ast.expr) -> tuple[str, ...] | None:
    """The unit that ``quantize`` rounds to, with one place less (or one more where it has none): only its exponent
    counts, so that a step of its value would change nothing."""
    if not (isinstance(node, ast.Call) and ast.unparse(node.func) == "Decimal" and len(node.args) == 1):
        return None
    argument = node.args[0]
    try:
        unit = Decimal(argument.value) if isinstance(argument, ast.Constant) else None  # type: ignore[arg-type]
    except (InvalidOperation, TypeError, ValueError):
        return None
    if unit is None or not isinstance(exponent := unit.as_tuple().exponent, int):
        return None
    return (f'Decimal("{Decimal(1).scaleb(exponent + (1 if exponent < 0 else -1))}")',)


def _neighbours(text: str) -> tuple[str, ...] | None:
    try:
        value = Decimal(text)
    except InvalidOperation:
        return None
    exponent = value.as_tuple().exponent
    if not isinstance(exponent, int):
        return None
    step = Decimal(1).scaleb(min(exponent, 0))
    return (str(value - step), str(value + step))


def _days(day: date) -> tuple[date, date]:
    return day - timedelta(days=1), day + timedelta(days=1)


class Texts:
    """Which texts can stand in for a text: values of the same enum, entries of the same table, what the same
    expression is compared with."""

    def __init__(self, program: Program, tree: ast.Module) -> None:
        fields = list(_deep(program.spec.known_fields().values()))
        self._names = {field.name for field in fields}
        self._enums = [field.values for field in fields if field.values]
        self._names |= {key for node in ast.walk(tree) if (key := _key_read(node)) is not None}
        self._siblings: dict[int, tuple[str, ...]] = {}
        for top in tree.body:
            compared: dict[str, list[ast.Constant]] = {}
            for node in ast.walk(top):
                self._table(node)
                _compared(node, compared)
            for constants in compared.values():
                self._circle(constants)

    def others(self, node: ast.Constant) -> tuple[str, ...]:
        """The texts to put in place of a text constant, at most two of a kind."""
        found: list[str] = []
        for values in self._enums:
            if node.value in values:
                found += _around(values, values.index(node.value))
        found += self._siblings.get(id(node), ())
        return tuple(text for text in dict.fromkeys(found) if text != node.value)[:3]

    def _table(self, node: ast.AST) -> None:
        if isinstance(node, ast.List | ast.Tuple | ast.Set):
            self._circle(_text_constants(node.elts))
        elif isinstance(node, ast.Dict):
            keys = _text_constants(key for key in node.keys if key is not None)
            if (
                not {str(key.value) for key in keys} & self._names
            ):  # a record, whose parts are called by name, is no table
                self._circle(keys)
                self._circle(_text_constants(node.values))

    def _circle(self, constants: list[ast.Constant]) -> None:
        """Each may become the next different one, the last the first."""
        values = list(dict.fromkeys(str(one.value) for one in constants))
        for one in constants:
            if len(values) > 1 and id(one) not in self._siblings:
                self._siblings[id(one)] = (values[(values.index(str(one.value)) + 1) % len(values)],)


def _deep(fields: Iterable[Field]) -> Iterator[Field]:
    for field in fields:
        yield field
        yield from _deep(field.fields)
        if field.items is not None:
            yield from _deep([field.items])


def _key_read(node: ast.AST) -> str | None:
    """The key in ``rules["street"]``."""
    if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant) and isinstance(node.slice.value, str):
        return node.slice.value
    return None


def _around(values: tuple[str, ...], at: int) -> list[str]:
    return [values[(at + 1) % len(values)], values[at - 1]]


def _text_constants(nodes: Iterable[ast.expr]) -> list[ast.Constant]:
    return [node for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)]


def _compared(node: ast.AST, found: dict[str, list[ast.Constant]]) -> None:
    if isinstance(node, ast.Compare) and isinstance(node.ops[0], ast.Eq | ast.NotEq):
        for constant in _text_constants(node.comparators[:1]):
            found.setdefault(ast.dump(node.left), []).append(constant)


def returns_by_function(tree: ast.Module) -> Mapping[str, list[ast.Return]]:
    """The return statements with a value of each top-level function, in the order of the text."""
    return {
        top.name: [one for one in statements(top.body) if isinstance(one, ast.Return) and one.value is not None]
        for top in tree.body
        if isinstance(top, ast.FunctionDef)
    }
