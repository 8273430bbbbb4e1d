"""ACCURACY: does the program answer the cases as a person said it should?

Given and held-out cases are scored field by field and reported apart. Of a held-out failure a finding says that it
happened and in which field, never the input, the expected value or the answer. A candidate that passes has the
mutation score of its cases measured. The spec's invariants are proved, broken or searched; `measures` says which.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from ingot.canonical import canonical_json
from ingot.program import Observation, Program
from ingot.proof.mutation import MutationScore
from ingot.spec import Case, Spec
from ingot.stages.excerpt import shown_input
from ingot.stages.execution import warm_sandbox
from ingot.stages.missed import Missed, missed_patterns
from ingot.stages.scorers import score
from ingot.stages.stage import Observed, Stage
from ingot.stages.stated_invariants import RULE as INVARIANT_BROKEN
from ingot.stages.stated_invariants import stated_invariants
from ingot.stages.weak_cases import RULE as WEAK_CASES
from ingot.stages.weak_cases import score_of_cases, weak_cases
from ingot.verdict import Finding, Rule, Verdict

RULES = (
    Rule(
        "ACC001", "given-case-wrong", "accuracy",
        "A person wrote down what must come of this input, and something else came of it.",
        "case {age: 17} expects PEND, the program answers APPROVE",
        "find where the code leaves the rule on this input; never write the answer of a case into the code",
    ),
    Rule(
        "ACC002", "held-out-case-wrong", "accuracy",
        "The program fits the cases it was shown but not those it was not: it follows examples instead of the rule.",
        "a lookup of the given inputs",
        "follow the clauses; do not test for particular inputs",
    ),
    Rule(
        "ACC003", "no-cases", "accuracy",
        "Without cases nothing is known about the answers; unscored is not correct.",
        "a spec without 'cases:'",
        "write cases, some of them held out",
        "warning",
    ),
    Rule(
        "ACC004", "no-held-out-cases", "accuracy",
        "Cases that the model has seen cannot show that the rule was learnt.",
        "cases: [...] with none held out",
        "mark some cases with 'held_out: true'",
        "warning",
    ),
    Rule(
        "ACC005", "case-not-scored", "accuracy",
        "A case whose run ended in an error has no score, which counts as wrong.",
        "a case whose bounded step has no given output",
        "give the step's outputs under the case's 'steps:'",
    ),
    WEAK_CASES,
    INVARIANT_BROKEN,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class CaseScore:
    """One case's score per expected field; `escalation` is None where the case does not say."""

    case: Case
    fields: Mapping[str, float]
    escalation: bool | None
    error: bool

    @property
    def right(self) -> bool:
        """True where every stated thing is exactly as stated."""
        return not self.error and self.escalation is not False and all(value == 1.0 for value in self.fields.values())


def score_case(spec: Spec, case: Case, seen: Observation | None) -> CaseScore:
    """Score what was observed of a case against what it expects."""
    if seen is None or seen.error is not None:
        return CaseScore(case, dict.fromkeys((*case.expected, *case.answered), 0.0), None, True)
    output = seen.output or {}
    fields = {
        field.name: score(field, output.get(field.name), case.expected[field.name], spec.scorers)
        for field in spec.outputs
        if field.name in case.expected
    }
    fields |= {name: float(output.get(name) is not None) for name in case.answered}
    escalation = None if case.escalates is None else case.escalates is (seen.review is not None)
    if fields and case.escalates is None and seen.review is not None and seen.output is None:
        escalation = False
    return CaseScore(case, fields, escalation, False)


def check_accuracy(program: Program, observed: Observed) -> tuple[Verdict, Observed]:
    """Score all cases of the program's spec on what the EXECUTION stage observed."""
    started = time.perf_counter()
    spec = program.spec
    given = [score_case(spec, case, observed.get(case.id)) for case in spec.given]
    held_out = [score_case(spec, case, observed.get(case.id)) for case in spec.held_out]
    findings = [*_given_findings(program, given, observed), *_held_out_findings(spec, held_out)]
    if not spec.cases:
        findings.append(_finding("ACC003", "the spec has no cases: nothing is known about the answers"))
    elif not spec.held_out:
        findings.append(_finding("ACC004", "no case is held out: the score says nothing about unseen inputs"))
    refused = any(one.severity == "error" for one in findings)
    broken, invariants = stated_invariants(program, None if refused else warm_sandbox())
    findings += broken
    mutation = None if any(one.severity == "error" for one in findings) else _mutation(program, given + held_out)
    findings += weak_cases(program, mutation)
    measures = {
        "given": _summary(given),
        "held_out": _summary(held_out),
        "thresholds": {
            "accuracy": spec.thresholds.accuracy,
            "held_out_accuracy": spec.thresholds.held_out_accuracy,
            "mutation_score": spec.thresholds.mutation_score,
        },
        "invariants": invariants,
        "mutation_score": None if mutation is None else mutation.to_json(),
    }
    return Verdict.of("accuracy", findings, time.perf_counter() - started, measures), observed


def _mutation(program: Program, scores: list[CaseScore]) -> MutationScore | None:
    """What the cases that are answered right are worth; a refused candidate is not worth the time."""
    right = [one.case for one in scores if one.right]
    return score_of_cases(program, right, lambda case, seen: score_case(program.spec, case, seen).right, warm_sandbox())


