"""The other solvers, with scripted models: every call counted, what is withheld, nothing held out in a request."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from ingot.errors import BudgetExceeded, ModelError, PromptTooLong
from ingot.evals.evaluate import evaluate
from ingot.evals.kept import Kept
from ingot.evals.log import Log, read_log
from ingot.evals.report.tables import measured
from ingot.evals.report.write import write_report
from ingot.evals.solvers import Answer, Generation
from ingot.evals.solvers.code_once import CodeOnce
from ingot.evals.solvers.compiled import Compiled, CompiledTask
from ingot.evals.solvers.direct import Direct, request_for
from ingot.evals.solvers.hybrid import Hybrid, HybridTask
from ingot.evals.suite import Item, Suite, Task
from ingot.models import Scripted
from ingot.models.budget import Budget, Budgeted
from ingot.models.model import Completion, Request
from ingot.usage import Usage
from tests.evals.test_evaluate import RIGHT, SPEC, WRONG, exact, suite

NULLABLE = (
    SPEC.replace("outputs: {fee: integer}", "outputs: {fee: integer?}")
    + "  - {id: unsure, input: {weight: 95}, expected: {fee: null}}\n"
)
UNSURE = """def set_fee(weight: int) -> int | None:
    if weight <= 10:
        return 5  # C1
    if weight > 80:
        return None  # C2
    return 9  # C2
