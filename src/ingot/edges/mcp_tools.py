"""Compiled workflows as tools of the Model Context Protocol: what a client is told of each, and what a call comes to.

Nothing of this imports the protocol's package: a tool is a name, two schemas and a function from arguments to an answer.
An error tells the field and the next action, never a value: what a client sent may be labelled.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from ingot.edges.http_errors import Refused, field_errors, refusal
from ingot.edges.http_shelf import Shelf, Version
from ingot.edges.mcp_numbers import DIGITS, imprecise, takes_decimals
from ingot.errors import IngotError, InputError
from ingot.fields import json_schema, to_plain, validator
from ingot.runtime.run import Outcome
from ingot.spec import Spec

LONGEST_NAME = 60
LONGEST_CLAUSE = 200
MOST_CLAUSES = 12


@dataclass(frozen=True, slots=True)
class Answer:
    """What a call came to: `value` for programs and `text` for readers; `failed` where it is an error."""

    text: str
    value: Mapping[str, Any] | None = None
    failed: bool = False


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool as a client sees it. `call` takes the arguments and the client's name, and raises nothing for bad ones."""

    name: str
    title: str
    description: str
    takes: Mapping[str, Any]
    gives: Mapping[str, Any]
    call: Callable[[Mapping[str, Any], str], Answer]
    changes: bool = False


def refused(error: Refused) -> Answer:
    """An error for an agent: what is wrong where, and what to do next."""
    lines = [error.error if error.place is None or error.fields else f"{error.place}: {error.error}"]
    lines += [f"- {one['place']}: {one['error']}" for one in error.fields]
    if error.hint:
        lines.append(f"next: {error.hint}")
    return Answer("\n".join(lines), failed=True)


def workflow_tools(shelf: Shelf) -> list[Tool]:
    """A tool for each workflow on the shelf, in the order of their names."""
    taken: set[str] = set()
    return [_tool(shelf, version, _tool_name(version, taken)) for version in shelf.current()]


def _tool(shelf: Shelf, version: Version, name: str) -> Tool:
    spec = version.workflow.spec
    return Tool(
        name,
        spec.metadata.title or spec.metadata.name,
        described(spec),
        json_schema(spec.inputs),
        outcome_schema(spec),
        partial(_run, shelf, version.name),
        changes=any(step.type == "module" for step in spec.logic_requirements),
    )


def _tool_name(version: Version, taken: set[str]) -> str:
    """The workflow's name in letters that every client takes; a part of the digest tells two alike apart."""
    name = re.sub(r"[^A-Za-z0-9_-]+", "_", version.name).strip("_")[:LONGEST_NAME] or "workflow"
    if name in taken or name.startswith(RESERVED):
        name = f"{name[: LONGEST_NAME - 9]}_{version.digest[:8]}"
    taken.add(name)
    return name


RESERVED = "ingot_"
"""How the names of the compile path's tools begin."""


def described(spec: Spec) -> str:
    """Title, purpose and clauses in short, and what a client must know of the answer."""
    metadata = spec.metadata
    head = f"{metadata.title or metadata.name} (version {metadata.version})"
    lines = [head, *([metadata.description.strip()] if metadata.description.strip() else [])]
    lines += [f"{clause.id}: {_short(clause.text)}" for clause in spec.clauses[:MOST_CLAUSES]]
    if len(spec.clauses) > MOST_CLAUSES:
        lines.append(f"and {len(spec.clauses) - MOST_CLAUSES} more clauses")
    if takes_decimals(spec.inputs):
        lines.append(f"Decimals may be strings, and of more than {DIGITS} digits must be: then they are exact.")
    lines.append('Where "status" is "needs_review" a person decides: nothing is decided yet.')
    return "\n".join(lines)


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= LONGEST_CLAUSE else f"{text[: LONGEST_CLAUSE - 1]}…"


def outcome_schema(spec: Spec) -> dict[str, Any]:
    """The JSON Schema of a run's outcome."""
    output = json_schema(spec.outputs)
    nothing = {"type": "null"}
    review = {
        "type": "object",
        "properties": {
            "step": {"type": "string"},
            "reason": {"type": "string"},
            "proposed": {"anyOf": [output, nothing]},
        },
        "required": ["step", "reason", "proposed"],
    }
    properties = {
        "status": {"enum": ["completed", "needs_review"]},
        "run_id": {"type": "string", "description": "stands in the audit log where runs are recorded"},
        "digest": {"type": "string", "description": "of the artifact that answered"},
        "output": {"anyOf": [output, nothing]},
        "review": {"anyOf": [review, nothing]},
    }
    return {"type": "object", "properties": properties, "required": list(properties)}


# ---- a call ------------------------------------------------------------------------------------------------------


def _run(shelf: Shelf, name: str, case: Mapping[str, Any], _client: str) -> Answer:
    """Run the version that is in force, recorded where there is a store."""
    try:
        shelf.drop_withdrawn()
        if name not in shelf.served.named:
            hint = "tell whoever runs this server: it is served again after a start with an artifact that counts"
            raise Refused(404, "this workflow's key or approval was taken back", hint=hint)
        version = shelf.version(name, None)
        if lost := imprecise(version.workflow.spec.inputs, case):
            hint = 'send these as strings, "12345678901234.567", which are taken exactly'
            return refused(Refused(422, "a number may have lost digits on the way here", fields=lost, hint=hint))
        run = version.workflow.run if version.recorded is None else version.recorded.run
        return told(run(case))
    except Refused as error:
        return refused(error)
    except InputError:
        return refused(_misfit(version.workflow.spec, case))
    except IngotError as error:
        return refused(refusal(error))


def _misfit(spec: Spec, case: Mapping[str, Any]) -> Refused:
    nulls = {one.name: None for one in spec.inputs if one.nullable}
    fields: Sequence[Mapping[str, str]] = field_errors(validator(spec.inputs), {**nulls, **case})
    hint = "correct these fields after the tool's input schema and call it again"
    return Refused(422, "the input does not fit", fields=fields, hint=hint)


def told(outcome: Outcome) -> Answer:
    """An outcome as a tool tells it."""
    review = outcome.review
    asked = None
    if review is not None:
        asked = {"step": review.step, "reason": review.reason, "proposed": to_plain(review.proposed)}
    value = {
        "status": outcome.status,
        "run_id": outcome.run_id,
        "digest": outcome.digest,
        "output": None if review is not None else to_plain(outcome.output),
        "review": asked,
    }
    return Answer("" if review is None else _asks(outcome), value)


def _asks(outcome: Outcome) -> str:
    assert outcome.review is not None
    return (
        f"needs_review: a person must decide at step {outcome.review.step!r} ({outcome.review.reason}). Nothing is decided: "
        f"do not act on what is proposed; tell whoever asked that run {outcome.run_id} waits for a person."
    )
