"""An agent's turn as one request of ours, so that frameworks of agents work with every model backend.

A framework's messages and tools become a prompt and a JSON Schema for "call one of these tools | submit | say"; the
reply becomes what its message is made of. Every token of it is then in a `Completion.usage`, whatever the framework counts.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ingot.canonical import canonical_json
from ingot.errors import ModelError
from ingot.models.model import Completion, Model, Request
from ingot.usage import Usage

MAX_TOKENS = 1_000
_FENCES = ("```json", "```")
_YOUR_TURN = "Your turn. Answer with one JSON object that fits the schema and nothing else."


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool that may be called: its name, what it does, a JSON Schema of its arguments."""

    name: str
    description: str
    arguments: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Line:
    """One message so far: who said it (``user``, ``you``, a tool's or another agent's name), and what."""

    by: str
    text: str


@dataclass(frozen=True, slots=True)
class Call:
    """A call of a tool."""

    tool: str
    arguments: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Turn:
    """What a reply is: calls of tools, a `submission`, or else something `said`."""

    calls: tuple[Call, ...] = ()
    submission: Mapping[str, Any] | None = None
    said: str = ""


class Metered:
    """A model whose usage and time add up over one transaction, which begins now. `broken` holds what it raised: a framework
    may hide it."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self.usage = Usage()
        self._began, self._told, self._waited = time.perf_counter(), 0.0, 0.0
        self.broken: ModelError | None = None

    @property
    def seconds(self) -> float:
        """What the transaction has taken: the model's time as it was told, which for a kept completion is that of the first
        time, and the framework's own."""
        return self._told + max(0.0, time.perf_counter() - self._began - self._waited)

    def complete(self, request: Request) -> Completion:
        """Ask, and count. Raises what the model raises."""
        began = time.perf_counter()
        try:
            completion = self._model.complete(request)
        except ModelError as error:
            self.broken = error
            raise
        waited = time.perf_counter() - began
        self.usage += completion.usage
        self._told += completion.seconds or waited
        self._waited += waited
        return completion


def turn_request(
    system: str,
    lines: Sequence[Line],
    tools: Sequence[Tool],
    submission: Mapping[str, Any] | None = None,
    *,
    talk: bool = True,
    seed: int = 0,
) -> Request:
    """The request for the next turn. `submission` is the schema of a structured answer, None where there is none; without
    `talk` a tool must be called. Tools may be called together, as with the providers' own interfaces: one after another would
    ask the model more often than an agent needs to."""
    told = [system]
    if tools:
        told.append("Tools:\n" + "\n".join(f"- {one.name}: {one.description}" for one in tools))
    prompt = "\n\n".join([*(f"{line.by}:\n{line.text}" for line in lines), _YOUR_TURN])
    offered = [
        _object({"tool": {"type": "string", "enum": [one.name]}, "arguments": dict(one.arguments)}) for one in tools
    ]
    choices = [_object({"calls": {"type": "array", "minItems": 1, "items": {"anyOf": offered}}})] if tools else []
    if submission is not None:
        choices.append(_object({"submit": dict(submission)}))
    if talk and submission is None:
        choices.append(_object({"say": {"type": "string"}}))
    return Request(
        system="\n\n".join(told), prompt=prompt, schema=_object({"turn": {"anyOf": choices}}), max_tokens=MAX_TOKENS,
        temperature=0.0 if seed == 0 else 0.6, seed=seed,
    )  # fmt: skip


def _object(properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


def called(name: str, arguments: Mapping[str, Any]) -> str:
    """An earlier call of the agent's own, as it wrote it."""
    return canonical_json({"tool": name, "arguments": json.loads(json.dumps(dict(arguments), default=str))}).decode()


def read_turn(text: str, tools: Sequence[Tool]) -> Turn | None:
    """What a reply says, None where it does not fit."""
    text = text.strip()
    if text.startswith(_FENCES[0]) and text.endswith(_FENCES[1]):
        text = text[len(_FENCES[0]) : -len(_FENCES[1])]
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    turn = found.get("turn", found) if isinstance(found, dict) else None
    if not isinstance(turn, dict):
        return None
    if isinstance(turn.get("submit"), dict):
        return Turn(submission=turn["submit"])
    if "calls" in turn or "tool" in turn:
        calls = _calls(turn.get("calls", [turn]), [one.name for one in tools])
        return None if calls is None else Turn(calls)
    return Turn(said=turn["say"]) if isinstance(turn.get("say"), str) else None


def _calls(told: Any, known: Sequence[str]) -> tuple[Call, ...] | None:
    """Calls of tools, None where one of them is none, or there are none."""
    if not isinstance(told, list) or not told:
        return None
    calls = []
    for one in told:
        arguments = one.get("arguments", {}) if isinstance(one, dict) else None
        if not isinstance(arguments, dict) or one.get("tool") not in known:
            return None
        calls.append(Call(one["tool"], arguments))
    return tuple(calls)


def next_turn(
    model: Metered,
    system: str,
    lines: Sequence[Line],
    tools: Sequence[Tool],
    submission: Mapping[str, Any] | None = None,
    *,
    talk: bool = True,
    problem: Callable[[Turn], str] = lambda _: "",
) -> Turn:
    """The agent's next turn. A reply that does not fit, or in which `problem` sees one, is asked for once more, as the solver
    ``direct`` does; then the agent says nothing. Raises what the model raises."""
    refused: list[Line] = []
    for seed in (0, 1):
        request = turn_request(system, [*lines, *refused], tools, submission, talk=talk, seed=seed)
        turn = read_turn(model.complete(request).text, tools)
        unfit = turn is None or (turn.said and not talk)
        why = "it does not fit the schema" if unfit else problem(turn or Turn())
        if turn is not None and not why:
            return turn
        refused = [Line("refused", f"Your last reply was refused: {why}")]
    return Turn()
