"""Expressions in words: what each says, and that what has no sure words is shown as the code it is."""

from __future__ import annotations

import ast

import pytest

from ingot.fields import Field
from ingot.readback.nouns import quoted
from ingot.readback.render import shown_code
from ingot.readback.words import Words

FIELDS = {
    field.name: field
    for field in (
        Field(name="age_years", type="integer", unit="years"),
        Field(name="weight", type="decimal", unit="kg"),
        Field(name="a1c", type="decimal", nullable=True, unit="%"),
        Field(name="fee", type="decimal", unit="USD"),
        Field(name="member", type="boolean"),
        Field(name="maybe", type="boolean", nullable=True),
        Field(name="born", type="date"),
        Field(name="seen", type="datetime"),
        Field(name="zone", type="enum", values=("A", "B", "In town")),
        Field(name="note", type="text"),
        Field(name="remark", type="text", nullable=True),
        Field(name="bags", type="list", items=Field(name="bag", type="integer")),
        Field(name="place", type="object", fields=(Field(name="miles", type="integer", unit="mi"), Field(name="near", type="boolean"))),
    )
}  # fmt: skip
WORDS = Words(FIELDS, frozenset({"eligible"}))


def parsed(source: str) -> ast.expr:
    return ast.parse(source, mode="eval").body


def plain(words: str) -> str:
    return shown_code(words, str, lambda source: f"`{source}`")


