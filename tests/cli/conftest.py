"""The command line, run in process: exit code, standard output, standard error."""

from collections.abc import Callable
from importlib import resources
from pathlib import Path
from typing import NamedTuple

import pytest

from ingot.cli import main

HEADER = "def permit_fee(zone: Literal['A', 'B'], months: int, resident: bool) -> Decimal:"
LOGIC = f"""{HEADER}
    monthly = Decimal("30.00") if zone == "A" else Decimal("18.00")
    total = monthly * months
    if resident:
        return (total / 2).quantize(Decimal("0.01"), ROUND_HALF_UP)  # C3
    return total  # C1, C2
"""


class Ran(NamedTuple):
    code: int
    out: str
    err: str


Run = Callable[..., Ran]


@pytest.fixture
def ingot(capfd: pytest.CaptureFixture[str]) -> Run:
    """Run one command."""

    def run(*arguments: object) -> Ran:
        capfd.readouterr()
        try:
            code = main([str(argument) for argument in arguments]) or 0
        except SystemExit as stop:
            code = int(stop.code or 0)
        out, err = capfd.readouterr()
        return Ran(code, out, err)

    return run


@pytest.fixture
def starter(tmp_path: Path) -> Path:
    """The starter spec, with a right ``logic.py`` beside it."""
    folder = tmp_path / "permit"
    folder.mkdir()
    text = resources.files("ingot.library").joinpath("starter", "spec.yaml").read_text(encoding="utf-8")
    (folder / "spec.yaml").write_text(text, encoding="utf-8")
    (folder / "logic.py").write_text(LOGIC, encoding="utf-8")
    return folder / "spec.yaml"


@pytest.fixture
def artifact(ingot: Run, starter: Path, tmp_path: Path) -> Path:
    """A signed artifact of the starter spec."""
    done = ingot(
        "check", starter, "--code", starter.with_name("logic.py"), "--author", "Ada", "--out", tmp_path / "out"
    )
    assert done.code == 0, done.err
    return next((tmp_path / "out").iterdir())
