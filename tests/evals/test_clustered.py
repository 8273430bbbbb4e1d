"""Intervals where items share a task, against values worked out by hand or printed in tables."""

from __future__ import annotations

import random
from dataclasses import replace
from fractions import Fraction
from math import comb
from statistics import fmean

import pytest

from ingot.binomial import beta_below, beta_quantile, interval
from ingot.evals.clustered import drawn, share_interval, student
from ingot.evals.compare import compare, mcnemar, sign_test
from ingot.evals.log import Log, TaskLog
from ingot.evals.metrics.measure import bootstrapped, share_of
from ingot.evals.metrics.reliability import accuracy, accuracy_on_answered
from ingot.evals.metrics.tokens import runtime_tokens
from ingot.evals.solvers import Generation
from tests.evals.test_metrics import RIGHT, WRONG, item, log


def tasks(*groups: str, tokens: int = 0) -> Log:
    """A log with a task a text: ``1`` is an item that is right."""
    made = [
        TaskLog(f"t{at}", Generation(True), tuple(item(RIGHT if one == "1" else WRONG, tokens=tokens * at) for one in group))
        for at, group in enumerate(groups)
    ]  # fmt: skip
    return replace(log(), tasks=tuple(made))


def test_groups_stand_in_place_of_tasks() -> None:
    """Two tasks over the same six papers of three templates: intervals are over the templates, also when the log was written and read."""
    items = tuple(
        replace(item(RIGHT if at < 4 else WRONG), item=f"p{at}", group=f"template {at // 2}") for at in range(6)
    )
    made = replace(log(), tasks=tuple(TaskLog(name, Generation(True), items) for name in ("date", "total")))
    found = accuracy(made.items)
    assert found.note.endswith("interval over 3 clusters")
    assert (found.value, found.n) == (pytest.approx(2 / 3), 12)
    assert share_interval([(f"template {at // 2}", at < 4) for at in (*range(6), *range(6))]) == (found.low, found.high)
    again = replace(made, tasks=tuple(TaskLog.of(one.to_json()) for one in made.tasks))
    assert accuracy(again.items) == found


@pytest.mark.parametrize(("freedom", "value"), [(1, 12.706), (4, 2.776), (10, 2.228), (30, 2.042), (1000, 1.962)])
def test_students_t_is_that_of_the_tables(freedom: int, value: float) -> None:
    assert student(freedom) == pytest.approx(value, abs=5e-4)


@pytest.mark.parametrize(("right", "n"), [(1, 2), (8, 10), (50, 100), (199, 200), (0, 7), (7, 7)])
def test_the_bounds_are_where_the_binomials_tails_are_a_fortieth(right: int, n: int) -> None:
    def at_least(k: int, p: float) -> Fraction:
        share = Fraction(p)  # exactly the number that the interval has
        return sum((comb(n, one) * share**one * (1 - share) ** (n - one) for one in range(k, n + 1)), Fraction())

    low, high = interval(right, n)
    assert (low == 0) == (right == 0)
    assert (high == 1) == (right == n)
    if right:
        assert float(at_least(right, low)) == pytest.approx(0.025, rel=1e-9)
    if right < n:
        assert float(1 - at_least(right + 1, high)) == pytest.approx(0.025, rel=1e-9)
    assert beta_below(0.3, 2, 3) + beta_below(0.7, 3, 2) == pytest.approx(1)


def test_intervals_in_signed_evidence_keep_their_digits() -> None:
    told = {
        (17, 100): ("0.102265", "0.258175"),
        (95, 100): ("0.887165", "0.983568"),
        (12, 12): ("0.735352", "1.000000"),
    }
    assert {one: tuple(f"{end:.6f}" for end in interval(*one)) for one in told} == told


def test_items_that_are_right_or_wrong_together_are_as_few_as_their_tasks() -> None:
    together = tasks(*["1" * 10, "0" * 10] * 5)
    found = accuracy(together.items)
    assert (found.value, found.n) == (0.5, 100)
    assert (found.low, found.high) == pytest.approx(interval(5, 10))
    assert "interval over 10 clusters" in found.note


def test_the_interval_by_hand() -> None:
    # ten tasks of ten items, five of 9 right and five of 5: p = 0.7, v = 10 / 9 * 10 * 2**2 / 100**2
    hits = [(str(at), number < (9 if at % 2 else 5)) for at in range(10) for number in range(10)]
    effective = 0.21 / (10 / 9 * 40 / 10_000) * (student(99) / student(9)) ** 2
    low = beta_quantile(0.025, 0.7 * effective, 0.3 * effective + 1)
    assert effective == pytest.approx(36.35, abs=0.01)
    assert share_interval(hits)[0] == pytest.approx(low)


