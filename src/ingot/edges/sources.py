"""Rows of a file, chunk by chunk, in order and from any row on; never more than a few chunks in memory."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec

from ingot.errors import InputError
from ingot.fields import Field
from ingot.runtime.lines import read_row

Row = Mapping[str, Any]
ReadRow = Callable[[Any], Row]

LONGEST_LINE = 16 * 1024 * 1024
"""Bytes of one line beyond which it is no row: a file without line ends must not fill the memory."""

CHUNK_BYTES = 32 * 1024 * 1024
"""Bytes of rows at which a chunk ends, however few they are: some chunks are in memory at once."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """Rows as they stand in the file: `first` is the number of the first, from 0; `position` how far into the source the
    chunk goes (bytes; rows of a Parquet file); `seen` the digest of everything up to there."""

    first: int
    raw: Sequence[Any]
    position: int
    seen: str


class Source:
    """A file of rows. `size` is in the unit of `Chunk.position`; `read` makes a row of what a chunk holds, in any process."""

    def __init__(self, path: Path, size: int, read: ReadRow, chunks: Callable[[int], Iterator[Chunk]]) -> None:
        self.path, self.size, self.read = path, size, read
        self.chunks = chunks


def open_source(path: Path, fields: Sequence[Field], kind: str | None = None) -> Source:
    """The rows of ``.jsonl``, ``.csv`` or ``.parquet`` (or of `kind`). Raises InputError."""
    from ingot.edges.sources_csv import csv_rows
    from ingot.edges.sources_parquet import parquet_rows

    kind = kind or path.suffix.lstrip(".").lower()
    makers = {"jsonl": _json_lines, "ndjson": _json_lines, "csv": csv_rows, "parquet": parquet_rows}
    if kind not in makers:
        raise InputError(
            f"{path.name!r} is not a kind of file that is read", place=str(path), hint="--format jsonl, csv or parquet"
        )
    try:
        return makers[kind](path, fields)
    except OSError as error:
        raise InputError(f"cannot read it: {error.strerror}", place=str(path)) from None


def _json_lines(path: Path, _fields: Sequence[Field]) -> Source:
    def chunks(size: int) -> Iterator[Chunk]:
        yield from chunked(file_lines(path), size, lambda line: bool(line.strip()))

    return Source(path, path.stat().st_size, _json_row, chunks)


_decode = msgspec.json.Decoder(float_hook=Decimal).decode


def _json_row(line: bytes) -> Row:
    """The row, exact; by the quick reader where the line is plainly one flat object without a key that is there twice."""
    try:
        row = _decode(line)
    except (ValueError, ArithmeticError, RecursionError):
        row = None
    if type(row) is dict and line.count(b":") == len(row):
        return row
    try:
        return read_row(line.decode("utf-8"))
    except UnicodeDecodeError:
        raise InputError("not UTF-8") from None


def file_lines(path: Path) -> Iterator[bytes]:
    """The lines of a file with their ends. Raises InputError for one that is too long."""
    with path.open("rb", buffering=1 << 20) as file:
        while line := file.readline(LONGEST_LINE):
            if len(line) == LONGEST_LINE and not line.endswith(b"\n"):
                raise InputError(
                    f"a line is longer than {LONGEST_LINE} bytes", place=str(path), hint="one object a line"
                )
            yield line


def chunked(lines: Iterator[bytes], size: int, is_row: Callable[[bytes], bool]) -> Iterator[Chunk]:
    """Chunks of `size` lines, of which those count that are rows."""
    seen, position, first = hashlib.sha256(), 0, 0
    while part := _some(lines, size):
        blob = b"".join(part)
        seen.update(blob)
        position += len(blob)
        rows = [line for line in part if is_row(line)]
        yield Chunk(first, rows, position, seen.hexdigest())
        first += len(rows)


def _some(lines: Iterator[bytes], size: int) -> list[bytes]:
    """The next `size` lines, or fewer where they are long: where a chunk ends depends on the lines alone."""
    some: list[bytes] = []
    held = 0
    for line in itertools.islice(lines, size):
        some.append(line)
        held += len(line)
        if held >= CHUNK_BYTES:
            break
    return some
