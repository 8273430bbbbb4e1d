"""uvicorn's protocol with limits on what comes before a request is one: the time and the size of its first lines, and how
many connections there are. Its own errors are JSON too, and tell nothing of the request."""

from __future__ import annotations

import asyncio
import json
from typing import Any, ClassVar

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from ingot.edges.http_limits import Limits


class Guarded(HttpToolsProtocol):
    """One connection. A client that sends its request's first lines too slowly, or too many of them, is cut off."""

    limits: ClassVar[Limits]

    _timer: asyncio.TimerHandle | None = None
    _head = 0
    _in_head = True
    _certificate: str | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A connection is there: its first request must follow soon."""
        super().connection_made(transport)
        if len(self.connections) > self.limits.connections:
            self._stop(503, "too many connections")
            return
        self._certificate = _common_name(transport.get_extra_info("peercert"))
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """It is gone."""
        self._unwait()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Some bytes of it."""
        if self.transport.is_closing():
            return
        before = self._in_head
        super().data_received(data)
        if before and self._in_head:
            self._head += len(data)
            if self._head > self.limits.head_bytes:
                self._too_large()

    def on_message_begin(self) -> None:
        """The first byte of a request."""
        super().on_message_begin()
        self._in_head, self._head = True, 0
        if self._timer is None:
            self._wait()
        if self._certificate is not None:
            self.scope["extensions"] = {"ingot.certificate": {"name": self._certificate}}

    def on_headers_complete(self) -> None:
        """The request's first lines are there, maybe all at once; its body is the application's to limit."""
        self._in_head = False
        self._unwait()
        size = len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)
        if size > self.limits.head_bytes:
            self._too_large()
            raise ValueError("these first lines are not read further")  # the parser stops at it
        super().on_headers_complete()

    def send_400_response(self, msg: str) -> None:
        """Something that is no request."""
        self._stop(400, "this is no HTTP request")

    def _too_large(self) -> None:
        self._stop(431, f"the first lines of a request have more than {self.limits.head_bytes} bytes")

    def _wait(self) -> None:
        self._timer = self.loop.call_later(self.limits.head_seconds, self._late)

    def _unwait(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _late(self) -> None:
        self._timer = None
        self._stop(408, f"no request within {self.limits.head_seconds:g} seconds")

    def _stop(self, status: int, error: str) -> None:
        self._unwait()
        if self.transport.is_closing():
            return
        body = json.dumps({"error": error, "place": None, "hint": None}).encode()
        head = f"HTTP/1.1 {status} Refused\r\ncontent-type: application/json\r\nconnection: close\r\n"
        self.transport.write(f"{head}content-length: {len(body)}\r\n\r\n".encode() + body)
        self.transport.close()


def protocol_class(limits: Limits) -> type[Guarded]:
    """The protocol with these limits."""
    return type("LimitedProtocol", (Guarded,), {"limits": limits})


def _common_name(certificate: Any) -> str | None:
    """The common name of a client's certificate, which TLS has verified."""
    for part in (certificate or {}).get("subject", ()):
        for name, value in part:
            if name == "commonName":
                return str(value)
    return None
