"""Random programs of the allowed subset, to hold their translation against CPython.

    python -m tests.proof.random_programs 2000 [FIRST]

runs so many and prints each disagreement with its program; the number after it is the first seed.
"""

from __future__ import annotations

import random
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal

from ingot.compile.assemble import assemble
from ingot.errors import StageError
from ingot.program import Program
from ingot.proof.translate import NotExpressible, check_agreement, translate
from ingot.runtime.sandbox import Sandbox, Trial
from ingot.spec import parse_spec

SPEC = """metadata: {name: fuzz}
inputs:
  n: {type: integer, range: [-40, 40]}
  m: {type: "integer?", range: [-3, 3]}
  k: {type: integer, range: [0, 10000000]}
  x: {type: decimal, range: [-50, 50], places: 3}
  y: {type: "decimal?", range: [0, 9], places: 1}
  ok: boolean
  maybe: "boolean?"
  day: {type: date, range: ["1999-12-01", "2024-03-05"]}
  due: date?
  plan: {type: enum, values: [GOLD, SILVER, BASIC]}
  word: text?
  marks: {type: list of integer, max_length: 3}
  bags: {type: list, max_length: 2, items: {type: object, fields: {kg: {type: integer, range: [0, 50]}, fee: {type: "decimal?", range: [0, 99], places: 2}}}}
  who: {type: object, fields: {age: "integer?", vip: boolean}}
logic_requirements:
  - {step: rule, type: function, intent: x, on_null: handle, inputs: [n, m, k, x, y, ok, maybe, day, due, plan, word, marks, bags, who], outputs: {a: integer?, b: decimal?, c: boolean?, d: text?, e: date?}}
"""
PARAMETERS = "n, m, k, x, y, ok, maybe, day, due, plan, word, marks, bags, who"
BEFORE = """from decimal import ROUND_DOWN, ROUND_HALF_DOWN, ROUND_UP

RATES = {"GOLD": Decimal("1.5"), "SILVER": Decimal("0.25"), "": Decimal("-1")}
BANDS = ((0, Decimal("0.10")), (10, Decimal("2")), (20, Decimal("3.125")))
CENT = Decimal("0.01")
LIMIT = 7


def helper(p, q):
    if p is None:
        return 0
    for low, rate in BANDS:
        if p < low:
            return low
        if q and p == low:
            break
    else:
        return -1
    return p


def half(p):
    return (p / 2).quantize(CENT, ROUND_HALF_UP)


"""
ROUNDINGS = ("UP", "DOWN", "FLOOR", "CEILING", "HALF_UP", "HALF_DOWN", "HALF_EVEN")
FIRST = {"int": "a", "dec": "b", "bool": "c", "text": "d", "date": "e"}
"""An output of each type."""


