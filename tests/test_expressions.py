"""Expressions: both spellings mean the same, quoted text is left alone, attacks are refused."""

from __future__ import annotations

import ast
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingot.expressions import LONGEST, ExpressionError, branches, names, outcomes, to_python, typed
from ingot.fields import Field
from ingot.questions.evaluate import Undecided, evaluate

SPELLINGS = [
    ("bmi > 10 AND bmi < 100", "bmi > 10 and bmi < 100"),
    ("plan IN ('A', 'B')", "plan in ('A', 'B')"),
    ("plan NOT IN ('A', 'B')", "plan not in ('A', 'B')"),
    ("plan IN ('A')", "plan in ('A',)"),
    ("age IN (-3)", "age in (-3,)"),
    ("word IN text", "word in text"),
    ("x IS NULL", "x is None"),
    ("x IS NOT NULL", "x is not None"),
    ("x IS 'GOLD'", "x == 'GOLD'"),
    ("x IS NOT 3", "x != 3"),
    ("x IS TRUE", "x is True"),
    ("x = 3", "x == 3"),
    ("x <> 3", "x != 3"),
    ("NOT x = 3", "not x == 3"),
    ("age BETWEEN 18 AND 64", "18 <= age <= 64"),
    ("age between 18 AND 64 OR member", "18 <= age <= 64 or member"),
    ("age NOT BETWEEN 18 AND 64", "not 18 <= age <= 64"),
    ("age + 1 BETWEEN 2 * 3 AND (4 + y) AND z", "2 * 3 <= age + 1 <= 4 + y and z"),
    ("d BETWEEN '2020-01-01' AND '2020-12-31'", "'2020-01-01' <= d <= '2020-12-31'"),
    ("a IMPLIES b", "not a or b"),
    ("(a IMPLIES b) AND c", "(not a or b) and c"),
    ("a IMPLIES b IMPLIES c", "not a or (not b or c)"),
    ("a AND b IMPLIES c OR d", "not (a and b) or (c or d)"),
    ("all(x > 0 for x in xs)", "all((x > 0 for x in xs))"),
    ("a > 1\n  AND b > 2", "a > 1 and b > 2"),
    ("min(a, 3) > 1_000", "min(a, 3) > 1000"),
]


@pytest.mark.parametrize(("written", "python"), SPELLINGS)
def test_policy_spelling_becomes_python(written: str, python: str) -> None:
    assert to_python(written) == python
    assert to_python(python) == python


@pytest.mark.parametrize(
    "inside",
    ["a <> b", "x = 1", "a AND b", "x BETWEEN 1 AND 2", "x BETWEEN 1 and 2", "a IMPLIES b", "NULL", "# no", "("],
)
@pytest.mark.parametrize("quote", ["'", '"'])
def test_text_inside_quotes_is_untouched(inside: str, quote: str) -> None:
    source = to_python(f"x = {quote}{inside}{quote} AND y <> 2")
    assert source == f"x == {inside!r} and y != 2"


ATTACKS = [
    "a.b", "a.__class__.__mro__", "().__class__", "eval('1')", "__import__('os')", "exec('x')", "open('/etc/passwd')",
    "getattr(a, 'b')", "(lambda: 1)()", "lambda: 1", "[x for x in y]", "{x for x in y}", "{1: 2}", "{1, 2}", "(x := 3)",
    "any((y := x) for x in xs)", "f'{x}'", "f'{x.__class__}'", "'%s' % x", "'{0.__class__}'.format(x)", "9**9**9",
    "2 ** 99999999", "1 << 99999999", "'a' * 99999999", "99999999 * 'a'", "[0] * 99999999", "(0,) * 99999999", "x @ y", "~x",
    "x[1:2]", "x[::]", "*a", "len(*a)", "len(**a)", "sorted(a, key=len)" , "len", "len > 3", "x[len]",
    "b'x'", "...", "1j", "1e999", "-1e999", "yield x", "await x", "(x async for x in y)", "x; y", "x\ny", "import os", "a = b; c",
    "any(Decimal > 0 for Decimal in y)", "all(x > 0 for x, y in z)", "__builtins__", "__x > 1", "a > 1 # and b > 2",
    "a > 1 # c\n AND b > 2", "a, b", "[a]", "a IS b", "x > 12345678901234567.89", "", " ", "x >", "x y", "x BETWEEN 1",
    "BETWEEN 1 AND 2", "(a", "a)", "(a]", "'a", "\0", "x\\\ny(", "not " * 900 + "x", "(" * 500 + "1" + ")" * 500, "-" * 3_000 + "1",
    "x + " * 900 + "x", "x" * (LONGEST + 1), "print(1)", "type(x)", "x if y", "None.x", "print", "9" * 5_000,
]  # fmt: skip
HARMLESS = {"max(a, default=1)", "x\ny", "a = b; c", "print", "x + " * 900 + "x", "-" * 3_000 + "1"}


