"""database.query and database.execute: literal, reviewed SQL with bound parameters, on SQLite and PostgreSQL.

    - step: fetch_plan
      type: module
      module: database.query
      with:
        url_env: CLAIMS_DB            # sqlite:///file.db or postgresql://user:password@host/name
        sql: SELECT plan, copay FROM members WHERE member_id = :member_id
        types: {copay: decimal}       # what a column is, where the database does not know it (SQLite)
        timeout_seconds: 5
      outputs: {plan: text?, copay: decimal?}

`rows` says what a query gives: ``one`` (the default: one row as outputs; none is nulls, a second one an error),
``first`` (the first row of an ORDER BY) or ``list`` (``{"rows": [...]}``, at most `limit` of them, else an error).
`database.execute` runs one INSERT, UPDATE or DELETE, or a list of them in one transaction, and gives the first row
of the last statement's RETURNING, or ``{"row_count": n}``, the rows touched by all.

A query runs in a read-only transaction. Values are bound by the driver and never become part of the SQL.

Each operation takes ``(settings, environment)``, raises ValueError for settings that are wrong, and returns
``perform(arguments) -> outputs``. `perform` raises ValueError for an argument that cannot be bound, TimeoutError,
LookupError for too many rows, and RuntimeError for what the database refused. No message holds a value or a credential.
"""

from __future__ import annotations

import math
import os
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from ingot.library.modules.shared import Perform, masked, refuse, shape_problems, unknown_names, variable_value

_SETTINGS: Mapping[str, str] = {
    "url_env": "env", "sql": "json", "timeout_seconds": "seconds", "types": "pairs", "mask": "mask",
    "rows": "text", "limit": "count",
}  # fmt: skip
_TYPES = ("decimal", "date", "datetime", "boolean")
_WRITES = frozenset({"INSERT", "UPDATE", "DELETE", "MERGE", "INTO", "TRUNCATE"})


def check(operation: str, settings: Mapping[str, Any], inputs: Sequence[str]) -> list[str]:
    """What is wrong with a step's settings, without any I/O; `inputs` are the fields that the step reads."""
    return _problems(operation, settings) or _unbound(settings, inputs) + unknown_names(settings, (), inputs)


def _problems(operation: str, settings: Mapping[str, Any]) -> list[str]:
    if operation not in OPERATIONS:
        return [f"there is no operation {operation!r}; there are {', '.join(sorted(OPERATIONS))}"]
    kinds = {
        key: kind for key, kind in _SETTINGS.items() if operation == "database.query" or key not in ("rows", "limit")
    }
    problems = shape_problems(settings, kinds, ("url_env", "sql"))
    if problems:
        return problems
    if settings.get("rows", "one") not in ("one", "first", "list"):
        problems.append("'rows' must be one, first or list")
    problems += [f"'types' gives {name!r} a type that is not one of {', '.join(_TYPES)}"
                 for name, kind in settings.get("types", {}).items() if kind not in _TYPES]  # fmt: skip
    if operation == "database.query":
        return problems + _query_problems(settings)
    statements = _statements(settings["sql"])
    problems += [] if statements else ["'sql' has no statement"]
    return problems + [problem for sql in statements for problem in _execute_problems(sql)]


def _statements(sql: Any) -> list[Any]:
    return list(sql) if isinstance(sql, list | tuple) else [sql]


def _unbound(settings: Mapping[str, Any], inputs: Sequence[str]) -> list[str]:
    """Bound parameters that the step does not read, and inputs that were written where they would be mere text."""
    problems: list[str] = []
    for sql in _statements(settings["sql"]):
        problems += [
            f"the SQL binds :{name}, which is not among the step's inputs" for name in parameters(sql) - set(inputs)
        ]
        quoted = "".join(part for part, is_code in _parts(sql) if not is_code)
        problems += [
            f"{match[0]} stands inside quotes or a comment, where it is text and not a parameter; write :{name} bare"
            for name in inputs
            if (match := re.search(rf"(?<![:\w]):{re.escape(name)}\b|\{{{re.escape(name)}\}}", quoted))
        ]
    return sorted(problems)


# ---- SQL, as far as it must be understood ------------------------------------------------------------------------

