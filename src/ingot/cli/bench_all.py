"""`ingot bench all --quick`: a smoke of every bench."""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ingot.cli.progress import AS_JSON, INTERRUPTED

if TYPE_CHECKING:
    from ingot.evals.smoke import Seen


@click.command("all")
@click.option("--quick", is_flag=True, required=True, help="Each bench small; for whole figures run it by its name.")
@click.option("--data", type=click.Path(path_type=Path, exists=True, file_okay=False),
              help="Folder with data sets: security, dmn_tck, policyengine_us, rulearena, sroie, tv_ad_invoices, transforms.")  # fmt: skip
@click.option("--model", envvar="INGOT_MODEL", help="Asked in suites, one task each. [env: INGOT_MODEL]")
@click.option("--only", "names", multiple=True, help="Only this bench; may be given several times.")
@AS_JSON
def all_command(quick: bool, data: Path | None, model: str | None, names: tuple[str, ...], as_json: bool) -> None:
    """See that every bench runs here, each with its main figure, in less than 10 minutes on two cores.

    Benches that need data run where --data has a folder for them, suites where their package is installed; without
    --model a suite is read and estimated. Exit 1 where one broke. Ctrl-C ends with what is done.
    """
    from ingot.evals.smoke import MINUTES, SMOKES, smoke
    from ingot.evals.smoke_inputs import smoke_inputs

    assert quick
    chosen = [one for one in SMOKES if not names or one.name in names]
    if missing := [name for name in names if name not in {one.name for one in SMOKES}]:
        known = ", ".join(one.name for one in SMOKES)
        raise click.BadParameter(f"no bench {missing[0]!r}; there are {known}", param_hint="--only")
    done: list[Seen] = []
    interrupted = False
    ends = time.monotonic() + MINUTES * 60
    with tempfile.TemporaryDirectory() as folder:
        try:
            _progress("making artifacts of the bundled examples")
            inputs = smoke_inputs(Path(folder))
            for number, one in enumerate(chosen, start=1):
                _progress(f"{number} of {len(chosen)}: {one.name}")
                done.append(smoke(one, inputs, data, model, ends - time.monotonic()))
                if not as_json:
                    _print(done[-1])
        except KeyboardInterrupt:
            interrupted = True
    _end(done, len(chosen), interrupted, as_json)


def _end(done: list[Seen], wanted: int, interrupted: bool, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps({"benches": [one.to_json() for one in done], "interrupted": interrupted}, indent=2))
    else:
        counts = {status: sum(one.status == status for one in done) for status in ("ok", "broke", "not run")}
        seconds = sum(one.seconds for one in done)
        click.echo(f"{counts['ok']} ran, {counts['broke']} broke, {counts['not run']} not run, in {seconds:.0f} s")
    if interrupted:
        click.echo(f"cut short after {len(done)} of {wanted}", err=True)
        sys.exit(INTERRUPTED)
    if any(one.status == "broke" for one in done):
        raise click.exceptions.Exit(1)


def _progress(said: str) -> None:
    """What is at work, on a terminal, where the next line takes its place."""
    if sys.stderr.isatty():
        click.echo(f"\r\x1b[K{said} …", nl=False, err=True)


def _print(one: Seen) -> None:
    if sys.stderr.isatty():
        click.echo("\r\x1b[K", nl=False, err=True)
    took = f"{one.seconds:.0f} s" if one.seconds else ""
    click.echo(f"{one.name:<22}{one.status:<9}{took:>6}  {one.said}")
