"""What the pages for people are put together from. Every value is escaped where it enters the page."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from ingot.fields import to_plain


def counted(number: int, what: str) -> str:
    """``no cases``, ``1 case``, ``2 cases``."""
    return f"{number or 'no'} {what}{'' if number == 1 else 's'}"


def table(caption: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table of texts, the first cell of each row its heading."""
    body = "".join(
        f'<tr><th scope="row">{escape(row[0])}</th>{"".join(f"<td>{escape(cell)}</td>" for cell in row[1:])}</tr>'
        for row in rows
    )
    return scrolled(caption, columns, body)


def scrolled(caption: str, columns: Sequence[str], body: str) -> str:
    """A table whose rows are HTML already, in a frame that scrolls sideways by itself."""
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in columns)
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{escape(caption)}"><table>'
        f"<caption>{escape(caption)}</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def pairs(values: Mapping[str, Any]) -> str:
    """Names and values as rows of a definition list; what is nested stands in a list of its own."""
    return "".join(
        f"<dt>{escape(_words(key))}</dt><dd>{_nested(to_plain(value))}</dd>" for key, value in values.items()
    )


def _words(key: str) -> str:
    return key[:1].upper() + key[1:].replace("_", " ") if key.isidentifier() else key


def _nested(value: Any) -> str:
    if isinstance(value, Mapping) and value:
        rows = "".join(f"<dt>{escape(str(key))}</dt><dd>{_nested(inner)}</dd>" for key, inner in value.items())
        return f'<dl class="rows">{rows}</dl>'
    return escape(text_of(value))


def text_of(value: Any) -> str:
    """A value as text for people."""
    value = to_plain(value)
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None:
        return "—"
    if isinstance(value, list) and all(isinstance(one, str | int | float) for one in value):
        return ", ".join(str(one) for one in value) or "none"
    return json.dumps(value, ensure_ascii=False) if value not in ({}, []) else "none"


def inline(values: Mapping[str, Any]) -> str:
    """Names and values, one pair a line."""
    return "".join(
        f'<span class="pairs"><span>{escape(name)}:</span> <code>{escape(text_of(value))}</code></span>'
        for name, value in values.items()
    )
