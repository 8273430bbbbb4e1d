"""The digest of a suite covers how its items are scored, and nothing of the machine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from ingot.evals.scorer_text import scorer_text
from ingot.evals.scoring import by_spec
from ingot.evals.suite import Item, Score, Suite
from ingot.evals.suite_file import load_suite
from tests.evals.test_evaluate import RIGHT, SPEC, exact, suite
from tests.evals.test_suite_file import SUITE


def rewritten(path: Path, text: str) -> Score:
    """A scorer as a module of one's own has it."""
    path.write_text(text)
    names: dict[str, Any] = {"__name__": "mine"}
    exec(compile(text, str(path), "exec"), names)
    found: Score = names["score"]
    return found


OWN = """def near(found, wanted):
    return abs(found - wanted) <= 1

def score(item, output):
    '''How it is scored.'''
    return {"fee": float(near(output["fee"], item.expected["fee"]))}  # a comment
"""


@pytest.mark.parametrize(
    ("old", "new", "is_same"),
    [("# a comment", "# another", True), ("How it is scored.", "In other words.", True), ("<= 1", "<= 2", False),
     ("float(near", "float(not near", False)],
)  # fmt: skip
def test_a_change_of_what_a_scorer_does_shows(tmp_path: Path, old: str, new: str, is_same: bool) -> None:
    one, two = rewritten(tmp_path / "a.py", OWN), rewritten(tmp_path / "b.py", OWN.replace(old, new))
    assert (suite(score=one).digest == suite(score=two).digest) is is_same


def within(most: float, item: Item, output: Mapping[str, Any]) -> Mapping[str, float | None]:
    return {"fee": float(abs(output["fee"] - item.expected["fee"]) <= most)}


@dataclass(frozen=True)
class Within:
    most: float

    def __call__(self, item: Item, output: Mapping[str, Any]) -> Mapping[str, float | None]:
        return within(self.most, item, output)


def test_values_in_a_scorer_show() -> None:
    for make in (lambda most: partial(within, most), Within):
        assert suite(score=make(1)).digest == suite(score=make(1)).digest != suite(score=make(2)).digest
    assert "Within" in scorer_text(Within(1))


def test_nulls_fields_and_further_measures_show(tmp_path: Path) -> None:
    for name, text in (
        ("spec.yaml", SPEC),
        ("logic.py", RIGHT),
        ("items.jsonl", '{"id":"a","input":{"weight":1},"expected":{"fee":5}}'),
    ):
        (tmp_path / name).write_text(text)

    def of(text: str) -> Suite:
        (tmp_path / "suite.yaml").write_text(text)
        return load_suite(tmp_path / "suite.yaml")

    first = of(SUITE)
    assert first.digest == of(SUITE).digest
    others = [of(SUITE + "nulls: withheld\n"),
              suite(fields=("fee", "more")), suite(others={"near": partial(within, 1)}), suite(others={"near": partial(within, 2)})]  # fmt: skip
    digests = {one.digest for one in (first, suite(), *others)}
    assert len(digests) == len(others) + 2


def test_the_digest_is_the_same_wherever_the_files_are(tmp_path: Path) -> None:
    digests = set()
    for at in ("one", "two"):
        folder = tmp_path / at
        folder.mkdir()
        for name, text in (
            ("spec.yaml", SPEC),
            ("logic.py", RIGHT),
            ("items.jsonl", '{"id":"a","input":{"weight":1},"expected":{"fee":5}}'),
            ("suite.yaml", SUITE),
        ):
            (folder / name).write_text(text)
        digests.add(load_suite(folder / "suite.yaml").digest)
    assert len(digests) == 1


def test_nothing_of_a_process_is_in_the_text() -> None:
    class Odd:
        pass

    text = scorer_text([Odd(), {"a": {"b", "c"}}, print, Path("/home"), exact, by_spec(suite().tasks[0].spec())])
    assert " at 0x" not in text
    assert "/home" not in text
    ring: list[Any] = []
    ring.append(ring)
    assert scorer_text(ring) == "[…]"
    assert suite().digest == replace(suite()).digest
