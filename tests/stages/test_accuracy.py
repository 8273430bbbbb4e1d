"""ACCURACY: scores by field, held-out failures without their content, unscored is not right."""

from decimal import Decimal

import pytest

from ingot.compile.assemble import assemble
from ingot.fields import Field
from ingot.program import Observation, Program
from ingot.spec import Scorer, parse_spec
from ingot.stages.accuracy import check_accuracy
from ingot.stages.scorers import score

SPEC = """
metadata: {name: fee}
inputs: {zone: {type: enum, values: [A, B]}, months: integer}
outputs: {fee: decimal, note: text}
logic_requirements:
  - {step: compute, type: function, intent: Compute it.}
cases:
  given:
    - {id: one, input: {zone: A, months: 1}, expected: {fee: 30.10, note: ok}}
    - {id: two, input: {zone: B, months: 2}, expected: {fee: 20}}
  held_out:
    - {id: secret, input: {zone: B, months: 77}, expected: {fee: 4242.42, note: hidden}}
"""


def program(text: str = SPEC) -> Program:
    return assemble(parse_spec(text), "def compute(zone, months):\n    return {}\n")


def seen(fee: str, note: str = "ok") -> Observation:
    return Observation({"fee": Decimal(fee), "note": note})


RIGHT = {"one": seen("30.1"), "two": seen("20.00"), "secret": seen("4242.42", "hidden")}


def test_right_answers_pass_and_decimals_compare_by_value() -> None:
    verdict, _ = check_accuracy(program(), RIGHT)
    assert verdict.passed
    assert verdict.measures["given"] == {"cases": 2, "right": 2, "accuracy": 1.0, "fields": {"fee": 1.0, "note": 1.0}}
    assert verdict.measures["held_out"]["right"] == 1


def test_a_wrong_given_case_shows_input_expected_and_answer() -> None:
    verdict, _ = check_accuracy(program(), {**RIGHT, "one": seen("30.11")})
    assert not verdict.passed
    (finding,) = verdict.findings
    assert finding.code == "ACC001"
    assert finding.function == "compute"
    for part in ("'one'", '"30.11"', '"30.10"', '"zone":"A"'):
        assert part in finding.message


READS = """
metadata: {name: read}
inputs: {text: {type: text, max_length: 5000}}
outputs: {total: {type: integer, nullable: true}}
logic_requirements:
  - {step: read_total, type: function, intent: Read the total.}
cases:
  given: [{id: one, input: {text: the sum is 12}, expected: {total: 12}}]
"""
READER = """
WORDS = (r"amount (\\d+)", r"sum is")


def read_total(text):
    match = re.search(r"(?i)total of (\\d+)", text) or re.search("THE SUM", text, re.I)
    for word in WORDS:
        match = re.search(word, text)
    return None
"""


def test_where_nothing_was_found_the_patterns_that_are_not_in_the_text_are_said() -> None:
    reads = assemble(parse_spec(READS), READER)
    verdict, _ = check_accuracy(reads, {"one": Observation({"total": None})})
    assert verdict.findings[0].message.endswith(r'; not found in it: r"(?i)total of (\d+)", r"amount (\d+)"')
    verdict, _ = check_accuracy(reads, {"one": Observation({"total": 1})})
    assert "not found in it" not in verdict.findings[0].message
    for pattern, part in (
        (r"Calculate the sum is (\d+) of", r"the sum is (\d+)"),
        (r"THE SUM IS (\d+)", r"(?i)THE SUM IS (\d+)"),
        (r"total of (\d+) and (\d+)", ""),
        ("total of", ""),
    ):
        one = f'def read_total(text):\n    match = re.search(r"{pattern}", text)\n    return None\n'
        verdict, _ = check_accuracy(assemble(parse_spec(READS), one), {"one": Observation({"total": None})})
        found = verdict.findings[0]
        assert found.message.endswith(f'; in the text is r"{part}"' if part else f'; not found in it: r"{pattern}"')
        assert found.hint == f'search for r"{part}"' if part else "never write" in str(found.hint)
    long = parse_spec(READS.replace("the sum is 12", "the sum is 12" + " x" * 1000))
    verdict, _ = check_accuracy(assemble(long, READER), {"one": Observation({"total": None})})
    assert "not found in it" not in verdict.findings[0].message


