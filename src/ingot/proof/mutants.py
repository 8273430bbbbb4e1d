"""Mutants of a candidate: its own functions with one thing changed, as a slip of the author would have.

    for mutant in mutants(program):
        print(mutant)                     # logic.py:4 boundary (C2): `if age < 18:` -> `if age < 17:`
        other = mutated(program, mutant)  # a Program as good as the first

Pure and deterministic: the same program gives the same mutants in the same order.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from ingot.program import Program
from ingot.proof.mutation_edits import edits
from ingot.proof.mutation_text import Edit, Source, Span, line_at, shape, statements, stored
from ingot.readback.citations import citations

MOST = 200


@dataclass(frozen=True, slots=True)
class Mutant:
    """One change. `line` and `column` count in ``logic.py`` from 1; `before` and `after` are that line without its
    indentation. `clauses` are those that the line cites, or the return that it leads to. `function` is None for a
    constant of the module. `logic` is the whole changed text; `statement` what of it must be run anew: the changed
    function, or the constant and what is computed from it.
    """

    operator: str
    line: int
    column: int
    function: str | None
    clauses: tuple[str, ...]
    before: str
    after: str
    logic: str
    statement: str

    def to_json(self) -> dict[str, Any]:
        """The change as plain JSON, without the whole text."""
        return {
            "line": self.line,
            "operator": self.operator,
            "clause": ", ".join(self.clauses) or None,
            "before": self.before,
            "after": self.after,
        }

    def __str__(self) -> str:
        cited = f" ({', '.join(self.clauses)})" if self.clauses else ""
        return f"logic.py:{self.line} {self.operator}{cited}: `{self.before}` -> `{self.after}`"


def mutants(program: Program, most: int = MOST) -> tuple[Mutant, ...]:
    """At most `most` different mutants of the program's logic, taken evenly over its lines where there are more.

    None of them is the program itself. Raises SyntaxError where the logic is no Python.
    """
    source = Source(program.logic)
    seen: set[tuple[Span, str | None]] = set()
    found: list[tuple[ast.stmt, Edit]] = []
    lines: set[int] = set()
    for top, edit in edits(program, source):
        made = shape(source.unit_edited(edit)) if edit.operator != "swapped-clause" else f"swap {edit.span}"
        if (edit.unit, None) not in seen:
            seen |= {(edit.unit, None), (edit.unit, shape(source.of(edit.unit)))}
        if (edit.unit, made) in seen:
            continue
        seen.add((edit.unit, made))
        found.append((top, edit))
        lines.add(source.line_of(edit.span[0]))
        if len(lines) == most:  # the first of each of so many lines are those that are taken
            break
    cited = _Cited(program, source)
    return tuple(_mutant(top, edit, source, cited) for top, edit in _evenly(found, most, source))


def mutated(program: Program, mutant: Mutant) -> Program:
    """The program with the mutant's logic in place of its own."""
    start = sum(len(line) for line in program.text.splitlines(keepends=True)[: program.offset])
    old = program.logic if program.logic.endswith("\n") else program.logic + "\n"
    new = mutant.logic if mutant.logic.endswith("\n") else mutant.logic + "\n"
    text = program.text[:start] + new + program.text[start + len(old) :]
    return replace(program, logic=mutant.logic, text=text)


def _evenly(found: list[tuple[ast.stmt, Edit]], most: int, source: Source) -> list[tuple[ast.stmt, Edit]]:
    """The first of every line, then the second, until there are enough; in the order of the text."""
    by_line: dict[int, int] = {}
    ranked = []
    for number, (_, edit) in enumerate(found):
        line = source.line_of(edit.span[0])
        by_line[line] = by_line.get(line, 0) + 1
        ranked.append((by_line[line], number))
    kept = sorted(number for _, number in sorted(ranked)[:most])
    return sorted((found[number] for number in kept), key=lambda one: one[1].span[0])


