"""Keys are private, made once, refused where others could read them; envelopes follow the DSSE specification."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ingot.artifact import dsse
from ingot.artifact.sign import (
    SigningKey,
    is_signed,
    key_id,
    make_key,
    own_key,
    public_pem,
    read_key,
    read_public,
    trust,
    trusted_keys,
)
from ingot.errors import SigningError


def env_of(folder: Path, **more: str) -> dict[str, str]:
    return {"XDG_CONFIG_HOME": str(folder), **more}


def test_pae_is_that_of_the_specification() -> None:
    expected = b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    assert dsse.pae("http://example.com/HelloWorld", b"hello world") == expected


def test_pae_counts_bytes_not_characters() -> None:
    assert dsse.pae("é", b"") == b"DSSEv1 2 \xc3\xa9 0 "


def test_openssl_agrees_with_the_signature(tmp_path: Path, key: SigningKey) -> None:
    envelope = dsse.seal(b"{}", key)
    (tmp_path / "key.pub").write_bytes(public_pem(key.public))
    (tmp_path / "message").write_bytes(dsse.pae(dsse.PAYLOAD_TYPE, b"{}"))
    (tmp_path / "sig").write_bytes(envelope.signatures[0].signature)
    command = "openssl pkeyutl -verify -rawin -pubin -inkey key.pub -in message -sigfile sig"
    done = subprocess.run(command.split(), check=False, cwd=tmp_path, capture_output=True, text=True)
    assert "Verified Successfully" in done.stdout


def test_first_use_makes_a_private_key_and_later_uses_find_it(tmp_path: Path) -> None:
    env = env_of(tmp_path)
    key = own_key(env)
    folder = tmp_path / "ingot" / "keys"
    assert own_key(env).id == key.id == key_id(key.public)
    assert (folder / "signing.pem").stat().st_mode & 0o777 == 0o600
    assert folder.stat().st_mode & 0o777 == 0o700
    assert read_public(folder / "signing.pub") == key.public
    assert sorted(os.listdir(folder)) == ["signing.pem", "signing.pub"]
    assert b"PRIVATE" not in repr(key).encode()


def test_a_home_without_xdg_and_a_relative_xdg(tmp_path: Path) -> None:
    own_key({"HOME": str(tmp_path), "XDG_CONFIG_HOME": "relative"})
    assert (tmp_path / ".config" / "ingot" / "keys" / "signing.pem").is_file()
    with pytest.raises(SigningError, match="neither HOME nor XDG_CONFIG_HOME"):
        own_key({})


def test_a_key_can_be_made_in_an_open_folder_and_is_private_there(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    make_key(tmp_path / "approver.pem")
    assert (tmp_path / "approver.pem").stat().st_mode & 0o777 == 0o600


def test_two_processes_make_one_key(tmp_path: Path) -> None:
    code = "from ingot.artifact.sign import own_key; print(own_key().id)"
    env = {**os.environ, **env_of(tmp_path)}
    processes = [subprocess.Popen([sys.executable, "-c", code], env=env, stdout=subprocess.PIPE) for _ in range(3)]
    ids = {process.communicate(timeout=60)[0] for process in processes}
    assert len(ids) == 1
    assert read_public(tmp_path / "ingot/keys/signing.pub") == own_key(env_of(tmp_path)).public


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o620])
def test_a_key_that_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    env = env_of(tmp_path)
    own_key(env)
    path = tmp_path / "ingot/keys/signing.pem"
    path.chmod(mode)
    with pytest.raises(SigningError, match=f"mode {mode:04o}") as caught:
        own_key(env)
    assert caught.value.hint is not None
    assert "chmod 600" in caught.value.hint


def test_a_folder_that_others_can_enter_is_refused(tmp_path: Path) -> None:
    own_key(env_of(tmp_path))
    (tmp_path / "ingot/keys").chmod(0o755)
    with pytest.raises(SigningError, match="others can enter"):
        own_key(env_of(tmp_path))


def test_a_key_from_the_environment_as_path_and_as_text(tmp_path: Path) -> None:
    key = make_key(tmp_path / "given" / "ci.pem")
    text = (tmp_path / "given" / "ci.pem").read_text()
    assert own_key({"INGOT_SIGNING_KEY": str(tmp_path / "given" / "ci.pem")}).id == key.id
    assert own_key({"INGOT_SIGNING_KEY": text}).id == key.id
    assert trusted_keys((), {"INGOT_SIGNING_KEY": text}) == trust(key)


@pytest.mark.parametrize("kind", ["garbage", "encrypted", "rsa", "missing"])
def test_what_is_no_key_is_one_clear_error_that_quotes_nothing(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "key.pem"
    if kind == "garbage":
        path.write_text("-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n")
    if kind == "encrypted":
        command = f"openssl genpkey -algorithm ed25519 -aes256 -pass pass:x -out {path}"
        subprocess.run(command.split(), check=True, capture_output=True)
    if kind == "rsa":
        command = f"openssl genpkey -algorithm rsa -pkeyopt rsa_keygen_bits:1024 -out {path}"
        subprocess.run(command.split(), check=True, capture_output=True)
    if kind != "missing":
        path.chmod(0o600)
    words = {"rsa": "not Ed25519", "missing": "cannot read the signing key"}.get(kind, "not a PEM private key")
    with pytest.raises(SigningError, match=words) as caught:
        read_key(path)
    assert "c2VjcmV0" not in str(caught.value)


def test_trusted_keys_come_from_every_place(tmp_path: Path, key: SigningKey, other_key: SigningKey) -> None:
    mine = own_key(env_of(tmp_path))
    (tmp_path / "ingot/trusted").mkdir()
    (tmp_path / "ingot/trusted/colleague.pub").write_bytes(public_pem(key.public))
    (tmp_path / "named.pub").write_bytes(public_pem(other_key.public))
    third = make_key(tmp_path / "third/k.pem")
    env = env_of(tmp_path, INGOT_TRUSTED_KEYS=str(tmp_path / "named.pub"))
    assert trusted_keys([tmp_path / "third"], env) == trust(mine, key, other_key, third)


def test_a_folder_of_keys_that_anyone_can_add_to_is_no_trust(tmp_path: Path, key: SigningKey) -> None:
    folder = tmp_path / "shared"
    folder.mkdir()
    (folder / "eve.pub").write_bytes(public_pem(key.public))
    folder.chmod(0o777)
    with pytest.raises(SigningError, match="anyone can put a trusted key"):
        trusted_keys([folder], env_of(tmp_path))
    unread: list[SigningError] = []
    assert trusted_keys([folder], env_of(tmp_path), unread) == {}
    assert [error.place for error in unread] == [str(folder)]
    folder.chmod(0o1777)  # as a mounted secret has it
    assert trusted_keys([folder], env_of(tmp_path)) == trust(key)
    if os.geteuid() == 0:
        os.chown(folder / "eve.pub", 4321, 4321)
        with pytest.raises(SigningError, match="anyone can put a trusted key"):
            trusted_keys([folder], env_of(tmp_path))


def test_trust_is_empty_where_nothing_was_put(tmp_path: Path) -> None:
    assert trusted_keys((), env_of(tmp_path)) == {}
    assert trusted_keys((), {}) == {}
    assert os.listdir(tmp_path) == []  # looking does not make a key


@pytest.mark.parametrize(("content", "mode", "words"), [
    (b"not a key", 0o644, "not an Ed25519 public key"),
    (None, 0o666, "anyone can change"),
])  # fmt: skip
def test_a_bad_trusted_key_is_refused(
    tmp_path: Path, key: SigningKey, content: bytes | None, mode: int, words: str
) -> None:
    path = tmp_path / "a.pub"
    path.write_bytes(content or public_pem(key.public))
    path.chmod(mode)
    with pytest.raises(SigningError, match=words):
        trusted_keys([path], {})
    with pytest.raises(SigningError, match="cannot read the trusted key"):
        trusted_keys([tmp_path / "absent.pub"], {})


def test_signatures_are_over_type_and_payload(key: SigningKey, other_key: SigningKey) -> None:
    signature = key.sign(b"message")
    assert is_signed(key.public, signature, b"message")
    assert not is_signed(key.public, signature, b"messagf")
    assert not is_signed(other_key.public, signature, b"message")
    assert not is_signed(key.public, b"short", b"message")


@pytest.mark.parametrize(
    "spoil",
    [
        lambda line: line.replace(b'"keyid"', b' "keyid"'),
        lambda line: line.replace(b"application/vnd.in-toto+json", b"text/plain"),
        lambda line: line.replace(b'"signatures":[', b'"signatures":[],"more":['),
        lambda line: b"[]\n",
        lambda line: b"[" * 100_000,
        lambda line: line.rstrip(b"\n"),
        lambda line: line.replace(b'"payload":"e30="', b'"payload":"e31="'),
        lambda line: line.replace(b'"payload":"e30="', b'"payload":"!"'),
        lambda line: line.replace(b'"payload":"e30="', b'"payload":7'),
    ],
)
def test_an_envelope_has_one_spelling(key: SigningKey, spoil: object) -> None:
    line = dsse.seal(b"{}", key).to_line()
    assert dsse.read_envelope(line).to_line() == line
    with pytest.raises(ValueError):
        dsse.read_envelope(spoil(line))  # type: ignore[operator]
