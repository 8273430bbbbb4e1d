"""--notify and --durable as they are typed: people are told, and a killed run goes on by itself."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.library.conftest import web
from tests.store.conftest import CLERK, LOGIC, SPEC

from .conftest import Run

__all__ = ["web"]

CASE = '{"name": "Planted Patient", "months": 2, "rate": "913.37"}'


@pytest.fixture
def asking(ingot: Run, tmp_path: Path) -> Path:
    """An artifact that asks a clerk first."""
    folder = tmp_path / "clerk"
    folder.mkdir()
    steps = "    steps: {ask_clerk: {permit: YES}}\n"
    (folder / "spec.yaml").write_text(SPEC.format(name="clerk", before=CLERK, more=", permit", steps=steps))
    (folder / "logic.py").write_text(LOGIC.format(more=", permit: Literal['YES', 'NO']"))
    done = ingot("check", folder / "spec.yaml", "--code", folder / "logic.py", "--author", "A", "--out", folder / "out")
    assert done.code == 0, done.err
    return next((folder / "out").iterdir())


def test_run_and_batch_tell_and_what_failed_is_told_by_command(
    ingot: Run, asking: Path, tmp_path: Path, web: Any
) -> None:
    store = tmp_path / "runs.db"
    told = ingot("run", asking, "--input", CASE, "--store", store, "--notify", web.url)
    assert (told.code, json.loads(told.out)["status"], told.err) == (0, "needs_review", "")
    assert json.loads(web.requests[0].body)["count"] == 1
    (tmp_path / "in.jsonl").write_text(f"{CASE}\n{CASE}\n")
    web.replies += [(400, {}, {})]
    out = tmp_path / "out.jsonl"
    batch = ingot("batch", asking, tmp_path / "in.jsonl", "--out", out, "--store", store, "--notify", web.url)
    assert batch.code == 0
    assert "warning: told of 0 reviews, 2 are pending: the webhook answered with status 400" in batch.err
    again = ingot("reviews", "notify", "--store", store, "--notify", web.url)
    assert (again.code, again.out) == (0, "told of 2 reviews, 0 pending\n")
    web.replies += [(400, {}, {})]
    assert ingot("run", asking, "--input", CASE, "--store", store).code == 0
    failed = ingot("reviews", "notify", "--store", store, "--notify", web.url, "--json")
    assert (failed.code, json.loads(failed.out)["pending"]) == (1, 1)
    assert "Planted" not in repr(web.requests)


def test_whom_to_tell_is_checked_before_the_run(
    ingot: Run, asking: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, web: Any
) -> None:
    store = tmp_path / "runs.db"
    wrong = ingot("run", asking, "--input", CASE, "--store", store, "--notify", "http://example.org/x")
    assert (wrong.code, store.exists()) == (2, False)
    assert "needs --store" in ingot("run", asking, "--input", CASE, "--notify", web.url).err
    assert "say whom to tell" in ingot("reviews", "notify", "--store", store).err
    monkeypatch.setenv("INGOT_NOTIFY", web.url)
    assert ingot("run", asking, "--input", CASE).code == 0, "without a store the variable asks for nothing"
    assert ingot("run", asking, "--input", CASE, "--store", store).code == 0
    assert len(web.requests) == 1


def test_a_decision_after_which_the_next_person_is_asked_tells_them(
    ingot: Run, asking: Path, tmp_path: Path, web: Any
) -> None:
    store = tmp_path / "runs.db"
    run = json.loads(ingot("run", asking, "--input", CASE.replace('"913.37"', "null"), "--store", store).out)["run_id"]
    given = ("--artifact", asking, "--store", store, "--why", "fine", "--answer")
    done = ingot("reviews", "approve", f"{run}.0", *given, '{"permit": "YES"}', "--notify", web.url)
    assert (done.code, json.loads(done.out.partition("\n")[2])["status"]) == (0, "needs_review"), done.err
    (request,) = web.requests
    assert [one["review"] for one in json.loads(request.body)["reviews"]] == [f"{run}.1"]
    bad = ingot("reviews", "reject", f"{run}.1", *given, '{"permit": "NO"}')
    assert (bad.code, "the outputs of the workflow: fee, greeting" in bad.err) == (2, True), bad
    away = ingot("reviews", "reject", f"{run}.1", "--why", "x", "--address", "127.0.0.1:1", "--notify", web.url)
    assert (away.code, "give --notify to `ingot worker`" in away.err) == (2, True), away


KILLED = """
import os, signal, sys
from ingot.store.runs import RecordedWorkflow
RecordedWorkflow._end = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
from ingot.cli import main
main(sys.argv[1:])
"""


def test_a_stream_is_recorded_and_people_are_told(
    ingot: Run, asking: Path, tmp_path: Path, web: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec, code = tmp_path / "clerk" / "spec.yaml", tmp_path / "clerk" / "logic.py"
    spec.write_text("plan: {template: stream}\n" + spec.read_text())
    assert ingot("check", spec, "--code", code, "--out", tmp_path / "made").code == 0
    made, store = next((tmp_path / "made").iterdir()), tmp_path / "runs.db"
    (tmp_path / "lines").write_text(f"{CASE}\n{{}}\n{CASE}\n", encoding="utf-8")

    def typed(*more: object) -> tuple[int, list[Any]]:
        monkeypatch.setattr("sys.stdin", (tmp_path / "lines").open(encoding="utf-8"))
        done = ingot("run", made, "--input", "-", *more)
        return done.code, [json.loads(line) for line in done.out.splitlines()]

    code_of, told = typed("--store", store, "--notify", web.url)
    assert (code_of, [one["status"] for one in told]) == (1, ["needs_review", "failed", "needs_review"])
    assert sum(json.loads(one.body)["count"] for one in web.requests) == 2
    approve = ("reviews", "approve", f"{told[0]['run_id']}.0", "--artifact", made, "--store", store, "--why", "x")
    assert ingot(*approve, "--answer", '{"permit": "YES"}').code == 0
    assert ingot("replay", told[0]["run_id"], "--artifact", made, "--store", store).code == 0
    assert "run_id" not in typed()[1][0], "without a store there is nothing to look up"
    assert "ingot batch" in ingot("run", made, "--input", "-", "--out", "o", "--store", store).err
    single = ingot("run", made, "--input", CASE, "--store", store)
    assert json.loads(single.out)["status"] == "needs_review"


def test_a_stream_on_dbos(ingot: Run, asking: Path, tmp_path: Path) -> None:
    pytest.importorskip("dbos")
    spec, code = tmp_path / "clerk" / "spec.yaml", tmp_path / "clerk" / "logic.py"
    spec.write_text("plan: {template: stream}\n" + spec.read_text())
    assert ingot("check", spec, "--code", code, "--out", tmp_path / "made").code == 0
    store = tmp_path / "runs.db"
    typed = ["run", str(next((tmp_path / "made").iterdir())), "--input", "-", "--store", str(store)]
    done = subprocess.run(
        [sys.executable, "-m", "ingot", *typed, "--durable", "dbos"],
        input=f"{CASE}\n{CASE}\n", capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert [json.loads(one)["status"] for one in done.stdout.splitlines()] == ["needs_review"] * 2, done.stderr
    assert {one.stat().st_mode & 0o777 for one in tmp_path.glob("runs.db*")} == {0o600}


def test_a_run_on_dbos_takes_killed_ones_up(ingot: Run, asking: Path, artifact: Path, tmp_path: Path) -> None:
    pytest.importorskip("dbos")
    store = tmp_path / "runs.db"
    typed = ["run", str(asking), "--input", CASE, "--store", str(store), "--durable", "dbos", "--executor", "one"]
    killed = subprocess.run([sys.executable, "-c", KILLED, *typed], capture_output=True, timeout=60, check=False)
    assert (killed.returncode, killed.stdout) == (-signal.SIGKILL, b"")
    done = subprocess.run(
        [sys.executable, "-m", "ingot", *typed], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, json.loads(done.stdout)["status"]) == (0, "needs_review"), done.stderr
    assert "of a killed process went on: needs_review" in done.stderr
    assert len(ingot("reviews", "list", "--store", store, "--json").out.splitlines()) == 2
    pure = ingot("run", artifact, "--input", CASE, "--store", store, "--durable", "dbos")
    assert (pure.code, "this workflow is pure" in pure.err) == (2, True)
    idle = ["resume", str(asking), "--store", str(store)]
    for more in (["--durable", "dbos", "--executor", "one"], ["--all"]):
        again = subprocess.run(
            [sys.executable, "-m", "ingot", *idle, *more], capture_output=True, text=True, timeout=60, check=False
        )
        assert (again.returncode, again.stdout, again.stderr) == (0, "", "no run is under way\n")
    assert "needs --store" in ingot("run", asking, "--input", CASE, "--durable", "dbos").err
