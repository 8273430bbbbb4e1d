"""What the benches share: the JSON switch, a bar on a terminal, and the exit code of an end by Ctrl-C."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click

AS_JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of a table.")
INTERRUPTED = 130


def progress(items: list[Any], quiet: bool) -> Iterator[Any]:
    """The items, with a bar on standard error while they are gone through."""
    with bar(items, quiet) as shown:
        yield from shown


@contextmanager
def bar(items: list[Any], quiet: bool) -> Iterator[Any]:
    """A bar on standard error where that is a terminal; `quiet` leaves it out."""
    if quiet or not sys.stderr.isatty():
        yield items
        return
    with click.progressbar(items, label="measuring", file=sys.stderr) as shown:
        yield shown
