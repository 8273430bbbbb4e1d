"""What may be logged of an exception: its type and where it came from.

What it says, and what its causes say, may hold a value that no log may. Libraries that drive runs log it whole, so it is
cut out of their records here.
"""

from __future__ import annotations

import logging
import traceback
from collections.abc import Iterable
from pathlib import Path

DBOS = ("dbos",)
TEMPORAL = (
    "temporalio.activity", "temporalio.workflow", "temporalio.worker._activity", "temporalio.worker._workflow",
    "temporalio.worker._workflow_instance", "temporalio.converter", "temporalio.client",
)  # fmt: skip


def keep_values_out(loggers: Iterable[str]) -> None:
    """From now on records of these loggers tell no exception's text. Doing it twice is doing it once."""
    for name in loggers:
        logging.getLogger(name).addFilter(_without_text)


def place_of(error: BaseException) -> str:
    """An exception's type and the last lines that it came through."""
    frames = traceback.extract_tb(error.__traceback__)[-4:]
    return f"{type(error).__name__} at " + ", ".join(f"{Path(one.filename).name}:{one.lineno}" for one in frames)


def _without_text(record: logging.LogRecord) -> bool:
    error = record.exc_info[1] if isinstance(record.exc_info, tuple) else None
    if error is not None:
        said = record.getMessage().partition(" error: ")[0].rstrip(": ")
        record.msg, record.args = f"{said}: {place_of(error)}", ()
        record.exc_info = record.exc_text = None
    return True
