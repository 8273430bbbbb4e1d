"""The benches of proof: what is known of right programs, and what would become of wrong ones."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ingot.cli.bench_rows import OUT, each, end_short, kept_rows, limit
from ingot.cli.progress import AS_JSON

if TYPE_CHECKING:
    from ingot.evals.right_programs import Right

_RULES = click.option(
    "--data",
    "rules",
    type=click.Path(path_type=Path, exists=True),
    help="Folder or file with rules as JSON Lines; the programs are for these.",
)
_PROGRAMS = click.option(
    "--programs",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Folder of right programs, NAME.py each, with NAME/spec.yaml or a rule of --data. Default: the bundled examples.",
)
_NAMES = click.argument("names", nargs=-1)
_LIMIT = limit("programs")


@click.command("policyengine")
@click.option("--data", "rules", required=True, type=click.Path(path_type=Path, exists=True), help="The rules.")
@click.option("--out", required=True, type=click.Path(path_type=Path, file_okay=False), help="Folder for the specs.")
@limit("rules")
def policyengine_command(rules: Path, out: Path, limit: int | None) -> None:
    """Write tax and benefit rules as specs with given and held-out cases, ready to compile or to check."""
    from ingot.evals.policyengine import policies

    for policy in islice(policies(rules), limit):
        policy.spec()
        path = policy.write(out)
        click.echo(f"{path}  {len(policy.given)} given and {len(policy.held_out)} held-out cases")


@click.command("proof")
@_NAMES
@_RULES
@_PROGRAMS
@_LIMIT
@OUT
@AS_JSON
def proof_command(
    names: tuple[str, ...],
    rules: Path | None,
    programs: Path | None,
    limit: int | None,
    out: Path | None,
    as_json: bool,
) -> None:
    """The mutation score and the verdict on every invariant of right programs NAMES (default: all), with the times.

    Besides the stated invariants the built-in ones that make sense are asked: totality, determinacy, output ranges,
    every value reached, and whether an output goes up with an input, which many rules rightly do not.
    """
    from ingot.evals.proof_table import Proof, prove, table
    from ingot.stages.execution import warm_sandbox

    sandbox, chosen = warm_sandbox(), _chosen(names, rules, programs, limit)
    with kept_rows(out, Proof, bench="proof") as kept:
        found = each(chosen, _key, lambda some: [prove(one, sandbox) for one in some], kept, quiet=as_json)
    click.echo(json.dumps([one.to_json() for one in found], indent=2) if as_json else table(found))
    end_short(len(found), len(chosen), "programs", kept=out is not None)


@click.command("wrong-rules")
@_NAMES
@_RULES
@_PROGRAMS
@click.option(
    "--most", default=40, show_default=True, type=click.IntRange(1, 200), help="Wrong programs per right one."
)
@_LIMIT
@OUT
@AS_JSON
def wrong_rules_command(
    names: tuple[str, ...], rules: Path | None, programs: Path | None, most: int, limit: int | None, out: Path | None,
    as_json: bool,
) -> None:  # fmt: skip
    """How many wrong programs would be deployed without a word: right programs NAMES changed in one place each.

    \b
    published gate   two of three cases answered rightly; nothing else is asked
    branch tests     as many cases as branches, one drawn for each; all must pass
    ingot            the four stages with the same cases; "refusing" with 'thresholds: {mutation: refuse}'
    suggested        ingot after one round of suggested cases, answered by the right program

    A wrong program is one that does otherwise on some input; those that the solver proves the same, or that no input
    tried tells from the right one, are counted apart. No model is used.
    """
    from ingot.evals.wrong_rules import Experiment, experiment, suggested_trials, survivors, table
    from ingot.stages.execution import warm_sandbox

    sandbox, chosen = warm_sandbox(), _chosen(names, rules, programs, limit)

    def measure(some: Sequence[Right]) -> list[Experiment]:
        return [experiment(one, sandbox, suggested_trials, most) for one in some]

    with kept_rows(out, Experiment, bench="wrong-rules", most=most) as kept:
        found = each(chosen, _key, measure, kept, quiet=as_json)
    if as_json:
        click.echo(json.dumps([one.to_json() for one in found], indent=2))
    else:
        click.echo("\n".join((table(found), *survivors(found))))
    end_short(len(found), len(chosen), "programs", kept=out is not None)


def _chosen(names: tuple[str, ...], rules: Path | None, programs: Path | None, limit: int | None) -> Sequence[Right]:
    from ingot.evals.right_programs import right_programs

    every = list(right_programs(programs, rules))
    known = [one.name for one in every]
    for name in names:
        if name not in known:
            raise click.BadParameter(f"no program {name!r}; there are {', '.join(known)}", param_hint="NAMES")
    return [one for one in every if not names or one.name in names][:limit]


def _key(right: Right) -> str:
    from ingot.evals.kept_lines import key_of

    return key_of(right.name, right.program.text, right.program.spec.model_dump(mode="json"))
