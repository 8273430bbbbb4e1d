"""What is answered without a model: thresholds from held-out cases, figures on scored items, counted by hand."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from ingot.agreement import calibrate, confidence
from ingot.binomial import interval
from ingot.evals.compare import compare
from ingot.evals.evaluate import evaluate
from ingot.evals.log import Log, Scored, TaskLog, read_log
from ingot.evals.metrics.measure import Measure
from ingot.evals.metrics.selective import pooled_threshold, selective, unwithheld
from ingot.evals.report.markdown import markdown
from ingot.evals.report.risk import risk_coverage
from ingot.evals.report.tables import measured
from ingot.evals.solvers import Answer, Generation
from ingot.evals.solvers.compiled import Human
from ingot.evals.suite import Item, Suite, Task
from tests.evals.test_evaluate import exact
from tests.evals.test_metrics import HELD, RIGHT, item, log

TOLD = calibrate([(3240, True)] * 40 + [(2192, True)] * 10 + [(2192, False)] * 3 + [(0, False)] * 2, 0.95).to_json()
SURE, UNSURE = 40 / 41, 50 / 54
ALONE = {SURE: 40 / 41, UNSURE: 10 / 14, 0.0: 0.0}


def read(sure: float, right: bool, held: bool) -> Scored:
    value = {"fee": 9 if right else 8}
    alone = {"fee": round(ALONE[sure], 6)}
    answer = Answer(None if held else value, confidence={"fee": sure}, alone=alone, guesses=value if held else {})
    return Scored(
        "x", "unseen", True, answer, {"fee": None if held else float(right)}, {"score": {"fee": float(right)}}
    )


def calibrated(*items: Scored) -> Log:
    made = Generation(True, calibration={"fee": TOLD})
    return replace(log(), tasks=(TaskLog("t", made, items),))


ITEMS = (
    read(SURE, True, False),
    read(SURE, True, False),
    read(SURE, False, False),
    read(UNSURE, True, True),
    read(0.0, False, True),
)


def named(found: list[Measure]) -> dict[str, Measure]:
    return {one.name: one for one in found}


def test_where_only_what_was_withheld_has_guesses_the_answers_count_too() -> None:
    """A suite without further measures keeps scores of guesses where there are some: the mean is over all items all the same."""
    answered = [replace(read(SURE, True, False), item=str(at), full={}) for at in range(3)]
    held = replace(read(UNSURE, False, True), item="held")
    mute = replace(item(HELD), item="mute")
    made = calibrated(*answered, held, mute)
    found = named(unwithheld(made))["fee, as the suite scores"]
    assert (found.value, found.n) == (0.6, 5)
    both = {one.name: one for one in compare(made, made)}["nothing withheld, as scored"]
    assert (both.a, both.n) == (0.6, 5)


def test_few_guesses_that_are_all_right_are_not_certain() -> None:
    found = named(unwithheld(calibrated(*ITEMS[:2])))["fee, as the suite scores"]
    assert (found.value, found.n) == (1.0, 2)
    assert (found.low, found.high) == interval(2, 2)


def test_the_fields_of_an_item_are_together_also_where_one_program_answers_all() -> None:
    def item_of(at: int) -> Scored:
        told = dict.fromkeys(("fee", "tax", "sum", "tip"), SURE if at % 2 else 0.0)
        return Scored(str(at), "unseen", True, Answer(None, confidence=told, alone=told), dict.fromkeys(told))

    found = named(selective(calibrated(*map(item_of, range(8)))))
    answered = found["answered without a model at 95%, each field by its own cases"]
    assert (answered.value, answered.n) == (0.5, 32)
    assert (answered.low, answered.high) == pytest.approx(interval(4, 8))


def test_the_share_answered_and_right_at_a_precision() -> None:
    found = named(selective(calibrated(*ITEMS)))
    answered = found["answered without a model at 95%, each field by its own cases"]
    right = found["right of these at 95%, each field by its own cases"]
    assert (answered.value, answered.n) == (0.6, 5)
    assert (right.value, right.n) == (pytest.approx(2 / 3), 3)
    assert found["answered without a model at 90%, each field by its own cases"].value == 0.8
    assert found["right of these at 90%, each field by its own cases"].value == 0.75


def test_a_precision_that_no_case_shows_answers_nothing() -> None:
    found = named(selective(calibrated(*ITEMS)))
    assert found["answered without a model at 99%, each field by its own cases"].value == 0
    assert found["right of these at 99%, each field by its own cases"].value is None
    assert found["answered without a model at 99%, all fields together"].note == "no confidence shows it"


def test_fields_together_show_what_one_alone_cannot() -> None:
    one = calibrated(*ITEMS)
    other = replace(one.tasks[0], task="u")
    third = replace(one.tasks[0], task="v")
    assert pooled_threshold(one, 0.99) is None
    three = replace(one, tasks=(*one.tasks, other, third))  # 120 right of 120 at the first level
    assert pooled_threshold(three, 0.99) == pytest.approx(SURE, abs=1e-6)


def test_fields_together_are_ordered_by_what_each_level_shows_by_itself() -> None:
    """By their confidence the lower level of one field would go before the only one of the other."""
    good = calibrate([(3240, True)] * 98 + [(2192, True)] * 3 + [(2192, False)] * 2, 0.95).to_json()
    small = calibrate([(3240, True)] * 20, 0.95).to_json()
    assert confidence(good, 2192) == pytest.approx(1 - 3 / 104)
    assert confidence(small, 3240) == pytest.approx(1 - 1 / 21)
    two = [TaskLog("t", Generation(True, calibration={"fee": told}), ()) for told in (good, small)]
    assert pooled_threshold(replace(log(), tasks=tuple(two)), 0.99) == pytest.approx(1 - 1 / 21, abs=1e-6)


def test_what_stands_at_the_threshold_is_answered_however_it_is_rounded() -> None:
    """17 of 18 are 0.94444…, in a log 0.944444."""
    told = calibrate([(3240, True)] * 17, 0.9).to_json()
    value = {"fee": 9}
    one = Scored(
        "x", "unseen", True, Answer(value, confidence={"fee": 0.944444}, alone={"fee": 0.944444}), {"fee": 1.0}
    )
    found = named(selective(replace(log(), tasks=(TaskLog("t", Generation(True, calibration={"fee": told}), (one,)),))))
    assert found["answered without a model at 90%, all fields together"].value == 1


def test_of_an_earlier_version_s_log_fields_together_are_not_told() -> None:
    old = [replace(one, answer=replace(one.answer, alone={})) for one in ITEMS]
    found = named(selective(calibrated(*old)))
    assert "answered without a model at 95%, each field by its own cases" in found
    assert not [name for name in found if "together" in name]


def test_nothing_withheld_counts_guesses_and_misses() -> None:
    found = named(unwithheld(calibrated(*ITEMS)))
    assert found["fee, as the suite scores"].value == 0.6
    assert found["fee, as the suite scores"].n == 5


def test_the_curve_goes_on_with_guesses() -> None:
    points = risk_coverage(calibrated(*ITEMS))
    assert [(point.answered, round(point.risk, 3)) for point in points] == [(3, 0.333), (4, 0.25), (5, 0.4)]


def test_other_suites_have_no_such_figures() -> None:
    plain = log(item(RIGHT))
    assert selective(plain) == unwithheld(plain) == []
    assert "Without a model" not in markdown([plain], measured([plain]))


SPEC = """
metadata: {{name: total, owner: clerk}}
inputs: {{text: text}}
outputs: {{total: text}}
clauses: {{C1: The total., C2: The last word.}}
logic_requirements:
  - {{step: first, type: function, inputs: [text], clauses: [C1], outputs: {{a: text}}}}
  - {{step: last, type: function, inputs: [text], clauses: [C2], outputs: {{b: text}}}}
  - {{step: settle, type: hybrid, intent: Read it., inputs: [text, a, b], outputs: {{total: text}},
     candidates: {{total: [a, b]}}, precision: 0.9}}
