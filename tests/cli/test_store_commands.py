"""Commands that take a store, and batches, as they are typed."""

from __future__ import annotations

import csv
import json
import os
import sqlite3
from pathlib import Path

import pytest

from .conftest import Run
from .test_notify_commands import asking

__all__ = ["asking"]

CASE = '{"zone": "A", "months": 2, "resident": false}'


@pytest.fixture
def recorded(ingot: Run, artifact: Path, tmp_path: Path) -> tuple[Path, str]:
    """A store with one run in it, and the run's id."""
    store = tmp_path / "runs.db"
    done = ingot("run", artifact, "--input", CASE, "--store", store)
    assert done.code == 0, done.err
    return store, json.loads(done.out)["run_id"]


def test_a_run_is_recorded_shown_and_replayed(ingot: Run, artifact: Path, recorded: tuple[Path, str]) -> None:
    store, run = recorded
    shown = ingot("audit", "show", run, "--store", store)
    assert json.loads(shown.out)["output"] == {"fee": "60.00"}
    replayed = ingot("replay", run, "--artifact", artifact, "--store", store)
    assert (replayed.code, replayed.out.startswith(f"{run}: the same outcome")) == (0, True)
    assert ingot("audit", "verify", "--store", store).code == 0


def test_an_altered_log_exits_with_one(ingot: Run, artifact: Path, recorded: tuple[Path, str]) -> None:
    store, run = recorded
    head = ingot("audit", "verify", "--store", store).out.split("head ")[1].strip()
    with sqlite3.connect(store) as database:
        database.execute("DROP TRIGGER ingot_audit_no_update")
        database.execute("UPDATE ingot_audit SET body = replace(body, '60.00', '10.00')")
    verified = ingot("audit", "verify", "--store", store, "--since", head)
    assert verified.code == 1
    assert "segment 1: its records are not those that were written" in verified.out
    assert ingot("replay", run, "--artifact", artifact, "--store", store).code == 1
    assert json.loads(ingot("audit", "verify", "--store", store, "--json").out)["problems"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("audit", "verify", "--store", "none.db"), "there is no store"),
        (("reviews", "list", "--store", "none.db"), "there is no store"),
        (("audit", "show", "nothing-00", "--store", "{store}"), "no run 'nothing-00'"),
        (("audit", "verify", "--store", "{store}", "--since", "soon"), "'soon' is not a head"),
        (("reviews", "show", "x", "--store", "{store}"), "no review 'x'"),
        (("replay", "x-01", "--artifact", "{artifact}", "--store", "{store}"), "no run 'x-01'"),
        (("run", "{artifact}", "--input", CASE, "--store", "mysql://h/x"), "cannot be kept in 'mysql'"),
        (("recompile", "{artifact}", "--store", "none.db"), "there is no store"),
        (("feedback", "{artifact}", "--run", "x-01", "--right", "{}", "--store", "none.db"), "there is no store"),
    ],
)
def test_what_is_not_there_is_one_precise_error(
    ingot: Run, artifact: Path, recorded: tuple[Path, str], arguments: tuple[str, ...], says: str
) -> None:
    typed = [one.replace("{store}", str(recorded[0])).replace("{artifact}", str(artifact)) for one in arguments]
    done = ingot(*typed)
    assert done.code == 1
    assert says in done.err
    assert not Path("none.db").exists()


def test_the_log_is_exported_as_lines_and_as_a_sheet(ingot: Run, recorded: tuple[Path, str], tmp_path: Path) -> None:
    store, run = recorded
    assert ingot("audit", "export", "--store", store, "--out", tmp_path / "log.jsonl").code == 0
    assert json.loads((tmp_path / "log.jsonl").read_text())["run"] == run
    assert ingot("audit", "export", "--store", store, "--out", tmp_path / "log.csv", "--format", "csv").code == 0
    assert run in (tmp_path / "log.csv").read_text().splitlines()[1]
    assert not [one for one in tmp_path.iterdir() if one.suffix == ".partial"]
    assert {one.stat().st_mode & 0o777 for one in tmp_path.glob("log.*")} == {0o600}


