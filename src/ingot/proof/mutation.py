"""The mutation score: how many of a program's mutants its cases tell from it.

A mutant is *killed* where it answers a case wrongly that the program answers right, raises, or does not end. One that
no case kills *survived*, unless no input that was tried tells it from the program: that is *no difference found*,
which is no proof, and is counted apart.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from ingot.errors import StageError
from ingot.program import Observation, Program
from ingot.proof.mutants import Mutant, mutants
from ingot.runtime.sandbox import Limits, Sandbox, Trial
from ingot.runtime.tagged import decode, encode
from ingot.spec import Case

IsRight = Callable[[Case, Observation], bool]
Equivalent = Callable[[Program, Mutant], Trial | bool | None]
"""Whether a mutant does the same as the program for every input: True where that is proved, an input on which it does
not (False where it is not to be shown), or None where it cannot say. The input is run before it is believed."""

Nearer = Callable[[Sequence[Mutant]], Sequence[Trial]]
"""Inputs near what some mutants changed."""


@dataclass(frozen=True, slots=True)
class Survivor:
    """A mutant that no case kills, and an input that was not written by a person and tells it from the program; None
    where only a case does, without being answered wrongly."""

    mutant: Mutant
    witness: Trial | None


@dataclass(frozen=True, slots=True)
class MutationScore:
    """What became of every mutant. `alike` are those that no difference was found for on `inputs` inputs, `proved`
    those that were proved to be equivalent."""

    killed: tuple[Mutant, ...]
    survivors: tuple[Survivor, ...]
    alike: tuple[Mutant, ...]
    proved: tuple[Mutant, ...]
    inputs: int

    @property
    def score(self) -> float | None:
        """Killed of those that can be; None where there are none."""
        counted = len(self.killed) + len(self.survivors)
        return round(len(self.killed) / counted, 4) if counted else None

    def to_json(self) -> dict[str, Any]:
        """Plain JSON, the same for the same program and cases."""
        return {
            "score": self.score,
            "killed": len(self.killed),
            "survived": len(self.survivors),
            "equivalent": {
                "no_difference_found": len(self.alike),
                "proved": len(self.proved),
                "inputs": self.inputs,
            },
            "survivors": [survivor.mutant.to_json() for survivor in self.survivors],
        }


def mutation_score(
    program: Program,
    cases: Sequence[tuple[Case, Trial]],
    trials: Sequence[Trial],
    sandbox: Sandbox,
    *,
    is_right: IsRight,
    equivalent: Equivalent | None = None,
    nearer: Nearer | None = None,
    found: Sequence[Mutant] | None = None,
) -> MutationScore:
    """Try the mutants of an accepted program on all its cases, and those left on `trials`.

    `cases` are the cases that the program answers right, as trials. `is_right` scores an observation. `found` are the
    mutants, by default `mutants(program)`. Those that do not differ on `trials` are tried on the inputs that `nearer`
    makes for them, and those that still do not are put to `equivalent`. Raises StageError where the sandbox breaks, the
    program cannot be run, or an input of `equivalent` does not show what it is to show.
    """
    own = mutants(program) if found is None else tuple(found)
    trials = [trial for trial in trials if len(_tagged([trial])) <= _LARGEST_TRIAL]
    on_cases = _tried(program, own, [trial for _, trial in cases], sandbox, first_only=False)
    killed = [_is_killed(differs, cases, is_right) for differs in on_cases]
    left = [number for number, is_killed in enumerate(killed) if not is_killed]
    on_trials = dict(zip(left, _tried(program, [own[n] for n in left], trials, sandbox, first_only=True), strict=True))
    survivors: list[Survivor] = []
    alike: list[Mutant] = []
    for number in left:
        differs = on_trials[number]
        if differs or on_cases[number]:
            survivors.append(Survivor(own[number], _witness(differs, trials)))
        else:
            alike.append(own[number])
    more = [trial for trial in (nearer(alike) if nearer and alike else ()) if len(_tagged([trial])) <= _LARGEST_TRIAL]
    for mutant, differs in zip(tuple(alike), _tried(program, alike, more, sandbox, first_only=True), strict=True):
        if differs:
            alike.remove(mutant)
            survivors.append(Survivor(mutant, _witness(differs, more)))
    told, proved = _asked(program, alike, equivalent, sandbox) if equivalent else ([], [])
    survivors += told
    known = {*proved, *(one.mutant for one in told)}
    alike = [mutant for mutant in alike if mutant not in known]
    survivors.sort(key=lambda one: own.index(one.mutant))
    dead = tuple(mutant for mutant, is_killed in zip(own, killed, strict=True) if is_killed)
    return MutationScore(dead, tuple(survivors), tuple(alike), tuple(proved), len(cases) + len(trials) + len(more))


def differences(
    program: Program, some: Sequence[Mutant], trials: Sequence[Trial], sandbox: Sandbox
) -> list[dict[int, Observation]]:
    """Per mutant the numbers of the trials on which it does otherwise than the program, and what it does there.

    A mutant that cannot be loaded or is lost does otherwise on all of them. Raises StageError as `mutation_score` does.
    """
    found: list[dict[int, Observation]] = []
    for differs in _tried(program, some, trials, sandbox, first_only=False):
        seen = {number: _observation(answer) if error is None else Observation(None, error=error)
                for number, answer, error in differs}  # fmt: skip
        lost = seen.pop(-1, None)
        found.append(seen if lost is None else dict.fromkeys(range(len(trials)), lost))
    return found


# ---- the solver --------------------------------------------------------------------------------------------------

_TOGETHER = 8
"""So many inputs of the solver are run at once, on every mutant that is left."""


def _asked(
    program: Program, some: Sequence[Mutant], equivalent: Equivalent, sandbox: Sandbox
) -> tuple[list[Survivor], list[Mutant]]:
    """Those that `equivalent` has an input for, which is run, and those that it proves. An input that tells another
    mutant as well spares the question about it."""
    told: dict[Mutant, Trial | None] = {}
    proved: list[Mutant] = []
    waiting: dict[Mutant, Trial] = {}
    for number, mutant in enumerate(some):
        if mutant not in told:
            answer = equivalent(program, mutant)
            if isinstance(answer, Trial):
                waiting[mutant] = answer
            elif answer is False:
                told[mutant] = None
            elif answer:
                proved.append(mutant)
        if waiting and (len(waiting) == _TOGETHER or number == len(some) - 1):
            told |= _shown(program, waiting, [one for one in some[number + 1 :] if one not in told], sandbox)
            waiting = {}
    return [Survivor(mutant, trial) for mutant, trial in told.items()], proved


def _shown(
    program: Program, waiting: dict[Mutant, Trial], others: Sequence[Mutant], sandbox: Sandbox
) -> dict[Mutant, Trial | None]:
    """The mutants with an input that was run and tells them. Raises StageError where one's own does not."""
    trials = list(waiting.values())
    found: dict[Mutant, Trial | None] = {}
    tried = [*waiting, *others]
    for number, differs in enumerate(_tried(program, tried, trials, sandbox, first_only=False)):
        mutant = tried[number]
        if number < len(trials) and not any(one[0] in (number, -1) for one in differs):
            raise StageError(
                f"the solver says that a mutant differs on {dict(trials[number].input)!r}, and it does not when it is run",
                hint="this is a fault of Ingot, not of the program; report the program and this input",
            )
        if number < len(trials) or differs:
            found[mutant] = trials[number] if number < len(trials) else _witness(differs, trials)
    return found


