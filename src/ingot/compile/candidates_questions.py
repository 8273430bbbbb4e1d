"""Where candidates that passed do not agree: inputs that no case decides, for a person to answer.

Nothing here says which answer is right. One input stands for all on which the same candidates part by the same lines; it
is the one nearest to a given case.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ingot.agreement import agree
from ingot.compile.candidates_inputs import (
    LARGEST,
    Answers,
    Candidate,
    Seen,
    answers_to_votes,
    differing,
    is_same,
    is_unanimous,
    seen_of,
)
from ingot.fields import to_plain
from ingot.program import Observation, Program
from ingot.proof.suggest import deciding_lines
from ingot.proof.suggest_cover import Bases, Near, key
from ingot.readback.citations import citations
from ingot.runtime.sandbox import Sandbox, Trial
from ingot.spec import Spec
from ingot.stages.inputs import case_trial

MOST_QUESTIONS = 12
MOST_LOOKED_AT = 400
"""Inputs without one answer whose deciding lines are found; the rest of them is not looked at."""


@dataclass(frozen=True, slots=True)
class Said:
    """An answer, the numbers of the candidates that gave it, and whether the kept program gives it."""

    candidates: tuple[int, ...]
    answer: Observation
    kept: bool

    def to_json(self) -> dict[str, Any]:
        """Plain JSON. An exception is named by its type alone."""
        review, error = self.answer.review, self.answer.error
        return {
            "candidates": list(self.candidates),
            "kept": self.kept,
            "output": to_plain(self.answer.output),
            "review": None if review is None else {"step": review[0], "reason": review[1]},
            "error": None if error is None else error.partition(":")[0],
        }


@dataclass(frozen=True, slots=True)
class Disagreement:
    """An input that candidates answer differently. `differ` are the outputs they part in (none where one of them raises or
    goes to a person), `clauses` those that the deciding lines cite, `inputs` how many such inputs were seen, `near` the
    closest given case ("" where there is none) and `changed` the values that differ from it."""

    trial: Trial
    said: tuple[Said, ...]
    differ: tuple[str, ...]
    clauses: tuple[str, ...]
    inputs: int
    near: str
    changed: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain JSON."""
        return {
            "input": to_plain(self.trial.input),
            "steps": to_plain(self.trial.steps),
            "answers": [one.to_json() for one in self.said],
            "differ": list(self.differ),
            "clauses": list(self.clauses),
            "inputs": self.inputs,
            "near": self.near or None,
            "changed": list(self.changed),
        }


def disagreements(
    candidates: Sequence[Candidate], seen: Seen, kept: Program, sandbox: Sandbox
) -> tuple[Disagreement, ...]:
    """At most `MOST_QUESTIONS` inputs without one answer, those first on which the candidates are split most evenly.

    Inputs of held-out cases are left out, and those too large to be looked at. Raises StageError where the sandbox breaks.
    """
    spec = kept.spec
    held_out = {key(case_trial(case, spec)) for case in spec.held_out}
    odd = [
        trial
        for trial, answers in zip(seen.trials, seen.answers, strict=True)
        if not is_unanimous(answers) and key(trial) not in held_out and len(key(trial)) <= LARGEST
    ]
    if not odd:
        return ()
    return _Questions(candidates, odd[:MOST_LOOKED_AT], kept, sandbox).found()


