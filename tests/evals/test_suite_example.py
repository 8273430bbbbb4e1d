"""The example of a suite is the one that the documentation shows, and its program is right."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import ingot
from ingot.evals.evaluate import evaluate
from ingot.evals.solvers.compiled import Human
from ingot.evals.suite_file import load_suite

ROOT = Path(__file__).parents[2]
EXAMPLE = Path(ingot.__file__).parent / "library" / "examples" / "parcel_suite"
PAGE = (ROOT / "docs" / "suites.md").read_text(encoding="utf-8")
SHOWN = dict(re.findall(r'^```\w+ title="parcels/([^"]+)"\n(.*?)^```$', PAGE, re.MULTILINE | re.DOTALL))


def test_the_page_shows_every_file_of_the_example() -> None:
    assert set(SHOWN) == {path.name for path in EXAMPLE.iterdir() if path.is_file()}
    for name, text in SHOWN.items():
        assert (EXAMPLE / name).read_text(encoding="utf-8") == text, name


@pytest.mark.parametrize(("file", "items"), [("suite.yaml", 10), ("loaded.yaml", 9)])
def test_the_program_of_the_example_is_right(file: str, items: int, tmp_path: Path) -> None:
    log = evaluate(load_suite(EXAMPLE / file), Human(), tmp_path)
    assert [one.right for one in log.items] == [True] * items


def test_a_price_that_is_nearly_right_is_half_right() -> None:
    (task,) = load_suite(EXAMPLE / "loaded.yaml").tasks
    item = task.items[0]
    assert task.score(item, {"cents": 520}) == {"cents": 0.5}
    assert task.score(item, {"cents": 900}) == {"cents": 0.0}
    assert task.score(item, {}) == {"cents": None}