_QUOTED = re.compile(
    r"""'(?:[^']|'')*'            # a text
      | "(?:[^"]|"")*"            # a quoted name
      | --[^\n]*                  # a comment
      | \$(\w*)\$.*?\$\1\$        # a dollar-quoted text
    """,
    re.VERBOSE | re.DOTALL,
)
_PARAMETER = re.compile(r"(?<![:\w]):([A-Za-z_]\w*)")


def _parts(sql: str) -> Iterator[tuple[str, bool]]:
    """The SQL in pieces, each with whether it is code, as opposed to a quoted text or name or a comment."""
    end = 0
    for match in _QUOTED.finditer(sql):
        yield sql[end : match.start()], True
        yield match[0], False
        end = match.end()
    yield sql[end:], True


def _code(sql: str) -> str:
    return " ".join(part for part, is_code in _parts(sql) if is_code)


def parameters(sql: str) -> set[str]:
    """The names of the bound parameters (``:name``) of a statement."""
    return set(_PARAMETER.findall(_code(sql)))


def _sql_problems(sql: Any) -> list[str]:
    """What makes a text not one literal statement that this file can be sure about."""
    if not isinstance(sql, str) or not sql.strip():
        return ["'sql' must be a text"]
    code = _code(sql)
    problems = []
    if ";" in code.rstrip().removesuffix(";"):
        problems.append("'sql' holds more than one statement; database.execute takes a list of them")
    if re.search(r"\{\w+\}|%\(|%s|\$\{", code) or re.search(r"%\(\w+\)s", sql):
        problems.append("'sql' holds a formatting placeholder; values are bound as :name and nothing else is filled in")
    if re.search(r"""['"`]|/\*|\*/|\$\w*\$""", code):
        problems.append("'sql' holds an unfinished quote, a backtick or a /* comment; use '…', \"…\" and -- comments")
    if re.search(r"(?i)\bE'", sql) or "\\'" in sql or "\x00" in sql:
        problems.append("'sql' holds a backslash-escaped text; write '' for a quote inside a text")
    return problems


def _words(sql: str) -> list[str]:
    return [word.upper() for word in re.findall(r"[A-Za-z_]\w*", _PARAMETER.sub(" ", _code(sql)))]


def _query_problems(settings: Mapping[str, Any]) -> list[str]:
    sql = settings["sql"]
    problems = _sql_problems(sql)
    if problems:
        return problems
    words = _words(sql)
    if not words or words[0] not in ("SELECT", "WITH") or _WRITES & set(words):
        problems.append("database.query takes one SELECT that writes nothing; use database.execute to write")
    if settings.get("rows") == "first" and "ORDER" not in words:
        problems.append("'rows: first' needs an ORDER BY, or which row is first is an accident")
    return problems


def _execute_problems(sql: Any) -> list[str]:
    problems = _sql_problems(sql)
    if problems:
        return problems
    words = _words(sql)
    verb = next((word for word in words if word in ("INSERT", "UPDATE", "DELETE")), None)
    if not words or verb is None or words[0] not in ("INSERT", "UPDATE", "DELETE", "WITH"):
        problems.append("database.execute takes INSERT, UPDATE and DELETE only")
    elif verb in ("UPDATE", "DELETE") and "WHERE" not in words:
        problems.append(f"{verb} without WHERE touches every row of the table")
    return problems


# ---- connections -------------------------------------------------------------------------------------------------

_ENGINES: dict[tuple[int, str, bool], Any] = {}
_LOCK = threading.Lock()


def _engine(url: str, read_only: bool) -> Any:
    """The pool for a database, shared by all steps of this process (a forked child opens its own)."""
    key = (os.getpid(), url, read_only)
    with _LOCK:
        if key not in _ENGINES:
            _ENGINES[key] = _new_engine(url, read_only)
        return _ENGINES[key]


def _new_engine(url: str, read_only: bool) -> Any:
    import sqlalchemy

    parsed = sqlalchemy.make_url(url)
    if parsed.get_backend_name() == "sqlite":
        engine = sqlalchemy.create_engine(parsed, connect_args={"timeout": 5})
        if read_only:
            sqlalchemy.event.listen(engine, "connect", lambda raw, _: raw.execute("PRAGMA query_only = ON"))
        return engine
    parsed = parsed.set(drivername="postgresql+psycopg")
    return sqlalchemy.create_engine(
        parsed, pool_size=5, max_overflow=5, pool_pre_ping=True, pool_timeout=10, connect_args={"connect_timeout": 5}
    )


