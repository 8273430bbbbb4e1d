"""Numbers too large for their places: asked only where the stated ranges leave it open, and no part of the rule."""

from decimal import Decimal

import pytest

from ingot.compile.assemble import assemble, signatures
from ingot.program import Program
from ingot.proof.mutants import mutants
from ingot.readback.render import as_text
from ingot.runtime.branches import instrument
from ingot.spec import parse_spec
from ingot.stages.check import all_passed, run_stages
from ingot.tables.compiled import check_tables, write_tables

SPEC = """\
metadata: {{name: totals}}
inputs:
  n: {{type: decimal{n}}}
  m: {{type: decimal{m}}}
outputs: {{answer: {{type: decimal, places: 2}}}}
logic_requirements:
  - step: decide
    type: deterministic_rule
    outputs: {{answer: {{type: decimal, places: 2}}}}
    table: {{hit_policy: {policy}, inputs: [n], outputs: [answer], rows: [["< 5", {cell!r}], ["-", "n"]]}}
cases:
  - {{id: a, input: {{n: 2, m: 3}}, expected: {{answer: {expected}}}}}
  - {{id: b, input: {{n: 6, m: 3}}, expected: {{answer: "6.00"}}}}
"""
SUM = "collect, aggregate: sum"


def program(cell: str, n: str = "", m: str = "", policy: str = "first", expected: str = "6.00") -> Program:
    text = SPEC.format(cell=cell, n=n, m=m, policy=policy, expected=expected)
    spec = parse_spec(text, "spec.yaml")
    check_tables(spec)
    return assemble(spec, write_tables(spec, signatures(spec)))


def run(made: Program, n: str, m: str) -> object:
    space: dict[str, object] = {"__name__": "program"}
    exec(compile(made.text, "program.py", "exec"), space)
    return space["decide"](Decimal(n), Decimal(m))  # type: ignore[operator]


@pytest.mark.parametrize(
    ("cell", "n", "m", "asks"),
    [
        ("n * m", "0, 1e12", "-1e14, 1e13", True),
        ("n * m", "0, 1e12", "-9e13, 1e13", False),
        ("n + m", "0, 9e25", "0, 1e25", True),
        ("n - m", "0, 9e25", "0, 9e24", False),
        ("n / m", "0, 9", "1e-24, 9", False),
        ("n / m", "0, 999", "1e-24, 9", True),
        ("n / m", "0, 9", "0, 9", True),
        ("n / 8", "0, 9e25", "0, 9", False),
        ("n ** 3", "0, 4e8", "0, 9", False),
        ("n ** 3", "0, 5e8", "0, 9", True),
        ("max(n, m)", "0, 9", "0, 1e26", True),
        ("if m > 1 then n else 2", "0, 9e25", "0, 9", False),
        ("if m > 1 then n else 2", "0, 1e26", "0, 9", True),
    ],
)
def test_the_code_asks_for_room_only_where_ranges_leave_it_open(cell: str, n: str, m: str, asks: bool) -> None:
    made = program(cell, f", range: [{n}]", f", range: [{m}]")
    assert ('< Decimal("1E+26")' in made.logic.splitlines()[2]) is asks


def test_a_divisor_with_places_is_not_nearer_to_zero_than_these_are() -> None:
    made = program("n / m", ", range: [0, 9e23]", ", range: [0, 9], places: 2")
    assert made.logic.splitlines()[2].endswith("if m != 0 else None  # R1")


def test_that_it_asks_is_no_branch_no_mutant_and_one_remark() -> None:
    open_ended, bounded = program("n * m"), program("n * m", ", range: [0, 9]", ", range: [0, 9]")
    assert 'if abs(n * m) < Decimal("1E+26") else None' in open_ended.logic
    counts = [len(instrument(one.logic, 0, one.logic.count("\n") + 1)[1]) for one in (open_ended, bounded)]
    assert counts[0] == counts[1]
    changes = [[str(one.after) for one in mutants(made, 200)] for made in (open_ended, bounded)]
    assert len(changes[0]) == len(changes[1])
    told = as_text(open_ended)
    assert "rounded half up to 2 decimals (nothing where it is too large for its places)" in told
    assert "1E+26" not in told


def test_the_stages_pass_with_ordinary_cases_alone() -> None:
    verdicts = run_stages(program("n * m"))
    assert all_passed(verdicts)
    assert not [one for verdict in verdicts for one in verdict.findings if one.code == "EXE008"]


@pytest.mark.parametrize(("m", "answer"), [("3", Decimal("8.00")), ("1e26", None)])
def test_a_sum_of_what_has_no_value_has_none(m: str, answer: Decimal | None) -> None:
    made = program("n * m", policy=SUM, expected="8.00")
    assert all_passed(run_stages(made))
    assert run(made, "2", m) == answer


def test_a_sum_has_room_for_all_its_rows() -> None:
    made = program("n * m", policy=SUM, expected="8.00")
    assert run(made, "1", "9.9e24") == Decimal("9.9e24") + 1
    assert run(made, "1", "1e25") is None


def test_a_division_by_zero_in_a_sum_is_null() -> None:
    made = program("n / m", policy=SUM, expected='"2.67"')
    assert all_passed(run_stages(made))
    assert run(made, "2", "0") is None


@pytest.mark.parametrize(
    "answer",
    [
        'n if abs((n - 3) * Decimal("1E+30")) < Decimal("1E+20") else Decimal("0")',
        'n.quantize(Decimal("0.01"), ROUND_HALF_UP) if abs(n) < Decimal("1E+26") else Decimal("0")',
        'n.quantize(Decimal("0.01"), ROUND_HALF_UP) if abs(m * Decimal("1E+26")) < Decimal("1E+26") else None',
        'n.quantize(Decimal("0.01"), ROUND_HALF_UP) if abs(n) < Decimal("1E+18") else None',
        'n.quantize(Decimal("1E+26"), ROUND_HALF_UP) if abs(n) < Decimal("1E+0") else None',
    ],
)
def test_a_choice_that_only_looks_as_if_it_asked_for_room_is_a_rule(answer: str) -> None:
    spec = parse_spec(SPEC.format(n="", m="", policy="first", cell="n", expected="2.00"), "spec.yaml")
    body = f"def decide(n: Decimal, m: Decimal) -> Decimal | None:\n    return {answer}\n"
    made = assemble(spec, body)
    told = as_text(made)
    assert "too large" not in told
    assert " if (" in told or " if n" in told or " if m" in told
    assert len(instrument(made.logic, 0, made.logic.count("\n") + 1)[1]) > 0
    assert any(one.operator == "removed-branch" for one in mutants(made, 200))


def test_a_condition_about_a_large_number_has_mutants() -> None:
    spec = parse_spec(SPEC.format(n="", m="", policy="first", cell="n", expected="2.00"), "spec.yaml")
    body = (
        "def decide(n: Decimal, m: Decimal) -> Decimal | None:\n"
        '    if abs((n - 3) * Decimal("1E+30")) < Decimal("1E+20"):\n'
        '        return Decimal("0")\n'
        "    return n\n"
    )
    assert any(one.operator == "removed-branch" for one in mutants(assemble(spec, body), 200))
