"""Loaded workflows over HTTP, as an ASGI application: any server can carry it, any application can mount it.

    http.py           routes, who may take them, limits; every error becomes one JSON object here
    http_server.py    uvicorn around it: refuses to start open to the world, drains, loads again on SIGHUP or a change
    http_protocol.py  limits on connections and on a request's first lines
    http_shelf.py     the artifacts: verified, the newest in force, others by digest
    http_trust.py     which keys and approvals count while it runs
    http_runs.py      runs, at once or in threads, recorded together; once for each Idempotency-Key
    http_batch.py     many rows in one request
    http_explain.py   deciding lines, labelled values hidden
    http_reviews.py   what waits for a person
    http_tokens.py    bearer tokens and certificates
    http_limits.py    what a request may cost
    http_errors.py    what a refused request is told
    http_metrics.py   Prometheus, spans, the log: never a value
    http_openapi.py   the OpenAPI document

There is no framework in between: the workflow validates its input itself, so a second validation and a second encoding of
each answer would only cost.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from sqlalchemy import text

from ingot.edges import http_reviews
from ingot.edges.http_batch import batch
from ingot.edges.http_call import JSON, TEXT, Call, Reply, Scope, Send, digest_header
from ingot.edges.http_errors import CLOSE, Refused, refusal
from ingot.edges.http_explain import explained
from ingot.edges.http_limits import Limits, Receive, read_body, read_case
from ingot.edges.http_metrics import Log, Metrics, Traces
from ingot.edges.http_openapi import described, document
from ingot.edges.http_runs import Runs, told
from ingot.edges.http_shelf import Loaded, Shelf, Version
from ingot.edges.http_tokens import ANYBODY, Caller, Tokens
from ingot.errors import ArtifactError, IngotError, StoreError
from ingot.store.database import reading
from ingot.store.encoding import encoded
from ingot.store.store import Store

if TYPE_CHECKING:
    from opentelemetry.trace import Tracer

Endpoint = Callable[[Call], Awaitable[Reply | None]]

LOOPBACK_HOSTS = frozenset((b"localhost", b"127.0.0.1", b"[::1]"))


@dataclass(frozen=True, slots=True)
class Route:
    """What a path and a method lead to. `scope` is what the caller needs: None where any known caller will do; `is_open`
    asks for no caller at all. `timed`: it must answer within the limit of seconds."""

    endpoint: Endpoint
    scope: str | None = None
    is_open: bool = False
    timed: bool = True


class HttpApp:
    """The application. `tokens` None lets anybody on this machine run workflows, and nobody decide reviews."""

    def __init__(
        self,
        shelf: Shelf,
        *,
        tokens: Tokens | None = None,
        limits: Limits | None = None,
        log: Log | None = None,
        tracer: Tracer | None = None,
    ) -> None:
        self.shelf, self.tokens, self.limits = shelf, tokens, limits or Limits()
        self.store: Store | None = shelf.store
        self.log, self.metrics, self.traces = log or Log(None), Metrics(), Traces(tracer)
        self.runs = Runs(self.store, self.limits, self.metrics)
        self.draining = False
        self._under_way = 0
        self._loading: asyncio.Lock | None = None
        self._documents: dict[Any, bytes] = {}
        self._routes = self._table()

    def _table(self) -> Mapping[str, Mapping[str, Route]]:
        one, many = Route(self._run, "run"), Route(self._batch, "run", timed=False)
        ready = {"GET": Route(self._ready, is_open=True)}
        table = {
            "/run": {"POST": one},
            "/batch": {"POST": many},
            "/explain": {"POST": Route(self._explain, "run")},
            "/workflows": {"GET": Route(self._workflows)},
            "/workflows/{name}/run": {"POST": one},
            "/workflows/{name}/batch": {"POST": many},
            "/workflows/{name}/explain": {"POST": Route(self._explain, "run")},
            "/openapi.json": {"GET": Route(self._openapi)},
            "/metrics": {"GET": Route(self._figures)},
            "/healthz": ready,
            "/healthz/ready": ready,
            "/healthz/live": {"GET": Route(self._live, is_open=True)},
            "/admin/reload": {"POST": Route(self._reload, "admin")},
        }
        if self.store is not None:
            table |= {
                "/reviews": {"GET": Route(self._reviews, "review")},
                "/reviews/{review}": {"GET": Route(self._review, "review")},
                "/reviews/{review}/approve": {"POST": Route(self._approve, "review")},
                "/reviews/{review}/reject": {"POST": Route(self._reject, "review")},
            }
        return table

    # ---- ASGI ----------------------------------------------------------------------------------------------------

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._lifespan(receive, send)
            return
        started = time.perf_counter()
        call = Call(scope, receive, send)
        self._under_way += 1
        self.metrics.under_way.inc()
        try:
            with self.traces.span(call) as span:
                reply = await self._replied(call)
                status = 200 if reply is None else reply.status
                self.traces.tell(span, call, status)
            if reply is not None:
                await reply.give(send)
        finally:
            self._under_way -= 1
            self.metrics.under_way.dec()
        self.metrics.request(call, status)
        self.log.request(call, status, time.perf_counter() - started)

    async def _replied(self, call: Call) -> Reply | None:
        try:
            return await self._answer(call)
        except Refused as refused:
            found = refused
        except TimeoutError:
            hint = "ask again; with an Idempotency-Key you get the outcome that it comes to"
            found = Refused(503, f"no answer within {self.limits.seconds:g} seconds", hint=hint)
        except IngotError as error:
            found = refusal(error)
            self.log.failure(error)
        except Exception as error:  # noqa: BLE001 - a bug of ours: its text may hold a value, so only its place is told
            found = Refused(500, "the server has a bug", hint="its log has the place")
            self.log.failure(error)
        call.error = found.error
        if call.begun:
            raise ConnectionAbortedError("a stream broke off")  # the connection ends without the last chunk
        return Reply.refusing(found)

    async def _answer(self, call: Call) -> Reply | None:
        route = self._route(call)
        call.headers = _headers(call.scope)
        if not route.is_open:
            if self._under_way > self.limits.requests:
                hint = "ask again later"
                raise Refused(503, "too many requests are under way", hint=hint, headers=[(b"retry-after", b"1")])
            if self.draining:
                raise Refused(503, "the server is stopping", hint="ask another one", headers=[CLOSE])
            call.caller = self._caller(call)
            if route.scope is not None and route.scope not in call.caller.scopes:
                raise self._lacking(route.scope)
        if not route.timed:
            return await route.endpoint(call)
        async with asyncio.timeout(self.limits.seconds):
            return await route.endpoint(call)

    def _route(self, call: Call) -> Route:
        call.route, call.part = _template(call.scope)
        methods = self._routes.get(call.route)
        if methods is None:
            call.route = "?"
            raise Refused(404, "there is nothing at this path", hint="GET /openapi.json lists the paths")
        route = methods.get(call.method)
        if route is None:
            allow = ", ".join(methods)
            raise Refused(405, f"this path takes {allow}", headers=[(b"allow", allow.encode())])
        return route

    def _caller(self, call: Call) -> Caller:
        if self.tokens is None:
            host, colon, port = call.headers.get(b"host", b"").rpartition(b":")
            if not (colon and port.isdigit()):
                host = call.headers.get(b"host", b"")
            if host.lower() not in LOOPBACK_HOSTS:  # a page in somebody's browser, under a name that points here
                raise Refused(403, "without tokens only this machine is answered", place="Host", hint="use --tokens")
            return ANYBODY
        certificate = call.scope.get("extensions", {}).get("ingot.certificate", {}).get("name")
        return self.tokens.caller(call.headers.get(b"authorization"), certificate)

    def _lacking(self, scope: str) -> Refused:
        hint = "start the server with --tokens" if self.tokens is None else "use a token that has it"
        return Refused(403, f"this needs the scope {scope!r}", place="Authorization", hint=hint)

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        while True:
            kind = (await receive())["type"]
            if kind == "lifespan.shutdown":
                self.close()
            await send({"type": f"{kind}.complete"})
            if kind == "lifespan.shutdown":
                return

    def close(self) -> None:
        """Wait for runs that are under way in threads."""
        self.runs.close()

    # ---- runs ----------------------------------------------------------------------------------------------------

    async def _run(self, call: Call) -> Reply:
        version, case, size = await self._case(call)
        key = call.text(b"idempotency-key")
        once = None if key is None else self.runs.once(version, call.caller.name, key)
        outcome = await self.runs.run(version, case, once=once, size=size)
        call.run, call.outcome = outcome.run_id, outcome.status
        header = ((b"x-ingot-digest", outcome.digest.encode()),)
        return Reply(200, encoded(told(outcome)), headers=header)

    async def _batch(self, call: Call) -> Reply | None:
        return await batch(call, self._version(call), self.runs, self.limits)

    async def _explain(self, call: Call) -> Reply:
        version, case, size = await self._case(call)
        if version.workflow.perform is not None:
            hint = "an explanation would carry its steps out again: use `ingot audit show` on a run"
            raise Refused(409, "this workflow has steps that reach outside", hint=hint)
        outcome = await self.runs.run(version, case, size=size)
        call.run, call.outcome = outcome.run_id, outcome.status
        found = await self.runs.in_thread(version.workflow.explain, case)
        why = explained(found, case, version.workflow.spec)
        return Reply.of({"outcome": told(outcome), **why}, headers=digest_header(version))

    def _version(self, call: Call) -> Version:
        call.version = self.shelf.version(call.part, call.text(b"x-ingot-digest"))
        return call.version

    async def _case(self, call: Call) -> tuple[Version, dict[str, Any], int]:
        version = self._version(call)
        if call.media != JSON:
            raise Refused(415, "this takes one input as JSON", place="Content-Type", hint="application/json")
        body = await read_body(call.receive, call.headers, self.limits)
        return version, read_case(body, self.limits), len(body)

    # ---- people --------------------------------------------------------------------------------------------------

    async def _reviews(self, call: Call) -> Reply:
        assert self.store is not None
        return await http_reviews.listed(call, self.store, self.runs)

    async def _review(self, call: Call) -> Reply:
        assert self.store is not None
        return await http_reviews.shown(call, self.store, self.runs)

    async def _approve(self, call: Call) -> Reply:
        return await self._decide(call, True)

    async def _reject(self, call: Call) -> Reply:
        return await self._decide(call, False)

    async def _decide(self, call: Call, approve: bool) -> Reply:
        assert self.store is not None
        if call.media != JSON:
            raise Refused(415, "this takes a decision as JSON", place="Content-Type", hint="application/json")
        return await http_reviews.decided(call, self.store, self.runs, self.shelf, self.limits, approve=approve)

    # ---- the server itself ---------------------------------------------------------------------------------------

    async def _workflows(self, call: Call) -> Reply:
        named = self.shelf.served.named
        return Reply.of({"workflows": [described(one, named[one.name]) for one in self.shelf.current()]})

    async def _openapi(self, call: Call) -> Reply:
        current = tuple(self.shelf.current())
        key = tuple(one.digest for one in current)
        if key not in self._documents:
            whole = document(
                current, only=len(current) == 1, store=self.store is not None, tokens=self.tokens is not None
            )
            self._documents = {key: encoded(whole)}
        return Reply(200, self._documents[key])

    async def _figures(self, call: Call) -> Reply:
        return Reply(200, self.metrics.text(), TEXT)

    async def _live(self, call: Call) -> Reply:
        return Reply.of({"status": "live"})

    async def _ready(self, call: Call) -> Reply:
        """Ready where something is served, the store answers and the server is not stopping."""
        if self.draining:
            raise Refused(503, "the server is stopping")
        if not self.shelf.served.named:
            raise Refused(503, "no artifact is served", hint="put one that verifies into the folder")
        if self.store is not None and not await self.runs.in_thread(_answers, self.store):
            raise Refused(503, "the store does not answer", place="store")
        return Reply.of({"status": "ready"})

    async def _reload(self, call: Call) -> Reply:
        loaded = await self.reload()
        return Reply.of(loaded.to_json(), 409 if loaded.refused and not loaded.taken else 200)

    async def reload(self) -> Loaded:
        """Look at the places again: what is new and verifies serves new runs. Raises Refused; then all stays as it was."""
        self._loading = self._loading or asyncio.Lock()
        async with self._loading:
            try:
                loaded = await self.runs.in_thread(self.shelf.load)
            except (ArtifactError, IngotError) as error:
                self.log.event(event="load", error=error.message)
                raise Refused(409, "the artifacts could not be looked at", hint="the server's log says why") from None
            self.tell_loaded(loaded)
            return loaded

    def tell_loaded(self, loaded: Loaded) -> None:
        """Count and log what loading came to."""
        self.metrics.loaded(loaded, self.shelf)
        if loaded.taken or loaded.dropped or loaded.refused:
            self.log.event(event="load", **loaded.to_json())


def _answers(store: Store) -> bool:
    with contextlib.suppress(StoreError), reading(store.engine) as connection:
        connection.execute(text("SELECT 1"))
        return True
    return False


_ONCE = (b"authorization", b"content-length", b"content-type", b"host", b"idempotency-key", b"x-ingot-digest")


def _headers(scope: Scope) -> Mapping[bytes, bytes]:
    """Headers by their names. Raises Refused where one that decides something is there twice."""
    pairs = scope["headers"]
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        for name in _ONCE:
            if names.count(name) > 1:
                raise Refused(400, "this header is there twice", place=name.decode())
    return found


def _template(scope: Scope) -> tuple[str, str | None]:
    """A path's template and the name in it. A name's own slashes are escaped, so the raw path tells."""
    root: str = scope.get("root_path", "")
    path: str = scope["path"]
    raw: bytes | None = scope.get("raw_path")
    whole = path if raw is None else raw.decode("ascii", "replace")
    parts = (whole.removeprefix(root) if root else whole).split("/")
    if len(parts) >= 3 and parts[1] in ("workflows", "reviews"):
        name = "{name}" if parts[1] == "workflows" else "{review}"
        return "/".join(("", parts[1], name, *parts[3:])), unquote(parts[2])
    return "/".join(parts), None
