"""The SECURITY stage measured on labelled code: how much vulnerable code it refuses, and what benign code it refuses why.

The labelled files were written for other systems and do I/O freely, which generated code may not. So a refusal counts
by the kind of its rules (`ingot.stages.security.KINDS`): `policy` (no I/O, fixed shape), `subset` (deterministic,
exact, bounded) and `vulnerability`. Benign code with a finding of the last kind is a false positive.
"""

from __future__ import annotations

import ast
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ingot.errors import InputError
from ingot.stages.security import KINDS, examine
from ingot.verdict import Finding


@dataclass(frozen=True, slots=True)
class SecurityScore:
    """Counts of files. The `benign_*_only` counts and `false_positives` add up to the benign files that were refused.

    `vulnerable_by_rule` were refused by a vulnerability rule, the rest of `vulnerable_refused` only by the subset or
    the policy. `codes` says how many benign files each rule refused; `missed` names vulnerable files that passed.
    """

    vulnerable: int
    vulnerable_refused: int
    vulnerable_by_rule: int
    benign: int
    benign_refused: int
    benign_policy_only: int
    benign_subset_only: int
    false_positives: int
    codes: Mapping[str, int]
    missed: tuple[str, ...]
    wrongly_refused: tuple[str, ...]


def security_cases(folder: str | Path) -> SecurityScore:
    """Score a folder with ``code_safety.json`` (labels) and ``code_files.jsonl`` (file and source).

    Raises InputError where a file is missing or a labelled case has no source.
    """
    folder = Path(folder)
    sources = {Path(row["file"]).stem: str(row["source"]) for row in _rows(folder / "code_files.jsonl")}
    labels = json.loads(_text(folder / "code_safety.json"))["instances"]
    rows: list[tuple[str, bool, list[Finding]]] = []
    for label in labels:
        name = str(label["id"])
        if name not in sources:
            raise InputError(f"case {name!r} has no source", place=str(folder / "code_files.jsonl"))
        rows.append((name, bool(label["expected_output"]["unsafe_code_detected"]), examine_file(sources[name])))
    return score(rows)


def insecure_snippets(path: str | Path) -> SecurityScore:
    """Score a JSON Lines file of vulnerable snippets under ``Insecure_code``, each with an ``ID``."""
    return score([(str(row["ID"]), True, examine_file(str(row["Insecure_code"]))) for row in _rows(Path(path))])


def examine_file(source: str) -> list[Finding]:
    """The errors that SECURITY finds, with every top-level function taken as asked for."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        asked: list[str] = []
    else:
        asked = [node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    return [finding for finding in examine(source, asked=asked) if finding.severity == "error"]


def score(rows: Iterable[tuple[str, bool, list[Finding]]]) -> SecurityScore:
    """Counts over (name, is vulnerable, errors)."""
    counts: Counter[str] = Counter()
    codes: Counter[str] = Counter()
    missed: list[str] = []
    wrong: list[str] = []
    for name, vulnerable, errors in rows:
        label = "vulnerable" if vulnerable else "benign"
        kinds = {KINDS[error.code] for error in errors}
        strongest = next((kind for kind in ("vulnerability", "subset", "policy") if kind in kinds), "passed")
        counts[label] += 1
        counts[f"{label} {strongest}"] += 1
        if vulnerable and strongest == "passed":
            missed.append(name)
        if not vulnerable:
            codes.update({error.code for error in errors})
            wrong += [name] if strongest == "vulnerability" else []
    return SecurityScore(
        vulnerable=counts["vulnerable"],
        vulnerable_refused=counts["vulnerable"] - counts["vulnerable passed"],
        vulnerable_by_rule=counts["vulnerable vulnerability"],
        benign=counts["benign"],
        benign_refused=counts["benign"] - counts["benign passed"],
        benign_policy_only=counts["benign policy"],
        benign_subset_only=counts["benign subset"],
        false_positives=counts["benign vulnerability"],
        codes=dict(sorted(codes.items())),
        missed=tuple(missed),
        wrongly_refused=tuple(wrong),
    )


def _rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in _text(path).splitlines() if line.strip()]


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        hint = "give the folder that holds code_safety.json and code_files.jsonl"
        raise InputError(f"cannot be read: {error.strerror}", place=str(path), hint=hint) from error
