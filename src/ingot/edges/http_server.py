"""The HTTP application behind uvicorn: where it may listen, how it stops, how it takes new artifacts."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import signal
import socket
import ssl
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import uvicorn

from ingot.edges.http import HttpApp
from ingot.edges.http_errors import Refused
from ingot.edges.http_protocol import protocol_class
from ingot.edges.http_tokens import Tokens
from ingot.errors import ArtifactError, IngotError, InputError

if TYPE_CHECKING:
    from ingot.edges.http_shelf import Version

LOOK_SECONDS = 2.0
"""How often the places are looked at for new artifacts."""

SWITCH_SECONDS = 0.0005
"""How soon a thread that commits gets its turn beside the event loop: Python's own 5 ms make each statement wait so long."""


@dataclass(frozen=True, slots=True)
class Tls:
    """Files in PEM. With `client_ca` every client must show a certificate of it."""

    certificate: Path
    key: Path
    client_ca: Path | None = None


@dataclass(frozen=True, slots=True)
class Listening:
    """Where a server listens and who may come: `tokens` None is for loopback only."""

    host: str = "127.0.0.1"
    port: int = 8000
    tls: Tls | None = None
    tokens: Callable[[], Tokens] | None = None


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches this address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def refuse_open(listening: Listening) -> None:
    """A server that others can reach asks who they are. Raises InputError."""
    if listening.tokens is None and not is_loopback(listening.host):
        raise InputError(
            f"{listening.host!r} can be reached from other machines, and nobody would be asked for a token",
            place="--host",
            hint="give --tokens FILE (make one with: ingot token NAME), or bind to 127.0.0.1",
        )


