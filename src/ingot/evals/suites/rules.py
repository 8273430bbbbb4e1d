"""Rules written as prose or parameters, and decision tables: programs are made of them and scored on computed answers.

RULEARENA/airline, RULEARENA/tax   prose and forms      one task each
POLICYENGINE/*.jsonl               parameters           a task a rule
DMN/cases.jsonl                    decision tables      a task a model, no language model asked
"""

from __future__ import annotations

from pathlib import Path

from ingot.errors import InputError
from ingot.evals.suite import Suite, Task
from ingot.evals.suites.rules_prose import GIVEN, HELD_OUT

SCORER = (
    "amounts and other answers by the spec's scorer: airline and yes/no exactly, tax within 0.01, PolicyEngine within the "
    "tolerance that each row states, decision tables by the kit's own comparison (numbers within 1e-8)"
)


def rules_suite(
    rulearena: Path | None = None,
    policyengine: Path | None = None,
    dmn: Path | None = None,
    *,
    given: int = GIVEN,
    held_out: int = HELD_OUT,
) -> Suite:
    """The suite of what is given. Of RuleArena's rows `given` and `held_out` are cases.

    Raises InputError where nothing is given, or a folder is not as described.
    """
    tasks: list[Task] = []
    origins: list[str] = []
    if rulearena is not None:
        tasks += rulearena_tasks(rulearena, given, held_out)
        origins.append("RuleArena: the published prose, given and held-out cases drawn from its rows")
    if policyengine is not None:
        from ingot.evals.suites.rules_policy import policy_tasks

        found, note = policy_tasks(policyengine)
        tasks += found
        origins.append(note)
    if dmn is not None:
        from ingot.evals.suites.rules_dmn import dmn_tasks

        found, note = dmn_tasks(dmn)
        tasks += found
        origins.append(note)
    if not tasks:
        raise InputError("no rules to score", hint="give --rulearena, --policyengine or --dmn a folder")
    return Suite("rules", "Rules as programs", "unseen", tuple(tasks), SCORER, "; ".join(origins))


def rulearena_tasks(folder: Path, given: int = GIVEN, held_out: int = HELD_OUT) -> list[Task]:
    """The tasks of the folders ``airline`` and ``tax``, or of `folder` itself where it is one of them."""
    from ingot.evals.suites.rules_airline import airline_task
    from ingot.evals.suites.rules_tax import tax_task

    makers = {"airline": airline_task, "tax": tax_task}
    named = {name: folder if folder.name == name else folder / name for name in makers}
    tasks = [makers[name](path, given, held_out) for name, path in named.items() if any(path.glob("spec_*.md"))]
    if not tasks:
        raise InputError("no folder airline or tax with a spec_*.md", place=str(folder))
    return tasks
