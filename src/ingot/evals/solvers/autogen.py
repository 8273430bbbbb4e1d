"""Two AutoGen agents, every transaction (extra ``autogen``): one decides, one reviews and sends back or approves.

The agents and their round robin are AutoGen's own; their model is ours, so that tokens are counted where they are used
and any backend works.
"""

from __future__ import annotations

import asyncio
import importlib.util
import json
import logging
from collections.abc import Coroutine, Mapping, Sequence
from typing import Any
from uuid import uuid4

from ingot.errors import ModelError, PromptTooLong
from ingot.evals.solvers.desk import ROUNDS, SHOW_CASES, Desk, transaction
from ingot.evals.solvers.solver import Answer, Generation, too_long
from ingot.evals.solvers.turns import Line, Metered, Tool, Turn, called, next_turn, turn_request
from ingot.evals.suite import Task
from ingot.models.model import Model
from ingot.models.reply import estimate_input
from ingot.spec import Spec
from ingot.usage import Usage

DECIDER, REVIEWER, APPROVED = "decider", "reviewer", "APPROVE"
TURNS = 4
"""Turns of the two agents together: an answer, a review, an answer after it, a last review."""
DECIDES = "You decide one transaction of a workflow by its rule. Look up what you need, then submit the decision."
REVIEWS = (
    "You review another agent's decision on one transaction of a workflow against its rule. Look up what you need. "
    f"Say {APPROVED} and nothing else where the decision is right, else what is wrong with it."
)


class AutoGen:
    """Two agents a transaction, `turns` in all. The decision submitted last is the answer; none is an error."""

    name = "autogen"
    side_by_side = True

    def __init__(self, model: Model, *, turns: int = TURNS) -> None:
        """Raises ModelError where AutoGen is not installed."""
        if importlib.util.find_spec("autogen_agentchat") is None:
            raise ModelError("'autogen-agentchat' is not installed", hint="pip install 'ingot[autogen]'")
        self._model, self._turns = model, turns
        self.model = model.name

    def estimate(self, task: Task) -> Usage:
        """As if each agent looked up all that there is in one turn, the first decision then being approved."""
        spec = task.plain()
        desk, tools = Desk(spec), Desk(spec).tools(submit=False)
        turns = [lines for item in task.items for lines in desk.turns(item.input)]
        sent = 0
        for lines in turns:
            sent += estimate_input(turn_request(f"{DECIDES}\n\n{desk.task()}", lines, tools, desk.schema))
            sent += estimate_input(turn_request(f"{REVIEWS}\n\n{desk.task()}", lines, tools))
        replies = 2 * len(turns) * 20 + len(task.items) * 20 * len(spec.outputs)
        return Usage(sent, replies, 2 * len(turns))

    def prepare(self, task: Task) -> AutoGenTask:
        """Nothing happens: the rule goes with every transaction."""
        return AutoGenTask(task.plain(), self._model, self._turns)


class AutoGenTask:
    """A rule that goes with every transaction."""

    def __init__(self, spec: Spec, model: Model, turns: int) -> None:
        self.generation = Generation(True)
        self._spec, self._model, self._turns = spec, model, turns

    def answer(self, given: Mapping[str, Any]) -> Answer:
        """Let the two decide. Raises ModelError where the model cannot be reached."""
        desk, model = Desk(self._spec), Metered(self._model)
        silent: list[str] = []
        try:
            _finish(_run(desk, model, given, self._turns, silent))
        except Exception:  # AutoGen hands on what an agent raised as a text
            if isinstance(
                model.broken, PromptTooLong
            ):  # a decision submitted before counts, as one never approved does
                if desk.answer is None:
                    return too_long(model.broken, model.usage, model.seconds)
            elif model.broken is not None:
                raise model.broken from None
            elif not silent:
                raise
        if desk.answer is None or silent:
            error = silent[0] if silent else f"the agents submitted nothing in {model.usage.requests} calls"
            return Answer(None, error=error, usage=model.usage, seconds=model.seconds)
        by = {field.name: "model" for field in self._spec.outputs}
        return Answer(desk.answer, usage=model.usage, seconds=model.seconds, by=by)

    def close(self) -> None:
        """Nothing is held."""


def _finish(work: Coroutine[Any, Any, None]) -> None:
    """Run to the end in a loop that leaves Ctrl-C to Python: a model that is waited for is then not waited out.

    What AutoGen logs meanwhile are tracebacks of what is raised here anyway.
    """
    loop = asyncio.new_event_loop()
    logging.getLogger("autogen_core").setLevel(logging.CRITICAL + 1)
    try:
        loop.run_until_complete(work)
    finally:
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()


async def _run(desk: Desk, model: Metered, given: Mapping[str, Any], turns: int, silent: list[str]) -> None:
    from autogen_agentchat.agents import AssistantAgent
    from autogen_agentchat.conditions import FunctionalTermination
    from autogen_agentchat.messages import StructuredMessage
    from autogen_agentchat.teams import RoundRobinGroupChat

    client, tools, decision = _client(model, desk, silent), _tools(desk), _decision(desk)
    decider = AssistantAgent(
        DECIDER, client, tools=tools, system_message=f"{DECIDES}\n\n{desk.task()}", output_content_type=decision,
        max_tool_iterations=ROUNDS // 2, reflect_on_tool_use=False,
    )  # fmt: skip
    reviewer = AssistantAgent(
        REVIEWER, client, tools=tools, system_message=f"{REVIEWS}\n\n{desk.task()}",
        max_tool_iterations=ROUNDS // 2, reflect_on_tool_use=False,
    )  # fmt: skip
    team = RoundRobinGroupChat(
        [decider, reviewer],
        termination_condition=FunctionalTermination(_is_approved),
        max_turns=turns,
        custom_message_types=[StructuredMessage[decision]],
    )
    await team.run(task=transaction(given))


