"""The spec reference, from the published JSON Schema: every key with its type, default and meaning."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ingot.spec import spec_schema
from ingot.spec_words import MEANINGS, properties_of
from pieces import code, table

TITLES = {
    "Spec": "A spec",
    "Metadata": "metadata",
    "Field": "A field",
    "Clause": "A clause",
    "Step": "A step",
    "Table": "A decision table",
    "Budget": "A budget",
    "Limits": "Limits of a budget",
    "Rung": "A fallback",
    "Gates": "Gates of a step",
    "Case": "A case",
    "Scorer": "A scorer",
    "Thresholds": "thresholds",
    "Invariant": "An invariant",
    "Override": "An override",
    "Choice": "plan",
    "Drift": "drift",
}

_HEAD = """# Spec reference

Every key of a spec, from the JSON Schema that `ingot schema` prints. What the keys are for is told in [Specs](../spec.md),
[Bounded steps](../bounded.md) and [Decision tables](../tables.md); the settings of modules, under `with`, in the
[library reference](library.md). An unknown key is an error. **required** stands where there is no default.
"""


def spec_page() -> str:
    """The page as Markdown."""
    schema = spec_schema()
    parts = [_HEAD]
    for name in MEANINGS:
        definition = schema if name == "Spec" else schema["$defs"][name]
        parts.append(f"## {TITLES[name]} {{#{name.lower()}}}\n\n{_keys(definition, _required(definition))}\n")
    return "\n".join(parts)


def _required(definition: Mapping[str, Any]) -> set[str]:
    forms = (definition, *definition.get("anyOf", ()))
    return {key for form in forms for key in form.get("required", ())}


def _keys(definition: Mapping[str, Any], required: set[str]) -> str:
    rows = [
        (code(key), type_text(one), "**required**" if key in required else _default(one), one["description"])
        for key, one in properties_of(definition).items()
    ]
    return table(("key", "type", "default", "meaning"), rows)


def _default(one: Mapping[str, Any]) -> str:
    forms = (one, *one.get("anyOf", ()))
    found = next((form["default"] for form in forms if "default" in form), None)
    if found in (None, "", [], {}):
        return ""
    if isinstance(found, Mapping):  # a part of its own, whose section has the defaults of its keys
        return "its own"
    return code(found if isinstance(found, str) else json.dumps(found))


def type_text(one: Mapping[str, Any]) -> str:
    """A type of the schema in words, with links to the sections of this page."""
    if "$ref" in one:
        name = str(one["$ref"]).rpartition("/")[2]
        return f"[{TITLES[name]}](#{name.lower()})"
    if "enum" in one:
        return " ".join(code(str(value)) for value in one["enum"])
    if "const" in one:
        return code(one["const"] if isinstance(one["const"], str) else json.dumps(one["const"]))
    if "anyOf" in one:
        forms = dict.fromkeys(type_text(form) for form in one["anyOf"])
        return " or ".join(form for form in forms if form != "null") or "null"
    kind = one.get("type")
    if isinstance(kind, list):
        return " or ".join(str(name) for name in kind if name != "null")
    if kind == "array":
        return f"list of ({type_text(one['items'])})" if one.get("items") else f"list{_bounds(one)}"
    if kind == "object":
        return _object_text(one)
    return f"{kind}{_bounds(one)}"


def _object_text(one: Mapping[str, Any]) -> str:
    inner = one.get("additionalProperties")
    if isinstance(inner, Mapping):
        return f"mapping of name to ({type_text(inner)})"
    named = one.get("properties", {})
    if "properties" in named:
        return "a JSON Schema"
    return f"mapping with {', '.join(code(key) for key in named)}" if named else "mapping"


_BOUNDS = {
    "minimum": "≥ {}", "exclusiveMinimum": "> {}", "maximum": "≤ {}", "exclusiveMaximum": "< {}",
    "minLength": "{} or more characters", "maxLength": "{} characters at most", "minItems": "at least {}",
    "maxItems": "at most {}",
}  # fmt: skip


def _bounds(one: Mapping[str, Any]) -> str:
    said = [text.format(one[key]) for key, text in _BOUNDS.items() if key in one]
    said += [str(one["format"])] if "format" in one else []
    said = [text.replace("1 or more characters", "not empty") for text in said]
    return f", {', '.join(said)}" if said else ""
