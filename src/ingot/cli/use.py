"""Commands that take an artifact: run, explain, verify, show; and keys."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ingot.cli.given import ONE, as_object, given_object, given_text, standard_input
from ingot.cli.notify import NOTIFY, send_to, telling_beside, warn

if TYPE_CHECKING:
    from ingot.edges.durable import DurableWorkflow
    from ingot.runtime.run import Explanation, Outcome, Workflow
    from ingot.runtime.steps import AskModel
    from ingot.spec import Spec
    from ingot.store.notices import Send
    from ingot.store.runs import RecordedWorkflow
    from ingot.store.store import Store

ARTIFACT = click.argument("artifact", type=click.Path(path_type=Path))
INPUT = click.option("--input", "source", required=True, help="JSON, @FILE, or - for standard input.")
KEYS = click.option("--key", "keys", multiple=True, type=click.Path(path_type=Path), help="A trusted public key file.")
ON = click.option(
    "--on",
    "day",
    type=click.DateTime(["%Y-%m-%d"]),
    help="The day it decides for, within its effective dates. [default: today]",
)
APPROVED = click.option("--require-approval", is_flag=True, help="Refuse what nobody but its author signed.")
MODEL = click.option(
    "--model",
    help="The model for bounded steps, or 'spec': those that the spec names; without it they go to a person.",
)
DURABLE = click.option(
    "--durable",
    type=click.Choice(["store", "dbos"]),
    default="store",
    show_default=True,
    help="What knows which runs are under way: the store's journal alone, or DBOS, which resumes them by itself.",
)
EXECUTOR = click.option("--executor", help="With dbos: this process's name among others. [default: the host's name]")


@click.command("run")
@ARTIFACT
@INPUT
@click.option("--trace", is_flag=True, help="Add the lines and clauses that decided.")
@click.option("--out", type=click.Path(path_type=Path), help="For a batch: the JSON Lines file to write.")
@click.option("--store", "url", help="Record the run in this store's audit log: a file, or an SQLAlchemy URL.")
@DURABLE
@EXECUTOR
@NOTIFY
@APPROVED
@KEYS
@ON
@MODEL
def run_command(
    artifact: Path,
    source: str,
    trace: bool,
    out: Path | None,
    url: str | None,
    durable: str,
    executor: str | None,
    notify: str | None,
    require_approval: bool,
    keys: tuple[Path, ...],
    model: str | None,
    day: datetime | None,
) -> None:
    """Run ARTIFACT on an input and print the outcome as JSON.

    With --store the run is recorded before its outcome is printed; one that waits for a person is in `ingot reviews`,
    and --notify tells somebody. With --durable dbos it goes on by itself where a killed process left it, and so do others
    of ARTIFACT.

    An artifact with the stream template reads JSON Lines from standard input and answers line by line; one with the
    batch template takes JSON Lines and --out, and can be stopped and resumed at any point. Both exit with 1 where a
    line failed. With --store each line of a stream is recorded before it is answered, and tells its run's id; a file with
    --out is not recorded: `ingot batch` does that. A run that ends with a person ("status": "needs_review") is no failure: it exits with 0.
    """
    if url is None and durable == "dbos":
        raise click.UsageError("--durable dbos needs --store: what a run has behind it is kept there")
    if url is not None and out is not None:
        raise click.UsageError(
            "--out writes a file that can be resumed, in which a row may run twice: it is not recorded. "
            "`ingot batch ARTIFACT FILE --out OUT --store STORE` records each row once"
        )
    send = send_to(notify, url)
    workflow = load_workflow(artifact, keys, require_approval, model, day)
    if workflow.template_name == "stream" and source == "-":
        _run_stream(workflow, url, trace, send, executor if durable == "dbos" else False)
        return
    text = given_text(source, ONE)
    if out is not None:
        _run_batch(workflow, text, source, out)
        return
    case = as_object(text, source, hint=_MANY.get(workflow.template_name, ONE))
    if url is None:
        outcome = workflow.run(case, trace=trace)
    else:
        outcome = _run_recorded(workflow, case, url, trace, send, executor if durable == "dbos" else False)
    click.echo(json.dumps(outcome.to_json(), indent=2, ensure_ascii=False))


def _run_recorded(
    workflow: Workflow, case: Mapping[str, Any], url: str, trace: bool, send: Send | None, executor: str | bool | None
) -> Outcome:
    """`executor` False: without DBOS; None: under the host's name."""
    from dataclasses import replace

    from ingot.store.store import Store

    with Store.open(url) as store, telling_beside(store, send), _recorded(workflow, store, executor) as recorded:
        outcome = recorded.run(case)
    return outcome if trace else replace(outcome, trace=None)


