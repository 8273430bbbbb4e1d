"""`ingot bench consistency`: one input, many fresh processes."""

from __future__ import annotations

import json
from pathlib import Path

import click

from ingot.cli.progress import AS_JSON
from ingot.errors import InputError


@click.command("consistency")
@click.argument("artifact", type=click.Path(path_type=Path))
@click.option("--input", "given", required=True, help="The input as JSON, or @FILE.")
@click.option(
    "--runs", type=click.IntRange(2), default=1_000, show_default=True, help="Processes, each with its own hash seed."
)
@click.option("--key", "keys", multiple=True, type=click.Path(path_type=Path), help="A trusted public key file.")
@AS_JSON
def consistency_command(artifact: Path, given: str, runs: int, keys: tuple[Path, ...], as_json: bool) -> None:
    """How many different outcomes ARTIFACT has for one input, in fresh processes with different hash seeds."""
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
    done = []
    with click.progressbar(length=runs, label="running", hidden=as_json) as bar:
        for one in repeat(artifact, case, runs, keys=keys):
            done.append(one)
            bar.update(1)
    found = measured(done)
    if as_json:
        click.echo(json.dumps([one.to_json() for one in found], indent=2))
        return
    for measure in found:
        click.echo(f"{measure.name:<14}{shown(measure):<36}{measure.unit:<8}n = {measure.n:,}  {measure.note}".rstrip())
