"""``ingot bench faults``: faults injected again and again, and an exact account."""

from __future__ import annotations

import json
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

import click

from ingot.cli.progress import AS_JSON, INTERRUPTED

if TYPE_CHECKING:
    from ingot.evals.faults_account import Faults

TELL_SECONDS = 10.0


@click.command("faults")
@click.option("--kills", type=click.IntRange(0), default=1_000, show_default=True, help="Kills, at least.")
@click.option(
    "--postgres", "restarts", type=click.IntRange(0), default=0, help="Restart PostgreSQL so often under load."
)
@click.option("--seed", type=int, default=0, show_default=True, help="What chooses where.")
@AS_JSON
def faults_command(kills: int, restarts: int, seed: int, as_json: bool) -> None:
    """Kill batches and runs with SIGKILL, before lines of the code that writes and at any time, fill their disks, let the
    clock jump, and count what is left.

    Every row once and in order, recorded once, asked once; the chain verifies; no answer without its record. With
    --postgres N a PostgreSQL of its own is also stopped and killed N times under load, and answers to commits are lost.
    Exit 1 where anything was lost or doubled. A thousand kills take some minutes; Ctrl-C prints what is done.
    """
    from ingot.evals.faults_account import Faults

    found = Faults(seed)
    interrupted = False
    with tempfile.TemporaryDirectory() as name, _sticky() as asked:
        try:
            _inject(Path(name), found, kills, restarts, asked)
        except KeyboardInterrupt:
            interrupted = True
    if as_json:
        click.echo(json.dumps({**found.to_json(), "interrupted": interrupted}, indent=2))
    else:
        _show(found)
    if interrupted:
        click.echo("interrupted: this is what was done", err=True)
        raise click.exceptions.Exit(INTERRUPTED)
    if found.problems:
        raise click.exceptions.Exit(1)


@contextmanager
def _sticky() -> Iterator[list[int]]:
    """Ctrl-C is heard at once and kept: where it is raised in the middle of a destructor, Python drops it."""
    asked: list[int] = []

    def told(number: int, _: FrameType | None) -> None:
        asked.append(number)
        raise KeyboardInterrupt

    own = signal.signal(signal.SIGINT, told)
    try:
        yield asked
    finally:
        signal.signal(signal.SIGINT, own)


def _inject(folder: Path, found: Faults, kills: int, restarts: int, asked: list[int]) -> None:
    from ingot.evals.faults import inject
    from ingot.evals.faults_clock import jump
    from ingot.evals.faults_disk import fill_disk
    from ingot.evals.faults_postgres import outages

    places = [folder / name for name in ("kills", "disk", "clock", "postgres")]
    for place in places:
        place.mkdir()
    began = time.monotonic()
    with _telling(kills, "kills", asked) as tell:
        inject(places[0], kills, seed=found.seed, progress=tell, found=found)
    click.echo("filling disks, letting the clock jump", err=True)
    fill_disk(places[1], found)
    jump(places[2], found, seed=found.seed)
    if restarts:
        with _telling(restarts, "restarts of PostgreSQL", asked) as tell:
            outages(places[3], restarts, seed=found.seed, progress=tell, found=found)
    found.seconds = time.monotonic() - began


@contextmanager
def _telling(length: int, label: str, asked: list[int]) -> Iterator[Callable[[int], object]]:
    """A bar on a terminal, elsewhere a line now and then. Raises KeyboardInterrupt where one was `asked` for."""
    if sys.stderr.isatty():
        with click.progressbar(length=length, label=label, file=sys.stderr) as bar:

            def move(done: int) -> None:
                if asked:
                    raise KeyboardInterrupt
                bar.update(done - bar.pos)

            yield move
        return
    last = time.monotonic()

    def tell(done: int) -> None:
        nonlocal last
        if asked:
            raise KeyboardInterrupt
        if done >= length or time.monotonic() - last >= TELL_SECONDS:
            last = time.monotonic()
            click.echo(f"{done} of {length} {label}", err=True)

    yield tell


def _show(found: Faults) -> None:
    for counter, what in (
        (found.kills, "kills"),
        (found.disks, "full disks"),
        (found.jumps, "jumps of the clock"),
        (found.outages, "PostgreSQL"),
        (found.counted, "counted"),
        (found.lost, "LOST"),
        (found.doubled, "DOUBLED"),
    ):
        for kind, count in sorted(counter.items()):
            click.echo(f"{count:>7} {what}: {kind}")
    click.echo(
        f"{found.killed:>7} kills at {len(found.points)} different lines, {sum(found.disks.values())} full disks, "
        f"{sum(found.jumps.values())} jumps, {sum(found.outages.values())} faults of PostgreSQL"
    )
    if found.outages:
        click.echo(f"{found.longest:>7.2f} s until the slowest load answered again")
    click.echo(f"{found.chains:>7} times the chain was verified")
    click.echo(
        f"{sum(found.lost.values()):>7} lost, {sum(found.doubled.values())} doubled, {len(found.problems)} problems; "
        f"seed {found.seed}, {found.seconds:.0f} s"
    )
    for one in found.problems:
        click.echo(f"PROBLEM  {one}")
