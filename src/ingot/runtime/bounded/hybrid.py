"""The hybrid step: a field that functions agree on as they did when they were right is taken; the others are asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ingot.agreement import agree, read_spellings, read_threshold
from ingot.fields import validator
from ingot.runtime.bounded.reading import Unfit, checked, failed_expressions
from ingot.runtime.needs_review import NeedsReview
from ingot.spec import Step

Calibrations = Mapping[str, Mapping[str, Any]]
"""By hybrid step and output, what `Calibration.to_json` told: ``evidence/calibration.json``."""

Outputs = Mapping[str, Any]


def standing(step: Step, calibration: Mapping[str, Any], arguments: Outputs) -> dict[str, Any]:
    """The outputs of a hybrid step that its candidates are trusted with."""
    found: dict[str, Any] = {}
    for output, names in step.candidates.items():
        told = calibration.get(output, {})
        threshold = read_threshold(told)
        agreed = agree([arguments[name] for name in names], read_spellings(told))
        if threshold is not None and agreed.score >= threshold:
            found[output] = agreed.value
    return found


class HybridStep:
    """One hybrid step of a loaded workflow. Call it with the arguments. Safe to use from several threads."""

    def __init__(
        self,
        step: Step,
        calibration: Mapping[str, Any],
        bounded: Callable[[Step], Callable[[Outputs], Outputs]],
        person: Callable[[Step, Outputs], Outputs],
        broken: Callable[..., list[str]] | None = None,
    ) -> None:
        """`bounded` makes the model's performer of a part of the step, `person` asks for one. Without a calibration
        nothing is trusted."""
        self._step, self._calibration = step, calibration
        self._bounded, self._person, self._broken = bounded, person, broken
        self._check = validator(step.outputs)

    def __call__(self, arguments: Outputs) -> Outputs:
        """The outputs: trusted ones as they are, the others from the model or a person. Raises NeedsReview."""
        stands = standing(self._step, self._calibration, arguments)
        missing = tuple(field for field in self._step.outputs if field.name not in stands)
        asked = self._asked(missing, arguments) if missing else {}
        try:
            values = checked(self._check, self._step.outputs, {**stands, **asked})
        except Unfit as unfit:
            raise NeedsReview(self._step.step, f"what the functions agree on does not fit: {unfit}") from None
        if failed := failed_expressions(self._broken, {**arguments, **values}):
            raise NeedsReview(self._step.step, f"does not hold: {'; '.join(failed)}")
        return values

    def _asked(self, missing: tuple[Any, ...], arguments: Outputs) -> Outputs:
        """The fields that no function is trusted with, and those alone. The candidates' guesses are not shown to a model."""
        step = self._step
        names = ", ".join(field.name for field in missing)
        if step.otherwise == "human":
            said = f"the functions are not sure of {names}"
            return self._person(step.model_copy(update={"outputs": missing, "intent": said}), arguments)
        guesses = {name for candidates in step.candidates.values() for name in candidates}
        inputs = tuple(name for name in step.inputs if name not in guesses)
        part = step.model_copy(update={"outputs": missing, "inputs": inputs, "validation": ()})
        return self._bounded(part)({name: arguments[name] for name in inputs})
