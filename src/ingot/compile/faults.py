"""Where a program answers labelled outcomes wrongly, and which of its functions is at fault."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ingot.program import Program
from ingot.runtime.sandbox import Limits
from ingot.spec import Case
from ingot.stages.accuracy import score_case, suspects
from ingot.stages.execution import warm_sandbox
from ingot.stages.inputs import case_trial


@dataclass(frozen=True, slots=True)
class Wrong:
    """A case that is answered wrongly: the outputs that are wrong (none where only the way to a person is), and the
    functions that can be at fault."""

    case: Case
    outputs: tuple[str, ...]
    functions: frozenset[str]


@dataclass(frozen=True, slots=True)
class Measured:
    """How a program answers cases. `at_fault` has the functions that the wrong ones point to, with how many do."""

    total: int
    wrong: tuple[Wrong, ...]
    threshold: float
    at_fault: Mapping[str, int]

    @property
    def right(self) -> int:
        """Cases that are answered as labelled."""
        return self.total - len(self.wrong)

    @property
    def accuracy(self) -> float:
        """The share of them; 1 where there is no case."""
        return self.right / self.total if self.total else 1.0

    @property
    def crossed(self) -> bool:
        """Whether the share is below the threshold."""
        return self.accuracy < self.threshold


def measure(program: Program, cases: Sequence[Case], threshold: float) -> Measured:
    """Run cases in the sandbox and compare. At fault can be what computes a wrong output and ran.

    Raises StageError where the sandbox cannot run.
    """
    every = {f"label:{case.id}": case for case in cases}
    functions = [signature.name for signature in program.signatures]
    trials = [case_trial(case.model_copy(update={"id": key}), program.spec) for key, case in every.items()]
    sandbox = warm_sandbox()
    run = sandbox.run(
        program.text, trials, offset=program.offset, seed=sandbox.seeds[0], cover=True, functions=functions,
        last_line=program.offset + program.logic.count("\n") + 1, limits=Limits(run_seconds=10.0),
    )  # fmt: skip
    wrong: list[Wrong] = []
    for key, case in every.items():
        seen = run.observations.get(key)
        score = score_case(program.spec, case, seen)
        if not score.right:
            outputs = tuple(name for name, value in score.fields.items() if value < 1.0)
            ran = _ran(program.logic, run.lines.get(key, frozenset()))
            raised = seen.function if seen is not None and seen.error is not None else None
            found = {raised} if raised else (suspects(program.spec, outputs) or set(functions))
            wrong.append(Wrong(case, outputs, frozenset(found & ran or found)))
    counts = {name: sum(name in one.functions for one in wrong) for name in functions}
    return Measured(len(cases), tuple(wrong), threshold, {name: count for name, count in counts.items() if count})


def _ran(logic: str, lines: frozenset[int]) -> set[str]:
    """The functions that these lines are of."""
    return {
        node.name
        for node in ast.parse(logic).body
        if isinstance(node, ast.FunctionDef)
        and lines & set(range(node.lineno + 1, (node.end_lineno or node.lineno) + 1))
    }
