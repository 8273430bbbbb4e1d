"""Real counterparts for the modules: an HTTP server and an SMTP server, on loopback (PostgreSQL: see above)."""

from __future__ import annotations

import http.server
import json
import socketserver
import sys
import threading
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from ingot import library


@pytest.fixture
def operation() -> Callable[..., Callable[[dict[str, Any]], dict[str, Any]]]:
    """An operation of a module, loaded the way the runtime does: from the bytes, in a namespace of its own."""

    def make(name: str, settings: dict[str, Any], **environment: str) -> Any:
        return loaded(name.partition(".")[0])["OPERATIONS"][name](settings, environment)

    return make


def loaded(module: str) -> dict[str, Any]:
    namespace: dict[str, Any] = {"__name__": f"ingot_module_{module}"}
    exec(compile(library.read("modules", module), f"modules/{module}.py", "exec"), namespace)
    return namespace


# ---- HTTP --------------------------------------------------------------------------------------------------------


class _Web(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        server: Any = self.server
        server.requests.append(SimpleNamespace(path=self.path, headers=dict(self.headers), body=body))
        status, content, headers = server.replies.pop(0) if server.replies else (200, {"ok": True}, {})
        payload = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.send_response(status)
        for name, value in {"Content-Length": str(len(payload)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(payload)

    do_GET = do_POST = _answer

    def log_message(self, format: str, *args: Any) -> None:
        pass


class _WebServer(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up between two requests is none: its trace would stand in what the command under test says."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


@pytest.fixture
def web() -> Iterator[Any]:
    """A loopback server: `replies` are given in turn, `requests` are what came in, `url` is where it is."""
    server: Any = _WebServer(("127.0.0.1", 0), _Web)
    server.requests, server.replies = [], []
    server.url = f"http://127.0.0.1:{server.server_address[1]}"
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


# ---- SMTP --------------------------------------------------------------------------------------------------------


class _Mail(socketserver.StreamRequestHandler):
    """Enough of RFC 5321 to take a message, offer STARTTLS and check a password."""

    def handle(self) -> None:
        server: Any = self.server
        secure = user = None
        self._say("220 test")
        recipients: list[str] = []
        while line := self.rfile.readline():
            verb = line.split()[0].upper().decode() if line.split() else ""
            if verb == "EHLO":
                self._say("250-test\r\n250-AUTH PLAIN\r\n250 STARTTLS" if server.context else "250 test")
            elif verb == "STARTTLS" and server.context:
                self._say("220 go")
                secure = server.context.wrap_socket(self.connection, server_side=True)
                self.rfile, self.wfile = secure.makefile("rb"), secure.makefile("wb", 0)
            elif verb == "AUTH":
                user = line.split()[2]
                self._say("235 ok" if user == server.login else "535 no: " + user.decode())
            elif verb == "RCPT":
                recipients.append(line.decode().strip())
                self._say("250 ok")
            elif verb == "DATA":
                self._say("354 go")
                content = b"".join(iter(self.rfile.readline, b".\r\n"))
                server.messages.append(
                    SimpleNamespace(content=content, recipients=recipients, secure=secure is not None, login=user)
                )
                self._say("250 ok")
            elif verb == "QUIT":
                self._say("221 bye")
                return
            else:
                self._say("250 ok")

    def _say(self, text: str) -> None:
        self.wfile.write(text.encode() + b"\r\n")


@pytest.fixture
def mail() -> Iterator[Any]:
    """A loopback mail server: `messages` holds what it took; `context` switches STARTTLS on; `login` is AUTH PLAIN."""

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        allow_reuse_address = True

        def handle_error(self, request: Any, client_address: Any) -> None:
            """A client that breaks off is what some tests are about."""

    server: Any = Server(("127.0.0.1", 0), _Mail)
    server.messages, server.context, server.login = [], None, b""
    server.port = server.server_address[1]
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()
