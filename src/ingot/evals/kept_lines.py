"""JSON lines under a header that says of what they are, kept as they are made, so that a long bench may be run in parts."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Generic, TypeVar

from pydantic import TypeAdapter, ValidationError

from ingot.canonical import canonical_json, digest
from ingot.errors import InputError
from ingot.models.atomic import write_atomically

T = TypeVar("T")
ROWS = "rows.jsonl"
ESCAPED = "backslashreplace"
"""How half a surrogate pair is written, which UTF-8 has no bytes for: as JSON's own escape."""
Refuse = Callable[[Mapping[str, Any]], None]
"""Raises for a header that is not to be gone on with."""


class KeptLines:
    """The lines of a file under its first one, `header`, which says of what they are: a file with another is refused, or where
    `refuse` is given one that it raises for. `found` are the objects of the other lines, each with its place. A line that was cut
    off while it was written is taken away. Raises InputError also where a line is no object."""

    def __init__(self, path: Path, header: Mapping[str, Any], refuse: Refuse | None = None) -> None:
        self.path = path
        self.found: list[tuple[dict[str, Any], str]] = []
        lines = path.read_bytes().split(b"\n") if path.exists() else [b""]
        if len(lines) == 1:
            write_atomically(path, _line(header))
            return
        (refuse or partial(_refuse_another, path, json.loads(_line(header))))(_read(lines[0], f"{path}:1"))
        for number, line in enumerate(lines[1:-1], start=2):
            self.found.append((_read(line, f"{path}:{number}"), f"{path}:{number}"))
        if lines[-1]:
            write_atomically(path, b"\n".join(lines[:-1]) + b"\n")

    def add(self, line: Mapping[str, Any]) -> None:
        """Keep one more; it is on the disk then."""
        with self.path.open("ab") as file:
            file.write(_line(line))
            file.flush()
            os.fsync(file.fileno())


def _line(told: Mapping[str, Any]) -> bytes:
    return (json.dumps(told, ensure_ascii=False) + "\n").encode(errors=ESCAPED)


def _refuse_another(path: Path, now: Mapping[str, Any], was: Mapping[str, Any]) -> None:
    if apart := [name for name in {**now, **was} if was.get(name) != now.get(name)]:
        hint = "give another --out"
        raise InputError(f"the folder holds runs of another {apart[0]}", place=str(path), hint=hint)


class KeptRows(Generic[T]):
    """What a bench found, each under the digest of what it was found of, in one file of a folder: what is changed is measured anew.

    `kind` is a type of plain values (a dataclass), which is written and read field by field; `told` says how it was measured.
    Raises InputError as `KeptLines`, and where a line is not of this kind.
    """

    def __init__(self, folder: Path, kind: type[T], told: Mapping[str, Any]) -> None:
        self._lines = KeptLines(folder / ROWS, {"format": "ingot-bench-rows/1", **told})
        self._shape: TypeAdapter[T] = TypeAdapter(kind)
        self._found: dict[str, T] = {}
        for line, place in self._lines.found:
            try:
                self._found[line["of"]] = self._shape.validate_python(line["found"])
            except (KeyError, ValidationError) as error:
                said = str(error).split("\n")[0]
                raise not_one(f"not what this bench keeps: {type(error).__name__} {said}", place) from None

    def get(self, key: str) -> T | None:
        """What was found of this, None where it was not measured yet."""
        return self._found.get(key)

    def add(self, key: str, found: T) -> None:
        """Keep what was found of one more."""
        self._lines.add({"of": key, "found": self._shape.dump_python(found, mode="json")})
        self._found[key] = found


def key_of(*parts: Any) -> str:
    """Under which name something is kept: the digest of all that it depends on, as JSON."""
    return digest(canonical_json(parts))


def evenly(rows: list[T], limit: int | None, of: Callable[[T], Any] = lambda _: "") -> list[T]:
    """At most `limit` rows of each group (what `of` says of a row), from the first on in equal steps, so that files sorted by their
    labels keep all labels; in their order. All of them where `limit` is None."""
    if limit is None:
        return rows
    groups: dict[Any, list[int]] = {}
    for at, row in enumerate(rows):
        groups.setdefault(of(row), []).append(at)
    kept = {
        each[n * len(each) // limit] if len(each) > limit else each[n]
        for each in groups.values()
        for n in range(min(limit, len(each)))
    }
    return [row for at, row in enumerate(rows) if at in kept]


def not_one(said: str, place: str) -> InputError:
    """The error of a line that is not what is kept there."""
    return InputError(said, place=place, hint="remove this line and those after it")


def _read(line: bytes, place: str) -> dict[str, Any]:
    try:
        found = json.loads(line)
    except ValueError as error:
        raise not_one(f"not JSON: {error}", place) from None
    if not isinstance(found, dict):
        raise not_one("not an object", place)
    return found
