"""A suite through a solver: scores, what is withheld, resuming, and that items are apart from cases."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ingot.errors import InputError, ModelError, SpecError
from ingot.evals.alone import alone
from ingot.evals.evaluate import evaluate
from ingot.evals.log import read_log
from ingot.evals.solvers import Answer
from ingot.evals.solvers.code_once import CodeOnce
from ingot.evals.solvers.compiled import Compiled, Human
from ingot.evals.suite import Item, Suite, Task, check_apart
from ingot.models import Scripted

SPEC = """
metadata: {name: shipping}
inputs: {weight: {type: integer, minimum: 0, maximum: 100}}
outputs: {fee: integer}
clauses:
  - {id: C1, text: Up to 10 kg the fee is 5.}
  - {id: C2, text: Above 10 kg it is 9.}
logic_requirements:
  - {step: set_fee, type: function, intent: The fee., inputs: [weight], clauses: [C1, C2], outputs: {fee: integer}}
cases:
  - {id: light, input: {weight: 10}, expected: {fee: 5}}
  - {id: heavy, input: {weight: 11}, expected: {fee: 9}}
  - {id: unseen, input: {weight: 50}, expected: {fee: 9}, held_out: true}
"""
RIGHT = """def set_fee(weight: int) -> int:
    if weight <= 10:
        return 5  # C1
    return 9  # C2
