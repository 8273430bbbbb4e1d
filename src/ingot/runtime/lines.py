"""Many transactions: JSON Lines through the artifact's own batch or stream template."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, BinaryIO

from ingot.canonical import canonical_json, digest
from ingot.errors import InputError, StepError
from ingot.runtime.run import Outcome, Workflow

Progress = Callable[[int], object]


def read_rows(text: str, place: str) -> list[Mapping[str, Any]]:
    """One JSON object a line; blank lines are passed over. Raises InputError with the line."""
    rows: list[Mapping[str, Any]] = []
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line, parse_float=Decimal)
        except ValueError as error:
            raise InputError(f"not JSON: {error}", place=f"{place}:{number}") from None
        if not isinstance(row, dict):
            raise InputError(f"a {type(row).__name__}, not an object", place=f"{place}:{number}")
        rows.append(row)
    return rows


def run_batch(
    workflow: Workflow, rows: list[Mapping[str, Any]], out: Path, *, progress: Progress | None = None
) -> tuple[int, int]:
    """Every row's outcome into `out`, a line each, with a journal beside it: killed at any point, it resumes.

    Returns how many rows are done and how many of them failed (their line says why). Raises StepError where the
    artifact's template is not ``batch`` or the journal belongs to other rows or another artifact.
    """
    if workflow.template_name != "batch":
        raise StepError(
            f"this artifact's template is {workflow.template_name!r}, which writes no resumable file",
            hint="set 'plan: {template: batch}' in the spec and compile again, or leave out --out",
        )
    try:
        report = workflow.template["run"](
            workflow.run,
            rows,
            out.with_name(out.name + ".journal"),
            _write,
            output=out,
            input_digest=digest(canonical_json(rows)),
            program_digest=workflow.digest,
            progress=progress,
            errors="record",
        )
    except (ValueError, FileExistsError, BlockingIOError) as error:
        raise StepError(str(error), place=str(out)) from error
    return report.items, report.failures


def run_stream(workflow: Workflow, lines: Iterator[str], write: Callable[[str], object]) -> int:
    """Outcomes as they come, in the order of the lines, through the stream template. Returns how many."""

    async def source() -> AsyncIterator[Mapping[str, Any]]:
        loop = asyncio.get_running_loop()
        while line := await loop.run_in_executor(None, lambda: next(lines, "")):
            for row in read_rows(line, "-"):
                yield row

    async def drive() -> int:
        count = 0
        async for outcome in workflow.template["run"](workflow.run, source()):
            write(line_of(outcome).decode())
            count += 1
        return count

    return asyncio.run(drive())


def line_of(outcome: Any) -> bytes:
    """An outcome as one JSON line, the same bytes for the same outcome; a failure as its error.

    The run's id stays out: after a crash the rows of the last chunk run again and must give the same bytes.
    """
    if not isinstance(outcome, Outcome):
        return canonical_json({"status": "failed", "row": outcome.number + 1, "error": str(outcome.error)})
    return canonical_json({key: value for key, value in outcome.to_json().items() if key != "run_id"})


def _write(file: BinaryIO, outcome: Any) -> object:
    return file.write(line_of(outcome) + b"\n")
