"""Mutants that no input tells apart are put to the solver: proved, told apart by an input that is run, or left."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import pytest

from ingot.compile.assemble import assemble
from ingot.errors import StageError
from ingot.program import Observation, Program
from ingot.proof.equivalence import Solver
from ingot.proof.mutants import Mutant, mutants
from ingot.runtime.sandbox import Sandbox, Trial
from ingot.spec import parse_spec
from ingot.stages.weak_cases import score_of_cases

SPEC = """
metadata: {name: fee}
inputs: {n: {type: integer, range: [-50, 50]}, word: text}
outputs: {fee: integer}
logic_requirements:
  - {step: charge, type: function, intent: Charge.}
cases:
  given:
    - {id: a, input: {n: 40, word: a}, expected: {fee: 5}}
    - {id: b, input: {n: -40, word: a}, expected: {fee: 0}}
"""
TRIALS = tuple(Trial(f"t{n}", {"n": n, "word": "a"}) for n in (-40, -3, 0, 40))
CLAMPED = "    if n < 0:\n        n = 0\n    return 0 if n == 0 else 5\n"


def program(body: str, before: str = "") -> Program:
    return assemble(parse_spec(SPEC), f"{before}def charge(n: int, word: str) -> int:\n{body}")


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox((0, 1)) as one:
        yield one


def one_with(own: Program, after: str) -> Mutant:
    return next(mutant for mutant in mutants(own) if mutant.after == after)


def test_a_mutant_that_changes_nothing_is_proved_to(sandbox: Sandbox) -> None:
    own = program(CLAMPED)
    assert Solver(own, TRIALS, sandbox)(own, one_with(own, "if n <= 0:")) is True


def test_a_mutant_that_no_trial_tells_apart_gets_an_input(sandbox: Sandbox) -> None:
    own = program("    return 0 if n < 18 else 5\n")
    answer = Solver(own, TRIALS, sandbox)(own, one_with(own, "return 0 if n <= 18 else 5"))
    assert isinstance(answer, Trial)
    assert answer.input["n"] == 18


def test_what_is_the_same_within_bounds_that_were_taken_is_not_proved(sandbox: Sandbox) -> None:
    spec = SPEC.replace("n: {type: integer, range: [-50, 50]}", "n: decimal").replace("fee: integer", "fee: decimal")
    code = "def charge(n: Decimal, word: str) -> Decimal:\n    return n * 2 + bool(n > Decimal('5000000000'))\n"
    own = assemble(parse_spec(spec), code)
    trials = tuple(Trial(f"t{n}", {"n": Decimal(n), "word": "a"}) for n in (-40, 0, 40))
    solver, far = Solver(own, trials, sandbox), one_with(own, "return n * 2 + bool(n >= Decimal('5000000000'))")
    assert solver(own, far) is None
    assert "nothing is proved" in solver.why[far]


def test_nothing_is_said_of_what_is_not_expressible(sandbox: Sandbox) -> None:
    own = program("    return 0 if word.startswith('b') and n < 18 else 5\n")
    solver = Solver(own, TRIALS, sandbox)
    assert {solver(own, mutant) for mutant in mutants(own)} == {None}


def test_used_up_steps_are_no_proof(sandbox: Sandbox) -> None:
    own = program(CLAMPED)
    solver = Solver(own, TRIALS, sandbox, _left=1)
    same = one_with(own, "if n <= 0:")
    assert solver(own, same) is True
    assert solver(own, same) is None
    assert "used up" in solver.why[same]
    assert Solver(own, TRIALS, sandbox, query=1)(own, same) is None


def test_a_translation_that_cpython_contradicts_ends_the_stage(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = program(CLAMPED)
    wrong = {f"s{number}": Observation({"fee": 77}) for number in range(len(TRIALS))}
    monkeypatch.setattr(Solver, "_observed", lambda _: wrong)
    with pytest.raises(StageError, match="disagrees with CPython"):
        Solver(own, TRIALS, sandbox)(own, one_with(own, "if n <= 0:"))


def right(case: object, seen: Observation) -> bool:
    return seen.output == getattr(case, "expected", None)


def test_the_stage_asks_the_solver(sandbox: Sandbox) -> None:
    own = program(CLAMPED)
    score = score_of_cases(own, own.spec.cases, right, sandbox)
    assert score is not None
    assert "if n <= 0:" in {mutant.after for mutant in score.proved}
    assert score.alike == ()
    assert score == score_of_cases(own, own.spec.cases, right, sandbox)


def test_a_word_of_a_long_table_that_no_case_uses_is_tried(sandbox: Sandbox) -> None:
    rows = ", ".join(f"'word{number}': {number}" for number in range(40))
    own = program("    return FEES.get(word.strip(), 5 if n > 0 else 0)\n", f"FEES = {{{rows}}}\n\n\n")
    score = score_of_cases(own, own.spec.cases, right, sandbox)
    assert score is not None
    assert score.alike == ()
    assert {"word" in str(one.witness.input["word"]) for one in score.survivors if one.witness} >= {True}
