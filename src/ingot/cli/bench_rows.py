"""What the benches over many rows share: some of the rows only, a bar, an end by Ctrl-C that prints what is done, and going on."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from ingot.cli.progress import INTERRUPTED

if TYPE_CHECKING:
    from ingot.evals.kept_lines import KeptRows

F = TypeVar("F", bound=Callable[..., Any])
T = TypeVar("T")
R = TypeVar("R")

OUT = click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="Keep what is measured in this folder; the same command goes on there.",
)


def limit(what: str) -> Callable[[F], F]:
    """The option --limit; `what` says of what it takes only so many."""
    return click.option("--limit", type=click.IntRange(1), help=f"Only so many {what}.")


@contextmanager
def kept_rows(out: Path | None, kind: type[R], **told: Any) -> Iterator[KeptRows[R] | None]:
    """The rows of this kind kept in `out`, which no other run may write to meanwhile; None where nothing is to be kept. `told` says
    how they are measured. Raises InputError where the folder holds those of another bench, setting or version."""
    from ingot import __version__
    from ingot.evals.alone import alone
    from ingot.evals.kept_lines import KeptRows

    if out is None:
        yield None
        return
    with alone(out):
        yield KeptRows(out, kind, {**told, "ingot": __version__})


def each(
    items: Sequence[T], key: Callable[[T], str], measure: Callable[[Sequence[T]], Sequence[R]], kept: KeptRows[R] | None,
    *, quiet: bool, at_once: int = 1,
) -> list[R]:  # fmt: skip
    """What was kept of the items or is measured of them now, `at_once` at a time, in their order; fewer than the items where Ctrl-C
    cut it short. With a bar on standard error where that is a terminal."""
    hidden = quiet or not sys.stderr.isatty()
    done: list[R] = []
    try:
        with click.progressbar(length=len(items), label="measuring", hidden=hidden, file=sys.stderr) as bar:
            for at in range(0, len(items), at_once):
                done += _of(items[at : at + at_once], key, measure, kept)
                bar.update(len(done) - bar.pos)
    except KeyboardInterrupt:
        return done
    return done


def _of(
    some: Sequence[T], key: Callable[[T], str], measure: Callable[[Sequence[T]], Sequence[R]], kept: KeptRows[R] | None
) -> list[R]:
    if kept is None:
        return list(measure(some))
    keys = [key(one) for one in some]
    found = {name: known for name in keys if (known := kept.get(name)) is not None}
    fresh = {name: one for name, one in zip(keys, some, strict=True) if name not in found}
    for name, one in zip(fresh, measure(list(fresh.values())) if fresh else (), strict=True):
        kept.add(name, one)
        found[name] = one
    return [found[name] for name in keys]


def end_short(done: int, wanted: int, what: str, *, kept: bool) -> None:
    """Exit as after Ctrl-C where fewer were measured than wanted."""
    if done < wanted:
        goes_on = "; the same command goes on" if kept else ""
        click.echo(f"cut short after {done:,} of {wanted:,} {what}{goes_on}", err=True)
        sys.exit(INTERRUPTED)
