"""The solver's word on mutants that no input was found for: proved to do the same, or an input that tells them apart.

The program is translated once. Effort is counted in steps, of the solver and of the translation, for all mutants of a
program together, so that a long rule costs no more than a stage may take and the verdicts are the same everywhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from ingot.program import Observation, Program
from ingot.proof.mutants import Mutant, mutated
from ingot.proof.pair import NotExpressible, Pair, Prepared
from ingot.proof.translate import Translation, check_agreement
from ingot.runtime.sandbox import Sandbox, Trial

QUERY, BUDGET = 100_000, 1_000_000
"""Steps of the solver for one mutant, and for all of a program."""

STATEMENTS = 6_000
"""Statements that are translated for all mutants of a program."""

COMPARED, COMPARED_OF_EACH = 24, 6
"""The program's translation is compared with CPython on so many inputs, a mutant's on so many of those."""


@dataclass
class Solver:
    """Says of a mutant that does what the program does on all of `trials`: True where it is proved to do so for every
    input, an input where it does not (yet to be run), None where the solver cannot say or its steps are used up.

    `query` are the steps for one mutant. `why` has the reason for every None. Raises StageError where a translation
    disagrees with CPython.
    """

    program: Program
    trials: Sequence[Trial]
    sandbox: Sandbox
    query: int = QUERY
    why: dict[Mutant, str] = field(default_factory=dict)
    _left: int = BUDGET
    _statements: int = STATEMENTS
    _prepared: Prepared | None = None
    _refused: str = ""
    _seen: dict[str, Observation] = field(default_factory=dict)
    _checked: list[Translation] = field(default_factory=list)

    def __call__(self, program: Program, mutant: Mutant) -> Trial | bool | None:
        """The answer for one mutant of the program."""
        if program is not self.program:
            raise ValueError("the mutant is not one of this solver's program")
        try:
            answer = self._asked(mutant)
        except NotExpressible as error:
            answer = f"the solver has no exact form of {error}"
        if isinstance(answer, str):
            self.why[mutant] = answer
            return None
        return answer

    def more(self, query: int, budget: int, statements: int) -> None:
        """Allow so many steps a mutant from now on, and so many for all."""
        self.query, self._left, self._statements = query, budget, statements

    def _asked(self, mutant: Mutant) -> Trial | bool | str:
        if self._refused:
            return self._refused
        if self._left <= 0 or self._statements <= 0:
            return "the solver used up its steps for this program"
        if self._prepared is None:
            self._prepared = Prepared(self.program)
            self._seen = dict(self._observed())
        try:
            self._prepared.first()
        except NotExpressible as error:
            self._refused = f"the solver has no exact form of {error}"
            return self._refused
        return self._answered(Pair(self._prepared, mutated(self.program, mutant), steps=self.query))

    def _answered(self, pair: Pair) -> Trial | bool | str:
        self._statements -= pair.other.machine.steps
        some = self._some()
        known = {trial.id: trial for trial in some}
        if pair.one not in self._checked:
            check_agreement(pair.one, known, self._seen)
            self._checked.append(pair.one)
        check_agreement(pair.other, {trial.id: trial for trial in some[:COMPARED_OF_EACH]}, self._seen)
        answer = pair.differ(plain=False)
        self._left -= pair.spent
        if answer.verdict == "same" and pair.assumed:  # beyond these bounds it may well differ: no proof
            bounds = " and ".join(f"{path} {said}" for path, said in pair.assumed.items())
            return f"it is the same on inputs with {bounds}, and beyond that nothing is proved"
        return answer.why if answer.verdict == "unknown" else answer.trial or True

    def _some(self) -> list[Trial]:
        step = max(1, -(-len(self.trials) // COMPARED))
        return [replace(trial, id=f"s{number}") for number, trial in enumerate(self.trials[::step])]

    def _observed(self) -> dict[str, Observation]:
        run = self.sandbox.run(self.program.text, self._some(), offset=self.program.offset, seed=self.sandbox.seeds[0])
        return dict(run.observations)
