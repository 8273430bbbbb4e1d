"""Questions: what the spec leaves open is found, and nothing that it says is asked."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ingot.errors import SpecError
from ingot.questions import Contradiction, Question, check_answers, check_cases, find_questions
from ingot.spec import load_spec, parse_spec

LIBRARY = Path(__file__).parent.parent / "src" / "ingot" / "library"

PRINTED = """\
metadata: {name: GLP-1, compliance: [HIPAA, CMS_Decision_Timeframes]}
inputs: {patient_chart_summary: text}
logic_requirements:
  - step: extract_clinical_factors
    type: bounded_invocation
    schema: {has_t2d_diagnosis: boolean, current_a1c: float, bmi: float, has_step_therapy_failure: boolean}
    validation: ["bmi > 10 AND bmi < 100"]
  - step: evaluate_coverage
    type: deterministic_rule
    logic: |
      IF has_t2d_diagnosis THEN APPROVE
      ELSE IF (bmi >= 30) AND has_step_therapy_failure THEN APPROVE
      ELSE DENY
"""

RULE = """\
metadata: {{name: x}}
inputs: {inputs}
outputs: {outputs}
logic_requirements:
  - step: judge
    type: function
    {rule}
{rest}
"""


def asked(
    rule: str,
    inputs: str = "{age: {type: integer, unit: years}}",
    outputs: str = "{level: {type: enum, values: [A, B]}}",
    rest: str = "",
) -> dict[str, Question]:
    """Questions by id about a spec of one rule; those about missing cases are left out unless the spec has cases."""
    spec = parse_spec(RULE.format(rule=rule, inputs=inputs, outputs=outputs, rest=rest))
    return {one.id: one for one in find_questions(spec) if spec.cases or one.id != "cases:none"}


def logic(*lines: str, more: str = "") -> str:
    return "logic: |\n" + "\n".join(f"      {line}" for line in lines) + (f"\n    {more}" if more else "")


# ---- the printed example -----------------------------------------------------------------------------------------


def test_the_printed_example_has_these_questions_and_no_other() -> None:
    found = {one.id: one for one in find_questions(parse_spec(PRINTED))}
    assert list(found) == [
        "null:has_t2d_diagnosis", "null:bmi", "null:has_step_therapy_failure", "adverse:decision", "unused:current_a1c",
        "unit:current_a1c", "unit:bmi", "cases:none",
    ]  # fmt: skip
    assert "a person decides" in found["null:bmi"].reading
    assert "'not stated' is not the same as no" in found["null:has_t2d_diagnosis"].text
    assert "DENY becomes a review" in found["adverse:decision"].reading
    assert found["unused:current_a1c"].kind == "unused"
    assert all(one.answer is None for one in found.values())
    json.dumps([one.to_json() for one in found.values()])


@pytest.mark.parametrize("name", ["copay", "late_fee", "receipt_fields"])
def test_complete_bundled_specs_raise_no_question(name: str) -> None:
    assert find_questions(load_spec(LIBRARY / "examples" / name / "spec.yaml")) == ()


@pytest.mark.parametrize("path", sorted(LIBRARY.glob("**/spec.yaml")), ids=lambda path: path.parent.name)
def test_questions_are_the_same_twice_and_never_hold_a_held_out_value(path: Path) -> None:
    spec = load_spec(path)
    found = find_questions(spec)
    assert found == find_questions(load_spec(path))
    assert len({one.id for one in found}) == len(found)
    texts = {
        value for case in spec.held_out for value in case.input.values() if isinstance(value, str) and len(value) > 12
    }
    assert not [one for one in found for text in texts if text in one.text + one.reading]


# ---- null --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "reading"),
    [
        ("intent: A if age is over 3.", "a person decides: null is never taken"),
        ("intent: A if age is missing.", "write 'on_null: handle'"),
        ("intent: A if age is at least 3.\n    on_null: handle", "neither true nor false"),
        ("intent: A if age is missing.\n    on_null: handle", None),
    ],
)
def test_null(rule: str, reading: str | None) -> None:
    found = asked(rule, "{age: {type: 'integer?', unit: years}}")
    assert ("null:age" in found) == (reading is not None)
    assert reading is None or reading in found["null:age"].reading


# ---- branches ----------------------------------------------------------------------------------------------------


def test_a_missing_else_shows_an_input() -> None:
    found = asked(logic("IF age > 65 THEN A", "ELSE IF age < 65 THEN B"))
    assert "for instance age = 65" in found["gap:judge"].text
    assert list(found) == ["gap:judge"]


@pytest.mark.parametrize(
    "lines",
    [
        ("IF age > 65 THEN A", "ELSE B"),
        ("IF age > 65 THEN A", "ELSE IF age <= 65 THEN B"),
        ("IF age BETWEEN 18 AND 64 THEN A", "ELSE IF age < 18 OR age > 64 THEN B"),
        ("IF age >= 65 THEN A", "IF age < 65 THEN B"),
        ("IF age > 65 AND age <= 65 THEN A", "ELSE B")[1:],
    ],
)
def test_complete_branches_raise_no_question(lines: tuple[str, ...]) -> None:
    found = asked(logic(*lines))
    assert {one.kind for one in found.values()} <= {"value"}


def test_prose_that_says_otherwise_closes_the_gap() -> None:
    assert asked(logic("IF age > 65 THEN A", more="intent: Otherwise B.")).keys() == {"value:level:B"}


def test_two_ifs_that_hold_at_once_show_an_input() -> None:
    found = asked(logic("IF age >= 65 THEN A", "IF age <= 65 THEN B"))
    question = found["overlap:judge:1-2"]
    assert "age = 65" in question.text
    assert question.clause == "C2"
    assert question.reading.endswith("A")
    assert list(found) == ["overlap:judge:1-2"]


def test_overlap_inside_an_else_if_chain_is_settled_by_the_order() -> None:
    assert asked(logic("IF age >= 18 THEN A", "ELSE IF age >= 65 THEN A", "ELSE B")).keys() == {"unreachable:judge:2"}


def test_a_branch_that_a_range_rules_out_is_dead() -> None:
    found = asked(logic("IF age > 150 THEN A", "ELSE B"), "{age: {type: integer, unit: years, range: [0, 150]}}")
    assert found.keys() == {"unreachable:judge:1"}


def test_what_cannot_be_enumerated_is_not_called_dead() -> None:
    assert not asked(logic("IF age * age = 50625 THEN A", "ELSE B"))  # 225 is not among the inputs that are tried


def test_outcomes_that_are_no_values_and_values_without_outcome() -> None:
    found = asked(logic("IF age > 3 THEN A", "ELSE C"))
    assert "which is not a value of 'level' (A, B)" in found["outcome:judge:C"].text
    assert "nothing in 'judge' leads to it" in found["value:level:B"].text


def test_a_condition_on_no_field_is_asked_about() -> None:
    found = asked(logic("IF member THEN A", "ELSE B"))
    assert found["name:judge:member"].clause == "C1"


def test_booleans_enums_and_dates_are_enumerated() -> None:
    inputs = "{plan: {type: enum, values: [gold, silver, tin]}, born: date, member: boolean}"
    rule = logic(
        "IF plan = 'gold' AND born >= '2000-01-01' THEN A",
        "ELSE IF plan = 'gold' AND born < '2000-01-01' THEN B",
        "ELSE IF plan = 'silver' THEN A",
        "ELSE IF plan = 'tin' AND NOT member THEN B",
    )
    found = asked(rule, inputs)
    assert "plan = tin" in found["gap:judge"].text
    assert "member = true" in found["gap:judge"].text
    assert found.keys() == {"gap:judge"}


# ---- tables ------------------------------------------------------------------------------------------------------


def table(*rows: str, policy: str = "unique", inputs: str = "[age]") -> str:
    cells = "\n".join(f"        - {row}" for row in rows)
    return f"table:\n      hit_policy: {policy}\n      inputs: {inputs}\n      outputs: [level]\n      rows:\n{cells}"


def test_a_complete_table_raises_no_question() -> None:
    assert not asked(table('["< 18", A]', '["[18..64]", B]', '["> 64", A]'))
    assert not asked(table('["not([18..64])", A]', '["18..64", B]'))
    assert not asked(table('["< 18, > 64", A]', '["-", B]', policy="first"))


def test_rows_that_overlap_show_an_input() -> None:
    found = asked(table('["<= 18", A]', '[">= 18", B]'))
    assert "age = 18" in found["overlap:judge:1-2"].text
    assert found["overlap:judge:1-2"].reading.endswith("A")
    assert not asked(table('["<= 18", A]', '[">= 18", B]', policy="first"))
    assert asked(table('["<= 18", A]', '[">= 18", A]')).keys() == {"value:level:B"}


def test_a_hole_between_half_open_ranges_is_found() -> None:
    found = asked(table('["< 18", A]', '["(18..64]", B]', '["> 64", A]'))
    assert "age = 18" in found["gap:judge"].text


def test_enum_values_that_no_row_has_are_found() -> None:
    inputs = "{plan: {type: enum, values: [gold, silver, tin]}}"
    found = asked(table('["gold", A]', "[\"'silver'\", B]", inputs="[plan]"), inputs)
    assert "plan = tin" in found["gap:judge"].text


def test_a_cell_in_prose_is_asked_about_once() -> None:
    found = asked(table('["old enough", A]', '["too young", B]'))
    assert found.keys() == {"cell:judge"}


# ---- words -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "number", "reading"),
    [
        ("A if over 30.", "30", "itself does not count"),
        ("A if the age is under 18.", "18", "itself does not count"),
        ("A between 18 and 64.", "18-64", "both ends count"),
        ("A from 18 years to 64 years.", "18-64", "both ends count"),
        ("A for up to 1,500 dollars.", "1500", "1,500 itself counts"),
        ("A within 90 days of age.", "90", "90 itself counts"),
        ("A before 2024-01-01 by age.", "2024-01-01", "itself does not count"),
    ],
)
def test_unclear_boundaries(text: str, number: str, reading: str) -> None:
    found = asked("clauses: [C3]", rest=f"clauses: {{C3: '{text} Otherwise B.'}}")
    assert reading in found[f"boundary:C3:{number}"].reading
    assert found[f"boundary:C3:{number}"].clause == "C3"


@pytest.mark.parametrize(
    "text",
    [
        "A if at least 30.", "A if more than 30.", "A if 30 or more.", "A if age >= 30.", "A if no more than 30.",
        "A between 18 and 64 inclusive.", "A if 30 years or older.", "Up to 50 A; over 50 B.", "A if the age exceeds 30.",
        "A if 65 and over.", "It is over. 30 is fine.", "Form 1040 over the counter",
    ],
)  # fmt: skip
def test_clear_boundaries_are_not_asked_about(text: str) -> None:
    assert not asked("clauses: [C3]", rest=f"clauses: {{C3: '{text}'}}")


def test_a_case_on_the_boundary_settles_it() -> None:
    rest = "clauses: {C1: A if over 30.}\ncases:\n  - {input: {age: 30}, expected: {level: B}}"
    assert "boundary:C1:30" not in asked("clauses: [C1]", rest=rest)
    assert "boundary:C1:30" in asked("clauses: [C1]", rest=rest.replace("age: 30", "age: 31"))


def test_two_boundaries_for_one_number() -> None:
    rule = logic("IF age >= 30 THEN A", "ELSE B", more='validation: ["NOT age > 30 OR age > 3"]')
    found = asked(rule)
    assert "at least" not in found["boundary:age:30"].text
    assert found.keys() == {"boundary:age:30"}
    assert not asked(logic("IF age >= 30 THEN A", "ELSE B", more='validation: ["age < 30 OR age > 3"]'))


MONEY = "{fee: {type: decimal, unit: USD, places: 2}}"


@pytest.mark.parametrize(
    ("text", "open_"),
    [
        ("The fee is 3 percent of the age.", True),
        ("Divide the age by 3.", True),
        ("The average over all.", True),
        ("3% of the age, rounded to the nearest cent.", False),
        ("3% of the age, truncated to 2 decimal places.", False),
        ("The fee is 30 per bag.", False),
    ],
)
def test_rounding(text: str, open_: bool) -> None:
    found = asked("clauses: [C1]", outputs=MONEY, rest=f"clauses: {{C1: '{text}'}}")
    assert ("rounding:fee" in found) == open_
    if open_:
        assert found["rounding:fee"].reading == "rounded half up to 2 decimal places, once, at the end"
        assert found["rounding:fee"].clause == "C1"


def test_vague_terms_unless_defined() -> None:
    found = asked("clauses: [C1]", rest='clauses: {C1: "A for a reasonable age, if medically necessary."}')
    assert found.keys() == {"term:C1:reasonable", "term:C1:medically_necessary"}
    assert not asked("clauses: [C1, C2]", rest="clauses: {C1: A for a recent age., C2: \"'Recent' means age 3.\"}")


@pytest.mark.parametrize(("kind", "open_"), [("integer", True), ("date", False)])
def test_words_that_need_a_clock(kind: str, open_: bool) -> None:
    found = asked("clauses: [C1]", f"{{seen: {kind}}}", rest="clauses: {C1: A if seen in the last year.}")
    assert ("clock:C1" in found) == open_


# ---- fields ------------------------------------------------------------------------------------------------------


def test_units_currencies_zones_and_letters() -> None:
    inputs = "{bmi: float, fee: decimal, seen: datetime, plan: text, n_bags: integer, bag_count: integer, age: integer}"
    rule = logic(
        "IF plan = 'gold' AND age > 18 THEN A", "ELSE B", more="inputs: [bmi, fee, seen, plan, n_bags, bag_count, age]"
    )
    assert asked(rule, inputs).keys() == {
        "unit:bmi", "currency:fee", "timezone:seen", "unit:age", "letters:plan",
    }  # fmt: skip


def test_described_fields_need_no_unit() -> None:
    inputs = "{bmi: {type: float, description: in kg per square metre}, weight_kg: decimal, rate: decimal, at: {type: datetime, unit: UTC}}"
    assert not asked("intent: A if bmi, weight_kg and rate are fine at noon.", inputs)


def test_unused_fields_and_uncited_clauses() -> None:
    found = asked(
        "intent: A.\n    inputs: [age]\n    clauses: [C1]", "{age: date, size: date}", rest="clauses: {C1: A., C2: B.}"
    )
    assert found.keys() == {"unused:size", "uncited:C2"}
    assert found["uncited:C2"].clause == "C2"


def test_the_guard_with_nothing_marked_and_with_an_override() -> None:
    text = PRINTED.replace("DENY", "WAIT")
    assert (
        "no value of decision is marked" in {q.id: q for q in find_questions(parse_spec(text))}["adverse:decision"].text
    )
    by_plan = PRINTED.replace(", CMS_Decision_Timeframes", "") + "plan: {blocks: [CMS_Decision_Timeframes]}\n"
    assert "adverse:decision" in [one.id for one in find_questions(parse_spec(by_plan))]
    override = "overrides: [{rule: adverse-action, reason: not a regulated plan, by: owner}]\n"
    assert "adverse:decision" not in [one.id for one in find_questions(parse_spec(PRINTED + override))]


# ---- cases -------------------------------------------------------------------------------------------------------

CHAIN = logic("IF age >= 30 THEN A", "ELSE B")


def cases(*given: str, held: tuple[str, ...] = ()) -> str:
    def rows(group: tuple[str, ...]) -> str:
        return "[" + ", ".join(f"{{{row}}}" for row in group) + "]"

    return f"cases: {{given: {rows(given)}" + (f", held_out: {rows(held)}" if held else "") + "}"


OK = ("id: a, input: {age: 30}, expected: {level: A}", "id: b, input: {age: 3}, expected: {level: B}")
HELD = ("id: h, input: {age: 29}, expected: {level: B}",)


def test_complete_cases_raise_no_question() -> None:
    assert not asked(CHAIN, rest=cases(*OK, held=HELD))


@pytest.mark.parametrize(
    ("rest", "id_", "text"),
    [
        (cases(*OK), "cases:held_out", "none is held out"),
        (cases(OK[0], held=(OK[0].replace("id: a", "id: h").replace("30", "31"),)), "cases:level:B", "no case expects level to be B"),
        (cases(*OK, "id: c, input: {age: 31}, expected: {level: B}", held=HELD), "case:c:level", "than C1 leads to (A)"),
        (cases(*OK, "id: c, input: {age: 3}, expected: {level: A}", held=HELD), "case:b:c", "expect another level"),
        (cases("id: a, input: {age: 3}, escalates: true", held=HELD), "cases:level:A", "to be A"),
    ],
)  # fmt: skip
def test_gaps_and_contradictions_in_cases(rest: str, id_: str, text: str) -> None:
    assert text in asked(CHAIN, rest=rest)[id_].text


def test_a_wrong_held_out_case_is_named_without_its_values() -> None:
    found = asked(CHAIN, rest=cases(*OK, held=("id: h, input: {age: 4711}, expected: {level: B}",)))
    question = found["case:h:level"]
    assert "'h' (held out)" in question.text
    assert "4711" not in json.dumps(question.to_json())


def test_a_case_that_expects_an_answer_for_null() -> None:
    rest = cases("id: n, input: {}, expected: {level: B}", *OK, held=HELD)
    found = asked(CHAIN, "{age: {type: 'integer?', unit: years}}", rest=rest)
    assert "age is null, which 'judge' sends to a person" in found["case:n:null"].text


def test_numbers_are_compared_by_value() -> None:
    outputs = "{fee: {type: decimal, unit: USD}}"
    rule = logic("IF age >= 30 THEN age * 2", "ELSE 10")
    good = cases("input: {age: 30}, expected: {fee: 60.00}", held=("input: {age: 3}, expected: {fee: 10.0}",))
    assert not asked(rule, outputs=outputs, rest=good)
    assert "case:case-1:fee" in asked(rule, outputs=outputs, rest=good.replace("60.00", "61"))


def test_an_output_that_is_only_not_null_is_not_measured_and_contradicts_null() -> None:
    rule = logic("IF age >= 30 THEN age * 2", "ELSE 10")
    fee = "{fee: 'integer?'}"
    rest = cases("input: {age: 30}, answered: [fee]", held=("input: {age: 3}, answered: [fee]",))
    question = asked(rule, outputs=fee, rest=rest)["cases:fee"]
    assert question.text == "no case expects a value of the output fee, only that it is not null"
    assert question.reading == "that its values are right is not measured"
    both = cases(
        "id: a, input: {age: 3}, answered: [fee]", "id: b, input: {age: 3}, expected: {fee: null}", held=HELD[:0]
    )
    assert "expect another fee" in asked(rule, outputs=fee, rest=both)["case:a:b"].text
    null = cases("id: n, input: {}, answered: [fee]", held=("input: {age: 3}, expected: {fee: 6}",))
    assert "which 'judge' sends to a person" in asked(rule, "{age: 'integer?'}", fee, null)["case:n:null"].text


def test_an_output_that_no_case_names() -> None:
    rest = cases("input: {age: 3}, escalates: true", held=("input: {age: 4}, escalates: true",))
    assert (
        "no case expects anything of the output fee"
        in asked("intent: 3 for an age.", outputs=MONEY, rest=rest)["cases:fee"].text
    )


# ---- answers -----------------------------------------------------------------------------------------------------


def test_an_answer_closes_its_question() -> None:
    spec = parse_spec(PRINTED + "answers: {'null:bmi': 'A chart without a BMI goes to a person.'}\n")
    check_answers(spec)
    answers = {one.id: one.answer for one in find_questions(spec)}
    assert answers["null:bmi"] == "A chart without a BMI goes to a person."
    assert answers["unit:bmi"] is None


def test_an_answer_to_an_unknown_question_is_refused() -> None:
    spec = parse_spec(PRINTED + "answers: {'null:bmj': 'x'}\n")
    with pytest.raises(SpecError, match="'null:bmj'") as caught:
        check_answers(spec)
    assert caught.value.hint == "did you mean 'null:bmi'?"
    assert caught.value.place == "answers.null:bmj"


@pytest.mark.parametrize(
    ("limits", "refused"),
    [
        ("", "cases 'b' and 'c' have the same input and expect another level: no program can pass both"),
        ("thresholds: {accuracy: 0.5}", None),
        ("scorers: {level: text}", None),
    ],
)
def test_cases_that_no_program_can_pass_both_are_refused_where_all_must_pass(limits: str, refused: str | None) -> None:
    clash = cases(*OK, "id: c, input: {age: 3}, expected: {level: A}", held=HELD)
    fields = {"inputs": "{age: {type: integer, unit: years}}", "outputs": "{level: {type: enum, values: [A, B]}}"}
    read = parse_spec(RULE.format(rule=CHAIN, rest=f"{clash}\n{limits}", **fields))
    if refused is None:
        check_cases(read)
    else:
        with pytest.raises(Contradiction, match=refused):
            check_cases(read)
