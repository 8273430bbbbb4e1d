"""Batches: every row answered once and in order, whatever kills the process."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from ingot.compile.driver import check
from ingot.edges import batch as module
from ingot.edges import sources, sources_parquet
from ingot.edges.batch import run_batch
from ingot.edges.sources import open_source
from ingot.errors import IngotError, InputError, StepError, StoreError
from ingot.runtime.run import Workflow, load
from ingot.store.reviews import decide, list_reviews, show_review
from ingot.store.runs import RecordedWorkflow, opened
from ingot.store.store import Store
from ingot.store.tables import reviews as review_table
from ingot.store.tables import runs as run_table


def rows(count: int) -> list[dict[str, Any]]:
    """Every seventh row fits nothing, every fifth has no rate and goes to a person."""
    found = []
    for number in range(count):
        row = {"name": f"Planted{number}", "months": number % 13, "rate": f"{number}.10", "start": "2026-01-01"}
        if number % 7 == 6:
            row["months"] = 99
        elif number % 5 == 4:
            del row["rate"]
        found.append(row)
    return found


def written(path: Path, some: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in some), encoding="utf-8")
    return path


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def expected(count: int) -> tuple[list[int], list[int], list[int]]:
    failed = [n for n in range(count) if n % 7 == 6]
    waiting = [n for n in range(count) if n % 7 != 6 and n % 5 == 4]
    return [n for n in range(count) if n % 7 != 6], waiting, failed


@pytest.mark.parametrize("workers", [1, 2])
def test_every_row_is_answered_once_and_in_order(permit: Workflow, tmp_path: Path, workers: int) -> None:
    source, out = written(tmp_path / "in.jsonl", rows(103)), tmp_path / "out.jsonl"
    report = run_batch(permit, source, out, workers=workers, rows_at_once=10)
    ended, waiting, failed = expected(103)
    assert (report.rows, report.failed, report.reviews, report.resumed) == (103, len(failed), len(waiting), 0)
    found = lines(out)
    assert [line["row"] for line in found] == ended
    assert [line["row"] for line in found if line["status"] == "needs_review"] == waiting
    assert found[1]["output"] == {"fee": "1.10"}
    bad = lines(tmp_path / "out.failed.jsonl")
    assert [line["row"] for line in bad] == failed
    assert {line["place"] for line in bad} == {"months"}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.jsonl", "out.failed.jsonl", "out.jsonl"]


def test_trusted_rows_give_the_same_lines(permit: Workflow, tmp_path: Path) -> None:
    good = [row for row in rows(50) if row["months"] != 99]
    source = written(tmp_path / "in.jsonl", good)
    run_batch(permit, source, tmp_path / "a.jsonl", workers=1)
    run_batch(permit, source, tmp_path / "b.jsonl", workers=1, validate=False)
    assert (tmp_path / "a.jsonl").read_bytes() == (tmp_path / "b.jsonl").read_bytes()


def test_trusted_rows_that_cannot_be_converted_fail_by_themselves(permit: Workflow, tmp_path: Path) -> None:
    source = written(tmp_path / "in.jsonl", [rows(1)[0], {"months": 1}, {**rows(1)[0], "start": "soon"}])
    report = run_batch(permit, source, tmp_path / "out.jsonl", workers=1, validate=False)
    assert (report.rows, report.failed) == (3, 2)


def test_a_trusted_row_that_the_program_cannot_take_fails_by_itself(permit: Workflow, tmp_path: Path) -> None:
    good = rows(1)[0]
    source = written(tmp_path / "in.jsonl", [good, {**good, "months": "two"}, {**good, "months": None}, good])
    report = run_batch(permit, source, tmp_path / "out.jsonl", workers=1, validate=False)
    assert (report.rows, report.failed) == (4, 2)
    assert {line["kind"] for line in lines(tmp_path / "out.failed.jsonl")} == {"OutputError"}


def test_csv_and_parquet_are_read_as_json_lines_are(permit: Workflow, tmp_path: Path) -> None:
    import pyarrow
    from pyarrow import parquet

    some = [{**row, "name": 'a "b",\nc', "rate": row.get("rate")} for row in rows(40) if row["months"] != 99]
    run_batch(permit, written(tmp_path / "in.jsonl", some), tmp_path / "json.jsonl", workers=1)
    with (tmp_path / "in.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(some[0]))
        writer.writeheader()
        writer.writerows(some)
    run_batch(permit, tmp_path / "in.csv", tmp_path / "csv.jsonl", workers=1, rows_at_once=7)
    typed = [{**row, "start": date(2026, 1, 1)} for row in some]
    parquet.write_table(pyarrow.Table.from_pylist(typed), tmp_path / "in.parquet")
    run_batch(permit, tmp_path / "in.parquet", tmp_path / "parquet.jsonl", workers=1, rows_at_once=7)
    assert lines(tmp_path / "json.jsonl") == lines(tmp_path / "csv.jsonl") == lines(tmp_path / "parquet.jsonl")


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ('{"months": 1, "months": 2}', "there twice"),
        ('{"name": "a", "months": NaN}', "NaN"),
        ("[1]", "not an object"),
        ("{", "not JSON"),
        ('{"name": ' + "[" * 100_000, "nested too deeply"),
        ('{"name": "a", "start": "2026-01-01", "months": 1e999999999}', "months"),
    ],
)
def test_lines_that_are_no_rows_fail_by_themselves(permit: Workflow, tmp_path: Path, line: str, says: str) -> None:
    source = tmp_path / "in.jsonl"
    source.write_text(f"{line}\n{json.dumps(rows(1)[0])}\n", encoding="utf-8")
    report = run_batch(permit, source, tmp_path / "out.jsonl", workers=1)
    assert (report.rows, report.failed) == (2, 1)
    (bad,) = lines(tmp_path / "out.failed.jsonl")
    assert says in f"{bad['place']} {bad['error']}"


def test_a_labelled_value_that_does_not_fit_is_not_told(permit: Workflow, tmp_path: Path) -> None:
    source = written(tmp_path / "in.jsonl", [{**rows(1)[0], "name": "Planted" * 20}])
    run_batch(permit, source, tmp_path / "out.jsonl", workers=1)
    assert "Planted" not in (tmp_path / "out.failed.jsonl").read_text()


GREETING = """
metadata: {name: greeting, owner: clerk}
inputs:
  name: {type: text, sensitive: phi}
  who: {type: object, fields: {number: {type: text, sensitive: pii, max_length: 5}}}
