"""The field types, in one table: Python annotation, JSON Schema, validator, solver sort.

A `Field` is a name with a type and what is known about its values. Everything that depends on a type asks this
module: the assembled program's annotations, the JSON Schema of an artifact, run-time validation, input generation and
the encoding of values as JSON.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, date, datetime, timezone
from decimal import Decimal
from typing import Annotated, Any, Literal, NamedTuple

import pydantic
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    StrictBool,
    StrictInt,
    StrictStr,
    TypeAdapter,
)

TypeName = Literal["text", "integer", "decimal", "float", "boolean", "date", "datetime", "enum", "list", "object"]
Sensitivity = Literal["phi", "pii", "pan"]

MOST_DIGITS = 60
MOST_PLACES = 1_100
"""Places on either side of the point of a number that comes as text and becomes a float: no float is nearer to nothing."""
MOST_BITS = 10_000
"""Of a whole number, about 3,000 digits: Python writes none of more than 4,300."""
DEEPEST = 60
MONEY_UNITS = frozenset({"USD", "EUR", "GBP", "CAD", "AUD", "JPY", "CHF", "MYR", "RM", "$", "€", "£", "cents"})


class FieldType(NamedTuple):
    """One row of the table. `sort` is the solver's sort, None where no sound one exists."""

    annotation: str
    schema: Mapping[str, Any]
    sort: str | None


FIELD_TYPES: Mapping[str, FieldType] = {
    "text": FieldType("str", {"type": "string"}, "String"),
    "integer": FieldType("int", {"type": "integer"}, "Int"),
    "decimal": FieldType("Decimal", {"type": ["number", "string"], "format": "decimal"}, "Real"),
    "float": FieldType("float", {"type": "number"}, None),
    "boolean": FieldType("bool", {"type": "boolean"}, "Bool"),
    "date": FieldType("date", {"type": "string", "format": "date"}, "Int"),
    "datetime": FieldType("datetime", {"type": "string", "format": "date-time"}, "Int"),
    "enum": FieldType("str", {"type": "string"}, "Enum"),
    "list": FieldType("list", {"type": "array"}, None),
    "object": FieldType("dict", {"type": "object"}, None),
}


class Field(BaseModel):
    """A named, typed value. `minimum` and `maximum` are inclusive; `values` belongs to enums; `items` to lists;
    `fields` to objects. `adverse` names the enum values (or ``False`` for a boolean) that go against the person
    concerned. `places` is the number of decimal places a decimal may have; `min_length` and `max_length` bound a text's
    characters or a list's items.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    type: TypeName
    nullable: bool = False
    description: str = ""
    unit: str | None = None
    minimum: Decimal | date | None = None
    maximum: Decimal | date | None = None
    places: int | None = None
    min_length: int | None = None
    max_length: int | None = None
    pattern: str | None = None
    values: tuple[str, ...] = ()
    adverse: tuple[str, ...] = ()
    items: Field | None = None
    fields: tuple[Field, ...] = ()
    sensitive: Sensitivity | None = None

    @property
    def is_money(self) -> bool:
        """True where the unit is a currency."""
        return self.unit is not None and any(part in MONEY_UNITS for part in self.unit.replace("/", " ").split())


def class_name(*parts: str) -> str:
    """``CamelCase`` of snake or kebab words, for the type names of an assembled program."""
    words = "_".join(parts).replace("-", "_").split("_")
    return "".join(word[:1].upper() + word[1:] for word in words if word)


def walk(fields: Iterable[Field]) -> Iterator[tuple[str, Field]]:
    """Every field with its dotted path, nested ones after their parent; list items appear as ``name[]``."""
    for field in fields:
        yield field.name, field
        inner = field.fields if field.type == "object" else ()
        if field.type == "list" and field.items is not None:
            inner = (field.items.model_copy(update={"name": "[]"}),)
        for path, child in walk(inner):
            yield f"{field.name}{path}" if path.startswith("[]") else f"{field.name}.{path}", child


def annotation(field: Field, owner: str = "") -> str:
    """The field's Python annotation as text, for instance ``Decimal | None`` or ``list[BagsItem]``.

    Objects are named by `class_name(owner, field.name)`; `declarations` writes their ``TypedDict`` classes.
    """
    match field.type:
        case "enum":
            text = f"Literal[{', '.join(repr(value) for value in field.values)}]"
        case "list":
            assert field.items is not None
            text = f"list[{annotation(field.items, class_name(owner, field.name))}]"
        case "object":
            text = class_name(owner, field.name) if field.fields else "dict[str, object]"
        case scalar:
            text = FIELD_TYPES[scalar].annotation
    return f"{text} | None" if field.nullable else text


def declarations(fields: Iterable[Field], owner: str = "") -> list[str]:
    """``TypedDict`` classes for every object among the fields, innermost first."""
    lines: list[str] = []
    for field in fields:
        if field.type == "list" and field.items is not None:
            lines += declarations((field.items,), class_name(owner, field.name))
        if field.type == "object" and field.fields:
            name = class_name(owner, field.name)
            lines += declarations(field.fields, name)
            lines.append(typed_dict(name, field.fields))
    return lines


def typed_dict(name: str, fields: Iterable[Field], owner: str | None = None) -> str:
    """The source of one ``TypedDict``; nested types are named after `owner`, by default after the class itself."""
    rows = [f"    {field.name}: {annotation(field, name if owner is None else owner)}" for field in fields]
    return "\n".join([f"class {name}(TypedDict):", *(rows or ["    pass"])])


def json_schema(fields: Iterable[Field]) -> dict[str, Any]:
    """A JSON Schema (2020-12) of an object with these fields; nullable ones may be left out."""
    fields = tuple(fields)
    return {
        "type": "object",
        "properties": {field.name: field_schema(field) for field in fields},
        "required": [field.name for field in fields if not field.nullable],
        "additionalProperties": False,
    }


def field_schema(field: Field) -> dict[str, Any]:
    """A JSON Schema of one field's value."""
    schema: dict[str, Any] = dict(FIELD_TYPES[field.type].schema)
    if field.type == "enum":
        schema["enum"] = list(field.values)
    if field.type == "list" and field.items is not None:
        schema["items"] = field_schema(field.items)
    if field.type == "object" and field.fields:
        schema |= json_schema(field.fields)
    schema |= {
        key: value
        for key, value in (
            ("description", field.description or None),
            ("minItems" if field.type == "list" else "minLength", field.min_length),
            ("maxItems" if field.type == "list" else "maxLength", field.max_length),
            ("pattern", field.pattern),
        )
        if value is not None
    }
    if isinstance(field.minimum, Decimal):
        schema["minimum"] = float(field.minimum)
    if isinstance(field.maximum, Decimal):
        schema["maximum"] = float(field.maximum)
    return {"anyOf": [schema, {"type": "null"}]} if field.nullable else schema


