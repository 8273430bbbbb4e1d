"""Inputs to tell two programs apart by: starting points, and changes of them near what the programs compare with.

Everything is drawn with a fixed seed: the same two programs get the same inputs. Held-out cases are never used.
"""

from __future__ import annotations

import ast
import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Context, Decimal, InvalidOperation
from functools import lru_cache
from itertools import product
from types import CodeType
from typing import Any

from pydantic import ValidationError

from ingot import expressions
from ingot.fields import MOST_DIGITS, Field, validator
from ingot.program import Program
from ingot.proof.pair_fields import Path, common_fields
from ingot.proof.search import PURE
from ingot.proof.texts import edited, words_of
from ingot.proof.translate import expression
from ingot.runtime.sandbox import Trial
from ingot.runtime.tagged import encode
from ingot.spec import Spec

SEED, STARTS, LONGEST = 20_240_229, 60, 4
_DAY = date(2024, 6, 14)


def starting_points(one: Program, other: Program) -> tuple[Trial, ...]:
    """Inputs that both specs allow: the given cases of both, and some made of the fields alone."""
    changer = Changer(one, other)
    cases = [case for program in (one, other) for case in program.spec.given]
    given = [Trial(case.id, case.input, case.steps) for case in cases]
    return (*(trial for trial in map(changer.completed, given) if trial is not None), *changer.drawn(STARTS))


