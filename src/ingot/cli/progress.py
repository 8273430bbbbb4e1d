"""What the benches share: the JSON switch, a bar on a terminal, and an end by Ctrl-C that keeps what is done."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import click

T = TypeVar("T")
R = TypeVar("R")

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


def until_interrupted(items: Iterable[T], measure: Callable[[T], R], quiet: bool) -> tuple[list[R], bool]:
    """What was measured of the items, and whether Ctrl-C cut it short."""
    done: list[R] = []
    try:
        for item in progress(list(items), quiet):
            done.append(measure(item))
    except KeyboardInterrupt:
        return done, True
    return done, False
