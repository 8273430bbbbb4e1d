"""Rows are the code: evaluating the one that holds is running the function."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from ingot.program import Program
from ingot.readback.paths import Paths, paths, program_paths
from ingot.readback.render import as_html, as_text
from tests.readback.programs import answer, bundled, holding, inputs_of, namespace, one

FUNCTIONS = [(name, signature.name) for name, program in sorted(bundled().items()) for signature in program.signatures]
EXACT = {
    "review_request", "member_copay", "compute_late_fee", "charge_bags", "add_up",
}  # fmt: skip


def rows_of(program: Program, function: str) -> Paths:
    return next(found for found in program_paths(program) if found.function == function)


def shown(value: Any) -> str:
    """Told apart to the last digit, whatever the order of keys."""
    return repr(sorted(value.items())) if isinstance(value, dict) else repr(value)


def agree(program: Program, function: str, *, least: int = 20) -> Paths:
    """Every input on which the function returns has one row that holds, and that row says the same answer."""
    found = rows_of(program, function)
    signature = next(one for one in program.signatures if one.name == function)
    names = namespace(program)
    returned = 0
    for given in inputs_of(program, signature):
        try:
            expected = names[function](**copy.deepcopy(given))
        except (ArithmeticError, LookupError, TypeError, ValueError):
            continue
        returned += 1
        whole = list(holding(found, names, given, needed=False))
        assert len(whole) == 1, given
        assert next(holding(found, names, given, needed=True)) == whole[0], given
        assert shown(answer(found, whole[0], names, given)) == shown(expected), given
    assert returned >= least
    return found


@pytest.mark.parametrize(("name", "function"), FUNCTIONS, ids=str)
def test_exact_rows_of_the_bundled_examples_answer_as_the_function(name: str, function: str) -> None:
    program = bundled()[name]
    assert rows_of(program, function).exact is (function in EXACT)
    if function in EXACT:
        agree(program, function)


@pytest.mark.parametrize(("name", "function"), FUNCTIONS, ids=str)
def test_every_return_has_a_row_and_every_row_cites_what_its_line_says(name: str, function: str) -> None:
    program = bundled()[name]
    found = rows_of(program, function)
    assert not found.cut
    lines = program.logic.splitlines()
    for row in found.rows:
        assert "return" in lines[row.line - 1]
        assert all(clause in lines[row.line - 1] for clause in row.clauses)
        assert row.clauses


ONES: dict[str, tuple[str, str, str]] = {
    "a name with two meanings": (
        "def decide(age: int, member: bool) -> str:\n    fee = 'full'\n    if member:\n        fee = 'half'\n"
        "    if age < 18 and fee == 'half':\n        fee = 'none'\n    return fee  # C1\n",
        "age: integer; member: boolean", "answer: text"),
    "a parameter set anew stays a row that is not exact": (
        "def decide(age: int) -> str:\n    age = age + 1\n    return 'old' if age > 30 else 'young'  # C1\n",
        "age: integer", "answer: text"),
    "a choice in the return is two rows": (
        "def decide(age: int | None) -> str:\n    return 'unknown' if age is None else str(age)  # C1\n",
        "age: integer?", "answer: text"),
    "match on values": (
        "def decide(zone: str, n: int) -> str:\n    match zone:\n        case 'A' | 'B':\n            return 'near'  # C1\n"
        "        case 'C' if n > 3:\n            return 'far'  # C2\n        case _:\n            pass\n    return 'none'  # C3\n",
        "zone: {type: enum, values: [A, B, C, D]}; n: integer", "answer: text"),
    "a name caught by a comprehension is left alone": (
        "def decide(x: int, items: list[int]) -> str:\n    limit = x\n    found = [limit for x in items if x > limit]\n"
        "    return str(found)  # C1\n",
        "x: integer; items: list of integer", "answer: text"),
    "two names for one list": (
        "def decide(n: int) -> str:\n    a = [n]\n    b = a\n    b.append(2)\n    if len(a) > 1:\n        return 'two'  # C1\n"
        "    return 'one'  # C2\n",
        "n: integer", "answer: text"),
    "a list that grows under another name": (
        "def decide(n: int) -> str:\n    a = [n]\n    b = a\n    b += [2]\n    return str(a)  # C1\n",
        "n: integer", "answer: text"),
    "an iterator is used up": (
        "def decide(items: list[int]) -> str:\n    again = (one + 1 for one in items)\n    first = sum(again)\n"
        "    second = sum(again)\n    return str(first - second)  # C1\n",
        "items: list of integer", "answer: text"),
    "what a loop changed is not what it was": (
        "def decide(items: list[int]) -> str:\n    total = 0\n    if total > 5:\n        return 'never'  # C1\n"
        "    for item in items:\n        total += item\n    if total > 5:\n        return 'much'  # C2\n    return 'little'  # C3\n",
        "items: list of integer", "answer: text"),
    "not and or are taken apart": (
        "def decide(a: bool, b: bool, c: bool) -> str:\n    if not (a or b):\n        return 'x'  # C1\n"
        "    if not a and not (b and c):\n        return 'y'  # C2\n    return 'z'  # C3\n",
        "a: boolean; b: boolean; c: boolean", "answer: text"),
    "several outputs through a name": (
        "def decide(n: int) -> DecideOutput:\n    out = {'answer': 'a', 'amount': n}\n    if n > 3:\n"
        "        out = {'amount': 3, 'answer': 'b'}\n    return out  # C1\n",
        "n: integer", "answer: text, amount: integer"),
    "swapped": (
        "def decide(a: int, b: int) -> str:\n    low, high = a, b\n    if low > high:\n        low, high = high, low\n"
        "    return f'{low} {high}'  # C1\n",
        "a: integer; b: integer", "answer: text"),
}  # fmt: skip
INEXACT = {
    "a parameter set anew stays a row that is not exact", "a name caught by a comprehension is left alone",
    "two names for one list", "a list that grows under another name", "an iterator is used up",
    "what a loop changed is not what it was",
}  # fmt: skip


@pytest.mark.parametrize("title", ONES)
def test_rows_of_small_functions_answer_as_the_function(title: str) -> None:
    program = one(*ONES[title])
    assert rows_of(program, "decide").exact is (title not in INEXACT)
    if title not in INEXACT:
        agree(program, "decide", least=2)


def test_a_loop_that_returns_is_told_once_and_in_words() -> None:
    found = rows_of(
        one(
            "def decide(items: list[int]) -> str:\n    for item in items:\n        if item > 3:\n"
            "            return 'big'  # C1\n    return 'small'  # C2\n",
            "items: list of integer",
        ),
        "decide",
    )
    assert [(row.line, row.clauses, row.exact) for row in found.rows] == [(4, ("C1",), False), (5, ("C2",), False)]
    assert [row.notes for row in found.rows] == [
        ("in a round of the loop over items (line 2)",),
        ("after the loop over items (line 2)",),
    ]
    assert found.rows[0].conditions[0].source == "item > 3"


def test_a_function_of_too_many_ways_is_cut_and_says_so() -> None:
    tests = "".join(f"    if n > {k}:\n        total = total + {k}\n" for k in range(12))
    found = rows_of(
        one(f"def decide(n: int) -> str:\n    total = 0\n{tests}    return str(total)  # C1\n", "n: integer"), "decide"
    )
    assert found.cut
    assert not found.exact
    assert len(found.rows) == 64


def test_errors_and_the_end_of_a_function_are_rows() -> None:
    logic = "def decide(n: int) -> str:\n    if n < 0:\n        raise ValueError('below zero')\n    assert n < 9\n    if n:\n        return 'some'\n"
    found = rows_of(one(logic, "n: integer"), "decide")
    ends: list[tuple[int, str, Any]] = [(row.line, row.raises, dict(row.outputs)) for row in found.rows]
    assert ends == [
        (3, "ValueError('below zero')", {}),
        (4, "AssertionError", {}),
        (6, "", {"answer": "'some'"}),
        (6, "", {"answer": "None"}),
    ]


def test_a_missing_function_is_no_rows_but_an_error() -> None:
    program = one("def decide(n: int) -> str:\n    return 'x'  # C1\n", "n: integer")
    with pytest.raises(KeyError):
        paths("OTHER = 1\n", program.signatures[0], {})


NESTED = """def decide(text: str) -> str:
    found = re.search(r"(\\d+)-(\\d+)", text)
    if found is None:
        return "none"  # C1
    day = f"{{{int(found.group(1)):>{len(text)}}}}/{found.group(2)!s}"
    both = f"{day} {day!r}"
    if both.strip("\\n") == f"{text}\\n":
        return f"{both}\\n"  # C2
    return both  # C3
