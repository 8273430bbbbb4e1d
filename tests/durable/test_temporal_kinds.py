"""Kinds of artifacts on Temporal: bounded and hybrid steps, the validator and stream templates; and what belongs to one run."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest

pytest.importorskip("temporalio")

from temporalio.api.common.v1 import Payload
from temporalio.client import Client
from temporalio.converter import ActivitySerializationContext, WorkflowSerializationContext

from ingot.compile.driver import check
from ingot.edges import temporal_client
from ingot.edges.temporal_client import connect, submit
from ingot.edges.temporal_codec import SealingCodec
from ingot.errors import InputError, StepError, StoreError
from ingot.evals.temporal_faults import kill_under_load
from ingot.models import Completion
from ingot.models.bounded import ask_with
from ingot.models.scripted import Scripted
from ingot.runtime.run import Workflow, load
from ingot.store.elsewhere import DrivenElsewhere
from ingot.store.reviews import list_reviews
from ingot.store.store import Store
from ingot.usage import Usage
from tests.compile.test_hybrid import AGREED, asking, made
from tests.durable.child import KEY
from tests.durable.conftest import CASE, Effects, Server
from tests.durable.test_temporal import at_work, started, until_waiting

Given = TypeVar("Given")

BOUNDED = """
metadata: {name: triage, owner: desk}
inputs: {note: text}
outputs: {category: {type: enum, values: [urgent, other]}}
logic_requirements:
  - step: read_note
    type: bounded_invocation
    intent: Read the category.
    inputs: [note]
    schema: {said: {type: enum, values: [urgent, other]}}
    cache: true
  - {step: settle, type: function, intent: As said., inputs: [said], outputs: {category: {type: enum, values: [urgent, other]}}}
thresholds: {branch_coverage: 0.1}
cases:
  - {id: a, input: {note: fire}, steps: {read_note: {said: urgent}}, expected: {category: urgent}}
  - {id: b, input: {note: calm}, steps: {read_note: {said: other}}, expected: {category: other}, held_out: true}
"""
BOUNDED_LOGIC = """def settle(said: Literal["urgent", "other"]) -> Literal["urgent", "other"]:
    return said  # C1
"""
TEMPLATED = """
metadata: {{name: {name}, owner: clerk}}
plan: {{template: {template}}}
inputs: {{name: text, months: {{type: integer, range: [1, 12]}}}}
outputs: {{fee: decimal}}
logic_requirements:
{step}  - {{step: compute, type: function, intent: A year by the months., inputs: [months], outputs: {{fee: decimal}}}}
cases:
  - {{id: a, input: {{name: Ann, months: 2}}, {given}expected: {{fee: 6}}}}
  - {{id: b, input: {{name: Bob, months: 3}}, {given}expected: {{fee: 4}}, held_out: true}}
"""
TEMPLATED_LOGIC = """def compute(months: int) -> Decimal:
    return Decimal(12) / months  # C1
"""
BOOK = """  - step: book
    type: module
    module: database.execute
    with: {url_env: EFFECTS_DB, sql: "INSERT INTO nowhere (name) VALUES (:name) RETURNING 1 AS booked"}
    inputs: [name]
    outputs: {booked: {type: integer}}
