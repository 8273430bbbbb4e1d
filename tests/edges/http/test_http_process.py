"""``ingot serve`` as it is run: killed and resumed, telling people, on PostgreSQL, with spans sent to a collector."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
import sqlalchemy
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from ingot.compile.driver import check
from ingot.edges.http_tokens import new_token
from ingot.store.store import Store
from tests.edges.http.conftest import CASE, Make, Serving
from tests.edges.http.test_http_server import until
from tests.library.conftest import mail, web
from tests.models.loopback import Loopback, Reply, Seen, chat

__all__ = ["mail", "web"]  # the loopback servers

PHI = "Zebulon-7734"


def tokens_in(folder: Path, **scopes: str) -> dict[str, dict[str, str]]:
    """A tokens file in `folder`; headers by name."""
    made = {name: new_token(name, scopes[name]) for name in scopes}
    (folder / "tokens").write_text("\n".join(line for _, line in made.values()), encoding="utf-8")
    return {name: {"Authorization": f"Bearer {token}"} for name, (token, _) in made.items()}


# ---- killed, and resumed -----------------------------------------------------------------------------------------

STEPS = """
metadata: {name: steps, owner: clerk}
inputs: {note: {type: text, sensitive: phi}}
outputs: {fee: integer}
logic_requirements:
  - {step: read_months, type: bounded_invocation, intent: Read the months., inputs: [note], schema: {months: integer}}
  - {step: read_rate, type: bounded_invocation, intent: Read the rate., inputs: [note], schema: {rate: integer}}
  - {step: compute, type: function, intent: Months times the rate., inputs: [months, rate], outputs: {fee: integer}}
cases:
  - {id: a, input: {note: one}, steps: {read_months: {months: 2}, read_rate: {rate: 10}}, expected: {fee: 20}}
  - {id: b, input: {note: two}, steps: {read_months: {months: 3}, read_rate: {rate: 9}}, expected: {fee: 27}, held_out: true}
