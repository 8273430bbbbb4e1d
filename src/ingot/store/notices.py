"""Tell somebody that runs wait for a person: by webhook or e-mail, at least once, and never with a value.

What is to be told is the reviews themselves: one that is open and has no `told` yet. So a notice that fails loses nothing,
and every way to a review (a run, a batch, a server, Temporal) is told of without knowing it. Whoever tells takes reviews
for a while (`tell_after`), so that two processes on one store do not both tell of them.
"""

from __future__ import annotations

import hashlib
import os
import re
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import unquote

from sqlalchemy import ColumnElement, func, or_, select, update
from sqlalchemy.exc import SQLAlchemyError

from ingot.artifact.statement import utc_text
from ingot.errors import InputError, StoreError
from ingot.library.modules import notify
from ingot.library.modules.shared import Perform, variable_value
from ingot.store.database import reading, store_error, writing
from ingot.store.store import Store
from ingot.store.tables import reviews

Send = Callable[[Mapping[str, Any]], str | None]
"""Gives one notice to whoever is to be told; says who of several was not reached. Raises ValueError, TimeoutError,
ConnectionError or RuntimeError where nobody was."""

MOST_IN_ONE = 1_000
"""Reviews that one notice is about."""
MOST_SHOWN = 100
"""Reviews that one notice names."""
TAKEN_SECONDS = 120
"""Longer than one try to send takes."""
LONGEST_WAIT_SECONDS = 900
FIRST_WAIT_SECONDS = 5
EVERY_SECONDS = 1.0

_SHOWN = ("review", "workflow", "step", "at")


@dataclass(frozen=True, slots=True)
class Told:
    """What telling came to: reviews `told` of now, those still `pending`, and why, where the last notice did not get through."""

    told: int
    pending: int
    error: str | None = None


# ---- whom --------------------------------------------------------------------------------------------------------


def sender(target: str, environment: Mapping[str, str] | None = None) -> Send:
    """What sends notices to `target`: an https URL, or ``mailto:one@example.org,two@example.org``.

    A webhook is signed with INGOT_NOTIFY_SECRET where that is set. Mail goes by INGOT_SMTP_HOST and _PORT, from
    INGOT_SMTP_FROM, with _USER and _PASSWORD, _CA_FILE, and _TLS: ``starttls`` (default), ``tls``, or ``none`` to this
    machine. Raises InputError, which does not show the target: such URLs are often secrets.
    """
    environment = os.environ if environment is None else environment
    _refuse_scheme(target)
    try:
        if target.lower().startswith("mailto:"):
            return _mailer(target[len("mailto:") :], environment)
        settings: dict[str, Any] = {"url_env": "INGOT_NOTIFY", "idempotency_key": "{notice}", "retries": 1}
        if environment.get("INGOT_NOTIFY_SECRET"):
            settings["secret_env"] = "INGOT_NOTIFY_SECRET"  # noqa: S105 - the name of a variable
        return _webhook(settings, {**environment, "INGOT_NOTIFY": target})
    except ValueError as error:
        why = str(error).replace("the environment variable 'INGOT_NOTIFY'", "it")
        raise InputError(f"nobody can be told: {why}", place="--notify", hint=_SCHEMES) from None


_SCHEMES = (
    "give https://HOST/…, http://127.0.0.1/… for this machine only, or mailto:ADDRESS,… with INGOT_SMTP_HOST and "
    "INGOT_SMTP_FROM"
)


def _refuse_scheme(target: str) -> None:
    """Raise InputError for what is none of the schemes. Nothing but the scheme is shown."""
    if target.lower().startswith(("https://", "http://", "mailto:")):
        return
    found = re.match(r"([a-z][a-z0-9+.-]{1,15})://", target, re.IGNORECASE)
    why = f"there is no scheme {found[1]!r}" if found else "it begins with no scheme"
    raise InputError(f"nobody can be told: {why}; there are https, http and mailto", place="--notify", hint=_SCHEMES)


