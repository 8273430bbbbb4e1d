"""Two programs told apart: at boundaries, by nulls, by exceptions, by lists; or proved to do the same."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from ingot.compile.assemble import assemble
from ingot.errors import SpecError, StageError
from ingot.program import Program
from ingot.proof import apart as module
from ingot.proof.apart import Apart, difference, tell_apart
from ingot.proof.pair import Answer, Pair
from ingot.proof.pair_fields import structure
from ingot.proof.translate import check_agreement, translate
from ingot.runtime.sandbox import Sandbox, Trial
from ingot.spec import parse_spec

FIELDS = {
    "n": ("{type: integer, range: [-40, 40]}", "int"),
    "m": ('{type: "integer?", range: [-3, 3]}', "int | None"),
    "x": ("{type: decimal, range: [-50, 50], places: 2}", "Decimal"),
    "day": ("date", "date"),
    "plan": ("{type: enum, values: [GOLD, SILVER, BASIC]}", "str"),
    "word": ("text", "str"),
    "marks": ("{type: list of integer, max_length: 3}", "list[int]"),
    "many": ("{type: list of integer, max_length: 30}", "list[int]"),
}


def program(body: str, fields: str = "n", output: str = "integer?", **other: tuple[str, str]) -> Program:
    known = {**FIELDS, **other}
    names = fields.split()
    inputs = "".join(f"\n  {name}: {known[name][0]}" for name in names)
    spec = parse_spec(
        f"metadata: {{name: t}}\ninputs:{inputs}\nlogic_requirements:\n  - {{step: rule, type: function, intent: x, "
        f"on_null: handle, inputs: [{', '.join(names)}], outputs: {{answer: '{output}'}}}}\n"
    )
    lines = "\n".join(f"    {line}" for line in body.strip("\n").split("\n"))
    types = ", ".join(f"{name}: {known[name][1]}" for name in names)
    return assemble(spec, f"def rule({types}):\n{lines}\n")


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(seeds=(0,)) as one:
        yield one


def found(one: Program, other: Program, sandbox: Sandbox, effort: int = 200) -> Apart:
    return tell_apart(one, other, sandbox, effort=effort)


BOUNDARIES = [
    ("n", "return 1 if n < 18 else 2", "return 1 if n <= 18 else 2", {"n": 18}),
    ("x", "return 1 if x > Decimal('1.5') else 0", "return 1 if x >= Decimal('1.5') else 0", {"x": Decimal("1.50")}),
    ("day", "return 1 if day > date(2000, 2, 28) else 0", "return 1 if day >= date(2000, 2, 28) else 0", {"day": date(2000, 2, 28)}),
    ("plan", "return 1 if plan == 'BASIC' else 0", "return 0", {"plan": "BASIC"}),
    ("m", "return 1 if m is None else 0", "return 0", {"m": None}),
    ("m", "return m + 1", "return 0 if m is None else m + 1", {"m": None}),
    ("word", "return 1 if word == 'q' else 0", "return 0", {"word": "q"}),
]  # fmt: skip


@pytest.mark.parametrize(("fields", "one", "other", "where"), BOUNDARIES)
def test_the_one_input_that_tells_two_rules_apart_is_found_and_run(
    fields: str, one: str, other: str, where: dict[str, object], sandbox: Sandbox
) -> None:
    seen = found(program(one, fields), program(other, fields), sandbox)
    assert (seen.verdict, seen.how, seen.why) == ("differ", "solver", "")
    assert seen.trial is not None
    assert dict(seen.trial.input) == where


SAME = [
    ("n", "return 1 if n < 18 else 2", "return 1 if n <= 17 else 2"),
    ("n plan", "if n < 0:\n    return 1\nif plan == 'GOLD' and n >= 0:\n    return 2\nreturn 3",
     "if plan == 'GOLD' and n >= 0:\n    return 2\nif n < 0:\n    return 1\nreturn 3"),
    ("plan", "return 1 if plan == 'GOLD' else 0", "return 0 if plan in ('SILVER', 'BASIC') else 1"),
    ("marks", "return sum(marks)", "total = 0\nfor one in marks:\n    total = total + one\nreturn total"),
    ("m", "return m + 1", "return 1 + m"),
]  # fmt: skip


@pytest.mark.parametrize(("fields", "one", "other"), SAME)
def test_rules_written_otherwise_are_proved_to_do_the_same(fields: str, one: str, other: str, sandbox: Sandbox) -> None:
    seen = found(program(one, fields), program(other, fields), sandbox)
    assert (seen.verdict, seen.how, seen.trial) == ("same", "solver", None)


def test_lists_that_are_returned_are_compared_item_by_item(sandbox: Sandbox) -> None:
    one = program("return marks", "marks", "list of integer")
    assert found(one, program("return marks", "marks", "list of integer"), sandbox).verdict == "same"
    seen = found(one, program("return [0] if marks == [] else marks", "marks", "list of integer"), sandbox)
    assert seen.verdict == "differ"
    assert seen.trial is not None
    assert seen.trial.input["marks"] == []


def test_what_is_the_same_in_a_domain_that_was_assumed_is_not_proved(sandbox: Sandbox) -> None:
    amount = {"amount": ("decimal", "Decimal")}
    one = program("return amount * 2", "amount", "decimal", **amount)
    two = program("return 2 * amount", "amount", "decimal", **amount)
    seen = found(one, two, sandbox)
    assert seen.verdict == "none found"
    assert "beyond that nothing is proved" in seen.why
    assert "amount" in seen.assumed


def test_where_the_solver_cannot_say_a_search_goes_on_and_says_why(sandbox: Sandbox) -> None:
    one = program("return 1 if word.startswith('ab') else 0", "word")
    seen = found(one, program("return 1 if word[:2] == 'a' else 0", "word"), sandbox)
    assert (seen.verdict, seen.how) == ("differ", "search")
    assert "word.startswith(…) (line 2)" in seen.why
    alike = found(one, program("return 1 if word[:2] == 'ab' else 0", "word"), sandbox)
    assert (alike.verdict, alike.how, alike.trial) == ("none found", "search", None)
    assert alike.tried > 5


def test_a_search_finds_a_boundary_inside_a_long_list(sandbox: Sandbox) -> None:
    one = program("return sum(1 for one in many if one > 8641)", "many")
    seen = found(one, program("return sum(1 for one in many if one >= 8641)", "many"), sandbox)
    assert (seen.verdict, seen.how) == ("differ", "search")
    assert seen.trial is not None
    assert 8641 in seen.trial.input["many"]


def test_the_same_two_programs_get_the_same_answer(sandbox: Sandbox) -> None:
    one, two = program("return len(many) // 3", "many"), program("return (len(many) + 1) // 4", "many")
    assert found(one, two, sandbox) == found(one, two, sandbox)


def test_inputs_of_other_types_are_refused_by_name(sandbox: Sandbox) -> None:
    with pytest.raises(SpecError, match="'n', which is integer in one and text in the other"):
        found(program("return n"), program("return 1", "n", n=("text", "str")), sandbox)


def test_only_inputs_that_both_allow_are_compared(sandbox: Sandbox) -> None:
    one = program("return 1 if n > 10 else 0")
    narrow = program("return 0", n=("{type: integer, range: [-5, 10]}", "int"))
    assert found(one, narrow, sandbox).verdict == "same"
    wider = program("return 0", n=("{type: integer, range: [-5, 11]}", "int"))
    seen = found(one, wider, sandbox)
    assert seen.trial is not None
    assert seen.trial.input["n"] == 11


def test_what_only_one_has_is_named_and_not_searched_for(sandbox: Sandbox) -> None:
    one, two = program("return n"), program("return n", "n m")
    assert structure(one.spec, two.spec) == ("input 'm' is only in the second",)
    assert found(one, two, sandbox).verdict == "same"


def test_a_witness_that_is_none_when_it_is_run_is_a_fault(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = Answer("differ", Trial("solver", {"n": 3}), (2, 2))
    monkeypatch.setattr(Pair, "differ", lambda *_, **__: wrong)
    with pytest.raises(StageError, match="they do not when it is run"):
        found(program("return n"), program("return n + 0"), sandbox)


def test_the_same_is_not_said_where_a_translation_is_wrong(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    one, two = program("return n"), program("return n + 1")
    translated = module._solved(one, one, sandbox, ())[0]
    assert translated.verdict == "same"
    pair = Pair(one, one)
    pair.other.program = replace(two)
    with pytest.raises(StageError, match="disagrees with CPython"):
        module._check(pair, sandbox, [Trial("t", {"n": 4})])


# ---- regions ---------------------------------------------------------------------------------------------------------

TIERS = "if n < 0:\n    return 1\nif n < 10:\n    return 2\nreturn 3"


def test_there_is_an_input_for_each_pair_of_returns_that_part() -> None:
    pair = Pair(program(TIERS), program("if n <= 0:\n    return 1\nif n < 12:\n    return 2\nreturn 3"))
    changes = {answer.region: answer.trial.input["n"] for answer in pair.changes() if answer.trial}
    assert set(changes) == {(5, 3), (6, 5)}
    assert changes[5, 3] == 0
    assert changes[6, 5] in (10, 11)
    assert pair.differ(region=(3, 3)).verdict == "same"
    assert pair.differ(region=(5, 3)).region == (5, 3)
    assert (5, 3) in pair.regions()


def test_a_pair_of_equal_programs_has_no_changes() -> None:
    assert list(Pair(program(TIERS), program(TIERS)).changes()) == []


def test_the_solver_running_out_of_steps_is_no_proof() -> None:
    pair = Pair(program("return n * n * n"), program("return n * (n * n) + (0 if n < 41 else 1)"), steps=1)
    assert pair.differ().verdict == "unknown"


# ---- steps that no function computes ---------------------------------------------------------------------------------


def asking(before: str, after: str, validation: str = "seen >= 0") -> Program:
    spec = parse_spec(f"""
