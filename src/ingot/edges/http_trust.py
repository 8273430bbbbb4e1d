"""Whom a server trusts now: keys and approvals that are taken back while it runs count no more."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from ingot.artifact.manifest import ATTESTATION, MANIFEST
from ingot.artifact.read import Tree
from ingot.artifact.sign import Trusted, config_folder, trusted_keys
from ingot.artifact.verify import Bundle, Verified, approvals_hold, signed_by_trusted_key
from ingot.canonical import digest
from ingot.errors import IngotError, SigningError

KEYS = "INGOT_TRUSTED_KEYS"


def keys_now(named: Sequence[Path]) -> tuple[Trusted, Sequence[SigningError]]:
    """The trusted keys of a server that runs: a file of them that is gone was taken away, and its key with it. So is one
    that cannot be read; why not is said beside the keys. It must not hide what was taken away elsewhere."""
    unread: list[SigningError] = []
    there = [one for one in _variable() if os.path.lexists(one)]
    own = {**os.environ, KEYS: os.pathsep.join(there)}
    return trusted_keys([one for one in named if os.path.lexists(one)], own, unread), unread


def key_files(named: Sequence[Path]) -> list[Path]:
    """Every file and folder that says which keys are trusted; they need not be there."""
    places = [*named, *map(Path, _variable())]
    with suppress(SigningError):  # no folder for keys: then there are none in it
        places += [config_folder() / "trusted", config_folder() / "keys" / "signing.pem"]
    inside = [one for place in places if os.path.isdir(place) for one in sorted(place.glob("*.pub"))]
    return [one.resolve() for one in (*places, *inside)]  # of a link it matters where it leads


def still_holds(before: Verified, trusted: Trusted, require_approval: bool) -> bool:
    """Whether an artifact whose folder does not verify any more may be served from memory: the keys that signed and
    approved it are trusted still, and the folder does not say that an approval of it was taken back."""
    bundle = Bundle(before.path, Tree(before.files, frozenset(), ()), trusted, require_approval)
    try:
        signed_by_trusted_key(bundle)
        approvals_hold(bundle)
        return not _taken_back(before)
    except (IngotError, OSError):
        return False


def _taken_back(before: Verified) -> bool:
    """Whether the folder has this very artifact with another attestation, which did not verify."""
    manifest, attested = before.path / MANIFEST, before.path / ATTESTATION
    if not manifest.is_file() or digest(manifest.read_bytes()) != before.digest:
        return False
    return not attested.is_file() or attested.read_bytes() != before.files[ATTESTATION]


def _variable() -> list[str]:
    return [one for one in os.environ.get(KEYS, "").split(os.pathsep) if one]
