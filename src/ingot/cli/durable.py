"""``ingot resume``: go on with runs whose process was killed."""

from __future__ import annotations

import json
from pathlib import Path

import click

from ingot.cli.notify import NOTIFY, send_to, telling_beside
from ingot.cli.use import APPROVED, ARTIFACT, DURABLE, EXECUTOR, KEYS, MODEL, load_workflow


@click.command("resume")
@ARTIFACT
@click.argument("runs", nargs=-1)
@click.option("--store", "url", required=True, envvar="INGOT_STORE", help="The store that the runs began in.")
@click.option("--all", "every", is_flag=True, help="Every run under way: no other process may be at work on them.")
@DURABLE
@EXECUTOR
@NOTIFY
@APPROVED
@KEYS
@MODEL
def resume_command(
    artifact: Path,
    runs: tuple[str, ...],
    url: str,
    every: bool,
    durable: str,
    executor: str | None,
    notify: str | None,
    require_approval: bool,
    keys: tuple[Path, ...],
    model: str | None,
) -> None:
    """Go on with RUNS of ARTIFACT that were killed, each from the step after its last finished one.

    Without RUNS and --all it lists what is under way. With --durable dbos all of them go on, and only those whose
    process is gone.
    """
    from ingot.cli.store import _open as open_store
    from ingot.store.runs import RecordedWorkflow

    send = send_to(notify, url)
    workflow = load_workflow(artifact, keys, require_approval, model, None)
    with open_store(url) as store, telling_beside(store, send):
        if durable == "dbos":
            from ingot.edges import durable as dbos

            with dbos.durable(workflow, store, executor=executor) as recorded:
                for run in recorded.taken_up:
                    click.echo(json.dumps(recorded.wait(run).to_json(), ensure_ascii=False))
                if not recorded.taken_up:
                    click.echo("no run is under way", err=True)
            return
        plain = RecordedWorkflow(workflow, store)
        under_way = plain.unfinished()
        for run in runs or (under_way if every else ()):
            click.echo(json.dumps(plain.resume(run).to_json(), ensure_ascii=False))
        if every and not runs and not under_way:
            click.echo("no run is under way", err=True)
    if not runs and not every:
        click.echo("\n".join(under_way) or "no run is under way")