"""


def test_an_f_string_that_holds_a_pattern_after_replacement_is_written_as_format() -> None:
    program = one(NESTED, "text: text")
    (found,) = program_paths(program)
    names = namespace(program)
    (last,) = found.rows[-1].outputs.values()
    assert ".format(" in last
    for text in ("12-31", "7-7 and more"):
        assert eval(last, {**names, "text": text}) == names["decide"](text)
    assert "decide" in as_html(program)
    assert "decide" in as_text(program)


def test_an_f_string_as_it_was_written_stays() -> None:
    (found,) = program_paths(one('def decide(text: str) -> str:\n    return f"{text:>5}{{}}"  # C1\n', "text: text"))
    assert list(found.rows[0].outputs.values()) == ["f'{text:>5}{{}}'"]


def test_what_is_empty_is_read_back_too() -> None:
    logic = (
        "def decide(text: str) -> str:\n    words: tuple[str, ...] = ()\n    if text in ():\n"
        '        return "a"  # C1\n    if text.startswith(()):\n        return "b"  # C2\n'
        '    for word in text.split():\n        words = (*words, word)\n    return " ".join(words)  # C3\n'
    )
    said = as_text(one(logic, "text: text"))
    assert "let words be an empty list" in said.lower()
    assert "nothing" in said