def test_an_export_is_its_owners_and_follows_no_link(ingot: Run, asking: Path, tmp_path: Path) -> None:
    store, aside = tmp_path / "runs.db", tmp_path / "aside"
    case = '{"name": "Planted Quux", "months": 2, "rate": "1.10"}'
    run = json.loads(ingot("run", asking, "--input", case, "--store", store).out)["run_id"]
    why = ("--why", "Quux =rang", "--answer", '{"permit": "YES"}')
    assert ingot("reviews", "approve", f"{run}.0", "--artifact", asking, "--store", store, *why).code == 0
    aside.write_text("mine")
    out = tmp_path / "log.csv"
    for name in ("log.csv", "log.csv.partial"):
        (tmp_path / name).symlink_to(aside)
    assert ingot("audit", "export", "--store", store, "--out", out, "--format", "csv").code == 0
    assert (aside.read_text(), out.is_symlink(), out.stat().st_mode & 0o777) == ("mine", False, 0o600)
    rows = list(csv.DictReader(out.open(encoding="utf-8")))
    assert [json.loads(one["input"])["name"] for one in rows if one["kind"] == "run"] == ["<phi>", "<phi>"]
    assert [one["why"] for one in rows if one["kind"] == "decision"] == ["<sealed>"]
    assert "Quux" not in out.read_text()
    assert "Quux =rang" in ingot("audit", "show", run, "--store", store, "--reveal").out
    assert "Quux =rang" in ingot("reviews", "show", f"{run}.0", "--store", store).out
    missing = ingot("audit", "export", "--store", store, "--out", tmp_path / "none" / "log.csv")
    assert (missing.code, "cannot write the export: No such file" in missing.err) == (2, True), missing


def test_a_list_of_all_reviews_says_which_are_decided(ingot: Run, asking: Path, tmp_path: Path) -> None:
    store, case = tmp_path / "runs.db", '{"name": "Ann", "months": 2, "rate": "1.10"}'
    runs = [json.loads(ingot("run", asking, "--input", case, "--store", store).out)["run_id"] for _ in range(2)]
    decided = ingot(
        "reviews", "reject", f"{runs[0]}.0", "--artifact", asking, "--store", store, "--by", "K", "--why", "w"
    )
    assert decided.code == 0, decided.err
    lines = ingot("reviews", "list", "--state", "all", "--store", store).out.splitlines()
    assert sorted(line.split("  ")[2] for line in lines) == ["open", "rejected"]


def test_what_is_old_is_pruned_and_the_chain_holds(ingot: Run, artifact: Path, recorded: tuple[Path, str]) -> None:
    store, run = recorded
    assert ingot("audit", "prune", "--before", "2100-01-01", "--store", store).out == "1 segments emptied\n"
    assert ingot("audit", "verify", "--store", store).code == 0
    for command in (("audit", "show", run), ("replay", run, "--artifact", artifact)):
        assert f"the records of run '{run}' were pruned" in ingot(*command, "--store", store).err


def test_a_batch_is_typed(ingot: Run, artifact: Path, tmp_path: Path) -> None:
    source = tmp_path / "in.jsonl"
    source.write_text(f"{CASE}\n{CASE.replace('A', 'Z')}\n", encoding="utf-8")
    done = ingot("batch", artifact, source, "--out", tmp_path / "out.jsonl", "--store", tmp_path / "runs.db")
    assert (done.code, done.out) == (1, f"2 rows, 1 failed; outcomes in {tmp_path / 'out.jsonl'}\n")
    again = ingot("batch", artifact, source, "--out", tmp_path / "out.jsonl")
    assert again.code == 2
    assert "there already" in again.err


def test_an_export_takes_the_place_of_files_alone(ingot: Run, recorded: tuple[Path, str], tmp_path: Path) -> None:
    """Root may rename over a device, and /dev/null would be gone for everybody."""
    pipe, link = tmp_path / "pipe", tmp_path / "link"
    os.mkfifo(pipe)
    link.symlink_to(pipe)
    for out in (pipe, link):
        done = ingot("audit", "export", "--store", recorded[0], "--out", out)
        assert (done.code, f"{out}: cannot write the export: it is no regular file" in done.err) == (2, True), done
    assert link.is_symlink()
    assert pipe.is_fifo()
    assert {one.name for one in tmp_path.iterdir() if one.suffix == ".partial"} == set()


def test_an_export_needs_somewhere_to_go(
    ingot: Run, recorded: tuple[Path, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdout", None)  # what `>&-` leaves
    done = ingot("audit", "export", "--store", recorded[0])
    assert (done.code, "standard output is closed" in done.err, "--out FILE" in done.err) == (2, True, True), done


def test_without_a_home_the_store_asks_for_its_own_secret(
    ingot: Run, recorded: tuple[Path, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HOME", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(name, raising=False)
    done = ingot("audit", "verify", "--store", recorded[0])
    assert done.code == 1
    assert "INGOT_STORE_KEY" in done.err
    assert "INGOT_SIGNING_KEY" not in done.err
