"""What a stage says of a program: rules, findings and verdicts. Frozen values, no behaviour beyond JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

StageName = Literal["reply", "security", "syntax", "execution", "accuracy", "gate"]
Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Rule:
    """One check, as a table entry.

    `code` is stable (``SEC012``), `name` is kebab-case, `why` says what goes wrong without it, `example` is code (or
    a spec fragment) that it refuses, `fix` is the same thing done right. A warning never fails a stage.
    """

    code: str
    name: str
    stage: StageName
    why: str
    example: str
    fix: str
    severity: Severity = "error"


@dataclass(frozen=True, slots=True)
class Finding:
    """What one rule saw at one place.

    `line` (from 1) and `column` (from 1) count in ``logic.py``, the candidate as written; None where the finding is
    not about a line. `function` is the generated function it concerns. `hint` is the next action. Findings go into
    repair prompts as they are, so none may hold a value of a held-out case.
    """

    code: str
    message: str
    line: int | None = None
    column: int | None = None
    function: str | None = None
    hint: str | None = None
    severity: Severity = "error"

    def to_json(self) -> dict[str, Any]:
        """The finding as plain JSON, without keys that are None."""
        pairs = (
            ("code", self.code),
            ("severity", self.severity),
            ("message", self.message),
            ("function", self.function),
            ("line", self.line),
            ("column", self.column),
            ("hint", self.hint),
        )
        return {key: value for key, value in pairs if value is not None}

    def __str__(self) -> str:
        place = f"logic.py:{self.line}:{self.column or 1}: " if self.line else ""
        return f"{place}{self.code} {self.message}"


@dataclass(frozen=True, slots=True)
class Verdict:
    """A stage's answer. `passed` is False as soon as one finding is an error.

    `seconds` is wall time and is kept out of artifacts (their bytes are reproducible). `measures` holds what the
    stage measured, as plain JSON values: coverage, scores, engines, active confinement.
    """

    stage: StageName
    passed: bool
    findings: tuple[Finding, ...] = ()
    seconds: float = 0.0
    measures: Mapping[str, Any] = field(default_factory=dict)

    @staticmethod
    def of(
        stage: StageName,
        findings: tuple[Finding, ...] | list[Finding],
        seconds: float = 0.0,
        measures: Mapping[str, Any] | None = None,
    ) -> Verdict:
        """A verdict that passes exactly when no finding is an error."""
        passed = all(finding.severity != "error" for finding in findings)
        return Verdict(stage, passed, tuple(findings), seconds, dict(measures or {}))

    def to_json(self) -> dict[str, Any]:
        """The verdict as deterministic JSON: everything but the time it took."""
        return {
            "stage": self.stage,
            "passed": self.passed,
            "findings": [finding.to_json() for finding in self.findings],
            "measures": dict(self.measures),
        }
