"""The wrong-rule experiment: how many wrong programs would be deployed without a word.

A program that is taken to be right is changed in one place, as if a model had written it so. What becomes of that wrong
program is asked of four policies:

- **published gate**: three cases, spread over those of the next policy, judged leniently: it passes where at least two
  of the three answers are right. No mutation, no invariants, no coverage. (The published pipeline lets a model judge the
  answers of three runs, and that judge accepts wrong values; two of three is kinder than what was measured of it.)
- **branch tests**: a test file with as many cases as the right program has branches that an input was found for, one
  drawn for each, answered rightly; all must pass.
- **ingot**: the four stages with the same cases. *Silent* means that an artifact is made and that there is no finding
  but those, word for word, that the right program gets with the same cases. *Warned* means that an artifact is made
  with such a finding; it *names the place* where it names the changed line. With ``thresholds.mutation: refuse`` a
  warning of weak cases is a refusal.
- **suggested**: Ingot with one round of suggested cases. They are made from the wrong program, which is all that
  Ingot sees; the right program answers them, as the person would; then the four stages again.

Only programs that do something else than the right one count. One that the solver proves to be the same, or that no
search tells from it, is counted apart; so is one whose difference stays within the tolerance that the spec allows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from ingot.errors import StageError
from ingot.evals.right_programs import Right, answered, branch_cases, is_right, with_cases
from ingot.program import Program
from ingot.proof.mutants import Mutant, mutants, mutated
from ingot.proof.mutation import differences
from ingot.runtime.sandbox import Limits, Sandbox, Trial
from ingot.spec import Case
from ingot.stages.check import all_passed, run_stages
from ingot.stages.inputs import boundary_trials, case_trial, generated_trials
from ingot.stages.weak_cases import WEAK_CASES
from ingot.verdict import Finding

Fate = Literal["refused", "named", "warned", "silent"]
"""Of a wrong program: not made; made with a finding that names the changed line, or another; made without one."""
Kind = Literal["wrong", "proved the same", "no difference found", "within tolerance"]
POLICIES = ("published gate", "branch tests", "ingot", "ingot, refusing", "suggested", "suggested, refusing")

Suggest = Callable[[Program, Sandbox], Sequence[Trial]]
"""The inputs that Ingot asks a person to answer."""


@dataclass(frozen=True, slots=True)
class Injected:
    """One wrong program: its change, whether it is `wrong` at all and `how` that is known, and its fate under each policy
    that it was put to."""

    mutant: Mutant
    kind: Kind
    how: str
    fates: dict[str, Fate]
    asked: int = 0

    def to_json(self) -> dict[str, Any]:
        """Plain JSON."""
        change = self.mutant.to_json()
        return {**change, "kind": self.kind, "how": self.how, "fates": self.fates, "asked": self.asked}


@dataclass(frozen=True, slots=True)
class Experiment:
    """All wrong programs of one right one. `cases` is the number of branch cases, `skipped` why there are none."""

    name: str
    cases: int
    injected: tuple[Injected, ...]

    def of_kind(self, kind: Kind) -> list[Injected]:
        """Those of a kind."""
        return [one for one in self.injected if one.kind == kind]

    def count(self, policy: str, *fates: Fate) -> int:
        """Wrong programs that have one of these fates under a policy."""
        return sum(one.fates[policy] in fates for one in self.of_kind("wrong"))

    def to_json(self) -> dict[str, Any]:
        """Counts per policy and fate, and every wrong program that was made at the end."""
        every: tuple[Fate, ...] = ("refused", "named", "warned", "silent")
        return {
            "program": self.name,
            "cases": self.cases,
            "mutants": len(self.injected),
            "kinds": {kind: len(self.of_kind(kind)) for kind in _KINDS},
            "policies": {policy: {fate: self.count(policy, fate) for fate in every} for policy in POLICIES},
            "made_at_the_end": [one.to_json() for one in self.of_kind("wrong") if one.fates["suggested"] != "refused"],
        }


_KINDS: tuple[Kind, ...] = ("wrong", "proved the same", "no difference found", "within tolerance")


def experiment(right: Right, sandbox: Sandbox, suggest: Suggest, most: int) -> Experiment:
    """Inject at most `most` mutants into a right program. Raises StageError where the sandbox breaks."""
    cases = branch_cases(right.program, sandbox)
    program = with_cases(right.program, cases)
    found = mutants(program, most)
    told = differences(program, found, [case_trial(case, program.spec) for case in cases], sandbox)
    bench = _Bench(program, cases, sandbox, suggest)
    return Experiment(
        right.name, len(cases), tuple(bench.put(one, seen) for one, seen in zip(found, told, strict=True))
    )


class _Bench:
    """One right program with its cases, and what a wrong one is held against."""

    def __init__(self, program: Program, cases: Sequence[Case], sandbox: Sandbox, suggest: Suggest) -> None:
        self.program, self.cases, self.sandbox, self.suggest = program, cases, sandbox, suggest
        self.three = {0, len(cases) // 2, len(cases) - 1}
        self.usual = self._usual()

    def put(self, mutant: Mutant, seen: dict[int, Any]) -> Injected:
        """The fate of one wrong program. `seen` is what it does otherwise on the cases, by number."""
        spec = self.program.spec
        failed = {n for n, one in seen.items() if one.error is not None or not is_right(spec, self.cases[n], one)}
        lenient: Fate = "refused" if 2 * len(failed & self.three) >= len(self.three) else "silent"
        if failed:
            fates = dict.fromkeys(POLICIES, "refused") | {"published gate": lenient}
            return Injected(mutant, "wrong", "a case", fates)  # type: ignore[arg-type]
        kind, how = self._kind(mutant)
        if kind != "wrong":
            return Injected(mutant, kind, how, {})
        fates = {"published gate": lenient, "branch tests": "silent"}
        wrong = mutated(self.program, mutant)
        found = self._findings(wrong)
        fates["ingot"], fates["ingot, refusing"] = self._fate(found, mutant), self._fate(found, mutant, refuse=True)
        fates["suggested"], fates["suggested, refusing"], asked = self._after_suggestions(wrong, mutant, fates)
        return Injected(mutant, "wrong", how, fates, asked)  # type: ignore[arg-type]

    def _after_suggestions(self, wrong: Program, mutant: Mutant, fates: dict[str, Any]) -> tuple[Fate, Fate, int]:
        """The fate after one round, warned of weak cases or refused for them, and how many inputs were asked."""
        if fates["ingot"] == "refused":
            return "refused", "refused", 0
        asked = self.suggest(wrong, self.sandbox)
        right, mine = (_run(one, asked, self.sandbox) for one in (self.program, wrong))
        more = tuple(answered(self.program, one, right[one.id], f"asked-{n}") for n, one in enumerate(asked))
        if any(not is_right(wrong.spec, case, mine[one.id]) for case, one in zip(more, asked, strict=True)):
            return "refused", "refused", len(asked)
        found = self._findings(with_cases(wrong, (*self.cases, *more)))
        return self._fate(found, mutant), self._fate(found, mutant, refuse=True), len(asked)

    # ---- whether it is wrong --------------------------------------------------------------------------------------

    def _kind(self, mutant: Mutant) -> tuple[Kind, str]:
        from ingot.proof.apart import tell_apart

        apart = tell_apart(self.program, mutated(self.program, mutant), self.sandbox)
        if apart.verdict == "same":
            return "proved the same", apart.how
        if apart.verdict == "none found":
            return "no difference found", f"{apart.tried} inputs; {apart.why}"
        tried = (*boundary_trials(self.program), *generated_trials(self.program))
        tried = (*tried, replace(apart.trial, id="apart")) if apart.trial is not None else tried
        return ("wrong", apart.how) if self._is_beyond(mutant, tried) else ("within tolerance", apart.how)

    def _is_beyond(self, mutant: Mutant, trials: Sequence[Trial]) -> bool:
        """Whether some input shows a difference that the spec's scorers do not allow."""
        right = _run(self.program, trials, self.sandbox)
        ended = [one for one in trials if right[one.id].error is None]
        (seen,) = differences(self.program, [mutant], ended, self.sandbox)
        spec = self.program.spec
        return any(
            one.error is not None or not is_right(spec, answered(self.program, ended[n], right[ended[n].id], "a"), one)
            for n, one in seen.items()
        )

    # ---- the gates ------------------------------------------------------------------------------------------------

    def _findings(self, program: Program) -> tuple[Finding, ...] | None:
        """What the four stages find of a program that they let through; None of one that they refuse.

        A stage that cannot run raises StageError and ends the bench: it is no refusal, and is not to be counted as one.
        """
        verdicts = run_stages(program)
        if not all_passed(verdicts):
            return None
        return tuple(finding for verdict in verdicts for finding in verdict.findings)

    def _usual(self) -> frozenset[tuple[str, str]]:
        found = self._findings(self.program)
        if found is None:
            raise StageError("the program that is to be right does not pass the stages with its branch cases")
        return frozenset((one.code, one.message) for one in found)

    def _fate(self, found: tuple[Finding, ...] | None, mutant: Mutant, *, refuse: bool = False) -> Fate:
        if found is None:
            return "refused"
        own = [one for one in found if (one.code, one.message) not in self.usual]
        if refuse and any(one.code == WEAK_CASES for one in found):
            return "refused"
        if not own:
            return "silent"
        named = any(one.line == mutant.line or f"line {mutant.line}" in one.message for one in own)
        return "named" if named else "warned"


