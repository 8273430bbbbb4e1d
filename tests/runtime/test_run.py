"""Loaded artifacts: what a run validates, answers, refuses and traces, with modules and templates for real."""

import json
import re
import sqlite3
import sys
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest

from ingot.compile.driver import check
from ingot.errors import ArtifactError, InputError, StepError
from ingot.runtime.lines import read_rows, run_batch, run_stream
from ingot.runtime.run import Workflow, load

PURE = """
metadata: {{name: permit, owner: clerk}}
inputs: {{months: {{type: integer, range: [0, 12]}}, rate: "decimal?", when: "date?"}}
outputs: {{fee: decimal}}
logic_requirements:
  - {{step: compute, type: function, intent: Months times the rate., inputs: [months, rate]}}
plan: {{template: {template}}}
cases:
  - {{id: a, input: {{months: 2, rate: 1.10}}, expected: {{fee: 2.20}}}}
  - {{id: b, input: {{months: 3, rate: 2}}, expected: {{fee: 6}}, held_out: true}}
"""
PURE_LOGIC = "def compute(months: int, rate: Decimal) -> Decimal:\n    return months * rate  # C1\n"

MEMBERS = """
metadata: {name: copay, owner: plan}
inputs: {member_id: text, amount: {type: decimal, unit: USD, range: [0, 9999]}}
outputs: {copay: {type: decimal, unit: USD}}
logic_requirements:
  - step: find_member
    type: module
    module: database.query
    with:
      url_env: MEMBERS_DB
      sql: SELECT tier FROM members WHERE id = :member_id
      timeout_seconds: 5
    outputs: {tier: {type: enum, values: [GOLD, BASIC]}}
  - step: compute
    type: function
    intent: Gold members pay nothing, others a fifth, rounded half up to the cent.
    inputs: [tier, amount]
    outputs: {copay: {type: decimal, unit: USD}}
cases:
  - {id: gold, input: {member_id: m1, amount: 10}, steps: {find_member: {tier: GOLD}}, expected: {copay: 0}}
  - {id: basic, input: {member_id: m2, amount: 10}, steps: {find_member: {tier: BASIC}}, expected: {copay: 2}, held_out: true}
"""
MEMBERS_LOGIC = """def compute(tier: Literal['GOLD', 'BASIC'], amount: Decimal) -> Decimal:
    if tier == "GOLD":
        return Decimal("0.00")  # C1
    return (amount * Decimal("0.2")).quantize(Decimal("0.01"), ROUND_HALF_UP)  # C1
"""

Make = Callable[[str, str], Path]


@pytest.fixture
def made(tmp_path: Path) -> Make:
    """An artifact from a spec's and a logic's text."""

    def make(spec: str, logic: str) -> Path:
        (tmp_path / "spec.yaml").write_text(spec, encoding="utf-8")
        checked = check(tmp_path / "spec.yaml", logic, author="test", out=tmp_path / "out")
        assert checked.path, [str(finding) for finding in checked.attempts[0].findings]
        return checked.path

    return make


def pure(made: Make, template: str = "handler") -> Workflow:
    return load(made(PURE.format(template=template), PURE_LOGIC))


def test_a_run_answers_with_typed_values_and_its_artifact(made: Make) -> None:
    workflow = pure(made)
    outcome = workflow.run({"months": 2, "rate": "1.10"})
    assert outcome.output == {"fee": Decimal("2.20")}
    assert (outcome.status, outcome.digest, outcome.trace) == ("completed", workflow.digest, None)
    assert outcome.run_id != workflow.run({"months": 2, "rate": "1.10"}).run_id


def test_numbers_reach_decimals_by_their_text(made: Make) -> None:
    assert pure(made).run({"months": 3, "rate": 0.1}).output == {"fee": Decimal("0.3")}


@pytest.mark.parametrize("case", [{"months": 2}, {"months": 2, "rate": None}])
def test_a_null_that_the_rule_does_not_mention_goes_to_a_person(made: Make, case: dict[str, object]) -> None:
    outcome = pure(made).run(case)
    assert outcome.output is None
    assert outcome.review.step == "compute"
    assert "rate is null" in outcome.review.reason


