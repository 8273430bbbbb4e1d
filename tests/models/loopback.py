"""A model endpoint on loopback with the real wire formats of OpenAI, Ollama and Anthropic, and scripted behaviour."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any


@dataclass
class Seen:
    """One request as it arrived."""

    path: str
    headers: dict[str, str]
    body: dict[str, Any]


@dataclass
class Reply:
    """What to send back. `headers` replace none of those that HTTP needs; `raw` is sent as it is."""

    status: int = 200
    body: dict[str, Any] | None = None
    raw: bytes | None = None
    headers: dict[str, str] = field(default_factory=dict)


Behaviour = Callable[[Seen, "Loopback"], Reply | None]


class Loopback:
    """Serves the behaviours in turn, the last one for ever. None from a behaviour hangs up without an answer."""

    def __init__(self, *behaviours: Behaviour) -> None:
        self.behaviours = behaviours
        self.seen: list[Seen] = []
        self.released = threading.Event()
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._class())
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    @property
    def url(self) -> str:
        return f"{self.address}/v1"

    def __enter__(self) -> Loopback:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.released.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)

    def answer(self, seen: Seen) -> Reply | None:
        with self._lock:
            self.seen.append(seen)
            number = len(self.seen) - 1
        return self.behaviours[min(number, len(self.behaviours) - 1)](seen, self)

    def _class(self) -> type[BaseHTTPRequestHandler]:
        loopback = self

        class Answering(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                headers = {key.lower(): value for key, value in self.headers.items()}
                reply = loopback.answer(Seen(self.path, headers, body))
                if reply is None:
                    self.close_connection = True
                    return
                content = reply.raw if reply.raw is not None else json.dumps(reply.body).encode()
                self.send_response(reply.status)
                for key, value in {"Content-Type": "application/json", **reply.headers}.items():
                    self.send_header(key, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                try:
                    self.wfile.write(content)
                except (BrokenPipeError, ConnectionResetError):
                    self.close_connection = True

            def log_message(self, format: str, *args: Any) -> None:
                pass

        return Answering


def chat(text: str | None, *, finish: str = "stop", usage: tuple[int, int] | None = (11, 7), **message: Any) -> Reply:
    """A chat completion as OpenAI and Ollama write it."""
    body: dict[str, Any] = {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1_750_000_000,
        "model": "tiny-2025-01-01",
        "choices": [
            {"index": 0, "finish_reason": finish, "message": {"role": "assistant", "content": text, **message}}
        ],
    }
    if usage is not None:
        body["usage"] = {
            "prompt_tokens": usage[0],
            "completion_tokens": usage[1],
            "total_tokens": sum(usage),
        }
    return Reply(body=body)


def says(text: str | None, **options: Any) -> Behaviour:
    return lambda seen, server: chat(text, **options)


def fails(status: int, message: str = "no", *, code: str | None = None, **headers: str) -> Behaviour:
    body = {"error": {"message": message, "type": "error", "code": code}}
    return lambda seen, server: Reply(status, body, headers={k.replace("_", "-"): v for k, v in headers.items()})


def echoes_key(seen: Seen, server: Loopback) -> Reply:
    """The worst provider: repeats the credentials in its error, bare and as the header was sent."""
    sent = seen.headers.get("authorization") or seen.headers.get("x-api-key", "")
    bare = sent.removeprefix("Bearer ")
    return Reply(401, {"error": {"message": f"Incorrect API key provided: {bare} ({sent})", "code": "invalid_api_key"}})


def hangs(seen: Seen, server: Loopback) -> None:
    server.released.wait(20)


def hangs_up(seen: Seen, server: Loopback) -> None:
    return None


def sends(raw: bytes, **headers: str) -> Behaviour:
    return lambda seen, server: Reply(raw=raw, headers={k.replace("_", "-"): v for k, v in headers.items()})


def anthropic_message(content: list[dict[str, Any]], stop: str = "end_turn") -> Behaviour:
    """A message as Anthropic writes it."""
    body = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude-haiku-4-5-20251001",
        "content": content,
        "stop_reason": stop,
        "stop_sequence": None,
        "usage": {"input_tokens": 21, "output_tokens": 9},
    }
    return lambda seen, server: Reply(body=body)
