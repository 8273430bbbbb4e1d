"""What the audit log says of a run, as the bytes of one JSON line. Labelled values are in ``sealed`` only.

Batches write millions of these, so what is the same for every run of a segment stands once, in `Records.common`, and the
parts that are encoded for the outcome are not encoded again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from ingot.errors import IngotError
from ingot.runtime.bounded.ledger import Call, used_by
from ingot.runtime.run import Workflow
from ingot.runtime.trace import Trace
from ingot.store.database import now_text
from ingot.store.encoding import encoded
from ingot.store.keys import StoreKey
from ingot.store.masks import Mask

Steps = Sequence[tuple[str, Mapping[str, Any]]]
"""Finished steps with their outputs, in order."""

MOST_TRACES = 1_000


class Written(NamedTuple):
    """A run's record, and its parts in the clear: the input and the output, or what is proposed (``null`` where nothing is)."""

    record: bytes
    case: bytes
    answer: bytes


def _usage(calls: Sequence[Call]) -> bytes:
    """What the run's model calls used, and which of them answered: no value of the run is in it."""
    return b',"usage":%b' % encoded(used_by(calls)) if calls else b""


class Records:
    """Writes the records of one workflow's runs."""

    def __init__(self, workflow: Workflow, key: StoreKey) -> None:
        spec = workflow.spec
        self.name = f"{spec.metadata.name} {spec.metadata.version}"
        self._digest, self._key, self._kept = workflow.digest, key, workflow.kept
        self._inputs, self._outputs = Mask(spec.inputs), Mask(spec.outputs)
        self._traces: dict[tuple[int, ...], bytes] = {}

    def common(self, at: str | None = None) -> bytes:
        """What every record of a segment says."""
        return encoded({"kind": "run", "workflow": self.name, "digest": self._digest, "at": at or now_text()})

    def ended(
        self,
        run: str,
        case: Mapping[str, Any],
        answered: Mapping[str, Any] | None,
        review: tuple[str, str] | None,
        trace: Trace,
        seconds: float,
        steps: Steps = (),
        calls: Sequence[Call] = (),
    ) -> Written:
        """A run that came to an output, or to a review with what it proposes."""
        case, answer = self._kept(case), encoded(answered)
        shown, hidden = (answered, None) if answered is None else self._outputs.split(answered)
        whole = encoded(case)
        head = self._head(run, case, whole, {"output": hidden, "steps": steps} if hidden or steps else {})
        told = encoded(shown) if hidden else answer
        timed = b'%b,%b,"seconds":%.6f%b' % (head, self._trace(trace), seconds, _usage(calls))
        if review is None:
            return Written(b'%b,"output":%b,"status":"completed"}' % (timed, told), whole, answer)
        held = b'{"proposed":%b,"reason":%b,"step":%b}' % (told, encoded(review[1]), encoded(review[0]))
        return Written(b'%b,"review":%b,"status":"needs_review"}' % (timed, held), whole, answer)

    def failed(
        self, run: str, case: Mapping[str, Any], error: IngotError, steps: Steps = (), calls: Sequence[Call] = ()
    ) -> bytes:
        """A run that failed. What the error says may hold values, so it is sealed."""
        case = self._kept(case)
        head = self._head(run, case, encoded(case), {"error": error.message, "steps": steps})
        told = encoded({"status": "failed", "error_type": type(error).__name__, "at_step": error.place})
        return b"%b%b,%b" % (head, _usage(calls), told[1:])

    def input_digest(self, case: Mapping[str, Any]) -> str:
        """What the records of runs on this input say of it."""
        return self._key.input_digest(encoded(self._kept(case)))

    def refused(self, run: str, told: Mapping[str, Any]) -> bytes:
        """A row that no run came of."""
        return encoded({**told, "kind": "refused", "run": run})

    def _head(self, run: str, case: Mapping[str, Any], whole: bytes, more: Mapping[str, Any]) -> bytes:
        """`whole` is the case, encoded; `more` is sealed with what of it is labelled."""
        masked, hidden = self._inputs.split(case)
        about = run.encode()
        shown = encoded(masked) if hidden else whole
        head = b'{"run":"%b","input":%b,"input_digest":"%b"' % (about, shown, self._key.input_digest(whole).encode())
        if not more and hidden and len(hidden) == len(case):
            return b'%b,"sealed":"%b"' % (head, self._key.sealed(b'{"input":%b}' % whole, about))
        sealed = {name: value for name, value in {"input": hidden, **more}.items() if value}
        return b'%b,"sealed":"%b"' % (head, self._key.sealed(encoded(sealed), about)) if sealed else head

    def _trace(self, trace: Trace) -> bytes:
        found = self._traces.get(trace.lines)
        if found is None:
            code = trace.clauses[-1] if trace.clauses else None
            found = encoded({"lines": trace.lines, "clauses": trace.clauses, "reason_code": code})[1:-1]
            if len(self._traces) < MOST_TRACES:
                self._traces[trace.lines] = found
        return found
