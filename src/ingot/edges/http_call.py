"""One request and its answer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from ingot.edges.http_errors import Header, Refused
from ingot.edges.http_limits import Receive
from ingot.edges.http_shelf import Version
from ingot.edges.http_tokens import ANYBODY, Caller
from ingot.store.encoding import encoded

Scope = MutableMapping[str, Any]
Send = Callable[[Mapping[str, Any]], Awaitable[None]]
JSON, JSON_LINES, TEXT = b"application/json", b"application/jsonl", b"text/plain; charset=utf-8"
LINES = (JSON_LINES, b"application/x-ndjson", b"application/ndjson")

_ALWAYS: tuple[Header, ...] = ((b"cache-control", b"no-store"), (b"x-content-type-options", b"nosniff"))


@dataclass
class Call:
    """A request on its way: `route` is its path's template, `part` the name in the path. What the log and the trace may
    say of it is gathered here; no value of a workflow is among it."""

    scope: Scope
    receive: Receive
    send: Send
    route: str = "?"
    part: str | None = None
    caller: Caller = ANYBODY
    headers: Mapping[bytes, bytes] = field(default_factory=dict)
    version: Version | None = None
    run: str | None = None
    outcome: str | None = None
    error: str | None = None
    begun: bool = False

    @property
    def method(self) -> str:
        """GET, POST and so on."""
        method: str = self.scope["method"]
        return method

    @property
    def media(self) -> bytes:
        """The body's media type, without its parameters."""
        return self.headers.get(b"content-type", b"").partition(b";")[0].strip().lower()

    def query(self) -> dict[str, str]:
        """The query's parameters. Raises Refused where one is there twice or is no text."""
        try:
            pairs = parse_qsl(
                self.scope["query_string"].decode("ascii"),
                keep_blank_values=True,
                strict_parsing=bool(self.scope["query_string"]),
                errors="strict",
                max_num_fields=20,
            )
        except ValueError:
            raise Refused(422, "the query cannot be read") from None
        if len(dict(pairs)) < len(pairs):
            raise Refused(422, "a parameter is there twice")
        return dict(pairs)

    def text(self, name: bytes) -> str | None:
        """A header as text, or None."""
        found = self.headers.get(name)
        return None if found is None else found.decode("latin-1")


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole answer."""

    status: int
    body: bytes
    media: bytes = JSON
    headers: tuple[Header, ...] = ()

    @staticmethod
    def of(value: Any, status: int = 200, headers: tuple[Header, ...] = ()) -> Reply:
        """A value as JSON."""
        return Reply(status, encoded(value), JSON, headers)

    @staticmethod
    def refusing(refused: Refused) -> Reply:
        """The answer to a request that is refused."""
        return Reply(refused.status, encoded(refused.to_json()), JSON, tuple(refused.headers))

    def head(self, length: bool = True) -> dict[str, Any]:
        """The message that begins the answer."""
        size = ((b"content-length", str(len(self.body)).encode()),) if length else ()
        headers = [(b"content-type", self.media), *size, *_ALWAYS, *self.headers]
        return {"type": "http.response.start", "status": self.status, "headers": headers}

    async def give(self, send: Send) -> None:
        """Send it."""
        await send(self.head())
        await send({"type": "http.response.body", "body": self.body})


def digest_header(version: Version) -> tuple[Header, ...]:
    """Which artifact answered."""
    return ((b"x-ingot-digest", version.digest.encode()),)
