"""Text of runs in cases: free text that came from outside, which no prompt may hold.

A text of a run was written by whoever sent it, and may be an attack on a model that reads it. So a case that holds one
is held out: it is run and counted, and no byte of it reaches a prompt. Numbers, dates, booleans and enums carry no text;
neither does a text that stands, whole, in what the author of the spec wrote.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ingot.fields import Field, walk
from ingot.spec import Case, Spec


def run_texts(spec: Spec, case: Case) -> tuple[str, ...]:
    """The texts of a case that no author wrote, with those in its steps and expected outputs, each once."""
    known = spec.known_fields()
    found = [text for name, value in case.input.items() for text in _texts(value, known.get(name))]
    found += [text for name, value in case.expected.items() for text in _texts(value, known.get(name))]
    for step, values in case.steps.items():
        fields = _set_by(spec, step)
        found += [text for name, value in values.items() for text in _texts(value, fields.get(name))]
    said = authored(spec)
    return tuple(dict.fromkeys(text for text in found if not _stands_in(text, said)))


def holds_text(spec: Spec, field: Field, value: Any) -> bool:
    """Whether one input's value holds a text that no author wrote."""
    said = authored(spec)
    return any(not _stands_in(text, said) for text in _texts(value, field))


def authored(spec: Spec) -> str:
    """What the spec's author wrote and a model may be shown, each piece on a line of its own; no held-out case."""
    pieces = [spec.metadata.title, spec.metadata.name, *(clause.text for clause in spec.clauses)]
    for step in spec.logic_requirements:
        pieces += [step.intent, step.text, *(cell for row in (step.table.rows if step.table else ()) for cell in row)]
    outputs = (field for step in spec.logic_requirements for field in step.outputs)
    for _, field in walk((*spec.inputs, *spec.outputs, *outputs)):
        pieces += [field.description, *field.values]
    for case in spec.given:
        pieces += [leaf for part in (case.input, case.expected, case.steps) for leaf in _leaves(part)]
    return "\n".join(pieces)


def _stands_in(text: str, said: str) -> bool:
    return not text or re.search(rf"(?<!\w){re.escape(text)}(?!\w)", said) is not None


def _set_by(spec: Spec, name: str) -> Mapping[str, Field]:
    return {field.name: field for step in spec.logic_requirements if step.step == name for field in step.outputs}


def _texts(value: Any, field: Field | None) -> Iterator[str]:
    """The free texts in a value of a field; of a field that nobody knows everything is one."""
    if field is None or (field.type == "object" and not field.fields):
        yield from _leaves(value)
    elif field.type == "text" and isinstance(value, str):
        yield value
    elif field.type == "list" and isinstance(value, Iterable):
        for item in value:
            yield from _texts(item, field.items)
    elif field.type == "object" and isinstance(value, Mapping):
        inner = {one.name: one for one in field.fields}
        for name, one in value.items():
            yield from _texts(one, inner.get(name))


def _leaves(value: Any) -> Iterator[str]:
    """Every text and key in a value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield str(key)
            yield from _leaves(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _leaves(inner)
