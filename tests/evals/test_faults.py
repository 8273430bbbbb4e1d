"""A few kills and a full disk; `ingot bench faults` does a thousand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ingot.evals import faults


def test_killed_processes_lose_and_double_nothing(tmp_path: Path) -> None:
    found = faults.inject(tmp_path, 12, seed=3)
    assert found.problems == []
    assert found.killed >= 12
    assert found.batches >= 1
    faults.fill_disk(tmp_path, found)
    assert found.problems == []
    assert found.full_disks >= 3


def test_a_record_that_is_doubled_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    append = faults.audit.AuditLog._append

    def twice(self: Any, connection: Any, lines: Any, prefix: str, first: int) -> Any:
        append(self, connection, lines, prefix, first)
        return append(self, connection, lines, prefix, first)

    monkeypatch.setattr(faults.audit.AuditLog, "_append", twice)
    found = faults.inject(tmp_path, 1, seed=3)
    assert any("records of rows" in one for one in found.problems)
