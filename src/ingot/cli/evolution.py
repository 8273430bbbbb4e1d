"""ingot feedback keeps labelled outcomes; ingot recompile makes a candidate where they say that a rule is wrong."""

from __future__ import annotations

import getpass
import json
from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ingot.cli.given import given_object
from ingot.cli.store import _open as open_store
from ingot.cli.use import APPROVED, KEYS
from ingot.errors import CompileFailed, InputError

if TYPE_CHECKING:
    from ingot.artifact.verify import Verified
    from ingot.compile.faults import Measured
    from ingot.compile.recompile import Recompiled
    from ingot.labels import Label
    from ingot.spec import Spec

PATH = click.Path(path_type=Path)
FILE_PATH = click.Path(path_type=Path, dir_okay=False)
STORE = click.option("--store", "url", envvar="INGOT_STORE", help="The store: a file, or an SQLAlchemy URL.")


@click.command("feedback")
@click.argument("artifact", type=PATH)
@click.option("--from", "source", type=FILE_PATH, help="JSON Lines of labels: input or run, expected, by, at, why.")
@click.option("--run", help="The recorded run that the label is about (its input is read from the store).")
@click.option("--input", "case", help="The input that it is about: JSON, @FILE, or - for standard input.")
@click.option("--right", help="What should have come of it: a JSON object of outputs.")
@click.option("--escalates/--decides", default=None, help="Whether a person should have decided.")
@click.option("--by", default=None, help="Who says so. [default: you]")
@click.option("--at", help="When, as ISO 8601. [default: now]")
@click.option("--why", default="", help="The reason, for people.")
@click.option("--instead", is_flag=True, help="It takes the place of all labels of this input so far.")
@STORE
@click.option("--file", "kept", type=FILE_PATH, help="Keep the labels in this file instead of a store.")
@KEYS
def feedback_command(
    artifact: Path,
    source: Path | None,
    run: str | None,
    case: str | None,
    right: str | None,
    escalates: bool | None,
    by: str | None,
    at: str | None,
    why: str,
    instead: bool,
    url: str | None,
    kept: Path | None,
    keys: tuple[Path, ...],
) -> None:
    """Keep labelled outcomes of ARTIFACT's workflow: what should have come of a run, or of an input.

    They are checked against the spec. One that contradicts a case, or an earlier label, is refused, and then none is kept;
    a wrong label is corrected with --instead.
    In a store they are records of the audit log, labelled values sealed; a file takes only labels without such values.
    """
    from ingot.labels import label_of, read_labels
    from ingot.store.database import now_text

    spec = _spec_of(_verified(artifact, keys))
    who, when = by or getpass.getuser(), at or now_text()
    if (source is None) == (run is None and case is None):
        raise click.UsageError("give labels with --from FILE, or one with --run or --input")
    if source is not None and instead:
        raise click.UsageError('--instead goes with one label; in a file each says it: "instead": true')
    if source is not None:
        labels = read_labels(_text(source), str(source), _looked_up(url, spec), by=who, at=when)
    else:
        row: dict[str, Any] = {
            "run": run,
            "input": None if case is None else given_object(case),
            "by": who,
            "at": when,
            "why": why,
            "instead": instead,
        }
        row |= {
            "expected": None
            if right is None
            else given_object(
                right, "--right", 'give a JSON object of outputs, for instance {"fee": "5.00"}, or @FILE'
            ),
            "escalates": escalates,
        }
        labels = [label_of(row, "--run" if case is None else "--input", _looked_up(url, spec))]
    new = _kept_in_file(spec, labels, kept) if kept is not None else _kept_in_store(spec, labels, url)
    known = f", {len(labels) - len(new)} known already" if len(new) < len(labels) else ""
    click.echo(f"{len(new)} label{'' if len(new) == 1 else 's'} kept{known}")


def _kept_in_store(spec: Spec, labels: list[Label], url: str | None) -> list[Label]:
    from ingot.store.labels import keep_labels
    from ingot.store.store import Store

    with Store.open(url) as store:
        return keep_labels(store, spec, labels)


