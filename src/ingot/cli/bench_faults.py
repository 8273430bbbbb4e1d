"""``ingot bench faults``: processes killed again and again, and an exact account."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

import click

from ingot.cli.progress import AS_JSON


@click.command("faults")
@click.option("--kills", type=click.IntRange(1), default=1_000, show_default=True, help="Kills, at least.")
@click.option("--seed", type=int, default=0, show_default=True, help="What chooses where.")
@AS_JSON
def faults_command(kills: int, seed: int, as_json: bool) -> None:
    """Kill batches and runs with SIGKILL, before lines of the code that writes and at any time, and count what is left.

    Every row once and in order, recorded once, asked once; the chain verifies; no answer without its record. Then a batch
    whose files may not grow. Exit 1 where anything was lost or doubled. A thousand kills take some minutes.
    """
    from ingot.evals.faults import fill_disk, inject

    with (
        tempfile.TemporaryDirectory() as name,
        click.progressbar(length=kills, label="killing", file=sys.stderr) as bar,
    ):
        found = inject(Path(name), kills, seed=seed, progress=lambda killed: bar.update(killed - bar.pos))
        if not found.problems:
            fill_disk(Path(name), found)
    if as_json:
        click.echo(json.dumps(found.to_json(), indent=2))
    else:
        for kind, count in sorted(found.kills.items()):
            click.echo(f"{count:>6} kills  {kind}")
        click.echo(
            f"{found.killed:>6} kills in all, at {len(found.points)} lines, in {found.seconds:.0f} s; seed {seed}"
        )
        click.echo(f"{found.full_disks:>6} full disks")
        click.echo(f"       {found.batches} batches of {found.rows} rows, {found.ran} runs with a decision")
        for one in found.problems:
            click.echo(f"LOST OR DOUBLED  {one}")
    if found.problems:
        raise click.exceptions.Exit(1)
