"""Inputs that nobody wrote: boundary values and generated ones, from the field types. The same program gives the same.

Values come from given cases, never from held-out ones: every input made here may be shown.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from types import CodeType
from typing import Any

from pydantic import TypeAdapter, ValidationError

from ingot import expressions
from ingot.fields import Field, validator
from ingot.program import Program
from ingot.runtime.sandbox import Trial
from ingot.runtime.tagged import encode
from ingot.spec import Case, Spec, Step
from ingot.stages.constants import bounds_of, constants_of
from ingot.stages.draws import drawn, in_utc
from ingot.stages.values import boundary_values, narrowed, typical

BOUNDARY_TRIALS, MIXED_TRIALS, GENERATED_TRIALS = 140, 50, 100

Axis = tuple[str, str]
"""A place for a value: ``("", input)`` or ``(step, output)``."""


@dataclass(frozen=True, slots=True)
class _Place:
    """An axis with its field, narrowed by what the spec's validation says, and the values to try there."""

    axis: Axis
    field: Field
    values: tuple[Any, ...]


def boundary_trials(program: Program) -> tuple[Trial, ...]:
    """Trials that vary one value at a time over its boundaries, then mixtures of boundary values."""
    spec = program.spec
    places, _ = _known_places(program)
    bases = _bases(spec, places)
    varied = _varied(places, bases)
    chooser = random.Random(20_240_229)  # noqa: S311  (it must be the same every time)
    mixed = ({place.axis: chooser.choice(place.values) for place in places} for _ in range(4 * MIXED_TRIALS))
    found = _taken((*bases, *varied), spec, BOUNDARY_TRIALS)
    return _named("boundary", [*found, *_taken(mixed, spec, MIXED_TRIALS, found)])


def generated_trials(program: Program) -> tuple[Trial, ...]:
    """Trials drawn at random from the field types, the same for the same spec."""
    spec = program.spec
    key = spec.digest() + spec.cases_digest()
    if key not in _GENERATED:
        if len(_GENERATED) > 64:
            _GENERATED.clear()
        _GENERATED[key] = _named("generated", _taken(drawn(axes(spec), GENERATED_TRIALS), spec, GENERATED_TRIALS))
    return _GENERATED[key]


_GENERATED: dict[str, tuple[Trial, ...]] = {}


def nearby_trials(program: Program, changes: int = 1, most: int = 2_000) -> tuple[Trial, ...]:
    """At most `most` trials that differ from a given case in this many values, each a boundary value."""
    places, bases = _known_places(program)
    chooser = random.Random(20_240_229)  # noqa: S311  (it must be the same every time)

    def changed() -> Iterator[dict[Axis, Any]]:
        if changes == 1:
            for number in range(max(len(place.values) for place in places)):
                for place in (place for place in places if number < len(place.values)):
                    yield from ({**base, place.axis: place.values[number]} for base in bases)
        for _ in range(0 if changes == 1 else 2 * most):
            some = chooser.sample(places, min(changes, len(places)))
            yield {**chooser.choice(bases), **{place.axis: chooser.choice(place.values) for place in some}}

    return _named(f"near-{changes}", _taken(changed(), program.spec, most))


def _known_places(program: Program) -> tuple[list[_Place], list[dict[Axis, Any]]]:
    """Every place with its boundary values, and the given cases to vary (one of typical values where there are none)."""
    spec = program.spec
    constants = constants_of(program.logic)
    cases = [_flat(case_trial(case, spec)) for case in spec.given]
    places = [
        _Place(axis, field, boundary_values(field, constants, [flat[axis] for flat in cases if axis in flat]))
        for axis, field in axes(spec).items()
    ]
    bases = [{place.axis: flat.get(place.axis, typical(place.field)) for place in places} for flat in cases]
    return places, bases or _bases(spec, places)


def admission(spec: Spec) -> Callable[[Trial], bool]:
    """Whether a trial may come up at all: its values fit their fields and pass the steps' own validation."""
    adapters = {"": validator(spec.inputs)} | {step.step: validator(step.outputs) for step in effects(spec)}
    checks = _checks(spec)
    return lambda trial: _is_valid(trial, adapters) and _is_accepted(trial, checks)


def case_trial(case: Case, spec: Spec) -> Trial:
    """A case as a trial, nullable step outputs that it leaves out being null."""
    steps = {
        step.step: {**{field.name: None for field in step.outputs if field.nullable}, **case.steps[step.step]}
        for step in effects(spec)
        if step.step in case.steps
    }
    return Trial(case.id, case.input, steps)


def axes(spec: Spec) -> dict[Axis, Field]:
    """Every value that a trial needs: the inputs, and the outputs of the steps that no function computes."""
    found: dict[Axis, Field] = {("", field.name): field for field in spec.inputs}
    for step in effects(spec):
        bounds = bounds_of(step.validation)
        found |= {(step.step, field.name): narrowed(field, bounds.get(field.name, ())) for field in step.outputs}
    return found


