"""Forms of a date that a clause names become texts that have them."""

from datetime import date

import pytest

from ingot.spec import parse_spec
from ingot.stages.suggested_forms import forms, texts_with, written
from ingot.stages.suggested_values import named_values

CLAUSE = (
    "Best first: D/M/YYYY, YYYY-MM-DD, D MON YYYY or D-MON-YY, DD.MM.YY, YYYYMMDD. ADD nothing; DD alone is no form."
)


def test_forms_are_found_once_and_in_order() -> None:
    assert forms(CLAUSE + " D/M/YYYY") == ("D/M/YYYY", "YYYY-MM-DD", "D MON YYYY", "D-MON-YY", "DD.MM.YY", "YYYYMMDD")


@pytest.mark.parametrize(
    ("form", "text"),
    [
        ("D/M/YYYY", "8/3/2019"),
        ("YYYY-MM-DD", "2019-03-08"),
        ("D MON YYYY", "8 MAR 2019"),
        ("DD.MM.YY", "08.03.19"),
        ("YYYYMMDD", "20190308"),
    ],
)
def test_a_day_is_written_in_a_form(form: str, text: str) -> None:
    assert written(form, date(2019, 3, 8)) == text


def test_the_dates_of_a_text_are_replaced_and_nothing_else() -> None:
    found = {form: text for text, form in texts_with("YYYYMMDD", "NO 12 JALAN 3\nDATE: 25/12/2018 10:41\nTOTAL 8.50")}
    assert found == {"YYYYMMDD": "NO 12 JALAN 3\nDATE: 20190308 10:41\nTOTAL 8.50"}
    assert list(texts_with("YYYYMMDD", "no date")) == [("no date\n20190308", "YYYYMMDD")]


def test_a_spec_names_them() -> None:
    spec = parse_spec(
        "metadata: {name: dates}\ninputs: {text: text}\noutputs: {day: text}\n"
        "clauses: {C1: 'The date as DD/MM/YYYY or YYYYMMDD.'}\n"
        "logic_requirements: [{step: find, type: function, inputs: [text], outputs: {day: text}, clauses: [C1]}]\n"
        "cases: [{id: a, input: {text: 'ON 01/02/2018'}, expected: {day: 01/02/2018}}]\n"
    )
    named = {one.trial.input["text"]: one.why for one in named_values(spec)}
    assert named == {
        "ON 08/03/2019": "text has a date as DD/MM/YYYY, which C1 names",
        "ON 20190308": "text has a date as YYYYMMDD, which C1 names",
    }
