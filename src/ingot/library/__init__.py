"""The reviewed library: what an artifact holds copies of, so that its digests cover it.

    templates/   how a workflow is driven: handler, stream, batch, validator
    modules/     what a workflow may do to the world: database, http, notify, files
    blocks/      what an obligation adds: prompt text, and the enforced rules that stand behind it

A copy is complete on its own: it imports the standard library and, inside its functions, the one library that it is
about; nothing of Ingot. What the modules have in common is written once, in ``modules/shared.py``, and `read` puts it
into each of them. Each module defines ``OPERATIONS`` (``http.get`` and so on, to
``operation(settings, environment) -> perform``, ``perform(arguments) -> outputs``) and ``check(operation, settings,
inputs)``, the problems of a step's settings that can be seen without any I/O.

A block maps its rules to clauses of the source it was written from. It says what is enforced and where that clause
can be read, never that a workflow complies.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from types import ModuleType
from typing import Literal

from ingot.errors import IngotError
from ingot.library.standalone import standalone

Kind = Literal["templates", "modules", "blocks"]

TEMPLATES: Mapping[str, str] = {
    "handler": "one item in, one outcome out, in the caller's thread",
    "stream": "items keep arriving; outcomes leave in order; a slow reader slows the source down",
    "batch": "a finished set of items into one file, with checkpoints; may be killed and resumed",
    "validator": "every outcome is checked; what does not hold falls back or goes to a person",
}
MODULES: Mapping[str, str] = {
    "database": "literal SQL with bound parameters on SQLite and PostgreSQL: query, execute",
    "http": "JSON over HTTPS to listed hosts, with time-outs and retries: get, post",
    "notify": "an e-mail over SMTP, a signed webhook: email, webhook",
    "files": "text and JSON files below declared folders: read, write",
}
BLOCKS: Mapping[str, str] = {
    "HIPAA": "protected health information stays inside the workflow, or leaves it masked",
    "PCI-DSS": "a card number stays in generated functions; anything else sees its last four digits at most",
    "SOC2": "every call to another machine has a stated time-out, and the workflow has an owner",
    "CMS_Decision_Timeframes": "a decision against a person reaches a person, with its reason",
}
_BLOCK_FILES = {"HIPAA": "hipaa", "PCI-DSS": "pci_dss", "SOC2": "soc2", "CMS_Decision_Timeframes": "cms"}
_CATALOGUE: Mapping[Kind, Mapping[str, str]] = {"templates": TEMPLATES, "modules": MODULES, "blocks": BLOCKS}


@dataclass(frozen=True, slots=True)
class Clause:
    """A place in a public source, what it is about, and the codes of the rules that were written with it in mind."""

    id: str
    topic: str
    rules: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Block:
    """An obligation's share of a compile: `text` goes into the prompt, `rules` are enforced by `check_flow`."""

    name: str
    summary: str
    text: str
    rules: tuple[str, ...]
    clauses: tuple[Clause, ...]


def file_name(kind: Kind, name: str) -> str:
    """The path of a library file below the library's folder, for instance ``modules/http.py`` for ``http`` or ``http.py``.

    Raises IngotError for a name that is not in the catalogue.
    """
    name = name.removesuffix(".py")
    if name not in _CATALOGUE[kind]:
        raise IngotError(
            f"the library has no {name!r} in {kind}", hint=f"there are {', '.join(sorted(_CATALOGUE[kind]))}"
        )
    return f"blocks/{_BLOCK_FILES[name]}.yaml" if kind == "blocks" else f"{kind}/{name}.py"


def read(kind: Kind, name: str) -> bytes:
    """The bytes of a library file, as an artifact holds them. Raises IngotError for an unknown name.

    Templates and blocks are the file itself; a module is made `standalone`, the same bytes each time.
    """
    folder = resources.files(__name__)
    content = (folder / file_name(kind, name)).read_bytes()
    return standalone(content, (folder / "modules/shared.py").read_bytes()) if kind == "modules" else content


def module(name: str) -> ModuleType:
    """A module of the library, imported, for its `check`. Running artifacts execute their own copy instead."""
    file_name("modules", name)
    return importlib.import_module(f"{__name__}.modules.{name}")


@cache
def block(name: str) -> Block:
    """A block by its name in ``metadata.compliance``. Raises IngotError for an unknown name."""
    from ingot.yaml_text import read_yaml

    tree, _ = read_yaml(read("blocks", name).decode(), file_name("blocks", name))
    clauses = tuple(Clause(str(row["id"]), str(row["topic"]), tuple(row["rules"])) for row in tree["clauses"])
    text = " ".join(str(tree["text"]).split())
    return Block(str(tree["name"]), str(tree["summary"]), text, tuple(tree["rules"]), clauses)
