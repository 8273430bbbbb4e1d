"""CSV files of a batch: no row is swallowed by its neighbours, whatever stands in their cells."""

from __future__ import annotations

import csv
import io
import json
import random
from pathlib import Path

import pytest

from ingot.edges.batch import run_batch
from ingot.edges.sources import open_source
from ingot.errors import InputError
from ingot.runtime.run import Workflow

HEADER = b"name,months,rate,start\n"
ROW = b"Ann,2,1.10,2026-01-01\n"


def counted(permit: Workflow, folder: Path, content: bytes) -> tuple[int, int]:
    source = folder / "in.csv"
    source.write_bytes(content)
    report = run_batch(permit, source, folder / "out.jsonl", workers=1)
    return report.rows, report.failed


@pytest.mark.parametrize(
    ("content", "rows"),
    [
        (HEADER + ROW + b'5" pipe,2,1.10,2026-01-01\n' + ROW + b'6" pipe,2,1.10,2026-01-01\n' + ROW, 5),
        (HEADER + ROW + b'5" pipe,2,1.10,2026-01-01\n' + ROW + ROW, 4),
        (HEADER + b'5" x 6",2,1.10,2026-01-01\n' + ROW, 2),
        (HEADER + b'"5"" pipe",2,1.10,2026-01-01\n' + ROW, 2),
        (HEADER + b'"A\nnn, ""A""\n",2,"1.10",2026-01-01\r\n' + ROW, 2),
        (HEADER + b'"A\rnn",2,1.10,2026-01-01\n' + ROW.replace(b"\n", b"\r\r\n") + ROW, 3),
        (b'\xef\xbb\xbf"name",months,rate,start\n' + ROW, 1),
    ],
)
def test_a_quote_inside_a_cell_takes_no_other_row_with_it(
    permit: Workflow, tmp_path: Path, content: bytes, rows: int
) -> None:
    assert counted(permit, tmp_path, content) == (rows, 0)


def test_a_carriage_return_alone_ends_no_row_and_hides_none(permit: Workflow, tmp_path: Path) -> None:
    assert counted(permit, tmp_path, HEADER + ROW + ROW.replace(b"\n", b"\r") + ROW + ROW) == (3, 1)
    (told,) = map(json.loads, (tmp_path / "out.failed.jsonl").read_text(encoding="utf-8").splitlines())
    assert (told["row"], "CR alone" in told["error"]) == (1, True)
    mac = tmp_path / "mac.csv"
    mac.write_bytes((HEADER + ROW + ROW).replace(b"\n", b"\r"))
    with pytest.raises(InputError, match="CR alone"):
        run_batch(permit, mac, tmp_path / "mac.jsonl", workers=1)


def test_a_row_that_is_not_utf_8_is_not_taken_for_a_bad_header(permit: Workflow, tmp_path: Path) -> None:
    assert counted(permit, tmp_path, HEADER + "Jör,2,1.10,2026-01-01\n".encode("latin-1") + ROW) == (2, 1)


def test_records_are_those_that_the_reader_of_csv_sees(permit: Workflow, tmp_path: Path) -> None:
    chance, path, header = random.Random(5), tmp_path / "in.csv", "name,months\n"
    compared = 0
    for _ in range(3_000):
        parts = ("a", ",", '"', "\n", "\r\n", '""', ',"', '"\n', '",')
        text = "".join(chance.choice(parts) for _ in range(chance.randrange(1, 14)))
        try:
            wanted = [row for row in csv.reader(io.StringIO(text, newline=""), strict=True) if row]
        except csv.Error:
            continue
        path.write_text(header + text, encoding="utf-8", newline="")
        source = open_source(path, permit.spec.inputs)
        found = [raw for chunk in source.chunks(3) for raw in chunk.raw]
        assert [next(csv.reader(io.StringIO(raw.decode(), newline=""))) for raw in found] == wanted, text
        compared += 1
    assert compared > 1_000
