"""Answered cases taken into a spec: layout kept, everything wrong refused at its place."""

from pathlib import Path

import pytest

from ingot.cases.add import Added, added
from ingot.cases.draft import Draft, case_ids, draft_text
from ingot.errors import SpecError
from ingot.spec import parse_spec
from ingot.yaml_text import read_yaml

HEAD = """# the owner's words
metadata: {name: fee}   # kept
inputs: {age: integer, note: text?, paid: decimal}
outputs: {fee: decimal, kind: {type: enum, values: [LOW, HIGH]}}
logic_requirements:
  - {step: charge, type: function, intent: Charge.}
"""
INLINE = (
    HEAD
    + """cases:
  - id: old   # the first
    input: {age: 3, paid: 1.50}
    expected:
      fee: 2.00
      kind: LOW
  # after the last
thresholds: {accuracy: 1}
"""
)
NEW = """# fill in
- id: new
  # why
  input: {age: 18, note: null, paid: 1.50}
  expected:
    fee: 3.10
    kind: HIGH
"""


def none(name: str) -> str:
    raise AssertionError(name)


def put(spec: str, filled: str = NEW, **options: object) -> Added:
    return added(spec, "spec.yaml", none, filled, "new.yaml", **options)  # type: ignore[arg-type]


def refused(filled: str, spec: str = INLINE) -> str:
    with pytest.raises(SpecError) as caught:
        put(spec, filled)
    return str(caught.value)


def test_a_list_in_the_spec_grows_and_the_rest_stays_byte_for_byte() -> None:
    made = put(INLINE)
    row = "  - {id: new, input: {age: 18, note: null, paid: 1.50}, expected: {fee: 3.10, kind: HIGH}}\n"
    before, after = INLINE.split("  # after the last\n")
    assert made.spec_text == before + row + "  # after the last\n" + after
    assert [case.id for case in made.spec.cases] == ["old", "new"]


@pytest.mark.parametrize(
    "cases",
    [
        "",
        "cases: [{id: old, input: {age: 3, paid: 1}, expected: {fee: 2}}]\n",
        "cases:\n- {id: old, input: {age: 3, paid: 1}, expected: {fee: 2}}\n",
        "cases:\n  given:\n    - {id: old, input: {age: 3, paid: 1}, expected: {fee: 2}}\n",
        "cases:\n  -\n    id: old\n    input: {age: 3, paid: 1}\n    expected: {fee: 2}\n\n# end\n",
        "cases:\n  - id: old\n    input: {age: 3, paid: 1}\n    expected: {fee: 2}\n    note: |\n      two\n      lines\n\n",
    ],
)
@pytest.mark.parametrize("held_out", [(), ("new",)])
def test_every_form_that_cases_are_written_in_takes_more(cases: str, held_out: tuple[str, ...]) -> None:
    made = put(HEAD + cases, held_out=held_out)
    new = made.spec.cases[-1]
    assert (new.id, new.held_out) == ("new", bool(held_out))
    assert made.spec_text.startswith(HEAD)
    twice = put(made.spec_text, NEW.replace("new", "next").replace("18", "19"))
    assert {case.id for case in twice.spec.cases} == {case.id for case in made.spec.cases} | {"next"}


@pytest.mark.parametrize(("name", "old"), [
    ("more.jsonl", '{"id": "old", "input": {"age": 3, "paid": 1}, "expected": {"fee": 2}}'),
    ("more.yaml", "# mine\n- {id: old, input: {age: 3, paid: 1}, expected: {fee: 2}}\n"),
])  # fmt: skip
def test_a_case_file_grows_instead_of_the_spec(name: str, old: str) -> None:
    spec = HEAD + f"cases: {{given: {name}}}\n"
    made = added(spec, "spec.yaml", {name: old}.__getitem__, NEW, "new.yaml")
    assert made.spec_text == spec
    assert made.files[name].startswith(old)
    assert [case.id for case in made.spec.given] == ["old", "new"]


def test_what_is_left_empty_is_told_with_its_place() -> None:
    assert refused(NEW.replace("HIGH", "")).splitlines() == [
        "new.yaml:7:5: case 'new': kind is left empty",
        "  hint: write what is right: one of LOW, HIGH; or delete the case",
    ]
    assert "new.yaml:6:5: case 'new': fee (and 1 more of this case) is left empty" in refused(
        NEW.replace("HIGH", "").replace("3.10", "# nothing")
    )
    assert "new.yaml:8:3: case 'new': escalates is left empty" in refused(NEW + "  escalates:  # ?\n")
    bare = NEW[: NEW.index("    fee")]
    assert "expected is left empty" in refused(bare)


def test_where_a_person_decides_nothing_else_need_be_said() -> None:
    made = put(INLINE, NEW.replace("HIGH", "").replace("3.10", "") + "  escalates: true\n")
    assert (made.spec.cases[-1].escalates, dict(made.spec.cases[-1].expected)) == (True, {})


NULLABLE = INLINE.replace("fee: decimal,", "fee: decimal?,")


def test_an_output_of_which_only_null_would_be_wrong_is_named_under_answered() -> None:
    empty = NEW.replace("3.10", "")
    assert "or null, or 'answered: [fee]' where all that is known is that it is not null" in refused(empty, NULLABLE)
    made = put(NULLABLE, empty + "  answered: [fee]\n")
    assert made.spec_text.count("expected: {kind: HIGH}, answered: [fee]}") == 1
    assert (made.spec.cases[-1].answered, dict(made.spec.cases[-1].expected)) == (("fee",), {"kind": "HIGH"})
    by_file = added(
        HEAD + "cases: {given: more.jsonl}\n", "spec.yaml",
        {"more.jsonl": '{"input": {"age": 3, "paid": 1}, "expected": {"fee": 2}}'}.__getitem__,
        empty + "  answered: [fee]\n", "new.yaml",
    )  # fmt: skip
    assert '"answered": ["fee"]' in by_file.files["more.jsonl"]
    assert "answered" in refused(empty + "  answered: fee\n", NULLABLE)