"""


def unsure() -> Suite:
    items = (Item("a", {"weight": 3}, {"fee": 5}), Item("b", {"weight": 90}, {"fee": 9}))
    return Suite("tiny", "Tiny", "unseen", (Task("shipping", NULLABLE, items, exact, ("fee",)),), "exact match")


def fenced(code: str) -> str:
    return f"```python\n{code}```"


class Half:
    """A program that is sure of the fee and of nothing else."""

    generation = Generation(True)

    def answer(self, given: Mapping[str, Any]) -> Answer:
        return Answer({"fee": 5, "note": None})

    def close(self) -> None:
        return


def half(task: Task, *replies: Any) -> HybridTask:
    return HybridTask(task, cast("CompiledTask", Half()), Direct(Scripted(list(replies))).prepare(task))


class Slow:
    """A model that answers what it is asked about, and tells how many ask it at a time."""

    name = "slow"

    def __init__(self, *, broken: bool = False) -> None:
        self.broken, self.now, self.most, self.asked = broken, 0, 0, 0
        self.both = threading.Barrier(2)

    def complete(self, request: Request) -> Completion:
        self.asked += 1
        if self.broken:
            raise ModelError("out of reach")
        self.both.wait(timeout=30)  # nobody is answered before two ask
        weight = json.loads(request.prompt.rpartition("Transaction:\n")[2])["weight"]
        return Completion(json.dumps({"fee": weight}), self.name, Usage(1, 1, 1))


def test_transactions_are_asked_side_by_side_and_stay_in_order(tmp_path: Path) -> None:
    items = tuple(Item(str(n), {"weight": n}, {"fee": n}) for n in range(8))
    many = Suite("tiny", "Tiny", "unseen", (Task("shipping", SPEC, items, exact, ("fee",)),), "exact match")
    told: list[int] = []
    log = evaluate(many, Direct(Slow()), tmp_path / "two", tell=lambda _task, done, _all: told.append(done), at_once=2)
    assert [one.item for one in log.items] == [str(n) for n in range(8)]
    assert all(one.right for one in log.items)
    assert told == [*range(1, 9), 8]
    broken = Slow(broken=True)
    with pytest.raises(ModelError, match="out of reach"):
        evaluate(many, Direct(broken), tmp_path / "broken", at_once=2)
    assert broken.asked <= 2


def test_direct_asks_for_every_transaction(tmp_path: Path) -> None:
    model = Scripted(['{"fee": 5}', '```json\n{"fee": 9}\n```', '{"fee": 5}'])
    log = evaluate(suite(), Direct(model), tmp_path)
    assert [one.right for one in log.items] == [True, True, False]
    assert all(one.answer.usage.requests == 1 for one in log.items)
    assert log.tasks[0].generation.usage.requests == 0


def test_direct_asks_once_more_and_counts_both(tmp_path: Path) -> None:
    model = Scripted(["no", '{"fee": 5}', "no", "no", '{"fee": "much"}', '{"fees": 5}'])
    log = evaluate(suite(), Direct(model), tmp_path)
    assert [one.right for one in log.items] == [True, False, False]
    assert [one.answer.usage.requests for one in log.items] == [2, 2, 2]
    assert "does not fit" in log.items[1].answer.error


def test_direct_sees_given_cases_and_never_what_is_held_out_or_expected(tmp_path: Path) -> None:
    model = Scripted(['{"fee": 5}'] * 3)
    evaluate(suite(), Direct(model), tmp_path)
    for request in model.requests:
        assert '{"weight":11} -> {"fee":9}' in request.prompt
        assert '{"weight":50}' not in request.prompt
    assert '{"weight":3}' in model.requests[0].prompt


def test_direct_is_shown_all_given_cases_of_a_small_rule() -> None:
    """The gates try a program on all of them: who is asked at every transaction is to have no fewer."""
    more = "".join(
        f"  - {{id: more{weight}, input: {{weight: {weight}}}, expected: {{fee: 9}}}}\n" for weight in range(51, 100)
    )
    task = replace(suite().tasks[0], spec_text=SPEC + more)
    request = request_for(task.plain(), {"weight": 3}, task.plain().outputs, 100)
    assert all(f'{{"weight":{weight}}} -> {{"fee":9}}' in request.prompt for weight in range(51, 100))


def test_code_once_runs_what_it_wrote_without_gates(tmp_path: Path) -> None:
    log = evaluate(suite(), CodeOnce(Scripted([fenced(WRONG)])), tmp_path)
    assert [one.right for one in log.items] == [True, False, False]
    assert log.tasks[0].generation.attempts == 1


def test_code_once_that_breaks_is_an_error_of_each_transaction(tmp_path: Path) -> None:
    for code in ("def set_fee(weight: int) -> int:\n    return 1 // 0\n", "def set_fee(\n"):
        log = evaluate(suite(), CodeOnce(Scripted([fenced(code)])), tmp_path / str(len(code)))
        assert [one.right for one in log.items] == [False, False, False]
        assert all(one.answer.error for one in log.items)


def test_code_once_stays_in_the_cage(tmp_path: Path) -> None:
    target = tmp_path / "written"
    code = f"import os\n\n\ndef set_fee(weight: int) -> int:\n    open({str(target)!r}, 'w').write('x')\n    return 5\n"
    log = evaluate(suite(), CodeOnce(Scripted([fenced(code)])), tmp_path / "log")
    assert not target.exists()
    assert all(one.answer.error for one in log.items)


def test_a_reply_without_code_deploys_nothing(tmp_path: Path) -> None:
    log = evaluate(suite(), CodeOnce(Scripted(["Sure!"])), tmp_path)
    assert [one.right for one in log.items] == [None, None, None]


def test_hybrid_asks_only_for_what_the_code_withholds(tmp_path: Path) -> None:
    model = Scripted([fenced(UNSURE), '{"fee": 9}'])
    log = evaluate(unsure(), Hybrid(model), tmp_path)
    assert [one.right for one in log.items] == [True, True]
    assert [dict(one.answer.by) for one in log.items] == [{"fee": "code"}, {"fee": "model"}]
    assert [one.answer.usage.requests for one in log.items] == [0, 1]


def test_hybrid_without_a_program_asks_for_everything(tmp_path: Path) -> None:
    model = Scripted([fenced(WRONG), '{"fee": 5}', '{"fee": 9}'])
    log = evaluate(unsure(), Hybrid(model, attempts=1), tmp_path)
    assert [one.right for one in log.items] == [True, True]
    assert "goes to the model" in log.tasks[0].generation.reason


def test_kept_completions_are_not_asked_for_again(tmp_path: Path) -> None:
    first = Kept(Scripted([fenced(RIGHT)]), tmp_path / "kept")
    one = evaluate(suite(), Compiled(first), tmp_path / "one")
    again = Kept(Scripted([]), tmp_path / "kept")
    two = evaluate(suite(), Compiled(again), tmp_path / "two")
    assert (first.asked, again.asked) == (1, 0)
    assert one.tasks[0].generation.usage == two.tasks[0].generation.usage


def test_a_completion_that_passed_the_budget_was_paid_for_and_is_kept(tmp_path: Path) -> None:
    paid = Completion("x", "m", Usage(10, 9_000, 1))
    request = Request("s", "p", max_tokens=50)
    kept = Kept(Budgeted(Scripted([paid]), Budget(max_tokens=1_000)), tmp_path)
    with pytest.raises(BudgetExceeded):
        kept.complete(request)
    assert kept.asked == 1
    again = Kept(Scripted([]), tmp_path).complete(request)
    assert (again.text, again.usage) == (paid.text, paid.usage)


def untimed(log: Log) -> dict[str, Any]:
    """A log without what a clock says."""
    told = json.loads(
        re.sub(r'"(seconds|model_seconds|stage_seconds)": [0-9.e-]+', '"seconds": 0', json.dumps(log.to_json()))
    )
    return {**told, "started": ""}


def test_candidates_that_a_budget_ended_are_no_task_and_a_resumed_run_gives_the_same_log(tmp_path: Path) -> None:
    other = RIGHT.replace("<= 10", "< 11")
    replies = [fenced(RIGHT), fenced(other), fenced(RIGHT)]
    whole = evaluate(suite(), Compiled(Kept(Scripted(replies), tmp_path / "a"), candidates=3), tmp_path / "whole")
    used = whole.tasks[0].generation.usage
    assert used.requests == 3
    for limit in (used.total_tokens // 2, used.total_tokens - 1):
        at = tmp_path / str(limit)
        model = Kept(Budgeted(Scripted(replies), Budget(max_tokens=limit)), at / "kept")
        with pytest.raises(BudgetExceeded):
            evaluate(suite(), Compiled(model, candidates=3), at / "out")
        assert len((at / "out" / "journal.jsonl").read_text().splitlines()) == 1
        asked = model.asked
        rest = Kept(Scripted(replies[asked:]), at / "kept")
        resumed = evaluate(suite(), Compiled(rest, candidates=3), at / "out")
        assert asked + rest.asked == 3
        assert untimed(resumed) == untimed(whole)


def test_a_prompt_that_does_not_fit_is_a_task_not_deployed_and_ends_nothing(tmp_path: Path) -> None:
    two = (replace(suite().tasks[0], id="long"), suite().tasks[0])
    both = Suite("tiny", "Tiny", "unseen", two, "exact match")
    long = PromptTooLong("the prompt has 9000 tokens")
    for solver in (Compiled(Scripted([long, fenced(RIGHT)])), CodeOnce(Scripted([long, fenced(RIGHT)]))):
        log = evaluate(both, solver, tmp_path / solver.name)
        assert [one.generation.deployed for one in log.tasks] == [False, True]
        assert log.tasks[0].generation.reason == "the prompt has 9000 tokens"
        assert [one.right for one in log.items] == [None, None, None, True, True, False]


def test_cases_that_contradict_each_other_are_a_task_not_deployed_and_no_model_is_asked(tmp_path: Path) -> None:
    first = suite().tasks[0]
    clash = replace(
        first, spec_text=f"{first.spec_text}  - {{id: clash, input: {{weight: 11}}, expected: {{fee: 5}}}}\n"
    )
    log = evaluate(replace(suite(), tasks=(clash,)), Compiled(Scripted([])), tmp_path)
    assert log.tasks[0].generation.reason.endswith("expect another fee: no program can pass both")
    assert [one.right for one in log.items] == [None, None, None]


def test_a_transaction_whose_prompt_does_not_fit_is_withheld(tmp_path: Path) -> None:
    long = PromptTooLong("the prompt has 9000 tokens")
    log = evaluate(suite(), Direct(Scripted(['{"fee": 5}', long, '{"fee": 6}'])), tmp_path / "direct")
    assert [one.right for one in log.items] == [True, None, True]
    assert log.items[1].answer.withheld == "not asked: the prompt has 9000 tokens"
    log = evaluate(suite(), Hybrid(Scripted([long, '{"fee": 5}', long, long])), tmp_path / "hybrid")
    assert [one.right for one in log.items] == [True, None, None]


def test_tokens_used_before_a_prompt_did_not_fit_are_counted(tmp_path: Path) -> None:
    log = evaluate(
        suite(), Direct(Scripted(["no", PromptTooLong("9000 tokens"), '{"fee": 9}', '{"fee": 6}'])), tmp_path
    )
    assert [(one.answer.usage.requests, one.right) for one in log.items] == [(1, None), (1, True), (1, True)]
    assert log.items[0].answer.ran


def test_hybrid_keeps_what_the_code_gave_where_the_rest_does_not_fit() -> None:
    spec = SPEC.replace("outputs: {fee: integer}", "outputs: {fee: integer, note: text?}")
    task = Task("shipping", spec, (), exact, ("fee", "note"))
    found = half(task, PromptTooLong("long")).answer({"weight": 3})
    assert (found.output, found.withheld, found.error) == ({"fee": 5}, "not asked: long", "")


def test_a_reply_that_does_not_fit_is_an_error_of_hybrid_as_it_is_of_direct(tmp_path: Path) -> None:
    spec = SPEC.replace("outputs: {fee: integer}", "outputs: {fee: integer, note: text?}")
    task = Task("shipping", spec, (Item("a", {"weight": 3}, {"fee": 5, "note": "x"}),), exact, ("fee", "note"))
    found = half(task, "no", "no").answer({"weight": 3})
    asked = Direct(Scripted(["no", "no"])).prepare(task).answer({"weight": 3})
    assert (found.output, found.error) == (asked.output, asked.error)
    assert found.error.startswith("the reply does not fit")
    assert found.usage.requests == asked.usage.requests == 2
    right = half(task, '{"note": "x"}').answer({"weight": 3})
    assert (right.output, right.by) == ({"fee": 5, "note": "x"}, {"fee": "code", "note": "model"})


def test_a_repair_that_does_not_fit_becomes_a_new_draw(tmp_path: Path) -> None:
    model = Scripted([fenced(WRONG), PromptTooLong("too long"), fenced(RIGHT)])
    log = evaluate(suite(), Compiled(model), tmp_path)
    assert log.tasks[0].generation.deployed
    first, repair, redraw = model.requests
    assert "Correct the code" in repair.prompt
    assert redraw.prompt == first.prompt
    assert redraw.digest != first.digest


def test_a_kept_completion_is_not_passed_off_as_another_models(tmp_path: Path) -> None:
    request = Request("s", "p")
    for _ in range(2):
        for name, said in (("a", "1"), ("b", "2")):
            kept = Kept(Scripted([said], name=name), tmp_path)
            assert kept.complete(request).text == said
    assert Kept(Scripted([], name="a"), tmp_path).complete(request).text == "1"
    assert Kept(Scripted([], name="b"), tmp_path).complete(request).text == "2"


def test_an_answer_that_is_no_unicode_is_logged_and_ends_nothing(tmp_path: Path) -> None:
    half = """def set_fee(weight: int) -> int:\n    return "\\ud800"\n"""
    log = evaluate(suite(), CodeOnce(Scripted([fenced(half)])), tmp_path)
    assert log.items[0].answer.output == {"fee": "\ud800"}
    assert [one.right for one in log.items] == [False, False, False]
    assert read_log(tmp_path).to_json() == log.to_json()
    again = evaluate(suite(), CodeOnce(Scripted([])), tmp_path)
    assert again.to_json() == log.to_json()
    broken = [replace(log, header=replace(log.header, title="\ud800"))]
    write_report(tmp_path / "report", broken, measured(broken))


TWO = """\
metadata: {name: two}
inputs: {n: {type: integer, range: [0, 9]}}
outputs: {a: integer, b: integer}
clauses: {C1: a is n and one., C2: b is n and two.}
logic_requirements:
  - {step: add_one, type: function, inputs: [n], clauses: [C1], outputs: {a: integer}}
  - {step: add_two, type: function, inputs: [n], clauses: [C2], outputs: {b: integer}}
