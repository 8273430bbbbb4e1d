"""The tables of how each figure is computed, from the docstrings of the functions that compute them, which say the formula, then
``Unit: ….`` and ``Source: …`` to the end of the paragraph. One that lacks a part stops the build."""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
import re
import textwrap
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from ingot.evals import compare, metrics
from ingot.evals.metrics import measure
from ingot.evals.report import risk
from pieces import code, plain, table

MARK = "<!-- the tables of figures -->"
"""Where the written page has them."""

ORDER = ("reliability", "selective", "validation", "tokens", "latency", "security_cost", "consistency", "code_quality")
"""The categories in the order of the page; further ones stand behind them."""

INTERVALS = ("share", "share_of", "bootstrapped", "quantile")
BESIDE: Mapping[ModuleType, Mapping[str, str]] = {
    risk: {"risk_coverage": "risk at a coverage"},
    compare: {
        "compare": "difference of two logs",
        "paired_interval": "interval of a difference of shares",
        "sign_test": "p",
        "mcnemar": "McNemar's p",
    },
}
"""Functions beside the categories whose figures are no `Measure`, with their names."""

_NAMED = {"Measure", "share", "share_of", "bootstrapped", "_priced", "_break_even"}
"""Calls whose first argument is a figure's name."""

_FORMULA = re.compile(r" / |=|\bmean of\b|\bMean over\b")


@dataclass(frozen=True, slots=True)
class Told:
    """What a docstring says of a figure."""

    formula: str
    unit: str
    source: str


def with_tables(page: str) -> str:
    """The written page with the tables in it. Raises ValueError where it has no place for them or a docstring lacks a part."""
    if page.count(MARK) != 1:
        raise ValueError(f"the page needs one line {MARK!r}")
    return page.replace(MARK, metrics_tables())


def metrics_tables() -> str:
    """A section for each category, then those beside them, as Markdown. Raises ValueError."""
    parts = [_section(module, figures(module)) for module in categories()]
    for module, own in BESIDE.items():
        parts.append(_section(module, {getattr(module, name): [said] for name, said in own.items()}))
    parts.append("## Intervals\n\n" + _table({getattr(measure, name): [code(name)] for name in INTERVALS}))
    return "\n".join(parts)


def categories() -> list[ModuleType]:
    """The modules with figures."""
    there = {one.name for one in pkgutil.iter_modules(metrics.__path__)} - {"every", "measure"}
    names = [name for name in ORDER if name in there] + sorted(there - set(ORDER))
    return [importlib.import_module(f"{metrics.__name__}.{name}") for name in names]


def figures(module: ModuleType) -> dict[Callable[..., Any], list[str]]:
    """The public functions of a module that compute figures, with the figures' names as reports have them. One that gives a list
    of what others compute, and says no unit, is none of them."""
    found: dict[Callable[..., Any], list[str]] = {}
    for name, one in vars(module).items():
        if inspect.isfunction(one) and one.__module__ == module.__name__ and not name.startswith("_"):
            gives = one.__annotations__.get("return")
            if gives == "Measure" or (gives == "list[Measure]" and "Unit:" in (one.__doc__ or "")):
                found[one] = list(dict.fromkeys(_names(one))) or [plain(name.replace("_", " "))]
    return found


def _names(function: Callable[..., Any]) -> Iterator[str]:
    """The first argument of whatever makes a `Measure`, and what is called ``name``; those of the private functions called too."""
    for node in ast.walk(ast.parse(textwrap.dedent(inspect.getsource(function)))):
        match node:
            case ast.Call(func=ast.Name(id=called), args=[first, *_]) if called in _NAMED:
                yield from _text(first)
            case ast.Call(func=ast.Name(id=called)) if called.startswith("_") and called in function.__globals__:
                yield from _names(function.__globals__[called])
            case ast.Assign(targets=[ast.Name(id="name")], value=value):
                yield from _text(value)


def _text(node: ast.expr) -> Iterator[str]:
    """A text as Markdown, what is put into it in italics."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield plain(node.value)
    elif isinstance(node, ast.JoinedStr):
        yield "".join(
            f"*{ast.unparse(part.value)}*" if isinstance(part, ast.FormattedValue) else plain(str(part.value))
            for part in node.values
            if isinstance(part, ast.FormattedValue | ast.Constant)
        )


def told(function: Callable[..., Any]) -> Told:
    """What its docstring says. Raises ValueError for one that lacks formula, unit or source."""
    place = f"{function.__module__}.{function.__name__}"
    units: list[str] = []
    sources: list[str] = []
    formula = []
    for part in (inspect.getdoc(function) or "").split("\n\n"):
        words, _, source = " ".join(part.split()).partition("Source: ")
        said = re.search(r"Unit: (.+?)\.(?= |$)", words)
        units += [said[1]] if said else []
        sources += [source.rstrip(".")] if source else []
        words = words.replace(said[0], "").strip() if said else words
        formula.append(re.sub(r"\s*Raises .*", "", words))
    how = " ".join(" ".join(formula).replace("``", "`").split())
    if len(units) != 1 or len(sources) != 1 or not re.search(_FORMULA, how):
        raise ValueError(f"{place}: its docstring needs a formula, one 'Unit: …' and one 'Source: …'")
    return Told(how, units[0], sources[0].replace("``", "`"))


def _section(module: ModuleType, found: Mapping[Callable[..., Any], list[str]]) -> str:
    title, rest = _title(module)
    return "\n\n".join(part for part in (f"## {title}", rest, _table(found)) if part) + "\n"


def _title(module: ModuleType) -> tuple[str, str]:
    """A module's heading, and what it says besides."""
    first, _, rest = (inspect.getdoc(module) or "").partition("\n\n")
    title, _, more = " ".join(first.split()).partition(": ")
    more = more[:1].upper() + more[1:]
    words = "\n\n".join(part for part in (more, rest) if part).replace("``", "`")
    return title.removesuffix("."), "\n\n".join(plain(" ".join(part.split())) for part in words.split("\n\n") if part)


def _table(found: Mapping[Callable[..., Any], list[str]]) -> str:
    rows = []
    for function, names in found.items():
        said = told(function)
        rows.append(("; ".join(names), plain(said.formula), plain(said.unit), plain(said.source)))
    return table(("figure", "how", "unit", "source"), rows) + "\n"
