"""``ingot bench hostile``: thousands of hostile requests at a real server, and an exact account."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

import click

from ingot.cli.progress import AS_JSON


@click.command("hostile")
@click.option("--requests", type=click.IntRange(100), default=10_000, show_default=True, help="Requests, at least.")
@click.option("--seed", type=int, default=0, show_default=True, help="What chooses them.")
@AS_JSON
def hostile_command(requests: int, seed: int, as_json: bool) -> None:
    """Send hostile requests to `ingot serve` with a store, tokens, spans and a log, and count what comes of them.

    A fourth is made by schemathesis from the server's OpenAPI document, the rest is bytes: broken framing, forged tokens,
    slow and huge bodies, clients that go away, one key asked by many at once. Each must be answered in time by what its
    kind allows; the log must verify and hold the answered runs; nothing planted may be told. Exit 1 where one did not.
    """
    from ingot.evals.http_hostile import attack

    with (
        tempfile.TemporaryDirectory() as name,
        click.progressbar(length=requests, label="attacking", file=sys.stderr) as bar,
    ):
        found = attack(Path(name), requests, seed=seed, progress=lambda sent: bar.update(sent - bar.pos))
    if as_json:
        click.echo(json.dumps(found.to_json(), indent=2))
    else:
        for kind, count in sorted(found.kinds.items()):
            click.echo(f"{count:>7}  {kind}, {found.unanswered[kind]} without an answer")
        click.echo(f"{found.requests:>7}  requests in {found.seconds:.0f} s; seed {seed}")
        click.echo("         " + ", ".join(f"{status}: {count}" for status, count in sorted(found.statuses.items())))
        click.echo(f"         slowest {found.slowest:.1f} s, server grew by {found.grown / 2**20:.1f} MiB")
        click.echo(f"         {found.runs} runs answered, {found.recorded} recorded; {found.searched:,} bytes searched")
        for one in found.problems:
            click.echo(f"WRONG  {one}")
    if found.problems:
        raise click.exceptions.Exit(1)
