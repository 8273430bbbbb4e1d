"""The readback of whole programs, and of what tries to be something else."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from ingot.compile.assemble import assemble, signatures
from ingot.readback.render import as_html, as_json, as_markdown, as_text, readback, shown_code
from ingot.spec import parse_spec
from ingot.tables.compiled import write_tables
from tests.cli.conftest import Run, artifact, ingot, starter
from tests.readback.programs import bundled, one

__all__ = ["artifact", "ingot", "starter"]  # fixtures

IN_WORDS = {
    "review_request", "member_copay", "compute_late_fee", "check_in", "charge_bags", "charge_excess", "add_up",
}  # fmt: skip
HOSTILE = "<b>&\"'`|*"


def test_prior_auth_reads_as_its_policy() -> None:
    text = as_text(bundled()["prior_auth"])
    assert "- If age_years is under 18, the decision is DENY and the reason_code is UNDER_AGE. (C1, line 3)" in text
    assert (
        "- Otherwise, if bmi is missing, the decision is PEND and the reason_code is MISSING_BMI. (C6, line 17)" in text
    )
    assert "- Otherwise, the decision is DENY and the reason_code is CRITERIA_NOT_MET. (C8, line 20)" in text
    assert "There, step_met is whether metformin_days is at least 90 or metformin_intolerance is true." in text


def test_otherwise_stands_only_right_after_what_it_leaves_out() -> None:
    logic = (
        "def decide(n: int) -> str:\n    if n < 0:\n        return 'a'  # C1\n    if n > 5:\n        n = 5\n    elif n > 4:\n"
        "        n = 4\n    if n > 3:\n        return 'b'  # C2\n    m = n\n    return str(m)  # C3\n"
    )
    said = [told.text for told in readback(one(logic, "n: integer"))[0].sentences]
    assert [text.split(",")[0] for text in said] == [
        "If n is under 0", "Otherwise", "Otherwise", "If n is over 3", "Let m be n.", "In all other cases",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("    return ('a' if n > 1 else 'b') if n > 0 else 'c'  # C1\n",
         "(The answer is \"a\" if n is over 1, otherwise the answer is \"b\") if n is over 0, otherwise the answer is \"c\"."),
        ("    if n > 0:\n        return 'a' if n > 1 else 'b'  # C1\n    return 'c'  # C1\n",
         "If n is over 0, (the answer is \"a\" if n is over 1, otherwise the answer is \"b\")."),
        ("    match n:\n        case k if k > 5:\n            return 'a'  # C1\n    return 'b'  # C1\n",
         "If n is like `k` and k is over 5, the answer is \"a\"."),
    ],
)  # fmt: skip
def test_which_test_an_otherwise_belongs_to_can_be_read(body: str, said: str) -> None:
    made = one("def decide(n: int) -> str:\n" + body, "n: integer")
    assert said in as_text(made)


def test_which_bundled_functions_are_told_in_words_alone() -> None:
    told = {one.signature.name: one for program in bundled().values() for one in readback(program)}
    assert {name for name, one in told.items() if not one.quoted} == IN_WORDS


@pytest.mark.parametrize("name", sorted(bundled()))
def test_every_return_is_told_with_its_line_and_clauses(name: str) -> None:
    program = bundled()[name]
    told = {one.line: one.clauses for function in readback(program) for one in function.sentences}
    for number, line in enumerate(program.logic.splitlines(), start=1):
        if line.strip().startswith("return ") and "  # C" in line:
            assert set(re.findall(r"C\d+", line.rpartition("  # ")[2])) <= set(told[number])


@pytest.mark.parametrize("form", [as_text, as_markdown, as_html, lambda program: json.dumps(as_json(program))])
def test_the_same_program_reads_the_same(form: object) -> None:
    for program in bundled().values():
        assert form(program) == form(program)  # type: ignore[operator]


class Tags(HTMLParser):
    """The tags of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.seen: set[str] = set()
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.seen.add(tag)

    def handle_data(self, data: str) -> None:
        self.text += data


