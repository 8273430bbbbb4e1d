"""Drafts of cases as YAML: the input stands there, the outputs are empty, and comments say why it is asked."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

from ingot.fields import Field
from ingot.spec import Spec

_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_./-]*( [A-Za-z0-9_./-]+)*")
_WORDS = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})
LONGEST_LINE, LONGEST_ID = 110, 48


@dataclass(frozen=True, slots=True)
class Draft:
    """A case that a person is asked to answer. `why` and `says` are comments: why it is asked, and what the candidate
    answers. `expected` is there where a person has answered already (a label of recorded traffic). A draft that is
    `held_out` says so with the reason: it holds text of a run, which no model may be shown."""

    id: str
    input: Mapping[str, Any]
    steps: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    why: tuple[str, ...] = ()
    says: tuple[str, ...] = ()
    expected: Mapping[str, Any] = field(default_factory=dict)
    escalates: bool | None = None
    held_out: bool = False


def draft_text(drafts: Sequence[Draft], spec: Spec, head: Iterable[str]) -> str:
    """The drafts as a YAML list in the form of a spec's cases; `head` are comment lines at the top."""
    lines = [f"# {line}".rstrip() for text in head for line in text.splitlines()]
    asks = can_escalate(spec)
    for draft in drafts:
        lines += ["", f"- id: {scalar(draft.id)}"]
        lines += [f"  # {_comment(why)}" for why in draft.why]
        lines += ["  held_out: true  # it holds text of a run, which no model is shown"] if draft.held_out else []
        lines += _mapping("input", draft.input, 2)
        if draft.steps:
            lines.append("  steps:")
            for step, values in draft.steps.items():
                lines += _mapping(step, values, 4)
        lines += _asked(draft, spec.outputs, asks)
        lines += [f"  # {_comment(said)}" for said in draft.says]
    return "\n".join(lines) + "\n"


def _asked(draft: Draft, outputs: Sequence[Field], asks: bool) -> list[str]:
    lines = ["  expected:"]
    lines += [
        f"    {output.name}: {flow(draft.expected[output.name])}"
        if output.name in draft.expected
        else f"    {output.name}:"
        for output in outputs
    ]
    if draft.escalates is not None:
        lines.append(f"  escalates: {flow(draft.escalates)}")
    elif asks and not draft.expected:
        lines.append("  escalates:  # true where a person must decide, else false")
    return lines


def can_escalate(spec: Spec) -> bool:
    """Whether a run of the workflow may end with a person."""
    nullable = {name for name, known in spec.known_fields().items() if known.nullable}
    return any(
        not step.is_function or (step.on_null == "escalate" and nullable & set(step.inputs))
        for step in spec.logic_requirements
    ) or any(output.adverse for output in spec.outputs)


def _mapping(name: str, values: Mapping[str, Any], indent: int) -> list[str]:
    """On one line where it fits, else a line for each value."""
    space = " " * indent
    line = f"{space}{name}: {flow(values)}"
    if len(line) <= LONGEST_LINE or not values:
        return [line]
    return [f"{space}{name}:", *(f"{space}  {scalar(key)}: {flow(value)}" for key, value in values.items())]


def _comment(text: str) -> str:
    """One line that no value can break out of."""
    return "".join(char if char.isprintable() else " " for char in " ".join(text.split()))


# ---- values ----------------------------------------------------------------------------------------------------------


def flow(value: Any) -> str:
    """A value in YAML's flow form, which the spec's reader reads back as the same value."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{scalar(str(key))}: {flow(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(flow(inner) for inner in value) + "]"
    return scalar(value)


def scalar(value: Any) -> str:
    """A single value: numbers and words as they are, every other text in quotes."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, date):
        return f'"{value.isoformat()}"'
    text = str(value)
    if len(text) < 60 and _PLAIN.fullmatch(text) and text.lower() not in _WORDS:
        return text
    return '"' + "".join(_escaped(char) for char in text) + '"'


def _escaped(char: str) -> str:
    if char in '"\\':
        return "\\" + char
    if char in "\n\t":
        return {"\n": "\\n", "\t": "\\t"}[char]
    if char.isprintable():
        return char
    return f"\\u{ord(char):04x}" if ord(char) < 0x10000 else f"\\U{ord(char):08x}"


def case_ids(wanted: Iterable[Mapping[str, Any]], taken: Collection[str], otherwise: str) -> list[str]:
    """A readable id for each: the values by which it differs, else a numbered `otherwise`; none of them `taken`."""
    used = set(taken)
    found: list[str] = []
    for number, values in enumerate(wanted, start=1):
        words = "-".join(f"{name}-{_word(value)}" for name, value in values.items())
        slug = re.sub(r"[^a-z0-9.]+", "-", words.lower()).strip("-.")
        own = slug if slug and len(slug) <= LONGEST_ID and len(values) < 3 else f"{otherwise}-{number}"
        count, name = 1, own
        while name in used:
            count += 1
            name = f"{own}-{count}"
        used.add(name)
        found.append(name)
    return found


def _word(value: Any) -> str:
    return (
        {None: "null", True: "true", False: "false"}[value] if value is None or isinstance(value, bool) else str(value)
    )
