"""`ingot bench bfcl`: calls of functions read out of texts, scored by the official checker."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ingot.cli.bench_suites import run_suite, suite_options


@click.command("bfcl")
@click.option(
    "--protocol",
    type=click.Choice(["per-instance", "reuse"]),
    default="per-instance",
    show_default=True,
    help="Compile on each prompt that is scored, or once a set of functions.",
)
@click.option(
    "--sets",
    type=click.Path(path_type=Path),
    help="For reuse: JSON with the prompts of each set to compile on and to score. [default: drawn from the package]",
)
@click.option(
    "--irrelevant",
    type=click.IntRange(0, 50),
    default=3,
    show_default=True,
    help="For reuse: prompts a set for which no call is right.",
)
@suite_options
def bfcl_command(protocol: str, sets: Path | None, irrelevant: int, **given: Any) -> None:
    """The Berkeley Function-Calling Leaderboard, by its own AST checker.

    per-instance: 400 prompts, each with a program of its own, and twins with other numbers, names and places that the same
    program answers. reuse: a program a set of functions, scored on prompts that it was not compiled on. The two are never
    mixed. The data come with bfcl-eval: pip install --no-deps bfcl-eval==2026.3.23
    """
    from ingot.errors import InputError
    from ingot.evals.suites import bfcl

    if protocol == "per-instance":
        if sets is not None:
            raise InputError("--sets is for --protocol reuse", hint="leave it out, or add --protocol reuse")
        run_suite(bfcl.per_instance_suite(), **given)
        return
    chosen = None if sets is None else bfcl.read_sets(sets)
    run_suite(bfcl.reuse_suite(chosen, irrelevant=irrelevant), **given)