def _is_approved(messages: Sequence[Any]) -> bool:
    """Whether the reviewer's last word is the word and nothing else: "I do not APPROVE" sends the decision back."""
    said = [str(one.content) for one in messages if one.source == REVIEWER and one.type == "TextMessage"]
    return bool(said) and said[-1].strip(" .!\"'*`\n").upper() == APPROVED


def _tools(desk: Desk) -> list[Any]:
    """The desk's tools as AutoGen makes them of functions."""
    from autogen_core.tools import FunctionTool

    def look_up(ids: list[str]) -> str:
        return desk.use("look_up", {"ids": ids})

    def show_cases() -> str:
        return desk.use(SHOW_CASES, {})

    functions = {"look_up": look_up, SHOW_CASES: show_cases}
    return [
        FunctionTool(functions[tool.name], name=tool.name, description=tool.description)
        for tool in desk.tools(submit=False)
    ]


def _decision(desk: Desk) -> Any:
    """The outputs as the type of AutoGen's structured output."""
    from pydantic import RootModel

    class Decision(RootModel[dict[str, Any]]):
        """A decision on one transaction."""

        @classmethod
        def __get_pydantic_json_schema__(cls, *_: Any) -> dict[str, Any]:
            return desk.schema

    return Decision


def _client(model: Metered, desk: Desk, silent: list[str]) -> Any:
    """`model` as AutoGen wants one. What it cannot get an answer from, it writes to `silent`."""
    from autogen_core import FunctionCall
    from autogen_core.models import ChatCompletionClient, CreateResult, ModelFamily, RequestUsage

    class Ours(ChatCompletionClient):
        """An AutoGen model client that asks one of ours."""

        async def create(
            self, messages: Sequence[Any], *, tools: Sequence[Any] = (), json_output: Any = None, **_: Any
        ) -> Any:
            """The next turn of the agent whose messages these are."""
            before = model.usage
            known = [Tool(one["name"], one["description"], one["parameters"]) for one in map(_schema_of, tools)]
            wanted = None if json_output is None else json_output.model_json_schema()
            turn = next_turn(model, *_told(messages), known, wanted, problem=lambda said: _problem(desk, said))
            if not (turn.calls or turn.said or turn.submission is not None):
                silent.append("an agent's reply did not fit, twice")
                raise ValueError(silent[0])
            used = RequestUsage(
                prompt_tokens=model.usage.input_tokens - before.input_tokens,
                completion_tokens=model.usage.output_tokens - before.output_tokens,
            )
            if turn.calls:
                calls = [
                    FunctionCall(id=uuid4().hex, name=one.tool, arguments=json.dumps(dict(one.arguments)))
                    for one in turn.calls
                ]
                return CreateResult(finish_reason="function_calls", content=calls, usage=used, cached=False)
            content = turn.said if turn.submission is None else json.dumps(desk.answer)
            return CreateResult(finish_reason="stop", content=content, usage=used, cached=False)

        def create_stream(self, *_: Any, **__: Any) -> Any:
            """Answers come whole."""
            raise NotImplementedError("answers come whole: leave model_client_stream off")

        async def close(self) -> None:
            """Nothing is held."""

        def actual_usage(self) -> Any:
            """What was used so far."""
            return RequestUsage(prompt_tokens=model.usage.input_tokens, completion_tokens=model.usage.output_tokens)

        total_usage = actual_usage

        def count_tokens(self, messages: Sequence[Any], *, tools: Sequence[Any] = ()) -> int:
            """An estimate."""
            known = [Tool(one["name"], one["description"], one["parameters"]) for one in map(_schema_of, tools)]
            return estimate_input(turn_request(*_told(messages), known))

        def remaining_tokens(self, messages: Sequence[Any], *, tools: Sequence[Any] = ()) -> int:
            """Our models say what is too much themselves."""
            return 1_000_000 - self.count_tokens(messages, tools=tools)

        @property
        def capabilities(self) -> Any:
            """As `model_info`."""
            return self.model_info

        @property
        def model_info(self) -> Any:
            """Tools and structured output, by our own request."""
            return {
                "vision": False, "function_calling": True, "json_output": True, "structured_output": True,
                "family": ModelFamily.UNKNOWN, "multiple_system_messages": True,
            }  # fmt: skip

    return Ours()


def _problem(desk: Desk, turn: Turn) -> str:
    return "" if turn.submission is None else desk.submit(turn.submission)


def _schema_of(tool: Any) -> Mapping[str, Any]:
    found: Mapping[str, Any] = tool if isinstance(tool, Mapping) else tool.schema
    return found


def _told(messages: Sequence[Any]) -> tuple[str, list[Line]]:
    """System text and lines of AutoGen's messages."""
    system = "\n\n".join(one.content for one in messages if one.type == "SystemMessage")
    lines: list[Line] = []
    for one in messages:
        if one.type == "UserMessage":
            lines.append(Line(str(one.source), str(one.content)))
        elif one.type == "FunctionExecutionResultMessage":
            lines += [Line(each.name, each.content) for each in one.content]
        elif one.type == "AssistantMessage" and isinstance(one.content, str):
            lines.append(Line("you", one.content))
        elif one.type == "AssistantMessage":
            lines += [Line("you", called(call.name, json.loads(call.arguments))) for call in one.content]
    return system, lines
