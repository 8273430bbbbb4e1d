"""`ingot bench`: figures measured in one run, told as medians and ratios."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ingot.cli.bench_all import all_command
from ingot.cli.bench_bfcl import bfcl_command
from ingot.cli.bench_consistency import consistency_command
from ingot.cli.bench_dmn import dmn_command
from ingot.cli.bench_documents import documents_command
from ingot.cli.bench_faults import faults_command
from ingot.cli.bench_hostile import hostile_command
from ingot.cli.bench_http import bare_http_command, http_command
from ingot.cli.bench_hybrid import hybrid_command
from ingot.cli.bench_proof import policyengine_command, proof_command, wrong_rules_command
from ingot.cli.bench_rows import each, end_short
from ingot.cli.bench_rules import rules_command
from ingot.cli.bench_security import security_command
from ingot.cli.bench_suites import BenchGroup, compare_command, report_command
from ingot.cli.bench_temporal import temporal_command
from ingot.cli.bench_transforms import transforms_command
from ingot.cli.progress import AS_JSON, progress
from ingot.errors import StageError

if TYPE_CHECKING:
    from ingot.compile.driver import Compiled
    from ingot.evals.batch_rates import Memory, Rate
    from ingot.evals.timing import RunTimes
    from ingot.runtime.run import Workflow


@click.group("bench", cls=BenchGroup)
def bench_command() -> None:
    """Measure on this machine. Compare the ratios; absolute times depend on the machine and its load.

    SUITE.yaml in place of a command runs a suite of your own.
    """


bench_command.add_command(all_command)
bench_command.add_command(bfcl_command)
bench_command.add_command(consistency_command)
bench_command.add_command(dmn_command)
bench_command.add_command(documents_command)
bench_command.add_command(faults_command)
bench_command.add_command(hostile_command)
bench_command.add_command(http_command)
bench_command.add_command(bare_http_command)
bench_command.add_command(hybrid_command)
bench_command.add_command(policyengine_command)
bench_command.add_command(proof_command)
bench_command.add_command(report_command)
bench_command.add_command(rules_command)
bench_command.add_command(security_command)
bench_command.add_command(compare_command)
bench_command.add_command(temporal_command)
bench_command.add_command(transforms_command)
bench_command.add_command(wrong_rules_command)


@bench_command.command("runtime")
@click.argument("artifacts", nargs=-1, type=click.Path(path_type=Path))
@AS_JSON
def runtime_command(artifacts: tuple[Path, ...], as_json: bool) -> None:
    """Bare function, run, traced run and load of ARTIFACTS (default: the bundled examples)."""
    from ingot.evals.timing import time_runs
    from ingot.runtime.run import load

    def measure(some: Sequence[Path]) -> list[RunTimes]:
        return [time_runs(path.name, partial(load, path), _cases(load(path))) for path in some]

    with tempfile.TemporaryDirectory() as folder:
        paths = list(artifacts) or [one.path for one in _bundled(Path(folder)) if one.path]
        rows = each(paths, str, measure, None, quiet=as_json)
    if as_json:
        click.echo(json.dumps([row.to_json() for row in rows], indent=2))
    else:
        _print_runs(rows)
    end_short(len(rows), len(paths), "artifacts", kept=False)


def _print_runs(rows: Sequence[RunTimes]) -> None:
    click.echo(
        f"{'artifact':<44}{'bare':>9}{'run':>9}{'traced':>9}{'run-bare':>10}{'traced/run':>12}{'p99':>9}{'load':>10}"
    )
    for row in rows:
        click.echo(
            f"{row.name[:42]:<44}{row.bare_us:>7.1f}us{row.run_us:>7.1f}us{row.traced_us:>7.1f}us"
            f"{row.over_bare_us:>8.1f}us{row.traced_ratio:>12.2f}{row.p99_us:>7.1f}us{row.load_ms:>8.1f}ms"
        )


@bench_command.command("batch")
@click.argument("artifacts", nargs=-1, type=click.Path(path_type=Path))
@click.option("--rows", type=click.IntRange(1), default=100_000, show_default=True, help="Rows of each run.")
@click.option(
    "--workers",
    type=click.IntRange(1),
    multiple=True,
    default=(1, 2),
    show_default=True,
    help="Processes, on as many cores.",
)
@click.option("--memory", is_flag=True, help="Peak memory when a hundredth of the rows and when all are done, instead.")
@AS_JSON
def batch_command(
    artifacts: tuple[Path, ...], rows: int, workers: tuple[int, ...], memory: bool, as_json: bool
) -> None:
    """Rows a second of batches of ARTIFACTS (default: late_fee and prior_auth) over a bare Python loop on the same rows.

    With --memory: the peak of the process and of each of its workers, early and at the end, without and with audit
    (--rows 10000000 takes some gigabytes of the disk and as many minutes).
    """
    from ingot.canonical import canonical_json
    from ingot.evals.batch_rates import batch_memory, batch_rates
    from ingot.runtime.run import load

    shown: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        names = ("late_fee", "prior_auth")
        paths = list(artifacts) or [one.path for one in _bundled(Path(folder), names) if one.path]
        for path in progress(paths, as_json):
            cases = [json.loads(canonical_json(case)) for case in _cases(load(path))]
            if memory:
                jobs = [(count, audit) for count in workers for audit in (False, True)]
                shown[path.name] = [batch_memory(path, cases, rows, workers=one, audit=audit) for one, audit in jobs]
            else:
                shown[path.name] = batch_rates(path, cases, rows, workers=workers)
    if as_json:
        click.echo(json.dumps({name: [one.to_json() for one in found] for name, found in shown.items()}, indent=2))
        return
    for name, found in shown.items():
        click.echo(f"{name}, {rows} rows")
        click.echo("\n".join(_memory_lines(found) if memory else _rate_lines(found)))


def _rate_lines(rates: Sequence[Rate]) -> Iterator[str]:
    yield f"{'':<22}{'workers':>8}{'rows/s':>11}{'over bare':>11}{'per core':>10}{'CPU a row':>11}{'peak':>9}"
    for one in rates:
        yield (
            f"{one.way:<22}{one.workers:>8}{one.rows_per_second:>11.0f}{one.ratio:>11.2f}{one.per_core:>10.2f}"
            f"{one.cpu_us:>9.1f}us{one.peak_mb:>7.0f}MB"
        )


def _memory_lines(found: Sequence[Memory]) -> Iterator[str]:
    """Megabytes of the process and its workers."""
    for one in found:
        early, late = (" + ".join(f"{peak:.0f}" for peak in peaks) for peaks in (one.at_first, one.at_end))
        audited = "audited" if one.audited else "not audited"
        yield f"{one.workers} workers, {audited}: peak {early} MB at 1 %, {late} MB at 100 %, x {one.growth:.2f}"


@bench_command.command("stages")
@click.argument("names", nargs=-1)
@AS_JSON
def stages_command(names: tuple[str, ...], as_json: bool) -> None:
    """The four stages on the bundled examples NAMES (default: all), cold in a new process and warm."""
    with tempfile.TemporaryDirectory() as folder:
        paths = [one.path for one in _bundled(Path(folder), names) if one.path]
        rows = each(paths, str, lambda some: [_in_new_process(path) for path in some], None, quiet=as_json)
    if as_json:
        click.echo(json.dumps(rows, indent=2))
    elif rows:
        _print_stages(rows)
    end_short(len(rows), len(paths), "examples", kept=False)


def _print_stages(rows: Sequence[Mapping[str, Any]]) -> None:
    stages = list(rows[0]["warm_ms"])
    click.echo(f"{'example':<20}{'':<6}" + "".join(f"{stage:>11}" for stage in stages) + f"{'together':>11}")
    for row in rows:
        for kind in ("cold", "warm"):
            times = "".join(f"{row[f'{kind}_ms'][stage]:>9.0f}ms" for stage in stages)
            click.echo(f"{row['name']:<20}{kind:<6}{times}{row[f'{kind}_total_ms']:>9.0f}ms")


@bench_command.command("mutation")
@click.argument("names", nargs=-1)
@AS_JSON
def mutation_command(names: tuple[str, ...], as_json: bool) -> None:
    """The mutation score of the bundled examples NAMES (default: all): mutants, what became of them, and the time.

    A mutant is the rule with one thing changed. One that the cases do not tell from the rule survived; one that no
    input tried does is 'no difference found', which is no proof.
    """
    from ingot.artifact.sign import trusted_keys
    from ingot.artifact.verify import verify
    from ingot.compile.rerun import program_of
    from ingot.evals.mutation_times import MutationTimes, mutation_table, time_mutation

    def measure(some: Sequence[Path]) -> list[MutationTimes]:
        found = [verify(path, trusted_keys(())) for path in some]
        return [time_mutation(one.manifest.name, program_of(one)) for one in found]

    with tempfile.TemporaryDirectory() as folder:
        paths = [one.path for one in _bundled(Path(folder), names) if one.path]
        rows = each(paths, str, measure, None, quiet=as_json)
    click.echo(json.dumps([row.to_json() for row in rows], indent=2) if as_json else mutation_table(rows))
    end_short(len(rows), len(paths), "examples", kept=False)


@bench_command.command("one-stage-run", hidden=True)
@click.argument("artifact", type=click.Path(path_type=Path))
def one_stage_run_command(artifact: Path) -> None:
    """Time the stages on one artifact's program in this process, which is new."""
    from ingot.artifact.sign import trusted_keys
    from ingot.artifact.verify import verify
    from ingot.compile.rerun import program_of
    from ingot.evals.timing import time_stages

    verified = verify(artifact, trusted_keys(()))
    click.echo(json.dumps(time_stages(verified.manifest.name, program_of(verified)).to_json()))


def _in_new_process(artifact: Path) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "ingot", "bench", "one-stage-run", str(artifact)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    if done.returncode:
        raise StageError(f"the new process failed: {done.stderr.strip()[-300:]}", place=str(artifact))
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def _bundled(folder: Path, names: tuple[str, ...] = ()) -> Iterator[Compiled]:
    """The bundled examples, compiled from their recorded completions into `folder`."""
    from ingot.evals.bundled import EXAMPLES, compile_example

    for name in names or EXAMPLES:
        yield compile_example(name, folder)


def _cases(workflow: Workflow) -> list[dict[str, Any]]:
    from ingot.compile.rerun import case_rows

    rows = [row["input"] for row in case_rows(workflow.verified)]
    if not rows:
        raise StageError("the artifact has no cases to run", place=str(workflow.verified.path))
    return rows
