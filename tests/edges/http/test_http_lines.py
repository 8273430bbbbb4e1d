"""Lines of a stream that arrives in pieces."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from ingot.edges import http_limits
from ingot.edges.http_errors import Refused
from ingot.edges.http_limits import Limits, read_lines

WORK = {"looked at": 0}


class Counted(bytearray):
    """Counts the bytes that somebody looks through."""

    def __contains__(self, sought: Any) -> bool:
        WORK["looked at"] += len(self)
        return super().__contains__(sought)

    def find(self, *given: Any) -> int:
        WORK["looked at"] += len(self)
        return super().find(*given)

    rfind = find


class CountedPart(bytes):
    def __contains__(self, sought: Any) -> bool:
        WORK["looked at"] += len(self)
        return super().__contains__(sought)


def read(parts: Iterator[bytes], limits: Limits) -> list[list[bytes]]:
    async def receive() -> dict[str, Any]:
        part = next(parts, None)
        return {"type": "http.request", "body": part or b"", "more_body": part is not None}

    async def drive() -> list[list[bytes]]:
        return [some async for some in read_lines(receive, limits, 3)]

    return asyncio.run(drive())


@pytest.mark.parametrize("size", [1, 2, 3, 5, 100])
def test_lines_are_the_same_however_they_arrive(size: int) -> None:
    whole = b'{"a":1}\n\n{"b":22}\r\n  \n{"c":333}\n{"d":4}\n{"e":5}'
    parts = iter([whole[at : at + size] for at in range(0, len(whole), size)])
    found = [line.strip() for some in read(parts, Limits()) for line in some]
    assert found == [b'{"a":1}', b'{"b":22}', b'{"c":333}', b'{"d":4}', b'{"e":5}']


def test_a_line_in_tiny_pieces_is_looked_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_limits, "bytearray", Counted, raising=False)
    WORK["looked at"] = 0
    length = 20_000
    found = read(iter([CountedPart(b"a")] * length + [CountedPart(b"\n")]), Limits())
    assert found == [[b"a" * length]]
    assert WORK["looked at"] == length + 1


def test_a_line_without_an_end_is_refused_at_its_limit() -> None:
    taken: list[int] = []

    def parts() -> Iterator[bytes]:
        while True:
            taken.append(1)
            yield b"a" * 10

    with pytest.raises(Refused) as caught:
        read(parts(), replace(Limits(), body_bytes=1000))
    assert caught.value.status == 413
    assert len(taken) == 101
