"""The audit log: what is appended stays, in order, and every change to it is seen."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy
from sqlalchemy import text

from ingot.errors import StoreError
from ingot.store import audit as module
from ingot.store.audit import Head
from ingot.store.database import writing
from ingot.store.keys import StoreKey, store_key
from ingot.store.store import Store

from .conftest import KEY


def filled(store: Store, segments: int = 5) -> None:
    for number in range(segments):
        store.audit.append([b'{"n":%d}' % (2 * number), b'{"n":%d}' % (2 * number + 1)], prefix="p", first=2 * number)


def edit(store: Store, statement: str, **values: object) -> None:
    """Change the log as one could who owns the database."""
    with writing(store.engine) as connection:
        if connection.dialect.name == "sqlite":
            connection.execute(text("DROP TRIGGER IF EXISTS ingot_audit_no_delete"))
            connection.execute(text("DROP TRIGGER IF EXISTS ingot_audit_no_update"))
        else:
            connection.execute(text("DROP TRIGGER IF EXISTS ingot_audit_append_only ON ingot_audit"))
        connection.execute(text(statement), values)


def test_records_come_back_in_order_and_the_chain_holds(store: Store) -> None:
    filled(store, 70)
    checked = store.audit.verify()
    assert (checked.segments, checked.records, checked.pruned, checked.problems) == (70, 140, 0, ())
    assert [record["n"] for record in store.audit.records()] == list(range(140))
    assert store.audit.head() == checked.head


BAD_BODY = b'{}\n{"n":4}\n{"n":7}'


@pytest.mark.parametrize(
    ("statement", "says"),
    [
        ("UPDATE ingot_audit SET body = :body WHERE number = 3", "its records are not those that were written"),
        ("UPDATE ingot_audit SET body = :junk WHERE number = 3", "it has 0 records and should have 2"),
        ("DELETE FROM ingot_audit WHERE number = 3", "segment 3 is missing"),
        ("UPDATE ingot_audit SET at = '2020-01-01T00:00:00Z' WHERE number = 3", "its records are not those"),
        ("UPDATE ingot_audit SET prefix = 'q' WHERE number = 3", "its records are not those"),
        ("UPDATE ingot_audit SET body = NULL WHERE number = 3", "no record says that it was pruned"),
        ("UPDATE ingot_audit SET stamp = hash WHERE number = 3", "its stamp was not made with the store's secret"),
        ("UPDATE ingot_audit SET number = number + 10 WHERE number = 5", "segment 5 is missing"),
    ],
)
def test_every_change_is_seen(store: Store, statement: str, says: str) -> None:
    filled(store)
    values = {"body": BAD_BODY, "junk": b"junk"}
    edit(store, statement, **{name: value for name, value in values.items() if f":{name}" in statement})
    problems = store.audit.verify().problems
    assert any(says in problem.message for problem in problems), problems


@pytest.mark.parametrize(
    "change",
    [
        "previous = 'zz'", "stamp = 'é'", "stamp = 1", "hash = 'zz'", "hash = x'00'", "records = 'many'", "body = 7",
        "at = x'00'", "prefix = x'00'", "first = 'a'", "body = NULL, content = x'00'",
    ],
)  # fmt: skip
def test_what_no_column_is_made_for_is_seen_too(tmp_path: Path, change: str) -> None:
    with Store.open(str(tmp_path / "store.db"), KEY) as store:
        filled(store)
        edit(store, f"UPDATE ingot_audit SET {change} WHERE number = 3")
        edit(store, "DELETE FROM ingot_audit WHERE number = 4")
        problems = store.audit.verify().problems
        assert (3, "its columns are not of the kinds that are written") in [
            (one.segment, one.message) for one in problems
        ]
        assert any("segment 4 is missing" in one.message for one in problems)


@pytest.mark.parametrize("body", [b"", b"\xff", b"{", b"{}\n[1]", b"1\n2", b"[" * 100_000])
def test_a_segment_that_cannot_be_read_is_named(store: Store, body: bytes) -> None:
    filled(store)
    edit(store, "UPDATE ingot_audit SET body = :body WHERE number = 3", body=body)
    with pytest.raises(StoreError, match="segment 3 of the audit log cannot be read"):
        list(store.audit.records())


def test_a_log_that_was_cut_is_seen_by_a_noted_head(store: Store) -> None:
    filled(store)
    noted = Head.parse(str(store.audit.head()))
    edit(store, "DELETE FROM ingot_audit WHERE number >= 4")
    assert store.audit.verify().problems == ()
    assert "it was cut or replaced" in store.audit.verify(noted).problems[-1].message


def test_a_chain_written_anew_without_the_secret_is_seen(store: Store) -> None:
    filled(store, 1)
    with store.engine.connect() as connection:
        row = connection.execute(text("SELECT * FROM ingot_audit")).one()
    forged = module.chained(row.previous, b'{}\n{"n":9}', {**row._mapping, "records": 1})
    body = b'{}\n{"n":9}'
    edit(store, "UPDATE ingot_audit SET body = :body, hash = :hash, records = 1", body=body, hash=forged)
    assert [problem.message for problem in store.audit.verify().problems] == [
        "its stamp was not made with the store's secret"
    ]


@pytest.mark.parametrize("statement", ["DELETE FROM ingot_audit", "UPDATE ingot_audit SET hash = previous"])
def test_the_database_itself_refuses_slips(store: Store, statement: str) -> None:
    filled(store)
    with pytest.raises(sqlalchemy.exc.DBAPIError, match="append-only"), writing(store.engine) as connection:
        connection.execute(text(statement))
    assert store.audit.verify().problems == ()


def test_pruning_keeps_the_chain_and_says_so(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "now_text", lambda: "2026-01-01T00:00:00Z")
    filled(store, 3)
    monkeypatch.setattr(module, "now_text", lambda: "2026-02-01T00:00:00Z")
    filled(store, 2)
    assert store.audit.prune("2026-01-15T00:00:00Z") == 3
    checked = store.audit.verify()
    assert (checked.segments, checked.records, checked.pruned, checked.problems) == (6, 11, 3, ())
    assert [record.get("n", record.get("kind")) for record in store.audit.records()] == [0, 1, 2, 3, "pruned"]
    assert store.audit.prune("2026-01-15T00:00:00Z") == 0
    assert store.audit.prune("2026-02-15T00:00:00Z") == 3  # the record of the first pruning among them
    assert (store.audit.verify().pruned, store.audit.verify().problems) == (6, ())


def test_a_pruning_names_what_it_emptied_and_nothing_between(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock that was set back leaves a younger segment among older ones: whoever empties that one is seen."""
    for day in ("2026-01-01", "2026-02-01", "2026-01-02"):
        monkeypatch.setattr(module, "now_text", lambda day=day: f"{day}T00:00:00Z")
        filled(store, 1)
    monkeypatch.setattr(module, "now_text", lambda: "2026-01-10T00:00:00Z")
    assert store.audit.prune("2026-01-05T00:00:00Z") == 2
    assert store.audit.prune("2026-01-11T00:00:00Z") == 1  # the record of the first pruning
    assert store.audit.verify().problems == ()
    with writing(store.engine) as connection:
        connection.execute(text("UPDATE ingot_audit SET body = NULL WHERE number = 2"))
    assert [one.segment for one in store.audit.verify().problems] == [2]
    assert store.audit.prune("2026-01-11T00:00:00Z") == 1
    assert [one.segment for one in store.audit.verify().problems] == [2]  # another pruning does not cover it up


