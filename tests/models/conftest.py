"""No test of a model reaches an address other than loopback, and none sees a key of the person who runs it."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from ingot.models import Request
from ingot.models.reply import KEY_VARIABLES

PLANTED = "sk-planted-0123456789abcdefghijklmnop"


@pytest.fixture(autouse=True)
def _loopback_only(monkeypatch: pytest.MonkeyPatch) -> None:
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: Any) -> None:
        if isinstance(address, tuple) and address[0] not in ("127.0.0.1", "::1"):
            raise AssertionError(f"a test reached for {address!r}")
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", guarded)
    for name in (*KEY_VARIABLES, "OPENAI_BASE_URL", "OLLAMA_BASE_URL", "ANTHROPIC_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.fixture
def planted(monkeypatch: pytest.MonkeyPatch) -> str:
    """A key in every variable that a provider reads."""
    for name in KEY_VARIABLES:
        monkeypatch.setenv(name, PLANTED)
    return PLANTED


@pytest.fixture
def request_() -> Request:
    return Request("You write Python.", "Write f.", ("f",), max_tokens=50)
