"""What the modules have in common: the shape of settings, placeholders, masks, parts of JSON, and calls over HTTP.

A copied module holds these lines in place of its import of them (`ingot.library.standalone`), so this file, too,
imports the standard library only, and no name here may be one that a module gives to something else.
"""

from __future__ import annotations

import json
import random
import re
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

Perform = Callable[[Mapping[str, Any]], dict[str, Any]]
_PLACEHOLDER = re.compile(r"\{([A-Za-z_]\w*)\}")
_ENV_NAME = re.compile(r"[A-Z_][A-Z0-9_]{0,99}")
_KINDS: Mapping[str, tuple[str, Callable[[Any], bool]]] = {
    "text": ("a text", lambda value: isinstance(value, str) and bool(value.strip())),
    "texts": ("a list of texts", lambda value: isinstance(value, list | tuple) and all(map(_is_text, value))),
    "flag": ("true or false", lambda value: isinstance(value, bool)),
    "count": ("a whole number from 0 to 100,000,000", lambda value: type(value) is int and 0 <= value <= 100_000_000),
    "seconds": ("a number of seconds above 0, 600 at most", lambda value: _is_number(value) and 0 < value <= 600),
    "env": ("the NAME of an environment variable", lambda value: _is_text(value) and bool(_ENV_NAME.fullmatch(value))),
    "envs": ("a mapping of names to NAMES of environment variables", lambda value: _is_pairs(value, _ENV_NAME)),
    "pairs": ("a mapping of names to texts", lambda value: _is_pairs(value, None)),
    "json": ("texts, numbers, lists and mappings", lambda value: isinstance(value, Mapping | list | tuple | str)),
    "mask": (
        "a list of inputs, or a mapping of inputs to 'all' or 'last_four'",
        lambda value: (
            _KINDS["texts"][1](value)
            or (isinstance(value, Mapping) and all(how in ("all", "last_four") for how in value.values()))
        ),
    ),
}


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | Decimal) and not isinstance(value, bool)


def _is_pairs(value: Any, pattern: re.Pattern[str] | None) -> bool:
    return isinstance(value, Mapping) and all(
        _is_text(key) and _is_text(text) and (pattern is None or pattern.fullmatch(text)) for key, text in value.items()
    )


def shape_problems(settings: Mapping[str, Any], kinds: Mapping[str, str], required: Sequence[str]) -> list[str]:
    """What is wrong with the keys and types of the settings. Values are not quoted: one may be a misplaced secret."""
    problems = [
        f"{key!r} is not a setting here; there are {', '.join(sorted(kinds))}" for key in settings if key not in kinds
    ]
    problems += [f"the setting {key!r} is missing" for key in required if key not in settings]
    for key, kind in kinds.items():
        wanted, fits = _KINDS[kind]
        if key in settings and not fits(settings[key]):
            problems.append(f"{key!r} must be {wanted}")
    return problems


def placeholders(value: Any) -> set[str]:
    """The names in ``{name}`` placeholders anywhere in a value."""
    if isinstance(value, Mapping):
        return set().union(*(placeholders(inner) for inner in value.values()))
    if isinstance(value, list | tuple):
        return set().union(*(placeholders(inner) for inner in value))
    return set(_PLACEHOLDER.findall(value)) if isinstance(value, str) else set()


def unknown_names(settings: Mapping[str, Any], keys: Sequence[str], inputs: Sequence[str]) -> list[str]:
    """Placeholders and masks that name something which the step does not read."""
    problems = [
        f"{key!r} holds the placeholder {{{name}}}, which is not among the step's inputs"
        for key in keys
        for name in sorted(placeholders(settings.get(key)) - set(inputs))
    ]
    strange = [name for name in settings.get("mask", ()) if name not in inputs]
    return problems + [f"'mask' names {name!r}, which is not among the step's inputs" for name in strange]


def masked(arguments: Mapping[str, Any], mask: Mapping[str, str] | Sequence[str]) -> dict[str, Any]:
    """The arguments with masked values: ``***``, or the last four digits of a card number of 12 digits and more."""
    ways = dict(mask) if isinstance(mask, Mapping) else dict.fromkeys(mask, "all")
    return {name: _mask(value, ways[name]) if name in ways else value for name, value in arguments.items()}


def _mask(value: Any, way: str) -> Any:
    if value is None:
        return None
    digits = re.sub(r"[ -]", "", str(value))
    keeps = way == "last_four" and re.fullmatch(r"[0-9]{12,19}", digits) is not None
    return f"***{digits[-4:]}" if keeps else "***"


