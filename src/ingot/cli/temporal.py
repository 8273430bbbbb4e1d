"""Commands for runs on a Temporal server: worker, submit, status."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Coroutine, Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from ingot.cli.given import ONE, given_object
from ingot.cli.notify import NOTIFY, send_to, warn
from ingot.cli.use import APPROVED, ARTIFACT, KEYS, MODEL, load_workflow
from ingot.errors import InputError

if TYPE_CHECKING:
    from ingot.runtime.run import Workflow

Given = TypeVar("Given")

ADDRESS = click.option(
    "--address", help="The Temporal server, HOST:PORT. [default: TEMPORAL_ADDRESS, or localhost:7233]"
)
NAMESPACE = click.option("--namespace", help="Its namespace. [default: TEMPORAL_NAMESPACE, or default]")


GRACE = 0.1
"""Seconds in which threads of Temporal's library leave Python: one that is still in it when the process ends breaks it."""


def _through(made: Coroutine[Any, Any, Given]) -> Given:
    try:
        return asyncio.run(made)
    finally:
        time.sleep(GRACE)


@click.command("worker")
@click.argument("artifacts", nargs=-1, required=True, type=click.Path(path_type=Path))
@ADDRESS
@NAMESPACE
@click.option("--store", "url", required=True, envvar="INGOT_STORE", help="The store for records and reviews.")
@click.option("--lost-after", type=click.FloatRange(1), default=10.0, show_default=True,
              help="Seconds without a sign of life after which a step goes to another worker.")  # fmt: skip
@click.option("--at-once", type=click.IntRange(1), default=16, show_default=True, help="Steps at the same time.")
@NOTIFY
@APPROVED
@KEYS
@MODEL
def worker_command(
    artifacts: tuple[Path, ...],
    address: str | None,
    namespace: str | None,
    url: str,
    lost_after: float,
    at_once: int,
    notify: str | None,
    require_approval: bool,
    keys: tuple[Path, ...],
    model: str | None,
) -> None:
    """Run ARTIFACTS for a Temporal server, until stopped; then finish what is begun.

    Any number of workers share the work. A run goes on only with the artifact that it began with: keep a worker of an
    old version until its runs are done.
    """
    from ingot.edges.temporal_client import connect
    from ingot.edges.temporal_worker import work
    from ingot.store.notices import telling
    from ingot.store.store import Store

    send = send_to(notify, url)
    workflows = [load_workflow(one, keys, require_approval, model, None) for one in artifacts]

    async def serve() -> None:
        stop = asyncio.Event()
        _stop_on_signals(stop)
        client = await connect(store.key, address, namespace)
        for one in workflows:
            click.echo(f"{one.spec.metadata.name} {one.spec.metadata.version}  {one.digest[:12]}", err=True)
        await work(client, workflows, store, lost_after=lost_after, at_once=at_once, stop=stop)

    with Store.open(url) as store, nullcontext() if send is None else telling(store, send, warn):
        _through(serve())


def _stop_on_signals(stop: asyncio.Event) -> None:
    import signal

    for one in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(one, stop.set)


@click.command("submit")
@ARTIFACT
@click.option("--input", "source", help="JSON, @FILE, or - for standard input.")
@click.option("--batch", type=click.Path(path_type=Path, exists=True, dir_okay=False),
              help="A file of rows (.jsonl, .csv, .parquet) instead; with --out.")  # fmt: skip
