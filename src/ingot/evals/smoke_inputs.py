"""What a smoke of the benches needs, made of the bundled examples: artifacts, an input, cases, a suite with its recordings."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ingot.compile.driver import check
from ingot.compile.rerun import case_rows
from ingot.errors import StageError
from ingot.evals.bundled import compile_example, example_folder
from ingot.runtime.run import load
from ingot.spec import load_spec, self_contained_text
from ingot.yaml_text import read_yaml

OWN = "late_fee"

HYBRID_SPEC = """
metadata: {name: order_total}
inputs: {text: text}
outputs: {total: text}
clauses: {C1: The total is the first word., C2: The total is the last word.}
logic_requirements:
  - {step: first, type: function, inputs: [text], clauses: [C1], outputs: {a: text}}
  - {step: last, type: function, inputs: [text], clauses: [C2], outputs: {b: text}}
  - {step: settle, type: hybrid, intent: Read the total., inputs: [text, a, b], outputs: {total: text},
     candidates: {total: [a, b]}, precision: 0.9}
thresholds: {branch_coverage: 0.1, accuracy: 0, held_out_accuracy: 0}
cases: {given: given.jsonl, held_out: held_out.jsonl}
"""
HYBRID_CODE = """def first(text: str) -> str:
    words = text.split()
    return words[0] if words else ""  # C1


def last(text: str) -> str:
    words = text.split()
    return words[-1] if words else ""  # C2
"""


def smoke_inputs(folder: Path) -> dict[str, str]:
    """Make everything in `folder` and return what the names in the arguments of a smoke stand for. Raises StageError where a
    bundled example does not compile here."""
    known = {"work": str(folder)}
    for name in ("prior_auth", OWN):
        made = compile_example(name, folder / "artifacts")
        if made.path is None:
            raise StageError(f"the bundled example {name!r} does not pass here", hint="ingot demo shows where")
        known[name] = str(made.path)
    rows = case_rows(load(known["prior_auth"]).verified)
    (folder / "input.json").write_text(json.dumps(rows[0]["input"]), encoding="utf-8")
    known["input"] = str(folder / "input.json")
    return known | _hybrid(folder / "hybrid") | _own(folder / "own_suite", Path(known[OWN]))


def _hybrid(folder: Path) -> dict[str, str]:
    """A hybrid artifact of two functions that are right where they agree, and labelled cases that it has not seen."""
    folder.mkdir()
    _lines(folder / "given.jsonl", [_order(0)])
    _lines(folder / "held_out.jsonl", [_order(number) for number in range(1, 60)])
    _lines(folder / "cases.jsonl", [_order(number) for number in range(100, 180)])
    (folder / "spec.yaml").write_text(HYBRID_SPEC, encoding="utf-8")
    made = check(folder / "spec.yaml", HYBRID_CODE, author="the smoke", out=folder / "artifact")
    if made.path is None:
        raise StageError("the hybrid example does not pass here", hint="ingot demo shows where")
    return {"hybrid": str(made.path), "cases": str(folder / "cases.jsonl")}


def _order(number: int) -> dict[str, Any]:
    total = f"{number}9" if number % 4 == 0 else str(number)
    return {"id": str(number), "input": {"text": f"{number} of {total}"}, "expected": {"total": total}}


def _own(folder: Path, artifact: Path) -> dict[str, str]:
    """A suite of an example whose held-out cases are its items: the prompt never had them, so that the recordings answer."""
    folder.mkdir()
    spec = load_spec(example_folder(OWN) / "spec.yaml")
    tree, _ = read_yaml(self_contained_text(example_folder(OWN) / "spec.yaml"), "spec.yaml")
    given = {case.id for case in spec.given}
    rows = case_rows(load(artifact).verified)
    kept = {name: value for name, value in tree.items() if name != "cases"}
    kept["cases"] = [row for row in rows if row["id"] in given]
    kept["thresholds"] = {**kept.get("thresholds", {}), "branch_coverage": 0.5}  # the held-out cases took some branches
    (folder / "spec.yaml").write_text(json.dumps(kept, default=str), encoding="utf-8")
    wanted = ("id", "input", "expected")
    _lines(folder / "items.jsonl", [{name: row[name] for name in wanted} for row in rows if row["id"] not in given])
    (folder / "logic.py").write_bytes((artifact / "logic.py").read_bytes())
    suite = {"suite": OWN, "spec": "spec.yaml", "items": "items.jsonl", "program": "logic.py"}
    (folder / "suite.yaml").write_text(json.dumps(suite), encoding="utf-8")
    return {"suite": str(folder / "suite.yaml"), "replay": f"replay:{example_folder(OWN) / 'recordings'}"}


def _lines(path: Path, rows: list[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
