"""Evidence in the forms that other tools read: findings as SARIF 2.1.0, run-time needs as CycloneDX 1.6.

Neither holds a time, a random number or a path of the machine that wrote it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ingot import __version__
from ingot.program import Program
from ingot.verdict import Finding, Verdict

SARIF_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"

RUNTIME_NEEDS = ("click>=8.1", "cryptography>=44", "pydantic>=2.10", "ruamel.yaml>=0.18")
"""What Ingot itself needs; the same list as in pyproject.toml, which a test compares."""

MODULE_NEEDS: Mapping[str, str] = {
    "database.query": "sqlalchemy>=2.0.36",
    "database.execute": "sqlalchemy>=2.0.36",
    "http.get": "httpx>=0.28",
    "http.post": "httpx>=0.28",
    "notify.webhook": "httpx>=0.28",
}
"""The packages beyond those that a module's steps need."""

CLASSIFIER_NEEDS = "stackone-defender>=0.9.4"
"""What the classifier of a bounded step's input gate comes in."""


def sarif(verdicts: Iterable[Verdict]) -> dict[str, Any]:
    """All findings, warnings among them, as one SARIF run over ``logic.py``."""
    found = [(verdict.stage, finding) for verdict in verdicts for finding in verdict.findings]
    codes = sorted({finding.code for _, finding in found})
    driver = {"name": "Ingot", "version": __version__, "rules": [{"id": code} for code in codes]}
    results = [_sarif_row(stage, finding) for stage, finding in found]
    run = {"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}
    return {"$schema": SARIF_SCHEMA, "version": "2.1.0", "runs": [run]}


def _sarif_row(stage: str, finding: Finding) -> dict[str, Any]:
    physical: dict[str, Any] = {"artifactLocation": {"uri": "logic.py"}}
    if finding.line is not None:
        physical["region"] = {"startLine": finding.line} | (
            {} if finding.column is None else {"startColumn": finding.column}
        )
    location: dict[str, Any] = {"physicalLocation": physical}
    if finding.function:
        location["logicalLocations"] = [{"name": finding.function, "kind": "function"}]
    text = f"{finding.message}\n{finding.hint}" if finding.hint else finding.message
    return {
        "ruleId": finding.code,
        "level": finding.severity,
        "message": {"text": text},
        "locations": [location],
        "properties": {"stage": stage},
    }


def needs(program: Program) -> tuple[str, ...]:
    """The requirements of running this program, beyond Ingot's own."""
    steps = program.spec.logic_requirements
    found = {MODULE_NEEDS[step.module] for step in steps if step.module and step.module in MODULE_NEEDS}
    if any(step.gates.injection == "classify" for step in steps):
        found.add(CLASSIFIER_NEEDS)
    return tuple(sorted(found))


def sbom(program: Program) -> dict[str, Any]:
    """What the artifact needs at run time: Ingot, what Ingot needs, and what the modules it uses need.

    Only Ingot has a version: of the others an artifact states the range it accepts, not what one machine had.
    """
    spec = program.spec
    root = {
        "type": "application",
        "bom-ref": "workflow",
        "name": spec.metadata.name,
        "version": spec.metadata.version,
        "hashes": [{"alg": "SHA-256", "content": program.digest}],
    }
    ingot = {
        "type": "library",
        "bom-ref": "ingot",
        "name": "ingot",
        "version": __version__,
        "purl": f"pkg:pypi/ingot@{__version__}",
        "licenses": [{"license": {"id": "MIT"}}],
    }
    extra = needs(program)
    names = {requirement: requirement.split(">=")[0] for requirement in (*RUNTIME_NEEDS, *extra)}
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": root},
        "components": [ingot, *(_package(name, requirement) for requirement, name in names.items())],
        "dependencies": [
            {"ref": "workflow", "dependsOn": ["ingot", *(names[one] for one in extra)]},
            {"ref": "ingot", "dependsOn": [names[one] for one in RUNTIME_NEEDS]},
        ],
    }


def _package(name: str, requirement: str) -> dict[str, Any]:
    return {
        "type": "library",
        "bom-ref": name,
        "name": name,
        "purl": f"pkg:pypi/{name.lower()}",
        "properties": [{"name": "ingot:requirement", "value": requirement}],
    }
