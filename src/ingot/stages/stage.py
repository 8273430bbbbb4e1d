"""What a stage is: a name and one function over a program and what has been observed of it so far."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ingot.program import Observation, Program
from ingot.verdict import Rule, StageName, Verdict

Observed = Mapping[str, Observation]
"""Case id to what the EXECUTION stage saw; empty before it."""

Check = Callable[[Program, Observed], tuple[Verdict, Observed]]


@dataclass(frozen=True, slots=True)
class Stage:
    """One gate. `check` returns its verdict and the observations for the stages after it; it raises StageError
    where a tool is missing, breaks or takes too long, and never passes what it could not look at."""

    name: StageName
    rules: tuple[Rule, ...]
    check: Check
