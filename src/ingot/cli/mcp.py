"""ingot mcp: compiled workflows, and the compile path, as tools of the Model Context Protocol."""

from __future__ import annotations

import ipaddress
import logging
import socket
import sys
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ingot.cli.notify import NOTIFY, send_to, warn
from ingot.cli.use import APPROVED, KEYS, MODEL
from ingot.errors import ArtifactError, InputError

if TYPE_CHECKING:
    from ingot.edges.http_shelf import Loaded
    from ingot.edges.http_tokens import Tokens
    from ingot.store.notices import Send
    from ingot.store.store import Store

PATH = click.Path(path_type=Path)


@click.command("mcp")
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option(
    "--http", "address", metavar="HOST:PORT", help="Serve streamable HTTP here, at /mcp; port 0 takes a free one."
)
@click.option(
    "--tokens", type=PATH, help="The file of known tokens (ingot token). Needed where others reach the address."
)
@click.option("--store", "url", help="Record every run in this store before it is answered: a file, or a URL.")
@click.option(
    "--compile", "compiles", is_flag=True, help="Also serve plan, get_prompt, submit and rules for the specs here."
)
@click.option("--out", type=PATH, help="Where submitted code goes that passes. [default: FOLDER/artifacts]")
@click.option(
    "--attempts",
    type=click.IntRange(1),
    default=20,
    show_default=True,
    help="How often a spec's code may be submitted.",
)
@NOTIFY
@APPROVED
@KEYS
@MODEL
def mcp_command(
    folder: Path,
    address: str | None,
    tokens: Path | None,
    url: str | None,
    compiles: bool,
    out: Path | None,
    attempts: int,
    notify: str | None,
    require_approval: bool,
    keys: tuple[Path, ...],
    model: str | None,
) -> None:
    """Serve the artifacts in FOLDER, or in FOLDER/artifacts, as tools to the agent at standard input and output.

    Each workflow is a tool: its clauses are the description, its fields the schemas. Artifacts are verified once, at the
    start. With --compile an agent that is connected can write the code of a spec below FOLDER and submit it to the four
    stages; what passes is an artifact that a person approves, and that is served after the next start.
    """
    import anyio

    from ingot.cli.use import _ask_model
    from ingot.edges.http_shelf import Shelf
    from ingot.edges.mcp import artifact_places, make_server, serve_http, serve_stdio
    from ingot.edges.mcp_compile import Bench
    from ingot.edges.mcp_tools import workflow_tools

    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(name)s: %(message)s")
    send = send_to(notify, url)
    known = None if tokens is None else _tokens(tokens)
    opened = None if address is None else _listen(address, known is not None)
    with _store(url) as store, _telling(store, send):
        shelf = Shelf(
            artifact_places(folder), store=store, trusted=keys, require_approval=require_approval,
            ask_model=_ask_model(model),
        )  # fmt: skip
        _tell(shelf.load())
        tools = workflow_tools(shelf)
        if compiles:
            tools += Bench(folder, out or folder / "artifacts", attempts).tools()
        if not tools:
            hint = "compile one, or give --compile to serve the compile path"
            raise ArtifactError("there is no artifact to serve", place=str(folder), hint=hint)
        server = make_server(tools)
        if opened is None:
            anyio.run(serve_stdio, server)
            return
        host, port = opened.getsockname()[:2]
        shown = f"[{host}]" if ":" in host else host
        click.echo(f"serving {len(tools)} tools at http://{shown}:{port}/mcp", err=True)
        # who may submit code makes artifacts: that is more than running them
        anyio.run(serve_http, server, opened, known, "admin" if compiles else "run")


def _store(url: str | None) -> AbstractContextManager[Store | None]:
    if url is None:
        return nullcontext()
    from ingot.store.store import Store

    return Store.open(url)


def _telling(store: Store | None, send: Send | None) -> AbstractContextManager[None]:
    """People are told of what waits while the context lasts; lines about it go to standard error, as the protocol asks."""
    if store is None or send is None:
        return nullcontext()
    from ingot.store.notices import telling

    return telling(store, send, warn)


def _tell(loaded: Loaded) -> None:
    for path, reason in loaded.refused:
        click.echo(f"not served: {path.name}: {reason}", err=True)


def _listen(address: str, guarded: bool) -> socket.socket:
    """A socket at HOST:PORT. Raises InputError where others could reach it and nothing is asked of them."""
    host, _, number = address.rpartition(":")
    host = host.removeprefix("[").removesuffix("]") or "127.0.0.1"
    if not (number.isascii() and number.isdigit() and int(number) < 65536):
        raise InputError(f"{address!r} is no address", place="--http", hint="write for instance 127.0.0.1:8765")
    if not guarded and not _is_loopback(host):
        hint = "make a token with `ingot token NAME --add FILE` and give --tokens FILE"
        raise InputError(f"{host!r} can be reached by others, and there are no tokens", place="--http", hint=hint)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, int(number)), family=family)


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _tokens(path: Path) -> Tokens:
    from ingot.edges.http_tokens import read_tokens

    try:
        return read_tokens(path.read_text(encoding="utf-8"), str(path))
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not UTF-8"
        raise InputError(f"cannot read the tokens: {reason}", place=str(path)) from None
