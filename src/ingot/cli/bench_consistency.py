"""`ingot bench consistency`: one input, many fresh processes, or many requests to a model."""

from __future__ import annotations

import json
import platform
import sys
from collections.abc import Mapping, Sequence
from contextlib import closing, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ingot.cli.bench_costs import say_costs
from ingot.cli.bench_options import MODEL, SPENDING, Asked, say_where, with_options
from ingot.cli.bench_rows import end_short
from ingot.cli.given import given_object
from ingot.cli.progress import AS_JSON
from ingot.errors import InputError, ModelError

if TYPE_CHECKING:
    from ingot.evals.metrics.measure import Measure
    from ingot.evals.repeat import Repeated
    from ingot.evals.repeat_kept import KeptRuns
    from ingot.evals.solvers.solver import Answer
    from ingot.evals.suite import Suite
    from ingot.models.model import Model

PROCESSES, REQUESTS = 1_000, 20
"""How often where nobody says it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking(Asked):
    """What the user chose for asking a model."""

    solver: str
    out: Path | None
    as_json: bool


def _options(command: Any) -> Any:
    from ingot.evals.solvers.registry import ASKING

    return with_options(
        command,
        click.option("--input", "given", required=True, help="JSON, @FILE, or - for standard input."),
        click.option(
            "-n", "--runs", type=click.IntRange(2),
            help=f"How often. [default: {PROCESSES:,} processes, or {REQUESTS} times of a model]",
        ),
        click.option(
            "--out", type=click.Path(path_type=Path), help="Keep each run in this folder; the same command goes on there."
        ),
        click.option("--key", "keys", multiple=True, type=click.Path(path_type=Path), help="A trusted public key file."),
        click.option("--solver", type=click.Choice(ASKING), help="Ask a model each time, instead of running the artifact."),
        MODEL,
        *SPENDING,
        AS_JSON,
    )  # fmt: skip


@click.command("consistency")
@click.argument("target", type=click.Path(path_type=Path), metavar="ARTIFACT|SPEC")
@_options
def consistency_command(
    target: Path, given: str, runs: int | None, keys: tuple[Path, ...], out: Path | None, as_json: bool,
    solver: str | None, **asking: Any,
) -> None:  # fmt: skip
    """How many different outcomes an artifact has for one input, in fresh processes with different hash seeds.

    With --solver the rule of an artifact or a spec is asked of a model so often instead, each time with a seed of its own.

    Ctrl-C prints what is done; with --out it is kept.
    """
    case = given_object(given)
    if solver is None:
        _refuse_unused(target)
        _processes(target, case, runs or PROCESSES, keys, out, as_json)
    else:
        _requests(target, case, runs or REQUESTS, keys, Asking(solver=solver, out=out, as_json=as_json, **asking))


def _refuse_unused(target: Path) -> None:
    """Options of a model without one, and a spec where nothing is to be asked of it."""
    from click.core import ParameterSource

    from ingot.evals.ask_again import is_spec

    context = click.get_current_context()
    for name in ("model", "max_tokens", "max_cost", "timeout", "priced_as", "price", "yes"):
        if context.get_parameter_source(name) is ParameterSource.COMMANDLINE:
            option = f"--{name.replace('_', '-')}"
            raise click.UsageError(f"{option} is for --solver: without it an artifact is run, and no model asked")
    if is_spec(target):
        raise click.UsageError(
            f"{str(target)!r} is a spec, which nothing runs; give an artifact, or --solver and --model"
        )


def _processes(
    artifact: Path, given: Mapping[str, Any], runs: int, keys: tuple[Path, ...], out: Path | None, as_json: bool
) -> None:
    from ingot.evals.alone import alone
    from ingot.evals.repeat import measured
    from ingot.evals.repeat_kept import KeptRuns
    from ingot.fields import to_plain
    from ingot.runtime.run import load

    # what is wrong with the artifact or the input is told before 1,000 processes are
    workflow = load(artifact, trusted=keys)
    case = to_plain(workflow.validate(given))
    workflow.run(case)
    with alone(out) if out else nullcontext():
        told = {"artifact": workflow.digest, "input": case, "python": platform.python_version()}
        kept = KeptRuns(out, told) if out else None
        done = _runs(artifact, case, runs, keys, kept, as_json)
    _print(measured(done), as_json)
    end_short(len(done), runs, "runs", kept=bool(kept))


def _runs(
    artifact: Path, case: dict[str, Any], runs: int, keys: tuple[Path, ...], kept: KeptRuns | None, quiet: bool
) -> list[Repeated]:
    """The runs that were kept and those made now, until there are as many as wanted or Ctrl-C comes."""
    from ingot.evals.repeat import repeat

    done: list[Repeated] = kept.done[:runs] if kept else []
    first = len(done) + 1
    with (
        suppress(KeyboardInterrupt),
        click.progressbar(length=runs, label="running", hidden=quiet, file=sys.stderr) as bar,
        closing(repeat(artifact, case, runs, keys=keys, first=first)) as outcomes,
    ):
        bar.update(len(done))
        for one in outcomes:
            if kept:
                kept.add(one)
            done.append(one)
            bar.update(1)
    return done


def _requests(target: Path, case: Mapping[str, Any], runs: int, keys: tuple[Path, ...], asking: Asking) -> None:
    """Tell the cost, ask, and print what was answered, also where Ctrl-C or a budget ends it."""
    from ingot.evals.alone import alone
    from ingot.evals.ask_again import measured, suite_of
    from ingot.evals.solvers.registry import Settings, make_solver

    at = asking.pricing
    suite = suite_of(target, case, runs, keys)
    with alone(asking.out) if asking.out else nullcontext():
        model = asking.opened(asking.out)
        quiet = asking.as_json and asking.yes
        solver = make_solver(asking.solver, model, Settings())
        if not quiet:
            say_costs(suite, {asking.solver: solver}, at, ask=not asking.yes)
        if model is None:  # every one of these solvers has refused that
            raise InputError(f"the solver {asking.solver!r} asks a model", hint="give --model")
        say_where(model.name, quiet=quiet)
        answers, stopped = _answers(asking.solver, model, suite, asking.as_json)
    if stopped is not None and not answers:
        raise stopped
    _print(measured(answers, model.name, at), asking.as_json)
    if stopped is not None:
        raise stopped
    end_short(len(answers), runs, "runs", kept=asking.out is not None)


def _answers(solver: str, model: Model, suite: Suite, quiet: bool) -> tuple[list[Answer], ModelError | None]:
    """The answers until there are as many as wanted, Ctrl-C comes, or a budget or the model ends it."""
    from ingot.evals.ask_again import asked

    done: list[Answer] = []
    try:
        with click.progressbar(length=suite.items, label="asking", hidden=quiet, file=sys.stderr) as bar:
            for one in asked(solver, model, suite):
                done.append(one)
                bar.update(1)
    except KeyboardInterrupt:
        return done, None
    except ModelError as error:
        return done, error
    return done, None


def _print(found: Sequence[Measure], as_json: bool) -> None:
    from ingot.evals.report.tables import shown

    if as_json:
        click.echo(json.dumps([one.to_json() for one in found], indent=2))
        return
    for figure in found:
        click.echo(f"{figure.name:<14}{shown(figure):<36}{figure.unit:<8}n = {figure.n:,}  {figure.note}".rstrip())
