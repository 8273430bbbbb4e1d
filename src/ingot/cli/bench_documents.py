"""ingot bench documents: fields read off documents, compiled, with what share needs no model at which precision."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ingot.cli.bench_suites import run_suite, suite_options
from ingot.errors import InputError

if TYPE_CHECKING:
    from ingot.evals.suites.documents_spec import Match

FOLDER = click.Path(path_type=Path)


@click.command("documents")
@click.option("--sroie", type=FOLDER, help="Scanned receipts: the folder or the JSON Lines file.")
@click.option("--tv", type=FOLDER, help="TV advertising invoices: the folder or the JSON Lines file.")
@click.option("--jsonl", type=FOLDER, help="Any documents: JSON Lines with id, text and fields; needs --fields.")
@click.option("--docile", type=FOLDER, help="The DocILE data set, by its official metric too (extra docile).")
@click.option(
    "--fields",
    default="",
    help="For --jsonl and --docile: total:amount,date:date,items[name,price:amount]; DocILE's own types there.",
)
@click.option(
    "--about",
    "abouts",
    type=FOLDER,
    multiple=True,
    help="A JSON file of field to what it is (for --tv and --sroie in place of their own words); with --turn all one for each turn, too.",
)
@click.option(
    "--given", default=12, show_default=True, type=click.IntRange(1), help="Documents shown, where drawn at random."
)
@click.option(
    "--held-out", default=100, show_default=True, type=click.IntRange(0), help="Documents to calibrate on, likewise."
)
@click.option("--unseen-templates", is_flag=True, help="For --jsonl: score on templates that no case has.")
@click.option(
    "--turn",
    default="0",
    show_default=True,
    help="For --tv: which part of the templates is scored, counted from 0; all: every document once, by the programs of its turn.",
)
@click.option(
    "--turns",
    default=3,
    show_default=True,
    type=click.IntRange(3),
    help="For --tv: so many parts; one is scored, one held out, the others given.",
)
@click.option(
    "--match",
    type=click.Choice(["exact", "normalised"]),
    default="exact",
    show_default=True,
    help="What is right, for gates, calibration and score: the very text, or the same value.",
)
@suite_options
def documents_command(
    sroie: Path | None,
    tv: Path | None,
    jsonl: Path | None,
    docile: Path | None,
    fields: str,
    abouts: tuple[Path, ...],
    given: int,
    held_out: int,
    unseen_templates: bool,
    turn: str,
    turns: int,
    match: Match,
    **options: Any,
) -> None:
    """Run the suite of one document set. A task is a field, read by five functions that a hybrid step settles.

    TV invoices are scored on templates that no case has. The report has each measure with nothing withheld, accuracy on
    what was answered, and the share answered without a model at a precision that was set on held-out documents.
    """
    from ingot.evals.suites.documents import load_rows, load_sroie, load_tv, load_tv_turns
    from ingot.evals.suites.documents_rows import meanings, read_fields

    if sum(one is not None for one in (sroie, tv, jsonl, docile)) != 1:
        raise InputError("one document set is run at a time", hint="give one of --sroie, --tv, --jsonl, --docile")
    if (turn, turns) != ("0", 3) and tv is None:
        raise InputError(f"--turn {turn} and --turns {turns} are for TV invoices", hint="give --tv, or leave them out")
    if turn not in ("all", *map(str, range(turns))):
        raise InputError(f"--turn {turn!r} is none of {turns} turns", hint=f"0 to {turns - 1}, or all")
    if len(abouts) > 1 and turn != "all":
        raise InputError(f"--about is given {len(abouts)} times", hint="once; once for each turn with --turn all")
    about = abouts[0] if abouts else None
    if tv is not None and turn == "all":
        run_suite(load_tv_turns(tv, match, [meanings(one) for one in abouts], turns), **options)
    elif tv is not None:
        run_suite(load_tv(tv, match, int(turn), meanings(about), turns), **options)
    elif sroie is not None:
        run_suite(load_sroie(sroie, given, held_out, match, meanings(about)), **options)
    elif jsonl is not None:
        read = read_fields(fields, about)
        suite = load_rows(jsonl, read, given=given, held_out=held_out, unseen=unseen_templates, match=match)
        run_suite(suite, **options)
    elif docile is not None:
        _docile(docile, fields, about, given, held_out, options)


def _docile(path: Path, fields: str, about: Path | None, given: int, held_out: int, options: dict[str, Any]) -> None:
    """The suite, and then the official metric of each solver's log, printed and written beside it."""
    from ingot.evals.suites.documents_docile import FIELDS, data_set, load_docile
    from ingot.evals.suites.documents_rows import read_fields

    suite = load_docile(path, read_fields(fields or FIELDS, about), given, held_out)
    run_suite(suite, **options)
    scored = data_set(path, "val")
    for solver in options["solvers"]:
        _official(scored, options["out"] / suite.name / solver, solver, options["as_json"])


def _official(scored: Any, folder: Path, solver: str, as_json: bool) -> None:
    from ingot.evals.log import read_log
    from ingot.evals.suites.documents_docile_metric import official
    from ingot.models.atomic import write_atomically

    found = official(read_log(folder), scored)
    write_atomically(folder / "docile.json", json.dumps([one.to_json() for one in found], indent=1).encode())
    if not as_json:
        _lines(solver, [(one.name, one.value, one.note) for one in found])


def _lines(solver: str, found: Sequence[tuple[str, float | None, str]]) -> None:
    for name, value, note in found:
        click.echo(f"official, {solver}: {name:<32}{'not measured: ' + note if value is None else f'{value:.1%}'}")
