"""Labelled documents from files: what every document set is read into."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ingot.errors import InputError
from ingot.evals.scorers import Kind
from ingot.evals.suite_rows import read_rows

KINDS: tuple[Kind, ...] = ("text", "amount", "date")
_NAME = r"[a-z][a-z0-9_]*"
_FIELD = re.compile(rf"({_NAME})(?::(text|amount|date)|\[((?:{_NAME}(?::(?:text|amount|date))?,?)+)\])?")


@dataclass(frozen=True, slots=True)
class DocumentField:
    """A field to read. `about` says what it is and what tells it from others, as one would tell a new colleague.
    `columns` are the columns of a list of line items, by name; None where the field is one text."""

    name: str
    kind: Kind = "text"
    about: str = ""
    columns: Mapping[str, Kind] | None = None


@dataclass(frozen=True, slots=True)
class Document:
    """A document: its text and what is right for each field ("" or [] where it has none). `source` says where it is from,
    where that is known: documents of one source look alike."""

    id: str
    text: str
    expected: Mapping[str, Any] = field(default_factory=dict)
    source: str = ""


def documents(
    path: Path, fields: Sequence[DocumentField], *, labels: Sequence[str] = ("expected", "fields")
) -> list[Document]:
    """The documents of a JSON Lines file (a folder: its ``dev.jsonl`` or only ``.jsonl`` file): objects with ``id``,
    ``text`` and one of `labels`. Blanks at the ends of a label are no part of it. Raises InputError with file:line."""
    found = []
    for row, place in read_rows(_file(path)):
        told = next((row[name] for name in labels if isinstance(row.get(name), Mapping)), None)
        if told is None or not isinstance(row.get("text"), str) or "id" not in row:
            raise InputError(
                "a document has an id, a text and fields", place=place, hint='{"id": …, "text": …, "fields": {…}}'
            )
        source = row.get("source", "")
        found.append(Document(str(row["id"]), row["text"], _labels(told, fields, place), str(source)))
    return found


def read_fields(text: str, about: Path | None = None) -> tuple[DocumentField, ...]:
    """Fields from ``total:amount,date:date,items[name,price:amount]``; `about` is a JSON file of name to what it is.

    Raises InputError naming what cannot be read.
    """
    told = meanings(about)
    found: list[DocumentField] = []
    at = 0
    while at < len(text):
        match = _FIELD.match(text, at)
        if match is None or (match.end() < len(text) and text[match.end()] != ","):
            raise InputError(
                f"cannot read the fields at {text[at : at + 20]!r}", hint="total:amount,items[name,price:amount]"
            )
        name, kind, columns = match[1], match[2] or "text", match[3]
        found.append(DocumentField(name, _kind(kind), told.get(name, ""), _columns(columns)))
        at = match.end() + 1
    if not found or len({one.name for one in found}) < len(found):
        raise InputError(f"{text!r} names no field, or one twice", hint="total:amount,date:date")
    return tuple(found)


def _columns(text: str | None) -> dict[str, Kind] | None:
    if text is None:
        return None
    pairs = [part.partition(":") for part in text.rstrip(",").split(",")]
    return {name: _kind(kind or "text") for name, _, kind in pairs}


def _kind(text: str) -> Kind:
    return next(one for one in KINDS if one == text)


def meanings(path: Path | None) -> dict[str, str]:
    """What fields are, from a JSON file of name to text; nothing without a file. Raises InputError."""
    if path is None:
        return {}
    try:
        told = json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError) as error:
        raise InputError(f"cannot read what the fields are: {error}", place=str(path)) from None
    if not isinstance(told, dict):
        raise InputError("what the fields are is an object of name to text", place=str(path))
    return {str(name): str(text) for name, text in told.items()}


def _file(path: Path) -> Path:
    if not path.is_dir():
        return path
    if (path / "dev.jsonl").exists():
        return path / "dev.jsonl"
    files = sorted(path.glob("*.jsonl"))
    if len(files) != 1:
        raise InputError(
            f"{len(files)} .jsonl files, and none is dev.jsonl", place=str(path), hint="give the file itself"
        )
    return files[0]


def _labels(told: Mapping[str, Any], fields: Sequence[DocumentField], place: str) -> dict[str, Any]:
    return dict(_label(told, one, place) for one in fields)


def _label(told: Mapping[str, Any], one: DocumentField, place: str) -> tuple[str, Any]:
    value = told.get(one.name)
    if one.columns is None:
        if value is not None and not isinstance(value, str | int | float):
            raise InputError(
                f"{one.name!r} is {type(value).__name__}, not one text",
                place=place,
                hint="name its columns: items[name,price]",
            )
        return one.name, "" if value is None else str(value).strip()
    if value is not None and not (isinstance(value, list) and all(isinstance(row, Mapping) for row in value)):
        raise InputError(f"{one.name!r} is no list of line items", place=place, hint="a list of objects")
    return one.name, [{name: str(row.get(name) or "").strip() for name in one.columns} for row in value or []]


def lines_of(text: str) -> Iterator[tuple[int, str]]:
    """Each line with the place of its first letter."""
    at = 0
    for line in text.split("\n"):
        yield at, line
        at += len(line) + 1
