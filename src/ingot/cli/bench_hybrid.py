"""ingot bench hybrid: what share of fields is answered without a model, at which precision."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import click

from ingot.cli.progress import AS_JSON
from ingot.errors import InputError


@click.command("hybrid")
@click.argument("artifact", type=click.Path(path_type=Path))
@click.option(
    "--cases", "path", required=True, type=click.Path(path_type=Path), help="JSON Lines: id, input, expected."
)
@click.option(
    "--precision", "wanted", multiple=True, type=click.FloatRange(0, 1, True, True), help="[default: 0.99, 0.95]"
)
@click.option(
    "--share", type=click.FloatRange(0, 1, True, True), default=0.5, show_default=True, help="To calibrate on."
)
@click.option("--key", "keys", multiple=True, type=click.Path(path_type=Path), help="A trusted public key file.")
@AS_JSON
def hybrid_command(
    artifact: Path, path: Path, wanted: tuple[float, ...], share: float, keys: tuple[Path, ...], as_json: bool
) -> None:
    """Risk and coverage of ARTIFACT's hybrid steps on labelled cases, parted by hash into calibration and test.

    Give cases that no candidate was written from: on others the figures flatter.
    """
    from ingot.artifact.sign import trusted_keys
    from ingot.artifact.verify import verify
    from ingot.compile.calibrate import agreements, hybrid_steps
    from ingot.compile.rerun import program_of
    from ingot.evals.hybrid import lines, table
    from ingot.spec import typed_cases

    program = program_of(verify(artifact, trusted_keys(keys)))
    steps = hybrid_steps(program.spec)
    if not steps:
        raise InputError("the artifact has no hybrid step", place=str(artifact))
    cases = typed_cases(program.spec, _rows(path))
    for step in steps:
        found = table(agreements(program, step, cases), wanted or (0.99, 0.95), share)
        if as_json:
            click.echo(json.dumps({"step": step.step, "fields": [one.to_json() for one in found]}, indent=2))
            continue
        click.echo(f"{step.step}: {len(cases)} cases")
        for line in lines(found):
            click.echo(line)


def _rows(path: Path) -> Iterator[tuple[dict[str, Any], Callable[[tuple[Any, ...]], str]]]:
    """The rows of a case file, each with its place."""
    from ingot.evals.suite_rows import read_rows

    for row, place in read_rows(path):
        kept: dict[str, Any] = {name: value for name, value in row.items() if name in ("id", "input", "expected")}
        yield kept, partial(_place, place)


def _place(where: str, _path: tuple[Any, ...]) -> str:
    return where
