"""Units: mixed ones are found with line and both units, doubt is said, and nothing is called proved."""

from __future__ import annotations

import pytest

from ingot.compile.assemble import assemble
from ingot.errors import SpecError
from ingot.proof.invariants import InvariantVerdict, check_invariants
from ingot.proof.units import shown, unit_of
from ingot.runtime.sandbox import Trial
from ingot.spec import parse_spec

SPEC = """metadata: {{name: t}}
inputs:
  price: {{type: decimal, unit: USD, range: [0, 1000], places: 2}}
  other: {{type: decimal, unit: EUR, range: [0, 1000], places: 2}}
  weight: {{type: decimal, unit: kg, range: [0, 1000], places: 2}}
  rate: {{type: decimal, unit: USD/kg, range: [0, 1000], places: 2}}
  share: {{type: decimal, unit: "%", range: [0, 100], places: 2}}
  term: {{type: integer, unit: days, range: [0, 1000]}}
  start: date
  end: date
  bags: {{type: list, items: {{type: object, fields: {{kg: {{type: decimal, unit: kg}}, fee: {{type: decimal, unit: USD}}}}}}}}
logic_requirements:
  - step: rule
    type: function
    intent: x
    outputs: {{cost: {{type: decimal, unit: {unit}}}}}
invariants: {{unit_consistency: true}}
"""
ARGUMENTS = "price, other, weight, rate, share, term, start, end, bags"


def units(body: str, unit: str = "USD", before: str = "") -> InvariantVerdict:
    lines = "\n".join(f"    {line}" for line in body.split("\n"))
    program = assemble(parse_spec(SPEC.format(unit=unit)), f"{before}def rule({ARGUMENTS}):\n{lines}\n")

    def unused(trials: object) -> dict[str, object]:
        return {}

    none: tuple[Trial, ...] = ()
    (found,) = check_invariants(program, none, unused)  # type: ignore[arg-type]
    return found


CHECKED = {
    "a product": "return price + rate * weight",
    "a percentage": "return (price * share / 100).quantize(Decimal('0.01'), ROUND_HALF_UP)",
    "a literal takes any": "return max(price, Decimal('5.00')) if weight > 20 else 0",
    "a sum": "fee = Decimal('0')\nfor bag in bags:\n    if bag['kg'] > 23:\n        fee += bag['fee']\nreturn fee + sum(b['fee'] for b in bags)",
    "days": "late = (end - start).days\nreturn price if late > term else price * 2",
    "spans": "return price if start + timedelta(days=term) < end else 0",
    "bands": "for low, fee in BANDS:\n    if weight < low:\n        return fee\nreturn TABLE['a'] + price",
    "a function": "return twice(price) + twice(rate) * weight",
    "a match": "match bags:\n    case []:\n        total = price\n    case _:\n        total = price * 2\nreturn total",
}
BEFORE = "BANDS = ((10, Decimal('1')), (20, Decimal('2')))\nTABLE = {'a': Decimal('3')}\n\n\ndef twice(value):\n    return value + value\n\n\n"


@pytest.mark.parametrize("name", CHECKED)
def test_code_that_keeps_to_its_units_is_checked_not_proved(name: str) -> None:
    found = units(CHECKED[name], before=BEFORE)
    assert found.status == "checked", found.why


MIXED = {
    "a sum": ("return price + weight", "line 2 adds USD and kg"),
    "currencies": ("cost = price\ncost -= other\nreturn cost", "line 3 subtracts USD and EUR"),
    "a comparison": ("if term > weight:\n    return price\nreturn price", "line 2 compares days and kg"),
    "extremes": ("return max(price, other)", "line 2 compares USD and EUR"),
    "the output": ("return rate", "line 1 returns 'cost' between USD/kg and USD"),
    "a quotient": ("return price / weight + price", "line 2 adds USD/kg and USD"),
    "in a loop": ("total = price\nfor bag in bags:\n    total = total + bag['kg']\nreturn total", "line 4 adds USD and kg"),
    "carried round a loop": ("a = price\nb = price\nc = weight\nfor bag in bags:\n    a = b\n    b = c\n    if a > 5:\n        return price + c\nreturn price", "line 9 adds USD and kg"),
    "in a function": ("return add(price, weight)", "line 2 adds USD and kg"),
    "a span": ("return price if start + timedelta(days=int(weight)) < end else price", "line 2 makes a span of kg and days"),
}  # fmt: skip


@pytest.mark.parametrize("name", MIXED)
def test_a_mixture_is_found_with_its_line_and_both_units(name: str) -> None:
    body, why = MIXED[name]
    found = units(body, before="")
    if name == "in a function":
        found = units(body, before="def add(one, two):\n    return one + two\n\n\n")
    assert (found.status, found.why.split("; ")[0]) == ("counter-example", why)


DOUBT = {
    "a conversion": ("return price if (end - start).days // 365 * weight > weight * price else price", ""),
    "paths": ("one = price if term > 3 else weight\nreturn one + price", "depends on the path (line 3)"),
    "a literal may convert": ("return price + other * Decimal('1.1')", "may have converted one (line 2)"),
    "a while loop": ("while term > 3:\n    pass\nreturn price", "while statement (line 2)"),
    "truths": ("return price + (term > 3)", "no known unit"),
    "a lambda": ("return max(bags, key=lambda bag: bag['fee'])['fee']", ""),
}


@pytest.mark.parametrize("name", DOUBT)
def test_doubt_is_said_with_its_line(name: str) -> None:
    body, why = DOUBT[name]
    found = units(body)
    assert found.status == "not expressible"
    assert why in found.why


def test_every_number_needs_a_unit() -> None:
    text = SPEC.format(unit="USD").replace("weight: {type: decimal, unit: kg,", "weight: {type: decimal,")
    with pytest.raises(SpecError, match="'unit_consistency' needs a unit for 'weight'") as error:
        parse_spec(text)
    assert (error.value.place or "").startswith("spec.yaml:17:")
    assert "unit: 1" in (error.value.hint or "")


@pytest.mark.parametrize(
    ("text", "said"),
    [("USD", "USD"), ("USD/kg", "USD/kg"), ("1", "a pure number"), ("kg/m2", "kg/m2"), ("USD per day", "USD/days"),
     ("kg kg", "kg^2"), ("1/day", "1/days"), ("%", "percent")],
)  # fmt: skip
def test_units_are_read_and_shown(text: str, said: str) -> None:
    assert shown(unit_of(text)) == said
