"""`ingot bench FILE.yaml`, `compare` and `report` as a user types them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ingot.models import Scripted
from ingot.models.budget import Budget, Budgeted
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
