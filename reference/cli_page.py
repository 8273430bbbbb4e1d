"""The command-line reference, from the commands themselves."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator

import click

from ingot.cli import cli
from pieces import block, code, plain, table

_HEAD = """# Command line

Every command with its arguments and options, from the commands themselves; `ingot COMMAND --help` prints the same. Exit codes: 0
done; 1 refused (findings, a failed verification, a failed run); 2 bad usage, spec or input; 130 Ctrl-C.
"""


def cli_page() -> str:
    """The page as Markdown."""
    commands = list(every_command(click.Context(cli, info_name="ingot")))
    return "\n".join([_HEAD, *(_command(context) for context in commands)])


def every_command(context: click.Context) -> Iterator[click.Context]:
    """A context for each command below this one, groups before what is in them."""
    group = context.command
    assert isinstance(group, click.Group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if command is None or command.hidden:
            continue
        inner = click.Context(command, info_name=name, parent=context)
        yield inner
        if isinstance(command, click.Group):
            yield from every_command(inner)


def _command(context: click.Context) -> str:
    depth = context.command_path.count(" ")
    usage = context.command.get_usage(context).removeprefix("Usage: ")
    parts = [f"{'#' * (depth + 1)} {context.command_path}", _help(context.command), block(" ".join(usage.split()))]
    shown = [one for one in context.command.params if isinstance(one, click.Option) and not one.hidden]
    if shown:
        parts.append(table(("option", "value", "default", "meaning"), (_option(one, context) for one in shown)))
    return "\n\n".join(part for part in parts if part) + "\n"


def _help(command: click.Command) -> str:
    """The help text; paragraphs that click must not wrap are shown as they are."""
    parts = inspect.cleandoc(command.help or "").partition("\f")[0].split("\n\n")
    return "\n\n".join(block(part[2:]) if part.startswith("\b\n") else plain(part) for part in parts if part.strip())


def _option(option: click.Option, context: click.Context) -> tuple[str, str, str, str]:
    names = " ".join(code(name) for name in (*option.opts, *option.secondary_opts))
    told = option.get_help_extra(context)
    default = "**required**" if option.required else _default(told.get("default"), option)
    variables = told.get("envvars", ())
    said = plain(re.sub(r"\s*\[default: [^]]*\]", "", option.help or ""))
    said += f" Also from {', '.join(code(name) for name in variables)}." if variables else ""
    return names, _value(option, context), default, said


def _default(told: str | None, option: click.Option) -> str:
    written = re.search(r"\[default: ([^]]*)\]", option.help or "")
    if written:
        return plain(written[1])
    if told is None or told == "":
        return ""
    return plain(told.strip("()")) if told.startswith("(") else code(told)


def _value(option: click.Option, context: click.Context) -> str:
    if option.is_flag or option.count:
        return ""
    if isinstance(option.type, click.Choice):
        return " ".join(code(str(one)) for one in option.type.choices)
    if isinstance(option.type, click.DateTime):
        return code("YYYY-MM-DD")
    bounds = option.get_help_extra(context).get("range")
    shown = code(option.make_metavar(context).removesuffix(" RANGE"))
    return f"{shown} {plain(bounds.replace('<=', '≤').replace('>=', '≥'))}" if bounds else shown
