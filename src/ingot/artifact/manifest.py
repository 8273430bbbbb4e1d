"""The manifest: every file of an artifact with its digest. The digest of the manifest is the artifact's."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError

from ingot.canonical import digest, readable_json
from ingot.errors import ArtifactError

FORMAT = "ingot-artifact/1"
MANIFEST = "manifest.json"
ATTESTATION = "attestation.intoto.jsonl"
CALIBRATION = "evidence/calibration.json"
"""What the held-out cases say of hybrid steps; there only where the workflow has one."""
PROMPTS = "evidence/prompts.json"
"""What the tuning of bounded steps came to, and the prompts that it kept; there only where tuning was asked for."""
GIVEN, HELD_OUT = "cases/given.jsonl", "cases/held_out.jsonl"
UNLISTED = frozenset({MANIFEST, ATTESTATION})
"""The files that the manifest does not list: itself, and the signatures over it."""

Digest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class ProgramPart(BaseModel):
    """The program: the digest of ``program.py``, the line after which ``logic.py`` begins in it, and the plan."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    digest: Digest
    logic_offset: int
    template: str
    blocks: tuple[str, ...]


class Manifest(BaseModel):
    """`spec` is the digest of the resolved spec, which ``program.py`` cites; `cases` that of the two case files, one
    after the other; `files` maps each path to the SHA-256 of its bytes."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    format: str
    name: str
    version: str
    ingot: str
    spec: Digest
    cases: Digest
    program: ProgramPart
    files: dict[str, Digest]

    def to_bytes(self) -> bytes:
        """The one form a manifest has on disk."""
        return readable_json(self.model_dump(mode="json"))


def read_manifest(content: bytes) -> Manifest:
    """The manifest in these bytes. Raises ArtifactError where they are anything but the one form it can have."""
    try:
        raw = json.loads(content)
    except (ValueError, RecursionError):
        raise ArtifactError("the manifest is not JSON", hint="get the artifact again from its source") from None
    found = raw.get("format") if isinstance(raw, dict) else None
    if found != FORMAT:
        raise ArtifactError(
            f"the manifest's format is {found!r}; this Ingot knows {FORMAT!r}",
            hint="use the version of Ingot that made the artifact, or compile the spec again",
        )
    try:
        manifest = Manifest.model_validate_json(content)
    except ValidationError as error:
        first = error.errors()[0]
        path = ".".join(str(part) for part in first["loc"])
        raise ArtifactError(
            f"the manifest's {path!r} does not fit: {first['msg']}", hint="get the artifact again from its source"
        ) from None
    if manifest.to_bytes() != content:
        raise ArtifactError("the manifest is not in the one form that Ingot writes", hint="get the artifact again")
    return manifest


def artifact_digest(path: Path) -> str:
    """The digest of the artifact in a directory: SHA-256 of its manifest. It says nothing of the other files; only
    verification does. Raises ArtifactError."""
    try:
        return digest((path / MANIFEST).read_bytes())
    except OSError as error:
        raise ArtifactError(f"cannot read the manifest: {error.strerror}", place=str(path / MANIFEST)) from error


def folder_name(name: str, version: str, artifact: str) -> str:
    """``<slug>-<version>-<first 12 of the digest>``, at most 120 characters, safe on any file system."""
    slug = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:60].strip("-")
    return f"{slug or 'workflow'}-{version[:40]}-{artifact[:12]}"
