"""The paths through a generated function, as rows: what must hold, what comes out, where, and by which clause.

A row's conditions are in the order the code tests them. Two facts make rows a decision table:

- Read whole, the rows of a function exclude each other: at most one has all its conditions as stated.
- Read in order ("first row that holds"), the `implied` conditions may be left out (`Row.needed`): the rows before
  have taken all inputs for which they are otherwise.

A row is `exact` where its conditions and outputs are expressions over the parameters and the module's constants alone,
local names replaced by what they hold: then evaluating the row is running the function. A row that passes a loop, a
``try`` or a change of a list names what was worked out there and is not exact; `notes` says why, in words. At most
MOST_ROWS rows are told of one function: `Paths.cut` says that there are more. Rows are told of the code alone; what a
flow does around it (nulls that escalate, `when`) is the spec's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

MOST_ROWS = 64
LARGEST = 600
"""Nodes of one expression after replacement; a larger one keeps its local names, and its row is not exact."""


@dataclass(frozen=True, slots=True)
class Condition:
    """One test on a path.

    `source` is a Python expression with local names replaced, `written` the same with the locals that have one meaning
    in the whole function kept; `holds` says whether it is true on this path; `line` counts in ``logic.py``. `exact` as
    for a row. `implied` is True where the rows before this one have taken all inputs for which it is otherwise.
    """

    source: str
    written: str
    holds: bool
    line: int
    exact: bool = True
    implied: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """One path to a return, or to an error.

    `outputs` maps each output to the Python source of its value, local names replaced; `written` as the code names it.
    Both are empty where `raises` is the source of what is raised, and hold ``""`` alone as a key where the value is an
    object that is not written out at the return. `clauses` are those cited at the return; `passed` those cited at the
    other lines of the path. `line` is that of the return, or of the end of a function that falls off it.
    """

    function: str
    number: int
    conditions: tuple[Condition, ...]
    outputs: Mapping[str, str]
    written: Mapping[str, str]
    line: int
    clauses: tuple[str, ...]
    passed: tuple[str, ...] = ()
    exact: bool = True
    notes: tuple[str, ...] = ()
    raises: str = ""

    @property
    def needed(self) -> tuple[Condition, ...]:
        """The conditions that are left when the rows are read in order and the first that holds decides."""
        return tuple(condition for condition in self.conditions if not condition.implied)


@dataclass(frozen=True, slots=True)
class Paths:
    """All rows of a function, in the code's order. `named` is what the locals kept in `written` stand for."""

    function: str
    params: tuple[str, ...]
    outputs: tuple[str, ...]
    rows: tuple[Row, ...]
    named: Mapping[str, str]
    cut: bool

    @property
    def exact(self) -> bool:
        """True where the rows are all there is, and each is exact."""
        return not self.cut and all(row.exact for row in self.rows)
