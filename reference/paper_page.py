"""The comparison with the paper, from `claims.yaml`. A figure that its page no longer states stops the build; one that is older
than the code that it depends on says so. `python reference/paper_page.py` prints today's digests for the file."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict
from ruamel.yaml import YAML

from pieces import code, plain, table

ROOT = Path(__file__).parents[1]
CLAIMS = Path(__file__).with_name("claims.yaml")

_HEAD = """# The paper's claims

What "Compiled AI: Deterministic Code Generation for LLM-Based Workflow Automation" ([arXiv
2604.05150](https://arxiv.org/abs/2604.05150)) claims, and what was measured of Ingot. *Abstract* and *paper* are the paper's own word;
*rescored* was measured on its published code and stored outputs. **Not measured** means that: nothing is known, and no claim is made.

The table is made of a file that names a command or a test for every figure of ours. The build stops where a figure is no longer
in the page that it was taken from; where code was changed after it was measured, the table says so.
"""


class Claim(BaseModel):
    """One row of the file, which says at its top what the keys mean."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    claim: str
    theirs: str
    source: Literal["abstract", "paper", "rescored"]
    ours: str | None = None
    how: str | None = None
    on: str | None = None
    page: str | None = None
    quote: str | None = None
    of: tuple[str, ...] = ()
    digest: str | None = None
    note: str = ""


def read_claims(path: Path = CLAIMS) -> tuple[Claim, ...]:
    """The rows. Raises ValidationError."""
    rows = YAML(typ="safe").load(path)
    return tuple(Claim.model_validate({**row, **({"on": str(row["on"])} if "on" in row else {})}) for row in rows)


def problems(claims: Iterable[Claim], root: Path = ROOT) -> list[str]:
    """What keeps the table from being true: figures without an origin, and those that their page does not state."""
    found: list[str] = []
    for one in claims:
        if (one.ours is None) != (one.how is None) or (one.ours is None) != (one.on is None):
            found.append(f"{one.claim!r}: a figure needs 'how' and 'on', and these need a figure")
        if (one.page is None) != (one.quote is None):
            found.append(f"{one.claim!r}: 'page' and 'quote' go together")
        if one.page and one.quote and one.quote not in _words(root / "docs" / one.page):
            found.append(
                f"{one.claim!r}: docs/{one.page} does not say {one.quote!r}: measure again, then write both anew"
            )
        if one.how and not one.how.startswith("ingot ") and not (root / one.how).is_file():
            found.append(f"{one.claim!r}: there is no {one.how!r}")
        if bool(one.of) != (one.digest is not None):
            found.append(f"{one.claim!r}: 'of' and 'digest' go together")
        found += [f"{one.claim!r}: there is no {name!r}" for name in one.of if not (root / name).exists()]
    return found


def _words(page: Path) -> str:
    return " ".join(page.read_text(encoding="utf-8").split())


def state(names: Iterable[str], root: Path = ROOT) -> str:
    """SHA-256 over the Python files at these paths: ``sha256:`` and its first 12 hex digits."""
    found = hashlib.sha256()
    for name in names:
        path = root / name
        for file in sorted(path.rglob("*.py")) if path.is_dir() else [path]:
            found.update(file.relative_to(root).as_posix().encode() + b"\0" + file.read_bytes() + b"\0")
    return f"sha256:{found.hexdigest()[:12]}"


def paper_page() -> str:
    """The page as Markdown. Raises ValueError where the file and the pages disagree."""
    claims = read_claims()
    wrong = problems(claims)
    if wrong:
        raise ValueError("; ".join(wrong))
    rows = [(plain(one.claim), f"{plain(one.theirs)} ({one.source})", _ours(one), _origin(one)) for one in claims]
    noted = [f"- {plain(one.claim)}: {plain(one.note)}" for one in claims if one.note]
    measured = sum(one.ours is not None for one in claims)
    head = f"{_HEAD}\n{measured} of {len(claims)} rows are measured.\n"
    return "\n".join([head, table(("claim", "theirs", "ours", "how, when"), rows), "\n## Notes\n", *noted, ""])


def _ours(one: Claim) -> str:
    return "**not measured**" if one.ours is None else plain(one.ours)


def _origin(one: Claim) -> str:
    if one.how is None:
        return ""
    page = f", [{one.page.removesuffix('.md')}]({one.page})" if one.page else ""
    old = "; *the code was changed since*" if one.of and state(one.of) != one.digest else ""
    return f"{code(one.how)}, {one.on}{page}{old}"


if __name__ == "__main__":
    for row in read_claims():
        if row.of:
            print(state(row.of), row.claim)  # noqa: T201 - this is what it is run for
