"""A model that hangs, lies, drips or gives its instructions away, behind a bounded step that is served over HTTP."""

from __future__ import annotations

import json
import socketserver
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from ingot.compile.driver import check
from ingot.store.store import Store
from tests.edges.http.conftest import Serving
from tests.models.loopback import Loopback, Reply, Seen, chat, echoes_key, fails, hangs, hangs_up, says, sends

API_KEY, PHI, LIE = "sk-planted-Zq81xkey", "Zebulon-7734", "Lied-5521"
SPEC = """
metadata: {name: notes, owner: clerk}
inputs: {note: {type: text, sensitive: phi}, rate: integer}
outputs: {fee: integer}
logic_requirements:
  - step: read_months
    type: bounded_invocation
    intent: Read the months.
    inputs: [note]
    schema: {months: {type: integer, range: [0, 12]}}
    retries: 1
    budget: {call: {seconds: 1.5}}
    fallback: [human]
  - {step: compute, type: function, intent: Months times the rate., inputs: [months, rate], outputs: {fee: integer}}
cases:
  - {id: a, input: {note: two, rate: 10}, steps: {read_months: {months: 2}}, expected: {fee: 20}}
  - {id: b, input: {note: three, rate: 10}, steps: {read_months: {months: 3}}, expected: {fee: 30}, held_out: true}
"""
LOGIC = "def compute(months: int, rate: int) -> int:\n    return months * rate\n"


@pytest.fixture(scope="module")
def notes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("notes")
    (folder / "spec.yaml").write_text(SPEC, encoding="utf-8")
    checked = check(folder / "spec.yaml", LOGIC, author="test", out=folder / "out")
    assert checked.path, [str(finding) for finding in checked.attempts[0].findings]
    return checked.path


def canary_back(seen: Seen, server: Loopback) -> Reply:
    """The last word of the instructions, as the answer."""
    system = next(one["content"] for one in seen.body["messages"] if one["role"] in ("system", "developer"))
    return chat(json.dumps({"months": str(system).rstrip().rpartition(" ")[2]}))


def other_run(seen: Seen, server: Loopback) -> Reply:
    """An answer that says it is for another request, by another model, with made-up usage."""
    body = chat(json.dumps({"months": 99, "run_id": LIE})).body
    assert body is not None
    return Reply(body={**body, "id": LIE, "model": LIE, "usage": {"prompt_tokens": -5, "total_tokens": "many"}})


LIES: dict[str, Callable[..., Any]] = {
    "another schema": says(json.dumps({"answer": LIE})),
    "out of range": says('{"months": 99}'),
    "more than asked": says(json.dumps({"months": 2, "note": LIE})),
    "no JSON": says(f"{LIE}: two months"),
    "broken JSON": says('{"months": 2'),
    "NaN": says('{"months": NaN}'),
    "huge": says(json.dumps({"months": "9" * 400_000})),
    "deep": says("[" * 50_000),
    "no completion": sends(f'{{"error": "{LIE}"}}'.encode()),
    "no bytes of text": sends(b"\xff\xfe" * 2_000),
    "other ids": other_run,
    "canary": canary_back,
    "the key in an error": echoes_key,
    "fails": fails(500, f"{LIE} {PHI}"),
    "hangs up": hangs_up,
    "hangs": hangs,
}


@contextmanager
def dripping() -> Iterator[str]:
    """A model that sends a byte now and then, for ever."""
    ended = threading.Event()

    class Drip(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.wfile.write(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 100000\r\n\r\n")
            try:
                while not ended.wait(0.1):
                    self.wfile.write(b" ")
            except OSError:
                return

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Drip) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}/v1"
        ended.set()
        server.shutdown()
        thread.join()


