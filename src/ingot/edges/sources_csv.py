"""Rows of a CSV file: a header of input names, then a record a row. An empty cell is null where the field may be null."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ingot.edges.sources import LONGEST_LINE, Chunk, Row, Source, chunked, file_lines
from ingot.errors import InputError
from ingot.fields import Field
from ingot.tables.csv_text import refuse_other_delimiter

_INTEGER = re.compile(r"-?[0-9]{1,4000}")
"""What Python makes a number of: a longer one, or two signs, is left for validation to refuse."""

_BOM = b"\xef\xbb\xbf"


def csv_rows(path: Path, fields: Sequence[Field]) -> Source:
    """The rows of a CSV file. Raises InputError."""
    header = _header(path, fields)
    known = {one.name: one for one in fields}

    def chunks(size: int) -> Iterator[Chunk]:
        records = _records(path)
        next(records)
        yield from chunked(records, size, lambda record: bool(record.strip()))

    return Source(path, path.stat().st_size, _CsvRow(header, known), chunks)


def _header(path: Path, fields: Sequence[Field]) -> tuple[str, ...]:
    try:
        reader = _reader(next(_records(path), b""), strict=False)  # what another delimiter makes of it is told below
        header, more = next(reader, []), any(reader)
    except (UnicodeDecodeError, csv.Error):
        raise InputError("its header is no CSV in UTF-8", place=str(path)) from None
    if more:
        raise InputError("its lines end in CR alone", place=str(path), hint="write it with LF or CR LF at their ends")
    if not header:
        raise InputError("the file has no header", place=str(path), hint=", ".join(one.name for one in fields))
    refuse_other_delimiter(header, [one.name for one in fields], f"{path}:1", InputError)
    twins = {name for name in header if header.count(name) > 1}
    if twins:
        raise InputError(f"the column {min(twins)!r} is there twice", place=f"{path}:1")
    return tuple(header)


def _reader(record: bytes, *, strict: bool = True) -> Iterator[list[str]]:
    return csv.reader(io.StringIO(record.decode("utf-8"), newline=""), strict=strict)


class _CsvRow:
    """Makes a row of the bytes of one record."""

    def __init__(self, header: tuple[str, ...], known: Mapping[str, Field]) -> None:
        self._header, self._known = header, known

    def __call__(self, record: bytes) -> Row:
        try:
            reader = _reader(record)
            cells, more = next(reader, []), any(reader)
        except UnicodeDecodeError:
            raise InputError("not UTF-8") from None
        except csv.Error as error:
            raise InputError(f"not CSV: {error}") from None
        if more:  # what stands behind the first row would be lost
            raise InputError("a CR alone, outside quotes, ends no row", hint="write LF or CR LF at the end of each row")
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
    """The records of a CSV file as bytes: lines, joined while a quoted cell is open."""
    held: list[bytes] = []
    size, is_open = 0, False
    for number, raw in enumerate(file_lines(path)):
        line = raw if number else raw.removeprefix(_BOM)
        held.append(line)
        size, is_open = size + len(line), _is_open(line, is_open)
        if not is_open:
            yield b"".join(held)
            held, size = [], 0
        elif size > LONGEST_LINE:
            raise InputError("a quote is opened and not closed", place=str(path))
    if held:
        yield b"".join(held)


def _is_open(line: bytes, is_open: bool) -> bool:
    """Whether a quoted cell goes on behind this line, which began inside one or not.

    As the reader of rows sees it: quotes open a cell where they are its first character and nowhere else, so that the sign
    of an inch is no more than a sign; inside, two of them are one.
    """
    if b'"' not in line:
        return is_open
    at = 0
    if not is_open and line.startswith(b'"'):
        at, is_open = 1, True
    while True:
        at = line.find(b'"' if is_open else b',"', at)
        if at < 0:
            return is_open
        if is_open and line[at + 1 : at + 2] == b'"':
            at += 2
        else:
            at, is_open = at + (1 if is_open else 2), not is_open
