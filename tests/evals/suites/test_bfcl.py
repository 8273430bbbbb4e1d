"""Specs out of function documents, calls out of outputs, and scores. The prompts are the tests' own; the official checker
is used where bfcl-eval is installed, elsewhere a small one that compares with the accepted values."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ingot.compile.plan import make_plan
from ingot.compile.prompt import first_request
from ingot.errors import InputError
from ingot.evals.evaluate import evaluate
from ingot.evals.solvers.compiled import Compiled
from ingot.evals.solvers.direct import Direct
from ingot.evals.solvers.hybrid import Hybrid
from ingot.evals.suite import check_apart
from ingot.evals.suites import bfcl, bfcl_package
from ingot.evals.suites.bfcl_functions import read_functions
from ingot.evals.suites.bfcl_package import Prompt, is_accepted, load_prompts
from ingot.evals.suites.bfcl_perturb import perturbed
from ingot.evals.suites.bfcl_specs import instance_spec, set_spec
from ingot.models import Scripted
from ingot.spec import parse_spec

BOOK = {
    "name": "hotel.book",
    "description": "Book a room.",
    "parameters": {
        "type": "dict",
        "properties": {
            "city": {"type": "string", "description": "The city."},
            "nights": {"type": "integer", "description": "How many nights."},
            "rate": {"type": "float", "description": "The most a night may cost."},
            "kind": {"type": "string", "description": "The room.", "enum": ["single", "double"]},
            "extras": {"type": "array", "items": {"type": "string"}, "description": "What is wanted besides."},
        },
        "required": ["city", "nights"],
    },
}
TAXI = {
    "name": "taxi",
    "description": "Call a taxi.",
    "parameters": {
        "type": "dict",
        "properties": {
            "city": {"type": "string", "description": "Where."},
            "class": {"type": "integer", "description": "The class.", "enum": [1, 2]},
            "guest": {
                "type": "dict",
                "description": "Who.",
                "properties": {"name": {"type": "string"}, "tip": {"type": "float"}},
            },
        },
        "required": ["city"],
    },
}
PROMPT = Prompt(
    "book_1",
    "simple_python",
    "Book me 3 nights in Denver for at most 90.5 a night.",
    (BOOK,),
    ({"hotel.book": {"city": ["Denver"], "nights": [3], "rate": [90.5, ""], "kind": ["single", ""], "extras": [""]}},),
)
CODE = """```python
def read_book(query: str) -> ReadBookOutput:
    nights = re.search(r"(\\d+) nights", query)
    city = re.search(r"in ([A-Z][a-z]+)", query)
    rate = re.search(r"most (\\d+\\.\\d)", query)
    return {
        "city": city[1] if city else None,
        "nights": int(nights[1]) if nights else None,
        "rate": Decimal(rate[1]) if rate else None,
        "kind": None,
        "extras": None,
    }  # C2
```"""
CONSTANT = """```python
def read_book(query: str) -> ReadBookOutput:
    return {"city": "Denver", "nights": 3, "rate": Decimal("90.5"), "kind": None, "extras": None}  # C2
```"""


def accepts(prompt: Prompt, function: str, arguments: Mapping[str, Any]) -> bool:
    accepted = prompt.answers[0].get(function, {})
    return all(name in accepted and value in accepted[name] for name, value in arguments.items()) and all(
        name in arguments or "" in values for name, values in accepted.items()
    )


def live(number: int, text: str, answer: dict[str, Any], functions: tuple[Any, ...] = (BOOK, TAXI)) -> Prompt:
    return Prompt(f"live_{number}", "live_multiple", text, functions, (answer,) if answer else ())


LIVE = [
    live(1, "2 nights in Rome", {"hotel.book": {"city": ["Rome"], "nights": [2], "kind": ["single", ""]}}),
    live(2, "A taxi in Oslo, class 2", {"taxi": {"city": ["Oslo"], "class": [2, ""]}}),
    live(3, "A taxi in Bonn", {"taxi": {"city": ["Bonn"], "class": [1, ""]}}),
    live(4, "A taxi in Lima", {"taxi": {"city": ["Lima"], "class": [1, ""]}}),
    live(5, "4 nights in Nice", {"hotel.book": {"city": ["Nice"], "nights": [4], "kind": ["", "single"]}}),
]
NONE = [live(8, "Sing a song", {}, (TAXI, BOOK, {**TAXI, "name": "song"})), live(9, "A taxi", {}, (TAXI,))]


def a_set(**changes: Any) -> Any:
    given = {"sets": {"travel": {"compile": ["live_1", "live_2", "live_3"], "run": ["live_4", "live_5"]}}, **changes}
    return bfcl.reuse_suite(
        given.pop("sets"), accepts=accepts, prompts={one.id: one for one in LIVE}, without_call=NONE, **given
    )


# ---- functions and specs -----------------------------------------------------------------------------------------


def test_parameters_become_nullable_typed_fields() -> None:
    (book,) = read_functions([BOOK])
    forms = {one.field: one.form for one in book.parameters}
    assert {name: form["type"] for name, form in forms.items()} == {
        "city": "text", "nights": "integer", "rate": "decimal", "kind": "enum", "extras": "list",
    }  # fmt: skip
    assert all(form["nullable"] for form in forms.values())
    assert forms["kind"]["values"] == ["single", "double"]
    assert forms["city"]["description"] == "The city (required: null where the text lacks it)"
    assert forms["rate"]["description"].endswith("(optional: null unless the text says it)")


def test_names_of_several_functions_are_unique_and_can_be_names() -> None:
    book, taxi = read_functions([BOOK, TAXI])
    fields = [one.field for function in (book, taxi) for one in function.parameters]
    assert len(set(fields)) == len(fields)
    assert {"book_city", "taxi_city", "class_value"} <= set(fields)
    assert (book.step, taxi.step) == ("read_book", "read_taxi")
    assert "one of 1, 2" in next(one for one in taxi.parameters if one.name == "class").form["description"]


def test_a_call_leaves_nulls_out_and_is_not_made_without_what_it_needs() -> None:
    (taxi,) = read_functions([TAXI])
    (book,) = read_functions([BOOK])
    assert book.call({"city": "Rome", "nights": 2, "rate": "6.10", "kind": None}) == {
        "city": "Rome", "nights": 2, "rate": 6.1,
    }  # fmt: skip
    assert book.call({"city": "Rome", "nights": None}) is None
    called = taxi.call({"city": "Rome", "guest": {"name": None, "tip": "2"}})
    assert called == {"city": "Rome", "guest": {"tip": 2.0}}


def test_a_prompt_is_shown_without_its_answer() -> None:
    text, _ = instance_spec(PROMPT)
    task = bfcl.per_instance_suite(accepts=accepts, prompts=[PROMPT]).tasks[0]
    spec = task.spec()
    assert next(case for case in spec.given if case.id == "book_1").expected == {}
    assert spec.outputs[0].nullable
    request = first_request(spec, make_plan(spec))
    assert PROMPT.text in request.prompt
    (twin,) = [item for item in task.items if item.kind == "perturbed"]
    assert twin.input["query"] not in text
    assert "accepted" not in text


def test_who_asks_for_every_prompt_is_not_told_how_to_write_a_program() -> None:
    task = bfcl.per_instance_suite(accepts=accepts, prompts=[PROMPT]).tasks[0]
    model = Scripted(["{}"])
    Direct(model).prepare(task).answer(task.items[0].input)
    (request,) = model.requests
    assert "table of words" in task.spec_text
    assert "regular expression" not in request.prompt
    assert "table of" not in request.prompt
    assert PROMPT.text in request.prompt
    reuse = set_spec("travel", read_functions([BOOK, TAXI]), LIVE[:2], LIVE[2:3], plain=True)
    assert "regular expression" not in reuse
    assert {one.id for one in parse_spec(reuse, "reuse").clauses} == {"C1", "C3", "C4"}


def test_a_hybrid_asks_for_what_keeps_a_call_from_being_made_and_for_no_optional_null() -> None:
    task = bfcl.per_instance_suite(accepts=accepts, prompts=[PROMPT]).tasks[0]
    model = Scripted([CODE, '{"nights": 3}'])
    prepared = Hybrid(model, attempts=1).prepare(task)
    whole = prepared.answer(task.items[0].input)
    assert whole.output is not None
    assert whole.output["kind"] is None
    assert whole.usage.requests == 0
    part = prepared.answer({"query": "Book me three nights in Denver."})
    assert part.usage.requests == 1
    assert list((model.requests[-1].schema or {})["properties"]) == ["nights"]
    assert part.output is not None
    assert (part.output["city"], part.output["nights"]) == ("Denver", 3)
    (book, taxi) = functions = read_functions([BOOK, TAXI])
    nothing = {"function": None, **{one.field: None for one in (*book.parameters, *taxi.parameters)}}
    assert bfcl._gaps(functions, nothing) == list(nothing)
    assert bfcl._gaps(functions, {**nothing, "function": "hotel.book", "nights": 2}) == ["book_city"]


def test_a_set_states_first_accepted_values_and_not_what_may_be_left_out() -> None:
    functions = read_functions([BOOK, TAXI])
    spec = json.loads(set_spec("travel", functions, LIVE[:2], LIVE[2:3]))
    cases = {one["id"]: one for one in spec["cases"]}
    assert cases["live_1"]["expected"] == {"function": "hotel.book", "book_city": "Rome", "nights": 2}
    assert cases["live_2"]["expected"] == {"function": "taxi", "taxi_city": "Oslo", "class_value": 2}
    assert cases["live_3"]["held_out"]
    assert cases["nothing"]["expected"] == {"function": None}


def test_values_that_are_not_of_the_declared_type_are_not_stated() -> None:
    odd = replace(LIVE[0], answers=({"hotel.book": {"city": ["Rome"], "nights": ["two"], "kind": ["suite"]}},))
    spec = json.loads(set_spec("travel", read_functions([BOOK]), [odd], []))
    assert spec["cases"][0]["expected"] == {"function": "hotel.book", "city": "Rome"}


# ---- suites ------------------------------------------------------------------------------------------------------


def test_a_program_that_reads_is_right_on_the_twin_too(tmp_path: Path) -> None:
    suite = bfcl.per_instance_suite(accepts=accepts, prompts=[PROMPT])
    log = evaluate(suite, Compiled(Scripted([CODE]), attempts=1), tmp_path)
    assert [(item.kind, item.right) for item in log.items] == [("original", True), ("perturbed", True)]


def test_a_program_that_answers_with_constants_is_refused(tmp_path: Path) -> None:
    suite = bfcl.per_instance_suite(accepts=accepts, prompts=[PROMPT])
    log = evaluate(suite, Compiled(Scripted([CONSTANT]), attempts=1), tmp_path)
    assert not log.tasks[0].generation.deployed
    assert log.tasks[0].generation.reason == "refused by accuracy"


def test_constants_behind_a_test_of_the_text_are_wrong_on_the_twin(tmp_path: Path) -> None:
    hidden = CONSTANT.replace(
        "    return", '    if "nights" not in query:\n        return {"city": None, "nights": None, "rate": None, '
        '"kind": None, "extras": None}  # C3\n    return',
    )  # fmt: skip
    suite = bfcl.per_instance_suite(accepts=accepts, prompts=[PROMPT])
    log = evaluate(suite, Compiled(Scripted([hidden]), attempts=1), tmp_path)
    assert [(item.kind, item.right) for item in log.items] == [("original", True), ("perturbed", False)]


def test_the_model_itself_answers_from_the_same_spec(tmp_path: Path) -> None:
    suite = bfcl.per_instance_suite(accepts=accepts, prompts=[PROMPT])
    replies = ['{"city": "Denver", "nights": 3, "rate": 90.5}', '{"city": "Denver", "nights": null}']
    log = evaluate(suite, Direct(Scripted(replies)), tmp_path)
    assert [item.right for item in log.items] == [True, None]


def test_a_suite_counts_the_prompts_without_a_twin() -> None:
    plain = replace(PROMPT, id="plain", text="Book a room.", answers=({"hotel.book": {"city": ["x"], "nights": [""]}},))
    suite = bfcl.per_instance_suite(accepts=accepts, prompts=[PROMPT, plain])
    assert "2 prompts; 1 of them have a perturbed twin" in suite.origin
    assert [len(task.items) for task in suite.tasks] == [2, 1]


def test_a_set_is_compiled_on_some_prompts_and_scored_on_others() -> None:
    suite = check_apart(a_set())
    (task,) = suite.tasks
    spec = task.spec()
    assert [case.id for case in spec.held_out] == ["live_3", "nothing-more"]
    assert [item.id for item in task.items] == ["live_4", "live_5", "live_8"]
    assert [item.answerable for item in task.items] == [True, True, False]
    assert "Lima" not in task.spec_text


def test_calls_are_scored_with_their_function_and_no_call_is_no_answer() -> None:
    (task,) = a_set().tasks
    bonn, nice, none = task.items
    assert task.score(bonn, {"function": "taxi", "taxi_city": "Lima"}) == {"call": 1.0}
    assert task.score(bonn, {"function": "taxi", "taxi_city": "Rome"}) == {"call": 0.0}
    assert task.score(bonn, {"function": "hotel.book", "book_city": "Lima", "nights": 1}) == {"call": 0.0}
    assert task.score(bonn, {"function": None, "taxi_city": "Lima"}) == {"call": None}
    assert task.score(nice, {"function": "hotel.book", "book_city": "Nice", "nights": None}) == {"call": None}
    assert task.score(none, {"function": "taxi", "taxi_city": "Oslo"}) == {"call": 0.0}
    assert task.score(none, {"function": None, "taxi_city": None}) == {"call": None}


def test_where_no_call_is_right_none_is_right(tmp_path: Path) -> None:
    replies = ['{"function": "taxi", "taxi_city": "Lima"}', '{"function": null}', '{"function": null}']
    log = evaluate(a_set(), Direct(Scripted(replies)), tmp_path)
    assert [item.right for item in log.items] == [True, None, True]
    called = evaluate(a_set(), Direct(Scripted([*replies[:2], replies[0]])), tmp_path / "again")
    assert called.items[2].right is False


def test_sets_are_drawn_alike_and_none_of_their_prompts_is_on_both_sides() -> None:
    known = {one.id: one for one in LIVE}
    sets = bfcl.drawn_sets(known)
    assert sets == bfcl.drawn_sets(known)
    (ids,) = sets.values()
    assert (len(ids["compile"]), len(ids["run"])) == (2, 3)
    assert not set(ids["compile"]) & set(ids["run"])


@pytest.mark.parametrize("text", ["[]", "{", '{"a": {"compile": ["x"]}}', '{"a": {"compile": "x", "run": ["y"]}}'])
def test_a_file_of_sets_that_is_none_is_told(tmp_path: Path, text: str) -> None:
    path = tmp_path / "sets.json"
    path.write_text(text)
    with pytest.raises(InputError) as told:
        bfcl.read_sets(path)
    assert "sets.json" in str(told.value)


def test_an_unknown_prompt_of_a_set_is_told() -> None:
    with pytest.raises(InputError, match="names the prompt 'live_77'"):
        a_set(sets={"travel": {"compile": ["live_1"], "run": ["live_77"]}})


# ---- the package -------------------------------------------------------------------------------------------------


def test_without_the_package_it_is_said_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> Any:
        raise ModuleNotFoundError(name)

    monkeypatch.setattr("importlib.resources.files", missing)
    bfcl_package._rows.cache_clear()
    with pytest.raises(InputError) as told:
        bfcl_package.load_prompts("simple_python")
    assert "pip install --no-deps bfcl-eval==2026.3.23" in str(told.value.hint)


def test_the_official_checker_judges_a_call() -> None:
    pytest.importorskip("bfcl_eval")
    right = {"city": "denver", "nights": 3, "rate": 90.5}
    assert is_accepted(PROMPT, "hotel.book", right)
    assert not is_accepted(PROMPT, "hotel.book", {**right, "nights": 4})
    assert not is_accepted(PROMPT, "hotel.book", {"city": "Denver"})
    assert not is_accepted(PROMPT, "taxi", right)
    several = replace(PROMPT, category="live_multiple", functions=(TAXI, BOOK))
    assert is_accepted(several, "hotel.book", right)


def first_accepted(prompt: Prompt) -> tuple[str, dict[str, Any]]:
    def plain(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: plain(first(inner)) if isinstance(inner, list) else inner for key, inner in value.items()}
        return [plain(one) if isinstance(one, dict) else one for one in value] if isinstance(value, list) else value

    def first(accepted: Any) -> Any:
        return next((one for one in accepted if one != ""), None)

    ((name, values),) = prompt.answers[0].items()
    return name, {key: plain(first(one)) for key, one in values.items() if first(one) is not None}


def test_the_package_as_it_is_makes_whole_suites() -> None:
    pytest.importorskip("bfcl_eval")
    suite = bfcl.per_instance_suite()
    assert len(suite.tasks) == 400
    assert 250 < suite.items - 400 < 400
    for task in suite.tasks[::80]:
        assert task.spec().outputs
    for prompt in load_prompts("simple_python").values():
        if twin := perturbed(prompt):  # its answers are right for it, and those of the prompt are not
            assert is_accepted(twin, *first_accepted(twin))
            assert not is_accepted(twin, *first_accepted(prompt))
    reuse = bfcl.reuse_suite()
    assert len(reuse.tasks) > 50
    check_apart(replace(reuse, tasks=reuse.tasks[:2]))
