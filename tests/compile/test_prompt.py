"""Prompts: held-out cases never reach them, repairs carry only what failed, and they stay short."""

from decimal import Decimal

import pytest

from ingot.compile.plan import make_plan
from ingot.compile.prompt import first_request, repair_request
from ingot.models.model import Request
from ingot.spec import Spec, parse_spec
from ingot.verdict import Finding

SPEC = """
metadata: {name: permit, compliance: [HIPAA]}
inputs:
  zone: {type: enum, values: [A, B], description: where the car is parked}
  months: {type: integer, unit: months}
  bags: {type: list, items: {type: object, fields: {weight: {type: integer, unit: kg}}}}
outputs: {fee: decimal, note: text}
clauses: {C1: A month costs 30 in zone A., C2: Notes are polite., C3: Weights count in kilograms.}
logic_requirements:
  - {step: compute, type: function, intent: Compute it., clauses: [C1, C3], inputs: [zone, months, bags], outputs: {fee: decimal}}
  - {step: write_note, type: function, intent: Write it., clauses: [C2], inputs: [fee], outputs: {note: text}}
answers: {"round:fee": Round half up to the cent.}
cases:
  given:
    - {id: shown-case, input: {zone: A, months: 1, bags: []}, expected: {fee: 30.10, note: shown-note}}
  held_out:
    - {id: hidden-case, input: {zone: B, months: 98765, bags: [{weight: 54321}]}, expected: {fee: 4242.42, note: hidden-note}, note: hidden remark}
"""
SECRETS = ("98765", "54321", "4242", "hidden-note", "hidden-case", "hidden remark")
FINDING = Finding("ACC001", "given case 'shown-case': fee is 1", function="compute", hint="follow the clause")


@pytest.fixture
def spec() -> Spec:
    return parse_spec(SPEC)


def everything(request: Request) -> str:
    return str(request.to_json())


def test_no_byte_of_a_held_out_case_reaches_a_prompt(spec: Spec) -> None:
    first = first_request(spec, make_plan(spec))
    repair = repair_request(spec, ["compute", "write_note"], "def compute(): ...", [FINDING])
    for request in (first, repair):
        for secret in SECRETS:
            assert secret not in everything(request)
    assert "shown-note" in first.prompt


@pytest.mark.parametrize("held_out", [True, False])
def test_a_prompt_is_the_same_bytes_with_and_without_held_out_cases(spec: Spec, held_out: bool) -> None:
    bare = spec.model_copy(update={"cases": spec.given})
    other = spec.held_out[0].model_copy(update={"expected": {"fee": Decimal(7)}, "held_out": True})
    changed = spec.model_copy(update={"cases": (*spec.given, other)}) if held_out else bare
    assert first_request(changed, make_plan(changed)) == first_request(spec, make_plan(spec))
    args = (["compute"], "x", [FINDING])
    assert repair_request(changed, *args) == repair_request(spec, *args)


def test_the_first_request_asks_for_all_functions_with_their_rules(spec: Spec) -> None:
    request = first_request(spec, make_plan(spec))
    assert request.functions == ("compute", "write_note")
    for part in (
        "def compute(zone: Literal['A', 'B'], months: int, bags: list[BagsItem]) -> Decimal:",
        "def write_note(fee: Decimal) -> str:",
        "class BagsItem(TypedDict):",
        "C1: A month costs 30 in zone A.",
        "C2: Notes are polite.",
        "where the car is parked",
        "in kg",
        "Round half up to the cent.",
    ):
        assert part in request.prompt, part


def test_a_repair_carries_only_the_failed_function_and_its_findings(spec: Spec) -> None:
    code = (
        "BASE = 15\nRATE = 2 * BASE\nTEXT = 'polite'\n"
        "def compute(a):\n    return RATE\n\n\ndef write_note(b):\n    return TEXT\n"
    )
    request = repair_request(spec, ["compute"], code, [FINDING])
    assert request.functions == ("compute",)
    assert "BASE = 15\nRATE = 2 * BASE\n\ndef compute(a):\n    return RATE\n```" in request.prompt
    assert "TEXT" not in request.prompt
    assert "ACC001 given case 'shown-case'" in request.prompt
    assert "write_note" not in request.prompt
    assert "C2" not in request.prompt


