"""ingot diff: what two artifacts do differently, then what is written differently in them."""

from __future__ import annotations

import difflib
import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ingot.cli.use import KEYS
from ingot.errors import InputError

if TYPE_CHECKING:
    from ingot.artifact.verify import Verified
    from ingot.proof.replay import Replayed
    from ingot.proof.versions import Version

BAR_AFTER = 2.0
"""Seconds before a progress bar is shown."""

EFFORT = click.option(
    "--effort",
    type=click.IntRange(0, 100_000),
    default=500,
    show_default=True,
    help="Random inputs to try for each version, beside given cases and boundaries.",
)
REPLAY = click.option(
    "--replay",
    "traffic",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Recorded runs (JSON Lines) to run through both.",
)
REVEAL = click.option("--reveal", is_flag=True, help="Show the values of fields labelled sensitive in recorded runs.")


@click.command("diff")
@click.argument("before", type=click.Path(path_type=Path))
@click.argument("after", type=click.Path(path_type=Path))
@REPLAY
@EFFORT
@KEYS
@REVEAL
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of text.")
def diff_command(
    before: Path,
    after: Path,
    traffic: Path | None,
    effort: int,
    keys: tuple[Path, ...],
    reveal: bool,
    as_json: bool,
) -> None:
    """Show which inputs change their outcome from artifact BEFORE to artifact AFTER, and by which clause.

    First the solver is asked for an input per changed pair of deciding lines, or for a proof that there is none; where it
    cannot say, inputs are tried, and it is said how many. --replay runs recorded traffic through both: a line is the input
    of a run, or {"input": {...}, "steps": {"STEP": {...}}}. Then the text that differs: spec, cases, code, verdicts.
    Exit 1 where anything differs or a line could not be run, 0 where nothing does.
    """
    from ingot.artifact.sign import trusted_keys
    from ingot.artifact.verify import verify
    from ingot.cli.difference_text import difference_lines, replay_lines
    from ingot.compile.compare import difference, version_of

    trusted = trusted_keys(keys)
    old, new = verify(before, trusted), verify(after, trusted)
    one, other = version_of(old), version_of(new)
    found = difference(one, other, effort=effort)
    replayed = None if traffic is None else replayed_file(one, other, traffic, reveal=reveal)
    texts = text_changes(old, new)
    differs = found.differs or bool(texts) or (replayed is not None and bool(replayed.changed or replayed.bad_lines))
    if as_json:
        told = {"old": _named(old), "new": _named(new), "differs": differs, "outcomes": found.to_json(), "text": texts}
        click.echo(json.dumps({**told, "replay": replayed and replayed.to_json()}, indent=2, ensure_ascii=False))
        raise click.exceptions.Exit(1 if differs else 0)
    click.echo(f"{title(old)} → {title(new)}\n")
    for line in difference_lines(found):
        click.echo(line)
    for line in () if replayed is None else ("", *replay_lines(replayed)):
        click.echo(line)
    _print_texts(texts)
    raise click.exceptions.Exit(1 if differs else 0)


def title(verified: Verified) -> str:
    """Name, version and the start of the digest."""
    return f"{verified.manifest.name} {verified.manifest.version} ({verified.digest[:12]})"


def _named(verified: Verified) -> dict[str, str]:
    return {"name": verified.manifest.name, "version": verified.manifest.version, "digest": verified.digest}


def text_changes(old: Verified, new: Verified) -> dict[str, list[str]]:
    """Unified differences of the files that people write or judge, by path; only of those that differ."""
    from ingot.artifact.manifest import GIVEN, HELD_OUT

    found: dict[str, list[str]] = {}
    for name in ("spec.yaml", GIVEN, HELD_OUT, "logic.py", "evidence/verdicts.json"):
        a, b = (one.files.get(name, b"").decode().splitlines() for one in (old, new))
        heads = (f"{old.path.name}/{name}", f"{new.path.name}/{name}")
        lines = list(difflib.unified_diff(a, b, heads[0], heads[1], lineterm=""))
        if lines:
            found[name] = lines
    return found


def _print_texts(texts: dict[str, list[str]]) -> None:
    click.echo("")
    if not texts:
        click.echo("no difference in spec, cases, code or verdicts")
    for lines in texts.values():
        for line in lines:
            click.echo(line)


# ---- recorded traffic --------------------------------------------------------------------------------------------


def replayed_file(old: Version, new: Version, path: Path, *, reveal: bool = False) -> Replayed:
    """The runs in a file through both versions, with a bar once it takes long. Raises InputError."""
    from ingot.proof.replay import replay

    try:
        with path.open("rb") as lines, bar_when_slow(path.stat().st_size, "replaying") as progress:
            return replay(old, new, lines, path.name, reveal=reveal, progress=progress)
    except OSError as error:
        raise InputError(
            f"cannot read the runs: {error.strerror}", place=str(path), hint="give a JSON Lines file"
        ) from None


@contextmanager
def bar_when_slow(length: int, label: str) -> Iterator[Callable[[int], object]]:
    """A function that is told of progress; on a terminal it shows a bar from the second second on."""
    started = time.monotonic()
    done = 0
    bar: Any = None

    def progress(size: int) -> None:
        nonlocal done, bar
        done += size
        if bar is None and sys.stderr.isatty() and time.monotonic() - started > BAR_AFTER:
            bar = click.progressbar(length=length, label=label, file=sys.stderr).__enter__()
            bar.update(done)
        elif bar is not None:
            bar.update(size)

    try:
        yield progress
    finally:
        if bar is not None:
            bar.__exit__(None, None, None)
