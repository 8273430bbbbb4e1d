"""A second person's signature under an artifact."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from ingot.artifact.dsse import seal
from ingot.artifact.durable import locked, replace_file
from ingot.artifact.manifest import ATTESTATION
from ingot.artifact.sign import SigningKey, Trusted, trust
from ingot.artifact.statement import Approval, Shown, approval_statement, utc_text
from ingot.artifact.verify import MOST_ENVELOPES, Verified, verify
from ingot.errors import ArtifactError, SigningError
from ingot.names import LONGEST_PERSON, is_persons_name

LONGEST_NOTE = 10_000


def approve(
    path: Path,
    key: SigningKey,
    name: str,
    *,
    at: datetime,
    trusted: Trusted,
    note: str = "",
    shown: Shown | None = None,
    digest: str | None = None,
) -> Approval:
    """Add an approval by `name`, signed with `key`, to the artifact at `path`.

    The artifact is verified first with `trusted`, which must hold its author's key. `at` is the caller's time, with
    its zone. `shown` is the difference that the approver saw, and `digest` the artifact that they saw: another one
    that has come into its place is refused. Raises ArtifactError where the artifact is refused or cannot be written,
    SigningError where the key is the author's own or has approved before.
    """
    approval = Approval(_name(name), key.id, utc_text(at), _note(note), shown)
    folder = path.absolute().parent
    try:
        with locked(folder):
            verified = may_approve(path, key, name, trusted)
            if verified.files[ATTESTATION].count(b"\n") >= MOST_ENVELOPES:
                raise ArtifactError(
                    f"the artifact has {MOST_ENVELOPES - 1} approvals, and no more are read", place=str(path)
                )
            if digest not in (None, verified.digest):
                raise ArtifactError(
                    f"the artifact is {verified.digest[:12]}… now, and {str(digest)[:12]}… was shown",
                    place=str(path),
                    hint="look at it again, and approve again",
                )
            line = seal(approval_statement(verified.digest, approval), key).to_line()
            content = verified.files[ATTESTATION] + line
            # the temporary file stands outside: inside, a verification at this moment would find one file too many
            replace_file(path / ATTESTATION, content, beside=folder)
    except OSError as error:
        raise ArtifactError(
            f"cannot write the approval: {error.strerror}",
            place=str(error.filename or path),
            hint="the artifact is unchanged; make its folder writable and approve again",
        ) from error
    return approval


def may_approve(path: Path, key: SigningKey, name: str, trusted: Trusted) -> Verified:
    """The artifact at `path`, verified, where this key may approve it. Raises as `approve` does."""
    _name(name)
    verified = verify(path, {**trusted, **trust(key)})
    _refuse_second_hat(path, key, verified.authors, verified.approvals)
    return verified


def _name(name: str) -> str:
    if not is_persons_name(name):
        raise SigningError(f"{name[:LONGEST_PERSON]!r} cannot be an approver's name", hint="give a person's name")
    return name.strip()


def _note(note: str) -> str:
    try:
        note.encode()
    except UnicodeEncodeError:
        raise SigningError("the note holds half of a surrogate pair", hint="give it as UTF-8") from None
    if len(note) > LONGEST_NOTE:
        raise SigningError(f"a note has at most {LONGEST_NOTE:,} characters, this one {len(note):,}")
    return note


def _refuse_second_hat(path: Path, key: SigningKey, authors: tuple[str, ...], approvals: tuple[Approval, ...]) -> None:
    if key.id in authors:
        raise SigningError(
            f"key {key.id[:12]!r} signed this artifact as its author; an author cannot approve",
            place=str(path),
            hint="let another person approve with a key of their own",
        )
    if any(one.key == key.id for one in approvals):
        raise SigningError(f"key {key.id[:12]!r} has approved this artifact already", place=str(path))
