"""database.query and database.execute on SQLite and on a real PostgreSQL."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy

from ingot import library

ROWS = [("m1", "gold", "12.30", "2024-02-29"), ("m2", "silver", "0.10", "2025-01-01"), ("o'hara", "gold", "7", None)]


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a database with a table of three members."""
    url = f"sqlite:///{tmp_path / 'claims.db'}"
    if request.param == "postgresql":
        url = request.getfixturevalue("postgres")
    engine = sqlalchemy.create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE IF EXISTS members")
        connection.exec_driver_sql(
            "CREATE TABLE members (member_id TEXT PRIMARY KEY, plan TEXT NOT NULL, copay NUMERIC(10,2), born DATE)"
        )
        for row in ROWS:
            connection.execute(
                sqlalchemy.text("INSERT INTO members VALUES (:a, :b, CAST(:c AS NUMERIC), CAST(:d AS DATE))")
                if request.param == "postgresql"
                else sqlalchemy.text("INSERT INTO members VALUES (:a, :b, :c, :d)"),
                dict(zip("abcd", row, strict=True)),
            )
    yield url
    engine.dispose()


TYPES = {"copay": "decimal", "born": "date"}


def select(operation: Callable[..., Any], database: str, sql: str, **settings: Any) -> Any:
    return operation("database.query", {"url_env": "DB", "sql": sql, "types": TYPES, **settings}, DB=database)


def test_a_row_becomes_outputs_with_decimals_and_dates(operation: Callable[..., Any], database: str) -> None:
    perform = select(operation, database, "SELECT plan, copay, born FROM members WHERE member_id = :member_id")
    assert perform({"member_id": "m1"}) == {"plan": "gold", "copay": Decimal("12.3"), "born": date(2024, 2, 29)}
    assert type(perform({"member_id": "m2"})["copay"]) is Decimal
    assert perform({"member_id": "o'hara"})["born"] is None
    assert perform({"member_id": "nobody"}) == {"plan": None, "copay": None, "born": None}


def test_decimals_and_dates_are_bound_as_what_they_are(operation: Callable[..., Any], database: str) -> None:
    sql = "SELECT member_id FROM members WHERE copay = :copay AND born = :born"
    assert select(operation, database, sql)({"copay": Decimal("12.30"), "born": date(2024, 2, 29)}) == {
        "member_id": "m1"
    }
    total = select(operation, database, "SELECT COUNT(*) AS n FROM members HAVING SUM(copay) > :least")
    assert total({"least": Decimal("19.39")}) == {"n": 3}
    assert total({"least": Decimal("19.41")}) == {"n": None}


def test_an_injection_stays_a_value(operation: Callable[..., Any], database: str) -> None:
    find = select(operation, database, "SELECT plan FROM members WHERE member_id = :member_id")
    for attack in ("m1' OR '1'='1", "x'; DROP TABLE members; --", "m1\x27", ":member_id", "%(member_id)s", "$$", "\\'"):
        assert find({"member_id": attack}) == {"plan": None}
    write = operation(
        "database.execute",
        {"url_env": "DB", "sql": "UPDATE members SET plan = :plan WHERE member_id = :member_id"},
        DB=database,
    )
    attack = "x', copay = 0; DROP TABLE members; --"
    assert write({"plan": attack, "member_id": "m1"}) == {"row_count": 1}
    assert find({"member_id": "m1"}) == {"plan": attack}


def test_rows_as_a_list_up_to_a_limit(operation: Callable[..., Any], database: str) -> None:
    sql = "SELECT member_id, copay FROM members ORDER BY member_id"
    perform = select(operation, database, sql, rows="list", limit=3)
    assert [row["copay"] for row in perform({})["rows"]] == [Decimal("12.3"), Decimal("0.1"), Decimal(7)]
    with pytest.raises(LookupError, match="more than 2 rows"):
        select(operation, database, sql, rows="list", limit=2)({})
    assert select(operation, database, sql, rows="first")({})["member_id"] == "m1"
    with pytest.raises(LookupError, match="more than 1 row"):
        select(operation, database, sql)({})


