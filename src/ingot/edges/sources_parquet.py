"""Rows of a Parquet file, with a limit for each and a digest of what was read.

A few bytes of Parquet can stand for gigabytes: one long text that every row refers to. So texts are taken as the file
keeps them, each once, and what rows come to is computed before they are made.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from ingot.edges.sources import CHUNK_BYTES, LONGEST_LINE, Chunk, Source
from ingot.errors import InputError
from ingot.fields import Field

if TYPE_CHECKING:
    from pyarrow import Array, RecordBatch
    from pyarrow.parquet import FileMetaData, ParquetFile

READ_AT_ONCE = 1024 * 1024

NESTED_AT_ONCE = 64
"""Rows that are read together where texts are inside lists or objects: those are not taken as the file keeps them."""


def parquet_rows(path: Path, _fields: Sequence[Field]) -> Source:
    """`Chunk.position` counts rows; `Chunk.seen` covers the file's metadata and every row group of which rows were read."""
    from pyarrow import ArrowInvalid, parquet

    try:
        with parquet.ParquetFile(path) as file:
            rows = file.metadata.num_rows
    except ArrowInvalid as error:
        raise InputError(f"not Parquet: {error}", place=str(path)) from None

    def chunks(size: int) -> Iterator[Chunk]:
        try:
            yield from _chunks(path, size)
        except (ArrowInvalid, OSError, UnicodeDecodeError, OverflowError) as error:
            said = "its rows cannot be read" if isinstance(error, UnicodeDecodeError) else str(error).splitlines()[0]
            raise InputError(f"damaged Parquet: {said}", place=str(path)) from None

    return Source(path, rows, dict, chunks)


def _chunks(path: Path, size: int) -> Iterator[Chunk]:
    held: list[Any] = []
    first = weight = 0
    seen = hashlib.sha256()
    for some, each, seen in _parts(path, size):
        for row, own in zip(some, each, strict=True):
            held.append(row)
            weight += own
            if len(held) == size or weight >= CHUNK_BYTES:
                yield Chunk(first, held, first + len(held), seen.hexdigest())
                first, held, weight = first + len(held), [], 0
    if held:
        yield Chunk(first, held, first + len(held), seen.hexdigest())


def _parts(path: Path, size: int) -> Iterator[tuple[Iterator[Any], Sequence[int], Any]]:
    """Some rows at a time: the rows, the bytes that each comes to, and the digest of what was read so far."""
    from pyarrow import parquet

    with path.open("rb") as raw, parquet.ParquetFile(path) as plain:
        texts, nested = _texts(plain)
        seen = hashlib.sha256(_footer(raw))
        with parquet.ParquetFile(path, read_dictionary=texts) as file:
            for group in range(file.num_row_groups):
                for start, length in _ranges(file.metadata, group):
                    _digest(raw, start, length, seen)
                for batch in file.iter_batches(min(size, NESTED_AT_ONCE) if nested else size, row_groups=[group]):
                    each = _weights(batch)
                    if each and max(each) > LONGEST_LINE:
                        raise InputError(
                            f"a row is longer than {LONGEST_LINE} bytes", place=str(path), hint="a transaction a row"
                        )
                    yield _rows(batch, each), each, seen.copy()


def _rows(batch: RecordBatch, each: Sequence[int]) -> Iterator[Any]:
    """The rows, made some at a time where all of them would fill the memory."""
    step = max(1, CHUNK_BYTES // max(1, max(each, default=1)))
    for start in range(0, batch.num_rows, step):
        yield from _whole(batch.slice(start, step)).to_pylist()


def _whole(batch: RecordBatch) -> RecordBatch:
    """The rows with their texts in place, of which rows are made more quickly."""
    import pyarrow

    columns = [one.dictionary_decode() if pyarrow.types.is_dictionary(one.type) else one for one in batch.columns]
    return pyarrow.RecordBatch.from_arrays(columns, names=batch.schema.names)


def _texts(file: ParquetFile) -> tuple[list[str], bool]:
    """The columns that hold texts or bytes, and whether any stands inside a list or an object."""
    columns = [file.schema.column(number) for number in range(len(file.schema))]
    long = [one for one in columns if one.physical_type == "BYTE_ARRAY"]
    flat = [one.path for one in long if one.path == one.name and str(one.logical_type.type) in ("STRING", "NONE")]
    return flat, len(flat) < len(long)


def _weights(batch: RecordBatch) -> list[int]:
    """About how many bytes each row comes to, at least what its texts have."""
    import pyarrow.compute as pc

    total = None
    rest = 0
    for column in batch.columns:
        own = _lengths(column)
        if own is None:
            rest += column.nbytes
        else:
            total = own if total is None else pc.add(total, own)
    rows = batch.num_rows
    counted = [0] * rows if total is None else total.to_pylist()
    if rest > LONGEST_LINE:  # few files: what is not text, row by row
        others = [column for column in batch.columns if _lengths(column) is None]
        return [own + sum(one.slice(row, 1).nbytes for one in others) for row, own in enumerate(counted)]
    return [own + rest // max(1, rows) for own in counted]


def _lengths(column: Array) -> Array | None:
    """The bytes of every text of a column that was read as the file keeps it; None for another column."""
    import pyarrow
    import pyarrow.compute as pc

    if not pyarrow.types.is_dictionary(column.type):
        return None
    lengths = pc.binary_length(column.dictionary).cast(pyarrow.int64())
    return pc.fill_null(lengths.take(column.indices), 0)


def _footer(raw: BinaryIO) -> bytes:
    """The file's own description of itself, which ends in its length and a mark."""
    raw.seek(-8, 2)
    length = int.from_bytes(raw.read(4), "little")
    raw.seek(-8 - length, 2)
    return raw.read(length)


def _ranges(metadata: FileMetaData, group: int) -> Iterator[tuple[int, int]]:
    """Where the pages of a row group stand."""
    found = metadata.row_group(group)
    for number in range(found.num_columns):
        column = found.column(number)
        starts = [one for one in (column.dictionary_page_offset, column.data_page_offset) if one]
        yield min(starts, default=0), column.total_compressed_size


def _digest(raw: BinaryIO, start: int, length: int, seen: Any) -> None:
    raw.seek(start)
    while length > 0 and (part := raw.read(min(length, READ_AT_ONCE))):
        seen.update(part)
        length -= len(part)
