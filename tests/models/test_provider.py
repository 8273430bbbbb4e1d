"""Providers driven for real, through pydantic-ai and HTTP, against an endpoint on loopback."""

from __future__ import annotations

import asyncio
import gzip
import json
import logging
import signal
import subprocess
import sys
import time
import traceback
import tracemalloc
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from ingot.errors import ModelError, ModelTimeout, PromptTooLong
from ingot.models import Budget, Completion, Endpoint, Model, Provided, Request, open_model, recorded
from ingot.models.reply import REPLY_LIMIT
from ingot.usage import Usage

from .loopback import (
    Loopback,
    Reply,
    anthropic_message,
    chat,
    echoes_key,
    fails,
    hangs,
    hangs_up,
    says,
    sends,
)

pytest.importorskip("pydantic_ai", reason="the extra ingot[providers] is not installed")

SCHEMA = {
    "type": "object",
    "properties": {"paid": {"type": "boolean"}},
    "required": ["paid"],
    "additionalProperties": False,
}
CODE = "```python\ndef f() -> int:\n    return 1\n```"


def at(server: Loopback, *, timeout: float = 10.0, attempts: int = 5) -> Provided:
    name = f"openai:tiny@{server.url}"
    return Provided(name, Endpoint("openai", "tiny", server.url), timeout, attempts, first_wait=0.01)


def test_an_answer_and_what_was_sent(request_: Request) -> None:
    with Loopback(says(CODE)) as server:
        model = open_model(f"openai:tiny@{server.url}")
        completion = model.complete(replace(request_, seed=3))
    assert isinstance(model, Model)
    assert completion.text == CODE
    assert completion.usage == Usage(11, 7, 1)
    assert completion.model == f"openai:tiny-2025-01-01@{server.url}"
    assert completion.seconds > 0
    assert not completion.recorded
    sent = server.seen[0]
    assert sent.path == "/v1/chat/completions"
    assert [(m["role"], m["content"]) for m in sent.body["messages"]] == [
        ("system", "You write Python."),
        ("user", "Write f."),
    ]
    assert sent.body["seed"] == 3
    assert sent.body["temperature"] == 0.0
    assert 50 in (sent.body.get("max_tokens"), sent.body.get("max_completion_tokens"))


def test_base_url_from_the_environment(request_: Request, monkeypatch: pytest.MonkeyPatch, planted: str) -> None:
    with Loopback(says("hi")) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        assert open_model("openai:tiny").complete(request_).text == "hi"
    assert server.seen[0].headers["authorization"] == f"Bearer {planted}"


def test_structured_output_is_the_json_text(request_: Request) -> None:
    with Loopback(says('{"paid": true}')) as server:
        completion = at(server).complete(replace(request_, schema=SCHEMA))
    assert json.loads(completion.text) == {"paid": True}
    wanted = server.seen[0].body["response_format"]
    assert wanted["type"] == "json_schema"
    assert wanted["json_schema"]["schema"]["properties"] == {"paid": {"type": "boolean"}}


def test_a_json_answer_that_was_cut_off_is_an_error(request_: Request) -> None:
    with Loopback(says('{"pa', finish="length")) as server, pytest.raises(ModelError, match="cut off after 50 tokens"):
        at(server).complete(replace(request_, schema=SCHEMA))


def test_code_that_was_cut_off_keeps_its_open_block(request_: Request) -> None:
    with Loopback(says("```python\ndef f(", finish="length")) as server:
        assert at(server).complete(request_).text == "```python\ndef f("


def test_ollama(request_: Request, monkeypatch: pytest.MonkeyPatch) -> None:
    with Loopback(says(CODE), says('{"paid": false}')) as server:
        monkeypatch.setenv("OLLAMA_BASE_URL", server.address)  # as people set it: without /v1
        model = open_model("ollama:qwen2.5-coder:1.5b")
        assert model.complete(request_).text == CODE
        completion = model.complete(replace(request_, schema=SCHEMA))
    assert completion.text == '{"paid": false}'
    assert completion.model == "ollama:tiny-2025-01-01"
    assert [seen.path for seen in server.seen] == ["/v1/chat/completions"] * 2
    assert server.seen[0].body["model"] == "qwen2.5-coder:1.5b"


@pytest.mark.filterwarnings("ignore:The model .* is deprecated")
def test_anthropic(request_: Request, monkeypatch: pytest.MonkeyPatch, planted: str) -> None:
    text = anthropic_message([{"type": "text", "text": CODE}])
    tool = anthropic_message([{"type": "tool_use", "id": "t1", "name": "answer", "input": {"paid": True}}], "tool_use")
    with Loopback(text, tool) as server:
        monkeypatch.setenv("ANTHROPIC_BASE_URL", server.address)
        model = open_model("anthropic:claude-3-5-haiku-latest")  # one without a JSON mode: answers through a tool
        completion = model.complete(request_)
        structured = model.complete(replace(request_, schema=SCHEMA))
    assert completion.text == CODE
    assert completion.usage == Usage(21, 9, 1)
    assert completion.model == "anthropic:claude-haiku-4-5-20251001"
    assert json.loads(structured.text) == {"paid": True}
    assert server.seen[0].path.startswith("/v1/messages")
    sent = server.seen[0].headers
    assert planted in (sent.get("x-api-key"), sent.get("authorization", "").removeprefix("Bearer "))
    assert [tool["name"] for tool in server.seen[1].body["tools"]] == ["answer"]


