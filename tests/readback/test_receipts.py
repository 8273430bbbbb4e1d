"""What counts as cited, what is uncited, what is unused, and what a spec makes of it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ingot.proof.deciding import Deciding
from ingot.readback.citations import citations, cited_lines
from ingot.readback.receipts import receipts
from ingot.stages.syntax import STAGE
from tests.readback.programs import bundled, one

TEXTS = {"C1": "The first.", "C2": "The second.", "C3": "The third.", "C10": "The tenth."}


def decide(body: str) -> str:
    return "def decide(n: int) -> str:\n" + body


@pytest.mark.parametrize(
    ("body", "lines"),
    [
        ("    return 'a'  # C1\n", {2: ("C1",)}),
        ("    # by C1 and C2\n    return 'a'\n", {3: ("C1", "C2")}),
        ("    return 'C1 # C2'\n", {}),  # a text is no comment
        ("    return 'a'  # C1.\n", {2: ("C1",)}),
        ("    return 'a'  # C10, not C100 or XC1\n", {2: ("C10",)}),
        ("    return 'a'  # C1 to C3\n", {2: ("C1", "C2", "C3")}),
        ("    # C1: The first.\n    # C2: The second.\n    return 'a'  # C3\n", {4: ("C3",)}),  # the rule, as asked
        ("    # C1: The first.\n    return 'a'\n", {3: ("C1",)}),
        ("    return str(\n        n,  # C1\n    )\n", {3: ("C1",)}),
    ],
)
def test_a_comment_cites_for_its_line_or_the_next_statement(body: str, lines: dict[int, tuple[str, ...]]) -> None:
    assert cited_lines(decide(body), TEXTS) == lines


@pytest.mark.parametrize(
    ("body", "lines"),
    [
        ("    return str(\n        n,  # C1\n    )  # C2\n", {2: ("C1", "C2"), 3: ("C1",), 4: ("C2",)}),
        ("    if (\n        n > 1\n        and n < 3  # C1\n    ):  # C2\n        n = 2\n    return 'a'\n",
         {2: ("C1", "C2"), 4: ("C1",), 5: ("C2",)}),
        ("    if n:  # C1\n        return 'a'  # C2\n    return 'b'\n", {2: ("C1",), 3: ("C2",)}),
        ("    match n:  # C1\n        case 1:  # C2\n            n = 2\n    return 'a'\n", {2: ("C1",), 3: ("C2",)}),
    ],
)  # fmt: skip
def test_a_statement_cites_what_stands_on_any_of_its_own_lines(body: str, lines: dict[int, tuple[str, ...]]) -> None:
    assert citations(decide(body), one(decide(body), "n: integer").spec) == lines


@pytest.mark.parametrize("name", sorted(bundled()))
def test_returns_cite_here_what_explain_says_of_them(name: str) -> None:
    program = bundled()[name]
    explained = citations(program.logic, program.spec)
    for one_receipt in receipts(program).receipts:
        if one_receipt.kind == "return":
            assert explained[one_receipt.line] == one_receipt.clauses


def test_a_copied_rule_is_credited_to_nobody() -> None:
    """Neither the receipts, nor a trace, nor a difference takes the rule as it was asked for as a citation."""
    body = "    # C1: The first.\n    # C2: The second.\n    if n > 3:\n        return 'a'  # C3\n    return 'b'\n"
    program = one(decide(body), "n: integer")
    assert citations(program.logic, program.spec) == {5: ("C3",)}
    assert Deciding(program).at(4).clauses == ()
    assert [each.line for each in receipts(program).uncited] == [6]


@pytest.mark.parametrize("name", sorted(bundled()))
def test_the_bundled_examples_cite_everything(name: str) -> None:
    found = receipts(bundled()[name])
    assert found.share == 1.0
    assert found.unused == ()
    assert all(found.lines.values())


BRANCHES = {
    "its own line": ("    if n > 3:  # C1\n        raise ValueError\n    return 'a'  # C2\n", []),
    "the line above": ("    # C1\n    if n > 3:\n        raise ValueError\n    return 'a'  # C2\n", []),
    "a line inside": ("    if n > 3:\n        n = 3  # C1\n    return 'a'\n", [("return", 4)]),
    "the returns it leads to": ("    if n > 3:\n        x = 'a'\n    else:\n        x = 'b'\n    return x  # C1\n", []),
    "one return of two": (
        "    if n > 3:\n        n = 3\n    if n:\n        return 'a'  # C1\n    return 'b'\n",
        [("branch", 2), ("return", 6)],
    ),
    "an error": ("    if n > 3:\n        raise ValueError\n    return 'a'  # C1\n", [("branch", 2)]),
    "an else": (
        "    if n > 3:\n        n = 1\n    else:\n        raise ValueError\n    return 'a'  # C1\n",
        [("branch", 5)],
    ),
    "a loop": ("    for k in range(n):\n        if k > 3:\n            return 'b'  # C2\n    return 'a'  # C1\n", []),
    "a loop that is left": (
        "    for k in range(n):\n        if k > 3:\n            break\n    return 'a'\n",
        [("branch", 2), ("branch", 3), ("return", 5)],
    ),
    "a case": (
        "    match n:\n        case 1:\n            raise ValueError\n        case _:\n            n = 2\n    return 'a'  # C1\n",
        [("branch", 3)],
    ),
    "an except": (
        "    try:\n        n = n // 2\n    except ArithmeticError:\n        raise ValueError from None\n    return 'a'  # C1\n",
        [("branch", 4)],
    ),
    "the end of the function": (
        "    if n > 3:\n        return 'a'  # C1\n    if n > 2:\n        n = 2\n",
        [("branch", 4)],
    ),
}


@pytest.mark.parametrize("title", BRANCHES)
def test_branches_are_cited_as_the_convention_says(title: str) -> None:
    body, uncited = BRANCHES[title]
    found = receipts(one(decide(body), "n: integer"))
    assert [(each.kind, each.line) for each in found.uncited] == uncited


def test_the_verdict_has_the_receipts_and_names_what_is_unused() -> None:
    logic = decide("    if n > 3:\n        return 'b'\n    return 'a'  # C1\n")
    verdict, _ = STAGE.check(one(logic, "n: integer"), {})
    assert verdict.passed
    assert verdict.measures["citations"] == {
        "returns": 2,
        "branches": 1,
        "share": 0.3333,
        "uncited": [
            {"function": "decide", "line": 2, "kind": "branch"},
            {"function": "decide", "line": 3, "kind": "return"},
        ],
        "unused": ["C2", "C3"],
        "clauses": {"C1": [4], "C2": [], "C3": []},
    }
    assert [(each.code, each.line) for each in verdict.findings] == [
        ("SYN013", None), ("SYN013", None), ("SYN012", 2), ("SYN009", 3),
    ]  # fmt: skip
    assert verdict.findings[0].message == "C2 is cited nowhere: it may have been forgotten"


def test_a_spec_may_refuse_what_is_not_cited() -> None:
    program = one(decide("    return 'a'  # C1, C2\n"), "n: integer")
    thresholds = program.spec.thresholds.model_copy(update={"citations": "refuse"})
    strict = replace(program, spec=program.spec.model_copy(update={"thresholds": thresholds}))
    assert STAGE.check(program, {})[0].passed
    verdict, _ = STAGE.check(strict, {})
    assert [(each.code, each.severity) for each in verdict.findings] == [("SYN013", "error")]
    assert not verdict.passed
