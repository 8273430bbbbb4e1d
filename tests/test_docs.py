"""Every example in the README and the docs runs and answers as printed.

A ``console`` block holds ``$ command`` lines, each followed by what it prints (``...`` stands for anything). A block with
``title="name"`` is a file that is written first. A ``python`` block without a title is executed. ``sh`` blocks are for
people: they need a network or a key.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
FENCE = re.compile(r'^```(\w+)(?: title="([^"]+)")?\n(.*?)^```$', re.MULTILINE | re.DOTALL)
COMMAND = re.compile(r"^\$ (.*(?:\\\n.*)*)\n?((?:(?!\$ ).*\n)*)", re.MULTILINE)


def fits(printed: str, expected: str) -> bool:
    """``...`` stands for any text; runs of white space are one space; times and digests are written as they vary."""
    pattern = re.escape(" ".join(expected.split())).replace(re.escape("..."), ".*?")
    return re.fullmatch(pattern, " ".join(printed.split()), re.DOTALL) is not None


def run(command: str, folder: Path) -> str:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-c", command],
        cwd=folder,
        env={**os.environ, "PATH": path, "COLUMNS": "200"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
        check=False,
    )
    return done.stdout


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_examples_of_a_page_run(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {"__name__": "docs"}
    for kind, title, text in FENCE.findall(page.read_text(encoding="utf-8")):
        if title:
            (tmp_path / title).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / title).write_text(text, encoding="utf-8")
        elif kind == "python":
            exec(compile(text, str(page), "exec"), names)
        elif kind == "console":
            for command, expected in COMMAND.findall(text):
                printed = run(command, tmp_path)
                assert fits(printed, expected), f"$ {command}\nprinted:\n{printed}\nexpected:\n{expected}"


def test_links_between_pages_lead_somewhere() -> None:
    for page in PAGES:
        for target in re.findall(r"\]\((?!https?://|#)([^)#]+)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_every_rule_prefix_is_documented() -> None:
    from ingot.compile.rules import all_rules

    text = (ROOT / "docs" / "stages.md").read_text(encoding="utf-8")
    for prefix in {rule.code[:3] for rule in all_rules()}:
        assert prefix in text
