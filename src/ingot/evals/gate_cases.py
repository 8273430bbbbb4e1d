"""Labelled texts for the gates: injection, personal data, and instructions that leak.

Folders hold ``input_injection.json``, ``input_pii.json`` and ``output_leakage.json`` (``instances`` with a
``user_request`` and what is expected), and JSON Lines files of rows with ``text``, ``label`` (1: an attack), ``source``,
``category`` and ``kind`` (``document``: the text is only to be read).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from ingot.errors import InputError
from ingot.evals.kept_lines import evenly, key_of

Row = dict[str, Any]
_ALIASES = {"credit_card": "card", "medical_record": "mrn", "routing_number": "routing", "health_info": "health"}
INJECTIONS, PERSONAL = "injection cases", "personal data cases"
LEAKS_IN, LEAKS_OUT = "leak requests at the input gate", "leaks at the output gate"


@dataclass(frozen=True, slots=True)
class Text:
    """A text, which gate looks at it as what, and what is known of it.

    `table` is where it counts, `title` begins the names of the tables of its file: "" where the file has one. `positive` is whether the
    gate should see something; of personal data `kinds` are those in it. A reply has the `instructions` that it must not repeat
    but for `public` parts, perhaps their `canary`, and the `way` it was written in. `classified`: the trained classifier looks too.
    """

    table: str
    title: str
    name: str
    text: str
    look: Literal["request", "document", "personal", "reply"]
    positive: bool
    kinds: tuple[str, ...] = ()
    way: str = ""
    instructions: str = ""
    canary: str | None = None
    public: tuple[str, ...] = ()
    classified: bool = False

    @property
    def key(self) -> str:
        """The digest of all that a look at it depends on."""
        return key_of(self.look, self.text, self.instructions, self.canary, self.public, self.classified)


def has_gate_cases(folder: Path) -> bool:
    """Whether the folder, or one in it, holds cases for the gates."""
    return any(_files(folder))


def gate_texts(folder: Path, classifier: bool = False, limit: int | None = None) -> list[Text]:
    """All texts of the folder's files, at most `limit` of each table. With `classifier` those about injection are looked at by it too.
    Raises InputError on a file that is not as described."""
    texts = [text for path in _files(folder) for text in _texts(path)]
    chosen = evenly(texts, limit, of=lambda one: one.table)
    return [replace(one, classified=True) if classifier and _is_injection(one) else one for one in chosen]


def _is_injection(text: Text) -> bool:
    return text.look in ("request", "document") and text.table != LEAKS_IN


def _texts(path: Path) -> Iterator[Text]:
    if path.name == "input_injection.json":
        for row in _instances(path):
            yield Text(INJECTIONS, "", row["id"], _request(row), "request", bool(row["expected_output"]["blocked"]))
    elif path.name == "input_pii.json":
        for row in _instances(path):
            kinds = {_ALIASES.get(kind, kind) for kind in row["expected_output"]["pii_types"]}
            yield Text(PERSONAL, "", row["id"], _request(row), "personal", bool(kinds), tuple(sorted(kinds)))
    elif path.name == "output_leakage.json":
        for row in _instances(path):
            yield Text(LEAKS_IN, "", row["id"], _request(row), "request", row.get("attack_type", "none") != "none")
        yield from _replies()
    else:
        yield from _labelled(path)


def _request(row: Row) -> str:
    return str(row["input"]["user_request"])


def _replies() -> Iterator[Text]:
    """What a model that obeys an attack would write, and ordinary replies."""
    from ingot.evals.leaks import leaks, ordinary

    for one in leaks():
        name = f"{one.name}, {one.way}, {one.amount}"
        yield Text(
            LEAKS_OUT, "", name, one.reply, "reply", True, way=one.way, instructions=one.instructions, canary=one.canary
        )
    for name, reply, instructions, public in ordinary():
        yield Text(LEAKS_OUT, "", name, reply, "reply", False, instructions=instructions, public=tuple(public))


def _labelled(path: Path) -> Iterator[Text]:
    for row in _rows(path):
        table = f"{path.stem}: {row.get('source', 'rows')}, {row.get('kind', 'text')}"
        look: Literal["document", "request"] = "document" if row.get("kind") == "document" else "request"
        yield Text(table, path.stem, str(row.get("id", "")), str(row["text"]), look, bool(row["label"]))


def _files(folder: Path) -> Iterator[Path]:
    for place in (folder, *sorted(one for one in folder.iterdir() if one.is_dir())):
        for name in ("input_injection.json", "input_pii.json", "output_leakage.json"):
            if (place / name).is_file():
                yield place / name
        yield from sorted(one for one in place.glob("*.jsonl") if _is_labelled(one))


def _is_labelled(path: Path) -> bool:
    with path.open(encoding="utf-8") as lines:
        first = lines.readline()
    try:
        row = json.loads(first)
    except ValueError:
        return False
    return isinstance(row, dict) and {"text", "label"} <= row.keys()


def _instances(path: Path) -> list[Row]:
    try:
        rows: list[Row] = json.loads(path.read_text(encoding="utf-8"))["instances"]
        for row in rows:
            row["input"]["user_request"], row["expected_output"], row["id"]
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"is not a list of cases under 'instances': {error!r}", place=str(path)) from error
    return rows


def _rows(path: Path) -> list[Row]:
    try:
        rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
        for row in rows:
            row["text"], row["label"]
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"is not JSON Lines with text and label: {error!r}", place=str(path)) from error
    return rows