def _mutant(top: ast.stmt, edit: Edit, source: Source, cited: _Cited) -> Mutant:
    changed = source.edited(edit)
    start, end = source.span(top)
    own = changed[start : end + len(changed) - len(source.text)]
    line = source.line_of(edit.span[0])
    return Mutant(
        edit.operator,
        line,
        source.column_of(edit.span[0]),
        top.name if isinstance(top, ast.FunctionDef) else None,
        cited.at(line, top),
        line_at(source.text, edit.span[0]),
        line_at(changed, edit.span[0]),
        changed.decode(),
        b"\n".join((own, *(source.of(source.span(one)) for one in _computed_from(top, source.tree)))).decode(),
    )


def _computed_from(top: ast.stmt, tree: ast.Module) -> list[ast.stmt]:
    """The statements of the module that have to be run again after a changed constant; functions read it when called,
    but for their defaults."""
    changed = set[str]() if isinstance(top, ast.FunctionDef) else stored(top)
    found: list[ast.stmt] = []
    for one in tree.body[tree.body.index(top) + 1 :]:
        read = one.args if isinstance(one, ast.FunctionDef) else one
        if changed & {name.id for name in ast.walk(read) if isinstance(name, ast.Name)}:
            found.append(one)
            changed |= stored(one)
    return found


class _Cited:
    """Which clauses a line serves."""

    def __init__(self, program: Program, source: Source) -> None:
        self._by_line = citations(program.logic, program.spec)
        self._tree = source.tree
        self._by_constant: dict[int, tuple[str, ...]] = {}
        self._steps = {signature.name: signature.clauses for signature in program.signatures}

    def at(self, line: int, top: ast.stmt) -> tuple[str, ...]:
        """The clauses cited at a line or by its statement, else by a condition around it, else by the return it leads
        to, else the only one of its step."""
        if isinstance(top, ast.FunctionDef):
            step = self._steps.get(top.name, ())
            return self._cited(line, line) or self._inside(line, top.body) or (step if len(step) == 1 else ())
        if top.lineno not in self._by_constant:
            self._by_constant[top.lineno] = self._of_name(top)
        return self._cited(line, line) or self._by_constant[top.lineno]

    def _cited(self, first: int, last: int) -> tuple[str, ...]:
        lines = range(first, last + 1)
        return tuple(dict.fromkeys(clause for line in lines for clause in self._by_line.get(line, ())))

    def _inside(self, line: int, body: Sequence[ast.stmt]) -> tuple[str, ...]:
        every = statements(body)
        holding = [one for one in every if one.lineno <= line <= (one.end_lineno or one.lineno)]
        if holding and (own := self._reached(holding[-1])):
            return own
        for outer in reversed(holding[:-1]):
            if outer.lineno in self._by_line:
                return self._by_line[outer.lineno]
        following = (one for one in every if one.lineno >= line and isinstance(one, ast.Return))
        return next((found for one in following if (found := self._reached(one))), ())

    def _reached(self, statement: ast.stmt) -> tuple[str, ...]:
        """What a simple statement cites, or the first citing line of a condition's own body."""
        if not isinstance(statement, ast.If | ast.For | ast.While | ast.Match):
            return self._cited(statement.lineno, statement.end_lineno or statement.lineno)
        body = statement.body if not isinstance(statement, ast.Match) else [statement]
        lines = range(statement.lineno, (body[-1].end_lineno or 0) + 1)
        return next((self._by_line[line] for line in lines if line in self._by_line), ())

    def _of_name(self, top: ast.stmt) -> tuple[str, ...]:
        """The clauses of the first line that reads a module's constant."""
        targets = stored(top)
        for function in self._tree.body:
            if isinstance(function, ast.FunctionDef):
                for one in ast.walk(function):
                    if isinstance(one, ast.Name) and one.id in targets:
                        return self.at(one.lineno, function)
        return ()