thresholds: {{branch_coverage: 0.1, accuracy: 0, held_out_accuracy: 0}}
cases: {{given: given.jsonl, held_out: held_out.jsonl}}
"""
PROGRAM = """def first(text: str) -> str:
    words = text.split()
    return words[0] if words else ""  # C1


def last(text: str) -> str:
    words = text.split()
    return words[-1] if words else ""  # C2
"""


def row(number: int, text: str, total: str) -> str:
    return f'{{"id": "{number}", "input": {{"text": "{text}"}}, "expected": {{"total": "{total}"}}}}\n'


def test_a_compiled_hybrid_step_tells_its_confidence_and_its_guess(tmp_path: Path) -> None:
    held = "".join(row(n, f"{n} x {n}", str(n)) if n % 4 else row(n, f"{n} {n}9", f"{n}9") for n in range(60))
    files = {"given.jsonl": row(99, "7 seven 7", "7"), "held_out.jsonl": held}
    items = (
        Item("sure", {"text": "501 is 501"}, {"total": "501"}),
        Item("unsure", {"text": "601 or 602"}, {"total": "602"}),
    )
    text = SPEC.format().replace("0.9}", "0.95}")
    task = Task("total", text, items, exact, ("total",), PROGRAM, others={"again": exact}, files=files)
    found = evaluate(Suite("tiny", "Tiny", "unseen", (task,), "exact"), Human(), tmp_path)
    assert found.tasks[0].generation.deployed, found.tasks[0].generation
    sure, unsure = found.items
    assert sure.answer.output == {"total": "501"}
    assert sure.answer.confidence == sure.answer.alone == {"total": pytest.approx(45 / 46, abs=1e-6)}
    assert unsure.answer.output is None
    assert unsure.answer.guesses == {"total": "601"}
    assert unsure.scores == {"total": None}
    assert unsure.full == {"score": {"total": 0.0}, "again": {"total": 0.0}}
    assert read_log(tmp_path).to_json() == found.to_json()
    assert found.tasks[0].generation.calibration["total"]["cases"] == 60
