"""Mutants: each operator makes the changes it should, all parse, none is the program itself."""

import ast

import pytest

from ingot.compile.assemble import assemble
from ingot.program import Program
from ingot.proof.mutants import mutants, mutated
from ingot.proof.mutation_edits import edits
from ingot.proof.mutation_text import Source, shape
from ingot.spec import parse_spec

SPEC = """
metadata: {name: visit}
inputs:
  age: integer
  amount: decimal
  day: date
  zone: {type: enum, values: [NEAR, FAR, OUT]}
  member: boolean
  notes: {type: list, items: text}
outputs:
  decision: {type: enum, values: [APPROVE, PEND, DENY]}
clauses: {C1: Adults only., C2: Members., C3: The rest.}
logic_requirements:
  - {step: decide, type: function, intent: Decide., clauses: [C1, C2, C3]}
"""
HEADER = "def decide(age, amount, day, zone, member, notes):\n"


def program(body: str, before: str = "") -> Program:
    lines = "".join(f"    {line}\n" for line in body.splitlines())
    return assemble(parse_spec(SPEC), before + HEADER + lines)


def changed(body: str, operator: str, before: str = "") -> set[str]:
    return {one.after for one in mutants(program(body, before)) if one.operator == operator}


@pytest.mark.parametrize(
    ("body", "operator", "expected"),
    [
        ("return age < 3", "comparison", {"return age <= 3"}),
        ("return age >= 3", "comparison", {"return age > 3"}),
        ("return 1 < age <= 3", "comparison", {"return 1 <= age <= 3", "return 1 < age < 3"}),
        ("return (age) == (3)", "comparison", {"return (age) != (3)"}),
        ("return zone not  in notes", "comparison", {"return zone in notes"}),
        ("return age is not None", "comparison", {"return age is None"}),
        ("return age < 3", "boundary", {"return age < 2", "return age < 4"}),
        ("return notes[-1]", "boundary", {"return notes[-2]", "return notes[0]"}),
        ('return amount < Decimal("0.50")', "boundary",
         {'return amount < Decimal("0.49")', 'return amount < Decimal("0.51")'}),
        ("return day < date(2024, 3, 1)", "boundary",
         {"return day < date(2024, 2, 29)", "return day < date(2024, 3, 2)"}),
        ('return day < date.fromisoformat("2024-01-01")', "boundary",
         {'return day < date.fromisoformat("2023-12-31")', 'return day < date.fromisoformat("2024-01-02")'}),
        ("return member and notes", "boolean",
         {"return member or notes", "return member", "return notes", "return not member and notes",
          "return member and not notes"}),
        ("return not member", "boolean", {"return member"}),
        ("return (member or age) and notes", "boolean",
         {"return (member and age) and notes", "return (member or age) or notes", "return (member or age)",
          "return notes", "return (member) and notes", "return (age) and notes",
          "return (not member or age) and notes", "return (member or not age) and notes",
          "return not ((member or age)) and notes", "return (member or age) and not notes"}),
        ("return age + 2 * age", "arithmetic", {"return age - 2 * age", "return age + 2 / age"}),
        ("return age // 2 % 3", "arithmetic", {"return age / 2 % 3", "return age // 2 // 3"}),
        ('return zone + "x"', "arithmetic", set()),
        ("return max(age, 3)", "arithmetic", {"return min(age, 3)"}),
        ('return zone == "FAR"', "constant", {'return zone == "NEAR"', 'return zone == "OUT"'}),
        ('return zone in ("x", "y")', "constant", {'return zone in ("y", "y")', 'return zone in ("x", "x")'}),
        ('return {"decision": "PEND"}', "constant", {'return {"decision": "APPROVE"}', 'return {"decision": "DENY"}'}),
        ('return amount.quantize(Decimal("0.01"), ROUND_HALF_UP)', "constant",
         {'return amount.quantize(Decimal("0.1"), ROUND_HALF_UP)',
          'return amount.quantize(Decimal("0.01"), ROUND_HALF_EVEN)'}),
        ("return True", "constant", {"return False"}),
        ("if member:\n    return 1\nreturn 2", "removed-branch", {"if False:", "if True:"}),
        ("return 1 if member else 2", "removed-branch", {"return 1 if False else 2", "return 1 if True else 2"}),
        ("return [one for one in notes if one]", "removed-branch",
         {"return [one for one in notes if False]", "return [one for one in notes if True]"}),
        ("age += 2\nreturn age", "dropped-statement", {"pass"}),
        ("age += 2\nreturn age", "arithmetic", {"age -= 2"}),
        ("if member:\n    return age\nreturn amount", "return", {"return age", "return amount"}),
        ("if member:\n    return age\ntotal = 2\nreturn total", "return", {"return age"}),
        ("if member:\n    return\nreturn age", "return", set()),
        ("return f'{age + 1} {age < 3}'", "comparison", set()),
    ],
)  # fmt: skip
def test_each_operator_changes_one_thing(body: str, operator: str, expected: set[str]) -> None:
    assert changed(body, operator) == expected