"""
LOGIC = "def compute(months: int, rate: int) -> int:\n    return months * rate\n"


def about_months(seen: Seen) -> bool:
    return "Read the months" in json.dumps(seen.body)


def test_a_run_whose_server_was_killed_is_resumed_and_repeats_no_finished_step(
    tmp_path: Path, serving: Callable[..., Serving]
) -> None:
    (tmp_path / "spec.yaml").write_text(STEPS, encoding="utf-8")
    artifact = check(tmp_path / "spec.yaml", LOGIC, author="test", out=tmp_path / "out").path
    hanging = threading.Event()

    def answers(seen: Seen, server: Loopback) -> Reply | None:
        if about_months(seen):
            return chat('{"months": 4}')
        if not hanging.is_set():
            hanging.set()
            server.released.wait(20)
            return None
        return chat('{"rate": 5}')

    with Loopback(answers) as model:
        options = ["--port", 0, "--store", tmp_path / "s.db", "--model", f"openai:tiny@{model.url}"]
        first = serving(artifact, *options)
        key = {"Idempotency-Key": "one"}
        with ThreadPoolExecutor(1) as pool:
            asked = pool.submit(httpx.post, f"{first.url}/run", json={"note": PHI}, headers=key, timeout=20)
            assert hanging.wait(20)
            first.process.send_signal(signal.SIGKILL)
            assert isinstance(asked.exception(20), httpx.TransportError)
        log = first.errors.read_text()
        second = serving(artifact, *options, "--resume")
        until(lambda: '"event":"resumed"' in second.errors.read_text())
        again = httpx.post(f"{second.url}/run", json={"note": PHI}, headers=key, timeout=20).json()
        log += second.errors.read_text()
        months = [seen for seen in model.seen if about_months(seen)]
    assert again["output"] == {"fee": 20}
    assert len(months) == 1
    assert '"outcome":"completed"' in log
    assert PHI not in log
    with Store.open(str(tmp_path / "s.db")) as store:
        (record,) = [one for one in store.audit.records() if one["kind"] == "run"]
        assert (record["run"], record["status"]) == (again["run_id"], "completed")
        assert not store.audit.verify().problems


# ---- telling people ----------------------------------------------------------------------------------------------


def test_a_server_tells_a_webhook_of_what_waits(
    make: Make, tmp_path: Path, serving: Callable[..., Serving], web: Any
) -> None:
    web.replies.append((500, {"no": "not now"}, {}))
    server = serving(
        make(tmp_path / "served", name="asks", clerk=True),
        "--port",
        0,
        "--store",
        tmp_path / "s.db",
        "--notify",
        web.url,
    )
    run = httpx.post(f"{server.url}/run", json={**CASE, "name": PHI}).json()["run_id"]
    until(lambda: bool(web.requests))
    until(lambda: any(run in one.body.decode() for one in web.requests[1:]))  # told again where it failed
    told = json.loads(web.requests[-1].body)
    assert (told["event"], told["count"], told["reviews"][0]["step"]) == ("reviews_waiting", 1, "ask_clerk")
    assert PHI not in web.requests[-1].body.decode() + server.errors.read_text()
    assert '"event":"notify"' in server.errors.read_text()
    server.process.send_signal(signal.SIGTERM)
    assert server.process.wait(20) == 0


def test_a_server_tells_by_mail_of_what_came_until_its_end(
    make: Make, tmp_path: Path, serving: Callable[..., Serving], mail: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"HOST": "127.0.0.1", "PORT": str(mail.port), "FROM": "i@example.org", "TLS": "none"}.items():
        monkeypatch.setenv(f"INGOT_SMTP_{name}", value)
    monkeypatch.setenv("INGOT_NOTIFY", "mailto:ann@example.org")
    server = serving(make(tmp_path / "served", name="asks", clerk=True), "--port", 0, "--store", tmp_path / "s.db")
    for _ in range(3):
        httpx.post(f"{server.url}/run", json={**CASE, "name": PHI})
    server.process.send_signal(signal.SIGTERM)
    assert server.process.wait(20) == 0
    written = b"".join(one.content for one in mail.messages).decode()
    with Store.open(str(tmp_path / "s.db")) as store:
        waiting = {one["run"] for one in store.audit.records()}
    assert len(waiting) == 3
    assert all(run in written for run in waiting)
    assert PHI not in written


# ---- PostgreSQL --------------------------------------------------------------------------------------------------


@pytest.fixture
def database(postgres: str) -> str:
    """A new database on the throw-away server."""
    name = f"t{os.urandom(6).hex()}"
    admin = sqlalchemy.create_engine(
        postgres.replace("postgresql:", "postgresql+psycopg:"), isolation_level="AUTOCOMMIT"
    )
    with admin.connect() as connection:
        connection.execute(sqlalchemy.text(f"CREATE DATABASE {name}"))
    admin.dispose()
    return f"{postgres.rpartition('/')[0]}/{name}"


def test_two_servers_on_one_postgresql(
    make: Make, tmp_path: Path, serving: Callable[..., Serving], database: str
) -> None:
    folder = tmp_path / "served"
    make(folder)
    make(folder, name="asks", clerk=True)
    headers = tokens_in(tmp_path, runner="run", judge="review,run")
    options = ["--port", 0, "--store", database, "--tokens", tmp_path / "tokens"]
    servers = [serving(folder, *options) for _ in range(2)]
    fees = [f"{one.url}/workflows/fees/run" for one in servers]

    def ask(number: int) -> httpx.Response:
        key = {"Idempotency-Key": f"k{number // 2}"}  # each key twice, once at each server
        case = {**CASE, "name": f"{PHI} {number // 2}"}
        return httpx.post(fees[number % 2], json=case, headers={**headers["runner"], **key}, timeout=20)

    with ThreadPoolExecutor(8) as pool:
        told = list(pool.map(ask, range(60)))
    assert {one.status_code for one in told} <= {200, 409}
    ids = {one.json()["run_id"] for one in told if one.status_code == 200}
    assert len(ids) == 30
    asked = httpx.post(f"{servers[0].url}/workflows/asks/run", json=CASE, headers=headers["runner"]).json()
    path = f"{servers[1].url}/reviews/{asked['run_id']}.0/approve"
    body = {"why": "fine", "answer": {"permit": "YES"}}
    with ThreadPoolExecutor(4) as pool:
        decisions = list(
            pool.map(lambda _: httpx.post(path, json=body, headers=headers["judge"], timeout=20), range(4))
        )
    assert sorted(one.status_code for one in decisions) == [200, 409, 409, 409]
    _cut(database)
    until(lambda: ask(100).status_code == 200)
    for one in servers:
        one.process.send_signal(signal.SIGTERM)
        assert one.process.wait(20) == 0
    with Store.open(database) as store:
        assert not store.audit.verify().problems
        runs = [
            one["run"] for one in store.audit.records() if one["kind"] == "run" and one["workflow"].startswith("fees")
        ]
    assert len(runs) == len(set(runs)) == 31
    assert ids < set(runs)


def _cut(database: str) -> None:
    """Break every connection that a server holds to its database."""
    engine = sqlalchemy.create_engine(
        database.replace("postgresql:", "postgresql+psycopg:"), isolation_level="AUTOCOMMIT"
    )
    others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    with engine.connect() as connection:
        assert connection.execute(sqlalchemy.text(others)).all()
    engine.dispose()


# ---- spans -------------------------------------------------------------------------------------------------------


class Collector:
    """An OTLP receiver over HTTP: what came, decoded."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, ExportTraceServiceRequest]] = []
        kept = self

        class Taking(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                kept.requests.append((self.path, ExportTraceServiceRequest.FromString(body)))
                self.send_response(200)
                self.send_header("content-type", "application/x-protobuf")
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Taking)
        self.url = f"http://127.0.0.1:{self.server.server_port}"


