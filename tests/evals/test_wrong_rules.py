"""`ingot bench wrong-rules` on programs whose numbers are known."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from ingot.cli.bench import bench_command

SPEC = """\
metadata: {name: fare}
inputs:
  age: {type: integer, range: [0, 120]}
  member: {type: boolean}
clauses:
  C1: Under 18 the fare is reduced.
logic_requirements:
  - {step: fare, type: deterministic_rule, clauses: [C1], inputs: [age], outputs: {reduced: {type: boolean}}}
outputs:
  reduced: {type: boolean}
cases:
  - {id: young, input: {age: 10, member: false}, expected: {reduced: true}}
  - {id: old, input: {age: 50, member: false}, expected: {reduced: false}}
"""
LOGIC = """\
def fare(age: int) -> bool:
    if age < 18:
        return True  # C1
    return False  # C1
"""


@pytest.fixture
def fare(tmp_path: Path) -> Path:
    folder = tmp_path / "right" / "fare"
    folder.mkdir(parents=True)
    (folder / "spec.yaml").write_text(SPEC, encoding="utf-8")
    (folder / "logic.py").write_text(LOGIC, encoding="utf-8")
    return folder.parent


def bench(*arguments: str) -> Any:
    done = CliRunner().invoke(bench_command, ["wrong-rules", *arguments, "--json"])
    assert done.exit_code == 0, done.output
    return json.loads(done.output)


def test_what_each_policy_lets_through(fare: Path) -> None:
    (row,) = bench("--programs", str(fare))
    assert (row["program"], row["cases"]) == ("fare", 2)
    assert row["kinds"] == {"wrong": row["mutants"], "proved the same": 0, "no difference found": 0,
                            "within tolerance": 0}  # fmt: skip
    silent = {policy: fates["silent"] for policy, fates in row["policies"].items()}
    # age < 17, < 19 and <= 18 answer 10 and 50 as they should: two cases, one per branch, see none of the three
    assert silent["branch tests"] == 3
    assert silent["published gate"] >= 3
    # the stages warn of each: the cases tell too few mutants of the wrong program as well
    assert row["policies"]["ingot"]["silent"] == 0
    assert row["policies"]["ingot"]["named"] == 3
    assert row["policies"]["ingot, refusing"]["refused"] == row["mutants"]
    assert row["policies"]["suggested"]["refused"] == row["mutants"]
    assert row["made_at_the_end"] == []


def test_a_change_that_changes_nothing_is_counted_apart(fare: Path) -> None:
    same = LOGIC.replace("age < 18", "age < 18 or age < 5")
    (fare / "fare" / "logic.py").write_text(same, encoding="utf-8")
    (row,) = bench("--programs", str(fare))
    assert row["kinds"]["proved the same"] >= 3
    assert sum(row["kinds"].values()) == row["mutants"]
    assert row["made_at_the_end"] == []


def test_a_difference_within_the_tolerance_is_no_wrong_program(fare: Path) -> None:
    folder = fare / "fare"
    spec = SPEC.replace("{reduced: {type: boolean}}", "{reduced: {type: decimal}}").replace(
        "  reduced: {type: boolean}", "  reduced: {type: decimal}\nscorers: {reduced: {scorer: numeric, tolerance: 5}}"
    )
    (folder / "spec.yaml").write_text(spec.replace("true}", "2}").replace("{reduced: false}", "{reduced: 2}"))
    logic = "from decimal import Decimal\n\n\ndef fare(age: int) -> Decimal:\n    return Decimal(2)  # C1\n"
    (folder / "logic.py").write_text(logic, encoding="utf-8")
    (row,) = bench("--programs", str(fare))
    assert row["kinds"]["within tolerance"] > 0
    assert row["made_at_the_end"] == []


def test_the_table_says_what_it_counts(fare: Path) -> None:
    done = CliRunner().invoke(bench_command, ["wrong-rules", "--programs", str(fare), "--most", "6"])
    assert done.exit_code == 0, done.output
    head, row, *_ = done.output.splitlines()
    assert "published gate" in head
    assert "suggested, refusing" in head
    assert row.startswith("fare")
