"""What decided: the lines of the logic that ran, and the clauses they cite.

A traced program is the verified program compiled a second time with a call before every statement that decides. The
call tells a recorder the line; nothing else about the program changes, and untraced runs do not pay for it.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from types import CodeType
from typing import Any

HIT = "_ingot_hit"


@dataclass(frozen=True, slots=True)
class Trace:
    """`lines` are those of ``logic.py`` that decided, in the order they were reached; `clauses` what they cite."""

    lines: tuple[int, ...]
    clauses: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Decision:
    """One decided line, for people: its `source`, the `clauses` it cites and the `values` of the names in it."""

    line: int
    function: str
    source: str
    clauses: tuple[str, ...]
    values: Mapping[str, Any]


def instrument(text: str, first: int, last: int) -> CodeType:
    """The program's code with a recorder call before each deciding statement in the lines `first` to `last`.

    The recorder is a parameter, put first, of ``transact`` and of every function in those lines, so runs in several
    threads keep apart.
    """
    tree = ast.parse(text)
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    own = [node for node in functions if first <= node.lineno <= last and node.name != "transact"]
    threaded = {node.name for node in own}
    for node in own:
        _mark(node)
    for node in [*own, *(node for node in functions if node.name == "transact")]:
        node.args.args.insert(0, ast.arg(HIT))
        for call in ast.walk(node):
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id in threaded:
                call.args.insert(0, ast.Name(HIT, ast.Load()))
    return compile(ast.fix_missing_locations(tree), "program.py", "exec")


def _mark(node: ast.AST) -> None:
    for name in ("body", "orelse", "finalbody"):
        block = getattr(node, name, None)
        if isinstance(block, list):
            setattr(node, name, [marked for statement in block for marked in _marked(statement)])
    for inner in [*getattr(node, "handlers", ()), *getattr(node, "cases", ())]:
        _mark(inner)


def _marked(statement: ast.stmt) -> list[ast.stmt]:
    _mark(statement)
    if not isinstance(statement, ast.If | ast.Return | ast.For | ast.While | ast.Match | ast.Raise | ast.Break):
        return [statement]
    call = ast.Call(ast.Name(HIT, ast.Load()), [ast.Constant(statement.lineno)], [])
    return [ast.copy_location(ast.Expr(call), statement), statement]


def trace_of(lines: list[int], offset: int, cited: Mapping[int, tuple[str, ...]]) -> Trace:
    """A `Trace` of the program lines that were hit."""
    own = tuple(dict.fromkeys(line - offset for line in lines))
    return Trace(own, tuple(dict.fromkeys(clause for line in own for clause in cited.get(line, ()))))


class Recorder:
    """Collects hits with the values of the names on the line; for `explain`, where time does not matter."""

    def __init__(self, logic: str, offset: int, cited: Mapping[int, tuple[str, ...]], hits: list[int]) -> None:
        self._lines = logic.splitlines()
        self._offset = offset
        self._cited = cited
        self._hits = hits
        self.decisions: list[Decision] = []

    def __call__(self, line: int) -> None:
        """Record one hit of program line `line`."""
        self._hits.append(line)
        frame = sys._getframe(1)
        own = line - self._offset
        source = self._lines[own - 1].strip()
        names = dict.fromkeys(re.findall(r"[A-Za-z_]\w*", source.split("#")[0]))
        values = {name: frame.f_locals[name] for name in names if name in frame.f_locals}
        clauses = self._cited.get(own, ())
        self.decisions.append(Decision(own, frame.f_code.co_name, source, clauses, values))
