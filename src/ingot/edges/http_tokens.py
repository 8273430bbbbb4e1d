"""Who may do what: bearer tokens, of which only hashes are kept, and the names of client certificates.

A file with a line for each, ``#`` begins a comment::

    NAME  SCOPES  sha256:HEX        who shows the token with this hash
    NAME  SCOPES  certificate       who shows a client certificate with this common name

SCOPES are ``run``, ``review`` and ``admin``, with commas. A token has 32 random bytes, so a plain hash keeps it.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass
from typing import Literal

from ingot.edges.http_errors import Refused
from ingot.errors import InputError

Scope = Literal["run", "review", "admin"]
SCOPES: tuple[Scope, ...] = ("run", "review", "admin")

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,79}")
_HASH = re.compile(r"sha256:([0-9a-f]{64})")
CHALLENGE = (b"www-authenticate", b'Bearer realm="ingot"')


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: the name goes into the log and into decisions."""

    name: str
    scopes: frozenset[str]


ANYBODY = Caller("", frozenset({"run"}))
"""Who asks a server on loopback that has no tokens. A decision needs a name, so reviews need a token there too."""


@dataclass(frozen=True, slots=True)
class Tokens:
    """Callers by the SHA-256 of their token and by the common name of their certificate."""

    hashed: tuple[tuple[bytes, Caller], ...] = ()
    certified: tuple[tuple[str, Caller], ...] = ()

    def caller(self, authorization: bytes | None, certificate: str | None) -> Caller:
        """Who shows this header, or this certificate. Raises Refused. Every hash is compared, each in constant time."""
        if authorization is not None:
            kind, _, token = authorization.partition(b" ")
            shown = hashlib.sha256(token.strip()).digest()
            found = [caller for kept, caller in self.hashed if hmac.compare_digest(kept, shown)]
            if kind.lower() != b"bearer" or not found:
                raise Refused(401, "the token is not known here", place="Authorization", headers=[CHALLENGE])
            return found[0]
        for name, caller in self.certified:
            if certificate is not None and name == certificate:
                return caller
        raise Refused(
            401, "this needs a token", place="Authorization", hint="Authorization: Bearer TOKEN", headers=[CHALLENGE]
        )


def read_tokens(text: str, place: str) -> Tokens:
    """The callers of a tokens file. Raises InputError with the line; none of it is shown, it may hold a token."""
    hashed: list[tuple[bytes, Caller]] = []
    certified: list[tuple[str, Caller]] = []
    for number, line in enumerate(text.splitlines(), start=1):
        words = line.partition("#")[0].split()
        if not words:
            continue
        at = f"{place}:{number}"
        if len(words) != 3 or not _NAME.fullmatch(words[0]):
            raise InputError("a line is NAME SCOPES sha256:HEX", place=at, hint="make one with: ingot token NAME")
        caller = Caller(words[0], _scopes(words[1], at))
        digest = _HASH.fullmatch(words[2])
        if digest is not None:
            hashed.append((bytes.fromhex(digest[1]), caller))
        elif words[2] == "certificate":
            certified.append((words[0], caller))
        else:
            hint = "sha256: and 64 hex digits of the token's hash, or: certificate"
            raise InputError("the third word is no token's hash", place=at, hint=hint)
    if not hashed and not certified:
        raise InputError("there is no token in it", place=place, hint="make one with: ingot token NAME")
    return Tokens(tuple(hashed), tuple(certified))


def new_token(name: str, scopes: str) -> tuple[str, str]:
    """A new token, and the line that lets its holder in. Raises InputError."""
    if not _NAME.fullmatch(name):
        raise InputError(f"{name!r} is no name of a token", hint="letters, digits and . _ @ -, at most 80")
    _scopes(scopes, "--scopes")
    token = f"ingot_{secrets.token_urlsafe(32)}"
    return token, f"{name} {scopes} sha256:{hashlib.sha256(token.encode()).hexdigest()}"


def _scopes(text: str, place: str) -> frozenset[str]:
    found = frozenset(text.split(","))
    if not found <= set(SCOPES):
        raise InputError("unknown scopes", place=place, hint=f"known: {', '.join(SCOPES)}")
    return found
