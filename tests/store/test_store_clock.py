"""A clock that jumps: the chain holds, retention removes what says that it is old and nothing else, runs go on."""

from __future__ import annotations

from itertools import cycle

import pytest

from ingot.store import audit
from ingot.store.runs import RecordedWorkflow

CASE = {"name": "Planted", "months": 2, "rate": "1.10"}
JUMPS = ("2026-03-01T10:00:00Z", "2025-01-01T00:00:00Z", "2026-03-02T10:00:00Z", "1999-12-31T23:59:59Z")


def test_the_chain_and_retention_hold_when_the_clock_jumps(
    pure: RecordedWorkflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    times = cycle(JUMPS)
    monkeypatch.setattr(audit, "now_text", lambda: next(times))
    ran = [pure.run(CASE).run_id for _ in range(8)]
    log = pure.store.audit
    head = log.head()
    assert log.verify().problems == ()
    assert log.prune("2026-01-01T00:00:00Z") == 4
    assert [record["run"] for record in log.records() if record["kind"] == "run"] == ran[::2]
    checked = log.verify(head)
    assert (checked.problems, checked.pruned) == ((), 4)
    monkeypatch.setattr(audit, "now_text", lambda: "1980-01-01T00:00:00Z")
    pure.run(CASE)
    assert log.prune("2026-03-02T00:00:00Z") == 4, "two of March 1st, the new one, and the note of the first pruning"
    assert log.verify(head).problems == ()
    assert [record["run"] for record in log.records() if record["kind"] == "run"] == ran[2::4]
