"""Commands that take a store: reviews, audit, replay."""

from __future__ import annotations

import getpass
import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import click
from click.core import ParameterSource

from ingot.cli.notify import NOTIFY, send_to, telling_beside
from ingot.cli.use import KEYS
from ingot.errors import InputError, StoreError

if TYPE_CHECKING:
    from ingot.runtime.run import Workflow
    from ingot.store.store import Store

STORE = click.option(
    "--store",
    "url",
    envvar="INGOT_STORE",
    help="The store: a file, or an SQLAlchemy URL. [default: INGOT_STORE, or ingot.db]",
)
JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line instead of text.")
WITH = click.option(
    "--artifact", required=True, type=click.Path(path_type=Path), help="The artifact that the run began with."
)


def _open(url: str | None) -> Store:
    """The store, which must be there: reading commands make none. Raises StoreError."""
    from ingot.store.database import default_url
    from ingot.store.store import Store

    named = url or default_url()
    file = named.removeprefix("sqlite:///")
    if "://" not in file and not Path(file).is_file():
        raise StoreError("there is no store", place=file, hint="name one with --store or INGOT_STORE")
    return Store.open(named)


def _load(artifact: Path, keys: tuple[Path, ...]) -> Workflow:
    from ingot.runtime.run import load

    return load(artifact, trusted=keys)


# ---- people ------------------------------------------------------------------------------------------------------


@click.group("reviews")
def reviews_command() -> None:
    """What waits for a person: list it, show it, decide it.

    A decision records who, when and why in the audit log, and its run goes on exactly once.
    """


@reviews_command.command("list")
@STORE
@click.option(
    "--state",
    type=click.Choice(["open", "approved", "rejected", "all"]),
    default="open",
    show_default=True,
    help="Only those in this state.",
)
@click.option("--most", type=click.IntRange(1), default=100, show_default=True, help="How many at most, oldest first.")
@JSON
def list_command(url: str | None, state: Any, most: int, as_json: bool) -> None:
    """List reviews, oldest first."""
    from ingot.store.reviews import list_reviews

    with _open(url) as store:
        found = list_reviews(store, None if state == "all" else state, most)
    for one in found:
        names = ("review", "at", *(("state",) if state == "all" else ()), "workflow", "step", "reason")
        text = "  ".join(str(one[name]) for name in names)
        click.echo(json.dumps(one) if as_json else text)
    if not found and not as_json:
        click.echo("nothing waits for a person" if state == "open" else "no reviews")


@reviews_command.command("show")
@click.argument("review")
@STORE
@JSON
def show_command(review: str, url: str | None, as_json: bool) -> None:
    """Show one review with the values that the person needs, sensitive ones included."""
    from dataclasses import asdict

    from ingot.store.reviews import show_review

    with _open(url) as store:
        held = asdict(show_review(store, review))
    if as_json:
        click.echo(json.dumps(held, ensure_ascii=False))
        return
    for name, value in held.items():
        if value is not None:
            click.echo(f"{name:<11} {json.dumps(value, ensure_ascii=False) if isinstance(value, dict) else value}")


@reviews_command.command("notify")
@STORE
@NOTIFY
@JSON
def notify_command(url: str | None, notify: str | None, as_json: bool) -> None:
    """Tell of every open review that nobody was told of, those included that could not be sent before.

    A notice names reviews, workflows, steps and times, and no value. It is sent at least once: marked when it is
    delivered, and kept where it is not. Exit 1 where it could not be delivered.
    """
    from ingot.store.notices import sender, tell

    if notify is None:
        raise click.UsageError("say whom to tell: --notify https://… or mailto:…, or INGOT_NOTIFY")
    send = sender(notify)
    with _open(url) as store:
        told = tell(store, send, at_once=True)
    if as_json:
        click.echo(json.dumps({"told": told.told, "pending": told.pending, "error": told.error}))
    else:
        click.echo(f"told of {told.told} reviews, {told.pending} pending")
        if told.error is not None:
            click.echo(f"error: {told.error}", err=True)
    if told.error is not None:
        raise click.exceptions.Exit(1)


