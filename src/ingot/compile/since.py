"""What a new artifact changes since a previous version: for its evidence and its report, before it is signed.

The previous version is the one that is named, or the one approved last among the artifacts beside the new one. It is
verified and runs as it is deployed; the candidate, which nobody has signed yet, runs in the sandbox alone. Nothing here
looks at a clock: the same two versions give the same bytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ingot.artifact.approved import last_approved_in
from ingot.artifact.layout import Contents, lay_out
from ingot.artifact.manifest import ATTESTATION, GIVEN, HELD_OUT, MANIFEST, PROMPTS
from ingot.artifact.sign import SigningKey, Trusted, trust, trusted_keys
from ingot.artifact.statement import DIFFERENCE
from ingot.artifact.verify import Verified, verify
from ingot.errors import IngotError, SpecError

TEXTS = ("spec.yaml", GIVEN, HELD_OUT, "logic.py")
"""The files that people write or read, by which two versions are told to differ in text."""

_MADE_OF_BOTH = frozenset({MANIFEST, ATTESTATION, DIFFERENCE, "report.html"})


@dataclass(frozen=True, slots=True)
class Since:
    """The version that an artifact was compared with: `title` names it and who approved it, `evidence` is the difference
    as it goes into the artifact. Where there is none both are empty. `notes` say what was passed over, and why."""

    title: str = ""
    evidence: Mapping[str, Any] | None = None
    notes: tuple[str, ...] = ()


def named_version(against: str | Path | None, key: SigningKey | None) -> Verified | None:
    """The version that is named, None where none is. Raises ArtifactError where it does not verify."""
    if against is None:
        return None
    return verify(against, _trusted(key or SigningKey.own()))


def since(contents: Contents, named: Verified | None, out: Path, key: SigningKey) -> Since:
    """What changes since `named`, or else since the version approved last in the folder `out`.

    With a named version, raises SpecError and StageError where it cannot be compared with. Without one nothing is
    raised: a build does not fail for an older one, and the notes say what was wrong.
    """
    if named is not None:
        return _compared(contents, named, ())
    notes: tuple[str, ...] = ()
    try:
        found = last_approved_in(
            out, contents.program.spec.metadata.name, _trusted(key), lambda one: not _is_same(one, contents)
        )
        notes = tuple(f"{path.name} was passed over: {why}" for path, why in found.refused)
        return Since(notes=notes) if found.approved is None else _compared(contents, found.approved, notes)
    except (IngotError, OSError) as error:
        why = error.message if isinstance(error, IngotError) else error.strerror
        return Since(notes=(*notes, f"not compared with an approved version: {why}"))


def _trusted(key: SigningKey) -> Trusted:
    return {**trusted_keys(), **trust(key)}


def _is_same(verified: Verified, contents: Contents) -> bool:
    """Whether an artifact holds what the new one will hold but for what it was compared with itself: then it is the same
    version, made again."""
    files = lay_out(contents)[1]
    names = (files.keys() | verified.files.keys()) - _MADE_OF_BOTH
    return all(files.get(name) == verified.files.get(name) for name in names)


def _compared(contents: Contents, previous: Verified, notes: tuple[str, ...]) -> Since:
    try:
        from ingot.compile.compare import difference, version_of
        from ingot.proof.versions import Caged
    except ImportError as error:
        raise SpecError(
            f"two versions cannot be compared without {error.name!r}", hint="pip install 'ingot[compile]'"
        ) from None
    from ingot.stages.execution import warm_sandbox

    found = difference(version_of(previous), Caged(contents.program, warm_sandbox(), contents.extra.get(PROMPTS)))
    files, manifest = lay_out(contents)[1], previous.manifest
    evidence = {
        "from": {"name": manifest.name, "version": manifest.version, "digest": previous.digest},
        "sentence": found.sentence(),
        "outcomes": found.to_json(),
        "texts": [name for name in TEXTS if files[name] != previous.files[name]],
    }
    approvers = ", ".join(one.name for one in previous.approvals)
    by = f"approved by {approvers}" if approvers else "approved by nobody whose key is trusted here"
    return Since(f"{manifest.name} {manifest.version} ({previous.digest[:12]}), {by}", evidence, notes)
