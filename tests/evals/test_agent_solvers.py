"""Agents of frameworks as solvers: their tools, every call counted, nothing held out in a request, an end in any case."""

from __future__ import annotations

import importlib.util
import json
import time
from pathlib import Path
from typing import Any

import pytest

from ingot.errors import InputError, ModelError, ModelTimeout, PromptTooLong
from ingot.evals.evaluate import evaluate
from ingot.evals.log import read_log
from ingot.evals.solvers.desk import Desk
from ingot.evals.solvers.registry import Settings, make_solver
from ingot.evals.solvers.turns import Line, Metered, Tool, next_turn, read_turn, turn_request
from ingot.models import Completion, Request, Scripted
from ingot.usage import Usage
from tests.evals.test_evaluate import suite
from tests.evals.test_solvers import unsure

INSTALLED = {"langchain": "langchain", "autogen": "autogen_agentchat"}
NAMES = [
    pytest.param(name, marks=pytest.mark.skipif(importlib.util.find_spec(module) is None, reason=f"extra {name}"))
    for name, module in INSTALLED.items()
]


def turn(**said: Any) -> str:
    return json.dumps({"turn": said})


def call(tool: str, **arguments: Any) -> str:
    return turn(calls=[{"tool": tool, "arguments": arguments}])


def submits(name: str, fee: int) -> list[str]:
    """What an agent of this framework says to give one answer, and the other one to approve it."""
    if name == "langchain":
        return [call("submit", fee=fee)]
    return [turn(submit={"fee": fee}), turn(say="APPROVE.")]


def solver(name: str, answers: list[Any]) -> tuple[Any, Scripted]:
    model = Scripted(answers)
    return make_solver(name, model, Settings()), model


@pytest.mark.parametrize("name", NAMES)
def test_agents_answer_and_every_call_is_counted(name: str, tmp_path: Path) -> None:
    looked = [call("look_up", ids=["C1", "C2"]), call("show_cases")]
    one, model = solver(name, [*looked, *submits(name, 5), *submits(name, 9), *submits(name, 5)])
    log = evaluate(suite(), one, tmp_path)
    assert [item.right for item in log.items] == [True, True, False]
    each = len(submits(name, 5))
    assert [item.answer.usage.requests for item in log.items] == [2 + each, each, each]
    assert sum(item.answer.usage.requests for item in log.items) == len(model.requests)
    assert log.tasks[0].generation.usage.requests == 0


@pytest.mark.parametrize("name", NAMES)
def test_tools_answer_from_the_spec_and_never_from_what_is_held_out(name: str, tmp_path: Path) -> None:
    together = [{"tool": "look_up", "arguments": {"ids": ["C2"]}}, {"tool": "show_cases", "arguments": {}}]
    looked = [turn(calls=together), *submits(name, 5)]
    one, model = solver(name, [*looked, *submits(name, 9), *submits(name, 5)])
    evaluate(suite(), one, tmp_path)
    assert "Above 10 kg" not in model.requests[0].system + model.requests[0].prompt
    assert "C2: Above 10 kg it is 9." in model.requests[1].prompt
    assert '{"weight":11} -> {"fee":9}' in model.requests[1].prompt
    for request in model.requests:
        told = request.system + request.prompt + json.dumps(request.schema)
        assert '{"weight":50}' not in told
        assert '"weight":50' not in told.replace(" ", "")


@pytest.mark.parametrize("name", NAMES)
def test_an_agent_that_never_answers_is_an_error_and_ends(name: str, tmp_path: Path) -> None:
    one, model = solver(name, [call("show_cases")] * 100)
    log = evaluate(suite(), one, tmp_path)
    assert [item.right for item in log.items] == [False, False, False]
    assert all("submitted nothing" in item.answer.error for item in log.items)
    assert sum(item.answer.usage.requests for item in log.items) == len(model.requests) <= 60


