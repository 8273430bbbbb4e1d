"""Labelled outcomes: what should have come of an input, who says so and when.

A label is a case that somebody wrote after the fact. It is checked against the spec like one, and refused where it says
something else than a case of the spec or an earlier label: then one of the two is wrong, and no rule could satisfy both.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from ingot.canonical import digest, equal_bytes
from ingot.errors import InputError, SpecError
from ingot.fields import to_plain
from ingot.spec import Case, Spec, typed_cases

KEYS = ("input", "run", "expected", "escalates", "steps", "by", "at", "why", "instead")

Found = Callable[[str], tuple[Mapping[str, Any], Mapping[str, Any]]]
"""The input and the outputs of the steps of a recorded run, by its id."""


@dataclass(frozen=True, slots=True)
class Label:
    """What must come of an input, as plain JSON. `expected` may name some outputs only, `escalates` says whether a person
    must decide, `steps` gives what the steps gave that no function computes. `at` is ISO 8601; `run` the recorded run
    that it is about; `instead` says that it takes the place of all that was said of this input before; `place` where it was
    read."""

    input: Mapping[str, Any]
    expected: Mapping[str, Any]
    by: str
    at: str
    escalates: bool | None = None
    steps: Mapping[str, Any] = field(default_factory=dict)
    run: str | None = None
    why: str = ""
    instead: bool = False
    place: str = "label"

    def to_json(self) -> dict[str, Any]:
        """The label as a line of a file."""
        told = {name: to_plain(getattr(self, name)) for name in KEYS}
        told["instead"] = self.instead or None
        return {name: value for name, value in told.items() if value not in (None, "", {}) or name in ("input", "by")}


def read_labels(text: str, name: str, found: Found | None = None, *, by: str = "", at: str = "") -> list[Label]:
    """The labels in JSON Lines. `by` and `at` stand in where a line does not say; `found` looks runs up.

    Raises InputError with the line.
    """
    labels: list[Label] = []
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        place = f"{name}:{number}"
        try:
            row = json.loads(line, parse_float=Decimal)
        except (ValueError, ArithmeticError, RecursionError):
            raise InputError("not JSON", place=place, hint="one object a line") from None
        if not isinstance(row, dict):
            raise InputError("a label is an object", place=place, hint=f"with keys of: {', '.join(KEYS)}")
        labels.append(label_of({"by": by, "at": at, **row}, place, found))
    return labels


def label_of(row: Mapping[str, Any], place: str, found: Found | None = None) -> Label:
    """A label from its keys. Raises InputError."""
    unknown = sorted(set(row) - set(KEYS))
    if unknown:
        raise InputError(f"unknown key {unknown[0][:40]!r}", place=place, hint=f"known: {', '.join(KEYS)}")
    run, case, steps = row.get("run"), row.get("input"), row.get("steps") or {}
    if case is None and run is not None:
        if found is None:
            raise InputError("a run is looked up in a store", place=place, hint="give --store, or the input itself")
        case, steps = found(str(run))
    if not isinstance(case, Mapping) or not isinstance(row.get("expected") or {}, Mapping):
        raise InputError(
            "a label has an input and what is expected, as objects", place=place, hint="see docs/evolution"
        )
    by, at = str(row.get("by") or "").strip(), str(row.get("at") or "")
    if not by or not by.isprintable():
        raise InputError("it does not say who labelled it", place=place, hint="give 'by', or --by NAME")
    try:
        datetime.fromisoformat(at)
    except ValueError:
        raise InputError("it does not say when", place=place, hint="give 'at' as 2026-01-31T12:00:00Z") from None
    escalates = row.get("escalates")
    if escalates not in (None, True, False):
        raise InputError("'escalates' is true or false", place=place)
    why, instead = str(row.get("why") or ""), row.get("instead") or False
    if not isinstance(instead, bool):
        raise InputError("'instead' is true or false", place=place)
    return Label(
        case,
        row.get("expected") or {},
        by,
        at,
        escalates,
        steps,
        None if run is None else str(run),
        why,
        instead,
        place,
    )


def labelled_cases(spec: Spec, labels: Iterable[Label]) -> tuple[Case, ...]:
    """Labels as cases with values of the fields' types, each once. Raises InputError for what does not fit the spec."""
    found: dict[str, Case] = {}
    for label in labels:
        row: dict[str, Any] = {"id": "label", "input": label.input, "expected": label.expected, "steps": label.steps}
        row["escalates"], row["note"] = label.escalates, f"labelled by {label.by} at {label.at}"
        try:
            (case,) = typed_cases(spec, [(row, lambda _, at=label.place: at)])  # type: ignore[misc]
        except SpecError as error:
            raise InputError(
                error.message.replace("case 'label'", "the label"), place=error.place, hint=error.hint
            ) from None
        found.setdefault(case_key(case), with_own_id(case))
    return tuple(found.values())


