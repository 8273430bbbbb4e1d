"""What a request may cost: bytes, nesting, rows and seconds. Reads bodies within these limits."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ingot.edges.http_errors import CLOSE, Refused
from ingot.runtime.lines import read_json

Receive = Callable[[], Awaitable[Mapping[str, Any]]]
_TEXTS = re.compile(rb'"(?:[^"\\]|\\.)*"?', re.DOTALL)


@dataclass(frozen=True, slots=True)
class Limits:
    """`body_bytes` of a request, or of a row of a stream; `depth` of nested JSON; `seconds` until a request is answered, or
    until the next row of a stream is there; `rows` of a batch as one array; `stream_rows` of a stream; `connections` open
    and `requests` under way at once; `head_bytes` and `head_seconds` of a request's first lines; `drain_seconds` for
    what is under way when the server is told to stop; `threads` for runs that take long or have steps."""

    body_bytes: int = 1 << 20
    depth: int = 32
    seconds: float = 30.0
    rows: int = 1_000
    stream_rows: int = 1_000_000
    connections: int = 1_000
    requests: int = 512
    head_bytes: int = 32_768
    head_seconds: float = 10.0
    drain_seconds: float = 30.0
    threads: int = 16


async def read_body(receive: Receive, headers: Mapping[bytes, bytes], limits: Limits) -> bytes:
    """The whole body. Raises Refused where it is larger than it may be, or the client went away."""
    stated = headers.get(b"content-length", b"0")
    if not stated.isdigit() or int(stated[:20]) > limits.body_bytes:
        raise _too_large(limits)
    message = await receive()
    if not message.get("more_body", False):  # by far the most bodies come whole
        body: bytes = message.get("body", b"")
        if len(body) > limits.body_bytes:
            raise _too_large(limits)
        return body
    whole = bytearray()
    while True:
        whole += _part(message)
        if len(whole) > limits.body_bytes:
            raise _too_large(limits)
        if not message.get("more_body", False):
            return bytes(whole)
        message = await receive()


async def read_lines(receive: Receive, limits: Limits, at_once: int) -> AsyncIterator[list[bytes]]:
    """The lines of a stream as they arrive, at most `at_once` together; blank ones are passed over. Raises Refused."""
    left = bytearray()
    more, ended = True, False
    while more:
        async with asyncio.timeout(limits.seconds):
            while more and not ended:
                message = await receive()
                part = _part(message)
                more, ended = bool(message.get("more_body", False)), b"\n" in part  # each byte is looked at once
                left += part
                if len(left) > limits.body_bytes and not ended:
                    raise Refused(413, f"a row has more than {limits.body_bytes} bytes", headers=[CLOSE])
        ended = False
        *lines, rest = bytes(left).split(b"\n")
        left = bytearray(rest if more else b"")
        found = [line for line in (lines if more else [*lines, rest]) if line.strip()]
        for first in range(0, len(found), at_once):
            yield found[first : first + at_once]


def read_value(body: bytes, limits: Limits) -> Any:
    """A body as strict JSON, decimals exact. Raises Refused; what the parser says of the text stays here."""
    if body.count(b"[") + body.count(b"{") > limits.depth and _depth(body) > limits.depth:
        raise Refused(400, f"the body is nested more than {limits.depth} deep", hint="give the inputs as they are")
    try:
        return read_json(body.decode())
    except ValueError:  # the parser's message may quote the text
        raise Refused(400, "the body is not strict JSON in UTF-8", hint="no key twice, no NaN, no comments") from None


def read_case(body: bytes, limits: Limits) -> dict[str, Any]:
    """A body that is an object. Raises Refused."""
    case = read_value(body, limits)
    if not isinstance(case, dict):
        raise Refused(422, "the body is no JSON object", hint="give an object of the inputs")
    return case


def _part(message: Mapping[str, Any]) -> bytes:
    if message["type"] == "http.disconnect":
        raise Refused(400, "the client went away before the body was there")
    part: bytes = message.get("body", b"")
    return part


def _too_large(limits: Limits) -> Refused:
    hint = "send less, or start the server with a larger --body-bytes"
    return Refused(413, f"the body has more than {limits.body_bytes} bytes", hint=hint, headers=[CLOSE])


def _depth(body: bytes) -> int:
    deepest = depth = 0
    for sign in re.findall(rb"[\[\]{}]", _TEXTS.sub(b"", body)):
        depth += 1 if sign in b"[{" else -1
        deepest = max(deepest, depth)
    return deepest
