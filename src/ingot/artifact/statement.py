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
from ingot.canonical import canonical_json, digest, readable_json

STATEMENT = "https://in-toto.io/Statement/v1"
COMPILE = "urn:ingot:compile:v1"
APPROVAL = "urn:ingot:approval:v1"
APPROVAL_OF_CHANGE = "urn:ingot:approval:v2"
"""An approval that also says which difference the approver was shown. Approvals of version 1 stay what they are."""

STAGE_ORDER: tuple[str, ...] = ("security", "syntax", "execution", "accuracy")

DIFFERENCE = "evidence/difference.json"
"""What changes since a previous version; only in an artifact that was made beside one."""

# What Ingot derives from the materials. Every other file of an artifact went into it, and is a material.
DERIVED = UNLISTED | {
    DIFFERENCE,
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
class Shown:
    """The difference that an approver was shown: `against` is the digest of the artifact that was compared with, None
    where there was no approved version; `difference` the SHA-256 of the difference as canonical JSON."""

    against: str | None
    difference: str


@dataclass(frozen=True, slots=True)
class Approval:
    """A second person's consent. `key` is the id of the key that signed it, `at` the time the approver stated, `shown`
    the difference they saw, None where the approval does not say."""

    name: str
    key: str
    at: str
    note: str = ""
    shown: Shown | None = None


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
    return found + _previous(files)


def _previous(files: Mapping[str, bytes]) -> list[dict[str, Any]]:
    """The artifact that this one was compared with, where it was with any. Raises ValueError where the evidence of it is
    not what Ingot writes."""
    if DIFFERENCE not in files:
        return []
    body = json.loads(files[DIFFERENCE])
    if readable_json(body) != files[DIFFERENCE] or set(body) != {"from", "sentence", "outcomes", "texts"}:
        raise ValueError("the difference is not in the one form that Ingot writes")
    old = body["from"]
    if set(old) != {"name", "version", "digest"} or not _is_digest(old["digest"]):
        raise ValueError("the difference does not name the version compared with")
    return [{"name": "previous version", "uri": "urn:ingot:artifact", "digest": {"sha256": old["digest"]}}]


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
    predicate: dict[str, Any] = {
        "approver": {"name": approval.name, "key": approval.key},
        "at": approval.at,
        "decision": "approved",
        "note": approval.note,
    }
    if approval.shown is None:
        return _statement(artifact, APPROVAL, predicate)
    predicate["shown"] = {"against": approval.shown.against, "difference": approval.shown.difference}
    return _statement(artifact, APPROVAL_OF_CHANGE, predicate)


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
    """An approval of either version with its statement. Raises ValueError."""
    keys = ("approver", "at", "decision", "note")
    if _kind(payload) == APPROVAL_OF_CHANGE:
        body = read_statement(payload, APPROVAL_OF_CHANGE, (*keys, "shown"))
        shown: Shown | None = _read_shown(body["predicate"]["shown"])
    else:
        body, shown = read_statement(payload, APPROVAL, keys), None
    predicate, approver = body["predicate"], body["predicate"]["approver"]
    if not isinstance(approver, dict) or set(approver) != {"name", "key"} or predicate["decision"] != "approved":
        raise ValueError("the approval names no approver with name and key")
    texts = (approver["name"], approver["key"], predicate["at"], predicate["note"])
    if not all(isinstance(text, str) for text in texts):
        raise ValueError("the approval's name, key, time and note are texts")
    return body, Approval(*texts, shown)


def _kind(payload: bytes) -> Any:
    try:
        body = json.loads(payload)
    except (ValueError, RecursionError):
        return None  # read_statement says what is wrong
    return body.get("predicateType") if isinstance(body, dict) else None


def _read_shown(raw: Any) -> Shown:
    if not isinstance(raw, dict) or set(raw) != {"against", "difference"}:
        raise ValueError("the approval does not say what was compared with, and what was shown")
    against, difference = raw["against"], raw["difference"]
    if not (against is None or _is_digest(against)) or not _is_digest(difference):
        raise ValueError("what the approver was shown is not named by SHA-256 digests")
    return Shown(against, difference)


def _is_digest(value: Any) -> bool:
    return isinstance(value, str) and len(value) == 64 and not set(value) - set("0123456789abcdef")


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