def test_writers_in_many_threads_make_one_chain(url: str) -> None:
    with Store.open(url, KEY) as one, Store.open(url, KEY) as other:
        threads = [threading.Thread(target=filled, args=(store, 10)) for store in (one, other) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        checked = one.audit.verify()
        assert (checked.segments, checked.problems) == (40, ())


def test_a_store_belongs_to_its_secret(url: str) -> None:
    Store.open(url, KEY).close()
    with pytest.raises(StoreError, match="belongs to another secret"):
        Store.open(url, StoreKey(bytes(32)))
    Store.open(url, KEY).close()


def test_a_newer_store_is_left_alone(url: str) -> None:
    with Store.open(url, KEY) as store, writing(store.engine) as connection:
        connection.execute(text("UPDATE ingot_revision SET version_num = '9999'"))
    with pytest.raises(StoreError, match="newer version"):
        Store.open(url, KEY)


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("mysql://host/name", "cannot be kept in 'mysql'"),
        ("sqlite:////nowhere/at/all/x.db", "folder of the store is not there"),
        ("postgresql://nobody:hush@127.0.0.1:1/x", "cannot open the store"),
        ("://", "not a store's address"),
    ],
)
def test_a_store_that_cannot_be_opened_is_one_precise_error(url: str, says: str) -> None:
    with pytest.raises(StoreError, match=says) as raised:
        Store.open(url, KEY)
    assert "hush" not in str(raised.value)