@pytest.mark.parametrize(
    ("case", "place"),
    [
        ({"rate": 1}, "months"),
        ({"months": "2", "rate": 1}, "months"),
        ({"months": True, "rate": 1}, "months"),
        ({"months": 13, "rate": 1}, "months"),
        ({"months": 2, "rate": True}, "rate"),
        ({"months": 2, "rate": "NaN"}, "rate"),
        ({"months": 2, "rate": "x"}, "rate"),
        ({"months": 2, "when": "2026-02-30"}, "when"),
        ({"months": 2, "extra": 1}, "extra"),
    ],
)
def test_an_input_that_does_not_fit_is_refused_with_its_place(made: Make, case: dict[str, object], place: str) -> None:
    with pytest.raises(InputError) as refused:
        pure(made).run(case)
    assert refused.value.place == place


def test_the_name_of_an_unknown_input_steers_no_terminal(made: Make) -> None:
    for name in ("x\nerror: y", "\x1b[2J", "x" * 100_000):
        with pytest.raises(InputError, match="unknown input") as caught:
            pure(made).run({"months": 2, "rate": 1, name: 1})
        assert "\n" not in (caught.value.place or "\n")
        assert (caught.value.place or "").isprintable()
        assert len(str(caught.value)) < 1_000


def test_an_input_that_is_no_object_is_refused(made: Make) -> None:
    with pytest.raises(InputError, match="not an object"):
        pure(made).run([1])  # type: ignore[arg-type]


def test_the_callers_input_stays_as_it_was(made: Make) -> None:
    case = {"months": 2, "rate": "1.10"}
    pure(made).run(case)
    assert case == {"months": 2, "rate": "1.10"}


def test_what_was_verified_is_what_runs(made: Make) -> None:
    path = made(PURE.format(template="handler"), PURE_LOGIC)
    workflow = load(path)
    (path / "program.py").write_text("raise SystemExit", encoding="utf-8")
    assert workflow.run({"months": 1, "rate": 1}, trace=True).output == {"fee": Decimal(1)}
    with pytest.raises(ArtifactError):
        load(path)


def test_a_database_step_runs_from_the_artifacts_own_copy(made: Make, tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "members.db") as db:
        db.execute("CREATE TABLE members (id TEXT, tier TEXT)")
        db.executemany("INSERT INTO members VALUES (?, ?)", [("m1", "GOLD"), ("m2", "BASIC"), ("m3", "IRON")])
    path = made(MEMBERS, MEMBERS_LOGIC)
    assert (path / "modules" / "database.py").exists()
    workflow = load(path, environment={"MEMBERS_DB": f"sqlite:///{tmp_path / 'members.db'}"})
    assert workflow.run({"member_id": "m1", "amount": "10.55"}).output == {"copay": Decimal("0.00")}
    assert workflow.run({"member_id": "m2", "amount": "10.55"}).output == {"copay": Decimal("2.11")}
    assert workflow.run({"member_id": "x' OR '1'='1", "amount": 1}).status == "needs_review"
    strange = workflow.run({"member_id": "m3", "amount": 1})
    assert "gave no valid tier" in strange.review.reason


def test_a_module_without_its_settings_is_one_error(made: Make) -> None:
    with pytest.raises(StepError, match="MEMBERS_DB") as refused:
        load(made(MEMBERS, MEMBERS_LOGIC), environment={}).run({"member_id": "m1", "amount": 1})
    assert refused.value.place == "find_member"


