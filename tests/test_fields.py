"""Field types: what fits, how values look as JSON, and what the assembled types say."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from ingot.canonical import canonical_json
from ingot.fields import (
    FIELD_TYPES,
    Field,
    annotation,
    declarations,
    field_schema,
    json_schema,
    to_plain,
    validator,
    walk,
)
from ingot.store.encoding import encoded

LINE = Field(
    name="item",
    type="object",
    fields=(Field(name="code", type="text"), Field(name="units", type="integer", nullable=True)),
)


def fits(field: Field, value: Any) -> Any:
    return validator((field,)).validate_python({field.name: value})[field.name]


def field(kind: str, **settings_: Any) -> Field:
    return Field(name="a", type=kind, **settings_)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("one", "value", "expected"),
    [
        (field("text"), "", ""),
        (field("integer"), 3, 3),
        (field("integer", minimum=Decimal(3), maximum=Decimal(3)), 3, 3),
        (field("decimal"), 0.1, Decimal("0.1")),
        (field("decimal"), "0.10", Decimal("0.10")),
        (field("decimal"), 3, Decimal(3)),
        (field("float"), Decimal("0.1"), 0.1),
        (field("float"), 1, 1.0),
        (field("boolean"), False, False),
        (field("date"), "2024-02-29", date(2024, 2, 29)),
        (field("datetime"), "2024-02-29T10:00:00Z", datetime(2024, 2, 29, 10, tzinfo=UTC)),
        (field("enum", values=("yes", "no")), "no", "no"),
        (field("list", items=field("decimal")), [0.1], [Decimal("0.1")]),
        (field("list", items=LINE), [{"code": "x"}], [{"code": "x", "units": None}]),
        (field("object", fields=LINE.fields), {"code": "x", "units": None}, {"code": "x", "units": None}),
        (field("object"), {"free": 1}, {"free": 1}),
        (field("integer", nullable=True), None, None),
    ],
)
def test_values_that_fit(one: Field, value: Any, expected: Any) -> None:
    fitted = fits(one, value)
    assert fitted == expected
    assert type(fitted) is type(expected)


@pytest.mark.parametrize("text", ["2024-02-29T10:00:00Z", "2024-02-29T10:00:00+05:30", "2024-02-29T10:00:00"])
def test_a_moment_has_a_zone_of_the_standard_library(text: str) -> None:
    fitted = fits(field("datetime"), text)
    assert fitted == datetime.fromisoformat(text)
    assert type(fitted.tzinfo) is type(datetime.fromisoformat(text).tzinfo)


@pytest.mark.parametrize(
    ("one", "value"),
    [
        (field("text"), 3), (field("text"), None), (field("text", max_length=2), "abc"), (field("text", pattern="^a$"), "b"),
        (field("text"), "\ud800"), (field("integer"), True), (field("integer"), 3.0), (field("integer"), "3"),
        (field("integer", minimum=Decimal(4)), 3), (field("decimal"), True), (field("decimal"), "NaN"),
        (field("decimal"), "sNaN"), (field("decimal"), "Infinity"), (field("decimal"), float("nan")), (field("decimal"), "x"),
        (field("decimal"), "1e999999999"), (field("decimal"), "1e-999999999"), (field("decimal"), "0e999999"),
        (field("decimal"), "1" * 61), (field("decimal", places=2), "0.001"), (field("decimal", maximum=Decimal(1)), "1.01"),
        (field("float"), float("inf")), (field("float"), True), (field("float"), "1"), (field("boolean"), 1),
        (field("boolean"), "true"), (field("date"), "2024-02-30"), (field("date"), datetime(2024, 1, 1)), (field("date"), 3),
        (field("date", minimum=date(2024, 1, 1)), "2023-12-31"), (field("datetime"), 3), (field("datetime"), "yesterday"),
        (field("enum", values=("a",)), "A"), (field("list", items=field("text")), ("a",)), (field("list", items=field("text")), [1]),
        (field("list", items=field("text"), max_length=1), ["a", "b"]), (field("object", fields=LINE.fields), {"code": "x", "y": 1}),
        (field("object", fields=LINE.fields), {}),
    ],
)  # fmt: skip
def test_values_that_do_not_fit(one: Field, value: Any) -> None:
    with pytest.raises(ValidationError):
        fits(one, value)


@pytest.mark.parametrize("kind", ["date", "datetime"])
@pytest.mark.parametrize("text", ["0", "86400", "-86400", "20240131", "1700000000", "86400.0"])
def test_a_text_that_counts_seconds_is_no_date(kind: str, text: str) -> None:
    with pytest.raises(ValidationError, match="expected a date"):
        fits(field(kind), text)


def test_a_number_that_cannot_be_written_out_fits_no_field() -> None:
    for number in ("1e-999999999", "0e-999999999", "1e999999999"):
        for kind in ("float", "decimal"):
            with pytest.raises(ValidationError):
                fits(field(kind), Decimal(number))
    assert fits(field("float"), Decimal("5e-324")) == 5e-324
    for value in (10**5_000, -(10**5_000)):
        with pytest.raises(ValidationError, match="at most 3,000 digits"):
            fits(field("integer"), value)
        with pytest.raises(ValidationError, match="at most 3,000 digits"):
            fits(field("object"), {"a": value})
    assert fits(field("integer"), 10**3_000) == 10**3_000


def test_what_fits_no_field_is_written_without_its_zeros() -> None:
    for number in ("1E+999999999", "-1E-999999999", "0E-999999999"):
        assert to_plain(Decimal(number)) == number
        assert encoded([Decimal(number)]) == canonical_json([Decimal(number)]) == json.dumps([number]).encode()
    assert to_plain(Decimal("1E+60")) == "1" + "0" * 60


def test_unknown_keys_are_errors_and_nullable_ones_may_be_absent() -> None:
    check = validator((field("text", nullable=True),))
    assert check.validate_python({}) == {}
    with pytest.raises(ValidationError):
        check.validate_python({"b": 1})


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.decimals(allow_nan=False, allow_infinity=False, places=4, min_value=-(10**20), max_value=10**20))
def test_decimals_survive_json(value: Decimal) -> None:
    text = json.loads(canonical_json({"a": value}))["a"]
    assert fits(field("decimal"), text) == value
    assert "e" not in text.lower()


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text() | st.dates(),
        lambda v: st.lists(v) | st.dictionaries(st.text(), v),
    )
)
@settings(max_examples=100, deadline=None, derandomize=True)
def test_plain_values_are_json(value: Any) -> None:
    json.dumps(to_plain(value), allow_nan=False)


@pytest.mark.parametrize("value", [object(), b"x", {1, 2}, 1j])
def test_other_values_have_no_json(value: Any) -> None:
    with pytest.raises(TypeError, match="no place in a workflow"):
        to_plain(value)


def test_annotations_name_the_types() -> None:
    bags = field("list", items=LINE)
    assert annotation(bags) == "list[AItem]"
    assert annotation(field("decimal", nullable=True)) == "Decimal | None"
    assert annotation(field("enum", values=("a'b",))) == 'Literal["a\'b"]'
    assert annotation(field("object")) == "dict[str, object]"
    (source,) = declarations((bags,))
    assert source == "class AItem(TypedDict):\n    code: str\n    units: int | None"


def test_walk_names_inner_fields() -> None:
    assert [path for path, _ in walk((field("list", items=LINE),))] == ["a", "a[]", "a[].code", "a[].units"]


def test_every_type_has_a_schema() -> None:
    fields = tuple(
        Field(
            name=f"f_{kind}", type=kind, values=("x",) if kind == "enum" else (), items=LINE if kind == "list" else None
        )
        for kind in FIELD_TYPES  # type: ignore[misc]
    )
    schema = json_schema(fields)
    assert set(schema["properties"]) == {f"f_{kind}" for kind in FIELD_TYPES}
    assert schema["properties"]["f_list"]["items"]["required"] == ["code"]
    assert schema["additionalProperties"] is False


def test_money_is_known_by_its_unit() -> None:
    assert field("decimal", unit="USD").is_money
    assert field("decimal", unit="USD/month").is_money
    assert not field("decimal", unit="kg").is_money


def test_lengths_are_bounded_on_both_sides() -> None:
    size = Field(name="size", type="list", items=Field(name="item", type="integer"), min_length=3, max_length=3)
    check = validator([size])
    assert check.validate_python({"size": [1, 2, 3]}) == {"size": [1, 2, 3]}
    for wrong in ([1, 2], [1, 2, 3, 4], []):
        with pytest.raises(ValidationError):
            check.validate_python({"size": wrong})
    assert field_schema(size)["minItems"] == field_schema(size)["maxItems"] == 3
    word = Field(name="word", type="text", min_length=2)
    assert field_schema(word)["minLength"] == 2
    with pytest.raises(ValidationError):
        validator([word]).validate_python({"word": "a"})
