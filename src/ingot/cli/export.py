"""``ingot export``: an artifact's rules in another tool's language, or its whole as a worker of another's."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from ingot.artifact.verify import Verified


@click.command("export")
@click.argument("artifact", type=click.Path(path_type=Path))
@click.option("--dmn", is_flag=True, help="As DMN decision tables.")
@click.option("--temporal", is_flag=True, help="As one Python file: a Temporal worker that needs nothing of Ingot.")
@click.option("--out", type=click.Path(path_type=Path), help="The file to write. [default: standard output]")
@click.option("--key", "keys", multiple=True, type=click.Path(path_type=Path), help="Also trust this public key.")
def export_command(artifact: Path, dmn: bool, temporal: bool, out: Path | None, keys: tuple[Path, ...]) -> None:
    """Write the rules of ARTIFACT as DMN tables, where their shape allows; refuse with line and reason where not. With
    --temporal: write a worker module that a team can own.

    What is written is read back, compiled and compared with the artifact's own program before anything is kept.
    """
    from ingot.artifact.durable import replace_file
    from ingot.artifact.sign import trusted_keys
    from ingot.artifact.verify import verify
    from ingot.errors import SpecError

    if dmn == temporal:
        raise click.UsageError("give either --dmn or --temporal")
    if out is not None and out.exists():
        raise SpecError("there is a file already; it is left as it is", place=str(out), hint="choose another name")
    verified = verify(artifact, trusted_keys(keys))
    text = _worker(verified) if temporal else _dmn(verified)
    if out is None:
        click.echo(text, nl=False)
        return
    replace_file(out, text.encode())
    click.echo(f"wrote {out}", err=True)


def _dmn(verified: Verified) -> str:
    from ingot.compile.export_dmn import export_dmn
    from ingot.compile.rerun import program_of
    from ingot.stages.execution import warm_sandbox

    return export_dmn(program_of(verified), warm_sandbox())


def _worker(verified: Verified) -> str:
    from ingot.edges.temporal_export import export_worker

    return export_worker(verified)
