"""One process at a time: who works on a run holds it, and nobody else carries out its steps meanwhile.

The hold ends with the process, however it ends: a lock on a file beside a SQLite store, a session's advisory lock in
PostgreSQL.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Iterator

from sqlalchemy import Engine, text
from sqlalchemy.exc import SQLAlchemyError

from ingot.errors import StoreError
from ingot.hold import lock_file, still_names, take
from ingot.store.database import store_error


@contextlib.contextmanager
def alone(engine: Engine, run: str) -> Iterator[None]:
    """Hold a run against every other process and thread. Raises StoreError where it is held already."""
    if engine.dialect.name == "postgresql":
        with _advisory(engine, run):
            yield
        return
    database = engine.url.database
    if not database or database == ":memory:":  # nobody else can open it
        yield
        return
    with _file_lock(f"{database}.{hashlib.sha256(run.encode()).hexdigest()[:16]}.lock", run):
        yield


class RunTaken(StoreError):
    """Another process or thread is at work on the run, or was before; nothing is wrong with the store."""


def _held(run: str) -> RunTaken:
    return RunTaken(f"run {run!r} is under way in another process", hint="wait for it; see `ingot audit show`")


@contextlib.contextmanager
def _advisory(engine: Engine, run: str) -> Iterator[None]:
    key = {"key": int.from_bytes(hashlib.sha256(run.encode()).digest()[:8], "big", signed=True)}
    try:
        connection = engine.connect().execution_options(isolation_level="AUTOCOMMIT")
    except SQLAlchemyError as error:
        raise store_error(error, "hold the run") from None
    with connection:
        try:
            taken = connection.execute(text("SELECT pg_try_advisory_lock(:key)"), key).scalar()
        except SQLAlchemyError as error:
            raise store_error(error, "hold the run") from None
        if not taken:
            raise _held(run)
        try:
            yield
        finally:
            # a connection that broke has let go by itself, and the pool gives no broken one out again
            with contextlib.suppress(SQLAlchemyError):
                connection.execute(text("SELECT pg_advisory_unlock(:key)"), key)


@contextlib.contextmanager
def _file_lock(path: str, run: str) -> Iterator[None]:
    with contextlib.ExitStack() as stack:
        while not _taken(stack, path, run):
            stack.close()
        yield


def _taken(stack: contextlib.ExitStack, path: str, run: str) -> bool:
    """Hold the file which the path names, until the stack is closed; False where it was taken away just before."""
    try:
        descriptor = stack.enter_context(lock_file(path))
    except OSError as error:
        raise StoreError(f"cannot hold the run: {error.strerror}", place=path) from None
    if not take(descriptor):
        raise _held(run)
    if not still_names(path, descriptor):
        return False
    # taken away while it is still held: whoever opened it before finds that the name stands for another file, or for none
    stack.callback(_remove, path)
    return True


def _remove(path: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)
