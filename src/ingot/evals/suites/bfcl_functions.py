"""Function documents → typed fields, and outputs → calls.

A parameter becomes a nullable output: null is "not in the text". A call with a required parameter at null is not made. A
``float`` is a decimal in a spec, since 6.1 percent is 0.061 there, and becomes a float again in the call.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from ingot.fields import Field, validator
from ingot.names import broken_spelling
from ingot.spec import fields_from

_TYPES = {
    "string": "text", "any": "text", "integer": "integer", "float": "decimal", "boolean": "boolean", "array": "list",
    "tuple": "list", "dict": "object",
}  # fmt: skip
LONGEST_NAME = 60


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter under its own `name`, and as the output `field` of a spec (its written form in `form`)."""

    name: str
    field: str
    required: bool
    form: Mapping[str, Any]

    def fits(self, value: Any) -> bool:
        """Whether a value is of the declared type."""
        (field,) = (Field(**one) for one in fields_from([{**self.form, "name": self.field}]))
        plain = str(value) if field.type == "decimal" and isinstance(value, float) else value
        try:
            validator((field,)).validate_python({self.field: plain})
        except ValidationError:
            return False
        return True


@dataclass(frozen=True, slots=True)
class Function:
    """A function that may be called: its `name`, what it does, its parameters, and the step that reads them."""

    name: str
    description: str
    step: str
    parameters: tuple[Parameter, ...]

    def call(self, output: Mapping[str, Any]) -> dict[str, Any] | None:
        """The arguments of the call that an output says, nulls left out; None where a required one is null."""
        found: dict[str, Any] = {}
        for one in self.parameters:
            value = _argument(output.get(one.field), one.form)
            if value is not None:
                found[one.name] = value
            elif one.required:
                return None
        return found


def read_functions(documents: Sequence[Mapping[str, Any]]) -> tuple[Function, ...]:
    """The functions of their documents, with field and step names that are unique among them all."""
    taken = Counter(_spelled(name) for one in documents for name in one["parameters"]["properties"])
    steps: set[str] = set()
    fields: set[str] = set()
    return tuple(_function(one, taken, steps, fields) for one in documents)


def _function(document: Mapping[str, Any], taken: Counter[str], steps: set[str], fields: set[str]) -> Function:
    name = document["name"]
    short = re.sub(r"\W", "_", name.rpartition(".")[2])
    parameters = document["parameters"]
    found = []
    for theirs, schema in parameters["properties"].items():
        plain = _spelled(theirs)
        # an input is called so, and names that several functions have would be set twice
        wanted = plain if taken[plain] == 1 and plain not in ("query", "function") else f"{short}_{plain}"
        required = theirs in parameters.get("required", ())
        found.append(Parameter(theirs, _unique(wanted, fields), required, _form(schema, required)))
    return Function(name, _words(document.get("description", "")), _unique(f"read_{short}", steps), tuple(found))


def _form(schema: Mapping[str, Any], required: bool) -> dict[str, Any]:
    """A parameter's field without its name; what a type cannot say goes into the description."""
    said = [_words(schema.get("description", "")).rstrip("."), _choices(schema)]
    need = "required: null where the text lacks it" if required else "optional: null unless the text says it"
    text = f"{'; '.join(part for part in said if part)} ({need})"
    return {**_typed(schema), "nullable": True, "description": text}


def _typed(schema: Mapping[str, Any]) -> dict[str, Any]:
    kind = _TYPES.get(str(schema.get("type")), "text")
    if kind == "list":
        inner = {"enum": schema["enum"]} if schema.get("enum") else {}
        return {"type": "list", "items": _typed({"type": "string", **schema.get("items", {}), **inner})}
    if kind == "text" and _is_enum(schema):
        return {"type": "enum", "values": list(dict.fromkeys(schema["enum"]))}
    members = schema.get("properties") or {}
    if kind == "object" and members and not any(broken_spelling(name) for name in members):
        return {"type": "object", "fields": [{"name": name, **_form(one, False)} for name, one in members.items()]}
    return {"type": kind}


def _is_enum(schema: Mapping[str, Any]) -> bool:
    return bool(schema.get("enum")) and all(isinstance(one, str) and one for one in schema["enum"])


def _choices(schema: Mapping[str, Any]) -> str:
    """The values that are allowed, where the type does not name them: those of numbers."""
    typed = _TYPES.get(str(schema.get("type"))) == "list" or _is_enum(schema)
    values = schema.get("enum") or ()
    return "" if typed or not values else f"one of {', '.join(map(str, values))}"


def _spelled(name: str) -> str:
    """A parameter's name as a field may be called."""
    if not broken_spelling(name):
        return name
    plain = re.sub(r"[^A-Za-z0-9_]", "_", name).strip("_") or "value"
    plain = plain if plain[0].isalpha() else f"p_{plain}"
    return f"{plain}_value" if broken_spelling(plain) else plain


def _unique(wanted: str, taken: set[str]) -> str:
    """`wanted`, or with a number where it is taken, cut to the length of a name."""
    wanted = wanted[:LONGEST_NAME]
    name, number = wanted, 2
    while name in taken or broken_spelling(name):
        name, number = f"{wanted[: LONGEST_NAME - 4]}_{number}", number + 1
    taken.add(name)
    return name


def _argument(value: Any, form: Mapping[str, Any]) -> Any:
    """A field's value as an argument: decimals as floats, objects without the keys that are null."""
    if value is None:
        return None
    if form["type"] == "decimal":
        return float(value)
    if form["type"] == "list":
        return [_argument(one, form["items"]) for one in value]
    if form["type"] == "object" and isinstance(value, Mapping):
        members = {one["name"]: one for one in form.get("fields", ())}
        inner = ((key, _argument(one, members[key]) if key in members else one) for key, one in value.items())
        return {key: one for key, one in inner if one is not None}
    return value


def _words(text: str) -> str:
    return " ".join(str(text).split())
