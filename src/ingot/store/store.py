"""One store: its database, its secret and its audit log."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from sqlalchemy import Engine

from ingot.store.audit import AuditLog
from ingot.store.database import default_url, open_database
from ingot.store.keys import StoreKey, store_key


class Store:
    """Use as a context manager, or `close` it. Safe to use from several threads."""

    def __init__(self, engine: Engine, key: StoreKey) -> None:
        self.engine, self.key = engine, key
        self.audit = AuditLog(engine, key)

    @classmethod
    def open(cls, url: str | None = None, key: StoreKey | None = None) -> Store:
        """The store at `url` (by default INGOT_STORE, or ``ingot.db`` here), made where there is none.

        `key` is the secret it belongs to, by default this user's. Raises StoreError.
        """
        key = key or store_key()
        return cls(open_database(url or default_url(), key), key)

    def fresh_engine(self) -> Engine:
        """An engine with connections of its own, for a forked process: connections are not shared over a fork."""
        self.engine.dispose(close=False)
        return self.engine

    def close(self) -> None:
        """Give its connections back."""
        self.engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
