"""Spec → Plan: which template, modules and prompt blocks a workflow gets, each with the reason.

The rules are stated here and nowhere else; an explicit choice in the spec's ``plan:`` wins over all of them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from ingot.spec import Spec, Step

_STREAM = re.compile(r"\b(stream|streams|streaming|event|events|queue|real[- ]time|continuous(ly)?)\b", re.IGNORECASE)
_BATCH = re.compile(r"\b(batch|batches|nightly|bulk|end[- ]of[- ]day|backlog|overnight)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Plan:
    """What was chosen for a workflow, and why.

    `template` is one name of the library; `modules` and `blocks` are sorted names. `reasons` has one ``(choice,
    reason)`` pair for each of them and for each thing the spec left to be derived.
    """

    template: str
    modules: tuple[str, ...]
    blocks: tuple[str, ...]
    reasons: tuple[tuple[str, str], ...]

    def to_json(self) -> dict[str, Any]:
        """The plan as plain JSON."""
        return {
            "template": self.template,
            "modules": list(self.modules),
            "blocks": list(self.blocks),
            "reasons": [{"choice": choice, "reason": reason} for choice, reason in self.reasons],
        }


def make_plan(spec: Spec) -> Plan:
    """The plan for a spec. The same spec always gets the same plan."""
    template, why = _template(spec)
    modules = tuple(sorted({step.module.split(".")[0] for step in spec.logic_requirements if step.module}))
    blocks = tuple(dict.fromkeys((*spec.metadata.compliance, *spec.plan.blocks)))
    reasons = [(f"template {template}", why)]
    for step in spec.logic_requirements:
        if step.module:
            reasons.append((f"module {step.module.split('.')[0]}", f"step {step.step!r} calls {step.module}"))
    for block in blocks:
        stated = "metadata.compliance" if block in spec.metadata.compliance else "plan.blocks"
        reasons.append((f"block {block}", f"named in {stated}"))
    for step in spec.logic_requirements:
        reasons.append((f"step {step.step}", _step_reason(step)))
    reasons += [("derived", note) for note in spec.derived]
    return Plan(template, modules, blocks, tuple(reasons))


def _template(spec: Spec) -> tuple[str, str]:
    """First rule that fits: explicit choice; a step that validates or asks; stream words; batch words; handler."""
    if spec.plan.template:
        return spec.plan.template, "the spec's plan names it"
    for step in spec.logic_requirements:
        if step.type == "bounded_invocation" or (step.type == "hybrid" and step.otherwise == "model"):
            return "validator", f"step {step.step!r} is a model call that is validated and escalates on failure"
    words = f"{spec.metadata.title} {spec.metadata.name} {spec.metadata.description}"
    if match := _STREAM.search(words):
        return "stream", f"the metadata says {match[0]!r}"
    if match := _BATCH.search(words):
        return "batch", f"the metadata says {match[0]!r}"
    return "handler", "one transaction in, one answer out; nothing asks for another shape"


def _step_reason(step: Step) -> str:
    if step.is_table:
        return "its table is written as one pure function, without a model"
    return {
        "deterministic_rule": "a model writes one pure function for it, once",
        "function": "a model writes one pure function for it, once",
        "bounded_invocation": "a model call at run time, inside its schema",
        "hybrid": "takes what the functions agree on as they did when they were right, and asks for the rest",
        "module": "a call of reviewed library code",
        "human_review": "stops and asks a person",
    }[step.type]
