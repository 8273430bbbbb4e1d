"""Scorers of documents, against values computed by hand."""

from __future__ import annotations

import pytest

from ingot.evals.scorers import Cells, anls, assignment, edit_distance, exact, line_items, normalised, same_text


def test_exact_is_the_same_text_but_for_blanks_at_the_ends() -> None:
    assert exact("Ann Example ", " Ann Example") == 1
    assert exact("Ann Example", "ann example") == 0
    assert exact("Ann  Example", "Ann Example") == 0
    assert exact(1, True) == 0
    assert exact(None, "") == 0


def test_same_text_makes_white_space_one_blank() -> None:
    assert same_text("12  High\nStreet", "12 High Street") == 1
    assert same_text("12 High St", "12 High Street") == 0


@pytest.mark.parametrize(
    ("found", "expected", "kind", "right"),
    [
        ("ACME, Ltd.", "acme ltd", "text", 1),
        ("ＡＣＭＥ", "acme", "text", 1),
        ("ACME 2", "ACME 3", "text", 0),
        ("$1,234.50", "1234.5", "amount", 1),
        ("RM 12.00", "12", "amount", 1),
        ("(5.00)", "-5", "amount", 1),
        ("5.00", "-5.00", "amount", 0),
        ("1.2.3", "123", "amount", 1),  # no number: compared as texts
        ("25/12/2018", "2018-12-25", "date", 1),
        ("25 DEC 2018", "25-12-18", "date", 1),
        ("3/4/2020", "4/3/2020", "date", 0),
        ("soon", "Soon.", "date", 1),
        ("$", "€", "text", 0),  # no letter and no digit: as they stand
        ("$ ", "$", "text", 1),
        ("-", "", "amount", 0),
    ],
)
def test_normalised_compares_values(found: str, expected: str, kind: str, right: int) -> None:
    assert normalised(found, expected, kind) == right  # type: ignore[arg-type]


def test_months_come_first_where_they_do() -> None:
    assert normalised("3/30/2020", "03/30/20", "date", month_first=True) == 1
    assert normalised("3/4/2020", "2020-03-04", "date", month_first=True) == 1
    assert normalised("3/4/2020", "2020-03-04", "date") == 0


def test_edit_distance_and_anls() -> None:
    assert edit_distance("kitten", "sitting") == 3
    assert edit_distance("", "abc") == 3
    assert anls("kitten", "sitting") == pytest.approx(1 - 3 / 7)
    assert anls("Kitten ", "kitten") == 1
    assert anls("abcd", "abxy") == 0  # just at the threshold, which is not below it
    assert anls("abcde", "abcxy") == pytest.approx(0.6)
    assert anls("abc", "axy") == 0  # a third alike is not alike
    assert anls("", "") == 1
    assert anls("", "abc") == 0
    assert anls(None, "abc") == 0


def test_line_items_are_paired_as_well_as_can_be() -> None:
    expected = [{"name": "Tea", "price": "2.00"}, {"name": "Cake", "price": "3.50"}]
    assert line_items(list(reversed(expected)), expected).f1 == 1
    found = line_items([{"name": "tea", "price": "9.99"}, {"name": "Milk", "price": "3.50"}], expected)
    assert found == Cells(2, 4, 4)  # one cell right in each of the two pairs
    assert found.f1 == 0.5
    one = line_items([{"name": "Tea", "price": ""}], expected)
    assert one == Cells(1, 1, 4)
    assert one.f1 == pytest.approx(2 / 5)
    assert line_items([], expected).f1 == 0
    assert line_items([], []).f1 == 1
    assert line_items("no list", expected) == Cells(0, 0, 4)
    assert line_items([{"price": "2"}], [{"price": "2.00"}], {"price": "amount"}).f1 == 1
    days = ([{"day": "03/04/20"}], [{"day": "2020-03-04"}], {"day": "date"})
    assert (line_items(*days).f1, line_items(*days, month_first=True).f1) == (0, 1)  # type: ignore[arg-type]
    assert Cells(1, 2, 2) + Cells(2, 2, 3) == Cells(3, 4, 5)


def test_pairing_greedily_would_lose_a_cell() -> None:
    # row 0 is as good in both columns, row 1 in the first alone: taking 0-0 first leaves nothing for row 1
    assert assignment([[2, 2], [2, 0]]) == [(0, 1), (1, 0)]
    assert assignment([[5, 4, 0], [4, 0, 0], [0, 3, 2]]) == [(0, 1), (1, 0), (2, 2)]  # 4 + 4 + 2, greedily 5 + 3
    assert assignment([[1], [5], [2]]) == [(1, 0)]
    assert assignment([[0, 0]]) == []
    assert assignment([]) == []


def test_the_best_pairing_is_found_among_all() -> None:
    import itertools
    import random

    drawn = random.Random(1)
    for _ in range(60):
        rows, columns = drawn.randint(1, 4), drawn.randint(1, 5)
        gain = [[drawn.randint(0, 4) for _ in range(columns)] for _ in range(rows)]
        least = min(rows, columns)
        best = max(
            sum(gain[row][column] for row, column in zip(some, others, strict=True))
            for some in itertools.combinations(range(rows), least)
            for others in itertools.permutations(range(columns), least)
        )
        assert sum(gain[row][column] for row, column in assignment(gain)) == best
