"""Questions about cases: missing, contradictory, repeated. Values of held-out cases never appear in them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from ingot import expressions
from ingot.canonical import equal_bytes
from ingot.errors import SpecError
from ingot.fields import Field, to_plain
from ingot.questions.decisions import Decisions, decisions_of
from ingot.questions.evaluate import Undecided, evaluate
from ingot.questions.question import Question, ask
from ingot.spec import Case, Spec


def case_questions(spec: Spec) -> Iterator[Question]:
    """What the cases leave open or contradict."""
    if not spec.cases:
        text = "there are no cases: nothing says what this workflow should answer for any input"
        yield ask("cases:none", text, "accuracy is not measured, and the verdict says so", place="cases")
        return
    if not spec.held_out:
        text = "all cases may appear in a prompt; none is held out to test what was learned from them"
        yield ask("cases:held_out", text, "accuracy is measured on given cases only", place="cases.held_out")
    if not spec.given:
        text = "all cases are held out: the model sees no example"
        yield ask("cases:given", text, "the prompt has no examples", place="cases.given")
    yield from _unnamed(spec)
    yield from _pairs(spec)
    for step in spec.functions:
        if decisions := decisions_of(step, spec):
            yield from _against(decisions, spec)
    yield from _nulls(spec)


def _unnamed(spec: Spec) -> Iterator[Question]:
    for field in spec.outputs:
        expected = [case.expected[field.name] for case in spec.cases if field.name in case.expected]
        if not expected:
            stated = any(field.name in case.answered for case in spec.cases)
            told = "a value of the output {}, only that it is not null" if stated else "anything of the output {}"
            reading = "that its values are right is not measured" if stated else "its accuracy is not measured"
            yield ask(f"cases:{field.name}", f"no case expects {told.format(field.name)}", reading, place="cases")
            continue
        values: tuple[Any, ...] = (
            field.values if field.type == "enum" else (True, False) if field.type == "boolean" else ()
        )
        for value in values:
            if value not in expected:
                word = str(value).lower() if isinstance(value, bool) else value
                text = f"no case expects {field.name} to be {word}"
                yield ask(f"cases:{field.name}:{word}", text, "that outcome is not tested", place="cases")


def _name(case: Case) -> str:
    return f"{case.id!r} (held out)" if case.held_out else repr(case.id)


# ---- two cases ---------------------------------------------------------------------------------------------------


class Contradiction(SpecError):
    """Two cases that no program can pass both."""


def check_cases(spec: Spec) -> None:
    """Raise Contradiction for two cases that contradict each other where all cases must be right: no model can mend that.

    Outputs with a scorer of their own are left out, since one answer may be near enough to both; so are cases of which a share may be wrong.
    """
    limits = spec.thresholds
    for first, other, differing in _contradictions(spec):
        exactly = [name for name in differing if name not in spec.scorers]
        if exactly and (limits.held_out_accuracy if other.held_out else limits.accuracy) == 1:
            raise Contradiction(
                f"{_contradict(first, other, exactly)}: no program can pass both",
                place=other.place or None,
                hint=f"one of the two is wrong: correct it, or delete it (the other one is at {first.place})",
            )


def _pairs(spec: Spec) -> Iterator[Question]:
    for first, other, differing in _contradictions(spec):
        text = _contradict(first, other, differing)
        yield ask(f"case:{first.id}:{other.id}", text, "no program can pass both", place=other.place)


def _contradictions(spec: Spec) -> Iterator[tuple[Case, Case, list[str]]]:
    """Cases with the same input that expect something else, and of which outputs. (A given one with a held-out one's input is
    no spec.)"""
    seen: dict[bytes, list[Case]] = {}
    for case in spec.cases:
        seen.setdefault(equal_bytes([case.input, case.steps]), []).append(case)
    for first, *others in seen.values():
        for other in others:
            differing = [name for name in first.expected if name in other.expected and _differs(first, other, name)]
            if differing := [*differing, *first.null_in_one(other)]:
                yield first, other, differing


def _contradict(first: Case, other: Case, differing: list[str]) -> str:
    return f"cases {_name(first)} and {_name(other)} have the same input and expect another {', '.join(differing)}"


def _differs(first: Case, other: Case, name: str) -> bool:
    return equal_bytes(first.expected[name]) != equal_bytes(other.expected[name])


# ---- a case against the rule -------------------------------------------------------------------------------------


def _against(decisions: Decisions, spec: Spec) -> Iterator[Question]:
    """Cases that expect something else than the step's own branches or rows say."""
    known = spec.known_fields()
    if decisions.unread or (decisions.step.table and decisions.step.table.hit_policy == "collect"):
        return
    outputs = {field.name for field in spec.outputs}
    for case in spec.cases:
        values = _values(case)
        try:
            holding = decisions.holding(values)
        except Undecided:
            continue
        if not holding:
            continue
        row = holding[0]
        for name, outcome in zip(decisions.outputs, row.outcomes, strict=True):
            if name not in outputs or name not in case.expected:
                continue
            try:
                said = _outcome(outcome, known[name], values, known)
            except Undecided:
                continue
            if said != to_plain(case.expected[name]) and not _equal(said, case.expected[name]):
                rule = row.clause or row.label
                text = f"case {_name(case)} expects another {name} than {rule} leads to ({outcome})"
                reading = "the case and the rule cannot both hold; no program passes the case and follows the rule"
                yield ask(
                    f"case:{case.id}:{name}",
                    text,
                    reading,
                    clause=row.clause,
                    step=decisions.step.step,
                    place=case.place,
                )


def _values(case: Case) -> Mapping[str, Any]:
    """What is known of a run from a case: its input and the outputs of the steps that no function computes."""
    values = dict(case.input)
    for outputs in case.steps.values():
        values |= outputs
    return values


def _outcome(text: str, field: Field, values: Mapping[str, Any], known: Mapping[str, Field]) -> Any:
    """The value that an outcome's text stands for. Raises Undecided where it is prose."""
    if field.type == "enum":
        if text not in field.values:
            raise Undecided(text)
        return text
    if field.type == "boolean" and text.lower() in ("true", "false"):
        return text.lower() == "true"
    if field.type in ("integer", "decimal", "float"):
        if re.fullmatch(r"-?\d+(\.\d+)?", text):
            return Decimal(text)
        try:
            return evaluate(expressions.typed(expressions.to_python(text), known), values)
        except expressions.ExpressionError as error:
            raise Undecided(str(error)) from error
    raise Undecided(text)


def _equal(left: Any, right: Any) -> bool:
    """Numbers by value; anything else must have been equal as plain JSON."""
    if any(isinstance(value, bool) or not isinstance(value, int | float | Decimal) for value in (left, right)):
        return bool(left == right) and type(left) is type(right)
    return Decimal(str(left)) == Decimal(str(right))


def _nulls(spec: Spec) -> Iterator[Question]:
    """Cases that expect an answer where the flow sends a null to a person."""
    for case in spec.cases:
        if case.escalates or not (case.expected or case.answered):
            continue
        values = _values(case)
        for step in spec.functions:
            missing = [name for name in step.inputs if name in values and values[name] is None]
            if missing and step.on_null == "escalate":
                text = f"case {_name(case)} expects an answer, but {', '.join(missing)} is null, which {step.step!r} sends to a person"
                reading = "the run ends with a person and proposes nothing, so the case fails"
                yield ask(f"case:{case.id}:null", text, reading, step=step.step, place=case.place)
                break
