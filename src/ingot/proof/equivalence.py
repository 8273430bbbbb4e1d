"""The solver's word on mutants that no input was found for: proved to do the same, or an input that tells them apart.

The program is translated once. Effort is counted in steps, of the solver and of the translation, for all mutants of a
program together, so that a long rule costs no more than a stage may take and the verdicts are the same everywhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from ingot.errors import StageError
from ingot.program import Observation, Program
from ingot.proof.apart import replayed
from ingot.proof.mutants import Mutant, mutated
from ingot.proof.pair import NotExpressible, Pair, Prepared
from ingot.proof.translate import Translation, check_agreement
from ingot.runtime.sandbox import Sandbox, Trial

QUERY, BUDGET = 100_000, 1_500_000
"""Steps of the solver for one mutant, and for all of a program."""

STATEMENTS = 6_000
"""Statements that are translated for all mutants of a program."""

COMPARED, COMPARED_OF_EACH = 24, 6
"""The program's translation is compared with CPython on so many inputs, a mutant's on so many of those."""


@dataclass
class Solver:
    """Says of a mutant that does what the program does on all of `trials`: True where it is proved to do so for every
    input, the input where it does not, None where the solver cannot say or its steps are used up.

    Raises StageError where a translation or a witness disagrees with CPython.
    """

    program: Program
    trials: Sequence[Trial]
    sandbox: Sandbox
    _left: int = BUDGET
    _statements: int = STATEMENTS
    _prepared: Prepared | None = None
    _refused: bool = False
    _seen: dict[str, Observation] = field(default_factory=dict)
    _checked: list[Translation] = field(default_factory=list)

    def __call__(self, program: Program, mutant: Mutant) -> Trial | bool | None:
        """The answer for one mutant of the program."""
        if program is not self.program:
            raise ValueError("the mutant is not one of this solver's program")
        if self._refused or self._left <= 0 or self._statements <= 0:
            return None
        if self._prepared is None:
            self._prepared = Prepared(program)
            self._seen = dict(self._observed())
        try:
            self._prepared.first()
        except NotExpressible:
            self._refused = True
            return None
        other = mutated(program, mutant)
        try:
            pair = Pair(self._prepared, other, steps=QUERY)
        except NotExpressible:
            return None
        return self._answered(pair, other)

    def _answered(self, pair: Pair, other: Program) -> Trial | bool | None:
        self._statements -= pair.other.machine.steps
        some = self._some()
        known = {trial.id: trial for trial in some}
        if pair.one not in self._checked:
            check_agreement(pair.one, known, self._seen)
            self._checked.append(pair.one)
        check_agreement(pair.other, {trial.id: trial for trial in some[:COMPARED_OF_EACH]}, self._seen)
        answer = pair.differ(plain=False)
        self._left -= pair.spent
        if answer.verdict == "unknown":
            return None
        if answer.trial is None:
            return True
        if replayed(self.program, other, self.sandbox, answer.trial) is None:
            raise StageError(
                f"the solver says that a mutant differs on {dict(answer.trial.input)!r}, and it does not when it is run",
                hint="this is a fault of Ingot, not of the program; report the program and this input",
            )
        return answer.trial

    def _some(self) -> list[Trial]:
        step = max(1, -(-len(self.trials) // COMPARED))
        return [replace(trial, id=f"s{number}") for number, trial in enumerate(self.trials[::step])]

    def _observed(self) -> dict[str, Observation]:
        run = self.sandbox.run(self.program.text, self._some(), offset=self.program.offset, seed=self.sandbox.seeds[0])
        return dict(run.observations)
