"""Artifacts to serve, and real servers on loopback to serve them."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from ingot.compile.driver import check
from ingot.edges.http import HttpApp
from ingot.edges.http_limits import Limits
from ingot.edges.http_metrics import Log
from ingot.edges.http_server import Listening, _config, _Server, begin, bind
from ingot.edges.http_shelf import Shelf
from ingot.edges.http_tokens import Tokens, read_tokens
from ingot.store.keys import StoreKey
from ingot.store.store import Store

KEY = StoreKey(bytes(range(32)))
CASE = {"name": "Ann", "months": 2, "grade": "LOW", "paid": True}
TOKENS = {"runner": "run", "judge": "review,run", "chief": "admin"}

SPEC = """
metadata: {{name: {name}, version: {version}, owner: clerk{more}}}
inputs:
  name: {{type: text, sensitive: phi}}
  months: {{type: integer, range: [0, 12]}}
  grade: {{type: enum, values: [LOW, HIGH]}}
  paid: boolean
outputs: {{fee: integer, greeting: {{type: text, sensitive: pii}}}}
clauses: [{{id: C1, text: Months times the rate.}}]
logic_requirements:
{before}  - step: compute
    type: function
    intent: Months times the rate of the grade, nothing where it is paid, and a greeting.
    inputs: [name, months, grade, paid{permit}]
    outputs: {{fee: integer, greeting: {{type: text, sensitive: pii}}}}
cases:
  - id: a
    input: {{name: Ann, months: 2, grade: LOW, paid: false}}
{steps}    expected: {{fee: {fee}}}
  - id: b
    input: {{name: Bob, months: 3, grade: HIGH, paid: true}}
{steps}    expected: {{fee: 0}}
    held_out: true
"""
LOGIC = """def compute(
    name: str, months: int, grade: Literal['LOW', 'HIGH'], paid: bool{permit}
) -> ComputeOutput:
    rate = {rate} if grade == "LOW" else 20  # C1
    return {{"fee": 0 if paid else months * rate, "greeting": f"Dear {{name}}"}}  # C1
"""
CLERK = """  - step: ask_clerk
    type: human_review
    intent: May it go on?
    inputs: [months]
    outputs: {permit: {type: enum, values: [YES, NO]}}
"""

Make = Callable[..., Path]


@pytest.fixture(scope="session")
def make(tmp_path_factory: pytest.TempPathFactory) -> Make:
    """``make(folder, name, version, rate, more, clerk)`` puts an artifact into a folder."""
    made: dict[tuple[object, ...], Path] = {}
    home = tmp_path_factory.mktemp("http-artifacts")

    def one(
        folder: Path, name: str = "fees", version: str = "0.1.0", rate: int = 10, more: str = "", clerk: bool = False
    ) -> Path:
        key = (name, version, rate, more, clerk)
        if key not in made:
            spec = home / f"{len(made)}.yaml"
            text = SPEC.format(
                name=name, version=version, more=more, fee=2 * rate, before=CLERK if clerk else "",
                permit=", permit" if clerk else "", steps="    steps: {ask_clerk: {permit: YES}}\n" if clerk else "",
            )  # fmt: skip
            spec.write_text(text, encoding="utf-8")
            logic = LOGIC.format(rate=rate, permit=", permit: Literal['YES', 'NO']" if clerk else "")
            checked = check(spec, logic, author="test", out=home / str(len(made)))
            assert checked.path, [str(finding) for finding in checked.attempts[0].findings]
            made[key] = checked.path
        folder.mkdir(exist_ok=True)
        target = folder / made[key].name
        if not target.exists():
            shutil.copytree(made[key], folder / f".{made[key].name}")
            (folder / f".{made[key].name}").rename(target)
        return target

    return one


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(str(tmp_path / "store.db"), KEY) as store:
        yield store


class Lines(list[bytes]):
    """A log that is kept."""

    @property
    def text(self) -> str:
        return b"".join(self).decode()


def app_of(
    folder: Path,
    store: Store | None = None,
    tokens: Tokens | None = None,
    lines: Lines | None = None,
    **more: object,
) -> HttpApp:
    """An application over a folder, loaded."""
    limits = Limits(**{name: more.pop(name) for name in list(more) if name in Limits.__slots__})  # type: ignore[arg-type]
    tracer = more.pop("tracer", None)
    shelf = Shelf([folder], store=store, **more)  # type: ignore[arg-type]
    log = Log(None if lines is None else lines.append)
    app = HttpApp(shelf, tokens=tokens, limits=limits, log=log, tracer=tracer)  # type: ignore[arg-type]
    begin(app)
    return app


@contextmanager
def running(app: HttpApp) -> Iterator[httpx.Client]:
    """The application on a free port, under uvicorn in a thread; a client of it."""
    listening = Listening(port=0)
    config, listener = _config(app, listening), bind(listening)
    server = _Server(config)
    thread = threading.Thread(target=lambda: asyncio.run(server.serve([listener])))
    port = listener.getsockname()[1]
    thread.start()
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=20) as client:
            yield client
    finally:
        server.should_exit = True
        thread.join(20)
        listener.close()
        app.close()


def known_tokens() -> tuple[Tokens, dict[str, dict[str, str]]]:
    """A token for each of TOKENS: what the server knows, and the header that each sends."""
    from ingot.edges.http_tokens import new_token

    made = {name: new_token(name, scopes) for name, scopes in TOKENS.items()}
    known = read_tokens("\n".join(line for _, line in made.values()), "tokens")
    return known, {name: {"Authorization": f"Bearer {token}"} for name, (token, _) in made.items()}


class Serving:
    """``ingot serve`` in a process of its own."""

    def __init__(self, arguments: list[str], folder: Path) -> None:
        self.errors = folder / "serve.log"
        with self.errors.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "ingot", "serve", *arguments], stdout=subprocess.PIPE, stderr=log, text=True
            )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line.startswith("serving at "), self.errors.read_text()
        self.url = line.removeprefix("serving at ").strip()


@pytest.fixture
def serving(tmp_path: Path) -> Iterator[Callable[..., Serving]]:
    started: list[Serving] = []

    def start(*arguments: object) -> Serving:
        started.append(Serving([str(one) for one in arguments], tmp_path))
        return started[-1]

    yield start
    for one in started:
        if one.process.poll() is None:
            one.process.kill()
        one.process.wait(20)
        assert one.process.stdout is not None
        one.process.stdout.close()
