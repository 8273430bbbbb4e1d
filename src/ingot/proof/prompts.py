"""What two versions tell a model otherwise: the task's words and the examples of each step that asks one.

No outcome shows it, because what a model answered is part of the input when versions are compared. So it is said whole.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ingot.runtime.bounded.step import task_of
from ingot.runtime.bounded.tuned import Tuned, tuned_from
from ingot.spec import Spec, Step


@dataclass(frozen=True, slots=True)
class PromptChange:
    """A step whose prompt differs. `old` or `new` is None where that version has no such step, or it asks no model."""

    step: str
    old: Tuned | None
    new: Tuned | None

    @property
    def change(self) -> str:
        """``added``, ``removed`` or ``changed``."""
        return "added" if self.old is None else "removed" if self.new is None else "changed"

    def to_json(self) -> dict[str, Any]:
        """Plain JSON: `old` and `new` each with ``task`` and ``examples``, or null."""
        sides = (("old", self.old), ("new", self.new))
        return {"step": self.step, "change": self.change, **{word: one and one.to_json() for word, one in sides}}


def prompts_of(spec: Spec, evidence: bytes | None) -> dict[str, Tuned]:
    """The prompt of every step that asks a model: as it was tuned (the artifact's ``evidence/prompts.json``, None where it
    has none), else in the spec's own words. Raises ArtifactError where the evidence cannot be read."""
    tuned: Mapping[str, Any] = {} if evidence is None else json.loads(evidence)
    asking = [step for step in spec.logic_requirements if _asks(step)]
    return {step.step: tuned_from(tuned.get(step.step), step.step) or Tuned(task_of(step)) for step in asking}


def _asks(step: Step) -> bool:
    return step.type == "bounded_invocation" or (step.type == "hybrid" and step.otherwise == "model")


def changed_prompts(old: Mapping[str, Tuned], new: Mapping[str, Tuned]) -> tuple[PromptChange, ...]:
    """The steps whose prompts differ, in the order of the versions."""
    names: Iterable[str] = dict.fromkeys((*old, *new))
    return tuple(PromptChange(name, old.get(name), new.get(name)) for name in names if old.get(name) != new.get(name))
