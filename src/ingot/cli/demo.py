"""`ingot demo`: the whole path once, on the bundled prior-authorisation workflow. No key, no network."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ingot.errors import ArtifactError

if TYPE_CHECKING:
    from ingot.artifact.sign import SigningKey


@click.command("demo")
@click.option("--keep", type=click.Path(path_type=Path), help="Keep the artifact in this folder.")
def demo_command(keep: Path | None) -> None:
    """Compile, run, explain and verify the bundled prior-authorisation workflow, and see a forgery refused."""
    from ingot.artifact.sign import trusted_keys
    from ingot.cli.printing import Live, show_compiled
    from ingot.cli.use import decision_lines
    from ingot.compile.driver import compile_spec
    from ingot.evals.bundled import example_folder
    from ingot.models.replay import Replay
    from ingot.runtime.run import load
    from ingot.spec import load_spec

    started = time.perf_counter()
    folder = example_folder("prior_auth")
    spec = load_spec(folder / "spec.yaml")
    with _folder(keep) as out, _key() as (key, trusted):
        _title("1", "compile: from recorded completions, so that no model, key or network is needed")
        replay = Replay(folder / "recordings")
        click.echo("  The completions below were recorded earlier, from: " + ", ".join(replay.writers()))
        click.echo("  They are replayed as they were written; the four stages judge them here and now.\n")
        with Live(stdout=True) as live:
            compiled = compile_spec(folder / "spec.yaml", replay, out=out, key=key, listen=live.listen)
        show_compiled(compiled)
        assert compiled.path is not None
        workflow = load(compiled.path, trusted=trusted)
        _title("2", "run: plain Python from here on, zero model calls")
        for case in _one_of_each(spec.cases):
            outcome = workflow.run(case.input)
            answer = outcome.output if outcome.review is None else outcome.review.proposed
            person = "" if outcome.review is None else f"  -> a person decides: {outcome.review.reason}"
            shown = ", ".join(f"{name}={value}" for name, value in (answer or {}).items())
            click.echo(f"  {case.id:<28} {shown}  ({outcome.seconds * 1e6:.0f} us){person}")
        _title("3", "explain: the lines and clauses that decided")
        click.echo(
            "  The patient is invented; 'ingot explain' hides fields labelled sensitive unless told to --reveal.\n"
        )
        for line in decision_lines(workflow.explain(_one_of_each(spec.cases)[0].input)):
            click.echo(f"  {line}")
        _title("4", "verify: one changed byte is refused")
        _forge(compiled.path, trusted_keys(trusted))
        if keep:
            click.echo(f"\nkept: {compiled.path} (open report.html)")
    click.echo(f"\ndone in {time.perf_counter() - started:.1f} s")


def _one_of_each(cases: tuple[Any, ...]) -> list[Any]:
    """The first case of every distinct first expected value."""
    found: dict[Any, Any] = {}
    for case in cases:
        found.setdefault(next(iter(case.expected.values()), None), case)
    return list(found.values())


def _forge(artifact: Path, trusted: Any) -> None:
    from ingot.artifact.verify import verify

    steps = verify(artifact, trusted).steps
    click.echo(f"  as written:      all {len(steps)} steps of verification pass")
    forged = artifact.with_name("forged")
    shutil.copytree(artifact, forged)
    program = forged / "program.py"
    content = bytearray(program.read_bytes())
    content[len(content) // 2] ^= 1
    program.write_bytes(content)
    try:
        verify(forged, trusted)
    except ArtifactError as refused:
        click.echo(f"  one byte changed: {refused.message}")
    else:
        raise ArtifactError("a changed artifact was accepted", place=str(forged), hint="this is a bug; report it")
    finally:
        shutil.rmtree(forged)


def _title(number: str, text: str) -> None:
    click.echo(f"\n{number}. {text}\n")


@contextmanager
def _key() -> Iterator[tuple[SigningKey, tuple[Path, ...]]]:
    """This user's key; where it cannot be had, one that ends with the demo, and its public half to trust."""
    from ingot.artifact.sign import SigningKey, make_key
    from ingot.errors import SigningError

    try:
        own = SigningKey.own()
    except SigningError as error:
        click.echo(f"  Signed with a key that ends with this demo: {error.message}")
        with tempfile.TemporaryDirectory(prefix="ingot-demo-key-") as name:
            path = Path(name) / "signing.pem"
            yield make_key(path), (path.with_suffix(".pub"),)
    else:
        yield own, ()


@contextmanager
def _folder(keep: Path | None) -> Iterator[Path]:
    if keep is not None:
        keep.mkdir(parents=True, exist_ok=True)
        yield keep
        return
    with tempfile.TemporaryDirectory(prefix="ingot-demo-") as name:
        yield Path(name)
