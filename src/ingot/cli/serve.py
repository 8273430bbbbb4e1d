"""Commands that open workflows to others: serve, and token, which makes what lets them in."""

from __future__ import annotations

import os
import sys
from contextlib import ExitStack, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ingot.cli.notify import NOTIFY, send_to
from ingot.cli.use import APPROVED, KEYS, MODEL
from ingot.errors import InputError

if TYPE_CHECKING:
    from ingot.edges.http_server import Tls
    from ingot.edges.http_tokens import Tokens

PATH = click.Path(path_type=Path)


@click.command("serve")
@click.argument("places", nargs=-1, required=True, type=PATH)
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen at.")
@click.option("--port", type=click.IntRange(0, 65535), default=8000, show_default=True, help="0 takes a free one.")
@click.option("--store", "url", help="Record every run in this store before it is answered: a file, or a URL.")
@click.option("--resume", is_flag=True, help="Go on with runs that a killed server left. For the store's only server.")
@NOTIFY
@click.option("--tokens", type=PATH, help="The file of known tokens; or their lines in INGOT_TOKENS.")
@click.option("--tls-cert", type=PATH, help="The server's certificate (PEM).")
@click.option("--tls-key", type=PATH, help="Its private key (PEM).")
@click.option("--tls-client-ca", type=PATH, help="Clients must show a certificate of this authority (PEM).")
@click.option("--body-bytes", type=click.IntRange(1), default=1 << 20, show_default=True, help="Most bytes of a body.")
@click.option(
    "--seconds", type=click.FloatRange(0.1), default=30.0, show_default=True, help="Most seconds of a request."
)
@click.option("--drain-seconds", type=click.FloatRange(1), default=30.0, show_default=True, help="Most to stop in.")
@click.option("--connections", type=click.IntRange(1), default=1_000, show_default=True, help="Most at once.")
@click.option("--access-log/--no-access-log", default=True, help="A line for each request. [default: on]")
@click.option("--traces", is_flag=True, help="Send OpenTelemetry spans; OTEL_EXPORTER_OTLP_ENDPOINT says where to.")
@APPROVED
@KEYS
@MODEL
def serve_command(
    places: tuple[Path, ...],
    host: str,
    port: int,
    url: str | None,
    resume: bool,
    notify: str | None,
    tokens: Path | None,
    tls_cert: Path | None,
    tls_key: Path | None,
    tls_client_ca: Path | None,
    body_bytes: int,
    seconds: float,
    drain_seconds: float,
    connections: int,
    access_log: bool,
    traces: bool,
    require_approval: bool,
    keys: tuple[Path, ...],
    model: str | None,
) -> None:
    """Serve the artifacts at PLACES (artifacts, or folders of them) over HTTP: /openapi.json says how.

    Only artifacts that verify are served. A new version that appears in a folder is verified, then taken for new runs;
    SIGHUP looks at once and reads the tokens again. Addresses that others can reach need --tokens.
    """
    from ingot.cli.use import _ask_model
    from ingot.edges.http import HttpApp
    from ingot.edges.http_limits import Limits
    from ingot.edges.http_metrics import Log
    from ingot.edges.http_server import Listening, refuse_open, serve
    from ingot.edges.http_shelf import Shelf
    from ingot.store.notices import telling
    from ingot.store.store import Store

    send = send_to(notify, url)
    limits = Limits(body_bytes=body_bytes, seconds=seconds, drain_seconds=drain_seconds, connections=connections)
    known = None if tokens is None and not os.environ.get("INGOT_TOKENS") else lambda: _tokens(tokens)
    listening = Listening(host, port, _tls(tls_cert, tls_key, tls_client_ca), known)
    refuse_open(listening)  # before a store is made
    with Store.open(url) if url else nullcontext() as store:
        shelf = Shelf(places, store=store, trusted=keys, require_approval=require_approval, ask_model=_ask_model(model))
        log = Log(_write, requests=access_log)
        app = HttpApp(shelf, limits=limits, log=log, tracer=_tracer() if traces else None)
        with ExitStack() as stack:
            if store is not None and send is not None:
                stack.enter_context(telling(store, send, lambda line: log.event(event="notify", error=line)))
            serve(app, listening, ready=_ready, resume=resume)


def _ready(address: str) -> None:
    click.echo(f"serving at {address}")


def _write(line: bytes) -> None:
    sys.stderr.buffer.write(line)
    sys.stderr.buffer.flush()


def _tokens(path: Path | None) -> Tokens:
    from ingot.edges.http_tokens import read_tokens

    if path is None:
        return read_tokens(os.environ["INGOT_TOKENS"], "INGOT_TOKENS")
    try:
        return read_tokens(path.read_text(encoding="utf-8"), str(path))
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not UTF-8"
        raise InputError(f"cannot read the tokens: {reason}", place=str(path), hint="see `ingot token`") from None


def _tls(certificate: Path | None, key: Path | None, client_ca: Path | None) -> Tls | None:
    from ingot.edges.http_server import Tls

    if certificate is None and key is None and client_ca is None:
        return None
    if certificate is None or key is None:
        raise click.UsageError("TLS needs both --tls-cert and --tls-key")
    return Tls(certificate, key, client_ca)


def _tracer() -> Any:
    """A tracer that sends spans by OTLP over HTTP."""
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    provider = TracerProvider(resource=Resource.create({"service.name": "ingot"}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return provider.get_tracer("ingot")


@click.command("token")
@click.argument("name")
@click.option("--scopes", default="run", show_default=True, help="run, review, admin; with commas.")
@click.option("--add", "file", type=PATH, help="Add its line to this tokens file.")
def token_command(name: str, scopes: str, file: Path | None) -> None:
    """Make a token for NAME. It is shown once; the tokens file keeps only its hash."""
    from ingot.edges.http_tokens import new_token

    token, line = new_token(name, scopes)
    if file is None:
        click.echo(line)
    else:
        _add(file, line)
    click.echo(token)


def _add(file: Path, line: str) -> None:
    """Add a line to a tokens file, a line of its own whatever ends the one before. Raises InputError, and writes nothing,
    where the file is no tokens file."""
    from ingot.edges.http_tokens import read_tokens

    try:
        kept = file.read_text(encoding="utf-8") if file.exists() else ""
        if any(one.partition("#")[0].strip() for one in kept.splitlines()):  # the first token may follow a comment
            read_tokens(kept, str(file))
        with file.open("a", encoding="utf-8") as out:
            out.write(f"{line}\n" if kept.endswith("\n") or not kept else f"\n{line}\n")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not UTF-8"
        raise InputError(f"cannot add to the tokens: {reason}", place=str(file), hint="name another file") from None
