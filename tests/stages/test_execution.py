"""EXECUTION: every rule by its fixtures, secrecy of held-out cases, inputs, determinism, failing closed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from stage_fixtures import HERE, expected, fixtures, name, places, read

from ingot.canonical import canonical_json
from ingot.compile.assemble import assemble
from ingot.errors import StageError
from ingot.fields import Field, validator
from ingot.program import Program
from ingot.runtime import monty as monty_module
from ingot.runtime.monty import Comparison, MontyRunner
from ingot.runtime.sandbox import Limits, Sandbox
from ingot.spec import Spec, parse_spec
from ingot.stages import execution
from ingot.stages.constants import constants_of
from ingot.stages.execution import RULES, STAGE, check_execution, warm_sandbox
from ingot.stages.fit import misfits
from ingot.stages.inputs import boundary_trials, generated_trials
from ingot.stages.values import boundary_values, typical
from ingot.verdict import Verdict

CHARGE = """
metadata: {name: charges}
inputs:
  days: {type: integer, minimum: 0, maximum: 400}
  amount: {type: decimal, minimum: 0, maximum: 10000, places: 2, unit: USD}
  tags: list of text
  note: text?
logic_requirements:
%s  - step: charge
    type: function
    intent: The charge.
    on_null: handle
    inputs: [days, amount, tags, note]
    outputs: {fee: {type: decimal, places: 2, unit: USD}, notes: list of text}
cases:
  - {id: early, input: {days: 3, amount: '10.00', tags: [b, a], note: hello}, expected: {fee: '0.00'}%s}
  - {id: late, input: {days: 45, amount: '99.99', tags: [], note: null}, expected: {fee: '1.50'}%s}
  - {id: secret, held_out: true, input: {days: 31, amount: '0.01', tags: [one, two, three], note: x}, expected: {fee: '0.00'}%s}
"""
LOOK_UP = """
  - step: look_up
    type: module
    module: files.read
    with: {path: rates.txt}
    inputs: [days]
    outputs: {rate: text}
