"""The model itself, asked anew for every transaction: structured output by the same schema, from the same rule and cases."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence
from typing import Any

from ingot.canonical import canonical_json
from ingot.errors import PromptTooLong
from ingot.evals.solvers.solver import Answer, Generation, too_long
from ingot.evals.suite import Task
from ingot.fields import Field, json_schema, to_plain, validator
from ingot.models.model import Completion, Model, Request
from ingot.models.reply import estimate_input
from ingot.runtime.bounded.reading import Unfit, checked, read_reply
from ingot.spec import Case, Spec
from ingot.usage import Usage

SHOWN_BYTES = 8_000
"""Bytes of given cases that are shown, at most. The compile's prompt shows fewer, but its gates then try all given cases and
say where a program fails: whoever is asked at every transaction has the same cases only where they are shown."""

_FENCE = re.compile(r"```(?:json)?\s*\n(.*)\n```", re.DOTALL)
_SYSTEM = "You decide one transaction of a workflow by its rule. Answer with one JSON object that fits the schema and nothing else."


class Direct:
    """One call a transaction. A reply that does not fit the schema is asked for once more, then it is an error."""

    name = "direct"
    side_by_side = True

    def __init__(self, model: Model, *, retries: int = 1, max_tokens: int = 1_000) -> None:
        self._model, self._retries, self._max_tokens = model, retries, max_tokens
        self.model = model.name

    def estimate(self, task: Task) -> Usage:
        """Every item's request, and a reply as long as its input is at most."""
        spec = task.plain()
        requests = [request_for(spec, item.input, spec.outputs, self._max_tokens) for item in task.items]
        sent = sum(estimate_input(one) for one in requests)
        return Usage(sent, len(requests) * 20 * len(spec.outputs), len(requests))

    def prepare(self, task: Task) -> DirectTask:
        """Nothing happens: the rule goes with every request."""
        return DirectTask(task.plain(), self._model, self._retries, self._max_tokens)


class DirectTask:
    """A rule that goes with every request."""

    def __init__(self, spec: Spec, model: Model, retries: int, max_tokens: int) -> None:
        self.generation = Generation(True)
        self._spec, self._model, self._retries, self._max_tokens = spec, model, retries, max_tokens

    def answer(self, given: Mapping[str, Any]) -> Answer:
        """Ask for all outputs of one input."""
        return self.ask(given, self._spec.outputs)

    def ask(self, given: Mapping[str, Any], fields: Sequence[Field]) -> Answer:
        """Ask for some outputs of one input; a prompt that does not fit is a withheld answer. Raises ModelError where the model cannot be reached."""
        check = validator(tuple(fields))
        usage, seconds, problem = Usage(), 0.0, ""
        for attempt in range(self._retries + 1):
            request = request_for(self._spec, given, fields, self._max_tokens, seed=attempt)
            began = time.perf_counter()
            try:
                completion = self._model.complete(request)
            except PromptTooLong as error:
                return too_long(error, usage, seconds)
            usage += completion.usage
            seconds += completion.seconds or time.perf_counter() - began
            try:
                values = checked(check, tuple(fields), _object(completion, fields))
            except Unfit as error:
                problem = str(error)
                continue
            return Answer(
                to_plain(dict(values)), usage=usage, seconds=seconds, by={one.name: "model" for one in fields}
            )
        return Answer(None, error=f"the reply does not fit: {problem[:200]}", usage=usage, seconds=seconds)

    def close(self) -> None:
        """Nothing is held."""


def request_for(
    spec: Spec, given: Mapping[str, Any], fields: Sequence[Field], max_tokens: int, *, seed: int = 0
) -> Request:
    """The request for one transaction: the rule's words, given cases, the input. Held-out cases never get here."""
    parts = [rule_text(spec)]
    if shown := shown_cases(spec):
        parts.append("Decided already:\n" + "\n".join(shown))
    parts.append("Transaction:\n" + _text(given))
    return Request(
        system=_SYSTEM,
        prompt="\n\n".join(part for part in parts if part),
        schema=json_schema(fields),
        max_tokens=max_tokens,
        temperature=0.0 if seed == 0 else 0.6,
        seed=seed,
    )


def rule_text(spec: Spec, *, clauses: bool = True) -> str:
    """The rule as a reader of the spec knows it: title, clauses where wanted, steps, what fields mean."""
    lines = [f"Workflow: {spec.metadata.title or spec.metadata.name}"]
    if clauses:
        lines += [f"{clause.id}: {' '.join(clause.text.split())}" for clause in spec.clauses]
    for step in spec.logic_requirements:
        if text := step.text.strip():
            lines.append(f"{step.step}: {text}")
        if step.table is not None:
            lines += [
                " | ".join((*step.table.inputs, *step.table.outputs)),
                *(" | ".join(row) for row in step.table.rows),
            ]
    lines += [f"{field.name}: {field.description}" for field in (*spec.inputs, *spec.outputs) if field.description]
    return "\n".join(lines)


def shown_cases(spec: Spec) -> list[str]:
    """Given cases up to the budget of bytes, in their order; the first where it alone is longer."""
    shown: list[str] = []
    size = 0
    for case in spec.given:
        line = _case(case)
        if case.expected and (not shown or size + len(line) <= SHOWN_BYTES):
            shown.append(line)
            size += len(line)
    return shown


def _case(case: Case) -> str:
    return f"{_text(case.input)} -> {_text(case.expected)}"


def _text(values: Mapping[str, Any]) -> str:
    return canonical_json(to_plain(dict(values))).decode()


def _object(completion: Completion, fields: Sequence[Field]) -> dict[str, Any]:
    """The object in a reply, fields that it leaves out being null; a fence around it is passed over."""
    fenced = _FENCE.fullmatch(completion.text.strip())
    found = read_reply(fenced[1] if fenced else completion.text)
    return {**{one.name: None for one in fields if one.nullable}, **dict(found)}