@contextmanager
def _recorded(workflow: Workflow, store: Store, executor: str | bool | None) -> Iterator[RecordedWorkflow]:
    from ingot.store.runs import RecordedWorkflow

    if isinstance(executor, bool):
        yield RecordedWorkflow(workflow, store)
        return
    from ingot.edges import durable as dbos

    with dbos.durable(workflow, store, executor=executor) as recorded:
        yield recorded
        _tell_taken_up(recorded)


def _tell_taken_up(recorded: DurableWorkflow) -> None:
    """Wait for the runs of killed processes that went on beside this one, and say what came of them."""
    from ingot.errors import IngotError

    for run in recorded.taken_up:
        try:
            status = recorded.wait(run).status
        except IngotError as error:
            status = f"failed ({type(error).__name__})"
        click.echo(f"{run} of a killed process went on: {status}", err=True)


def _run_stream(
    workflow: Workflow, url: str | None, trace: bool, send: Send | None, executor: str | bool | None
) -> None:
    from ingot.runtime.lines import ArrivingLines, run_stream

    lines = ArrivingLines(standard_input().fileno())
    with _recording(workflow, url, trace, send, executor) as transact:
        on_dbos = not isinstance(executor, bool)  # which takes no call from a thread that has an event loop
        _, failed = run_stream(workflow, lines, click.echo, stop=lines.close, transact=transact, threads=on_dbos)
    if failed:
        raise click.exceptions.Exit(1)


@contextmanager
def _recording(
    workflow: Workflow, url: str | None, trace: bool, send: Send | None, executor: str | bool | None
) -> Iterator[Callable[[Mapping[str, Any]], Outcome] | None]:
    """What runs and records one row of a stream; None without a store. People are told while the stream is silent too."""
    from dataclasses import replace

    if url is None:
        yield None
        return
    from ingot.store.notices import telling
    from ingot.store.store import Store

    with ExitStack() as stack:
        store = stack.enter_context(Store.open(url))
        if send is not None:
            stack.enter_context(telling(store, send, warn))
        recorded = stack.enter_context(_recorded(workflow, store, executor))

        def transact(case: Mapping[str, Any]) -> Outcome:
            outcome = recorded.run(case)
            return outcome if trace else replace(outcome, trace=None)

        yield transact


def _run_batch(workflow: Workflow, text: str, source: str, out: Path) -> None:
    from ingot.runtime.lines import read_rows, run_batch

    rows = read_rows(text, source)
    with click.progressbar(length=len(rows), label="running", file=sys.stderr) as bar:
        done, failed = run_batch(workflow, rows, out, progress=lambda count: bar.update(count - bar.pos))
    click.echo(f"{done} of {len(rows)} outcomes in {out}, {failed} failed")
    if failed:
        raise click.exceptions.Exit(1)


@click.command("explain")
@ARTIFACT
@INPUT
@APPROVED
@KEYS
@ON
@MODEL
@click.option("--reveal", is_flag=True, help="Show the values of fields labelled sensitive.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of text.")
def explain_command(
    artifact: Path,
    source: str,
    require_approval: bool,
    keys: tuple[Path, ...],
    model: str | None,
    day: datetime | None,
    reveal: bool,
    as_json: bool,
) -> None:
    """Run ARTIFACT and show the lines, clauses and reason that decided. Values of sensitive fields stay hidden."""
    from ingot.fields import to_plain

    workflow = load_workflow(artifact, keys, require_approval, model, day)
    told = workflow.explain(given_object(source))
    told = told if reveal else hidden(told, workflow.spec)
    if as_json:
        decisions = [
            {
                "line": one.line,
                "function": one.function,
                "source": one.source,
                "clauses": list(one.clauses),
                "values": {name: _shown(value) for name, value in one.values.items()},
            }
            for one in told.decisions
        ]
        click.echo(json.dumps({"outcome": to_plain(told.outcome.to_json()), "decisions": decisions}, indent=2))
        return
    for line in decision_lines(told):
        click.echo(line)
    click.echo(f"\n{json.dumps(told.outcome.to_json(), indent=2, ensure_ascii=False)}")


