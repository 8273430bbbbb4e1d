"""The readback command: what a rule does, in plain sentences."""

from __future__ import annotations

import json
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ingot.errors import SpecError

if TYPE_CHECKING:
    from ingot.program import Program

FORMATS = ("text", "markdown", "html", "json")


@click.command("readback")
@click.argument("source", type=click.Path(path_type=Path), metavar="ARTIFACT|SPEC")
@click.option("--code", type=click.Path(path_type=Path), help="With a spec: the functions, as a Python file.")
@click.option(
    "--format", "form", type=click.Choice(FORMATS), default="text", show_default=True, help="How it is written."
)
@click.option("--key", "keys", multiple=True, type=click.Path(path_type=Path), help="A trusted public key file.")
def readback_command(source: Path, code: Path | None, form: str, keys: tuple[Path, ...]) -> None:
    """Say in plain sentences what the rules of ARTIFACT do, or those of a SPEC with --code.

    The sentences are made from the code by Ingot's own code, never by a model. What there are no words for is shown as
    the code it is. An artifact is verified first; code that is given with a spec is read, not checked and not run.
    """
    from ingot.readback.render import as_html, as_json, as_markdown, as_text

    program = _verified(source, keys) if source.is_dir() else _given(source, code)
    try:
        if form == "json":
            click.echo(json.dumps(as_json(program), indent=2, ensure_ascii=False))
        elif form == "html":
            click.echo(
                _page(program.spec.metadata.title or program.spec.metadata.name, as_html(program, linked=False)),
                nl=False,
            )
        else:
            click.echo((as_markdown if form == "markdown" else as_text)(program), nl=False)
    except SyntaxError as error:
        raise SpecError(f"the code does not parse: {error.msg}", place=f"{code or source}:{error.lineno}") from None
    except KeyError as error:
        hint = "ingot plan shows the functions that are asked for"
        raise SpecError(f"the code does not define {error.args[0]!r}", place=str(code or source), hint=hint) from None


def _verified(artifact: Path, keys: tuple[Path, ...]) -> Program:
    from ingot.artifact.sign import trusted_keys
    from ingot.artifact.verify import verify
    from ingot.compile.rerun import program_of

    return program_of(verify(artifact, trusted_keys(keys)))


def _given(spec: Path, code: Path | None) -> Program:
    from ingot.compile.assemble import assemble
    from ingot.spec import load_spec

    loaded = load_spec(spec)
    if code is None:
        raise click.UsageError("a spec says what is wanted, not what the code does: add --code FILE")
    try:
        logic = code.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SpecError(f"cannot read the code: {error}", place=str(code)) from None
    return assemble(loaded, logic)


def _page(title: str, body: str) -> str:
    head = f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title></head>'
    return f"{head}<body><h1>{escape(title)}</h1>{body}</body></html>\n"
