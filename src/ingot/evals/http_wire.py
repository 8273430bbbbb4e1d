"""A client that may send anything: bytes and pauses over one connection, and what came back, read as HTTP."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

_FIRST = re.compile(rb"HTTP/1\.1 ([1-5]\d\d) [^\r\n]*\r\n")
ERROR_KEYS = frozenset(("error", "place", "hint"))


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer: its status, its headers by lower-case names, and its body without chunking."""

    status: int
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Talk:
    """What a connection came to: its answers, the seconds it took, whether the server ended it in time, and what of the
    bytes was no HTTP answer."""

    answers: tuple[Answer, ...]
    seconds: float
    ended: bool
    wrong: str | None


async def talk(
    host: str, port: int, sends: Sequence[bytes | float], *, longest: float, leaves: bool = False, head: bool = False
) -> Talk:
    """Send bytes, and wait so many seconds where a number is; then read until the server closes, for at most `longest`.

    `leaves` breaks the connection off in place of reading. `head` says that answers come without their bodies.
    """
    loop = asyncio.get_running_loop()
    began = loop.time()
    reader, writer = await asyncio.open_connection(host, port, limit=1 << 24)
    reading = loop.create_task(_all(reader))
    try:
        with suppress(OSError):  # cut off while sending: what was answered until then counts
            await _send(writer, sends)
        if leaves:
            writer.transport.abort()
            await reading
            return Talk((), loop.time() - began, True, None)
        await asyncio.wait((reading,), timeout=longest)
        ended = reading.done()
    finally:
        writer.transport.abort()
    got = await reading
    answers, wrong = read_answers(got, head=head)
    return Talk(tuple(answers), loop.time() - began, ended, wrong)


async def _send(writer: asyncio.StreamWriter, sends: Sequence[bytes | float]) -> None:
    for one in sends:
        if isinstance(one, bytes):
            writer.write(one)
            await writer.drain()
        else:
            await asyncio.sleep(one)


async def _all(reader: asyncio.StreamReader) -> bytes:
    got = bytearray()
    with suppress(OSError):  # the server reset the connection
        while part := await reader.read(1 << 16):
            got += part
    return bytes(got)


def read_answers(got: bytes, *, head: bool = False) -> tuple[list[Answer], str | None]:
    """The answers in what a server sent, and what is wrong with it. Interim answers (1xx) are passed over."""
    found: list[Answer] = []
    while got:
        first = _FIRST.match(got)
        lines, end, rest = got[first.end() - 2 :].partition(b"\r\n\r\n") if first else (b"", b"", b"")
        if first is None or not end:
            return found, f"no HTTP answer after {len(found)} of them: {got[:40]!r}"
        status = int(first[1])
        headers = {
            name.strip().lower(): value.strip()
            for name, _, value in (line.partition(":") for line in lines.decode("latin-1").split("\r\n")[1:])
        }
        if status < 200:
            got = rest
            continue
        body, got = _body(headers, rest, none=head)
        if body is None:
            return found, f"an answer {status} that breaks off"
        found.append(Answer(status, headers, body))
    return found, None


def _body(headers: dict[str, str], rest: bytes, *, none: bool) -> tuple[bytes | None, bytes]:
    if none and not (headers.get("connection") == "close" and rest):  # what is no request is answered with a body
        return b"", rest
    if headers.get("transfer-encoding") != "chunked":
        size = int(headers.get("content-length", "0"))
        return (rest[:size], rest[size:]) if len(rest) >= size else (None, b"")
    whole = bytearray()
    while True:
        line, end, rest = rest.partition(b"\r\n")
        if not end or len(rest) < int(line, 16) + 2:
            return None, b""
        size = int(line, 16)
        whole += rest[:size]
        rest = rest[size + 2 :]
        if not size:
            return bytes(whole), rest


def ill_formed(answer: Answer) -> str | None:
    """What is wrong with an answer: an error is one JSON object ``{error, place, hint}``, anything else what it says."""
    media = answer.headers.get("content-type", "").partition(";")[0]
    if answer.status == 200 and media == "text/plain":
        return None
    lines = answer.body.splitlines() if media == "application/jsonl" else [answer.body]
    try:
        told: list[Any] = [json.loads(line) for line in lines]
    except ValueError:
        return f"{answer.status} with a body that is no JSON, said to be {media!r}"
    if answer.status == 200:
        return None
    if media != "application/json" or not isinstance(told[0], dict) or set(told[0]) - {"fields"} != ERROR_KEYS:
        return f"{answer.status} without {{error, place, hint}}"
    return None
