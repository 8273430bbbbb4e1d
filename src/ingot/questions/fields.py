"""Questions about fields: what null means, units, time zones, what nothing reads, what goes against a person."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from ingot import expressions
from ingot.fields import Field
from ingot.questions.question import Question, ask
from ingot.spec import ADVERSE_COMPLIANCE, Spec, Step, adverse_outputs

_NULL_WORDS = r"null|missing|absent|unknown|blank|empty|none|not (?:given|stated|provided|known|recorded|available|set|supplied)|without"
_MONEY = re.compile(
    r"(^|_)(amount|price|fee|fees|cost|charge|charges|premium|salary|income|wage|payment|balance|deductible|copay|"
    r"subtotal|refund|penalty|tax|fare)(_|$)"
)
_BARE = re.compile(
    r"(^|_)(count|number|num|quantity|qty|score|points|index|ratio|rate|percent|pct|percentage|factor|share|year|years|"
    r"days|day|months|month|weeks|hours|minutes|seconds|rank|level|grade|kg|g|mg|lb|lbs|cm|mm|m|km|miles|usd|eur|gbp|"
    r"cents|items|pieces|probability|confidence)(_|$)"
)


def field_questions(spec: Spec) -> Iterator[Question]:
    """Questions about every field, steps in order."""
    yield from _nulls(spec)
    yield from _adverse(spec)
    yield from _unused(spec)
    for field, path in _all_fields(spec):
        yield from _unit(field, path, spec)
        yield from _zone(field, path)
    yield from _letters(spec)


def step_text(step: Step, spec: Spec) -> str:
    """What a step and the clauses that it cites say."""
    return "\n".join([step.text, *(clause.text for clause in spec.clauses if clause.id in step.clauses)])


def _all_fields(spec: Spec) -> Iterator[tuple[Field, str]]:
    for field in spec.inputs:
        yield field, f"inputs.{field.name}"
    for step in spec.logic_requirements:
        for field in step.outputs:
            yield field, f"{step.step}.outputs.{field.name}"


# ---- null --------------------------------------------------------------------------------------------------------


def _nulls(spec: Spec) -> Iterator[Question]:
    known = {field.name: field for field in spec.inputs}
    reading = {name for step in spec.functions for name in step.inputs}
    for step in spec.logic_requirements:
        if step.is_function:
            for name in step.inputs:
                if known[name].nullable:
                    yield from _nullable(step, known[name], spec)
        elif step.type in ("bounded_invocation", "module"):
            for field in step.outputs:
                if not field.nullable and field.name in reading:
                    yield _unstated(step, field)
        known |= {field.name: field for field in step.outputs}


def _nullable(step: Step, field: Field, spec: Spec) -> Iterator[Question]:
    text = step_text(step, spec)
    name = re.escape(field.name)
    said = re.search(rf"(?i)\b{name}\b.{{0,60}}\b({_NULL_WORDS})\b|\b({_NULL_WORDS})\b.{{0,40}}\b{name}\b", text)
    kind = f"null:{field.name}"
    if step.on_null == "escalate" and said:
        yield ask(
            kind,
            f"{step.step!r} says what a missing {field.name} means, but its on_null is 'escalate', so it is never asked",
            "a person decides; write 'on_null: handle' to let the rule do so",
            step=step.step,
        )
    elif step.on_null == "escalate":
        yield ask(
            kind,
            f"{field.name} may be null and {step.step!r} does not say what that means",
            "a person decides: null is never taken for false, zero or an empty text",
            step=step.step,
        )
    elif not said:
        yield ask(
            kind,
            f"{step.step!r} handles nulls itself, but does not say what a null {field.name} means",
            "a condition on it is neither true nor false: it is not met, and neither is its opposite",
            step=step.step,
        )


def _unstated(step: Step, field: Field) -> Question:
    if step.type == "module":
        text = f"what if {step.step!r} finds no {field.name}?"
        return ask(f"null:{field.name}", text, "the step fails and the run stops there", step=step.step)
    source = " or ".join(step.inputs) or "what the step reads"
    state = " ('not stated' is not the same as no)" if field.type == "boolean" else ""
    again = f"asked again {step.retries} time{'s' * (step.retries != 1)}, then " if step.retries else ""
    return ask(
        f"null:{field.name}",
        f"what if {source} does not state {field.name}{state}? The schema of {step.step!r} has no null for it",
        f"the reply does not fit the schema: {again}a person decides; write '{field.type}?' to allow null",
        step=step.step,
    )


# ---- the guard ---------------------------------------------------------------------------------------------------


def _adverse(spec: Spec) -> Iterator[Question]:
    guarded = adverse_outputs(spec)
    for field in guarded:
        values = " or ".join(field.adverse)
        yield ask(
            f"adverse:{field.name}",
            f"under {ADVERSE_COMPLIANCE} the code alone may not set {field.name} to {values}; is a person's review meant?",
            f"{values} becomes a review with {values} proposed; only an override with a reason changes that",
        )
    declared = ADVERSE_COMPLIANCE in (*spec.metadata.compliance, *spec.plan.blocks)
    for field in spec.outputs if declared and not any(one.adverse for one in spec.outputs) else ():
        if field.type in ("boolean", "enum") and not spec.overrides:
            yield ask(
                f"adverse:{field.name}",
                f"{ADVERSE_COMPLIANCE} is declared, and no value of {field.name} is marked as going against the person concerned",
                "no value is adverse, so no review is asked for; write 'adverse: [...]' on the field",
            )


# ---- what nothing reads ------------------------------------------------------------------------------------------


def _unused(spec: Spec) -> Iterator[Question]:
    read = {name for step in spec.logic_requirements for name in step.inputs} | {field.name for field in spec.outputs}
    for step in spec.logic_requirements:
        if step.when:
            read |= set(expressions.names(expressions.to_python(step.when)))
    for field, path in _all_fields(spec):
        if field.name not in read:
            setter = None if path.startswith("inputs.") else path.partition(".")[0]
            text = f"no step reads {field.name}; was a rule about it left out?"
            yield ask(f"unused:{field.name}", text, "it has no influence on the outcome", step=setter, place=path)
    cited = {clause for step in spec.logic_requirements for clause in step.clauses}
    for clause in spec.clauses:
        if clause.id not in cited:
            text = f"no step cites {clause.id}: {clause.text.strip()!r}"
            yield ask(f"uncited:{clause.id}", text, "it has no influence on the outcome", clause=clause.id)


# ---- units and zones ---------------------------------------------------------------------------------------------


def _unit(field: Field, path: str, spec: Spec) -> Iterator[Question]:
    if field.type not in ("integer", "decimal", "float") or field.unit or field.description:
        return
    if _MONEY.search(field.name):
        text = f"{field.name} looks like money and names no currency"
        yield ask(f"currency:{field.name}", text, "one currency throughout, none converted", place=path)
    elif not _BARE.search(field.name) and (field.type != "integer" or field.name in _compared(spec)):
        text = f"{field.name} has no unit"
        yield ask(f"unit:{field.name}", text, "numbers are compared as they are; nothing is converted", place=path)


def _compared(spec: Spec) -> set[str]:
    """Fields that a readable condition compares with a number other than zero or one."""
    found: set[str] = set()
    for step in spec.logic_requirements:
        for branch in expressions.branches(step.logic) or ():
            for node in ast.walk(ast.parse(branch.condition, mode="eval")) if branch.condition else ():
                if isinstance(node, ast.Compare):
                    numbers = [part.value for part in ast.walk(node) if isinstance(part, ast.Constant)]
                    if any(type(value) in (int, float) and value not in (0, 1) for value in numbers):
                        found |= {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}
    return found


def _zone(field: Field, path: str) -> Iterator[Question]:
    said = re.search(r"(?i)\b(utc|gmt|zone|offset|local|zulu)\b", f"{field.unit or ''} {field.description}")
    if field.type == "datetime" and not said:
        text = f"{field.name} is a date and time without a time zone"
        yield ask(f"timezone:{field.name}", text, "all values are in one zone and are compared as written", place=path)


# ---- letters -----------------------------------------------------------------------------------------------------


def _letters(spec: Spec) -> Iterator[Question]:
    known = spec.known_fields()
    for step in spec.functions:
        if re.search(
            r"(?i)case[- ]?(in)?sensitiv|regardless of case|ignoring case|upper ?case|lower ?case|exactly",
            step_text(step, spec),
        ):
            continue
        for branch in expressions.branches(step.logic) or ():
            for node in ast.walk(ast.parse(branch.condition, mode="eval")) if branch.condition else ():
                if not isinstance(node, ast.Compare) or not any(map(_has_letters, ast.walk(node))):
                    continue
                for part in ast.walk(node):
                    if isinstance(part, ast.Name) and part.id in known and known[part.id].type == "text":
                        text = f"{part.id} is compared with a text in {branch.text!r}: do capitals and spaces count?"
                        yield ask(
                            f"letters:{part.id}",
                            text,
                            "yes, texts are equal only where every character is",
                            step=step.step,
                        )


def _has_letters(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str) and any(map(str.isalpha, node.value))
