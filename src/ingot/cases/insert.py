"""Case texts put into a spec's own text, which stays byte for byte as it is around them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.nodes import MappingNode, ScalarNode, SequenceNode

from ingot.errors import SpecError


def composed(text: str) -> Any:
    """The nodes of a YAML text, with their places."""
    return YAML(typ="rt").compose(text)


def child(node: Any, key: str) -> Any:
    """The value node of a mapping's key; None where it has none."""
    if isinstance(node, MappingNode):
        return next((value for name, value in node.value if name.value == key), None)
    return None


def extended(text: str, path: Sequence[str], rows: Sequence[str], place: str) -> str:
    """`text` with the `rows` (each a mapping in flow form) at the end of the list at `path`; keys that are not there
    are added. Raises SpecError where the list cannot be extended in place."""
    node = composed(text)
    for depth, key in enumerate(path):
        inner = child(node, key)
        if inner is None:
            return _with_key(text, node, path[depth:], rows, place)
        node = inner
    if not isinstance(node, SequenceNode):
        raise SpecError("cases are a list", place=f"{place}:{node.start_mark.line + 1}:{node.start_mark.column + 1}")
    if node.flow_style:
        return _in_flow(text, node, rows)
    column = node.value[0].start_mark.column
    dash = _dash_column(text, node, column)
    return _inserted(text, _last_line(node) + 1, [f"{' ' * dash}- {row}" for row in rows])


def _in_flow(text: str, node: Any, rows: Sequence[str]) -> str:
    """A list in brackets: the rows go before its closing bracket."""
    end = node.end_mark.index - 1
    before = text[:end].rstrip()
    trailing = text[len(before) : end]
    comma = "" if not node.value or before.endswith(",") else ","
    return before + comma + " " * bool(node.value) + ", ".join(rows) + trailing + text[end:]


def _with_key(text: str, node: Any, path: Sequence[str], rows: Sequence[str], place: str) -> str:
    """A block mapping with a further key at its end."""
    if not isinstance(node, MappingNode) or (node.flow_style and node.value):
        at = f"{place}:{node.start_mark.line + 1}:{node.start_mark.column + 1}"
        raise SpecError(f"{path[0]!r} cannot be added here", place=at, hint="write it as a block, a key on each line")
    column = node.value[0][0].start_mark.column if node.value else 0
    lines = [f"{' ' * (column + 2 * depth)}{key}:" for depth, key in enumerate(path)]
    space = " " * (column + 2 * len(path))
    return _inserted(text, _last_line(node) + 1, [*lines, *(f"{space}- {row}" for row in rows)])


def _dash_column(text: str, node: Any, column: int) -> int:
    line = text.split("\n")[node.value[0].start_mark.line]
    found = re.match(r"\s*(?:[^\s#-][^#]*:\s*)?-", line[:column])
    return line[:column].rindex("-") if found else max(column - 2, 0)


def _last_line(node: Any) -> int:
    """The last line that a node's own text stands on, without the comments and blank lines after it."""
    if isinstance(node, ScalarNode) or node.flow_style or not node.value:
        mark = node.end_mark
        block = isinstance(node, ScalarNode) and node.style in ("|", ">")
        line: int = mark.line - 1 if (block or mark.column == 0) and mark.line > node.start_mark.line else mark.line
        return line
    last = node.value[-1]
    return max(_last_line(one) for one in (last if isinstance(last, tuple) else (last,)))


def _inserted(text: str, line: int, new: Sequence[str]) -> str:
    lines = text.split("\n")
    end = "\r" if lines[0].endswith("\r") else ""
    if line >= len(lines):
        if end and lines and not lines[-1].endswith("\r"):
            lines[-1] += end
        return "\n".join([*lines, *(row + end for row in new), ""])
    return "\n".join([*lines[:line], *(row + end for row in new), *lines[line:]])