def _given_findings(program: Program, scores: list[CaseScore], observed: Observed) -> Iterable[Finding]:
    spec = program.spec
    wrong = [one for one in scores if not one.right]
    severe = bool(wrong) and _share(scores) < spec.thresholds.accuracy
    for one in wrong:
        seen = observed.get(one.case.id)
        shown = _input(one, seen) + (f" with steps {_show(one.case.steps)}" if one.case.steps else "")
        if seen is None or seen.error is not None:
            error = "was not run" if seen is None else f"raised {seen.error}"
            yield _finding("ACC005", f"given case {one.case.id!r} {error}; input {shown}", severe, _where(seen))
            continue
        names = [name for name, value in one.fields.items() if value < 1.0]
        blamed = _blame(spec, names)
        missed = _missed(program, blamed, one, seen, names)
        found = _finding("ACC001", _given_message(one, seen, names, shown) + missed.said, severe, blamed)
        yield replace(found, hint=missed.hint or found.hint)


def _input(one: CaseScore, seen: Observation | None) -> str:
    """The case's input, of a long text the part that the wrong fields are about."""
    output = (seen.output if seen else None) or {}
    names = [name for name, value in one.fields.items() if value < 1.0]
    return shown_input(
        one.case.input, (one.case.expected.get(name) for name in names), (output.get(name) for name in names)
    )


def _given_message(one: CaseScore, seen: Observation, names: list[str], shown: str) -> str:
    output = seen.output or {}
    parts = [f"{name} is {_show(output.get(name))}, must be {_expected(one.case, name)}" for name in names]
    if one.escalation is False:
        what = "did not go to a person" if seen.review is None else f"went to a person ({seen.review[1]})"
        parts.append(what)
    return f"given case {one.case.id!r}: {'; '.join(parts)}; input {shown}"


def _missed(program: Program, blamed: str | None, one: CaseScore, seen: Observation, names: list[str]) -> Missed:
    """Where nothing was found: the patterns of the function at fault that are not in the case's texts."""
    output = seen.output or {}
    if blamed is None or all(output.get(name) not in (None, "", []) for name in names):
        return Missed()
    texts = [value for value in one.case.input.values() if isinstance(value, str)]
    return missed_patterns(program, blamed, texts, _texts(one.case.expected.get(name) for name in names))


def _texts(values: Iterable[Any]) -> list[str]:
    """Values as a text has them: those that are written in one way only."""
    return [str(value) for value in values if isinstance(value, (str, int, Decimal)) and not isinstance(value, bool)]


def _expected(case: Case, name: str) -> str:
    return _show(case.expected[name]) if name in case.expected else "a value that is not null"


def _held_out_findings(spec: Spec, scores: list[CaseScore]) -> Iterable[Finding]:
    wrong = [one for one in scores if not one.right]
    severe = bool(wrong) and _share(scores) < spec.thresholds.held_out_accuracy
    counts: Counter[str] = Counter()
    for one in wrong:
        counts.update(name for name, value in one.fields.items() if value < 1.0)
        counts.update(["whether it escalates"] if one.escalation is False else [])
        counts.update(["an error"] if one.error and not one.fields else [])
    for name, count in sorted(counts.items()):
        message = f"{name} is wrong in {count} of {len(scores)} held-out cases"
        yield _finding("ACC002", message, severe, _blame(spec, [name]))


def _finding(code: str, message: str, severe: bool = True, function: str | None = None) -> Finding:
    rule = next(rule for rule in RULES if rule.code == code)
    severity = rule.severity if severe else "warning"
    return Finding(code, message, function=function, hint=rule.fix, severity=severity)


def _where(seen: Observation | None) -> str | None:
    return None if seen is None else seen.function


def _blame(spec: Spec, names: list[str]) -> str | None:
    """The one function that can be at fault for these fields, or None where several can."""
    found = suspects(spec, names)
    return found.pop() if len(found) == 1 else None


def suspects(spec: Spec, names: Iterable[str]) -> set[str]:
    """The functions that can be at fault for these output fields: those that compute them, and what these read."""
    found: set[str] = set()
    wanted = set(names)
    for step in reversed(spec.logic_requirements):
        if wanted & {field.name for field in step.outputs}:
            wanted |= set(step.inputs)
            found |= {step.step} if step.is_function else set()
    return found


def _share(scores: list[CaseScore]) -> float:
    return sum(one.right for one in scores) / len(scores) if scores else 1.0


def _summary(scores: list[CaseScore]) -> dict[str, Any]:
    """Counts and per-field means; None where there is nothing to score, which is not zero."""
    names = sorted({name for one in scores for name in one.fields})
    means = {}
    for name in names:
        values = [one.fields[name] for one in scores if name in one.fields]
        means[name] = round(sum(values) / len(values), 6)
    return {
        "cases": len(scores),
        "right": sum(one.right for one in scores),
        "accuracy": round(_share(scores), 6) if scores else None,
        "fields": means,
    }


def _show(value: Any) -> str:
    text = canonical_json(value).decode()
    return text if len(text) <= 600 else text[:597] + "..."


STAGE = Stage("accuracy", RULES, check_accuracy)