def test_what_a_text_says_stays_text() -> None:
    logic = f"def decide(note: str) -> str:\n    if note == {HOSTILE!r} or note.isdigit():\n        return {HOSTILE!r}  # C1\n    return note  # C2\n"
    program = one(logic, "note: text")
    page = Tags(as_html(program))
    assert not page.seen & {"b", "script"}
    assert json.dumps(HOSTILE) in page.text
    table = [line for line in as_markdown(program).splitlines() if line.startswith("|")]
    assert "\\|" in table[2]
    assert "\\<b\\>" in table[2]


def test_marks_in_the_code_do_not_open_code() -> None:
    program = one(
        "def decide(note: str) -> str:\n    return '\ue000x\ue001' if note.isdigit() else note  # C1\n", "note: text"
    )
    text = as_text(program)
    assert "\\ue000x\\ue001" in text
    assert "`note.isdigit()`" in text


def test_the_command_reads_an_artifact_and_code_beside_a_spec(ingot: Run, artifact: Path, starter: Path) -> None:
    of_artifact = ingot("readback", artifact)
    of_code = ingot("readback", starter, "--code", starter.with_name("logic.py"))
    assert (of_artifact.code, of_code.code) == (0, 0), of_artifact.err + of_code.err
    assert of_artifact.out == of_code.out
    assert (
        "If resident is true, the fee is (total divided by 2) rounded half up to 2 decimals. (C3, line 5)"
        in of_code.out
    )
    assert json.loads(ingot("readback", artifact, "--format", "json").out)[0]["function"] == "permit_fee"
    assert ingot("readback", artifact, "--format", "markdown").out.startswith("## permit_fee\n")
    page = ingot("readback", artifact, "--format", "html").out
    assert page.startswith("<!doctype html>")
    assert "href" not in page


def test_the_page_and_show_tell_it_too(ingot: Run, artifact: Path) -> None:
    page = (artifact / "report.html").read_text(encoding="utf-8")
    assert page.index("What this rule does") < page.index('id="stages"')
    assert "If resident is true, the fee is (total divided by 2) rounded half up to 2 decimals." in page
    assert "100% of 3 returns and branches" in page
    shown = ingot("show", artifact).out
    assert "100% of returns and branches cite a clause" in shown
    assert "C3       line 5" in shown


def test_bad_input_is_one_precise_error(ingot: Run, starter: Path, tmp_path: Path) -> None:
    assert "add --code FILE" in ingot("readback", starter).err
    broken = tmp_path / "broken.py"
    broken.write_text("def permit_fee(:\n", encoding="utf-8")
    assert "does not parse" in ingot("readback", starter, "--code", broken).err
    broken.write_text("def other() -> int:\n    return 1\n", encoding="utf-8")
    done = ingot("readback", starter, "--code", broken)
    assert done.code != 0
    assert "does not define 'permit_fee'" in done.err
    assert "cannot read the code" in ingot("readback", starter, "--code", tmp_path / "none.py").err


def test_a_gap_of_a_table_is_told_as_a_person_deciding() -> None:
    spec = parse_spec(
        "metadata: {name: t}\ninputs: {n: {type: integer, range: [0, 50]}}\n"
        "logic_requirements:\n  - step: rule\n    type: deterministic_rule\n"
        "    outputs: {v: {type: enum, values: [OK, NO]}}\n"
        '    table: {hit_policy: unique, inputs: [n], outputs: [v], rows: [["< 5", OK], ["> 5", NO]]}\n'
    )
    said = as_text(assemble(spec, write_tables(spec, signatures(spec))))
    assert "- Otherwise, there is no v, and a person decides." in said
    assert "3. otherwise → a person decides" in said


MODULE = """RATES = {"A": Decimal("1.5"), "": Decimal("2"), "a b": ((0, 1), (10, Decimal("2.5")))}
LIMIT: int = 7
UNREAD = 9


def above(x: Decimal, n: int) -> Decimal:
    if n > LIMIT:
        return x * 2
    return x


def unread(x: int) -> int:
    return x


"""


def told(body: str, before: str = "", inputs: str = "n: integer; x: decimal; zone: text; urgent: boolean") -> list[str]:
    """The sentences of a function with this body."""
    given = "n: int, x: Decimal, zone: str, urgent: bool"
    made = one(f"{before}def decide({given}) -> Decimal | None:\n{body}", inputs, 'answer: "decimal?"')
    return [shown_code(said.text, str, lambda code: f"`{code}`") for said in readback(made)[0].sentences]


