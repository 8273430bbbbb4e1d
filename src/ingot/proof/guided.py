"""A deeper search than the inputs that happened to be run: inputs changed towards new branches and broken invariants.

Inputs are made here, in the trusted process; the program runs in the sandbox only. Everything is drawn with fixed
seeds and the effort is a number of inputs, not of seconds: the same program is searched in the same way everywhere.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from ingot.program import Observation, Program
from ingot.proof import search
from ingot.proof.closeness import Measure
from ingot.proof.search_inputs import Changer
from ingot.runtime.sandbox import Run, Sandbox, Trial
from ingot.spec import Invariant

ROUND, KEPT, SIBLINGS = 150, 6, 5
"""Inputs of one round; the nearest inputs kept for each invariant; values tried beside each input of a pair."""


@dataclass
class Searched:
    """What a search has run: inputs and observations by trial id, and the branches taken among all of them.

    `changing` are inputs whose answer changed with the hash seed.
    """

    trials: dict[str, Trial] = field(default_factory=dict)
    seen: dict[str, Observation] = field(default_factory=dict)
    taken: set[int] = field(default_factory=set)
    branches: int = 0
    changing: list[str] = field(default_factory=list)

    @property
    def coverage(self) -> float:
        """The part of the branches that some input took."""
        return len(self.taken) / self.branches if self.branches else 1.0


class Search:
    """A guided search of one program; `held_out` inputs are never run. `go` may be called once."""

    def __init__(
        self, program: Program, sandbox: Sandbox, invariants: Sequence[Invariant], held_out: Sequence[Trial] = ()
    ) -> None:
        self._program, self._sandbox, self._invariants = program, sandbox, tuple(invariants)
        self._secret = [(trial.input, trial.steps) for trial in held_out]
        self._changer = Changer(program, program)
        self._found = Searched()
        self._fresh: list[Trial] = []
        self._measures = {one.name: Measure(program.spec, one) for one in invariants}
        self._nearest: dict[str, list[tuple[float, Trial]]] = {one.name: [] for one in invariants}

    def go(self, trials: Sequence[Trial], effort: int) -> Searched:
        """Run the trials, then up to `effort` more inputs made from them. Ends early where every invariant is broken."""
        self._run(trials)
        left, rounds = effort, 0
        while left > 0 and not (rounds % 5 == 0 and self._all_broken()):
            rounds += 1
            made = self._made(min(ROUND, left))
            if not made:
                break
            left -= len(made)
            self._run(made)
        return self._found

    def _all_broken(self) -> bool:
        spec, known = self._program.spec, self._found
        found = (search.search(spec, one, known.trials, known.seen) for one in self._invariants)
        return all(one.example for one in found)

    def _made(self, count: int) -> list[Trial]:
        """Inputs for a round: siblings of known ones for each ``monotone``, the rest changes of the pool."""
        near = [trial for kept in self._nearest.values() for _, trial in kept]
        pool = [*self._fresh[-4 * KEPT :], *near] or list(self._found.trials.values())
        ordered = [one for one in self._invariants if one.builtin == "monotone"]
        made = self._changer.changed(pool, max(1, count // (2 if ordered else 1)))
        siblings = [sibling for one in ordered for sibling in self._siblings(one.in_ or "", made)]
        rows = [trial for trial in (*made, *siblings) if (trial.input, trial.steps) not in self._secret]
        start = len(self._found.trials)
        return [replace(trial, id=f"guided-{start + number}") for number, trial in enumerate(rows[:count])]

    def _siblings(self, name: str, made: Sequence[Trial]) -> list[Trial]:
        """The same inputs with one value of another: pairs that an order can be checked on."""
        known = [trial for trial in self._found.trials.values() if trial.input.get(name) is not None]
        known = [*known[:: max(1, len(known) // SIBLINGS)], *made[-SIBLINGS:]]
        base = [*self._fresh[-KEPT:], *made[:KEPT]]
        return [
            Trial("", {**trial.input, name: other.input[name]}, trial.steps)
            for trial in base
            for other in known
            if other.input.get(name) is not None
        ]

    def _run(self, trials: Sequence[Trial]) -> None:
        program, found = self._program, self._found
        run = self._sandbox.run(
            program.text, trials, offset=program.offset, seed=self._sandbox.seeds[0], cover=True,
            last_line=program.offset + program.logic.count("\n") + 1,
        )  # fmt: skip
        found.branches = len(run.branches)
        self._compare_seeds(run, trials)
        for trial in trials:
            found.trials[trial.id], found.seen[trial.id] = trial, run.observations[trial.id]
            taken = run.taken.get(trial.id, frozenset())
            if not taken <= found.taken:
                found.taken |= taken
                self._fresh.append(trial)
            for one in self._invariants:
                kept = self._nearest[one.name]
                kept.append((self._measures[one.name].closeness(trial, run.observations[trial.id]), trial))
        for one in self._invariants:
            self._nearest[one.name] = sorted(self._nearest[one.name], key=lambda pair: pair[0])[:KEPT]

    def _compare_seeds(self, run: Run, trials: Sequence[Trial]) -> None:
        """For ``determinacy``: the same inputs under another hash seed."""
        seeds = self._sandbox.seeds
        if len(seeds) < 2 or all(one.builtin != "determinacy" for one in self._invariants):
            return
        program = self._program
        other = self._sandbox.run(program.text, trials, offset=program.offset, seed=seeds[1])
        ids = [trial.id for trial in trials if run.observations[trial.id].error is None]
        self._found.changing += [one for one in ids if run.canonical(one) != other.canonical(one)]


def settled(
    program: Program,
    invariant: Invariant,
    searched: Searched,
    known: Mapping[str, Trial],
    seen: Mapping[str, Observation],
) -> search.Found:
    """What all that was run says about one invariant."""
    if invariant.builtin == "determinacy" and searched.changing:
        trial = searched.trials[searched.changing[0]]
        return search.Found(len(searched.seen), (trial,), "its answer changes with the hash seed")
    return search.search(program.spec, invariant, {**known, **searched.trials}, {**seen, **searched.seen})
