"""Tables out of CSV and DMN files beside the spec: into the spec that is read, and into the text an artifact keeps."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ingot.errors import SpecError
from ingot.tables.csv_text import with_rows
from ingot.tables.dmn_file import table_of
from ingot.yaml_text import Place

Read = Callable[[str], str]


def _named(raw: Mapping[str, Any]) -> Iterator[tuple[int, Mapping[str, Any], str]]:
    """The steps with a table from a file: number, table settings, file name."""
    steps = raw.get("logic_requirements")
    for number, step in enumerate(steps if isinstance(steps, list) else ()):
        table = step.get("table") if isinstance(step, Mapping) else None
        for key in ("csv", "dmn"):
            if isinstance(table, Mapping) and isinstance(table.get(key), str):
                yield number, table, str(table[key])


def with_files(raw: Mapping[str, Any], read: Read | None, place: Place) -> dict[str, Any]:
    """The spec's tree with the rows of every file that a table names. Raises SpecError."""
    found = dict(raw)
    for number, table, name in _named(raw):
        key = "csv" if "csv" in table else "dmn"
        where = ("logic_requirements", number, "table", key)
        if read is None:
            raise SpecError(f"the table file {name!r} cannot be read from here", place=place.of(where))
        if "rows" in table or {"csv", "dmn"} <= table.keys():
            both = "'csv' or 'dmn'" if "rows" not in table else f"{key!r} or 'rows'"
            raise SpecError(f"a table has {both}, not both", place=place.of(where), hint="delete one")
        steps = list(found["logic_requirements"])
        try:
            steps[number] = {**steps[number], "table": _with_rows(table, name, read(name))}
        except SpecError as error:
            raise SpecError(error.message, place=error.place or place.of(where), hint=error.hint) from None
        found["logic_requirements"] = steps
    return found


def _with_rows(table: Mapping[str, Any], name: str, text: str) -> dict[str, Any]:
    return with_rows(table, name, text) if "csv" in table else table_of(table, name, text)


def self_contained(text: str, read: Read) -> str:
    """The spec's text with the rows of its table files written into it; unchanged where it names none.

    An artifact carries this text, so that nothing beside it can change what it means.
    """
    from ruamel.yaml import YAML

    yaml = YAML(typ="rt")
    yaml.width = 4_000
    yaml.preserve_quotes = True
    tree = yaml.load(text)
    files = list(_named(tree))
    if not files:
        return text
    for number, table, name in files:
        tree["logic_requirements"][number]["table"] = _with_rows(table, name, read(name))
    out = io.StringIO()
    yaml.dump(tree, out)
    return out.getvalue()
