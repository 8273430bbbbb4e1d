"""The smoke of all benches: the table is whole, and one that breaks, hangs or lacks something is said for what it is."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from ingot.cli.bench import bench_command
from ingot.evals import smoke as smokes
from ingot.evals.smoke import SMOKES, Smoke, smoke
from ingot.evals.smoke_inputs import smoke_inputs
from tests.cli.conftest import Run
from tests.cli.conftest import ingot as ingot  # noqa: PLC0414 - a fixture

APART = {"all", "bare-http", "compare", "one-stage-run", "policyengine", "report"}
"""Commands that measure nothing of their own."""


def told(found: Any) -> str:
    return f"{len(found)} rows"


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return smoke_inputs(tmp_path_factory.mktemp("smoke"))


def test_every_bench_is_in_the_table_once() -> None:
    assert len({one.name for one in SMOKES}) == len(SMOKES)
    commands = {one.arguments[0] for one in SMOKES} - {"{suite}"}
    assert commands == set(bench_command.commands) - APART


@pytest.mark.parametrize("name", ["hybrid", "mutation", "suite"])
def test_a_bench_runs_small_and_tells_its_figure(name: str, inputs: dict[str, str]) -> None:
    one = next(each for each in SMOKES if each.name == name)
    seen = smoke(one, inputs, None, None)
    assert seen.status == "ok", seen.said
    expected = {
        "hybrid": "without a model",
        "mutation": "27 of 28 mutants killed",
        "suite": "accuracy: compiled 100% of 10, code-once 100% of 10, human 100% of 10",
    }
    assert expected[name] in seen.said


def test_what_is_missing_is_said_and_nothing_is_run(tmp_path: Path) -> None:
    needs = Smoke(("security", "--data", "{data}"), told, folder="security")
    assert smoke(needs, {}, None, None).said == "give --data with a folder 'security' in it"
    assert "there is no" in smoke(needs, {}, tmp_path, None).said
    absent = Smoke(("mutation",), told, package=("no_such_package", "pip install it"))
    assert smoke(absent, {}, None, None).said == "no_such_package is not installed: pip install it"
    assert smoke(Smoke(("mutation",), told), {}, None, None, left=0).status == "not run"


def test_one_that_breaks_is_broken_with_its_last_words(tmp_path: Path) -> None:
    seen = smoke(Smoke(("mutation", "no-such-example"), told), {}, None, None)
    assert seen.status == "broke"
    assert seen.said.startswith("error: no bundled example 'no-such-example'")
    wrong = smoke(Smoke(("compare", str(tmp_path), str(tmp_path)), told), {}, None, None)
    assert wrong.status == "broke"


def test_one_that_hangs_is_ended_with_its_processes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    mark = tmp_path / "pid"
    code = (
        "import os, signal, subprocess, sys, time\n"
        "signal.signal(signal.SIGINT, signal.SIG_IGN)\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'], stdout=subprocess.DEVNULL)\n"
        f"open({str(mark)!r}, 'w').write(str(child.pid))\n"
        "time.sleep(600)\n"
    )
    real = subprocess.Popen
    monkeypatch.setattr(subprocess, "Popen", lambda _, **options: real([sys.executable, "-c", code], **options))
    monkeypatch.setattr(smokes, "GRACE", 0.5)
    seen = smoke(Smoke(("runtime",), told, seconds=3.0), {}, None, None)
    assert (seen.status, seen.said) == ("broke", "hung")
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline and _runs(int(mark.read_text())):
        time.sleep(0.05)
    assert not _runs(int(mark.read_text()))
    cut = smoke(Smoke(("runtime",), told), {}, None, None, left=2.0)
    assert (cut.status, cut.said) == ("not run", "cut: the time for all is over")


def _runs(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_all_quick_as_a_user_types_it(ingot: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    fitting = Smoke(("mutation", "late_fee"), told, label="fits")
    breaking = Smoke(("mutation", "no-such-example"), told, label="breaks")
    lacking = Smoke(("dmn", "--data", "{data}"), told, folder="dmn_tck")
    monkeypatch.setattr(smokes, "SMOKES", (fitting, lacking))
    monkeypatch.setattr("ingot.evals.smoke_inputs.smoke_inputs", lambda _: {"work": "."})
    code, said, problem = ingot("bench", "all", "--quick")
    assert code == 0, problem
    assert "mutation fits" in said
    assert "1 rows" in said
    assert "1 ran, 0 broke, 1 not run" in said
    monkeypatch.setattr(smokes, "SMOKES", (breaking, lacking))
    code, said, _ = ingot("bench", "all", "--quick", "--json")
    assert code == 1
    assert [one["status"] for one in json.loads(said)["benches"]] == ["broke", "not run"]
    assert ingot("bench", "all").code == 2
    assert "there are mutation breaks, dmn" in ingot("bench", "all", "--quick", "--only", "x").err


def test_ctrl_c_shows_what_is_done(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "ingot", "bench", "all", "--quick", "--only", "mutation", "--only", "hostile"]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True)
    assert child.stdout is not None
    first = child.stdout.readline()
    os.kill(child.pid, signal.SIGINT)
    out, error = child.communicate(timeout=60)
    assert first.startswith("mutation")
    assert "cut short after 1 of" in error
    assert "1 ran, 0 broke" in out
    assert child.returncode == 130


def test_a_suite_is_estimated_without_a_model(ingot: Run, inputs: dict[str, str]) -> None:
    code, said, problem = ingot(
        "bench", inputs["suite"], "--solver", "direct", "--solver", "compiled", "--estimate", "--json"
    )
    assert code == 0, problem
    found = json.loads(said)
    assert (found["tasks"], found["items"]) == (1, 10)
    assert found["estimate"]["direct"]["requests"] == 10
    assert found["estimate"]["compiled"]["requests"] == 1
    assert "at least about" in ingot("bench", inputs["suite"], "--estimate").out
