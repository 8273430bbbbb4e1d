"""The version that was approved last: what a new one is compared with before it is approved."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ingot.artifact.manifest import MANIFEST
from ingot.artifact.sign import Trusted
from ingot.artifact.verify import Verified, verify
from ingot.errors import ArtifactError

MOST_SIBLINGS = 500


@dataclass(frozen=True, slots=True)
class Found:
    """The approved version, None where there is none, and what was passed over because it does not verify."""

    approved: Verified | None
    refused: tuple[tuple[Path, str], ...]


def last_approved(artifact: Verified, trusted: Trusted) -> Found:
    """The latest approved version of the same workflow in the artifact's folder.

    It verifies, a trusted key that is not its author's has approved it, and of several it is the one whose latest
    approval states the latest time. What does not verify is passed over and named. Raises ArtifactError where the
    folder holds too many artifacts to look at.
    """
    found: list[tuple[str, str, Verified]] = []
    refused: list[tuple[Path, str]] = []
    for path in _siblings(artifact.path):
        try:
            one = verify(path, trusted)
        except ArtifactError as error:
            refused.append((path, error.message))
            continue
        if one.manifest.name == artifact.manifest.name and one.digest != artifact.digest and one.approvals:
            found.append((max(approval.at for approval in one.approvals), one.digest, one))
    return Found(max(found, key=lambda one: one[:2])[2] if found else None, tuple(refused))


def _siblings(path: Path) -> list[Path]:
    whole = path.absolute()
    folders = sorted(one for one in whole.parent.iterdir() if one != whole and (one / MANIFEST).is_file())
    if len(folders) > MOST_SIBLINGS:
        raise ArtifactError(
            f"{len(folders)} artifacts stand beside this one, more than are looked at",
            place=str(whole.parent),
            hint="name the approved version: --against ARTIFACT",
        )
    return [one for one in folders if not one.name.startswith(".")]