def test_neighbouring_clauses_are_swapped() -> None:
    body = "if age < 3:\n    return 1\nif age < 9:\n    return 2\nelif member:\n    return 3\nreturn 4"
    swapped = [one for one in mutants(program(body)) if one.operator == "swapped-clause"]
    assert [(one.line, one.before, one.after) for one in swapped] == [
        (3, "return 1", "return 2"),
        (5, "return 2", "return 3"),
    ]
    assert "if age < 3:\n        return 2\n    if age < 9:\n        return 1\n" in swapped[0].logic


def test_a_table_of_the_module_is_changed_and_what_is_computed_from_it_is_run_again() -> None:
    before = 'FEES = {"NEAR": 3, "FAR": 5}\nMOST = max(FEES.values())\nOTHER = 7\n\n\n'
    found = mutants(program("return FEES[zone] + MOST + OTHER", before))
    own = [one for one in found if one.function is None]
    assert 'FEES = {"NEAR": 3, "FAR": 6}' in {one.after for one in own}
    statement = next(one.statement for one in own if one.after == 'FEES = {"NEAR": 3, "FAR": 6}')
    assert statement.splitlines() == ['FEES = {"NEAR": 3, "FAR": 6}', "MOST = max(FEES.values())"]


def test_a_record_is_not_a_table() -> None:
    assert changed('return RULES["one"]', "constant", 'RULES = {"one": "a", "two": "b"}\n\n\n') == set()


def test_places_are_right_beside_text_that_is_not_ascii() -> None:
    (mutant, *_) = [one for one in mutants(program('x = "é…"; return age < 3')) if one.operator == "comparison"]
    assert (mutant.line, mutant.after) == (2, 'x = "é…"; return age <= 3')
    assert mutant.column == '    x = "é…"; return age <'.index("<") + 1


def test_clauses_are_those_of_the_line_or_of_the_return_that_it_leads_to() -> None:
    body = "limit = 18\nif age < limit:\n    return 'DENY'  # C1\n# C2\nif member:\n    return 'APPROVE'\nreturn 'PEND'  # C3"
    cited = {one.line: one.clauses for one in mutants(program(body))}
    assert cited == {2: ("C1",), 3: ("C1",), 4: ("C1",), 6: ("C2",), 7: ("C2",), 8: ("C3",)}


BRANCHY = """\
# a comment with < and == in it
if (age < 18  # with < too
        or member) and not (zone == "FAR" and amount > Decimal("1.5")):
    total = sum(len(note) for note in notes if note)
    total += 3
    return "DENY"  # C1
match zone:
    case "NEAR" if age > 3:
        return "PEND"
while age > 3:
    age -= 1
return ("APPROVE"
        if not member else "PEND")"""


def test_every_mutant_parses_is_different_and_comes_out_the_same_again() -> None:
    own = program(BRANCHY)
    found = mutants(own)
    trees = [ast.dump(ast.parse(one.logic)) for one in found]
    assert len(found) > 40
    assert len(set(trees)) == len(trees)
    assert ast.dump(ast.parse(own.logic)) not in trees
    assert mutants(own) == found


def test_a_mutated_program_is_what_assembling_its_logic_gives() -> None:
    own = program(BRANCHY)
    for one in mutants(own)[::10]:
        assert mutated(own, one) == assemble(own.spec, one.logic)


def test_no_more_are_made_than_are_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    own = program("\n".join(f"if age < {number} and member:\n    return {number} + age" for number in range(200)))
    made: list[bytes] = []
    monkeypatch.setattr("ingot.proof.mutants.shape", lambda unit: made.append(unit) or shape(unit))
    some = mutants(own, 20)
    assert len(made) < 400 < len(list(edits(own, Source(own.logic))))
    assert len({one.line for one in some}) == len(some) == 20
    monkeypatch.undo()
    source = Source(own.logic)
    lines = dict.fromkeys(source.line_of(edit.span[0]) for _, edit in edits(own, source))
    assert {one.line for one in some} == set(list(lines)[:20])


def test_too_many_are_thinned_evenly_over_the_lines() -> None:
    own = program("\n".join(f"if age < {number} and amount > {number}:\n    return {number}" for number in range(30)))
    every, some = mutants(own, 10_000), mutants(own, 70)
    assert len(some) == 70 < len(every)
    assert {one.line for one in some} == {one.line for one in every}
    assert set(some) < set(every)
