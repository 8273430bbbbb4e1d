"""`ingot bench security`: what SECURITY refuses of labelled code, and what the gates see in labelled texts."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ingot.cli.bench_rows import OUT, each, end_short, kept_rows, limit
from ingot.cli.progress import AS_JSON

if TYPE_CHECKING:
    from ingot.evals.gate_cases import Text
    from ingot.evals.security_cases import Code


@click.command("security")
@click.option(
    "--data",
    required=True,
    type=click.Path(path_type=Path),
    help="Folder with labelled code, requests or texts, or a JSON Lines file of insecure snippets.",
)
@click.option("--classifier", is_flag=True, help="Measure the trained classifier too (extra 'classifier').")
@limit("texts or files of each table, evenly from all")
@OUT
@AS_JSON
def security_command(data: Path, classifier: bool, limit: int | None, out: Path | None, as_json: bool) -> None:
    """What SECURITY refuses of labelled code, and what the gates see in labelled texts.

    A vulnerability rule says that the code is dangerous; policy and subset rules only that generated code may not do
    this (I/O, classes …). Benign code refused by a vulnerability rule is a false positive. Of the gates: injection,
    personal data and leaked instructions, with precision, recall, false positives and time per source.

    Ctrl-C prints what is done; with --out it is kept.
    """
    from ingot.evals.gate_tables import Look, gate_tables, look
    from ingot.evals.kept_lines import key_of
    from ingot.evals.security_cases import Refused, codes_of, score

    texts, files = _texts(data, classifier, limit), _files(data, limit)
    with kept_rows(out / "texts" if out else None, Look, bench="security") as kept:
        looks = each(texts, lambda one: one.key, lambda some: [look(one) for one in some], kept, quiet=as_json)
    whole = len(looks) == len(texts)
    with kept_rows(out / "code" if out else None, Refused, bench="security") as codes:
        refused = each(
            files if whole else [], lambda one: key_of(one.source),
            lambda some: [Refused(codes_of(one.source)) for one in some], codes, quiet=as_json,
        )  # fmt: skip
    counts = asdict(score((file, one.by) for file, one in zip(files, refused, strict=False))) if refused else {}
    _print(counts, gate_tables(list(zip(texts, looks, strict=False))), as_json)
    end_short(len(looks) + len(refused), len(texts) + len(files), "texts and files", kept=out is not None)


def _texts(data: Path, classifier: bool, limit: int | None) -> list[Text]:
    from ingot.evals.gate_cases import gate_texts, has_gate_cases

    return gate_texts(data, classifier, limit) if data.is_dir() and has_gate_cases(data) else []


def _files(data: Path, limit: int | None) -> list[Code]:
    """The labelled code; none where the folder has other cases only. Raises InputError where it has none at all."""
    from ingot.evals.gate_cases import has_gate_cases
    from ingot.evals.kept_lines import evenly
    from ingot.evals.security_cases import insecure_code, labelled_code

    if data.is_file():
        return evenly(insecure_code(data), limit)
    folder = next((one.parent for one in sorted(data.glob("**/code_safety.json"))), None)
    if folder is None and data.is_dir() and has_gate_cases(data):
        return []
    return evenly(labelled_code(folder or data), limit)


def _print(counts: dict[str, Any], tables: dict[str, dict[str, Any]], as_json: bool) -> None:
    from ingot.evals.gate_tables import gate_text

    if as_json:
        click.echo(json.dumps({**counts, "gates": tables} if tables else counts, indent=2))
        return
    told = [f"{name.replace('_', ' '):<20} {value}" for name, value in counts.items()]
    click.echo("\n".join((*told, gate_text(tables)) if tables else told))