@pytest.mark.parametrize("name", NAMES)
def test_a_reply_that_does_not_fit_is_asked_for_once_more_and_counted(name: str, tmp_path: Path) -> None:
    one, model = solver(name, ["no", *submits(name, 5), "no", "no", *submits(name, 5)])
    log = evaluate(suite(), one, tmp_path)
    assert [item.right for item in log.items] == [True, False, False]
    assert log.items[1].answer.error
    assert [item.answer.usage.requests for item in log.items][1] == 2
    assert "refused" in model.requests[1].prompt


@pytest.mark.parametrize("name", NAMES)
def test_an_answer_that_does_not_fit_the_outputs_is_sent_back(name: str, tmp_path: Path) -> None:
    wrong = submits(name, 5)[0].replace("5", '"much"')
    one, model = solver(name, [wrong, *submits(name, 5), *submits(name, 9), *submits(name, 5)])
    log = evaluate(suite(), one, tmp_path)
    assert log.items[0].right is True
    assert "refused" in model.requests[1].prompt


@pytest.mark.parametrize("name", NAMES)
def test_a_model_that_cannot_be_reached_is_no_answer(name: str, tmp_path: Path) -> None:
    one, _ = solver(name, [ModelTimeout("it took too long")])
    with pytest.raises(ModelTimeout, match="took too long"):
        evaluate(suite(), one, tmp_path)


@pytest.mark.parametrize("name", NAMES)
def test_a_talk_that_outgrows_the_model_is_withheld_with_the_tokens_that_it_took(name: str, tmp_path: Path) -> None:
    long = PromptTooLong("the prompt has 9000 tokens")
    one, _ = solver(name, [call("show_cases"), call("show_cases"), long, long, *submits(name, 5)])
    log = evaluate(suite(), one, tmp_path)
    grown, unasked, answered = (item.answer for item in log.items)
    assert [item.right for item in log.items] == [None, None, False]
    assert (grown.usage.requests, grown.ran) == (2, True)
    assert grown.usage.input_tokens > 0
    assert grown.withheld == "not asked further: the prompt has 9000 tokens"
    assert (unasked.usage.requests, unasked.ran) == (0, False)
    assert read_log(tmp_path).to_json() == log.to_json()
    assert read_log(tmp_path).items[0].answer.ran
    assert answered.output == {"fee": 5}


@pytest.mark.parametrize("name", NAMES)
def test_ctrl_c_is_not_swallowed(name: str, tmp_path: Path) -> None:
    class Stopped:
        name = "stopped"

        def complete(self, request: Request) -> Completion:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        evaluate(suite(), make_solver(name, Stopped(), Settings()), tmp_path)


@pytest.mark.parametrize("name", NAMES)
def test_null_is_an_answer_that_may_be_left_out(name: str, tmp_path: Path) -> None:
    nothing = [json.dumps(json.loads(one)).replace('"fee": 0', "") for one in submits(name, 0)]
    one, _ = solver(name, [*nothing, *submits(name, 9)])
    log = evaluate(unsure(), one, tmp_path)
    assert log.items[0].answer.output == {"fee": None}


@pytest.mark.parametrize("name", NAMES)
def test_the_estimate_is_what_agents_take_that_look_everything_up_once(name: str, tmp_path: Path) -> None:
    together = [{"tool": "look_up", "arguments": {"ids": ["C1", "C2"]}}, {"tool": "show_cases", "arguments": {}}]
    whole = [turn(calls=together)] if name == "langchain" else []
    said = [[one] if name == "langchain" else [turn(calls=together), one] for one in submits(name, 5)]
    one, _ = solver(name, [*whole, *(each for part in said for each in part)] * 3)
    expected = one.estimate(suite().tasks[0])
    log = evaluate(suite(), one, tmp_path)
    assert expected.requests == sum(item.answer.usage.requests for item in log.items)
    used = sum(item.answer.usage.input_tokens for item in log.items)
    assert 0.95 * used <= expected.input_tokens <= used


