"""What is run while faults are injected: a pure workflow, one that asks a person, and rows for both."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ingot.compile.driver import check
from ingot.errors import StageError
from ingot.runtime.run import Workflow, load
from ingot.store.keys import StoreKey

KEY = StoreKey(bytes(range(32)))
ROWS, ROWS_AT_ONCE = 60, 10

_SPEC = """
metadata: {{name: {name}, owner: bench}}
inputs:
  name: {{type: text, sensitive: phi, max_length: 40}}
  months: {{type: integer, range: [0, 12]}}
  rate: "decimal?"
outputs: {{fee: decimal}}
logic_requirements:
{asks}  - {{step: compute, type: function, intent: Months times the rate., inputs: [months, rate{more}], outputs: {{fee: decimal}}}}
cases:
  - {{id: a, input: {{name: Ann, months: 2, rate: 1.10}}, {steps}expected: {{fee: 2.20}}}}
  - {{id: b, input: {{name: Bob, months: 3, rate: 2}}, {steps}expected: {{fee: 6}}, held_out: true}}
"""
_ASKS = "  - {step: ask, type: human_review, intent: May it go on?, inputs: [months], outputs: {permit: {type: enum, values: [YES, NO]}}}\n"
_LOGIC = """def compute(months: int, rate: Decimal{more}) -> Decimal:
    return months * rate  # C1
"""
YES = {"permit": "YES"}


def rows(most: int = ROWS) -> list[dict[str, Any]]:
    """Every seventh row fits nothing, every fifth has no rate and goes to a person."""
    found: list[dict[str, Any]] = []
    for number in range(most):
        row = {"name": f"Planted{number}", "months": 99 if number % 7 == 6 else number % 13, "rate": f"{number}.10"}
        if number % 5 == 4:
            del row["rate"]
        found.append(row)
    return found


def made(folder: Path, asks: bool) -> Workflow:
    """The pure workflow, or the one that asks, checked into `folder`. Raises StageError."""
    name = "asking" if asks else "pure"
    spec, logic = folder / f"{name}.yaml", ', permit: Literal["YES", "NO"]' if asks else ""
    steps = "steps: {ask: {permit: YES}}, " if asks else ""
    more = ", permit" if asks else ""
    spec.write_text(_SPEC.format(name=name, asks=_ASKS if asks else "", more=more, steps=steps), encoding="utf-8")
    checked = check(spec, _LOGIC.format(more=logic), author="bench", out=folder / "out")
    if checked.path is None:
        raise StageError(f"the workflow {name!r} did not pass", place=str(spec))
    return load(checked.path)
