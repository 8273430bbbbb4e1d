"""The option --notify, and what tells people of reviews beside a command's work."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

if TYPE_CHECKING:
    from ingot.store.notices import Send
    from ingot.store.store import Store

NOTIFY = click.option(
    "--notify",
    metavar="TARGET",
    envvar="INGOT_NOTIFY",
    help="Tell of runs that wait for a person: an https:// URL, or mailto:ADDRESS,… Needs a store.",
)

BATCH_SECONDS = 10.0
"""A batch tells at most this often: one notice is about many reviews."""


def send_to(target: str | None, url: str | None) -> Send | None:
    """What sends notices; None where nobody is to be told. Raises InputError, and a usage error where there is no store."""
    if target is None:
        return None
    if url is None:
        if click.get_current_context().get_parameter_source("notify") is ParameterSource.ENVIRONMENT:
            return None
        raise click.UsageError("--notify needs --store: what nobody could be told of is kept there")
    from ingot.store.notices import sender

    return sender(target)


@contextmanager
def telling_beside(store: Store | None, send: Send | None) -> Iterator[Callable[[], None]]:
    """Tell when the context ends, however it ends. What it gives tells in between, now and then, without a thread."""
    from ingot.store.notices import tell_quietly

    after = time.monotonic() + BATCH_SECONDS

    def now_and_then() -> None:
        nonlocal after
        if store is not None and send is not None and time.monotonic() >= after:
            tell_quietly(store, send, warn)
            after = time.monotonic() + BATCH_SECONDS

    try:
        yield now_and_then
    finally:
        if store is not None and send is not None:
            tell_quietly(store, send, warn)


def warn(line: str) -> None:
    """A line beside the output."""
    click.echo(f"warning: {line}", err=True)
