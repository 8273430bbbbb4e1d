"""The server under attack: a process of its own with a store, tokens, spans and a log, and all that it says, kept."""

from __future__ import annotations

import base64
import gzip
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from ingot.edges.http_tokens import new_token
from ingot.errors import StageError
from ingot.evals.http_attacks import BODY_BYTES, RUN_ID
from ingot.evals.http_wire import Answer

SCOPES = {"run": "run", "review": "review,run", "admin": "admin"}
START_SECONDS = 60


class Spans:
    """A collector of OpenTelemetry spans on loopback (OTLP over HTTP): their bytes, as they came."""

    def __init__(self) -> None:
        self.got = bytearray()
        kept = self

        class Collecting(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                kept.got += gzip.decompress(body) if self.headers.get("content-encoding") == "gzip" else body
                self.send_response(200)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                """Nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Collecting)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"


class Attacked:
    """A server that was started. `answered` are the runs that its answers told, `errors` all that its errors said."""

    def __init__(self, folder: Path, process: subprocess.Popen[bytes], url: str, tokens: Mapping[str, str]) -> None:
        self.folder, self.process, self.url, self.tokens = folder, process, url, tokens
        self.host, _, port = url.removeprefix("http://").partition(":")
        self.port = int(port)
        self.answered: set[str] = set()
        self.errors = bytearray()
        self.figures = b""
        self.said = b""

    def ask(self, method: str, path: str, token: str | None, body: Any = None) -> Answer:
        """One proper request."""
        connection = HTTPConnection(self.host, self.port, timeout=START_SECONDS)
        headers = {"content-type": "application/json"}
        headers |= {} if token is None else {"authorization": f"Bearer {self.tokens[token]}"}
        try:
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            answer = connection.getresponse()
            told = answer.read()
        finally:
            connection.close()
        self.keep(answer.status, told)
        return Answer(answer.status, {name.lower(): value for name, value in answer.getheaders()}, told)

    def keep(self, status: int, body: bytes) -> None:
        """Keep what an answer says of runs, and its errors."""
        if status != 200:
            self.errors += body
            return
        self.answered.update(one.decode() for one in RUN_ID.findall(body))
        if b'"error":{' in body:  # rows that failed
            told = [json.loads(line) for line in body.splitlines() if line]
            rows = told[0].get("rows", told)
            self.errors += b"".join(json.dumps(row["error"]).encode() for row in rows if "error" in row)

    def size(self) -> tuple[int, int]:
        """Its resident bytes, and how many files it has open. Raises StageError where it is dead."""
        try:
            lines = Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii").splitlines()
            opened = len(os.listdir(f"/proc/{self.process.pid}/fd"))
        except OSError:
            raise StageError("the server is gone", hint="see its log") from None
        resident = next((line for line in lines if line.startswith("VmRSS:")), "VmRSS: 0 kB")
        return int(resident.split()[1]) * 1024, opened

    def log(self) -> bytes:
        """All that it wrote to standard output and standard error."""
        return self.said + (self.folder / "serve.log").read_bytes()

    def stop(self) -> list[str]:
        """End it as an operator would; gives what went wrong."""
        if self.process.poll() is not None:
            return [f"the server died with {self.process.returncode}"]
        self.process.send_signal(signal.SIGTERM)
        said, _ = self.process.communicate(timeout=START_SECONDS)
        self.said += said
        return [f"the server ended with {self.process.returncode}"] if self.process.returncode else []


@contextmanager
def attacked(folder: Path, secret: bytes, seconds: float) -> Iterator[tuple[Attacked, Spans]]:
    """``ingot serve`` of ``folder/served``, with what collects its spans. Raises StageError where it does not start."""
    made = {name: new_token(name, scopes) for name, scopes in SCOPES.items()}
    (folder / "tokens").write_text("\n".join(line for _, line in made.values()), encoding="utf-8")
    spans = Spans()
    collecting = threading.Thread(target=spans.server.serve_forever, args=(0.05,))
    collecting.start()
    environment = {
        **os.environ, "INGOT_STORE_KEY": base64.b64encode(secret).decode(), "OTEL_EXPORTER_OTLP_ENDPOINT": spans.url,
    }  # fmt: skip
    options = ["--store", folder / "store.db", "--tokens", folder / "tokens", "--traces", "--body-bytes", BODY_BYTES]
    command = ["serve", folder / "served", "--port", 0, "--seconds", seconds, "--drain-seconds", 10, *options]
    with (folder / "serve.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "ingot", *map(str, command)], stdout=subprocess.PIPE, stderr=log, env=environment
        )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line.startswith(b"serving at "):
            told = (folder / "serve.log").read_text(encoding="utf-8", errors="replace")[-500:]
            raise StageError(f"the server did not start: {told}", hint="pip install 'ingot[serve,traces]'")
        url = line.removeprefix(b"serving at ").decode().strip()
        yield Attacked(folder, process, url, {name: token for name, (token, _) in made.items()}), spans
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        spans.server.shutdown()
        spans.server.server_close()
        collecting.join()
