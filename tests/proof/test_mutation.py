"""The mutation score: in the real sandbox, with mutants that raise, hang and fill the memory."""

import time
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any

import pytest

from ingot.compile.assemble import assemble
from ingot.errors import StageError
from ingot.program import Observation, Program
from ingot.proof import mutation
from ingot.proof.mutants import Mutant, mutants
from ingot.proof.mutation import MutationScore, mutation_score
from ingot.runtime.sandbox import Sandbox, Trial
from ingot.spec import Case, parse_spec

SPEC = """
metadata: {name: fee}
inputs: {age: integer, items: {type: list, items: integer}}
outputs: {fee: integer}
logic_requirements:
  - {step: charge, type: function, intent: Charge.}
"""


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox((0, 1)) as sandbox:
        yield sandbox


def program(body: str, before: str = "") -> Program:
    return assemble(parse_spec(SPEC), f"{before}def charge(age: int, items: list[int]) -> int:\n{body}")


def case(age: int, fee: int, items: tuple[int, ...] = ()) -> tuple[Case, Trial]:
    values: dict[str, Any] = {"age": age, "items": list(items)}
    return Case(id=f"age-{age}-{fee}", input=values, expected={"fee": fee}), Trial(f"age-{age}", values)


def right(one: Case, seen: Observation) -> bool:
    return seen.output is not None and seen.output["fee"] == one.expected["fee"]


def trials(*ages: int) -> list[Trial]:
    return [Trial(f"trial-{age}", {"age": age, "items": [1, 2]}) for age in ages]


def afters(found: tuple[Mutant, ...] | tuple[Any, ...]) -> set[str]:
    return {getattr(one, "mutant", one).after for one in found}


ADULT = program("    if age < 18:\n        return 0\n    return 5\n")


def scored(
    own: Program, sandbox: Sandbox, *cases: tuple[Case, Trial], ages: tuple[int, ...] = (17, 18, 19)
) -> MutationScore:
    return mutation_score(own, cases, trials(*ages), sandbox, is_right=right)


def test_obvious_cases_leave_the_boundary_open_and_the_witness_names_it(sandbox: Sandbox) -> None:
    score = scored(ADULT, sandbox, case(5, 0), case(40, 5))
    left = {one.mutant.after: one.witness.input["age"] for one in score.survivors if one.witness}
    assert left == {"if age <= 18:": 18, "if age < 17:": 17, "if age < 19:": 18}
    assert score.score == round(len(score.killed) / (len(score.killed) + 3), 4) < 1
    assert score.alike == ()


def test_cases_at_the_boundary_kill_everything(sandbox: Sandbox) -> None:
    score = scored(ADULT, sandbox, case(17, 0), case(18, 5))
    assert (score.score, score.survivors) == (1.0, ())
    assert len(score.killed) == len(mutants(ADULT))


def test_the_verdict_is_plain_and_the_same_again(sandbox: Sandbox) -> None:
    found = [scored(ADULT, sandbox, case(5, 0), case(40, 5)).to_json() for _ in range(2)]
    assert found[0] == found[1]
    assert found[0]["equivalent"] == {"no_difference_found": 0, "proved": 0, "inputs": 5}
    assert found[0]["survivors"][0] == {
        "line": 2, "operator": "comparison", "clause": "C1", "before": "if age < 18:", "after": "if age <= 18:",
    }  # fmt: skip


SAME = program("    if age < 0:\n        age = 0\n    if age > 0:\n        return age\n    return 0\n")


def test_what_no_input_tells_apart_is_counted_apart(sandbox: Sandbox) -> None:
    score = scored(SAME, sandbox, case(-3, 0), case(-1, 0), case(3, 3), case(1, 1), ages=(0, 2))
    assert "if age >= 0:" in afters(score.alike)
    assert score.score == 1.0


@pytest.mark.parametrize(("answer", "kept"), [(True, "proved"), (False, "survivors"), (None, "alike")])
def test_a_solver_may_decide_what_search_cannot(sandbox: Sandbox, answer: bool | None, kept: str) -> None:
    asked: list[str] = []

    def equivalent(own: Program, mutant: Mutant) -> bool | None:
        assert own is SAME
        asked.append(mutant.after)
        return answer

    cases = (case(-3, 0), case(-1, 0), case(3, 3), case(1, 1))
    score = mutation_score(SAME, cases, trials(0, 2), sandbox, is_right=right, equivalent=equivalent)
    assert "if age >= 0:" in asked
    assert set(asked) == afters(getattr(score, kept))


