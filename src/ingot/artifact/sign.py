"""Keys: Ed25519, made on first use, given by a file or by the environment, and trusted by being put in one place.

    $XDG_CONFIG_HOME/ingot/          (by default ~/.config/ingot/)
      keys/signing.pem               this user's key, mode 0600 in a folder of mode 0700
      keys/signing.pub               its public half, to give to others
      trusted/*.pub                  other people's public keys

A key's id is the SHA-256 of its 32 public bytes, in hex. INGOT_SIGNING_KEY (PEM text, or a path) stands in place of
this user's key; INGOT_TRUSTED_KEYS (paths of files or folders, separated by ``:``) adds trusted ones.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from ingot.artifact.durable import locked, replace_file
from ingot.canonical import digest
from ingot.errors import SigningError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

Trusted = Mapping[str, bytes]
"""Key id to the 32 bytes of the public key."""

LARGEST_KEY = 64 * 1024


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key and its public half. The private half has no text form here: it cannot reach a log."""

    private: Ed25519PrivateKey = field(repr=False)
    public: bytes

    @property
    def id(self) -> str:
        """The id that others know the key by."""
        return key_id(self.public)

    def sign(self, message: bytes) -> bytes:
        """The 64 bytes of the signature."""
        return self.private.sign(message)

    @staticmethod
    def own() -> SigningKey:
        """This user's key, made on first use (see `own_key`). Raises SigningError."""
        return own_key()


def key_id(public: bytes) -> str:
    """Hex SHA-256 of a public key's 32 bytes."""
    return digest(public)


def is_signed(public: bytes, signature: bytes, message: bytes) -> bool:
    """Whether `signature` over `message` was made with the private half of `public`."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


# ---- this user's key ---------------------------------------------------------------------------------------------


def config_folder(env: Mapping[str, str] = os.environ) -> Path:
    """Where keys live. Raises SigningError where there is no such place."""
    folder = _config_folder(env)
    if folder is None:
        raise SigningError(
            "there is no folder for keys: neither HOME nor XDG_CONFIG_HOME is an absolute path",
            hint="set HOME, or give a key with INGOT_SIGNING_KEY",
        )
    return folder


def _config_folder(env: Mapping[str, str]) -> Path | None:
    """A relative XDG_CONFIG_HOME is ignored, as its specification asks."""
    base, home = env.get("XDG_CONFIG_HOME", ""), env.get("HOME", "")
    if base.startswith("/"):
        return Path(base) / "ingot"
    return Path(home) / ".config" / "ingot" if home.startswith("/") else None


def own_key(env: Mapping[str, str] = os.environ) -> SigningKey:
    """This user's signing key: INGOT_SIGNING_KEY where it is set, else the key in the config folder, made on first
    use. Raises SigningError."""
    given = env.get("INGOT_SIGNING_KEY", "")
    if given.lstrip().startswith("-----BEGIN"):
        return _private(given.encode(), "INGOT_SIGNING_KEY")
    if given:
        return read_key(Path(given))
    path = config_folder(env) / "keys" / "signing.pem"
    if path.parent.exists():
        _refuse_open_folder(path.parent)
    return read_key(path) if os.path.lexists(path) else make_key(path)


def make_key(path: Path) -> SigningKey:
    """A new key at `path` (mode 0600; its folder, where it is made here, 0700) and its public half beside it as ``.pub``.

    Where another process made one at the same moment, the first one stands and is returned. Raises SigningError.
    """
    folder = path.parent
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with locked(folder):
            if not os.path.lexists(path):
                private, public = _new_pem()
                replace_file(path.with_suffix(".pub"), public, mode=0o644)
                replace_file(path, private, mode=0o600)
    except OSError as error:
        raise SigningError(
            f"cannot make a signing key: {error.strerror}",
            place=str(path),
            hint="make the folder writable, or give a key with INGOT_SIGNING_KEY",
        ) from error
    return read_key(path)


def read_key(path: Path) -> SigningKey:
    """The key in a PEM file that only its owner can read. Raises SigningError."""
    try:
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            content = file.read(LARGEST_KEY)
    except OSError as error:
        raise SigningError(
            f"cannot read the signing key: {error.strerror}", place=str(path), hint="check INGOT_SIGNING_KEY"
        ) from error
    if stat.S_IMODE(status.st_mode) & 0o077:
        raise SigningError(
            f"others can read the signing key (mode {stat.S_IMODE(status.st_mode):04o})",
            place=str(path),
            hint=f"chmod 600 {path}; if anyone may have copied it, make a new key",
        )
    return _private(content, str(path))


def _refuse_open_folder(folder: Path) -> None:
    try:
        mode = stat.S_IMODE(folder.stat().st_mode)
    except OSError as error:
        raise SigningError(f"cannot look at the folder of keys: {error.strerror}", place=str(folder)) from error
    if mode & 0o077:
        raise SigningError(
            f"others can enter the folder of keys (mode {mode:04o})", place=str(folder), hint=f"chmod 700 {folder}"
        )


def _private(pem: bytes, place: str) -> SigningKey:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    hint = "give an unencrypted Ed25519 key: openssl genpkey -algorithm ed25519"
    try:
        private = load_pem_private_key(pem, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):  # the parser's own words could quote the key
        raise SigningError("this is not a PEM private key, or it is encrypted", place=place, hint=hint) from None
    if not isinstance(private, Ed25519PrivateKey):
        raise SigningError(f"the key is {type(private).__name__}, not Ed25519", place=place, hint=hint)
    return SigningKey(private, private.public_key().public_bytes_raw())


def _new_pem() -> tuple[bytes, bytes]:
    """A fresh private key and its public half, both as PEM."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    private = Ed25519PrivateKey.generate()
    pem = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return pem, public_pem(private.public_key().public_bytes_raw())


