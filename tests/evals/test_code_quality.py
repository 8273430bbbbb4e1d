"""Code quality: every figure against a value counted by hand."""

from itertools import combinations
from pathlib import Path

import pytest

from ingot.binomial import interval
from ingot.compile.driver import check
from ingot.errors import InputError
from ingot.evals.log import Log, TaskLog
from ingot.evals.metrics.code_quality import (
    code_quality,
    complexities,
    complexity,
    function_lines,
    lint,
    mutation,
    mutation_counts,
    pass_at,
    pass_at_k,
    quality_of,
    ruff_version,
    type_coverage,
)
from ingot.evals.metrics.measure import Measure
from ingot.evals.solvers import Generation, StageRow
from tests.evals.test_metrics import log

PLAIN = "def fee(weight: int) -> int:\n    return weight\n"
FORKED = """\
def rate(weight: int, note, *more, zone: str = "A") -> int:
    if weight > 5 and zone == "A":
        return 1
    for one in more:
        if one:
            return 2
    return 3 if note else 4
"""


def test_complexity_is_decisions_and_one() -> None:
    assert complexities(PLAIN) == [("fee", 1)]
    assert complexities(FORKED) == [("rate", 4)]  # if, for, if
    assert complexities(FORKED + "\n\n" + PLAIN) == [("rate", 4), ("fee", 1)]
    found = complexity([PLAIN, FORKED])
    assert (found.value, found.n, found.unit) == (2.5, 2, "a function")
    assert found.note == "at most 4"


def test_length_is_from_def_to_end() -> None:
    found = function_lines([PLAIN, FORKED])
    assert (found.value, found.n) == (4.5, 2)  # 2 and 7


def test_type_coverage_counts_parameters_and_returns() -> None:
    assert type_coverage([PLAIN]).value == 1
    found = type_coverage([FORKED])  # weight, zone and the return of weight, note, more, zone and the return
    assert (found.value, found.n) == (3 / 5, 5)
    method = "class A:\n    def f(self, x):\n        return x\n"
    assert (type_coverage([method]).value, type_coverage([method]).n) == (0, 2)


def test_lint_is_findings_per_100_lines_of_a_stated_version() -> None:
    odd = "import os\n\n\ndef fee(weight: int) -> int:\n    rate = 3  # noqa: F841\n    return weight\n"
    clean, found = lint([PLAIN]), lint([PLAIN, odd])
    assert clean.value == 0
    assert found.n == 6
    findings = round((found.value or 0) * 6 / 100)
    assert findings >= 2  # the import and the value that nothing uses, whatever else a version finds
    assert found.value == 100 * findings / 6
    assert ruff_version() in found.note
    assert (
        lint(
            ['def fee(text: str) -> Decimal:\n    return Decimal(text).quantize(Decimal("0.01"), ROUND_HALF_UP)\n']
        ).value
        == 0
    )


def test_types_that_a_program_writes_around_its_functions_are_known() -> None:
    source = "def read(row: RowInput) -> list[ReadOutput]:\n    return [ReadOutput(fee=row, note=other)]\n"
    found = lint([source])
    assert found.note.startswith("1 findings")  # `other` alone is nobody's name


def test_mutation_is_pooled_over_programs() -> None:
    found = mutation([(3, 1), (5, 1)])
    assert (found.value, found.n) == (0.8, 10)
    assert mutation([]).value is None
    alike = mutation([(10, 0)] * 4 + [(0, 10)] * 4)  # one program's mutants live or die together: 8 of them, no 80
    assert (alike.value, alike.n) == (0.5, 80)
    assert (alike.low, alike.high) == pytest.approx(interval(4, 8))


def test_mutation_counts_are_those_of_the_accuracy_stage(tmp_path: Path) -> None:
    path = tmp_path / "spec.yaml"
    path.write_text(
        """\
metadata: {name: tens}
inputs: {a: {type: integer, range: [0, 20]}}
outputs: {big: boolean}
logic_requirements: [{step: is_big, type: function, intent: Ten or more., inputs: [a], outputs: {big: boolean}}]
cases: [{id: one, input: {a: 1}, expected: {big: false}}, {id: ten, input: {a: 10}, expected: {big: true}}]
""",
        encoding="utf-8",
    )
    done = check(path, "def is_big(a: int) -> bool:\n    return a >= 10  # C1\n")
    told = done.verdicts[-1].measures["mutation_score"]
    assert done.program is not None
    assert mutation_counts(done.program) == (told["killed"], told["survived"])
    assert told["killed"] > 0
    assert told["survived"] > 0  # nothing tells 10 from 9


