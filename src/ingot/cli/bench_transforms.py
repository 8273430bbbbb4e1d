"""`ingot bench transforms`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ingot.cli.bench_suites import run_suite, suite_options


@click.command("transforms")
@click.option("--data", required=True, type=click.Path(path_type=Path), help="File or folder of *.jsonl and *.json.")
@click.option("--given", type=click.IntRange(1), default=5, show_default=True, help="Examples to show.")
@click.option("--held-out", type=click.IntRange(0), default=3, show_default=True, help="Examples for the gates alone.")
@click.option("--seed", type=int, default=1, show_default=True, help="Which rows are which.")
@suite_options
def transforms_command(data: Path, given: int, held_out: int, seed: int, **chosen: Any) -> None:
    """Transformations of text and data by example: a few rows to compile from, the rest to score."""
    from ingot.evals.suites.transforms import transforms_suite

    run_suite(transforms_suite(data, given=given, held_out=held_out, seed=seed), **chosen)
