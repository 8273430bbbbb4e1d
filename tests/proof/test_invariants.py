"""Verdicts on invariants: proved, refuted by an input that was run, searched, refused, out of steps."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from ingot.compile.assemble import assemble
from ingot.errors import SpecError, StageError
from ingot.program import Observation, Program
from ingot.proof import z3_claims
from ingot.proof.invariants import InvariantVerdict, check_contradictions, check_invariants
from ingot.runtime.sandbox import Sandbox, Trial
from ingot.spec import parse_spec
from ingot.stages.inputs import boundary_trials, generated_trials
from ingot.stages.stated_invariants import stated_invariants

FEE = """metadata: {{name: fee, compliance: [{compliance}]}}
inputs:
  months: {{type: integer, range: [0, 600]}}
  base: {{type: decimal, range: [0, 1000], places: 2}}
  exempt: boolean?
logic_requirements:
  - step: rule
    type: function
    intent: x
    on_null: handle
    inputs: [months, base, exempt]
    outputs:
      fee: {{type: decimal, range: [0, 75], places: 2}}
      decision: {{type: enum, values: [PAY, WAIVE, DENY], adverse: [DENY]}}
invariants:
  {invariants}
"""
GOOD = """def rule(months, base, exempt):
    if exempt is None:
        return {"fee": Decimal("0.00"), "decision": "DENY"}
    if exempt:
        return {"fee": Decimal("0.00"), "decision": "WAIVE"}
    fee = min((base * Decimal("0.015") * months).quantize(Decimal("0.01"), ROUND_HALF_UP), Decimal("75.00"))
    return {"fee": fee, "decision": "PAY"}