@pytest.mark.parametrize("package", ["psycopg", "sqlalchemy"])
def test_a_package_that_a_module_lacks_is_named_with_its_extra(
    made: Make, monkeypatch: pytest.MonkeyPatch, package: str
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    environment = {"MEMBERS_DB": "postgresql://127.0.0.1:1/x"}
    with pytest.raises(StepError, match=rf"{package}[\s\S]*pip install 'ingot\[modules\]'"):
        load(made(MEMBERS, MEMBERS_LOGIC), environment=environment).run({"member_id": "m1", "amount": 1})


def test_a_batch_resumes_and_keeps_bad_rows_apart(made: Make, tmp_path: Path) -> None:
    workflow = pure(made, "batch")
    rows = read_rows('{"months": 1, "rate": 1}\n\n{"months": 99, "rate": 1}\n{"months": 3, "rate": 0.1}\n', "rows")
    out = tmp_path / "out.jsonl"
    assert run_batch(workflow, rows, out) == (3, 1)
    lines = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    assert [line["status"] for line in lines] == ["completed", "failed", "completed"]
    assert lines[1]["row"] == 2
    first = out.read_bytes()
    out.write_bytes(first + b'{"torn')
    assert run_batch(workflow, rows, out) == (3, 1)  # a failure of an earlier run is still one
    assert out.read_bytes() == first
    with pytest.raises(StepError, match="another input"):
        run_batch(workflow, rows[:1], out)
    with pytest.raises(StepError, match="No such file or directory"):
        run_batch(workflow, rows, tmp_path / "nowhere" / "out.jsonl")


def test_half_of_a_surrogate_pair_fails_its_row_alone(made: Make, tmp_path: Path) -> None:
    rows = read_rows('{"months": 1, "rate": 1}\n{"months": 1, "rate": "\\ud800"}\n{"\\ud800": 1}\n', "rows")
    out = tmp_path / "out.jsonl"
    assert run_batch(pure(made, "batch"), rows, out) == (3, 2)
    assert run_batch(pure(made, "batch"), rows, out) == (3, 2)


def test_a_batch_needs_the_batch_template(made: Make, tmp_path: Path) -> None:
    with pytest.raises(StepError, match="template is 'handler'"):
        run_batch(pure(made), [], tmp_path / "out")


def test_a_stream_answers_line_by_line_in_order(made: Make) -> None:
    workflow = pure(made, "stream")
    said: list[str] = []
    lines = ['{"months": 1, "rate": 1}\n', "\n", '{"months": -1, "rate": 1}\n', "{torn\n", '{"months": 2, "rate": 1}\n']
    assert run_stream(workflow, iter(lines), said.append) == (4, 2)
    told = [json.loads(line) for line in said]
    assert [one["status"] for one in told] == ["completed", "failed", "failed", "completed"]
    assert "not JSON" in told[2]["error"]
    assert told[3]["output"] == {"fee": "2"}


def test_the_validator_template_hands_what_fails_to_a_person(made: Make, tmp_path: Path) -> None:
    workflow = pure(made, "validator")
    assert workflow.run({"months": 1, "rate": 1}).output == {"fee": Decimal(1)}
    sqlite3.connect(tmp_path / "empty.db").execute("CREATE TABLE other (id TEXT)").connection.commit()
    spec = MEMBERS.replace("cases:", "plan: {template: validator}\ncases:")
    broken = load(made(spec, MEMBERS_LOGIC), environment={"MEMBERS_DB": f"sqlite:///{tmp_path / 'empty.db'}"})
    outcome = broken.run({"member_id": "m1", "amount": 1})
    assert outcome.review.step == "validator"
    assert "StepError" in outcome.review.reason


def test_rows_that_are_no_objects_name_their_line() -> None:
    with pytest.raises(InputError) as refused:
        read_rows('{"a": 1}\n[1]\n', "rows.jsonl")
    assert refused.value.place == "rows.jsonl:2"
    with pytest.raises(InputError, match="not JSON"):
        read_rows("{", "rows.jsonl")


def test_a_line_separator_inside_a_text_does_not_end_a_row() -> None:
    assert read_rows('{"a": "x\u2028y"}\r\n{"a": 1}', "rows") == [{"a": "x\u2028y"}, {"a": 1}]


@pytest.mark.parametrize(
    "text", ['{"a": 1, "a": 2}', '{"a": NaN}', '{"a": 1e99999999999999999999}', "[" * 100_000, "[" * 900 + "]" * 900]
)
def test_json_that_python_alone_would_let_pass_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="not JSON"):
        read_rows(text, "rows")


CLAUSES = "clauses: {C1: Months times the rate., C2: Never below zero.}\nlogic_requirements:"
COPIED = """def compute(months: int, rate: Decimal) -> Decimal:
    # C1: Months times the rate.
    # C2: Never below zero.
    if months < 3:
        return rate * months  # C2
    return (
        months
        * rate  # C1
    )
"""


def test_explain_cites_what_the_receipts_cite(made: Make) -> None:
    """A copied rule is credited to no branch, and a return over several lines cites what any of them does."""
    path = made(PURE.format(template="handler").replace("logic_requirements:", CLAUSES), COPIED)
    explained = load(path).explain({"months": 4, "rate": 3})
    assert [(one.line, one.clauses) for one in explained.decisions] == [(4, ()), (6, ("C1",))]
    assert load(path).run({"months": 4, "rate": 3}, trace=True).trace.clauses == ("C1",)
    assert "cited at line 8" in re.sub("<[^>]+>", "", (path / "report.html").read_text(encoding="utf-8"))
