"""What the functions of hybrid steps agree on in a run, and how sure the calibration is of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ingot.agreement import Agreed, agree, alone, confidence, read_spellings
from ingot.artifact.manifest import CALIBRATION

if TYPE_CHECKING:
    from ingot.runtime.run import Workflow


DIGITS = 6
"""Decimals of a confidence in a log."""


class Agreements:
    """Hears every hybrid step of a run of `workflow`. Not safe between threads."""

    def __init__(self, workflow: Workflow) -> None:
        self._steps = {one.step: one for one in workflow.spec.logic_requirements if one.type == "hybrid"}
        self._outputs = {one.name for one in workflow.spec.outputs}
        self._told = json.loads(workflow.verified.files.get(CALIBRATION, b"{}"))
        self._agreed: dict[str, Agreed] = {}

    @property
    def calibration(self) -> dict[str, Any]:
        """By output of the workflow, what the calibration found."""
        found = {name: one for step in self._told.values() for name, one in step.items()}
        return {name: one for name, one in found.items() if name in self._outputs}

    def begin(self) -> None:
        """Another run begins."""
        self._agreed = {}

    def hear(self, step: str, arguments: Mapping[str, Any]) -> None:
        """A step is to be carried out."""
        if step in self._steps:
            for output, names in self._steps[step].candidates.items():
                if output in self._outputs:
                    known = read_spellings(self._told.get(step, {}).get(output, {}))
                    self._agreed[output] = agree([arguments[name] for name in names], known)

    @property
    def confidence(self) -> dict[str, float]:
        """By output, the highest precision at which the calibration trusts what was agreed on; 0 where nothing was."""
        told = self.calibration
        return {name: round(confidence(told.get(name, {}), one.score), DIGITS) for name, one in self._agreed.items()}

    @property
    def alone(self) -> dict[str, float]:
        """By output, how precise such an agreement is by itself; 0 where nothing was agreed on."""
        told = self.calibration
        return {name: round(alone(told.get(name, {}), one.score), DIGITS) for name, one in self._agreed.items()}

    @property
    def values(self) -> dict[str, Any]:
        """By output, what was agreed on, trusted or not; outputs that no function has a value for are left out."""
        return {name: one.value for name, one in self._agreed.items() if one.score}