class Changer:
    """Makes inputs of inputs. Values lie near the constants of both programs, at the bounds of the fields, or
    anywhere in them."""

    def __init__(self, one: Program, other: Program, near: Sequence[Any] | None = None) -> None:
        """`near` are the values to stay near, by default all constants of both programs."""
        self._roots = common_fields(one.spec, other.spec)
        self._chance = random.Random(SEED)  # noqa: S311  (it must be the same every time)
        every = (*constants(one.logic), *constants(other.logic)) if near is None else near
        self._constants = _distinct(every)
        self._checks = {path: validator((one,)) for path, one in self._roots.items()}
        self._accepts = [
            check for spec in {id(s): s for s in (one.spec, other.spec)}.values() for check in _checks(spec)
        ]
        self._seen: set[str] = set()
        self._words = words_of(self._constants)
        self._others: dict[Path, list[str]] = {}

    def drawn(self, count: int) -> list[Trial]:
        """So many distinct inputs, as far as there are."""
        return self._distinct(lambda: {path: self._value(one) for path, one in self._roots.items()}, count)

    def changed(self, pool: Sequence[Trial], count: int) -> list[Trial]:
        """So many distinct inputs, most of them one of the pool with one to three values changed."""
        if not pool:
            return self.drawn(count)
        paths = list(self._roots)
        self._others = {path: self._texts(pool, path) for path, one in self._roots.items() if one.type == "text"}

        def change() -> dict[Path, Any]:
            values = self._values(self._chance.choice(pool))
            for path in self._chance.sample(paths, min(len(paths), self._chance.choice((1, 1, 1, 2, 3)))):
                values[path] = self._changed(path, values[path])
            return values

        return self._distinct(change, count)

    def _texts(self, pool: Sequence[Trial], path: Path) -> list[str]:
        known = (self._values(trial)[path] for trial in pool)
        return list(dict.fromkeys(one for one in known if isinstance(one, str) and "\n" in one))

    def _changed(self, path: Path, value: Any) -> Any:
        """A value like this one; of a text of several lines, one with some of them changed."""
        if isinstance(value, str) and "\n" in value and self._chance.random() < 0.9:
            return edited(value, self._words, self._others.get(path, ()), self._chance)
        return self._near(self._roots[path], value)

    def placed(self, pool: Sequence[Trial], count: int) -> list[Trial]:
        """Inputs of the pool with each value to stay near, and its neighbours, in each input that can have it: once
        each, then in the next of the pool, until there are so many."""
        places = ((path, one, value) for value in self._constants for path, one in self._roots.items())
        choices = [(path, near) for path, one, value in places for near in _neighbours(one, value)]
        found: list[Trial] = []
        for shift, (number, (path, value)) in product(range(len(pool)), enumerate(choices)):
            if len(found) >= count:
                break
            found += self._distinct_one({**self._values(pool[(number + shift) % len(pool)]), path: value})
        return found

    def completed(self, trial: Trial) -> Trial | None:
        """The trial with values for whatever it leaves out; None where one of its values is not allowed."""
        return self._trial(self._values(trial))

    def _distinct(self, make: Callable[[], dict[Path, Any]], count: int) -> list[Trial]:
        found: list[Trial] = []
        for _ in range(6 * count):
            if len(found) >= count:
                break
            found += self._distinct_one(make())
        return found

    def _distinct_one(self, values: Mapping[Path, Any]) -> list[Trial]:
        """The values as a trial, if they are allowed and new."""
        trial = self._trial(values)
        if trial is None:
            return []
        key = encode([dict(trial.input), {name: dict(known) for name, known in trial.steps.items()}])
        if key in self._seen:
            return []
        self._seen.add(key)
        return [trial]

    def _values(self, trial: Trial) -> dict[Path, Any]:
        found: dict[Path, Any] = {}
        for path, one in self._roots.items():
            known: Mapping[str, Any] = trial.input
            if len(path) > 1:
                known = trial.steps.get(path[0].removesuffix("()"), {})
            found[path] = known[path[-1]] if path[-1] in known else None if one.nullable else self._value(one)
        return found

    def _trial(self, values: Mapping[Path, Any]) -> Trial | None:
        inputs: dict[str, Any] = {}
        steps: dict[str, dict[str, Any]] = {}
        for path, value in values.items():
            try:
                self._checks[path].validate_python({path[-1]: value})
            except ValidationError:
                return None
            if len(path) > 1:
                steps.setdefault(path[0].removesuffix("()"), {})[path[1]] = value
            else:
                inputs[path[0]] = value
        known = {path[-1]: value for path, value in values.items()}
        return Trial("", inputs, steps) if all(_holds(check, known) for check in self._accepts) else None

    # ---- values --------------------------------------------------------------------------------------------------

    def _near(self, one: Field, value: Any) -> Any:
        """A value like this one, or another."""
        chance = self._chance
        if isinstance(value, list) and one.items is not None and chance.random() < 0.8:
            return self._near_list(one, one.items, value)
        if isinstance(value, dict) and one.fields and chance.random() < 0.9:
            inner = chance.choice(one.fields)
            return {**value, inner.name: self._near(inner, value.get(inner.name))}
        if chance.random() < 0.3 and value is not None:
            if one.type in ("integer", "decimal", "float"):
                return _as(one, Decimal(str(value)) + chance.choice((1, -1)) * _step(one))
            if one.type == "date":
                return _moved(value, chance.choice((1, -1, 365, -365)))
        return self._value(one)

    def _near_list(self, one: Field, items: Field, value: list[Any]) -> list[Any]:
        chance, made = self._chance, list(value)
        most = one.max_length if one.max_length is not None else 12
        match chance.choice(("item", "item", "more", "fewer", "order")):
            case "item" if made:
                at = chance.randrange(len(made))
                made[at] = self._near(items, made[at])
            case "fewer" if len(made) > (one.min_length or 0):
                made.pop(chance.randrange(len(made)))
            case "order" if len(made) > 1:
                made.reverse()
            case _ if len(made) < most:
                made.append(self._value(items))
        return made

    def _value(self, one: Field) -> Any:
        chance = self._chance
        if one.nullable and chance.random() < 0.15:
            return None
        match one.type:
            case "integer" | "decimal" | "float":
                return self._number(one)
            case "boolean":
                return chance.random() < 0.5
            case "date":
                return self._day(one)
            case "datetime":
                return datetime.combine(self._day(one), datetime.min.time()) + timedelta(hours=chance.randrange(24))
            case "enum":
                return chance.choice(one.values)
            case "list":
                if one.items is None:
                    return []
                least = one.min_length or 0
                most = least + LONGEST if one.max_length is None else min(one.max_length, least + LONGEST)
                return [self._value(one.items) for _ in range(chance.randint(least, most))]
            case "object":
                return {inner.name: self._value(inner) for inner in one.fields}
            case _:
                return self._text(one)

    def _number(self, one: Field) -> Any:
        chance = self._chance
        low, high = (bound if isinstance(bound, Decimal) else None for bound in (one.minimum, one.maximum))
        near = [*(Decimal(str(v)) for v in self._constants if type(v) in (int, float, Decimal)), Decimal(0)]
        near += [bound for bound in (low, high) if bound is not None]
        if chance.random() < 0.75:
            value = chance.choice(near) + chance.choice((0, 0, 1, -1)) * _step(one)
        else:
            first = -1_000 if low is None else low
            value = Decimal(chance.randint(int(first), int(max(first, 100_000) if high is None else high)))
        value = value if low is None else max(low, value)
        return _as(one, value if high is None else min(high, value))

    def _day(self, one: Field) -> date:
        chance = self._chance
        days = [value for value in self._constants if type(value) is date] or [_DAY]
        day = chance.choice(days) if chance.random() < 0.8 else date(chance.randint(1990, 2040), 1, 1)
        spread = chance.choice((0, 0, 1, -1, chance.randint(-400, 400), chance.randint(-40, 40)))
        day = _moved(day, spread)
        low, high = (bound if isinstance(bound, date) else None for bound in (one.minimum, one.maximum))
        day = day if low is None else max(low, day)
        return day if high is None else min(high, day)

    def _text(self, one: Field) -> str:
        known = [value for value in self._constants if isinstance(value, str)]
        text: str = self._chance.choice([*known, "", "a", "0", "x" * (one.min_length or 7)])
        return text[: one.max_length] if one.max_length is not None else text