def effects(spec: Spec) -> tuple[Step, ...]:
    """The steps that no generated function computes."""
    return tuple(step for step in spec.logic_requirements if not step.is_function)


# ---- assembling trials -------------------------------------------------------------------------------------------


def _bases(spec: Spec, places: list[_Place]) -> list[dict[Axis, Any]]:
    """Ordinary trials to vary: one made of typical values, and the first given cases."""
    bases = [{place.axis: typical(place.field) for place in places}]
    for case in spec.given[:3]:
        flat = _flat(case_trial(case, spec))
        bases.append({place.axis: flat.get(place.axis, typical(place.field)) for place in places})
    return bases


def _flat(trial: Trial) -> dict[Axis, Any]:
    flat: dict[Axis, Any] = {("", name): value for name, value in trial.input.items()}
    return flat | {(step, name): value for step, values in trial.steps.items() for name, value in values.items()}


def _varied(places: list[_Place], bases: list[dict[Axis, Any]]) -> Iterator[dict[Axis, Any]]:
    """One value changed at a time, the first of every axis first, so that a cut takes from all alike."""
    for number in range(max(len(place.values) for place in places)):
        for place in places:
            if number < len(place.values):
                yield {**bases[number % len(bases)], place.axis: place.values[number]}


def _taken(found: Iterable[Mapping[Axis, Any]], spec: Spec, most: int, known: Iterable[Trial] = ()) -> list[Trial]:
    """At most `most` of them as trials: valid, distinct from the `known`, and such that the steps would accept them."""
    seen = {_key(trial) for trial in known}
    taken: list[Trial] = []
    adapters = {"": validator(spec.inputs)} | {step.step: validator(step.outputs) for step in effects(spec)}
    checks = _checks(spec)
    aware = _is_aware([dict(case.input) for case in spec.given])
    for values in found:
        if len(taken) == most:
            break
        parts: dict[str, dict[str, Any]] = {name: {} for name in adapters}
        for (step, name), value in values.items():
            parts[step][name] = in_utc(value) if aware else value
        trial = Trial("", parts.pop(""), parts)
        key = _key(trial)
        if key not in seen and _is_valid(trial, adapters) and _is_accepted(trial, checks):
            seen.add(key)
            taken.append(trial)
    return taken


def _is_aware(value: Any) -> bool:
    """Whether a datetime with a time zone is anywhere in a value: then the workflow's are all taken to have one."""
    if isinstance(value, dict):
        return any(_is_aware(inner) for inner in value.values())
    if isinstance(value, list):
        return any(_is_aware(inner) for inner in value)
    return isinstance(value, datetime) and value.tzinfo is not None


def _key(trial: Trial) -> str:
    return encode([dict(trial.input), {name: dict(values) for name, values in trial.steps.items()}])


def _named(kind: str, trials: list[Trial]) -> tuple[Trial, ...]:
    return tuple(Trial(f"{kind}-{number}", trial.input, trial.steps) for number, trial in enumerate(trials, start=1))


def _is_valid(trial: Trial, adapters: Mapping[str, TypeAdapter[dict[str, Any]]]) -> bool:
    try:
        adapters[""].validate_python(dict(trial.input))
        for name, values in trial.steps.items():
            adapters[name].validate_python(dict(values))
    except ValidationError:
        return False
    return True


_Check = tuple[CodeType, tuple[str, ...]]
_PURE = {"len": len, "min": min, "max": max, "abs": abs, "sum": sum, "all": all, "any": any, "sorted": sorted,
         "Decimal": Decimal, "date": date}  # fmt: skip


def _checks(spec: Spec) -> list[_Check]:
    """The validation expressions of the steps that no function computes, each with the names it reads."""
    known = spec.known_fields()
    checks: list[_Check] = []
    for text in (text for step in effects(spec) for text in step.validation):
        source = expressions.typed(expressions.to_python(text), known)
        names = tuple(name for name in expressions.names(source) if name not in _PURE)
        checks.append((compile(source, "<validation>", "eval"), names))
    return checks


def _is_accepted(trial: Trial, checks: list[_Check]) -> bool:
    """Whether the steps' own validation lets their outputs through: what it stops never reaches a function."""
    known = {name: value for (_, name), value in _flat(trial).items()}
    for code, names in checks:
        if not set(names) <= set(known):
            continue
        try:
            holds = eval(code, {"__builtins__": {}, **_PURE}, known)  # noqa: S307  (spec text, checked by `expressions`)
        except (TypeError, ValueError, ArithmeticError, LookupError):
            holds = False
        if not holds:
            return False
    return True
