"""The reference of the library: what a module step may call and with which settings, and the templates, from their own docstrings."""

from __future__ import annotations

import importlib
import inspect
import re
import textwrap
from collections.abc import Iterator, Mapping
from types import ModuleType
from typing import get_args

from ingot import library
from ingot.library.modules import shared
from ingot.spec import ModuleName
from pieces import block, code, plain, table

_HEAD = """# Library reference

What a step of type `module` may call, and the templates that a program may have. This is the text of the reviewed library files
themselves, of which an artifact holds a copy. The settings stand under `with`.
"""


def modules_page() -> str:
    """The page as Markdown."""
    parts = [_HEAD]
    for name in library.MODULES:
        module = library.module(name)
        parts += [
            f"## {name}\n",
            f"{_told(module)}\n",
            f"{table(('setting', 'value', 'of'), _settings(name, module))}\n",
        ]
    parts.append("## Templates\n")
    for name in library.TEMPLATES:
        template = importlib.import_module(f"ingot.library.templates.{name}")
        parts += [f"### {name} {{#template-{name}}}\n", f"{_told(template)}\n"]
    return "\n".join(parts)


def _told(module: ModuleType) -> str:
    """A docstring as Markdown: indented paragraphs are examples, double backticks are code; what only callers from Python
    need is left out."""
    parts = (inspect.getdoc(module) or "").split("\n\n")
    kept = [part for part in parts if not part.startswith("Each operation takes")]
    return "\n\n".join(_example(part) if part.startswith("    ") else plain(_ticks(part)) for part in kept)


def _example(text: str) -> str:
    return block(textwrap.dedent(text), "yaml")


def _ticks(text: str) -> str:
    return re.sub(r"``([^`]+)``", r"`\1`", text)


def settings_of(name: str) -> dict[str, list[str]]:
    """The settings that each operation of a module takes, as its own check of them says."""
    module = library.module(name)
    own: Mapping[str, object] = module._SETTINGS
    keys = dict.fromkeys(key for one in own.values() if isinstance(one, Mapping) for key in one) or dict.fromkeys(own)
    operations = [one for one in get_args(ModuleName) if one.startswith(f"{name}.")]
    return {one: [key for key in keys if _takes(module, one, key)] for one in operations}


def _takes(module: ModuleType, operation: str, key: str) -> bool:
    return not any(
        problem.startswith(f"{key!r} is not a setting") for problem in module.check(operation, {key: "x"}, ())
    )


def _settings(name: str, module: ModuleType) -> Iterator[tuple[str, str, str]]:
    own = module._SETTINGS
    for operation in (settings := settings_of(name)):
        for key in settings[operation]:
            of = [one for one in settings if key in settings[one]]
            if of[0] == operation:
                kind = own.get(operation, own)[key]
                yield code(key), plain(shared._KINDS[kind][0]), " ".join(code(one) for one in of)