class Writer:
    """Writes one random function. `names` are the variables by type at the point that is written."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.names: dict[str, list[str]] = {
            "int": ["n", "m", "k", "a0"], "dec": ["x", "y", "b0"], "bool": ["ok", "maybe", "c0"],
            "date": ["day", "due"], "text": ["plan", "word"], "list": ["marks"],
        }  # fmt: skip
        self.loops = 0

    def program(self) -> str:
        """The source of ``rule``."""
        body = ["a0 = 0", "b0 = Decimal('1')", "c0 = False", "kept = []"]
        for _ in range(self.chance.randint(1, 5)):
            body += self.statement(2)
        lines = "\n".join(f"    {line}" for line in [*body, f"return {self.answer()}"])
        return f"{BEFORE}def rule({PARAMETERS}):\n{lines}\n"

    def answer(self) -> str:
        """The returned outputs."""
        return "{" + ", ".join(f'"{key}": {self.expression(kind, 2)}' for kind, key in FIRST.items()) + "}"

    # ---- statements --------------------------------------------------------------------------------------------

    def block(self, depth: int) -> list[str]:
        """Indented statements."""
        names = {kind: list(found) for kind, found in self.names.items()}
        lines = [line for _ in range(self.chance.randint(1, 2)) for line in self.statement(depth)]
        if self.chance.random() < 0.9:
            self.names = names  # else a name that may have no value is read later
        return [f"    {line}" for line in lines]

    def statement(self, depth: int) -> list[str]:
        """One statement as lines."""
        pick = self.chance.random()
        if depth <= 0 or pick < 0.35:
            return self.simple()
        if pick < 0.62:
            lines = [f"if {self.test()}:", *self.block(depth - 1)]
            while self.chance.random() < 0.3:
                lines += [f"elif {self.test()}:", *self.block(depth - 1)]
            return lines + (["else:", *self.block(depth - 1)] if self.chance.random() < 0.5 else [])
        if pick < 0.88:
            return self.loop(depth)
        return self.match(depth)

    def simple(self) -> list[str]:
        """A statement on one line."""
        chance = self.chance
        pick = chance.random()
        kind = chance.choice(["int", "dec", "bool", "int", "dec", "date", "text"])
        if pick < 0.12:
            return [f"kept.append({self.expression('int', 1)})"]
        if pick < 0.2:
            return [f"{chance.choice(['a0', 'b0'])} {chance.choice('+-*')}= {self.expression('int', 1)}"]
        if pick < 0.26:
            return [f"if {self.test()}:", f"    return {self.answer()}"]
        if pick < 0.29:
            return [f"if {self.test()}:", "    raise ValueError('no')"]
        if pick < 0.31:
            return [f"assert {self.test()}"]
        if pick < 0.38 and self.loops:
            return [f"if {self.test()}:", f"    {chance.choice(['break', 'continue'])}"]
        if pick < 0.43:
            return [f"a0, c0 = {self.expression('int', 1)}, {self.expression('bool', 1)}"]
        fresh = f"v{chance.randint(0, 5)}_{kind}"
        name = chance.choice({"int": ["a0", fresh], "dec": ["b0", fresh], "bool": ["c0", fresh]}.get(kind, [fresh]))
        value = self.expression(kind, 2)
        if name not in self.names[kind]:
            self.names[kind].append(name)
        return [f"{name} = {value}"]

    def loop(self, depth: int) -> list[str]:
        """A ``for`` loop."""
        name = f"i{self.loops}"
        head, known = self.chance.choice([
            (f"for {name} in marks:", [("int", name)]),
            (f"for {name} in range({self.chance.randint(-1, 4)}):", [("int", name)]),
            (f"for {name}, r{name} in BANDS:", [("int", name), ("dec", f"r{name}")]),
            (f"for {name}, r{name} in enumerate(marks):", [("int", name), ("int", f"r{name}")]),
            (f"for {name} in reversed(marks):", [("int", name)]),
            (f"for {name} in (n, m, 4):", [("int", name)]),
            (f"for b{name} in bags:", [("int", f"b{name}['kg']"), ("dec", f"b{name}['fee']")]),
            (f"for {name} in RATES:", [("text", name)]),
            (f"for {name}, r{name} in RATES.items():", [("text", name), ("dec", f"r{name}")]),
        ])  # fmt: skip
        for kind, known_name in known:
            self.names[kind].append(known_name)
        self.loops += 1
        body = self.block(depth - 1)
        self.loops -= 1
        if self.chance.random() < 0.8:
            for kind, known_name in known:
                if known_name in self.names[kind]:
                    self.names[kind].remove(known_name)
        return [head, *body, *(["else:", *self.block(0)] if self.chance.random() < 0.2 else [])]

    def match(self, depth: int) -> list[str]:
        """A ``match`` over texts, numbers, nulls or a pair."""
        guard = f" if {self.test()}" if self.chance.random() < 0.4 else ""
        subject, patterns = self.chance.choice([
            ("plan", ["'GOLD' | 'SILVER'", "'BASIC'", "_"]), ("m", ["None", "-1 | 0", "2", "_"]),
            ("maybe", ["True", "None", "False"]), ("(ok, plan)", ["(True, 'GOLD')", "(False, _)", "_"]),
            ("n", ["1", "2 | 3"]), ("x", ["0", "1"]),
        ])  # fmt: skip
        lines = [f"match {subject}:"]
        for pattern in patterns:
            lines += [
                f"    case {pattern}{guard if pattern != '_' else ''}:",
                *(f"    {line}" for line in self.block(depth - 1)),
            ]
        return lines

    # ---- expressions -------------------------------------------------------------------------------------------

    def test(self) -> str:
        """Something to branch on: mostly a boolean."""
        kind = "bool" if self.chance.random() < 0.9 else self.chance.choice(["int", "dec", "text", "list"])
        return self.expression(kind, 2)

    def expression(self, kind: str, depth: int) -> str:
        """An expression of a type, now and then of another one."""
        if self.chance.random() < 0.004:
            kind = self.chance.choice(list(FIRST))
        if depth <= 0 or self.chance.random() < 0.25:
            return self.leaf(kind)
        return str(getattr(self, f"_{kind}")(depth - 1))

    def leaf(self, kind: str) -> str:
        """A variable or a literal."""
        if self.chance.random() < 0.65:
            return self.chance.choice(self.names[kind])
        literals = {
            "int": ["0", "1", "-2", "7", "40", "LIMIT", "len(marks)", "True", "who['age']", "1_000_000", "sum(kept)", "len(kept)"],
            "dec": ["Decimal('0.5')", "Decimal('-2.345')", "Decimal('0')", "CENT", "Decimal('1E+1')", "RATES['GOLD']"],
            "bool": ["True", "False", "who['vip']"],
            "date": ["date(2000, 2, 29)", "date(1999, 12, 31)", "date.fromisoformat('2024-02-29')"],
            "text": ["'GOLD'", "'a'", "''", "'new'"], "list": ["[1, n]", "[]", "[0, 0]"],
        }  # fmt: skip
        return self.chance.choice(literals[kind])

    def pick(self, often: list[str], seldom: list[str]) -> str:
        """One form; those that are mostly refused come seldom, so that whole programs are translated."""
        return self.chance.choice(often if self.chance.random() < 0.99 else seldom)

    def _either(self, kind: str, depth: int) -> list[str]:
        """Forms that every type has."""
        first, second = self.expression(kind, depth), self.expression(kind, depth)
        return [f"({first} if {self.expression('bool', depth)} else {second})", f"({first} or {second})",
                f"({first} and {second})"]  # fmt: skip

    def _int(self, depth: int) -> str:
        one, two = self.expression("int", depth), self.expression("int", depth)
        dec, items = self.expression("dec", depth), self.expression("list", depth)
        when = self.expression("date", depth)
        test = self.expression("bool", 0)
        return self.pick([
            *self._either("int", depth), f"({one} + {two})", f"({one} - {two})", f"({one} * {two})", f"({one} // {two})",
            f"({one} % {two})", f"({one} // -7)", f"({one} % -7)", f"(-{one})", f"(-(-{one} // 3))",
            f"abs({one})", f"min({one}, {two})",
            f"max({one}, {two}, 3)", f"int({dec})", f"math.floor({dec})", f"math.ceil({dec})", f"len({items})", f"sum({items})",
            f"max({items})", f"min({items}, default={one})", f"sum(i for i in {items} if i > {one})", f"{items}[0]",
            f"(1, {one}, 5)[{two}]", f"helper({one}, {test})", f"helper(q={test}, p={two})",
            f"({when} - date(2001, 1, 1)).days", f"({when}).year", f"({when}).month", f"({when}).day", f"({when}).weekday()",
            f"next((i for i in {items} if i != {one}), {two})", "sum(bag['kg'] for bag in bags)", "bags[0]['kg']",
            f"sum(1 for i in {items} if {test})", f"int({test})", f"({test} + {one})", f"max(i * 2 for i in {items})",
        ], [
            f"({one} ** 2)", f"{items}[-1]", "math.floor(b0)", f"({when}).year", f"({when}).month", "date(2001, 1, 1).day",
            f"sorted([{one}, {two}, 3])[1]", f"sorted({items})[0]", f"round({one})", f"sum(sorted({items})[:2])",
            f"max({items}, key=abs)", f"len(range({one}))", f"divmod({one}, 4)[1]", f"len([i for i in {items} if i])",
        ])  # fmt: skip

    def _dec(self, depth: int) -> str:
        one, two = self.expression("dec", depth), self.expression("dec", depth)
        number = self.expression("int", depth)
        rounding = f"ROUND_{self.chance.choice(ROUNDINGS)}"
        return self.pick([
            *self._either("dec", depth), f"({one} + {two})", f"({one} - {two})", f"({one} * {two})", f"({one} * {number})",
            f"({one} / 8)", f"({one} / Decimal('0.25'))", f"({number} + {one})", f"(-{one})", f"abs({one})",
            f"min({one}, {two})", f"max({one}, {number})", f"{one}.quantize(CENT, {rounding})",
            f"{one}.quantize(Decimal('1'), rounding={rounding})", f"({one} * {two}).quantize(Decimal('1E+1'), {rounding})",
            f"{one}.to_integral_value(rounding={rounding})", f"Decimal({number})", f"half({one})",
            f"RATES[{self.expression('text', 0)}]", f"RATES.get({self.expression('text', 0)}, {one})",
            f"next((rate for low, rate in BANDS if {number} < low), {one})", f"sum((rate for low, rate in BANDS if low < {number}), Decimal('0'))",
            "sum((bag['fee'] or 0 for bag in bags), Decimal('0'))", "max((bag['fee'] for bag in bags if bag['fee'] is not None), default=x)",
        ], [
            f"({one} / {two})", f"({one} % 3)", f"({one} // 2)", f"round({one}, 2)", "sum(bag['kg'] * CENT for bag in bags)",
        ])  # fmt: skip

    def _bool(self, depth: int) -> str:
        kind = self.chance.choice(["int", "int", "dec", "date", "text"])
        one, two, three = (self.expression(kind, depth) for _ in range(3))
        operator, another = (self.chance.choice(["<", "<=", ">", ">=", "==", "!="]) for _ in range(2))
        if kind == "text":
            operator = another = self.chance.choice(["==", "!="])
        items, test = self.expression("list", depth), self.expression("bool", depth)
        null = self.chance.choice(["m", "y", "maybe", "due", "word", "who['age']"])
        return self.pick([
            *self._either("bool", depth), f"({one} {operator} {two})", f"({one} {operator} {two})", f"({one} {operator} {two} {another} {three})",
            f"(not {test})", f"({null} is None)", f"({null} is not None)", f"({null} is not None and {null} {'==' if null in ('maybe', 'due', 'word') else '>'} {'0'})",
            f"({one} in ({two}, {three}))", f"({one} not in [{two}, {three}])", f"any(i > {self.expression('int', 0)} for i in {items})",
            f"all(6 // i for i in {items})", f"({self.expression('int', depth)} in {items})", f"bool({one})", f"({self.expression('text', 0)} in RATES)",
        ], [
            f"({items} == {self.expression('list', 0)})", f"((day.month, day.day) < ({self.expression('int', 0)}, 15))",
            "(plan in {'GOLD', 'a'})", f"any({items})", "any(bag['fee'] is None for bag in bags)", f"(maybe is {self.chance.choice(['True', 'False'])})",
        ])  # fmt: skip

    def _date(self, depth: int) -> str:
        one, number = self.expression("date", depth), self.expression("int", depth)
        return self.pick([
            *self._either("date", depth), f"({one} + timedelta(days={number}))", f"({one} - timedelta(weeks={number}))",
            f"min({one}, {self.expression('date', depth)})",
        ], [
            f"date(({one}).year, {number}, 28)", f"date({number}, 2, 29)", f"{one}.replace(day=1)", f"({one} + timedelta({number}))",
        ])  # fmt: skip

    def _text(self, depth: int) -> str:
        return self.chance.choice(
            [*self._either("text", depth), f"{{'GOLD': 'a'}}.get({self.expression('text', depth)}, 'none')"]
        )

    def _list(self, depth: int) -> str:
        one = self.expression("int", depth)
        return self.pick([
            f"[{one}, {self.expression('int', depth)}]", f"[i + 1 for i in marks if i > {one}]", f"(marks + [{one}])",
            "[bag['kg'] for bag in bags]", "list(marks)", f"[{one}, 2, 3][1:]",
        ], [
            "sorted(marks)", "marks[1:]",
            f"[i for i, j in zip([1, 2, 3], [{one}, n]) if j]",
        ])  # fmt: skip


def program(seed: int) -> Program:
    """The program of a seed."""
    return assemble(_SPEC, Writer(seed).program())


_SPEC = parse_spec(SPEC)


def trials(count: int, seed: int = 7) -> list[Trial]:
    """Random and boundary inputs."""
    chance = random.Random(seed)

    def drawn() -> Iterator[tuple[str, object]]:
        yield "n", chance.choice([-40, 40, 0, 1, -1, 7, chance.randint(-40, 40)])
        yield "m", chance.choice([None, -3, -2, -1, 0, 0, 1, 2, 3])
        yield "k", chance.choice([0, 10_000_000, chance.randint(0, 10_000_000)])
        yield (
            "x",
            Decimal(chance.choice([chance.randint(-50_000, 50_000), 125, -125, 2500, -2500, 5, -5, 0, 50_000])).scaleb(
                -3
            ),
        )
        yield "y", chance.choice([None, Decimal(chance.randint(0, 90)).scaleb(-1), Decimal(0), Decimal("9")])
        yield "ok", chance.random() < 0.5
        yield "maybe", chance.choice([None, True, False])
        yield "day", chance.choice([date(2000, 2, 29), date(2023, 2, 28), date(1999, 12, 31), date(2001, 1, 1)]) + timedelta(chance.randint(-3, 3))  # fmt: skip
        yield (
            "due",
            chance.choice(
                [
                    None,
                    *(date.fromordinal(chance.choice([1, 3_652_059, chance.randint(1, 3_652_059)])) for _ in range(4)),
                ]
            ),
        )
        yield "plan", chance.choice(["GOLD", "SILVER", "BASIC"])
        yield "word", chance.choice(["", "a", "GOLD", "zzz", None])
        yield "marks", [chance.randint(-2, 2) for _ in range(chance.randint(0, 3))]
        yield (
            "bags",
            [
                {
                    "kg": chance.choice([0, 23, 50]),
                    "fee": chance.choice([None, Decimal(chance.randint(0, 9900)).scaleb(-2)]),
                }
                for _ in range(chance.randint(0, 2))
            ],
        )
        yield "who", {"age": chance.choice([None, 0, 17, 18, -1]), "vip": chance.random() < 0.5}

    return [Trial(f"t{number}", dict(drawn())) for number in range(count)]


def disagreement(seed: int, sandbox: Sandbox, drawn: list[Trial]) -> tuple[str, str]:
    """``("agrees" | "refused" | "differs" , why)`` for the program of a seed."""
    one = program(seed)
    try:
        translation = translate(one)
    except NotExpressible as error:
        return "refused", str(error)
    seen = sandbox.run(one.text, drawn, offset=one.offset, seed=0)
    if seen.loading is not None and seen.loading.error:
        return "differs", f"the program does not load: {seen.loading.error}"
    try:
        compared = check_agreement(translation, {trial.id: trial for trial in drawn}, seen.observations)
    except StageError as error:
        return "differs", str(error)
    return ("agrees", "") if compared else ("refused", "no run of it could be compared")


def main(count: int, first: int) -> int:
    """Print what became of so many programs; the number of disagreements."""
    found: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    with Sandbox(seeds=(0,)) as sandbox:
        drawn = trials(40)
        for seed in range(first, first + count):
            try:
                verdict, why = disagreement(seed, sandbox, drawn)
            except Exception as error:  # noqa: BLE001  (a fault of the translator is what is looked for)
                verdict, why = "differs", f"{type(error).__name__}: {error}"
            found[verdict] += 1
            if verdict == "refused":
                reasons[why.split(" (line")[0]] += 1
            elif verdict == "differs":
                print(f"seed {seed}: {why}\n{program(seed).logic[len(BEFORE) :]}", flush=True)
    print(dict(found), *(f"{number:5} {why}" for why, number in reasons.most_common(25)), sep="\n")
    return found["differs"]


if __name__ == "__main__":
    given = [int(text) for text in sys.argv[1:]]
    sys.exit(main(*{0: (2000, 0), 1: (*given, 0)}.get(len(given), given)) > 0)