"""


def compiled(folder: Path, name: str, spec: str, logic: str) -> Path:
    path = folder / f"{name}.yaml"
    path.write_text(spec, encoding="utf-8")
    done = check(path, logic, author="test", out=folder / "out")
    assert done.path, [str(finding) for finding in done.attempts[0].findings]
    return done.path


def templated(folder: Path, template: str, *, steps: bool = False) -> Path:
    name, given = f"{template}{'-steps' if steps else ''}", "steps: {book: {booked: 1}}, " if steps else ""
    spec = TEMPLATED.format(name=name, template=template, step=BOOK if steps else "", given=given)
    return compiled(folder, name, spec, TEMPLATED_LOGIC)


def served(
    server: Server, workflow: Workflow, folder: Path, call: Callable[[Client, Store], Awaitable[Given]]
) -> Given:
    """What `call` gives with a worker of `workflow` at the server."""

    async def within() -> Given:
        client = await connect(KEY, server.address)
        with Store.open(str(folder / "store.db"), KEY) as store:
            async with at_work(client, workflow, store):
                return await call(client, store)

    return asyncio.run(within())


# ---- bounded and hybrid steps ------------------------------------------------------------------------------------


def test_a_bounded_step_is_asked_once_and_its_usage_is_in_the_record(server: Server, tmp_path: Path) -> None:
    """The second run's equal question is answered from what was kept; the record says both, and the server no answer."""
    model = Scripted([Completion('{"said": "urgent"}', "tiny", Usage(120, 8, 1))], name="tiny")
    workflow = load(compiled(tmp_path, "triage", BOUNDED, BOUNDED_LOGIC), ask_model=ask_with(model))

    async def call(client: Client, store: Store) -> list[dict[str, Any]]:
        runs = [await started(client, workflow, {"note": "fire"})]
        await temporal_client.result(client, runs[0])
        runs.append(await submit(client, workflow, {"note": "fire"}))
        told = await temporal_client.result(client, runs[1])
        assert told["output"] == {"category": "urgent"}
        for run in runs:
            history = await client.get_workflow_handle(run).fetch_history()
            assert "urgent" not in history.to_json()
        return [next(iter(store.audit.records(run))) for run in runs]

    first, second = served(server, workflow, tmp_path, call)
    assert len(model.requests) == 1
    assert (first["usage"]["input_tokens"], first["usage"]["output_tokens"]) == (120, 8)
    assert (second["usage"]["input_tokens"], second["usage"]["output_tokens"]) == (0, 0)
    assert json.dumps(first["usage"]) != json.dumps(second["usage"])


def test_a_hybrid_step_asks_for_what_is_not_trusted_only(server: Server, tmp_path: Path) -> None:
    """The amount, which two functions agree on, stands; the city is asked for: of a model, or of a person."""
    workflow, seen = asking(made(tmp_path, "model"))

    async def call(client: Client, store: Store) -> dict[str, Any]:
        return await temporal_client.result(client, await started(client, workflow, AGREED))

    told = served(server, workflow, tmp_path, call)
    assert told["output"] == {"amount": "12", "city": "Bonn"}
    assert [sorted(question.schema["properties"]) for question in seen] == [["city"]]


def test_a_person_is_asked_for_the_fields_that_do_not_stand(server: Server, tmp_path: Path) -> None:
    workflow = load(made(tmp_path, "human"))

    async def call(client: Client, store: Store) -> dict[str, Any]:
        run = await started(client, workflow, AGREED)
        review = await until_waiting(client, run)
        with pytest.raises(InputError, match="does not fit"):
            await temporal_client.decide(client, review, approve=True, by="Kim", why="x", answer={"amount": "1"})
        await temporal_client.decide(client, review, approve=True, by="Kim", why="seen", answer={"city": "Bonn"})
        return await temporal_client.result(client, run)

    assert served(server, workflow, tmp_path, call)["output"] == {"amount": "12", "city": "Bonn"}


# ---- templates ---------------------------------------------------------------------------------------------------


def test_the_validator_template_takes_a_step_that_fails_to_a_person(
    server: Server, tmp_path: Path, effects: Effects
) -> None:
    """Where a run of another template fails, this one waits; the same as without Temporal."""
    workflow = load(templated(tmp_path, "validator", steps=True))
    case = {"name": "Ann", "months": 2}

    async def call(client: Client, store: Store) -> dict[str, Any]:
        run = await started(client, workflow, case)
        review = await until_waiting(client, run)
        (asked,) = list_reviews(store)
        assert (asked["review"], asked["step"]) == (review, "validator")
        plain = workflow.run(case).review
        assert plain is not None
        assert (plain.step, plain.reason) == (asked["step"], asked["reason"])
        await temporal_client.decide(client, review, approve=True, by="Kim", why="by hand", answer={"fee": "7"})
        assert not store.audit.verify().problems
        return await temporal_client.result(client, run)

    told = served(server, workflow, tmp_path, call)
    assert (told["status"], told["output"]) == ("decided", {"fee": "7"})