@pytest.mark.parametrize(
    ("pattern", "part"),
    [
        (r"Date\s*:\s*(\d{2}/\d{2}/\d{4})", r"Date\s*:\s*(\d{1,2}-\d{1,2}-\d{4})"),
        (r"(Date|Day) : (\d+/\d+/\d+)", r"(Date|Day) : (\d{1,2}-\d{1,2}-\d{4})"),
        (r"Date\s*:\s*(?:on )?(\d+/\d+)", r"Date\s*:\s*(?:on )?(\d{1,2}-\d{1,2}-\d{4})"),
        (r"Month : (\d{2}/\d{2}/\d{4})", ""),  # with the form of the value it is not in the text either
        (r"Date : ((\d+)/(\d+))", ""),
        (r"\d*(\d+/\d+)+ 19", ""),  # with the form of the value in it, it may take too long
    ],
)
def test_a_group_that_the_expected_value_does_not_fit_is_shown_with_its_form(pattern: str, part: str) -> None:
    spec = READS.replace("{type: integer, nullable: true}", "text?").replace("the sum is 12", '"Date : 05-03-2018 19"')
    spec = spec.replace("{total: 12}", '{total: "05-03-2018"}')
    code = f'def read_total(text):\n    match = re.search(r"{pattern}", text)\n    return None\n'
    verdict, _ = check_accuracy(assemble(parse_spec(spec), code), {"one": Observation({"total": None})})
    told = f'; in the text is r"{part}"' if part else f'; not found in it: r"{pattern}"'
    assert verdict.findings[0].message.endswith(told)


def test_a_wrong_held_out_case_names_the_field_and_nothing_of_the_case() -> None:
    verdict, _ = check_accuracy(program(), {**RIGHT, "secret": seen("1", "hidden")})
    assert not verdict.passed
    (finding,) = verdict.findings
    assert finding.code == "ACC002"
    assert finding.message == "fee is wrong in 1 of 1 held-out cases"
    text = str(finding.to_json())
    for value in ("4242", "77", "hidden", "secret"):
        assert value not in text


def test_a_run_that_raised_is_wrong_not_unscored() -> None:
    verdict, _ = check_accuracy(program(), {**RIGHT, "two": Observation(None, error="KeyError: 'B'")})
    assert not verdict.passed
    assert verdict.findings[0].code == "ACC005"
    verdict, _ = check_accuracy(program(), {key: value for key, value in RIGHT.items() if key != "two"})
    assert not verdict.passed


def test_below_the_threshold_is_an_error_above_it_a_warning() -> None:
    lenient = program(SPEC + "thresholds: {accuracy: 0.5}\n")
    verdict, _ = check_accuracy(lenient, {**RIGHT, "one": seen("0")})
    assert verdict.passed
    assert [finding.severity for finding in verdict.findings] == ["warning"]


def test_no_cases_is_unscored_and_says_so() -> None:
    bare = SPEC[: SPEC.index("cases:")]
    verdict, _ = check_accuracy(program(bare), {})
    assert verdict.measures["given"]["accuracy"] is None
    assert [finding.code for finding in verdict.findings] == ["ACC003"]


def test_escalation_is_compared_where_the_case_states_it() -> None:
    text = SPEC.replace("expected: {fee: 20}", "escalates: true")
    verdict, _ = check_accuracy(program(text), {**RIGHT, "two": seen("20")})
    assert [finding.code for finding in verdict.findings] == ["ACC001"]
    went = Observation(None, ("compute", "months is null"))
    verdict, _ = check_accuracy(program(text), {**RIGHT, "two": went})
    assert verdict.passed


