"""Random programs do the same in CPython and in their translation, or are refused; they are the same every time."""

from __future__ import annotations

from collections import Counter

import pytest

from ingot.proof import z3_arithmetic
from ingot.runtime.sandbox import Sandbox
from tests.proof.random_programs import Writer, disagreement, trials


def test_random_programs_agree_with_cpython() -> None:
    found: Counter[str] = Counter()
    drawn = trials(25)
    with Sandbox(seeds=(0,)) as sandbox:
        for seed in range(45):
            verdict, why = disagreement(seed, sandbox, drawn)
            assert verdict != "differs", f"seed {seed}: {why}"
            found[verdict] += 1
    assert found["agrees"] >= 15


def test_a_fault_of_the_translator_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(z3_arithmetic.ROUNDINGS, "ROUND_HALF_UP", z3_arithmetic.ROUNDINGS["ROUND_HALF_DOWN"])
    right = z3_arithmetic.absolute
    monkeypatch.setattr("ingot.proof.z3_expressions.absolute", lambda value: (value, right(value)[1]))
    drawn = trials(25)
    with Sandbox(seeds=(0,)) as sandbox:
        assert "differs" in {disagreement(seed, sandbox, drawn)[0] for seed in range(45)}


def test_a_seed_gives_the_same_program() -> None:
    assert Writer(3).program() == Writer(3).program() != Writer(4).program()
