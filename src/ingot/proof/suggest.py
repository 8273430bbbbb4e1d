"""Suggested cases: inputs that tell what no case tells, for a person to answer.

For each mutant that no case kills and each branch that no case takes, an input: out of those tried already, else from
the solver, else by a deeper search. Inputs near a given case come first; one may serve several targets. Nothing here
says what is right: an answer of the candidate is only what it does.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ingot.fields import to_plain
from ingot.program import Observation, Program
from ingot.proof.boundaries import Comparisons
from ingot.proof.mutants import mutants
from ingot.proof.mutation import IsRight, MutationScore, Nearer, differences, mutation_score
from ingot.proof.suggest_cover import Bases, Near, cover, key, shrunk
from ingot.proof.suggest_targets import Target, branch_targets, served
from ingot.readback.citations import citations
from ingot.runtime.sandbox import Limits, Run, Sandbox, Trial
from ingot.spec import Case

if TYPE_CHECKING:
    from ingot.proof.equivalence import Solver

Batches = Callable[[Sequence[Target]], Iterable[Sequence[Trial]]]
Progress = Callable[[int, int], object]
"""Called with how much is done, and of how much."""


QUERY, BUDGET, STATEMENTS = 1_000_000, 4_000_000, 12_000
"""Steps of the solver for one target and for all of them, and statements that are translated for them."""

FEW = 6
"""So many inputs that tell a target are kept of one batch."""

LONGEST = 4_096
"""Characters of an input beyond which it is not tried: nobody could answer it."""

EFFORT, LONG = 60_000, 200
"""The search ends after so many runs of targets on inputs; one of more than LONG characters counts as several."""


@dataclass(frozen=True, slots=True)
class Suggestion:
    """An input worth a case. `answer` is what the candidate does, `lines` the returns in ``logic.py`` that decided it,
    `near` the id of the closest given case ("" where there is none) with the fields `changed` from it."""

    trial: Trial
    targets: tuple[Target, ...]
    boundaries: tuple[str, ...]
    answer: Observation
    lines: tuple[int, ...]
    clauses: tuple[str, ...]
    near: str
    changed: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain JSON."""
        review = self.answer.review
        return {
            "input": to_plain(self.trial.input),
            "steps": to_plain(self.trial.steps),
            "tells": [target.to_json() for target in self.targets],
            "boundaries": list(self.boundaries),
            "candidate": {
                "output": to_plain(self.answer.output),
                "review": None if review is None else {"step": review[0], "reason": review[1]},
                "lines": list(self.lines),
                "clauses": list(self.clauses),
            },
            "near": self.near or None,
            "changed": list(self.changed),
        }


@dataclass(frozen=True, slots=True)
class Left:
    """A target that no input was found for. `proved` says that none exists: the solver proved it."""

    target: Target
    proved: bool
    tried: int
    why: str = ""

    def to_json(self) -> dict[str, Any]:
        """Plain JSON."""
        return {**self.target.to_json(), "proved": self.proved, "tried": self.tried, "why": self.why}

    def __str__(self) -> str:
        if self.proved:
            said = "proved the same for every input" if self.target.branch is None else "proved: no input takes it"
        else:
            said = f"no input found among {self.tried:,}" + (
                f"; the solver could not say: {self.why}" if self.why else ""
            )
        return f"{self.target}: {said}"


@dataclass(frozen=True, slots=True)
class Suggested:
    """What was found. `score` is that of the cases as they stand; `uncovered` of `branches` no case takes."""

    suggestions: tuple[Suggestion, ...]
    left: tuple[Left, ...]
    score: MutationScore
    branches: int
    uncovered: int

    def to_json(self) -> dict[str, Any]:
        """Plain JSON."""
        return {
            "mutation_score": self.score.score,
            "branches": {"all": self.branches, "uncovered": self.uncovered},
            "suggestions": [one.to_json() for one in self.suggestions],
            "left": [one.to_json() for one in self.left],
        }


@dataclass(frozen=True, slots=True)
class Inputs:
    """Where inputs come from. `first` are tried at once. `near` and `further` make batches more for some targets that
    are left; what they make is run on those only. `bases` are what a person knows already, `known` the inputs of all
    cases, which are never suggested. `is_valid` says whether an input may come up at all. `equivalent` is asked about
    mutants, `nearer` makes inputs for them, as in `mutation_score`."""

    first: Sequence[Trial]
    near: Batches
    further: Batches
    bases: Sequence[Trial]
    known: frozenset[str]
    is_valid: Callable[[Trial], bool]
    equivalent: Solver
    nearer: Nearer