def test_an_input_of_the_solver_makes_a_survivor(sandbox: Sandbox) -> None:
    own, found = program("    return 5 if age > 17 else 0\n"), Trial("solver", {"age": 18, "items": []})

    def equivalent(_: Program, mutant: Mutant) -> Trial | None:
        return found if mutant.after == "return 5 if age > 18 else 0" else None

    cases = (case(40, 5), case(3, 0))
    score = mutation_score(own, cases, trials(0, 2), sandbox, is_right=right, equivalent=equivalent)
    assert found in [one.witness for one in score.survivors]


def test_an_input_that_shows_nothing_is_a_fault_of_the_solver(sandbox: Sandbox) -> None:
    cases, wrong = (case(-3, 0), case(-1, 0), case(3, 3), case(1, 1)), Trial("solver", {"age": 8, "items": []})
    with pytest.raises(StageError, match="does not when it is run"):
        mutation_score(SAME, cases, trials(0, 2), sandbox, is_right=right, equivalent=lambda _, __: wrong)


def test_what_the_solver_leaves_is_tried_on_nearer_inputs(sandbox: Sandbox) -> None:
    asked: list[Mutant] = []

    def nearer(some: Sequence[Mutant]) -> list[Trial]:
        asked.extend(some)
        return trials(17, 18)

    cases = (case(5, 0), case(40, 5))
    score = mutation_score(ADULT, cases, trials(5), sandbox, is_right=right, nearer=nearer)
    assert "if age <= 18:" in afters(tuple(asked))
    assert "if age <= 18:" in afters(score.survivors)
    assert next(one.witness for one in score.survivors if one.mutant.after == "if age <= 18:") == trials(18)[0]
    assert score.inputs == len(cases) + 1 + 2


def test_a_case_that_says_little_kills_little(sandbox: Sandbox) -> None:
    score = mutation_score(ADULT, [case(5, 0), case(40, 5)], trials(5), sandbox, is_right=lambda _, seen: True)
    assert score.killed == ()
    assert {one.witness is None for one in score.survivors if one.mutant.before == "return 5"} == {True}


LOOP = program("    total = 0\n    while age > 0:\n        age -= 1\n        total += 2\n    return total\n")


def test_a_mutant_that_never_ends_is_killed_within_its_time(sandbox: Sandbox) -> None:
    started = time.monotonic()
    score = scored(LOOP, sandbox, case(3, 6), case(0, 0), ages=(1,))
    assert {"while True:", "pass", "age -= 0"} <= afters(score.killed)
    assert time.monotonic() - started < 5


def test_a_mutant_that_fills_the_memory_or_the_stack_is_killed(sandbox: Sandbox) -> None:
    wide = program("    many = [age] * 9 // age\n    return 0\n".replace("* 9 // age", "* (10**9 // 10**9)"))
    assert any("/ 10**9" in one.after or "10**9" in one.after for one in mutants(wide))
    assert scored(wide, sandbox, case(3, 0), ages=(1,)).to_json()["killed"] > 0
    deep = program("    if age > 0:\n        return charge(age - 1, items)\n    return 0\n")
    assert "return charge(age + 1, items)" in afters(scored(deep, sandbox, case(3, 0), ages=(1,)).killed)


def test_a_mutant_cannot_change_the_input_of_the_next(sandbox: Sandbox) -> None:
    own = program(
        "    kept = age > 9 and list(items)\n    kept = kept or []\n    kept.append(age)\n    return len(items)\n"
    )
    score = scored(own, sandbox, case(20, 2, (7, 8)), case(1, 2, (7, 8)), ages=(20,))
    assert "return len(items)" not in afters(score.killed)
    assert scored(own, sandbox, case(20, 2, (7, 8)), case(1, 2, (7, 8)), ages=(20,)) == score


def test_a_changed_constant_reaches_the_functions(sandbox: Sandbox) -> None:
    own = program("    return FEES.get(age, MOST)\n", "FEES = {1: 10, 2: 20}\nMOST = max(FEES.values())\n\n\n")
    score = scored(own, sandbox, case(1, 10), case(3, 20), ages=(2,))
    assert "FEES = {1: 10, 2: 21}" in afters(score.killed)
    assert "FEES = {1: 11, 2: 20}" in afters(score.killed)


