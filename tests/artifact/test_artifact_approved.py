"""Which version was approved last, and what an approval says that it was shown."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ingot.artifact.approve import approve
from ingot.artifact.approved import last_approved
from ingot.artifact.dsse import seal
from ingot.artifact.manifest import ATTESTATION
from ingot.artifact.sign import SigningKey, trust
from ingot.artifact.statement import Approval, Shown, approval_statement, read_approval
from ingot.artifact.verify import verify
from ingot.artifact.write import Contents, write_artifact
from ingot.compile.assemble import assemble
from ingot.errors import ArtifactError

MORNING, NOON = datetime(2026, 3, 1, 9, tzinfo=UTC), datetime(2026, 3, 1, 12, tzinfo=UTC)
SHOWN = Shown("a" * 64, "b" * 64)


def version(contents: Contents, out: Path, key: SigningKey, comment: str) -> Path:
    program = contents.program
    return write_artifact(out, replace(contents, program=assemble(program.spec, program.logic + f"# {comment}\n")), key)


def test_an_approval_says_what_it_was_shown(artifact: Path, key: SigningKey, other_key: SigningKey) -> None:
    both = trust(key, other_key)
    approve(artifact, other_key, "Ada", at=NOON, trusted=both, shown=SHOWN, digest=verify(artifact, both).digest)
    assert verify(artifact, both).approvals[0].shown == SHOWN


def test_an_approval_of_before_stays_what_it_was(artifact: Path, key: SigningKey, other_key: SigningKey) -> None:
    both = trust(key, other_key)
    approve(artifact, other_key, "Ada", at=NOON, trusted=both)
    assert b"urn:ingot:approval:v1" in approval_statement("c" * 64, Approval("Ada", other_key.id, "now"))
    assert verify(artifact, both).approvals[0].shown is None


@pytest.mark.parametrize("raw", [Shown("a" * 63, "b" * 64), Shown(None, "B" * 64), Shown(None, "")])
def test_what_was_shown_is_named_by_digests(artifact: Path, key: SigningKey, other_key: SigningKey, raw: Shown) -> None:
    both = trust(key, other_key)
    digest = verify(artifact, both).digest
    line = seal(approval_statement(digest, Approval("Ada", other_key.id, "now", shown=raw)), other_key).to_line()
    path = artifact / ATTESTATION
    path.write_bytes(path.read_bytes() + line)
    with pytest.raises(ArtifactError, match="not named by SHA-256 digests"):
        verify(artifact, both)


def test_version_one_cannot_carry_what_version_two_says() -> None:
    payload = approval_statement("c" * 64, Approval("Ada", "d" * 64, "now", shown=SHOWN))
    with pytest.raises(ValueError, match="has not exactly"):
        read_approval(payload.replace(b"approval:v2", b"approval:v1"))


def test_another_artifact_in_its_place_is_not_approved(artifact: Path, key: SigningKey, other_key: SigningKey) -> None:
    before = (artifact / ATTESTATION).read_bytes()
    with pytest.raises(ArtifactError, match="was shown"):
        approve(artifact, other_key, "Ada", at=NOON, trusted=trust(key), shown=SHOWN, digest="e" * 64)
    assert (artifact / ATTESTATION).read_bytes() == before


def test_the_latest_approved_version_is_found(
    tmp_path: Path, contents: Contents, key: SigningKey, other_key: SigningKey
) -> None:
    both, out = trust(key, other_key), tmp_path / "out"
    first, second, third, new = (version(contents, out, key, word) for word in ("one", "two", "three", "new"))
    assert last_approved(verify(new, both), both).approved is None
    approve(first, other_key, "Ada", at=NOON, trusted=both)
    approve(second, other_key, "Ada", at=MORNING, trusted=both)
    found = last_approved(verify(new, both), both)
    assert found.approved is not None
    assert found.approved.digest == verify(first, both).digest, "the latest approval counts, not the latest file"
    assert third.exists()
    assert last_approved(verify(new, both), trust(key)).approved is None, (
        "an approver who is not trusted does not count"
    )


def test_a_tampered_sibling_is_not_what_was_approved(
    tmp_path: Path, contents: Contents, key: SigningKey, other_key: SigningKey
) -> None:
    both, out = trust(key, other_key), tmp_path / "out"
    first, second, new = (version(contents, out, key, word) for word in ("one", "two", "new"))
    approve(first, other_key, "Ada", at=MORNING, trusted=both)
    approve(second, other_key, "Ada", at=NOON, trusted=both)
    logic = second / "logic.py"
    logic.write_bytes(logic.read_bytes().replace(b"0.02", b"0.03"))
    found = last_approved(verify(new, both), both)
    assert found.approved is not None
    assert found.approved.path == first
    assert [path for path, _ in found.refused] == [second]
    shutil.rmtree(first)
    assert last_approved(verify(new, both), both).approved is None
