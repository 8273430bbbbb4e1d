"""A LangChain agent with tools, every transaction (extra ``langchain``).

The agent is LangChain's own, with its loop and its limit on calls; its model is ours, so that tokens are counted where
they are used and any backend works.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import uuid4

from ingot.errors import ModelError, PromptTooLong
from ingot.evals.solvers.desk import ROUNDS, Desk, transaction
from ingot.evals.solvers.solver import Answer, Generation, too_long
from ingot.evals.solvers.turns import Line, Metered, Tool, called, next_turn, turn_request
from ingot.evals.suite import Task
from ingot.models.model import Model
from ingot.models.reply import estimate_input
from ingot.spec import Spec
from ingot.usage import Usage

SYSTEM = "You decide one transaction of a workflow by its rule. Use the tools, then submit the decision."


class LangChain:
    """One agent a transaction, which may ask the model `rounds` times. One that submits nothing is an error."""

    name = "langchain"
    side_by_side = True

    def __init__(self, model: Model, *, rounds: int = ROUNDS) -> None:
        """Raises ModelError where LangChain is not installed."""
        if importlib.util.find_spec("langchain") is None:
            raise ModelError("'langchain' is not installed", hint="pip install 'ingot[langchain]'")
        self._model, self._rounds = model, rounds
        self.model = model.name

    def estimate(self, task: Task) -> Usage:
        """As if the agent looked up all that there is in one turn and then submitted, and replies as long as its outputs."""
        spec = task.plain()
        desk = Desk(spec)
        system = f"{SYSTEM}\n\n{desk.task()}"
        turns = [lines for item in task.items for lines in desk.turns(item.input)]
        requests = [turn_request(system, lines, desk.tools(), talk=False) for lines in turns]
        sent = sum(estimate_input(one) for one in requests)
        return Usage(sent, len(requests) * 20 + len(task.items) * 20 * len(spec.outputs), len(requests))

    def prepare(self, task: Task) -> LangChainTask:
        """Nothing happens: the rule goes with every transaction."""
        return LangChainTask(task.plain(), self._model, self._rounds)


class LangChainTask:
    """A rule that goes with every transaction."""

    def __init__(self, spec: Spec, model: Model, rounds: int) -> None:
        self.generation = Generation(True)
        self._spec, self._model, self._rounds = spec, model, rounds

    def answer(self, given: Mapping[str, Any]) -> Answer:
        """Let an agent decide. Raises ModelError where the model cannot be reached."""
        desk, model = Desk(self._spec), Metered(self._model)
        try:
            _run(desk, model, given, self._rounds)
        except PromptTooLong as error:  # a talk that outgrew the model's context; what it took until then was paid for
            return too_long(error, model.usage, model.seconds)
        if desk.answer is None:
            said = f"the agent submitted nothing in {model.usage.requests} calls"
            return Answer(None, error=said, usage=model.usage, seconds=model.seconds)
        by = {field.name: "model" for field in self._spec.outputs}
        return Answer(desk.answer, usage=model.usage, seconds=model.seconds, by=by)

    def close(self) -> None:
        """Nothing is held."""


def _run(desk: Desk, model: Metered, given: Mapping[str, Any], rounds: int) -> None:
    """Run a LangChain agent to its end. Traces go nowhere, whatever the environment says: they would hold the input."""
    from langchain.agents import create_agent
    from langchain.agents.middleware import ModelCallLimitMiddleware, before_model
    from langsmith import tracing_context

    @before_model(can_jump_to=["end"])
    def submitted(_state: Any, _runtime: Any) -> dict[str, Any] | None:
        return {"jump_to": "end"} if desk.answer is not None else None

    agent = create_agent(
        _chat_model(model),
        [_langchain_tool(desk, one) for one in desk.tools()],
        system_prompt=f"{SYSTEM}\n\n{desk.task()}",
        middleware=[submitted, ModelCallLimitMiddleware(run_limit=rounds, exit_behavior="end")],
    )
    with tracing_context(enabled=False):
        agent.invoke(
            {"messages": [{"role": "user", "content": transaction(given)}]}, config={"recursion_limit": 20 * rounds}
        )


def _langchain_tool(desk: Desk, tool: Tool) -> Any:
    from langchain_core.tools import StructuredTool

    def use(**arguments: Any) -> str:
        return desk.use(tool.name, arguments)

    return StructuredTool.from_function(
        func=use, name=tool.name, description=tool.description, args_schema=dict(tool.arguments)
    )


def _chat_model(model: Metered) -> Any:
    """`model` as LangChain wants one."""
    from langchain_core.language_models.chat_models import BaseChatModel
    from langchain_core.messages import AIMessage
    from langchain_core.outputs import ChatGeneration, ChatResult

    class Ours(BaseChatModel):
        """A LangChain chat model that asks one of ours."""

        @property
        def _llm_type(self) -> str:
            return "ingot"

        def bind_tools(self, tools: Sequence[Any], **_: Any) -> Any:
            """The same model, told of tools."""
            return self.bind(tools=[Tool(one.name, one.description, one.args_schema) for one in tools])

        def _generate(self, messages: Sequence[Any], *_: Any, tools: Sequence[Tool] = (), **__: Any) -> Any:
            turn = next_turn(model, *_told(messages), tools, talk=False)
            calls = [{"name": one.tool, "args": dict(one.arguments), "id": uuid4().hex} for one in turn.calls]
            return ChatResult(generations=[ChatGeneration(message=AIMessage(content=turn.said, tool_calls=calls))])

    return Ours()


def _told(messages: Sequence[Any]) -> tuple[str, list[Line]]:
    """System text and lines of LangChain's messages."""
    system = "\n\n".join(one.text for one in messages if one.type == "system")
    lines: list[Line] = []
    for one in messages:
        if one.type == "human":
            lines.append(Line("user", one.text))
        elif one.type == "tool":
            lines.append(Line(str(one.name or "tool"), one.text))
        elif one.type == "ai":
            lines += [Line("you", one.text)] if one.text else []
            lines += [Line("you", called(call["name"], call["args"])) for call in one.tool_calls]
    return system, lines