# ---- telling apart -----------------------------------------------------------------------------------------------

_Difference = tuple[int, str | None, str | None]
"""Number of the trial, tagged answer, error. A negative number stands for a mutant that was lost or cannot be loaded."""


def _is_killed(differs: Sequence[_Difference], cases: Sequence[tuple[Case, Trial]], is_right: IsRight) -> bool:
    return any(
        number < 0 or error is not None or not is_right(cases[number][0], _observation(answer))
        for number, answer, error in differs
    )


def _observation(answer: str | None) -> Observation:
    try:
        output, review = decode(answer or "null")
        return Observation(output, None if review is None else (str(review[0]), str(review[1])))
    except (ValueError, TypeError, RecursionError):
        return Observation(None, error="TypeError: the program did not return an output and a review")


def _witness(differs: Sequence[_Difference], trials: Sequence[Trial]) -> Trial | None:
    return trials[differs[0][0]] if differs and differs[0][0] >= 0 else None


# ---- running -----------------------------------------------------------------------------------------------------

_LARGEST_TRIAL = 4096
"""Characters of a trial beyond which it is left out: the longest text that a field allows costs as much as a hundred
ordinary ones and tells no more."""

_LONG = 100
"""Characters of a trial, on average, beyond which the answers of the functions that a mutant leaves alone are kept:
below that it is quicker to ask again."""

