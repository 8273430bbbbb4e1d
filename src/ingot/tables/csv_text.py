"""CSV text → the columns and rows of a table. The first row names the columns, in any order."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ingot.errors import IngotError, SpecError
from ingot.yaml_text import closest

LARGEST = 256 * 1024
MOST_ROWS = 1_000


def read_csv(text: str, name: str, outputs: Sequence[str], inputs: Sequence[str] = ()) -> dict[str, Any]:
    """``inputs``, ``outputs`` and ``rows`` of a table.

    `outputs` says which columns are set; `inputs` which are tested, by default all others. An empty input cell is
    ``-``. Raises SpecError with ``name:line:column``, the column being that of the cell.
    """
    if len(text) > LARGEST:
        raise SpecError(f"the table has {len(text):,} characters; {LARGEST:,} is the limit", place=f"{name}:1:1")
    reader = csv.reader(io.StringIO(text, newline=""), strict=True, skipinitialspace=True)
    rows: list[tuple[int, list[str]]] = []
    try:
        for row in reader:
            if any(cell.strip() for cell in row):
                rows.append((reader.line_num, [cell.strip() for cell in row]))
    except csv.Error as error:
        raise SpecError(f"malformed CSV: {error}", place=f"{name}:{reader.line_num}:1") from None
    if len(rows) < 2:
        raise SpecError("the table has no rows", place=f"{name}:1:1", hint="a row of column names, then a row a rule")
    if len(rows) > MOST_ROWS:
        raise SpecError(f"the table has {len(rows):,} rows; {MOST_ROWS:,} is the limit", place=f"{name}:1:1")
    head = rows[0][1]
    refuse_other_delimiter(head, (*outputs, *inputs), f"{name}:{rows[0][0]}:1", SpecError)
    wanted = [*(inputs or [column for column in head if column not in outputs]), *outputs]
    _check_head(head, wanted, f"{name}:{rows[0][0]}")
    for line, row in rows[1:]:
        if len(row) != len(head):
            raise SpecError(
                f"{len(row)} cells for {len(head)} columns",
                place=f"{name}:{line}:{min(len(row), len(head)) + 1}",
                hint="write '-' in a cell that does not matter, and quotes around a cell with a comma",
            )
    order = [head.index(column) for column in wanted]
    width = len(wanted) - len(outputs)
    cells = [[row[at] or ("-" if n < width else "") for n, at in enumerate(order)] for _, row in rows[1:]]
    return {"inputs": wanted[:width], "outputs": list(outputs), "rows": cells}


_OTHERS = {";": "';'", "\t": "tabs", "|": "'|'"}


def refuse_other_delimiter(head: Sequence[str], wanted: Iterable[str], place: str, kind: type[IngotError]) -> None:
    """Raise an error of this kind where the columns of a file are not set apart by commas. It is not guessed: a decimal comma
    comes with another delimiter, and would be read wrongly."""
    if other := _other_delimiter(head, wanted):
        raise kind(
            f"its columns are set apart by {other}, not by commas", place=place,
            hint="write the file with commas: a text with a comma in it, and a number with a decimal comma, stand in quotes",
        )  # fmt: skip


def _other_delimiter(head: Sequence[str], wanted: Iterable[str]) -> str | None:
    """What the columns of a file are set apart by in place of commas, in words; None where its first row, read by commas,
    names a column that is `wanted`, or would name none by another delimiter either."""
    known, line = set(wanted), ",".join(head)
    if not known.isdisjoint(cell.strip() for cell in head):
        return None
    parts = {said: [cell.strip().strip('"') for cell in line.split(mark)] for mark, said in _OTHERS.items()}
    return next((said for said, cells in parts.items() if len(cells) > 1 and not known.isdisjoint(cells)), None)


def _check_head(head: Sequence[str], wanted: Sequence[str], place: str) -> None:
    for n, column in enumerate(head, start=1):
        if not column:
            raise SpecError(f"column {n} has no name", place=f"{place}:{n}", hint="name it in the first row")
        if column in head[: n - 1]:
            raise SpecError(f"the column {column!r} stands twice", place=f"{place}:{n}", hint="delete one")
        if column not in wanted:
            raise SpecError(f"unknown column {column!r}", place=f"{place}:{n}", hint=closest(column, wanted))
    for column in wanted:
        if column not in head:
            raise SpecError(f"no column {column!r}", place=f"{place}:1", hint=closest(column, head))


def with_rows(settings: Mapping[str, Any], name: str, text: str) -> dict[str, Any]:
    """The settings of a table that names a CSV file, with the rows of the file in their place."""
    outputs = settings.get("outputs")
    if not isinstance(outputs, list) or not outputs:
        raise SpecError("a table from a file says which of its columns are outputs", hint="add 'outputs: [column]'")
    found = read_csv(text, name, [str(one) for one in outputs], [str(one) for one in settings.get("inputs") or ()])
    return {key: value for key, value in settings.items() if key != "csv"} | found
