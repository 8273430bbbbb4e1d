"""YAML as text with places: every value can be traced to its line and column."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import Any

from ruamel.yaml import YAML, YAMLError
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.constructor import RoundTripConstructor
from ruamel.yaml.events import AliasEvent

from ingot.errors import SpecError


class _Constructor(RoundTripConstructor):
    """Round-trip, but numbers with a point are decimals, exactly as written."""

    def construct_yaml_float(self, node: Any) -> Any:
        text = self.construct_scalar(node).replace("_", "").lower()
        return float(text.replace(".inf", "inf").replace(".nan", "nan")) if "inf" in text or "nan" in text else Decimal(text)

    def construct_yaml_timestamp(self, node: Any, values: Any = None) -> Any:
        return self.construct_scalar(node)


_Constructor.add_constructor("tag:yaml.org,2002:float", _Constructor.construct_yaml_float)
_Constructor.add_constructor("tag:yaml.org,2002:timestamp", _Constructor.construct_yaml_timestamp)


class Place:
    """Finds ``file:line:column`` of a path in a tree, or of the nearest part of the path that exists."""

    def __init__(self, tree: Any, name: str) -> None:
        self._tree = tree
        self._name = name

    def of(self, path: Iterable[Any]) -> str:
        """The place of the value (or unknown key) at `path`."""
        line, column = self._find(tuple(path))
        return f"{self._name}:{line}:{column}"

    def line(self, path: Iterable[Any]) -> int:
        """The line of `path`."""
        return self._find(tuple(path))[0]

    def fixed(self, start: tuple[Any, ...]) -> Callable[[tuple[Any, ...]], str]:
        """A finder of paths below `start`."""
        return lambda path: self.of((*start, *path))

    def _find(self, path: tuple[Any, ...]) -> tuple[int, int]:
        node, line, column = self._tree, 1, 1
        for part in path:
            step = _descend(node, part)
            if step is None:
                continue  # a part that the short forms added
            node, (row, at) = step
            line, column = row + 1, at + 1
        return line, column


def _descend(node: Any, part: Any) -> tuple[Any, tuple[int, int]] | None:
    if isinstance(node, CommentedMap):
        if part not in node and isinstance(node.get("properties"), CommentedMap):
            node = node["properties"]
        if part not in node and isinstance(part, int) and part < len(node):
            part = list(node)[part]
        if part not in node and part == "outputs" and "schema" in node:
            part = "schema"
        if part not in node:
            return None
        return node[part], node.lc.key(part)
    if isinstance(node, CommentedSeq) and isinstance(part, int) and part < len(node):
        return node[part], node.lc.item(part)
    return None


def read_yaml(text: str, name: str) -> tuple[Any, Place]:
    """The tree of one YAML 1.2 document, and its places. Raises SpecError.

    Anchors and aliases are refused: they make a small file stand for an endless one, and a reviewer read twice.
    """
    yaml = YAML(typ="rt")
    yaml.Constructor = _Constructor
    try:
        for event in YAML(typ="rt").parse(text):
            if isinstance(event, AliasEvent):
                mark = event.start_mark
                raise SpecError(
                    f"alias '*{event.anchor}' is not allowed",
                    place=f"{name}:{mark.line + 1}:{mark.column + 1}",
                    hint="write the value out",
                )
        tree = yaml.load(text)
    except YAMLError as error:
        mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
        place = f"{name}:{mark.line + 1}:{mark.column + 1}" if mark else name
        problem = getattr(error, "problem", None) or str(error).splitlines()[0]
        raise SpecError(f"malformed YAML: {problem}", place=place, hint="check indentation and quotes") from None
    except (ValueError, RecursionError) as error:
        raise SpecError(f"malformed YAML: {error}", place=f"{name}:1:1") from None
    return tree, Place(tree, name)


def closest(word: str, options: Iterable[str]) -> str | None:
    """``did you mean …?`` for a misspelled word, or the list of options where none is near."""
    options = list(options)
    near = difflib.get_close_matches(word.lower(), [option.lower() for option in options], n=1, cutoff=0.6)
    if near:
        return f"did you mean {next(option for option in options if option.lower() == near[0])!r}?"
    return f"one of: {', '.join(options)}" if options else None


def as_source(value: Any) -> str:
    """A value as a short piece of text for a message."""
    if isinstance(value, Mapping):
        value = dict(value)
    elif isinstance(value, list):
        value = list(value)
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."
