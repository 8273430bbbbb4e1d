"""Places in the text of a candidate: syntax tree nodes as byte spans, and replacements in them.

Mutants are made by cutting text, not by printing trees: a diff then shows the author's own line with one thing changed.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

Span = tuple[int, int]
"""First byte, and the first one after."""


@dataclass(frozen=True, slots=True)
class Edit:
    """`new` in place of the bytes of `span`. `unit` is the expression or statement that it stands in: two edits that
    make the same tree of the same unit are the same mutant."""

    operator: str
    span: Span
    new: bytes
    unit: Span


class Source:
    """A candidate's text with its tree. Raises SyntaxError for text that is no Python."""

    def __init__(self, logic: str) -> None:
        self.logic = logic
        self.text = logic.encode()
        self.tree = ast.parse(logic)
        self._starts = [0]
        for line in self.text.splitlines(keepends=True):
            self._starts.append(self._starts[-1] + len(line))

    def span(self, node: Any) -> Span:
        """The bytes of a node, without parentheses around it."""
        return (
            self._starts[node.lineno - 1] + node.col_offset,
            self._starts[node.end_lineno - 1] + node.end_col_offset,
        )

    def whole(self, node: ast.AST) -> Span:
        """The bytes of an operand with the parentheses that are its own.

        Only for an operand that has an operator on one side: then parentheses on both sides belong to it.
        """
        start, end = self.span(node)
        while True:
            before = len(self.text[:start].rstrip()) - 1
            after = end + len(self.text[end:]) - len(self.text[end:].lstrip())
            if self.text[before : before + 1] != b"(" or self.text[after : after + 1] != b")":
                return start, end
            start, end = before, after + 1

    def of(self, span: Span) -> bytes:
        """The bytes of a span."""
        return self.text[span[0] : span[1]]

    def between(self, left: ast.AST, right: ast.AST, token: str) -> Span | None:
        """Where the operator `token`, a pattern, stands between two operands; comments there are not searched."""
        start, end = self.span(left)[1], self.span(right)[0]
        gap = re.sub(rb"#[^\n]*", lambda match: b" " * len(match[0]), self.text[start:end])
        found = re.search(token.encode(), gap)
        return None if found is None else (start + found.start(), start + found.end())

    def line_of(self, offset: int) -> int:
        """The line, from 1, of a byte."""
        return self.text.count(b"\n", 0, offset) + 1

    def column_of(self, offset: int) -> int:
        """The column, from 1, of a byte."""
        start = self._starts[self.line_of(offset) - 1]
        return len(self.text[start:offset].decode()) + 1

    def edited(self, edit: Edit) -> bytes:
        """The whole text with an edit made."""
        return self.text[: edit.span[0]] + edit.new + self.text[edit.span[1] :]

    def unit_edited(self, edit: Edit) -> bytes:
        """The edit's unit with it made."""
        return self.text[edit.unit[0] : edit.span[0]] + edit.new + self.text[edit.span[1] : edit.unit[1]]


def line_at(text: bytes, offset: int) -> str:
    """The line around a byte, without its indentation."""
    start = text.rfind(b"\n", 0, offset) + 1
    end = text.find(b"\n", offset)
    return text[start : end if end >= 0 else len(text)].decode().strip()


def shape(unit: bytes) -> str | None:
    """The tree of a unit as text, None where it does not parse."""
    text = unit.decode()
    for source, mode in ((f"({text}\n)", "eval"), (text, "exec")):
        try:
            return ast.dump(ast.parse(source, mode=mode))
        except SyntaxError:
            continue
    return None


def statements(body: Sequence[ast.stmt]) -> list[ast.stmt]:
    """All statements of a block and the blocks within, in the order of the text; not those of nested definitions."""
    found: list[ast.stmt] = []
    for statement in body:
        found.append(statement)
        if not isinstance(statement, ast.FunctionDef | ast.ClassDef):
            for block in blocks(statement):
                found += statements(block)
    return found


def blocks(statement: ast.AST) -> list[list[ast.stmt]]:
    """The blocks of a compound statement."""
    found = [getattr(statement, name) for name in ("body", "orelse", "finalbody") if getattr(statement, name, None)]
    for inner in (*getattr(statement, "handlers", ()), *getattr(statement, "cases", ())):
        found.append(inner.body)
    return [block for block in found if isinstance(block, list)]


def stored(node: ast.AST, before: int | None = None) -> set[str]:
    """The names that a node sets, of those in lines `before` one where it is given."""
    return {
        one.id
        for one in ast.walk(node)
        if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Store) and (before is None or one.lineno < before)
    }
