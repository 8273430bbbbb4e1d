"""Which inputs change their outcome between two versions of a workflow.

Two outcomes are the same where both runs end alike (completed, with a person, in an exception, refused) and every output
that both versions have is of the same value: 30.0 is 30.00, and the words of a reason do not count.

The solver is asked first: an input per changed pair of deciding lines, or that no input changes. Then inputs from both
versions are run through both, which counts, and which is all there is where the solver cannot say; then it is said how
many were tried, never that the two are the same. An input of the solver is run before it is shown.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

from ingot.canonical import canonical_json, digest
from ingot.errors import StageError
from ingot.fields import to_plain
from ingot.proof.deciding import same_code
from ingot.proof.prompts import PromptChange, changed_prompts
from ingot.proof.structure import Structural, structural
from ingot.proof.tally import Change, Tally, shared_outputs
from ingot.proof.versions import NotGiven, Version
from ingot.runtime.sandbox import Trial

if TYPE_CHECKING:
    from ingot.proof.pair import Pair

SOLVER_STEPS = 20_000_000
"""Steps of the solver, a million of which take about a second or less, after which no further region is asked for. No
clock: the same two versions have the same difference on every machine."""

MOST_REGIONS = 40
_WITHIN = "it looked only at inputs within the bounds that it took"


Verdict = Literal["differ", "same", "none found", "not compared"]


@dataclass(frozen=True, slots=True)
class Difference:
    """What two versions do differently.

    `verdict`: inputs "differ", the outcomes are the "same" for every input, or for every one within the bounds of
    `assumed` (`how`: "same code" or "solver"), "none
    found" among `tried` inputs, or "not compared". `why` says why the solver could not say, `whole` whether it found
    every pair of lines, `assumed` the bounds it took for unbounded fields, `given` the steps whose outputs count as
    inputs, `changed` how many of those tried change, `prompts` what a model is told otherwise.
    """

    structure: tuple[Structural, ...]
    verdict: Verdict
    how: str
    changes: tuple[Change, ...]
    tried: int
    changed: int
    whole: bool
    why: str
    assumed: Mapping[str, str]
    given: tuple[str, ...]
    shared: tuple[str, ...]
    prompts: tuple[PromptChange, ...] = ()

    @property
    def differs(self) -> bool:
        """Whether anything was found that is not the same."""
        return bool(self.structure or self.prompts) or self.verdict in ("differ", "not compared")

    def sentence(self) -> str:
        """The answer in one sentence; "same" is said only of a proof."""
        tried = f"{self.tried:,} inputs"
        match self.verdict:
            case "same" if self.how == "same code":
                return "no input changes its outcome: the code is the same"
            case "same":
                domain = "every input the fields allow"
                if self.assumed:
                    bounds = " and ".join(f"{path} {said}" for path, said in self.assumed.items())
                    domain = f"inputs with {bounds}; beyond that nothing is proved"
                return f"no input changes its outcome: proved by the solver for {domain} ({tried} run)"
            case "none found":
                return f"no difference found on {tried}; the solver cannot say: {self.why}"
            case "not compared":
                return f"the outcomes were not compared: {self.why}"
        pairs = f"{len(self.changes)} pair{'' if len(self.changes) == 1 else 's'} of deciding lines"
        whole = "every one there is, says the solver" if self.whole else "found so far"
        return f"inputs change their outcome: {self.changed:,} of {tried} tried, {pairs} ({whole})"

    def to_json(self) -> dict[str, Any]:
        """Plain JSON. ``prompts`` is there where one differs: digests of differences that were signed stay what they are."""
        return {
            "structure": [one.to_json() for one in self.structure],
            **({"prompts": [one.to_json() for one in self.prompts]} if self.prompts else {}),
            "verdict": self.verdict,
            "how": self.how,
            "tried": self.tried,
            "changed": self.changed,
            "changes": [one.to_json() for one in self.changes],
            "solver": {"whole": self.whole, "why": self.why, "assumed": dict(self.assumed)},
            "given_steps": list(self.given),
            "outputs_compared": list(self.shared),
        }

    def digest(self) -> str:
        """SHA-256 of what is shown."""
        return digest(canonical_json(self.to_json()))


Search = Callable[[], tuple[Trial | None, int]]
"""Looks on: an input that changes its outcome or None, and how many were tried."""


def compare(
    old: Version, new: Version, trials: Iterable[Trial], *, more: Search | None = None, steps: int = SOLVER_STEPS
) -> Difference:
    """What inputs change their outcome from `old` to `new`.

    `trials` are run through both; those that one version does not take are left out. `more` is asked for one input
    where they show none and the solver cannot say. The solver takes about so many `steps`. Raises StageError where the solver says what a run disproves.
    """
    tally = Tally(old, new, shared_outputs(old, new))
    trials = tuple(trials)
    old.foresee(trials)
    new.foresee(trials)
    for trial in trials:
        _tried(tally, trial)
    solved = _solved(old, new, steps)
    if solved.how == "solver" and solved.assumed and tally.changes:  # found beyond the bounds that were taken
        solved = replace(solved, how="")
    if solved.how == "solver":
        _no_contradiction(tally)
    beyond = 0
    if more is not None and tally.shared and not (solved.how or tally.changes or solved.tally.changes):
        seen, beyond = more()
        if seen is not None:
            _tried(tally, seen)
    changes = _merged(tally, solved.tally)
    verdict, why = _verdict(tally, solved, bool(changes), beyond)
    return Difference(
        structural(old.program.spec, new.program.spec),
        verdict,
        solved.how,
        changes,
        tally.runs + beyond,
        tally.changed,
        solved.whole,
        why,
        solved.assumed,
        tuple(dict.fromkeys((*old.given_steps, *new.given_steps))),
        tally.shared,
        changed_prompts(old.prompts, new.prompts),
    )


def _verdict(tally: Tally, solved: _Solved, found: bool, beyond: int) -> tuple[Verdict, str]:
    if found:
        return "differ", solved.why
    if not tally.shared:
        return "not compared", "the versions have no output in common"
    if solved.how:
        return "same", solved.why
    if not tally.runs + beyond:
        return "not compared", f"no input was found that both versions take, and the solver cannot say: {solved.why}"
    return "none found", solved.why


def _merged(tally: Tally, solved: Tally) -> tuple[Change, ...]:
    """Changes that search and solver found, the counts of the one with the plainer inputs of the other."""
    found = dict(tally.changes)
    for key, one in solved.changes.items():
        found[key] = replace(one, count=found[key].count if key in found else 0, proved=True)
    order = sorted(found.items(), key=lambda one: (one[1].new.line or 0, one[1].old.line or 0, one[0]))
    return tuple(change for _, change in order)


def _tried(tally: Tally, trial: Trial) -> None:
    try:
        ended = [version.run(trial.input, trial.steps) for version in (tally.old, tally.new)]
    except NotGiven:
        return
    if all(one.status != "refused" for one in ended):
        tally.take(trial.input, trial.steps)


# ---- the solver --------------------------------------------------------------------------------------------------


@dataclass
class _Solved:
    """What the solver said. `how` is why the two are the same, empty where it does not say so; `tally` holds its inputs,
    each of them run; `whole` says that it found every pair of lines."""

    tally: Tally
    how: str = ""
    why: str = ""
    whole: bool = False
    assumed: Mapping[str, str] = field(default_factory=dict)


def _solved(old: Version, new: Version, steps: int) -> _Solved:
    found = _Solved(Tally(old, new, shared_outputs(old, new)))
    if old.program.template == new.program.template and same_code(old.program, new.program):
        return replace(found, how="same code", whole=True)
    from ingot.proof.pair import NotExpressible, Pair

    try:
        pair = Pair(old.program, new.program)
        found.assumed = pair.assumed
        _asked(pair, found, steps)
    except NotExpressible as error:
        found.why = f"it cannot express {error}"
    return found


def _asked(pair: Pair, found: _Solved, steps: int) -> None:
    number = 0
    for number, answer in enumerate(pair.changes(MOST_REGIONS), start=1):
        if answer.verdict == "unknown" or answer.trial is None:
            found.why = answer.why
            return
        _confirmed(found.tally, answer.trial)
        if pair.spent > steps or number == MOST_REGIONS:
            found.why = f"it was stopped after {number} regions; there may be more"
            return
    found.whole = not found.assumed
    found.why = "" if found.whole else _WITHIN
    found.how = "" if number else "solver"


def _confirmed(tally: Tally, trial: Trial) -> None:
    """Run what the solver found; where a run shows no change the translation is at fault, and nothing is believed."""
    if tally.take(trial.input, trial.steps) is not None:
        return
    if tally.old.run(trial.input, trial.steps).status != "raises":  # both answer what their outputs do not allow
        raise _fault(f"an input changes its outcome, but a run of {to_plain(trial.input)!r} shows no change")


def _no_contradiction(tally: Tally) -> None:
    for one in tally.changes.values():
        if one.witness.old.status == one.witness.new.status == "completed":
            raise _fault(f"no input changes its outcome, but a run of {to_plain(one.witness.input)!r} shows a change")


def _fault(what: str) -> StageError:
    return StageError(
        f"the solver says that {what}",
        hint="this is a fault of Ingot, not of the versions; report both and this input",
    )
