"""What is signed: in-toto statements (version 1) about a manifest.

A compile statement says what the artifact was made from and what the stages said of it; an approval says who let it
pass, and when. Both name the manifest's digest as their subject, so neither fits another artifact.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from ingot.artifact.manifest import MANIFEST, UNLISTED, Manifest
from ingot.canonical import canonical_json, digest

STATEMENT = "https://in-toto.io/Statement/v1"
COMPILE = "urn:ingot:compile:v1"
APPROVAL = "urn:ingot:approval:v1"

STAGE_ORDER: tuple[str, ...] = ("security", "syntax", "execution", "accuracy")

# What Ingot derives from the materials. Every other file of an artifact went into it, and is a material.
DERIVED = UNLISTED | {
    "logic.py",
    "program.py",
    "report.html",
    "sbom.cdx.json",
    "evidence/findings.sarif",
    "evidence/provenance.json",
    "evidence/questions.json",
    "evidence/verdicts.json",
}


@dataclass(frozen=True, slots=True)
class Approval:
    """A second person's consent. `key` is the id of the key that signed it, `at` the time the approver stated."""

    name: str
    key: str
    at: str
    note: str = ""


def materials(files: Mapping[str, bytes]) -> list[dict[str, Any]]:
    """What the artifact was made from, as in-toto resource descriptors: files, the candidate's author, requests.

    Pure in the artifact's files, so that verification makes the same list again.
    """
    found: list[dict[str, Any]] = [
        {"name": path, "digest": {"sha256": digest(content)}}
        for path, content in sorted(files.items())
        if path not in DERIVED
    ]
    provenance = json.loads(files["evidence/provenance.json"])
    author = provenance["author"]
    found.append({"name": "author", "uri": f"urn:ingot:{author['kind']}", "annotations": author})
    requests = [attempt.get("request") for attempt in provenance.get("attempts", [])]
    found += [{"name": "request", "digest": {"sha256": one}} for one in requests if one]
    return found


def compile_statement(manifest: Manifest, files: Mapping[str, bytes]) -> bytes:
    """The statement that the author signs."""
    predicate = {
        "ingot": manifest.ingot,
        "spec": manifest.spec,
        "cases": manifest.cases,
        "program": manifest.program.digest,
        "materials": materials(files),
        "verdicts": json.loads(files["evidence/verdicts.json"]),
    }
    return _statement(digest(manifest.to_bytes()), COMPILE, predicate)


def approval_statement(artifact: str, approval: Approval) -> bytes:
    """The statement that an approver signs."""
    predicate = {
        "approver": {"name": approval.name, "key": approval.key},
        "at": approval.at,
        "decision": "approved",
        "note": approval.note,
    }
    return _statement(artifact, APPROVAL, predicate)


def _statement(artifact: str, kind: str, predicate: Mapping[str, Any]) -> bytes:
    subject = [{"name": MANIFEST, "digest": {"sha256": artifact}}]
    return canonical_json({"_type": STATEMENT, "subject": subject, "predicateType": kind, "predicate": predicate})


def read_statement(payload: bytes, kind: str, keys: Sequence[str]) -> dict[str, Any]:
    """A statement of one kind whose predicate has exactly these keys. Raises ValueError, saying what is wrong."""
    try:
        body = json.loads(payload)
    except (ValueError, RecursionError):
        raise ValueError("the statement is not JSON") from None
    if not isinstance(body, dict) or set(body) != {"_type", "subject", "predicateType", "predicate"}:
        raise ValueError("not an in-toto statement")
    if body["_type"] != STATEMENT or body["predicateType"] != kind:
        raise ValueError(f"the statement is a {body['predicateType']!r}, not a {kind!r}")
    if not isinstance(body["predicate"], dict) or set(body["predicate"]) != set(keys):
        raise ValueError(f"the predicate has not exactly {', '.join(keys)}")
    if canonical_json(body) != payload:
        raise ValueError("the statement is not in the one form that Ingot writes")
    return body


def read_compile(payload: bytes) -> dict[str, Any]:
    """A compile statement. Raises ValueError."""
    return read_statement(payload, COMPILE, ("ingot", "spec", "cases", "program", "materials", "verdicts"))


def read_approval(payload: bytes) -> tuple[dict[str, Any], Approval]:
    """An approval with its statement. Raises ValueError."""
    body = read_statement(payload, APPROVAL, ("approver", "at", "decision", "note"))
    predicate, approver = body["predicate"], body["predicate"]["approver"]
    if not isinstance(approver, dict) or set(approver) != {"name", "key"} or predicate["decision"] != "approved":
        raise ValueError("the approval names no approver with name and key")
    texts = (approver["name"], approver["key"], predicate["at"], predicate["note"])
    if not all(isinstance(text, str) for text in texts):
        raise ValueError("the approval's name, key, time and note are texts")
    return body, Approval(*texts)


def subject_digest(statement: Mapping[str, Any]) -> str | None:
    """The digest of the manifest that a statement is about; None where its subject is anything else."""
    match statement["subject"]:
        case [{"name": name, "digest": {"sha256": str(found), **rest}, **more}] if name == MANIFEST:
            return None if rest or more else found
    return None


def utc_text(at: datetime) -> str:
    """A time with its zone, as ``2026-01-31T09:30:00Z``. Raises ValueError where it has no zone."""
    if at.tzinfo is None:
        raise ValueError(f"{at!r} has no time zone")
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
