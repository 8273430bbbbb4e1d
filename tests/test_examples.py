"""The bundled examples: every spec loads whole, its cases are sane, and what the cases say hangs together."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

import ingot
from ingot.compile.assemble import assemble, signatures
from ingot.compile.driver import Compiled, check
from ingot.evals.bundled import EXAMPLES, compile_example
from ingot.spec import Case, Spec, load_spec

FOLDER = Path(ingot.__file__).parent / "library" / "examples"
NAMES = ("airline_baggage", "copay", "late_fee", "prior_auth", "receipt_fields")
CLAUSE_CHARACTERS = {"airline_baggage": 2_600, "receipt_fields": 4_000}


def spec(name: str) -> Spec:
    return load_spec(FOLDER / name / "spec.yaml")


def case(name: str, case_id: str) -> Case:
    return next(one for one in spec(name).cases if one.id == case_id)


@pytest.mark.parametrize("name", NAMES)
def test_spec_is_complete_as_written(name: str) -> None:
    loaded = spec(name)
    assert loaded.metadata.name == name
    assert loaded.derived == (), "a bundled example leaves nothing to derive"
    assert (FOLDER / name / "spec.yaml").read_text(encoding="utf-8").startswith("# "), "a comment says what it is"


@pytest.mark.parametrize("name", NAMES)
def test_every_clause_is_cited_and_short(name: str) -> None:
    loaded = spec(name)
    cited = {clause for step in loaded.functions for clause in step.clauses}
    assert cited == {clause.id for clause in loaded.clauses}
    assert sum(len(clause.text) for clause in loaded.clauses) <= CLAUSE_CHARACTERS.get(name, 1_000)


@pytest.mark.parametrize("name", NAMES)
def test_cases_are_enough_and_differ(name: str) -> None:
    loaded = spec(name)
    assert len(loaded.given) >= 6
    assert len(loaded.held_out) >= 8
    inputs = [repr(sorted(one.input.items())) for one in loaded.cases]
    assert len(set(inputs)) == len(inputs), "no input stands twice, least of all given and held out"
    outputs = {field.name for field in loaded.outputs}
    for one in loaded.cases:
        assert one.escalates or set(one.expected) == outputs, f"{one.id} leaves an output unsaid"


@pytest.mark.parametrize("name", NAMES)
def test_program_around_the_functions_parses(name: str) -> None:
    loaded = spec(name)
    bodies = "\n\n\n".join(f"{signature.header()}\n    raise ValueError" for signature in signatures(loaded))
    compile(assemble(loaded, bodies).text, name, "exec")


def test_prior_auth_sees_every_outcome_in_both_groups() -> None:
    loaded = spec("prior_auth")
    reasons = set(next(field for field in loaded.outputs if field.name == "reason_code").values)
    assert {one.expected["reason_code"] for one in loaded.given} == reasons
    assert {one.expected["decision"] for one in loaded.held_out} == {"APPROVE", "PEND", "DENY"}
    assert all(one.escalates == (one.expected["decision"] == "DENY") for one in loaded.cases)
    assert all(field.sensitive == "phi" for field in loaded.inputs)


def test_prior_auth_cases_stand_on_both_sides_of_each_boundary() -> None:
    seen = {(key, value) for one in spec("prior_auth").cases for key, value in one.input.items()}
    pairs = {
        "age_years": (17, 18),
        "metformin_days": (89, 90),
        "a1c": (Decimal("6.4"), Decimal("6.5")),
        "bmi": (Decimal("26.9"), Decimal("27.0")),
    }
    for name, values in pairs.items():
        assert {(name, value) for value in values} <= seen
    assert {("a1c", None), ("bmi", None), ("bmi", Decimal("29.9")), ("bmi", Decimal("30.0"))} <= seen


def test_airline_cases_cover_zones_and_classes() -> None:
    loaded = spec("airline_baggage")
    zones = next(clause.text for clause in loaded.clauses if clause.id == "C1")
    groups = [part.split(": ", 1)[1].split(", ") for part in zones.removeprefix("Zones. ").split(". ") if ": " in part]
    assert len(groups) == 10
    places = {one.input["routine"] for one in loaded.cases}
    for group in groups:
        assert places & {name.strip(" .") for name in group}, f"no case for {group}"
    classes = next(field for field in loaded.inputs if field.name == "customer_class").values
    assert {one.input["customer_class"] for one in loaded.cases} == set(classes)
    assert {one.input["direction"] for one in loaded.cases} == {0, 1}


@pytest.mark.parametrize(
    ("case_id", "parts"),
    [
        ("basic-to-cuba", (310, 35, 150, 200)),  # ticket, first and second bag, 60 lb to Cuba
        ("main-plus-europe", (640, 0, 0, 200, 30)),  # two free bags, the third, 65 in and 52 lb
        ("first-to-canada-heavy-third", (420, 0, 0, 150)),  # the two heavy bags use the two 70 lb allowances
        ("business-japan-overweight", (1500, 450)),  # 88 lb in Asia outweighs 68 in
        ("haiti-premium", (280, 200, 200)),  # third bag, and the higher of 76 in and 71 lb
        ("israel-business-choice", (980, 200, 200, 150)),  # allowances go to the 68 lb and 52 lb bags
        ("australia-main-one-free-bag", (930, 0, 100, 30)),  # the allowance goes to the 66 lb bag
        ("from-cuba-basic", (150, 0, 0, 200, 200)),  # third bag, 54 lb from Cuba
    ],
)
def test_airline_totals_by_hand(case_id: str, parts: tuple[int, ...]) -> None:
    assert case("airline_baggage", case_id).expected["total_cost"] == sum(parts)


def test_receipts_print_what_is_expected_of_them() -> None:
    for one in spec("receipt_fields").cases:
        text = one.input["text"]
        assert one.expected["date"] in text
        if one.id != "cash-less-change":
            assert one.expected["total"] in text
        postcode = next((word for word in one.expected["address"].split() if word.isdigit() and len(word) == 5), "")
        assert postcode in text


@pytest.mark.parametrize(
    ("case_id", "expected"),
    [("half-cent-exact", "6.02"), ("half-cent-up", "5.01"), ("just-at-maximum", "75.00"), ("minimum", "5.00")],
)
def test_late_fee_rounds_half_up_inside_its_limits(case_id: str, expected: str) -> None:
    one = case("late_fee", case_id)
    exact = one.input["amount_due"] * Decimal("0.015")
    assert abs(max(exact, Decimal(5)) - Decimal(expected)) <= Decimal("0.005")
    assert one.expected["late_fee"] == Decimal(expected)


def test_copay_never_exceeds_the_allowed_amount() -> None:
    for one in spec("copay").cases:
        assert one.expected["copay"] <= one.input["allowed_amount"]


# ---- their recorded completions ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def compiled() -> dict[str, Compiled]:
    """Every example, compiled from its recordings."""
    return {name: compile_example(name, None) for name in EXAMPLES}


def test_every_example_is_bundled() -> None:
    assert sorted(EXAMPLES) == sorted(NAMES)


def test_every_example_passes_from_its_recordings(compiled: dict[str, Compiled]) -> None:
    for name, one in compiled.items():
        assert one.passed, name
        used = {attempt.request.digest[:16] for attempt in one.attempts if attempt.request}
        kept = {path.stem for path in (FOLDER / name / "recordings").glob("*.json")}
        assert used == kept, f"{name}: recordings that nothing asks for are dead weight"


def test_a_compile_of_the_median_example_takes_at_most_2500_tokens(compiled: dict[str, Compiled]) -> None:
    totals = sorted(one.usage.total_tokens for one in compiled.values())
    assert totals[len(totals) // 2] <= 2_500, totals


def test_the_demo_shows_a_refusal_by_a_stage_and_its_repair(compiled: dict[str, Compiled]) -> None:
    first, *_, last = compiled["prior_auth"].attempts
    assert first.completion.model.startswith("local:")
    assert first.verdicts[-1].stage in ("security", "syntax", "execution", "accuracy")
    assert not first.passed
    assert last.passed
    assert last.kind == "repair"


TWINS = [
    ("prior_auth", "age_years < 18", "age_years <= 18"),
    ("prior_auth", "metformin_days >= 90", "metformin_days > 90"),
    ("prior_auth", 'Decimal("6.5")', 'Decimal("7.0")'),
    ("prior_auth", '"reason_code": "MISSING_BMI"', '"reason_code": "MISSING_A1C"'),
    ("prior_auth", "if mtc_or_men2:", "if False:"),
    ("copay", 'Decimal("25.00")', 'Decimal("26.00")'),
    ("copay", 'Decimal("150.00")', 'Decimal("15.00")'),
    ("late_fee", "<= 5", "< 5"),
    ("late_fee", 'Decimal("75.00")', 'Decimal("57.00")'),
    ("late_fee", "ROUND_HALF_UP", "ROUND_FLOOR"),
]


@pytest.mark.parametrize(("name", "right", "wrong"), TWINS)
def test_a_wrong_twin_of_an_accepted_program_is_refused(
    compiled: dict[str, Compiled], name: str, right: str, wrong: str
) -> None:
    logic = compiled[name].program.logic
    assert right in logic, "the twin no longer differs from the recorded program"
    checked = check(FOLDER / name / "spec.yaml", logic.replace(right, wrong))
    assert not checked.passed