def _decision(approve: bool) -> Callable[..., None]:
    def command(
        review: str,
        url: str | None,
        artifact: Path | None,
        keys: tuple[Path, ...],
        by: str,
        why: str,
        answer: str | None,
        address: str | None,
        notify: str | None,
    ) -> None:
        from ingot.runtime.lines import read_json
        from ingot.store.database import default_url
        from ingot.store.reviews import decide
        from ingot.store.runs import RecordedWorkflow

        try:
            given = None if answer is None else read_json(answer)
        except ValueError as error:
            raise InputError(f"not JSON: {error}", place="--answer", hint='give {"output": value, ...}') from None
        if address is not None:
            if notify and click.get_current_context().get_parameter_source("notify") is ParameterSource.COMMANDLINE:
                raise click.UsageError("a run on Temporal goes on at its worker: give --notify to `ingot worker`")
            from ingot.cli.temporal import decide_there

            decide_there(review, approve, by, why, given, address)
            click.echo(f"{review} {'approved' if approve else 'rejected'} by {by}")
            return
        if artifact is None:
            raise InputError(
                "say what goes on with the run", hint="--artifact DIR, or --address of its Temporal server"
            )
        send = send_to(notify, url or default_url())
        with _open(url) as store, telling_beside(store, send):  # the run may wait for the next person
            recorded = RecordedWorkflow(_load(artifact, keys), store)
            outcome = decide(recorded, review, approve=approve, by=by, why=why, answer=given)
        click.echo(f"{review} {'approved' if approve else 'rejected'} by {by}")
        if outcome is not None:
            click.echo(json.dumps(outcome.to_json(), indent=2, ensure_ascii=False))

    command.__doc__ = (
        "Approve: the proposal stands, or --answer does (the outputs of the step that asks), and the run goes on."
        if approve
        else "Reject: the run ends without the proposal; --answer gives the workflow's outputs that hold instead."
    )
    return command


for _approve, _name in ((True, "approve"), (False, "reject")):
    _made: Any = _decision(_approve)
    for _option in (
        click.option("--answer", help="JSON object: the outputs that the person gives."),
        click.option("--why", required=True, help="The reason, for the record."),
        click.option("--by", default=getpass.getuser, show_default="your user name", help="Who decides."),
        NOTIFY,
        click.option("--address", help="For a run on Temporal: its server, HOST:PORT, in place of --artifact."),
        KEYS,
        click.option("--artifact", type=click.Path(path_type=Path), help="The artifact that the run began with."),
        STORE,
        click.argument("review"),
    ):
        _made = _option(_made)
    reviews_command.command(_name)(_made)


# ---- the audit log -----------------------------------------------------------------------------------------------


@click.group("audit")
def audit_command() -> None:
    """The audit log of a store: verify, show, export, prune."""


@audit_command.command("verify")
@STORE
@click.option("--since", help="A head noted earlier (NUMBER:HASH), which must still be in the log.")
@JSON
def verify_command(url: str | None, since: str | None, as_json: bool) -> None:
    """Compute the whole chain anew. Exit 1 where anything was changed, removed or added.

    Note the printed head somewhere else: --since then sees whether the end of the log was cut off.
    """
    from ingot.store.audit import Head

    with _open(url) as store:
        checked = store.audit.verify(None if since is None else Head.parse(since))
    if as_json:
        problems = [{"segment": one.segment, "message": one.message} for one in checked.problems]
        counts = {"segments": checked.segments, "records": checked.records, "pruned": checked.pruned}
        click.echo(json.dumps({**counts, "head": str(checked.head), "problems": problems}))
    else:
        for one in checked.problems:
            click.echo(f"segment {one.segment}: {one.message}")
        pruned = f", {checked.pruned} pruned" if checked.pruned else ""
        click.echo(f"{checked.records} records in {checked.segments} segments{pruned}; head {checked.head}")
    if checked.problems:
        raise click.exceptions.Exit(1)


@audit_command.command("show")
@click.argument("run")
@STORE
@click.option(
    "--reveal", is_flag=True, help="Show what is sealed: labelled values, reasons, and what tokens stand for."
)
def audit_show_command(run: str, url: str | None, reveal: bool) -> None:
    """Print every record of RUN as JSON: what ran, on what, what decided, who decided."""
    from ingot.store.redactions import redactions_of
    from ingot.store.runs import opened

    with _open(url) as store:
        records = [opened(one, store) if reveal else one for one in store.audit.records(run)]
        tokens = redactions_of(store, run) if reveal else {}
        if not records:
            raise _missing(store, run)
    if tokens:
        records = [{**one, "tokens": tokens} if one.get("kind") == "run" else one for one in records]
    for record in records:
        click.echo(json.dumps(record, indent=2, ensure_ascii=False))


def _missing(store: Store, run: str) -> StoreError:
    """Why the log has no record of a run."""
    from ingot.store.database import reading

    with suppress(InputError), reading(store.engine) as connection:
        if store.audit.has(connection, run):
            return StoreError(
                f"the records of run {run!r} were pruned", hint="its id and its place in the chain are left"
            )
    return StoreError(f"the log has no run {run!r}", hint="its id is in its outcome, as run_id")


@audit_command.command("restore")
@click.argument("run")
@click.argument("source", metavar="TEXT")
@STORE
def restore_command(run: str, source: str, url: str | None) -> None:
    """Print TEXT (or @FILE, or - for standard input) with the tokens that a model of RUN saw as what they stand for.

    A model sees [PHI_3F2A_1] in place of a labelled value. What that was is kept sealed with the run, until it is pruned.
    """
    from ingot.cli.given import given_text
    from ingot.gates import restore
    from ingot.store.redactions import redactions_of

    with _open(url) as store:
        tokens = redactions_of(store, run)
    if not tokens:
        raise StoreError(
            f"no tokens are kept of run {run!r}",
            hint="no model of it saw any, or the run was pruned; see `ingot audit show`",
        )
    click.echo(restore(given_text(source), tokens), nl=source != "-" and not source.startswith("@"))