"""
SPEC = parse_spec(CHARGE % (("",) * 4))
GIVEN = ", steps: {look_up: {rate: low}}"
SPECS = {
    ("EXE012", "good"): parse_spec(CHARGE % (LOOK_UP.lstrip("\n"), GIVEN, GIVEN, GIVEN)),
    ("EXE012", "bad"): parse_spec(CHARGE % (LOOK_UP.lstrip("\n"), GIVEN, "", "")),
}
GOOD = read(HERE / "EXE007" / "good_decimal.py")


def check(source: str, spec: Spec = SPEC) -> Verdict:
    return STAGE.check(assemble(spec, source), {})[0]


@pytest.mark.parametrize(("code", "path"), fixtures(RULES, "bad"), ids=name)
def test_bad_fixtures_are_found_where_expected(code: str, path: Path) -> None:
    verdict = check(read(path), SPECS.get((code, "bad"), SPEC))
    severity = {rule.code: rule.severity for rule in RULES}
    assert places(verdict.findings) == expected(code)[path.name]
    assert code in {finding.code for finding in verdict.findings}
    assert verdict.passed is (severity[code] == "warning")
    assert all(finding.severity == severity[finding.code] for finding in verdict.findings)


@pytest.mark.parametrize(("code", "path"), fixtures(RULES, "good"), ids=name)
def test_good_fixtures_pass_the_whole_stage(code: str, path: Path) -> None:
    assert check(read(path), SPECS.get((code, "good"), SPEC)).findings == ()


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
def test_every_rule_has_fixtures_and_a_snapshot_of_all_bad_ones(rule: Any) -> None:
    assert list((HERE / rule.code).glob("good_*.py"))
    assert set(expected(rule.code)) == {path.name for path in (HERE / rule.code).glob("bad_*.py")} != set()


def test_codes_are_unique() -> None:
    assert len({rule.code for rule in RULES}) == len({rule.name for rule in RULES}) == len(RULES)


# ---- held-out cases ----------------------------------------------------------------------------------------------

HIDDEN = {"days": 387, "amount": "7341.19", "tags": ["quetzal-91", "axolotl-72"], "note": "the-hidden-note-5521"}
SECRETIVE = parse_spec(
    (CHARGE % (("",) * 4)).replace("{days: 31, amount: '0.01', tags: [one, two, three], note: x}", json.dumps(HIDDEN))
)
ONLY_HIDDEN = 'def charge(days: int, amount: Decimal, tags: list[str], note: str | None) -> ChargeOutput:\n    if note == "the-" + "hidden-note-" + str(5521):\n        %s\n    return {"fee": amount, "notes": sorted(tags)}\n'
LEAKS = [
    "raise ValueError(note, amount, tags, days)",
    "raise type('E' + ''.join(tags).replace('-', '') + str(days), (Exception,), {})(note)",
    "tags.append(note)",
    "return {'fee': float(amount), 'notes': tags}",
    "return {'fee': amount, 'notes': [note], note: tags, str(amount): days}",
    "return {note: {note: amount}}",
    "return {'fee': amount, 'notes': list({*tags, note, 'a', 'b', 'c', 'd'})}",
    "return {'fee': Decimal(str(round(1.115, 2))), 'notes': tags}",
    "open(note)",
    "import statistics; statistics.mean([days]); {}[note]",
    "return {'fee': amount, 'notes': [one for one in iter(lambda: note, 0)]}",
    "return {'fee': amount, 'notes': [note] * 200_000}",
    "__import__('os')._exit(days % 256)",
    "__import__(tags[0])",
    "return {'fee': amount, 'notes': notes(note)}",
    "exec(compile('1/0', note, 'exec'))",
    "return {'fee': amount + Decimal('0.001'), 'notes': tags}",
    "return {'fee': amount, 'notes': ['\\ud800' + note]}",
]


@pytest.mark.parametrize("body", LEAKS)
def test_no_value_of_a_held_out_case_is_in_a_verdict(body: str) -> None:
    verdict, observed = STAGE.check(assemble(SECRETIVE, ONLY_HIDDEN % body), {})
    assert verdict.findings, "the fixture must make the stage say something"
    said = json.dumps(verdict.to_json(), ensure_ascii=False) + " ".join(map(str, verdict.findings))
    for value in ("387", "7341", "quetzal", "axolotl", "hidden-note", "5521", "secret"):
        assert value not in said
    assert "held-out" in said
    assert set(observed) == {"early", "late", "secret"}


def test_a_held_out_failure_says_where() -> None:
    (finding,) = [one for one in check(ONLY_HIDDEN % "1 / (days - days)", SECRETIVE).findings if one.code == "EXE001"]
    assert finding.message == "a held-out case raised ZeroDivisionError in charge, line 3"
    assert (finding.line, finding.function) == (3, "charge")


def test_inputs_take_nothing_from_held_out_cases() -> None:
    program = assemble(SECRETIVE, GOOD)
    made = canonical_json([[trial.input, trial.steps] for trial in _made(program)]).decode()
    for value in ("387", "7341", "quetzal", "axolotl", "hidden-note"):
        assert value not in made


def _made(program: Program) -> list[Any]:
    return [*boundary_trials(program), *generated_trials(program)]


# ---- what is shown and measured ----------------------------------------------------------------------------------


def test_a_finding_shows_an_input_that_people_may_see() -> None:
    source = read(HERE / "EXE001" / "bad_division.py")
    finding, _ = check(source).findings
    assert "an input of the declared types raised" in finding.message
    assert '"days":0' in finding.message
    assert finding.hint


def test_measures_are_plain_and_the_same_every_time() -> None:
    first, second = (check(GOOD) for _ in range(2))
    assert first.to_json() == second.to_json()
    assert json.loads(json.dumps(first.measures)) == first.measures
    measures = first.measures
    assert measures["seeds"] == [0, 1, 4242]
    assert {key: measures["trials"][key] for key in ("given", "held_out")} == {"given": 2, "held_out": 1}
    assert measures["trials"]["generated"] == 100
    assert 50 < measures["trials"]["boundary"] <= 190
    assert measures["confinement"]["rlimits"]
    assert measures["monty"]["agreed"] == measures["monty"]["compared"] > 100
    assert measures["branch_coverage"] == {"cases": 1.0, "branches": 2, "uncovered": []}


def test_without_cases_coverage_is_of_generated_inputs() -> None:
    spec = SPEC.model_copy(update={"cases": ()})
    verdict = check(read(HERE / "EXE008" / "bad_untested.py"), spec)
    assert verdict.passed, "constants of comparisons are tried, so every branch is reached"
    assert verdict.measures["branch_coverage"]["generated"] == 1.0


def test_coverage_names_the_lines() -> None:
    (finding,) = check(read(HERE / "EXE008" / "bad_ternary.py")).findings
    assert finding.message == "the cases take 50% of the branches, below 80%; never taken: line 2 (false)"


def test_a_program_that_hangs_is_given_up_soon() -> None:
    started = time.monotonic()
    verdict = check(ONLY_HIDDEN.replace("if note ==", "while days >= 0 or note ==") % "pass")
    assert [finding.code for finding in verdict.findings] == ["EXE002"]
    assert verdict.measures["branch_coverage"] is None
    assert time.monotonic() - started < 30, "two trials of a second of CPU each, on a machine that may be busy"


def test_observations_are_of_the_cases_only() -> None:
    _, observed = STAGE.check(assemble(SPEC, GOOD), {})
    assert set(observed) == {"early", "late", "secret"}
    assert observed["late"].output == {"fee": Decimal("1.50"), "notes": []}


# ---- inputs ------------------------------------------------------------------------------------------------------

EVERYTHING = parse_spec("""
metadata: {name: everything}
inputs:
  a: text?
  b: {type: text, pattern: '^[A-Z]{2}-[0-9]{3}$'}
  c: {type: integer, minimum: -5, maximum: 5}
  d: {type: decimal, places: 4}
  e: float
  f: boolean?
  g: date
  h: datetime
  i: {type: enum, values: [x, y, z]}
  j: {type: list, items: {type: object, fields: {k: integer, l: text?}}, max_length: 4}
  m: {type: object, fields: {n: {type: decimal, minimum: 0}, o: list of date}}
  p: {type: decimal, minimum: 5000000000}
