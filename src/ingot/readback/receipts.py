"""Receipts: for every return and every branch of a function the clauses that it rests on.

A return is cited by a comment that names one of its step's clauses on its own lines, or on a line of its own above it. A
branch (``if``, ``elif``, ``else``, a loop, a ``case``, an ``except``) is cited in the same way, or by a line inside it,
or where every return it can lead to is cited. The end of a function without a return cites nothing.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from ingot.program import Program
from ingot.readback.citations import cited_lines, within

Exit = ast.Return | ast.Raise | None
"""Where a path ends; None is the end of the function."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """One return or branch: `line` counts in ``logic.py``, `clauses` are those of its step that it rests on."""

    function: str
    kind: Literal["return", "branch"]
    line: int
    column: int
    clauses: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Receipts:
    """All receipts of a program in the code's order; `lines` maps each clause that a function is to carry out to the
    lines that cite it, in the spec's order; a clause without lines is `unused`."""

    receipts: tuple[Receipt, ...]
    lines: Mapping[str, tuple[int, ...]]

    @property
    def uncited(self) -> tuple[Receipt, ...]:
        """The returns and branches that rest on no clause."""
        return tuple(one for one in self.receipts if not one.clauses)

    @property
    def unused(self) -> tuple[str, ...]:
        """The clauses that no line cites."""
        return tuple(clause for clause, lines in self.lines.items() if not lines)

    @property
    def share(self) -> float | None:
        """Cited returns and branches among all; None where there is none to cite."""
        return round(1 - len(self.uncited) / len(self.receipts), 4) if self.receipts else None


def receipts(program: Program) -> Receipts:
    """The receipts of a program. A step without clauses has nothing to cite, and no receipts.

    Raises SyntaxError (or tokenize.TokenError) where the logic is not Python.
    """
    texts = {clause.id: clause.text for clause in program.spec.clauses}
    cited = cited_lines(program.logic, texts)
    own = {one.name: one.clauses for one in program.signatures}
    found: list[Receipt] = []
    for node in ast.parse(program.logic).body:
        if isinstance(node, ast.FunctionDef) and own.get(node.name):
            wanted = set(own[node.name])
            kept = {line: tuple(one for one in clauses if one in wanted) for line, clauses in cited.items()}
            found += sorted(_Function(node, kept).receipts(), key=lambda one: (one.line, one.column))
    lines = {
        clause: tuple(line for line, clauses in sorted(cited.items()) if clause in clauses)
        for clause in texts
        if _is_asked(clause, program)
    }
    return Receipts(tuple(found), lines)


def _is_asked(clause: str, program: Program) -> bool:
    """Whether a generated function is to carry the clause out: a step says so, or no step at all names it."""
    steps = [step for step in program.spec.logic_requirements if clause in step.clauses]
    return not steps or any(step.is_function for step in steps)


@dataclass(frozen=True, slots=True)
class _Function:
    node: ast.FunctionDef
    cited: Mapping[int, tuple[str, ...]]

    def receipts(self) -> Iterator[Receipt]:
        branches: list[tuple[ast.AST, Sequence[ast.stmt], frozenset[Exit]]] = []
        exits = _leads(self.node.body, frozenset({None}), frozenset(), branches)
        returns = {one for one in exits if isinstance(one, ast.Return)}
        returns |= {one for _, _, ends in branches for one in ends if isinstance(one, ast.Return)}
        for node in returns:
            yield self._receipt("return", node, self._at(node))
        for head, body, ends in branches:
            first, last = _lines(head, body)
            clauses = within(first, last, self.cited) or self._led_to(ends)
            yield self._receipt("branch", head, clauses)

    def _at(self, node: ast.stmt) -> tuple[str, ...]:
        return within(node.lineno, node.end_lineno or node.lineno, self.cited)

    def _led_to(self, ends: frozenset[Exit]) -> tuple[str, ...]:
        """What the ends cite, in the code's order; nothing as soon as one of them cites nothing."""
        ordered = sorted((one for one in ends if one is not None), key=lambda one: one.lineno)
        cited = [self._at(one) for one in ordered]
        if None in ends or not all(cited):
            return ()
        return tuple(dict.fromkeys(clause for clauses in cited for clause in clauses))

    def _receipt(self, kind: Literal["return", "branch"], node: ast.AST, clauses: tuple[str, ...]) -> Receipt:
        place = node.pattern if isinstance(node, ast.match_case) else node
        assert isinstance(place, ast.stmt | ast.pattern | ast.ExceptHandler)
        return Receipt(self.node.name, kind, place.lineno, place.col_offset + 1, clauses)


def _lines(head: ast.AST, body: Sequence[ast.stmt]) -> tuple[int, int]:
    place = head.pattern if isinstance(head, ast.match_case) else head
    assert isinstance(place, ast.stmt | ast.pattern | ast.ExceptHandler)
    return place.lineno, body[-1].end_lineno or body[-1].lineno


Branches = list[tuple[ast.AST, Sequence[ast.stmt], frozenset[Exit]]]


def _leads(
    block: Sequence[ast.stmt], after: frozenset[Exit], loop: frozenset[Exit], found: Branches
) -> frozenset[Exit]:
    """Where a block can end, given where what follows it and what follows its loop can; its branches go to `found`."""
    ends = after
    for statement in reversed(block):
        ends = _ends(statement, ends, loop, found)
    return ends


def _ends(statement: ast.stmt, after: frozenset[Exit], loop: frozenset[Exit], found: Branches) -> frozenset[Exit]:
    match statement:
        case ast.Return() | ast.Raise():
            return frozenset({statement})
        case ast.Break() | ast.Continue():
            return loop
        case ast.If():
            other = after
            if statement.orelse:
                other = _leads(statement.orelse, after, loop, found)
                if not (len(statement.orelse) == 1 and isinstance(statement.orelse[0], ast.If)):
                    found.append((statement.orelse[0], statement.orelse, other))
            return other | _branch(statement, statement.body, after, loop, found)
        case ast.For() | ast.While():
            done = _leads(statement.orelse, after, loop, found)
            return done | _branch(statement, statement.body, done | after, done | after, found)
        case ast.Match():
            ways = [_branch(case, case.body, after, loop, found) for case in statement.cases]
            return after.union(*ways)
        case ast.Try():
            done = _leads(statement.finalbody, after, loop, found)
            ways = [_branch(handler, handler.body, done, loop, found) for handler in statement.handlers]
            return _leads([*statement.body, *statement.orelse], done, loop, found).union(*ways)
    return after


def _branch(
    head: ast.AST, body: Sequence[ast.stmt], after: frozenset[Exit], loop: frozenset[Exit], found: Branches
) -> frozenset[Exit]:
    ends = _leads(body, after, loop, found)
    found.append((head, body, ends))
    return ends