@audit_command.command("export")
@STORE
@click.option("--out", type=click.Path(path_type=Path), help="The file to write. [default: standard output]")
@click.option(
    "--format",
    "kind",
    type=click.Choice(["jsonl", "csv"]),
    default="jsonl",
    show_default=True,
    help="JSON Lines, or a sheet.",
)
def export_command(url: str | None, out: Path | None, kind: str) -> None:
    """Write the whole log, sensitive values sealed as they are, a record a line."""
    with _open(url) as store:
        if out is None:
            count = _export(store, kind, _standard_output())
        else:
            with _own_file(out) as file:
                count = _export(store, kind, file)
    click.echo(f"{count} records" + (f" in {out}" if out else ""), err=out is None)


def _standard_output() -> TextIO:
    if sys.stdout is None:
        raise InputError("standard output is closed", place="-", hint="name a file: --out FILE")
    return sys.stdout


@contextmanager
def _own_file(out: Path) -> Iterator[TextIO]:
    """A new file for its owner alone, which gets its name once it is whole. It is opened under a name that nobody can have
    laid a link at. Raises InputError where it cannot be written."""
    from ingot.artifact.durable import refuse_special

    try:
        refuse_special(out)
        descriptor, made = tempfile.mkstemp(prefix=f".{out.name}.", suffix=".partial", dir=out.parent)  # 0600, O_EXCL
        try:
            with open(descriptor, "w", encoding="utf-8", newline="") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            os.replace(made, out)
        finally:
            Path(made).unlink(missing_ok=True)
    except OSError as error:
        raise InputError(f"cannot write the export: {error.strerror}", place=str(out)) from None


_COLUMNS = (
    "kind", "run", "at", "workflow", "digest", "status", "clauses", "reason_code", "input", "output", "review", "state", "by",
    "why", "error", "seconds", "input_digest",
)  # fmt: skip


def _export(store: Store, kind: str, file: TextIO) -> int:
    import csv

    count = 0
    writer = csv.writer(file)
    if kind == "csv":
        writer.writerow(_COLUMNS)
    for record in _counted(store):
        count += 1
        if kind == "jsonl":
            file.write(json.dumps(record, ensure_ascii=False, sort_keys=True) + "\n")
        else:
            writer.writerow([_cell(record.get(name)) for name in _COLUMNS])
    return count


def _counted(store: Store) -> Iterator[Mapping[str, Any]]:
    _, total = store.audit.count()
    with click.progressbar(store.audit.records(), length=total, label="exporting", file=sys.stderr) as bar:
        yield from bar


def _cell(value: Any) -> str:
    """A cell that a spreadsheet takes for text and never for a formula."""
    text = "" if value is None else value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return "'" + text if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text


@audit_command.command("prune")
@STORE
@click.option("--before", required=True, type=click.DateTime(["%Y-%m-%d"]), help="The first day (UTC) that is kept.")
def prune_command(url: str | None, before: Any) -> None:
    """Remove what was recorded before a day, in the log and wherever else it is kept: what is sealed of runs that are over,
    their reviews, reasons and tokens, and kept model answers.

    Rows and hashes stay, so ids stay taken and the chain still verifies, and the pruning is recorded. Runs that are under
    way or wait for a person keep all of theirs.
    """
    from ingot.store.retention import prune

    with _open(url) as store:
        done = prune(store, f"{before:%Y-%m-%d}T00:00:00Z")
    more = ((done.runs, "runs emptied"), (done.answers, "kept answers removed"))
    click.echo(", ".join([f"{done.segments} segments emptied", *(f"{count} {what}" for count, what in more if count)]))
    if done.kept:
        click.echo(f"{done.kept} segments kept: runs in them are under way or wait for a person")
    if done.wiped is False:
        click.echo("warning: the database is in use, so its journal may hold it still: prune again later", err=True)


# ---- replay ------------------------------------------------------------------------------------------------------


@click.command("replay")
@click.argument("run")
@WITH
@STORE
@KEYS
def replay_command(run: str, artifact: Path, url: str | None, keys: tuple[Path, ...]) -> None:
    """Execute a recorded RUN again and compare: exit 0 where the outcome is the same to the byte, 1 where it is not.

    Nothing is recorded, and its steps give what they gave then: no module, model or person is asked.
    """
    from ingot.store.runs import replay

    with _open(url) as store:
        found = [one for one in store.audit.records(run) if one["kind"] == "run"]
        if not found:
            raise _missing(store, run)
        replayed = replay(found[-1], _load(artifact, keys), store)
    if replayed.same:
        click.echo(f"{run}: the same outcome, {len(replayed.now)} bytes")
        return
    click.echo(f"{run}: another outcome\nthen {replayed.before.decode()}\nnow  {replayed.now.decode()}")
    raise click.exceptions.Exit(1)
