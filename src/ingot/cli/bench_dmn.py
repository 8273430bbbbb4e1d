"""`ingot bench dmn`: decision tables of DMN models against the answers expected of them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ingot.cli.bench_rows import OUT, each, end_short, kept_rows, limit
from ingot.cli.progress import AS_JSON

if TYPE_CHECKING:
    from ingot.evals.dmn_tck import ModelScore


@click.command("dmn")
@click.option(
    "--data", required=True, type=click.Path(path_type=Path), help="Folder with DMN models and their cases.jsonl."
)
@limit("models")
@OUT
@AS_JSON
def dmn_command(data: Path, limit: int | None, out: Path | None, as_json: bool) -> None:
    """Compile the decision tables of DMN models without a model, and compare the programs' answers with the expected.

    Ctrl-C prints what is done; with --out it is kept.
    """
    from ingot.evals.dmn_tck import ModelScore, lines, read_models, score_model
    from ingot.evals.kept_lines import key_of
    from ingot.runtime.sandbox import Sandbox

    models = read_models(data)[:limit]
    with kept_rows(out, ModelScore, bench="dmn") as kept, Sandbox(seeds=(0,)) as sandbox:

        def measure(some: Sequence[tuple[dict[str, Any], str]]) -> list[ModelScore]:
            return [score_model(row, text, sandbox) for row, text in some]

        scores = each(models, lambda one: key_of(*one), measure, kept, quiet=as_json)
    click.echo(json.dumps([one.to_json() for one in scores], indent=2) if as_json else "\n".join(lines(scores)))
    end_short(len(scores), len(models), "models", kept=out is not None)
