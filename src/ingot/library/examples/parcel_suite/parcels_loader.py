"""The parcels once more, made in Python: two kinds of items, one item without a right answer, a scorer of its own."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ingot.evals.suite import Item, Suite, Task

BOUNDARIES = {2000: 499, 2001: 849, 10000: 849, 10001: 1649}
ORDINARY = {750: 499, 4000: 849, 7500: 849, 25000: 1649}


def near(item: Item, output: Mapping[str, Any]) -> dict[str, float | None]:
    """1 for the price, half for one within a tenth of it, None where it was withheld."""
    wanted, given = item.expected["cents"], output.get("cents")
    if given is None:
        return {"cents": None}
    return {"cents": 1.0 if given == wanted else 0.5 if abs(given - wanted) <= wanted / 10 else 0.0}


def load(path: Path) -> Suite:
    """The suite of the file at `path`, whose folder has the spec and a person's program."""
    items = [
        Item(f"{kind}-{grams}", {"grams": grams, "express": False}, {"cents": cents}, kind)
        for kind, prices in (("boundary", BOUNDARIES), ("ordinary", ORDINARY))
        for grams, cents in prices.items()
    ]
    items.append(Item("too-heavy", {"grams": 40000, "express": False}, kind="ordinary", answerable=False))
    task = Task(
        "prices",
        (path.parent / "spec.yaml").read_text(encoding="utf-8"),
        tuple(items),
        near,
        fields=("cents",),
        program=(path.parent / "logic.py").read_text(encoding="utf-8"),
    )
    scorer = "the price; half for one within a tenth of it"
    return Suite("parcels-loaded", "Parcels, from Python", "unseen", (task,), scorer, origin="written for this example")
