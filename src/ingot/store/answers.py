"""Model answers kept for the same question (bounded steps with ``cache: true``), sealed."""

from __future__ import annotations

import contextlib

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from ingot.store.database import now_text, reading, store_error, writing
from ingot.store.store import Store
from ingot.store.tables import answers


class StoreAnswers:
    """The answers in a store. A key is kept as its keyed digest: who has only the database cannot guess a question."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def get(self, key: str) -> bytes | None:
        """The answer under a key. Raises StoreError where the store cannot be read or it does not open."""
        name = self._name(key)
        with reading(self._store.engine) as connection:
            sealed = connection.execute(select(answers.c.sealed).where(answers.c.answer == name)).scalar()
        return None if sealed is None else self._store.key.open(sealed, name.encode())

    def put(self, key: str, answer: bytes) -> None:
        """Keep an answer; the first under a key stays. Raises StoreError."""
        name = self._name(key)
        sealed = self._store.key.seal(answer, name.encode())
        try:
            with contextlib.suppress(IntegrityError), writing(self._store.engine) as connection:
                connection.execute(answers.insert().values(answer=name, sealed=sealed, at=now_text()))
        except SQLAlchemyError as error:
            raise store_error(error, "keep an answer") from None

    def _name(self, key: str) -> str:
        return self._store.key.input_digest(b"answer " + key.encode())
