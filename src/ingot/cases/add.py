"""Answered cases taken into a spec: all of them or none, checked against the spec and its cases.

Text in, text out: `added` gives the new texts of the files that change, and the caller puts them in place.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ruamel.yaml.nodes import MappingNode, ScalarNode, SequenceNode

from ingot.canonical import canonical_json, digest, equal_bytes
from ingot.cases.draft import flow, scalar
from ingot.cases.insert import child, composed, extended
from ingot.errors import SpecError
from ingot.fields import Field, to_plain
from ingot.spec import Case, Spec, parse_spec, typed_cases
from ingot.yaml_text import as_source, closest, read_yaml

Read = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class Added:
    """The spec as it will be, its `cases` that are new, and the new texts: `spec_text`, and those of case files by the
    name that the spec gives them."""

    spec: Spec
    cases: tuple[Case, ...]
    spec_text: str
    files: Mapping[str, str]


def added(
    spec_text: str,
    name: str,
    read: Read,
    filled: str,
    filled_name: str,
    *,
    held_out: Collection[str] = (),
    share: float = 0.0,
) -> Added:
    """The texts of a spec and of its case files with the cases of `filled` in them.

    `name` and `filled_name` stand in error places, `read` reads a file that the spec names. `held_out` are ids of cases
    to hold out, `share` is the part of all new cases that is held out instead (the same ones each time). Raises
    SpecError for the first thing that is wrong: an output left empty, a value that does not fit, an unknown field, an
    id or input that is there already, a contradiction.
    """
    spec = parse_spec(spec_text, name, read=read)
    new = _marked(_answered(spec, filled, filled_name), held_out, share, filled_name)
    _refuse_known(spec, new)
    tree, _ = read_yaml(spec_text, name)
    text, files = spec_text, dict[str, str]()
    for is_held_out in (False, True):
        some = [case for case in new if case.held_out is is_held_out]
        if some:
            text, files = _placed(tree.get("cases"), some, is_held_out, text, files, name, read)
    after = parse_spec(text, name, read=lambda file: files[file] if file in files else read(file))
    ids = {case.id for case in new}
    return Added(after, tuple(case for case in after.cases if case.id in ids), text, files)


# ---- the answered cases ----------------------------------------------------------------------------------------------


def _answered(spec: Spec, text: str, name: str) -> tuple[Case, ...]:
    """The cases of a filled-in file. Raises SpecError."""
    tree, place = read_yaml(text, name)
    start: tuple[Any, ...] = ("cases",) if isinstance(tree, Mapping) and "cases" in tree else ()
    listed = tree["cases"] if start else tree
    if not isinstance(listed, list) or not listed:
        raise SpecError(
            "it holds no list of cases", place=f"{name}:1:1", hint="fill in what 'ingot cases suggest' wrote"
        )
    node = composed(text)
    nodes = child(node, "cases") if start else node
    assert isinstance(nodes, SequenceNode)
    rows = []
    for number, (row, one) in enumerate(zip(listed, nodes.value, strict=True)):
        if not isinstance(row, Mapping):
            raise SpecError("a case is a mapping with input and expected", place=place.of((*start, number)))
        if not row.get("id"):
            raise SpecError("a case lacks its id", place=place.of((*start, number)), hint="add 'id:' with a short name")
        rows.append((_filled(spec, row, one, name), place.fixed((*start, number))))
    return typed_cases(spec, rows)


def _filled(spec: Spec, row: Mapping[str, Any], node: Any, name: str) -> dict[str, Any]:
    """A case with nothing left empty. Where a person decides, an output left empty says nothing."""
    case = {str(key): value for key, value in row.items()}
    outputs = {output.name: output for output in spec.outputs}
    empty = dict(_empties(node))
    if "escalates" in empty:
        raise _left_empty(
            row["id"], "escalates", empty["escalates"], name, "true where a person must decide, else false"
        )
    expected = child(node, "expected")
    if "expected" in empty:
        case.pop("expected")
        if case.get("escalates") is not True:
            hint = "write each output with its value under it"
            raise _left_empty(row["id"], "expected", empty["expected"], name, hint)
    left = dict(_empties(expected))
    answered = row.get("answered")
    stated = [key for key in left if isinstance(answered, list) and key in answered]
    unknown = next((key for key in left if key not in outputs), None)
    if unknown is not None:
        raise SpecError(
            f"case {row['id']!r} expects {unknown!r}, which is not an output",
            place=_at(left[unknown], name), hint=closest(unknown, list(outputs)),
        )  # fmt: skip
    if stated:  # not null is what is said of them
        case["expected"] = {key: value for key, value in case["expected"].items() if key not in stated}
        left = {key: node for key, node in left.items() if key not in stated}
    if left and case.get("escalates") is not True:
        first, *more = left
        others = f" (and {len(more)} more of this case)" if more else ""
        raise _left_empty(row["id"], first + others, left[first], name, _wanted(outputs[first]))
    if left:
        case["expected"] = {key: value for key, value in case["expected"].items() if key not in left}
    return case


def _empties(node: Any) -> Iterator[tuple[str, Any]]:
    """The keys of a mapping that nothing is written after, with their nodes; ``null`` is something."""
    for key, value in node.value if isinstance(node, MappingNode) else ():
        if isinstance(value, ScalarNode) and value.value == "" and value.style is None:
            yield key.value, key


def _left_empty(case: Any, what: str, node: Any, name: str, hint: str) -> SpecError:
    return SpecError(f"case {case!r}: {what} is left empty", place=_at(node, name), hint=hint)


def _at(node: Any, name: str) -> str:
    return f"{name}:{node.start_mark.line + 1}:{node.start_mark.column + 1}"


def _wanted(output: Field) -> str:
    """What belongs into an output, in words."""
    if output.type == "enum":
        said = f"write what is right: one of {', '.join(output.values)}"
    else:
        said = f"write what is right, a {output.type}"
    if output.nullable:
        said += f", or null, or 'answered: [{output.name}]' where all that is known is that it is not null"
    return said + "; or delete the case"


def _marked(cases: Sequence[Case], held_out: Collection[str], share: float, name: str) -> tuple[Case, ...]:
    """The cases with those held out that were asked for."""
    ids = [case.id for case in cases]
    for wanted in held_out:
        if wanted not in ids:
            raise SpecError(f"no case {wanted!r} to hold out", place=f"{name}:1:1", hint=closest(wanted, ids))
    by_chance = sorted(cases, key=lambda case: digest(canonical_json([to_plain(case.input), to_plain(case.steps)])))
    drawn = {case.id for case in by_chance[: math.floor(share * len(cases) + 0.5)]}
    return tuple(
        case.model_copy(update={"held_out": case.held_out or case.id in held_out or case.id in drawn}) for case in cases
    )


# ---- what is there already -------------------------------------------------------------------------------------------


def _refuse_known(spec: Spec, new: Sequence[Case]) -> None:
    """Raise SpecError for an id, or an input, that is there already."""
    ids = {case.id: case for case in spec.cases}
    inputs: dict[bytes, Case] = {}
    for case in spec.cases:
        inputs.setdefault(equal_bytes([case.input, case.steps]), case)
    for case in new:
        if case.id in ids:
            raise SpecError(
                f"duplicate case {case.id!r}: there is one already", place=case.place, hint="give this one another id"
            )
        twin = inputs.setdefault(equal_bytes([case.input, case.steps]), case)
        if twin is not case:
            raise _twin(case, twin)


def _twin(case: Case, twin: Case) -> SpecError:
    """Two cases of one input: one too many, or a contradiction. What a held-out case expects is not shown."""
    both = f"case {case.id!r} has the same input as case {twin.id!r} ({twin.place})"
    for output in (name for name in case.expected if name in twin.expected):
        mine, theirs = case.expected[output], twin.expected[output]
        if mine != theirs:
            other = "" if twin.held_out else f", there {as_source(to_plain(theirs))}"
            return SpecError(
                f"{both} and contradicts it: {output} is {as_source(to_plain(mine))} here{other}", place=case.place,
                hint="one of the two is wrong: correct it, or delete this one",
            )  # fmt: skip
    for output in case.null_in_one(twin):
        return SpecError(
            f"{both} and contradicts it: {output} is null in one of the two and not null in the other", place=case.place,
            hint="one of the two is wrong: correct it, or delete this one",
        )  # fmt: skip
    if case.escalates is not None and twin.escalates is not None and case.escalates is not twin.escalates:
        return SpecError(
            f"{both} and contradicts it: escalates is {scalar(case.escalates)} here", place=case.place,
            hint="one of the two is wrong: correct it, or delete this one",
        )  # fmt: skip
    return SpecError(both, place=case.place, hint="delete this one")


# ---- the new texts ---------------------------------------------------------------------------------------------------


def _placed(
    written: Any, cases: Sequence[Case], held_out: bool, text: str, files: dict[str, str], name: str, read: Read
) -> tuple[str, dict[str, str]]:
    """The spec's text and the files with these cases put where the spec keeps its like."""
    if not isinstance(written, Mapping):
        return extended(text, ("cases",), [_row(case, held_out) for case in cases], name), files
    group = "held_out" if held_out else "given"
    target = written.get(group)
    if not isinstance(target, str):
        return extended(text, ("cases", group), [_row(case, False) for case in cases], name), files
    before = files.get(target) or read(target)
    if target.endswith((".yaml", ".yml")):
        after = extended(before, (), [_row(case, False) for case in cases], target)
    else:
        rows = [json.dumps(_plain(case), ensure_ascii=False) for case in cases]
        after = "\n".join([before.removesuffix("\n"), *rows, ""]).removeprefix("\n")
    return text, {**files, target: after}


def _plain(case: Case) -> dict[str, Any]:
    """The case as a person would write it: what it does not say is left out."""
    found = {key: value for key, value in case.to_json().items() if key != "held_out"}
    return {key: value for key, value in found.items() if key in ("id", "input") or value not in ({}, None, "")}


def _row(case: Case, held_out: bool) -> str:
    parts: dict[str, Any] = {
        "id": case.id,
        "input": case.input,
        "steps": case.steps or None,
        "expected": case.expected or None,
        "answered": list(case.answered) or None,
        "escalates": case.escalates,
        "held_out": held_out or None,
        "note": case.note or None,
    }
    return flow({key: value for key, value in parts.items() if value is not None})