def _kept_in_file(spec: Spec, labels: list[Label], path: Path) -> list[Label]:
    from ingot.artifact.durable import replace_file
    from ingot.labels import fitting, read_labels, unknown_labels
    from ingot.store.masks import Mask

    for label in labels:
        if Mask(spec.inputs).split(label.input)[1] or Mask(spec.outputs).split(label.expected)[1]:
            hint = "keep it in a store, where such values are sealed: --store URL"
            raise InputError("it holds labelled values, and a file would show them", place=label.place, hint=hint)
    before = _text(path) if path.exists() else ""
    new = unknown_labels(spec, labels, fitting(spec, read_labels(before, str(path)))[0])
    lines = "".join(json.dumps(one.to_json(), ensure_ascii=False) + "\n" for one in new)
    if new:
        replace_file(path, f"{before.rstrip()}\n{lines}".lstrip("\n").encode())
    return new


def _looked_up(url: str | None, spec: Spec) -> Any:
    if url is None:
        return None

    def found(run: str) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
        from ingot.store.labels import run_found

        with open_store(url) as store:
            return run_found(store, spec, run)

    return found


# ---- recompile ---------------------------------------------------------------------------------------------------


@click.command("recompile")
@click.argument("artifact", type=PATH)
@click.option("--labels", "file", type=FILE_PATH, help="The labels, as JSON Lines; without it those in the store.")
@STORE
@click.option("--model", envvar="INGOT_MODEL", help="The model that writes the functions at fault. [env: INGOT_MODEL]")
@click.option("--threshold", type=click.FloatRange(0, 1), help="The share of labels to answer. [default: the spec's]")
@click.option("--out", type=PATH, help="Where the candidate goes. [default: 'candidates' beside ARTIFACT]")
@click.option("--attempts", default=5, show_default=True, type=click.IntRange(1, 50), help="Candidates to try.")
@click.option("--max-tokens", type=click.IntRange(1), help="Hard stop at this many tokens.")
@click.option(
    "--reveal", is_flag=True, help="Let labelled values into the cases and the prompts as they are (no text of runs)."
)
@click.option(
    "--one-by-one",
    is_flag=True,
    help="Ask for each function at fault in a request of its own, --attempts replies for each.",
)
@click.option("--optimise", is_flag=True, help="Tune the prompts of bounded steps anew on given cases (extra dspy).")
@APPROVED
@KEYS
def recompile_command(
    artifact: Path,
    file: Path | None,
    url: str | None,
    model: str | None,
    threshold: float | None,
    out: Path | None,
    attempts: int,
    max_tokens: int | None,
    reveal: bool,
    one_by_one: bool,
    optimise: bool,
    require_approval: bool,
    keys: tuple[Path, ...],
) -> None:
    """Make a candidate new version of ARTIFACT where it answers too few labelled outcomes; else say so and make nothing.

    With --store a drift of its recorded runs counts too: then one label that is answered wrongly is enough. Only the
    functions at fault are written anew; prompts of bounded steps stay as they were tuned, unless --optimise tunes them
    anew. The labels become cases, some of them held out. What changes is shown;
    nothing is deployed: the candidate is approved by nobody. Exit 1 where no candidate passed.
    """
    from ingot.cli.printing import Live
    from ingot.compile.recompile import measure_labels, recompile
    from ingot.models.budget import Budget
    from ingot.models.open import open_model

    verified = _verified(artifact, keys, require_approval)
    labels = _labels(_spec_of(verified), file, url)
    if threshold is None and url is not None and _drifted(verified, url):
        click.echo("drift      alarms (ingot drift says where): one label that is answered wrongly is enough")
        threshold = 1.0
    measured = measure_labels(verified, labels, threshold)
    for line in _measured_lines(measured):
        click.echo(line)
    if not measured.crossed:
        click.echo("not below the threshold: nothing was made")
        return
    if model is None:
        raise click.UsageError("no model: give --model (for instance openai:gpt-5, local:model.gguf or files:DIR)")
    backend = open_model(model, budget=Budget(max_tokens, None))
    with Live() as live:
        try:
            made = recompile(
                verified, labels, backend, out or verified.path.absolute().parent / "candidates",
                threshold=threshold, attempts=attempts, reveal=reveal, one_by_one=one_by_one, optimise=optimise,
                listen=live.listen,
            )  # fmt: skip
        except CompileFailed as failed:
            live.failed(failed)
            raise
    for line in _candidate_lines(verified, made, keys):
        click.echo(line)


