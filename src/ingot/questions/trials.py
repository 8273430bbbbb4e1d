"""Trial inputs for conditions: the values at which something can change, in every combination.

For each field the constants that it is compared with, the values just beside them and one in between each two. Where
every comparison is between one field and a constant, these stand for all inputs; otherwise what they show is still
true, but what they do not show may exist (`Trials.exact`).
"""

from __future__ import annotations

import ast
import itertools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from ingot import expressions
from ingot.fields import Field, to_plain

MOST_TRIALS = 20_000


@dataclass(frozen=True, slots=True)
class Trials:
    """Trial inputs for some conditions; `exact` where no other input can behave differently."""

    inputs: tuple[Mapping[str, Any], ...]
    exact: bool


def trials(sources: Iterable[str], fields: Mapping[str, Field]) -> Trials | None:
    """Inputs for typed conditions over known fields, or None where they are out of reach or too many."""
    sources = tuple(sources)
    names = tuple(dict.fromkeys(name for source in sources for name in expressions.names(source)))
    if any(name not in fields or fields[name].type in ("list", "object", "datetime") for name in names):
        return None
    trees = [ast.parse(source, mode="eval") for source in sources]
    constants: dict[str, set[Any]] = {name: set() for name in names}
    exact = True
    for node in (node for tree in trees for node in ast.walk(tree)):
        if isinstance(node, ast.Compare):
            exact = _collect(node, constants) and exact
        elif isinstance(node, ast.BinOp | ast.Call) and not _is_literal(node):
            exact = False
    pools = [_pool(fields[name], constants[name]) for name in names]
    for name, pool in zip(names, pools, strict=True):
        if fields[name].nullable and any(
            f"{name} is None" in source or f"{name} is not None" in source for source in sources
        ):
            pool.append(None)
    count = 1
    for pool in pools:
        count *= len(pool)
    if not 0 < count <= MOST_TRIALS:
        return None
    return Trials(tuple(dict(zip(names, values, strict=True)) for values in itertools.product(*pools)), exact)


def _collect(node: ast.Compare, constants: dict[str, set[Any]]) -> bool:
    """Note the constants that fields are compared with; True where it is one plain field against constants."""
    sides = [node.left, *node.comparators]
    found = {part.id for side in sides for part in ast.walk(side) if isinstance(part, ast.Name)} & set(constants)
    values = {value for side in sides for value in _literals(side)}
    for name in found:
        constants[name] |= values
    plain = all(isinstance(side, ast.Name) or not _names(side) for side in sides)
    return plain and len(found) <= 1


def _names(node: ast.AST) -> bool:
    return any(isinstance(part, ast.Name) and part.id not in ("Decimal", "date") for part in ast.walk(node))


def _is_literal(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and not _names(node)


def _literals(node: ast.AST) -> Iterator[Any]:
    """The constants in one side of a comparison; those of other types than the field's are sorted out later."""
    match node:
        case ast.Constant(value=value) if value is not None:
            yield value
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            yield from (-value for value in _literals(operand) if isinstance(value, int | float | Decimal))
        case ast.Call(func=ast.Name(id="Decimal"), args=[ast.Constant(value=str(text))]):
            yield Decimal(text)
        case ast.Call(func=ast.Attribute(), args=[ast.Constant(value=str(text))]):
            yield date.fromisoformat(text)
        case _:
            for child in ast.iter_child_nodes(node):
                yield from _literals(child)


def _pool(field: Field, constants: set[Any]) -> list[Any]:
    """The values of one field that are tried, inside its range."""
    match field.type:
        case "boolean":
            pool: list[Any] = [True, False]
        case "enum":
            pool = list(field.values)
        case "text":
            pool = [*sorted(value for value in constants if isinstance(value, str)), "another text"]
        case "date":
            days = {value for value in constants if type(value) is date} or {date(2024, 2, 29)}
            pool = _dates(days)
        case _:
            numbers = {Decimal(str(value)) for value in constants if type(value) in (int, float, Decimal)}
            pool = _numbers(field, numbers or {Decimal(0)})
    return [value for value in pool if _inside(field, value)]


def _dates(days: set[date]) -> list[date]:
    beside = {day + timedelta(days=step) for day in days for step in (-1, 0, 1) if date.min < day < date.max}
    return sorted(beside)


def _numbers(field: Field, numbers: set[Decimal]) -> list[Any]:
    """Each number, its neighbours and the middles, as whole numbers for integers."""
    ordered = sorted(numbers | {bound for bound in (field.minimum, field.maximum) if isinstance(bound, Decimal)})
    step = (
        Decimal(1).scaleb(-(field.places if field.places is not None else 2)) if field.type != "integer" else Decimal(1)
    )
    points = {number + move for number in ordered for move in (-step, Decimal(0), step)}
    points |= {(low + high) / 2 for low, high in itertools.pairwise(ordered)}
    if field.type == "integer":
        return sorted({int(point) for point in points if point == int(point)})
    return sorted(float(point) for point in points) if field.type == "float" else sorted(points)


def _inside(field: Field, value: Any) -> bool:
    if isinstance(value, bool | str):
        return True
    low, high = field.minimum, field.maximum
    if isinstance(value, float):
        value = Decimal(str(value))
    return (low is None or value >= low) and (high is None or value <= high)


def shown(values: Mapping[str, Any]) -> str:
    """A trial input as a short text: ``age = 65, member = true``."""
    plain = {name: to_plain(value) for name, value in values.items()}
    return ", ".join(f"{name} = {_word(value)}" for name, value in plain.items())


def _word(value: Any) -> str:
    return {True: "true", False: "false", None: "null"}[value] if value is None or type(value) is bool else str(value)