def suggest(
    program: Program,
    cases: Sequence[tuple[Case, Trial]],
    inputs: Inputs,
    sandbox: Sandbox,
    *,
    is_right: IsRight,
    progress: Progress | None = None,
) -> Suggested:
    """Suggestions for an accepted program, given the `cases` that it answers right.

    Raises StageError where the sandbox or the solver breaks.
    """
    score = mutation_score(
        program, cases, inputs.first, sandbox, is_right=is_right, found=mutants(program), equivalent=inputs.equivalent,
        nearer=inputs.nearer,
    )  # fmt: skip
    every = branch_targets(program)
    taken = differences(program, [one.mutant for one in every], [trial for _, trial in cases], sandbox)
    uncovered = [target for target, differs in zip(every, taken, strict=True) if not differs]
    targets = [Target(one.mutant) for one in score.survivors] + [Target(one) for one in score.alike] + uncovered
    search = _Search(program, targets, inputs, sandbox, is_right, progress or (lambda done, of: None))
    search.left += [Left(Target(one), True, score.inputs) for one in score.proved]
    search.run([one.witness for one in score.survivors if one.witness is not None])
    return Suggested(search.suggestions(), tuple(search.left), score, len(every), len(uncovered))


class _Search:
    """The pool of inputs so far, and which targets each serves."""

    def __init__(
        self,
        program: Program,
        targets: Sequence[Target],
        inputs: Inputs,
        sandbox: Sandbox,
        is_right: IsRight,
        progress: Progress,
    ) -> None:
        self.program, self.targets, self.inputs, self.sandbox = program, targets, inputs, sandbox
        self.is_right, self.progress = is_right, progress
        self.pool: list[Trial] = []
        self.answers: dict[str, Observation] = {}
        self.hits: list[frozenset[int]] = [frozenset() for _ in targets]
        self.left: list[Left] = []
        self.apart: set[int] = set()
        self.proved: set[int] = set()
        self.tried: list[int] = [0] * len(targets)
        self.effort = EFFORT
        self.bases = Bases(inputs.bases)
        self._keys = set(inputs.known)

    def run(self, witnesses: Sequence[Trial]) -> None:
        """Try the first inputs, more for what is open, the solver on what still is, then many more."""
        if not self.targets:
            return
        self.add((*self.inputs.first, *witnesses))
        self.tried = [len(self.pool)] * len(self.targets)
        self._hunt(self.inputs.near)
        self._solve()
        self._hunt(self.inputs.further)
        self.left += [
            Left(self.targets[number], False, self.tried[number], self._why(number)) for number in self._open()
        ]
        self.progress(len(self.targets), len(self.targets))

    def _open(self) -> list[int]:
        return [number for number, hit in enumerate(self.hits) if not hit and number not in self.proved]

    def _why(self, number: int) -> str:
        if number in self.apart:
            return "they differ only in what no case states"
        return self.inputs.equivalent.why.get(self.targets[number].mutant, "")

    def _solve(self) -> None:
        """Ask the solver about what was never seen to differ. What it finds is run by `add` before it counts."""
        solver, found = self.inputs.equivalent, list[Trial]()
        solver.more(QUERY, BUDGET, STATEMENTS)
        for number in self._open():
            self.progress(len(self.targets) - len(self._open()), len(self.targets))
            if number not in self.apart:
                answer = solver(self.program, self.targets[number].mutant)
                if answer is True:
                    self.proved.add(number)
                    self.left.append(Left(self.targets[number], True, self.tried[number]))
                elif answer:
                    found.append(answer)
        self.add(found)

    def _hunt(self, batches: Batches) -> None:
        """Try more inputs on the open targets of each function; those that serve none are forgotten."""
        for function in dict.fromkeys(self.targets[number].mutant.function for number in self._open()):
            own = [number for number in self._open() if self.targets[number].mutant.function == function]
            for batch in batches([self.targets[number] for number in own]):
                own = [number for number in own if not self.hits[number]]
                if not own or self.effort <= 0:
                    break
                self.progress(len(self.targets) - len(self._open()), len(self.targets))
                self._try(own, batch)

    def _try(self, numbers: Sequence[int], batch: Sequence[Trial]) -> None:
        new = {text: trial for trial in batch if (text := key(trial)) not in self._keys and len(text) <= LONGEST}
        self.effort -= len(numbers) * sum(1 + len(text) // LONG for text in new)
        trials = [replace(trial, id=f"h{number}") for number, trial in enumerate(new.values())]
        told = differences(self.program, [self.targets[one].mutant for one in numbers], trials, self.sandbox)
        for number in numbers:
            self.tried[number] += len(trials)
        self.add(trials[one] for one in dict.fromkeys(one for differs in told for one in list(differs)[:FEW]))

    def add(self, trials: Iterable[Trial]) -> None:
        """Take up inputs that are new, and note which open targets they serve."""
        start = len(self.pool)
        for trial in trials:
            if (text := key(trial)) not in self._keys and len(text) <= LONGEST:
                self._keys.add(text)
                self.pool.append(Trial(f"t{len(self.pool)}", trial.input, trial.steps))
        new = self.pool[start:]
        self.answers |= self._observed(new).observations if new else {}
        open_ = [number for number, hit in enumerate(self.hits) if not hit]
        if not new:
            return
        some = [self.targets[number] for number in open_]
        told = differences(self.program, [one.mutant for one in some], new, self.sandbox)
        self.apart |= {number for number, differs in zip(open_, told, strict=True) if differs}
        for number, hit in zip(open_, served(told, new, self.answers, self.is_right), strict=True):
            self.hits[number] = frozenset(start + one for one in hit)

    def _served(self, targets: Sequence[Target], trials: Sequence[Trial]) -> list[frozenset[int]]:
        told = differences(self.program, [target.mutant for target in targets], trials, self.sandbox)
        return served(told, trials, self.answers, self.is_right)

    def _observed(self, trials: Sequence[Trial], cover: bool = False) -> Run:
        last = self.program.offset + self.program.logic.count("\n") + 1
        return self.sandbox.run(
            self.program.text, trials, offset=self.program.offset, seed=self.sandbox.seeds[0], cover=cover,
            last_line=last, limits=Limits(run_seconds=60.0),
        )  # fmt: skip

    # ---- choosing ----------------------------------------------------------------------------------------------------

    def suggestions(self) -> tuple[Suggestion, ...]:
        """The chosen inputs, shrunk towards what a person knows; those that serve most first."""
        nears = [self.bases.nearest(trial) for trial in self.pool]
        tiers = [len(near.changed) for near in nears]
        chosen = cover(self.hits, tiers, lambda number: (len(key(self.pool[number])), number))
        trials = [self._smaller(number, nears[number]) for number in chosen]
        if not trials:
            return ()
        trials = [replace(trial, id=f"s{number}") for number, trial in enumerate(trials)]
        run = self._observed(trials, cover=True)
        self.answers |= run.observations
        reached = [hit for hit in self.hits if hit]
        targets = [target for target, hit in zip(self.targets, self.hits, strict=True) if hit]
        hits = self._served(targets, trials)
        assert len(reached) == len(hits)
        kept = cover(hits, [0] * len(trials), lambda number: (tiers[chosen[number]], number))
        read = _Read(
            Comparisons(self.program), citations(self.program.logic, self.program.spec), _returns(self.program)
        )
        made = [
            self._made(trials[n], [t for t, hit in zip(targets, hits, strict=True) if n in hit], run, read)
            for n in kept
        ]
        return tuple(sorted(made, key=lambda one: (-len(one.targets), len(one.changed), one.targets[0].line)))

    def _smaller(self, number: int, near: Near) -> Trial:
        """The trial with as few changes as still serve what it serves."""
        trial = self.pool[number]
        targets = [target for target, hit in zip(self.targets, self.hits, strict=True) if number in hit]
        if len(near.changed) < 2:
            return trial
        tries = [
            replace(one, id=f"r{n}")
            for n, one in enumerate(shrunk(trial, near, self.inputs.bases))
            if key(one) not in self.inputs.known and self.inputs.is_valid(one)
        ]
        if not tries:
            return trial
        self.answers |= self._observed(tries).observations
        hits = self._served(targets, tries)
        return next((one for n, one in enumerate(tries) if all(n in hit for hit in hits)), trial)

    def _made(self, trial: Trial, targets: Sequence[Target], run: Run, read: _Read) -> Suggestion:
        near = self.bases.nearest(trial)
        lines = {target.line for target in targets}
        boundaries = [str(one) for one in read.comparisons.at(trial, lines)]
        decided = tuple(line for line in read.returns if line in run.lines[trial.id])
        clauses = dict.fromkeys(clause for line in decided for clause in read.cited.get(line, ()))
        changed = tuple(name if not step else f"{step}.{name}" for step, name in near.changed)
        given = {case.id for case in self.program.spec.given}
        return Suggestion(
            trial, tuple(targets), (*boundaries, *read.comparisons.of_fields(trial, changed)), run.observations[trial.id], decided,
            tuple(clauses), near.base.id if near.base.id in given else "", changed,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Read:
    """What is read of a program's text once for all suggestions."""

    comparisons: Comparisons
    cited: Mapping[int, tuple[str, ...]]
    returns: tuple[int, ...]


def deciding_lines(program: Program, ran: frozenset[int]) -> tuple[int, ...]:
    """The lines of ``logic.py`` among those that ran where a function of the spec answered."""
    return tuple(line for line in _returns(program) if line in ran)


def _returns(program: Program) -> tuple[int, ...]:
    """The lines of ``logic.py`` where a function of the spec answers, in order."""
    asked = {signature.name for signature in program.signatures}
    functions = [top for top in ast.parse(program.logic).body if isinstance(top, ast.FunctionDef)]
    own = [node for top in functions if top.name in asked for node in ast.walk(top)]
    return tuple(sorted(node.lineno for node in own if isinstance(node, ast.Return)))
