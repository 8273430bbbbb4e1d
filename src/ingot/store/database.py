"""An engine for a store's URL, with its tables made or brought up to date."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import sqlalchemy
from sqlalchemy import Connection, Engine, event, inspect, select, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError

from ingot.artifact.statement import utc_text
from ingot.errors import StoreError
from ingot.store.keys import StoreKey
from ingot.store.tables import HEAD_REVISION, about

WRITER_LOCK = 0x16607
"""The number of the advisory lock that writers of a PostgreSQL store queue at."""

BUSY_SECONDS = 30


def now_text() -> str:
    """The time of this machine in UTC, to the second."""
    return utc_text(datetime.now(UTC))


def default_url() -> str:
    """INGOT_STORE, or ``ingot.db`` in the folder where one works."""
    return os.environ.get("INGOT_STORE", "").strip() or "sqlite:///ingot.db"


def open_database(url: str, key: StoreKey) -> Engine:
    """An engine whose store belongs to `key`. Makes the tables of a new store, migrates those of an older one.

    `url` is SQLAlchemy's (``sqlite:///file.db``, ``postgresql://user@host/name``) or a file's path. Raises StoreError.
    """
    found = _url(url)
    engine = _engine(found)
    shown = found.render_as_string(hide_password=True)
    try:
        with writing(engine) as connection:
            _refuse_other_key(connection, key, shown)  # before a migration seals anything with it
            _migrate(connection, key, shown)
            _claim(connection, key)
    except SQLAlchemyError as error:
        engine.dispose()
        raise StoreError(f"cannot open the store: {_reason(error)}", place=shown, hint="check INGOT_STORE") from None
    except BaseException:
        engine.dispose()
        raise
    return engine


@contextlib.contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """A transaction that no other writer of the store is in. Commits at the end; on an error nothing is written."""
    with engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": WRITER_LOCK})
        yield connection


@contextlib.contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A transaction that reads one state of the store and keeps no writer waiting. Raises StoreError where it cannot."""
    options = {"ingot_reads": True}
    if engine.dialect.name == "postgresql":
        options["isolation_level"] = "REPEATABLE READ"  # type: ignore[assignment]
    try:
        with engine.connect().execution_options(**options) as connection, connection.begin():
            yield connection
    except SQLAlchemyError as error:
        raise store_error(error, "read the store") from None


def lost(error: SQLAlchemyError) -> bool:
    """Whether the database went away: what was being committed may be in it or not."""
    return isinstance(error, DBAPIError) and (error.connection_invalidated or error.statement is None)


def store_error(error: SQLAlchemyError, doing: str) -> StoreError:
    """What the database said, without the statement's parameters: they may hold what no log may."""
    return StoreError(
        f"cannot {doing}: {_reason(error)}", hint="see to the database and try again; nothing was half-written"
    )


def _reason(error: SQLAlchemyError) -> str:
    first = str(getattr(error, "orig", None) or error).strip().splitlines()
    return first[0] if first else type(error).__name__


def _url(url: str) -> URL:
    if "://" not in url:
        url = f"sqlite:///{url}"
    try:
        found = make_url(url)
    except ArgumentError:
        raise StoreError(f"{url!r} is not a store's address", hint="sqlite:///FILE or postgresql://…") from None
    kind = found.get_backend_name()
    if kind == "postgresql" and "+" not in found.drivername:
        found = found.set(drivername="postgresql+psycopg")
    if kind not in ("sqlite", "postgresql"):
        raise StoreError(f"a store cannot be kept in {kind!r}", hint="sqlite:///FILE or postgresql://…")
    return found


def _engine(url: URL) -> Engine:
    if url.get_backend_name() == "postgresql":
        try:
            # Unbounded: a run with steps holds one connection while it writes on another, and must not wait for its own kind.
            return sqlalchemy.create_engine(url, pool_pre_ping=True, max_overflow=-1)
        except ImportError as error:  # psycopg raises it too where it is there and libpq is not
            raise StoreError(
                f"a store in PostgreSQL needs 'psycopg': {error}",
                hint="pip install 'ingot[store]', which brings it whole",
            ) from None
    if url.database and url.database != ":memory:" and not Path(url.database).parent.is_dir():
        raise StoreError("the folder of the store is not there", place=url.database, hint="make it, or name another")
    make_own(url.database)
    engine = sqlalchemy.create_engine(url, connect_args={"timeout": BUSY_SECONDS})

    @event.listens_for(engine, "connect")
    def _connected(connection: object, _record: object) -> None:
        connection.isolation_level = None  # type: ignore[attr-defined]  # transactions begin below, not by the driver
        cursor = connection.cursor()  # type: ignore[attr-defined]
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "secure_delete=ON"):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begun(connection: Connection) -> None:
        reads = connection.get_execution_options().get("ingot_reads")
        connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")

    return engine


def make_own(file: str | None) -> None:
    """A new store is its user's alone to read: what has no label stands in the clear in it. SQLite gives its journals the
    same mode. Where the file cannot be made, connecting says why."""
    if file and file != ":memory:" and not file.startswith("file:"):
        with contextlib.suppress(OSError):
            os.close(os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))


def _migrate(connection: Connection, key: StoreKey, shown: str) -> None:
    revision = None
    if inspect(connection).has_table("ingot_revision"):
        revision = connection.execute(text("SELECT version_num FROM ingot_revision")).scalar()
    if revision == HEAD_REVISION:
        return
    if revision is not None and str(revision) > HEAD_REVISION:
        raise StoreError(
            f"the store was made by a newer version (revision {revision!r})", place=shown, hint="upgrade Ingot"
        )
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.attributes.update(connection=connection, key=key)
    command.upgrade(config, "head")


def _refuse_other_key(connection: Connection, key: StoreKey, shown: str) -> None:
    """A store belongs to one secret, from its first opening on."""
    if not inspect(connection).has_table(about.name):
        return
    check = connection.execute(select(about.c.key_check)).scalar()
    if check is not None and check != key.check:
        raise StoreError(
            "the store belongs to another secret", place=shown, hint="set INGOT_STORE_KEY to the one it was made with"
        )


def _claim(connection: Connection, key: StoreKey) -> None:
    if connection.execute(select(about.c.key_check)).first() is None:
        values = {"id": 1, "store": os.urandom(16).hex(), "key_check": key.check, "created": now_text()}
        connection.execute(about.insert().values(**values))
