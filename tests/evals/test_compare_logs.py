"""Two logs compared item by item, against values worked out by hand."""

from __future__ import annotations

import math
import random
from dataclasses import replace

import pytest

from ingot.errors import InputError
from ingot.evals.compare import compare, lines, mcnemar, paired_interval
from ingot.evals.log import Log, Scored, TaskLog
from ingot.evals.metrics.reliability import accuracy, coverage, field_scores, irrelevance
from ingot.evals.solvers import Answer, Generation
from ingot.usage import Usage
from tests.evals.test_metrics import log


def of(rights: str, tokens: int = 0) -> Log:
    items = tuple(
        Scored(str(at), "unseen", True, Answer({"fee": 1}, usage=Usage(tokens)), {"fee": float(one == "1")})
        for at, one in enumerate(rights)
    )
    return replace(log(), tasks=(TaskLog("t", Generation(True, usage=Usage(100)), items),))


def test_the_difference_is_paired() -> None:
    found = {one.name: one for one in compare(of("1100"), of("1011", tokens=8))}
    accuracy = found["accuracy"]
    assert (accuracy.a, accuracy.b, accuracy.only_a, accuracy.only_b) == (0.5, 0.75, 1, 2)
    assert accuracy.p == 1.0
    assert accuracy.low is not None
    assert accuracy.high is not None
    assert accuracy.low <= 0.25 <= accuracy.high
    assert found["run-time tokens"].b == 8
    assert found["wrong accepts"].a == 0.5


def test_a_system_that_always_answers_is_compared_with_the_guesses_of_one_that_withholds() -> None:
    def full(rights: str, near: float) -> Log:
        made = of(rights)
        items = [replace(one, full={"score": dict(one.scores), "ANLS": {"fee": near}}) for one in made.items]
        return replace(made, tasks=(replace(made.tasks[0], items=tuple(items)),))

    answers = full("1100", 0.5)
    held = [
        replace(one, answer=Answer(None, withheld="unsure"), scores={"fee": None}) for one in full("1110", 0.75).items
    ]
    withholds = replace(answers, tasks=(replace(answers.tasks[0], items=tuple(held)),))
    found = {one.name: one for one in compare(answers, withholds)}
    assert (found["accuracy"].a, found["accuracy"].b) == (0.5, 0)
    exact, near = found["nothing withheld, as scored"], found["nothing withheld, ANLS"]
    assert (exact.a, exact.b, exact.only_a, exact.only_b, exact.p) == (0.5, 0.75, 0, 1, 1.0)
    assert (near.a, near.b, near.low, near.high, near.p) == (0.5, 0.75, 0.25, 0.25, None)
    assert not any("withheld" in one.name for one in compare(answers, of("1110")))


def test_what_was_not_run_took_no_time() -> None:
    def timed(*seconds: float) -> Log:
        items = [
            replace(one, answer=replace(one.answer, seconds=s)) for one, s in zip(of("11").items, seconds, strict=True)
        ]
        return replace(log(), tasks=(TaskLog("t", Generation(True), tuple(items)),))

    found = {one.name: one for one in compare(timed(2.0, 0.0), timed(1.0, 5.0))}
    assert (found["seconds"].a, found["seconds"].b, found["seconds"].n) == (2.0, 1.0, 1)
    assert "seconds" not in {one.name for one in compare(timed(0.0, 0.0), timed(1.0, 5.0))}


def test_what_was_not_run_took_no_tokens() -> None:
    lost = replace(of("1").items[0], answer=Answer(None, withheld="not deployed: no", ran=False), scores={"fee": None})
    ours = replace(log(), tasks=(TaskLog("t", Generation(True), (replace(lost, item="0"), of("11", 10).items[1])),))
    found = {one.name: one for one in compare(ours, of("11", tokens=100))}["run-time tokens"]
    assert (found.a, found.b, found.n) == (10, 100, 1)


def test_the_same_log_twice_differs_in_nothing() -> None:
    for one in compare(of("110"), of("110")):
        assert one.a == one.b
        if one.name == "tokens to generate":
            assert (one.low, one.high) == (None, None)
        elif one.p is None:
            assert (one.low, one.high) == (0, 0)
        else:
            assert one.low is not None
            assert one.high == -one.low > 0


def test_a_log_that_was_cut_short_is_compared_on_what_both_have_and_says_so() -> None:
    whole = of("1101")
    further = replace(whole.tasks[0], task="further", items=of("000").items)
    a, b = replace(whole, tasks=(*whole.tasks, further)), replace(whole, whole=False)
    with pytest.raises(
        InputError,
        match=r"different tasks: compiled openai:gpt-5 1 has 2; compiled openai:gpt-5 2 has 1, cut short(.|\n)*--shared for the 1 tasks",
    ):
        compare(a, b)
    found = {one.name: one for one in compare(a, b, shared=True)}["accuracy"]
    assert (found.a, found.b, found.n) == (0.75, 0.75, 4)
    text = "\n".join(lines(a, b, compare(a, b, shared=True)))
    assert "A: 1 tasks left out, since not all logs have them" in text
    assert "B: cut short after 1 tasks" in text
    with pytest.raises(InputError, match="no task is in all"):
        compare(replace(a, tasks=(further,)), b, shared=True)