def _webhook(settings: Mapping[str, Any], environment: Mapping[str, str]) -> Send:
    post = notify.webhook(settings, environment)

    def send(notice: Mapping[str, Any]) -> None:
        post(notice)

    return send


def _mailer(addresses: str, environment: Mapping[str, str]) -> Send:
    secure = environment.get("INGOT_SMTP_TLS", "starttls")
    if secure not in ("starttls", "tls", "none"):
        raise ValueError("INGOT_SMTP_TLS is starttls, tls or none")
    settings: dict[str, Any] = {
        "host_env": "INGOT_SMTP_HOST", "from": variable_value(environment, "INGOT_SMTP_FROM"), "subject": "{subject}",
        "body": "{text}", "starttls": secure == "starttls", "tls": secure == "tls",
    }  # fmt: skip
    if environment.get("INGOT_SMTP_PORT"):
        settings["port"] = _port(environment["INGOT_SMTP_PORT"])
    if environment.get("INGOT_SMTP_USER"):
        settings |= {"username_env": "INGOT_SMTP_USER", "password_env": "INGOT_SMTP_PASSWORD"}
    if environment.get("INGOT_SMTP_CA_FILE"):
        settings["ca_file_env"] = "INGOT_SMTP_CA_FILE"
    to = [unquote(one.strip()) for one in addresses.partition("?")[0].split(",") if one.strip()]
    mails = [notify.email({**settings, "to": [one]}, environment) for one in to]
    if not mails:
        raise ValueError("mailto: names no address")

    def send(notice: Mapping[str, Any]) -> str | None:
        failed = [error for mail in mails if (error := _mailed(mail, notice)) is not None]
        if len(failed) == len(mails):
            raise failed[-1]
        return f"{len(failed)} of {len(mails)} addresses were not reached: {failed[-1]}" if failed else None

    return send


def _mailed(mail: Perform, notice: Mapping[str, Any]) -> OSError | RuntimeError | None:
    """One address by itself: one that is refused is no reason to write to the others again and again."""
    try:
        mail({"subject": _subject(notice), "text": _text(notice)})
    except (OSError, RuntimeError) as error:
        return error
    return None


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise ValueError("INGOT_SMTP_PORT is not a number")
    return int(text)


# ---- what --------------------------------------------------------------------------------------------------------