def with_own_id(case: Case) -> Case:
    """The case under an id made of its input: the same in every set of labels."""
    return case.model_copy(update={"id": f"label-{case_key(case)[:12]}"})


def case_key(case: Case) -> str:
    """A digest of a case's input and steps."""
    return digest(equal_bytes([case.input, case.steps]))


def unknown_labels(spec: Spec, labels: Sequence[Label], known: Sequence[Label]) -> list[Label]:
    """Those of `labels` that say something new. Raises InputError where one contradicts a case of the spec, a label that
    is known, or another; values are not shown."""
    seen = {case_key(case): (case, f"case {case.id!r} of the spec") for case in spec.cases}
    for label in known:
        _take(spec, label, seen, f"what {label.by} said at {label.at}")
    return [label for label in labels if _take(spec, label, seen, f"what {label.by} says at {label.place}")]


def fitting(spec: Spec, kept: Sequence[Label]) -> tuple[list[Label], list[Label]]:
    """Kept labels that still stand under this version of the spec, and those set aside: they do not fit its fields any more,
    or contradict its cases, which its author wrote after them."""
    seen = {case_key(case): (case, "") for case in spec.cases}
    stand: dict[str, list[Label]] = {}
    aside: list[Label] = []
    for label in kept:
        try:
            (case,) = labelled_cases(spec, [label])
            _take(spec, label, seen, "")
        except InputError:
            aside.append(label)
            continue
        before = [] if label.instead else stand.pop(case_key(case), [])
        stand[case_key(case)] = [*before, label]
    return [label for labels in stand.values() for label in labels], aside


def _take(spec: Spec, label: Label, seen: dict[str, tuple[Case, str]], said: str) -> bool:
    """Add what a label says to what is known. Whether any of it is new."""
    (case,) = labelled_cases(spec, [label])
    key = case_key(case)
    if label.instead:
        return _replace(spec, case, label, seen, said)
    if key not in seen:
        seen[key] = (case, said)
        return True
    before, whose = seen[key]
    odds = contradiction(case, before)
    if odds is not None:
        raise InputError(
            f"it contradicts {whose} on the same input: {odds}", place=label.place,
            hint="one of the two is wrong: leave this one out, or say with --instead that it takes the place of the other",
        )  # fmt: skip
    escalates = before.escalates if case.escalates is None else case.escalates
    merged = before.model_copy(update={"expected": {**before.expected, **case.expected}, "escalates": escalates})
    seen[key] = (merged, whose)
    return merged != before


def _replace(spec: Spec, case: Case, label: Label, seen: dict[str, tuple[Case, str]], said: str) -> bool:
    """Put what a label says in the place of earlier ones; a case of the spec stands. Whether that changes anything."""
    own = next((one for one in spec.cases if case_key(one) == case_key(case)), None)
    odds = None if own is None else contradiction(case, own)
    if own is not None and odds is not None:
        raise InputError(
            f"it contradicts case {own.id!r} of the spec on the same input: {odds}", place=label.place,
            hint="a case of the spec is changed in the spec",
        )  # fmt: skip
    before = seen.get(case_key(case))
    seen[case_key(case)] = (case, said)
    return before is None or (before[0].expected, before[0].escalates) != (case.expected, case.escalates)


def contradiction(one: Case, other: Case) -> str | None:
    """The first thing that two cases of the same input say differently, None where there is nothing."""
    for name in one.expected:
        if name in other.expected and one.expected[name] != other.expected[name]:
            return f"output {name!r}"
    for name in one.null_in_one(other):
        return f"output {name!r}, null in one and not null in the other"
    if one.escalates is not None and other.escalates is not None and one.escalates is not other.escalates:
        return "whether a person decides"
    return None
