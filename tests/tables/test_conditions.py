"""Conditions and powers in output cells: the code that is written answers as three-valued logic does, null by null."""

import itertools
import random
from decimal import Decimal
from typing import Any

import pytest

from ingot.compile.assemble import assemble, signatures
from ingot.errors import SpecError
from ingot.spec import parse_spec
from ingot.tables.cells import Binary, Compare, Expression, If, Literal, Logic, Not, Ref, show_expression
from ingot.tables.compiled import check_tables, write_tables
from ingot.tables.parse import CellError, Scope, parse_cell, parse_expression

SPEC = """\
metadata: {{name: conditions}}
inputs:
  a: boolean?
  b: boolean?
  n: {number}?
  m: {number}?
logic_requirements:
  - step: decide
    type: deterministic_rule
    on_null: handle
    inputs: [a, b, n, m]
    outputs: {{answer: {answer}}}
    table: {{hit_policy: first, inputs: [a], outputs: [answer], rows: [["-", {cell!r}]]}}
"""


def decide(cell: str, answer: str = "boolean?", number: str = "decimal") -> Any:
    """The compiled function of one output cell."""
    spec = parse_spec(SPEC.format(cell=cell, answer=answer, number=number), "spec.yaml")
    check_tables(spec)
    text = assemble(spec, write_tables(spec, signatures(spec))).text
    space: dict[str, Any] = {"__name__": "program"}
    exec(compile(text, "program.py", "exec"), space)
    return space["decide"]


def meaning(expression: Expression, values: dict[str, Any]) -> Any:
    """What DMN says that an expression is, worked out value by value."""
    match expression:
        case Literal(value):
            return value
        case Ref(path):
            return values[path]
        case Not(inner):
            found = meaning(inner, values)
            return None if found is None else not found
        case Logic(op, left, right):
            both = (meaning(left, values), meaning(right, values))
            deciding = op == "or"
            return deciding if deciding in both else None if None in both else not deciding
        case If(condition, first, second):
            return meaning(first if meaning(condition, values) is True else second, values)
        case Compare(op, left, right):
            one, two = meaning(left, values), meaning(right, values)
            if op in ("=", "!="):
                return (one == two) is (op == "=")
            if one is None or two is None:
                return None
            return {"<": one < two, "<=": one <= two, ">": one > two, ">=": one >= two}[op]
        case Binary(op, left, right):
            one, two = meaning(left, values), meaning(right, values)
            if one is None or two is None or (op == "/" and two == 0):
                return None
            return {"+": lambda: one + two, "-": lambda: one - two, "*": lambda: one * two, "/": lambda: one / two}[
                op
            ]()
    raise AssertionError(expression)


def number(chance: random.Random, depth: int) -> Expression:
    if depth == 0 or chance.random() < 0.3:
        return chance.choice((Ref("n"), Ref("m"), Literal(Decimal(chance.randint(-1, 2)))))
    if chance.random() < 0.3:
        return If(truth(chance, depth - 1), number(chance, depth - 1), number(chance, depth - 1))
    return Binary(chance.choice("+-*/"), number(chance, depth - 1), number(chance, depth - 1))


def truth(chance: random.Random, depth: int) -> Expression:
    if depth == 0 or chance.random() < 0.2:
        return chance.choice((Ref("a"), Ref("b"), Literal(True), Literal(False)))
    match chance.randint(0, 4):
        case 0:
            return Not(truth(chance, depth - 1))
        case 1 | 2:
            return Logic(chance.choice(("and", "or")), truth(chance, depth - 1), truth(chance, depth - 1))
        case 3:
            ends = (number(chance, depth - 1), number(chance, depth - 1))
            return Compare(chance.choice(("=", "!=", "<", "<=", ">", ">=")), *ends)
    return If(*(truth(chance, depth - 1) for _ in range(3)))


@pytest.mark.parametrize("seed", range(40))
def test_the_code_answers_as_the_expression_means(seed: int) -> None:
    chance = random.Random(seed)
    for make, answer in ((truth, "boolean?"), (number, "decimal?")):
        expression = make(chance, 3)
        cell = show_expression(expression)
        names = {name: name for name in "abnm"}
        assert parse_expression(cell, Scope(names)) == expression, cell
        run = decide(cell, answer)
        for a, b in itertools.product((True, False, None), repeat=2):
            for n, m in itertools.product((Decimal(0), Decimal(2), None), repeat=2):
                values = {"a": a, "b": b, "n": n, "m": m}
                assert run(a, b, n, m) == meaning(expression, values), (cell, values)


@pytest.mark.parametrize(
    ("cell", "n", "m", "answer"),
    [
        ("n ** m", Decimal(2), Decimal(-2), Decimal("0.25")),
        ("n ** m", Decimal(-2), Decimal(3), Decimal(-8)),
        ("n ** m", Decimal(-2), Decimal("0.5"), None),
        ("n ** m", Decimal(0), Decimal(2), Decimal(0)),
        ("n ** m", Decimal(0), Decimal(0), None),
        ("n ** m", Decimal(0), Decimal(-1), None),
        ("n ** m", None, Decimal(1), None),
        ("n ** -m", Decimal(10), Decimal(2), Decimal("0.01")),
        ("n ** 0.5", Decimal(9), None, Decimal(3)),
        ("n ** m", Decimal("5543.7"), Decimal("585.18"), None),
        ("n ** m", Decimal("5543.7"), Decimal("-585.18"), None),
        ("n ** m", Decimal("1.005"), Decimal("-360"), Decimal("1.005") ** -360),
        ("n ** m", Decimal("-10"), Decimal(58), Decimal("1E+58")),
        ("n ** m", Decimal("-10"), Decimal(59), None),
        ("2 ** m", None, Decimal(100_000), None),
        ("n ** 0.5", Decimal("1E+59"), None, Decimal("1E+59").sqrt()),
        ("n / (1 - 5543 ** m)", Decimal("7.2"), Decimal(15), None),
        ("n / (1 - 5543 ** m)", Decimal(0), Decimal(15), Decimal(0)),
        ("n / (1 - 5543 ** m)", Decimal("7.2"), Decimal(3), Decimal("7.2") / (1 - Decimal(5543) ** 3)),
        ("n ** 0", Decimal(0), None, None),
        ("n / m", Decimal(1), Decimal(3), Decimal("0.3333333333333333333333333333")),
    ],
)
def test_a_power_without_a_value_is_null(
    cell: str, n: Decimal | None, m: Decimal | None, answer: Decimal | None
) -> None:
    assert decide(cell, "decimal?")(None, None, n, m) == answer


