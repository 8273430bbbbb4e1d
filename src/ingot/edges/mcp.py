"""The server of the Model Context Protocol: tools over standard input and output, or over HTTP.

Artifacts are verified when the server starts and stay the same while it runs: what a client compiles meanwhile is
served only after a person started the server again. What is no longer trusted is called no more.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from socket import socket
from typing import Any

import anyio
from anyio.to_thread import run_sync
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel.server import Server
from mcp.server.stdio import stdio_server
from mcp.server.transport_security import TransportSecuritySettings
from mcp.shared.exceptions import MCPError
from mcp_types import (
    INVALID_PARAMS,
    CallToolRequestParams,
    CallToolResult,
    ListToolsResult,
    PaginatedRequestParams,
    TextContent,
    ToolAnnotations,
)
from mcp_types import Tool as Described

from ingot import __version__
from ingot.artifact.manifest import MANIFEST
from ingot.edges.http_errors import Refused
from ingot.edges.http_tokens import Scope, Tokens
from ingot.edges.logs import place_of
from ingot.edges.mcp_tools import Answer, Tool

LOG = logging.getLogger("ingot.mcp")
LONGEST_CLIENT = 60
AT_ONCE = 4
"""Calls that run at the same time; more of them wait."""

Context = ServerRequestContext[Any, Any]


def artifact_places(folder: Path) -> list[Path]:
    """Where artifacts are looked for: the folder itself, and ``artifacts`` in it, where `ingot compile` puts them."""
    if (folder / MANIFEST).is_file() or not (folder / "artifacts").is_dir():
        return [folder]
    return [folder, folder / "artifacts"]


def make_server(tools: Sequence[Tool]) -> Server[Any]:
    """A server with these tools. A call that goes wrong is an answer that says so; the log gets names, no values."""
    by_name = {tool.name: tool for tool in tools}
    described = [_described(tool) for tool in tools]
    limiter = anyio.CapacityLimiter(AT_ONCE)

    async def list_tools(_ctx: Context, _params: PaginatedRequestParams | None) -> ListToolsResult:
        return ListToolsResult(tools=described)

    async def call_tool(ctx: Context, params: CallToolRequestParams) -> CallToolResult:
        tool = by_name.get(params.name)
        if tool is None:
            raise MCPError(INVALID_PARAMS, "there is no such tool; tools/list names them")
        answer = await run_sync(_called, tool, params.arguments or {}, client_name(ctx), limiter=limiter)
        LOG.info("%s %s", tool.name, "failed" if answer.failed else "answered")
        return _answered(answer)

    schemas: dict[str, Mapping[str, Any]] = {tool.name: tool.takes for tool in tools}
    return Server(
        "ingot",
        version=__version__,
        title="Ingot workflows",
        instructions="Each workflow is plain code that was proved before. An outcome that needs_review is not decided.",
        get_tool_input_schema=schemas.get,
        on_list_tools=list_tools,
        on_call_tool=call_tool,
    )


def _called(tool: Tool, given: Mapping[str, Any], client: str) -> Answer:
    """What a tool answers. A bug of ours is one too: the protocol's package would tell the client, and the log, what the
    exception says, which may hold a value."""
    try:
        return tool.call(given, client)
    except Exception as error:  # noqa: BLE001 - only its type and place are told
        LOG.error("%s: a bug: %s", tool.name, place_of(error))
        return Answer("the server has a bug\nnext: tell whoever runs it; its log has the place", failed=True)


def _described(tool: Tool) -> Described:
    hints = ToolAnnotations(read_only_hint=not tool.changes, destructive_hint=False, open_world_hint=False)
    return Described(
        name=tool.name,
        title=tool.title,
        description=tool.description,
        input_schema=dict(tool.takes),
        output_schema=dict(tool.gives),
        annotations=hints,
    )


def _answered(answer: Answer) -> CallToolResult:
    text = [answer.text] if answer.text else []
    if answer.value is not None and not answer.failed:
        shown = json.dumps(answer.value, ensure_ascii=False, indent=2)
        text += [] if shown in text else [shown]
    value = None if answer.value is None else dict(answer.value)
    content: list[Any] = [TextContent(type="text", text=one) for one in text]
    return CallToolResult(content=content, structured_content=value, is_error=answer.failed)


def client_name(ctx: Context) -> str:
    """Who the client says it is, on one line; it goes into the provenance of what it writes."""
    told = ctx.session.client_params
    words = "" if told is None else f"{told.client_info.name} {told.client_info.version}"
    shown = " ".join("".join(char if char.isprintable() else " " for char in words).split())[:LONGEST_CLIENT]
    return f"{shown or 'a client without a name'} (over MCP)"


# ---- transports --------------------------------------------------------------------------------------------------


async def serve_stdio(server: Server[Any]) -> None:
    """Serve the one client at standard input and output, until it closes them."""
    async with stdio_server() as (incoming, outgoing):
        await server.run(incoming, outgoing, server.create_initialization_options())


def http_app(server: Server[Any], host: str, tokens: Tokens | None, needed: Scope = "run") -> Any:
    """The ASGI application at ``/mcp``. With `tokens` every request shows one that has the `needed` scope."""
    if tokens is not None:
        return Guarded(server.streamable_http_app(host=host), tokens, needed)
    # a page in somebody's browser, under a name that points here, is not this machine; the package itself would look at
    # that for three addresses and no others
    names = {"127.0.0.1", "localhost", "[::1]", f"[{host}]" if ":" in host else host}
    only = TransportSecuritySettings(
        enable_dns_rebinding_protection=True,
        allowed_hosts=[f"{name}:*" for name in sorted(names)],
        allowed_origins=[f"http://{name}:*" for name in sorted(names)],
    )
    return server.streamable_http_app(host=host, transport_security=only)


class Guarded:
    """Lets requests with a known token through to `app`; the rest is answered 401 or 403 before anything is read."""

    def __init__(self, app: Any, tokens: Tokens, needed: Scope) -> None:
        self._app, self._tokens, self._needed = app, tokens, needed

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """One ASGI connection."""
        if scope["type"] == "http":
            try:
                caller = self._tokens.caller(dict(scope["headers"]).get(b"authorization"), None)
                if self._needed not in caller.scopes:
                    raise Refused(403, f"this token lacks the scope {self._needed!r}", place="Authorization")
            except Refused as error:
                await _refuse(error, send)
                return
        await self._app(scope, receive, send)


async def _refuse(error: Refused, send: Any) -> None:
    body = json.dumps(error.to_json()).encode()
    head = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode()), *error.headers]
    await send({"type": "http.response.start", "status": error.status, "headers": head})
    await send({"type": "http.response.body", "body": body})


async def serve_http(server: Server[Any], opened: socket, tokens: Tokens | None, needed: Scope = "run") -> None:
    """Serve over streamable HTTP at a socket that listens already, until a signal ends it. With `tokens` every request
    shows one that has the `needed` scope."""
    import uvicorn

    app = http_app(server, str(opened.getsockname()[0]), tokens, needed)
    config = uvicorn.Config(app, log_level="warning", access_log=False)
    await uvicorn.Server(config).serve(sockets=[opened])