def test_an_output_may_be_asked_not_to_be_null_without_its_value() -> None:
    text = SPEC.replace("note: text}", "note: text?}").replace(
        "expected: {fee: 20}", "expected: {fee: 20}, answered: [note]"
    )
    assert check_accuracy(program(text), RIGHT)[0].passed
    silent = Observation({"fee": Decimal(20), "note": None})
    (finding,) = check_accuracy(program(text), {**RIGHT, "two": silent})[0].findings
    assert finding.code == "ACC001"
    assert "note is null, must be a value that is not null" in finding.message
    raised = Observation(None, error="KeyError: 'B'")
    verdict, _ = check_accuracy(program(text), {**RIGHT, "two": raised})
    assert verdict.measures["given"]["fields"] == {"fee": 0.5, "note": 0.5}
    secret = text.replace("{fee: 4242.42, note: hidden}}", "{fee: 4242.42}, answered: [note]}")
    verdict, _ = check_accuracy(
        program(secret), {**RIGHT, "secret": Observation({"fee": Decimal("4242.42"), "note": None})}
    )
    assert [finding.message for finding in verdict.findings] == ["note is wrong in 1 of 1 held-out cases"]


def test_a_proposal_that_goes_to_a_person_is_scored_as_the_answer() -> None:
    proposed = Observation({"fee": Decimal("20"), "note": "x"}, ("review", "adverse"))
    assert check_accuracy(program(), {**RIGHT, "two": proposed})[0].passed
    nothing = Observation(None, ("compute", "null"))
    assert not check_accuracy(program(), {**RIGHT, "two": nothing})[0].passed


@pytest.mark.parametrize(
    ("kind", "scorer", "found", "expected", "value"),
    [
        ("boolean", "exact", True, True, 1.0),
        ("integer", "exact", True, 1, 0.0),
        ("text", "exact", "A", "a", 0.0),
        ("text", "text", " Acme\n Ltd ", "acme ltd", 1.0),
        ("decimal", "numeric", Decimal("1.00"), Decimal("1"), 1.0),
        ("decimal", "numeric", None, Decimal("1"), 0.0),
        ("date", "date", "2026-01-02", "2026-01-02", 1.0),
        ("date", "date", "2026-01-03", "2026-01-02", 0.0),
        ("date", "date", None, "2026-01-02", 0.0),
        ("list", "set", ["a", "b"], ["b", "a"], 1.0),
        ("list", "set", ["a"], ["a", "b"], pytest.approx(2 / 3)),
        ("list", "list", ["a", "b"], ["a", "c"], 0.5),
        ("list", "list", [], [], 1.0),
        ("list", "set", None, ["a"], 0.0),
        ("list", "list", True, ["a"], 0.0),
        ("list", "set", 7, ["a"], 0.0),
    ],
)
def test_scorers(kind: str, scorer: str, found: object, expected: object, value: float) -> None:
    items = Field(name="i", type="text") if kind == "list" else None
    field = Field(name="f", type=kind, items=items)  # type: ignore[arg-type]
    assert score(field, found, expected, {"f": Scorer(scorer=scorer)}) == value  # type: ignore[arg-type]


def test_numeric_tolerance_is_absolute() -> None:
    field = Field(name="f", type="decimal")
    stated = {"f": Scorer(scorer="numeric", tolerance="0.01")}
    assert score(field, Decimal("1.01"), Decimal("1.00"), stated) == 1.0
    assert score(field, Decimal("1.011"), Decimal("1.00"), stated) == 0.0


@pytest.mark.parametrize(
    ("scorer", "found", "expected", "right"),
    [
        ("plain", "Ann  Example, Ltd.", "ann example ltd", 1),
        ("plain", "Ann 2", "Ann 3", 0),
        ("plain", "$", "€", 0),
        ("plain", " $", "$", 1),
        ("plain", None, "", 0),
        ("amount", "RM 1,234.50", "1234.5", 1),
        ("amount", "(12.00)", "-12", 1),
        ("amount", "12.00", "-12.00", 0),
        ("amount", "none", "None.", 1),  # no amounts: compared as texts
        ("amount", "12.00", "none", 0),
    ],
)
def test_texts_are_compared_by_what_they_say(scorer: str, found: str, expected: str, right: int) -> None:
    field = Field(name="note", type="text")
    assert score(field, found, expected, {"note": Scorer(scorer=scorer)}) == right  # type: ignore[arg-type]
