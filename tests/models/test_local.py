"""A real model file in this process."""

from __future__ import annotations

import ast
import json
import os
import time
from dataclasses import replace
from pathlib import Path

import pytest

from ingot.errors import ModelError, ModelTimeout, PromptTooLong
from ingot.models import Local, Request, open_model

GGUF = os.environ.get("INGOT_TEST_GGUF")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not GGUF, reason="INGOT_TEST_GGUF does not name a model file (a GGUF of about 1 GB)"),
]

ASKED = Request(
    "You write pure Python functions. Reply with one fenced python block and nothing else.",
    "Write `def fee(kilos: int) -> int:`. Up to 5 kilos cost 10, more cost 20.",
    ("fee",),
    max_tokens=120,
)


@pytest.fixture(scope="module")
def model() -> Local:
    opened = open_model(f"local:{GGUF}", context=2_048)
    assert isinstance(opened, Local)
    return opened


def test_one_block_of_code_and_a_true_count(model: Local, capfd: pytest.CaptureFixture[str]) -> None:
    completion = model.complete(ASKED)
    assert completion.text.startswith("```python\n")
    assert completion.text.endswith("\n```\n")
    assert completion.text.count("```") == 2
    code = completion.text.removeprefix("```python\n").removesuffix("```\n")
    assert [node.name for node in ast.parse(code).body if isinstance(node, ast.FunctionDef)] == ["fee"]
    assert 30 < completion.usage.input_tokens < 80
    assert 10 < completion.usage.output_tokens <= 120
    assert completion.model == f"local:{Path(GGUF or '').name}"
    assert capfd.readouterr() == ("", "")


def test_the_same_request_gets_the_same_reply_whatever_came_between(model: Local) -> None:
    warm = replace(ASKED, temperature=0.9, seed=3)
    first, cold = model.complete(warm), model.complete(ASKED)
    model.complete(replace(ASKED, prompt="Write `def g() -> int:`.", max_tokens=20))
    assert model.complete(warm).text == first.text
    assert model.complete(ASKED).text == cold.text
    assert len({model.complete(replace(warm, seed=seed)).text for seed in range(4)}) > 1


def test_a_schema_is_kept_to(model: Local) -> None:
    schema = {
        "type": "object",
        "properties": {"even": {"type": "boolean"}, "kind": {"enum": ["number", "word"]}},
        "required": ["even", "kind"],
        "additionalProperties": False,
    }
    asked = Request("Answer as JSON.", "Is 4 even, and what is it?", schema=schema, max_tokens=60)
    answer = json.loads(model.complete(asked).text)
    assert set(answer) == {"even", "kind"}
    assert isinstance(answer["even"], bool)
    assert answer["kind"] in ("number", "word")
    with pytest.raises(ModelError, match="cut off after 3 tokens"):
        model.complete(replace(asked, max_tokens=3))


def test_a_cut_off_reply_has_an_open_block(model: Local) -> None:
    assert model.complete(replace(ASKED, max_tokens=5)).text.count("```") == 1


def test_limits(model: Local) -> None:
    with pytest.raises(PromptTooLong, match=r"the prompt has [\d]+ tokens; .* has a context of 2048"):
        model.complete(replace(ASKED, prompt="word " * 3_000))
    hurried = Local(model.path, timeout=0.5, context=2_048)
    hurried._llama = model._llama
    began = time.monotonic()
    with pytest.raises(ModelTimeout, match=r"not done within 0\.5 s"):
        hurried.complete(replace(ASKED, prompt="different " * 1_500))
    assert time.monotonic() - began < 20  # one chunk of the prompt, not all of it
    assert model.complete(replace(ASKED, max_tokens=3)).usage.output_tokens == 3
