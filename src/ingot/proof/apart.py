"""Two programs told apart: by the solver where it can say, by a search of inputs where not.

    apart = tell_apart(one, other, sandbox)
    apart.verdict     # "differ" with `trial`, "same" (proved for every input), or "none found" among those tried

Whatever "differ" shows was run: both programs answered the input in the sandbox, and not the same. "same" is said only
of translations that agreed with CPython on a sample of inputs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

from ingot.errors import SpecError, StageError
from ingot.program import Observation, Program
from ingot.runtime.sandbox import Sandbox, Trial

if TYPE_CHECKING:
    from ingot.proof.pair import Answer, Pair

EFFORT = 400
"""Inputs that the search tries beyond those it is given."""

COMPARED = 24
"""On so many of the inputs the translations are compared with CPython."""

BATCH = 80


@dataclass(frozen=True, slots=True)
class Apart:
    """How two programs of the same inputs compare.

    `verdict` is "differ" with the input `trial`, run on both; "same", proved by the solver for every input that the
    fields allow; or "none found" among the `tried` inputs. `how` says who found out. `why` is the reason why the
    solver could not say, "" where it could. `assumed` are unbounded fields with the bounds that the solver took for
    granted. `region` are the lines of the returns where the two part on `trial`, where the solver found it.
    """

    verdict: Literal["differ", "same", "none found"]
    trial: Trial | None
    how: Literal["solver", "search"]
    tried: int
    why: str = ""
    assumed: Mapping[str, str] = field(default_factory=dict)
    region: tuple[int, int] | None = None


def tell_apart(
    one: Program, other: Program, sandbox: Sandbox, *, trials: Sequence[Trial] | None = None, effort: int = EFFORT
) -> Apart:
    """Look for an input on which two programs do not do the same; the same two give the same answer.

    `trials` are inputs to start from, by default made from the fields and the given cases (held-out ones are never
    used). `effort` is the number of inputs that the search makes of them. What only one of the two has among its
    inputs, outputs and steps is not looked at: `pair_fields.structure` names it.

    Raises SpecError where the inputs of the two have other types, StageError where the solver or the sandbox breaks.
    """
    try:
        from ingot.proof.pair_fields import incomparable
        from ingot.proof.search_inputs import starting_points
    except ImportError as error:
        raise StageError("the solver is not installed", hint="pip install 'ingot[compile]'") from error
    problem = incomparable(one.spec, other.spec)
    if problem is not None:
        raise SpecError(f"the two programs cannot be given the same inputs: {problem}", hint="compare specs that agree")
    starts = tuple(trials) if trials is not None else starting_points(one, other)
    answer, assumed = _solved(one, other, sandbox, starts)
    if answer.verdict == "differ" and answer.trial is not None:
        return Apart("differ", answer.trial, "solver", 0, "", assumed, answer.region)
    if answer.verdict == "same" and not assumed:
        return Apart("same", None, "solver", 0)
    if answer.verdict == "same":  # beyond these bounds they may well differ: no proof
        bounds = " and ".join(f"{path} {said}" for path, said in assumed.items())
        within = f"they are the same on inputs with {bounds}, and beyond that nothing is proved"
        return replace(_searched(one, other, sandbox, starts, effort, within), assumed=assumed)
    return _searched(one, other, sandbox, starts, effort, answer.why)


def difference(one: Observation, other: Observation, outputs: Sequence[str]) -> str | None:
    """What two programs did not do alike on an input, as text for people; None where they did the same."""
    for text, mine, theirs in (
        ("raises", one.error is not None, other.error is not None),
        ("goes to a person", one.review is not None, other.review is not None),
        ("has an answer", one.output is not None, other.output is not None),
    ):
        if mine is not theirs:
            return f"only the {'first' if mine else 'second'} {text}"
        if text == "raises" and mine:
            return None
    mine_out, their_out = one.output or {}, other.output or {}
    for name in outputs:
        if mine_out.get(name) != their_out.get(name):
            return f"{name} is {mine_out.get(name)!r} in the first and {their_out.get(name)!r} in the second"
    return None


def replayed(one: Program, other: Program, sandbox: Sandbox, trial: Trial) -> str | None:
    """What the two do not do alike on one input, by running it on both; None where they do the same."""
    mine, theirs = (_run(program, sandbox, [trial]) for program in (one, other))
    return difference(mine[trial.id], theirs[trial.id], shared_outputs(one, other))


def shared_outputs(one: Program, other: Program) -> tuple[str, ...]:
    """The names of the outputs that both have."""
    theirs = {output.name for output in other.spec.outputs}
    return tuple(output.name for output in one.spec.outputs if output.name in theirs)


def confirmed(answer: Answer, one: Program, other: Program, sandbox: Sandbox) -> Answer:
    """The solver's answer, its input run on both. Raises StageError where they do the same on it."""
    if answer.trial is not None and replayed(one, other, sandbox, answer.trial) is None:
        raise StageError(
            f"the solver says that two programs differ on {dict(answer.trial.input)!r}, and they do not when it is run",
            hint="this is a fault of Ingot, not of the programs; report them and this input",
        )
    return answer