def hidden(told: Explanation, spec: Spec) -> Explanation:
    """The explanation with ``***`` for sensitive fields, and for other names that hold the same value as one of them."""
    from dataclasses import replace

    from ingot.fields import walk

    labelled = {
        field.name for field in spec.known_fields().values() if any(inner.sensitive for _, inner in walk((field,)))
    }
    secrets = [
        value
        for one in told.decisions
        for name, value in one.values.items()
        if name in labelled and value is not None and not isinstance(value, bool)
    ]
    decisions = tuple(
        replace(
            one,
            values={
                name: Hidden() if name in labelled or value in secrets else value for name, value in one.values.items()
            },
        )
        for one in told.decisions
    )
    return replace(told, decisions=decisions)


class Hidden:
    """Stands where a sensitive value was."""

    def __repr__(self) -> str:
        return "***"


def decision_lines(told: Explanation) -> list[str]:
    """An explanation as text: each deciding line once, the values it saw, then the clauses it rests on."""
    lines: list[str] = []
    function = None
    seen: set[tuple[Any, ...]] = set()
    for one in told.decisions:
        key = (one.line, tuple((name, repr(value)) for name, value in one.values.items()))
        if key in seen:
            continue
        seen.add(key)
        if one.function != function:
            function = one.function
            lines.append(f"{function}")
        values = ", ".join(f"{name}={_shown(value)}" for name, value in one.values.items())
        lines.append(f"  logic.py:{one.line:<3} {one.source}" + (f"    [{values}]" if values else ""))
    cited = dict.fromkeys(clause for one in told.decisions for clause in one.clauses)
    return [*lines, "", *(f"{clause}: {told.clauses.get(clause, '')}" for clause in cited)]


def _shown(value: Any) -> str:
    from ingot.fields import to_plain

    if isinstance(value, Hidden):
        return repr(value)
    try:
        text = json.dumps(to_plain(value), ensure_ascii=False)
    except TypeError:
        text = type(value).__name__
    return text if len(text) <= 60 else text[:57] + "..."


@click.command("verify")
@ARTIFACT
@APPROVED
@KEYS
@click.option("--rerun", is_flag=True, help="Assemble again and run all four stages again.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of text.")
def verify_command(artifact: Path, require_approval: bool, keys: tuple[Path, ...], rerun: bool, as_json: bool) -> None:
    """Repeat every check of ARTIFACT, offline, step by step."""
    from ingot.artifact.sign import trusted_keys
    from ingot.artifact.verify import verify

    verified = verify(artifact, trusted_keys(keys), require_approval=require_approval)
    again = None
    if rerun:
        from ingot.compile.rerun import rerun_stages

        again = rerun_stages(verified)
    if as_json:
        steps = [{"step": s.number, "name": s.name, "passed": s.passed, "detail": s.detail} for s in verified.steps]
        click.echo(json.dumps({"digest": verified.digest, "steps": steps, "rerun": again is not None}, indent=2))
        return
    for step in verified.steps:
        click.echo(f"{step.number:>3}  {'pass' if step.passed else 'FAIL'}  {step.name:<28} {step.detail}")
    if again is not None:
        for verdict in again:
            click.echo(f"  r  pass  {verdict.stage} again{'':<17} {verdict.seconds * 1000:.0f} ms")
        if "evidence/calibration.json" in verified.files:
            click.echo("  r  pass  calibration again            the same bytes")
    click.echo(f"\nverified: {verified.digest}")


@click.command("keys")
@click.option("--new", type=click.Path(path_type=Path), help="Make a private key (PEM) here, with its .pub beside it.")
def keys_command(new: Path | None) -> None:
    """Show which key signs here and which are trusted; give the .pub file to those who should trust it."""
    from ingot.artifact.sign import SigningKey, config_folder, make_key, trusted_keys

    if new is not None:
        public = new.with_suffix(".pub")
        if new == public:
            raise click.UsageError(f"{new} is the name of a public half; end the private key's name with .pem")
        for there in (new, public):
            if there.exists():
                raise click.UsageError(f"{there} exists; it is left as it is")
        click.echo(f"{make_key(new).id[:12]}  {new}, public half {new.with_suffix('.pub')}")
        return
    own = SigningKey.own()
    click.echo(f"{own.id[:12]}  signs here; keys are in {config_folder()}")
    for found in sorted(set(trusted_keys()) - {own.id}):
        click.echo(f"{found[:12]}  trusted")


