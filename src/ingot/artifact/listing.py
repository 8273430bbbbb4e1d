"""Source text as HTML with numbered lines, and clauses linked where comments cite them.

A small lexer of its own, not `tokenize`: that one names tokens differently from one Python to the next, and the page's
bytes must not depend on the Python that wrote them.
"""

from __future__ import annotations

import keyword
import re
from collections.abc import Sequence
from html import escape

_WORDS = frozenset(keyword.kwlist)
_TOKEN = re.compile(
    r"""(?P<comment>\#[^\n]*)
      | (?P<string>(?:\b[rbufRBUF]{1,2})?(?:\"\"\"(?:\\.|[^\\])*?\"\"\"|'''(?:\\.|[^\\])*?'''
            |"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'))
      | (?P<word>[A-Za-z_][A-Za-z0-9_]*)""",
    re.VERBOSE | re.DOTALL | re.ASCII,
)
_ID = re.compile(r"[A-Za-z][A-Za-z0-9_-]*(?:\.[A-Za-z0-9_-]+)*")


def code(source: str, clauses: Sequence[str], prefix: str) -> str:
    """Python source, coloured, its lines with the ids ``<prefix>1``, ``<prefix>2``, …"""
    known = frozenset(clauses)
    parts: list[str] = []
    at = 0
    for match in _TOKEN.finditer(source):
        parts.append(escape(source[at : match.start()]))
        parts.append(_coloured(match, known))
        at = match.end()
    parts.append(escape(source[at:]))
    return _listing("".join(parts), prefix, "logic.py")


def plain(source: str, prefix: str) -> str:
    """Any text, its lines numbered like those of `code`."""
    return _listing(escape(source), prefix, "program.py" if prefix == "P" else "spec.yaml")


def _coloured(match: re.Match[str], known: frozenset[str]) -> str:
    text = match.group()
    match match.lastgroup:
        case "comment":
            return f'<span class="n">{_linked(text, known)}</span>'
        case "string":
            # an element must not cross a line: each line is an element of its own
            return "\n".join(f'<span class="t">{escape(line)}</span>' if line else "" for line in text.split("\n"))
    return f'<span class="w">{text}</span>' if text in _WORDS else text


def _linked(comment: str, known: frozenset[str]) -> str:
    parts: list[str] = []
    at = 0
    for match in _ID.finditer(comment):
        if match.group() in known:
            parts.append(escape(comment[at : match.start()]))
            parts.append(f'<a href="#c-{match.group()}">{match.group()}</a>')
            at = match.end()
    return "".join(parts) + escape(comment[at:])


def _listing(html: str, prefix: str, name: str) -> str:
    lines = html.removesuffix("\n").split("\n")
    rows = "".join(
        f'<li id="{prefix}{number}"><a class="no" href="#{prefix}{number}">{number}</a><span class="src">{line}</span></li>'
        for number, line in enumerate(lines, start=1)
    )
    return f'<div class="code" tabindex="0" role="region" aria-label="{name}"><ol>{rows}</ol></div>'