class _Questions:
    def __init__(
        self, candidates: Sequence[Candidate], trials: Sequence[Trial], kept: Program, sandbox: Sandbox
    ) -> None:
        self.candidates, self.kept, self.spec = candidates, kept, kept.spec
        self.seen = seen_of(candidates, trials, sandbox, cover=True)
        whole = Candidate(0, candidates[0].attempt, kept)
        self.answers = seen_of([whole], trials, sandbox).runs[0].observations
        self.cited = [citations(one.program.logic, self.spec) for one in candidates]
        given = [case_trial(case, self.spec) for case in self.spec.given]
        self.bases = Bases(given)
        self.given = {one.id for one in given}
        self._lines: dict[tuple[int, frozenset[int]], tuple[int, ...]] = {}

    def found(self) -> tuple[Disagreement, ...]:
        groups: dict[Any, list[tuple[Trial, Answers]]] = {}
        for trial, answers in zip(self.seen.trials, self.seen.answers, strict=True):
            groups.setdefault((answers, self._differ(trial), self._decided(trial)), []).append((trial, answers))
        made = [self._made(group) for group in groups.values()]
        made.sort(key=lambda one: (max(len(said.candidates) for said in one.said), -one.inputs, len(one.changed)))
        return tuple(made[:MOST_QUESTIONS])

    def _made(self, group: Sequence[tuple[Trial, Answers]]) -> Disagreement:
        nearest = [(self.bases.nearest(trial), trial, answers) for trial, answers in group]
        near, trial, answers = min(nearest, key=lambda one: (len(one[0].changed), len(key(one[1]))))
        decided = self._decided(trial)
        clauses = dict.fromkeys(
            clause
            for cited, lines in zip(self.cited, decided, strict=True)
            for line in lines
            for clause in cited.get(line, ())
        )
        return Disagreement(
            trial, self._said(trial, answers), self._differ(trial), tuple(clauses), len(group), self._near(near),
            tuple(name if not step else f"{step}.{name}" for step, name in near.changed),
        )  # fmt: skip

    def _near(self, near: Near) -> str:
        return near.base.id if near.base.id in self.given else ""

    def _said(self, trial: Trial, answers: Answers) -> tuple[Said, ...]:
        """The answer that most gave first; each exception by itself, for none is an answer."""
        most = agree(answers_to_votes(answers)).value
        groups: dict[Any, list[int]] = {}
        for number, (answer, vote) in enumerate(zip(answers, answers_to_votes(answers), strict=True)):
            groups.setdefault(f"raised {number}" if answer is None else vote, []).append(number)
        ordered = sorted(groups, key=lambda vote: (vote != most, -len(groups[vote]), groups[vote][0]))
        return tuple(self._one(trial, groups[vote]) for vote in ordered)

    def _one(self, trial: Trial, numbers: Sequence[int]) -> Said:
        shown, own = self._observed(numbers[0], trial), self.answers[trial.id]
        same = shown.error is None and own.error is None and is_same(shown, own, self.spec.outputs, self.spec.scorers)
        kept = same or (shown.error is not None and own.error == shown.error)
        return Said(tuple(self.candidates[number].number for number in numbers), shown, kept)

    def _observed(self, number: int, trial: Trial) -> Observation:
        return self.seen.runs[number].observations[trial.id]

    def _differ(self, trial: Trial) -> tuple[str, ...]:
        outputs = [self._observed(number, trial).output for number in range(len(self.candidates))]
        known = [one for one in outputs if one is not None]
        names = {name for one in known[1:] for name in differing(known[0], one, self.spec.outputs, self.spec.scorers)}
        return tuple(field.name for field in self.spec.outputs if field.name in names)

    def _decided(self, trial: Trial) -> tuple[tuple[int, ...], ...]:
        """For each candidate the lines of its logic that decided."""
        found = []
        for number, (one, run) in enumerate(zip(self.candidates, self.seen.runs, strict=True)):
            ran = run.lines.get(trial.id, frozenset())
            if (number, ran) not in self._lines:
                self._lines[number, ran] = deciding_lines(one.program, ran)
            found.append(self._lines[number, ran])
        return tuple(found)


def question_text(one: Disagreement, spec: Spec) -> list[str]:
    """A disagreement in lines for people: the input, then every answer with how many candidates gave it."""
    from ingot.cases.draft import flow

    lines = [flow(one.trial.input), *(f"with {step} = {flow(values)}" for step, values in one.trial.steps.items())]
    for said in one.said:
        count = len(said.candidates)
        kept = ", among them the one kept" if said.kept else ""
        lines.append(f"{count} candidate{'s' if count > 1 else ''}{kept}: {_answer(said.answer, one, spec)}")
    return lines


def _answer(seen: Observation, one: Disagreement, spec: Spec) -> str:
    from ingot.cases.draft import flow

    if seen.error is not None:
        return f"raises {seen.error.partition(':')[0]}"
    outputs = seen.output or {}
    names = one.differ or tuple(field.name for field in spec.outputs)
    said = ", ".join(f"{name} = {flow(outputs[name])}" for name in names if name in outputs)
    review = "" if seen.review is None else f"to a person at {seen.review[0]}"
    return ", ".join(part for part in (review, said) if part) or "no output"
