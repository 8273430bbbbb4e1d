"""Programs to read back: the bundled examples as recorded, and single functions written for one test."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from ingot.compile.assemble import assemble
from ingot.evals.bundled import EXAMPLES, compile_example
from ingot.program import Program, Signature
from ingot.readback.rows import Paths
from ingot.spec import parse_spec
from ingot.stages.constants import constants_of
from ingot.stages.draws import drawn
from ingot.stages.values import boundary_values

SPEC = """
metadata: {{name: one}}
inputs: {{{inputs}}}
clauses: {{C1: The first., C2: The second., C3: The third.}}
logic_requirements:
  - step: decide
    type: function
    intent: Decide.
    on_null: handle
    clauses: [C1, C2, C3]
    inputs: [{names}]
    outputs: {{{outputs}}}
"""


@cache
def bundled() -> dict[str, Program]:
    """Every bundled example, compiled from its recordings."""
    return {name: compile_example(name, None).program for name in EXAMPLES}


def one(logic: str, inputs: str, outputs: str = "answer: text") -> Program:
    """A program of one function, ``decide``; `inputs` and `outputs` as in a spec, on one line."""
    names = ", ".join(part.split(":")[0].strip() for part in inputs.split(";"))
    return assemble(parse_spec(SPEC.format(inputs=inputs.replace(";", ","), names=names, outputs=outputs)), logic)


def inputs_of(program: Program, signature: Signature, count: int = 300) -> list[dict[str, Any]]:
    """Inputs of one function: drawn from the types, and boundary values of what the code compares with."""
    fields = {("", field.name): field for field in signature.params}
    random_ones = [{name: value for (_, name), value in row.items()} for row in drawn(fields, count // 2)]
    constants = constants_of(program.logic)
    values = {field.name: boundary_values(field, constants, []) for field in signature.params}
    chooser = random.Random(7)
    mixed = [{name: chooser.choice(some) for name, some in values.items()} for _ in range(count)]
    return random_ones + mixed


def namespace(program: Program) -> dict[str, Any]:
    """What the program's text defines."""
    names: dict[str, Any] = {"__name__": "program"}
    exec(compile(program.text, "program.py", "exec"), names)
    return names


def holding(found: Paths, names: Mapping[str, Any], given: Mapping[str, Any], *, needed: bool) -> Iterator[int]:
    """The indexes of the rows that hold for an input; conditions are evaluated in order, as the code does."""
    for at, row in enumerate(found.rows):
        conditions = row.needed if needed else row.conditions
        if all(bool(eval(one.source, {**names, **given})) is one.holds for one in conditions):
            yield at


def answer(found: Paths, at: int, names: Mapping[str, Any], given: Mapping[str, Any]) -> Any:
    """What the row says comes out."""
    values = {name: eval(source, {**names, **given}) for name, source in found.rows[at].outputs.items()}
    return values if len(found.outputs) > 1 and "" not in values else next(iter(values.values()))