def served(
    notes: Path, tmp_path: Path, serving: Callable[..., Serving], monkeypatch: pytest.MonkeyPatch, address: str
) -> tuple[Serving, dict[str, dict[str, str]]]:
    """A server whose bounded steps ask the model at `address` with a key; headers by who asks."""
    from ingot.edges.http_tokens import new_token

    made = {name: new_token(name, scopes) for name, scopes in {"runner": "run", "judge": "review,run"}.items()}
    (tmp_path / "tokens").write_text("\n".join(line for _, line in made.values()), encoding="utf-8")
    monkeypatch.setenv("OPENAI_API_KEY", API_KEY)
    options = ["--store", tmp_path / "s.db", "--tokens", tmp_path / "tokens", "--model", f"openai:tiny@{address}"]
    server = serving(notes, "--port", 0, *options)
    return server, {name: {"Authorization": f"Bearer {token}"} for name, (token, _) in made.items()}


def everything(server: Serving, headers: dict[str, str], tmp_path: Path) -> str:
    """Log, figures, and the store's files as text."""
    figures = httpx.get(f"{server.url}/metrics", headers=headers).text
    raw = b"".join(path.read_bytes() for path in tmp_path.glob("s.db*"))
    return figures + server.errors.read_text(encoding="utf-8") + raw.decode("latin-1")


def test_whatever_a_model_says_a_person_decides_and_nothing_planted_is_told(
    notes: Path, tmp_path: Path, serving: Callable[..., Serving], monkeypatch: pytest.MonkeyPatch
) -> None:
    reasons: dict[str, str] = {}
    with Loopback(says("no")) as model:
        server, headers = served(notes, tmp_path, serving, monkeypatch, model.url)
        with httpx.Client(base_url=server.url, timeout=20) as client:
            for name, lie in LIES.items():
                model.behaviours, started = (lie,), time.monotonic()
                answer = client.post("/run", json={"note": f"{name} {PHI}", "rate": 10}, headers=headers["runner"])
                assert time.monotonic() - started < 15, name
                told = answer.json()
                assert (answer.status_code, told["status"], told["review"]["step"]) == (
                    200,
                    "needs_review",
                    "read_months",
                )
                assert not [one for one in (PHI, LIE, API_KEY) if one in answer.text], name
                reasons[name] = told["review"]["reason"]
            model.behaviours = (says('{"months": 4}'),)
            good = client.post("/run", json={"note": "four", "rate": 10}, headers=headers["runner"]).json()
            waiting = client.get("/reviews", headers=headers["judge"]).json()["reviews"]
            decided = [_decide(client, headers["judge"], one["review"]) for one in waiting]
        found = everything(server, headers["runner"], tmp_path)
    assert good["output"] == {"fee": 40}
    assert "GAT030" in reasons["canary"]
    assert "no answer within" in reasons["hangs"]
    assert len(decided) == len(LIES)
    assert all(one["outcome"]["output"] == {"fee": 30} for one in decided)
    assert not [one for one in (PHI, LIE, API_KEY) if one in found]
    assert '"event":"failure"' not in found
    with Store.open(str(tmp_path / "s.db")) as store:
        assert not store.audit.verify().problems


def _decide(client: httpx.Client, judge: dict[str, str], review: str) -> dict[str, Any]:
    decision = {"why": "read it myself", "answer": {"months": 3}}
    return dict(client.post(f"/reviews/{review}/approve", json=decision, headers=judge).json())


def test_a_model_that_drips_is_left_in_time_and_the_server_answers_others(
    notes: Path, tmp_path: Path, serving: Callable[..., Serving], monkeypatch: pytest.MonkeyPatch
) -> None:
    with dripping() as address:
        server, headers = served(notes, tmp_path, serving, monkeypatch, address)
        slow: list[httpx.Response] = []
        case = {"note": PHI, "rate": 10}

        def ask() -> None:
            slow.append(httpx.post(f"{server.url}/run", json=case, headers=headers["runner"], timeout=20))

        asking = [threading.Thread(target=ask) for _ in range(4)]
        for one in asking:
            one.start()
        time.sleep(0.2)
        started = time.monotonic()
        assert httpx.get(f"{server.url}/healthz").status_code == 200
        assert time.monotonic() - started < 5  # a loaded machine is slow, one that waits for the model takes longer
        for one in asking:
            one.join(20)
    assert [one.json()["status"] for one in slow] == ["needs_review"] * 4
    assert PHI not in everything(server, headers["runner"], tmp_path)