def _url(environment: Mapping[str, str], name: str) -> str:
    """The URL in the variable `name`, checked; no message holds any part of it."""
    import sqlalchemy

    url = variable_value(environment, name)
    try:
        parsed = sqlalchemy.make_url(re.sub(r"^postgres://", "postgresql://", url))
    except sqlalchemy.exc.ArgumentError:
        raise ValueError(f"the environment variable {name!r} does not hold a database URL") from None
    backend = parsed.get_backend_name()
    if backend not in ("sqlite", "postgresql"):
        raise ValueError(f"the environment variable {name!r} names the database {backend!r}; use sqlite or postgresql")
    if backend == "sqlite" and not (parsed.database and Path(parsed.database).is_file()):
        raise ValueError(f"the SQLite file that the environment variable {name!r} names does not exist")
    return parsed.render_as_string(hide_password=False)


@contextmanager
def _transaction(url: str, read_only: bool, seconds: float) -> Iterator[Any]:
    """A connection in a transaction, whose statements are stopped after `seconds`."""
    import sqlalchemy
    from sqlalchemy import exc

    try:
        with _engine(url, read_only).begin() as connection:
            if connection.dialect.name == "sqlite":
                with _interrupted(connection.connection.driver_connection, seconds):
                    yield connection
                return
            if read_only:
                connection.execute(sqlalchemy.text("SET TRANSACTION READ ONLY"))
            limit = {"limit": str(math.ceil(seconds * 1000))}
            connection.execute(sqlalchemy.text("SELECT set_config('statement_timeout', :limit, true)"), limit)
            yield connection
    except exc.DBAPIError as error:
        raise _refusal(error.orig, seconds) from None
    except exc.TimeoutError:
        raise TimeoutError("no connection to the database became free") from None
    except exc.SQLAlchemyError as error:
        raise RuntimeError(f"the database could not be used ({type(error).__name__})") from None


@contextmanager
def _interrupted(raw: Any, seconds: float) -> Iterator[None]:
    """SQLite has no statement time-out: a callback every few thousand of its instructions is one."""
    deadline = time.monotonic() + seconds
    raw.set_progress_handler(lambda: int(time.monotonic() > deadline), 5_000)
    try:
        yield
    finally:
        raw.set_progress_handler(None, 0)


def _refusal(error: BaseException | None, seconds: float) -> Exception:
    """The driver's error as one that is safe to show: codes and names of the schema, never a value."""
    code = getattr(error, "sqlstate", None) or getattr(error, "sqlite_errorname", None) or type(error).__name__
    if code in ("57014", "SQLITE_INTERRUPT"):
        return TimeoutError(f"the statement took longer than {seconds:g} s")
    diagnosis = getattr(error, "diag", None)
    parts = [f"{what} {name!r}" for what, name in (("table", getattr(diagnosis, "table_name", None)),
                                                   ("constraint", getattr(diagnosis, "constraint_name", None))) if name]  # fmt: skip
    if code == "42P01" or (code == "SQLITE_ERROR" and str(error).startswith(("no such table", "no such column"))):
        parts.append(str(error).splitlines()[0])
    return RuntimeError(f"the database refused the statement ({', '.join([str(code), *parts])})")


# ---- values ------------------------------------------------------------------------------------------------------


def _bound(value: Any, dialect: str) -> Any:
    """A value as the driver takes it. SQLite has no decimals: one that a float cannot hold exactly is refused."""
    if isinstance(value, list | tuple | dict):
        raise ValueError(f"a {type(value).__name__} cannot be bound to a parameter; bind single values")
    if dialect != "sqlite":
        return value
    if isinstance(value, Decimal):
        if value == value.to_integral_value() and abs(value) < 2**63:
            return int(value)
        if Decimal(repr(float(value))) != value:
            raise ValueError("SQLite cannot hold a decimal of so many digits; use PostgreSQL or a text column")
        return float(value)
    return value.isoformat() if isinstance(value, date) else value