# ---- trusted keys ------------------------------------------------------------------------------------------------


def public_pem(public: bytes) -> bytes:
    """A public key as the text of a ``.pub`` file."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    return Ed25519PublicKey.from_public_bytes(public).public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def trust(*keys: SigningKey | bytes) -> dict[str, bytes]:
    """A set of trusted keys from signing keys or public bytes."""
    publics = [key.public if isinstance(key, SigningKey) else key for key in keys]
    return {key_id(public): public for public in publics}


def trusted_keys(
    paths: Iterable[str | Path] = (), env: Mapping[str, str] = os.environ, unread: list[SigningError] | None = None
) -> dict[str, bytes]:
    """Every key that this user trusts: the own one (it is not made for this), ``trusted/*.pub``,
    INGOT_TRUSTED_KEYS and `paths` (files, or folders of ``.pub`` files).

    Raises SigningError where one cannot be read; with `unread` that is put there, and the key does not count.
    """
    found: dict[str, bytes] = {}
    for read in _sources(paths, env):
        try:
            found |= trust(read())
        except SigningError as error:
            if unread is None:
                raise
            unread.append(error)
    return found


def _sources(paths: Iterable[str | Path], env: Mapping[str, str]) -> Iterator[Callable[[], SigningKey | bytes]]:
    """What reads each trusted key."""
    for name in (*paths, *(name for name in env.get("INGOT_TRUSTED_KEYS", "").split(os.pathsep) if name)):
        yield from _from_path(Path(name))
    if env.get("INGOT_SIGNING_KEY"):
        yield partial(own_key, env)
    config = _config_folder(env)
    if config is not None:
        own = config / "keys" / "signing.pem"
        if os.path.lexists(own):
            yield partial(read_key, own)
        if os.path.isdir(config / "trusted"):
            yield from _from_path(config / "trusted")


def _from_path(path: Path) -> Iterator[Callable[[], bytes]]:
    if not os.path.isdir(path):
        return iter((partial(read_public, path),))
    status = path.stat()
    if not status.st_mode & 0o002:
        return (partial(read_public, file) for file in sorted(path.glob("*.pub")))
    if not status.st_mode & stat.S_ISVTX:
        return iter((partial(_refuse_shared, path),))
    return (partial(_read_owned, file, {status.st_uid, os.geteuid()}) for file in sorted(path.glob("*.pub")))


def _refuse_shared(place: Path) -> bytes:
    hint = "chmod o-w the folder, and see that each key in it is one that you trust"
    raise SigningError("anyone can put a trusted key into this folder", place=str(place), hint=hint)


def _read_owned(path: Path, owners: set[int]) -> bytes:
    """A key in a folder with the sticky bit, as a mounted secret has: anyone may add a file there, and change none but their own."""
    return read_public(path) if path.lstat().st_uid in owners else _refuse_shared(path)


def read_public(path: Path) -> bytes:
    """The 32 bytes of an Ed25519 public key in a PEM file that not everyone can write. Raises SigningError."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    try:
        with path.open("rb") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            content = file.read(LARGEST_KEY)
    except OSError as error:
        raise SigningError(f"cannot read the trusted key: {error.strerror}", place=str(path)) from error
    if mode & 0o002:
        raise SigningError(
            f"anyone can change this trusted key (mode {mode:04o})", place=str(path), hint=f"chmod 644 {path}"
        )
    try:
        public = load_pem_public_key(content)
    except (ValueError, UnsupportedAlgorithm):
        public = None
    if not isinstance(public, Ed25519PublicKey):
        raise SigningError(
            "this is not an Ed25519 public key in PEM",
            place=str(path),
            hint="give the .pub file that stands beside the signing key",
        )
    return public.public_bytes_raw()
