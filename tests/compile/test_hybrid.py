"""Hybrid steps: calibrated at compile time, trusted as far as that goes, and the rest is asked for field by field."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from click.testing import CliRunner

from ingot.artifact.sign import trusted_keys
from ingot.artifact.verify import verify
from ingot.cli.bench_hybrid import hybrid_command
from ingot.compile.driver import check
from ingot.compile.rerun import rerun_stages
from ingot.errors import ArtifactError, SpecError
from ingot.runtime.bounded import Question, Reply
from ingot.runtime.run import Workflow, load
from ingot.spec import parse_spec
from ingot.store.keys import StoreKey
from ingot.store.reviews import decide, list_reviews
from ingot.store.runs import RecordedWorkflow
from ingot.store.store import Store

SPEC = """
metadata: {{name: slip, owner: clerk}}
inputs: {{total: text, cash: text, place: text}}
outputs: {{amount: "decimal", city: text}}
logic_requirements:
  - {{step: from_total, type: function, intent: The total as a number., inputs: [total], outputs: {{a: "decimal?"}}}}
  - {{step: from_cash, type: function, intent: The cash as a number., inputs: [cash], outputs: {{b: "decimal?"}}}}
  - {{step: read_city, type: function, intent: The place., inputs: [place], outputs: {{c: text}}}}
  - step: settle
    type: hybrid
    intent: Read the amount and the city.
    inputs: [total, cash, place, a, b, c]
    outputs: {{amount: decimal, city: text}}
    candidates: {{amount: [a, b], city: [c]}}
    precision: 0.9
    otherwise: {otherwise}
    validation: ["amount >= 0"]
thresholds: {{branch_coverage: 0.1}}
cases:
{cases}
"""
LOGIC = """def from_total(total: str) -> Decimal | None:
    return Decimal(total) if total.isascii() and total.isdigit() and len(total) < 9 else None  # C1


def from_cash(cash: str) -> Decimal | None:
    return Decimal(cash) if cash.isascii() and cash.isdigit() and len(cash) < 9 else None  # C2


def read_city(place: str) -> str:
    return place.strip()  # C3
