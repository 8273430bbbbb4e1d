"""Transformations by example: types are found, rows are shared out, values are compared by what they are."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from ingot.cli.bench import bench_command
from ingot.compile.plan import make_plan
from ingot.compile.prompt import first_request
from ingot.errors import InputError
from ingot.evals.evaluate import evaluate
from ingot.evals.solvers.compiled import Compiled
from ingot.evals.suite import Item, check_apart
from ingot.evals.suites.transforms import identifier, same, transforms_suite
from ingot.evals.suites.transforms_types import shape_of
from ingot.models import Scripted

UPPER = """def shout(text: str) -> str:
    return text.upper()  # C1
"""
FIRST = """def shout(text: str) -> str:
    return text[:1].upper() + text[1:]  # C1
"""


def written(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def words(count: int, task: str = "shout") -> list[dict[str, Any]]:
    return [{"task": task, "id": f"w{n}", "input": f"word {n}", "output": f"WORD {n}"} for n in range(count)]


def described(folder: Path, wanted: Any, fields: dict[str, str]) -> Path:
    told = {
        "id": "mail", "name": "Mail fields", "prompt_template": "Read the mail:\n{mail}\n\nReturn JSON.",
        "output_format": {"type": "object", "fields": fields, "description": "what it holds"},
        "instances": [
            {"id": "a", "input": {"mail": "From: x"}, "expected_output": wanted},
            {"id": "b", "input": {"mail": "From: y"}, "expected_output": wanted},
        ],
    }  # fmt: skip
    path = folder / "mail.json"
    path.write_text(json.dumps(told), encoding="utf-8")
    return path


def test_rows_are_shown_held_out_and_scored_apart(tmp_path: Path) -> None:
    suite = check_apart(transforms_suite(written(tmp_path / "x.jsonl", words(12) + words(9, "again"))))
    assert [(task.id, len(task.items)) for task in suite.tasks] == [("shout", 4), ("again", 1)]
    spec = suite.tasks[0].spec()
    assert (len(spec.given), len(spec.held_out)) == (5, 3)
    assert (spec.thresholds.branch_coverage, spec.thresholds.complexity) == (0.5, 20)
    prompt = first_request(spec, make_plan(spec)).prompt
    for item in suite.tasks[0].items:
        assert json.dumps(item.input["text"]) not in prompt
    again = transforms_suite(tmp_path / "x.jsonl", seed=2)
    assert [item.id for item in again.tasks[0].items] != [item.id for item in suite.tasks[0].items]


def test_with_few_rows_half_are_shown_and_with_fewer_each_is_scored_once(tmp_path: Path) -> None:
    (task,) = transforms_suite(written(tmp_path / "six.jsonl", words(6))).tasks
    assert (len(task.spec().given), len(task.spec().held_out), len(task.items)) == (3, 1, 2)
    tasks = transforms_suite(written(tmp_path / "three.jsonl", words(3))).tasks
    assert [(task.id, [one.id for one in task.items]) for task in tasks] == [
        ("shout-1", ["w0"]), ("shout-2", ["w1"]), ("shout-3", ["w2"]),
    ]  # fmt: skip
    assert [case.id for case in tasks[1].spec().cases] == ["w0", "w2"]
    assert tasks[1].spec().thresholds.branch_coverage == 0
    with pytest.raises(InputError, match="has one row"):
        transforms_suite(written(tmp_path / "one.jsonl", words(1)))


def test_a_scored_row_gives_neither_names_nor_types(tmp_path: Path) -> None:
    rows = [{"id": str(n), "input": {"n": n}, "output": {"twice": 2 * n}} for n in range(12)]
    before = transforms_suite(written(tmp_path / "x.jsonl", rows)).tasks[0]
    scored = before.items[0].id
    for changed in ({"n": 1.5}, {"n": None}, {"n": "one"}, {"n": 3, "more": 1}, {}):
        other = [{**row, "input": changed} if row["id"] == scored else row for row in rows]
        after = transforms_suite(written(tmp_path / "x.jsonl", other)).tasks[0]
        assert after.spec_text == before.spec_text
        assert after.items[0].input == changed
    wanted = [{**row, "output": {"twice": 1, "half": 2}} if row["id"] == scored else row for row in rows]
    after = transforms_suite(written(tmp_path / "x.jsonl", wanted)).tasks[0]
    assert (after.spec_text, after.fields) == (before.spec_text, ("twice", "half"))


def test_a_scored_row_that_fits_no_type_is_a_refused_input_and_one_that_expects_more_is_not_right(
    tmp_path: Path,
) -> None:
    rows = [*words(11), {"task": "shout", "id": "odd", "input": {"text": 7}, "output": "7"}]
    program = f"```python\n{UPPER}```"
    for seed in range(40):
        suite = transforms_suite(written(tmp_path / "x.jsonl", rows), seed=seed)
        if any(item.id == "odd" for item in suite.tasks[0].items):
            break
    log = evaluate(suite, Compiled(Scripted([program])), tmp_path / "out")
    odd = next(item for item in log.items if item.item == "odd")
    assert (odd.right, odd.answer.refused) == (False, True)
    task = replace(
        suite.tasks[0], fields=("answer", "more"), items=(Item("m", {"text": "z"}, {"answer": "Z", "more": 1}),)
    )
    log = evaluate(replace(suite, tasks=(task,)), Compiled(Scripted([program])), tmp_path / "more")
    assert (log.items[0].right, dict(log.items[0].scores)) == (None, {"answer": 1.0, "more": None})


def test_one_object_alone_does_not_say_which_names_all_have() -> None:
    assert shape_of([{"o": {"k": 1}}], "x") == {"o": {"type": "object"}}


def test_types_are_those_of_all_rows() -> None:
    rows: list[dict[str, Any]] = [
        {"n": 1, "d": 1.5, "b": True, "t": "x", "l": ["a"], "o": {"k": 1}, "f": {"k": 1}},
        {"n": 2, "d": 2, "b": False, "t": None, "l": [], "o": {"k": 2}, "f": {"j": 1}},
    ]
    assert shape_of(rows, "x") == {
        "n": {"type": "integer"},
        "d": {"type": "decimal"},
        "b": {"type": "boolean"},
        "t": {"type": "text", "nullable": True},
        "l": {"type": "list", "items": {"type": "text"}},
        "o": {"type": "object", "fields": {"k": {"type": "integer"}}},
        "f": {"type": "object"},
    }
    with pytest.raises(InputError, match="bool, int") as caught:
        shape_of([{"n": 1}, {"n": True}], "task")
    assert caught.value.place == "task.n"


@pytest.mark.parametrize(
    ("found", "wanted", "score"),
    [("a", "a", 1), ("a", "A", 0), ("149.95", 149.95, 1), (149.95, 149.95, 1), ("x", 1, 0), (True, 1, 0), (1, True, 0),
     ({"k": "2.50"}, {"k": 2.5}, 1), ({"k": 1, "j": 2}, {"k": 1}, 0), (["a", "b"], ["a", "b"], 1), (["a"], ["a", "b"], 0),
     (None, "a", None), (None, None, 1)],
)  # fmt: skip
def test_values_are_compared_by_what_they_are(found: Any, wanted: Any, score: float | None) -> None:
    assert same(Item("i", {}, {"answer": wanted}), {"answer": found}) == {"answer": score}


def test_a_missing_output_is_withheld() -> None:
    assert same(Item("i", {}, {"a": "x", "b": "y"}), {"a": "x"}) == {"a": 1.0, "b": None}


def test_what_is_said_of_a_task_is_its_rule(tmp_path: Path) -> None:
    one, two = transforms_suite(described(tmp_path, {"sender": "x"}, {"sender": "the From header"})).tasks
    spec = one.spec()
    assert spec.logic_requirements[0].intent == "Read the mail: (mail) Return JSON."
    assert spec.outputs[0].description == "the From header"
    assert ([case.id for case in spec.cases], two.items[0].id) == (["b"], "b")
    free = transforms_suite(described(tmp_path, {"sender": "x"}, {})).tasks[0].spec()
    assert [field.name for field in free.outputs] == ["answer"]
    assert "what it holds" in free.logic_requirements[0].intent


def test_a_program_that_only_fits_the_shown_examples_is_refused_or_wrong(tmp_path: Path) -> None:
    rows = [*words(11), {"task": "shout", "id": "short", "input": "b", "output": "B"}]
    suite = transforms_suite(written(tmp_path / "x.jsonl", rows))
    good = evaluate(suite, Compiled(Scripted([f"```python\n{UPPER}```"])), tmp_path / "good")
    assert [one.right for one in good.items] == [True] * 4
    bad = evaluate(suite, Compiled(Scripted([f"```python\n{FIRST}```"]), attempts=1), tmp_path / "bad")
    assert not bad.tasks[0].generation.deployed


@pytest.mark.parametrize(
    ("rows", "said"),
    [([{"input": "a"}], "no 'output'"), ([{"input": "a", "output": "b"}, {"input": "a", "output": {"x": 1}}], "objects and values")],
)  # fmt: skip
def test_rows_that_do_not_fit_are_said_with_their_line(tmp_path: Path, rows: list[dict[str, Any]], said: str) -> None:
    with pytest.raises(InputError, match=said) as caught:
        transforms_suite(written(tmp_path / "x.jsonl", rows))
    assert f"x.jsonl:{len(rows)}" in str(caught.value)


def test_a_file_that_is_no_task_is_said(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text('{"id": "x"}')
    with pytest.raises(InputError, match="not a task"):
        transforms_suite(tmp_path)
    with pytest.raises(InputError, match="cannot read the task"):
        transforms_suite(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="with examples"):
        transforms_suite(tmp_path / "empty")


def test_names_become_identifiers() -> None:
    assert [identifier("mail", {"mail"}), identifier("date"), identifier("class")] == [
        "make_mail",
        "make_date",
        "make_class",
    ]
    assert [identifier(name) for name in ("Bill of Sale", "2nd date", "日本")] == [
        "bill_of_sale",
        "make_2nd_date",
        "answer",
    ]


def test_the_command_shows_what_it_needs(tmp_path: Path) -> None:
    path = written(tmp_path / "x.jsonl", words(12))
    done = CliRunner().invoke(bench_command, ["transforms", "--data", str(path), "--out", str(tmp_path / "out")])
    assert isinstance(done.exception, InputError)
    assert "asks a model for the task 'shout'" in str(done.exception)
