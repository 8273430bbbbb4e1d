"""`ingot bench rules`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ingot.cli.bench_suites import run_suite, suite_options


@click.command("rules")
@click.option("--rulearena", type=click.Path(path_type=Path), help="Folder with airline/ and tax/, or one of them.")
@click.option("--policyengine", type=click.Path(path_type=Path), help="Folder or file with rules as JSON Lines.")
@click.option("--dmn", type=click.Path(path_type=Path), help="Folder with DMN models and their cases.jsonl.")
@click.option(
    "--given", "shown", type=click.IntRange(0), default=8, show_default=True, help="RuleArena: cases to show."
)
@click.option(
    "--held-out", type=click.IntRange(0), default=12, show_default=True, help="RuleArena: cases for the gates alone."
)
@suite_options
def rules_command(
    rulearena: Path | None,
    policyengine: Path | None,
    dmn: Path | None,
    shown: int,
    held_out: int,
    **given: Any,
) -> None:
    """Prose rules, tax forms, benefit parameters and decision tables, made into programs and scored on computed answers."""
    from ingot.evals.suites.rules import rules_suite

    run_suite(rules_suite(rulearena, policyengine, dmn, given=shown, held_out=held_out), **given)
