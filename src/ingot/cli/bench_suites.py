"""`ingot bench SUITE`: a suite through one or more solvers, with a log and a report."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from ingot.cli.bench_costs import pricing, say_costs, say_estimate
from ingot.cli.bench_options import MODEL, PRICES, SPENDING, Asked, say_where, with_options
from ingot.cli.progress import AS_JSON, INTERRUPTED
from ingot.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ingot.evals.log import Log
    from ingot.evals.report.tables import Measured
    from ingot.evals.solvers.registry import Settings
    from ingot.evals.solvers.solver import Solver
    from ingot.evals.suite import Suite
    from ingot.models.model import Model
    from ingot.usage import Price

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen(Asked):
    """What the user chose for an evaluation."""

    solvers: tuple[str, ...]
    limit: int | None
    tasks: tuple[str, ...]
    out: Path
    attempts: int
    candidates: int
    as_json: bool
    estimate: bool = False
    items: int | None = None
    at_once: int = 1
    one_by_one: bool = False


def suite_options(command: F) -> F:
    """The options that every suite has."""
    from ingot.evals.solvers.registry import SOLVERS

    return with_options(
        command,
        click.option(
            "--solver", "solvers", multiple=True, type=click.Choice(list(SOLVERS)), default=("compiled",),
            show_default=True, help="What answers; give it several times to compare.",
        ),
        MODEL,
        click.option("--limit", type=click.IntRange(1), help="Only so many tasks."),
        click.option("--items", type=click.IntRange(1), help="Score only so many items of each task."),
        click.option("--task", "tasks", multiple=True, help="Only this task; may be given several times."),
        click.option(
            "--out", type=click.Path(path_type=Path), default=Path("bench"), show_default=True,
            help="Logs, kept completions and the report; a run that was cut short goes on there.",
        ),
        click.option("--attempts", default=5, show_default=True, type=click.IntRange(1, 50), help="Replies to try."),
        click.option(
            "--candidates", default=1, show_default=True, type=click.IntRange(1, 8), help="Programs to draw."
        ),
        click.option(
            "--one-by-one", is_flag=True, help="Ask for each function of a program in a request of its own."
        ),
        click.option(
            "--at-once", default=1, show_default=True, type=click.IntRange(1, 64),
            help="Transactions at a time, of solvers that ask a model for each: direct, langchain, autogen.",
        ),
        *SPENDING,
        click.option("--estimate", is_flag=True, help="Read the suite, say what a run takes at least, and run nothing."),
        AS_JSON,
    )  # fmt: skip


def run_suite(suite: Suite, **given: Any) -> None:
    """Evaluate, write logs and report, print the figures. Ctrl-C, or a budget that ends, ends with what is finished."""
    from ingot.evals.alone import alone
    from ingot.evals.suite import limited

    chosen = Chosen(**given)
    suite = limited(suite, chosen.limit, chosen.tasks, chosen.items)
    if chosen.estimate:
        _estimate(suite, chosen)
        return
    with alone(chosen.out / suite.name):
        _run(suite, chosen)


def _run(suite: Suite, chosen: Chosen) -> None:
    from ingot.evals.report.tables import measured
    from ingot.evals.report.write import write_report
    from ingot.evals.shared import alike

    model = None if set(chosen.solvers) == {"human"} else chosen.opened(chosen.out)
    if model is not None:
        say_where(chosen.model or "", quiet=chosen.as_json and chosen.yes)
    # all of them first: one that lacks a package or a model is told before another is paid
    solvers = {name: _solver(name, model, chosen, chosen.out / suite.name / name) for name in chosen.solvers}
    if not (chosen.as_json and chosen.yes):
        say_costs(suite, solvers, chosen.pricing, ask=not chosen.yes)
    logs, stopped = _logs(suite, solvers, chosen)
    # one that was cut short stands beside whole ones
    logs = alike([log for log in logs if log.tasks] or logs, shared=True)
    if isinstance(stopped, ModelError) and not any(log.tasks for log in logs):
        raise stopped
    found = measured(logs, priced_as=chosen.pricing)
    report = write_report(chosen.out / suite.name, logs, found)
    _print(logs, found, report, chosen, stopped is not None)
    if isinstance(stopped, ModelError):
        raise stopped
    if stopped is not None:
        sys.exit(INTERRUPTED)


def _logs(
    suite: Suite, solvers: Mapping[str, Solver], chosen: Chosen
) -> tuple[list[Log], KeyboardInterrupt | ModelError | None]:
    """The log of each solver, and what ended the run before its end: Ctrl-C, a budget, a model that does not answer."""
    from ingot.evals.evaluate import evaluate, finished
    from ingot.evals.solvers.registry import COMPILING

    logs: list[Log] = []
    for name, solver in solvers.items():
        folder = chosen.out / suite.name / name
        settings = {"attempts": chosen.attempts, "candidates": chosen.candidates, "limit": chosen.limit}
        if chosen.one_by_one and name in COMPILING:
            settings["one_by_one"] = True
        if chosen.at_once > 1 and solver.side_by_side:  # latencies are then those of so many at a time
            settings["at_once"] = chosen.at_once
        try:
            with _shown(f"{suite.name}, {name}", suite.items, chosen.as_json) as tell:
                logs.append(evaluate(suite, solver, folder, settings=settings, tell=tell, at_once=chosen.at_once))
        except (KeyboardInterrupt, ModelError) as stopped:
            logs.append(finished(folder, suite, solver, settings))
            return logs, stopped
    return logs, None


def _solver(name: str, model: Model | None, chosen: Chosen, folder: Path) -> Solver:
    from ingot.evals.solvers.registry import make_solver

    return make_solver(name, model, _settings(chosen, folder / "tasks"))


def _settings(chosen: Chosen, keep: Path | None = None) -> Settings:
    from ingot.evals.solvers.registry import Settings

    return Settings(chosen.attempts, chosen.candidates, keep, chosen.one_by_one)


def _estimate(suite: Suite, chosen: Chosen) -> None:
    """Check a suite and say what running it is expected to take; no model is asked, so none need be named."""
    from ingot.evals.solvers.registry import make_solver
    from ingot.evals.suite import check_apart
    from ingot.models.scripted import Scripted

    check_apart(suite)
    settings, model = _settings(chosen), Scripted([], name=chosen.model or "not named")
    solvers = {name: make_solver(name, model, settings) for name in chosen.solvers}
    say_estimate(suite, solvers, chosen.pricing or chosen.model or "", as_json=chosen.as_json)


@contextmanager
def _shown(label: str, items: int, quiet: bool) -> Iterator[Callable[[str, int, int], None]]:
    """A bar over the items on standard error, with the task at work."""
    if quiet or not sys.stderr.isatty():
        yield lambda *_: None
        return
    with click.progressbar(length=items, label=label, file=sys.stderr, item_show_func=lambda one: one) as bar:
        yield lambda task, done, _: bar.update(done - bar.pos, task)


def _print(logs: Sequence[Log], found: Measured, report: Path, chosen: Chosen, interrupted: bool) -> None:
    from ingot.evals.report.text import summary

    if chosen.as_json:
        from ingot.evals.report.write import figures

        click.echo(json.dumps(figures(logs, found), indent=2))
        return
    for line in summary(logs, found):
        click.echo(line)
    click.echo(f"report: {report}")
    if interrupted:
        click.echo("cut short: the same command goes on", err=True)


class BenchGroup(click.Group):
    """`ingot bench FILE.yaml` runs the suite of a file; any other name is a command."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0].endswith((".yaml", ".yml")) and args[0] not in self.commands:
            return "suite", file_command, args
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            from ingot.yaml_text import closest

            hint = closest(args[0], [name for name, one in self.commands.items() if not one.hidden]) if args else ""
            own = "a suite of your own is named by its file, which ends in .yaml"
            raise click.UsageError(f"{error.message} {hint} ({own})", ctx) from None