@pytest.mark.parametrize("template", ["validator", "stream"])
def test_an_item_is_a_run_like_any(server: Server, tmp_path: Path, template: str) -> None:
    workflow = load(templated(tmp_path, template))

    async def call(client: Client, store: Store) -> dict[str, Any]:
        return await temporal_client.result(client, await started(client, workflow, {"name": "Ann", "months": 2}))

    assert served(server, workflow, tmp_path, call)["output"] == {"fee": "6"}


def test_a_stream_given_to_submit_is_told_what_makes_sense(tmp_path: Path) -> None:
    two = '{"name": "Ann", "months": 2}\n{"name": "Bob", "months": 3}\n'
    command = [sys.executable, "-m", "ingot", "submit", str(templated(tmp_path, "stream")), "--input", "-"]
    done = subprocess.run(command, input=two, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode != 0
    assert "a run is one item" in done.stderr
    assert "--batch" in done.stderr
    assert "Ann" not in done.stderr


# ---- one run's own -----------------------------------------------------------------------------------------------


def test_a_payload_of_one_run_does_not_open_in_another() -> None:
    plain = [Payload(metadata={"encoding": b"json/plain"}, data=b'{"name": "Planted"}')]
    codec = SealingCodec(KEY)
    mine = codec.with_context(WorkflowSerializationContext("default", "a-00000001"))
    step = codec.with_context(
        ActivitySerializationContext("default", "1", "ingot-step", "q", "a-00000001", "ingot-run", False)
    )
    other = codec.with_context(WorkflowSerializationContext("default", "a-00000002"))
    sealed = asyncio.run(mine.encode(plain))
    assert b"Planted" not in sealed[0].SerializeToString()
    assert asyncio.run(step.decode(sealed)) == plain
    with pytest.raises(StoreError, match="does not open"):
        asyncio.run(other.decode(sealed))
    for nobody in (codec.decode(sealed), codec.encode(plain)):
        with pytest.raises(StoreError, match="belongs to no run"):
            asyncio.run(nobody)


def test_an_id_given_again_with_another_input_is_refused_and_no_value_told(
    server: Server, artifacts: Callable[[str], Path], tmp_path: Path, run: str
) -> None:
    pure = load(artifacts("pure"))

    async def call(client: Client, store: Store) -> None:
        await temporal_client.result(client, await started(client, pure))
        await submit(client, pure, CASE, run)
        await submit(client, pure, {**CASE, "rate": "1.100"}, run)  # the same amount
        await temporal_client.result(client, run)
        assert await submit(client, pure, CASE, run) == run
        with pytest.raises(InputError) as refused:
            await submit(client, pure, {**CASE, "name": "Planted Other", "months": 3}, run)
        assert "name, months differ" in str(refused.value)
        assert "Planted" not in str(refused.value)
        # and where the server has forgotten the id but the log has not
        with pytest.raises(InputError, match="recorded with another input"):
            DrivenElsewhere(pure, store).settle(run, {**CASE, "months": 3})
        assert len(list(store.audit.records(run))) == 1

    served(server, pure, tmp_path, call)


def test_a_decision_told_again_is_what_it_was_and_another_is_refused(
    artifacts: Callable[[str], Path], tmp_path: Path, effects: Effects, run: str
) -> None:
    steps, asked = load(artifacts("steps")), {"approve": True, "by": "Kim", "why": "seen"}
    with Store.open(str(tmp_path / "store.db"), KEY) as store:
        driven = DrivenElsewhere(steps, store)
        driven.settle(run, CASE, [("book", {"booked": 1})], ("ask_clerk", "May it go on?"))
        first = driven.decide(f"{run}.1", answer={"permit": "YES"}, **asked)
        assert driven.decide(f"{run}.1", answer={"permit": "YES"}, **asked) == first
        assert first.goes_on
        with pytest.raises(StoreError, match="was approved by Kim"):
            driven.decide(f"{run}.1", answer={"permit": "NO"}, **asked)
        last = driven.decide  # at the end of a run with steps: an answer for the whole, which goes on nowhere
        other = run.replace("-00000001", "-00000002")
        behind = [("book", {"booked": 1}), ("ask_clerk", {"permit": "YES"}), ("tell", {"told": 1})]
        assert driven.settle(other, {**CASE, "rate": None}, behind).review is not None
        answer = {"fee": "1.00", "greeting": "Dear"}
        once = last(f"{other}.3", answer=answer, **asked)
        assert (once.goes_on, last(f"{other}.3", answer=answer, **asked)) == (False, once)


# ---- notices and faults ------------------------------------------------------------------------------------------


def test_a_worker_tells_people_that_a_run_waits(
    server: Server, artifacts: Callable[[str], Path], tmp_path: Path, effects: Effects
) -> None:
    """`ingot worker --notify` posts to a real endpoint: the review's id and no value."""
    import base64
    import threading
    from http.server import BaseHTTPRequestHandler, HTTPServer

    posted: list[bytes] = []

    class Asked(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            posted.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(204)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            """Nothing."""

    web = HTTPServer(("127.0.0.1", 0), Asked)
    threading.Thread(target=web.serve_forever, daemon=True).start()
    env = {**os.environ, "INGOT_STORE_KEY": base64.b64encode(bytes(range(32))).decode()}
    path, url = artifacts("steps"), str(tmp_path / "store.db")
    command = [sys.executable, "-m", "ingot", "worker", str(path), "--address", server.address, "--store", url]
    command += ["--notify", f"http://127.0.0.1:{web.server_address[1]}/told"]
    working = subprocess.Popen(command, env=env, stderr=subprocess.PIPE)

    async def call() -> str:
        client = await connect(KEY, server.address)
        return await until_waiting(client, await started(client, load(path)))

    try:
        review = asyncio.run(call())
        until = time.monotonic() + 60
        while not posted:
            assert time.monotonic() < until
            time.sleep(0.1)
    finally:
        working.terminate()
        working.communicate(timeout=30)
        web.shutdown()
    assert review.encode() in posted[0]
    assert b"Planted" not in posted[0]


def test_killed_workers_and_a_killed_server_lose_nothing_and_do_nothing_twice(tmp_path: Path) -> None:
    """Small; `ingot bench temporal --faults` takes thousands."""
    for load_ in kill_under_load(tmp_path, rows=120, singles=24):
        assert load_.whole, load_
        assert (load_.worker_kills, load_.server_kills) == (1, 1)
        assert load_.calls - load_.booked <= 64  # only what was under way


def test_a_step_that_fails_without_the_validator_fails_the_run(
    server: Server, tmp_path: Path, effects: Effects
) -> None:
    workflow = load(templated(tmp_path, "handler", steps=True))

    async def call(client: Client, store: Store) -> None:
        run = await started(client, workflow, {"name": "Ann", "months": 2})
        with pytest.raises(StepError):
            await temporal_client.result(client, run)
        assert [one["status"] for one in store.audit.records(run)] == ["failed"]

    served(server, workflow, tmp_path, call)


def test_a_server_that_listens_and_is_not_ready_is_waited_for(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    reached, tries = Client.connect, 0

    async def at_first_not_ready(*given: Any, **settings: Any) -> Client:
        nonlocal tries
        tries += 1
        if tries < 3:  # in a real server's words
            raise RuntimeError(
                "Failed client connect: `get_system_info` call error after connection: "
                'Status { code: Unavailable, message: "Frontend is not healthy yet" }'
            )
        return await reached(*given, **settings)

    monkeypatch.setattr(Client, "connect", at_first_not_ready)
    client = asyncio.run(connect(KEY, server.address))
    assert (client.namespace, tries) == ("default", 3)


def test_a_server_that_is_not_there_is_told_at_once() -> None:
    began = time.monotonic()
    with pytest.raises(StepError, match="no Temporal server answers"):
        asyncio.run(connect(KEY, "127.0.0.1:1"))
    assert time.monotonic() - began < temporal_client.COMING_UP / 2
