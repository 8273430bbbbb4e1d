"""Runs, batches and explanations over a real server."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path

import httpx
import pytest
import sqlalchemy

from ingot.edges.http_tokens import ANYBODY
from ingot.store.alone import alone
from ingot.store.retention import prune
from ingot.store.store import Store
from tests.edges.http.conftest import CASE, Lines, Make, app_of, running


def test_a_run_answers_with_its_output_and_the_artifact(make: Make, tmp_path: Path) -> None:
    artifact = make(tmp_path / "served")
    app = app_of(artifact)
    with running(app) as client:
        one = client.post("/run", json={**CASE, "paid": False})
        named = client.post("/workflows/fees/run", json={**CASE, "paid": False})
    assert one.status_code == 200
    assert one.json()["output"] == named.json()["output"] == {"fee": 20, "greeting": "Dear Ann"}
    (version,) = app.shelf.served.versions.values()
    assert one.headers["x-ingot-digest"] == one.json()["digest"] == version.digest


@pytest.mark.parametrize(
    ("path", "options", "status", "place"),
    [
        ("/run", {"json": {**CASE, "months": 13}}, 422, "months"),
        ("/run", {"json": {"name": "Ann"}}, 422, "months"),
        ("/run", {"json": [1]}, 422, None),
        ("/run", {"content": b'{"name": NaN}', "headers": {"content-type": "application/json"}}, 400, None),
        ("/run", {"content": b'{"a": 1, "a": 2}', "headers": {"content-type": "application/json"}}, 400, None),
        ("/run", {"content": b"\xff", "headers": {"content-type": "application/json"}}, 400, None),
        ("/run", {"content": b"[" * 50, "headers": {"content-type": "application/json"}}, 400, None),
        ("/run", {"content": b"{}", "headers": {"content-type": "text/plain"}}, 415, "Content-Type"),
        ("/run", {"content": b" " * 5000, "headers": {"content-type": "application/json"}}, 413, None),
        ("/run", {"json": CASE, "headers": {"X-Ingot-Digest": "0" * 64}}, 409, "X-Ingot-Digest"),
        ("/run", {"json": CASE, "headers": {"Idempotency-Key": "k"}}, 400, "Idempotency-Key"),
        ("/run", {"json": CASE, "headers": {"Host": "example.org"}}, 403, "Host"),
        ("/workflows/other/run", {"json": CASE}, 404, "name"),
        ("/nowhere", {"json": CASE}, 404, None),
        ("/healthz", {"json": CASE}, 405, None),
        ("/admin/reload", {}, 403, "Authorization"),
    ],
)
def test_what_does_not_fit_is_one_json_object(
    make: Make, tmp_path: Path, path: str, options: dict[str, object], status: int, place: str | None
) -> None:
    with running(app_of(make(tmp_path / "served"), body_bytes=4096)) as client:
        answer = client.post(path, **options)  # type: ignore[arg-type]
    assert answer.status_code == status, answer.text
    told = answer.json()
    assert set(told) - {"fields"} == {"error", "place", "hint"}
    assert told["place"] == place


def test_every_field_that_does_not_fit_is_told_without_its_value(make: Make, tmp_path: Path) -> None:
    with running(app_of(make(tmp_path / "served"))) as client:
        told = client.post("/run", json={"name": 4711, "months": "planted", "grade": "planted", "paid": True}).json()
    assert [one["place"] for one in told["fields"]] == ["name", "months", "grade"]
    assert "planted" not in json.dumps(told)
    assert "4711" not in json.dumps(told)


def test_a_batch_tells_each_row_in_its_place(make: Make, tmp_path: Path, store: Store) -> None:
    rows = [CASE, {**CASE, "months": 13}, 3, {**CASE, "name": "Bob"}]
    lines = b"\n".join([*(json.dumps(row).encode() for row in rows), b"{not json", b""])
    with running(app_of(make(tmp_path / "served"), store, rows=4)) as client:
        whole = client.post("/batch", json=rows)
        headers = {"content-type": "application/jsonl"}
        streamed = client.post("/batch", content=lines, headers=headers)
        many = client.post("/batch", json=[CASE] * 5)
    told = whole.json()["rows"]
    assert [one["row"] for one in told] == [0, 1, 2, 3]
    assert ["error" in one for one in told] == [False, True, True, False]
    assert told[3]["output"]["greeting"] == "Dear Bob"
    each = [json.loads(line) for line in streamed.text.splitlines()]
    assert ["error" in one for one in each] == [False, True, True, False, True]
    assert many.status_code == 422
    assert store.audit.count()[1] == 4
    assert not store.audit.verify().problems


def test_an_explanation_hides_labelled_values(make: Make, tmp_path: Path) -> None:
    with running(app_of(make(tmp_path / "served"))) as client:
        told = client.post("/explain", json={**CASE, "name": "Planted Patient"}).json()
    assert told["decisions"]
    assert "Planted Patient" not in json.dumps(told["decisions"])
    assert told["clauses"] == {"C1": "Months times the rate."}


# ---- recorded, once ----------------------------------------------------------------------------------------------


def test_every_run_is_in_the_log_before_it_is_answered(make: Make, tmp_path: Path, store: Store) -> None:
    with running(app_of(make(tmp_path / "served"), store)) as client, ThreadPoolExecutor(8) as pool:
        ids = [one.json()["run_id"] for one in pool.map(lambda _: client.post("/run", json=CASE), range(60))]
    assert len(set(ids)) == 60
    assert {one["run"] for one in store.audit.records()} == set(ids)
    assert not store.audit.verify().problems
    assert all([one["run"] for one in store.audit.records(run)] == [run] for run in ids[:5])


def test_a_record_that_cannot_be_written_answers_503_and_no_output(make: Make, tmp_path: Path, store: Store) -> None:
    lines = Lines()
    with running(app_of(make(tmp_path / "served"), store, lines=lines)) as client:
        with store.engine.begin() as connection:
            stop = "CREATE TRIGGER full BEFORE INSERT ON ingot_audit BEGIN SELECT RAISE(ABORT, 'disk full'); END"
            connection.execute(sqlalchemy.text(stop))
        answer = client.post("/run", json=CASE)
        rows = client.post("/batch", json=[CASE, CASE]).json()["rows"]
    assert answer.status_code == 503
    assert answer.json()["place"] == "store"
    assert "output" not in answer.text
    assert all(set(one) == {"row", "error"} for one in rows)
    assert "Ann" not in lines.text


def test_a_key_is_answered_once(make: Make, tmp_path: Path, store: Store) -> None:
    key = {"Idempotency-Key": "order-1"}
    with running(app_of(make(tmp_path / "served"), store)) as client:
        first = client.post("/run", json=CASE, headers=key)
        again = client.post("/run", json=CASE, headers=key)
        other = client.post("/run", json={**CASE, "months": 3}, headers=key)
        rows = [client.post("/batch", json=[CASE, CASE], headers={"Idempotency-Key": "b"}).json() for _ in range(2)]
        figures = client.get("/metrics").text
    assert first.json() == again.json()
    assert other.status_code == 409
    assert rows[0] == rows[1]
    assert store.audit.count()[1] == 3
    assert 'ingot_runs_total{status="completed",workflow="fees"} 3.0' in figures
    assert 'ingot_runs_total{status="repeated",workflow="fees"} 3.0' in figures


@pytest.mark.parametrize("clerk", [False, True])
def test_a_key_whose_record_was_pruned_is_not_asked_for_again(
    make: Make, tmp_path: Path, store: Store, clerk: bool
) -> None:
    key = {"Idempotency-Key": "one"}
    with running(app_of(make(tmp_path / "served", clerk=clerk), store)) as client:
        run = client.post("/run", json=CASE, headers=key).json()["run_id"]
        with store.engine.begin() as connection:
            connection.execute(sqlalchemy.text("UPDATE ingot_runs SET state = 'ended'"))
        prune(store, "9999-01-01T00:00:00Z")
        assert list(store.audit.records(run)) == []
        answer = client.post("/run", json=CASE, headers=key)
    assert (answer.status_code, answer.json()["error"]) == (
        409,
        "this key was answered long ago: its record was pruned",
    )


def test_a_key_that_another_server_works_on_is_no_fault_of_the_store(make: Make, tmp_path: Path, store: Store) -> None:
    app = app_of(make(tmp_path / "served", clerk=True), store)
    with running(app) as client:
        (version,) = app.shelf.served.versions.values()
        with alone(store.engine, app.runs.once(version, ANYBODY.name, "one")):  # before it has begun the run
            answer = client.post("/run", json=CASE, headers={"Idempotency-Key": "one"})
        again = client.post("/run", json=CASE, headers={"Idempotency-Key": "one"})
    assert (answer.status_code, answer.json()["error"]) == (409, "the run of this key is under way")
    assert (answer.headers["retry-after"], again.status_code) == ("1", 200)


def test_a_key_asked_by_many_at_once_runs_once(make: Make, tmp_path: Path, store: Store) -> None:
    begin = threading.Barrier(8)

    def ask(client: httpx.Client) -> httpx.Response:
        begin.wait(10)
        return client.post("/run", json=CASE, headers={"Idempotency-Key": "same"})

    with (
        running(app_of(make(tmp_path / "served"), store)) as one,
        running(app_of(make(tmp_path / "served"), store)) as other,  # a second server on the same store
        ThreadPoolExecutor(8) as pool,
    ):
        answers = list(pool.map(ask, [one, other] * 4))
    assert {answer.status_code for answer in answers} <= {200, 409}
    assert len({answer.text for answer in answers if answer.status_code == 200}) == 1
    assert store.audit.count()[1] == 1


# ---- versions ----------------------------------------------------------------------------------------------------


def test_the_version_in_force_runs_looked_up_for_each_run(make: Make, tmp_path: Path) -> None:
    folder = tmp_path / "served"
    make(folder, version="1.0.0", rate=10, more=", effective_until: '2026-06-30'")
    make(folder, version="1.10.0", rate=30, more=", effective_from: '2026-07-01', effective_until: '2026-12-31'")
    days = [date(2026, 6, 30), date(2026, 7, 1), date(2027, 1, 1)]
    answers = []
    with running(app_of(folder, today=lambda: days[0])) as client:
        for _ in range(3):
            answers.append(client.post("/run", json={**CASE, "paid": False}))
            days.append(days.pop(0))
    assert [one.status_code for one in answers] == [200, 200, 409]
    assert [one.json()["output"]["fee"] for one in answers[:2]] == [20, 60]


def test_the_higher_version_runs_and_another_can_be_pinned(make: Make, tmp_path: Path) -> None:
    folder = tmp_path / "served"
    make(folder, version="1.9.0", rate=10)
    make(folder, version="1.10.0", rate=30)
    app = app_of(folder)
    old = next(one for one in app.shelf.served.versions.values() if one.workflow.spec.metadata.version == "1.9.0")
    with running(app) as client:
        newest = client.post("/run", json={**CASE, "paid": False})
        pinned = client.post("/run", json={**CASE, "paid": False}, headers={"X-Ingot-Digest": old.digest})
    assert newest.json()["output"]["fee"] == 60
    assert pinned.json()["output"]["fee"] == 20
    assert pinned.headers["x-ingot-digest"] == old.digest


def test_only_what_is_approved_is_served_where_that_is_asked(make: Make, tmp_path: Path) -> None:
    from ingot.errors import ArtifactError

    make(tmp_path / "served")
    with pytest.raises(ArtifactError, match="approv"):
        app_of(tmp_path / "served", require_approval=True)


def test_a_busy_machine_is_no_reason_to_run_in_threads(make: Make, tmp_path: Path) -> None:
    app = app_of(make(tmp_path / "served"))
    (version,) = app.shelf.served.versions.values()

    def works(seconds: float) -> str:
        until = time.thread_time() + seconds
        while time.thread_time() < until:
            pass
        return threading.current_thread().name

    def waits() -> str:
        time.sleep(0.03)  # as if others had the processor
        return threading.current_thread().name

    async def asked(call: Callable[[], str]) -> list[str]:
        return [await app.runs._call(version, 10, call) for _ in range(4)]

    here = threading.current_thread().name
    assert asyncio.run(asked(waits)) == [here] * 4
    assert asyncio.run(asked(lambda: works(0.03))) == [here] * 3 + ["ingot-run_0"]
    app.close()