@pytest.mark.parametrize("text", [text for text in ATTACKS if text not in HARMLESS], ids=lambda text: text[:40])
def test_attacks_and_nonsense_are_refused(text: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        to_python(text)
    assert len(str(caught.value)) < 6_000


@pytest.mark.parametrize("text", sorted(HARMLESS), ids=lambda text: text[:40])
def test_odd_texts_are_refused_or_are_expressions(text: str) -> None:
    try:
        source = to_python(text)
    except ExpressionError:
        return
    ast.parse(source, mode="eval")
    names(source)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.text(alphabet="abx'\"()[]<>=!+-*/%., \n#:0129ANDORT{}\\_éＡ\0", max_size=40))
def test_no_text_raises_anything_else(text: str) -> None:
    try:
        source = to_python(text)
    except ExpressionError:
        return
    assert to_python(source) == source


# ---- names -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("a > b and a > c", ("a", "b", "c")),
        ("len(xs) > 3", ("xs",)),
        ("all(x > low for x in xs)", ("xs", "low")),
        ("age > 1 and all(age > 0 for age in ages)", ("age", "ages")),
        ("all(x > 0 for x in x)", ("x",)),
        ("any(y > 0 for x in xs for y in x if y > z)", ("xs", "z")),
    ],
)
def test_names_are_the_free_ones(source: str, expected: tuple[str, ...]) -> None:
    assert names(to_python(source)) == expected


# ---- types -------------------------------------------------------------------------------------------------------

FIELDS = {
    field.name: field
    for field in (
        Field(name="fee", type="decimal"), Field(name="bmi", type="float"), Field(name="age", type="integer"),
        Field(name="born", type="date"), Field(name="seen", type="datetime"), Field(name="plan", type="text"),
        Field(name="fees", type="list", items=Field(name="item", type="decimal")),
        Field(name="lines", type="list", items=Field(name="item", type="object", fields=(Field(name="paid", type="decimal"),))),
        Field(name="member", type="boolean"),
    )
}  # fmt: skip


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("fee > 0.5", "fee > Decimal('0.5')"),
        ("fee * 1.1 > 20", "fee * Decimal('1.1') > 20"),
        ("fee > 0.5 and bmi > 0.5", "fee > Decimal('0.5') and bmi > 0.5"),
        ("bmi > 0.5 or member", "bmi > 0.5 or member"),
        ("bmi * 0.5 > fee", "bmi * 0.5 > fee"),
        ("fee BETWEEN 0.5 AND 1.5", "Decimal('0.5') <= fee <= Decimal('1.5')"),
        ("born >= '2020-01-01'", "born >= date.fromisoformat('2020-01-01')"),
        ("born IN ('2020-01-01', '2021-01-01')", "born in (date.fromisoformat('2020-01-01'), date.fromisoformat('2021-01-01'))"),
        ("seen > '2020-01-01T10:00:00'", "seen > datetime.fromisoformat('2020-01-01T10:00:00')"),
        ("plan = '2020-01-01'", "plan == '2020-01-01'"),
        ("plan = '2020-01-01' and born > '2020-01-01'", "plan == '2020-01-01' and born > date.fromisoformat('2020-01-01')"),
        ("all(f > 0.5 for f in fees)", "all((f > Decimal('0.5') for f in fees))"),
        ("sum(fees) > 0.5", "sum(fees) > Decimal('0.5')"),
        ("all(l['paid'] > 0.5 for l in lines)", "all((l['paid'] > Decimal('0.5') for l in lines))"),
        ("age > 18", "age > 18"),
    ],
)  # fmt: skip
def test_literals_take_the_type_of_the_fields_beside_them(written: str, expected: str) -> None:
    assert typed(to_python(written), FIELDS) == expected


VALUES = {
    "fee": Decimal("0.1"), "bmi": 0.1, "age": 18, "born": date(2020, 1, 1), "seen": datetime(2020, 1, 1, 10),
    "plan": "GOLD", "fees": [Decimal("0.1"), Decimal("2")], "lines": [{"paid": Decimal("1")}], "member": True,
}  # fmt: skip


def test_a_tenth_is_a_tenth_whatever_the_type() -> None:
    for name in ("fee", "bmi"):
        assert evaluate(typed(to_python(f"{name} = 0.1"), FIELDS), VALUES) is True


