"""Pieces of Markdown that hold any text."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Sequence

_SPANS = re.compile(r"(`+[^`]*`+)")
"""Code spans, in which nothing is escaped."""


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; cells are Markdown on one line."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(_cell(cell) for cell in line) + " |" for line in lines)


def _cell(text: str) -> str:
    parts = re.split(_SPANS, re.sub(r"\s+", " ", text).strip())
    return "".join(part if n % 2 else part.replace("|", "\\|") for n, part in enumerate(parts))


def code(text: str) -> str:
    """Text in a code span, whatever backticks it holds."""
    ticks = "`" * (_longest(text) + 1)
    space = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{ticks}{space}{text}{space}{ticks}"


def block(text: str, language: str = "text") -> str:
    """Text as a fenced block, whatever fences it holds."""
    ticks = "`" * max(3, _longest(text) + 1)
    return f"{ticks}{language}\n{text.rstrip()}\n{ticks}"


def _longest(text: str) -> int:
    return max((len(run) for run in re.findall("`+", text)), default=0)


def plain(text: str) -> str:
    """Words as they are: what Markdown or HTML would read as its own is escaped, except in code spans."""
    parts = re.split(_SPANS, text)
    return "".join(part if n % 2 else _escaped(part) for n, part in enumerate(parts))


def _escaped(text: str) -> str:
    return re.sub(r"([\\*_\[\]#])", r"\\\1", html.escape(text, quote=False))