def _drifted(verified: Verified, url: str) -> bool:
    """Whether the recorded runs of the artifact look otherwise than its cases, by the thresholds of its spec."""
    from ingot.store.drift import drift

    with open_store(url) as store:
        return drift(store.audit.records(), verified.digest, _spec_of(verified)).alarms


def _labels(spec: Spec, file: Path | None, url: str | None) -> list[Label]:
    from ingot.labels import fitting, read_labels

    if file is not None:
        found = read_labels(_text(file), str(file), _looked_up(url, spec))
    elif url is not None:
        from ingot.store.labels import kept_labels

        with open_store(url) as store:
            found, aside = fitting(spec, kept_labels(store, spec))
        if aside:
            what = f"{len(aside)} label{'' if len(aside) == 1 else 's'} set aside"
            click.echo(f"{what}: not of this version's fields, or its cases say otherwise", err=True)
    else:
        raise click.UsageError("no labels: give --labels FILE, or --store URL")
    if not found:
        raise InputError("there are no labels of this workflow", hint="ingot feedback keeps them")
    return found


def _measured_lines(measured: Measured) -> Iterator[str]:
    share = f"{Decimal(measured.accuracy * 100):.1f} %"
    yield f"labels     {measured.right} of {measured.total} answered right ({share}), asked for {measured.threshold:.1%}"
    for name, count in measured.at_fault.items():
        yield f"suspect    {name}, by {count} label{'' if count == 1 else 's'}"


def _candidate_lines(old: Verified, made: Recompiled, keys: tuple[Path, ...]) -> Iterator[str]:
    from ingot.artifact.prompts_page import said
    from ingot.cli.diff import title
    from ingot.cli.difference_text import difference_lines
    from ingot.compile.compare import difference, version_of

    assert made.compiled is not None
    assert made.compiled.path is not None
    new = _verified(made.compiled.path, keys)
    held = sum(case.held_out for case in made.cases)
    yield f"rewritten  {', '.join(made.functions)}; every other function is as it was"
    yield f"cases      {len(made.cases) - held} given and {held} held out came of the labels"
    if made.hidden:
        yield f"hidden     {made.hidden} of these hold text of runs, so they are held out: no model is shown such text"
    if made.unused:
        yield f"unused     {made.unused} of the labels rest on labelled values and made no case (--reveal would take them)"
    for step, one in (made.compiled.prompts or {}).items():
        yield f"prompt     {step}: {said(one)}"
    yield f"\n{title(old)} → {title(new)}\n"
    yield from difference_lines(difference(version_of(old), version_of(new)))
    yield f"\ncandidate: {new.path}"
    yield f"digest:    {new.digest}"
    yield f"Nothing is deployed and nobody has approved it. Next: ingot approve {new.path} --against {old.path}"


# ---- reading -----------------------------------------------------------------------------------------------------


def _verified(artifact: Path, keys: tuple[Path, ...], require_approval: bool = False) -> Verified:
    from ingot.artifact.sign import trusted_keys
    from ingot.artifact.verify import verify

    return verify(artifact, trusted_keys(keys), require_approval=require_approval)


def _spec_of(verified: Verified) -> Spec:
    from ingot.compile.rerun import program_of

    return program_of(verified).spec


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"cannot be read: {getattr(error, 'strerror', None) or 'not UTF-8'}", place=str(path)
        ) from None
