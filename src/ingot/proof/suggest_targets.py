"""What a suggested case is for: a mutant that no case kills, or a branch that no case takes."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ingot.program import Observation, Program
from ingot.proof.mutants import Mutant
from ingot.proof.mutation import IsRight
from ingot.readback.citations import citations
from ingot.runtime.branches import Branch, failing, instrument
from ingot.runtime.sandbox import Trial
from ingot.spec import Case

LONGEST_SHOWN = 90


@dataclass(frozen=True, slots=True)
class Target:
    """What no case tells. `mutant` is the survivor, or for a `branch` the program with a failure put into it: either
    way an input serves it that tells the mutant from the program. `line` counts in ``logic.py``."""

    mutant: Mutant
    branch: Branch | None = None

    @property
    def line(self) -> int:
        """Where it stands in ``logic.py``."""
        return self.mutant.line if self.branch is None else self.branch.line

    def to_json(self) -> dict[str, Any]:
        """Plain JSON."""
        if self.branch is None:
            return {"kind": "mutant", **self.mutant.to_json()}
        cited = ", ".join(self.mutant.clauses) or None
        return {"kind": "branch", "line": self.branch.line, "direction": self.branch.what, "clause": cited,
                "before": self.mutant.before}  # fmt: skip

    def __str__(self) -> str:
        cited = f" ({', '.join(self.mutant.clauses)})" if self.mutant.clauses else ""
        before = _cut(self.mutant.before)
        if self.branch is None:
            return f"line {self.line}{cited}: `{before}` as `{_cut(self.mutant.after)}`"
        return f"line {self.line}{cited}: `{before}` {self.branch.what}"


def _cut(text: str) -> str:
    text = text.partition("  #")[0]
    return text if len(text) <= LONGEST_SHOWN else text[:LONGEST_SHOWN] + "…"


def branch_targets(program: Program) -> list[Target]:
    """Every branch inside the program's own functions."""
    lines = program.logic.split("\n")
    _, found = instrument(program.logic, 0, len(lines))
    cited = citations(program.logic, program.spec)
    targets: list[Target] = []
    for branch in found:
        if branch.function is None:
            continue
        tree = failing(program.logic, branch.number)
        own = next(top for top in tree.body if isinstance(top, ast.FunctionDef) and top.name == branch.function)
        clauses = cited.get(branch.target or branch.line) or cited.get(branch.line, ())
        before = lines[branch.line - 1].strip()
        mutant = Mutant("branch", branch.line, 1, branch.function, clauses, before, branch.what, ast.unparse(tree),
                        ast.unparse(own))  # fmt: skip
        targets.append(Target(mutant, branch))
    return targets


def stated_case(trial: Trial, answer: Observation) -> Case:
    """The case that a person would write who agrees with the candidate's answer."""
    return Case(
        id=trial.id, input=trial.input, steps=trial.steps, expected=answer.output or {},
        escalates=answer.review is not None,
    )  # fmt: skip


def served(
    told: Sequence[Mapping[int, Observation]],
    trials: Sequence[Trial],
    answers: Mapping[str, Observation],
    is_right: IsRight,
) -> list[frozenset[int]]:
    """Per target the numbers of the trials whose case, answered as the program does, would tell it. `told` is what each
    target does otherwise, by number.

    A difference that no case can state (in the reason for a review, say) is none.
    """
    return [
        frozenset(
            number
            for number, seen in differs.items()
            if (answer := answers[trials[number].id]).error is None
            and (seen.error is not None or not is_right(stated_case(trials[number], answer), seen))
        )
        for differs in told
    ]
