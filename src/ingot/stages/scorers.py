"""Field scorers: how near an output is to what was expected, between 0 and 1. All deterministic, none a model."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from ingot.fields import Field, to_plain
from ingot.plain import plain_text
from ingot.spec import Scorer

Score = Callable[[Any, Any, Scorer], float]


def exact(found: Any, expected: Any, _: Scorer) -> float:
    """1.0 where the values are equal and of one kind (``True`` is not ``1``); decimals compare by value."""
    if isinstance(found, bool) is not isinstance(expected, bool):
        return 0.0
    return float(found == expected)


def numeric(found: Any, expected: Any, scorer: Scorer) -> float:
    """1.0 where the numbers differ by at most `tolerance`."""
    if found is None or expected is None:
        return float(found is expected)
    try:
        return float(abs(Decimal(str(found)) - Decimal(str(expected))) <= Decimal(scorer.tolerance))
    except InvalidOperation:
        return 0.0


def same_date(found: Any, expected: Any, _: Scorer) -> float:
    """1.0 where both are the same day, whether given as dates or ISO text."""

    def day(value: Any) -> date | None:
        if isinstance(value, datetime):
            return value.date()
        try:
            return value if isinstance(value, date) else date.fromisoformat(str(value)[:10])
        except ValueError:
            return None

    return float(day(found) is not None and day(found) == day(expected)) if expected is not None else float(not found)


def normalised_text(found: Any, expected: Any, _: Scorer) -> float:
    """1.0 where the texts are equal after case folding and collapsing white space."""
    if not isinstance(found, str) or not isinstance(expected, str):
        return float(found == expected)
    return float(" ".join(found.casefold().split()) == " ".join(expected.casefold().split()))


def plain(found: Any, expected: Any, _: Scorer) -> float:
    """1.0 where the texts have the same letters and digits in one order, whatever their case, blanks and punctuation; where they
    have none, where they are the same but for blanks at the ends."""
    if not isinstance(found, str) or not isinstance(expected, str):
        return float(found == expected)
    one, two = (plain_text(text) or text.strip() for text in (found, expected))
    return float(one == two)


def amount(found: Any, expected: Any, scorer: Scorer) -> float:
    """1.0 where two texts are the same amount, whatever their currency, blanks and commas between thousands; as ``plain``
    where one of them is no amount."""
    if not isinstance(found, str) or not isinstance(expected, str):
        return float(found == expected)
    one, two = read_amount(found), read_amount(expected)
    return plain(found, expected, scorer) if one is None or two is None else float(one == two)


def read_amount(text: str) -> Decimal | None:
    """The amount that a text is, with a point before its decimals; brackets or a dash say that it is below zero. None where
    it is none."""
    clean = re.sub(r"[^0-9.,()-]", "", text)
    digits = clean.strip("()-").replace(",", "")
    try:
        value = Decimal(digits) if digits else None
    except InvalidOperation:
        return None
    return -value if value is not None and clean.startswith(("(", "-")) else value


def as_set(found: Any, expected: Any, _: Scorer) -> float:
    """F1 of the distinct items, order ignored; 0.0 for what is no list."""
    if not _are_lists(found, expected):
        return 0.0
    return _f1(Counter(set(map(_key, found or ()))), Counter(set(map(_key, expected or ()))))


def as_list(found: Any, expected: Any, _: Scorer) -> float:
    """The share of positions that agree, of the longer list; 0.0 for what is no list."""
    if not _are_lists(found, expected):
        return 0.0
    found, expected = list(found or ()), list(expected or ())
    longest = max(len(found), len(expected))
    agree = sum(_key(a) == _key(b) for a, b in zip(found, expected, strict=False))
    return 1.0 if longest == 0 else agree / longest


def _are_lists(*values: Any) -> bool:
    """Whether all are lists or null: what is scored need not be of its field's type, as an answer of a changed program."""
    return all(value is None or isinstance(value, list | tuple) for value in values)


def _key(value: Any) -> str:
    return repr(to_plain(value))


def _f1(found: Counter[str], expected: Counter[str]) -> float:
    if not found and not expected:
        return 1.0
    return 2 * (found & expected).total() / (found.total() + expected.total())


SCORERS: Mapping[str, Score] = {
    "exact": exact,
    "numeric": numeric,
    "date": same_date,
    "text": normalised_text,
    "plain": plain,
    "amount": amount,
    "set": as_set,
    "list": as_list,
}
_BY_TYPE = {"integer": "numeric", "decimal": "numeric", "float": "numeric", "date": "date", "list": "list"}


def scorer_of(field: Field, stated: Mapping[str, Scorer]) -> Scorer:
    """The scorer that the spec states for a field, or the one of its type: numbers numeric, lists by position."""
    if field.name in stated:
        return stated[field.name]
    return Scorer(scorer=_BY_TYPE.get(field.type, "exact"))


def score(field: Field, found: Any, expected: Any, stated: Mapping[str, Scorer]) -> float:
    """The score of one output field, between 0 and 1."""
    scorer = scorer_of(field, stated)
    return SCORERS[scorer.scorer](found, expected, scorer)
