"""The version that was approved last: what a new one is compared with before it is approved."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from ingot.artifact.manifest import ATTESTATION, MANIFEST
from ingot.artifact.sign import Trusted
from ingot.artifact.verify import Verified, verify
from ingot.errors import ArtifactError

MOST_SIBLINGS = 500


@dataclass(frozen=True, slots=True)
class Found:
    """The approved version, None where there is none, and what was passed over because it does not verify."""

    approved: Verified | None
    refused: tuple[tuple[Path, str], ...]


def last_approved_in(
    folder: Path, name: str, trusted: Trusted, is_other: Callable[[Verified], bool] = lambda _: True
) -> Found:
    """The latest approved version of the workflow `name` in a folder, of those that are another than the one at hand.

    Only what says of itself that it is approved and of this name is looked at. Raises ArtifactError where the folder holds
    too many artifacts to look at.
    """
    if not folder.is_dir():
        return Found(None, ())
    claiming = [path for path in _artifacts(folder.absolute()) if _claims(path, name)]
    found, refused = _approved(claiming, trusted)
    return Found(_latest(one for one in found if one.manifest.name == name and is_other(one)), tuple(refused))


def _claims(path: Path, name: str) -> bool:
    try:
        manifest = json.loads((path / MANIFEST).read_bytes())
        signed = (path / ATTESTATION).read_bytes().count(b"\n")
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(manifest, dict) and manifest.get("name") == name and signed > 1


def last_approved(artifact: Verified, trusted: Trusted) -> Found:
    """The latest approved version of the same workflow in the artifact's folder.

    It verifies, a trusted key that is not its author's has approved it, and of several it is the one whose latest
    approval states the latest time. What does not verify is passed over and named. Raises ArtifactError where the
    folder holds too many artifacts to look at.
    """
    whole = artifact.path.absolute()
    found, refused = _approved([one for one in _artifacts(whole.parent) if one != whole], trusted)
    others = (one for one in found if one.manifest.name == artifact.manifest.name and one.digest != artifact.digest)
    return Found(_latest(others), tuple(refused))


def _approved(paths: Iterable[Path], trusted: Trusted) -> tuple[list[Verified], list[tuple[Path, str]]]:
    """Those that verify and have an approval that counts, and those that do not verify, with the reason."""
    found: list[Verified] = []
    refused: list[tuple[Path, str]] = []
    for path in paths:
        try:
            one = verify(path, trusted)
        except ArtifactError as error:
            refused.append((path, error.message))
            continue
        found += [one] if one.approvals else []
    return found, refused


def _latest(found: Iterable[Verified]) -> Verified | None:
    return max(found, key=lambda one: (max(each.at for each in one.approvals), one.digest), default=None)


def _artifacts(folder: Path) -> list[Path]:
    folders = sorted(one for one in folder.iterdir() if (one / MANIFEST).is_file() and not one.name.startswith("."))
    if len(folders) > MOST_SIBLINGS:
        raise ArtifactError(
            f"{len(folders)} artifacts stand beside this one, more than are looked at",
            place=str(folder),
            hint="name the approved version: --against ARTIFACT",
        )
    return folders
