"""The same input in fresh processes."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ingot.compile.driver import check
from ingot.errors import InputError, StageError
from ingot.evals.repeat import Repeated, measured, repeat
from ingot.evals.repeat_kept import RUNS, KeptRuns
from tests.evals.test_evaluate import RIGHT, SPEC


@pytest.fixture
def artifact(tmp_path: Path) -> Path:
    (tmp_path / "spec.yaml").write_text(SPEC)
    made = check(tmp_path / "spec.yaml", RIGHT, out=tmp_path / "artifacts")
    assert made.path is not None
    return made.path


def test_fresh_processes_say_the_same(artifact: Path) -> None:
    runs = list(repeat(artifact, {"weight": 3}, 3))
    found = {one.name: one for one in measured(runs)}
    assert found["entropy"].value == 0
    assert found["exact match"].value == 1
    assert found["cold"].value is not None
    assert found["warm"].value is not None
    assert found["cold"].value > found["warm"].value


def children(pid: int) -> list[str]:
    """The processes that one has started, from any of its threads."""
    return [one for task in Path(f"/proc/{pid}/task").glob("*/children") for one in task.read_text().split()]


def test_what_is_done_is_told_at_ctrl_c(artifact: Path) -> None:
    command = [sys.executable, "-m", "ingot", "bench", "consistency", str(artifact), "--input", '{"weight": 3}']
    running = subprocess.Popen(
        [*command, "--runs", "500", "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        while not children(running.pid) and running.poll() is None:
            time.sleep(0.1)
        running.send_signal(signal.SIGINT)
        out, told = running.communicate(timeout=100)
    finally:
        running.kill()
    assert running.returncode == 130
    assert "cut short after" in told
    assert [one["name"] for one in json.loads(out)] == ["entropy", "exact match", "cold", "warm"]


def test_a_run_that_breaks_is_no_answer(artifact: Path) -> None:
    with pytest.raises(StageError, match="InputError"):
        list(repeat(artifact, {"weight": "much"}, 2))


def bench(*more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "ingot", "bench", "consistency", *more, "--json"],
        capture_output=True,
        text=True,
        check=False,
    )


def test_runs_that_were_kept_are_not_made_again(artifact: Path, tmp_path: Path) -> None:
    out = tmp_path / "kept"
    asked_for = (str(artifact), "--input", '{"weight": 3}', "--out", str(out))
    assert bench(*asked_for, "--runs", "2").returncode == 0
    lines = (out / RUNS).read_text().splitlines()
    (out / RUNS).write_text("\n".join(lines) + '\n{"outcome": "cut o')  # killed while it was written
    done = bench(*asked_for, "--runs", "3")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)[0]["n"] == 3
    assert (out / RUNS).read_text().splitlines()[:3] == lines
    assert len((out / RUNS).read_text().splitlines()) == 4
    other = bench(str(artifact), "--input", '{"weight": 4}', "--out", str(out), "--runs", "2")
    assert other.returncode == 2
    assert "the folder holds runs of another input" in other.stderr


@pytest.mark.parametrize(
    ("line", "said"), [("{}", "not a run: KeyError"), ("[1]", "not an object"), ("no", "not JSON")]
)
def test_what_is_no_run_is_told_by_its_line(tmp_path: Path, line: str, said: str) -> None:
    KeptRuns(tmp_path, {"input": {"weight": 3}}).add(Repeated(b"1", 2.0, 0.1))
    with (tmp_path / RUNS).open("a") as file:
        file.write(line + "\n")
    with pytest.raises(InputError, match=said) as caught:
        KeptRuns(tmp_path, {"input": {"weight": 3}})
    assert f"{RUNS}:3" in str(caught.value)