PLACES = "decimal?, places: 2"


@pytest.mark.parametrize(
    ("cell", "n", "m", "answer"),
    [
        ("n ** m", Decimal("1.07"), Decimal(2), Decimal("1.14")),
        ("n ** m", Decimal(10), Decimal(25), Decimal("1E+25")),  # 26 digits and two places
        ("n ** m", Decimal(10), Decimal(26), None),
        ("n ** m", Decimal("1.07"), Decimal(1000), None),
        ("n ** m", Decimal(10), Decimal(-30), Decimal(0)),
        ("3 + n ** m", Decimal("1.07"), Decimal(1000), None),
        ("3 + n ** m", Decimal("1.07"), Decimal(2), Decimal("4.14")),
        ("n / (1 - 10 ** m)", Decimal("-9E+27"), Decimal("-0.5"), None),
        ("if n > 2 then n ** m else 1", Decimal(10), Decimal(40), None),
        ("n ** 0.5", Decimal("1E+50"), None, Decimal("1E+25")),
    ],
)
def test_a_power_that_leaves_no_room_for_its_places_is_null(
    cell: str, n: Decimal, m: Decimal | None, answer: Decimal | None
) -> None:
    assert decide(cell, f"{{type: {PLACES}}}")(None, None, n, m) == answer


@pytest.mark.parametrize(
    ("cell", "n", "m", "answer"),
    [
        ("n * m", Decimal("1E+13"), Decimal("9E+12"), Decimal("9E+25")),
        ("n * m", Decimal("1E+13"), Decimal("1E+13"), None),
        ("n * m", Decimal("-1E+13"), Decimal("1E+13"), None),
        ("n * m", Decimal("12345678901234.5"), Decimal("1E+13"), None),
        ("n + m", Decimal("1E+26"), Decimal("-1"), Decimal("99999999999999999999999999.00")),
        ("n + m", Decimal("1E+26"), Decimal(1), None),
        ("n / m", Decimal("1E+20"), Decimal("1E-6"), None),
        ("n / m", Decimal("1E+20"), Decimal("1E-5"), Decimal("1E+25")),
        ("n / m", Decimal(1), Decimal(0), None),
        ("-n", Decimal("1E+26"), None, None),
        ("n", Decimal("9" * 26 + ".99"), None, Decimal("9" * 26 + ".99")),
        ("n", Decimal("1E+26"), None, None),
        ("max(n, m)", Decimal(1), Decimal("1E+26"), None),
        ("if n > 2 then n * m else n", Decimal("1E+13"), Decimal("1E+13"), None),
        ("(if n > 2 then n else m) * m", Decimal("1E+13"), Decimal("1E+13"), None),
    ],
)
def test_a_number_that_leaves_no_room_for_its_places_is_null(
    cell: str, n: Decimal, m: Decimal | None, answer: Decimal | None
) -> None:
    assert decide(cell, f"{{type: {PLACES}}}")(None, None, n, m) == answer


def test_a_power_of_integers_is_a_decimal() -> None:
    assert decide("n ** m", "decimal?", "integer")(None, None, 2, 190) == Decimal(2) ** Decimal(190)
    with pytest.raises(SpecError, match="'answer' is integer"):
        decide("n ** m", "integer?", "integer")


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        ("n and a", "'and' of n, which is not true or false"),
        ("not(n)", "'not' of n"),
        ("if n then a else b", "'if' of n"),
        ("a < b", "a boolean has no order"),
        ("n < null", "null has no order"),
        ('n = "x"', "compares a decimal with a text"),
        ("if a then n else b", "'if' gives a decimal or a boolean"),
        ("if a then n", "lacks 'else'"),
        ("a and", "ends where a value is expected"),
        ("a b", "does not belong there"),
        ("(" * 6 + "n < 1" + ") = a" * 6, "more than 6 levels deep"),
        ("if a then b else " * 30 + "b", "nested more than 20 levels"),
    ],
)
def test_conditions_that_do_not_fit_are_refused(cell: str, message: str) -> None:
    with pytest.raises(SpecError, match=message.replace("(", r"\(")):
        decide(cell)


def test_a_branch_is_checked_like_an_answer() -> None:
    with pytest.raises(SpecError, match="not a value of 'answer'"):
        decide('if a then "red" else "bleu"', "{type: enum, values: [red, blue], nullable: true}")
    with pytest.raises(SpecError, match="is any text, and 'answer' is an enum"):
        decide('"re" + "d"', "{type: enum, values: [red, blue], nullable: true}")


def test_words_are_names_where_a_field_has_them() -> None:
    assert parse_expression("if and or", Scope({"if and or": "x"})) == Ref("x")
    assert parse_expression("and", Scope({"and": "x"})) == Ref("x")
    with pytest.raises(CellError, match="does not belong there"):
        parse_cell("a and b", Scope({"a": "a", "b": "b"}))
