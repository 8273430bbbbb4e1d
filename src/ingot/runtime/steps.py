"""The steps that no generated function computes: modules, bounded model calls, people.

One narrow interface: ``perform(step, arguments) -> outputs``. A step that cannot give its outputs raises `NeedsReview`
(a person must decide) or StepError (it is broken). Models are handed in by the caller: nothing here imports one.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType
from typing import Any

from pydantic import ValidationError

from ingot.errors import StepError
from ingot.fields import validator
from ingot.runtime.bounded.asking import AskModel
from ingot.runtime.bounded.hybrid import Calibrations, HybridStep
from ingot.runtime.bounded.step import BoundedStep
from ingot.runtime.bounded.tuned import tuned_from
from ingot.runtime.needs_review import NeedsReview
from ingot.spec import Spec, Step

__all__ = ["AskModel", "AskPerson", "NeedsReview", "Perform", "make_perform"]

Perform = Callable[[str, Mapping[str, Any]], Mapping[str, Any]]
AskPerson = Callable[[str, Mapping[str, Any]], Mapping[str, Any]]
"""``review(step, arguments) -> outputs``: a person's decision."""


def make_perform(
    spec: Spec,
    names: Mapping[str, Any],
    modules: Mapping[str, bytes],
    *,
    ask_model: AskModel | None = None,
    ask_person: AskPerson | None = None,
    environment: Mapping[str, str] | None = None,
    calibrations: Calibrations | None = None,
    prompts: Mapping[str, Any] | None = None,
) -> Perform:
    """The step interface of one loaded workflow.

    `names` is the program's namespace (it holds the validation functions), `modules` maps ``database`` and the like to
    the artifact's verified bytes, `calibrations` are its measured hybrid steps, `prompts`
    its tuned prompts by step. Settings are checked once, here.
    """
    env = MappingProxyType(dict(os.environ)) if environment is None else environment
    known, functions = spec.known_fields(), {one.step: one for one in spec.functions}
    performers: dict[str, Callable[[Mapping[str, Any]], Mapping[str, Any]]] = {}
    for step in spec.logic_requirements:
        if step.type == "module":
            performers[step.step] = _module_step(step, modules, env)
        elif step.type == "bounded_invocation":
            tuned = tuned_from((prompts or {}).get(step.step), step.step)
            performers[step.step] = BoundedStep(step, known, names, functions, ask_model, tuned)
        elif step.type == "hybrid":
            asked = _person_for_part(ask_person)
            own = {name: value for name, value in names.items() if name != f"broken_{step.step}"}
            bounded = partial(BoundedStep, known=known, names=own, functions=functions, ask=ask_model)
            measured = (calibrations or {}).get(step.step, {})
            performers[step.step] = HybridStep(step, measured, bounded, asked, names.get(f"broken_{step.step}"))
        elif step.type == "human_review":
            performers[step.step] = _human_step(step, ask_person)
    return lambda name, arguments: performers[name](arguments)


def _module_step(
    step: Step, modules: Mapping[str, bytes], env: Mapping[str, str]
) -> Callable[[Mapping[str, Any]], Mapping[str, Any]]:
    assert step.module is not None
    module = step.module.split(".")[0]
    namespace: dict[str, Any] = {"__name__": f"ingot_module_{module}"}
    exec(compile(modules[module], f"modules/{module}.py", "exec"), namespace)  # noqa: S102 - verified artifact bytes
    try:
        call = namespace["OPERATIONS"][step.module](dict(step.with_), env)
    except (ValueError, KeyError, ImportError) as error:
        raise StepError(
            f"module {step.module} cannot be set up: {error}", place=step.step, hint=_extra(error)
        ) from error
    check = validator(step.outputs) if step.outputs else None

    def perform(arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        try:
            found = call(arguments)
        except Exception as error:  # whatever a driver raises, the run stops here with its step named
            said = f"{step.module} failed: {type(error).__name__}: {error}"
            raise StepError(said, place=step.step, hint=_extra(error)) from error
        if check is None:
            return dict(found)
        try:
            return check.validate_python(found)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"])
            raise NeedsReview(step.step, f"{step.module} gave no valid {where}: {first['msg']}") from error

    return perform


def _extra(error: Exception) -> str | None:
    """What to install where a package that modules use is not there, or not whole."""
    return "pip install 'ingot[modules]'" if isinstance(error, ImportError) else None


def _person_for_part(ask: AskPerson | None) -> Callable[[Step, Mapping[str, Any]], Mapping[str, Any]]:
    """The person that is asked for the fields of a hybrid step that no function is sure of."""
    return lambda part, arguments: _human_step(part, ask)(arguments)


def _human_step(step: Step, ask: AskPerson | None) -> Callable[[Mapping[str, Any]], Mapping[str, Any]]:
    check = validator(step.outputs) if step.outputs else None
    reason = step.intent.strip() or f"step {step.step} asks a person"

    def perform(arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        if ask is None:
            raise NeedsReview(step.step, reason)
        answer = ask(step.step, arguments)
        if check is None:
            return answer
        try:
            return check.validate_python(answer)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"]) or "answer"
            raise StepError(f"the person's {where} does not fit: {first['msg']}", place=step.step) from error

    return perform
