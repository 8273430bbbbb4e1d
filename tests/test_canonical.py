"""Values as bytes: equal things have equal bytes, and no others do."""

from decimal import Decimal

import pytest

from ingot.canonical import canonical_json, equal_bytes


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (Decimal("100"), Decimal("100.00")),
        (Decimal("1E+2"), Decimal("100")),
        (Decimal("0.00"), Decimal("-0")),
        ({"a": [Decimal("1.50")]}, {"a": (Decimal("1.5"),)}),
    ],
)
def test_equal_values_have_equal_bytes(one: object, other: object) -> None:
    assert equal_bytes(one) == equal_bytes(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [(Decimal("1" * 40), Decimal("1" * 39 + "2")), (Decimal("100"), Decimal("10")), (True, 1), (None, ""), (1, "1")],
)
def test_other_values_have_other_bytes(one: object, other: object) -> None:
    assert equal_bytes(one) != equal_bytes(other)


def test_canonical_json_keeps_how_an_amount_is_written() -> None:
    assert (canonical_json(Decimal("100.00")), equal_bytes(Decimal("100.00"))) == (b'"100.00"', b'"100"')
