"""Who may do what, decisions over HTTP, and nothing of anybody's values outside the answers."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import sqlalchemy

from ingot.edges.http_tokens import new_token, read_tokens
from ingot.errors import InputError
from ingot.store.alone import alone
from ingot.store.runs import opened
from ingot.store.store import Store
from tests.edges.http.conftest import CASE, Lines, Make, app_of, known_tokens, running


def test_a_caller_does_what_the_token_allows(make: Make, tmp_path: Path, store: Store) -> None:
    known, headers = known_tokens()
    wanted = [("POST", "/run", "runner"), ("GET", "/reviews", "judge"), ("POST", "/admin/reload", "chief")]
    with running(app_of(make(tmp_path / "served"), store, known)) as client:
        for method, path, name in wanted:
            assert client.request(method, path, json=CASE, headers=headers[name]).status_code == 200
            for other in headers:
                status = client.request(method, path, json=CASE, headers=headers[other]).status_code
                assert status == (200 if other == name or (other, name) == ("judge", "runner") else 403)
            for header in ({}, {"Authorization": "Bearer planted"}, {"Authorization": "Basic cnVubmVyOng="}):
                refused = client.request(method, path, json=CASE, headers=header)
                assert refused.status_code == 401
                assert refused.headers["www-authenticate"].startswith("Bearer")
        assert client.get("/metrics").status_code == 401
        assert client.get("/healthz").status_code == 200


@pytest.mark.parametrize(
    "text",
    ["", "ann run", "ann run md5:00", "ann fly sha256:" + "0" * 64, "ann run secret-token", "a/b run certificate"],
)
def test_a_tokens_file_that_says_nothing_clear_is_refused_without_being_shown(text: str) -> None:
    with pytest.raises(InputError) as refused:
        read_tokens(text, "tokens")
    assert "secret-token" not in str(refused.value)


def test_a_token_is_kept_as_its_hash_only() -> None:
    token, line = new_token("ann", "run,review")
    assert token not in line
    known = read_tokens(f"# people\n{line}  # her own\n", "tokens")
    assert known.caller(f"Bearer {token}".encode(), None).name == "ann"


def test_a_decision_names_who_the_token_belongs_to_and_the_run_goes_on_once(
    make: Make, tmp_path: Path, store: Store
) -> None:
    known, headers = known_tokens()
    with running(app_of(make(tmp_path / "served", name="asks", clerk=True), store, known)) as client:
        judge, key = headers["judge"], {"Idempotency-Key": "one"}
        asked = [client.post("/run", json=CASE, headers={**headers["runner"], **key}).json() for _ in range(2)]
        assert asked[0] == asked[1]
        assert asked[0]["status"] == "needs_review"
        (waiting,) = client.get("/reviews", headers=judge).json()["reviews"]
        path = f"/reviews/{waiting['review']}"
        assert client.get(path, headers=judge).json()["input"]["name"] == "Ann"
        decision = {"why": "she may", "answer": {"permit": "YES"}}
        assert client.post(f"{path}/approve", json={"why": ""}, headers=judge).status_code == 422
        assert client.post(f"{path}/approve", json={**decision, "answer": {}}, headers=judge).status_code == 422
        assert client.post(f"{path}/approve", json={**decision, "by": "x"}, headers=judge).status_code == 422
        done = client.post(f"{path}/approve", json=decision, headers=judge)
        again = client.post(f"{path}/reject", json=decision, headers=judge)
        ended = client.post("/run", json=CASE, headers={**headers["runner"], **key}).json()
        missing = client.get("/reviews/none", headers=judge)
    assert done.json()["outcome"]["output"] == ended["output"] == {"fee": 0, "greeting": "Dear Ann"}
    assert (again.status_code, missing.status_code) == (409, 404)
    (decided,) = [one for one in store.audit.records() if one["kind"] == "decision"]
    assert (decided["by"], opened(decided, store)["why"]) == ("judge", "she may")


def test_what_is_wrong_with_a_decision_is_said(make: Make, tmp_path: Path, store: Store) -> None:
    """Rejecting takes the workflow's outputs, approving those of the step that asks; who waits elsewhere is decided there."""
    known, headers = known_tokens()
    with running(app_of(make(tmp_path / "served", name="asks", clerk=True), store, known)) as client:
        judge = headers["judge"]
        run = client.post("/run", json=CASE, headers=headers["runner"]).json()["run_id"]
        path, decision = f"/reviews/{run}.0", {"why": "no", "answer": {"planted": 1}}
        rejected = client.post(f"{path}/reject", json=decision, headers=judge)
        approved = client.post(f"{path}/approve", json=decision, headers=judge)
        with store.engine.begin() as connection:
            connection.execute(sqlalchemy.text("UPDATE ingot_runs SET state = 'elsewhere'"))
        elsewhere = client.post(f"{path}/reject", json={"why": "no"}, headers=judge)
    assert (rejected.status_code, rejected.json()["hint"]) == (422, "the outputs of the workflow: fee, greeting")
    assert (approved.status_code, approved.json()["hint"]) == (422, "the outputs of step 'ask_clerk': permit")
    assert (elsewhere.status_code, elsewhere.json()["error"]) == (409, "this run waits at a Temporal server")