def test_colons_and_percents_in_texts_and_casts_are_left_alone(operation: Callable[..., Any], database: str) -> None:
    sql = "SELECT ' :plan 12:30 50%' AS label, CAST(:plan AS TEXT) AS plan -- it's :not a parameter"
    assert select(operation, database, sql)({"plan": "gold"}) == {"label": " :plan 12:30 50%", "plan": "gold"}
    if database.startswith("postgresql"):
        sql = "SELECT :day::date AS born, (ARRAY[1,2,3])[1:2] AS pair, $$a:b ' ; c$$ AS odd"
        answer = {"born": date(2025, 1, 2), "pair": [1, 2], "odd": "a:b ' ; c"}
        assert select(operation, database, sql)({"day": "2025-01-02"}) == answer


def test_a_query_cannot_write_even_where_its_text_hides_it(
    operation: Callable[..., Any], database: str, tmp_path: Path
) -> None:
    if database.startswith("sqlite"):
        # query_only is on in the connection itself
        engine = sqlalchemy.create_engine(database)
        with engine.begin() as connection:
            connection.exec_driver_sql("CREATE VIEW v AS SELECT 1 AS one")
        namespace = library.module("database")
        with namespace._transaction(database, True, 5) as connection, pytest.raises(sqlalchemy.exc.OperationalError):
            connection.exec_driver_sql("DELETE FROM members")
        return
    with sqlalchemy.create_engine(database.replace(":", "+psycopg:", 1)).begin() as connection:
        connection.exec_driver_sql(
            "CREATE OR REPLACE FUNCTION wipe() RETURNS int LANGUAGE sql AS 'DELETE FROM members; SELECT 1'"
        )
    with pytest.raises(RuntimeError, match="25006"):
        select(operation, database, "SELECT wipe() AS n")({})


def test_several_statements_are_one_transaction(operation: Callable[..., Any], database: str) -> None:
    statements = [
        "UPDATE members SET plan = :plan WHERE member_id = 'm1'",
        "INSERT INTO members (member_id, plan) VALUES (:new, :plan)",
    ]
    perform = operation("database.execute", {"url_env": "DB", "sql": statements}, DB=database)
    with pytest.raises(RuntimeError) as refused:
        perform({"plan": "bronze", "new": "m2"})
    assert "m2" not in str(refused.value)
    assert refused.value.__cause__ is None
    find = select(operation, database, "SELECT plan FROM members WHERE member_id = :id")
    assert find({"id": "m1"}) == {"plan": "gold"}
    assert perform({"plan": "bronze", "new": "m9"}) == {"row_count": 2}
    assert find({"id": "m1"}) == find({"id": "m9"}) == {"plan": "bronze"}


def test_returning_gives_the_row(operation: Callable[..., Any], database: str) -> None:
    sql = "INSERT INTO members (member_id, plan, copay) VALUES (:id, 'gold', :copay) RETURNING member_id, copay"
    perform = operation("database.execute", {"url_env": "DB", "sql": sql, "types": TYPES}, DB=database)
    assert perform({"id": "m7", "copay": Decimal("3.50")}) == {"member_id": "m7", "copay": Decimal("3.5")}


def test_a_long_statement_is_stopped(operation: Callable[..., Any], database: str) -> None:
    endless = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 1000000000) SELECT COUNT(*) AS c FROM n"
    with pytest.raises(TimeoutError, match=r"longer than 0\.2 s"):
        select(operation, database, endless, timeout_seconds=0.2)({})
    # the connection goes back into the pool without the limit of the last statement
    assert select(operation, database, "SELECT 1 AS one")({}) == {"one": 1}


def test_masked_values_are_what_is_bound(operation: Callable[..., Any], database: str) -> None:
    sql = "INSERT INTO members (member_id, plan) VALUES (:card, :name)"
    settings = {"url_env": "DB", "sql": sql, "mask": {"card": "last_four", "name": "all"}}
    operation("database.execute", settings, DB=database)({"card": "4111 1111 1111 1111", "name": "Ann"})
    find = select(operation, database, "SELECT plan FROM members WHERE member_id = '***1111'")
    assert find({}) == {"plan": "***"}


