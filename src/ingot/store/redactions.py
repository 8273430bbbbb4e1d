"""What the tokens stand for that a model saw in place of personal data, sealed, by run and step.

They are kept before the model is asked: whatever becomes of the process, who has the store's secret can tell what a token in
a provider's log stands for, and a step that is carried out again takes the same tokens. Retention removes them with the run.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.exc import SQLAlchemyError

from ingot.store.database import now_text, reading, store_error, writing
from ingot.store.encoding import encoded
from ingot.store.store import Store
from ingot.store.tables import redactions

NONCE_DIGITS = 4


class StepRedactions:
    """The tokens of one step of a run; `number` is how many steps were done before it."""

    def __init__(self, store: Store, run: str, number: int, step: str) -> None:
        self._store, self._run, self._number, self._step = store, run, number, step
        self._taken: dict[str, str] | None = None
        self.nonce = store.key.input_digest(b"tokens " + _about(run, number))[:NONCE_DIGITS].upper()

    def taken(self) -> Mapping[str, str]:
        """What this step's tokens stand for so far. Raises StoreError."""
        if self._taken is None:
            query = select(redactions.c.sealed).where(*self._mine())
            with reading(self._store.engine) as connection:
                sealed = connection.execute(query).scalar()
            self._taken = _opened(self._store, self._run, self._number, sealed) if sealed else {}
        return self._taken

    def keep(self, tokens: Mapping[str, str]) -> None:
        """Keep what they stand for now. Raises StoreError: then no model may see them."""
        sealed = self._store.key.seal(encoded(dict(tokens)), _about(self._run, self._number))
        row = {"run": self._run, "number": self._number, "step": self._step, "sealed": sealed, "at": now_text()}
        try:
            with writing(self._store.engine) as connection:
                if connection.execute(update(redactions).where(*self._mine()).values(sealed=sealed)).rowcount == 0:
                    connection.execute(redactions.insert().values(**row))
        except SQLAlchemyError as error:
            raise store_error(error, "keep what the tokens stand for") from None
        self._taken = dict(tokens)

    def _mine(self) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
        return redactions.c.run == self._run, redactions.c.number == self._number


def redactions_of(store: Store, run: str) -> dict[str, str]:
    """What every token of a run stands for, in the clear: show it only to who may see it. Empty where nothing was taken
    out, or the run was pruned. Raises StoreError."""
    query = select(redactions).where(redactions.c.run == run).order_by(redactions.c.number)
    with reading(store.engine) as connection:
        rows = connection.execute(query).all()
    return {token: value for row in rows for token, value in _opened(store, run, row.number, row.sealed).items()}


def _opened(store: Store, run: str, number: int, sealed: str) -> dict[str, str]:
    found: dict[str, str] = json.loads(store.key.open(sealed, _about(run, number)))
    return found


def _about(run: str, number: int) -> bytes:
    return f"{run}/{number}/tokens".encode()
