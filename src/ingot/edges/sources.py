"""Rows of a file, chunk by chunk, in order and from any row on; never more than a few chunks in memory."""

from __future__ import annotations

import csv
import hashlib
import io
import itertools
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec

from ingot.errors import InputError
from ingot.fields import Field
from ingot.runtime.lines import read_row
from ingot.tables.csv_text import refuse_other_delimiter

Row = Mapping[str, Any]
ReadRow = Callable[[Any], Row]

_INTEGER = re.compile(r"-?[0-9]{1,4000}")
"""What Python makes a number of: a longer one, or two signs, is left for validation to refuse."""

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
    from ingot.edges.sources_parquet import parquet_rows

    kind = kind or path.suffix.lstrip(".").lower()
    makers = {"jsonl": _json_lines, "ndjson": _json_lines, "csv": _csv, "parquet": parquet_rows}
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
        yield from _chunked(_lines(path), size, lambda line: bool(line.strip()))

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


def _lines(path: Path) -> Iterator[bytes]:
    with path.open("rb", buffering=1 << 20) as file:
        while line := file.readline(LONGEST_LINE):
            if len(line) == LONGEST_LINE and not line.endswith(b"\n"):
                raise InputError(
                    f"a line is longer than {LONGEST_LINE} bytes", place=str(path), hint="one object a line"
                )
            yield line


def _chunked(lines: Iterator[bytes], size: int, is_row: Callable[[bytes], bool]) -> Iterator[Chunk]:
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


# ---- CSV ---------------------------------------------------------------------------------------------------------


def _csv(path: Path, fields: Sequence[Field]) -> Source:
    """A header of input names, then a row a record. An empty cell is null where the field may be null."""
    with path.open("rb") as file:
        try:
            header = next(csv.reader(io.TextIOWrapper(file, "utf-8-sig", newline="")), None)
        except (UnicodeDecodeError, csv.Error):
            raise InputError("its header is no CSV in UTF-8", place=str(path)) from None
    if not header:
        raise InputError("the file has no header", place=str(path), hint=", ".join(one.name for one in fields))
    refuse_other_delimiter(header, [one.name for one in fields], f"{path}:1", InputError)
    twins = {name for name in header if header.count(name) > 1}
    if twins:
        raise InputError(f"the column {min(twins)!r} is there twice", place=f"{path}:1")
    known = {one.name: one for one in fields}

    def chunks(size: int) -> Iterator[Chunk]:
        records = _records(path)
        next(records)
        yield from _chunked(records, size, lambda record: bool(record.strip()))

    return Source(path, path.stat().st_size, _CsvRow(tuple(header), known), chunks)


class _CsvRow:
    """Makes a row of the bytes of one record."""

    def __init__(self, header: tuple[str, ...], known: Mapping[str, Field]) -> None:
        self._header, self._known = header, known

    def __call__(self, record: bytes) -> Row:
        try:
            cells = next(csv.reader(io.StringIO(record.decode("utf-8"), newline=""), strict=True))
        except UnicodeDecodeError:
            raise InputError("not UTF-8") from None
        except csv.Error as error:
            raise InputError(f"not CSV: {error}") from None
        if len(cells) != len(self._header):
            raise InputError(f"{len(cells)} cells under {len(self._header)} columns")
        cells_by = zip(self._header, cells, strict=True)
        return {name: cell_value(self._known.get(name), cell) for name, cell in cells_by}


def cell_value(field: Field | None, cell: str) -> Any:
    """A CSV cell as a field's value: null where it is empty and may be; a cell that does not fit stays a text."""
    if field is None:
        return cell
    if not cell and field.nullable:
        return None
    match field.type:
        case "integer":
            return int(cell) if _INTEGER.fullmatch(cell) else cell
        case "boolean":
            return {"true": True, "false": False}.get(cell.lower(), cell)
        case "list" | "object":
            return _json_cell(field.name, cell)
        case "float":
            return _float_cell(cell)
        case _:
            return cell


def _json_cell(name: str, cell: str) -> Any:
    from ingot.runtime.lines import read_json

    try:
        return read_json(cell)
    except ValueError as error:
        raise InputError(f"not JSON: {error}", place=name) from None


def _float_cell(cell: str) -> float | str:
    try:
        return float(cell)
    except ValueError:
        return cell


def _records(path: Path) -> Iterator[bytes]:
    """The records of a CSV file as bytes: lines, joined while a quote is open."""
    held: list[bytes] = []
    quotes = size = 0
    for line in _lines(path):
        held.append(line)
        quotes, size = quotes + line.count(b'"'), size + len(line)
        if quotes % 2 == 0:
            yield b"".join(held)
            held, quotes, size = [], 0, 0
        elif size > LONGEST_LINE:
            raise InputError("a quote is opened and not closed", place=str(path))
    if held:
        yield b"".join(held)
