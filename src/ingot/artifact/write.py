"""A new artifact on disk: whole under its final name, or not there at all."""

from __future__ import annotations

import os
import secrets
import shutil
import time
from collections.abc import Mapping
from pathlib import Path

from ingot.artifact.dsse import seal
from ingot.artifact.durable import sync_folder, write_new
from ingot.artifact.layout import Contents, lay_out
from ingot.artifact.manifest import ATTESTATION, MANIFEST, folder_name
from ingot.artifact.sign import SigningKey, trust
from ingot.artifact.statement import compile_statement
from ingot.artifact.verify import verify
from ingot.canonical import digest
from ingot.errors import ArtifactError
from ingot.hold import lock_folder, take, wait_for

__all__ = ["Contents", "write_artifact"]

_PREFIX, _SUFFIX = ".ingot-", ".tmp"
_STALE_SECONDS = 600


def write_artifact(out: Path, contents: Contents, key: SigningKey) -> Path:
    """Write the signed artifact into ``out/<name>-<version>-<digest>/`` and return that path.

    The directory appears in one step, after it has been verified where it was written. Where the same artifact is
    already there, with a signature of `key`, it is kept with its approvals. Raises ArtifactError, leaving nothing
    behind, where the contents are not whole or the disk does not take them.
    """
    manifest, listed = lay_out(contents)
    content = manifest.to_bytes()
    envelope = seal(compile_statement(manifest, listed), key)
    files = {**listed, MANIFEST: content, ATTESTATION: envelope.to_line()}
    final = out / folder_name(manifest.name, manifest.version, digest(content))
    try:
        out.mkdir(parents=True, exist_ok=True)
        _sweep(out)
        if os.path.lexists(final):
            return _keep(final, key)
        return _place(out, final, files, key)
    except OSError as error:
        raise ArtifactError(
            f"cannot write the artifact: {error.strerror}",
            place=str(error.filename or final),
            hint="nothing was left behind; free some space or choose another folder, and compile again",
        ) from error


def _place(out: Path, final: Path, files: Mapping[str, bytes], key: SigningKey) -> Path:
    """Write beside the final place, verify, rename. Whatever interrupts this, the temporary folder goes."""
    temporary = out / f"{_PREFIX}{secrets.token_hex(8)}{_SUFFIX}"
    try:
        temporary.mkdir()
        with lock_folder(temporary) as lock:
            wait_for(lock)  # tells _sweep that a living process writes here
            return _filled(temporary, out, final, files, key)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _filled(temporary: Path, out: Path, final: Path, files: Mapping[str, bytes], key: SigningKey) -> Path:
    _fill(temporary, files)
    verify(temporary, trust(key))
    try:
        temporary.rename(final)
    except OSError:
        if not os.path.lexists(final):
            raise
        return _keep(final, key)  # another process wrote the same artifact first
    sync_folder(out)
    return final


def _fill(folder: Path, files: Mapping[str, bytes]) -> None:
    folders = {folder}
    for path, content in files.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        write_new(target, content)
        folders.add(target.parent)
    for one in folders:
        sync_folder(one)


def _keep(final: Path, key: SigningKey) -> Path:
    """The artifact that is already there, if it is what would have been written."""
    try:
        verify(final, trust(key))
    except ArtifactError as refusal:
        raise ArtifactError(
            f"the place is taken by something that does not verify with this key ({refusal.message})",
            place=str(final),
            hint="move it away, or write into another folder",
        ) from refusal
    return final


def _sweep(out: Path) -> None:
    """Remove what killed processes left: temporary folders that nobody holds and that have not changed for long."""
    for folder in out.glob(f"{_PREFIX}*{_SUFFIX}"):
        try:
            if time.time() - folder.lstat().st_mtime < _STALE_SECONDS:
                continue
            with lock_folder(folder) as descriptor:
                if take(descriptor):
                    shutil.rmtree(folder, ignore_errors=True)
        except OSError:  # gone meanwhile, or not ours to remove: it does no harm where it is
            continue
