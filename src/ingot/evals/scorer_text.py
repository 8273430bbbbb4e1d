"""A scorer as a text, so that the digest of a suite covers how its items are scored.

The text has the scorer's name, its code and that of functions of the same module which it calls, comments and docstrings left out,
and the values that were put into it. What cannot be told (objects of libraries, functions of other modules) is there by name.
"""

from __future__ import annotations

import ast
import functools
import inspect
import textwrap
from collections.abc import Collection, Iterator, Mapping, Set
from dataclasses import MISSING, fields, is_dataclass
from datetime import date
from decimal import Decimal
from types import CodeType, FunctionType
from typing import Any

from pydantic import BaseModel

from ingot.spec import Spec

_PLAIN = (str, int, float, bool, Decimal, date, bytes, type(None))


def scorer_text(value: Any, seen: Collection[int] = ()) -> str:
    """A scorer, or a value that is in it, as a text that is the same wherever it is made."""
    if isinstance(value, _PLAIN):
        return repr(value)
    if id(value) in seen:
        return "…"
    within = (*seen, id(value))
    if isinstance(value, functools.partial):
        return f"partial{_all([value.func, *value.args], within)}{scorer_text(value.keywords, within)}"
    if isinstance(value, FunctionType):
        return _function(value, within)
    if isinstance(value, Mapping):
        return "{" + ",".join(sorted(f"{key!r}:{scorer_text(one, within)}" for key, one in value.items())) + "}"
    if isinstance(value, Set):
        return "{" + ",".join(sorted(scorer_text(one, within) for one in value)) + "}"
    if isinstance(value, list | tuple):
        return _all(value, within)
    return _object(value, within)


def _all(values: Collection[Any], seen: Collection[int]) -> str:
    return "[" + ",".join(scorer_text(one, seen) for one in values) + "]"


def _object(value: Any, seen: Collection[int]) -> str:
    if inspect.isclass(value) or inspect.isbuiltin(value):
        return f"{value.__module__}.{value.__qualname__}"
    if inspect.ismethod(value):
        return f"{scorer_text(value.__func__, seen)}of{scorer_text(value.__self__, seen)}"
    kind, held = type(value), _held(value)
    called = vars(kind).get("__call__")
    code = _function(called, seen) if isinstance(called, FunctionType) else ""
    return f"{kind.__module__}.{kind.__qualname__}{scorer_text(held, seen) if held else ''}{code}"


def _held(value: Any) -> dict[str, Any]:
    """What is in an object of ours, defaults left out. A spec is digested as a text of its own; it holds the places of its cases."""
    if isinstance(value, Spec):
        return {"outputs": value.outputs, "scorers": value.scorers}
    if isinstance(value, BaseModel):
        known = type(value).model_fields
        return {name: getattr(value, name) for name in known if getattr(value, name) != known[name].get_default()}
    if is_dataclass(value):
        told = ((one, getattr(value, one.name)) for one in fields(value))
        return {one.name: held for one, held in told if one.default is MISSING or held != one.default}
    return {}


def _function(function: FunctionType, seen: Collection[int]) -> str:
    cells = [one.cell_contents for one in function.__closure__ or () if _is_filled(one)]
    held = _all([*cells, *(function.__defaults__ or ())], seen)
    beside = "".join(_function(one, (*seen, id(one))) for one in _called(function) if id(one) not in seen)
    return f"{function.__module__}.{function.__qualname__}({_source(function.__code__)}){held}{beside}"


def _is_filled(cell: Any) -> bool:
    try:
        cell.cell_contents  # noqa: B018 - an empty cell raises
    except ValueError:
        return False
    return True


def _called(function: FunctionType) -> Iterator[FunctionType]:
    """Functions of the same module that its code names, in the order of their names."""
    for name in sorted(_names(function.__code__)):
        one = function.__globals__.get(name)
        if isinstance(one, FunctionType) and one.__module__ == function.__module__ and one is not function:
            yield one


def _names(code: CodeType) -> set[str]:
    inner = (one for one in code.co_consts if isinstance(one, CodeType))
    return set(code.co_names).union(*map(_names, inner))


@functools.lru_cache(maxsize=4096)
def _source(code: CodeType) -> str:
    """The code without comments and docstrings; as it stands where it is a part of a statement, "" where there is no file."""
    try:
        text = textwrap.dedent(inspect.getsource(code))
    except (OSError, TypeError):
        return ""
    try:
        tree = ast.parse(text)
    except SyntaxError:
        return " ".join(text.split())
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and ast.get_docstring(node) is not None:
            node.body = node.body[1:] or [ast.Pass()]
    return ast.unparse(tree)
