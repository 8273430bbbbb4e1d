"""The guided search reaches what drawn inputs do not, in the same way every time, and never runs a held-out input."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ingot.compile.assemble import assemble
from ingot.program import Observation, Program
from ingot.proof import search
from ingot.proof.closeness import FAR, Measure
from ingot.proof.guided import Search, Searched, settled
from ingot.runtime.sandbox import Sandbox, Trial
from ingot.spec import parse_spec
from ingot.stages.inputs import boundary_trials, generated_trials

SPEC = """metadata: {{name: t}}
inputs: {{n: {{type: integer, range: [0, 100000]}}, word: text, k: {{type: integer, range: [0, 9]}}}}
logic_requirements:
  - {{step: rule, type: function, intent: x, outputs: {{cost: integer}}}}
invariants: {{{invariants}}}
"""
# the cost falls below 3 only within 40 of 77,777: no boundary, and 2 of 2,500 drawn inputs
VALLEY = "def rule(n, word, k):\n    low = min(n - 77737, 77817 - n)\n    if low > 0 and len(word.strip()) >= 0:\n        return 40 - low\n    return abs(n - 77777)\n"


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(seeds=(0, 1)) as one:
        yield one


def program(logic: str = VALLEY, invariants: str = "a: cost > 2") -> Program:
    return assemble(parse_spec(SPEC.format(invariants=invariants)), logic)


def searched(one: Program, sandbox: Sandbox, effort: int, held_out: tuple[Trial, ...] = ()) -> Searched:
    trials = (*boundary_trials(one), *generated_trials(one))
    return Search(one, sandbox, one.spec.invariants, held_out).go(trials, effort)


def test_it_climbs_towards_a_broken_invariant(sandbox: Sandbox) -> None:
    one = program()
    (invariant,) = one.spec.invariants
    drawn, found = searched(one, sandbox, 0), searched(one, sandbox, 4000)
    assert not search.search(one.spec, invariant, drawn.trials, drawn.seen).example
    broken = settled(one, invariant, found, {}, {})
    assert broken.example
    assert broken.why.startswith("cost is ")
    assert found.coverage == 1.0
    assert len(found.trials) < 4000


def test_it_is_the_same_twice(sandbox: Sandbox) -> None:
    one = program(invariants="a: cost >= 0")
    first, second = (searched(one, sandbox, 300) for _ in range(2))
    assert first.trials == second.trials
    assert len(first.trials) >= 300


def test_it_never_runs_a_held_out_input(sandbox: Sandbox) -> None:
    one = program(invariants="a: cost >= 0")
    run = searched(one, sandbox, 300).trials
    secret = run["guided-" + str(max(int(name.split("-")[1]) for name in run if name.startswith("guided")))]
    again = searched(one, sandbox, 300, (secret,))
    assert secret.input not in [trial.input for trial in again.trials.values()]


def test_pairs_for_an_order_are_made(sandbox: Sandbox) -> None:
    logic = "def rule(n, word, k):\n    return n - 5 if k == 7 and n > 60000 and not word.strip() else n\n"
    one = program(logic, "up: {builtin: monotone, of: cost, in: k, direction: up}")
    found = settled(one, one.spec.invariants[0], searched(one, sandbox, 2000), {}, {})
    assert "cost goes from" in found.why
    assert len(found.example) == 2


def test_an_answer_that_changes_with_the_hash_seed_is_found(sandbox: Sandbox) -> None:
    one = program(
        "def rule(n, word, k):\n    return n + len(str({word, 'ab', 'cd'}).split(\"'ab'\")[0])\n", "determinacy: true"
    )
    found = settled(one, one.spec.invariants[0], searched(one, sandbox, 50), {}, {})
    assert "hash seed" in found.why
    assert found.example


@pytest.mark.parametrize(
    ("holds", "cost", "near"),
    [("cost <= 10", 4, 6), ("cost > 3 AND n > 0", 5, 2), ("cost > 3 OR n > 1", 5, 3), ("NOT cost > 8", 5, 3),
     ("cost <= 10", 11, 0), ("n = 2 IMPLIES cost > 4", 5, 1), ("word IN ('a', 'b')", 5, 1)],
)  # fmt: skip
def test_closeness_is_how_far_values_have_to_move(holds: str, cost: int, near: float) -> None:
    one = program(invariants=f'a: "{holds}"')
    trial = Trial("t", {"n": 2, "word": "a", "k": 0})
    measure = Measure(one.spec, one.spec.invariants[0])
    assert measure.closeness(trial, Observation({"cost": cost})) == pytest.approx(near, abs=1e-4)
    assert measure.closeness(trial, Observation(None, error="ValueError: x")) == FAR