def test_errors_hold_neither_password_nor_value(operation: Callable[..., Any], database: str) -> None:
    with pytest.raises(RuntimeError) as refused:
        select(operation, database, "SELECT * FROM no_such_table WHERE x = :x")({"x": "secret value"})
    assert "no_such_table" in str(refused.value)
    assert "secret value" not in str(refused.value)
    with pytest.raises(ValueError, match="'DB' names the database 'mysql'") as wrong:
        select(operation, "mysql://root:hunter2@host/db", "SELECT 1 AS one")
    assert "hunter2" not in str(wrong.value)
    unreachable = select(operation, "postgresql://u:hunter2@127.0.0.1:1/db", "SELECT 1 AS one")
    with pytest.raises(RuntimeError) as lost:
        unreachable({})
    assert "hunter2" not in str(lost.value)


def test_what_cannot_be_bound_exactly_is_refused(operation: Callable[..., Any], tmp_path: Path) -> None:
    path = tmp_path / "d.db"
    sqlite3.connect(path).close()
    perform = select(operation, f"sqlite:///{path}", "SELECT :x AS x")
    for value in (Decimal("0.12345678901234567890123"), ["a"], {"a": 1}):
        with pytest.raises(ValueError, match="cannot"):
            perform({"x": value})
    with pytest.raises(ValueError, match="no argument for the parameter :x"):
        perform({})


@pytest.mark.parametrize(
    ("sql", "problem"),
    [
        ("SELECT 1; DROP TABLE t", "more than one statement"),
        ("SELECT * FROM t WHERE a = '{name}'", "is text and not a parameter"),
        ("SELECT * FROM {table}", "formatting placeholder"),
        ("SELECT * FROM t WHERE a = %(name)s", "formatting placeholder"),
        ("SELECT * FROM t WHERE a = %s", "formatting placeholder"),
        ("SELECT * FROM t WHERE a = ':name'", "is text and not a parameter"),
        ("SELECT * FROM t WHERE a = :other", ":other, which is not among"),
        ("DELETE FROM t WHERE a = :name", "one SELECT that writes nothing"),
        ("WITH gone AS (DELETE FROM t RETURNING a) SELECT a FROM gone", "one SELECT that writes nothing"),
        ("SELECT a INTO b FROM t", "one SELECT that writes nothing"),
        ("SELECT 1 /* /* */ ' */ ; DROP TABLE t -- '", "unfinished quote|comment"),
        ("SELECT 'it\\'s'", "backslash"),
        ("SELECT 'open", "unfinished quote"),
        ("PRAGMA user_version", "one SELECT"),
        ("", "must be a text"),
        (5, "must be"),
    ],
)
def test_sql_that_is_not_one_literal_query_is_refused(sql: Any, problem: str) -> None:
    found = library.module("database").check("database.query", {"url_env": "DB", "sql": sql}, ["name"])
    assert re.search(problem, "; ".join(found)), found


@pytest.mark.parametrize(
    "sql", ["SELECT 1 AS one", "DROP TABLE t", "UPDATE t SET a = 1", "DELETE FROM t", "TRUNCATE t", [], {"a": 1}]
)
def test_writes_are_insert_update_delete_with_a_condition(sql: Any) -> None:
    assert library.module("database").check("database.execute", {"url_env": "DB", "sql": sql}, [])


def test_settings_are_checked_by_name_and_kind_and_never_quoted() -> None:
    check = library.module("database").check
    found = check("database.query", {"url_env": "postgresql://u:hunter2@h/d", "sql": "SELECT 1", "urll": 1}, [])
    assert any("'url_env' must be the NAME" in problem for problem in found)
    assert any("'urll' is not a setting" in problem for problem in found)
    assert "hunter2" not in "".join(found)
    assert check("database.drop", {}, []) == [
        "there is no operation 'database.drop'; there are database.execute, database.query"
    ]
