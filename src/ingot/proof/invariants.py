"""What must hold for every input: proved by the solver where it can be, searched for counter-examples where not.

A verdict says which. *proved* is a statement about every input that the fields allow (within the bounds in `assumes`,
where the spec leaves numbers unbounded). *no counter-example found* is a statement about the inputs that were tried.
The solver's effort is counted in its own steps, not in seconds, so that the same program gets the same verdicts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from ingot.errors import SpecError, StageError
from ingot.program import Observation, Program
from ingot.proof import search
from ingot.proof.guided import Searched, settled
from ingot.runtime.sandbox import Trial
from ingot.spec import Invariant, Spec

Status = Literal["proved", "checked", "counter-example", "no counter-example found", "not expressible", "time-out"]
Runner = Callable[[Sequence[Trial]], Mapping[str, Observation]]
"""Runs trials in the sandbox; what was observed, by trial id."""
Further = Callable[[Sequence[Invariant]], Searched]
"""Searches deeper where the solver gave no answer."""

_NO_SOLVER = "the solver is not installed, so no invariant can be checked"
COMPARED = 80
"""On so many of the trials the translation is compared with CPython."""


@dataclass(frozen=True, slots=True)
class InvariantVerdict:
    """What is known about one invariant.

    `tried` is the number of inputs (for ``monotone``: pairs) that were searched, `coverage` the part of the program's
    branches that they took, where it was measured; `why` says why there is no proof, or
    what the counter-example does; `example` is the counter-example; `assumes` the bounds that a proof takes for
    granted, by field.
    """

    name: str
    status: Status
    tried: int = 0
    why: str = ""
    example: tuple[Trial, ...] = ()
    assumes: Mapping[str, str] = field(default_factory=dict)
    coverage: float | None = None

    def to_json(self) -> dict[str, Any]:
        """Plain JSON without the example, which may be a person's."""
        effort: dict[str, Any] = {"inputs": self.tried}
        if self.coverage is not None:
            effort["branch_coverage"] = round(self.coverage, 3)
        pairs = (("name", self.name), ("status", self.status), ("effort", effort if self.tried else None),
                 ("why", self.why or None), ("assumes", dict(self.assumes) or None))  # fmt: skip
        return {key: value for key, value in pairs if value is not None}