_Check = tuple[CodeType, frozenset[str]]


def _checks(spec: Spec) -> list[_Check]:
    """The validation of the steps that no function computes, and the fields that each reads."""
    known = spec.known_fields()
    sources = [
        expression(text, known) for step in spec.logic_requirements if not step.is_function for text in step.validation
    ]
    return [
        (compile(source, "<validation>", "eval"), frozenset(expressions.names(source)) - frozenset(PURE))
        for source in sources
    ]


def _holds(check: _Check, known: Mapping[str, Any]) -> bool:
    """Whether a step's outputs get through; what a function computes is not known here, so that is let through."""
    code, names = check
    if not names <= set(known):
        return True
    try:
        return bool(eval(code, {"__builtins__": {}, **PURE}, dict(known)))  # noqa: S307  (the spec's, checked before)
    except (TypeError, ValueError, ArithmeticError, LookupError):
        return False


def nearest(program: Program, changed: Sequence[tuple[str, int]]) -> list[Any]:
    """The constants in the changed lines of a program's logic, before and after; changes are given as
    ``(whole changed text, line)``."""
    found: list[Any] = []
    for text, line in changed:
        found += [*constants(program.logic, line), *constants(text, line)]
    return list(_distinct(found))


def _distinct(values: Iterable[Any]) -> tuple[Any, ...]:
    return tuple({(type(value), value): value for value in values}.values())


def _neighbours(one: Field, value: Any) -> list[Any]:
    """The value, and those next to it, as values of the field; none where it is of another kind."""
    match one.type:
        case "integer" | "decimal" | "float" if type(value) in (int, float, Decimal):
            near = Decimal(str(value))
            return [_as(one, near + change) for change in (0, _step(one), -_step(one))]
        case "date" if type(value) is date:
            return [_moved(value, days) for days in (0, 1, -1)]
        case "text" | "enum" if type(value) is str:
            return [value]
        case "list" if one.items is not None:
            return [[near] * max(1, one.min_length or 0) for near in _neighbours(one.items, value)]
    return []


def constants(logic: str, line: int | None = None) -> list[Any]:
    """The numbers, texts and dates that a text of Python writes down, in order, in all or in one line of it; none where
    it does not parse."""
    return list(_constants(logic, line))


@lru_cache(maxsize=512)
def _constants(logic: str, line: int | None) -> tuple[Any, ...]:
    """Kept: the lines of one program and of its mutants are asked for again and again."""
    try:
        tree = _parsed(logic)
    except (SyntaxError, ValueError, RecursionError):
        return ()
    found: list[Any] = []
    tops = [top for top in tree.body if line is None or _covers(top, line)]
    for node in (node for top in tops for node in ast.walk(top) if line is None or _covers(node, line)):
        if isinstance(node, ast.Constant) and type(node.value) in (int, float, str):
            found.append(node.value)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _MAKERS:
            found += _made(_MAKERS[node.func.id], node.args)
    return tuple(found)


@lru_cache(maxsize=2)
def _parsed(logic: str) -> ast.Module:
    """The tree, kept: one program's lines are asked for again and again. Nobody changes it."""
    return ast.parse(logic)


def _covers(node: ast.AST, line: int) -> bool:
    return getattr(node, "lineno", 0) <= line <= (getattr(node, "end_lineno", 0) or 0)


_MAKERS: Mapping[str, Callable[..., Any]] = {"Decimal": Decimal, "date": date}


def _made(maker: Callable[..., Any], arguments: Iterable[ast.expr]) -> list[Any]:
    values = [one.value for one in arguments if isinstance(one, ast.Constant)]
    try:
        return [maker(*values)]
    except (TypeError, ValueError, InvalidOperation):
        return []


def _step(one: Field) -> Decimal:
    if one.type == "integer":
        return Decimal(1)
    return Decimal(1).scaleb(-(2 if one.places is None else one.places))


_WIDE = Context(prec=4 * MOST_DIGITS)
"""Fields may have more digits than a context has by default."""


def _as(one: Field, value: Decimal) -> Any:
    """The number as the field's type has it."""
    if one.type == "integer":
        return int(value)
    if one.type == "float":
        return float(value)
    return value if one.places is None else value.quantize(_step(one), context=_WIDE)


def _moved(day: date, days: int) -> date:
    return date.fromordinal(min(max(day.toordinal() + days, 1), date.max.toordinal()))