@pytest.mark.parametrize(
    ("n", "c", "k", "wanted"), [(10, 3, 1, 0.3), (5, 2, 2, 0.7), (5, 2, 4, 1.0), (4, 0, 3, 0.0), (3, 3, 1, 1.0)]
)
def test_pass_at_k_by_hand(n: int, c: int, k: int, wanted: float) -> None:
    assert pass_at_k(n, c, k) == pytest.approx(wanted)


def test_pass_at_k_is_what_counting_every_draw_gives() -> None:
    right = [True, True, False, False, False, False, False]
    draws = list(combinations(right, 3))
    assert pass_at_k(7, 2, 3) == sum(map(any, draws)) / len(draws)


@pytest.mark.parametrize(("n", "c", "k"), [(2, 1, 3), (2, 3, 1), (2, -1, 1), (2, 1, 0)])
def test_without_enough_programs_there_is_no_estimate(n: int, c: int, k: int) -> None:
    with pytest.raises(InputError, match="pass@k"):
        pass_at_k(n, c, k)


def test_pass_at_over_tasks() -> None:
    found = pass_at([(5, 2), (5, 0), (1, 1)], 2)
    assert found.value == pytest.approx(0.35)
    assert found.n == 2
    assert found.note == "1 of 3 tasks had fewer than 2 programs"
    assert pass_at([], 2).value is None


def test_what_is_not_python_is_refused() -> None:
    with pytest.raises(InputError, match="not Python"):
        complexities("def (")
    with pytest.raises(InputError, match="not Python"):
        type_coverage(["def ("])


def test_all_figures() -> None:
    assert [one.name for one in code_quality([PLAIN], [(1, 0)])] == [
        "cyclomatic complexity", "length", "type coverage", "lint", "mutation score",
    ]  # fmt: skip
    assert all(one.value is None for one in code_quality([]))


def of(*made: Generation, solver: str = "compiled") -> dict[str, Measure]:
    shown = log(generations=made, solver=solver)
    return {
        one.name: one
        for one in quality_of(Log(shown.header, tuple(TaskLog(t.task, t.generation, ()) for t in shown.tasks)))
    }


PASSED, REFUSED = StageRow(1, "accuracy", True), StageRow(1, "accuracy", False)


def test_the_programs_of_a_log_are_those_that_answer() -> None:
    plain = Generation(True, source=PLAIN, stages=(PASSED,), mutants=(3, 1), draws=(True, False))
    forked = Generation(True, source=FORKED, stages=(PASSED,), mutants=(1, 0), draws=(False, True))
    refused = Generation(False, source=FORKED * 3, stages=(REFUSED,), draws=(False, False))
    model_answers = Generation(True, source=FORKED * 3, stages=(REFUSED,))  # a hybrid whose candidates were all refused
    found = of(plain, forked, refused, model_answers)
    assert (found["cyclomatic complexity"].value, found["cyclomatic complexity"].n) == (2.5, 2)
    assert (found["mutation score"].value, found["mutation score"].n) == (0.8, 5)
    assert found["pass@1"].value == pytest.approx(1 / 3)
    assert found["pass@1"].n == 3
    assert found["pass@2"].value == pytest.approx(2 / 3)
    assert "pass@3" not in found


def test_functions_of_one_program_are_no_independent_observations() -> None:
    found = complexity([PLAIN + "\n\n" + PLAIN.replace("fee", "other"), FORKED])
    assert found.n == 3
    assert "interval over 2 clusters" in found.note


def test_a_solver_that_writes_no_program_has_no_such_figures() -> None:
    assert of(Generation(True), solver="direct") == {}


def test_ungated_code_that_is_no_python_is_told_and_not_measured() -> None:
    found = of(Generation(True, source=PLAIN), Generation(True, source="def ("), solver="code-once")
    assert found["length"].n == 1
    assert "1 of 2 programs are not Python" in found["length"].note
    assert found["mutation score"].value is None
    assert of(Generation(True, source="def ("), solver="code-once")["lint"].value is None
