"""Many rows in one request: a JSON array and one answer, or JSON Lines both ways, row by row."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from ingot.edges.http_call import JSON, JSON_LINES, LINES, Call, Reply, digest_header
from ingot.edges.http_errors import Refused
from ingot.edges.http_limits import Limits, read_body, read_case, read_lines, read_value
from ingot.edges.http_runs import Runs, told
from ingot.edges.http_shelf import Version
from ingot.store.encoding import encoded

AT_ONCE = 64


async def batch(call: Call, version: Version, runs: Runs, limits: Limits) -> Reply | None:
    """Run every row; one that fails says why in its place and keeps no other from running. None: answered as a stream."""
    key = call.text(b"idempotency-key")
    if key is not None:
        runs.once(version, call.caller.name, key)  # one that is no key refuses the whole, not each row
    work = _Rows(call, version, runs, key)
    if call.media in LINES:
        await _stream(call, work, limits)
        return None
    if call.media != JSON:
        hint = "application/json with an array, or application/jsonl"
        raise Refused(415, "this takes rows as JSON", place="Content-Type", hint=hint)
    rows = read_value(await read_body(call.receive, call.headers, limits), limits)
    if not isinstance(rows, list):
        raise Refused(422, "the body is no JSON array", hint="give an array of inputs")
    if len(rows) > limits.rows:
        hint = "send JSON Lines as application/jsonl, or use `ingot batch`"
        raise Refused(422, f"{len(rows)} rows, at most {limits.rows} in one array", hint=hint)
    done: list[dict[str, Any]] = []
    for first in range(0, len(rows), AT_ONCE):
        done += await work.run(first, rows[first : first + AT_ONCE])
        await asyncio.sleep(0)  # other requests have their turn
    failed = sum("error" in one for one in done)
    call.outcome = f"{len(done)} rows, {failed} failed"
    return Reply.of({"rows": done, "failed": failed}, headers=digest_header(version))


async def _stream(call: Call, work: _Rows, limits: Limits) -> None:
    reply = Reply(200, b"", JSON_LINES, digest_header(work.version))
    number = failed = 0
    lines = read_lines(call.receive, limits, AT_ONCE)
    try:
        async for some in lines:
            if number + len(some) > limits.stream_rows:
                hint = "use `ingot batch`"
                raise Refused(413, f"more than {limits.stream_rows} rows in one stream", hint=hint)
            async with asyncio.timeout(limits.seconds):
                done = await work.run(number, [_row(line, limits) for line in some])
            number += len(done)
            failed += sum("error" in one for one in done)
            await _send(call, reply, b"".join(encoded(one) + b"\n" for one in done))
    except TimeoutError:
        await _end(call, reply, Refused(503, f"no row within {limits.seconds:g} seconds", hint="send it faster"))
    except Refused as refused:
        await _end(call, reply, refused)
    call.outcome = f"{number} rows, {failed} failed"
    await _send(call, reply, b"", last=True)


async def _end(call: Call, reply: Reply, refused: Refused) -> None:
    """The stream stops here: an error before the first row is the answer, one after it the last line."""
    if not call.begun:
        raise refused
    call.error = refused.error
    await _send(call, reply, encoded({"row": None, "error": refused.to_json()}) + b"\n")


async def _send(call: Call, reply: Reply, body: bytes, *, last: bool = False) -> None:
    if not call.begun:
        call.begun = True
        await call.send(reply.head(length=False))
    await call.send({"type": "http.response.body", "body": body, "more_body": not last})


def _row(line: bytes, limits: Limits) -> Any:
    """A line's object, or the refusal of it."""
    try:
        return read_case(line, limits)
    except Refused as refused:
        return refused


class _Rows:
    def __init__(self, call: Call, version: Version, runs: Runs, key: str | None) -> None:
        self.version = version
        self._runs, self._key, self._caller = runs, key, call.caller.name

    async def run(self, first: int, rows: Sequence[Any]) -> list[dict[str, Any]]:
        """Some rows at once, answered in their order."""
        return await asyncio.gather(*(self._one(number, row) for number, row in enumerate(rows, start=first)))

    async def _one(self, number: int, row: Any) -> dict[str, Any]:
        try:
            if isinstance(row, Refused):
                raise row
            if not isinstance(row, dict):
                raise Refused(422, "the row is no JSON object", hint="give an object of the inputs")
            once = None if self._key is None else self._runs.once(self.version, self._caller, self._key, number)
            return {"row": number, **told(await self._runs.run(self.version, row, once=once))}
        except Refused as refused:
            return {"row": number, "error": refused.to_json()}
