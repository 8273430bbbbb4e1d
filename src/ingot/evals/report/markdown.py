"""The report as Markdown."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from html import escape

from ingot.evals.log import Log
from ingot.evals.report.tables import Measured, Table, cells, notes, number, tables
from ingot.evals.shared import cut_short


def markdown(logs: Sequence[Log], found: Measured) -> str:
    """The whole report: what was run, every figure of every category, what others published."""
    return "\n".join(_lines(logs, found)) + "\n"


def facts(logs: Sequence[Log]) -> list[tuple[str, str]]:
    """What was run, on what, with what."""
    header = logs[0].header
    found = [
        ("suite", f"{header.suite} ({header.protocol})"),
        ("items", f"{len(logs[0].items):,} in {len(logs[0].tasks):,} tasks"),
        ("scored by", header.scorer),
        ("origin", header.origin or "not stated"),
        ("digest of specs, items and scorers", header.suite_digest[:16]),
        ("Ingot", header.ingot),
        ("machine", f"{header.machine}, Python {header.python}"),
    ]
    for log in logs:
        asked = f" with {log.header.model}" if log.header.model else ""
        writers = sorted({task.generation.model for task in log.tasks} - {"", log.header.model})
        wrote = f"; written by {', '.join(writers)}" if writers else ""
        cut = f"; {cut_short(log)}" if cut_short(log) else ""
        found.append((f"solver {log.name}", f"{log.header.started}{asked}{wrote}{cut}"))
    return found


def _lines(logs: Sequence[Log], found: Measured) -> Iterator[str]:
    yield f"# {_cell(logs[0].header.title)}"
    yield ""
    yield "| | |"
    yield "|---|---|"
    for name, said in facts(logs):
        yield f"| {_cell(name)} | {_cell(said)} |"
    yield ""
    yield "A figure is followed by its 95 % interval. *Not measured* is not zero."
    for table in tables(found):
        yield from _table(table, logs)
    if logs[0].header.references:
        yield from ("", "## Published by others", "", "| system | measure | value | source |", "|---|---|---|---|")
        for one in logs[0].header.references:
            value = number(one["value"], one["unit"])
            yield f"| {_cell(one['system'])} | {_cell(one['measure'])} | {value} | {_cell(one['source'])} |"
    yield from _misses(logs)


def _table(table: Table, logs: Sequence[Log]) -> Iterator[str]:
    names = [_cell(log.name) for log in logs]
    yield from ("", f"## {table.title.capitalize()}", "")
    yield f"| | unit | {' | '.join(names)} | n | note |"
    yield f"|---|---|{'---|' * len(names)}---|---|"
    for row in table.rows:
        counts = ", ".join(dict.fromkeys(str(one.n) for one in row.measures if one is not None))
        figures = " | ".join(cells(row))
        yield f"| {_cell(row.name)} | {_cell(row.unit)} | {figures} | {counts} | {_cell(notes(row))} |"


def misses(log: Log, most: int = 12) -> list[tuple[str, int]]:
    """What went wrong, by what was said of it, the most frequent first: refusals of the stages, withheld items, errors, wrong fields."""
    counted: Counter[str] = Counter()
    for task in log.tasks:
        if not task.generation.deployed:
            codes = sorted({code for row in task.generation.stages if not row.passed for code in row.codes})
            counted[f"not deployed: {task.generation.reason} ({', '.join(codes)})"] += 1
    for item in log.items:
        if item.answer.error:
            counted[f"error: {item.answer.error.split(':')[0]}"] += 1
            continue
        counted.update(f"wrong: {name}" for name, score in item.scores.items() if score is not None and score < 1)
        if item.answerable and item.answer.ran and not item.whole:
            counted["withheld, in part or whole"] += 1
    return counted.most_common(most)


def _misses(logs: Sequence[Log]) -> Iterator[str]:
    for log in logs:
        if found := misses(log):
            yield from ("", f"## What went wrong: {_cell(log.name)}", "", "| what | times |", "|---|---|")
            yield from (f"| {_cell(said)} | {count} |" for said, count in found)


def _cell(text: str) -> str:
    """A text from a suite, a program or a model on one line, as text: neither a table's line nor HTML can be made of it."""
    return re.sub(r"([\\|`\[\]])", r"\\\1", escape(" ".join(str(text).split()), quote=False))
