"""`ingot prove`: what is known about invariants, each with its effort."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ingot.errors import SpecError

if TYPE_CHECKING:
    from ingot.compile.prove import Answer
    from ingot.program import Program


@click.command("prove")
@click.argument("target", type=click.Path(path_type=Path))
@click.option("--code", type=click.Path(path_type=Path), help="For a spec: the functions, as a Python file.")
@click.option("--holds", multiple=True, help="Ask this expression instead of the stated invariants; may be repeated.")
@click.option(
    "--property", "properties", multiple=True, metavar="NAME[:OUTPUT[:INPUT:up|down]]",
    help="Ask a property by name, for instance totality or monotone:fee:months:up.",
)  # fmt: skip
@click.option("--effort", default=5000, show_default=True, type=click.IntRange(0, 1_000_000),
              help="Inputs to search where the solver has no answer.")  # fmt: skip
@click.option("--strict", is_flag=True, help="Exit with 1 unless everything is proved or checked.")
@click.option("--key", "keys", multiple=True, type=click.Path(path_type=Path), help="A trusted public key file.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of text.")
def prove_command(
    target: Path,
    code: Path | None,
    holds: tuple[str, ...],
    properties: tuple[str, ...],
    effort: int,
    strict: bool,
    keys: tuple[Path, ...],
    as_json: bool,
) -> None:
    """Prove the invariants of TARGET, an artifact or a spec with --code, or search for inputs that break them.

    Exits with 1 where an input breaks one.
    """
    from ingot.compile.prove import prove
    from ingot.fields import to_plain
    from ingot.stages.execution import warm_sandbox

    program = _asking(_program(target, code, keys), holds, properties)
    answers = []
    for answer in prove(program, warm_sandbox(), effort=effort):
        answers.append(answer)
        if not as_json:
            click.echo("\n".join(_lines(answer)))
    if as_json:
        click.echo(json.dumps({"invariants": to_plain([one.to_json() for one in answers])}, indent=2))
    statuses = {one.verdict.status for one in answers}
    if "counter-example" in statuses or (strict and not statuses <= {"proved", "checked"}):
        raise click.exceptions.Exit(1)


def _program(target: Path, code: Path | None, keys: tuple[Path, ...]) -> Program:
    """The program of a verified artifact, or of a spec and a file of functions."""
    from ingot.compile.assemble import assemble
    from ingot.compile.plan import make_plan
    from ingot.spec import load_spec

    if target.is_dir():
        from ingot.artifact.sign import trusted_keys
        from ingot.artifact.verify import verify
        from ingot.compile.rerun import program_of

        if code is not None:
            raise click.UsageError("an artifact has its code; --code is for a spec")
        return program_of(verify(target, trusted_keys(keys)))
    if code is None:
        raise click.UsageError("a spec needs --code FILE; an artifact is a folder")
    spec = load_spec(target)
    try:
        text = code.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SpecError(f"cannot read the code: {error}", place=str(code)) from None
    plan = make_plan(spec)
    return assemble(spec, text, plan.template, plan.blocks)


def _asking(program: Program, holds: tuple[str, ...], properties: tuple[str, ...]) -> Program:
    """The program with what was asked for on the command line as its spec's invariants."""
    from dataclasses import replace

    from ingot.spec import stating

    rows = [({"name": f"holds_{n}", "holds": text}, f"--holds {text!r}") for n, text in enumerate(holds, start=1)]
    rows += [(_property(text, n), f"--property {text!r}") for n, text in enumerate(properties, start=1)]
    if rows:
        return replace(program, spec=stating(program.spec, rows))
    if not program.spec.invariants:
        raise click.UsageError(
            "the spec states no invariants; ask one with --holds 'paid <= billed' or --property totality"
        )
    return program


def _property(text: str, number: int) -> dict[str, str]:
    names = ("builtin", "of", "in", "direction")
    parts = text.split(":")
    if len(parts) > len(names):
        raise click.UsageError(f"{text!r} has too many parts; write NAME:OUTPUT:INPUT:up")
    return {"name": f"property_{number}", **{key: part for key, part in zip(names, parts, strict=False) if part}}


def _lines(answer: Answer) -> list[str]:
    """The verdict, the invariant and the time on one line; what there is to say below it."""
    from ingot.fields import to_plain

    found = answer.verdict
    lines = [f"{found.status:<27}  {answer.stated}  ({answer.seconds:.2f} s)"]
    said = [found.why] if found.why else []
    if answer.held_out:
        said = ["it does not hold for an input that is not shown: it is that of a held-out case"]
    elif found.example:
        shown = [_shown(to_plain(dict(trial.input)), to_plain(dict(trial.steps))) for trial in found.example]
        said += [f"input {one}" for one in shown]
    if found.tried and found.status in ("no counter-example found", "not expressible", "time-out"):
        covered = "" if found.coverage is None else f", {found.coverage:.0%} of the branches"
        said.append(f"searched {found.tried:,} {'pairs of inputs' if answer.invariant.in_ else 'inputs'}{covered}")
    said += [f"assumes {name} {bounds}" for name, bounds in found.assumes.items()]
    return [*lines, *(f"  {one}" for one in said)]


def _shown(values: Any, steps: Any) -> str:
    text = json.dumps(values, ensure_ascii=False)
    return f"{text} with steps {json.dumps(steps, ensure_ascii=False)}" if steps else text
