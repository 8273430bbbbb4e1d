"""A condition that was forgotten leaves nothing in the code to mutate: what the spec names is asked on a telling case."""

import pytest

from ingot.compile.assemble import assemble
from ingot.program import Program
from ingot.runtime.sandbox import Sandbox
from ingot.spec import parse_spec
from ingot.stages.suggested_named import named_beside, telling_case

SPEC = """\
metadata: {name: pension}
inputs:
  retired: {type: boolean}
  age: {type: integer, range: [0, 120]}
  income: {type: decimal, range: [0, 100000]}
clauses:
  C1: Who is not retired deducts nothing.
  C2: From an age of 55 the income is deducted, else nothing.
logic_requirements:
  - step: deduct
    type: deterministic_rule
    clauses: [C1, C2]
    inputs: [retired, age, income]
    outputs: {deduction: {type: decimal}}
outputs:
  deduction: {type: decimal}
cases:
  - {id: at_work, input: {retired: false, age: 70, income: "10"}, expected: {deduction: "0"}}
  - {id: retired, input: {retired: true, age: 70, income: "10"}, expected: {deduction: "10"}}
"""
FORGOTTEN = """\
from decimal import Decimal


def deduct(retired: bool, age: int, income: Decimal) -> Decimal:
    if not retired:
        return Decimal("0")  # C1
    return income  # C2
"""


@pytest.fixture(scope="module")
def program() -> Program:
    return assemble(parse_spec(SPEC), FORGOTTEN)


def test_the_case_where_most_inputs_matter_is_the_one_to_ask_on(program: Program) -> None:
    with Sandbox(seeds=(0,)) as sandbox:
        base = telling_case(program, sandbox)
    assert base is not None
    assert base.id == "retired"


def test_a_value_that_only_the_spec_names_is_asked_where_it_would_show(program: Program) -> None:
    with Sandbox(seeds=(0,)) as sandbox:
        asked = [one.trial for one in named_beside(program, (), sandbox)]
        again = named_beside(program, asked, sandbox)
    assert {"retired": True, "age": 54} in [{k: v for k, v in one.input.items() if k != "income"} for one in asked]
    assert again == ()
