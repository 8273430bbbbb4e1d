"""The fixture folders: one a rule, `bad_*.py` that it refuses and `good_*.py` that it lets pass, and what is expected."""

from __future__ import annotations

import json
from pathlib import Path

from ingot.verdict import Finding, Rule

HERE = Path(__file__).parent


def fixtures(rules: tuple[Rule, ...], kind: str) -> list[tuple[str, Path]]:
    """(code, file) for every fixture of a kind."""
    return [(rule.code, path) for rule in rules for path in sorted((HERE / rule.code).glob(f"{kind}_*.py"))]


def read(path: Path) -> str:
    """The text as it is: a lone carriage return stays one."""
    return path.read_bytes().decode()


def expected(code: str) -> dict[str, list[str]]:
    """The snapshot of a rule's folder: file to findings as ``CODE:line``."""
    return json.loads((HERE / code / "expected.json").read_text(encoding="utf-8"))


def places(findings: list[Finding] | tuple[Finding, ...]) -> list[str]:
    """Findings as the snapshots write them."""
    return [f"{finding.code}:{finding.line or 0}" for finding in findings]


def name(value: object) -> str:
    """A test's id."""
    return value.stem if isinstance(value, Path) else str(value)
