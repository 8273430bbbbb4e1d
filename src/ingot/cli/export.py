"""``ingot export``: an artifact's rules in another tool's language."""

from __future__ import annotations

from pathlib import Path

import click


@click.command("export")
@click.argument("artifact", type=click.Path(path_type=Path))
@click.option("--dmn", is_flag=True, required=True, help="As DMN decision tables.")
@click.option("--out", type=click.Path(path_type=Path), help="The file to write. [default: standard output]")
@click.option("--key", "keys", multiple=True, type=click.Path(path_type=Path), help="Also trust this public key.")
def export_command(artifact: Path, dmn: bool, out: Path | None, keys: tuple[Path, ...]) -> None:
    """Write the rules of ARTIFACT as DMN tables, where their shape allows; refuse with line and reason where not.

    What is written is read back, compiled and compared with the artifact's own program before anything is kept.
    """
    from ingot.artifact.sign import trusted_keys
    from ingot.artifact.verify import verify
    from ingot.compile.export_dmn import export_dmn
    from ingot.compile.rerun import program_of
    from ingot.errors import SpecError
    from ingot.stages.execution import warm_sandbox

    if out is not None and out.exists():
        raise SpecError("there is a file already; it is left as it is", place=str(out), hint="choose another name")
    text = export_dmn(program_of(verify(artifact, trusted_keys(keys))), warm_sandbox())
    if out is None:
        click.echo(text, nl=False)
        return
    part = out.with_name(out.name + ".part")
    part.write_text(text, encoding="utf-8")
    part.replace(out)
    click.echo(f"wrote {out}", err=True)
