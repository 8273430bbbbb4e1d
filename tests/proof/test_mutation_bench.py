"""`ingot bench mutation` and the report page: what a person sees of the score."""

import json
from typing import Any

import pytest
from click.testing import CliRunner

from ingot.artifact.report import _stages
from ingot.cli.bench import bench_command
from ingot.verdict import Verdict


def test_the_bench_counts_and_times_an_example() -> None:
    done = CliRunner().invoke(bench_command, ["mutation", "copay", "--json"])
    assert done.exit_code == 0, done.output
    (row,) = json.loads(done.output)
    assert row["name"] == "copay"
    counted = row["killed"] + row["survived"] + row["no_difference_found"] + row["proved"]
    assert row["mutants"] == counted > 20
    assert row["proved"] > 0
    assert 0 < row["seconds"] < 2


def test_the_bench_prints_a_table() -> None:
    done = CliRunner().invoke(bench_command, ["mutation", "copay"])
    assert done.exit_code == 0, done.output
    head, row = done.output.splitlines()
    assert head.split()[:5] == ["program", "lines", "cases", "mutants", "killed"]
    assert row.startswith("copay")


def accuracy(score: dict[str, Any] | None) -> Verdict:
    return Verdict.of("accuracy", (), 0.0, {"mutation_score": score})


def test_the_page_shows_each_survivor_as_a_change_that_links_to_its_line() -> None:
    survivor = {"line": 7, "operator": "comparison", "clause": "C2", "before": "if a < b:", "after": "if a <= <b>:"}
    score = {"score": 0.5, "killed": 1, "survived": 1, "survivors": [survivor],
             "equivalent": {"no_difference_found": 3, "proved": 2, "inputs": 44}}  # fmt: skip
    page = _stages([accuracy(score)])
    assert (
        "0.50: the cases tell 1 of 2 changed rules from this one; no difference found for 3 more on 44 inputs" in page
    )
    assert "2 proved to be no change" in page
    assert '<a href="#L7">line 7</a> (C2): <del><code>if a &lt; b:</code></del>' in page
    assert "if a &lt;= &lt;b&gt;:" in page
    assert "1 change of the code that no case notices" in page


@pytest.mark.parametrize("score", [None, {}])
def test_the_page_says_where_nothing_was_measured(score: dict[str, Any] | None) -> None:
    page = _stages([accuracy(score)])
    assert "<dd>not measured</dd>" in page
    assert "survivors" not in page
