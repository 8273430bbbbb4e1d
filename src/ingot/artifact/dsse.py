"""The envelope around a statement: DSSE version 1 (github.com/secure-systems-lab/dsse), one JSON object per line.

A signature covers the payload's type together with its bytes. Only one spelling of an envelope is accepted, the one
written here, so that no byte of the file can be changed unseen.
"""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass
from typing import Any

from ingot.artifact.sign import SigningKey, Trusted, is_signed
from ingot.canonical import canonical_json
from ingot.errors import ArtifactError

PAYLOAD_TYPE = "application/vnd.in-toto+json"


@dataclass(frozen=True, slots=True)
class KeySignature:
    """One signature. `key_id` only says which key to try; it proves nothing by itself."""

    key_id: str
    signature: bytes


@dataclass(frozen=True, slots=True)
class Envelope:
    """A payload with its type and its signature."""

    payload: bytes
    payload_type: str
    signatures: tuple[KeySignature, ...]

    def to_line(self) -> bytes:
        """The envelope as one line of JSON, newline included."""
        rows = [{"keyid": one.key_id, "sig": _text(one.signature)} for one in self.signatures]
        body = {"payload": _text(self.payload), "payloadType": self.payload_type, "signatures": rows}
        return canonical_json(body) + b"\n"


def pae(payload_type: str, payload: bytes) -> bytes:
    """What is signed: version, type and payload, each length in bytes."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def seal(payload: bytes, key: SigningKey) -> Envelope:
    """An envelope with one signature. Ed25519 has no randomness: the same arguments give the same bytes."""
    signature = KeySignature(key.id, key.sign(pae(PAYLOAD_TYPE, payload)))
    return Envelope(payload, PAYLOAD_TYPE, (signature,))


def read_envelope(line: bytes) -> Envelope:
    """The envelope of one line (with its newline). Raises ValueError, saying what is wrong, for any other spelling."""
    try:
        body = json.loads(line)
    except (ValueError, RecursionError):
        raise ValueError("not JSON") from None
    if not isinstance(body, dict) or set(body) != {"payload", "payloadType", "signatures"}:
        raise ValueError("not a DSSE envelope (payload, payloadType, signatures)")
    if body["payloadType"] != PAYLOAD_TYPE:
        raise ValueError(f"payloadType is {body['payloadType']!r}, not {PAYLOAD_TYPE!r}")
    rows = body["signatures"]
    # A second signature would be covered by nothing: anyone could add one, or take one away, unseen.
    if not isinstance(rows, list) or len(rows) != 1:
        raise ValueError("an envelope has one signature")
    envelope = Envelope(_bytes(body["payload"]), PAYLOAD_TYPE, tuple(_signature(row) for row in rows))
    if envelope.to_line() != line:
        raise ValueError("not in the one form that Ingot writes")
    return envelope


def signers(envelope: Envelope, trusted: Trusted) -> tuple[str, ...]:
    """The ids of the trusted keys that signed. Keys outside `trusted` are not counted.

    Raises ArtifactError where a signature names a trusted key that did not make it.
    """
    message = pae(envelope.payload_type, envelope.payload)
    found: list[str] = []
    for one in envelope.signatures:
        public = trusted.get(one.key_id)
        if public is None:
            continue
        if not is_signed(public, one.signature, message):
            raise ArtifactError(f"the signature of key {one.key_id[:12]!r} does not fit what it signs")
        found.append(one.key_id)
    return tuple(dict.fromkeys(found))


def _signature(row: Any) -> KeySignature:
    if not isinstance(row, dict) or set(row) != {"keyid", "sig"} or not isinstance(row["keyid"], str):
        raise ValueError("a signature has keyid and sig")
    return KeySignature(row["keyid"], _bytes(row["sig"]))


def _text(content: bytes) -> str:
    return base64.b64encode(content).decode("ascii")


def _bytes(text: Any) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, TypeError, ValueError):
        raise ValueError("not base64") from None
