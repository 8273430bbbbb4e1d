"""Runs of one artifact on one input, kept as they are done, so that a thousand of them may be made in parts."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ingot.errors import InputError
from ingot.evals.repeat import Repeated
from ingot.models.atomic import write_atomically

FORMAT = "ingot-consistency/1"
RUNS = "runs.jsonl"


class KeptRuns:
    """The runs in a folder, in the order of their hash seeds 1, 2, …: `done` are there, `add` keeps one more.

    `told` says of what they are (artifact, input, interpreter). A line that was cut off while it was written is made again.
    Raises InputError where the folder holds runs of something else, or what are none.
    """

    def __init__(self, folder: Path, told: Mapping[str, Any]) -> None:
        self.path = folder / RUNS
        self.done: list[Repeated] = []
        header = {"format": FORMAT, **told}
        lines = self.path.read_bytes().split(b"\n") if self.path.exists() else [b""]
        if len(lines) == 1:
            write_atomically(self.path, json.dumps(header).encode() + b"\n")
            return
        found = _read(lines[0], f"{self.path}:1")
        if apart := [
            name for name in {**header, **found} if found.get(name) != json.loads(json.dumps(header)).get(name)
        ]:
            raise InputError(
                f"the folder holds runs of another {apart[0]}", place=str(self.path), hint="give another --out"
            )
        for number, line in enumerate(lines[1:-1], start=2):
            place = f"{self.path}:{number}"
            run = _read(line, place)
            try:
                self.done.append(Repeated(run["outcome"].encode(), float(run["cold"]), float(run["warm"])))
            except (KeyError, TypeError, ValueError, AttributeError) as error:
                raise InputError(
                    f"not a run: {type(error).__name__} {error}",
                    place=place,
                    hint="remove this line and those after it",
                ) from None
        if lines[-1]:
            write_atomically(self.path, b"\n".join(lines[:-1]) + b"\n")

    def add(self, run: Repeated) -> None:
        """Keep the next run."""
        told = {"outcome": run.outcome.decode(), "cold": run.cold, "warm": run.warm}
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(told) + "\n")
            file.flush()
            os.fsync(file.fileno())
        self.done.append(run)


def _read(line: bytes, place: str) -> dict[str, Any]:
    try:
        found = json.loads(line)
    except ValueError as error:
        raise InputError(f"not JSON: {error}", place=place, hint="remove this line and those after it") from None
    if not isinstance(found, dict):
        raise InputError("not an object", place=place, hint="remove this line and those after it")
    return found
