"""Write a report: ``report.md``, ``report.html`` and ``figures.json``, each under a temporary name first."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ingot.evals.kept_lines import ESCAPED
from ingot.evals.log import Log
from ingot.evals.report.markdown import markdown
from ingot.evals.report.page import page
from ingot.evals.report.tables import Measured
from ingot.evals.shared import cut_short
from ingot.models.atomic import write_atomically


def write_report(folder: Path, logs: Sequence[Log], found: Measured) -> Path:
    """Write the report of logs of one suite and return the page's path. `found` is what was measured of them."""
    target = folder / "report.html"
    write_atomically(folder / "figures.json", json.dumps(figures(logs, found), indent=1).encode())
    write_atomically(folder / "report.md", markdown(logs, found).encode(errors=ESCAPED))
    write_atomically(target, page(logs, found).encode(errors=ESCAPED))
    return target


def figures(logs: Sequence[Log], found: Measured) -> dict[str, Any]:
    """Every figure as plain JSON: suite, then solver, then category."""
    return {
        "suite": logs[0].header.suite,
        "suite_digest": logs[0].header.suite_digest,
        "tasks": len(logs[0].tasks),
        "cut_short": {log.name: cut_short(log) for log in logs if cut_short(log)},
        "solvers": {
            log.name: {category: [one.to_json() for one in measures] for category, measures in own.items()}
            for log, own in zip(logs, found, strict=True)
        },
    }
