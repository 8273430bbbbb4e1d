"""Runs of one artifact on one input, kept as they are done, so that a thousand of them may be made in parts."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ingot.evals.kept_lines import KeptLines, not_one
from ingot.evals.repeat import Repeated

FORMAT = "ingot-consistency/1"
RUNS = "runs.jsonl"


class KeptRuns:
    """The runs in a folder, in the order of their hash seeds 1, 2, …: `done` are there, `add` keeps one more.

    `told` says of what they are (artifact, input, interpreter). A line that was cut off while it was written is made again.
    Raises InputError where the folder holds runs of something else, or what are none.
    """

    def __init__(self, folder: Path, told: Mapping[str, Any]) -> None:
        self._lines = KeptLines(folder / RUNS, {"format": FORMAT, **told})
        self.done: list[Repeated] = []
        for run, place in self._lines.found:
            try:
                self.done.append(Repeated(run["outcome"].encode(), float(run["cold"]), float(run["warm"])))
            except (KeyError, TypeError, ValueError, AttributeError) as error:
                raise not_one(f"not a run: {type(error).__name__} {error}", place) from None

    def add(self, run: Repeated) -> None:
        """Keep the next run."""
        self._lines.add({"outcome": run.outcome.decode(), "cold": run.cold, "warm": run.warm})
        self.done.append(run)
