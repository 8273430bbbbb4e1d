"""Stores on both databases, and artifacts to run with them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy

from ingot.compile.driver import check
from ingot.runtime.run import load
from ingot.store.keys import StoreKey
from ingot.store.runs import RecordedWorkflow
from ingot.store.store import Store
from tests.library.conftest import mail, web

__all__ = ["mail", "web"]  # the loopback servers

KEY = StoreKey(bytes(range(32)))

SPEC = """
metadata: {{name: {name}, owner: clerk}}
inputs:
  name: {{type: text, sensitive: phi}}
  months: {{type: integer, range: [0, 12]}}
  rate: "decimal?"
outputs: {{fee: decimal, greeting: {{type: text, sensitive: pii}}}}
clauses: [{{id: C1, text: Months times the rate.}}]
logic_requirements:
{before}  - step: compute
    type: function
    intent: Months times the rate, and a greeting.
    inputs: [name, months, rate{more}]
    outputs: {{fee: decimal, greeting: {{type: text, sensitive: pii}}}}
cases:
  - id: a
    input: {{name: Ann, months: 2, rate: 1.10}}
{steps}    expected: {{fee: 2.20}}
  - id: b
    input: {{name: Bob, months: 3, rate: 2}}
{steps}    expected: {{fee: 6}}
    held_out: true
"""
LOGIC = """def compute(name: str, months: int, rate: Decimal{more}) -> ComputeOutput:
    return {{"fee": months * rate, "greeting": f"Dear {{name}}"}}  # C1
"""
CLERK = """  - step: ask_clerk
    type: human_review
    intent: May it go on?
    inputs: [months]
    outputs: {permit: {type: enum, values: [YES, NO]}}
"""


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A new database."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'store.db'}"
        return
    server: str = request.getfixturevalue("postgres")
    name = f"t{os.urandom(6).hex()}"
    admin = sqlalchemy.create_engine(server.replace("postgresql:", "postgresql+psycopg:"), isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(sqlalchemy.text(f"CREATE DATABASE {name}"))
    admin.dispose()
    yield f"{server.rpartition('/')[0]}/{name}"


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    with Store.open(url, KEY) as store:
        yield store


@pytest.fixture(scope="session")
def artifacts(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """``pure``: one function. ``clerk``: a person is asked before it."""
    folder = tmp_path_factory.mktemp("store-artifacts")
    made: dict[str, Path] = {}

    def make(name: str) -> Path:
        if name not in made:
            clerk = name == "clerk"
            text = SPEC.format(
                name=name,
                before=CLERK if clerk else "",
                more=", permit" if clerk else "",
                steps="    steps: {ask_clerk: {permit: YES}}\n" if clerk else "",
            )
            spec = folder / f"{name}.yaml"
            spec.write_text(text, encoding="utf-8")
            logic = LOGIC.format(more=", permit: Literal['YES', 'NO']" if clerk else "")
            checked = check(spec, logic, author="test", out=folder / "out")
            assert checked.path, [str(finding) for finding in checked.attempts[0].findings]
            made[name] = checked.path
        return made[name]

    return make


@pytest.fixture
def pure(store: Store, artifacts: Callable[[str], Path]) -> RecordedWorkflow:
    return RecordedWorkflow(load(artifacts("pure")), store)


@pytest.fixture
def clerk(store: Store, artifacts: Callable[[str], Path]) -> RecordedWorkflow:
    return RecordedWorkflow(load(artifacts("clerk")), store)