@click.command("suite")
@click.argument("file", type=click.Path(path_type=Path))
@suite_options
def file_command(file: Path, **given: Any) -> None:
    """Run the suite that FILE describes."""
    from ingot.evals.suite_file import load_suite

    run_suite(load_suite(file), **given)


_SHARED = click.option(
    "--shared", is_flag=True, help="Where a log was cut short, take the tasks that all have; without it, it is refused."
)


@click.command("compare")
@click.argument("a", type=click.Path(path_type=Path))
@click.argument("b", type=click.Path(path_type=Path))
@_SHARED
@AS_JSON
def compare_command(a: Path, b: Path, shared: bool, as_json: bool) -> None:
    """Compare the logs A and B of one suite, item by item, with intervals."""
    from ingot.evals.compare import compare, lines
    from ingot.evals.log import read_log

    one, two = read_log(a), read_log(b)
    found = compare(one, two, shared=shared)
    if as_json:
        click.echo(json.dumps([each.to_json() for each in found], indent=2))
        return
    for line in lines(one, two, found):
        click.echo(line)


@click.command("report")
@click.argument("logs", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), default=Path("report"), show_default=True, help="Folder.")
@PRICES[0]
@PRICES[1]
@_SHARED
def report_command(logs: tuple[Path, ...], out: Path, priced_as: str, price: Price | None, shared: bool) -> None:
    """Write one report of LOGS (of one suite) as Markdown and HTML."""
    from ingot.evals.log import read_log
    from ingot.evals.report.tables import measured
    from ingot.evals.report.write import write_report
    from ingot.evals.shared import alike

    at = pricing(priced_as, price)
    read = alike([read_log(log) for log in logs], shared=shared)
    found = measured(read, priced_as=at)
    click.echo(f"report: {write_report(out, read, found)}")