def test_429_then_an_answer_honours_retry_after(request_: Request) -> None:
    with Loopback(fails(429, "slow down", Retry_After="1"), says(CODE)) as server:
        began = time.monotonic()
        completion = at(server).complete(request_)
    assert time.monotonic() - began >= 1.0
    assert completion.text == CODE
    assert completion.usage == Usage(11, 7, 2)


def test_a_retry_after_past_the_time_limit_ends_it_at_once(request_: Request) -> None:
    with Loopback(fails(429, "slow down", Retry_After="3600")) as server:
        began = time.monotonic()
        with pytest.raises(ModelError, match=r"429: slow down .*past the limit of 10 s"):
            at(server).complete(request_)
    assert time.monotonic() - began < 2
    assert len(server.seen) == 1


def test_500s_are_tried_again_and_counted(request_: Request) -> None:
    with Loopback(fails(500), fails(503), hangs_up, says(CODE)) as server:
        assert at(server).complete(request_).usage.requests == 4
    with Loopback(fails(500, "broken disk")) as server, pytest.raises(ModelError, match=r"500: broken disk \(after 3"):
        at(server, attempts=3).complete(request_)
    assert len(server.seen) == 3


@pytest.mark.parametrize(
    ("status", "code"), [(400, None), (404, "model_not_found"), (422, None), (429, "insufficient_quota")]
)
def test_a_refused_request_is_not_tried_again(request_: Request, status: int, code: str | None) -> None:
    refusal = f"{status}: cannot do that"
    with (
        Loopback(fails(status, "cannot do that", code=code)) as server,
        pytest.raises(ModelError, match=refusal) as caught,
    ):
        at(server).complete(request_)
    assert len(server.seen) == 1
    assert caught.value.hint


def test_a_prompt_that_the_model_cannot_hold_is_told_as_that(request_: Request) -> None:
    refusal = fails(400, "maximum context length is 8192 tokens", code="context_length_exceeded")
    with Loopback(refusal) as server, pytest.raises(PromptTooLong, match="context length") as caught:
        at(server).complete(request_)
    assert len(server.seen) == 1
    assert caught.value.hint == "the prompt is too long for this model: use one with a larger context"


def test_nobody_listens(request_: Request) -> None:
    with Loopback(says("")) as server:
        model = at(server, attempts=2)
    with pytest.raises(ModelError, match=r"cannot be reached.*after 2 attempts"):
        model.complete(request_)


def test_a_hang_is_a_timeout(request_: Request) -> None:
    with Loopback(hangs) as server:
        began = time.monotonic()
        with pytest.raises(ModelTimeout, match=r"did not answer within 0\.5 s"):
            at(server, timeout=0.5).complete(request_)
        assert time.monotonic() - began < 3
    assert len(server.seen) == 1


def test_the_time_limit_holds_for_all_attempts_together(request_: Request) -> None:
    with Loopback(fails(500)) as server:
        began = time.monotonic()
        model = Provided("openai:tiny", Endpoint("openai", "tiny", server.url), 1.0, 1_000, first_wait=0.1)
        with pytest.raises(ModelError):
            model.complete(request_)
    assert time.monotonic() - began < 2
    assert len(server.seen) < 10


@pytest.mark.parametrize("raw", [b"<html>not an API</html>", b'{"choices": 3}', b"{", b"", b"\xff\xfe"])
def test_a_reply_that_is_not_the_format(request_: Request, raw: bytes) -> None:
    with Loopback(sends(raw)) as server, pytest.raises(ModelError, match="openai:tiny"):
        at(server).complete(request_)


def test_a_reply_of_10_mb_is_refused(request_: Request) -> None:
    with (
        Loopback(says("x" * 10_000_000)) as server,
        pytest.raises(ModelError, match="too many bytes; 1,000,000 bytes is the limit"),
    ):
        at(server).complete(request_)
    assert len(server.seen) == 1


def test_a_compressed_bomb_is_not_unpacked(request_: Request) -> None:
    bomb = gzip.compress(b" " * 200_000_000, 1)
    tracemalloc.start()
    with (
        Loopback(sends(bomb, Content_Encoding="gzip")) as server,
        pytest.raises(ModelError, match="too many bytes; 1,000,000 bytes is the limit"),
    ):
        at(server).complete(request_)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 150_000_000


