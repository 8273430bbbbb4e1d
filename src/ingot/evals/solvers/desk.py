"""What an agent has before it for one transaction: the rule, tools to look things up, a place for its answer.

The tools give a spec's clauses and its given cases. Held-out cases are not on the desk.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ingot.canonical import canonical_json
from ingot.evals.solvers.direct import rule_text, shown_cases
from ingot.evals.solvers.turns import Line, Tool, called
from ingot.fields import json_schema, to_plain, validator
from ingot.runtime.bounded.reading import Unfit, checked
from ingot.spec import Spec

LOOK_UP, SHOW_CASES, SUBMIT = "look_up", "show_cases", "submit"
ROUNDS = 8
"""Model calls that an agent may make for one transaction."""


class Desk:
    """One transaction of a spec. `answer` is what was submitted last and fits the outputs, None before."""

    def __init__(self, spec: Spec) -> None:
        self._spec = spec
        self._clauses = {clause.id: " ".join(clause.text.split()) for clause in spec.clauses}
        self._check = validator(spec.outputs)
        self._nulls = {field.name: None for field in spec.outputs if field.nullable}
        self.schema = json_schema(spec.outputs)
        self.answer: dict[str, Any] | None = None

    def task(self) -> str:
        """The rule's words without its clauses' texts, which are looked up."""
        ids = ", ".join(self._clauses)
        return rule_text(self._spec, clauses=False) + (f"\nClauses to look up: {ids}" if ids else "")

    def tools(self, *, submit: bool = True) -> tuple[Tool, ...]:
        """The tools that make sense for this spec, `submit` among them where the framework has no answer of its own."""
        ids = {"type": "array", "items": {"type": "string", "enum": list(self._clauses)}, "minItems": 1}
        found = []
        if self._clauses:
            found.append(Tool(LOOK_UP, "The texts of clauses by their ids.", _schema({"ids": ids})))
        if shown_cases(self._spec):
            found.append(Tool(SHOW_CASES, "Transactions that were decided already.", _schema({})))
        if submit:
            found.append(Tool(SUBMIT, "Submit the decision on the transaction.", self.schema))
        return tuple(found)

    def use(self, name: str, arguments: Mapping[str, Any]) -> str:
        """A tool's answer, in words. What is wrong with a call is said, never raised."""
        if name == LOOK_UP:
            return self._look_up(arguments.get("ids"))
        if name == SHOW_CASES:
            return "\n".join(shown_cases(self._spec))
        problem = self.submit(arguments)
        return f"refused: {problem}" if problem else "submitted"

    def turns(self, given: Mapping[str, Any]) -> list[list[Line]]:
        """What is before an agent at each of its turns where it looks up all that there is and then answers: an agent that is
        told ids alone can hardly do with less."""
        first = [Line("user", transaction(given))]
        calls = {LOOK_UP: {"ids": list(self._clauses)}} if self._clauses else {}
        calls |= {SHOW_CASES: {}} if shown_cases(self._spec) else {}
        if not calls:
            return [first]
        asked = [Line("you", called(name, arguments)) for name, arguments in calls.items()]
        told = [Line(name, self.use(name, arguments)) for name, arguments in calls.items()]
        return [first, [*first, *asked, *told]]

    def submit(self, values: Mapping[str, Any]) -> str:
        """Take an answer; what is wrong with it, or "" where it fits. Fields left out that may be null are null."""
        try:
            fitting = checked(self._check, self._spec.outputs, {**self._nulls, **values})
        except Unfit as unfit:
            return str(unfit)
        self.answer = to_plain(dict(fitting))
        return ""

    def _look_up(self, ids: Any) -> str:
        asked = [ids] if isinstance(ids, str) else ids if isinstance(ids, list) else []
        lines = [f"{one}: {self._clauses.get(str(one), 'there is no such clause')}" for one in asked]
        return "\n".join(lines) or "refused: name clauses by their ids"


def transaction(given: Mapping[str, Any]) -> str:
    """One transaction as an agent is told of it."""
    return f"Transaction:\n{canonical_json(to_plain(dict(given))).decode()}"


def _schema(properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}