# ---- validation --------------------------------------------------------------------------------------------------


def _decimal_in(value: object) -> object:
    """Numbers reach Decimal by their shortest text, so 0.1 is one tenth; a bool is not a number."""
    if type(value) is Decimal:
        return value
    if type(value) is bool:
        raise ValueError("a boolean is not a decimal")
    return repr(value) if type(value) is float else value


def _decimal_size(value: Decimal) -> Decimal:
    """Written out, ``1e999999999`` is a gigabyte of zeros."""
    _, digits, exponent = value.as_tuple()
    if len(digits) > MOST_DIGITS or abs(int(exponent)) > MOST_DIGITS:
        raise ValueError(f"a decimal has at most {MOST_DIGITS} digits")
    return value


def _encodable(value: str) -> str:
    """Half of a surrogate pair is no text: it could not be stored, logged or hashed."""
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError as error:
            raise ValueError("the text holds half of a surrogate pair") from error
    return value


def free_form(value: object, depth: int = 0) -> Any:
    """A value inside an object without fields: null, a boolean, a whole number, a text, or a list or object of these.

    Only what JSON gives back as it was has a place there. A number with a point has not: it comes in as a decimal or as a
    binary fraction, is kept as text, and without a type nothing says which of the three a rule should see again. Raises ValueError with the kind that has
    no place, never with the value.
    """
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return _integer_size(int(value))
    if isinstance(value, str):
        return _encodable(value)
    if depth > DEEPEST:
        raise ValueError("it is nested too deeply")
    if isinstance(value, Mapping):
        if not all(isinstance(key, str) for key in value):
            raise ValueError("it holds a key that is no text")
        return {_encodable(key): free_form(inner, depth + 1) for key, inner in value.items()}
    if isinstance(value, list):
        return [free_form(inner, depth + 1) for inner in value]
    kind = _KINDS.get(type(value), f"a {type(value).__name__}")
    raise ValueError(f"an object without fields holds {kind}; declare its 'fields', or write that as text")


_KINDS: Mapping[type, str] = {
    float: "a number with a point", Decimal: "a number with a point", date: "a date", datetime: "a date and time",
}  # fmt: skip


def _float_in(value: object) -> object:
    """Specs and the command line read numbers with a point as Decimal; a float field takes them as floats. What was given is kept
    as it came, so it is refused where written out it would be too long, though its float be 0."""
    if type(value) is not Decimal:
        return value
    if not written_out(value, MOST_PLACES):
        raise ValueError(f"a float has at most {MOST_PLACES:,} places")
    return float(value)


def _integer_size(value: int) -> int:
    """A longer one could be computed with, and neither recorded nor answered."""
    if value.bit_length() > MOST_BITS:
        raise ValueError("an integer has at most 3,000 digits")
    return value


def _date_in(value: object) -> object:
    """A date is an ISO text or a date; a datetime is not cut down to one."""
    if isinstance(value, datetime) or not isinstance(value, str | date) or _is_count(value):
        raise ValueError("expected a date as 'YYYY-MM-DD'")
    return value


def _datetime_in(value: object) -> object:
    if not isinstance(value, str | datetime) or _is_count(value):
        raise ValueError("expected a date and time as ISO 8601 text")
    return value


