"""The report as one HTML page that loads nothing and runs nothing."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from ingot.evals.log import Log
from ingot.evals.report.markdown import facts, misses
from ingot.evals.report.plots import plots
from ingot.evals.report.tables import Measured, Table, cells, notes, number, tables

_STYLE = """
body{font:15px/1.5 system-ui,sans-serif;color:#1c2733;max-width:72rem;margin:2rem auto;padding:0 1.2rem}
h1{font-size:1.7rem;margin-bottom:.2rem}h2{font-size:1.15rem;margin-top:2.2rem;border-bottom:1px solid #d5dce4;padding-bottom:.2rem}
table{border-collapse:collapse;font-size:.88rem;margin:.6rem 0}td,th{padding:.25rem .7rem;text-align:left;vertical-align:top;border-bottom:1px solid #e6ebf0}
th{background:#f4f7fa}td.v{font-variant-numeric:tabular-nums;white-space:nowrap}td.none{color:#8894a1}td.note{color:#5b6875;max-width:24rem}
figure{margin:1.2rem 0}figcaption{font-weight:600;margin-bottom:.3rem}svg{max-width:100%;height:auto}.wide{overflow-x:auto}
@media(prefers-color-scheme:dark){body{background:#fff}}
"""


def page(logs: Sequence[Log], found: Measured) -> str:
    """The whole page. The same logs give the same text. Raises StageError without the extra ``bench``."""
    title = escape(logs[0].header.title)
    policy = "default-src 'none'; style-src 'unsafe-inline'"
    parts = [
        "<!doctype html>", '<html lang="en"><head><meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
        f"<title>{title}</title><style>{_STYLE}</style></head><body><main>", f"<h1>{title}</h1>",
        "<p>A figure is followed by its 95 % interval. <em>Not measured</em> is not zero.</p>", _facts(logs),
    ]  # fmt: skip
    parts += [
        f"<figure><figcaption>{escape(caption)}</figcaption>{svg}</figure>" for caption, svg in plots(logs, found)
    ]
    parts += [_table(table, logs) for table in tables(found)]
    parts.append(_references(logs[0]))
    parts += [_misses(log) for log in logs]
    return "\n".join([*parts, "</main></body></html>", ""])


def _facts(logs: Sequence[Log]) -> str:
    rows = "".join(f"<tr><th>{escape(name)}</th><td>{escape(said)}</td></tr>" for name, said in facts(logs))
    return f'<div class="wide"><table>{rows}</table></div>'


def _table(table: Table, logs: Sequence[Log]) -> str:
    head = "".join(f"<th>{escape(log.name)}</th>" for log in logs)
    rows = []
    for row in table.rows:
        figures = "".join(
            f'<td class="v{" none" if one is None or one.value is None else ""}">{escape(said)}</td>'
            for one, said in zip(row.measures, cells(row), strict=True)
        )
        counts = ", ".join(dict.fromkeys(str(one.n) for one in row.measures if one is not None))
        rows.append(
            f'<tr><td>{escape(row.name)}</td><td>{escape(row.unit)}</td>{figures}<td class="v">{counts}</td>'
            f'<td class="note">{escape(notes(row))}</td></tr>'
        )
    return (
        f'<h2>{escape(table.title.capitalize())}</h2><div class="wide"><table><thead><tr><th></th><th>unit</th>{head}<th>n</th>'
        f"<th>note</th></tr></thead><tbody>{''.join(rows)}</tbody></table></div>"
    )


def _misses(log: Log) -> str:
    rows = "".join(f'<tr><td>{escape(said)}</td><td class="v">{count:,}</td></tr>' for said, count in misses(log))
    head = f"<h2>What went wrong: {escape(log.name)}</h2>"
    return (
        f"{head}<table><thead><tr><th>what</th><th>times</th></tr></thead><tbody>{rows}</tbody></table>" if rows else ""
    )


def _references(log: Log) -> str:
    if not log.header.references:
        return ""
    rows = "".join(
        f"<tr><td>{escape(one['system'])}</td><td>{escape(one['measure'])}</td>"
        f'<td class="v">{number(one["value"], one["unit"])}</td><td class="note">{escape(one["source"])}</td></tr>'
        for one in log.header.references
    )
    head = "<tr><th>system</th><th>measure</th><th>value</th><th>source</th></tr>"
    return f"<h2>Published by others</h2><table><thead>{head}</thead><tbody>{rows}</tbody></table>"