def test_a_second_draw_is_another_request(spec: Spec) -> None:
    plan = make_plan(spec)
    assert first_request(spec, plan, draw=2).digest != first_request(spec, plan).digest
    assert first_request(spec, plan, draw=2).temperature > 0


def test_many_findings_are_cut_and_counted(spec: Spec) -> None:
    many = [Finding("SEC001", f"number {n}", function="compute", hint="same") for n in range(30)]
    prompt = repair_request(spec, ["compute"], "", many).prompt
    assert "and 22 more" in prompt
    assert prompt.count("Fix: same") == 1


def test_large_given_cases_are_left_out_rather_than_paid_for() -> None:
    long = "x" * 5_000
    text = SPEC.replace("shown-note", long)
    assert long not in first_request(parse_spec(text), make_plan(parse_spec(text))).prompt


def test_an_answer_about_a_held_out_case_reaches_no_prompt(spec: Spec) -> None:
    answers = {**spec.answers, "case:hidden-case:fee": "it is 4242", "leak:shown-case:hidden-case": "so be it"}
    told = spec.model_copy(update={"answers": answers})
    assert first_request(told, make_plan(told)) == first_request(spec, make_plan(spec))


def test_the_rule_stands_above_the_def_line_that_a_reply_goes_on_from(spec: Spec) -> None:
    request = first_request(spec, make_plan(spec))
    lines = request.prompt.splitlines()
    at = lines.index(request.start)
    assert lines[at - 1].startswith("bags[].weight: ")
    assert not lines[at + 1].strip()


def test_a_case_says_only_what_it_says(spec: Spec) -> None:
    case = spec.given[0]
    said = [
        case.model_copy(update={"id": "a", "expected": {}, "answered": ("fee", "note")}),
        case.model_copy(update={"id": "b", "expected": {}, "escalates": True}),
        case.model_copy(update={"id": "c", "expected": {}, "escalates": False}),
    ]
    prompt = first_request(spec.model_copy(update={"cases": tuple(said)}), make_plan(spec)).prompt
    for end in ("=> fee and note not null\n", "=> a person decides\n", "=> ?"):
        assert end in f"{prompt}\n"


def test_patterns_and_enums_are_spoken_of_where_a_text_is_searched(spec: Spec) -> None:
    searched = parse_spec(SPEC.replace("zone: {type: enum, values: [A, B],", "zone: {type: text,"))
    told = {**searched.given[0].input, "zone": "the car stands in zone A"}
    prose = searched.given[0].model_copy(update={"input": told})
    for cases in ((prose,), ()):
        system = first_request(searched.model_copy(update={"cases": cases}), make_plan(searched)).system
        assert "regular expression" in system
        assert "enum" not in system
    assert "regular expression" not in first_request(searched, make_plan(searched)).system
    coded = parse_spec(SPEC.replace("zone: {type: enum, values: [A, B],", "zone: {type: text, max_length: 20,"))
    assert "regular expression" not in first_request(coded, make_plan(coded)).system
    assert "regular expression" not in first_request(spec, make_plan(spec)).system


def test_held_out_failures_are_not_told_beside_given_ones_and_nothing_twice(spec: Spec) -> None:
    hidden = Finding("ACC002", "fee is wrong in 1 of 1 held-out cases", function="compute", hint="follow the clauses")
    both = repair_request(spec, ["compute"], "x", [FINDING, hidden, FINDING]).prompt
    assert both.count("ACC001") == 1
    assert "held-out" not in both
    assert "held-out" in repair_request(spec, ["compute"], "x", [hidden]).prompt


def test_a_finding_quotes_its_line(spec: Spec) -> None:
    found = Finding("SYN004", "not so", 2, function="compute")
    assert (
        "SYN004 not so, at: return a + None"
        in repair_request(spec, ["compute"], "def compute(a):\n    return a + None\n", [found]).prompt
    )
