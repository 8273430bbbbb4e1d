"""`ingot bench http`: the server against a bare endpoint."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import click

from ingot.cli.progress import AS_JSON


@click.command("http")
@click.argument("artifact", required=False, type=click.Path(path_type=Path))
@click.option("--seconds", type=click.FloatRange(1), default=3.0, show_default=True, help="Of each measurement.")
@click.option("--rounds", type=click.IntRange(1), default=3, show_default=True, help="Measurements of each server.")
@click.option("--connections", type=click.IntRange(1), default=32, show_default=True, help="At once.")
@AS_JSON
def http_command(artifact: Path | None, seconds: float, rounds: int, connections: int, as_json: bool) -> None:
    """`ingot serve` of ARTIFACT (default: a bundled example) against a bare FastAPI endpoint with the same function.

    Both run under uvicorn with httptools and uvloop, a process each, and are loaded in turn: with wrk where it is
    installed. The bare endpoint writes no log; the server writes its own.
    """
    from ingot.evals.bundled import compile_example
    from ingot.evals.http_bench import bench_http

    with tempfile.TemporaryDirectory() as folder:
        path = artifact or compile_example("prior_auth", Path(folder)).path
        assert path is not None
        found = bench_http(path, _case(path), seconds=seconds, rounds=rounds, connections=connections)
    if as_json:
        click.echo(json.dumps(found.to_json(), indent=2))
        return
    click.echo(f"{found.connections} connections, {'wrk' if found.with_wrk else 'our own load'}")
    click.echo(f"{'server':<22}{'requests/s':>12}{'ratio':>8}{'p50':>10}{'p99':>10}{'failed':>8}")
    for name, load in found.loads.items():
        click.echo(
            f"{name:<22}{load.a_second:>12,.0f}{found.ratio(name):>8.2f}{load.p50_ms:>8.1f}ms{load.p99_ms:>8.1f}ms"
            f"{load.failed:>8}"
        )


def _case(path: Path) -> dict[str, Any]:
    from ingot.compile.rerun import case_rows
    from ingot.errors import StageError
    from ingot.runtime.run import load

    rows = case_rows(load(path).verified)
    if not rows:
        raise StageError("the artifact has no case to send", place=str(path))
    case: dict[str, Any] = rows[0]["input"]
    return case


@click.command("bare-http", hidden=True)
@click.argument("artifact", type=click.Path(path_type=Path))
def bare_http_command(artifact: Path) -> None:
    """Serve ARTIFACT's function from a plain FastAPI endpoint: no limits, no token, no log."""
    import socket

    import uvicorn
    from fastapi import FastAPI

    from ingot.runtime.run import load

    workflow = load(artifact)
    app = FastAPI()

    @app.post("/run")
    async def run(case: dict[str, Any]) -> Any:
        return workflow.transact(workflow.validate(case))

    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    config = uvicorn.Config(app, http="httptools", ws="none", log_level="critical", access_log=False)
    click.echo(f"serving at http://127.0.0.1:{listener.getsockname()[1]}")
    uvicorn.Server(config).run([listener])
