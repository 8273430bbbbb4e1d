"""A few faults of each kind; `ingot bench faults` does a thousand. What is lost or doubled on purpose is counted as such."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from ingot.evals import faults, faults_clock, faults_disk, faults_postgres
from ingot.evals.faults_account import Faults
from ingot.evals.faults_cluster import server_binaries
from ingot.store.audit import AuditLog


def test_killed_processes_lose_and_double_nothing(tmp_path: Path) -> None:
    found = faults.inject(tmp_path, 12, seed=3)
    assert found.problems == []
    assert found.killed >= 12
    assert found.counted["batches"] >= 1
    assert (found.lost.total(), found.doubled.total()) == (0, 0)


def test_full_disks_lose_and_double_nothing(tmp_path: Path) -> None:
    found = Faults()
    faults_disk.fill_disk(tmp_path, found, most=400, pages=40)
    assert found.problems == []
    if len(found.disks) > 1:  # mounts are permitted
        assert {kind for kind, count in found.disks.items() if count} == {
            "batch, its output", "batch, its side file", "batch, its journal", "batch, its store",
            "runs and decisions, their store",
        }  # fmt: skip
    assert found.disks.total() >= 3


def test_limits_of_files_stand_for_a_disk_where_none_can_be_mounted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(faults_disk, "_namespace", lambda: False)
    found = Faults()
    faults_disk.fill_disk(tmp_path, found, most=60)
    assert found.problems == []
    assert found.disks["batch, the size of its files limited"] >= 3


def test_a_clock_that_jumps_loses_and_doubles_nothing(tmp_path: Path) -> None:
    found = Faults()
    faults_clock.jump(tmp_path, found, 2, seed=1)
    assert found.problems == []
    assert min(found.jumps["back"], found.jumps["forward"]) >= 5
    assert found.counted["records after a pruning"] > 0


@pytest.mark.skipif(server_binaries() is None, reason="no PostgreSQL server binary on this machine")
def test_restarts_of_postgresql_lose_and_double_nothing(tmp_path: Path) -> None:
    found = faults_postgres.outages(tmp_path, 3, seed=1)
    assert found.problems == []
    assert found.outages.total() > 3
    assert found.counted["refusals of the store"] > 0
    assert found.counted["records of answers"] > 0


def _twice(monkeypatch: pytest.MonkeyPatch) -> None:
    append = AuditLog._append

    def twice(self: Any, connection: Any, lines: Any, prefix: str, first: int) -> Any:
        append(self, connection, lines, prefix, first)
        return append(self, connection, lines, prefix, first)

    monkeypatch.setattr(AuditLog, "_append", twice)


def test_a_record_that_is_doubled_is_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _twice(monkeypatch)
    found = faults.inject(tmp_path, 1, seed=3)
    assert found.doubled["records of rows"] >= 60
    assert found.lost.total() == 0


def test_a_record_that_is_lost_is_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(AuditLog, "_append", lambda self, connection, *_: self._last(connection))
    found = Faults()
    faults_clock.jump(tmp_path, found, 1)
    assert found.lost["records of rows"] == 60
    assert found.lost["records of answers"] > 0
    assert found.doubled.total() == 0


def test_ctrl_c_prints_what_is_done(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "ingot", "bench", "faults", "--kills", "100000", "--json"]
    env = {**os.environ, "TMPDIR": str(tmp_path)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env) as process:
        until = time.monotonic() + 60
        while not list(tmp_path.glob("*/kills/t1")) and time.monotonic() < until:
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        out, told = process.communicate(timeout=60)
    assert process.returncode == 130, told
    said = json.loads(out)
    assert said["interrupted"] is True
    assert said["killed"] >= 1
    assert told.endswith("interrupted: this is what was done\n")
    assert list(tmp_path.iterdir()) == []