def test_a_redirect_does_not_carry_the_key_away(request_: Request, planted: str) -> None:
    with Loopback(says(CODE)) as elsewhere:
        to = f"{elsewhere.url}/chat/completions".replace("127.0.0.1", "localhost")
        with (
            Loopback(lambda seen, _: Reply(307, {}, headers={"Location": to})) as server,
            pytest.raises(ModelError, match="307"),
        ):
            at(server).complete(request_)
    assert elsewhere.seen == []


def test_ctrl_c_ends_a_request_at_once() -> None:
    code = "import sys; from ingot.models import *; open_model(sys.argv[1]).complete(Request('s', 'p'))"
    with (
        Loopback(hangs) as server,
        subprocess.Popen([sys.executable, "-c", code, f"openai:tiny@{server.url}"], stderr=subprocess.PIPE) as process,
    ):
        while not server.seen:
            assert process.poll() is None
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        _, error = process.communicate(timeout=5)
    assert b"KeyboardInterrupt" in error


def test_a_reply_just_over_the_limit_is_refused(request_: Request) -> None:
    with Loopback(says("x" * (REPLY_LIMIT + 1)), says("x" * REPLY_LIMIT)) as server:
        model = at(server)
        with pytest.raises(ModelError, match="1,000,001 bytes"):
            model.complete(request_)
        assert len(model.complete(request_).text) == REPLY_LIMIT


@pytest.mark.parametrize("text", ["", None])
def test_an_empty_reply_is_an_empty_text(request_: Request, text: str | None) -> None:
    with Loopback(says(text)) as server:
        assert at(server).complete(request_).text == ""


def test_usage_that_nobody_counted_is_estimated(request_: Request) -> None:
    with Loopback(says("x" * 40, usage=None)) as server:
        assert at(server).complete(request_).usage == Usage(7, 10, 1)
    with Loopback(says("x" * 40, usage=(0, 9))) as server:  # one side alone
        assert at(server).complete(request_).usage == Usage(7, 9, 1)
    with Loopback(says("x" * 40, usage=(-5_000, 9))) as server:  # a count that would give tokens back
        assert at(server).complete(request_).usage == Usage(7, 10, 1)


def test_a_refusal_is_an_error(request_: Request) -> None:
    with Loopback(says("", finish="content_filter")) as server, pytest.raises(ModelError, match="content filter"):
        at(server).complete(request_)


def everything_of(error: BaseException) -> str:
    """All that a log, a traceback or a debugger would show of an error and of what it was raised from."""
    text = "".join(traceback.format_exception(error)) + repr(error) + str(vars(error))
    while error.__context__ is not None:
        error = error.__context__
        text += repr(error) + str(error)
    return text


def test_keys_reach_no_error_repr_log_or_completion(
    request_: Request, planted: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    caplog.set_level(logging.DEBUG)
    shown = []
    with Loopback(echoes_key) as server:
        monkeypatch.setenv("ANTHROPIC_BASE_URL", server.address)
        for name in (f"openai:tiny@{server.url}", f"ollama:tiny@{server.url}", "anthropic:claude-haiku-4-5"):
            model = open_model(name, budget=Budget(max_tokens=10_000))
            with pytest.raises(ModelError, match=r"401: Incorrect API key provided: \[key removed\]") as caught:
                model.complete(request_)
            shown += [everything_of(caught.value), repr(model), str(model)]
        assert all(planted in str(seen.headers) for seen in server.seen)  # it was sent, so it could have leaked
    with Loopback(lambda seen, _: chat(f"your key is {seen.headers['authorization']}")) as server:
        completion = recorded(at(server), tmp_path).complete(request_)
        shown += [json.dumps(asdict(completion)), next(tmp_path.glob("*.json")).read_text()]
    shown.append(caplog.text)
    assert "[key removed]" in completion.text
    assert [text for text in shown if planted in text] == []


def test_a_key_that_fits_no_header_is_refused_unseen(monkeypatch: pytest.MonkeyPatch, planted: str) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", f"{planted}\n")
    with pytest.raises(ModelError, match="OPENAI_API_KEY holds a blank") as caught:
        open_model("openai:tiny")
    assert planted not in everything_of(caught.value)


def test_switched_off_requests_stay_off(request_: Request) -> None:
    from pydantic_ai import models

    with Loopback(says(CODE)) as server:
        with models.override_allow_model_requests(False):
            with pytest.raises(ModelError, match="ALLOW_MODEL_REQUESTS"):
                at(server).complete(request_)
            assert models.ALLOW_MODEL_REQUESTS is False
        assert server.seen == []
        assert at(server).complete(request_).text == CODE


def test_inside_an_event_loop(request_: Request) -> None:
    async def notebook(model: Provided) -> Completion:
        return model.complete(request_)

    with Loopback(says(CODE)) as server:
        assert asyncio.run(notebook(at(server))).text == CODE