"""
WRONG = RIGHT.replace("return 9", "return 8")


def exact(item: Item, output: Mapping[str, Any]) -> dict[str, float | None]:
    return {name: float(output[name] == wanted) if name in output else None for name, wanted in item.expected.items()}


def suite(**changes: Any) -> Suite:
    items = (
        Item("a", {"weight": 3}, {"fee": 5}),
        Item("b", {"weight": 90}, {"fee": 9}),
        Item("c", {"weight": 4}, {"fee": 6}),
    )
    task = replace(Task("shipping", SPEC, items, exact, ("fee",), RIGHT), **changes)
    return Suite("tiny", "Tiny", "unseen", (task,), "exact match")


def test_items_are_answered_and_scored(tmp_path: Path) -> None:
    log = evaluate(suite(), Human(), tmp_path)
    assert [one.right for one in log.items] == [True, True, False]
    assert log.tasks[0].generation.deployed
    assert read_log(tmp_path).to_json() == log.to_json()


def test_tokens_and_attempts_of_a_compile_are_counted(tmp_path: Path) -> None:
    model = Scripted([f"```python\n{WRONG}```", f"```python\n{RIGHT}```"])
    log = evaluate(suite(), Compiled(model), tmp_path)
    generation = log.tasks[0].generation
    assert generation.attempts == 2
    assert generation.usage.requests == 2
    assert generation.usage.output_tokens > 0
    assert not all(row.passed for row in generation.stages if row.attempt == 1)
    assert generation.draws == (False,)  # a repair is no further draw
    assert generation.mutants is not None
    assert read_log(tmp_path).tasks[0].generation.to_json() == generation.to_json()


@pytest.mark.parametrize("name", ["../../out", "/out", "..", "a/b", "a b"])
def test_what_a_task_is_called_leads_out_of_no_folder(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "within" / "it"
    evaluate(suite(id=name), Human(keep=folder / "tasks"), folder)
    assert [path.name for path in tmp_path.iterdir()] == ["within"]
    assert len(list((folder / "tasks").iterdir())) == 1
    assert {path.name for path in folder.iterdir()} == {".lock", "journal.jsonl", "log.json", "tasks"}


def test_each_candidate_is_a_draw(tmp_path: Path) -> None:
    model = Scripted([f"```python\n{one}```" for one in (RIGHT, WRONG, RIGHT, RIGHT)])
    solver = Compiled(model, candidates=3)
    assert solver.estimate(suite().tasks[0]).requests == 3
    generation = evaluate(suite(), solver, tmp_path).tasks[0].generation
    assert generation.draws == (True, False, True)
    assert sum(generation.mutants or ()) > 0


def test_what_the_gates_refuse_is_withheld_not_wrong(tmp_path: Path) -> None:
    log = evaluate(suite(), Compiled(Scripted([f"```python\n{WRONG}```"] * 2), attempts=2), tmp_path)
    assert not log.tasks[0].generation.deployed
    assert [one.right for one in log.items] == [None, None, None]
    assert "accuracy" in log.items[0].answer.withheld
    assert not any(one.answer.ran for one in log.items)
    assert read_log(tmp_path).to_json() == log.to_json()


def test_a_log_of_before_says_by_its_words_what_was_not_run() -> None:
    told = Answer(None, withheld="not deployed: refused by accuracy", ran=False).to_json()
    del told["ran"]
    assert not Answer.of(told).ran
    assert Answer.of({**told, "withheld": "a person decides"}).ran


def test_a_program_that_fails_or_is_not_deployed_is_not_right_where_no_answer_is(tmp_path: Path) -> None:
    none = (Item("a", {"weight": 3}, answerable=False), Item("b", {"weight": "much"}, answerable=False))
    broken = "def set_fee(weight: int) -> int:\n    return 1 // 0\n"
    log = evaluate(suite(items=none), CodeOnce(Scripted([f"```python\n{broken}```"])), tmp_path / "broken")
    assert [one.right for one in log.items] == [None, True]  # the second's input is refused before anything is run
    log = evaluate(suite(items=none), Compiled(Scripted([f"```python\n{WRONG}```"]), attempts=1), tmp_path / "refused")
    assert [one.right for one in log.items] == [None, None]


def test_an_input_that_does_not_fit_is_an_error_not_an_abstention(tmp_path: Path) -> None:
    log = evaluate(suite(items=(Item("a", {"weight": "much"}, {"fee": 5}),)), Human(), tmp_path)
    assert log.items[0].right is False
    assert "InputError" in log.items[0].answer.error


def test_an_answer_to_what_has_none_is_wrong(tmp_path: Path) -> None:
    log = evaluate(suite(items=(Item("a", {"weight": 3}, answerable=False),)), Human(), tmp_path)
    assert log.items[0].right is False


def test_a_run_that_was_cut_short_goes_on(tmp_path: Path) -> None:
    one = suite()
    two = replace(one, tasks=(*one.tasks, replace(one.tasks[0], id="again", program="")))
    with pytest.raises(ModelError, match="asked 2 times"):
        evaluate(two, Compiled(Scripted([f"```python\n{RIGHT}```"])), tmp_path)
    journal = tmp_path / "journal.jsonl"
    assert len(journal.read_text().splitlines()) == 2
    with journal.open("a") as file:
        file.write('{"task": "aga')  # the machine went down within a line
    log = evaluate(two, Compiled(Scripted([f"```python\n{RIGHT}```"])), tmp_path)
    assert [task.task for task in log.tasks] == ["shipping", "again"]
    assert [json.loads(line).get("task") for line in journal.read_text().splitlines()] == [None, "shipping", "again"]


def test_a_folder_of_another_evaluation_is_not_gone_on_with(tmp_path: Path) -> None:
    evaluate(suite(), Human(), tmp_path)
    with pytest.raises(InputError, match="another evaluation"):
        evaluate(suite(items=(Item("z", {"weight": 1}, {"fee": 5}),)), Human(), tmp_path)


def test_what_is_other_in_a_folder_is_named(tmp_path: Path) -> None:
    evaluate(suite(), Human(), tmp_path, settings={"limit": 1, "attempts": 5})
    with pytest.raises(
        InputError, match=r"evaluation: limit 1 there and None here; candidates None there and 3 here\n"
    ):
        evaluate(suite(), Human(), tmp_path, settings={"attempts": 5, "candidates": 3})
    with pytest.raises(InputError, match=r"evaluation: title .* there and 'Other' here; limit"):
        evaluate(replace(suite(), title="Other"), Human(), tmp_path, settings={"attempts": 5})
    other = suite(items=(Item("z", {"weight": 1}, {"fee": 5}),))
    with pytest.raises(InputError, match=r"evaluation: other specs, items or scorers\n"):
        evaluate(other, Human(), tmp_path, settings={"limit": 1, "attempts": 5})


@pytest.mark.parametrize("cut", ["", '{"form', '{"format": "ingot-eval/1"'])
def test_a_run_that_was_killed_before_its_first_line_was_whole_begins_anew(tmp_path: Path, cut: str) -> None:
    (tmp_path / "journal.jsonl").write_text(cut)
    assert evaluate(suite(), Human(), tmp_path).whole


@pytest.mark.parametrize("line", ["[1]", '{"task": "shipping"}', "\x00", '{"task": "a", "generation": {}, "items": 3}'])
def test_a_journal_with_a_line_that_is_none_is_refused_at_its_place(tmp_path: Path, line: str) -> None:
    evaluate(suite(), Human(), tmp_path)
    with (tmp_path / "journal.jsonl").open("a") as file:
        file.write(line + "\n")
    with pytest.raises(InputError) as raised:
        evaluate(suite(), Human(), tmp_path)
    assert str(raised.value.place).endswith("journal.jsonl:3")


def test_a_finished_task_of_another_program_is_not_gone_on_with(tmp_path: Path) -> None:
    evaluate(suite(), Human(), tmp_path)
    with pytest.raises(InputError, match="another evaluation"):
        evaluate(suite(program=RIGHT.replace("<= 10", "< 11")), Human(), tmp_path)
    assert suite().digest == suite(program="").digest  # two programs are compared on the same suite


def test_two_runs_at_once_are_not_in_one_folder(tmp_path: Path) -> None:
    def meanwhile(*_: object) -> None:
        with pytest.raises(InputError, match=f"another run is writing here .process {os.getpid()}."):
            evaluate(suite(), Human(), tmp_path)
        evaluate(suite(), Human(), tmp_path / "elsewhere")

    evaluate(suite(), Human(), tmp_path, tell=meanwhile)
    assert evaluate(suite(), Human(), tmp_path).whole  # the lock ended with the run


def test_the_lock_ends_with_its_process(tmp_path: Path) -> None:
    code = "import sys, time; from pathlib import Path; from ingot.evals.alone import alone\n"
    code += "with alone(Path(sys.argv[1])): print('held', flush=True); time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        with pytest.raises(InputError, match=f"process {other.pid}"):
            evaluate(suite(), Human(), tmp_path)
        other.kill()
    assert evaluate(suite(), Human(), tmp_path).whole


def test_where_nothing_was_written_nothing_is_left(tmp_path: Path) -> None:
    with alone(tmp_path / "out" / "suite"):
        assert (tmp_path / "out" / "suite").is_dir()
    assert list(tmp_path.iterdir()) == []
    with alone(tmp_path / "out" / "suite"):
        (tmp_path / "out" / "report").write_text("")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["report"]


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be written"):
        evaluate(suite(), Human(), tmp_path / "file" / "out")


def test_an_item_among_the_cases_is_refused() -> None:
    with pytest.raises(SpecError, match="also the case 'light'"):
        check_apart(suite(items=(Item("a", {"weight": 10}, {"fee": 5}),)))


@pytest.mark.parametrize("words", ["plain_text", "once_text"])
def test_an_item_among_the_cases_of_the_rule_in_other_words_is_refused(words: str) -> None:
    shown = f"{SPEC}  - {{id: shown, input: {{weight: 3}}, expected: {{fee: 5}}}}\n"
    with pytest.raises(SpecError, match="item 'a' is also the case 'shown'"):
        check_apart(suite(**{words: shown}))


def test_an_item_is_no_case_of_its_own_text_that_expects_something() -> None:
    """Under per-instance the text of an item may be a case, however often, but none that says what is right for it."""
    per_instance = replace(suite(), protocol="per-instance")
    bare = "  - {id: bare, input: {weight: 3}, answered: [fee]}\n"
    assert check_apart(replace(per_instance, tasks=suite(spec_text=SPEC + bare).tasks))
    both = f"{SPEC}  - {{id: told, input: {{weight: 3}}, expected: {{fee: 5}}}}\n{bare}"
    with pytest.raises(SpecError, match="also the case 'told'"):
        check_apart(replace(per_instance, tasks=suite(spec_text=both).tasks))


def test_the_digest_covers_what_is_expected() -> None:
    assert suite().digest != suite(items=(Item("a", {"weight": 3}, {"fee": 7}),)).digest


def test_fields_that_say_none_are_no_answer_where_none_is_right(tmp_path: Path) -> None:
    def none_above_ten(item: Item, output: Mapping[str, Any]) -> dict[str, float | None]:
        return {"fee": None if output["fee"] == 9 else 0.0}

    items = (Item("a", {"weight": 3}, answerable=False), Item("b", {"weight": 90}, answerable=False))
    log = evaluate(suite(items=items, score=none_above_ten), Human(), tmp_path)
    assert [item.right for item in log.items] == [False, True]
    assert log.items[1].answer.withheld


@pytest.mark.parametrize("weight", ["10", "10.00", 10.0, "1E1"])
def test_an_item_that_reads_as_a_case_is_refused_however_it_is_written(weight: object) -> None:
    spec = SPEC.replace("{type: integer, minimum: 0", "{type: decimal, minimum: 0")
    with pytest.raises(SpecError, match="also the case 'light'"):
        check_apart(suite(spec_text=spec, items=(Item("a", {"weight": weight}, {"fee": 5}),)))


def test_an_item_that_leaves_out_what_is_null_in_a_case_is_refused() -> None:
    spec = SPEC.replace("maximum: 100}}", "maximum: 100}, note: {type: text, nullable: true}}")
    with pytest.raises(SpecError, match="also the case 'light'"):
        check_apart(suite(spec_text=spec, items=(Item("a", {"weight": 10}, {"fee": 5}),)))


def test_a_field_that_an_item_expects_nothing_of_is_not_asked_of_it(tmp_path: Path) -> None:
    items = (Item("a", {"weight": 3}, {"fee": 5}), Item("b", {"weight": 4}, {"fee": 5, "note": "x"}))
    log = evaluate(suite(items=items, fields=("fee", "note")), Human(), tmp_path)
    assert [one.right for one in log.items] == [True, None]
    assert [dict(one.scores) for one in log.items] == [{"fee": 1.0}, {"fee": 1.0, "note": None}]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"suite": None}, "'suite' is missing"),
        ({"settings": []}, "'settings' is missing or wrong"),
        ({"solver": 1}, "'solver'"),
    ],
)
def test_a_log_whose_head_is_not_whole_is_refused(tmp_path: Path, change: dict[str, Any], said: str) -> None:
    evaluate(suite(), Human(), tmp_path)
    told = json.loads((tmp_path / "log.json").read_text())
    head = {name: value for name, value in (told | change).items() if value is not None}
    (tmp_path / "log.json").write_text(json.dumps(head))
    with pytest.raises(InputError, match=said):
        read_log(tmp_path)
    (tmp_path / "log.json").write_text('{"format": "ingot-eval/1"}')
    with pytest.raises(InputError, match="'suite' is missing"):
        read_log(tmp_path)


def test_a_folder_of_logs_says_which_there_are(tmp_path: Path) -> None:
    evaluate(suite(), Human(), tmp_path / "human")
    with pytest.raises(InputError, match=r"give one of .*human"):
        read_log(tmp_path)