@pytest.fixture
def collector() -> Iterator[Collector]:
    made = Collector()
    thread = threading.Thread(target=made.server.serve_forever, args=(0.02,))
    thread.start()
    yield made
    made.server.shutdown()
    made.server.server_close()
    thread.join()


def test_spans_reach_a_collector_by_the_end_and_hold_no_value(
    make: Make, tmp_path: Path, serving: Callable[..., Serving], collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
    server = serving(make(tmp_path / "served"), "--port", 0, "--store", tmp_path / "s.db", "--traces")
    trace = "0af7651916cd43dd8448eb211c80319c"
    headers = {"traceparent": f"00-{trace}-b7ad6b7169203331-01", "tracestate": f"v={PHI}"}
    run = httpx.post(f"{server.url}/run", json={**CASE, "name": PHI}, headers=headers).json()["run_id"]
    httpx.post(f"{server.url}/run", json={**CASE, "months": PHI})
    httpx.get(f"{server.url}/{PHI}")
    server.process.send_signal(signal.SIGTERM)
    assert server.process.wait(20) == 0
    assert {path for path, _ in collector.requests} == {"/v1/traces"}
    resources = [one for _, request in collector.requests for one in request.resource_spans]
    assert "ingot" in str(resources[0].resource)
    spans = [span for one in resources for scope in one.scope_spans for span in scope.spans]
    assert [one.name for one in spans] == ["POST /run", "POST /run", "GET ?"]
    assert spans[0].trace_id.hex() == trace
    assert run in str(spans[0])
    assert PHI not in str(resources)


def test_a_collector_that_is_not_there_delays_nobody(
    make: Make, tmp_path: Path, serving: Callable[..., Serving], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
    server = serving(make(tmp_path / "served"), "--port", 0, "--traces")
    started = time.monotonic()
    assert httpx.post(f"{server.url}/run", json={**CASE, "name": PHI}).status_code == 200
    assert time.monotonic() - started < 5
    server.process.send_signal(signal.SIGTERM)
    assert server.process.wait(40) == 0
    assert PHI not in server.errors.read_text()
    assert "Traceback" not in server.errors.read_text()