metadata: {{name: t}}
inputs: {{n: {{type: integer, range: [0, 9]}}}}
outputs: {{answer: integer}}
logic_requirements:
  - {{step: limit, type: function, intent: Set it., inputs: [n], outputs: {{most: integer}}}}
  - step: look_up
    type: bounded_invocation
    intent: Look it up.
    inputs: [most]
    outputs: {{seen: {{type: integer, range: [0, 9]}}}}
    validation: ["{validation}"]
  - {{step: rule, type: function, intent: Decide., inputs: [seen], outputs: {{answer: integer}}}}
""")
    return assemble(
        spec, f"def limit(n: int) -> int:\n    return {before}\n\n\ndef rule(seen: int) -> int:\n    return {after}\n"
    )


def test_the_outputs_of_steps_are_part_of_the_input(sandbox: Sandbox) -> None:
    seen = found(asking("n", "1 if seen > 7 else 0"), asking("n", "1 if seen > 8 else 0"), sandbox)
    assert seen.trial is not None
    assert seen.trial.steps == {"look_up": {"seen": 8}}
    assert seen.region == (6, 6)


@pytest.mark.parametrize("validation", ["seen >= 0", "seen <= most"])
def test_a_step_that_is_asked_something_else_is_not_the_same(validation: str, sandbox: Sandbox) -> None:
    one, two = asking("n", "seen", validation), asking("n + 1", "seen", validation)
    seen = found(one, two, sandbox)
    assert seen.verdict == "none found"
    assert seen.why == "a step that no function computes is asked something else"
    assert found(one, one, sandbox).verdict == "same"


def test_what_is_not_alike_is_said() -> None:
    from ingot.program import Observation

    answer, error = Observation({"a": 1}), Observation(None, error="ValueError: x")
    person = Observation({"a": 1}, ("rule", "why"))
    assert difference(answer, error, ["a"]) == "only the second raises"
    assert difference(person, answer, ["a"]) == "only the first goes to a person"
    assert difference(answer, Observation({"a": 2}), ["a"]) == "a is 1 in the first and 2 in the second"
    assert difference(answer, Observation({"a": 2}), []) is None
    assert difference(error, error, ["a"]) is None


def test_an_input_beyond_the_bounds_that_were_taken_is_no_fault_of_the_translation(sandbox: Sandbox) -> None:
    far = Trial("far", {"amount": Decimal("12345678901234567890123456789.12")})  # its double has more than 28 digits
    own = program("return amount * 2", "amount", "decimal", amount=("decimal", "Decimal"))
    seen = sandbox.run(own.text, [far], offset=own.offset, seed=sandbox.seeds[0]).observations
    assert check_agreement(translate(own), {"far": far}, seen) == 0


def test_a_witness_has_ordinary_years() -> None:
    spec = parse_spec(
        "metadata: {name: t}\ninputs: {born: date, on: date}\noutputs: {v: integer}\n"
        "logic_requirements: [{step: rule, type: function, intent: Of age., inputs: [born, on]}]\n"
    )
    rule = "def rule(born: date, on: date) -> int:\n    if born.year + 18 {} on.year and born < on:\n        return 1\n    return 0\n"
    trial = Pair(assemble(spec, rule.format("<=")), assemble(spec, rule.format("<"))).differ().trial
    assert trial is not None
    assert all(1940 <= day.year <= 2060 for day in trial.input.values())
    assert trial.input["born"].year + 18 == trial.input["on"].year