@pytest.mark.parametrize(
    ("source", "is_so", "is_not"),
    [
        ("age_years < 18", "age_years is under 18", "age_years is at least 18"),
        ("weight >= Decimal('6.5')", "weight is at least 6.5 kg", "weight is under 6.5 kg"),
        ("18 <= age_years", "age_years is at least 18", "age_years is under 18"),
        ("18 <= age_years < 65", "age_years is at least 18 and age_years is under 65", "age_years is under 18 or age_years is at least 65"),
        ("a1c is None", "a1c is missing", "a1c is known"),
        ("a1c is not None and a1c > 3", "a1c is known and a1c is over 3 %", "a1c is missing or a1c is at most 3 %"),
        ("member", "member is true", "member is false"),
        ("not member", "member is false", "member is true"),
        ("eligible", "eligible is true", "eligible is false"),
        ("member and (age_years > 3 or eligible)", "member is true and (age_years is over 3 or eligible is true)",
         "member is false or (age_years is at most 3 and eligible is false)"),
        ("born < date(2026, 1, 31)", "born is before 2026-01-31", "born is on or after 2026-01-31"),
        ("born <= seen", "born is on or before seen", "born is after seen"),
        ("zone == 'A'", "zone is A", "zone is not A"),
        ("zone != 'In town'", 'zone is not "In town"', 'zone is "In town"'),
        ("zone in ('A', 'B')", "zone is one of A or B", "zone is none of A and B"),
        ("zone not in ('A',)", "zone is not A", "zone is A"),
        ("'x' in note", '"x" occurs in note', '"x" does not occur in note'),
        ("bags", "bags is not empty", "bags is empty"),
        ("note", "note is not empty", "note is empty"),
        ("note.startswith('AB')", "note begins with AB", "note does not begin with AB"),
        ("any(bag > 3 for bag in bags)", "for some bag in bags, (bag is over 3)", "for every bag in bags, (bag is at most 3)"),
        ("place['miles'] > 3", "the miles of place is over 3", "the miles of place is at most 3"),
        ("place['near']", "the near of place is true", "the near of place is false"),
        ("True", "always", "never"),
        ("not (not (member or eligible)) and zone == 'A'", "(member is true or eligible is true) and zone is A",
         "(member is false and eligible is false) or zone is not A"),
        ("note in 'abc'", 'note occurs in "abc"', 'note does not occur in "abc"'),
        # without sure words: null is not false, and a number's truth is not said
        ("maybe", "`maybe` holds", "`maybe` does not hold"),
        ("remark", "`remark` holds", "`remark` does not hold"),
        ("age_years", "`age_years` holds", "`age_years` does not hold"),
        ("re.search('a+', note)", "`re.search('a+', note)` holds", "`re.search('a+', note)` does not hold"),
    ],
)  # fmt: skip
def test_conditions_both_ways(source: str, is_so: str, is_not: str) -> None:
    assert plain(WORDS.condition(parsed(source))) == is_so
    assert plain(WORDS.condition(parsed(source), False)) == is_not


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("fee * Decimal('0.015')", "1.5 % of fee"),
        ("Decimal('0.20') * fee", "20 % of fee"),
        ("fee * Decimal('1.5')", "fee times 1.5"),
        (
            "(fee * Decimal('0.5')).quantize(Decimal('0.01'), ROUND_HALF_UP)",
            "(50 % of fee) rounded half up to 2 decimals",
        ),
        ("fee.quantize(Decimal('1'), rounding=ROUND_FLOOR)", "fee rounded down to a whole number"),
        ("fee.quantize(Decimal('0.1'))", "fee rounded half to even to 1 decimal"),
        ("fee.quantize(Decimal('1E+2'))", "`fee.quantize(Decimal('1E+2'))`"),
        ("fee.quantize(step)", "`fee.quantize(step)`"),
        ("max(fee, Decimal('5.00'))", "the larger of fee and 5.00"),
        ("min(fee, weight, 3)", "the smallest of fee, weight and 3"),
        ("max(bags, key=len)", "`max(bags, key=len)`"),
        ("fee + weight + 3", "fee plus weight plus 3"),
        ("fee - (weight - 3)", "fee minus (weight minus 3)"),
        ("fee - weight - 3", "(fee minus weight) minus 3"),
        ("(fee + 3) * weight", "(fee plus 3) times weight"),
        ("-fee / 2", "(minus fee) divided by 2"),
        ("age_years // 7", "age_years divided by 7, rounded down"),
        ("age_years % 7", "what is left of age_years divided by 7"),
        ("(born - date(2026, 1, 1)).days", "the days from 2026-01-01 to born"),
        ("(seen - seen).days", "`(seen - seen).days`"),
        ("born + timedelta(days=30)", "born plus (30 days)"),
        ("born.year", "the year of born"),
        ("fee if member else Decimal('0')", "fee if member is true, otherwise 0"),
        ("[fee, 3]", "the list of fee and 3"),
        ("TABLE.get(zone, 100)", "the entry of TABLE for zone (100 where there is none)"),
        ("TABLE[zone]", "the entry of TABLE for zone"),
        ("sum(bag + 1 for bag in bags)", "the sum of ((bag plus 1) for each bag in bags)"),
        ("sorted(bags, reverse=True)[0]", "item 1 of (bags from the largest to the smallest)"),
        ("bags[-1]", "the last item of bags"),
        ("None", "nothing"),
        ("Decimal('1E+99999999')", "1E+99999999"),
        ("lambda x: x", "`lambda x: x`"),
        ("f'{note}!'", "`f'{note}!'`"),
        ("not remark", "whether `remark` does not hold"),
        ("note or 'x'", "`note or 'x'`"),
    ],
)
def test_values(source: str, words: str) -> None:
    assert plain(WORDS.value(parsed(source))) == words


def test_quoted_code_is_counted() -> None:
    assert quoted(WORDS.condition(parsed("maybe and re.search('a', note)"))) == 2
    assert quoted(WORDS.condition(parsed("member"))) == 0


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("age_years // 2", "age_years divided by 2, rounded down"),
        ("weight // 2", "`weight // 2`"),  # of decimals it goes towards zero
        ("weight % 2", "`weight % 2`"),
        ("note[:3]", "the first 3 of note"),
        ("note[:-1]", "`note[:-1]`"),
        ("note[:age_years]", "the first age_years of note (below zero: all but so many of the last)"),
        ("bags[0]", "item 1 of bags"),
        ("rates[1]", "`rates[1]`"),  # perhaps a table, whose key 1 is not its item 2
    ],
)
def test_what_is_true_of_some_kinds_alone_is_said_of_those(source: str, said: str) -> None:
    assert plain(WORDS.value(parsed(source))) == said
