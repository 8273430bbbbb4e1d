"""Compiled first; what the code withholds is asked of the model, field by field."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from ingot.evals.solvers.compiled import Compiled, CompiledTask
from ingot.evals.solvers.direct import Direct, DirectTask
from ingot.evals.solvers.solver import Answer
from ingot.evals.suite import Task
from ingot.models.model import Model
from ingot.usage import Usage


class Hybrid:
    """The artifact answers what it is sure of: fields that it gives and that are not null, or whose null is an answer
    (`Task.gaps`). The rest is one bounded call."""

    name = "hybrid"
    side_by_side = False

    def __init__(
        self,
        model: Model,
        *,
        attempts: int = 5,
        candidates: int = 1,
        one_by_one: bool = False,
        keep: Path | None = None,
    ) -> None:
        self._compiled = Compiled(model, attempts=attempts, candidates=candidates, one_by_one=one_by_one, keep=keep)
        self._direct = Direct(model)
        self.model = model.name

    def estimate(self, task: Task) -> Usage:
        """The compile's; how much is asked at run time is what is to be found out."""
        return self._compiled.estimate(task)

    def prepare(self, task: Task) -> HybridTask:
        """Compile. Where no candidate passes, every field goes to the model."""
        return HybridTask(task, self._compiled.prepare(task), self._direct.prepare(task))


class HybridTask:
    """An artifact, and the model for what it withholds."""

    def __init__(self, task: Task, code: CompiledTask, model: DirectTask) -> None:
        self._task, self._code, self._model = task, code, model
        self._outputs = task.plain().outputs  # what only the program has a use for is not asked of the model
        self._deployed = code.generation.deployed
        reason = "" if self._deployed else f"everything goes to the model: {code.generation.reason}"
        self.generation = replace(code.generation, deployed=True, reason=reason)

    def answer(self, given: Mapping[str, Any]) -> Answer:
        """The code's fields, and the model's for those that it lacks."""
        first = self._code.answer(given) if self._deployed else Answer(None)
        if first.error:
            first = replace(first, output=None)
        sure = self._sure(first.output or {})
        missing = tuple(field for field in self._outputs if field.name not in sure)
        if not missing:
            return replace(first, by=dict.fromkeys(sure, "code"))
        asked = self._model.ask(given, missing)
        by = dict.fromkeys(sure, "code") | dict(asked.by)
        seconds, usage = first.seconds + asked.seconds, first.usage + asked.usage
        if asked.error or (
            asked.output is None and not sure
        ):  # a reply that does not fit fails it whole, as in `direct`
            return replace(asked, usage=usage, seconds=seconds, ran=self._deployed or asked.ran)
        certain = {name: one for name, one in first.confidence.items() if name in sure}
        return Answer(
            {**sure, **(asked.output or {})},
            withheld=asked.withheld,
            usage=usage,
            seconds=seconds,
            by=by,
            confidence=certain,
            alone={name: one for name, one in first.alone.items() if name in sure},
        )

    def _sure(self, output: Mapping[str, Any]) -> dict[str, Any]:
        """What nobody needs to be asked."""
        gaps = self._task.gaps
        open_ones = [name for name, value in output.items() if value is None] if gaps is None else gaps(output)
        return {name: value for name, value in output.items() if name not in open_ones}

    def close(self) -> None:
        """Let go of both."""
        self._code.close()
        self._model.close()
