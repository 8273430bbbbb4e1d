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


@dataclass(frozen=True, slots=True)
class Code:
    """A labelled file."""

    name: str
    vulnerable: bool
    source: str


@dataclass(frozen=True, slots=True)
class Refused:
    """The rules that refuse a file, none where it passes."""

    by: tuple[str, ...]


def labelled_code(folder: Path) -> list[Code]:
    """The code of a folder with ``code_safety.json`` (labels) and ``code_files.jsonl`` (file and source).

    Raises InputError where a file is missing or a labelled case has no source.
    """
    sources = {Path(row["file"]).stem: str(row["source"]) for row in _rows(folder / "code_files.jsonl")}
    found: list[Code] = []
    for label in json.loads(_text(folder / "code_safety.json"))["instances"]:
        name = str(label["id"])
        if name not in sources:
            raise InputError(f"case {name!r} has no source", place=str(folder / "code_files.jsonl"))
        found.append(Code(name, bool(label["expected_output"]["unsafe_code_detected"]), sources[name]))
    return found


def insecure_code(path: Path) -> list[Code]:
    """The vulnerable snippets of a JSON Lines file: ``Insecure_code``, each with an ``ID``."""
    return [Code(str(row["ID"]), True, str(row["Insecure_code"])) for row in _rows(path)]


def codes_of(source: str) -> tuple[str, ...]:
    """The rules by which SECURITY refuses a text, each once, with every top-level function taken as asked for."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        asked: list[str] = []
    else:
        asked = [node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    return tuple(sorted({finding.code for finding in examine(source, asked=asked) if finding.severity == "error"}))


def score(rows: Iterable[tuple[Code, Iterable[str]]]) -> SecurityScore:
    """Counts over files, each with the rules that refuse it."""
    counts: Counter[str] = Counter()
    codes: Counter[str] = Counter()
    missed: list[str] = []
    wrong: list[str] = []
    for code, refused_by in rows:
        label = "vulnerable" if code.vulnerable else "benign"
        kinds = {KINDS[rule] for rule in refused_by}
        strongest = next((kind for kind in ("vulnerability", "subset", "policy") if kind in kinds), "passed")
        counts[label] += 1
        counts[f"{label} {strongest}"] += 1
        if code.vulnerable and strongest == "passed":
            missed.append(code.name)
        if not code.vulnerable:
            codes.update(refused_by)
            wrong += [code.name] if strongest == "vulnerability" else []
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
