"""The suites that come with Ingot, from the commands, with a link to the page of each that has one."""

from __future__ import annotations

import inspect
from pathlib import Path

import click

from ingot.cli.bench import bench_command
from pieces import code, plain

DOCS = Path(__file__).parents[1] / "docs"
MARK = "<!-- the pages of single suites -->"
"""Where the written page has them."""


def with_suites(page: str) -> str:
    """The written page with the list in it, then pages about suites that are of no single one. Raises ValueError where it has no
    place for it."""
    if page.count(MARK) != 1:
        raise ValueError(f"the page needs one line {MARK!r}")
    known = suites()
    lines = [_line(name, command) for name, command in known.items()]
    lines += [
        _other(path) for path in sorted(DOCS.glob("suites-*.md")) if path.stem.removeprefix("suites-") not in known
    ]
    return page.replace(MARK, "\n".join(lines))


def suites() -> dict[str, click.Command]:
    """The commands that run a suite: those with solvers to choose from."""
    return {
        name: command
        for name, command in sorted(bench_command.commands.items())
        if not command.hidden and any(one.name == "solvers" for one in command.params)
    }


def _line(name: str, command: click.Command) -> str:
    first = " ".join(inspect.cleandoc(command.help or "").partition("\n\n")[0].split())
    return f"- {code(f'ingot bench {name}')}: {plain(first)}{_link(name)}"


def _link(name: str) -> str:
    """To the page of a suite, or to its section in a page about several."""
    if (DOCS / f"suites-{name}.md").exists():
        return f" [More](suites-{name}.md)"
    several = (
        page for page in sorted(DOCS.glob("suites-*.md")) if f"\n## {name}\n" in page.read_text(encoding="utf-8")
    )
    return next((f" [More]({page.name}#{name})" for page in several), "")


def _other(path: Path) -> str:
    title = path.read_text(encoding="utf-8").partition("\n")[0].removeprefix("# ")
    return f"- [{plain(title)}]({path.name})"
