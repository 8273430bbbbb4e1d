"""ingot bench hybrid: what share of fields is answered without a model, at which precision."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ingot.cli.bench_rows import OUT, each, end_short, kept_rows, limit
from ingot.cli.progress import AS_JSON
from ingot.errors import InputError

if TYPE_CHECKING:
    from ingot.spec import Case

TOGETHER = 50
"""Cases that the sandbox is given at a time."""


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
@limit("cases")
@OUT
@AS_JSON
def hybrid_command(
    artifact: Path, path: Path, wanted: tuple[float, ...], share: float, keys: tuple[Path, ...], limit: int | None,
    out: Path | None, as_json: bool,
) -> None:  # fmt: skip
    """Risk and coverage of ARTIFACT's hybrid steps on labelled cases, parted by hash into calibration and test.

    Give cases that no candidate was written from: on others the figures flatter. Ctrl-C prints what is done; with --out it is kept.
    """
    from ingot.artifact.sign import trusted_keys
    from ingot.artifact.verify import verify
    from ingot.compile.calibrate import hybrid_steps
    from ingot.compile.rerun import program_of
    from ingot.evals.hybrid import CaseSeen, by_field, cases_seen, lines, table
    from ingot.spec import typed_cases

    verified = verify(artifact, trusted_keys(keys))
    program = program_of(verified)
    steps = hybrid_steps(program.spec)
    if not steps:
        raise InputError("the artifact has no hybrid step", place=str(artifact))
    cases = typed_cases(program.spec, islice(_rows(path), limit))
    with kept_rows(out, CaseSeen, bench="hybrid", artifact=verified.digest) as kept:
        for step in steps:
            seen = each(
                cases, partial(_key, step.step),
                partial(cases_seen, program, step), kept, quiet=as_json, at_once=TOGETHER,
            )  # fmt: skip
            found = table(by_field(step, seen), wanted or (0.99, 0.95), share)
            if as_json:
                click.echo(json.dumps({"step": step.step, "fields": [one.to_json() for one in found]}, indent=2))
            else:
                click.echo("\n".join((f"{step.step}: {len(seen)} cases", *lines(found))))
            end_short(len(seen), len(cases), f"cases of {step.step}", kept=out is not None)


def _key(step: str, case: Case) -> str:
    from ingot.evals.kept_lines import key_of

    return key_of(step, case.model_dump(mode="json"))


def _rows(path: Path) -> Iterator[tuple[dict[str, Any], Callable[[tuple[Any, ...]], str]]]:
    """The rows of a case file, each with its place."""
    from ingot.evals.suite_rows import read_rows

    for row, place in read_rows(path):
        kept: dict[str, Any] = {name: value for name, value in row.items() if name in ("id", "input", "expected")}
        yield kept, partial(_place, place)


def _place(where: str, _path: tuple[Any, ...]) -> str:
    return where
