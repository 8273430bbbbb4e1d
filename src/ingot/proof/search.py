"""The search for counter-examples among inputs that have been run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from itertools import pairwise
from types import CodeType
from typing import Any

from pydantic import ValidationError

from ingot import expressions
from ingot.fields import Field, validator
from ingot.program import Observation
from ingot.runtime.sandbox import Trial
from ingot.runtime.tagged import encode
from ingot.spec import Invariant, Spec

PURE = {"len": len, "min": min, "max": max, "abs": abs, "sum": sum, "all": all, "any": any, "sorted": sorted,
        "Decimal": Decimal, "date": date, "datetime": datetime}  # fmt: skip

Seen = Mapping[str, Observation]


@dataclass(frozen=True, slots=True)
class Found:
    """What a search came to: how many inputs it `tried`, and the counter-example with `why` it is one.

    `witnessed` says that what was tried proves the property: each value of an output was seen.
    """

    tried: int
    example: tuple[Trial, ...] = ()
    why: str = ""
    witnessed: bool = False


def search(spec: Spec, invariant: Invariant, trials: Mapping[str, Trial], seen: Seen) -> Found:
    """Look for a counter-example among what was observed."""
    ended = {name: seen[name] for name in trials if name in seen and not _lost(seen[name])}
    match invariant.builtin:
        case None:
            return _expression(spec, invariant, trials, ended)
        case "totality" | "no_automatic_denial" | "output_range":
            return _each(spec, invariant, trials, ended)
        case "monotone":
            return _monotone(invariant, trials, ended)
        case "reachable":
            return _reached(spec, invariant, ended)
        case "determinacy":
            return Found(len(ended))
        case _:
            return Found(0, why="a search cannot tell a null from a false that means the same")


def _lost(seen: Observation) -> bool:
    return seen.error is not None and seen.error.startswith(("Lost", "NotRun"))


def breach(spec: Spec, invariant: Invariant, trial: Trial, seen: Observation) -> str | None:
    """How a run breaks an expression, totality, no_automatic_denial or output_range; None where it does not."""
    match invariant.builtin:
        case None:
            code, fields = compiled(spec, invariant)
            return None if code is None else _broken(code, fields, trial, seen)
        case "totality":
            return None if seen.error is None else f"it raises {seen.error}"
        case "no_automatic_denial":
            return _denied(spec, seen)
        case "output_range":
            return _outside(spec, seen)
        case _:
            return None


def compiled(spec: Spec, invariant: Invariant) -> tuple[CodeType | None, tuple[str, ...]]:
    """An invariant's code with the fields it reads; None where it reads what a run does not show."""
    from ingot.proof.translate import expression

    source = expression(invariant.holds, spec.known_fields())
    names = expressions.names(source)
    shown = {field.name for field in (*spec.inputs, *spec.outputs)}
    if not set(names) <= shown:
        return None, names
    return compile(source, "<invariant>", "eval"), names


def _expression(spec: Spec, invariant: Invariant, trials: Mapping[str, Trial], seen: Seen) -> Found:
    code, names = compiled(spec, invariant)
    if code is None:
        return Found(0, why="a run does not show every field that it names")
    tried = 0
    for name, observation in seen.items():
        why = _broken(code, names, trials[name], observation)
        if why:
            return Found(tried + 1, (trials[name],), why)
        tried += observation.error is None and observation.output is not None
    return Found(tried)


def _broken(code: CodeType, names: tuple[str, ...], trial: Trial, seen: Observation) -> str | None:
    if seen.error is not None or seen.output is None:
        return None
    known = {**trial.input, **seen.output}
    try:
        holds = eval(code, {"__builtins__": {}, **PURE}, dict(known))  # noqa: S307  (spec text, checked by `expressions`)
    except (TypeError, ValueError, ArithmeticError, LookupError) as error:
        return f"it cannot be evaluated: {type(error).__name__}"
    if holds:
        return None
    return ", ".join(f"{name} is {_shown(seen.output[name])}" for name in names if name in seen.output) or "it is false"


