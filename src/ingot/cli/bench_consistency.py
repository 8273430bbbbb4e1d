"""`ingot bench consistency`: one input, many fresh processes."""

from __future__ import annotations

import json
import platform
import sys
from contextlib import closing, nullcontext, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ingot.cli.progress import AS_JSON, INTERRUPTED
from ingot.errors import InputError

if TYPE_CHECKING:
    from ingot.evals.repeat import Repeated
    from ingot.evals.repeat_kept import KeptRuns


@click.command("consistency")
@click.argument("artifact", type=click.Path(path_type=Path))
@click.option("--input", "given", required=True, help="The input as JSON, or @FILE.")
@click.option(
    "--runs", type=click.IntRange(2), default=1_000, show_default=True, help="Processes, each with its own hash seed."
)
@click.option(
    "--out", type=click.Path(path_type=Path), help="Keep each run in this folder; the same command goes on there."
)
@click.option("--key", "keys", multiple=True, type=click.Path(path_type=Path), help="A trusted public key file.")
@AS_JSON
def consistency_command(
    artifact: Path, given: str, runs: int, out: Path | None, keys: tuple[Path, ...], as_json: bool
) -> None:
    """How many different outcomes ARTIFACT has for one input, in fresh processes with different hash seeds.

    Ctrl-C prints what is done; with --out it is kept.
    """
    from ingot.evals.alone import alone
    from ingot.evals.repeat_kept import KeptRuns
    from ingot.runtime.run import load

    try:
        text = Path(given[1:]).read_text(encoding="utf-8") if given.startswith("@") else given
        case = json.loads(text)
    except (OSError, ValueError) as error:
        raise InputError(f"cannot read the input: {error}", place="--input") from None
    # what is wrong with the artifact or the input is told before 1,000 processes are
    workflow = load(artifact, trusted=keys)
    workflow.run(case)
    with alone(out) if out else nullcontext():
        told = {"artifact": workflow.digest, "input": case, "python": platform.python_version()}
        kept = KeptRuns(out, told) if out else None
        done = _runs(artifact, case, runs, keys, kept, as_json)
    _print(done, as_json)
    if len(done) < runs:
        goes_on = "; the same command goes on" if kept else ""
        click.echo(f"cut short after {len(done):,} of {runs:,} runs{goes_on}", err=True)
        sys.exit(INTERRUPTED)


def _runs(
    artifact: Path, case: dict[str, Any], runs: int, keys: tuple[Path, ...], kept: KeptRuns | None, quiet: bool
) -> list[Repeated]:
    """The runs that were kept and those made now, until there are as many as wanted or Ctrl-C comes."""
    from ingot.evals.repeat import repeat

    done: list[Repeated] = kept.done[:runs] if kept else []
    first = len(done) + 1
    with (
        suppress(KeyboardInterrupt),
        click.progressbar(length=runs, label="running", hidden=quiet, file=sys.stderr) as bar,
        closing(repeat(artifact, case, runs, keys=keys, first=first)) as outcomes,
    ):
        bar.update(len(done))
        for one in outcomes:
            if kept:
                kept.add(one)
            done.append(one)
            bar.update(1)
    return done


def _print(done: list[Repeated], as_json: bool) -> None:
    from ingot.evals.repeat import measured
    from ingot.evals.report.tables import shown

    found = measured(done)
    if as_json:
        click.echo(json.dumps([one.to_json() for one in found], indent=2))
        return
    for figure in found:
        click.echo(f"{figure.name:<14}{shown(figure):<36}{figure.unit:<8}n = {figure.n:,}  {figure.note}".rstrip())
