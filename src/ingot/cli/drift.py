"""ingot drift: whether runs still look like what the workflow was compiled with."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from ingot.cli.store import STORE, _open
from ingot.cli.use import KEYS


@click.command("drift")
@click.argument("artifact", type=click.Path(path_type=Path))
@STORE
@KEYS
@click.option("--window", type=click.IntRange(10), help="The last N runs. [default: the spec's drift.window]")
@click.option("--baseline", type=click.Choice(["cases", "first"]), help="The artifact's cases, or the first N runs.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of a table.")
def drift_command(
    artifact: Path, url: str | None, keys: tuple[Path, ...], window: int | None, baseline: Any, as_json: bool
) -> None:
    """Compare the last runs of ARTIFACT with its cases: every field, escalations, refused model answers.

    Exit 1 where something alarms. Reads the audit log as it is masked; nothing sealed is opened.
    """
    from ingot.artifact.sign import trusted_keys
    from ingot.artifact.verify import verify
    from ingot.compile.rerun import program_of
    from ingot.store.drift import drift, lines

    verified = verify(artifact, trusted_keys(keys))
    spec = program_of(verified).spec
    stated = {name: value for name, value in (("window", window), ("baseline", baseline)) if value is not None}
    with _open(url) as store:
        found = drift(store.audit.records(), verified.digest, spec, spec.drift.model_copy(update=stated))
    if as_json:
        click.echo(json.dumps(found.to_json(), indent=2))
    else:
        for line in lines(found):
            click.echo(line)
    if found.alarms:
        raise click.exceptions.Exit(1)
