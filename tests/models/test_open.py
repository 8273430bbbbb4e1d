"""Provider strings."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from importlib.machinery import ModuleSpec
from pathlib import Path

import pytest

from ingot.errors import ModelError
from ingot.models import Budget, Budgeted, Endpoint, Files, Local, Model, Provided, Replay, open_model


def endpoint(name: str) -> Endpoint:
    model = open_model(name)
    assert isinstance(model, Provided)
    assert model.name == name
    return model.endpoint


def test_each_form_opens_its_backend(tmp_path: Path, planted: str) -> None:
    (tmp_path / "m.gguf").write_bytes(b"GGUF....")
    expected = {
        "anthropic:claude-haiku-4-5": Provided,
        "openai:gpt-5": Provided,
        "ollama:qwen2.5-coder:1.5b": Provided,
        f"files:{tmp_path}": Files,
        f"replay:{tmp_path}": Replay,
    }
    if importlib.util.find_spec("llama_cpp"):
        expected[f"local:{tmp_path}/m.gguf"] = Local
    for name, kind in expected.items():
        model = open_model(name)
        assert type(model) is kind
        assert isinstance(model, Model)
        assert model.name == name


def test_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    assert endpoint("openai:m@http://127.0.0.1:8000/v1/") == Endpoint("openai", "m", "http://127.0.0.1:8000/v1")
    assert endpoint("openai:@cf/meta/m@https://h/v1") == Endpoint("openai", "@cf/meta/m", "https://h/v1")
    assert endpoint("ollama:q:1.5b") == Endpoint("ollama", "q:1.5b", "http://localhost:11434/v1")
    assert endpoint("ollama:q@http://box:11434/v1") == Endpoint("ollama", "q", "http://box:11434/v1")
    monkeypatch.setenv("OLLAMA_BASE_URL", "http://box:11434/")
    assert endpoint("ollama:q") == Endpoint("ollama", "q", "http://box:11434/v1")
    monkeypatch.setenv("OPENAI_BASE_URL", "https://proxy.example/v1")
    assert endpoint("openai:m") == Endpoint("openai", "m", "https://proxy.example/v1")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("antropic:claude", "did you mean 'anthropic:claude'"),
        ("OpenAI:gpt-5", "did you mean 'openai:gpt-5'"),
        ("olama:q", "did you mean 'ollama:q'"),
        ("gpt-5", "did you mean 'openai:gpt-5'"),
        ("claude-haiku-4-5", "did you mean 'anthropic:claude-haiku-4-5'"),
        ("/models/q.gguf", "did you mean 'local:/models/q.gguf'"),
        ("anthropic:", "write anthropic:MODEL"),
        ("replay", "write replay:DIR"),
        ("", "the forms are anthropic:MODEL"),
        ("zzz:q", "the forms are anthropic:MODEL"),
    ],
)
def test_an_unknown_string_says_what_was_meant(name: str, said: str) -> None:
    with pytest.raises(ModelError, match="names no model") as caught:
        open_model(name)
    assert repr(name) in str(caught.value)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    "url", ["http://", "https:///v1", "http://h:99999999/v1", "http://[::1/v1", "http://a b/v1", "http://h:0/v1"]
)
def test_an_address_that_is_none(url: str) -> None:
    with pytest.raises(ModelError, match="base URL"):
        open_model(f"openai:m@{url}")


@pytest.mark.parametrize("url", ["https://me:sk-secret-12345@h/v1", "https://h/v1?key=sk-secret-12345"])
def test_credentials_in_an_address_are_refused_and_not_repeated(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ModelError, match="credentials or a query") as caught:
        open_model(f"openai:m@{url}")
    assert "sk-secret" not in str(caught.value)
    monkeypatch.setenv("OLLAMA_BASE_URL", url)
    with pytest.raises(ModelError, match="OLLAMA_BASE_URL: the base URL holds credentials") as caught:
        open_model("ollama:m")
    assert "sk-secret" not in str(caught.value)


@pytest.mark.parametrize(("name", "variable"), [("anthropic:m", "ANTHROPIC_API_KEY"), ("openai:m", "OPENAI_API_KEY")])
def test_a_missing_key_is_named_at_once(name: str, variable: str) -> None:
    with pytest.raises(ModelError, match=f"needs a key in {variable}"):
        open_model(name)


def test_a_missing_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, planted: str) -> None:
    (tmp_path / "m.gguf").write_bytes(b"GGUF....")
    find_spec = importlib.util.find_spec

    def without(name: str, package: str | None = None) -> ModuleSpec | None:
        return None if name in ("pydantic_ai", "llama_cpp") else find_spec(name, package)

    monkeypatch.setattr(importlib.util, "find_spec", without)
    with pytest.raises(ModelError, match=r"pip install 'ingot\[providers\]'"):
        open_model("openai:gpt-5")
    with pytest.raises(ModelError, match=r"pip install 'ingot\[local\]'"):
        open_model(f"local:{tmp_path}/m.gguf")


def test_a_model_file_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"none\.gguf' cannot be read: No such file"):
        open_model(f"local:{tmp_path}/none.gguf")
    (tmp_path / "text.gguf").write_text("GGML")
    with pytest.raises(ModelError, match="is not a GGUF file"):
        open_model(f"local:{tmp_path}/text.gguf")


def test_budget_and_timeout(tmp_path: Path, planted: str) -> None:
    assert isinstance(open_model("openai:gpt-5", budget=Budget(max_tokens=5)), Budgeted)
    assert isinstance(open_model("openai:gpt-5", budget=Budget()), Provided)
    model = open_model(f"files:{tmp_path}", timeout=7)
    assert isinstance(model, Files)
    assert model.timeout == 7
    with pytest.raises(ModelError, match="leaves no time"):
        open_model("openai:gpt-5", timeout=0)


def test_opening_a_model_imports_no_model_library(tmp_path: Path) -> None:
    (tmp_path / "m.gguf").write_bytes(b"GGUF....")
    code = (
        "import sys; from ingot.models import open_model; open_model('openai:m@http://127.0.0.1:1/v1');"
        f"open_model('files:{tmp_path}');"
        "print([m for m in ('pydantic_ai', 'openai', 'anthropic', 'httpx2', 'llama_cpp', 'numpy') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
