"""Candidate → Program: put the generated functions between their types and the flow that calls them.

Pure text to text. The flow is written from the spec by rules that a reader can check against the program's own
comments; nothing in it depends on what the model wrote.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from ingot import expressions
from ingot.fields import Field, annotation, declarations, typed_dict
from ingot.names import PROGRAM
from ingot.program import Program, Signature, signature_of
from ingot.spec import ADVERSE_COMPLIANCE, Spec, Step, adverse_outputs
from ingot.tables.source import may_miss
from ingot.tables.table import TableError

PRELUDE = """\
from __future__ import annotations

import math
import re
from collections.abc import Generator, Mapping
from datetime import date, datetime, timedelta
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal
from typing import Any, Literal, TypedDict
"""

RESERVED = PROGRAM | {"_case", "_reply", "_output"}


def signatures(spec: Spec) -> tuple[Signature, ...]:
    """The functions that a candidate for this spec must define, in the order of the steps."""
    known = {field.name: field for field in spec.inputs}
    found: list[Signature] = []
    for step in spec.logic_requirements:
        if step.is_function:
            signature = signature_of(step, known)
            found.append(_nullable(signature) if _may_miss(step, known) else signature)
        known |= {field.name: field for field in step.outputs}
    return tuple(found)


def _may_miss(step: Step, known: Mapping[str, Field]) -> bool:
    """True for a table that does not say what holds for every input: its function may answer None."""
    if not step.is_table:
        return False
    try:
        return may_miss(step, known)
    except TableError:
        return False  # the driver refuses the spec, with the place


def _nullable(signature: Signature) -> Signature:
    outputs = tuple(field.model_copy(update={"nullable": True}) for field in signature.outputs)
    return replace(signature, outputs=outputs)


def types_source(signature: Signature) -> str:
    """The ``TypedDict`` classes that a signature mentions, as source; empty where it needs none."""
    lines = declarations(signature.params)
    lines += declarations(signature.outputs)
    if len(signature.outputs) > 1:
        lines.append(typed_dict(signature.returns, signature.outputs, ""))
    return "\n\n\n".join(dict.fromkeys(lines))


def assemble(spec: Spec, logic: str, template: str = "handler", blocks: tuple[str, ...] = ()) -> Program:
    """The program for a candidate's `logic`. The same arguments give the same bytes."""
    signed = signatures(spec)
    head = _head(spec, signed)
    body = logic if logic.endswith("\n") else logic + "\n"
    banner = "# ---- logic: the generated functions, as they are in logic.py " + "-" * 56 + "\n\n\n"
    before = head + banner
    text = before + body + "\n\n" + _flow(spec)
    return Program(spec, signed, logic, text, before.count("\n"), template, blocks)


def _head(spec: Spec, signed: tuple[Signature, ...]) -> str:
    title = _plain(spec.metadata.title or spec.metadata.name).replace("\\", "/").replace('"', "'")
    doc = f'"""{title}, version {spec.metadata.version}.\n\nCompiled from spec {spec.digest()[:12]}. Do not edit: the artifact\'s digests cover this file.\n"""\n\n'
    parts = [types_source(signature) for signature in signed]
    parts += declarations(spec.inputs)
    parts += declarations(spec.outputs)
    parts.append(typed_dict("Inputs", spec.inputs, ""))
    parts.append(typed_dict("Outputs", spec.outputs, ""))
    classes = dict.fromkeys(block for part in parts if part for block in part.split("\n\n\n"))
    types = "\n\n\n".join(classes)
    clauses = "".join(f"#   {clause.id}: {_plain(clause.text)}\n" for clause in spec.clauses)
    rule = "# ---- types and clauses " + "-" * 95 + "\n"
    return f"{doc}{PRELUDE}\n{rule}#\n{clauses}\n\n{types}\n\n\n"


def _plain(text: str) -> str:
    """One line of what a reader can see: no line breaks, control or text-direction characters."""
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())


# ---- the flow ----------------------------------------------------------------------------------------------------


def _flow(spec: Spec) -> str:
    lines = ["# ---- flow: written by Ingot from the spec " + "-" * 76, ""]
    for step in spec.logic_requirements:
        if step.validation:
            lines += ["", *_validation(step, spec), ""]
    effects = any(not step.is_function for step in spec.logic_requirements)
    answer = "tuple[Outputs | None, tuple[str, str] | None]"
    returns = f"Generator[tuple[str, dict[str, Any]], Mapping[str, Any], {answer}]" if effects else answer
    lines += ["", f"def transact(_case: Inputs) -> {returns}:"]
    lines.append('    """Run one transaction: the output, and the step and reason where a person must decide."""')
    needed = _needed(spec)
    lines += [f'    {field.name} = _case["{field.name}"]' for field in spec.inputs if field.name in needed]
    known = {field.name: field for field in spec.inputs}
    for step in spec.logic_requirements:
        lines += _function_step(step, known, needed) if step.is_function else _effect_step(step, known, needed)
        known |= {field.name: field for field in step.outputs}
    lines += _answer(spec)
    return "\n".join(lines) + "\n"