cases:
  - {id: c0, input: {n: 0}, expected: {a: 1, b: 2}}
  - {id: c1, input: {n: 4}, expected: {a: 5, b: 6}, held_out: true}
"""
ONE_OF_TWO = "def add_one(n: int) -> int:\n    return n + 1  # C1\n"
OTHER_OF_TWO = "def add_two(n: int) -> int:\n    return n + 2  # C2\n"


@pytest.mark.parametrize("solver", [Compiled, Hybrid])
def test_functions_are_asked_for_one_by_one_and_counted_so(solver: type[Compiled | Hybrid], tmp_path: Path) -> None:
    items = (Item("a", {"n": 3}, {"a": 4, "b": 5}),)
    task = Task("two", TWO, items, exact, ("a", "b"))
    model = Scripted([fenced(ONE_OF_TWO.replace("+ 1", "+ 3")), fenced(ONE_OF_TWO), fenced(OTHER_OF_TWO)])
    one = solver(model, one_by_one=True)
    assert one.estimate(task).requests == 2
    log = evaluate(Suite("tiny", "Tiny", "unseen", (task,), "exact match"), one, tmp_path)
    generation = log.tasks[0].generation
    assert log.items[0].right
    assert generation.usage.requests == 3
    assert [(one.attempt, one.function) for one in generation.stages if one.stage == "accuracy"] == [
        (1, "add_one"), (2, "add_one"), (3, "add_two"), (4, ""),
    ]  # fmt: skip
    assert generation.draws == ()  # no whole program was drawn at once
    assert read_log(tmp_path).to_json() == log.to_json()


def test_functions_that_were_paid_before_one_did_not_fit_are_counted(tmp_path: Path) -> None:
    task = Task("two", TWO, (Item("a", {"n": 3}, {"a": 4, "b": 5}),), exact, ("a", "b"))
    model = Scripted([fenced(ONE_OF_TWO.replace("+ 1", "+ 3")), fenced(ONE_OF_TWO), PromptTooLong("9000 tokens")])
    log = evaluate(Suite("tiny", "Tiny", "unseen", (task,), "x"), Compiled(model, one_by_one=True), tmp_path)
    made = log.tasks[0].generation
    assert (made.deployed, made.reason, made.attempts, made.usage.requests) == (False, "9000 tokens", 2, 2)
    assert made.usage.total_tokens > 0
    assert made.model == "scripted"