def test_items_are_never_more_alike_than_wholly() -> None:
    assert share_interval([("a", True), ("a", True), ("b", True), ("b", True)]) == pytest.approx(interval(2, 2))
    assert share_interval([("a", True)] * 4 + [("b", False)] * 4) == pytest.approx(interval(1, 2))
    hits = [("a", True), ("a", True), ("b", True), ("b", False)]
    assert share_interval([(task, True) for task, _ in hits])[1] == 1.0
    assert share_interval([(task, False) for task, _ in hits])[0] == 0.0


def test_an_interval_whose_bound_meets_the_middle_of_both_tails_ends() -> None:
    # tasks of 4, 2 and 1 items, one right: 7 / 3 items at least, at which each tail was once left to the other without end
    hits = [("a", False)] * 4 + [("b", False)] * 2 + [("c", True)]
    assert share_interval(hits) == interval(1 / 3, 7 / 3)
    assert interval(1 / 3, 7 / 3) == pytest.approx((4.151128e-6, 0.8713096), rel=1e-6)


def test_it_covers_the_truth_where_items_share_a_program() -> None:
    chance = random.Random(3)
    held = narrow = 0
    for _ in range(200):
        hits = []
        for at in range(12):
            works = chance.random() < 0.7
            hits += [(str(at), chance.random() < (0.95 if works else 0.1)) for _ in range(10)]
        low, high = share_interval(hits)
        held += low <= 0.695 <= high
        low, high = interval(sum(hit for _, hit in hits), len(hits))
        narrow += low <= 0.695 <= high
    assert held >= 186
    assert narrow < 140


def test_where_all_items_are_right_nothing_shows_that_those_of_a_task_differ() -> None:
    assert share_interval([(str(at // 10), True) for at in range(100)]) == interval(10, 10)
    assert share_interval([(str(at // 10), False) for at in range(100)]) == interval(0, 10)
    sizes = [("a", True)] * 4 + [("b", True)] * 2 + [("c", True)]
    assert share_interval(sizes) == interval(7 / 3, 7 / 3)
    chance = random.Random(4)
    held = 0
    for _ in range(200):  # 20 programs, of which one in twenty is wrong in all of its five items: often none of them
        works = [chance.random() < 0.95 for _ in range(20)]
        low, high = share_interval([(str(at), one) for at, one in enumerate(works) for _ in range(5)])
        held += low <= 0.95 <= high
    assert held >= 186


def test_one_item_a_task_and_one_task_are_as_before() -> None:
    for same in (tasks("1", "1", "0", "1"), tasks("1101")):
        found = accuracy(same.items)
        assert (found.low, found.high) == interval(3, 4)
        assert "tasks" not in found.note
    assert share_of("x", []).value is None


def test_figures_of_subsets_go_by_the_tasks_of_these() -> None:
    found = accuracy_on_answered(tasks("1", "0", "1").items)
    assert (found.low, found.high) == interval(2, 3)


def test_the_bootstrap_draws_whole_tasks() -> None:
    values, of = [0.0] * 10 + [1.0] * 10, ["a"] * 10 + ["b"] * 10
    assert set(drawn(values, of, fmean, 200)) == {0.0, 0.5, 1.0}
    assert len(set(drawn(values, (), fmean, 200))) > 5
    found = bootstrapped("x", values, fmean, "s", tasks=of, note="why")
    assert (found.low, found.high, found.note) == (0.0, 1.0, "why; interval over 2 clusters")
    used = runtime_tokens(tasks("1" * 10, "1" * 10, tokens=100))
    assert (used.value, used.low, used.high) == (50, 0, 100)


def test_differences_are_drawn_by_task_and_exchanged_by_task() -> None:
    a, b = tasks(*["0" * 5] * 4), tasks(*["1" * 5] * 4)
    found = {one.name: one for one in compare(a, b)}["accuracy"]
    assert (found.only_b, found.p) == (20, 2 / 16)
    assert mcnemar(0, 20) < 1e-5


def test_the_exchange_of_tasks_is_mcnemars_where_each_has_one_item() -> None:
    assert sign_test([(str(at), sign) for at, sign in enumerate([1] * 9 + [-1] + [0] * 5)]) == mcnemar(1, 9)
    assert sign_test([("a", 1)] * 6) == mcnemar(0, 6)
    assert sign_test([("a", 1), ("a", -1), ("b", 0)]) == 1.0
    many = [(str(at // 2), 1) for at in range(40)]
    assert sign_test(many) == sign_test(many) < 0.001
