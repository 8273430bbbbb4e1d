"""What a Temporal server is given: sealed with the store's secret, all of it, each for the run that it belongs to.

Payloads (inputs, steps' arguments and outputs, answers of people) and what failures say are AES-256-GCM; in the clear are
ids, the names of workflows and steps, digests, times and how often something was tried. What was sealed for one run does
not open in another: whoever writes to the server's database cannot give a run the input or the answer of another.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence

from temporalio.api.common.v1 import Payload
from temporalio.converter import (
    ActivitySerializationContext,
    DataConverter,
    DefaultFailureConverterWithEncodedAttributes,
    PayloadCodec,
    SerializationContext,
    WithSerializationContext,
    WorkflowSerializationContext,
)

from ingot.errors import StoreError
from ingot.store.keys import StoreKey

ENCODING = b"binary/ingot-sealed"


class SealingCodec(PayloadCodec, WithSerializationContext):
    """Seals and opens payloads of one workflow execution, `run`; the codec of no run seals and opens nothing."""

    def __init__(self, key: StoreKey, run: str | None = None) -> None:
        self._key, self._run = key, run

    def with_context(self, context: SerializationContext) -> SealingCodec:
        """The codec of the run that a payload belongs to; an activity's payloads belong to the run that asked for it."""
        mine = isinstance(context, WorkflowSerializationContext | ActivitySerializationContext)
        return SealingCodec(self._key, context.workflow_id if mine else None)  # type: ignore[attr-defined]

    async def encode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """Each payload whole, its metadata too, in a sealed one."""
        about = self._about()
        return [self._sealed(one, about) for one in payloads]

    async def decode(self, payloads: Iterable[Payload]) -> list[Payload]:
        """What was sealed. Raises StoreError for what was not, or was for another run."""
        about = self._about()
        return [self._opened(one, about) for one in payloads]

    def _about(self) -> bytes:
        if not self._run:
            raise StoreError("a payload belongs to no run", hint="only runs and their steps have payloads here")
        return b"kept by temporal for " + self._run.encode()

    def _sealed(self, payload: Payload, about: bytes) -> Payload:
        text = self._key.seal(payload.SerializeToString(), about)
        return Payload(metadata={"encoding": ENCODING}, data=base64.b64decode(text))  # a third shorter than the text

    def _opened(self, payload: Payload, about: bytes) -> Payload:
        if payload.metadata.get("encoding") != ENCODING:
            raise StoreError(
                "a payload was not sealed", hint="only what `ingot submit` and `ingot worker` wrote is read"
            )
        return Payload.FromString(self._key.open(base64.b64encode(payload.data).decode(), about))


def sealing_converter(key: StoreKey) -> DataConverter:
    """The converter of clients and workers whose server keeps nothing in the clear."""
    return DataConverter(
        payload_codec=SealingCodec(key), failure_converter_class=DefaultFailureConverterWithEncodedAttributes
    )