def suggested_trials(program: Program, sandbox: Sandbox) -> tuple[Trial, ...]:
    """What `ingot cases suggest` asks about a program."""
    from ingot.stages.suggested import suggest_cases
    from ingot.stages.suggested_named import named_beside

    found = [one.trial for one in suggest_cases(program, sandbox=sandbox).suggestions]
    found += [one.trial for one in named_beside(program, found, sandbox)]
    return tuple(replace(trial, id=f"asked-{number}") for number, trial in enumerate(found))


def _run(program: Program, trials: Sequence[Trial], sandbox: Sandbox) -> Any:
    """What a program does on trials; several deaths are allowed, since a wrong program may die of each."""
    limits = Limits(run_seconds=60.0, deaths=len(trials) + 1)
    return sandbox.run(program.text, trials, offset=program.offset, seed=sandbox.seeds[0], limits=limits).observations


# ---- for people --------------------------------------------------------------------------------------------------


def table(found: Sequence[Experiment]) -> str:
    """Counts of wrong programs that are made, silently or with a warning, per policy."""
    head = f"{'program':<46}{'cases':>6}{'wrong':>7}{'same':>6}{'alike':>7}" + "".join(f"{one:>22}" for one in POLICIES)
    lines = [head]
    for one in found:
        same, alike = len(one.of_kind("proved the same")), len(one.of_kind("no difference found"))
        alike += len(one.of_kind("within tolerance"))
        lines.append(_row(one.name, one.cases, len(one.of_kind("wrong")), same, alike, [one]))
    if len(found) > 1:
        every = [one for each in found for one in each.injected]
        kinds = {kind: sum(one.kind == kind for one in every) for kind in _KINDS}
        alike = kinds["no difference found"] + kinds["within tolerance"]
        cases = sum(one.cases for one in found)
        lines.append(_row("together", cases, kinds["wrong"], kinds["proved the same"], alike, found))
    lines += [
        "",
        "per policy: wrong programs deployed silently (+ with a warning that names the place, + another warning)",
    ]
    return "\n".join(lines)


def _row(name: str, cases: int, wrong: int, same: int, alike: int, found: Sequence[Experiment]) -> str:
    cells = []
    for policy in POLICIES:
        silent, named, warned = (
            sum(one.count(policy, fate) for one in found) for fate in ("silent", "named", "warned")
        )
        cells.append(f"{silent} (+{named} +{warned})")
    return f"{name[:44]:<46}{cases:>6}{wrong:>7}{same:>6}{alike:>7}" + "".join(f"{cell:>22}" for cell in cells)


def survivors(found: Sequence[Experiment]) -> Iterator[str]:
    """Every wrong program that is made after suggested cases, as a change."""
    for one in found:
        for injected in one.of_kind("wrong"):
            fate = injected.fates["suggested"]
            if fate != "refused":
                yield f"{one.name}: {fate} after {injected.asked} suggested cases: {injected.mutant}"
