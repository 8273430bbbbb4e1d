"""`ingot bench FILE.yaml`, `compare` and `report` as a user types them."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from ingot.cli.progress import INTERRUPTED
from ingot.evals.alone import alone
from ingot.models import Scripted
from ingot.models.budget import Budget, Budgeted
from ingot.models.model import Completion, Request
from tests.cli.conftest import Run
from tests.evals.test_evaluate import RIGHT, SPEC, WRONG
from tests.evals.test_suite_file import SUITE


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    (tmp_path / "spec.yaml").write_text(SPEC)
    (tmp_path / "logic.py").write_text(RIGHT)
    rows = [{"id": str(at), "input": {"weight": at}, "expected": {"fee": 5 if at <= 10 else 9}} for at in (1, 90)]
    (tmp_path / "items.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "suite.yaml").write_text(SUITE)
    return tmp_path / "suite.yaml"


def test_a_suite_runs_and_is_reported(ingot: Run, suite: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = suite.parent / "out"
    model = Scripted([f"```python\n{WRONG}```", f"```python\n{RIGHT}```", '{"fee": 5}', '{"fee": 5}'])
    monkeypatch.setattr("ingot.models.open.open_model", lambda *_, **__: model)
    code, said, problem = ingot(
        "bench",
        suite,
        "--solver",
        "compiled",
        "--solver",
        "direct",
        "--solver",
        "human",
        "--model",
        "openai:x",
        "--out",
        out,
    )
    assert code == 0, problem
    assert "100.0 % [15.8 %, 100.0 %]" in said
    assert (out / "shipping" / "report.html").stat().st_size > 5_000
    code, said, problem = ingot(
        "bench", "compare", out / "shipping" / "direct", out / "shipping" / "compiled", "--json"
    )
    accuracy = json.loads(said)[0]
    assert (accuracy["a"], accuracy["b"], accuracy["only_b"]) == (0.5, 1.0, 1)
    code, said, problem = ingot("bench", "report", out / "shipping" / "human", "--out", suite.parent / "again")
    assert code == 0, problem
    # what is finished is not asked for again
    monkeypatch.setattr("ingot.models.open.open_model", lambda *_, **__: Scripted([]))
    code, said, problem = ingot("bench", suite, "--solver", "compiled", "--model", "openai:x", "--out", out, "--json")
    assert code == 0, problem


def test_several_transactions_are_asked_at_a_time_and_the_log_says_so(
    ingot: Run, suite: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Both(Scripted):
        """Answers nobody before two have asked."""

        barrier = threading.Barrier(2, timeout=20)

        def complete(self, request: Request) -> Completion:
            self.barrier.wait()
            return super().complete(request)

    monkeypatch.setattr("ingot.models.open.open_model", lambda *_, **__: Both(['{"fee": 5}', '{"fee": 5}']))
    out = suite.parent / "out"
    solvers = ("--solver", "direct", "--solver", "human")
    done = ingot("bench", suite, *solvers, "--model", "openai:x", "--at-once", "2", "--out", out)
    assert done.code == 0, done.err
    told = {
        name: json.loads((out / "shipping" / name / "log.json").read_text())["settings"] for name in ("direct", "human")
    }
    assert told["direct"]["at_once"] == 2
    assert "at_once" not in told["human"]


def test_one_by_one_is_a_setting_of_solvers_that_compile(
    ingot: Run, suite: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingot.models.open.open_model", lambda *_, **__: Scripted([f"```python\n{RIGHT}```"]))
    out = suite.parent / "out"
    solvers = ("--solver", "compiled", "--solver", "human")
    done = ingot("bench", suite, *solvers, "--model", "openai:x", "--one-by-one", "--out", out)
    assert done.code == 0, done.err
    told = {
        name: json.loads((out / "shipping" / name / "log.json").read_text())["settings"]
        for name in ("compiled", "human")
    }
    assert told["compiled"]["one_by_one"] is True
    assert "one_by_one" not in told["human"]


def doubled(suite: Path) -> None:
    text = suite.read_text()
    part = text[text.index("spec:") :]
    indented = "\n".join(f"    {line}" for line in part.splitlines() if line.strip())
    two = [f"  - task: {name}\n{indented}\n".replace("spec.yaml", f"{name}.yaml") for name in ("first", "second")]
    for name in ("first", "second"):
        (suite.parent / f"{name}.yaml").write_text(SPEC.replace("name: shipping", f"name: {name}"))
    suite.write_text("suite: shipping\ntasks:\n" + "".join(two))


def test_a_run_that_is_interrupted_reports_on_what_all_solvers_have(
    ingot: Run, suite: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Stopped(Scripted):
        def complete(self, request: Request) -> Completion:
            if len(self.requests) == 2:
                raise KeyboardInterrupt
            return super().complete(request)

    doubled(suite)
    monkeypatch.setattr("ingot.models.open.open_model", lambda *_, **__: Stopped(['{"fee": 5}', '{"fee": 5}']))
    both = ("--solver", "human", "--solver", "direct")
    done = ingot("bench", suite, *both, "--model", "openai:x", "--out", suite.parent / "out")
    assert done.code == 130
    assert "human: 1 tasks left out, since not all logs have them" in done.out
    assert "direct: cut short after 1 tasks" in done.out


def test_logs_of_different_tasks_are_put_together_only_where_that_is_said(ingot: Run, suite: Path) -> None:
    doubled(suite)
    for name in ("a", "b"):
        done = ingot("bench", suite, "--solver", "human", "--out", suite.parent / name)
        assert done.code == 0, done.err
    path = suite.parent / "b" / "shipping" / "human" / "log.json"
    told = json.loads(path.read_text())
    path.write_text(json.dumps({**told, "whole": False, "tasks": told["tasks"][:1]}))
    both = [suite.parent / name / "shipping" / "human" for name in ("a", "b")]
    for command in (("compare", *both), ("report", *both, "--out", suite.parent / "report")):
        done = ingot("bench", *command)
        assert done.code == 2
        assert "human 1 has 2; human 2 has 1, cut short" in done.err
        assert "--shared" in done.err
        done = ingot("bench", *command, "--shared")
        assert done.code == 0, done.err
    assert "cut short after 1 tasks" in (suite.parent / "report" / "report.md").read_text()


def test_two_runs_of_a_suite_at_once_are_not_in_one_folder(ingot: Run, suite: Path) -> None:
    out = suite.parent / "out"
    with alone(out / "shipping"):
        done = ingot("bench", suite, "--solver", "human", "--out", out)
        assert done.code == 2
        assert "another run is writing here" in done.err
    assert ingot("bench", suite, "--solver", "human", "--out", out).code == 0


def waiting(suite: Path, box: Path) -> subprocess.Popen[str]:
    """A bench in a process of its own that awaits a reply: it holds its folder and has written its request."""
    lock = suite.parent / "out" / "shipping" / ".lock"
    lock.unlink(missing_ok=True)
    process = subprocess.Popen(
        [sys.executable, "-m", "ingot", "bench", suite, "--model", f"files:{box}", "--out", suite.parent / "out"],
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    for _ in range(300):
        if process.poll() is not None or (lock.exists() and list(box.glob("*.request.md"))):
            break
        time.sleep(0.1)
    time.sleep(1)  # past the start, inside the wait
    return process


def test_a_run_that_waits_for_a_reply_is_stopped_or_killed_and_goes_on(ingot: Run, suite: Path) -> None:
    box = suite.parent / "box"
    process = waiting(suite, box)
    held = ingot("bench", suite, "--solver", "human", "--out", suite.parent / "out")
    assert (held.code, f"another run is writing here (process {process.pid})" in held.err) == (2, True)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=30)
    assert process.returncode == INTERRUPTED
    assert f"each request is written to {box}/*.request.md" in said
    assert "cut short: the same command goes on" in said
    process = waiting(suite, box)
    process.kill()
    process.communicate(timeout=30)
    late = ingot("bench", suite, "--model", f"files:{box}", "--timeout", "0.2", "--out", suite.parent / "out")
    assert (late.code, "no reply within 0.2 s" in late.err) == (1, True)
    (request,) = box.glob("*.request.md")
    request.with_name(request.name.replace("request", "reply")).write_text(f"```python\n{RIGHT}```\n")
    done = ingot("bench", suite, "--model", f"files:{box}", "--timeout", "30", "--out", suite.parent / "out")
    assert done.code == 0, done.err
    log = json.loads((suite.parent / "out" / "shipping" / "compiled" / "log.json").read_text())
    assert log["whole"] is True


def test_what_cannot_be_kept_is_said_before_a_model_is_paid(
    ingot: Run, suite: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = Scripted([])
    monkeypatch.setattr("ingot.models.open.open_model", lambda *_, **__: model)
    (suite.parent / "out").mkdir()
    (suite.parent / "out" / "completions").touch()
    done = ingot("bench", suite, "--model", "openai:x", "--out", suite.parent / "out")
    assert "completions cannot be kept here: it is no folder" in done.err
    assert model.requests == []


def test_wrong_use_is_one_line(ingot: Run, suite: Path) -> None:
    done = ingot("bench", suite, "--task", "nothing", "--solver", "human")
    assert done.code == 2
    assert "has no task 'nothing'" in done.err
    done = ingot("bench", suite, "--solver", "oracle")
    assert done.code == 2
    assert "oracle" in done.err
    done = ingot("bench", suite)
    assert done.code == 2
    assert "asks a model" in done.err


def test_one_budget_is_for_all_solvers(ingot: Run, suite: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    budgets: list[object] = []

    def opened(*_: object, budget: Budget, **__: object) -> Budgeted:
        budgets.append(budget)
        return Budgeted(Scripted([f"```python\n{RIGHT}```", '{"fee": 5}', '{"fee": 9}']), budget)

    monkeypatch.setattr("ingot.models.open.open_model", opened)
    both = ("--solver", "compiled", "--solver", "direct")
    done = ingot("bench", suite, *both, "--model", "openai:x", "--out", suite.parent / "out", "--max-tokens", 100_000)
    assert done.code == 0, done.err
    assert len(budgets) == 1


def test_what_is_no_bench_is_told_with_what_there_is(ingot: Run) -> None:
    code, _, problem = ingot("bench", "rule")
    assert code == 2
    assert "did you mean 'rules'? (a suite of your own is named by its file" in problem
    assert "one-stage-run" not in ingot("bench", "nothing-like-it")[2]


def test_a_budget_that_ends_reports_what_is_finished_and_says_so(
    ingot: Run, suite: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    doubled(suite)
    answers = ['{"fee": 5}', '{"fee": 9}', '{"fee": 5}', '{"fee": 9}']

    def opened(*_: object, budget: Budget, **__: object) -> Budgeted:
        return Budgeted(Scripted(list(answers)), budget)

    monkeypatch.setattr("ingot.models.open.open_model", opened)
    both = ("--solver", "human", "--solver", "direct", "--model", "openai:x", "--out", suite.parent / "out")
    done = ingot("bench", suite, *both, "--max-tokens", 1_400)
    assert done.code == 1, done.out
    assert "direct: cut short after 1 tasks" in done.out
    assert "the budget of 1,400 tokens" in done.err
    assert "cut short: the same command goes on" in done.err
    assert (suite.parent / "out" / "shipping" / "report.html").exists()
    answers[:] = answers[3:]  # three were paid for and are kept
    done = ingot("bench", suite, *both)
    assert done.code == 0, done.err
    assert "cut short" not in done.out


def test_what_a_solver_lacks_and_what_all_take_is_told_before_one_is_paid(
    ingot: Run, suite: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = Scripted([f"```python\n{RIGHT}```"])
    monkeypatch.setattr("ingot.models.open.open_model", lambda *_, **__: model)
    monkeypatch.setitem(sys.modules, "langchain", None)
    done = ingot(
        "bench",
        suite,
        "--solver",
        "compiled",
        "--solver",
        "langchain",
        "--model",
        "openai:x",
        "--out",
        suite.parent / "out",
    )
    assert done.code == 1, done.err
    assert "langchain" in done.err
    assert model.requests == []
    done = ingot(
        "bench", suite, "--solver", "compiled", "--solver", "direct", "--estimate", "--priced-as", "openai:gpt-5"
    )
    assert done.out.count("($0.0") == 2, done.out


def test_a_price_that_is_not_known_is_refused(ingot: Run, suite: Path) -> None:
    for command in ((suite, "--solver", "human"), ("report", suite)):
        done = ingot("bench", *command, "--priced-as", "openai:gpt-none")
        assert done.code == 2
        assert "no list price is known of 'openai:gpt-none'; there are anthropic:" in done.err
