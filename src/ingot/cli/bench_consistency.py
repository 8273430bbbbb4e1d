"""`ingot bench consistency`: one input, many fresh processes."""

from __future__ import annotations

import json
import sys
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ingot.cli.progress import AS_JSON, INTERRUPTED
from ingot.errors import InputError

if TYPE_CHECKING:
    from ingot.evals.repeat import Repeated


@click.command("consistency")
@click.argument("artifact", type=click.Path(path_type=Path))
@click.option("--input", "given", required=True, help="The input as JSON, or @FILE.")
@click.option(
    "--runs", type=click.IntRange(2), default=1_000, show_default=True, help="Processes, each with its own hash seed."
)
@click.option("--key", "keys", multiple=True, type=click.Path(path_type=Path), help="A trusted public key file.")
@AS_JSON
def consistency_command(artifact: Path, given: str, runs: int, keys: tuple[Path, ...], as_json: bool) -> None:
    """How many different outcomes ARTIFACT has for one input, in fresh processes with different hash seeds.

    Ctrl-C prints what is done.
    """
    from ingot.evals.repeat import measured, repeat
    from ingot.evals.report.tables import shown
    from ingot.runtime.run import load

    try:
        text = Path(given[1:]).read_text(encoding="utf-8") if given.startswith("@") else given
        case = json.loads(text)
    except (OSError, ValueError) as error:
        raise InputError(f"cannot read the input: {error}", place="--input") from None
    load(artifact, trusted=keys).run(
        case
    )  # what is wrong with the artifact or the input is told before 1,000 processes are
    done: list[Repeated] = []
    with (
        suppress(KeyboardInterrupt),
        click.progressbar(length=runs, label="running", hidden=as_json, file=sys.stderr) as bar,
        closing(repeat(artifact, case, runs, keys=keys)) as outcomes,
    ):
        for one in outcomes:
            done.append(one)
            bar.update(1)
    found = measured(done)
    if as_json:
        click.echo(json.dumps([one.to_json() for one in found], indent=2))
    else:
        for figure in found:
            click.echo(f"{figure.name:<14}{shown(figure):<36}{figure.unit:<8}n = {figure.n:,}  {figure.note}".rstrip())
    if len(done) < runs:
        click.echo(f"cut short after {len(done):,} of {runs:,} runs", err=True)
        sys.exit(INTERRUPTED)
