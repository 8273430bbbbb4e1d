"""Suites of one's own: rows made into cases and items, precise errors, loaders."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ingot.errors import InputError, SpecError
from ingot.evals.evaluate import evaluate
from ingot.evals.solvers.compiled import Human
from ingot.evals.suite_file import load_suite
from tests.evals.test_evaluate import RIGHT, SPEC

SUITE = """suite: shipping
title: Shipping fees
spec: spec.yaml
items: items.jsonl
program: logic.py
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "spec.yaml").write_text(SPEC)
    (tmp_path / "logic.py").write_text(RIGHT)
    rows = [{"id": str(at), "input": {"weight": at}, "expected": {"fee": 5 if at <= 10 else 9}} for at in (1, 90)]
    (tmp_path / "items.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "suite.yaml").write_text(SUITE)
    return tmp_path


def rewrite(folder: Path, text: str) -> Path:
    path = folder / "suite.yaml"
    path.write_text(text)
    return path


def test_a_suite_of_items_runs(folder: Path) -> None:
    log = evaluate(load_suite(folder / "suite.yaml"), Human(), folder / "out")
    assert [one.right for one in log.items] == [True, True]
    assert log.header.scorer == "each expected field by its spec's scorer"


def test_rows_become_cases_and_the_rest_is_scored(folder: Path) -> None:
    lines = ["number,kg,fee", *(f"{at},{at + 20},9" for at in range(10))]
    (folder / "rows.csv").write_text("\n".join(lines) + "\n")
    suite = load_suite(
        rewrite(
            folder,
            "suite: rows\nspec: spec.yaml\nrows: rows.csv\nid: number\ninput: {weight: kg}\n"
            "split: {given: 3, held_out: 2, seed: 7}\nprogram: logic.py\n",
        )
    )
    (task,) = suite.tasks
    spec = task.spec()
    assert (len(spec.given), len(spec.held_out), len(task.items)) == (5, 3, 5)
    cases = {case.input["weight"] for case in spec.cases}
    assert not cases & {int(item.input["weight"]) for item in task.items}
    log = evaluate(suite, Human(), folder / "out")
    assert all(one.right for one in log.items)


def test_several_tasks_in_one_file(folder: Path) -> None:
    part = "{task: %s, spec: spec.yaml, items: items.jsonl, program: logic.py}"
    suite = load_suite(rewrite(folder, f"suite: two\ntasks:\n  - {part % 'a'}\n  - {part % 'b'}\n"))
    assert [task.id for task in suite.tasks] == ["a", "b"]
    assert suite.items == 4


def test_null_is_no_answer_where_the_file_says_so(folder: Path) -> None:
    (folder / "spec.yaml").write_text(
        SPEC.replace("outputs: {fee: integer}", "outputs: {fee: integer?}")
        + "  - {id: unsure, input: {weight: 95}, expected: {fee: null}}\n"
    )
    (folder / "logic.py").write_text(
        "def set_fee(weight: int) -> int | None:\n    if weight > 80:\n        return None  # C2\n"
        "    if weight <= 10:\n        return 5  # C1\n    return 9  # C2\n"
    )
    as_answer = evaluate(load_suite(folder / "suite.yaml"), Human(), folder / "one")
    assert [one.right for one in as_answer.items] == [True, False]
    withheld = evaluate(load_suite(rewrite(folder, SUITE + "nulls: withheld\n")), Human(), folder / "two")
    assert [one.right for one in withheld.items] == [True, None]
    rows = [{"id": str(at), "input": {"weight": at}, "answerable": False} for at in (1, 90)]
    with (folder / "items.jsonl").open("a") as file:
        file.writelines(json.dumps({**row, "id": f"none {row['id']}"}) + "\n" for row in rows)
    none = evaluate(load_suite(folder / "suite.yaml"), Human(), folder / "three")
    assert [one.right for one in none.items] == [True, None, False, True]  # null is what is right for the last one
    as_answer = evaluate(load_suite(rewrite(folder, SUITE)), Human(), folder / "four")
    assert [one.right for one in as_answer.items] == [True, False, False, False]


def test_a_loader_gives_the_suite(folder: Path) -> None:
    (folder / "my_shipping_loader.py").write_text(
        "from ingot.evals.suite import Item, Suite, Task\n\n\ndef load(path):\n"
        "    score = lambda item, output: {'fee': float(output['fee'] == item.expected['fee'])}\n"
        "    spec = (path.parent / 'spec.yaml').read_text()\n"
        "    task = Task('t', spec, (Item('a', {'weight': 4}, {'fee': 5}),), score, ('fee',))\n"
        "    return Suite('mine', 'Mine', 'unseen', (task,), 'equal')\n"
    )
    assert load_suite(rewrite(folder, "suite: mine\nloader: my_shipping_loader:load\n")).tasks[0].id == "t"


@pytest.mark.parametrize(
    ("text", "said", "line"),
    [
        ("suite: x\nspec: spec.yaml\n", "give either items", 1),
        (SUITE + "colour: red\n", "unknown key 'colour'", 6),
        (SUITE + "split: {given: 2}\n", "not split", 1),
        ("suite: x\n", "nothing to score", 1),
        ("suite: x\nloader: no_such_module_here:load\n", "no loader", 2),
        ("suite: x\nspec: spec.yaml\nitemz: items.jsonl\n", "unknown key 'itemz'", 3),  # and not that items are missing
        (SUITE.replace("items:", "rows:") + "split: {given: -2}\n", "split.given: Input should", 6),
        (SUITE + "input: [weight]\n", "input: Input should", 6),
        ("- a\n", "a suite is a mapping", 1),
    ],
)
def test_a_wrong_file_says_where(folder: Path, text: str, said: str, line: int) -> None:
    with pytest.raises(SpecError, match=said) as caught:
        load_suite(rewrite(folder, text))
    assert f"suite.yaml:{line}:" in str(caught.value)


def test_wrong_items_say_which_line(folder: Path) -> None:
    items = folder / "items.jsonl"
    for row, said in (
        ('{"id": 1, "input": {"weight": 3}, "expected": {"feee": 5}}', "expects 'feee'"),
        ('{"id": 1, "input": {"weight": 3}}', "expects nothing"),
        ('{"id": 1, "weight": 3}', "unknown key 'weight'"),
        ("{", "items.jsonl:1"),
        ("", "items.jsonl: there is no item to score"),
        ('{"id": 1, "input": {"weight": 3}, "expected": 5}', "items.jsonl:1: 'expected' is 5"),
        (
            '{"id": 1, "input": {"weight": 3}, "expected": {"fee": "five"}}',
            "items.jsonl:1: item '1' expects 'fee' to be 'five'",
        ),
        ('{"id": 1, "input": {"weight": 3}, "answerable": "no"}', "items.jsonl:1: 'answerable' is 'no'"),
        ('{"id": 1, "input": {"weight": 10}, "expected": {"fee": 5}}', "also the case 'light'"),
    ):
        items.write_text(row + "\n")
        with pytest.raises((InputError, SpecError)) as caught:
            load_suite(folder / "suite.yaml")
        assert said in str(caught.value)


def test_items_say_what_is_right_or_wrong_together(folder: Path) -> None:
    row = {"input": {"weight": 3}, "expected": {"fee": 5}, "group": "Lund"}
    (folder / "items.jsonl").write_text("".join(json.dumps({"id": n, **row}) + "\n" for n in (1, 2)))
    suite = load_suite(folder / "suite.yaml")
    assert [item.group for item in suite.tasks[0].items] == ["Lund", "Lund"]
    (folder / "items.jsonl").write_text("".join(json.dumps({"id": n, **row, "group": n}) + "\n" for n in (1, 2)))
    assert load_suite(folder / "suite.yaml").digest != suite.digest


@pytest.mark.parametrize(("rows", "said"), [
    ("id;weight;fee\n1;20;9\n", "rows.csv:1: its columns are set apart by ';', not by commas"),
    ("id,weight,fee\n1,20\n", "rows.csv:2: the row has not one cell for each of 3 columns"),
    ("id,weight,fee\n1,20,9,9\n", "rows.csv:2: the row has not one cell for each of 3 columns"),
    ('id,weight,fee\n1,"20"x,9\n', "rows.csv:2: not CSV"),
])  # fmt: skip
def test_rows_that_are_no_csv_are_one_precise_error(folder: Path, rows: str, said: str) -> None:
    (folder / "rows.csv").write_text(rows)
    with pytest.raises(InputError) as caught:
        load_suite(rewrite(folder, "suite: x\nspec: spec.yaml\nrows: rows.csv\nsplit: {given: 1, held_out: 1}\n"))
    assert said in str(caught.value)


@pytest.mark.parametrize(("row", "said"), [
    ("1,20,nine", "rows.csv:2: item '1' expects 'fee' to be 'nine'"),  # whether it becomes a case or is scored
    ("1,heavy,9", "rows.csv:2: item '1' is to be a case: weight: 'heavy' does not fit"),
])  # fmt: skip
def test_a_row_that_does_not_fit_the_spec_is_told_by_its_line(folder: Path, row: str, said: str) -> None:
    (folder / "rows.csv").write_text(f"id,weight,fee\n{row}\n{row}\n{row}\n")
    with pytest.raises(InputError) as caught:
        load_suite(rewrite(folder, "suite: x\nspec: spec.yaml\nrows: rows.csv\nsplit: {given: 1, held_out: 1}\n"))
    assert said in str(caught.value)


def test_a_program_that_is_not_there_is_told(folder: Path) -> None:
    with pytest.raises(InputError, match=r"none\.py: cannot read the program"):
        load_suite(rewrite(folder, SUITE.replace("logic.py", "none.py")))


@pytest.mark.parametrize(("code", "said"), [
    ("def load(path):\n    return 1 / 0\n", r"failed: ZeroDivisionError: division by zero \(.*failing_0\.py:2\)"),
    ("def load(\n", r"failed: SyntaxError: .*failing_1\.py, line 1"),
    ("import no_such_module_here\n", "failed: ModuleNotFoundError"),
    ("def other(path): ...\n", "'failing_3' has no function 'load'"),
    ("def load(path): ...\n", "gave a NoneType"),
    ("from ingot.evals.suite import Suite\ndef load(path): return Suite('a', 'A', 'unseen', (), 'x')\n", "no item to score"),
])  # fmt: skip
def test_what_breaks_in_a_loader_is_one_error_with_its_place(
    folder: Path, code: str, said: str, request: pytest.FixtureRequest
) -> None:
    name = f"failing_{request.node.callspec.indices['code']}"
    (folder / f"{name}.py").write_text(code)
    with pytest.raises(SpecError, match=said) as caught:
        load_suite(rewrite(folder, f"suite: x\nloader: {name}:load\n"))
    assert "suite.yaml:2:1" in str(caught.value)


def test_a_split_that_leaves_nothing_is_refused(folder: Path) -> None:
    (folder / "rows.csv").write_text("id,weight,fee\n1,20,9\n2,30,9\n")
    with pytest.raises(InputError, match="leave none to score"):
        load_suite(rewrite(folder, "suite: x\nspec: spec.yaml\nrows: rows.csv\nsplit: {given: 1, held_out: 1}\n"))
