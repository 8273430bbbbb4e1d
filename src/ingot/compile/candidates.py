"""Several candidates for one spec, and the one to keep: which of those that pass agrees most with the others.

    made: list[Attempt] = []
    agreement = draw_candidates(work, made)    # `made[-1]` is what is kept, `agreement` says why

Passing is not being right: a case that nobody wrote tells no right candidate from a wrong one. Independent candidates
seldom make the same mistake, so each function is taken from the candidate whose function answers as most of the others do
on inputs that nobody wrote an answer for. Where functions come of several candidates the program passes the gates again.
The inputs on which candidates that all passed do not agree are decided by no case; they are kept as questions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ingot.agreement import MOST_CANDIDATES
from ingot.compile import generate, prompt
from ingot.compile.attempts import Attempt, Event, Work, ask, asked_part, is_for_the_author, stages_of, with_tables
from ingot.compile.candidates_inputs import (
    Candidate,
    Pairs,
    Seen,
    pairs_of,
    seen_of,
    seen_of_function,
    shared_inputs,
    shares,
    support,
)
from ingot.compile.candidates_questions import Disagreement, disagreements
from ingot.compile.one_by_one import ask_one_by_one
from ingot.compile.parts import parts_beforehand
from ingot.compile.plan import make_plan
from ingot.errors import BudgetExceeded, SpecError
from ingot.models.model import Request
from ingot.program import Program
from ingot.runtime.sandbox import Sandbox
from ingot.spec import Spec
from ingot.stages.execution import warm_sandbox


@dataclass(frozen=True, slots=True)
class Taken:
    """Where a function of the kept program comes from: the number of its candidate, how far that one's function agrees
    with those of the others (None where there is no other), and on how many calls it was compared."""

    candidate: int
    agreement: float | None
    calls: int

    def to_json(self) -> dict[str, Any]:
        """Plain JSON; the share is a text, as every number with a point in an artifact."""
        return {"candidate": self.candidate, "agreement": share_text(self.agreement), "calls": self.calls}


@dataclass(frozen=True, slots=True)
class Agreement:
    """What became of several candidates.

    `asked` were asked for, `drawn` lines of attempts were made and `shares` maps the numbers of those that passed to how
    far each agrees with the others: of all comparisons with another candidate on one input, the share with the same
    answer; None where only one passed. Of `inputs`, all of them answered `agreeing` alike. `functions` says where
    each function was taken from, `combined` whether they come of several candidates. `pairs` counts those that the inputs
    did not tell apart at first: what the solver and a search said of them. `stopped` says why fewer were drawn
    than asked for.
    """

    asked: int
    drawn: int
    shares: Mapping[int, float | None]
    inputs: int
    agreeing: int
    functions: Mapping[str, Taken]
    combined: bool
    questions: tuple[Disagreement, ...]
    pairs: Pairs
    stopped: str = ""

    @property
    def passed(self) -> int:
        """How many candidates passed the gates."""
        return len(self.shares)

    def to_json(self) -> dict[str, Any]:
        """For provenance and report; the same candidates give the same."""
        return {
            "asked": self.asked,
            "drawn": self.drawn,
            "passed": self.passed,
            "inputs": self.inputs,
            "agreeing": self.agreeing,
            "agreement": {str(number): share_text(one) for number, one in self.shares.items()},
            "functions": {name: one.to_json() for name, one in self.functions.items()},
            "combined": self.combined,
            "pairs": {"proved": self.pairs.proved, "alike": self.pairs.alike, "told_apart": len(self.pairs.witnesses)},
            "stopped": self.stopped,
            "questions": [one.to_json() for one in self.questions],
        }


def share_text(share: float | None) -> str | None:
    """A share between 0 and 1 with six places; None where nothing was compared."""
    return None if share is None else f"{share:.6f}"


def draw_candidates(work: Work, made: list[Attempt]) -> Agreement | None:
    """`work.of` independent lines of attempts, appended to `made`; after them what is kept, as the last attempt.

    None, with no such attempt, where none passed or only one was asked for. A budget that ends after one has passed ends
    the drawing, and those that were drawn are compared; before that it raises BudgetExceeded. Raises SpecError, ModelError
    and StageError.
    """
    if not 1 <= work.of <= MOST_CANDIDATES:
        raise SpecError(f"candidates is {work.of}; 1 to {MOST_CANDIDATES} can be drawn", hint="give --candidates 3")
    if work.of == 1 or not work.spec.asked:
        _ask(work, made)
        return None
    stopped = _draw(work, made)
    passed = [_candidate(work, one) for one in made if one.passed]
    if not passed:
        return None
    drawn = len({one.candidate for one in made})
    work.tell(Event("compare", len(made), "kept", of=work.of))
    return _Choice(work, passed, warm_sandbox()).kept(made, drawn, stopped)


def first_requests(spec: Spec, *, one_by_one: bool = False) -> tuple[Request, ...]:
    """What a candidate is asked for at least: one request, or one for each function. What a function is given of others is not
    known beforehand, so cases that rest on it are missing."""
    plan = make_plan(spec)
    if one_by_one and len(spec.asked) > 1:
        return tuple(prompt.first_request(part, plan) for part in parts_beforehand(spec))
    return (prompt.first_request(spec, plan),) if spec.asked else ()


def _ask(work: Work, made: list[Attempt], number: int = 1) -> None:
    """One line of attempts. A function that is the only one is asked for alone in any case."""
    line = ask_one_by_one if work.one_by_one and len(work.spec.asked) > 1 else ask
    line(work, made, number)


def _draw(work: Work, made: list[Attempt]) -> str:
    """Every line of attempts; why there are fewer than asked for, or nothing."""
    for number in range(1, work.of + 1):
        try:
            _ask(work, made, number)
        except BudgetExceeded as error:
            if not any(one.passed for one in made):
                raise
            return error.message
        if is_for_the_author(work.spec, made[-1]) and not any(one.passed for one in made):
            return "what is wrong is for the author of the spec"
    return ""


def _candidate(work: Work, attempt: Attempt) -> Candidate:
    assert attempt.logic is not None
    assert attempt.candidate is not None
    return Candidate(attempt.candidate, attempt, work.assembled(attempt.logic))


class _Choice:
    """The candidates that passed, run on the same inputs, and what is taken from which."""

    def __init__(self, work: Work, passed: Sequence[Candidate], sandbox: Sandbox) -> None:
        self.work, self.passed, self.sandbox = work, passed, sandbox
        self.seen = seen_of(passed, shared_inputs([one.program for one in passed]), sandbox)
        self.pairs = pairs_of(passed, self.seen, sandbox)
        if self.pairs.witnesses:
            self.seen = seen_of(passed, (*self.seen.trials, *self.pairs.witnesses), sandbox)
        self.shares = shares(self.seen.answers, len(passed))
        self.base = self._best(self.shares)
        asked = {step.step for step in work.spec.asked}
        signed = [one for one in passed[0].program.signatures if one.name in asked]
        alone = len(passed[0].program.signatures) == 1
        self.functions: dict[str, Seen] = {
            one.name: self.seen if alone else seen_of_function(passed, one, self.seen.runs, sandbox) for one in signed
        }

    def _best(self, found: Sequence[float]) -> int:
        """The highest share; then the fewest findings, the shortest program, the first."""

        def rank(number: int) -> tuple[float, int, int, int]:
            one = self.passed[number]
            return -found[number], len(one.attempt.findings), len(one.attempt.logic or ""), number

        return min(range(len(self.passed)), key=rank)

    def _winners(self) -> dict[str, int]:
        """For each function the number of the candidate to take it from: that of the best whole program where no other
        agrees more."""
        found = {}
        for name, seen in self.functions.items():
            own = shares(seen.answers, len(self.passed))
            found[name] = self.base if own[self.base] == max(own) else self._best(own)
        return found

    def kept(self, made: list[Attempt], drawn: int, stopped: str) -> Agreement:
        """Append what is kept to `made`, and say why."""
        winners, base = self._winners(), self.passed[self.base]
        program, combined = base.program, False
        if set(winners.values()) - {self.base}:
            made.append(self._combined(winners, len(made) + 1))
            mixed = self.work.assembled(made[-1].logic or "")
            combined = made[-1].passed and self._support(mixed) >= self._support(program)
            program = mixed if combined else program
        if not combined:
            winners = dict.fromkeys(winners, self.base)
            last = base.attempt
            kept = Attempt(len(made) + 1, "kept", None, None, last.logic, last.verdicts, base.number)
            made.append(kept)
        alone = len(self.passed) == 1
        return Agreement(
            asked=self.work.of,
            drawn=drawn,
            shares={one.number: None if alone else share for one, share in zip(self.passed, self.shares, strict=True)},
            inputs=0 if alone else len(self.seen.trials),
            agreeing=0 if alone else self.seen.agreeing,
            functions={name: self._taken(name, number) for name, number in winners.items()},
            combined=combined,
            questions=() if alone else disagreements(self.passed, self.seen, program, self.sandbox),
            pairs=self.pairs,
            stopped=stopped,
        )

    def _taken(self, name: str, number: int) -> Taken:
        seen = self.functions[name]
        if len(self.passed) == 1 or not seen.trials:
            return Taken(self.passed[number].number, None, 0)
        return Taken(self.passed[number].number, shares(seen.answers, len(self.passed))[number], len(seen.trials))

    def _combined(self, winners: Mapping[str, int], number: int) -> Attempt:
        """The best candidate with the functions of others in it, through the gates like any other."""
        spec = self.work.spec
        logic = asked_part(spec, self.passed[self.base].attempt.logic or "")
        for name, one in winners.items():
            if one != self.base:
                donor = asked_part(spec, self.passed[one].attempt.logic or "")
                logic = generate.splice(logic, generate.excerpt(donor, [name]), [name])
        logic = with_tables(spec, logic)
        self.work.tell(Event("attempt", number, "combined", of=self.work.of))
        verdicts = stages_of(self.work, self.work.assembled(logic), number, "combined")
        return Attempt(number, "combined", None, None, logic, verdicts)

    def _support(self, program: Program) -> int:
        return support(program, self.seen, self.sandbox)