def test_the_secret_is_made_once_and_for_its_owner_only(tmp_path: Path) -> None:
    env = {"XDG_CONFIG_HOME": str(tmp_path)}
    first = store_key(env)
    path = tmp_path / "ingot" / "keys" / "store.key"
    assert path.stat().st_mode & 0o777 == 0o600
    assert store_key(env).check == first.check == store_key({"INGOT_STORE_KEY": str(path)}).check
    assert store_key({"INGOT_STORE_KEY": path.read_text()}).check == first.check


@pytest.mark.parametrize("text", ["c2hvcnQ=", "no base64 at all"])
def test_a_bad_secret_is_refused_without_being_shown(text: str) -> None:
    with pytest.raises(StoreError, match="32 bytes in base64") as raised:
        store_key({"INGOT_STORE_KEY": text})
    assert text not in str(raised.value)


def test_a_sealed_value_opens_only_where_it_belongs() -> None:
    sealed = KEY.seal(b"secret", b"run-1")
    assert KEY.open(sealed, b"run-1") == b"secret"
    for key, about in ((KEY, b"run-2"), (StoreKey(bytes(32)), b"run-1")):
        with pytest.raises(StoreError, match="does not open"):
            key.open(sealed, about)


def test_the_tables_are_those_that_the_migrations_make(store: Store, artifacts: Callable[[str], Path]) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    from ingot.store.tables import tables

    with store.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": "ingot_revision"})
        assert compare_metadata(context, tables) == []


def test_a_new_store_is_its_users_alone_to_read(tmp_path: Path) -> None:
    """What has no label stands in it in the clear, and so it does in SQLite's journal."""
    with Store.open(str(tmp_path / "own.db"), KEY) as store:
        store.audit.append([b"{}"], prefix="a")
        modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.glob("own.db*")}
    assert modes["own.db"] == 0o600
    assert set(modes.values()) == {0o600}
    assert len(modes) > 1


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ("at = '2020-01-01T00:00:00Z'", "its columns are not those that were written"),
        ("prefix = 'q'", "its columns are not those that were written"),
        ("records = 9", "its columns are not those that were written"),
        ("content = 'no digest'", "its columns are not those that were written"),
        ("content = NULL, records = 9", "its columns cannot be checked"),
    ],
)
def test_what_is_left_of_a_pruned_segment_is_checked(
    store: Store, monkeypatch: pytest.MonkeyPatch, change: str, says: str
) -> None:
    monkeypatch.setattr(module, "now_text", lambda: "2026-01-01T00:00:00Z")
    filled(store, 3)
    monkeypatch.setattr(module, "now_text", lambda: "2026-02-01T00:00:00Z")
    assert store.audit.prune("2026-01-15T00:00:00Z") == 3
    edit(store, f"UPDATE ingot_audit SET {change} WHERE number = 2")
    found = [(one.segment, one.message) for one in store.audit.verify().problems]
    assert [number for number, _ in found] == [2]
    assert says in found[0][1]
    filled(store, 1)
    store.audit.prune("2026-03-01T00:00:00Z")
    assert [one.segment for one in store.audit.verify().problems] == [2]  # another pruning does not cover it up


def test_segments_that_an_older_version_emptied_are_no_problem(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "now_text", lambda: "2026-01-01T00:00:00Z")
    filled(store, 2)
    note = b'{"kind":"pruned","before":"2026-01-02","segments":[[1,2]],"count":2}'
    store.audit.append([note], prefix=module.RETENTION, first=2)
    edit(store, "UPDATE ingot_audit SET body = NULL WHERE number < 3")
    assert store.audit.verify().problems == ()
    filled(store, 1)
    assert store.audit.prune("2026-02-01T00:00:00Z") == 2
    assert (store.audit.verify().pruned, store.audit.verify().problems) == (4, ())


def test_a_pruned_segment_is_not_changed_by_slip(store: Store) -> None:
    filled(store)
    store.audit.prune("9999-01-01T00:00:00Z")
    with pytest.raises(sqlalchemy.exc.DBAPIError, match="append-only"), writing(store.engine) as connection:
        connection.execute(text("UPDATE ingot_audit SET content = hash WHERE number = 1"))