"""


def cases(count: int = 40) -> str:
    """Total and cash agree in three of four; the city is right in half of them."""
    rows = []
    for n in range(count):
        cash = n if n % 4 else n + 1
        row = {
            "id": f"n{n}",
            "input": {"total": str(n), "cash": str(cash), "place": "Ulm" if n % 2 else "?"},
            "expected": {"amount": str(n if n % 8 else cash), "city": "Ulm"},
            "held_out": n > 3,
        }
        rows.append(f"  - {json.dumps(row)}")
    return "\n".join(rows)


def made(folder: Path, otherwise: str, count: int = 40) -> Path:
    spec = folder / "slip.yaml"
    spec.write_text(SPEC.format(otherwise=otherwise, cases=cases(count)), encoding="utf-8")
    checked = check(spec, LOGIC, author="test", out=folder / "out")
    assert checked.path, [str(finding) for finding in checked.attempts[0].findings]
    return checked.path


@pytest.fixture(scope="module")
def by_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made(tmp_path_factory.mktemp("model"), "model")


@pytest.fixture(scope="module")
def by_person(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made(tmp_path_factory.mktemp("person"), "human")


AGREED = {"total": "12", "cash": "12", "place": "Ulm"}


def asking(artifact: Path) -> tuple[Workflow, list[Question]]:
    seen: list[Question] = []

    def ask(question: Question) -> Reply:
        seen.append(question)
        return Reply(json.dumps({name: 7 if name == "amount" else "Bonn" for name in question.schema["properties"]}))

    return load(artifact, ask_model=ask), seen


def test_the_calibration_is_evidence_in_the_artifact(by_model: Path) -> None:
    told = json.loads((by_model / "evidence" / "calibration.json").read_text(encoding="utf-8"))["settle"]
    assert (told["amount"]["answered"], told["amount"]["right"], told["amount"]["cases"]) == (27, 27, 36)
    assert told["city"]["threshold"] is None
    assert "nothing is answered" in told["city"]["said"]


def test_the_report_tells_threshold_numbers_and_both_coverages(by_model: Path) -> None:
    page = (by_model / "report.html").read_text(encoding="utf-8")
    section = page[page.index('<section id="hybrid"') :]
    section = section[: section.index("</section>")]
    told = json.loads((by_model / "evidence/calibration.json").read_text())["settle"]
    assert "settle: below the threshold that field alone goes to a model" in section
    assert f"2 of 2 agreeing (score {told['amount']['threshold']})" in section
    assert "27 (75.0%)" in section
    assert "27 (100.0%; 87.2% to 100.0%)" in section
    assert "<td>90.0%</td><td>100.0% (27 of 36 answered, 0 wrong)</td>" in section
    assert "never: nothing is answered" in section
    assert "a, b" in section
    for one in told.values():
        assert one["said"] in section


def test_verify_again_calibrates_again_byte_for_byte(by_model: Path) -> None:
    verified = verify(by_model, trusted_keys())
    assert [one.stage for one in rerun_stages(verified)][-1] == "accuracy"
    kept = verified.files["evidence/calibration.json"]
    for changed in ({"evidence/calibration.json": kept.replace(b'"right": 27', b'"right": 26')}, None):
        files = {**verified.files, **changed} if changed else dict(verified.files)
        if changed is None:
            del files["evidence/calibration.json"]
        assert files != verified.files
        with pytest.raises(ArtifactError, match="the calibration of the hybrid steps is not") as told:
            rerun_stages(replace(verified, files=files))
        assert told.value.place == "evidence/calibration.json"


def test_the_field_in_doubt_alone_goes_to_the_model(by_model: Path) -> None:
    workflow, seen = asking(by_model)
    outcome = workflow.run(AGREED)
    assert outcome.output == {"amount": Decimal(12), "city": "Bonn"}
    assert list(seen[0].schema["properties"]) == ["city"]
    assert set(json.loads(seen[0].material.split("\n")[1])) == {"total", "cash", "place"}  # no guess of a candidate
    outcome = workflow.run({**AGREED, "cash": "13"})
    assert outcome.output == {"amount": Decimal(7), "city": "Bonn"}
    assert outcome.calls[0].step == "settle"


def test_without_a_model_a_person_is_asked(by_model: Path) -> None:
    assert load(by_model).run(AGREED).status == "needs_review"


def test_a_person_gives_the_field_in_doubt_and_the_rest_stands(by_person: Path, tmp_path: Path) -> None:
    with Store.open(f"sqlite:///{tmp_path / 's.db'}", StoreKey(bytes(32))) as store:
        recorded = RecordedWorkflow(load(by_person), store)
        outcome = recorded.run(AGREED)
        assert outcome.review is not None
        assert outcome.review.reason == "the functions are not sure of city"
        (waiting,) = list_reviews(store)
        ended = decide(recorded, waiting["review"], approve=True, by="Kim", why="read it", answer={"city": "Ulm"})
    assert ended is not None
    assert ended.output == {"amount": Decimal(12), "city": "Ulm"}


def test_few_cases_show_nothing_and_it_is_said(tmp_path: Path) -> None:
    path = made(tmp_path, "human", count=8)
    told = json.loads((path / "evidence" / "calibration.json").read_text(encoding="utf-8"))["settle"]["amount"]
    assert told["threshold"] is None
    assert "9 answered without an error are the fewest" in told["said"]


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ("candidates: {{amount: [a, b], city: [c]}}", "candidates: {{amount: [a, b]}}", "names candidates for"),
        ("city: [c]", "city: [d]", "'d' is not a field"),
        ("city: [c]", "city: [a]", "'a' is decimal, 'city' is text"),
        ("[a, b]", "[a, a]", "no candidate, or one twice"),
    ],
)
def test_candidates_must_fit(before: str, after: str, told: str) -> None:
    with pytest.raises(SpecError, match=told):
        parse_spec(SPEC.replace(before, after).format(otherwise="human", cases=cases(2)))


def test_validation_holds_for_what_functions_agree_on_too(by_model: Path) -> None:
    workflow = load(by_model, ask_model=lambda question: Reply('{"amount": -5, "city": "x"}'))
    outcome = workflow.run({**AGREED, "cash": "13"})
    assert outcome.review is not None
    assert "amount >= 0" in outcome.review.reason


def test_the_bench_tells_share_and_precision_on_cases_that_calibrated_nothing(by_model: Path, tmp_path: Path) -> None:
    path = tmp_path / "more.jsonl"
    path.write_text("\n".join(line.removeprefix("  - ") for line in cases(200).split("\n")), encoding="utf-8")
    ran = CliRunner().invoke(hybrid_command, [str(by_model), "--cases", str(path), "--precision", "0.9", "--json"])
    assert ran.exit_code == 0, ran.output
    amount, city = json.loads(ran.output)["fields"]
    assert amount["answered"] == amount["right"] > 0
    assert amount["coverage_measured"] >= amount["coverage_stated"]
    assert (city["mean_share"], city["mean_precision"]) == (0.0, None)


def streets(count: int = 24) -> str:
    """Every place recurs in another spelling than the input's; the last three stand once each."""
    rows = []
    for n in range(count):
        place = f"Lane {n}" if n >= count - 3 else f"high st, {'.' * n}{n % 3}"
        city = place.upper() if n >= count - 3 else f"High St. {n % 3}"
        row = {"id": f"n{n}", "input": {"total": "1", "cash": "1", "place": place}, "held_out": n > 3}
        rows.append(f"  - {json.dumps(row | {'expected': {'amount': '1', 'city': city}})}")
    return "\n".join(rows)


