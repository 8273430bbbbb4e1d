"""ingot scan: what the gates before and after a model see in a text."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import click

from ingot.cli.given import given_text

if TYPE_CHECKING:
    from ingot.gates import Found


_HOW = "@FILE reads a file of UTF-8 text; write TEXT without @ to scan the words themselves"


@click.command("scan")
@click.argument("text")
@click.option("--document", is_flag=True, help="The text is only to be read: it may not ask for anything.")
@click.option("--system", help="Instructions (or @FILE): look for them in the text, as in a model's reply.")
@click.option("--classifier", is_flag=True, help="Ask the trained classifier too (extra 'classifier').")
@click.option("--redact", "redacted", is_flag=True, help="Print the text with tokens in place of personal data.")
@click.option("--reveal", is_flag=True, help="Show the values found.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of text.")
def scan_command(
    text: str, document: bool, system: str | None, classifier: bool, redacted: bool, reveal: bool, as_json: bool
) -> None:
    """Show what the gates see in TEXT, @FILE or - (standard input): personal data, injection, leaked instructions.

    Exit code 1 where something is found that would stop the text. Values are masked unless --reveal is given.
    """
    from ingot import gates

    text = given_text(text, _HOW)
    found = [*gates.find_personal(text), *gates.find_injection(text, "document" if document else "request")]
    if classifier:
        from ingot.gates.classifier import find_by_classifier

        found += find_by_classifier(text)
    if system is not None:
        found += gates.find_leaks(text, given_text(system, _HOW))
    found.sort(key=lambda one: (one.start, one.end, one.gate, one.code))
    shown = gates.redact(text).text if redacted else None
    if as_json:
        rows = [_row(one, text, reveal) for one in found]
        stops = any(one.blocks for one in found)
        click.echo(json.dumps({"stops": stops, "found": rows, **({"redacted": shown} if redacted else {})}, indent=2))
    elif redacted:
        click.echo(shown)
    else:
        _print(found, text, reveal)
    if any(one.blocks for one in found):
        sys.exit(1)


def _print(found: list[Found], text: str, reveal: bool) -> None:
    for one in found:
        value = _value(one, text, reveal)
        place = f"{one.start}-{one.end}"
        weak = "" if one.blocks else "  (too weak to stop it)"
        click.echo(f"{place:>11}  {one.score:.2f}  {one.code + ' ' if one.code else ''}{one.kind}: {value}{weak}")
        click.echo(f"{'':>19}{one.why}")
    stops = sum(one.blocks for one in found)
    click.echo(f"{stops} found that would stop it" if stops else "nothing found that would stop it")


def _row(one: Found, text: str, reveal: bool) -> dict[str, Any]:
    return {**one.to_json(), "value": _value(one, text, reveal)}


def _value(one: Found, text: str, reveal: bool) -> str:
    """What stands at the place: whole of an attack, which is to be read; of personal data only its shape."""
    value = text[one.start : one.end]
    if one.gate == "injection" and not reveal:
        from ingot.gates import find_personal

        for inside in reversed(find_personal(value)):
            value = value[: inside.start] + _mask(value[inside.start : inside.end]) + value[inside.end :]
    elif not reveal:
        value = _mask(value)
    shown = "".join(each if each.isprintable() else " " for each in value)
    return shown if len(shown) <= 100 else f"{shown[:97]}..."


def _mask(value: str) -> str:
    return "".join("*" if each.isalnum() else each for each in value)
