"""The section on hybrid steps: what is answered without a model, from which agreement on, and how often that was right."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

from ingot.agreement import known_of, votes_of
from ingot.artifact.parts import table
from ingot.spec import Spec, Step


def calibration_body(spec: Spec, evidence: bytes) -> str:
    """A table for each hybrid step, from the artifact's ``evidence/calibration.json``."""
    found = json.loads(evidence)
    steps = [step for step in spec.logic_requirements if step.step in found]
    return "".join(_step(step, found[step.step]) for step in steps)


def _step(step: Step, fields: Mapping[str, Mapping[str, Any]]) -> str:
    asked = "a model" if step.otherwise == "model" else "a person"
    title = f"{step.step}: below the threshold that field alone goes to {asked}"
    columns = ("Field", "Functions", "Taken from", "Cases", "Answered", "Right of these", "Coverage stated", "Measured")
    said = "".join(
        f"<li><code>{escape(name)}</code>: {escape(one['said'])}{_recalled(one)}.</li>" for name, one in fields.items()
    )
    return table(title, columns, list(_rows(step, fields))) + f'<ul class="notes">{said}</ul>'


def _recalled(one: Mapping[str, Any]) -> str:
    """How many values of labelled cases a run takes in their spelling."""
    known = one.get("spellings")
    if not known:
        return ""
    only = sum(len(written) == 1 for written in known.values())
    return f"; {len(known)} values of labelled cases are recalled, {only} of them known in one spelling only"


def _rows(step: Step, fields: Mapping[str, Mapping[str, Any]]) -> Iterator[tuple[str, ...]]:
    for name, one in fields.items():
        candidates = step.candidates.get(name, ())
        low, high = (f"{float(end):.1%}" for end in one["interval"])
        right = f"{one['right']} ({one['right'] / one['answered']:.1%}; {low} to {high})" if one["answered"] else "none"
        yield (
            name, ", ".join(candidates), _threshold(one["threshold"], len(candidates)), str(one["cases"]),
            f"{one['answered']} ({one['answered'] / one['cases']:.1%})" if one["cases"] else "0", right,
            f"{float(one['coverage']['stated']):.1%}", _measured(one),
        )  # fmt: skip


def _threshold(threshold: int | None, candidates: int) -> str:
    if threshold is None:
        return "never: nothing is answered"
    known = ("", "a value that a labelled case has, ", "a value that several labelled cases have, ")[
        known_of(threshold)
    ]
    return f"{known}{votes_of(threshold)} of {candidates} agreeing (score {threshold})"


def _measured(one: Mapping[str, Any]) -> str:
    found = one["coverage"]
    if found["measured"] is None:
        return "not measured"
    wrong = found["answered"] - found["right"]
    return f"{float(found['measured']):.1%} ({found['answered']} of {one['cases']} answered, {wrong} wrong)"