def test_values_that_recur_are_recalled_and_known_ones_are_trusted(tmp_path: Path) -> None:
    loose = "thresholds: {{branch_coverage: 0.1, accuracy: 0, held_out_accuracy: 0}}"
    text = SPEC.replace("precision: 0.9", "precision: 0.9\n    recall: [city]")
    text = text.replace("thresholds: {{branch_coverage: 0.1}}", loose)
    spec = tmp_path / "slip.yaml"
    spec.write_text(text.format(otherwise="human", cases=streets()), encoding="utf-8")
    path = check(spec, LOGIC, author="test", out=tmp_path / "out").path
    assert path is not None
    told = json.loads((path / "evidence" / "calibration.json").read_text(encoding="utf-8"))["settle"]
    assert told["city"]["spellings"]["highst1"] == [["High St. 1", 7]]
    assert "spellings" not in told["amount"]
    # each held-out case recalls what the others say: those that stand once are not known when they are tried
    assert [(one["score"] >= 10_000, one["cases"], one["right"]) for one in told["city"]["levels"]] == [
        (True, 17, 17), (False, 3, 0),
    ]  # fmt: skip
    page = (path / "report.html").read_text(encoding="utf-8")
    assert "a value that several labelled cases have, 1 of 1 agreeing" in page
    assert "6 values of labelled cases are recalled, 6 of them known in one spelling only" in page
    assert rerun_stages(verify(path, trusted_keys()))
    workflow = load(path)
    assert workflow.run({"total": "1", "cash": "1", "place": "HIGH ST 2"}).output == {
        "amount": Decimal(1), "city": "High St. 2",
    }  # fmt: skip
    assert workflow.run({"total": "1", "cash": "1", "place": "Other Rd 2"}).status == "needs_review"


@pytest.mark.parametrize(
    ("field", "label", "told"),
    [
        ("c", "", "'c', which it does not set"),
        ("amount", "", "'amount' is decimal"),
        ("city", ", sensitive: pii", "labelled"),
    ],
)
def test_what_can_be_recalled(field: str, label: str, told: str) -> None:
    text = SPEC.replace("precision: 0.9", f"precision: 0.9\n    recall: [{field}]")
    if label:
        text = text.replace("city: text}}\n    cand", f"city: {{{{type: text{label}}}}}}}}}\n    cand")
    with pytest.raises(SpecError, match=told):
        parse_spec(text.format(otherwise="human", cases=cases(2)))
