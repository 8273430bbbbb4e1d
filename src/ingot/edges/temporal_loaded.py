"""The artifacts that this process has verified and loaded, by digest: what workflows and activities find them in.

Temporal's sandbox would load code anew for every run; what is here was verified once and is what every run executes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from ingot.edges.chunks import converter
from ingot.fields import to_plain
from ingot.runtime.bounded.ledger import Call, Ledger, spending
from ingot.runtime.run import Workflow
from ingot.spec import Spec
from ingot.store.answers import StoreAnswers
from ingot.store.elsewhere import DrivenElsewhere
from ingot.store.redactions import StepRedactions
from ingot.store.runs import RecordedWorkflow
from ingot.store.store import Store

LOADED: dict[str, Loaded] = {}


class Loaded:
    """One artifact as a worker has it. `lost_after` is how long a silent worker's step counts as under way."""

    def __init__(self, workflow: Workflow, store: Store, lost_after: timedelta) -> None:
        self.workflow, self.store, self.lost_after = workflow, store, lost_after
        self.recorded = DrivenElsewhere(workflow, store)
        self.in_chunks = RecordedWorkflow(workflow, store)
        self._answers = StoreAnswers(store)
        self.pure = workflow.perform is None
        self.validates = workflow.template_name == "validator"
        self.next_step = self.recorded.next_step
        spec = workflow.spec
        self.people = {
            one.step: one.intent.strip() or f"step {one.step} asks a person"
            for one in spec.logic_requirements
            if one.type == "human_review"
        }
        self.retries = {one.step: one.retries if one.type == "module" else 0 for one in spec.logic_requirements}
        known = {name: one.model_copy(update={"nullable": True}) for name, one in spec.known_fields().items()}
        self._typed = {
            one.step: converter([known[name] for name in one.inputs if name in known])
            for one in spec.logic_requirements
        }

    def perform(
        self, step: str, arguments: Mapping[str, Any], calls: list[Call], run: str, number: int
    ) -> dict[str, Any]:
        """Carry out a step on arguments as plain JSON; `calls` are the run's model calls, to which it adds its own, and
        `number` its steps before this one. Raises NeedsReview, StepError."""
        assert self.workflow.perform is not None
        with spending(Ledger(calls, self._answers, StepRedactions(self.store, run, number, step))):
            outputs: dict[str, Any] = to_plain(self.workflow.perform(step, self._typed[step](arguments)))
        return outputs


def deployment(spec: Spec) -> str:
    """What workers and submitters of a workflow call it: a Temporal deployment has no dot in its name."""
    return "ingot-" + re.sub(r"[^a-z0-9]+", "-", spec.metadata.name.lower()).strip("-")
