"""Prompts of bounded steps from one version to the next: taken over as they were tuned, or tuned anew.

Tuned anew, the last version's prompt is tried with what is proposed: it is kept unless something is right more often.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from ingot.artifact.manifest import PROMPTS
from ingot.artifact.verify import Verified
from ingot.errors import SpecError
from ingot.models.model import Model
from ingot.runtime.bounded.tuned import Tuned, tuned_from
from ingot.spec import Spec
from ingot.usage import Usage


def refuse_untunable(spec: Spec, model: Model | None) -> None:
    """What can be known before a model is paid. Raises SpecError, and ModelError where DSPy is not installed."""
    from ingot.compile.tuning import bounded_steps
    from ingot.compile.tuning_dspy import require_dspy

    bounded_steps(spec)
    require_dspy()
    if model is None:
        raise SpecError("tuning bounded steps asks a model", hint="give one")


def tuned_anew(spec: Spec, model: Model, last: Mapping[str, Any] | None = None) -> tuple[dict[str, Any], Usage]:
    """By bounded step, what tuning came to, and what it used. `last` is what it came to for the version before: its prompts
    are tried too. Raises ModelError, StageError."""
    from ingot.compile.tuning import Tuning, tuned_prompts
    from ingot.compile.tuning_dspy import propose

    def proposed(tuning: Tuning) -> Sequence[Tuned]:
        name = tuning.step.step
        before = tuned_from((last or {}).get(name), name)
        return [*([] if before is None else [before]), *propose(tuning)]

    return tuned_prompts(spec, model, proposed)


def taken_over(verified: Verified) -> dict[str, Any] | None:
    """What tuning came to for a version, for the one after it: ``from`` says for which it was. None where there was none."""
    if PROMPTS not in verified.files:
        return None
    manifest = verified.manifest
    origin = {"name": manifest.name, "version": manifest.version, "digest": verified.digest}
    return {step: {"from": origin, **one} for step, one in json.loads(verified.files[PROMPTS]).items()}
