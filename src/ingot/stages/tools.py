"""ty and ruff, run side by side on one file in an empty folder, with no configuration and no environment but their own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ingot.errors import StageError

TIMEOUT = 20.0
"""Seconds that both may take together before the stage gives up."""

RUFF_RULES = "E9,F,B,C90,PLE,W605"
# F401 and F811: the program imports more than a candidate uses, and a candidate may import it again. B904: what a
# function raises leaves it as an error either way. B905: zip() without strict= is right where the shorter one is meant
# to end it. F841 stays: an unused value is a forgotten rule.
# B007, a loop variable that the loop does not read, is mostly one part of an unpacked row: a reader is told of it.
TOLERATED = ("B007",)
RUFF_IGNORED = "F401,F811,B904,B905"

Rows = list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Tools:
    """The two tools at work, and when they must have ended; each answers once."""

    ty: subprocess.Popen[str]
    ruff: subprocess.Popen[str]
    deadline: float

    def types(self) -> Rows:
        """ty's diagnostics, as GitLab code-quality rows."""
        return _answer("ty", self.ty, self.deadline)

    def lint(self) -> Rows:
        """ruff's diagnostics, as its own JSON rows."""
        return _answer("ruff", self.ruff, self.deadline)


@contextmanager
def tools(text: str, complexity: int) -> Iterator[Tools]:
    """Both tools at work on a program's text; whatever still runs at the end is ended.

    Raises StageError where one is missing or cannot be started, and from the answers where one fails or is late.
    """
    ty, ruff = tool("ty"), tool("ruff")
    commands = (
        [ty, "check", "--no-progress", "--output-format", "gitlab", "--python-version", "3.11",
         "--config-file", "ty.toml", "--project", ".", "program.py"],
        [ruff, "check", "--isolated", "--no-cache", "--ignore-noqa", "--output-format", "json", "--select", RUFF_RULES,
         "--ignore", RUFF_IGNORED, "--target-version", "py311",
         "--config", f"lint.mccabe.max-complexity={complexity}", "program.py"],
    )  # fmt: skip
    started: list[subprocess.Popen[str]] = []
    with tempfile.TemporaryDirectory(prefix="ingot-syntax-") as folder:
        try:
            (Path(folder) / "program.py").write_text(text, encoding="utf-8")
            (Path(folder) / "ty.toml").write_text(
                "[analysis]\nrespect-type-ignore-comments = false\n", encoding="utf-8"
            )
            started += [_start(command, folder) for command in commands[:1]]
            started += [_start(command, folder) for command in commands[1:]]
            yield Tools(started[0], started[1], time.monotonic() + TIMEOUT)
        except OSError as error:
            raise StageError(f"a tool cannot be started: {error}", place="syntax") from error
        finally:
            for process in started:
                if process.poll() is None:
                    process.kill()
                process.communicate()


def _start(command: list[str], folder: str) -> subprocess.Popen[str]:
    environment = {"PATH": os.defpath, "HOME": folder, "XDG_CONFIG_HOME": folder, "NO_COLOR": "1"}
    pipe = subprocess.PIPE
    return subprocess.Popen(
        command, cwd=folder, env=environment, text=True, encoding="utf-8", stdin=subprocess.DEVNULL, stdout=pipe,
        stderr=pipe,
    )  # fmt: skip


def tool(name: str) -> str:
    """The path of a tool, beside this Python first. Raises StageError where there is none."""
    for folder in (sysconfig.get_path("scripts"), str(Path(sys.executable).parent)):
        if found := shutil.which(name, path=folder):
            return found
    if found := shutil.which(name):
        return found
    raise StageError(f"{name!r} is not installed", place="syntax", hint="install it: pip install 'ingot[compile]'")


def _answer(name: str, process: subprocess.Popen[str], deadline: float) -> Rows:
    """A tool's JSON. Raises StageError where it takes too long, fails, or says something else."""
    try:
        out, complaint = process.communicate(timeout=max(deadline - time.monotonic(), 0.001))
    except subprocess.TimeoutExpired as error:
        raise StageError(f"{name} took more than {TIMEOUT:g} seconds", place="syntax") from error
    try:
        rows = json.loads(out) if process.returncode in (0, 1) else None
    except json.JSONDecodeError:
        rows = None
    if not isinstance(rows, list):
        message = f"{name} ended with code {process.returncode}: {complaint.strip()[:300] or out[:300]!r}"
        raise StageError(message, place="syntax", hint=f"run `{name} --version`; reinstall it where that fails")
    return rows
