"""The command that takes a file of rows: batch."""

from __future__ import annotations

import sys
from contextlib import nullcontext
from pathlib import Path

import click

from ingot.cli.notify import NOTIFY, send_to, telling_beside
from ingot.cli.use import APPROVED, ARTIFACT, KEYS, MODEL, load_workflow


@click.command("batch")
@ARTIFACT
@click.argument("source", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--out", required=True, type=click.Path(path_type=Path), help="The JSON Lines file to write.")
@click.option("--format", "kind", type=click.Choice(["jsonl", "csv", "parquet"]), help="[default: by the file's name]")
@click.option("--workers", type=click.IntRange(1), help="Processes. [default: one a core]")
@click.option("--rows-at-once", type=click.IntRange(1), default=2_000, show_default=True, help="Rows of a chunk.")
@click.option("--trust-rows", is_flag=True, help="Validate neither rows nor answers: something before this has.")
@click.option("--store", "url", help="Record every row in this store's audit log: a file, or an SQLAlchemy URL.")
@NOTIFY
@APPROVED
@KEYS
@MODEL
def batch_command(
    artifact: Path,
    source: Path,
    out: Path,
    kind: str | None,
    workers: int | None,
    rows_at_once: int,
    trust_rows: bool,
    url: str | None,
    notify: str | None,
    require_approval: bool,
    keys: tuple[Path, ...],
    model: str | None,
) -> None:
    """Run ARTIFACT on every row of SOURCE (.jsonl, .csv, .parquet) on all cores.

    Outcomes go to --out in the order of the rows; rows that fail go to a .failed.jsonl beside it, with their numbers
    (from 0) and reasons, and the exit code is then 1. Stopped or killed at any point, the same command goes on where
    it was: no row is lost, none is done twice.
    """
    from ingot.edges.batch import run_batch
    from ingot.edges.sources import open_source
    from ingot.store.store import Store

    send = send_to(notify, url)
    workflow = load_workflow(artifact, keys, require_approval, model, None)
    size = open_source(source, workflow.spec.inputs, kind).size

    def reached(position: int) -> None:
        bar.update(position - bar.pos)
        tell()

    with (
        Store.open(url) if url else nullcontext() as store,
        telling_beside(store, send) as tell,
        click.progressbar(length=size, label="running", file=sys.stderr) as bar,
    ):
        report = run_batch(
            workflow, source, out, kind=kind, workers=workers, rows_at_once=rows_at_once, validate=not trust_rows,
            store=store, progress=reached,
        )  # fmt: skip
    waiting = f", {report.reviews} for a person" if report.reviews else ""
    resumed = f" ({report.resumed} of them by an earlier run)" if report.resumed else ""
    click.echo(f"{report.rows} rows{resumed}, {report.failed} failed{waiting}; outcomes in {out}")
    if report.failed:
        raise click.exceptions.Exit(1)
