"""What a Temporal server is given: sealed with the store's secret, all of it.

Payloads (inputs, steps' arguments and outputs, answers of people) and what failures say are AES-256-GCM; in the clear are
ids, the names of workflows and steps, digests, times and how often something was tried.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from temporalio.api.common.v1 import Payload
from temporalio.converter import DataConverter, DefaultFailureConverterWithEncodedAttributes, PayloadCodec

from ingot.errors import StoreError
from ingot.store.keys import StoreKey

ENCODING = b"binary/ingot-sealed"
ABOUT = b"kept by temporal"


class SealingCodec(PayloadCodec):
    """Seals and opens payloads. One that was not sealed with this secret does not open."""

    def __init__(self, key: StoreKey) -> None:
        self._key = key

    async def encode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """Each payload whole, its metadata too, in a sealed one."""
        return [self._sealed(one) for one in payloads]

    async def decode(self, payloads: Iterable[Payload]) -> list[Payload]:
        """What was sealed. Raises StoreError."""
        return [self._opened(one) for one in payloads]

    def _sealed(self, payload: Payload) -> Payload:
        text = self._key.seal(payload.SerializeToString(), ABOUT)
        return Payload(metadata={"encoding": ENCODING}, data=text.encode())

    def _opened(self, payload: Payload) -> Payload:
        if payload.metadata.get("encoding") != ENCODING:
            raise StoreError(
                "a payload was not sealed", hint="only what `ingot submit` and `ingot worker` wrote is read"
            )
        return Payload.FromString(self._key.open(payload.data.decode("ascii", "replace"), ABOUT))


def sealing_converter(key: StoreKey) -> DataConverter:
    """The converter of clients and workers whose server keeps nothing in the clear."""
    return DataConverter(
        payload_codec=SealingCodec(key), failure_converter_class=DefaultFailureConverterWithEncodedAttributes
    )
