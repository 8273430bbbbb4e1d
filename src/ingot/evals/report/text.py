"""The report for a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ingot.evals.log import Log
from ingot.evals.report.tables import Measured, cells, number, tables
from ingot.evals.shared import cut_short

SHORT = ("reliability", "fields", "nothing withheld", "without a model", "validation")


def summary(logs: Sequence[Log], found: Measured) -> Iterator[str]:
    """The main figures of each solver, with intervals and n."""
    if not logs or not any(log.tasks for log in logs):
        yield "nothing was run"
        return
    header = logs[0].header
    rows = [row for table in tables(found) if table.title in SHORT for row in table.rows]
    rows = [row for row in rows if any(one is not None and one.value is not None for one in row.measures)]
    said_of = [(row.name, cells(row)) for row in rows]
    wide = 2 + max(
        len(one) for one in (" " * 14, *(log.name for log in logs), *(cell for _, said in said_of for cell in said))
    )
    yield f"{header.title} ({header.protocol}): {len(logs[0].tasks)} tasks, {len(logs[0].items)} items, scored by {header.scorer}"
    for log in logs:
        if cut := cut_short(log):
            yield f"{log.name}: {cut}"
    label = max(34, *(len(name) for name, _ in said_of)) if said_of else 34
    yield f"{'':<{label}}" + "".join(f"{log.name:>{wide}}" for log in logs)
    for name, said in said_of:
        yield f"{name:<{label}}" + "".join(f"{one:>{wide}}" for one in said)
    tokens = [sum(task.generation.usage.total_tokens for task in log.tasks) for log in logs]
    running = [sum(item.answer.usage.total_tokens for item in log.items) for log in logs]
    lost = [sum(not item.answer.ran for item in log.items) for log in logs]
    yield f"{'tokens to generate':<{label}}" + "".join(f"{one:>{wide},}" for one in tokens)
    yield f"{'tokens at run time':<{label}}" + "".join(f"{one:>{wide},}" for one in running)
    if any(lost):
        yield f"{'items not run':<{label}}" + "".join(f"{one:>{wide},}" for one in lost)
    for one in header.references:
        yield f"published: {one['system']}: {one['measure']} {number(one['value'], one['unit'])} ({one['source']})"
