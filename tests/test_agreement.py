"""Agreement and its calibration: votes, thresholds, and the promise that they make, measured on draws."""

import random

import pytest

from ingot.agreement import agree, alone, calibrate, confidence, known_of, needed_cases, recall, spellings
from ingot.binomial import interval


def test_most_votes_win_and_earlier_candidates_break_ties() -> None:
    assert agree(["a", "b", "b"]).value == "b"
    assert agree(["a", "b"]).value == "a"
    assert agree([None, "", []]) == agree([])
    assert (agree([]).score, agree(["a", "a", None]).votes) == (0, 2)
    assert agree(["a", "a", "b"]).score > agree(["a", "b", "a"]).score > agree(["b", "a", "a"]).score


def test_the_lowest_score_that_shows_the_precision_is_the_threshold() -> None:
    seen = [(3, True)] * 99 + [(2, True)] * 100 + [(1, False)] * 5
    found = calibrate(seen, 0.99)
    assert (found.threshold, found.answered, found.right) == (2, 199, 199)
    assert found.risk == pytest.approx(0.01)
    assert calibrate(seen[:98], 0.99).threshold is None
    assert calibrate([], 0.9).threshold is None
    assert (needed_cases(0.99), needed_cases(0.95), needed_cases(0.9)) == (99, 19, 9)


def test_nobody_voting_is_never_trusted() -> None:
    assert calibrate([(0, True)] * 500, 0.9).threshold is None


def test_coverage_is_measured_with_each_case_left_out() -> None:
    """Beside the long way: calibrate on all others, then try the one."""
    draw = random.Random(9)
    for _ in range(60):
        rows = [(draw.choice([0, 1001, 2002, 3003]), draw.random() < 0.9) for _ in range(draw.choice([0, 1, 12, 40]))]
        answered = right = 0
        for at, (score, ok) in enumerate(rows):
            threshold = calibrate(rows[:at] + rows[at + 1 :], 0.8).threshold
            if threshold is not None and score >= threshold:
                answered, right = answered + 1, right + ok
        found = calibrate(rows, 0.8)
        assert found.held_back == (answered, right)
        told = found.to_json()["coverage"]
        assert told["measured"] == (f"{1 - (answered - right) / len(rows):.6f}" if rows else None)


def test_the_interval_is_that_of_clopper_and_pearson() -> None:
    low, high = interval(9, 10)
    assert (low, high) == (pytest.approx(0.55498, abs=1e-4), pytest.approx(0.99747, abs=1e-4))
    assert interval(0, 0) == (0.0, 1.0)
    assert interval(10, 10)[1] == 1.0


def test_answered_and_wrong_stays_under_the_stated_risk_on_average() -> None:
    """400 calibrations of 100 cases, each tried on 100 others of the same kind: coverage measured beside coverage stated."""
    draw = random.Random(4)

    def cases(count: int) -> list[tuple[int, bool]]:
        scores = [draw.choice([1, 2, 3]) for _ in range(count)]
        return [(score, draw.random() < {1: 0.6, 2: 0.93, 3: 0.99}[score]) for score in scores]

    stated = measured = answered = right = 0.0
    for _ in range(400):
        found = calibrate(cases(100), 0.95)
        stated += found.risk
        if found.threshold is None:
            continue
        taken = [ok for score, ok in cases(100) if score >= found.threshold]
        measured += (len(taken) - sum(taken)) / 100
        answered, right = answered + len(taken), right + sum(taken)
    assert measured <= stated
    assert measured / 400 < 0.05
    assert right / answered > 0.94  # chosen on the cases that it is counted on, the precision is a little hopeful


def test_a_level_alone_is_as_precise_as_it_shows_without_the_better_ones() -> None:
    seen = [(3240, True)] * 30 + [(2192, True)] * 8 + [(2192, False)] * 2 + [(1128, True)] * 5 + [(0, False)] * 3
    told = calibrate(seen, 0.9).to_json()
    assert alone(told, 3240) == alone(told, 9999) == pytest.approx(30 / 31)
    assert alone(told, 2192) == pytest.approx(1 - 3 / 16)  # with the better one below it
    assert alone(told, 1128) == pytest.approx(1 - 3 / 16)  # no more than a level above it
    assert alone(told, 1000) == alone(told, 0) == alone({}, 3240) == 0.0
    few = calibrate([(3240, True)] * 3 + [(2192, True)] * 16, 0.9).to_json()
    assert alone(few, 3240) == pytest.approx(19 / 20)  # three alone show little, with those below more
    assert alone(few, 2192) == pytest.approx(16 / 17)


def test_confidence_is_the_highest_precision_that_trusts_a_score() -> None:
    seen = [(3240, True)] * 30 + [(2192, True)] * 8 + [(2192, False)] * 2 + [(1128, False)] * 3
    told = calibrate(seen, 0.95).to_json()
    assert confidence(told, 3240) == pytest.approx(30 / 31)
    assert confidence(told, 2192) == pytest.approx(38 / 41)
    assert confidence(told, 1128) == pytest.approx(38 / 44)
    assert confidence(told, 0) == 0.0
    assert confidence({}, 3240) == 0.0
    for precision in (0.5, 0.8, 0.9, 0.95, 0.99):
        threshold = calibrate(seen, precision).threshold
        for score in (3240, 2192, 1128):
            assert (confidence(told, score) >= precision) == (threshold is not None and score >= threshold)


def test_a_known_value_is_taken_in_its_spelling_and_stands_above_votes() -> None:
    known = spellings(["HIGH ST. 1", "HIGH ST. 1", "LOT 2.", "LOT 2", "LOT 2", "", None, 7, "--"])
    assert known == {"highst1": [["HIGH ST. 1", 2]], "lot2": [["LOT 2", 2], ["LOT 2.", 1]]}
    assert recall("High St 1,", known) == ("HIGH ST. 1", 2)
    assert recall("High St 1,", spellings(["HIGH ST. 1"])) == ("HIGH ST. 1", 1)
    assert recall("LOT 2.", known) == ("LOT 2.", 0)  # spelt both ways: it stays, and is not known
    assert recall("LOT-2", known) == ("LOT 2", 0)
    assert recall("HIGH ST. 11", known) == ("HIGH ST. 11", 0)
    assert recall(7, known) == (7, 0)
    one, two = agree(["high st 1", "x", "x"], known), agree(["x", "x", "x"], known)
    assert (one.value, one.known, one.votes) == ("HIGH ST. 1", 2, 1)
    assert (two.value, two.known, two.votes) == ("x", 0, 3)
    assert one.score > two.score
    assert agree(["HIGH ST 1", "high st, 1"], known).votes == 2
    assert agree(["x", "y"], {}) == agree(["x", "y"])
    assert agree(["high st 1"], known).score > agree(["high st 1"] * 8, spellings(["HIGH ST. 1"])).score
    assert known_of(agree(["a"] * 8).score) == 0
