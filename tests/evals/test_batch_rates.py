"""What `ingot bench batch` measures."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ingot.compile.driver import check
from ingot.errors import StageError
from ingot.evals.batch_rates import _hold_to, batch_memory

SPEC = """
metadata: {name: doubled, owner: clerk}
inputs: {count: integer}
outputs: {twice: integer}
logic_requirements: [{step: compute, type: function, intent: Double it., inputs: [count]}]
cases: [{id: a, input: {count: 1}, expected: {twice: 2}}, {id: b, input: {count: 2}, expected: {twice: 4}, held_out: true}]
"""


def test_the_peaks_of_every_process_are_told_early_and_at_the_end(tmp_path: Path) -> None:
    (tmp_path / "spec.yaml").write_text(SPEC, encoding="utf-8")
    logic = "def compute(count: int) -> int:\n    return count * 2  # C1\n"
    checked = check(tmp_path / "spec.yaml", logic, author="test", out=tmp_path / "out")
    assert checked.path, [str(finding) for finding in checked.attempts[0].findings]
    found = batch_memory(checked.path, [{"count": 3}], 6_000, workers=2, audit=True)
    assert (len(found.at_first), len(found.at_end)) == (3, 3)
    assert all(10 < peak < 1_000 for peak in (*found.at_first, *found.at_end))
    assert 0.9 < found.growth < 2


def test_a_rate_on_more_cores_than_there_are_is_no_rate() -> None:
    with pytest.raises(StageError, match="cores are wanted"):
        _hold_to(len(os.sched_getaffinity(0)) + 1)