def test_what_a_function_reads_of_its_module_is_told_with_its_values() -> None:
    assert told("    return above(x, n) * RATES[zone]  # C1\n", MODULE) == [
        "The answer is `above(x, n)` times (the entry of RATES for zone).",
        'RATES is an entry with A 1.5, "" 2 and "a b" (the list of (the list of 0 and 1) and (the list of 10 and 2.5)).',
        "LIMIT is 7.",
        "The calculation above works from x and n:",
        "If n is over LIMIT, the value of above is x times 2.",
        "Otherwise, the value of above is x.",
    ]


def test_what_a_function_inside_gives_is_not_told_as_the_answer() -> None:
    body = "    def twice(n: int) -> int:\n        return n * 2\n\n    return x + twice(n)  # C1\n"
    assert told(body) == [
        "The calculation twice works from n:",
        "The value of twice is n times 2.",
        "The answer is x plus `twice(n)`.",
    ]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("    x += 5 if urgent else 3\n    return x\n", "Add (5 if urgent is true, otherwise 3) to x."),
        ("    x -= 5 if urgent else 3\n    return x\n", "Take (5 if urgent is true, otherwise 3) from x."),
        (
            "    a, b = 1 if urgent else 2, 3\n    return x + a + b\n",
            "Let, at once, a be (1 if urgent is true, otherwise 2) and b be 3.",
        ),
        (
            "    for i in [1] if urgent else [n]:\n        x += i\n    return x\n",
            "For each i in (the list of 1 if urgent is true, otherwise the list of n):",
        ),
        (
            "    match zone:\n        case _ if n < 5:\n            return x\n    return None\n",
            "If n is under 5, the answer is x.",
        ),
    ],
)
def test_a_choice_ends_where_its_brackets_end(body: str, said: str) -> None:
    assert said in told(body)


def test_all_other_cases_are_not_those_of_a_test_that_ends_nothing() -> None:
    body = "    if n == 0:\n        return None\n    if urgent:\n        x = x * 2\n    return x\n"
    assert told(body)[1:] == ["Otherwise, if urgent is true, let x be x times 2.", "The answer is x."]


@pytest.mark.parametrize("digits", ["0.12345678901234567890123456789012345", "123456789012345678901234567890.125"])
def test_no_digit_of_a_number_is_rounded_away(digits: str) -> None:
    assert told(f'    return x - Decimal("{digits}")\n') == [f"The answer is x minus {digits}."]


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("when.year - 2", "(the year of when) minus 2"),
        ("bags[0] * n", "(item 1 of bags) times n"),
        ('who["age"] + 1', "(the age of who) plus 1"),
        ("-RATES[n] + 1", "(minus (the entry of RATES for n)) plus 1"),
        ("RATES[n + 1]", "the entry of RATES for (n plus 1)"),
    ],
)
def test_a_calculation_cannot_be_read_as_one_with_a_part_of_it(value: str, said: str) -> None:
    inputs = "when: date; bags: list of integer; who: {type: object, fields: {age: integer}}; n: integer"
    logic = f"RATES = {{1: 2}}\n\n\ndef decide(when: date, bags: list[int], who: dict[str, int], n: int) -> int:\n    return {value}\n"
    (first, *_) = readback(one(logic, inputs, "answer: integer"))[0].sentences
    assert first.text == f"The answer is {said}."


@pytest.mark.parametrize(
    ("test", "said"),
    [
        ("n in (1, 2) or urgent", "If (n is one of 1 or 2) or urgent is true, "),
        ("n in (1, 2) and urgent", "If n is one of 1 or 2 and urgent is true, "),
        ("n not in (1, 2) and urgent", "If (n is none of 1 and 2) and urgent is true, "),
        ("max(n, 3) > 4 and urgent", "If ((the larger of n and 3) is over 4) and urgent is true, "),
        ("zone.endswith(('a', 'b')) or urgent", 'If (zone ends with "a" or "b") or urgent is true, '),
    ],
)
def test_a_test_that_has_the_word_between_tests_is_in_brackets(test: str, said: str) -> None:
    assert told(f"    if {test}:\n        return x\n    return None\n")[0].startswith(said)
