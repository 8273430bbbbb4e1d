"""What a server tells of itself: Prometheus figures, spans, and a line of log for each request. Never a value.

Labels are names of workflows that are served, routes, methods and statuses, so that no client can make new ones.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from ingot.edges.http_call import Call
from ingot.edges.http_shelf import Loaded, Shelf
from ingot.store.encoding import encoded

if TYPE_CHECKING:
    from opentelemetry.trace import Span, Tracer

Write = Callable[[bytes], object]

SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
METHODS = frozenset(("GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"))


class Metrics:
    """The figures of one server, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry(auto_describe=True)
        self._runs = Counter("ingot_runs", "Runs by how they ended.", ["workflow", "status"], registry=self.registry)
        self._seconds = Histogram(
            "ingot_run_seconds", "Seconds a run takes, its record included.", ["workflow"], buckets=SECONDS,
            registry=self.registry,
        )  # fmt: skip
        self._requests = Counter(
            "ingot_requests", "Requests by what they came to.", ["route", "method", "status"], registry=self.registry
        )
        self.under_way = Gauge("ingot_requests_under_way", "Requests not answered yet.", registry=self.registry)
        self._served = Gauge(
            "ingot_artifact", "1 for each artifact served.", ["workflow", "version", "digest"], registry=self.registry
        )
        self._loads = Counter("ingot_loads", "Artifacts by what loading came to.", ["what"], registry=self.registry)
        self._known: dict[tuple[str, ...], Any] = {}

    def run(self, workflow: str, status: str, seconds: float) -> None:
        """A run ended."""
        self._of(self._runs, workflow, status).inc()
        self._of(self._seconds, workflow).observe(seconds)

    def request(self, call: Call, status: int) -> None:
        """A request was answered."""
        method = call.method if call.method in METHODS else "?"
        self._of(self._requests, call.route, method, str(status)).inc()

    def _of(self, metric: Any, *labels: str) -> Any:
        key = (metric._name, *labels)
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = metric.labels(*labels)
        return found

    def loaded(self, loaded: Loaded, shelf: Shelf) -> None:
        """Artifacts were loaded."""
        for what, count in (("taken", loaded.taken), ("dropped", loaded.dropped), ("refused", loaded.refused)):
            self._loads.labels(what).inc(len(count))
        self._served.clear()
        for one in shelf.served.versions.values():
            self._served.labels(one.name, one.workflow.spec.metadata.version, one.digest).set(1)

    def text(self) -> bytes:
        """In Prometheus' text format."""
        return generate_latest(self.registry)


class Log:
    """One JSON object a line. `write` takes a whole line; None writes nothing."""

    def __init__(self, write: Write | None, *, requests: bool = True) -> None:
        self._write, self._requests = write, requests

    def request(self, call: Call, status: int, seconds: float) -> None:
        """A request: its route and not its path, which may hold what a client put there."""
        if self._write is None or not self._requests:
            return
        told = {
            "event": "request", "method": call.method if call.method in METHODS else "?", "route": call.route,
            "status": status, "ms": round(seconds * 1e3, 3), "by": call.caller.name or None, "run": call.run,
            "workflow": None if call.version is None else call.version.name,
            "digest": None if call.version is None else call.version.digest,
            "outcome": call.outcome, "error": call.error,
        }  # fmt: skip
        self.event(**{name: value for name, value in told.items() if value is not None})

    def failure(self, error: BaseException) -> None:
        """A bug or a broken machine: its type and where, not what it says."""
        frames = traceback.extract_tb(error.__traceback__)
        places = [f"{Path(one.filename).name}:{one.lineno}" for one in frames[-4:]]
        self.event(event="failure", error=type(error).__name__, places=places)

    def event(self, **told: Any) -> None:
        """Anything else that an operator should know."""
        if self._write is not None:
            self._write(encoded({"at": datetime.now(UTC).isoformat(timespec="milliseconds"), **told}) + b"\n")


class Traces:
    """Spans of requests, where a tracer is given."""

    def __init__(self, tracer: Tracer | None) -> None:
        self._tracer = tracer

    @contextmanager
    def _spanned(self, call: Call) -> Iterator[Span]:
        from opentelemetry.propagate import extract
        from opentelemetry.trace import SpanKind

        assert self._tracer is not None
        sent = dict(call.scope["headers"]).get(b"traceparent")  # the call's own headers are read within the span
        carrier = {} if sent is None else {"traceparent": sent.decode("latin-1")}  # a tracestate may hold any text
        with self._tracer.start_as_current_span(
            "ingot.request", extract(carrier), SpanKind.SERVER,
            record_exception=False, set_status_on_exception=False,  # what an exception says may hold a value
        ) as span:  # fmt: skip
            yield span

    def span(self, call: Call) -> Any:
        """A context manager around a request; gives the span, or None."""
        return nullcontext() if self._tracer is None else self._spanned(call)

    def tell(self, span: Span | None, call: Call, status: int) -> None:
        """What the request came to."""
        if span is None:
            return
        span.update_name(f"{call.method if call.method in METHODS else '?'} {call.route}")
        told: dict[str, str | int | None] = {
            "http.route": call.route,
            "http.response.status_code": status,
            "ingot.run": call.run,
        }
        if call.version is not None:
            metadata = call.version.workflow.spec.metadata
            told |= {"ingot.workflow": metadata.name, "ingot.version": metadata.version}
            told |= {"ingot.digest": call.version.digest, "ingot.status": call.outcome}
        span.set_attributes({name: value for name, value in told.items() if value is not None})