logic_requirements:
  - step: extract
    type: bounded_invocation
    schema: {bmi: float, age: integer}
    validation: ["bmi > 10 AND bmi < 100", "age BETWEEN 18 AND 64"]
  - step: decide
    type: function
    intent: Decide.
    on_null: handle
    outputs: {q: boolean}
""")
DECIDE = "def decide(" + ", ".join("abcdefghijmp") + ", bmi, age):\n    return bmi >= 37.5 or g > date(2031, 7, 9)\n"


def test_inputs_are_valid_distinct_and_the_same_in_every_process() -> None:
    program = assemble(EVERYTHING, DECIDE)
    made = _made(program)
    check_input, check_step = validator(EVERYTHING.inputs), validator(EVERYTHING.logic_requirements[0].outputs)
    for trial in made:
        check_input.validate_python(dict(trial.input))
        check_step.validate_python(dict(trial.steps["extract"]))
        assert 10 < trial.steps["extract"]["bmi"] < 100
        assert 18 <= trial.steps["extract"]["age"] <= 64
    boundary = boundary_trials(program)
    assert len({canonical_json([one.input, one.steps]) for one in boundary}) == len(boundary) >= 150
    assert len(generated_trials(program)) >= 60
    assert {37.5} & {trial.steps["extract"]["bmi"] for trial in boundary}
    assert {date(2031, 7, 8), date(2031, 7, 9), date(2031, 7, 10)} <= {trial.input["g"] for trial in boundary}
    code = (
        "import hashlib, test_execution as t\n"
        "print(hashlib.sha256(repr(t._made(t.assemble(t.EVERYTHING, t.DECIDE))).encode()).hexdigest())"
    )
    environment = {**os.environ, "PYTHONPATH": str(HERE)}
    digests = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**environment, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(digests) == 1


def test_no_folder_is_left_by_drawing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    generated_trials(assemble(parse_spec((CHARGE % (("",) * 4)).replace("charges", "others")), GOOD))
    assert list(tmp_path.iterdir()) == []


def test_boundaries_of_a_number() -> None:
    field = Field(name="x", type="decimal", minimum=Decimal(0), maximum=Decimal(100), places=2, nullable=True)
    values = boundary_values(field, constants_of('LIMIT = Decimal("23")\nif x > LIMIT: pass\n'))
    for value in ("0", "0.01", "99.99", "100", "22.99", "23", "23.01"):
        assert Decimal(value) in values
    assert None in values
    assert all(value is None or 0 <= value <= 100 for value in values)


def test_boundaries_of_the_last_day_there_is() -> None:
    values = boundary_values(
        Field(name="x", type="date"), constants_of("LAST = date(9999, 12, 31)\nif x > LAST: pass\n")
    )
    assert {date(9999, 12, 31), date(9999, 12, 30)} <= set(values)


def test_zones_follow_the_cases() -> None:
    text = """
metadata: {name: zones}
inputs: {at: datetime}
logic_requirements:
  - {step: decide, type: function, intent: x, outputs: {late: boolean}}
cases:
  - {id: a, input: {at: '%s'}, expected: {late: true}}
