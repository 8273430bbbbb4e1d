"""The same input in fresh processes."""

from __future__ import annotations

from pathlib import Path

import pytest

from ingot.compile.driver import check
from ingot.errors import StageError
from ingot.evals.repeat import asked, measured, repeat
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


def test_a_run_that_breaks_is_no_answer(artifact: Path) -> None:
    with pytest.raises(StageError, match="InputError"):
        list(repeat(artifact, {"weight": "much"}, 2))


def test_answers_of_a_model_are_counted_as_they_come() -> None:
    outputs = list(asked(lambda number: {"fee": number % 2} if number else None, 3))
    assert len(set(outputs)) == 3