def _is_count(value: str | date) -> bool:
    """Whether a text has no year and month: the validator would take ``20240131`` for seconds since 1970."""
    return isinstance(value, str) and value[4:5] != "-"


def _plain_zone(value: datetime) -> datetime:
    """The same moment at a fixed offset of the standard library: the validator's own class of zones is unknown to the
    sandbox, and a rule must not see one class while it is proved and another when it runs."""
    offset = value.utcoffset()
    return value if offset is None else value.replace(tzinfo=timezone(offset) if offset else UTC, fold=0)


def _python_type(field: Field) -> Any:
    """The type that pydantic validates this field's values with."""
    bounds: dict[str, Any] = {"ge": field.minimum, "le": field.maximum}
    length: dict[str, Any] = {"min_length": field.min_length, "max_length": field.max_length}
    match field.type:
        case "text":
            limits = pydantic.Field(**length, pattern=field.pattern)
            kind: Any = Annotated[StrictStr, limits, AfterValidator(_encodable)]
        case "integer":
            kind = Annotated[StrictInt, pydantic.Field(**_as_int(bounds)), AfterValidator(_integer_size)]
            if None not in bounds.values():  # short enough already
                kind = Annotated[StrictInt, pydantic.Field(**_as_int(bounds))]
        case "decimal":
            limits = pydantic.Field(**bounds, allow_inf_nan=False, decimal_places=field.places)
            kind = Annotated[Decimal, limits, AfterValidator(_decimal_size), BeforeValidator(_decimal_in)]
        case "float":
            floats: dict[str, Any] = {key: None if v is None else float(v) for key, v in bounds.items()}
            limits = pydantic.Field(**floats)
            kind = Annotated[
                float, pydantic.Field(strict=True, allow_inf_nan=False), limits, BeforeValidator(_float_in)
            ]
        case "boolean":
            kind = StrictBool
        case "date":
            kind = Annotated[date, pydantic.Field(**bounds), BeforeValidator(_date_in)]
        case "datetime":
            kind = Annotated[datetime, AfterValidator(_plain_zone), BeforeValidator(_datetime_in)]
        case "enum":
            kind = Literal[field.values]
        case "list":
            assert field.items is not None
            kind = Annotated[list[_python_type(field.items)], pydantic.Field(strict=True, **length)]  # type: ignore[misc]
        case "object":
            kind = _object_type(field) if field.fields else Annotated[dict[str, Any], AfterValidator(free_form)]
    return kind | None if field.nullable else kind


def _object_type(field: Field) -> Any:
    """An object inside another value: rules read every key that its type names, so absent nullable ones become None."""
    nulls = {inner.name: None for inner in field.fields if inner.nullable}
    kind = _typed_dict_type(class_name(field.name), field.fields)
    if not nulls:
        return kind
    return Annotated[kind, BeforeValidator(lambda value: {**nulls, **value} if isinstance(value, Mapping) else value)]


def _as_int(bounds: dict[str, Any]) -> dict[str, Any]:
    return {key: None if value is None else int(value) for key, value in bounds.items()}


def _typed_dict_type(name: str, fields: Iterable[Field]) -> Any:
    import typing_extensions as typing  # pydantic asks for this TypedDict before Python 3.12

    typed_dict_of: Any = typing.TypedDict
    members = {
        field.name: typing.NotRequired[_python_type(field)] if field.nullable else _python_type(field)
        for field in fields
    }
    kind = typed_dict_of(name, members)
    kind.__pydantic_config__ = ConfigDict(extra="forbid")
    return kind


def validator(fields: Iterable[Field], name: str = "Inputs") -> TypeAdapter[dict[str, Any]]:
    """A compiled validator of an object with these fields. Unknown keys are errors; nullable keys may be absent."""
    return TypeAdapter(_typed_dict_type(name, tuple(fields)))


# ---- values as JSON ----------------------------------------------------------------------------------------------


LONGEST_PLAIN = 10_000
"""Places of a decimal beyond which it is written with its exponent: as many zeros could fill the memory. No field holds
such a number, but what does not fit a field is written too."""


def written_out(value: Decimal, most: int) -> bool:
    """Whether a decimal, written without an exponent, has about `most` places or fewer. Cheap: no digit is looked at."""
    return -most < value.adjusted() < most


def decimal_text(value: Decimal) -> str:
    """A decimal as text that reads back as the same number."""
    return format(value, "f") if written_out(value, LONGEST_PLAIN) else str(value)


def to_plain(value: object) -> Any:
    """A value as plain JSON: decimals and dates become text, tuples lists. Anything else is a TypeError."""
    if value is None or isinstance(value, str | bool | int | float):
        return value
    if isinstance(value, Decimal):
        return decimal_text(value)
    if isinstance(value, date):  # a datetime is a date
        return value.isoformat()
    if isinstance(value, Mapping):
        return {str(key): to_plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [to_plain(inner) for inner in value]
    raise TypeError(f"a {type(value).__name__} has no place in a workflow's values: {value!r}")
