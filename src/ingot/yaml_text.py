"""YAML as text with places: every value can be traced to its line and column."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.constructor import ConstructorError, DuplicateKeyError, RoundTripConstructor
from ruamel.yaml.error import YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    CollectionEndEvent,
    CollectionStartEvent,
    DocumentStartEvent,
    ScalarEvent,
)
from ruamel.yaml.reader import ReaderError

from ingot.errors import SpecError

MOST_DIGITS = 60
DEEPEST = 40


class _Constructor(RoundTripConstructor):
    """Round-trip, but numbers with a point are decimals, exactly as written, and texts are plain texts."""

    def construct_scalar(self, node: Any) -> Any:
        value = super().construct_scalar(node)
        return str(value) if isinstance(value, str) else value

    def construct_yaml_int(self, node: Any) -> Any:
        _refuse_huge(node, len(node.value) > MOST_DIGITS)
        return int(super().construct_yaml_int(node))

    def construct_yaml_float(self, node: Any) -> Any:
        text = self.construct_scalar(node).replace("_", "").lower()
        if "inf" in text or "nan" in text:
            return float(text.replace(".inf", "inf").replace(".nan", "nan"))
        number = Decimal(text)
        _refuse_huge(node, len(text) > MOST_DIGITS or abs(number.adjusted()) > MOST_DIGITS)
        return number

    def construct_yaml_timestamp(self, node: Any, values: Any = None) -> Any:
        return self.construct_scalar(node)


def _refuse_huge(node: Any, huge: bool) -> None:
    """Written out, ``1e999999999`` is a gigabyte of zeros."""
    if huge:
        raise ConstructorError(None, None, f"a number has at most {MOST_DIGITS} digits", node.start_mark)


_Constructor.add_constructor("tag:yaml.org,2002:int", _Constructor.construct_yaml_int)
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
        if part not in node or part not in (node.lc.data or {}):
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
        depth = 0
        for event in YAML(typ="rt").parse(text):
            depth += isinstance(event, CollectionStartEvent) - isinstance(event, CollectionEndEvent)
            if refused := _refused(event, depth):
                mark = event.start_mark
                raise SpecError(refused[0], place=f"{name}:{mark.line + 1}:{mark.column + 1}", hint=refused[1])
        tree = yaml.load(text)
    except ReaderError as error:
        before = text[: error.position]
        line, column = before.count("\n") + 1, error.position - before.rfind("\n")
        raise SpecError(
            f"malformed YAML: the character U+{ord(text[error.position]):04X} is not allowed",
            place=f"{name}:{line}:{column}",
            hint="delete it; a control character is often an accident of copying",
        ) from None
    except YAMLError as error:
        raise _malformed(error, name) from None
    except (ValueError, ArithmeticError, RecursionError) as error:
        raise SpecError(f"malformed YAML: {error}", place=f"{name}:1:1") from None
    return tree, Place(tree, name)


def _refused(event: Any, depth: int) -> tuple[str, str] | None:
    """Why an event has no place in a spec, and what to write instead."""
    if depth > DEEPEST:
        return f"nested more than {DEEPEST} levels deep", "flatten it"
    if isinstance(event, AliasEvent):
        return f"alias '*{event.anchor}' is not allowed", "write the value out"
    if getattr(event, "anchor", None):
        return f"anchor '&{event.anchor}' is not allowed", "delete it, and write the value out where it is needed"
    if isinstance(event, DocumentStartEvent) and event.version not in (None, (1, 2)):
        return "only YAML 1.2 is read; in 1.1 'yes' and 'no' would be booleans", "delete the %YAML line"
    if isinstance(event, ScalarEvent):
        if event.value == "<<" and event.style is None:
            return "the merge key '<<' is not allowed", "write the keys out"
        if any(char == "\0" or "\ud800" <= char <= "\udfff" for char in event.value):
            return "a text holds NUL or half of a surrogate pair", "delete the escape"
    tag = getattr(event, "ctag", None)
    if tag is not None and not isinstance(event, DocumentStartEvent):
        return f"tag '{tag}' is not allowed", "delete it; write a text in quotes"
    return None


def _malformed(error: YAMLError, name: str) -> SpecError:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    place = f"{name}:{mark.line + 1}:{mark.column + 1}" if mark else f"{name}:1:1"
    problem = getattr(error, "problem", None) or str(error).splitlines()[0]
    if isinstance(error, DuplicateKeyError):
        key = str(problem).split('"')[1] if '"' in str(problem) else "?"
        return SpecError(f"duplicate key {key!r}", place=place, hint="merge the two, or rename one")
    return SpecError(f"malformed YAML: {problem}", place=place, hint="check indentation and quotes")


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
    try:
        text = repr(value)
    except ValueError:  # a number of more digits than Python writes
        text = f"<{type(value).__name__}>"
    return text if len(text) <= 80 else text[:77] + "..."
