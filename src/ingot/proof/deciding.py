"""Which line of a version decided an outcome, and the clause that it rests on."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from ingot.program import Program
from ingot.readback.citations import citations


@dataclass(frozen=True, slots=True)
class Place:
    """Where a version decided: a `line` of ``logic.py`` with its `source` and `clauses`; where no line of it did, `what`
    says what decided instead."""

    line: int | None
    source: str = ""
    clauses: tuple[str, ...] = ()
    what: str = ""

    @property
    def label(self) -> str:
        """What people group by: the clauses, or the line that cites none, or what decided instead."""
        if self.clauses:
            return ", ".join(self.clauses)
        return self.what or f"line {self.line}, which cites no clause"

    def __str__(self) -> str:
        return self.what or f"logic.py:{self.line}"

    def to_json(self) -> dict[str, Any]:
        """Plain JSON."""
        return {"line": self.line, "source": self.source, "clauses": list(self.clauses), "what": self.what}


class Deciding:
    """Places of one program. A return that cites nothing rests on what the closest test around it cites."""

    def __init__(self, program: Program) -> None:
        self._program = program
        self._lines = program.logic.splitlines()
        self._cited = citations(program.logic, program.spec)
        self._clauses: dict[int, tuple[str, ...]] = {}
        self._returns: dict[int, str] = {}
        for node in ast.parse(program.logic).body:
            if isinstance(node, ast.FunctionDef):
                self._walk(node.body, node.name, ())

    def _walk(self, body: Iterable[ast.stmt], function: str, around: tuple[str, ...]) -> None:
        for node in body:
            own = self._cited.get(node.lineno) or around
            self._clauses[node.lineno] = own
            if isinstance(node, ast.Return):
                self._returns[node.lineno] = function
            for block, inner in _blocks(node, own, around):
                self._walk(block, function, inner)

    def at(self, line: int) -> Place:
        """The place of a line of ``logic.py``."""
        source = self._lines[line - 1].strip() if 0 < line <= len(self._lines) else ""
        return Place(line, source, self._clauses.get(line, self._cited.get(line, ())))

    def of(self, lines: Iterable[int], changed: Iterable[str]) -> Place:
        """Where a run over these lines decided the outputs `changed` (none: the run's end as a whole)."""
        hit = [line for line in lines if line in self._returns]
        names = set(changed)
        spec = self._program.spec
        for step in reversed(spec.logic_requirements):
            if not names or names & {field.name for field in step.outputs}:
                own = [line for line in hit if self._returns[line] == step.step]
                if own:
                    return self.at(own[-1])
                if names and not step.is_function:
                    return Place(None, clauses=step.clauses, what=f"step {step.step!r}")
        return self.at(hit[-1]) if hit and not names else Place(None, what="no line of logic.py")


def _blocks(
    node: ast.stmt, own: tuple[str, ...], around: tuple[str, ...]
) -> Iterable[tuple[list[ast.stmt], tuple[str, ...]]]:
    """The blocks inside a statement with the citation that stands for each: what an ``else`` does, its test does not cite."""
    if isinstance(node, ast.FunctionDef):
        return [(node.body, own)]
    parts: list[tuple[list[ast.stmt], tuple[str, ...]]] = []
    for name in ("body", "orelse", "finalbody"):
        block = getattr(node, name, None)
        if isinstance(block, list) and block and isinstance(block[0], ast.stmt):
            parts.append((block, own if name == "body" else around))
    for part in [*getattr(node, "handlers", ()), *getattr(node, "cases", ())]:
        parts.append((part.body, own))
    return parts


def same_code(one: Program, other: Program) -> bool:
    """Whether two programs are the same code but for comments and the docstring of the file."""
    return _code(one.text) == _code(other.text)


def _code(text: str) -> str:
    tree = ast.parse(text)
    if tree.body and isinstance(tree.body[0], ast.Expr) and isinstance(tree.body[0].value, ast.Constant):
        tree.body = tree.body[1:]
    return ast.dump(tree)


def line_of(error: BaseException, offset: int) -> int | None:
    """The line of ``logic.py`` that an exception left, None where no frame of the program is in its traceback."""
    found = None
    at = error.__traceback__
    while at is not None:
        if at.tb_frame.f_code.co_filename == "program.py":
            found = at.tb_lineno - offset
        at = at.tb_next
    return found