def test_a_workflow_with_other_steps_is_driven_to_its_end(sandbox: Sandbox) -> None:
    spec = parse_spec("""
metadata: {name: ask}
inputs: {age: integer}
outputs: {fee: integer}
logic_requirements:
  - {step: look, type: human_review, outputs: {price: integer}}
  - {step: charge, type: function, intent: Charge., inputs: [age, price], outputs: {fee: integer}}
""")
    own = assemble(spec, "def charge(age: int, price: int) -> int:\n    return price if age > 17 else 0\n")
    cases = [
        (
            Case(id=str(age), input={"age": age}, expected={"fee": fee}),
            Trial(str(age), {"age": age}, {"look": {"price": 7}}),
        )
        for age, fee in ((17, 0), (18, 7))
    ]
    score = mutation_score(own, cases, [Trial("t", {"age": 30}, {"look": {"price": 9}})], sandbox, is_right=right)
    assert score.score == 1.0
    assert "return price if age >= 17 else 0" in afters(score.killed)


def test_a_program_that_cannot_be_loaded_is_an_error_and_no_score(sandbox: Sandbox) -> None:
    with pytest.raises(StageError, match="could not be run beside its mutants"):
        scored(program("    return 1\n", "LIMIT = 1 // 0\n\n\n"), sandbox, case(1, 1))


def test_forty_lines_and_thirty_cases_take_less_than_two_seconds(sandbox: Sandbox) -> None:
    branches = "".join(
        f"    if age < {10 * number} and len(items) > {number % 3}:\n        return {number}\n"
        for number in range(1, 20)
    )
    own = program(branches + "    return 99\n")
    cases = []
    for age in range(0, 210, 7):
        fee = next((n for n in range(1, 20) if age < 10 * n and n % 3 < 3), 99)
        cases.append(case(age, fee, (1, 2, 3)))
    assert (len(own.logic.splitlines()), len(cases)) == (40, 30)
    started = time.process_time(), time.monotonic()
    score = mutation_score(own, cases, trials(*range(250)), sandbox, is_right=right)
    assert len(score.killed) + len(score.survivors) + len(score.alike) > 150
    assert time.monotonic() - started[1] < 2.0


def test_decimals_of_another_form_are_another_answer_and_may_still_be_right(sandbox: Sandbox) -> None:
    spec = parse_spec(SPEC.replace("fee: integer", "fee: decimal").replace("age: integer", "age: decimal"))
    own = assemble(spec, 'def charge(age, items):\n    return age.quantize(Decimal("0.01"))\n')
    values = {"age": Decimal("2.5"), "items": []}
    one = Case(id="one", input=values, expected={"fee": Decimal("2.5")})
    score = mutation_score(own, [(one, Trial("one", values))], trials(), sandbox, is_right=right)
    assert afters(score.survivors) == {'return age.quantize(Decimal("0.1"))'}


TWO = """
metadata: {name: two, version: 1.0.0}
inputs: {text: text}
outputs: {first: integer, second: integer}
logic_requirements:
  - {step: one, type: function, intent: One., inputs: [text], outputs: {first: integer}}
  - {step: two, type: function, intent: Two., inputs: [text, first], outputs: {second: integer}}
"""


def test_kept_answers_of_other_functions_change_nothing(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    logic = (
        "LIMITS = [3, 5]\n\n\ndef one(text: str) -> int:\n    return text.count('a') if len(text) > LIMITS[0] else 0\n\n\n"
        "def two(text: str, first: int) -> int:\n    return first + 1 if len(text) > LIMITS[1] else 10 // (first + 1)\n"
    )
    own = assemble(parse_spec(TWO), logic)
    some = [Trial(f"t{number}", {"text": "abc" * number + "x" * 150}) for number in range(4)]
    some += [Trial(f"s{number}", {"text": "a" * number}) for number in range(7)]
    found = mutants(own)
    monkeypatch.setattr(mutation, "_LONG", 10**9)
    plain = mutation.differences(own, found, some, sandbox)
    monkeypatch.setattr(mutation, "_LONG", 0)
    assert mutation.differences(own, found, some, sandbox) == plain
    assert sum(map(bool, plain)) > 5