def variable_value(environment: Mapping[str, str], name: str) -> str:
    """The value of an environment variable; ValueError names the variable where it is not set."""
    value = environment.get(name, "")
    if not value:
        raise ValueError(f"the environment variable {name!r} is not set")
    return value


def plain_json(value: Any) -> Any:
    """A value as JSON: decimals and dates become text."""
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {str(key): plain_json(inner) for key, inner in value.items()}
    return [plain_json(inner) for inner in value] if isinstance(value, list | tuple) else value


def filled(template: Any, arguments: Mapping[str, Any], encode: Callable[[str], str] = str) -> Any:
    """The template with values in its placeholders; a text that is one placeholder in a list or mapping keeps
    the value's JSON type. A null inside a longer text is a ValueError: it has no spelling there."""
    if isinstance(template, Mapping):
        return {key: filled_part(inner, arguments) for key, inner in template.items()}
    if isinstance(template, list | tuple):
        return [filled_part(inner, arguments) for inner in template]
    if not isinstance(template, str):
        return template
    return _PLACEHOLDER.sub(lambda match: encode(_spelled(match[1], arguments)), template)


def filled_part(template: Any, arguments: Mapping[str, Any]) -> Any:
    whole = _PLACEHOLDER.fullmatch(template) if isinstance(template, str) else None
    if whole is None:
        return filled(template, arguments)
    if whole[1] not in arguments:
        raise ValueError(f"there is no argument for the placeholder {{{whole[1]}}}")
    return plain_json(arguments[whole[1]])


def _spelled(name: str, arguments: Mapping[str, Any]) -> str:
    """The argument as text; ValueError where it is null, absent or not a single value."""
    value = plain_json(arguments.get(name))
    if value is None or isinstance(value, dict | list):
        raise ValueError(f"the placeholder {{{name}}} needs one value, and it has {type(value).__name__}")
    return str(value).lower() if isinstance(value, bool) else str(value)


def refuse(operation: str, problems: Sequence[str]) -> None:
    """Raises ValueError, with all of them, where there are problems."""
    if problems:
        raise ValueError(f"{operation}: {'; '.join(problems)}")


# ---- parts of JSON -----------------------------------------------------------------------------------------------


def json_outputs(content: bytes | str, settings: Mapping[str, Any], what: str) -> dict[str, Any]:
    """The members of a JSON object, or the parts that 'outputs' points to. RuntimeErrors name `what` holds the JSON."""
    try:
        tree = json.loads(content, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise RuntimeError(f"the {what} is not JSON") from None
    if "outputs" in settings:
        return {name: _at(tree, path) for name, path in settings["outputs"].items()}
    if not isinstance(tree, dict):
        raise RuntimeError(f"the {what} is not a JSON object; name its parts in 'outputs'")
    return tree


def _no_constant(text: str) -> Any:
    raise ValueError(f"{text} is not JSON")


def _at(tree: Any, path: str) -> Any:
    """The value at a dotted path such as ``items.0.price``; None where it leads nowhere."""
    for part in path.split("."):
        if isinstance(tree, dict):
            tree = tree.get(part)
        elif isinstance(tree, list) and part.isdecimal() and int(part) < len(tree):
            tree = tree[int(part)]
        else:
            return None
    return tree


# ---- calls over HTTP ---------------------------------------------------------------------------------------------

HEADER_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,99}")
TRY_AGAIN = (429, 502, 503, 504)
_RANDOM = random.SystemRandom()


def is_loopback(host: str) -> bool:
    """Whether the host is this machine, which may be reached without encryption."""
    return host in ("localhost", "127.0.0.1", "::1")


def secret_headers(settings: Mapping[str, Any], environment: Mapping[str, str]) -> dict[str, str]:
    """The headers of 'headers_env'; ValueError names a variable that holds no header's value."""
    headers = {}
    for name, variable in settings.get("headers_env", {}).items():
        headers[name] = variable_value(environment, variable)
        if re.search(r"[\r\n\0]", headers[name]) or not headers[name].isascii():
            raise ValueError(f"the environment variable {variable!r} does not hold a header's value: one line of ASCII")
    return headers


def back_off(attempt: int, pause: float) -> None:
    """Wait before the attempt (none before the first, 0): `pause` seconds, doubled each time, with jitter."""
    if attempt:
        time.sleep(min(pause * 2 ** (attempt - 1), 30) * _RANDOM.uniform(0.5, 1.5))
