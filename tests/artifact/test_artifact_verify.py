"""One altered artifact, or more, per verification step: each is refused, at that step, in words that name the file."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from late_fee import DIFFERENCE, LOGIC, make_contents

from ingot.artifact import dsse, read
from ingot.artifact.approve import approve
from ingot.artifact.manifest import ATTESTATION, MANIFEST
from ingot.artifact.sign import SigningKey, make_key, trust
from ingot.artifact.statement import DIFFERENCE as DIFFERENCE_PATH
from ingot.artifact.statement import Approval, approval_statement
from ingot.artifact.verify import STEPS, verify
from ingot.artifact.write import Contents, write_artifact
from ingot.canonical import canonical_json, digest, readable_json
from ingot.errors import ArtifactError, SigningError

NOON = datetime(2025, 6, 2, 12, 0, tzinfo=UTC)


def refusal(path: Path, key: SigningKey, **options: Any) -> ArtifactError:
    with pytest.raises(ArtifactError) as caught:
        verify(path, trust(key), **options)
    error = caught.value
    assert error.step is not None
    assert error.message.startswith(f"refused at step {error.step} ({STEPS[error.step - 1].name}): ")
    assert error.place, "a refusal names the place"
    assert error.hint, "a refusal says what to do"
    return error


def test_a_fresh_artifact_passes_every_step(artifact: Path, key: SigningKey) -> None:
    verified = verify(artifact, trust(key))
    assert [one.number for one in verified.steps] == list(range(1, len(STEPS) + 1))
    assert all(one.passed and one.detail for one in verified.steps)
    assert verified.digest == digest((artifact / MANIFEST).read_bytes())
    assert verified.signers == verified.authors == (key.id,)
    assert verified.approvals == ()
    assert verified.files["logic.py"] == LOGIC.encode()
    assert verified.statement["predicateType"] == "urn:ingot:compile:v1"


def test_what_was_verified_is_what_is_handed_on(artifact: Path, key: SigningKey) -> None:
    verified = verify(artifact, trust(key))
    (artifact / "program.py").write_text("import os")
    assert b"import os" not in verified.files["program.py"]


def test_no_byte_of_any_file_can_be_changed(artifact: Path, key: SigningKey) -> None:
    """In each file, three bytes over its length, one at a time."""
    steps: dict[str, set[int | None]] = {}
    for file in sorted(one for one in artifact.rglob("*") if one.is_file()):
        whole = file.read_bytes()
        name = str(file.relative_to(artifact))
        for at in {0, len(whole) // 2, len(whole) - 1}:
            file.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
            error = refusal(artifact, key)
            steps.setdefault(name, set()).add(error.step)
            assert name in f"{error.place}{error.message}" or name == MANIFEST
        file.write_bytes(whole)
    assert len(steps) == 15
    assert steps.pop(MANIFEST) <= {2, 3, 4, 7}
    assert steps.pop(ATTESTATION) <= {5, 6}
    assert set().union(*steps.values()) == {4}


def test_every_byte_of_the_attestation_counts(artifact: Path, key: SigningKey) -> None:
    file = artifact / ATTESTATION
    whole = file.read_bytes()
    for at in range(0, len(whole), 7):
        file.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        assert refusal(artifact, key).step in (5, 6)


# ---- step 1: a plain directory -----------------------------------------------------------------------------------


def link_directory(path: Path) -> Path:
    link = path.parent / "latest"
    link.symlink_to(path)
    return link


def link_file(path: Path) -> Path:
    shutil.move(path / "logic.py", path.parent / "elsewhere.py")
    (path / "logic.py").symlink_to(path.parent / "elsewhere.py")
    return path


def link_folder(path: Path) -> Path:
    shutil.move(path / "cases", path.parent / "elsewhere")
    (path / "cases").symlink_to(path.parent / "elsewhere")
    return path


def pipe(path: Path) -> Path:
    (path / "logic.py").unlink()
    os.mkfifo(path / "logic.py")
    return path


def absent(path: Path) -> Path:
    return path / "not" / "there"


def just_a_file(path: Path) -> Path:
    return path / "logic.py"


def too_large(path: Path) -> Path:
    with (path / "logic.py").open("wb") as file:
        file.truncate(read.LARGEST_FILE + 1)
    return path


def too_many(path: Path) -> Path:
    for number in range(read.MOST_ENTRIES):
        (path / f"{number}.txt").touch()
    return path


def too_deep(path: Path) -> Path:
    (path / "a/b/c/d/e/f/g").mkdir(parents=True)
    return path


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (link_directory, "the artifact is a symbolic link"),
        (link_file, "'logic.py' is a symbolic link"),
        (link_folder, "'cases' is a symbolic link"),
        (pipe, "'logic.py' is not a plain file"),
        (absent, "the artifact cannot be opened: No such file or directory"),
        (just_a_file, "the artifact is not a directory"),
        (too_large, "'logic.py' has more than 16,777,216 bytes"),
        (too_many, "the artifact holds more than"),
        (too_deep, "folders deep"),
    ],
)
def test_step_1_only_a_plain_directory(
    artifact: Path, key: SigningKey, spoil: Callable[[Path], Path], words: str
) -> None:
    error = refusal(spoil(artifact), key)
    assert (error.step, words in error.message) == (1, True), error


# ---- steps 2 to 5: the files as they lie there -------------------------------------------------------------------


def rewrite(path: Path, name: str, change: Callable[[bytes], bytes]) -> None:
    (path / name).write_bytes(change((path / name).read_bytes()))


def edit_manifest(path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    body = json.loads((path / MANIFEST).read_bytes())
    change(body)
    (path / MANIFEST).write_bytes(readable_json(body))


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda path: (path / MANIFEST).unlink(), "'manifest.json' is missing"),
        (lambda path: (path / MANIFEST).write_bytes(b"{"), "the manifest is not JSON"),
        (lambda path: (path / MANIFEST).write_bytes(b"[" * 100_000), "the manifest is not JSON"),
        (lambda path: (path / MANIFEST).write_bytes(b"[]"), "the manifest's format is None"),
        (
            lambda path: edit_manifest(path, lambda m: m.update(format="ingot-artifact/2")),
            "format is 'ingot-artifact/2'",
        ),
        (lambda path: edit_manifest(path, lambda m: m.update(more=1)), "'more' does not fit"),
        (lambda path: edit_manifest(path, lambda m: m.update(spec="x")), "'spec' does not fit"),
        (lambda path: rewrite(path, MANIFEST, lambda text: text + b"\n"), "not in the one form"),
        (
            lambda path: rewrite(path, MANIFEST, lambda t: t.replace(b"{", b'{"name": "other",', 1)),
            "not in the one form",
        ),
    ],
)
def test_step_2_a_manifest_of_a_known_format(
    artifact: Path, key: SigningKey, spoil: Callable[[Path], object], words: str
) -> None:
    spoil(artifact)
    error = refusal(artifact, key)
    assert (error.step, words in error.message) == (2, True), error


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda path: (path / "logic.py").unlink(), "'logic.py' is missing"),
        (lambda path: (path / ATTESTATION).unlink(), "'attestation.intoto.jsonl' is missing"),
        (lambda path: shutil.rmtree(path / "evidence"), "'evidence/findings.sarif' is missing"),
        (lambda path: (path / "sitecustomize.py").touch(), "'sitecustomize.py' is not in the manifest"),
        (lambda path: (path / "modules" / "__pycache__").mkdir(), "'modules/__pycache__' is not in the manifest"),
        (lambda path: edit_manifest(path, lambda m: m["files"].pop("spec.yaml")), "'spec.yaml' is not in the manifest"),
        (lambda path: edit_manifest(path, lambda m: m["files"].update({"../x": "a" * 64})), "'../x' is missing"),
    ],
)
def test_step_3_no_file_missing_and_none_extra(
    artifact: Path, key: SigningKey, spoil: Callable[[Path], object], words: str
) -> None:
    spoil(artifact)
    error = refusal(artifact, key)
    assert (error.step, words in error.message) == (3, True), error


def test_step_3_a_manifest_that_leaves_out_a_needed_file(artifact: Path, key: SigningKey) -> None:
    edit_manifest(artifact, lambda manifest: manifest["files"].pop("spec.yaml"))
    (artifact / "spec.yaml").unlink()
    error = refusal(artifact, key)
    assert error.step == 3
    assert "does not list 'spec.yaml'" in error.message


def test_step_4_a_file_with_other_bytes(artifact: Path, key: SigningKey) -> None:
    rewrite(artifact, "logic.py", lambda text: text.replace(b"0.02", b"0.20"))
    error = refusal(artifact, key)
    assert error.step == 4
    assert "'logic.py' was changed: its SHA-256 is" in error.message
    assert error.place == str(artifact / "logic.py")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "0 envelopes where 1 to 64 belong"),
        (b"hello\n", "not JSON"),
        (b"{}\n", "not a DSSE envelope"),
        (b"\n" * 65, "65 envelopes where 1 to 64 belong"),
        (b"\xff\n", "not JSON"),
    ],
)
def test_step_5_an_attestation_that_is_none(artifact: Path, key: SigningKey, content: bytes, words: str) -> None:
    (artifact / ATTESTATION).write_bytes(content)
    error = refusal(artifact, key)
    assert (error.step, words in error.message) == (5, True), error


def test_step_5_names_the_line(artifact: Path, key: SigningKey) -> None:
    rewrite(artifact, ATTESTATION, lambda text: text + b"more\n")
    assert refusal(artifact, key).place == f"{artifact / ATTESTATION}:2"


# ---- steps 6 and 7: who signed what ------------------------------------------------------------------------------


def test_step_6_without_trusted_keys_nothing_verifies(artifact: Path) -> None:
    with pytest.raises(ArtifactError, match="no key is trusted") as caught:
        verify(artifact, {})
    assert caught.value.step == 6


def test_step_6_an_unknown_key(artifact: Path, key: SigningKey, other_key: SigningKey) -> None:
    error = refusal(artifact, other_key)
    assert error.step == 6
    assert f"signed by '{key.id[:12]}', which is none of the 1 trusted keys" in error.message


def test_step_6_a_signature_under_another_keys_name(artifact: Path, key: SigningKey, other_key: SigningKey) -> None:
    rewrite(artifact, ATTESTATION, lambda text: text.replace(key.id.encode(), other_key.id.encode()))
    error = refusal(artifact, other_key)
    assert error.step == 6
    assert "does not fit what it signs" in error.message


def test_step_7_the_attestation_of_another_artifact(artifact: Path, tmp_path: Path, key: SigningKey) -> None:
    other = write_artifact(tmp_path / "other", make_contents(logic=LOGIC.replace("5.00", "4.00")), key)
    shutil.copy(other / ATTESTATION, artifact / ATTESTATION)
    error = refusal(artifact, key)
    assert error.step == 7
    assert f"this manifest is {verify(other, trust(key)).digest[:12]}" not in error.message
    assert "the signature is for" in error.message


def test_step_7_a_verdict_flipped_and_its_digest_repaired(artifact: Path, key: SigningKey) -> None:
    name = "evidence/verdicts.json"
    rewrite(artifact, name, lambda text: text.replace(b'"passed": true', b'"passed": false', 1))
    edit_manifest(artifact, lambda m: m["files"].update({name: digest((artifact / name).read_bytes())}))
    assert refusal(artifact, key).step == 7


def test_step_7_an_approval_in_place_of_the_compile_statement(artifact: Path, key: SigningKey) -> None:
    found = verify(artifact, trust(key)).digest
    envelope = dsse.seal(approval_statement(found, Approval("Eve", key.id, "2025-06-02T12:00:00Z")), key)
    (artifact / ATTESTATION).write_bytes(envelope.to_line())
    error = refusal(artifact, key)
    assert error.step == 7
    assert "not a 'urn:ingot:compile:v1'" in error.message


# ---- steps 8 to 10: what a trusted signer may not say either -----------------------------------------------------


def resign(path: Path, key: SigningKey, change: Callable[[dict[str, Any]], object]) -> None:
    """Digest and sign again, as the holder of a trusted key could, with a changed statement."""
    body = json.loads((path / MANIFEST).read_bytes())
    body["files"] = {name: digest((path / name).read_bytes()) for name in body["files"]}
    (path / MANIFEST).write_bytes(readable_json(body))
    line = (path / ATTESTATION).read_bytes().splitlines(keepends=True)[0]
    statement = json.loads(dsse.read_envelope(line).payload)
    statement["subject"][0]["digest"]["sha256"] = digest((path / MANIFEST).read_bytes())
    change(statement["predicate"])
    (path / ATTESTATION).write_bytes(dsse.seal(canonical_json(statement), key).to_line())


def test_signing_again_changes_nothing(artifact: Path, key: SigningKey) -> None:
    resign(artifact, key, lambda predicate: None)
    verify(artifact, trust(key))


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("spec.yaml", "'spec.yaml' is not the one that was signed for"),
        ("template.py", "'template.py' is not the one"),
        ("modules/files.py", "'modules/files.py' is not the one"),
        ("cases/held_out.jsonl", "'cases/held_out.jsonl' is not the one"),
    ],
)
def test_step_8_another_material_than_was_signed_for(artifact: Path, key: SigningKey, name: str, words: str) -> None:
    rewrite(artifact, name, lambda text: text + b"\n")
    resign(artifact, key, lambda predicate: None)
    error = refusal(artifact, key)
    assert (error.step, words in error.message) == (8, True), error


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda predicate: predicate.update(spec="0" * 64), "the spec signed for is not that of the manifest"),
        (lambda predicate: predicate.update(cases="0" * 64), "the cases signed for are not those of the files"),
        (lambda predicate: predicate["materials"].append({"name": "x"}), "the signed list of materials"),
        (lambda predicate: predicate.update(materials=7), "is not the one that was signed for"),
    ],
)
def test_step_8_a_statement_about_other_materials(
    artifact: Path, key: SigningKey, change: Callable[[dict[str, Any]], object], words: str
) -> None:
    resign(artifact, key, change)
    error = refusal(artifact, key)
    assert (error.step, words in error.message) == (8, True), error


def test_step_8_the_author_in_the_provenance(artifact: Path, key: SigningKey) -> None:
    rewrite(artifact, "evidence/provenance.json", lambda text: text.replace(b'"kind": "model"', b'"kind": "given"'))
    resign(artifact, key, lambda predicate: None)
    assert "'author' is not the one that was signed for" in refusal(artifact, key).message
    (artifact / "evidence/provenance.json").write_bytes(b"[]\n")
    resign(artifact, key, lambda predicate: None)
    assert "does not say who wrote the candidate" in refusal(artifact, key).message


def changed_since(**other: object) -> bytes:
    return readable_json({**DIFFERENCE, **other})


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (changed_since(**{"from": {**DIFFERENCE["from"], "digest": "e" * 64}}), "'previous version' is not the one"),
        (changed_since(**{"from": {"name": "x"}}), "does not say which version was compared with"),
        (changed_since(**{"from": 7}), "does not say which version was compared with"),
        (changed_since(more=1), "does not say which version was compared with"),
        (b"[]", "does not say which version was compared with"),
        (b"{" * 9_000, "does not say which version was compared with"),
    ],
)
def test_step_8_the_version_compared_with(
    tmp_path: Path, contents: Contents, key: SigningKey, content: bytes, words: str
) -> None:
    artifact = write_artifact(tmp_path / "since", replace(contents, difference=DIFFERENCE), key)
    assert {"name": "previous version", "uri": "urn:ingot:artifact", "digest": {"sha256": "d" * 64}} in verify(
        artifact, trust(key)
    ).statement["predicate"]["materials"]
    rewrite(artifact, DIFFERENCE_PATH, lambda _: content)
    resign(artifact, key, lambda predicate: None)
    error = refusal(artifact, key)
    assert (error.step, words in error.message) == (8, True), error


def test_step_3_a_difference_added_later(artifact: Path, key: SigningKey) -> None:
    (artifact / DIFFERENCE_PATH).write_bytes(changed_since())
    error = refusal(artifact, key)
    assert (error.step, "is not in the manifest" in error.message) == (3, True)


def set_verdicts(path: Path, predicate: dict[str, Any], change: Callable[[list[Any]], object]) -> None:
    change(predicate["verdicts"])
    (path / "evidence/verdicts.json").write_bytes(readable_json(predicate["verdicts"]))


def fail_one(rows: list[Any]) -> None:
    rows[0]["passed"] = False


def with_an_error(rows: list[Any]) -> None:
    rows[0]["findings"] = [{"code": "SEC001", "severity": "error", "message": "eval"}]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (fail_one, "the stage 'security' did not pass"),
        (with_an_error, "the stage 'security' did not pass"),
        (lambda rows: rows[0].pop("findings"), "the stage 'security' did not pass"),
        (lambda rows: rows.pop(), "the stages are ('security', 'syntax', 'execution')"),
        (lambda rows: rows.reverse(), "the stages are ('accuracy', "),
        (lambda rows: rows.__setitem__(0, 7), "the stages are (None, "),
    ],
)
def test_step_9_verdicts_that_did_not_pass(
    artifact: Path, key: SigningKey, change: Callable[[list[Any]], object], words: str
) -> None:
    resign(artifact, key, lambda predicate: set_verdicts(artifact, predicate, change))
    rows = json.loads((artifact / "evidence/verdicts.json").read_bytes())
    resign(artifact, key, lambda predicate: predicate.update(verdicts=rows))
    error = refusal(artifact, key)
    assert (error.step, words in error.message) == (9, True), error


def test_step_9_evidence_that_says_something_else(artifact: Path, key: SigningKey) -> None:
    rewrite(artifact, "evidence/verdicts.json", lambda text: text.replace(b'"compared": 91', b'"compared": 92'))
    resign(artifact, key, lambda predicate: None)
    error = refusal(artifact, key)
    assert error.step == 9
    assert "not those that were signed" in error.message


def test_step_10_a_program_without_its_logic(artifact: Path, key: SigningKey) -> None:
    rewrite(artifact, "program.py", lambda text: text.replace(b"0.02", b"0.20"))
    other = digest((artifact / "program.py").read_bytes())
    edit_manifest(artifact, lambda manifest: manifest["program"].update(digest=other))
    resign(artifact, key, lambda predicate: None)
    assert "not the program that was signed for" in refusal(artifact, key).message
    resign(artifact, key, lambda predicate: predicate.update(program=other))
    error = refusal(artifact, key)
    assert error.step == 10
    assert "does not hold logic.py after line 34" in error.message


@pytest.mark.parametrize("offset", [-1, 0, 33, 10_000])
def test_step_10_logic_at_another_place(artifact: Path, key: SigningKey, offset: int) -> None:
    edit_manifest(artifact, lambda manifest: manifest["program"].update(logic_offset=offset))
    resign(artifact, key, lambda predicate: None)
    assert refusal(artifact, key).step == 10


# ---- step 11: approvals ------------------------------------------------------------------------------------------


def test_step_11_an_approval_is_needed_only_where_asked_for(
    artifact: Path, key: SigningKey, other_key: SigningKey
) -> None:
    both = trust(key, other_key)
    error = refusal(artifact, key, require_approval=True)
    assert error.step == 11
    assert "ingot approve" in str(error.hint)
    before = verify(artifact, both).digest
    given = approve(artifact, other_key, "Ada Approver", at=NOON, trusted=both, note="read in full")
    verified = verify(artifact, both, require_approval=True)
    assert verified.approvals == (given,)
    assert given == Approval("Ada Approver", other_key.id, "2025-06-02T12:00:00Z", "read in full")
    assert verified.digest == before
    assert os.listdir(artifact.parent) == [artifact.name]


def test_step_11_an_approver_who_is_not_trusted_does_not_count(
    artifact: Path, key: SigningKey, other_key: SigningKey
) -> None:
    approve(artifact, other_key, "Ada", at=NOON, trusted=trust(key))
    assert "1 not counted" in verify(artifact, trust(key)).steps[-1].detail
    error = refusal(artifact, key, require_approval=True)
    assert error.step == 11
    assert "(1 by keys that are not trusted)" in error.message


def test_an_author_cannot_approve(artifact: Path, key: SigningKey) -> None:
    before = (artifact / ATTESTATION).read_bytes()
    with pytest.raises(SigningError, match="an author cannot approve"):
        approve(artifact, key, "The Author", at=NOON, trusted=trust(key))
    assert (artifact / ATTESTATION).read_bytes() == before


def append(path: Path, approval: Approval, signer: SigningKey, artifact_digest: str) -> None:
    line = dsse.seal(approval_statement(artifact_digest, approval), signer).to_line()
    rewrite(path, ATTESTATION, lambda text: text + line)


def test_step_11_an_approval_by_the_author_is_refused_on_loading_too(artifact: Path, key: SigningKey) -> None:
    append(artifact, Approval("Me", key.id, "2025-06-02T12:00:00Z"), key, verify(artifact, trust(key)).digest)
    error = refusal(artifact, key)
    assert error.step == 11
    assert "'Me' approved with the author's own key" in error.message


def test_step_11_approvals_of_something_else(
    artifact: Path, key: SigningKey, other_key: SigningKey, tmp_path: Path
) -> None:
    found = verify(artifact, trust(key)).digest
    whole = (artifact / ATTESTATION).read_bytes()
    mine = Approval("Ada", other_key.id, "2025-06-02T12:00:00Z")
    third = make_key(tmp_path / "third" / "k.pem")
    for approval, signer, subject, words in (
        (mine, other_key, "0" * 64, "'Ada' approved another artifact"),
        (mine, third, found, "the approval of 'Ada' names another key"),
    ):
        append(artifact, approval, signer, subject)
        error = refusal(artifact, key)
        assert (error.step, words in error.message) == (11, True), error
        assert error.place == f"{artifact / ATTESTATION}:2"
        (artifact / ATTESTATION).write_bytes(whole)
    append(artifact, mine, other_key, found)
    append(artifact, replace(mine, name="Ada again"), other_key, found)
    assert "'Ada again' approved twice" in refusal(artifact, key).message


def test_step_11_an_approval_that_is_nested_without_end(artifact: Path, key: SigningKey, other_key: SigningKey) -> None:
    found = verify(artifact, trust(key)).digest
    approval = Approval("Ada", other_key.id, "2025-06-02T12:00:00Z")
    payload = approval_statement(found, approval).replace(b'"note":""', b'"note":' + b"[" * 700 + b"]" * 700)
    rewrite(artifact, ATTESTATION, lambda text: text + dsse.seal(payload, other_key).to_line())
    error = refusal(artifact, key)
    assert (error.step, "nested too deeply" in error.message) == (11, True)


def test_step_11_a_changed_approval(artifact: Path, key: SigningKey, other_key: SigningKey) -> None:
    both = trust(key, other_key)
    approve(artifact, other_key, "Ada", at=NOON, trusted=both)
    first, second = (artifact / ATTESTATION).read_bytes().splitlines(keepends=True)
    envelope = dsse.read_envelope(second)
    forged = replace(envelope, payload=envelope.payload.replace(b'"Ada"', b'"Bob"'))
    (artifact / ATTESTATION).write_bytes(first + forged.to_line())
    with pytest.raises(ArtifactError, match="does not fit what it signs") as caught:
        verify(artifact, both)
    assert caught.value.step == 11
    (artifact / ATTESTATION).write_bytes(second + first)  # an approval does not become the compile statement
    with pytest.raises(ArtifactError) as caught:
        verify(artifact, both)
    assert caught.value.step == 7


@pytest.mark.parametrize("name", ["", "  ", "a\nb", "x" * 201])
def test_an_approver_has_a_name(artifact: Path, key: SigningKey, other_key: SigningKey, name: str) -> None:
    with pytest.raises(SigningError, match="cannot be an approver's name"):
        approve(artifact, other_key, name, at=NOON, trusted=trust(key))


@pytest.mark.parametrize("note", ["\udcff", "x" * 10_001])
def test_a_note_that_cannot_be_kept_changes_nothing(
    artifact: Path, key: SigningKey, other_key: SigningKey, note: str
) -> None:
    before = (artifact / ATTESTATION).read_bytes()
    with pytest.raises(SigningError, match="note"):
        approve(artifact, other_key, "Ada", at=NOON, trusted=trust(key), note=note)
    assert (artifact / ATTESTATION).read_bytes() == before


def test_an_approval_more_than_are_read_does_not_spoil_the_artifact(
    artifact: Path, key: SigningKey, other_key: SigningKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingot.artifact.approve.MOST_ENVELOPES", 1)
    with pytest.raises(ArtifactError, match="no more are read"):
        approve(artifact, other_key, "Ada", at=NOON, trusted=trust(key))
    verify(artifact, trust(key))


def test_approving_twice_and_approving_what_does_not_verify(
    artifact: Path, key: SigningKey, other_key: SigningKey
) -> None:
    approve(artifact, other_key, "Ada", at=NOON, trusted=trust(key))
    with pytest.raises(SigningError, match="has approved this artifact already"):
        approve(artifact, other_key, "Ada", at=NOON, trusted=trust(key))
    rewrite(artifact, "spec.yaml", lambda text: text + b"#")
    with pytest.raises(ArtifactError, match="step 4"):
        approve(artifact, make_key(artifact.parent.parent / "k" / "k.pem"), "Eve", at=NOON, trusted=trust(key))


def test_a_small_artifact_verifies_in_well_under_ten_milliseconds(artifact: Path, key: SigningKey) -> None:
    import time

    trusted = trust(key)
    verify(artifact, trusted)
    seconds = []
    for _ in range(10):
        started = time.perf_counter()
        verify(artifact, trusted)
        seconds.append(time.perf_counter() - started)
    assert min(seconds) < 0.010


def test_step_5_a_signature_added_to_the_authors(artifact: Path, key: SigningKey, other_key: SigningKey) -> None:
    """No signature covers another: one more could be added, or taken away, and nobody would see it."""
    path = artifact / ATTESTATION
    envelope = dsse.read_envelope(path.read_bytes())
    more = dsse.KeySignature(other_key.id, b"anything")
    path.write_bytes(replace(envelope, signatures=(*envelope.signatures, more)).to_line())
    error = refusal(artifact, key)
    assert error.step == 5
    assert "one signature" in error.message
