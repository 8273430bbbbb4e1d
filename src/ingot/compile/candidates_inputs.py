"""Candidates run on the same inputs, and which of them answer alike. In the sandbox alone.

The inputs are the given cases, the boundaries and random values of the declared types that EXECUTION tries too, and what
is one value or two away from a given case. Held-out cases are taken out of the specs before anything is made of them.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ingot.agreement import agree
from ingot.compile.attempts import Attempt
from ingot.errors import StageError
from ingot.fields import Field
from ingot.program import Observation, Program, Signature
from ingot.proof.suggest_cover import key
from ingot.runtime.sandbox import Limits, Run, Sandbox, Trial
from ingot.runtime.tagged import decode
from ingot.spec import Scorer
from ingot.stages.inputs import boundary_trials, case_trial, generated_trials, nearby_trials
from ingot.stages.scorers import score

NEARBY = {1: 500, 2: 300}
"""For so many values changed in a given case, how many such inputs are made for each candidate."""

MOST_CALLS = 1_500
"""Distinct arguments that a function is compared on."""

FURTHER = 800
"""Inputs that a search makes to tell two candidates apart that answer all the others alike."""

LARGEST = 4_096
"""Characters of an input that was made up beyond which it is left out: it takes long and tells people nothing."""

LARGEST_GIVEN = 65_536
"""The same of a given case, whose input is real: on whole documents alone can readers of documents be told apart."""

Answers = tuple[int | None, ...]
"""For each candidate the number of its answer to one input, equal for equal answers; None where it has none."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A program that passed. `number` is that of its line of attempts, `attempt` the one that passed."""

    number: int
    attempt: Attempt
    program: Program


@dataclass(frozen=True, slots=True)
class Seen:
    """What candidates did on the same inputs: `runs` are in their order."""

    trials: tuple[Trial, ...]
    runs: tuple[Run, ...]
    answers: tuple[Answers, ...]

    @property
    def agreeing(self) -> int:
        """The inputs to which all candidates gave one answer."""
        return sum(is_unanimous(one) for one in self.answers)


def is_unanimous(answers: Answers) -> bool:
    """True where every candidate gave the same answer."""
    return agree(answers_to_votes(answers)).votes == len(answers)


def answers_to_votes(answers: Answers) -> list[str | None]:
    """The answers as values to agree on: none is no vote."""
    return [None if one is None else f"answer {one}" for one in answers]


def shared_inputs(programs: Sequence[Program]) -> tuple[Trial, ...]:
    """Inputs made for any of the programs, each once, given cases first. Nothing of a held-out case is in them."""
    open_ = _without_held_out(programs)
    spec = open_[0].spec
    given = ((key(trial), trial) for trial in (case_trial(case, spec) for case in spec.given))
    found = {text: trial for text, trial in given if len(text) <= LARGEST_GIVEN}
    for trial in itertools.chain(
        itertools.chain.from_iterable(boundary_trials(one) for one in open_),
        generated_trials(open_[0]),
        itertools.chain.from_iterable(nearby_trials(one, *how) for one in open_ for how in NEARBY.items()),
    ):
        if len(text := key(trial)) <= LARGEST:
            found.setdefault(text, trial)
    return tuple(replace(trial, id=f"shared-{number}") for number, trial in enumerate(found.values(), start=1))


def seen_of(candidates: Sequence[Candidate], trials: Sequence[Trial], sandbox: Sandbox, *, cover: bool = False) -> Seen:
    """Every candidate on every trial, with the calls of its functions, or with the lines that ran where `cover` is
    asked for. Raises StageError where the sandbox breaks."""
    names = () if cover else tuple(one.name for one in candidates[0].program.signatures)
    runs = tuple(_run(one.program, trials, sandbox, cover, names) for one in candidates)
    spec = candidates[0].program.spec
    answers = tuple(
        numbered([run.observations[trial.id] for run in runs], spec.outputs, spec.scorers) for trial in trials
    )
    return Seen(tuple(trials), runs, answers)


def _run(
    program: Program, trials: Sequence[Trial], sandbox: Sandbox, cover: bool = False, names: Sequence[str] = ()
) -> Run:
    run = sandbox.run(
        program.text, trials, offset=program.offset, seed=sandbox.seeds[0], cover=cover,
        functions=names, last_line=program.offset + program.logic.count("\n") + 1, limits=Limits(run_seconds=60.0),
    )  # fmt: skip
    if run.loading is not None and run.loading.error is not None:  # it was loaded when it passed
        raise StageError(f"a candidate that passed cannot be loaded: {run.loading.error}", hint="compile it again")
    return run


def support(program: Program, seen: Seen, sandbox: Sandbox) -> int:
    """How often a candidate gives the answer of this program, counted over all candidates and inputs that were seen."""
    spec, run = program.spec, _run(program, seen.trials, sandbox)
    total = 0
    for trial in seen.trials:
        every = [run.observations[trial.id], *(other.observations[trial.id] for other in seen.runs)]
        own, *others = numbered(every, spec.outputs, spec.scorers)
        total += 0 if own is None else others.count(own)
    return total


@dataclass(frozen=True, slots=True)
class Pairs:
    """Candidates with different code that answered every input alike, two by two: how many were `proved` the same for
    every input that the fields allow, for how many the search found no difference (`alike`), and an input for each of the
    others (`witnesses`)."""

    proved: int = 0
    alike: int = 0
    witnesses: tuple[Trial, ...] = ()


