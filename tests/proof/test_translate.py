"""Python and its translation agree on every construct that is translated; the rest is refused with its line."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal

import pytest

from ingot.compile.assemble import assemble
from ingot.errors import StageError
from ingot.program import Observation, Program
from ingot.proof.translate import NotExpressible, check_agreement, translate
from ingot.proof.z3_values import negate
from ingot.runtime.sandbox import Sandbox, Trial
from ingot.spec import parse_spec

INPUTS = """
  n: {type: integer, range: [-40, 40]}
  m: {type: "integer?", range: [-3, 3]}
  x: {type: decimal, range: [-50, 50], places: 3}
  y: {type: "decimal?", range: [0, 9], places: 1}
  ok: boolean
  maybe: "boolean?"
  day: {type: date, range: ["1999-12-01", "2024-03-05"]}
  due: date
  plan: {type: enum, values: [GOLD, SILVER, BASIC]}
  word: text
  marks: {type: list of integer, max_length: 3}
"""
NAMES = ["n", "m", "x", "y", "ok", "maybe", "day", "due", "plan", "word", "marks"]
TYPES = "n: int, m: int | None, x: Decimal, y: Decimal | None, ok: bool, maybe: bool | None, day: date, due: date, plan: str, word: str, marks: list[int]"


def program(body: str, output: str = "integer?", before: str = "") -> Program:
    spec = parse_spec(
        f"metadata: {{name: t}}\ninputs:{INPUTS}\nlogic_requirements:\n  - {{step: rule, type: function, intent: x, "
        f"on_null: handle, inputs: [{', '.join(NAMES)}], outputs: {{answer: '{output}'}}}}\n"
    )
    lines = "\n".join(f"    {line}" for line in body.strip("\n").split("\n"))
    return assemble(spec, f"{before}def rule({TYPES}):\n{lines}\n")


def trials(count: int = 60) -> list[Trial]:
    chance = random.Random(7)

    def drawn() -> Iterator[tuple[str, object]]:
        yield "n", chance.randint(-40, 40)
        yield "m", chance.choice([None, -3, -2, -1, 0, 0, 1, 2, 3])
        yield "x", Decimal(chance.choice([chance.randint(-50_000, 50_000), 125, -125, 2500, -2500, 5, 0])).scaleb(-3)
        yield "y", chance.choice([None, Decimal(chance.randint(0, 90)).scaleb(-1), Decimal(0)])
        yield "ok", chance.random() < 0.5
        yield "maybe", chance.choice([None, True, False])
        yield "day", chance.choice([date(2000, 2, 29), date(2024, 2, 29), date(1999, 12, 31), date(2001, 1, 1)]) + timedelta(chance.randint(-3, 3))  # fmt: skip
        yield "due", date.fromordinal(chance.choice([1, 3_652_059, chance.randint(1, 3_652_059)]))
        yield "plan", chance.choice(["GOLD", "SILVER", "BASIC"])
        yield "word", chance.choice(["", "a", "GOLD", "zzz"])
        yield "marks", [chance.randint(-2, 2) for _ in range(chance.randint(0, 3))]

    return [Trial(f"t{number}", dict(drawn())) for number in range(count)]


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(seeds=(0,)) as one:
        yield one


TABLE = 'RATES = {"GOLD": Decimal("1.5"), "SILVER": Decimal("0.25")}\nBANDS = ((0, 1), (10, 2), (20, 3))\n\n\n'
AGREE = {
    "branches and early returns": ("if n > 3:\n    return 1\nelif n > 0 and ok:\n    z = 2\nelse:\n    z = 3\nreturn z", "integer?"),
    "chained comparison": ("return 1 if -5 < n <= 5 < 10 else 0", "integer?"),
    "null raises": ("return m + 1", "integer?"),
    "null asked": ("return m + 1 if m is not None else None", "integer?"),
    "null by falling short": ("return 1 if m and m > 1 else 0", "integer?"),
    "and gives its operand": ("return m and n", "integer?"),
    "or gives its operand": ("return m or n", "integer?"),
    "three truths": ("if maybe is None:\n    return 0\nreturn 1 if maybe is True else 2", "integer?"),
    "bools count": ("return ok + (n > 0) + (plan == 'GOLD')", "integer?"),
    "floor and remainder": ("return n // 7 * 100 + n % 7", "integer?"),
    "negative divisor": ("return n // -7 * 100 + n % -7", "integer?"),
    "division by a field": ("return n // m if m is not None else 0", "integer?"),
    "powers": ("return n ** 2 - n ** 3", "integer?"),
    "zero to the power of zero": ("return n ** 0", "integer?"),
    "zero to the power of zero as a decimal": ("return x ** 0 + x ** 1", "decimal"),
    "half up": ("return (x * Decimal('0.5')).quantize(Decimal('0.01'), ROUND_HALF_UP)", "decimal"),
    "half even": ("return x.quantize(Decimal('0.01'), rounding=ROUND_HALF_EVEN)", "decimal"),
    "floor": ("return x.quantize(Decimal('1'), ROUND_FLOOR)", "decimal"),
    "ceiling to tens": ("return x.quantize(Decimal('1E+1'), ROUND_CEILING)", "decimal"),
    "whole": ("return int(x) * 10000 + math.floor(x) * 100 + math.ceil(x)", "integer?"),
    "decimal over a constant": ("return x / 8 - x / Decimal('0.20') + 3", "decimal"),
    "extremes": ("return max(x, Decimal('1.50'), abs(x) - 2) + min(n, 3)", "decimal"),
    "null decimal": ("return y * 2 if y is not None and y >= Decimal('4.5') else x", "decimal"),
    "days between": ("return (due - day).days", "integer?"),
    "days on": ("return 1 if day + timedelta(days=n) > date(2000, 2, 29) else 0", "integer?"),
    "date overflow": ("return (due + timedelta(days=n) - day).days", "integer?"),
    "calendar": ("return due.year * 10000 + due.month * 100 + due.day", "integer?"),
    "age": ("return day.year - 1990 - ((day.month, day.day) == (2, 29))", "integer?"),
    "made dates": ("return (date(day.year, n, 29) - day).days", "integer?"),
    "weekday": ("return due.weekday() * 10 + due.isoweekday()", "integer?"),
    "table": ("return RATES[plan] * n", "decimal"),
    "table with default": ("return RATES.get(word, Decimal('9'))", "decimal"),
    "membership": ("return 1 if plan in ('GOLD', 'BASIC') and word not in {'a', 'b'} else 0", "integer?"),
    "texts are equal": ("return 1 if plan == word else 0", "integer?"),
    "loop over bands": ("found = 0\nfor low, rate in BANDS:\n    if n >= low:\n        found = rate\nreturn found", "integer?"),
    "loop with break": ("for low, rate in BANDS:\n    if n < low:\n        break\nelse:\n    return 99\nreturn low", "integer?"),
    "loop with return": ("for one in marks:\n    if one < 0:\n        return one\nreturn len(marks)", "integer?"),
    "else part leaves the outer loop": ("found = 0\nfor one in marks:\n    for rate in range(0):\n        found = 5\n    else:\n        if one > 0:\n            continue\n        break\n    found = found + 1\nelse:\n    found = found + 10\nreturn found", "integer?"),
    "year of a date that does not exist": ("return (date(1999, 12, 31) - timedelta(weeks=200000)).year if ok else n", "integer?"),
    "list built": ("kept = []\nfor one in marks:\n    if one > 0:\n        kept.append(one * 2)\n    else:\n        continue\n    kept.append(1)\nreturn sum(kept) + len(kept)", "integer?"),
    "generators": ("return sum(one for one in marks if one > 0) + 10 * any(one < n for one in marks) + all(marks)", "integer?"),
    "empty extremes": ("return max(marks)", "integer?"),
    "extreme with default": ("return max(marks, default=7) - min((one for one in marks if one), default=0)", "integer?"),
    "lazy any": ("return 1 if any(6 // one > 2 for one in marks) else 0", "integer?"),
    "next": ("return next((rate for low, rate in BANDS if n < low), 0)", "integer?"),
    "item of a list": ("return marks[0] if len(marks) > 1 else marks[2]", "integer?"),
    "item by a field": ("return (10, 20, 30)[m] if m is not None else 0", "integer?"),
    "match": ("match plan:\n    case 'GOLD' | 'SILVER' if ok:\n        return 1\n    case 'GOLD':\n        return 2\n    case _:\n        return 3", "integer?"),
    "raise": ("if n > 30:\n    raise ValueError('no')\nassert n > -30\nreturn n", "integer?"),
    "calls": ("return twice(n) + twice(value=n + 1)", "integer?"),
    "int beside decimal": ("cost = 0 if ok else x\nreturn cost + 1 if cost > -1 else cost", "decimal"),
}  # fmt: skip


@pytest.mark.parametrize("name", AGREE)
def test_translation_agrees_with_cpython(name: str, sandbox: Sandbox) -> None:
    body, output = AGREE[name]
    one = program(body, output, TABLE + "def twice(value: int) -> int:\n    return value * 2\n\n\n")
    drawn = trials()
    seen = sandbox.run(one.text, drawn, offset=one.offset, seed=0).observations
    compared = check_agreement(translate(one), {trial.id: trial for trial in drawn}, seen)
    assert compared == len(drawn)


REFUSED = {
    "division of fields": ("return x / n", "division by something"),
    "division of whole numbers": ("return n / 2", "binary floating point"),
    "thirds": ("return x / 3", "do not end"),
    "float": ("return n * 0.5", "binary floating point"),
    "unstated rounding": ("return x.quantize(Decimal('0.01'))", "quantize without a rounding"),
    "text methods": ("return 1 if word.upper() == 'A' else 0", ".upper"),
    "text order": ("return 1 if word < 'b' else 0", "ordering of text"),
    "while": ("while n > 0:\n    n = n - 1\nreturn n", "while statement"),
    "try": ("try:\n    return n // m\nexcept TypeError:\n    return 0", "try statement"),
    "shared list": ("a = []\nb = a\nb.append(1)\nreturn len(a)", "append to 'b'"),
    "list changed in its loop": ("a = [1]\nfor one in a:\n    if n > one:\n        a.append(2)\nreturn len(a)", "append to 'a'"),
    "recursion": ("return again(n)", "calls itself"),
    "set size": ("return len({n, m})", "len of set"),
    "sorted": ("return sorted(marks)[0]", "sorted"),
    "unbound, only carried": ("if ok:\n    z = 1\nreturn 3 if n > 100 else z", "may have no value"),
    "unbound here, bound in the module": ("if ok:\n    RATES = 1\nreturn 3 if ok else RATES", "may have no value"),
    "a rounding that nobody imported": ("return x.quantize(Decimal('1'), ROUND_UP)", "rounding that is not written out"),
    "a builtin's name with another meaning": ("abs = n\nreturn abs(x)", "the call abs"),
    "unbound": ("if ok:\n    z = 1\nreturn z + 1", "may have no value"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_understood_is_refused(name: str) -> None:
    body, reason = REFUSED[name]
    one = program(body, "decimal?", "def again(value: int) -> int:\n    return again(value)\n\n\n")
    with pytest.raises(NotExpressible, match=reason) as error:
        translate(one)
    assert error.value.line is not None
    assert "def rule" not in one.logic.split("\n")[error.value.line - 1]


def test_long_decimals_are_refused_or_bounded() -> None:
    spec = parse_spec(
        "metadata: {name: t}\ninputs: {a: decimal}\nlogic_requirements:\n"
        "  - {step: rule, type: function, intent: x, outputs: {answer: decimal}}\n"
    )
    compared = translate(assemble(spec, "def rule(a):\n    return a if a > 3 else Decimal('3')\n"))
    assert compared.assumed == {}
    bounded = translate(assemble(spec, "def rule(a):\n    return a * 2\n"))
    assert list(bounded.assumed) == ["a"]
    with pytest.raises(NotExpressible, match="28 digits"):
        translate(assemble(spec, "def rule(a):\n    return a * a * a\n"))


def test_a_wrong_translation_stops_everything() -> None:
    one = program("return n + 1")
    translation = translate(one)
    trial = trials(1)[0]
    right = Observation({"answer": trial.input["n"] + 1})
    assert check_agreement(translation, {"a": trial}, {"a": right}) == 1
    with pytest.raises(StageError, match="disagrees with CPython"):
        check_agreement(translation, {"a": trial}, {"a": Observation({"answer": trial.input["n"]})})
    translation.raised = negate(translation.raised)
    with pytest.raises(StageError, match="did not raise"):
        check_agreement(translation, {"a": trial}, {"a": right})