_LOADING = 10.0
"""CPU seconds for the program itself on all trials; its mutants have less, see `ingot.runtime.variants`."""


def _tried(
    program: Program, some: Sequence[Mutant], trials: Sequence[Trial], sandbox: Sandbox, *, first_only: bool
) -> list[list[_Difference]]:
    """Per mutant where it differs from the program. Half of them run beside the other half."""
    if not some or not trials:
        return [[] for _ in some]
    tagged = _tagged(trials)
    kept = [one.name for one in program.signatures] if len(tagged) > _LONG * len(trials) else []
    text = program.text + _TAIL.format(trials=tagged, first_only=first_only, kept=kept if len(kept) > 1 else [])
    seeds = sandbox.seeds[:2]

    def run(at: int) -> list[list[_Difference]]:
        return list(_answers(text, program.offset, some[at :: len(seeds)], sandbox, seeds[at]))

    with ThreadPoolExecutor(max_workers=len(seeds)) as pool:
        parts = list(pool.map(run, range(len(seeds))))
    return [parts[number % len(seeds)][number // len(seeds)] for number in range(len(some))]


_TAIL = """

from ingot.runtime.variants import variants as _ingot_variants

_ingot_own = transact
transact = _ingot_variants(globals(), {trials}, {first_only}, {kept!r})
"""


def _tagged(trials: Sequence[Trial]) -> str:
    pairs = [[dict(trial.input), {step: dict(values) for step, values in trial.steps.items()}] for trial in trials]
    return repr(encode(pairs))


def _answers(
    text: str, offset: int, some: Sequence[Mutant], sandbox: Sandbox, seed: int
) -> Iterator[list[_Difference]]:
    """Where each differs; a new child goes on after one that was lost with its mutant."""
    limits = Limits(trial_seconds=_LOADING, run_seconds=_LOADING * (len(some) + 1), deaths=len(some) + 1)
    done = 0
    while done < len(some):
        asked = [Trial(str(number), {"statement": some[number].statement}) for number in range(done, len(some))]
        run = sandbox.run(text, asked, offset=offset, seed=seed, limits=limits)
        if run.loading is None or run.loading.error is not None:
            error = run.loading.error if run.loading else "it did not start"
            raise StageError(f"the program could not be run beside its mutants: {error}", hint="check it again")
        before = done
        while done < len(some) and run.lost.get(str(done)) != "not run":
            yield _differences(run.observations[str(done)])
            done += 1
        if done == before:
            raise StageError("the sandbox gave up on the mutants", hint="report the program that did it")


def _differences(observation: Observation) -> list[_Difference]:
    """What a child said of one mutant; one that was lost, filled the memory or says nonsense differs."""
    if observation.error is not None or not isinstance(observation.output, dict):
        return [(-1, None, observation.error or "no answer")]
    return [(int(number), answer, error) for number, answer, error in observation.output["differs"]]
