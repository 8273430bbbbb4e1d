"""Figures of logs, against values worked out by hand."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

import pytest

from ingot.binomial import interval
from ingot.evals.log import Header, Log, Scored, TaskLog
from ingot.evals.metrics.consistency import entropy, exact_match
from ingot.evals.metrics.every import every
from ingot.evals.metrics.latency import jitter, percentile, time_to_deploy
from ingot.evals.metrics.measure import Measure, quantile, share
from ingot.evals.metrics.reliability import (
    abstention,
    accuracy,
    accuracy_on_answered,
    completion,
    coverage,
    field_scores,
    irrelevance,
    recovery,
    wrong_accept,
)
from ingot.evals.metrics.security_cost import MACHINE, cost_of_ownership
from ingot.evals.metrics.tokens import (
    amortised_tokens,
    compression,
    dollar_break_even,
    generation_tokens,
    runtime_dollars,
    runtime_tokens,
    token_break_even,
    total_tokens,
)
from ingot.evals.metrics.validation import (
    attempts,
    deployed,
    false_rejection,
    first_pass,
    first_pass_overall,
    validation,
)
from ingot.evals.solvers import Answer, Generation, StageRow
from ingot.usage import Usage

RIGHT = {"fee": 1.0}
WRONG = {"fee": 0.0}
HELD: Mapping[str, float | None] = {"fee": None}


def item(
    scores: Mapping[str, float | None],
    *,
    answerable: bool = True,
    error: str = "",
    tokens: int = 0,
    seconds: float = 0.0,
) -> Scored:
    output = {"fee": 1} if any(one is not None for one in scores.values()) and not error else None
    answer = Answer(output, error=error, usage=Usage(tokens, 0, int(tokens > 0)), seconds=seconds)
    return Scored("x", "unseen", answerable, answer, scores)


def log(
    *items: Scored, generations: tuple[Generation, ...] = (), solver: str = "compiled", model: str = "openai:gpt-5"
) -> Log:
    header = Header("s", "S", "unseen", "0", "exact", "", solver, model, {}, "0")
    made = generations or (Generation(True),)
    tasks = [TaskLog(f"t{at}", one, items if at == 0 else ()) for at, one in enumerate(made)]
    return Log(header, tuple(tasks))


def value(measure: Measure) -> float:
    assert measure.value is not None
    return measure.value


ITEMS = [
    item(RIGHT),
    item(RIGHT),
    item(WRONG),
    item(HELD),
    item(WRONG, error="OutputError"),
    item({}, answerable=False),
]


def test_shares_of_answers() -> None:
    assert value(completion(ITEMS)) == 5 / 6
    assert value(accuracy(ITEMS)) == 2 / 5
    assert value(accuracy_on_answered(ITEMS[:4])) == 2 / 3
    assert value(coverage(ITEMS[:4])) == 3 / 4
    assert value(abstention(ITEMS)) == 1 / 5
    assert value(wrong_accept(ITEMS)) == 1 / 6
    assert value(irrelevance(ITEMS)) == 1.0


def test_a_call_where_none_is_right_is_a_wrong_accept() -> None:
    called = Scored("x", "unseen", False, Answer({"fee": 1}), {})
    assert value(irrelevance([called])) == 0
    assert value(wrong_accept([called])) == 1


def test_what_failed_or_was_not_run_has_not_said_that_no_answer_is_right() -> None:
    def given(answer: Answer) -> Scored:
        return Scored("x", "unseen", False, answer, {})

    declined = [given(Answer(None, withheld="no call")), given(Answer(None, error="InputError: too long"))]
    failed = given(Answer(None, error="StepError: division by zero"))
    lost = given(Answer(None, withheld="not deployed: refused by accuracy", ran=False))
    found = irrelevance([*declined, failed, lost, lost, given(Answer({"fee": 1}))])
    assert (found.value, found.n) == (pytest.approx(2 / 3), 3)
    assert found.note == "of 6 without an answer 2 were not run and 1 failed"
    assert irrelevance([failed, lost]).value is None
    assert irrelevance(declined).note == ""


def test_what_was_not_run_did_not_complete() -> None:
    lost = Scored("x", "unseen", True, Answer(None, withheld="not deployed: no", ran=False), HELD)
    found = completion([item(RIGHT), item(WRONG, error="OutputError"), lost, lost])
    assert (found.value, found.n, found.note) == (0.5, 2, "2 of 4 were not run")
    assert completion([lost]).value is None


def test_a_half_answered_item_is_withheld_unless_what_it_says_is_wrong() -> None:
    assert item({"a": 1.0, "b": None}).right is None
    assert item({"a": 0.0, "b": None}).right is False
    assert value(wrong_accept([item({"a": 0.0, "b": None})])) == 1


def test_nothing_measured_is_not_zero() -> None:
    assert irrelevance(ITEMS[:3]).value is None
    assert share("x", 0, 0).value is None
    assert share("x", 0, 5).value == 0
    assert percentile([], 50).value is None


def test_fields_are_scored_of_all_that_were_asked_and_of_all_that_were_answered() -> None:
    asked, answered = field_scores(log(*ITEMS))
    assert (asked.name, asked.value, asked.n) == ("field fee", 2 / 5, 5)
    assert (answered.name, answered.value, answered.n) == ("field fee on answered", 2 / 4, 4)


def test_intervals_hold_the_value() -> None:
    found = accuracy(ITEMS)
    assert found.low is not None
    assert found.high is not None
    assert found.low < value(found) < found.high


def test_tokens_of_one_task_against_a_baseline() -> None:
    ours = log(item(RIGHT), generations=(Generation(True, usage=Usage(900, 100, 1)),))
    theirs = log(item(RIGHT, tokens=200), item(RIGHT, tokens=300), solver="direct")
    assert value(generation_tokens(ours)) == 1000
    assert value(total_tokens(ours, 100)) == 1000
    assert value(total_tokens(theirs, 100)) == 25_000
    assert value(amortised_tokens(ours, 100)) == 10
    assert value(token_break_even(ours, theirs)) == 4
    assert value(compression(ours, theirs, 100)) == 25
    assert token_break_even(theirs, ours).value is None


def lost(name: str = "x") -> Scored:
    return Scored(name, "unseen", True, Answer(None, withheld="not deployed: no", ran=False), HELD)


def test_what_was_not_run_makes_no_transaction_cheap_in_tokens() -> None:
    made = (Generation(True), Generation(False))
    some = log(item(RIGHT, tokens=200), lost("y"), lost("z"), solver="code-once", generations=made)
    found = runtime_tokens(some)
    assert (found.value, found.n, found.note) == (200, 1, "2 of 3 transactions were not run")
    assert value(runtime_dollars(some)) == pytest.approx(200 * 1.25e-6)
    assert total_tokens(some, 1).n == 1
    assert runtime_tokens(log(lost())).value is None


def test_a_task_that_works_pays_for_those_that_came_to_nothing() -> None:
    made = (Generation(True, usage=Usage(1000, 0, 1)), Generation(False, usage=Usage(3000, 0, 5)))
    some = log(item(RIGHT), generations=made)
    assert value(generation_tokens(some)) == 2000
    assert value(total_tokens(some, 10)) == 4000
    assert value(amortised_tokens(some, 10)) == 400
    theirs = log(item(RIGHT, tokens=100), solver="direct", generations=(Generation(True), Generation(True)))
    assert value(token_break_even(some, theirs)) == 40
    none = log(lost(), generations=(Generation(False, usage=Usage(3000, 0, 5)),))
    assert total_tokens(none, 10).value is None
    assert token_break_even(none, theirs).value is None
    assert cost_of_ownership(none).value is None


def test_against_a_baseline_only_what_both_ran_counts() -> None:
    def named(name: str, tokens: int) -> Scored:
        return replace(item(RIGHT, tokens=tokens), item=name)

    made = (Generation(True, usage=Usage(900, 0, 1)),)
    ours = log(named("a", 10), lost("b"), generations=made)
    theirs = log(named("a", 100), named("b", 1_000_000), solver="direct", generations=(Generation(True),) * 2)
    assert value(token_break_even(ours, theirs)) == 10
    assert value(compression(ours, theirs, 1)) == pytest.approx(100 / 910)
    assert token_break_even(ours, log(named("c", 5), solver="direct")).note == "no transaction was run by both"


def test_the_cost_of_a_month_says_what_people_decide() -> None:
    held = item(HELD, seconds=0.1)
    found = cost_of_ownership(log(item(RIGHT, seconds=0.1), held, lost()))
    assert found.n == 2
    assert found.note.endswith("1 of 2 left to people; 1 of 3 transactions were not run")


def test_dollars_need_a_price() -> None:
    ours = log(item(RIGHT), generations=(Generation(True, usage=Usage(1000, 100, 1), model="openai:gpt-5"),))
    theirs = log(item(RIGHT, tokens=400), solver="direct")
    # (1000 * 1.25 + 100 * 10) / 400 / 1.25
    assert value(dollar_break_even(ours, theirs)) == pytest.approx(4.5)
    local = log(item(RIGHT), generations=(Generation(True, usage=Usage(1000, 100, 1), model="local:m.gguf"),))
    assert dollar_break_even(local, theirs).value is None
    assert value(dollar_break_even(local, theirs, "openai:gpt-5")) == pytest.approx(4.5)


def test_cost_of_a_month() -> None:
    ours = log(
        item(RIGHT, seconds=0.36), generations=(Generation(True, usage=Usage(1000, 100, 1), model="openai:gpt-5"),)
    )
    machines = 1_000_000 * 0.36 / 3600 * MACHINE.dollars
    assert value(cost_of_ownership(ours)) == pytest.approx(0.00225 + machines)


def test_a_model_that_is_waited_for_takes_no_machine() -> None:
    asked = item(RIGHT, tokens=400, seconds=120.0)
    made = {"solver": "direct", "generations": (Generation(True),)}
    found = cost_of_ownership(log(asked, **made))
    assert value(found) == pytest.approx(400 * 1.25)  # a million transactions at so many millionths of a dollar
    assert "is not counted" in found.note
    machines = 1_000_000 * 0.36 / 3600 * MACHINE.dollars
    both = cost_of_ownership(log(asked, item(RIGHT, seconds=0.36), **made))
    assert value(both) == pytest.approx(200 * 1.25 + machines)


def test_percentiles_and_jitter() -> None:
    assert quantile([1, 2, 3, 4], 0.5) == 2.5
    assert value(percentile([float(one) for one in range(101)], 95)) == 95
    assert "fewer than" in percentile([1.0] * 10, 99).note
    assert value(jitter([1.0, 3.0])) == 1.0


def test_entropy_and_the_share_of_the_most_frequent() -> None:
    assert value(entropy([b"a"] * 1000)) == 0
    assert value(entropy([b"a", b"b"] * 500)) == 1
    assert value(entropy([b"a"] * 3 + [b"b"])) == pytest.approx(-(0.75 * math.log2(0.75) + 0.25 * math.log2(0.25)))
    assert value(exact_match([b"a"] * 3 + [b"b"])) == 0.75
    assert entropy([]).value is None


def row(attempt: int, stage: str, passed: bool) -> StageRow:
    return StageRow(attempt, stage, passed)


def test_first_passes_count_those_that_reached_the_stage() -> None:
    first = Generation(True, attempts=1, stages=(row(1, "security", True), row(1, "syntax", True)))
    second = Generation(
        True, attempts=2, stages=(row(1, "security", True), row(1, "syntax", False), row(2, "security", True))
    )
    third = Generation(False, attempts=1, stages=(row(1, "reply", False),))
    found = log(generations=(first, second, third))
    assert value(first_pass(found.tasks, "reply")) == 2 / 3
    assert value(first_pass(found.tasks, "security")) == 1
    assert value(first_pass(found.tasks, "syntax")) == 1 / 2
    assert value(first_pass_overall(found.tasks)) == 1 / 3
    assert value(deployed(found.tasks)) == 2 / 3
    assert value(attempts(found.tasks)) == pytest.approx(4 / 3)
    assert value(recovery(found.tasks)) == 1 / 2


def test_a_reply_that_nothing_judged_passed_nothing() -> None:
    once = log(solver="code-once", generations=(Generation(True, attempts=1),))
    assert all(one.value is None for one in validation(once))


def test_a_task_that_could_not_be_asked_is_not_deployed() -> None:
    made = Generation(True, attempts=1, stages=(row(1, "security", True),))
    found = {one.name: one for one in validation(log(generations=(made, Generation(False, "too long"))))}
    assert value(found["deployed"]) == value(found["first pass, overall"]) == 1 / 2
    assert value(found["attempts"]) == value(found["first pass, security"]) == 1


def test_where_everything_goes_to_the_model_nothing_passed() -> None:
    refused = Generation(True, "everything goes to the model", attempts=1, stages=(row(1, "syntax", False),))
    found = {one.name: one for one in validation(log(solver="hybrid", generations=(refused,)))}
    assert value(found["deployed"]) == 0
    assert value(recovery(log(generations=(refused,)).tasks)) == 0


def test_first_attempts_of_one_programs_functions_are_together() -> None:
    def told(passed: bool) -> Generation:
        return Generation(passed, stages=tuple(StageRow(at, "syntax", passed, (), f"f{at}") for at in range(1, 6)))

    found = first_pass(log(generations=(told(True), told(False)) * 3).tasks, "syntax")
    assert (found.value, found.n) == (0.5, 30)
    assert (found.low, found.high) == pytest.approx(interval(3, 6))


def test_the_first_of_several_candidates_counts_as_a_first_pass() -> None:
    drawn = Generation(True, attempts=2, stages=(row(1, "security", True), row(2, "security", False)))
    assert value(first_pass_overall(log(generations=(drawn,)).tasks)) == 1


def test_false_rejections_need_programs_known_to_be_right() -> None:
    refused = (Generation(True), Generation(False))
    assert value(false_rejection(log(solver="human", generations=refused))) == 1 / 2
    assert false_rejection(log(generations=refused)).value is None


def test_every_category_tells_its_figures() -> None:
    found = every(log(*ITEMS), log(*ITEMS, solver="direct"))
    always = ["reliability", "fields", "validation", "token efficiency", "latency", "cost"]
    assert list(found) == [*always[:2], "nothing withheld", "without a model", always[2], "code quality", *always[3:]]
    assert all(found[name] for name in always)


def test_what_was_not_run_does_not_make_a_transaction_cheap() -> None:
    ran = log(item(RIGHT, seconds=0.36))
    some = log(item(RIGHT, seconds=0.36), item(HELD, seconds=0.0), item(HELD, seconds=0.0))
    assert value(cost_of_ownership(some)) == value(cost_of_ownership(ran))


def test_what_no_gate_passed_was_not_deployed_in_any_time() -> None:
    passed = Generation(True, seconds=2.0, attempts=1, stages=(StageRow(1, "syntax", True),))
    refused = Generation(True, seconds=9.0, attempts=1, stages=(StageRow(1, "syntax", False),))  # the model answers
    found = time_to_deploy(log(item(RIGHT), generations=(passed, refused)))
    assert (found.value, found.n) == (2.0, 1)


def test_of_functions_asked_for_one_by_one_the_first_attempt_of_each_counts() -> None:
    alone = (StageRow(1, "syntax", True, (), "f"), StageRow(2, "syntax", False, (), "g"))
    mended = (StageRow(3, "syntax", True, (), "g"), row(4, "syntax", True))
    at_once = (StageRow(1, "syntax", True, (), "f"), StageRow(2, "syntax", True, (), "g"), row(3, "syntax", True))
    refused = Generation(False, attempts=2, stages=alone)
    found = log(
        generations=(
            refused,
            Generation(True, attempts=4, stages=(*alone, *mended)),
            Generation(True, attempts=3, stages=at_once),
        )
    )
    assert value(first_pass(found.tasks, "syntax")) == 4 / 6
    assert value(first_pass(found.tasks, "reply")) == 1
    assert value(first_pass_overall(found.tasks)) == 1 / 3
    assert value(deployed(found.tasks)) == 2 / 3  # a function that passed alone is no program
    assert value(recovery(found.tasks)) == 1 / 2
    assert Generation.of(refused.to_json()) == refused
