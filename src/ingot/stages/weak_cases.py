"""What the cases are worth: the mutation score, as a part of ACCURACY.

Survivors are shown as changes of the code alone: whether a held-out case killed a mutant is in the count, never its
input or its answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from ingot.errors import StageError
from ingot.program import Program
from ingot.proof.mutants import MOST, Mutant, mutants
from ingot.proof.mutation import Equivalent, IsRight, MutationScore, mutation_score
from ingot.runtime.sandbox import Sandbox, Trial
from ingot.spec import Case
from ingot.stages.inputs import boundary_trials, case_trial, generated_trials
from ingot.verdict import Finding, Rule

WEAK_CASES = "ACC006"
RULE = Rule(
    WEAK_CASES, "weak-cases", "accuracy",
    "Where the rule can be changed and every case still passes, the cases say nothing about that part of it: a wrong "
    "rule would have passed as well.",
    "cases {age: 30} and {age: 10} for a rule that says `age < 18`: `age < 17` and `age <= 18` pass too",
    "write cases that a survivor answers differently: the values at its boundary, each condition once alone",
    "warning",
)  # fmt: skip

MOST_SHOWN, LONGEST_SHOWN = 5, 100
LONG, FEWER = 60, 60
"""A candidate of more than LONG lines has FEWER mutants run, taken evenly over its lines: the stage has to stay quick."""

MOST_NEARED, POOL, PLACED, CHANGED = 30, 10, 60, 30
"""So many mutants get inputs near their constants: so many with one value placed, so many with several changed."""


def score_of_cases(
    program: Program,
    right: Iterable[Case],
    is_right: IsRight,
    sandbox: Sandbox,
    equivalent: Equivalent | None = None,
) -> MutationScore | None:
    """The mutation score of the cases that the program answers right; None where it has no mutant or there is no case.

    Mutants that no input tells from the program are put to `equivalent`, by default the solver; those that it cannot
    say anything of are tried on inputs near their own constants. Raises StageError where the sandbox breaks.
    """
    cases = [(case, case_trial(case, program.spec)) for case in right]
    most = MOST if program.logic.count("\n") <= LONG else FEWER
    found = mutants(program, most) if cases else ()
    if not found:
        return None
    trials = (*boundary_trials(program), *generated_trials(program))
    if equivalent is None:
        equivalent = _solver(program, trials, sandbox)
    return mutation_score(
        program, cases, trials, sandbox, is_right=is_right, equivalent=equivalent, found=found,
        nearer=lambda some: inputs_nearer(program, some, trials),
    )  # fmt: skip


def inputs_nearer(program: Program, some: Sequence[Mutant], trials: Sequence[Trial]) -> list[Trial]:
    """Inputs like those that were tried, with the values that these mutants took out, put in or changed the line of."""
    from ingot.proof.search_inputs import Changer, nearest

    values = nearest(program, [(mutant.logic, mutant.line) for mutant in some[:MOST_NEARED]])
    changer = Changer(program, program, values)
    spec = program.spec
    pool = [case_trial(case, spec) for case in spec.given] or list(trials[:POOL])
    return [*changer.placed(pool, PLACED), *changer.changed(pool, CHANGED)]


def _solver(program: Program, trials: Sequence[Trial], sandbox: Sandbox) -> Equivalent:
    """The solver on this program's mutants. It is loaded when the first is put to it."""

    def ask(own: Program, mutant: Mutant) -> Trial | bool | None:
        if not made:
            try:
                from ingot.proof.equivalence import Solver
            except ImportError as error:
                missing = "the solver is not installed, so mutants cannot be proved equivalent"
                raise StageError(missing, hint="pip install 'ingot[compile]'") from error
            made.append(Solver(program, trials, sandbox))
        return made[0](own, mutant)

    made: list[Equivalent] = []
    return ask


def weak_cases(program: Program, scored: MutationScore | None) -> list[Finding]:
    """ACC006 where the score is below the spec's threshold: a warning, or an error where the spec says so."""
    thresholds = program.spec.thresholds
    if scored is None or scored.score is None or scored.score >= thresholds.mutation_score:
        return []
    total = len(scored.killed) + len(scored.survivors)
    shown = [_shown(one.mutant.to_json()) for one in scored.survivors[:MOST_SHOWN]]
    more = f" and {len(scored.survivors) - len(shown)} more" if len(scored.survivors) > len(shown) else ""
    message = (
        f"the cases tell {len(scored.killed)} of {total} changed rules from this one ({scored.score:.2f}, below "
        f"{thresholds.mutation_score:g}); these pass all of them: {'; '.join(shown)}{more}"
    )
    first = scored.survivors[0].mutant
    severity = "error" if thresholds.mutation == "refuse" else RULE.severity
    return [Finding(WEAK_CASES, message, first.line, first.column, first.function, RULE.fix, severity)]


def _shown(survivor: dict[str, Any]) -> str:
    cited = f" ({survivor['clause']})" if survivor["clause"] else ""
    return f"line {survivor['line']}{cited}: `{_cut(survivor['before'])}` as `{_cut(survivor['after'])}`"


def _cut(text: str) -> str:
    text = text.partition("  #")[0]
    return text if len(text) <= LONGEST_SHOWN else text[:LONGEST_SHOWN] + "…"