def check_invariants(
    program: Program, trials: Sequence[Trial], run: Runner, further: Further | None = None
) -> tuple[InvariantVerdict, ...]:
    """A verdict for each invariant of the program's spec, in their order.

    `trials` are inputs to search and to compare the translation with CPython on; none of them may be a held-out case.
    `further` searches deeper for the invariants that the solver gave no answer to.
    Raises SpecError where the invariants contradict each other, and StageError where the solver is missing, the
    sandbox breaks or the translation disagrees with CPython.
    """
    spec = program.spec
    if not spec.invariants:
        return ()
    try:
        from ingot.proof import translate
        from ingot.proof.z3_claims import Prover
    except ImportError as error:
        raise StageError(_NO_SOLVER, hint="pip install 'ingot[compile]'") from error
    check_contradictions(spec)
    seen = run(trials)
    by_id = {trial.id: trial for trial in trials}
    refused: translate.NotExpressible | None = None
    prover: Prover | None = None
    try:
        translation = translate.translate(program)
        step = max(1, -(-len(trials) // COMPARED))
        translate.check_agreement(translation, {trial.id: trial for trial in trials[::step]}, seen)
        prover = Prover(translation, run)
    except translate.NotExpressible as error:
        refused = error
    verdicts: list[InvariantVerdict] = []
    for invariant in spec.invariants:
        if invariant.builtin == "unit_consistency":
            verdicts.append(_units(program, invariant))
            continue
        found = search.search(spec, invariant, by_id, seen)
        verdicts.append(_verdict(program, invariant, found, prover, refused))
    return tuple(verdicts) if further is None else _deeper(program, verdicts, by_id, seen, further)


def _deeper(
    program: Program,
    verdicts: Sequence[InvariantVerdict],
    trials: Mapping[str, Trial],
    seen: Mapping[str, Observation],
    further: Further,
) -> tuple[InvariantVerdict, ...]:
    """The verdicts, those without an answer after a deeper search for counter-examples."""
    unanswered = ("not expressible", "time-out", "no counter-example found")
    left = [
        one
        for one, verdict in zip(program.spec.invariants, verdicts, strict=True)
        if verdict.status in unanswered
        and one.builtin not in ("null_never_false", "unit_consistency")  # which no run shows
    ]
    if not left:
        return tuple(verdicts)
    searched = further(left)
    return tuple(
        _searched(verdict, settled(program, one, searched, trials, seen), searched.coverage) if one in left else verdict
        for one, verdict in zip(program.spec.invariants, verdicts, strict=True)
    )


def _searched(verdict: InvariantVerdict, found: search.Found, coverage: float) -> InvariantVerdict:
    if found.example:
        return InvariantVerdict(verdict.name, "counter-example", found.tried, found.why, found.example)
    if found.witnessed:
        return InvariantVerdict(verdict.name, "proved", found.tried, "every value was seen", coverage=coverage)
    if not found.tried:
        return verdict
    status: Status = "time-out" if verdict.status == "time-out" else "no counter-example found"
    return replace(verdict, status=status, tried=found.tried, coverage=coverage)


def _verdict(
    program: Program, invariant: Invariant, found: search.Found, prover: Any, refused: Exception | None
) -> InvariantVerdict:
    """The search's counter-example if it has one, then the solver's answer, then what the search amounts to."""
    from ingot.proof.translate import NotExpressible

    name, tried = invariant.name, found.tried
    if found.example:
        return InvariantVerdict(name, "counter-example", tried, found.why, found.example)
    if prover is None:
        return _unproved(invariant, found, str(refused))
    try:
        answer = prover.answer(invariant)
    except NotExpressible as error:
        return _unproved(invariant, found, str(error))
    assumes = prover.translation.assumed if answer.status == "proved" else {}
    return InvariantVerdict(name, answer.status, tried, answer.why, answer.example, assumes)


def _units(program: Program, invariant: Invariant) -> InvariantVerdict:
    """An analysis of the code, which is never called a proof."""
    from ingot.proof.translate import NotExpressible
    from ingot.proof.units import mixtures

    try:
        found = mixtures(program)
    except NotExpressible as error:
        return InvariantVerdict(invariant.name, "not expressible", why=f"no unit is known of {error}")
    if found:
        return InvariantVerdict(invariant.name, "counter-example", why="; ".join(map(str, found)))
    return InvariantVerdict(
        invariant.name, "checked", why="every operation of the code keeps to the units of its fields"
    )


def _unproved(invariant: Invariant, found: search.Found, reason: str) -> InvariantVerdict:
    if found.witnessed:
        return InvariantVerdict(invariant.name, "proved", found.tried, "every value was seen")
    why = f"the solver has no exact form of {reason}"
    if found.why:
        why += f"; {found.why}"
    return InvariantVerdict(invariant.name, "not expressible", found.tried, why)


# ---- before any program ------------------------------------------------------------------------------------------


def check_contradictions(spec: Spec) -> None:
    """Raise SpecError at an invariant that no inputs and outputs can fulfil, alone or with those before it.

    Invariants that the solver cannot express are left out. Raises StageError where the solver is not installed.
    """
    stated = [one for one in spec.invariants if one.holds]
    if not stated:
        return
    try:
        from ingot.proof.z3_claims import contradiction
    except ImportError as error:
        raise StageError(_NO_SOLVER, hint="pip install 'ingot[compile]'") from error
    problem = contradiction(spec, stated)
    if problem is not None:
        one, before = problem
        raise SpecError(
            f"invariant {one.name!r} contradicts {before}", place=one.place or None, hint="correct one of them"
        )
