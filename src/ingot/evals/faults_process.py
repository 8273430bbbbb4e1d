"""Processes that do some work and are killed: at a time from outside, or before a line of the code that writes."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

from ingot.edges import batch
from ingot.errors import IngotError
from ingot.store import audit, database, group, reviews, runs

WRITERS = frozenset(str(one.__file__) for one in (batch, audit, database, group, reviews, runs))
"""The files whose every line is a point to be killed at."""

REFUSED = 3
"""The exit code of a process whose work ended with an error of ours."""


def forked(work: Callable[[], object], after: float | None = None) -> int:
    """The exit code of a process that does `work`; it is killed `after` seconds."""
    sys.stdout.flush()
    sys.stderr.flush()
    child = os.fork()
    if child == 0:
        _child(work)
    try:
        if after is not None:
            time.sleep(after)
            os.kill(child, signal.SIGKILL)  # a process that has ended is a child still, until it is waited for
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    except KeyboardInterrupt:
        with contextlib.suppress(ProcessLookupError, ChildProcessError):
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
        raise


def _child(work: Callable[[], object]) -> None:
    code = 1
    try:
        work()
        code = 0
    except IngotError as error:
        code = REFUSED
        os.write(2, f"{error}\n".encode() if os.environ.get("INGOT_FAULTS_TELL") else b"")
    except KeyboardInterrupt:  # the whole group is told; the parent says so
        code = 130
    except BaseException:  # noqa: BLE001 - it is told, and the process must not go on as its parent
        import traceback

        traceback.print_exc()
    finally:
        os._exit(code)


def lines_until(at: int, seen: Path, work: Callable[[], object]) -> None:
    """Do `work`, and be killed before the line of `WRITERS` that comes as number `at`."""
    own, count = os.getpid(), 0

    def line(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal count
        count += event == "line"
        if count == at and os.getpid() == own:
            seen.write_text(f"{Path(frame.f_code.co_filename).name}:{frame.f_lineno}")
            os.kill(own, signal.SIGKILL)
        return line

    sys.settrace(lambda frame, event, _: line if frame.f_code.co_filename in WRITERS else None)
    work()