def _read(name: str, value: Any, kind: str | None) -> Any:
    """A column's value as a workflow value of the declared kind."""
    if value is None or (kind is None and isinstance(value, str | int | float | Decimal | date | list | dict)):
        return value
    try:
        match kind:
            case "decimal":
                return Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
            case "datetime":
                return value if isinstance(value, datetime) else datetime.fromisoformat(value)
            case "date":
                return value if type(value) is date else date.fromisoformat(value)
            case "boolean" if value in (0, 1):
                return bool(value)
    except (ValueError, TypeError, ArithmeticError):
        pass  # refused below, with the column's name
    raise RuntimeError(
        f"column {name!r} holds a {type(value).__name__} that is not a {kind or 'workflow value; CAST it'}"
    )


def _run(connection: Any, sql: str, arguments: Mapping[str, Any]) -> Any:
    import sqlalchemy

    # every colon that is not a parameter's is escaped, so that SQLAlchemy sees what `parameters` sees
    pieces = [
        re.sub(r"((?<![:\w]):(?=[A-Za-z_]))|:", lambda colon: colon[1] or r"\:", part)
        if is_code
        else part.replace(":", r"\:")
        for part, is_code in _parts(sql.strip().removesuffix(";"))
    ]
    values = {name: _bound(arguments[name], connection.dialect.name) for name in parameters(sql)}
    return connection.execute(sqlalchemy.text("".join(pieces)), values)


def _row(row: Any, types: Mapping[str, str]) -> dict[str, Any]:
    return {name: _read(name, value, types.get(name)) for name, value in row._mapping.items()}


# ---- operations --------------------------------------------------------------------------------------------------


def _bindable(settings: Mapping[str, Any], arguments: Mapping[str, Any]) -> dict[str, Any]:
    missing = [name for sql in _statements(settings["sql"]) for name in parameters(sql) if name not in arguments]
    if missing:
        raise ValueError(f"there is no argument for the parameter :{min(missing)}")
    return masked(arguments, settings.get("mask", ()))


def query(settings: Mapping[str, Any], environment: Mapping[str, str]) -> Perform:
    """One SELECT; see the top of this file."""
    refuse("database.query", _problems("database.query", settings))
    url, seconds = _url(environment, settings["url_env"]), float(settings.get("timeout_seconds", 10))
    types, rows = settings.get("types", {}), settings.get("rows", "one")
    limit = settings.get("limit", 1_000) if rows == "list" else 1

    def perform(arguments: Mapping[str, Any]) -> dict[str, Any]:
        bindable = _bindable(settings, arguments)
        with _transaction(url, True, seconds) as connection:
            answer = _run(connection, settings["sql"], bindable)
            names = list(answer.keys())
            found = answer.fetchmany(limit + 1)
        if len(found) > limit and rows != "first":
            raise LookupError(f"the query found more than {limit} row{'s' * (limit != 1)}")
        if rows == "list":
            return {"rows": [_row(row, types) for row in found]}
        return _row(found[0], types) if found else dict.fromkeys(names)

    return perform


def execute(settings: Mapping[str, Any], environment: Mapping[str, str]) -> Perform:
    """INSERT, UPDATE and DELETE in one transaction; see the top of this file."""
    refuse("database.execute", _problems("database.execute", settings))
    url, seconds = _url(environment, settings["url_env"]), float(settings.get("timeout_seconds", 10))
    types = settings.get("types", {})

    def perform(arguments: Mapping[str, Any]) -> dict[str, Any]:
        bindable = _bindable(settings, arguments)
        touched, outputs = 0, None
        with _transaction(url, False, seconds) as connection:
            for sql in _statements(settings["sql"]):
                answer = _run(connection, sql, bindable)
                row = answer.first() if answer.returns_rows else None
                outputs = (
                    None
                    if not answer.returns_rows
                    else dict.fromkeys(answer.keys())
                    if row is None
                    else _row(row, types)
                )
                touched += max(answer.rowcount, 0)
        return {"row_count": touched} if outputs is None else outputs

    return perform


OPERATIONS: dict[str, Callable[[Mapping[str, Any], Mapping[str, str]], Perform]] = {
    "database.query": query,
    "database.execute": execute,
}