def pairs_of(candidates: Sequence[Candidate], seen: Seen, sandbox: Sandbox) -> Pairs:
    """Ask the solver, then a search, about candidates that the inputs do not tell apart. Raises StageError."""
    from ingot.proof.apart import tell_apart

    proved = alike = 0
    witnesses: list[Trial] = []
    for one, other in _unlike(candidates, seen):
        first, second = _without_held_out([one.program, other.program])
        apart = tell_apart(first, second, sandbox, trials=seen.trials, effort=FURTHER)
        proved, alike = proved + (apart.verdict == "same"), alike + (apart.verdict == "none found")
        if apart.trial is not None:
            witnesses.append(replace(apart.trial, id=f"apart-{len(witnesses) + 1}"))
    return Pairs(proved, alike, tuple(witnesses))


def _unlike(candidates: Sequence[Candidate], seen: Seen) -> Iterator[tuple[Candidate, Candidate]]:
    """Each candidate with the first one that answers as it does, where their code is not the same."""
    first: dict[tuple[int | None, ...], list[Candidate]] = {}
    for number, one in enumerate(candidates):
        own = tuple(None if answers[number] is None else answers.index(answers[number]) for answers in seen.answers)
        known = first.setdefault(own, [])
        if known and all(one.program.logic != other.program.logic for other in known):
            yield known[0], one
        known.append(one)


def _without_held_out(programs: Sequence[Program]) -> list[Program]:
    return [replace(one, spec=one.spec.model_copy(update={"cases": one.spec.given})) for one in programs]


# ---- equal answers -----------------------------------------------------------------------------------------------


def numbered(seen: Sequence[Observation], fields: Sequence[Field], scorers: Mapping[str, Scorer]) -> Answers:
    """The answers to one input, numbered so that equal ones have one number. An exception is no answer."""
    kinds: list[Observation] = []
    found: list[int | None] = []
    for one in seen:
        if one.error is not None:
            found.append(None)
            continue
        number = next((n for n, kind in enumerate(kinds) if is_same(one, kind, fields, scorers)), len(kinds))
        if number == len(kinds):
            kinds.append(one)
        found.append(number)
    return tuple(found)


def is_same(one: Observation, other: Observation, fields: Sequence[Field], scorers: Mapping[str, Scorer]) -> bool:
    """Whether two runs come to the same: the same step sends both to a person or none does, and every output is equal by
    its scorer."""
    if (one.review and one.review[0]) != (other.review and other.review[0]):
        return False
    if one.output is None or other.output is None:
        return one.output is other.output
    return not differing(one.output, other.output, fields, scorers)


def differing(
    one: Mapping[str, Any], other: Mapping[str, Any], fields: Sequence[Field], scorers: Mapping[str, Scorer]
) -> tuple[str, ...]:
    """The names of the outputs that are not equal by their scorers."""
    return tuple(
        field.name for field in fields if score(field, one.get(field.name), other.get(field.name), scorers) < 1.0
    )


# ---- one function ------------------------------------------------------------------------------------------------


def seen_of_function(
    candidates: Sequence[Candidate], signature: Signature, runs: Sequence[Run], sandbox: Sandbox
) -> Seen:
    """One function of every candidate, called with the arguments that it had in any of the `runs` of the whole programs.

    So a function is judged by itself: what another function of its candidate made wrong counts against that one.
    """
    texts = dict.fromkeys(call.arguments for run in runs for call in run.calls if call.function == signature.name)
    some = [text for text in texts if len(text) <= LARGEST_GIVEN][:MOST_CALLS]
    trials = [Trial(f"call-{number}", {"arguments": decode(text)}) for number, text in enumerate(some, start=1)]
    probes = [_probe(one.program, signature) for one in candidates]
    found = tuple(_run(probe, trials, sandbox) for probe in probes)
    scorers = candidates[0].program.spec.scorers
    fields = signature.outputs
    answers = tuple(
        numbered([_as_outputs(run.observations[trial.id], fields) for run in found], fields, scorers)
        for trial in trials
    )
    return Seen(tuple(trials), found, answers)


def _probe(program: Program, signature: Signature) -> Program:
    """The candidate with nothing around it but a call of one function."""
    before = program.text.split("\n")[: program.offset]
    call = f'def transact(case):\n    return {{"answer": {signature.name}(*case["arguments"])}}, None\n'
    return replace(program, text="\n".join([*before, program.logic, "", call]))


def _as_outputs(seen: Observation, fields: Sequence[Field]) -> Observation:
    """What a function returned by the names of its outputs: one output is returned bare."""
    if seen.error is not None or seen.output is None:
        return seen
    value = seen.output["answer"]
    if len(fields) > 1 and not isinstance(value, Mapping):
        return replace(seen, output=None, error="TypeError: not an object")
    return replace(seen, output={fields[0].name: value} if len(fields) == 1 else value)


def shares(answers: Iterable[Answers], count: int) -> tuple[float, ...]:
    """How far each of `count` candidates agrees with the others: of all its comparisons with another on one input, the
    share in which both gave the same answer. 0 where there is nothing to compare."""
    totals, inputs = [0] * count, 0
    for one in answers:
        inputs += 1
        for number, own in enumerate(one):
            totals[number] += 0 if own is None else one.count(own) - 1
    comparisons = inputs * (count - 1)
    return tuple(total / comparisons if comparisons else 0.0 for total in totals)
