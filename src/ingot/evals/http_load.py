"""Requests as fast as a server takes them, over loopback: with wrk where it is installed, else with sockets of our own."""

from __future__ import annotations

import asyncio
import json
import shutil
import statistics
import subprocess
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ingot.errors import StageError

_SCRIPT = """
wrk.method = "POST"
wrk.body = %s
wrk.headers["Content-Type"] = "application/json"
done = function(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format('{"requests":%%d,"us":%%d,"p50_us":%%d,"p99_us":%%d,"failed":%%d}\\n', summary.requests,
    summary.duration, latency:percentile(50), latency:percentile(99),
    errors.status + errors.connect + errors.read + errors.write + errors.timeout))
end
"""


@dataclass(frozen=True, slots=True)
class Load:
    """Requests a second, milliseconds of a request at the median and at the 99th percentile, and how many failed."""

    a_second: float
    p50_ms: float
    p99_ms: float
    failed: int

    def to_json(self) -> dict[str, Any]:
        """As plain JSON."""
        return asdict(self)


def has_wrk() -> bool:
    """Whether wrk is installed."""
    return shutil.which("wrk") is not None


def load_of(url: str, body: bytes, *, seconds: float, connections: int) -> Load:
    """POST `body` at `url` over so many connections at once. Raises StageError where wrk breaks."""
    if has_wrk():
        return _wrk(url, body, seconds, connections)
    return asyncio.run(_own(url, body, seconds, connections))


def _wrk(url: str, body: bytes, seconds: float, connections: int) -> Load:
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "post.lua"
        script.write_text(_SCRIPT % json.dumps(body.decode()), encoding="utf-8")  # JSON's escapes are Lua's here
        threads, duration = f"-t{min(2, connections)}", f"-d{max(1, round(seconds))}s"
        command = ["wrk", threads, f"-c{connections}", duration, "-s", str(script), url]
        done = subprocess.run(command, capture_output=True, text=True, timeout=seconds + 60, check=False)
    rows = [line for line in done.stdout.splitlines() if line.startswith("{")]
    if done.returncode or not rows:
        raise StageError(f"wrk failed: {(done.stderr or done.stdout).strip()[-300:]}", place=url)
    found = json.loads(rows[0])
    return Load(
        found["requests"] / found["us"] * 1e6, found["p50_us"] / 1e3, found["p99_us"] / 1e3, int(found["failed"])
    )


async def _own(url: str, body: bytes, seconds: float, connections: int) -> Load:
    parts = urlsplit(url)
    head = f"POST {parts.path} HTTP/1.1\r\nhost: {parts.netloc}\r\ncontent-type: application/json\r\n"
    request = f"{head}content-length: {len(body)}\r\n\r\n".encode() + body
    until = time.perf_counter() + seconds
    each = [_client(parts.hostname or "", parts.port or 80, request, until) for _ in range(connections)]
    started = time.perf_counter()
    done = await asyncio.gather(*each)
    took = time.perf_counter() - started
    times = [one for found, _ in done for one in found]
    if len(times) < 2:
        raise StageError("no request was answered", place=url)
    centiles = statistics.quantiles(times, n=100)
    return Load(len(times) / took, centiles[49] * 1e3, centiles[98] * 1e3, sum(failed for _, failed in done))


async def _client(host: str, port: int, request: bytes, until: float) -> tuple[list[float], int]:
    reader, writer = await asyncio.open_connection(host, port)
    times: list[float] = []
    failed = 0
    while (started := time.perf_counter()) < until:
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        lines = head.lower().split(b"\r\n")
        length = next(int(line[15:]) for line in lines if line.startswith(b"content-length:"))
        await reader.readexactly(length)
        failed += not lines[0].startswith(b"http/1.1 200")
        times.append(time.perf_counter() - started)
    writer.close()
    return times, failed