@click.option("--out", type=click.Path(path_type=Path), help="For a batch: the JSON Lines file to write.")
@click.option("--rows-at-once", type=click.IntRange(1), default=100, show_default=True, help="Rows of a chunk.")
@click.option("--run", help="The run's id, such as order-00000017; given twice it is one run. [default: a new one]")
@click.option("--wait", is_flag=True, help="Wait for the run's end and print its outcome.")
@ADDRESS
@NAMESPACE
@APPROVED
@KEYS
def submit_command(
    artifact: Path,
    source: str | None,
    batch: Path | None,
    out: Path | None,
    rows_at_once: int,
    run: str | None,
    wait: bool,
    address: str | None,
    namespace: str | None,
    require_approval: bool,
    keys: tuple[Path, ...],
) -> None:
    """Start a run of ARTIFACT on a Temporal server and print its id; or send a file of rows, chunk by chunk.

    What the server keeps is sealed with the store's secret, which workers and submitters share. Stopped or killed, a
    batch goes on with the same command.
    """
    from ingot.edges import temporal_client
    from ingot.store.keys import store_key

    workflow = load_workflow(artifact, keys, require_approval, None, None)
    if (source is None) == (batch is None):
        raise InputError("give either --input or --batch", place="ingot submit")
    if batch is not None:
        if out is None:
            raise InputError("a batch needs a file to write", hint="--out FILE.jsonl")
        _send(workflow, batch, out, rows_at_once, address, namespace)
        return
    case: Mapping[str, Any] = given_object(source or "", hint=_ONE_ITEM.get(workflow.template_name, ONE))

    async def call() -> dict[str, Any]:
        client = await temporal_client.connect(store_key(), address, namespace)
        found = await temporal_client.submit(client, workflow, case, run)
        return await temporal_client.result(client, found) if wait else {"run_id": found}

    click.echo(json.dumps(_through(call()), indent=2, ensure_ascii=False))


_ONE_ITEM = {
    "stream": "on Temporal a run is one item: give one JSON object; of a stream without an end submit each item as it comes; "
    "rows of a file go with --batch FILE --out FILE, in their order",
    "batch": "on Temporal a run is one item: give one JSON object, or the rows of a file with --batch FILE --out FILE",
}
"""What a submitter can give an artifact whose template takes many items."""


def _send(
    workflow: Workflow, batch: Path, out: Path, rows_at_once: int, address: str | None, namespace: str | None
) -> None:
    from ingot.edges import temporal_client
    from ingot.edges.sources import open_source
    from ingot.store.keys import store_key

    size = open_source(batch, workflow.spec.inputs).size
    with (
        temporal_client.loop_in_thread() as loop,
        click.progressbar(length=size, label="running", file=sys.stderr) as bar,
    ):
        connecting = temporal_client.connect(store_key(), address, namespace)
        client = asyncio.run_coroutine_threadsafe(connecting, loop).result()
        report = temporal_client.run_batch_on(
            client, loop, workflow, batch, out, rows_at_once=rows_at_once,
            progress=lambda position: bar.update(position - bar.pos),
        )  # fmt: skip
    time.sleep(GRACE)
    waiting = f", {report.reviews} for a person" if report.reviews else ""
    click.echo(f"{report.rows} rows, {report.failed} failed{waiting}; outcomes in {out}")
    if report.failed:
        raise click.exceptions.Exit(1)


@click.command("status")
@click.argument("run")
@ADDRESS
@NAMESPACE
@click.option("--wait", is_flag=True, help="Wait for the run's end and print its outcome.")
def status_command(run: str, address: str | None, namespace: str | None, wait: bool) -> None:
    """Show how RUN is on its Temporal server: its finished steps, the review it waits for, its outcome."""
    from dataclasses import asdict

    from ingot.edges import temporal_client
    from ingot.store.keys import store_key

    async def call() -> dict[str, Any]:
        client = await temporal_client.connect(store_key(), address, namespace)
        told = await temporal_client.status(client, run)
        shown = {name: value for name, value in asdict(told).items() if value is not None}
        if wait or told.state in ("completed", "failed"):
            shown["outcome"] = await temporal_client.result(client, run)
        return shown

    click.echo(json.dumps(_through(call()), indent=2, ensure_ascii=False))


def decide_there(review: str, approve: bool, by: str, why: str, answer: Mapping[str, Any] | None, address: str) -> None:
    """Tell a run on a Temporal server what a person decided. Raises as `temporal_client.decide`."""
    from ingot.edges import temporal_client
    from ingot.store.keys import store_key

    async def call() -> None:
        client = await temporal_client.connect(store_key(), address)
        await temporal_client.decide(client, review, approve=approve, by=by, why=why, answer=answer)

    _through(call())