@pytest.mark.parametrize(("there", "here"), [
    ("expected: {fee: null}", "answered: [fee]"), ("answered: [fee]", "expected: {fee: null}"),
])  # fmt: skip
def test_null_contradicts_what_is_not_null(there: str, here: str) -> None:
    spec = NULLABLE[: NULLABLE.index("cases")] + f"cases: [{{id: old, input: {{age: 3, paid: 1}}, {there}}}]\n"
    said = refused(f"- {{id: new, input: {{age: 3, paid: 1}}, {here}}}\n", spec)
    assert "contradicts it: fee is null in one of the two and not null in the other" in said


@pytest.mark.parametrize(("old", "new", "said"), [
    ("kind: HIGH", "kind: MIDDLE", "new.yaml:7:5: case field 'expected.kind' is 'MIDDLE'"),
    ("kind: HIGH", "kid: HIGH", "new.yaml:7:5: case 'new' expects 'kid', which is not an output\n  hint: did you mean 'kind'"),
    ("kind: HIGH", "kid:", "new.yaml:7:5: case 'new' expects 'kid'"),
    ("age: 18", "age: old", "new.yaml:4:11: case field 'input.age' is 'old'"),
    ("age: 18", "ages: 18", "'input.ages'"),
    ("  expected", "  expects: 1\n  expected", "unknown field 'expects'"),
    ("id: new", "id: old", "new.yaml:2:3: duplicate case 'old'"),
    ("- id: new", "- note: x", "new.yaml:2:3: a case lacks its id"),
    ("age: 18", "age: 3", "has the same input as case 'old' (spec.yaml:8:5) and contradicts it: fee is '3.10' here, there '2.00'"),
    ("- id: new", "id: new", "malformed YAML"),
])  # fmt: skip
def test_what_does_not_fit_is_refused_at_its_place(old: str, new: str, said: str) -> None:
    assert said in refused(NEW.replace(old, new))


def test_the_same_case_twice_is_refused_also_within_the_file() -> None:
    again = NEW.replace("# fill in", "").replace("id: new", "id: again")
    assert "case 'again' has the same input as case 'new' (new.yaml:2:3)" in refused(NEW + again)
    same = NEW.replace("18", "3").replace("3.10", "2").replace("HIGH", "LOW")
    assert "case 'new' has the same input as case 'old' (spec.yaml:8:5)\n  hint: delete this one" in refused(same)


def test_an_amount_with_more_zeros_is_the_same_input() -> None:
    same = NEW.replace("18", "3").replace("3.10", "9").replace("paid: 1.50", "paid: 1.500")
    assert "case 'new' has the same input as case 'old' (spec.yaml:8:5) and contradicts it: fee is '9' here" in refused(
        same
    )
    hundred = INLINE.replace("paid: 1.50", "paid: 100")
    assert "has the same input" in refused(same.replace("1.500", "1E+2"), hundred)


def test_a_contradiction_with_a_held_out_case_does_not_show_its_answer() -> None:
    secret = INLINE.replace("    input: {age: 3", "    held_out: true\n    input: {age: 3")
    said = refused(NEW.replace("age: 18", "age: 3"), secret)
    assert "contradicts it: fee is '3.10' here" in said
    assert "2.00" not in said


def test_a_share_is_held_out_and_the_same_each_time() -> None:
    many = "".join(NEW.replace("# fill in\n", "").replace("new", f"n{n}").replace("18", str(n)) for n in range(20, 30))
    made = [put(INLINE, many, share=0.3) for _ in range(2)]
    assert sum(case.held_out for case in made[0].cases) == 3
    assert made[0].spec_text == made[1].spec_text


def test_nobody_to_hold_out_is_told() -> None:
    with pytest.raises(SpecError, match="no case 'knew' to hold out"):
        put(INLINE, held_out=("knew",))


NASTY = [
    "plain words",
    "true",
    "null",
    "12.50",
    "a: b",
    "# no",
    "two\nlines",
    "\u2028\u200b🙂\x7f",
    '"\\',
    "",
    " x ",
    "-",
]


def test_drafts_read_back_as_the_same_values() -> None:
    spec = parse_spec(INLINE)
    drafts = [Draft(f"d{n}", {"age": n, "note": text, "paid": 1}, why=(text,)) for n, text in enumerate(NASTY)]
    tree, _ = read_yaml(draft_text(drafts, spec, ["one\ntwo"]), "drafts.yaml")
    assert [row["input"]["note"] for row in tree] == NASTY
    assert all(row["expected"] == {"fee": None, "kind": None} for row in tree)


def test_ids_are_readable_and_new() -> None:
    assert case_ids([{"age": 18}, {"age": 18}, {"a b": "Ü"}, {}], {"age-18"}, "suggested") == [
        "age-18-2", "age-18-3", "a-b", "suggested-4",
    ]  # fmt: skip


def test_a_spec_that_would_not_load_any_more_is_refused(tmp_path: Path) -> None:
    large = HEAD + "# " + "x" * (256 * 1024 - len(HEAD) - 40) + "\n"
    assert "limit" in refused(NEW, large)
