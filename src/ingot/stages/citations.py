"""Clause receipts, as a part of SYNTAX: every return and every branch cites a clause, and every clause is cited.

What counts as cited is in `ingot.readback.receipts`. These are warnings, unless the spec refuses with
``thresholds: {citations: refuse}``.
"""

from __future__ import annotations

import tokenize
from collections.abc import Iterator
from typing import Any

from ingot.errors import StageError
from ingot.program import Program
from ingot.readback.receipts import Receipts, receipts
from ingot.verdict import Finding, Rule, Severity

_FEE = "def fee(weight: int, note: str | None) -> int:\n"
RULES: tuple[Rule, ...] = (
    Rule("SYN009", "uncited-return", "syntax", "A decision that names no clause cannot be traced to the policy.",
         _FEE + "    return weight\n", _FEE + "    return weight  # C1\n", "warning"),
    Rule("SYN012", "uncited-branch", "syntax",
         "A branch that no clause asks for, by its line, the line above, a line inside it or the returns it leads to, may "
         "be invented.",
         _FEE + "    if weight > 9:\n        raise ValueError(weight)\n    return weight  # C1\n",
         _FEE + "    if weight > 9:  # C1\n        raise ValueError(weight)\n    return weight  # C1\n", "warning"),
    Rule("SYN013", "unused-clause", "syntax", "A clause that no line of the code cites may have been forgotten.",
         _FEE + "    return weight\n", _FEE + "    return weight  # C1\n", "warning"),
)  # fmt: skip


def check_citations(program: Program) -> tuple[list[Finding], dict[str, Any]]:
    """SYN009, SYN012 and SYN013, and what the verdict says of them. Raises StageError where comments cannot be read."""
    try:
        found = receipts(program)
    except (tokenize.TokenError, SyntaxError) as error:
        raise StageError(f"the candidate parses but its comments cannot be read: {error}", place="syntax") from error
    severity: Severity = "error" if program.spec.thresholds.citations == "refuse" else "warning"
    return [*_uncited(program, found, severity), *_unused(program, found, severity)], _measures(found)


def _uncited(program: Program, found: Receipts, severity: Severity) -> Iterator[Finding]:
    own = {one.name: one.clauses for one in program.signatures}
    for one in found.uncited:
        hint = f"clauses: {', '.join(own[one.function])}"
        place = (one.line, one.column, one.function)
        if one.kind == "return":
            message = "this return names no clause of its step"
            yield Finding("SYN009", message, *place, f"end it with a comment; {hint}", severity)
        else:
            message = "no clause is cited for this branch, nor for every return it leads to"
            yield Finding("SYN012", message, *place, f"end its line with a comment; {hint}", severity)


def _unused(program: Program, found: Receipts, severity: Severity) -> Iterator[Finding]:
    for clause in found.unused:
        steps = [one.name for one in program.signatures if clause in one.clauses]
        message = f"{clause} is cited nowhere: it may have been forgotten"
        hint = f"carry {clause} out and cite it there"
        yield Finding("SYN013", message, None, None, steps[0] if len(steps) == 1 else None, hint, severity)


def _measures(found: Receipts) -> dict[str, Any]:
    return {
        "returns": sum(one.kind == "return" for one in found.receipts),
        "branches": sum(one.kind == "branch" for one in found.receipts),
        "share": found.share,
        "uncited": [{"function": one.function, "line": one.line, "kind": one.kind} for one in found.uncited],
        "unused": list(found.unused),
        "clauses": {clause: list(lines) for clause, lines in found.lines.items()},
    }
