"""`ingot prove`: verdicts with their effort, for a spec with code and for an artifact."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import LOGIC, Run


def test_stated_and_asked_invariants_are_answered(ingot: Run, starter: Path) -> None:
    code = starter.parent / "logic.py"
    ran = ingot("prove", starter, "--code", code, "--holds", "fee >= 0", "--property", "totality")
    assert ran.code == 0, ran.err
    assert [line.split("  ")[0] for line in ran.out.splitlines() if not line.startswith(" ")] == ["proved", "proved"]


def test_a_counter_example_is_shown_and_exits_with_1(ingot: Run, starter: Path) -> None:
    ran = ingot("prove", starter, "--code", starter.parent / "logic.py", "--holds", "fee < 30", "--json")
    assert ran.code == 1
    (one,) = json.loads(ran.out)["invariants"]
    assert one["status"] == "counter-example"
    assert one["example"][0]["input"]["months"] >= 1


def test_an_artifact_is_verified_and_asked(ingot: Run, artifact: Path) -> None:
    ran = ingot("prove", artifact, "--property", "monotone:fee:months:up")
    assert (ran.code, ran.out.split("  ")[0]) == (0, "proved"), ran.err
    (artifact / "logic.py").chmod(0o644)
    (artifact / "logic.py").write_text(LOGIC + "\n")
    assert ingot("prove", artifact, "--property", "totality").code == 1


def test_what_is_only_searched_says_so_and_is_not_enough_for_strict(ingot: Run, starter: Path) -> None:
    code = starter.parent / "logic.py"
    code.write_text(LOGIC.replace('zone == "A"', 'zone.strip() == "A"'))
    asked = ("prove", starter, "--code", code, "--holds", "fee >= 0", "--effort", "50")
    ran = ingot(*asked)
    assert ran.code == 0
    assert ran.out.startswith("no counter-example found")
    assert "zone.strip(…) (line 2)" in ran.out
    assert "% of the branches" in ran.out
    assert ingot(*asked, "--strict").code == 1


def test_code_that_security_refuses_is_never_run(ingot: Run, starter: Path, tmp_path: Path) -> None:
    code = starter.parent / "logic.py"
    code.write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n" + LOGIC)
    ran = ingot("prove", starter, "--code", code, "--holds", "fee >= 0")
    assert ran.code == 1
    assert "security refuses the code" in ran.err
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("asked", "message"),
    [(("--holds", "fe > 1"), "--holds 'fe > 1': 'fe > 1' names 'fe'"), (("--holds", "fee + 1"), "not boolean"),
     (("--holds", "fee >"), "not an expression"), (("--holds", "fee / 0 > 1"), "divides by zero"),
     (("--holds", "fee < 1", "--holds", "fee > 2"), "--holds 'fee > 2': invariant 'holds_2' contradicts 'holds_1'"),
     (("--property", "nonsense"), "--property 'nonsense'"), (("--property", "reachable:feee"), "'feee' is not an output"),
     ((), "states no invariants")],
)  # fmt: skip
def test_bad_questions_name_the_value_and_the_next_action(
    ingot: Run, starter: Path, asked: tuple[str, ...], message: str
) -> None:
    ran = ingot("prove", starter, "--code", starter.parent / "logic.py", *asked)
    assert ran.code == 2
    assert message in ran.err
    assert "hint: " in ran.err or "--holds" in ran.err


def test_a_spec_needs_code(ingot: Run, starter: Path) -> None:
    assert "needs --code" in ingot("prove", starter).err