@pytest.mark.skipif(importlib.util.find_spec("autogen_agentchat") is None, reason="extra autogen")
def test_a_reviewer_sends_a_decision_back(tmp_path: Path) -> None:
    sent_back = [
        turn(submit={"fee": 5}),
        turn(say="I do not APPROVE: C2 says 9"),
        turn(submit={"fee": 9}),
        turn(say="APPROVE"),
    ]
    one, model = solver("autogen", [*submits("autogen", 5), *sent_back, *submits("autogen", 5)])
    log = evaluate(suite(), one, tmp_path)
    assert [item.right for item in log.items] == [True, True, False]
    assert log.items[1].answer.usage.requests == 4
    assert "reviewer:\nI do not APPROVE: C2 says 9" in model.requests[4].prompt
    assert "You review" in model.requests[3].system


@pytest.mark.parametrize("name", INSTALLED)
def test_a_missing_extra_is_named(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(ModelError, match=f"pip install 'ingot.{name}.'"):
        make_solver(name, Scripted([]), Settings())
    with pytest.raises(InputError, match="asks a model"):
        make_solver(name, None, Settings())


# ---- without a framework -----------------------------------------------------------------------------------------


LOOK = Tool("look", "Looks.", {"type": "object", "properties": {}, "required": [], "additionalProperties": False})


def test_a_turn_is_read_leniently_and_never_wrongly() -> None:
    assert read_turn('```json\n{"turn": {"tool": "look", "arguments": {}}}\n```', [LOOK]) is not None
    assert read_turn('{"tool": "look"}', [LOOK]) is not None
    unread = ["look", "[]", '{"turn": 3}', '{"tool": "other", "arguments": {}}', '{"tool": "look", "arguments": 3}']
    unread += [
        turn(calls=one) for one in ([], "look", [3], [{"tool": "look"}, {"tool": "other"}], [{"tool": ["look"]}])
    ]
    for text in unread:
        assert read_turn(text, [LOOK]) is None


def test_a_request_offers_each_tool_and_what_else_may_be_done() -> None:
    request = turn_request("System.", [Line("user", "Hello")], [LOOK], {"type": "object"})
    assert request.schema is not None
    kinds = [sorted(one["properties"]) for one in request.schema["properties"]["turn"]["anyOf"]]
    assert kinds == [["calls"], ["submit"]]
    assert "- look: Looks." in request.system
    assert "user:\nHello" in request.prompt


def test_talk_is_refused_where_a_tool_must_be_called() -> None:
    model = Scripted(['{"turn": {"say": "It is 5."}}', call("look")])
    assert next_turn(Metered(model), "", [], [LOOK], talk=False).calls[0].tool == "look"
    assert "say" not in str(model.requests[0].schema)


def test_a_transaction_takes_the_models_told_time_and_the_frameworks_own() -> None:
    class Kept:
        name = "kept"

        def complete(self, request: Request) -> Completion:
            time.sleep(0.05)
            return Completion(call("look"), "kept", Usage(1, 1, 1), seconds=7.0)

    began = time.perf_counter()
    model = Metered(Kept())
    model.complete(Request("", ""))
    time.sleep(0.03)
    assert model.seconds >= 7.03
    before = time.perf_counter()
    told = model.seconds
    assert told <= 7.0 + (before - began) - 0.05 + 0.01  # what was waited for is told once


def test_twice_unfit_is_silence() -> None:
    model = Metered(Scripted(["a", "b"]))
    assert next_turn(model, "", [], [LOOK]).calls == ()
    assert model.usage.requests == 2


def test_the_desk_gives_given_cases_only() -> None:
    desk = Desk(suite().tasks[0].spec())
    told = desk.task() + desk.use("show_cases", {}) + desk.use("look_up", {"ids": ["C1", "C9"]})
    assert '{"weight":10}' in told
    assert '{"weight":50}' not in told
    assert "C9: there is no such clause" in told
    assert desk.use("submit", {"fee": "much"}).startswith("refused")
    assert desk.answer is None
    assert desk.use("submit", {"fee": 5}) == "submitted"
    assert desk.answer == {"fee": 5}
