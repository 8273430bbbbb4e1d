"""Labelled outcomes in a store: records of the audit log, labelled values sealed as those of runs are.

They are appended, never changed, and go with what retention prunes.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from ingot.errors import StoreError
from ingot.labels import Label, fitting, unknown_labels
from ingot.spec import Spec
from ingot.store.database import store_error, writing
from ingot.store.encoding import encoded
from ingot.store.masks import Mask, joined
from ingot.store.runs import opened
from ingot.store.store import Store


def keep_labels(store: Store, spec: Spec, labels: Sequence[Label]) -> list[Label]:
    """Append those labels that are new and return them. Raises InputError for a contradiction: then none is kept."""
    try:
        with writing(store.engine) as connection:
            new = unknown_labels(spec, labels, fitting(spec, kept_labels(store, spec))[0])
            if not new:
                return []
            prefix = _prefix(spec)
            first = store.audit.reached(prefix)
            lines = [_record(store, spec, one, f"{prefix}-{first + n:08x}") for n, one in enumerate(new)]
            common = encoded({"kind": "label", "workflow": spec.metadata.name})
            store.audit.append(lines, prefix=prefix, first=first, common=common, within=connection)
            return new
    except SQLAlchemyError as error:
        raise store_error(error, "keep the labels") from None


def kept_labels(store: Store, spec: Spec) -> list[Label]:
    """The labels of a workflow, all versions of it, oldest first, in the clear. Some may not fit this one any more."""
    return [_label(store, record) for record in store.audit.records(prefix=_prefix(spec))]


def run_found(store: Store, spec: Spec, run: str) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """The input of a recorded run and what its steps gave. Raises StoreError where it is not one of this workflow."""
    for record in store.audit.records(run):
        if record.get("kind") == "run" and str(record["workflow"]).rpartition(" ")[0] == spec.metadata.name:
            whole = opened(record, store)
            return whole["input"], dict(whole.get("steps", ()))
    raise StoreError(f"the log has no run {run!r} of {spec.metadata.name}", hint="its id is in its outcome, as run_id")


def _prefix(spec: Spec) -> str:
    return f"label-{hashlib.sha256(spec.metadata.name.encode()).hexdigest()[:24]}"


def _record(store: Store, spec: Spec, label: Label, run: str) -> bytes:
    case, hidden = Mask(spec.inputs).split(label.input)
    expected, unseen = Mask(spec.outputs).split(label.expected)
    held = {"input": hidden, "expected": unseen, "steps": label.steps, "why": label.why}
    sealed = {name: value for name, value in held.items() if value}
    told: dict[str, Any] = {
        "run": run, "of": label.run, "by": label.by, "at": label.at, "input": case, "expected": expected,
        "escalates": label.escalates, "input_digest": store.key.input_digest(encoded(label.input)),
    }  # fmt: skip
    if label.instead:
        told["instead"] = True
    if sealed:
        told["sealed"] = store.key.seal(encoded(sealed), run.encode())
    return encoded(told)


def _label(store: Store, record: Mapping[str, Any]) -> Label:
    run = str(record["run"])
    hidden = json.loads(store.key.open(record["sealed"], run.encode())) if "sealed" in record else {}
    return Label(
        joined(record["input"], hidden.get("input", {})),
        joined(record["expected"], hidden.get("expected", {})),
        record["by"], record["at"], record["escalates"], hidden.get("steps", {}), record["of"], hidden.get("why", ""),
        record.get("instead", False), f"label {run}",
    )  # fmt: skip