def _needed(spec: Spec) -> set[str]:
    """The fields that some step, condition or output reads; what nobody reads is not kept."""
    read = {name for step in spec.logic_requirements for name in step.inputs}
    for step in spec.logic_requirements:
        if step.when:
            read |= set(expressions.names(expressions.to_python(step.when)))
    return read | {field.name for field in spec.outputs}


def _function_step(step: Step, known: dict[str, Field], needed: set[str]) -> list[str]:
    lines = [f"    # {step.step}: {', '.join(step.clauses)}"]
    missed = _missed(step) if _may_miss(step, known) else []
    if step.on_null == "escalate":
        lines += _null_guard(step, [name for name in step.inputs if known[name].nullable], "rule")
    call = f"{step.step}({', '.join(step.inputs)})"
    kept = [field for field in step.outputs if field.name in needed]
    if missed:
        kept = list(step.outputs)
    if not kept:
        return [*lines, f"    {call}"]
    if len(step.outputs) == 1:
        return [*lines, f"    {kept[0].name} = {call}", *missed]
    lines.append(f"    _output_{step.step} = {call}")
    return [*lines, *(f'    {field.name} = _output_{step.step}["{field.name}"]' for field in kept), *missed]


def _missed(step: Step) -> list[str]:
    """Lines that send the run to a person where a table left an output open that may not be null."""
    reason = "no row of the table decides this input, or rows that disagree"
    lines: list[str] = []
    for field in step.outputs:
        if not field.nullable:
            lines += [f"    if {field.name} is None:", f"        return None, ({step.step!r}, {reason!r})"]
    return lines


def _null_guard(step: Step, names: list[str], what: str) -> list[str]:
    """Lines that send the run to a person where one of `names` is null."""
    lines: list[str] = []
    for name in names:
        reason = f"{name} is null and the {what} does not say what that means"
        lines += [f"    if {name} is None:", f"        return None, ({step.step!r}, {reason!r})"]
    return lines


def _compared_unguarded(source: str, known: Mapping[str, Field]) -> list[str]:
    """The nullable fields that an expression reads without saying anywhere what null means."""
    return [
        name
        for name in expressions.names(source)
        if name in known and known[name].nullable and not re.search(rf"\b{name} is (not )?None\b", source)
    ]


def _effect_step(step: Step, known: dict[str, Field], needed: set[str]) -> list[str]:
    arguments = ", ".join(f'"{name}": {name}' for name in step.inputs)
    send = f"yield {step.step!r}, {{{arguments}}}"
    kept = [field for field in step.outputs if field.name in needed]
    sets = [f'{field.name} = _reply["{field.name}"]' for field in kept]
    body = [f"_reply = {send}", *sets] if sets else [send]
    lines = [f"    # {step.step}: {step.module or step.type}"]
    if step.when is None:
        return [*lines, *(f"    {line}" for line in body)]
    condition = expressions.typed(expressions.to_python(step.when), known)
    lines += _null_guard(step, _compared_unguarded(condition, known), "condition")
    # a field that has a value already keeps it where the step does not run
    lines += [f"    {field.name}: {annotation(field)} = None" for field in kept if field.name not in known]
    return [*lines, f"    if {condition}:", *(f"        {line}" for line in body)]


def _answer(spec: Spec) -> list[str]:
    pairs = ", ".join(f'"{field.name}": {field.name}' for field in spec.outputs)
    lines = [f"    _output: Outputs = {{{pairs}}}"]
    for field in adverse_outputs(spec):
        named = (value == "true" if field.type == "boolean" else value for value in field.adverse)
        values = ", ".join(repr(value) for value in named)
        reason = f"{field.name} goes against the person concerned; {ADVERSE_COMPLIANCE} asks for a person's decision"
        lines += [
            f"    if {field.name} in ({values},):",
            f"        return _output, ('adverse_action_review', {reason!r})",
        ]
    return [*lines, "    return _output, None"]


def validation_text(step: Step, spec: Spec) -> str:
    """The function that a program has for a step's validation expressions, by itself; nothing that a model wrote is in it."""
    return "\n".join((PRELUDE, *_validation(step, spec)))


def _validation(step: Step, spec: Spec) -> list[str]:
    """A function that returns the validation expressions that do not hold for a step's outputs.

    An expression says nothing about a null that its schema allows; what that means is decided by the rules after it.
    """
    known = spec.known_fields()
    sources: list[tuple[str, str]] = []
    for text in step.validation:
        source = expressions.typed(expressions.to_python(text), known)
        nulls = "".join(f"{name} is None or " for name in _compared_unguarded(source, known))
        sources.append((text, f"{nulls}({source})" if nulls else source))
    params = dict.fromkeys(name for _, source in sources for name in expressions.names(source) if name in known)
    header = ", ".join(f"{name}: {annotation(known[name])}" for name in params)
    rows = [f"        ({text!r}, {source})," for text, source in sources]
    return [
        f"def broken_{step.step}({header}) -> list[str]:",
        f'    """The validation expressions of {step.step} that do not hold."""',
        "    checks = (",
        *rows,
        "    )",
        "    return [text for text, holds in checks if not holds]",
    ]
