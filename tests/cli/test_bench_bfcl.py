"""`ingot bench bfcl` as a user types it."""

from __future__ import annotations

from pathlib import Path

import pytest

from ingot.models import Scripted
from tests.cli.conftest import Run
from tests.evals.suites.test_bfcl import CODE, LIVE, PROMPT


def test_a_run_over_a_prompt_and_its_twin(ingot: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("bfcl_eval")
    monkeypatch.setattr("ingot.evals.suites.bfcl.load_prompts", lambda _, **__: {PROMPT.id: PROMPT})
    monkeypatch.setattr("ingot.models.open.open_model", lambda *_, **__: Scripted([CODE]))
    code, said, problem = ingot("bench", "bfcl", "--model", "openai:x", "--out", tmp_path / "out", "--yes")
    assert code == 0, problem
    assert "accuracy (perturbed)" in said
    assert "published: published system, per instance" in said
    assert (tmp_path / "out" / "bfcl-per-instance" / "compiled" / "log.json").exists()


def test_reuse_without_irrelevant_prompts(ingot: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("bfcl_eval")
    monkeypatch.setattr("ingot.evals.suites.bfcl.load_prompts", lambda _, **__: {one.id: one for one in LIVE})
    monkeypatch.setattr(
        "ingot.models.open.open_model", lambda *_, **__: Scripted(['{"function": "taxi", "taxi_city": "Lima"}'])
    )
    path = tmp_path / "sets.json"
    path.write_text('{"travel": {"compile": ["live_1", "live_2"], "run": ["live_4"]}}')
    code, said, problem = ingot(
        "bench", "bfcl", "--protocol", "reuse", "--sets", path, "--irrelevant", "0", "--solver", "direct",
        "--model", "openai:x", "--out", tmp_path / "out", "--yes",
    )  # fmt: skip
    assert code == 0, problem
    assert "1 tasks, 1 items" in said


def test_sets_belong_to_reuse(ingot: Run, tmp_path: Path) -> None:
    code, _, problem = ingot("bench", "bfcl", "--sets", tmp_path / "sets.json", "--out", tmp_path)
    assert code != 0
    assert "--protocol reuse" in problem
