"""Specs of one table, and programs run from them."""

from collections.abc import Callable
from typing import Any

import pytest

from ingot.compile.assemble import assemble, signatures
from ingot.program import Program
from ingot.spec import Spec, parse_spec
from ingot.tables.compiled import check_tables, write_tables

INPUTS = "{age: {type: integer, range: [0, 120]}, plan: {type: enum, values: [gold, silver, tin]}, member: boolean}"
OUTPUTS = "{level: {type: enum, values: [A, B, C]}}"


def table_spec(
    *rows: str,
    policy: str = "unique",
    reads: str = "[age]",
    sets: str = "[level]",
    inputs: str = INPUTS,
    outputs: str = OUTPUTS,
    more: str = "",
    step: str = "",
) -> Spec:
    cells = "".join(f"        - {row}\n" for row in rows)
    return parse_spec(
        f"metadata: {{name: tabled}}\ninputs: {inputs}\nlogic_requirements:\n  - step: judge\n"
        f"    type: deterministic_rule\n    outputs: {outputs}\n{step}    table:\n      hit_policy: {policy}\n"
        f"      inputs: {reads}\n      outputs: {sets}\n{more}      rows:\n{cells or '        []'}"
    )


def program_of(spec: Spec) -> Program:
    check_tables(spec)
    return assemble(spec, write_tables(spec, signatures(spec)))


Run = Callable[..., Any]


@pytest.fixture
def run() -> Run:
    """Answers a table's spec for one input: the output, and who must decide."""

    programs: dict[int, tuple[Spec, Any]] = {}

    def answer(spec: Spec, **values: Any) -> tuple[Any, Any]:
        if id(spec) not in programs:
            space: dict[str, Any] = {"__name__": "program"}
            exec(compile(program_of(spec).text, "program.py", "exec", dont_inherit=True), space)
            programs[id(spec)] = spec, space["transact"]
        found: tuple[Any, Any] = programs[id(spec)][1](values)
        return found

    return answer
