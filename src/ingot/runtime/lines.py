"""Many transactions: JSON Lines through the artifact's own batch or stream template."""

from __future__ import annotations

import asyncio
import json
import os
import select
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, BinaryIO

from ingot.canonical import canonical_json, digest
from ingot.errors import InputError, StepError
from ingot.fields import to_plain
from ingot.runtime.run import Outcome, Workflow

Progress = Callable[[int], object]
DEEPEST = 200
"""How deep JSON may be nested: deeper than any field, and no danger to what walks through it."""
_FAILED = b'{"error":'  # how the line of a failure begins: its keys are sorted


def read_json(text: str) -> Any:
    """Strict JSON with decimals kept exact. Raises ValueError, also for what Python alone would let pass: a key that is
    there twice, NaN, a nesting without end."""
    try:
        found = _DECODER.decode(text)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    except InvalidOperation:
        raise ValueError("a number is out of every range") from None
    if text.count("[") + text.count("{") > DEEPEST and _is_deep(found):
        raise ValueError("it is nested too deeply")
    return found


def _is_deep(value: Any) -> bool:
    """Whether lists and objects stand more than DEEPEST deep: deeper ones would be read, and break what walks through them."""
    level = [value]
    for _ in range(DEEPEST):
        level = [inner for one in level if isinstance(one, dict | list) for inner in _inside(one)]
    return any(isinstance(one, dict | list) for one in level)


def _inside(value: dict[str, Any] | list[Any]) -> Iterable[Any]:
    return value.values() if isinstance(value, dict) else value


def _no_number(name: str) -> Any:
    raise ValueError(f"{name} is no number")


def _without_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        twin = next(key for number, (key, _) in enumerate(pairs) if key in dict(pairs[:number]))
        raise ValueError(f"the key {twin!r} is there twice")
    return found


_DECODER = json.JSONDecoder(parse_float=Decimal, parse_constant=_no_number, object_pairs_hook=_without_twins)
"""Made once: making one costs twice what reading a row does."""


def read_row(line: str, place: str | None = None) -> Mapping[str, Any]:
    """One line as an object. Raises InputError."""
    try:
        row = read_json(line)
    except ValueError as error:
        raise InputError(f"not JSON: {error}", place=place) from None
    if not isinstance(row, dict):
        raise InputError(f"a {type(row).__name__}, not an object", place=place)
    return row


def read_rows(text: str, place: str) -> list[Mapping[str, Any]]:
    """One JSON object a line; blank lines are passed over. Raises InputError with the line."""
    lines = enumerate(text.split("\n"), start=1)  # splitlines would also cut at U+2028 inside a text
    return [read_row(line, f"{place}:{number}") for number, line in lines if line.strip()]


def run_batch(
    workflow: Workflow, rows: list[Mapping[str, Any]], out: Path, *, progress: Progress | None = None
) -> tuple[int, int]:
    """Every row's outcome into `out`, a line each, with a journal beside it: killed at any point, it resumes.

    Returns how many rows are done and how many of them failed (their line says why), earlier runs included. Raises
    StepError where the artifact's template is not ``batch``, the journal belongs to other rows or another artifact, or
    the output cannot be written.
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
            input_digest=_digest_of(rows),
            program_digest=workflow.digest,
            progress=progress,
            errors="record",
        )
    except (ValueError, OSError) as error:
        raise StepError(getattr(error, "strerror", None) or str(error), place=str(out)) from error
    with out.open("rb") as file:  # the template counts the failures of this run only
        failed = sum(line.startswith(_FAILED) for line in file)
    return report.items, failed


def _digest_of(rows: list[Mapping[str, Any]]) -> str:
    """A row that holds half of a surrogate pair fails by itself later: here it must only be told from others."""
    try:
        return digest(canonical_json(rows))
    except UnicodeEncodeError:
        return digest(json.dumps(to_plain(rows), sort_keys=True))


class ArrivingLines:
    """The lines of a descriptor, each as soon as it is there; `close` ends a read that waits, from any thread.

    A plain ``readline`` in a thread cannot be ended: Ctrl-C would wait for the next line. Bytes that are not UTF-8
    become halves of surrogate pairs, which no text field takes.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._woken, self._waker = os.pipe()
        self._left = bytearray()

    def __iter__(self) -> ArrivingLines:
        return self

    def __next__(self) -> str:
        searched = 0
        while (end := self._left.find(b"\n", searched)) < 0:
            searched = len(self._left)
            if self._woken in select.select([self._descriptor, self._woken], [], [])[0]:
                raise StopIteration
            part = os.read(self._descriptor, 1 << 16)
            self._left += part
            if not part and not self._left:
                raise StopIteration
            if not part:  # a last line without an end
                end = searched
                break
        line = bytes(self._left[: end + 1])
        del self._left[: end + 1]
        return line.decode("utf-8", "surrogateescape")

    def close(self) -> None:
        """End the read that waits, and all further ones."""
        os.write(self._waker, b".")


def run_stream(
    workflow: Workflow,
    lines: Iterator[str],
    write: Callable[[str], object],
    *,
    stop: Callable[[], object] = lambda: None,
    transact: Callable[[Mapping[str, Any]], Outcome] | None = None,
    threads: bool = False,
) -> tuple[int, int]:
    """Outcomes as they come, in the order of the lines, through the stream template; blank lines are passed over.

    A line that is no object or does not fit becomes a failure in its place and the stream goes on. `stop` ends a
    wait for the next line when the stream is ended from outside. `transact` runs one row in place of the workflow, and
    records it: then lines tell the run's id; with `threads` several at once, each in a thread. Returns how many rows there were and how many of them failed.
    """
    run = workflow.run if transact is None else transact

    async def source() -> AsyncIterator[str]:
        loop = asyncio.get_running_loop()
        try:
            while line := await loop.run_in_executor(None, lambda: next(lines, "")):
                if line.strip():
                    yield line
        finally:
            stop()

    async def drive() -> tuple[int, int]:
        count = failed = 0
        async for outcome in workflow.template["run"](lambda line: run(read_row(line)), source(), threads=threads):
            write(line_of(outcome, with_run=transact is not None).decode())
            count, failed = count + 1, failed + (not isinstance(outcome, Outcome))
        return count, failed

    return asyncio.run(drive())


def line_of(outcome: Any, *, with_run: bool = False) -> bytes:
    """An outcome as one JSON line, the same bytes for the same outcome; a failure as its error.

    The run's id stays out unless asked for: after a crash the rows of a batch's last chunk run again and must give the
    same bytes.
    """
    if not isinstance(outcome, Outcome):
        return canonical_json({"status": "failed", "row": outcome.number + 1, "error": str(outcome.error)})
    return canonical_json({key: value for key, value in outcome.to_json().items() if with_run or key != "run_id"})


def _write(file: BinaryIO, outcome: Any) -> object:
    return file.write(line_of(outcome) + b"\n")