def _by_hand(source: str, values: dict[str, Any]) -> Any:
    """What Python itself says of a typed expression."""
    scope = {"Decimal": Decimal, "date": date, "datetime": datetime, **values}
    return eval(compile(source, "<expression>", "eval"), scope)


numbers = st.sampled_from(["age", "fee", "0", "1", "18", "0.5", "64", "-3", "len(fees)", "min(age, 18)", "sum(fees)"])
texts = st.sampled_from(["plan", "'GOLD'", "'a AND b'", "''"])


def atoms() -> st.SearchStrategy[str]:
    compared = st.tuples(numbers, st.sampled_from(["<", "<=", ">", ">=", "=", "<>", "!="]), numbers).map(" ".join)
    arithmetic = st.tuples(numbers, st.sampled_from("+-*"), numbers, st.just("<="), numbers).map(" ".join)
    between = st.builds("{} BETWEEN {} AND {}".format, numbers, numbers, numbers)
    negated = st.builds("{} NOT BETWEEN {} AND {}".format, numbers, numbers, numbers)
    lists = st.builds("{} IN ({}, {})".format, texts, texts, texts)
    plain = st.sampled_from(["member", "plan IS 'GOLD'", "plan IS NOT NULL", "born >= '2020-01-01'", "bmi < 0.5",
                             "all(f > 0.05 for f in fees)", "any(l['paid'] >= 1 for l in lines)", "TRUE"])  # fmt: skip
    return st.one_of(compared, arithmetic, between, negated, lists, plain)


def _nested(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    joined = st.tuples(inner, st.sampled_from(["AND", "OR", "and", "or"]), inner).map(" ".join)
    return st.one_of(
        joined,
        inner.map("({})".format),
        inner.map("NOT ({})".format),
        st.builds("({} IMPLIES {})".format, inner, inner),
        st.builds("({} if {} else {})".format, inner, inner, inner),
    )


@settings(max_examples=400, deadline=None, derandomize=True)
@given(
    st.recursive(atoms(), _nested, max_leaves=6), st.integers(-5, 70), st.booleans(), st.sampled_from(["GOLD", "", "x"])
)
def test_the_evaluator_agrees_with_python(text: str, age: int, member: bool, plan: str) -> None:
    source = typed(to_python(text), FIELDS)
    values = VALUES | {"age": age, "member": member, "plan": plan}
    assert bool(evaluate(source, values)) == bool(_by_hand(source, values))


@settings(max_examples=200, deadline=None, derandomize=True)
@given(
    st.booleans(),
    st.booleans(),
    st.booleans(),
    st.sampled_from(["AND", "OR", "IMPLIES"]),
    st.sampled_from(["AND", "OR"]),
)
def test_implication_means_what_logic_says(a: bool, b: bool, c: bool, outer: str, inner: str) -> None:
    meaning = {"AND": lambda x, y: x and y, "OR": lambda x, y: x or y, "IMPLIES": lambda x, y: not x or y}
    source = to_python(f"(a {inner} b) {outer} NOT c")
    assert bool(evaluate(source, {"a": a, "b": b, "c": c})) == meaning[outer](meaning[inner](a, b), not c)


@pytest.mark.parametrize("text", ["age > plan", "fee / 0 > 1", "nothing > 1", "fees[9] > 1", "born > 3"])
def test_what_has_no_value_is_undecided(text: str) -> None:
    with pytest.raises(Undecided):
        evaluate(typed(to_python(text), FIELDS), VALUES)


# ---- branches ----------------------------------------------------------------------------------------------------


def test_branches_of_the_printed_logic() -> None:
    found = branches("IF d THEN APPROVE\nELSE IF (bmi >= 30) AND f THEN APPROVE\n\nELSE DENY\n")
    assert found is not None
    assert [(one.condition, one.outcome, one.line) for one in found] == [
        ("d", "APPROVE", 1), ("bmi >= 30 and f", "APPROVE", 2), (None, "DENY", 4),
    ]  # fmt: skip


@pytest.mark.parametrize("text", ["", "Approve it.", "IF x > THEN A", "IF x THEN A\nand so on", "IF a.b THEN A"])
def test_other_texts_have_no_branches(text: str) -> None:
    assert branches(text) is None
    assert outcomes(text) == ()


def test_outcomes_are_single_words() -> None:
    assert outcomes("IF a THEN 'YES'\nELSE no-way") == ("YES", "no-way")
    assert outcomes("IF a THEN fee * 2\nELSE 0") == ()
