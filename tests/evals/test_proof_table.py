"""`ingot bench proof`: what is proved of right programs, and what their cases are worth."""

import json
from pathlib import Path

from click.testing import CliRunner

from ingot.cli.bench import bench_command


def test_a_rule_of_a_file_is_scored_and_proved(rules: Path, programs: Path) -> None:
    done = CliRunner().invoke(bench_command, ["proof", "--data", str(rules), "--programs", str(programs), "--json"])
    assert done.exit_code == 0, done.output
    (row,) = json.loads(done.output)
    assert (row["program"], row["cases"], row["right"]) == ("parking", 6, 6)
    assert row["mutants"] > 10
    assert {one["name"]: one["status"] for one in row["claims"]} == {
        "totality": "proved",
        "determinacy": "proved",
        "up_answer_in_cost": "proved",
    }


def test_a_claim_that_does_not_hold_is_refuted(rules: Path, programs: Path) -> None:
    falling = (programs / "parking.py").read_text().replace("min(cap, cost *", "min(cap, cap - cost *")
    (programs / "parking.py").write_text(falling)
    done = CliRunner().invoke(bench_command, ["proof", "--data", str(rules), "--programs", str(programs)])
    assert done.exit_code == 0, done.output
    assert "3 claims: 2 proved, 0 no counter-example found, 1 counter-example" in done.output


def test_a_name_that_is_not_there_is_said(rules: Path, programs: Path) -> None:
    done = CliRunner().invoke(bench_command, ["proof", "nope", "--data", str(rules), "--programs", str(programs)])
    assert done.exit_code == 2
    assert "there are parking" in done.output


def test_a_program_without_a_spec_is_said(programs: Path) -> None:
    done = CliRunner().invoke(bench_command, ["proof", "--programs", str(programs)])
    assert "'parking' has no spec" in str(done.exception)
