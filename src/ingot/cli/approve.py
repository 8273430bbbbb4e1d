"""ingot approve: show what changes since the last approved version, then sign."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ingot.cli.use import ARTIFACT, KEYS

if TYPE_CHECKING:
    from ingot.artifact.sign import Trusted
    from ingot.artifact.statement import Shown
    from ingot.artifact.verify import Verified

APPROVALS = "approvals"
"""The folder beside the artifacts that holds the pages: a signed artifact takes no further file."""


@click.command("approve")
@ARTIFACT
@click.option("--as", "name", required=True, help="Who approves; must not be the author's key.")
@click.option("--signing-key", type=click.Path(path_type=Path), help="The approver's private key (PEM).")
@click.option("--reason", default="", help="Why it is approved; kept in the statement.")
@click.option(
    "--against",
    type=click.Path(path_type=Path),
    help="The version to compare with. [default: the last approved one of this workflow in the artifact's folder]",
)
@click.option("--yes", is_flag=True, help="Sign without being asked; on a terminal you are asked otherwise.")
@KEYS
def approve_command(
    artifact: Path,
    name: str,
    signing_key: Path | None,
    reason: str,
    against: Path | None,
    yes: bool,
    keys: tuple[Path, ...],
) -> None:
    """Show which inputs change their outcome since the last approved version, then add a second signature to ARTIFACT.

    Author and approver are two people with two keys. The statement that is signed names the version compared with and
    the SHA-256 of the difference shown; the difference as a page goes into the folder approvals/ beside the artifact.
    """
    from ingot.artifact.approve import approve, may_approve
    from ingot.artifact.sign import SigningKey, read_key, trust, trusted_keys

    key = read_key(signing_key) if signing_key else SigningKey.own()
    trusted = {**trusted_keys(keys), **trust(key)}  # what one has approved oneself counts as approved
    verified = may_approve(artifact, key, name, trusted)
    previous = _previous(verified, against, trusted)
    told = _told(previous, verified)
    for line in told.lines:
        click.echo(line)
    if previous is not None:
        click.echo(f"page: {_write_page(verified, previous, told.page)}")
    if not yes and sys.stdin is not None and sys.stdin.isatty() and sys.stdout.isatty():
        click.confirm(f"\napprove as {name}?", abort=True)
    approval = approve(
        artifact,
        key,
        name,
        at=datetime.now(UTC),
        trusted=trusted,
        note=reason,
        shown=told.shown,
        digest=verified.digest,
    )
    click.echo(f"approved by {approval.name} with key {approval.key[:12]}")


def _previous(verified: Verified, against: Path | None, trusted: Trusted) -> Verified | None:
    """The version to compare with. Raises ArtifactError where the one that is named does not verify."""
    from ingot.artifact.approved import last_approved
    from ingot.artifact.verify import verify

    if against is not None:
        named = verify(against, trusted)
        if not named.approvals:
            click.echo(f"note: {against} is approved by nobody whose key is trusted here", err=True)
        return named
    found = last_approved(verified, trusted)
    for path, why in found.refused:
        click.echo(f"note: {path.name} was passed over: {why}", err=True)
    return found.approved


@dataclass(frozen=True, slots=True)
class _Told:
    """What the approver is told: on the terminal, in the statement, and as a page (empty where there is none)."""

    lines: tuple[str, ...]
    shown: Shown
    page: str = ""


def _told(previous: Verified | None, verified: Verified) -> _Told:
    from ingot.artifact.difference_page import difference_page
    from ingot.artifact.statement import Shown
    from ingot.canonical import canonical_json, digest
    from ingot.cli.diff import text_changes, title
    from ingot.cli.difference_text import difference_lines

    if previous is None:
        words = "no approved version of this workflow found beside it: everything is new"
        return _Told((words,), Shown(None, digest(canonical_json({"verdict": "everything is new"}))))
    from ingot.compile.compare import difference, version_of

    found = difference(version_of(previous), version_of(verified))
    written = ", ".join(text_changes(previous, verified)) or "nothing"
    approvers = ", ".join(one.name for one in previous.approvals) or "nobody"
    lines = (
        f"since {title(previous)}, approved by {approvers}:",
        "",
        *difference_lines(found),
        "",
        f"text that differs: {written} (ingot diff shows it)",
    )
    shown = Shown(previous.digest, found.digest())
    page = difference_page(_named(previous), _named(verified), found.to_json(), shown.difference, found.sentence())
    return _Told(lines, shown, page)


def _named(one: Verified) -> dict[str, str]:
    return {"name": one.manifest.name, "version": one.manifest.version, "digest": one.digest}


def _write_page(verified: Verified, previous: Verified, page: str) -> Path:
    from ingot.artifact.durable import replace_file
    from ingot.artifact.manifest import folder_name

    manifest = verified.manifest
    name = folder_name(manifest.name, manifest.version, verified.digest)
    path = verified.path.absolute().parent / APPROVALS / f"{name}-since-{previous.digest[:12]}.html"
    path.parent.mkdir(exist_ok=True)
    replace_file(path, page.encode())
    return path