def test_items_that_are_all_alike_do_not_make_a_difference_certain() -> None:
    # Bonett and Price by hand, of ten items: (b' - a') / 12 and 1.96 sqrt((a' + b' - (b' - a')^2 / 12) / 144) to either side
    alone = paired_interval([(str(at), 0) for at in range(10)])
    assert alone == pytest.approx((-1.959964 * math.sqrt(2) / 12, 1.959964 * math.sqrt(2) / 12))
    low, high = paired_interval([(str(at), 1) for at in range(10)])
    assert (low, high) == (pytest.approx(10 / 12 - 1.959964 * math.sqrt((12 - 100 / 12) / 144)), 1.0)
    some = paired_interval([(str(at), one) for at, one in enumerate((1, 1, 1, -1, 0, 0, 0, 0, 0, 0))])
    assert some == pytest.approx(tuple(2 / 12 + sign * 1.959964 * math.sqrt((6 - 4 / 12) / 144) for sign in (-1, 1)))
    by_task = paired_interval([(str(at // 10), 0) for at in range(100)])  # ten tasks that agree are ten items
    assert by_task == pytest.approx(alone)
    found = {one.name: one for one in compare(of("1" * 10), of("1" * 10))}["accuracy"]
    assert (found.low, found.high) == alone


def test_the_interval_of_a_difference_covers_the_truth() -> None:
    chance = random.Random(5)
    held = dict.fromkeys(((20, 20), (60, 12)), 0)
    for items, tasks in held:
        for _ in range(200):  # B is right on one task in ten more than A, in all of its items
            better = [chance.random() < 0.1 for _ in range(tasks)]
            low, high = paired_interval([(str(at % tasks), int(better[at % tasks])) for at in range(items)])
            held[items, tasks] += low <= 0.1 <= high
    assert min(held.values()) >= 184


def test_one_pair_and_a_sum_have_no_interval() -> None:
    found = {one.name: one for one in compare(of("1"), of("1", tokens=8))}
    used, made = found["run-time tokens"], found["tokens to generate"]
    assert (used.b, used.low, used.high) == (8, None, None)
    assert (made.low, made.high) == (None, None)
    text = lines(of("1"), of("1", tokens=8), list(found.values()))
    assert next(line for line in text if line.startswith("run-time tokens")).endswith("+8")


def test_mcnemar_against_the_binomial() -> None:
    assert mcnemar(0, 6) == pytest.approx(2 / 64)
    assert mcnemar(6, 0) == pytest.approx(2 / 64)
    assert mcnemar(1, 9) == pytest.approx(2 * 11 / 1024)
    assert mcnemar(0, 0) == 1


def test_logs_of_different_items_are_not_compared() -> None:
    other = of("11")
    with pytest.raises(InputError, match="different items"):
        compare(of("11"), replace(other, header=replace(other.header, suite_digest="1")))


def test_people_see_both_and_the_interval() -> None:
    a, b = of("1100"), of("1111")
    shown = "\n".join(lines(a, b, compare(a, b)))
    assert "A: compiled openai:gpt-5" in shown
    assert "+50 %" in shown


def test_tokens_to_generate_are_of_the_tasks_that_both_have() -> None:
    one = of("11")
    longer = replace(one, tasks=(*one.tasks, replace(one.tasks[0], task="further")))
    found = {each.name: each for each in compare(one, longer, shared=True)}["tokens to generate"]
    assert (found.a, found.b, found.n) == (100, 100, 1)


def test_where_one_did_not_run_nothing_is_said_of_what_has_no_answer() -> None:
    def logged(*answers: Answer) -> Log:
        items = tuple(Scored(str(at), "unseen", False, one, {}) for at, one in enumerate(answers))
        return replace(log(), tasks=(TaskLog("t", Generation(True), items),))

    lost = Answer(None, withheld="not deployed: refused", ran=False)
    none, called = Answer(None, withheld="no call"), Answer({"fee": 1})
    found = {each.name: each for each in compare(logged(lost, none, none), logged(none, called, none))}["irrelevance"]
    assert (found.a, found.b, found.n) == (1.0, 0.5, 2)


def test_fields_are_those_of_a_report() -> None:
    def pair(name: str, fee: float | None, note: float | None) -> Scored:
        return Scored(name, "unseen", True, Answer({"fee": 1}), {"fee": fee, "note": note})

    a = replace(log(), tasks=(TaskLog("t", Generation(True), (pair("1", 1.0, None), pair("2", 1.0, 0.5))),))
    b = replace(log(), tasks=(TaskLog("t", Generation(True), (pair("1", None, 1.0), pair("2", 1.0, 1.0))),))
    found = {each.name: each for each in compare(a, b)}
    for one, two in zip(field_scores(a), field_scores(b), strict=True):
        if not one.name.endswith("on answered"):
            assert (found[one.name].a, found[one.name].b, found[one.name].n) == (one.value, two.value, one.n)
    assert found["field note"].a == 0


def test_accuracy_and_coverage_are_those_of_a_report() -> None:
    none = Scored("none", "unseen", False, Answer(None, withheld="no call"), {})
    half = Scored("half", "unseen", True, Answer({"fee": 1}), {"fee": 1.0, "note": None})
    one = replace(log(), tasks=(TaskLog("t", Generation(True), (*of("10").items, none, half)),))
    found = {each.name: each for each in compare(one, one)}
    for report in (accuracy(one.items), coverage(one.items), irrelevance(one.items)):
        assert (found[report.name].a, found[report.name].n) == (report.value, report.n)