def notice_of(found: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What is said of reviews: which, of which workflow and step, since when. `notice` is the same for the same reviews."""
    named = "\n".join(str(one["review"]) for one in found)
    return {
        "event": "reviews_waiting", "notice": hashlib.sha256(named.encode()).hexdigest()[:32], "count": len(found),
        "reviews": [{name: one[name] for name in _SHOWN} for one in found[:MOST_SHOWN]],
    }  # fmt: skip


def _subject(notice: Mapping[str, Any]) -> str:
    count = notice["count"]
    return "A run waits for a person" if count == 1 else f"{count} runs wait for a person"


def _text(notice: Mapping[str, Any]) -> str:
    lines = ["  ".join(str(one[name]) for name in ("review", "at", "workflow", "step")) for one in notice["reviews"]]
    more = notice["count"] - len(lines)
    lines += [f"and {more} more: ingot reviews list"] if more else []
    return "\n".join([*lines, "", "Decide: ingot reviews show REVIEW"])


# ---- telling -----------------------------------------------------------------------------------------------------


def tell(store: Store, send: Send, *, at_once: bool = False) -> Told:
    """Tell of every review that is due. `at_once` does not wait for what failed shortly before, nor for what another
    process is telling just now, which is then told twice. Raises StoreError; what cannot be sent stays pending."""
    told, missed = 0, None
    while found := _take(store, at_once):
        try:
            missed = send(notice_of(found)) or missed
        except (ValueError, OSError, RuntimeError) as error:
            _put_back(store, found)
            return Told(told, pending(store), str(error))
        _keep_told(store, found)
        told += len(found)
    return Told(told, pending(store), missed)


def pending(store: Store) -> int:
    """How many open reviews nobody was told of."""
    with reading(store.engine) as connection:
        return int(connection.execute(select(func.count()).select_from(reviews).where(_UNTOLD)).scalar_one())


_UNTOLD: ColumnElement[bool] = reviews.c.told.is_(None) & (reviews.c.state == "open")


def _due(at_once: bool) -> ColumnElement[bool]:
    """A time further ahead than any that is written here was written before the clock went back."""
    if at_once:
        return _UNTOLD
    ahead = _in_seconds(2 * LONGEST_WAIT_SECONDS)
    after = reviews.c.tell_after
    return _UNTOLD & or_(after.is_(None), after <= _in_seconds(0), after > ahead)


def _take(store: Store, at_once: bool) -> list[dict[str, Any]]:
    """Reviews to tell of, which nobody else takes for a while."""
    shown = [reviews.c[name] for name in (*_SHOWN, "tries")]
    query = select(*shown).where(_due(at_once)).order_by(reviews.c.at, reviews.c.review).limit(MOST_IN_ONE)
    try:
        with reading(store.engine) as connection:  # almost always there is nothing, and no writer need wait for that
            if connection.execute(query.limit(1)).first() is None:
                return []
        with writing(store.engine) as connection:
            found = [dict(row._mapping) for row in connection.execute(query)]
            if found:
                values = {"tell_after": _in_seconds(TAKEN_SECONDS)}
                connection.execute(update(reviews).where(_these(found)).values(**values))
            return found
    except SQLAlchemyError as error:
        raise store_error(error, "take what is to be told") from None


def _put_back(store: Store, found: Sequence[Mapping[str, Any]]) -> None:
    tries = max(one["tries"] for one in found)
    wait = min(FIRST_WAIT_SECONDS * 2 ** min(tries, 10), LONGEST_WAIT_SECONDS)
    _change(store, found, {"tell_after": _in_seconds(wait), "tries": reviews.c.tries + 1})


def _keep_told(store: Store, found: Sequence[Mapping[str, Any]]) -> None:
    _change(store, found, {"told": _in_seconds(0), "tell_after": None})


def _change(store: Store, found: Sequence[Mapping[str, Any]], values: Mapping[str, Any]) -> None:
    try:
        with writing(store.engine) as connection:
            connection.execute(update(reviews).where(_these(found)).values(**values))
    except SQLAlchemyError as error:
        raise store_error(error, "keep what was told") from None


def _these(found: Sequence[Mapping[str, Any]]) -> ColumnElement[bool]:
    return reviews.c.review.in_([one["review"] for one in found])


def _in_seconds(seconds: int) -> str:
    return utc_text(datetime.now(UTC) + timedelta(seconds=seconds))


# ---- beside other work -------------------------------------------------------------------------------------------


@contextmanager
def telling(store: Store, send: Send, said: Callable[[str], object], *, every: float = EVERY_SECONDS) -> Iterator[None]:
    """Tell in a thread while the context lasts, and once more at its end. `said` is given each failure as one line; none
    of them reaches the work that goes on here."""
    stop = threading.Event()
    thread = threading.Thread(target=_keep_telling, args=(store, send, said, every, stop), name="ingot-notify")
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def _keep_telling(store: Store, send: Send, said: Callable[[str], object], every: float, stop: threading.Event) -> None:
    wait = every
    while not stop.wait(wait):
        wait = every if tell_quietly(store, send, said) else FIRST_WAIT_SECONDS
    tell_quietly(store, send, said)


def tell_quietly(store: Store, send: Send, said: Callable[[str], object]) -> bool:
    """As `tell`; what goes wrong is said and not raised: it stays pending, and the runs are not concerned."""
    try:
        told = tell(store, send)
    except StoreError as error:
        said(f"nobody could be told of reviews: {error.message}")
        return False
    if told.error is not None:
        said(f"told of {told.told} reviews, {told.pending} are pending: {told.error}")
    return told.error is None
