"""Twins: the same replacement in a text and in its accepted answers, and none where it would not be sure."""

from __future__ import annotations

from typing import Any

import pytest

from ingot.evals.suites.bfcl_package import Prompt
from ingot.evals.suites.bfcl_perturb import perturbed


def prompt(text: str, accepted: dict[str, list[Any]], **schemas: dict[str, Any]) -> Prompt:
    properties = {name: {"type": "string", "description": "", **schemas.get(name, {})} for name in accepted}
    document = {"name": "act", "parameters": {"properties": properties, "required": []}}
    return Prompt("p", "simple_python", text, (document,), ({"act": accepted},))


def twin(text: str, accepted: dict[str, list[Any]], **schemas: dict[str, Any]) -> tuple[str, dict[str, Any]] | None:
    found = perturbed(prompt(text, accepted, **schemas))
    return None if found is None else (found.text, dict(found.answers[0]["act"]))


def test_numbers_are_replaced_alike_and_keep_form_type_and_order() -> None:
    text, answers = twin("from 20 to 45.50 kg for $1,500", {"low": [20], "high": [45.5], "cost": [1500]}) or ("", {})
    low, high, cost = answers["low"][0], answers["high"][0], answers["cost"][0]
    assert text == f"from {low} to {high}0 kg for ${cost:,}"
    assert (type(low), type(high), type(cost)) == (int, float, int)
    assert 20 != low < high != 45.5
    assert low % 10 == 0
    assert cost % 1000 == 500


def test_several_numbers_are_replaced_at_once() -> None:
    found = twin("the scores 3, 4, 5 and 6", {"scores": [[3, 4, 5, 6]]})
    assert found is not None
    values = found[1]["scores"][0]
    assert found[0] == "the scores {}, {}, {} and {}".format(*values)
    assert values == sorted(values) != [3, 4, 5, 6]
    assert len(set(values)) == 4


def test_number_words_are_replaced_by_number_words() -> None:
    found = twin("Two tickets, please", {"count": [2]})
    assert found is not None
    words = dict(enumerate(["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]))
    assert found[0] == f"{words[found[1]['count'][0]].capitalize()} tickets, please"
    assert found[1]["count"][0] >= 3


def test_negative_numbers_keep_their_sign() -> None:
    found = twin("a=-7 and b=2", {"a": [-7], "b": [2]})
    assert found is not None
    assert found[0] == f"a={found[1]['a'][0]} and b={found[1]['b'][0]}"
    assert found[1]["a"][0] < 0


@pytest.mark.parametrize(
    ("text", "accepted"),
    [
        ("5% for 5 years", {"rate": [0.05], "years": [5]}),
        ("the 4th of April for 4 people", {"people": [4]}),
        ("for 3 weeks", {"days": [21]}),
        ("2 million", {"amount": [2_000_000]}),
        ("the weather", {"city": [""]}),
    ],
)
def test_a_number_that_the_answers_do_not_account_for_stays(text: str, accepted: dict[str, list[Any]]) -> None:
    assert twin(text, accepted) is None


def test_defaults_and_choices_stay() -> None:
    assert twin("take 10", {"count": [10]}, count={"description": "Default is 10."}) is None
    assert twin("take 10", {"count": [10]}, count={"enum": [10, 20]}) is None
    assert twin("to Paris", {"city": ["Paris"]}, city={"enum": ["Paris", "Rome"]}) is None


def test_years_move_together_in_dates_too() -> None:
    found = twin("from 1999 to May 3, 2003", {"a": [1999], "b": ["2003-05-03", "May 3, 2003"]})
    assert found == ("from 1995 to May 3, 1999", {"a": [1995], "b": ["1999-05-03", "May 3, 1999"]})


def test_a_city_takes_its_state_along_and_other_spellings_are_no_longer_accepted() -> None:
    found = twin("a flat in San Francisco, CA", {"place": ["San Francisco, CA", "San Francisco", "SF"]})
    assert found is not None
    whole, city = found[1]["place"]
    assert found[0] == f"a flat in {whole}"
    assert whole.startswith(f"{city}, ")
    assert "San Francisco" not in whole
    assert not whole.endswith("CA")


def test_two_cities_stay_two() -> None:
    found = twin("from Boston to Denver", {"a": ["Boston"], "b": ["Denver"]})
    assert found is not None
    assert found[1]["a"] != found[1]["b"]


def test_people_are_known_by_their_parameter() -> None:
    found = twin("paintings by Vera Holm", {"painter": ["Vera Holm", "V. Holm"]})
    assert found is not None
    assert found[0] == f"paintings by {found[1]['painter'][0]}"
    assert len(found[1]["painter"]) == 1
    assert twin("paintings of Red Roses", {"motif": ["Red Roses"]}) is None


@pytest.mark.parametrize(
    ("text", "accepted"),
    [
        ("the Treaty of Lisbon", {"event": ["Treaty of Lisbon"], "city": ["Lisbon", ""]}),
        ("games of Boston Celtics in Boston", {"city": ["Boston"]}),
        ("the last game of Vera Holm", {"player": ["Vera Holm"], "team": ["Los Angeles Lakers"]}),
        ("weather in Boston", {"city": ["Boston"], "zone": ["America/New_York"]}),
    ],
)
def test_a_name_on_which_another_answer_hangs_stays(text: str, accepted: dict[str, list[Any]]) -> None:
    assert twin(text, accepted) is None


def test_the_same_prompt_gets_the_same_twin() -> None:
    one = prompt("Call Mary Jones 3 times from Oslo", {"person": ["Mary Jones"], "times": [3], "place": ["Oslo"]})
    assert perturbed(one) == perturbed(one)
    found = perturbed(one)
    assert found is not None
    assert found.id == "p-perturbed"
    assert found.functions == one.functions


def test_objects_in_answers_are_perturbed_too() -> None:
    found = twin("user 431 is Mary Jones", {"user": [431], "info": [{"name": ["Mary Jones"], "age": [""]}]})
    assert found is not None
    assert found[0] == f"user {found[1]['user'][0]} is {found[1]['info'][0]['name'][0]}"
    assert found[1]["info"][0]["age"] == [""]
