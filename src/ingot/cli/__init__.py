"""The command line: arguments, printing and exit codes only.

Exit codes: 0 done; 1 refused (findings, a failed verification, a failed run); 2 bad usage, spec or input; 130 Ctrl-C.
"""

from __future__ import annotations

import importlib
import sys
from typing import Any

import click

from ingot import __version__

_COMMANDS = {
    "init": ("build", "Write a commented spec with cases that compiles as it is."),
    "compile": ("build", "Compile a spec with a model into a signed artifact."),
    "check": ("build", "Run the four stages on code from anywhere; no model, no network."),
    "prove": ("prove", "Prove invariants, or search for inputs that break them."),
    "plan": ("build", "Show template, modules and blocks chosen for a spec, with reasons."),
    "cases": ("cases", "Suggest cases, take answered ones into a spec, draw some from traffic."),
    "schema": ("build", "Print the JSON Schema of specs, for editors."),
    "rules": ("build", "List every rule, or explain one."),
    "run": ("use", "Run an artifact on an input."),
    "batch": ("batch", "Run an artifact on every row of a file, on all cores."),
    "serve": ("serve", "Serve artifacts over HTTP."),
    "token": ("serve", "Make a token that lets somebody in at a server."),
    "resume": ("durable", "Go on with runs whose process was killed."),
    "worker": ("temporal", "Run artifacts for a Temporal server."),
    "submit": ("temporal", "Start a run, or a file of them, on a Temporal server."),
    "status": ("temporal", "Show how a run on a Temporal server is."),
    "explain": ("use", "Run an artifact and show the lines and clauses that decided."),
    "verify": ("use", "Repeat every check of an artifact, offline."),
    "approve": ("approve", "Show what changes, and add a second person's signature to an artifact."),
    "keys": ("use", "Show the keys that sign and are trusted here, or make one."),
    "readback": ("readback", "Say in plain sentences what a rule does, from its code."),
    "show": ("use", "Show what an artifact holds."),
    "diff": ("diff", "Show which inputs change their outcome between two artifacts."),
    "export": ("export", "Write an artifact's rules as DMN decision tables, or as a Temporal worker."),
    "reviews": ("store", "List and decide what waits for a person."),
    "audit": ("store", "Verify, show, export or prune the audit log."),
    "replay": ("store", "Execute a recorded run again and compare."),
    "drift": ("drift", "Compare recorded runs with the cases: fields, escalations, refused model answers."),
    "mcp": ("mcp", "Serve compiled workflows as tools to agents; with --compile also the compile path."),
    "feedback": ("evolution", "Keep labelled outcomes: what should have come of an input."),
    "recompile": ("evolution", "Make a candidate version where labelled outcomes say that a rule is wrong."),
    "demo": ("demo", "See the whole path once: no key, no network."),
    "scan": ("scan", "Show what the gates before and after a model see in a text."),
    "bench": ("bench", "Measure: run time of artifacts, time of the stages."),
}


# packages that the base install leaves out, and the extra that brings them
_EXTRAS = {
    **dict.fromkeys(("rich", "hypothesis", "bandit", "pydantic_monty", "ruff", "ty", "z3"), "compile"),
    **dict.fromkeys(("pydantic_ai", "openai", "anthropic", "httpx2"), "providers"),
    **dict.fromkeys(("sqlalchemy", "alembic", "orjson", "msgspec"), "store"),
    **dict.fromkeys(("httpx", "psycopg"), "modules"),
    **dict.fromkeys(("pyarrow",), "parquet"),
    **dict.fromkeys(("temporalio",), "temporal"),
    **dict.fromkeys(("dbos",), "durable"),
    **dict.fromkeys(("mcp", "mcp_types", "anyio"), "mcp"),
    **dict.fromkeys(("uvicorn", "httptools", "prometheus_client"), "serve"),
    **dict.fromkeys(("opentelemetry",), "traces"),
    **dict.fromkeys(("matplotlib",), "bench"),
    **dict.fromkeys(("langchain", "langchain_core", "langsmith"), "langchain"),
    **dict.fromkeys(("dspy",), "dspy"),
    **dict.fromkeys(("autogen_agentchat", "autogen_core"), "autogen"),
}


# commands whose own extra brings the store too: the first package that is missing would name the smaller one
_WITH_STORE = {**dict.fromkeys(("serve", "token"), "serve"), "mcp": "mcp", "bench": "bench",
               **dict.fromkeys(("worker", "submit", "status"), "temporal")}  # fmt: skip


class _Lazy(click.Group):
    """Commands are imported when they are used, so that ``--help`` is quick."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        module = importlib.import_module(f"ingot.cli.{_COMMANDS[cmd_name][0]}")
        command: click.Command = getattr(module, f"{cmd_name}_command")
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, said) for name, (_, said) in _COMMANDS.items()])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            from ingot.yaml_text import closest

            hint = closest(args[0], _COMMANDS) if args else None
            raise click.UsageError(f"{error.message} {hint or ''}".strip(), ctx) from None


@click.command(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="ingot")
def cli() -> None:
    """Compiled AI for Python: a model writes a workflow's logic once, four gates check it, then it runs as plain code."""


def main(arguments: list[str] | None = None) -> Any:
    """The ``ingot`` command. Every error of ours is one message and an exit code; a bug of ours is a traceback."""
    from ingot.errors import IngotError

    try:
        return cli.main(arguments, prog_name="ingot", standalone_mode=False)
    except click.exceptions.Abort:
        click.echo("interrupted; nothing was half-written", err=True)
        sys.exit(130)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except click.exceptions.Exit as stop:
        sys.exit(stop.exit_code)
    except IngotError as error:
        click.echo(f"error: {error}", err=True)
        sys.exit(error.exit_code)
    except ModuleNotFoundError as error:
        extra = _EXTRAS.get((error.name or "").split(".")[0])
        if extra is None:
            raise
        if extra == "store":
            extra = _WITH_STORE.get(next(iter(sys.argv[1:] if arguments is None else arguments), ""), extra)
        click.echo(f"error: this needs {error.name!r}\n  hint: pip install 'ingot[{extra}]'", err=True)
        sys.exit(1)
    except BrokenPipeError:
        sys.exit(1)
    except OSError as error:  # a full disk, a folder that may not be written: the machine's answer, not our bug
        place = "" if error.filename is None else f"{error.filename}: "
        click.echo(f"error: {place}{error.strerror or error}", err=True)
        sys.exit(1)