def _shown(value: Any) -> str:
    return str(value) if isinstance(value, Decimal | date) else repr(value)


def _each(spec: Spec, invariant: Invariant, trials: Mapping[str, Trial], seen: Seen) -> Found:
    for number, (name, observation) in enumerate(seen.items(), start=1):
        why = breach(spec, invariant, trials[name], observation)
        if why:
            return Found(number, (trials[name],), why)
    return Found(len(seen))


def _denied(spec: Spec, seen: Observation) -> str | None:
    if seen.error is not None or seen.output is None or seen.review is not None:
        return None
    for one in spec.outputs:
        value = seen.output.get(one.name)
        if value is not None and adverse(one, value):
            return f"{one.name} is {_shown(value)} and no person decides"
    return None


def adverse(one: Field, value: Any) -> bool:
    """Whether an output's value goes against the person concerned."""
    return (str(value).lower() if isinstance(value, bool) else value) in one.adverse


def _outside(spec: Spec, seen: Observation) -> str | None:
    if seen.error is not None or seen.output is None:
        return None
    try:
        validator(spec.outputs).validate_python(dict(seen.output))
    except ValidationError as error:
        first = error.errors()[0]
        return f"{'.'.join(str(part) for part in first['loc'])} is {first['input']!r}"
    return None


def _monotone(invariant: Invariant, trials: Mapping[str, Trial], seen: Seen) -> Found:
    """Pairs of runs that differ in one input only."""
    by, of = invariant.in_ or "", invariant.of or ""
    groups: dict[str, list[tuple[Any, Any, Trial]]] = {}
    for name, observation in seen.items():
        trial = trials[name]
        x, y = trial.input.get(by), (observation.output or {}).get(of)
        if x is not None and y is not None:
            others = {key: value for key, value in trial.input.items() if key != by}
            steps = {key: dict(value) for key, value in trial.steps.items()}
            groups.setdefault(encode([others, steps]), []).append((x, y, trial))
    tried = 0
    for first, second in (pair for group in groups.values() for pair in _neighbours(group)):
        tried += 1
        if why := not_monotone(invariant, first[:2], second[:2]):
            return Found(tried, (first[2], second[2]), why)
    return Found(tried)


def _neighbours(group: list[tuple[Any, Any, Trial]]) -> Iterator[tuple[Any, Any]]:
    """Of an ordered group, each with the next: where no neighbours break an order, no two do."""
    group = sorted(group, key=lambda one: one[0])
    yield from pairwise(group)


def not_monotone(invariant: Invariant, lower: tuple[Any, Any], higher: tuple[Any, Any]) -> str | None:
    """How two runs break the direction, given input and output of each, the lower input first."""
    falls = higher[1] < lower[1] if invariant.direction == "up" else higher[1] > lower[1]
    if not falls or lower[0] == higher[0]:
        return None
    change = f"from {_shown(lower[1])} to {_shown(higher[1])}"
    return f"{invariant.of} goes {change} where {invariant.in_} goes from {_shown(lower[0])} to {_shown(higher[0])}"


def wanted_values(spec: Spec, invariant: Invariant) -> list[tuple[Field, Any]]:
    """Each value that must be reachable, with its output."""
    found: list[tuple[Field, Any]] = []
    for one in spec.outputs:
        if invariant.of in (None, one.name) and one.type in ("enum", "boolean"):
            found += [(one, value) for value in (one.values if one.type == "enum" else (True, False))]
    return found


def _reached(spec: Spec, invariant: Invariant, seen: Seen) -> Found:
    reached = {
        (name, value)
        for one in seen.values()
        for name, value in (one.output or {}).items()
        if isinstance(value, str | bool)
    }
    missing = [(one.name, value) for one, value in wanted_values(spec, invariant) if (one.name, value) not in reached]
    why = ", ".join(f"{name} = {value}" for name, value in missing)
    return Found(len(seen), why=f"not seen: {why}" if why else "", witnessed=not missing)
