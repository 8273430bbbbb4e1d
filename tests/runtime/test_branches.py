"""Branches that there are, and those that no input can take."""

import pytest

from ingot.runtime.branches import instrument

TEXT = """\
STEPS = ((1, "a"), (2, "b"))
BY_YEAR = {2024: (1, 2), 2025: (3,)}
UNEVEN = {2024: (1, 2), 2025: ()}
NONE = ()


def rule(year, rows, flag):
    for row in LOOP:
        rows = row
    return rows
"""


def directions(loop: str, text: str = TEXT) -> list[str]:
    _, found = instrument(text.replace("LOOP", loop), 0, text.count("\n") + 1)
    return [branch.what for branch in found]


@pytest.mark.parametrize(
    "loop",
    ["STEPS", "(1, 2)", "BY_YEAR", "BY_YEAR.items()", "BY_YEAR[year]", "enumerate(STEPS)", "reversed(STEPS)",
     "STEPS if flag else BY_YEAR"],
)  # fmt: skip
def test_a_constant_with_something_in_it_is_never_empty(loop: str) -> None:
    assert directions(loop) == ["goes round"] + (["true", "false"] if " if " in loop else [])


@pytest.mark.parametrize("loop", ["rows", "NONE", "UNEVEN[year]", "()", "(*rows,)", "sorted(rows)", "rows.items()"])
def test_what_an_input_can_empty_has_both_directions(loop: str) -> None:
    assert directions(loop) == ["goes round", "is empty"]


def test_a_name_that_is_assigned_twice_is_no_constant() -> None:
    assert directions("STEPS", TEXT.replace("NONE = ()", "STEPS = ()")) == ["goes round", "is empty"]
    assert directions("STEPS", TEXT.replace("    for", "    STEPS = rows\n    for")) == ["goes round", "is empty"]