"""
    for written, aware in (("2024-01-01T10:00:00Z", True), ("2024-01-01T10:00:00", False)):
        program = assemble(parse_spec(text % written), "def decide(at):\n    return True\n")
        assert {trial.input["at"].tzinfo is not None for trial in _made(program)} == {aware}


# ---- fit ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        (Field(name="x", type="decimal"), 1, "x is of type int; decimal is declared"),
        (Field(name="x", type="decimal"), 1.0, "x is of type float; decimal is declared"),
        (Field(name="x", type="decimal"), Decimal("NaN"), "x is out of its bounds"),
        (Field(name="x", type="integer"), True, "x is of type bool; integer is declared"),
        (Field(name="x", type="date"), datetime(2024, 1, 1), "x is of type datetime; date is declared"),
        (Field(name="x", type="date"), "2024-01-01", "x is of type str; date is declared"),
        (
            Field(name="x", type="list", items=Field(name="i", type="text")),
            ("a",),
            "x is of type tuple; list is declared",
        ),
        (Field(name="x", type="text"), None, "x is null; text is declared"),
        (Field(name="x", type="enum", values=("a", "b")), "c", "x is a text that is none of its values"),
        (Field(name="x", type="list", items=Field(name="i", type="integer")), [1, "2"], "x[] is of type str"),
        (Field(name="x", type="object", fields=(Field(name="y", type="text"),)), {"y": 1}, "x.y is of type int"),
        (Field(name="x", type="object", fields=(Field(name="y", type="text"),)), {}, "x.y is missing"),
        (Field(name="x", type="text", max_length=2), "abc", "x is out of its bounds"),
        (Field(name="x", type="text"), "\ud800", "x is a value that holds text that is not Unicode"),
    ],
)
def test_misfits(field: Field, value: Any, said: str) -> None:
    (found,) = misfits((field,), {"x": value})
    assert said in str(found)


def test_what_fits() -> None:
    fields = (
        Field(name="x", type="decimal", nullable=True),
        Field(name="y", type="list", items=Field(name="i", type="text")),
    )
    assert misfits(fields, {"x": None, "y": ["a"]}) == ()
    assert misfits(fields, {"x": Decimal(1), "y": []}) == ()


# ---- failing closed and time -------------------------------------------------------------------------------------


def test_a_missing_engine_is_a_stage_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pydantic_monty", None)
    with pytest.raises(StageError, match="pydantic-monty is not installed"):
        check_execution(assemble(SPEC, GOOD), {}, warm_sandbox(), MontyRunner())
    assert monty_module.MontyRunner is MontyRunner


def test_a_sandbox_that_does_not_start_is_a_stage_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(StageError, match="did not start"), Sandbox(seeds=(9,)):
        pass


def test_a_busy_machine_is_no_verdict_on_the_candidate() -> None:
    endless = assemble(SPEC, read(HERE / "EXE002" / "bad_while.py"))
    limits = Limits(trial_seconds=20.0, run_seconds=20.0, patience=0.005)
    with pytest.raises(StageError, match="the machine is too busy"):
        check_execution(endless, {}, warm_sandbox(), limits=limits)


def test_a_run_for_coverage_that_is_lost_has_a_finding() -> None:
    program = assemble(SPEC, GOOD)
    trials = execution._Trials(boundary_trials(program)[:2], (), (), ())
    run = warm_sandbox().run(program.text, trials.every, offset=program.offset, seed=0)
    lost = replace(run, lost={trials.given[1].id: "timeout"})
    seen = execution._Seen(program, trials, (run,), lost, Comparison(0, 0, (), None))
    assert [finding.code for finding in execution._losses(seen)] == ["EXE002"]


def test_a_warm_stage_takes_less_than_a_second() -> None:
    program = assemble(SPEC, GOOD)
    STAGE.check(program, {})
    assert min(STAGE.check(program, {})[0].seconds for _ in range(3)) < 1


def test_inputs_keep_to_the_lengths_of_a_spec() -> None:
    spec = parse_spec(
        "metadata: {name: sizes}\n"
        "inputs: {size: {type: list, items: integer, min_length: 3, max_length: 3}, word: {type: text, min_length: 9}}\n"
        "outputs: {n: integer}\n"
        "logic_requirements: [{step: count, type: function, intent: Count.}]\n"
    )
    program = assemble(spec, "def count(size: list[int], word: str) -> int:\n    return len(size)\n")
    trials = [*boundary_trials(program), *generated_trials(program)]
    assert len(trials) > 20
    assert {len(trial.input["size"]) for trial in trials} == {3}
    assert min(len(trial.input["word"]) for trial in trials) == 9


def test_a_field_with_more_digits_than_decimal_usually_keeps_has_a_middle() -> None:
    wide = Field(name="a", type="decimal", minimum=0, maximum=Decimal("99999999999999999999"), places=10)
    assert typical(wide) == Decimal("49999999999999999999.5")