def test_a_decision_stands_where_its_run_cannot_go_on(make: Make, tmp_path: Path, store: Store) -> None:
    known, headers = known_tokens()
    with running(app_of(make(tmp_path / "served", name="asks", clerk=True), store, known)) as client:
        run = client.post("/run", json=CASE, headers=headers["runner"]).json()["run_id"]
        with alone(store.engine, run):  # another process is at work on it
            decision = {"why": "yes", "answer": {"permit": "YES"}}
            told = client.post(f"/reviews/{run}.0/approve", json=decision, headers=headers["judge"])
        assert (told.status_code, told.json()["error"][:20]) == (409, "the decision is kept")
        assert told.json()["hint"] == f"`ingot resume ARTIFACT {run}` goes on with it"
        review = client.get(f"/reviews/{run}.0", headers=headers["judge"]).json()
    assert (review["state"], review["decided_by"]) == ("approved", "judge")


def test_planted_values_are_in_no_log_metric_span_or_error(make: Make, tmp_path: Path, store: Store) -> None:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    spans, lines = InMemorySpanExporter(), Lines()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(spans))
    app = app_of(make(tmp_path / "served"), store, lines=lines, tracer=provider.get_tracer("test"))
    planted = "Zebulon-7734"
    with running(app) as client:
        assert client.post("/run", json={**CASE, "name": planted}).json()["output"]["greeting"] == f"Dear {planted}"
        errors = [
            client.post("/run", json={**CASE, "name": {planted: planted}}),
            client.post("/run", json={**CASE, "grade": planted}),
            client.post("/run", json={**CASE, planted: 1}),
            client.post("/run", content=f'{{"name": "{planted}"', headers={"content-type": "application/json"}),
            client.post(f"/workflows/{planted}/run", json=CASE),
            client.post(f"/{planted}?name={planted}", json=CASE),
            client.post("/run", json=CASE, headers={"X-Ingot-Digest": planted}),
            client.get(f"/reviews?state={planted}"),
            client.request(planted, "/run", json=CASE),
            client.post("/run", json=CASE, headers={"Host": planted}),
            client.post("/run", json=CASE, headers={"Content-Type": planted}),
            client.post("/batch", json=[{**CASE, "months": planted}]),
        ]
        client.post("/explain", json={**CASE, "name": planted})
        figures = client.get("/metrics").text
    told = [json.dumps({**dict(span.attributes or {}), "name": span.name}) for span in spans.get_finished_spans()]
    assert len(told) == len(errors) + 2  # what has no HTTP method never became a request
    everything = "\n".join([lines.text, figures, *told, *(one.text for one in errors)])
    assert planted not in everything
    assert '"ingot.workflow": "fees"' in everything
    assert 'ingot_runs_total{status="invalid",workflow="fees"}' in figures
    raw = (tmp_path / "store.db").read_bytes() + (tmp_path / "store.db-wal").read_bytes()
    assert planted.encode() not in raw


def test_a_bug_is_told_by_its_place_alone(
    make: Make, tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = Lines()
    app = app_of(make(tmp_path / "served"), store, lines=lines)

    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("Zebulon-7734")

    monkeypatch.setattr(app.runs, "run", broken)
    with running(app) as client:
        answer = client.post("/run", json=CASE)
    assert answer.status_code == 500
    assert "Zebulon" not in answer.text + lines.text
    assert "RuntimeError" in lines.text


def test_it_can_be_mounted_in_an_application(make: Make, tmp_path: Path) -> None:
    import httpx
    from fastapi import FastAPI

    app = FastAPI()
    app.mount("/decide", app_of(make(tmp_path / "served")))

    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            return await client.post("/decide/workflows/fees/run", json=CASE)

    import asyncio

    assert asyncio.run(ask()).json()["status"] == "completed"


def test_a_store_that_cannot_be_read_is_no_bug(make: Make, tmp_path: Path, store: Store) -> None:
    known, headers = known_tokens()
    with running(app_of(make(tmp_path / "served"), store, known)) as client:
        with store.engine.begin() as connection:
            connection.execute(sqlalchemy.text("ALTER TABLE ingot_reviews RENAME TO gone"))
        answer = client.get("/reviews", headers=headers["judge"])
    assert (answer.status_code, answer.json()["place"]) == (503, "store")
    assert "ingot_reviews" not in answer.text
    assert "record" not in answer.text  # nothing was to be recorded