@click.command("show")
@ARTIFACT
@KEYS
@click.option("--code", is_flag=True, help="Print logic.py instead.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of text.")
def show_command(artifact: Path, keys: tuple[Path, ...], code: bool, as_json: bool) -> None:
    """Show what ARTIFACT holds, after verifying it."""
    from ingot.artifact.sign import trusted_keys
    from ingot.artifact.verify import verify

    verified = verify(artifact, trusted_keys(keys))
    if code:
        click.echo(verified.files["logic.py"].decode(), nl=False)
        return
    held = {
        "digest": verified.digest,
        "manifest": verified.manifest.model_dump(mode="json"),
        "provenance": json.loads(verified.files["evidence/provenance.json"]),
        "verdicts": json.loads(verified.files["evidence/verdicts.json"]),
        "questions": json.loads(verified.files["evidence/questions.json"]),
        "prompts": json.loads(verified.files.get("evidence/prompts.json", b"{}")),
        "calibration": json.loads(verified.files.get("evidence/calibration.json", b"{}")),
    }
    if as_json:
        click.echo(json.dumps(held, indent=2))
        return
    for line in _summary(held):
        click.echo(line)


def _summary(held: Mapping[str, Any]) -> Iterator[str]:
    from ingot.artifact.prompts_page import said
    from ingot.cli.printing import measured
    from ingot.verdict import Verdict

    manifest, provenance = held["manifest"], held["provenance"]
    author = provenance["author"]
    yield f"{manifest['name']} {manifest['version']}"
    yield f"digest     {held['digest']}"
    recorded = " (recorded completion)" if author["recorded"] else ""
    yield f"written by {author['name']}{recorded}"
    usage = provenance["usage"]
    yield f"tokens     {usage['input_tokens']} in, {usage['output_tokens']} out, {len(provenance['attempts'])} attempt(s)"
    for verdict in held["verdicts"]:
        shown = measured(Verdict(verdict["stage"], verdict["passed"], (), 0.0, verdict["measures"]))
        yield f"{verdict['stage']:<10} {'pass' if verdict['passed'] else 'FAIL'}  {shown}"
    syntax: Mapping[str, Any] = next((one["measures"] for one in held["verdicts"] if one["stage"] == "syntax"), {})
    for clause, lines in (syntax.get("citations") or {}).get("clauses", {}).items():
        yield f"  {clause:<8} {'line ' + ', '.join(map(str, lines)) if lines else 'cited nowhere'}"
    for step, fields in held["calibration"].items():
        for name, one in fields.items():
            yield f"hybrid     {step}.{name}: {one['said']}"
    for step, one in held["prompts"].items():
        yield f"tuning     {step}: {said(one)}"
    yield "rule       in plain sentences: ingot readback"
    left = [question for question in held["questions"] if question.get("answer") is None]
    yield f"open       {len(left)} question(s)"
    for question in left:
        yield f"  {question['id']}: {question['text']}"
    for path in sorted(manifest["files"]):
        yield f"{manifest['files'][path][:12]}  {path}"


# ---- reading -----------------------------------------------------------------------------------------------------


def load_workflow(
    artifact: Path, keys: tuple[Path, ...], require_approval: bool, model: str | None, day: datetime | None
) -> Workflow:
    from ingot.runtime.run import load

    on = None if day is None else day.date()
    return load(artifact, trusted=keys, require_approval=require_approval, ask_model=_ask_model(model), on=on)


def _ask_model(name: str | None) -> AskModel | None:
    """A model for bounded steps, handed to the runtime from outside."""
    if name is None:
        return None
    from ingot.models.bounded import ask_with
    from ingot.models.open import open_model

    return ask_with(None if name == "spec" else open_model(name), open_model)


_MANY = {
    "batch": f"{ONE}, or JSON Lines with --out FILE: this artifact works through batches",
    "stream": f"{ONE}, or JSON Lines on standard input with '--input -': this artifact works through streams",
}