outputs: {greeting: {type: text, sensitive: phi, max_length: 5000}}
logic_requirements:
  - step: compute
    type: function
    intent: Greet.
    inputs: [name]
    outputs: {greeting: {type: text, sensitive: phi, max_length: 5000}}
cases:
  - {id: a, input: {name: Ann, who: {number: "1"}}, expected: {greeting: Dear Ann}}
  - {id: b, input: {name: Bob, who: {number: "1"}}, expected: {greeting: Dear Bob}, held_out: true}
"""


def greeting_of(folder: Path, template: str = "handler") -> Workflow:
    plan = f"plan: {{template: {template}}}\ncases:"
    (folder / "spec.yaml").write_text(GREETING.replace("cases:", plan), encoding="utf-8")
    logic = 'def compute(name: str) -> str:\n    return f"Dear {name}"  # C1\n'
    checked = check(folder / "spec.yaml", logic, author="test", out=folder / "out")
    assert checked.path, [str(finding) for finding in checked.attempts[0].findings]
    return load(checked.path)


@pytest.fixture(scope="module")
def greeting(tmp_path_factory: pytest.TempPathFactory) -> Workflow:
    return greeting_of(tmp_path_factory.mktemp("greeting"))


@pytest.mark.parametrize("template", ["stream", "batch"])
def test_what_a_template_does_around_one_run_changes_nothing_in_a_batch(
    greeting: Workflow, store: Store, tmp_path: Path, template: str
) -> None:
    """Order, failures in their place and resuming are the batch's own, whatever the artifact's template does for them."""
    other = greeting_of(tmp_path, template)
    assert (other.template_name, greeting.template_name) == (template, "handler")
    some = [{"name": "a" * (5_000 * (n % 5 == 3) + 1), "who": {"number": str(n)}} for n in range(20)]
    source = written(tmp_path / "in.jsonl", some)
    for workflow, name in ((greeting, "first"), (other, "second")):
        report = run_batch(workflow, source, tmp_path / f"{name}.jsonl", workers=1, rows_at_once=6, store=store)
        assert (report.rows, report.failed, report.reviews) == (20, 4, 0)
    assert (tmp_path / "first.jsonl").read_bytes() == (tmp_path / "second.jsonl").read_bytes()
    assert (tmp_path / "first.failed.jsonl").read_bytes() == (tmp_path / "second.failed.jsonl").read_bytes()
    records = [one for one in store.audit.records() if one["digest"] == other.digest]
    assert [one["status"] for one in records].count("failed") == 4
    assert len(records) == 20


@pytest.mark.parametrize("trusted", [False, True])
def test_a_validator_in_a_batch_hands_what_does_not_fit_to_a_person(
    store: Store, tmp_path: Path, trusted: bool
) -> None:
    """Also where the rows are trusted: that no answer goes on unchecked is what the template is for."""
    workflow = greeting_of(tmp_path, "validator")
    some = [{"name": "Planted" * (1_000 * (n % 5 == 3) + 1), "who": {"number": str(n)}} for n in range(20)]
    source, out = written(tmp_path / "in.jsonl", some), tmp_path / "out.jsonl"
    report = run_batch(workflow, source, out, workers=1, rows_at_once=6, validate=not trusted, store=store)
    assert (report.rows, report.failed, report.reviews) == (20, 0, 4)
    asked = [line for line in lines(out) if line["status"] == "needs_review"]
    assert [line["row"] for line in asked] == [3, 8, 13, 18]
    told = {"proposed": None, "reason": "no outcome: OutputError", "step": "validator"}
    assert all(line["review"] == told for line in asked)
    records = list(store.audit.records())
    assert "Planted" not in json.dumps(records)
    assert [one["status"] for one in records].count("needs_review") == 4
    (review, *_), recorded = list_reviews(store), RecordedWorkflow(workflow, store)
    assert show_review(store, review["review"]).input == some[3]
    answer = {"greeting": "Dear all"}
    decide(recorded, review["review"], approve=True, by="Kim", why="too long", answer=answer)
    assert recorded.state(review["run"]) == "ended"
    assert len(list_reviews(store)) == 3


def test_a_labelled_value_inside_an_object_or_an_answer_is_in_no_reason_and_no_record(
    greeting: Workflow, store: Store, tmp_path: Path
) -> None:
    """An answer that does not fit its field fails the run: what the error says of it is sealed in its record."""
    bad = [{"name": "Planted" * 1000, "who": {"number": "1"}}, {"name": "A", "who": {"number": "Planted"}}]
    run_batch(greeting, written(tmp_path / "in.jsonl", bad), tmp_path / "out.jsonl", workers=1, store=store)
    told = (tmp_path / "out.failed.jsonl").read_text()
    assert [line["place"] for line in map(json.loads, told.splitlines())] == ["greeting", "who.number"]
    records = list(store.audit.records())
    assert "Planted" not in told + json.dumps(records)
    assert [one["kind"] for one in records] == ["run", "refused"]
    assert (records[0]["status"], records[0]["error_type"]) == ("failed", "OutputError")
    assert opened(records[0], store)["input"]["name"] == "Planted" * 1000
    for row in bad:
        with pytest.raises(IngotError) as caught:
            greeting.run(row)
        assert "Planted" not in str(caught.value)


@pytest.mark.parametrize("months", ["--5", "-", "9" * 5000, "\u0665"])
def test_a_cell_that_is_no_number_fails_its_row_alone(permit: Workflow, tmp_path: Path, months: str) -> None:
    source = tmp_path / "in.csv"
    source.write_text(f"name,months,rate,start\na,{months},1,2026-01-01\nb,2,1,2026-01-01\n", encoding="utf-8")
    report = run_batch(permit, source, tmp_path / "out.jsonl", workers=1)
    assert (report.rows, report.failed) == (2, 1)
    assert [line["place"] for line in lines(tmp_path / "out.failed.jsonl")] == ["months"]


def test_a_quote_that_nobody_closes_costs_no_more_than_its_bytes(permit: Workflow, tmp_path: Path) -> None:
    source = tmp_path / "in.csv"
    source.write_bytes(b'name,months,rate,start\n"' + b"a\n" * 2_000_000)
    started = time.process_time()
    report = run_batch(permit, source, tmp_path / "out.jsonl", workers=1)
    assert (report.rows, report.failed) == (1, 1)
    assert time.process_time() - started < 10


def test_a_parquet_file_whose_pages_are_damaged_is_one_precise_error(permit: Workflow, tmp_path: Path) -> None:
    import pyarrow
    from pyarrow import parquet

    path = tmp_path / "in.parquet"
    parquet.write_table(pyarrow.Table.from_pylist(rows(3000)), path)
    content = bytearray(path.read_bytes())
    footer = 8 + int.from_bytes(content[-8:-4], "little")
    content[8 : len(content) - footer] = bytes(one ^ 0x5A for one in content[8 : len(content) - footer])
    path.write_bytes(content)
    with pytest.raises(InputError, match="damaged Parquet") as caught:
        run_batch(permit, path, tmp_path / "out.jsonl", workers=1)
    assert caught.value.place == str(path)


def parquet_of(path: Path, some: list[dict[str, Any]], **options: Any) -> Path:
    import pyarrow
    from pyarrow import parquet

    parquet.write_table(pyarrow.Table.from_pylist(some), path, **options)
    return path


def test_parquet_rows_are_the_same_however_the_file_is_cut(tmp_path: Path) -> None:
    some = [{"name": f"n{n % 3}", "many": ["a", "b"] * (n % 3), "n": n, "x": None} for n in range(100)]
    for size, group in ((7, 20), (200, 33), (33, 100)):
        source = open_source(parquet_of(tmp_path / "in.parquet", some, row_group_size=group), ())
        chunks = list(source.chunks(size))
        assert [row for chunk in chunks for row in chunk.raw] == some
        assert [len(chunk.raw) for chunk in chunks[:-1]] == [size] * (len(chunks) - 1)
        assert [chunk.first for chunk in chunks] == list(range(0, 100, size))
        assert chunks[-1].position == source.size == 100


def test_changed_parquet_rows_are_seen_where_the_metadata_is_the_same(permit: Workflow, tmp_path: Path) -> None:
    """Plain numbers without statistics or checksums: one byte of a value is changed, and no byte of the metadata."""
    some = [{**row, "months": 3} for row in rows(100)]
    options: dict[str, Any] = {"use_dictionary": False, "compression": "none", "write_statistics": False}
    path, out = parquet_of(tmp_path / "in.parquet", some, row_group_size=25, **options), tmp_path / "out.jsonl"
    told: list[int] = []

    def stop(position: int) -> None:
        told.append(position)
        if position == 30:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_batch(permit, path, out, workers=1, rows_at_once=10, progress=stop)
    whole = path.read_bytes()
    at = whole.index((3).to_bytes(8, "little") * 5)
    path.write_bytes(whole[:at] + b"\x04" + whole[at + 1 :])
    with pytest.raises(InputError, match="not those that were begun with"):
        run_batch(permit, path, out, workers=1, rows_at_once=10)
    path.write_bytes(whole)
    assert run_batch(permit, path, out, workers=1, rows_at_once=10).resumed == 30


def test_a_parquet_row_has_a_limit_and_many_long_ones_fill_no_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One text that every row refers to: the file is small, and what the rows come to is not."""
    some = [{"name": "a" * 1000, "n": n} for n in range(500)]
    source = open_source(parquet_of(tmp_path / "in.parquet", some), ())
    monkeypatch.setattr(sources_parquet, "CHUNK_BYTES", 10_000)
    chunks = list(source.chunks(200))
    assert [row for chunk in chunks for row in chunk.raw] == some
    assert max(len(chunk.raw) for chunk in chunks) == 10
    monkeypatch.setattr(sources_parquet, "LONGEST_LINE", 999)
    with pytest.raises(InputError, match="a row is longer than 999 bytes") as caught:
        list(source.chunks(200))
    assert caught.value.place == str(source.path)
    nested = open_source(parquet_of(tmp_path / "nested.parquet", [{"many": ["a" * 600] * 3}] * 10), ())
    with pytest.raises(InputError, match="longer than 999"):
        list(nested.chunks(5))


