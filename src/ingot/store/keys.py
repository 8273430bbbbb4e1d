"""The store's secret: 32 bytes from which every key that the store uses is derived.

It is INGOT_STORE_KEY (base64, or the path of a file that holds it), or ``keys/store.key`` in the user's configuration
folder, made on first use with mode 0600. Machines that share a store share its secret. Whoever loses it keeps the log
and its chain, but the sealed values in it are gone for good.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from ingot.errors import SigningError, StoreError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

SECRET_BYTES, NONCE_BYTES = 32, 12


class StoreKey:
    """What the secret is good for. It has no text form here: it cannot reach a log."""

    __slots__ = ("_chain", "_cipher", "_inputs", "check")

    def __init__(self, secret: bytes) -> None:
        if len(secret) != SECRET_BYTES:
            raise StoreError(f"a store's secret has {SECRET_BYTES} bytes, this one {len(secret)}")
        self._inputs = _derived(secret, b"input digests")
        self._chain = _derived(secret, b"audit stamps")
        self._cipher = _cipher(_derived(secret, b"sealed values"))
        self.check = _derived(secret, b"which secret").hex()[:32]

    def input_digest(self, content: bytes) -> str:
        """Hex keyed BLAKE2b (RFC 7693, 32 bytes) of an input's bytes: equal inputs can be found, none can be guessed."""
        return hashlib.blake2b(content, key=self._inputs, digest_size=32).hexdigest()

    def stamp(self, content: bytes) -> str:
        """Hex HMAC-SHA256 of a segment's hash: who has only the database cannot write a chain anew."""
        return hmac.digest(self._chain, content, "sha256").hex()

    def seal(self, plain: bytes, about: bytes) -> str:
        """AES-256-GCM of `plain` as base64. It opens only with the same `about` (the run that it belongs to)."""
        return self.sealed(plain, about).decode()

    def sealed(self, plain: bytes, about: bytes) -> bytes:
        """`seal` as the ASCII bytes that a record takes in."""
        nonce = os.urandom(NONCE_BYTES)
        return binascii.b2a_base64(nonce + self._cipher.encrypt(nonce, plain, about), newline=False)

    def open(self, sealed: str, about: bytes) -> bytes:
        """What was sealed. Raises StoreError where it was sealed with another secret, about something else, or changed."""
        from cryptography.exceptions import InvalidTag

        try:
            raw = base64.b64decode(sealed, validate=True)
            return self._cipher.decrypt(raw[:NONCE_BYTES], raw[NONCE_BYTES:], about)
        except (InvalidTag, ValueError, binascii.Error):
            raise StoreError(
                "a sealed value does not open",
                hint="it was changed, moved, or sealed with another secret: set INGOT_STORE_KEY to the store's own",
            ) from None


def _cipher(key: bytes) -> AESGCM:
    """Made once: making it costs more than sealing a row does."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    return AESGCM(key)


def _derived(secret: bytes, purpose: bytes) -> bytes:
    """One key per purpose: HKDF-SHA256 (RFC 5869) with an empty salt, one block."""
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    return HKDF(SHA256(), 32, None, b"ingot store: " + purpose).derive(secret)


def store_key(env: Mapping[str, str] | None = None) -> StoreKey:
    """This user's secret, made on first use. Raises StoreError."""
    from ingot.artifact.durable import locked, replace_file
    from ingot.artifact.sign import config_folder

    env = os.environ if env is None else env
    given = env.get("INGOT_STORE_KEY", "").strip()
    if given:
        path = Path(given)
        return StoreKey(_decoded(_read(path), str(path)) if path.is_file() else _decoded(given, "INGOT_STORE_KEY"))
    try:
        folder = config_folder(env) / "keys"
    except SigningError:
        raise StoreError(
            "there is no folder for the store's secret: neither HOME nor XDG_CONFIG_HOME is an absolute path",
            hint="set HOME, or give the secret with INGOT_STORE_KEY",
        ) from None
    path = folder / "store.key"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with locked(folder):
            if not path.exists():
                replace_file(path, base64.b64encode(os.urandom(SECRET_BYTES)) + b"\n", mode=0o600)
    except OSError as error:
        raise StoreError(f"cannot make the store's secret: {error.strerror}", place=str(path)) from error
    return StoreKey(_decoded(_read(path), str(path)))


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError) as error:
        raise StoreError(f"cannot read the store's secret: {error}", place=str(path)) from None


def _decoded(text: str, place: str) -> bytes:
    try:
        found = base64.b64decode(text.strip(), validate=True)
    except (binascii.Error, ValueError):
        found = b""
    if len(found) != SECRET_BYTES:
        raise StoreError(
            f"not a store's secret: {SECRET_BYTES} bytes in base64 are wanted",
            place=place,
            hint="make one with: python3 -c 'import base64, os; print(base64.b64encode(os.urandom(32)).decode())'",
        )
    return found
