"""One artifact to run, and a store."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ingot.compile.driver import check
from ingot.runtime.run import Workflow, load
from ingot.store.keys import StoreKey
from ingot.store.store import Store

SPEC = """
metadata: {name: permit, owner: clerk}
inputs:
  name: {type: text, sensitive: phi, max_length: 40}
  months: {type: integer, range: [0, 12]}
  rate: "decimal?"
  start: date
outputs: {fee: decimal}
logic_requirements:
  - {step: compute, type: function, intent: Months times the rate from 2020 on., inputs: [months, rate, start]}
cases:
  - {id: a, input: {name: Ann, months: 2, rate: 1.10, start: 2026-01-01}, expected: {fee: 2.20}}
  - {id: b, input: {name: Bob, months: 3, rate: 2, start: 2019-01-01}, expected: {fee: 0}, held_out: true}
"""
LOGIC = """def compute(months: int, rate: Decimal, start: date) -> Decimal:
    if start < date(2020, 1, 1):
        return Decimal("0")  # C1
    return months * rate  # C1
"""


@pytest.fixture(scope="session")
def permit_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("edges")
    (folder / "spec.yaml").write_text(SPEC, encoding="utf-8")
    checked = check(folder / "spec.yaml", LOGIC, author="test", out=folder / "out")
    assert checked.path, [str(finding) for finding in checked.attempts[0].findings]
    return checked.path


@pytest.fixture(scope="session")
def permit(permit_path: Path) -> Workflow:
    return load(permit_path)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(str(tmp_path / "store.db"), StoreKey(bytes(32))) as store:
        yield store