def bind(listening: Listening) -> socket.socket:
    """A listening socket. Raises InputError where the address cannot be taken."""
    place = f"{listening.host}:{listening.port}"
    try:
        family, kind, number, _, address = socket.getaddrinfo(
            listening.host, listening.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        found = socket.socket(family, kind, number)
    except OSError as error:
        raise InputError(f"cannot listen: {error.strerror or error}", place=place, hint="see --host") from None
    try:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        found.bind(address)
        found.listen(2048)
        found.setblocking(False)
    except (OSError, OverflowError) as error:
        found.close()
        said = error.strerror if isinstance(error, OSError) else str(error)
        hint = "another process has it, or you may not take it: choose another --port (0 takes a free one)"
        raise InputError(f"cannot listen: {said}", place=place, hint=hint) from None
    return found


# ---- the server --------------------------------------------------------------------------------------------------


class _Server(uvicorn.Server):
    """Signals are taken by `serve`: SIGTERM ends in exit code 0."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _config(app: HttpApp, listening: Listening) -> uvicorn.Config:
    limits, tls = app.limits, listening.tls
    config = uvicorn.Config(
        app, http=protocol_class(limits), ws="none", lifespan="off", log_config=None, access_log=False,
        proxy_headers=False, server_header=False, timeout_keep_alive=15,
        timeout_graceful_shutdown=max(1, round(limits.drain_seconds)),
        ssl_certfile=None if tls is None else str(tls.certificate), ssl_keyfile=None if tls is None else str(tls.key),
        ssl_ca_certs=None if tls is None or tls.client_ca is None else str(tls.client_ca),
        ssl_cert_reqs=ssl.CERT_REQUIRED if tls is not None and tls.client_ca is not None else ssl.CERT_NONE,
    )  # fmt: skip
    try:
        config.load()
    except (OSError, ssl.SSLError) as error:
        hint = "--tls-cert, --tls-key and --tls-client-ca are files in PEM"
        said = f"the TLS files cannot be used: {error.strerror or error}"
        raise InputError(said, place="--tls-cert", hint=hint) from None
    return config


def begin(app: HttpApp) -> None:
    """Load the artifacts. Raises ArtifactError where a named artifact does not verify, or none does at all."""
    loaded = app.shelf.load()
    app.tell_loaded(loaded)
    named = {place.absolute() for place in app.shelf.places}
    for path, reason in loaded.refused:
        if path in named or not app.shelf.served.named:
            raise ArtifactError(reason, place=str(path), hint="`ingot verify` shows every step")
    if not app.shelf.served.named:
        hint = "compile a spec with --out there, or name another folder"
        raise ArtifactError("there is no artifact", place=", ".join(map(str, app.shelf.places)), hint=hint)


def serve(app: HttpApp, listening: Listening, *, ready: Callable[[str], object], resume: bool = False) -> None:
    """Serve until SIGTERM or SIGINT; then finish what is under way, for at most the limit of seconds, and return.

    `ready` is told the address when requests are taken. `resume` goes on with runs that a killed server left under way:
    only where no other server uses the store. Raises InputError, ArtifactError.
    """
    refuse_open(listening)
    if listening.tokens is not None:
        app.tokens = listening.tokens()
    begin(app)
    config = _config(app, listening)
    listener = bind(listening)
    if app.store is not None:
        sys.setswitchinterval(SWITCH_SECONDS)
    try:
        with asyncio.Runner(loop_factory=config.get_loop_factory()) as runner:
            runner.run(_serve(app, listening, config, listener, ready, resume))
    finally:
        listener.close()
        app.close()


async def _serve(
    app: HttpApp,
    listening: Listening,
    config: uvicorn.Config,
    listener: socket.socket,
    ready: Callable[[str], object],
    resume: bool,
) -> None:
    server = _Server(config)
    loop = asyncio.get_running_loop()
    again = asyncio.Event()

    def stop() -> None:
        server.force_exit = app.draining and server.should_exit
        app.draining = server.should_exit = True

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    loop.add_signal_handler(signal.SIGHUP, again.set)
    host, port = listener.getsockname()[:2]
    name = f"[{host}]" if ":" in host else host
    loop.call_soon(ready, f"{'http' if listening.tls is None else 'https'}://{name}:{port}")
    watching = loop.create_task(_watch(app, listening, again))
    resuming = loop.create_task(_resume(app)) if resume and app.store is not None else None
    try:
        await server.serve([listener])
    finally:
        for task in (watching, resuming):
            if task is not None:
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task


async def _watch(app: HttpApp, listening: Listening, again: asyncio.Event) -> None:
    """Load again when a file under a place changed, or SIGHUP asked for it; that reads the tokens again too."""
    seen = await _fingerprint(app)
    while True:
        asked = False
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(again.wait(), LOOK_SECONDS)
            asked = True
        again.clear()
        if asked:
            _read_tokens(app, listening)
        now = await _fingerprint(app)
        if asked or now is None or now != seen:
            seen = now
            try:
                await app.reload()
            except Refused:  # it is in the log
                continue
            except Exception as error:  # noqa: BLE001 - nobody else would see a key that is taken back later
                app.log.failure(error)


async def _fingerprint(app: HttpApp) -> int | None:
    """None where a place cannot be looked at now: loading says so, each time, since nothing else would see a change."""
    try:
        return await app.runs.in_thread(app.shelf.fingerprint)
    except (OSError, IngotError):
        return None


def _read_tokens(app: HttpApp, listening: Listening) -> None:
    if listening.tokens is None:
        return
    try:
        app.tokens = listening.tokens()
    except IngotError as error:
        app.log.event(event="tokens", error=error.message, place=error.place)


async def _resume(app: HttpApp) -> None:
    """Go on with the runs that were under way when the server before this one was killed."""
    for version in tuple(app.shelf.served.versions.values()):
        recorded = version.recorded
        if recorded is None:
            continue
        for run in await app.runs.in_thread(recorded.unfinished):
            await _resume_one(app, version, run)


async def _resume_one(app: HttpApp, version: Version, run: str) -> None:
    assert version.recorded is not None
    try:
        outcome = await app.runs.in_thread(version.recorded.resume, run)
    except IngotError as error:
        app.log.event(event="resumed", run=run, error=type(error).__name__, place=error.place)
    else:
        app.log.event(event="resumed", run=run, outcome=outcome.status)