# ---- the solver ------------------------------------------------------------------------------------------------------


def _solved(
    one: Program, other: Program, sandbox: Sandbox, starts: Sequence[Trial]
) -> tuple[Answer, Mapping[str, str]]:
    from ingot.proof.pair import Answer, NotExpressible, Pair

    try:
        pair = Pair(one, other)
        answer = confirmed(pair.differ(), one, other, sandbox)
    except NotExpressible as error:
        return Answer("unknown", why=f"the solver has no exact form of {error}"), {}
    if answer.verdict == "same" and not pair.assumed:
        _check(pair, sandbox, starts)
    return answer, pair.assumed


def _check(pair: Pair, sandbox: Sandbox, starts: Sequence[Trial]) -> None:
    """Raise StageError where a translation says otherwise than CPython does, or where "same" is seen to be wrong."""
    from ingot.proof.translate import check_agreement

    step = max(1, -(-len(starts) // COMPARED))
    some = {f"s{number}": replace(trial, id=f"s{number}") for number, trial in enumerate(starts[::step])}
    one, other = pair.one.program, pair.other.program
    mine, theirs = (_run(program, sandbox, list(some.values())) for program in (one, other))
    check_agreement(pair.one, some, mine)
    check_agreement(pair.other, some, theirs)


# ---- the search ------------------------------------------------------------------------------------------------------


def _searched(one: Program, other: Program, sandbox: Sandbox, starts: Sequence[Trial], effort: int, why: str) -> Apart:
    """Run both on the starting points, then on changes of those that took a new way through one of them."""
    from ingot.proof.search_inputs import Changer

    outputs = shared_outputs(one, other)
    changer = Changer(one, other)
    pool: list[Trial] = []
    ways: set[Any] = set()
    batch, tried = _numbered(starts, 0), 0
    last = len(batch) + effort
    while batch:
        mine, ways_one = _covered(one, sandbox, batch)
        theirs, ways_other = _covered(other, sandbox, batch)
        for trial in batch:
            tried += 1
            if difference(mine[trial.id], theirs[trial.id], outputs) is not None:
                return Apart("differ", trial, "search", tried, why)
            way = (ways_one.get(trial.id), ways_other.get(trial.id))
            if way not in ways:
                ways.add(way)
                pool.append(trial)
        batch = _numbered(changer.changed(pool, min(BATCH, last - tried)), tried)
    return Apart("none found", None, "search", tried, why)


def _numbered(trials: Sequence[Trial], before: int) -> list[Trial]:
    return [replace(trial, id=f"search-{before + number}") for number, trial in enumerate(trials, start=1)]


def _run(program: Program, sandbox: Sandbox, trials: Sequence[Trial]) -> Mapping[str, Observation]:
    run = sandbox.run(program.text, trials, offset=program.offset, seed=sandbox.seeds[0])
    return _whole(run.observations)


def _covered(
    program: Program, sandbox: Sandbox, trials: Sequence[Trial]
) -> tuple[Mapping[str, Observation], Mapping[str, frozenset[int]]]:
    """What a program did on each trial, and the branches that it took."""
    last = program.offset + program.logic.count("\n")
    seed = sandbox.seeds[0]
    run = sandbox.run(program.text, trials, offset=program.offset, seed=seed, cover=True, last_line=last)
    return _whole(run.observations), run.taken


def _whole(seen: Mapping[str, Observation]) -> Mapping[str, Observation]:
    """The observations, none of them of a trial that was not run. Raises StageError."""
    unrun = next((one.error for one in seen.values() if (one.error or "").startswith("NotRun")), None)
    if unrun is not None:
        raise StageError(f"a program was given up while it was compared: {unrun}", hint="check it alone first")
    return seen