def test_a_chunk_of_long_lines_ends_early_and_always_at_the_same_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sources, "CHUNK_BYTES", 1_000)
    source = open_source(written(tmp_path / "in.jsonl", rows(50)), ())
    chunks = list(source.chunks(40))
    assert chunks == list(source.chunks(40))
    assert 10 < max(len(chunk.raw) for chunk in chunks) < 20
    assert sum(len(chunk.raw) for chunk in chunks) == 50
    assert chunks[-1].position == source.size


def test_the_rows_of_a_batch_are_no_file_that_it_writes(permit: Workflow, tmp_path: Path) -> None:
    """The failures of an earlier batch, given under the name where this one would write its own."""
    source = written(tmp_path / "out.failed.jsonl", rows(3))
    before = source.read_bytes()
    with pytest.raises(InputError, match="would write itself"):
        run_batch(permit, source, tmp_path / "out.jsonl", workers=1)
    assert source.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["out.failed.jsonl"]


def test_an_output_that_another_process_finished_meanwhile_is_not_made_twice(
    permit: Workflow, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other one ends after this one looked for the output and before it opens the journal."""
    source, out = written(tmp_path / "in.jsonl", rows(20)), tmp_path / "out.jsonl"
    looked = module._refuse_taken

    def then_done(path: Path, named: Path) -> None:
        looked(path, named)
        monkeypatch.undo()
        run_batch(permit, source, out, workers=1, store=store)

    monkeypatch.setattr(module, "_refuse_taken", then_done)
    with pytest.raises(InputError, match="just now"):
        run_batch(permit, source, out, workers=1, store=store)
    assert len(list(store.audit.records())) == 20
    assert sorted(path.name for path in tmp_path.glob("out*")) == ["out.failed.jsonl", "out.jsonl"]


def test_with_a_store_every_row_has_a_record(permit: Workflow, store: Store, tmp_path: Path) -> None:
    source = written(tmp_path / "in.jsonl", rows(103))
    run_batch(permit, source, tmp_path / "out.jsonl", workers=2, rows_at_once=10, store=store)
    records = list(store.audit.records())
    assert [int(record["run"].rpartition("-")[2], 16) for record in records] == list(range(103))
    _ended, waiting, failed = expected(103)
    assert [r["kind"] for r in records].count("refused") == len(failed)
    assert len(list_reviews(store, most=1000)) == len(waiting)
    assert records[1]["output"] == {"fee": "1.10"}
    assert "Planted" not in json.dumps(records)
    assert store.audit.verify().problems == ()
    run = records[17]["run"]
    assert [record["run"] for record in store.audit.records(run)] == [run]


def test_what_waits_in_a_batch_is_sealed_once_and_decided_exactly_once(
    permit: Workflow, store: Store, tmp_path: Path
) -> None:
    run_batch(permit, written(tmp_path / "in.jsonl", rows(20)), tmp_path / "out.jsonl", workers=1, store=store)
    with store.engine.connect() as connection:
        cells = repr([connection.execute(table.select()).all() for table in (run_table, review_table)])
        assert set(connection.execute(select(run_table.c.sealed)).scalars()) == {""}
    assert "Planted" not in cells
    waiting = list_reviews(store)
    assert [one["run"] for one in waiting] == [r["run"] for r in store.audit.records() if r.get("review")]
    held = show_review(store, waiting[0]["review"])
    assert held.input == {"name": "Planted4", "months": 4, "start": "2026-01-01"}
    assert (held.arguments, held.proposed, held.step) == ({}, None, "compute")
    recorded = RecordedWorkflow(permit, store)
    with pytest.raises(StoreError, match="is waiting"):
        recorded.resume(held.run)
    answer = {"fee": "4.00"}
    assert decide(recorded, held.review, approve=True, by="Kim", why="seen", answer=answer) is None
    with pytest.raises(StoreError, match="was approved by Kim"):
        decide(recorded, held.review, approve=True, by="Kim", why="seen", answer=answer)
    assert recorded.state(held.run) == "ended"
    assert store.audit.verify().problems == ()


CODE = """
import sys
from pathlib import Path
from ingot.edges.batch import run_batch
from ingot.runtime.run import load
from ingot.store.keys import StoreKey
from ingot.store.store import Store
artifact, folder, workers = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
with Store.open(str(folder / "store.db"), StoreKey(bytes(32))) as store:
    run_batch(load(artifact), folder / "in.jsonl", folder / "out.jsonl", workers=workers, rows_at_once=25, store=store)
"""


@pytest.mark.parametrize("workers", [1, 2])
def test_killed_again_and_again_it_loses_and_doubles_nothing(
    permit_path: Path, permit: Workflow, tmp_path: Path, workers: int
) -> None:
    count = 3_000
    written(tmp_path / "in.jsonl", rows(count))
    command = [sys.executable, "-c", CODE, str(permit_path), str(tmp_path), str(workers)]
    kills = 0
    while not (tmp_path / "out.jsonl").exists():
        process = subprocess.Popen(command, start_new_session=True)
        reached = size(tmp_path) + 20_000 * (kills < 6) + 10**9 * (kills >= 6)
        while process.poll() is None and size(tmp_path) < reached:
            time.sleep(0.002)
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            kills += 1
        process.wait()
    assert kills >= 3
    ended, waiting, failed = expected(count)
    assert [line["row"] for line in lines(tmp_path / "out.jsonl")] == ended
    assert [line["row"] for line in lines(tmp_path / "out.failed.jsonl")] == failed
    from ingot.store.keys import StoreKey

    with Store.open(str(tmp_path / "store.db"), StoreKey(bytes(32))) as store:
        numbers = [int(record["run"].rpartition("-")[2], 16) for record in store.audit.records()]
        assert numbers == list(range(count))
        assert len(list_reviews(store, most=count)) == len(waiting)
        assert store.audit.verify().problems == ()
    run_batch(permit, tmp_path / "in.jsonl", tmp_path / "whole.jsonl", workers=1)
    assert (tmp_path / "whole.jsonl").read_bytes() == (tmp_path / "out.jsonl").read_bytes()


def size(folder: Path) -> int:
    partial = folder / "out.jsonl.partial"
    return partial.stat().st_size if partial.exists() else 0


def interrupted(permit: Workflow, source: Path, out: Path, after: int = 3) -> None:
    """A batch that stops after some chunks as by Ctrl-C."""
    told: list[int] = []

    def stop(position: int) -> None:
        told.append(position)
        if len(told) == after:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_batch(permit, source, out, workers=1, rows_at_once=10, progress=stop)


def test_a_batch_goes_on_only_with_the_same_rows(permit: Workflow, tmp_path: Path) -> None:
    source, out = written(tmp_path / "in.jsonl", rows(100)), tmp_path / "out.jsonl"
    interrupted(permit, source, out)
    changed = rows(100)
    changed[3]["months"] = 11
    written(source, changed)
    with pytest.raises(InputError, match="not those that were begun with"):
        run_batch(permit, source, out, workers=1, rows_at_once=10)
    written(source, rows(100))
    with pytest.raises(InputError, match="other settings"):
        run_batch(permit, source, out, workers=1, rows_at_once=20)
    report = run_batch(permit, source, out, workers=1, rows_at_once=10)
    assert (report.rows, report.resumed) == (100, 30)


def test_what_was_half_written_is_cut_off(permit: Workflow, tmp_path: Path) -> None:
    source, out = written(tmp_path / "in.jsonl", rows(100)), tmp_path / "out.jsonl"
    interrupted(permit, source, out)
    for name in ("out.jsonl.partial", "out.failed.jsonl", "out.jsonl.journal"):
        with (tmp_path / name).open("ab") as file:
            file.write(b'{"half')
    run_batch(permit, source, out, workers=1, rows_at_once=10)
    assert [line["row"] for line in lines(out)] == expected(100)[0]
    assert [line["row"] for line in lines(tmp_path / "out.failed.jsonl")] == expected(100)[2]


def test_an_output_that_was_cut_is_refused(permit: Workflow, tmp_path: Path) -> None:
    source, out = written(tmp_path / "in.jsonl", rows(100)), tmp_path / "out.jsonl"
    interrupted(permit, source, out)
    os.truncate(tmp_path / "out.jsonl.partial", 10)
    with pytest.raises(InputError, match="shorter than its journal says"):
        run_batch(permit, source, out, workers=1, rows_at_once=10)


def test_an_output_that_is_there_is_left_alone(permit: Workflow, tmp_path: Path) -> None:
    source, out = written(tmp_path / "in.jsonl", rows(3)), tmp_path / "out.jsonl"
    out.write_text("mine")
    with pytest.raises(InputError, match="there already"):
        run_batch(permit, source, out)
    assert out.read_text() == "mine"


def test_the_failures_of_another_batch_are_not_written_over(permit: Workflow, tmp_path: Path) -> None:
    source = written(tmp_path / "in.jsonl", rows(20))
    run_batch(permit, source, tmp_path / "fees.jsonl", workers=1)
    before = (tmp_path / "fees.failed.jsonl").read_bytes()
    with pytest.raises(InputError, match="failures of another batch") as caught:
        run_batch(permit, source, tmp_path / "fees.out", workers=1)
    assert caught.value.place == str(tmp_path / "fees.failed.jsonl")
    assert (tmp_path / "fees.failed.jsonl").read_bytes() == before
    assert sorted(one.name for one in tmp_path.glob("fees.*")) == ["fees.failed.jsonl", "fees.jsonl"]


@pytest.mark.parametrize("content", [b"junk\n", b"[]\n", b"\0" * 50 + b"\n", b'{}\n{"zz": 1}\n', b"{}\n1\n"])
@pytest.mark.parametrize("there", [True, False])
def test_a_journal_that_no_batch_wrote_is_one_precise_error(
    permit: Workflow, tmp_path: Path, content: bytes, there: bool
) -> None:
    source, journal = written(tmp_path / "in.jsonl", rows(3)), tmp_path / "out.jsonl.journal"
    journal.write_bytes(content)
    if there:
        (tmp_path / "out.jsonl").write_bytes(b"")
    with pytest.raises(InputError, match="no journal of a batch") as caught:
        run_batch(permit, source, tmp_path / "out.jsonl", workers=1)
    assert caught.value.place == str(journal)
    assert journal.read_bytes() == content


def test_two_processes_do_not_write_one_output(permit: Workflow, tmp_path: Path) -> None:
    source, out = written(tmp_path / "in.jsonl", rows(100)), tmp_path / "out.jsonl"

    def again(_position: int) -> None:
        with pytest.raises(InputError, match="another process"):
            run_batch(permit, source, out, workers=1, rows_at_once=10)

    run_batch(permit, source, out, workers=1, rows_at_once=10, progress=again)


def test_a_full_disk_is_one_error_and_the_batch_goes_on_later(
    permit: Workflow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, out = written(tmp_path / "in.jsonl", rows(100)), tmp_path / "out.jsonl"
    real, calls = os.fdatasync, []

    def full(descriptor: int) -> None:
        calls.append(descriptor)
        if len(calls) == 8:
            raise OSError(28, "No space left on device")
        real(descriptor)

    monkeypatch.setattr(module.os, "fdatasync", full)
    with pytest.raises(StepError, match="No space left"):
        run_batch(permit, source, out, workers=1, rows_at_once=10)
    monkeypatch.undo()
    run_batch(permit, source, out, workers=1, rows_at_once=10)
    assert [line["row"] for line in lines(out)] == expected(100)[0]


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("in.txt", "x", "not a kind of file"),
        ("in.csv", "", "no header"),
        ("in.csv", "a,b,a\n1,2,3\n", "'a' is there twice"),
        ("in.csv", "zone;months;resident\nA;3;true\n", "set apart by ';', not by commas"),
        ("in.csv", '"zone"\t"months"\t"resident"\nA\t3\ttrue\n', "set apart by tabs, not by commas"),
        ("in.csv", "a\0b" + "x" * 200_000 + "\n1\n", "no CSV"),
        ("in.parquet", "no parquet", "not Parquet"),
    ],
)
def test_a_source_that_cannot_be_read_is_one_precise_error(
    permit: Workflow, tmp_path: Path, name: str, content: str, says: str
) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(InputError, match=says):
        run_batch(permit, tmp_path / name, tmp_path / "out.jsonl")
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_workers_end_with_a_parent_that_is_killed_and_leave_its_lock(permit_path: Path, tmp_path: Path) -> None:
    written(tmp_path / "in.jsonl", rows(3_000))
    command = [sys.executable, "-c", CODE, str(permit_path), str(tmp_path), "2"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    while process.poll() is None and size(tmp_path) < 5_000:
        time.sleep(0.002)
    process.kill()
    assert process.wait(10) == -signal.SIGKILL
    again = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (again.returncode, again.stderr) == (0, "")
    assert [line["row"] for line in lines(tmp_path / "out.jsonl")] == expected(3_000)[0]
    assert process.communicate(timeout=10) == (b"", None), "a worker is alive as long as its end of the pipe"


@pytest.mark.parametrize("at", ["unlink", "sync_folder"])
def test_killed_after_the_output_had_its_name_it_is_finished(
    permit: Workflow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: str
) -> None:
    source, out = written(tmp_path / "in.jsonl", rows(20)), tmp_path / "out.jsonl"

    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(*((Path, at) if at == "unlink" else (module, at)), killed)
        with pytest.raises(KeyboardInterrupt):
            run_batch(permit, source, out, workers=1, rows_at_once=10)
    with pytest.raises(InputError, match="there already"):
        run_batch(permit, source, out, workers=1, rows_at_once=11)
    report = run_batch(permit, source, out, workers=1, rows_at_once=10)
    assert (report.rows, report.resumed) == (20, 20)
    assert [line["row"] for line in lines(out)] == expected(20)[0]
    assert not (tmp_path / "out.jsonl.journal").exists()