"""


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(seeds=(0,)) as one:
        yield one


def fee(invariants: str, logic: str = GOOD, compliance: str = "CMS_Decision_Timeframes") -> Program:
    return assemble(parse_spec(FEE.format(invariants=invariants, compliance=compliance)), logic)


def verdict(program: Program, sandbox: Sandbox, trials: tuple[Trial, ...] | None = None) -> InvariantVerdict:
    tried = (*boundary_trials(program), *generated_trials(program)) if trials is None else trials
    (one,) = check_invariants(
        program, tried, lambda some: sandbox.run(program.text, some, offset=program.offset, seed=0).observations
    )
    return one


PROVED = {
    "expression": "cap: fee <= 75 AND (exempt = TRUE IMPLIES fee = 0)",
    "totality": "totality: true",
    "determinacy": "determinacy: true",
    "monotone": "grows: {builtin: monotone, of: fee, in: base, direction: up}",
    "reachable": "reachable: true",
    "reachable of one": "all_reached: {builtin: reachable, of: decision}",
    "denials": "no_automatic_denial: true",
    "nulls": "null_never_false: true",
    "range": "output_range: true",
}


@pytest.mark.parametrize("name", PROVED)
def test_proved_without_one_input_tried(name: str, sandbox: Sandbox) -> None:
    found = verdict(fee(PROVED[name]), sandbox, ())
    assert (found.status, found.tried, found.example) == ("proved", 0, ())


BROKEN = {
    "expression": ("cap: fee <= 75", ('Decimal("75.00"))', 'Decimal("75.01"))'), "fee is 75.01"),
    "totality": ("totality: true", ("if exempt:", "if 1 // (months - 599) and exempt:"), "ZeroDivisionError"),
    "monotone": ("g: {builtin: monotone, of: fee, in: base, direction: down}", ("", ""), "fee goes from"),
    "reachable": ("reachable: true", ('"WAIVE"', '"PAY"'), "no input gives decision = WAIVE"),
    "range": ("output_range: true", ('Decimal("75.00"))', 'Decimal("75.00")) - 1'), "fee is"),
    "nulls": ("null_never_false: true", ("exempt is None", "months == 601"), "exempt is null and counts as false in line 4"),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_solver_finds_an_input_that_breaks_it(name: str, sandbox: Sandbox) -> None:
    invariant, change, why = BROKEN[name]
    found = verdict(fee(invariant, GOOD.replace(*change)), sandbox, ())
    assert found.status == "counter-example"
    assert why in found.why
    assert bool(found.example) == (name != "reachable")


def test_a_denial_without_a_person_is_found(sandbox: Sandbox) -> None:
    found = verdict(fee("no_automatic_denial: true", compliance="HIPAA"), sandbox, ())
    assert found.status == "counter-example"
    assert found.example[0].input["exempt"] is None


def test_search_finds_what_the_solver_cannot_express(sandbox: Sandbox) -> None:
    hidden = GOOD.replace("if exempt:", "if 'e' in str(months).lower() or exempt:")
    found = verdict(fee("cap: fee <= 75", hidden), sandbox)
    assert found.status == "not expressible"
    assert ".lower" in found.why
    assert found.tried > 50
    broken = verdict(fee("cap: fee < 75", hidden), sandbox)
    assert broken.status == "counter-example"
    witnessed = verdict(fee("reachable: true", hidden), sandbox)
    assert (witnessed.status, witnessed.why) == ("proved", "every value was seen")


def test_running_out_of_steps_is_stated_and_never_a_pass(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(z3_claims, "QUERY", 10)
    found = verdict(fee("cap: fee <= 75"), sandbox, ())
    assert (found.status, found.why) == ("time-out", "the solver used up its steps")


def test_assumed_bounds_are_said(sandbox: Sandbox) -> None:
    spec = parse_spec(
        "metadata: {name: t}\ninputs: {a: decimal}\nlogic_requirements:\n"
        "  - {step: rule, type: function, intent: x, outputs: {answer: decimal}}\n"
        "invariants: {twice: answer >= 2 * a}\n"
    )
    found = verdict(assemble(spec, "def rule(a):\n    return a * 2\n"), sandbox)
    assert found.status == "proved"
    assert found.to_json()["assumes"] == {"a": "between -1,000 and 1,000,000,000 with at most 6 decimal places"}


def test_a_counter_example_that_is_none_is_a_fault_of_ours(sandbox: Sandbox) -> None:
    program = fee("cap: fee < 75")

    def lying(trials: object) -> dict[str, Observation]:
        return {"solver-0": Observation({"fee": 0, "decision": "PAY"})}

    with pytest.raises(StageError, match="is none when it is run"):
        check_invariants(program, (), lying)


def test_verdicts_are_the_same_twice_and_plain_json(sandbox: Sandbox) -> None:
    program = fee("cap: fee <= 75\n  totality: true")
    first, second = (stated_invariants(program, sandbox)[1] for _ in range(2))
    assert first == second
    assert [one["status"] for one in first["verdicts"]] == ["proved", "proved"]


def test_finding_shows_the_input_that_breaks_it(sandbox: Sandbox) -> None:
    text = FEE.format(invariants="cap: months < 600", compliance="HIPAA")
    findings, _ = stated_invariants(assemble(parse_spec(text), GOOD), sandbox)
    assert '"months":600' in findings[0].message
    assert findings[0].code == "ACC007"


@pytest.mark.parametrize("base", ["1000", "1000.00"])
def test_finding_hides_a_held_out_input(sandbox: Sandbox, base: str) -> None:
    """Exactly one input breaks it, which the solver finds though nobody tries it: the held-out case."""
    text = FEE.format(invariants="cap: months < 600 OR base < 1000 OR exempt IS NULL OR exempt", compliance="HIPAA")
    case = f"{{input: {{months: 600, base: {base}, exempt: false}}, expected: {{fee: 75.00, decision: PAY}}}}"
    shown, hidden = (parse_spec(f"{text}cases: {{{group}: [{case}]}}\n") for group in ("given", "held_out"))
    (seen,), _ = stated_invariants(assemble(shown, GOOD), sandbox)
    assert '"months":600' in seen.message
    (finding,), measures = stated_invariants(assemble(hidden, GOOD), sandbox)
    assert finding.message == "invariant 'cap' does not hold for an input that is not shown"
    assert "600" not in str(finding)
    assert "600" not in str(measures)


def test_a_deeper_search_states_its_effort(sandbox: Sandbox) -> None:
    hidden = GOOD.replace("if exempt:", "if 'e' in str(months).lower() or exempt:")
    _, measures = stated_invariants(fee("cap: fee <= 75", hidden), sandbox)
    (verdict,) = measures["verdicts"]
    assert verdict["status"] == "no counter-example found"
    assert ".lower" in verdict["why"]
    assert verdict["effort"]["inputs"] > 150
    assert 0.8 < verdict["effort"]["branch_coverage"] <= 1


BAD = {
    "not boolean": ("a: fee + 1", "not boolean"),
    "divides by zero": ("a: fee / 0 > 1", "divides by zero"),
    "divides by a hidden zero": ("a: fee / (1 - 1) > 1", "divides by zero"),
    "unknown field": ("a: feee > 1", "'feee'"),
    "a value that the enum has not": ("a: decision = 'PAID'", "'decision' is never 'PAID'"),
    "a number compared with text": ("a: fee > 'low'", "'fee' is of type decimal and is never 'low'"),
    "an order of an enum": ("a: decision > 'PAY'", "no order"),
    "no expression": ("'a': 'fee >'", "is not an expression"),
    "unknown output": ("a: {builtin: monotone, of: feee, in: base, direction: up}", "'feee' is not an output"),
    "no direction": ("a: {builtin: monotone, of: fee, in: base}", "lacks"),
    "no order": ("a: {builtin: monotone, of: fee, in: exempt, direction: up}", "no order"),
    "not a builtin": ("nonsense: true", "builtin"),
    "both": ("a: {builtin: totality, holds: fee > 1}", "'holds' and 'builtin'"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_invariants_are_refused_with_their_place(name: str) -> None:
    text, message = BAD[name]
    with pytest.raises(SpecError, match=message) as error:
        parse_spec(FEE.format(invariants=text, compliance="HIPAA"))
    assert re.fullmatch(r"spec\.yaml:1\d:\d+", error.value.place or "")
    assert error.value.hint


@pytest.mark.parametrize(
    ("text", "against"),
    [("a: fee <= 10\n  b: fee > 10", "'a'"), ("a: fee > 75", "what its fields can be"),
     ("a: fee <= base\n  b: fee > 5\n  c: base < 5", "'a' and 'b'")],
)  # fmt: skip
def test_contradictions_are_refused_with_their_place(text: str, against: str) -> None:
    spec = parse_spec(FEE.format(invariants=text, compliance="HIPAA"))
    with pytest.raises(SpecError, match=against) as error:
        check_contradictions(spec)
    assert (error.value.place or "").startswith("spec.yaml:1")


NULLS = {
    "in any": "    if any([exempt, base > 900]):\n",
    "in all": "    if all(one for one in (months > 3, exempt)):\n",
    "chosen before": "    late = exempt if months > 3 else False\n    if late:\n",
    "not chosen": "    late = False if months > 3 else exempt\n    if not late:\n",
}


@pytest.mark.parametrize("test", NULLS.values(), ids=NULLS)
def test_a_null_that_counts_as_false_by_a_detour_is_found(sandbox: Sandbox, test: str) -> None:
    logic = f'def rule(months, base, exempt):\n{test}        return {{"fee": Decimal("1"), "decision": "WAIVE"}}\n'
    logic += '    return {"fee": Decimal("2"), "decision": "PAY"}\n'
    found = verdict(fee("null_never_false: true", logic), sandbox)
    assert found.status == "counter-example"
    assert "exempt is null and counts as false" in found.why
    assert found.example[0].input["exempt"] is None


def test_a_null_of_the_code_itself_is_nobodys_unasked_null(sandbox: Sandbox) -> None:
    logic = """def rule(months, base, exempt):
    late = None if months > 3 or exempt is None else exempt
    if any([base > 900, late]):
        return {"fee": Decimal("1"), "decision": "WAIVE"}
    return {"fee": Decimal("2"), "decision": "PAY"}
"""
    assert verdict(fee("null_never_false: true", logic), sandbox).status == "proved"


def test_a_value_that_only_an_input_beyond_the_assumed_bounds_gives_is_not_called_unreachable(sandbox: Sandbox) -> None:
    spec = FEE.replace("range: [0, 1000], places: 2", "places: 2")
    logic = GOOD.replace("    if exempt:\n", '    if base * Decimal("1.5") > Decimal("9000000000"):\n')
    program = assemble(
        parse_spec(spec.format(invariants="reachable: true", compliance="SOC2")), logic.replace('"DENY"', '"PAY"')
    )
    found = verdict(program, sandbox)
    assert found.status == "no counter-example found"
    assert "base between -1,000 and 1,000,000,000" in found.why
