"""Specs: everything that loads, and one exact error for everything that does not."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingot.compile.assemble import PRELUDE
from ingot.errors import SpecError
from ingot.names import PRELUDE as PRELUDE_NAMES
from ingot.spec import LARGEST_SPEC, load_spec, parse_spec, spec_schema

LIBRARY = Path(__file__).parent.parent / "src" / "ingot" / "library"

PRINTED = """\
metadata:
  name: "GLP-1 Agonist Medical Necessity Review"
  compliance: ["HIPAA", "CMS_Decision_Timeframes"]
inputs:
  - name: "patient_chart_summary"
    type: "text"
logic_requirements:
  - step: "extract_clinical_factors"
    type: "bounded_invocation"
    schema:
      has_t2d_diagnosis: boolean
      current_a1c: float
      bmi: float
      has_step_therapy_failure: boolean
    validation:
      - "bmi > 10 AND bmi < 100"
  - step: "evaluate_coverage"
    type: "deterministic_rule"
    logic: |
      IF has_t2d_diagnosis THEN APPROVE
      ELSE IF (bmi >= 30) AND has_step_therapy_failure THEN APPROVE
      ELSE DENY
"""

BASE = """\
metadata:
  name: x
inputs:
  age: integer
  fee: decimal
outputs:
  ok: boolean
logic_requirements:
  - step: judge
    type: function
    intent: "ok if age over 3 and fee"
"""

FULL = """\
# yaml-language-server: $schema=ingot.schema.json
metadata:
  name: claims
  version: 1.2.0
  title: Claims
  description: Pays claims.
  owner: benefits
  compliance: [HIPAA, SOC2, PCI-DSS]
  effective_from: 2026-01-01
  effective_until: 2026-12-31
inputs:
  member: {type: text, description: member number, max_length: 20, pattern: "^[A-Z0-9]+$", sensitive: phi}
  age: {type: integer, unit: years, range: [0, 120]}
  billed: {type: decimal, unit: USD, places: 2, minimum: 0}
  bmi: float?
  seen_on: {type: date, range: [2020-01-01, 2030-01-01]}
  filed_at: {type: datetime, unit: UTC}
  plan: {type: enum, values: [GOLD, SILVER, no]}
  lines:
    type: list
    items: {type: object, fields: {code: text, units: "integer?"}}
  codes: list of text
  notes: list[text]
outputs:
  paid: {type: decimal, unit: USD}
  decision: {type: enum, values: [PAY, DENY]}
clauses:
  C1: A claim of a GOLD member is paid in full.
  C2: Any other claim is denied.
logic_requirements:
  - step: look_up
    type: module
    module: database.query
    with: {sql: "select name from members where id = :member"}
    outputs: {member_name: "text?"}
  - step: judge
    type: deterministic_rule
    intent: Judge by plan (C1) or not (C2).
    clauses: [C1, C2]
    inputs: [plan, billed, bmi]
    on_null: handle
    outputs:
      paid: {type: decimal, unit: USD, places: 2}
      decision: {type: enum, values: [PAY, DENY], adverse: [DENY]}
  - step: second_look
    type: human_review
    when: "billed > 1000.00 AND seen_on >= '2021-01-01'"
    inputs: [decision]
    outputs: {remark: "text?"}
invariants:
  never_more: "paid <= billed"
cases:
  given:
    - id: gold
      input: {member: A1, age: 40, billed: 12.50, seen_on: 2024-02-29, filed_at: "2024-03-01T10:00:00+00:00",
              plan: GOLD, lines: [{code: a}], codes: [], notes: []}
      expected: {paid: 12.50, decision: PAY}
      steps: {look_up: {member_name: Ann}}
      note: the simple one
  held_out:
    - input: {member: A1, age: 40, billed: 12, bmi: 31, seen_on: 2024-02-29, filed_at: "2024-03-01T10:00:00+00:00",
              plan: "no", lines: [], codes: [a], notes: []}
      expected: {decision: DENY}
thresholds: {accuracy: 1, branch_coverage: 0.9}
scorers: {paid: {scorer: numeric, tolerance: "0.01"}, decision: exact}
overrides:
  - {rule: adverse-action, reason: the plan is not regulated, by: A. Owner}
plan: {template: batch, blocks: [SOC2]}
answers: {"rounding:paid": half up}
"""


def refused(text: str, **kwargs: object) -> SpecError:
    with pytest.raises(SpecError) as caught:
        parse_spec(text, **kwargs)  # type: ignore[arg-type]
    return caught.value


# ---- what loads --------------------------------------------------------------------------------------------------


def test_the_printed_example_loads_unchanged() -> None:
    spec = parse_spec(PRINTED)
    assert [field.name for field in spec.outputs] == ["decision"]
    assert spec.outputs[0].values == ("APPROVE", "DENY")
    assert spec.outputs[0].adverse == ("DENY",)
    assert [clause.id for clause in spec.clauses] == ["C1", "C2", "C3"]
    rule = spec.logic_requirements[1]
    assert rule.inputs == ("has_t2d_diagnosis", "bmi", "has_step_therapy_failure")
    assert rule.clauses == ("C1", "C2", "C3")
    assert spec.cases == ()
    assert len(spec.derived) == 4


def test_everything_in_one_spec_loads() -> None:
    spec = parse_spec(FULL)
    known = spec.known_fields()
    assert [known[name].type for name in ("member", "age", "billed", "bmi", "seen_on", "filed_at", "plan", "lines")] == [
        "text", "integer", "decimal", "float", "date", "datetime", "enum", "list",
    ]  # fmt: skip
    assert known["plan"].values == ("GOLD", "SILVER", "no")
    assert known["bmi"].nullable
    assert known["lines"].items is not None
    assert [field.nullable for field in known["lines"].items.fields] == [False, True]
    assert [field.items.type for field in (known["codes"], known["notes"]) if field.items] == ["text", "text"]
    assert spec.metadata.effective_from == "2026-01-01"
    assert [(case.id, case.held_out) for case in spec.cases] == [("gold", False), ("case-2", True)]
    given_case, held = spec.cases
    assert given_case.input["billed"] == Decimal("12.50")
    assert given_case.input["bmi"] is None
    assert given_case.place == "spec.yaml:54:7"
    assert held.input["bmi"] == 31.0
    assert type(held.input["bmi"]) is float
    assert spec.scorers["decision"].scorer == "exact"
    assert spec.answers == {"rounding:paid": "half up"}
    assert spec.logic_requirements[0].inputs == ("member",)


def test_json_schema_stands_in_place_of_fields() -> None:
    spec = parse_spec("""\
metadata: {name: x}
inputs:
  type: object
  required: [who, tags, born]
  properties:
    who: {type: string, maxLength: 5}
    size: {type: [number, "null"], minimum: 1}
    kind: {enum: [a, b]}
    born: {type: string, format: date}
    tags: {type: array, items: {type: string}}
    home: {properties: {street: {type: string}}}
outputs:
  properties: {fine: {type: boolean}}
logic_requirements: [{step: judge, type: function, intent: judge}]
""")
    shapes = {field.name: (field.type, field.nullable) for field in spec.inputs}
    assert shapes == {
        "who": ("text", False), "size": ("decimal", True), "kind": ("enum", True), "born": ("date", False),
        "tags": ("list", False), "home": ("object", True),
    }  # fmt: skip
    assert spec.inputs[0].max_length == 5
    assert spec.outputs[0].type == "boolean"


@pytest.mark.parametrize("text", [BASE, BASE.replace("\n", "\r\n"), BASE.replace("\n", "\r"), "\ufeff" + BASE])
def test_line_ends_and_a_byte_order_mark_make_no_difference(text: str) -> None:
    assert parse_spec(text).digest() == parse_spec(BASE).digest()


def test_yes_and_no_are_texts_and_true_is_a_boolean() -> None:
    row = "cases:\n  - input: {age: 1, fee: 2}\n    expected: {ok: %s}\n"
    assert parse_spec(BASE + row % "true").cases[0].expected == {"ok": True}
    assert "is 'yes'" in refused(BASE + row % "yes").message


def test_numbers_with_a_point_are_exact() -> None:
    spec = parse_spec(BASE + "cases:\n  - input: {age: 0o17, fee: 0.1}\n    expected: {ok: true}\n")
    assert spec.cases[0].input == {"age": 15, "fee": Decimal("0.1")}


def test_texts_of_block_scalars_are_plain_texts() -> None:
    text = BASE.replace("fee: decimal", "fee: text") + (
        "cases:\n  - input:\n      age: 1\n      fee: |\n        a\n        b\n    expected: {ok: true}\n"
    )
    value = parse_spec(text).cases[0].input["fee"]
    assert value == "a\nb\n"
    assert type(value) is str
    assert type(parse_spec(text).cases[0].input["age"]) is int


def test_inputs_named_only_by_a_cited_clause_are_read() -> None:
    text = BASE.replace(
        'intent: "ok if age over 3 and fee"', "intent: see age\n    clauses: [C1]\nclauses: {C1: fee is due}"
    )
    assert parse_spec(text).logic_requirements[0].inputs == ("age", "fee")


def test_an_output_called_date_is_allowed_where_nothing_reads_it() -> None:
    text = BASE.replace("  ok: boolean", "  date: text")
    assert parse_spec(text).outputs[0].name == "date"


@pytest.mark.parametrize("path", sorted(LIBRARY.glob("**/spec.yaml")), ids=lambda path: path.parent.name)
def test_bundled_specs_load(path: Path) -> None:
    assert load_spec(path).cases


def test_digests_do_not_depend_on_how_a_spec_is_written() -> None:
    assert parse_spec(BASE).digest() == parse_spec(BASE.replace("age: integer", "age: {type: integer}")).digest()
    assert parse_spec(BASE).digest() != parse_spec(BASE.replace("over 3", "over 4")).digest()


# ---- case files --------------------------------------------------------------------------------------------------

ROW = {"id": "a", "input": {"age": 1, "fee": "2.50"}, "expected": {"ok": True}}


def write(folder: Path, cases: str, **files: str | bytes) -> Path:
    for name, content in files.items():
        raw = content if isinstance(content, bytes) else content.encode()
        (folder / name.replace("_", ".")).write_bytes(raw)
    path = folder / "spec.yaml"
    path.write_text(BASE + cases)
    return path


def test_cases_come_from_files(tmp_path: Path) -> None:
    held = "- input: {age: 2, fee: 0.5}\n  expected: {ok: false}\n"
    row = json.dumps(ROW | {"note": "line\u2028separator"}, ensure_ascii=False)
    path = write(tmp_path, "cases: {given: a.jsonl, held_out: b.yaml}\n", a_jsonl="\ufeff" + row + "\n\n", b_yaml=held)
    first, second = load_spec(path).cases
    assert (first.id, first.held_out, first.input["fee"]) == ("a", False, Decimal("2.50"))
    assert (second.held_out, second.place) == (True, "b.yaml:1:3")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "not JSON"),
        ("[1]", "a case is an object"),
        ('{"input": {"age": 1, "age": 2, "fee": 1}}', "a key is there twice"),
        ('{"input": {"age": 1, "fee": NaN}, "expected": {"ok": true}}', "finite number"),
        ("[" * 100_000, "not JSON"),
        ('{"input": {"agee": 1, "fee": 1}, "expected": {"ok": true}}', "unknown field 'input.agee'"),
    ],
)
def test_a_bad_line_of_a_case_file_is_named(tmp_path: Path, line: str, message: str) -> None:
    path = write(tmp_path, "cases: {given: a.jsonl}\n", a_jsonl=json.dumps(ROW) + "\n" + line + "\n")
    with pytest.raises(SpecError, match=re.escape(message)) as caught:
        load_spec(path)
    assert caught.value.place == "a.jsonl:2:1"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("../outside.jsonl", "outside the spec's folder"),
        ("/etc/passwd", "outside the spec's folder"),
        ("absent.jsonl", "cannot read the case file"),
        ("link.jsonl", "outside the spec's folder"),
        ("bad.jsonl", "cannot read the case file"),
        (".", "cannot read the case file"),
    ],
)
def test_case_files_outside_the_folder_or_unreadable_are_refused(tmp_path: Path, name: str, message: str) -> None:
    folder = tmp_path / "inner"
    folder.mkdir()
    (tmp_path / "outside.jsonl").write_text(json.dumps(ROW))
    (folder / "link.jsonl").symlink_to(tmp_path / "outside.jsonl")
    path = write(folder, f"cases: {{given: '{name}'}}\n", bad_jsonl=b"\xff\xfe")
    with pytest.raises(SpecError, match=message) as caught:
        load_spec(path)
    assert caught.value.place == f"{path}:12:9"


# ---- files that are no specs -------------------------------------------------------------------------------------


def test_a_spec_of_a_megabyte_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "spec.yaml"
    path.write_text(BASE + "# " + "x" * 1_000_000)
    with pytest.raises(SpecError, match="262,144") as caught:
        load_spec(path)
    assert "move cases into a file" in (caught.value.hint or "")
    assert "limit" in refused(BASE + "#" * LARGEST_SPEC).message


def test_bytes_that_are_not_utf8_are_placed(tmp_path: Path) -> None:
    path = tmp_path / "spec.yaml"
    path.write_bytes(BASE.encode().replace(b"name: x", b"name: \xe9"))
    with pytest.raises(SpecError, match="0xe9 is not UTF-8") as caught:
        load_spec(path)
    assert caught.value.place == f"{path}:2:9"


def test_an_absent_spec_and_a_folder_are_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "absent.yaml", tmp_path):
        with pytest.raises(SpecError, match="cannot read the spec"):
            load_spec(path)


# ---- one exact error each ----------------------------------------------------------------------------------------

CASE = "cases:\n  - input: {age: 1, fee: 2}\n    expected: {ok: true}\n"

BAD: dict[str, tuple[str, str, str, str | None]] = {
    # what: text, line:column, part of the message, part of the hint
    "empty file": ("", "1:1", "a spec is a mapping", "metadata"),
    "only dashes": ("---\n", "1:1", "a spec is a mapping", None),
    "a list": ("- a\n- b\n", "1:1", "a spec is a mapping", None),
    "a word": ("hello", "1:1", "a spec is a mapping", None),
    "malformed": (BASE + "  foo: [1,\n", "12:3", "malformed YAML", "indentation"),
    "tab": (BASE.replace("  name", "\tname"), "2:1", "malformed YAML", None),
    "two documents": (BASE + "---\n" + BASE, "12:1", "another document", None),
    "duplicate key": (BASE + "metadata:\n  name: y\n", "12:1", "duplicate key 'metadata'", "merge"),
    "duplicate input key": (BASE.replace("  fee: decimal", "  age: decimal"), "5:3", "duplicate key 'age'", None),
    "NUL": (BASE.replace("name: x", "name: x\0"), "2:10", "U+0000", "delete"),
    "escaped NUL": (BASE.replace("name: x", r'name: "x\0"'), "2:9", "NUL", None),
    "control character": (BASE.replace("name: x", "name: x\x07"), "2:10", "U+0007", None),
    "surrogate": (BASE.replace("name: x", r'name: "\uD800"'), "2:9", "surrogate", None),
    "alias bomb": (
        "a: &a [x,x]\nb: &b [*a,*a]\nc: &c [*b,*b]\n" + BASE, "1:4", "anchor '&a' is not allowed", "write the value out",
    ),
    "merge key": (BASE + "<<: {a: 1}\n", "12:1", "merge key", None),
    "tag": (BASE.replace("name: x", 'name: !!python/object/apply:os.system ["id"]'), "2:9", "tag", "quotes"),
    "own tag": (BASE.replace("name: x", "name: !foo x"), "2:9", "tag '!foo'", None),
    "YAML 1.1": ("%YAML 1.1\n---\n" + BASE, "2:1", "only YAML 1.2", "%YAML"),
    "deep list": (BASE + "plan: " + "[" * 5000 + "]" * 5000, "12:46", "40 levels deep", "flatten"),
    "deep mapping": (BASE + "plan: " + "{a: " * 3000 + "1" + "}" * 3000, "12:163", "40 levels deep", None),
    "deep short form": (BASE.replace("age: integer", "age: " + "list of " * 30 + "text"), "4:3", "8 levels deep", None),
    "very deep short form": (BASE.replace("age: integer", "age: " + "list of " * 300 + "text"), "4:3", "does not fit", None),
    "unknown key": (BASE + "metadat: 1\n", "12:1", "unknown key 'metadat'", "did you mean 'metadata'?"),
    "unknown metadata": (BASE.replace("name: x", "name: x\n  ownr: me"), "3:3", "unknown key 'ownr'", "'owner'"),
    "unknown field setting": (BASE.replace("age: integer", "age: {type: integer, unt: kg}"), "4:24", "'unt'", "'unit'"),
    "unknown item setting": (
        BASE.replace("age: integer", "age: {type: list, items: {type: text, unt: 1}}"), "4:41", "'unt'", "'unit'",
    ),
    "unknown inner setting": (
        BASE.replace("age: integer", "age: {type: object, fields: {a: {type: text, unt: 1}}}"), "4:48", "'unt'", "'unit'",
    ),
    "unknown step key": (BASE + "    clause: [C1]\n", "12:5", "unknown key 'clause'", "'clauses'"),
    "unknown output setting": (BASE + "    outputs:\n      ok: {type: boolean, descr: x}\n", "13:27", "'descr'", "'description'"),
    "unknown clause key": (BASE + "clauses:\n  - id: C1\n    txt: hi\n", "14:5", "unknown key 'txt'", "'text'"),
    "unknown invariant key": (BASE + "invariants:\n  - name: a\n    hold: ok\n", "14:5", "'hold'", "'holds'"),
    "clauses without brackets": (BASE + "    clauses: C1\n", "12:5", "it is no list", "write ['C1']"),
    "invariant without a name": (BASE + "invariants: [ok]\n", "12:14", "it is no mapping", "write a name before each"),
    "unknown threshold": (BASE + "thresholds:\n  acuracy: 1\n", "13:3", "'acuracy'", "'accuracy'"),
    "unknown scorer key": (BASE + "scorers:\n  ok: {scorr: exact}\n", "13:8", "'scorr'", "'scorer'"),
    "unknown scorer": (BASE + "scorers:\n  ok: exat\n", "13:3", "'exat'", "'exact'"),
    "scorer of nothing": (BASE + "scorers:\n  okk: exact\n", "13:3", "'okk', which is not an output", "'ok'"),
    "unknown override key": (BASE + "overrides:\n  - rle: adverse-action\n", "13:5", "unknown key 'rle'", "'rule'"),
    "unknown plan key": (BASE + "plan:\n  templte: batch\n", "13:3", "'templte'", "'template'"),
    "unknown template": (BASE + "plan:\n  template: bach\n", "13:3", "'bach'", "'batch'"),
    "unknown table key": (BASE + "    table:\n      inputs: [age]\n      rws: []\n", "14:7", "unknown key 'rws'", "'rows'"),
    "unknown case group": (BASE + "cases:\n  givn: []\n", "13:3", "unknown key 'givn'", "'given'"),
    "unknown case key": (BASE + CASE.replace("expected", "expcted"), "14:5", "'expcted'", "'expected'"),
    "unknown compliance": (
        BASE.replace("name: x", "name: x\n  compliance: [HIPPA]"), "3:16", "'compliance' is 'HIPPA'", "'HIPAA'",
    ),
    "unknown module": (BASE + "  - {step: a, type: module, module: database.qery}\n", "12:29", "'database.qery'", "database.query"),
    "unknown type": (BASE.replace("age: integer", "age: int"), "4:3", "unknown type 'int'", "'integer'"),
    "unknown step type": (BASE.replace("type: function", "type: functoin"), "10:5", "'functoin'", "'function'"),
    "type left empty": (BASE.replace("age: integer", "age:"), "4:3", "unknown type 'None'", "one of: text"),
    "no type": (BASE.replace("age: integer", "age: {unit: kg}"), "4:3", "inputs.0 lacks 'type'", "add 'type:'"),
    "a number as key": (BASE.replace("  age: integer", "  1: integer\n  age: integer"), "4:3", "inputs.0.name: 1", None),
    "no inputs": (BASE.replace("  age: integer\n  fee: decimal\n", "  {}\n"), "3:1", "at least 1", None),
    "no steps": (BASE.split("logic_req", maxsplit=1)[0], "1:1", "lacks 'logic_requirements'", "add 'logic_requirements:'"),
    "metadata left empty": (BASE.replace("metadata:\n  name: x", "metadata:"), "1:1", "metadata: None", None),
    "bad retries": (BASE + "    retries: 99\n", "12:5", "retries: 99", None),
    "bad on_null": (BASE + "    on_null: escalat\n", "12:5", "'escalat'", "'escalate'"),
    "duplicate step": (BASE + "  - {step: judge, type: function, intent: x}\n", "12:5", "duplicate step 'judge'", "rename"),
    "duplicate clause": (BASE + "clauses:\n  - {id: C1, text: a}\n  - {id: C1, text: b}\n", "14:5", "duplicate clause 'C1'", None),
    "duplicate input": (
        BASE.replace("  age: integer\n  fee: decimal", "  - {name: a, type: text}\n  - {name: a, type: text}"),
        "5:5", "duplicate input 'a'", None,
    ),
    "duplicate step input": (BASE + "    inputs: [age, age]\n", "12:19", "duplicate input 'age'", None),
    "duplicate inner field": (
        BASE.replace("age: integer", "age: {type: object, fields: [{name: a, type: text}, {name: a, type: text}]}"),
        "4:55", "duplicate field 'a'", None,
    ),
    "duplicate case": (BASE + CASE.replace("- ", "- id: a\n    ") + "  - id: a\n    input: {age: 2, fee: 2}\n    escalates: true\n",
                       "16:5", "duplicate case 'a'", "own id"),
    "case with a wrong field": (BASE + CASE.replace("age:", "agee:"), "13:13", "unknown field 'input.agee'", "'age'"),
    "case with a wrong output": (BASE + CASE.replace("ok:", "okk:"), "14:16", "expects 'okk'", "'ok'"),
    "case of a wrong type": (BASE + CASE.replace("age: 1", "age: '1'"), "13:13", "'input.age' is '1'", None),
    "case with a missing field": (BASE + CASE.replace(", fee: 2", ""), "13:5", "case lacks 'input.fee'", "nullable"),
    "case that expects nothing": (BASE + "cases:\n  - input: {age: 1, fee: 2}\n", "13:5", "expects nothing", "escalates"),
    "case that answers no output": (BASE + "cases:\n  - {input: {age: 1, fee: 2}, answered: [okk]}\n", "13:42", "expects 'okk'", "'ok'"),
    "case that answers what it states": (BASE + CASE + "    answered: [ok]\n", "15:16", "names 'ok' twice", "does not state"),
    "case of an unknown step": (BASE + CASE + "    steps: {judge: {}}\n", "15:13", "gives outputs of 'judge'", None),
    "case that is a word": (BASE + "cases:\n  - hello\n", "13:5", "a case is a mapping", None),
    "NaN": (BASE + CASE.replace("fee: 2", "fee: .nan"), "13:21", "finite number", None),
    "Infinity": (BASE + CASE.replace("fee: 2", "fee: -.inf"), "13:21", "finite number", None),
    "huge exponent": (BASE + CASE.replace("fee: 2", "fee: 1e999999999"), "13:26", "at most 60 digits", None),
    "huge integer": (BASE + CASE.replace("age: 1", f"age: {'9' * 5000}"), "13:18", "at most 60 digits", None),
    "empty cases": (BASE + "cases: []\n", "12:1", "'cases' is empty", "at least one case"),
    "cases left empty": (BASE + "cases:\n", "12:1", "'cases' is empty", None),
    "empty mapping of cases": (BASE + "cases: {}\n", "12:1", "'cases' is empty", None),
    "empty group": (BASE + "cases:\n  given: []\n", "13:3", "'given' is empty", None),
    "cases are a number": (BASE + "cases: 5\n", "12:1", "cases are a list", None),
    "reads an unknown field": (BASE + "    inputs: [ag]\n", "12:14", "reads 'ag'", "'age'"),
    "cites an unknown clause": (BASE + "    clauses: [C9]\nclauses: {C1: a}\n", "12:5", "cites clause 'C9'", "C1"),
    "output that nothing sets": (BASE + "    outputs: {okay: boolean}\n", "6:1", "no step sets the output 'ok'", "'okay'"),
    "invariant of an unknown field": (BASE + 'invariants: {a: "agee > 1"}\n', "12:14", "names 'agee'", "'age'"),
    "broken invariant": (BASE + 'invariants: {a: "age >"}\n', "12:14", "not an expression", None),
    "validation of an unknown field": (BASE + '    validation: ["agee > 3"]\n', "12:18", "names 'agee'", "'age'"),
    "rule with when": (BASE + '    when: "age > 3"\n', "12:5", "has 'when'", "in its logic"),
    "float money": (BASE.replace("fee: decimal", "fee: {type: float, unit: USD}"), "5:3", "binary floating point", "decimal"),
    "enum without values": (BASE.replace("fee: decimal", "fee: enum"), "5:3", "enum 'fee' has no values", "values:"),
    "enum with a value twice": (BASE.replace("fee: decimal", "fee: {type: enum, values: [a, a]}"), "5:3", "twice", None),
    "unknown adverse value": (
        BASE.replace("fee: decimal", "fee: {type: enum, values: [DENY], adverse: [DENI]}"), "5:3", "'DENI'", "'DENY'",
    ),
    "list without items": (BASE.replace("fee: decimal", "fee: list"), "5:3", "no item type", "list of text"),
    "setting of another type": (BASE.replace("age: integer", "age: {type: text, minimum: 3}"), "4:3", "no 'minimum'", "integer"),
    "range upside down": (BASE.replace("age: integer", "age: {type: integer, range: [5, 1]}"), "4:3", "above maximum", None),
    "range of three": (BASE.replace("age: integer", "age: {type: integer, range: [1, 2, 3]}"), "4:24", "not a range", "lowest"),
    "range of a date and a number": (
        BASE.replace("age: integer", "age: {type: integer, minimum: 2020-01-01, maximum: 5}"), "4:3", "not a number", None,
    ),
    "numbers for a date": (BASE.replace("age: integer", "age: {type: date, range: [1, 2]}"), "4:3", "YYYY-MM-DD", None),
    "half a whole number": (BASE.replace("age: integer", "age: {type: integer, minimum: 0.5}"), "4:3", "minimum 0.5", None),
    "broken pattern": (BASE.replace("age: integer", 'age: {type: text, pattern: "("}'), "4:3", "not a regular expression", None),
    "row too short": (
        BASE + '    table: {inputs: [age], outputs: [ok], rows: [["1"]]}\n', "12:50", "1 cells for 2 columns", "'-'",
    ),
    "unknown column": (BASE + '    table: {inputs: [agee], outputs: [ok], rows: [["1", "true"]]}\n', "12:22", "'agee'", "'age'"),
    "step like a field": (BASE.replace("step: judge", "step: age"), "9:5", "has the name of a field", "rename"),
    "module without a module": (BASE + "  - {step: a, type: module}\n", "12:5", "names no module", "module:"),
    "bounded step without a schema": (
        BASE + "  - {step: a, type: bounded_invocation, intent: x}\n", "12:5", "no outputs", "outputs:",
    ),
    "types of one name": (
        BASE.replace("age: integer", "inputs: {type: object, fields: {a: text}}"), "3:1", "'Inputs'", "rename the object",
    ),
    "version as a number": (
        BASE.replace("name: x", "name: x\n  version: 1.0"), "3:3", "metadata.version: 1.0", "put it in quotes",
    ),
    "no day": (BASE.replace("name: x", "name: x\n  effective_from: 2026-06-31"), "3:3", "'2026-06-31'", None),
    "ends before it begins": (
        BASE.replace("name: x", "name: x\n  effective_from: 2026-06-30\n  effective_until: 2026-06-29"),
        "4:3", "ends before it begins, on 2026-06-30", None,
    ),
    "tolerance in words": (
        BASE.replace("ok: boolean", "ok: decimal") + "scorers:\n  ok: {scorer: numeric, tolerance: abc}\n",
        "13:25", "a number of zero or more", None,
    ),
    "tolerance below zero": (
        BASE.replace("ok: boolean", "ok: decimal") + "scorers:\n  ok: {scorer: numeric, tolerance: -1}\n",
        "13:25", "a number of zero or more", None,
    ),
    "scorer of another type": (BASE + "scorers:\n  ok: set\n", "13:3", "'set' cannot compare 'ok'", "one of: exact"),
}  # fmt: skip


def test_a_tolerance_may_be_a_plain_number() -> None:
    spec = parse_spec(
        BASE.replace("ok: boolean", "ok: decimal") + "scorers:\n  ok: {scorer: numeric, tolerance: 0.5}\n"
    )
    assert spec.scorers["ok"].tolerance == "0.5"


@pytest.mark.parametrize("what", BAD)
def test_bad_input_has_one_exact_error(what: str) -> None:
    text, place, message, hint = BAD[what]
    error = refused(text, name="my.yaml")
    assert message in error.message
    assert error.place == f"my.yaml:{place}"
    if hint is not None:
        assert hint in (error.hint or "")
    assert len(str(error)) < 1_000
    assert error.exit_code == 2


READ_NAMES = [
    "re",
    "math",
    "date",
    "Decimal",
    "timedelta",
    "Literal",
    "list",
    "id",
    "type",
    "str",
    "len",
    "input",
    "sum",
]
NEVER_NAMES = [
    "class",
    "None",
    "transact",
    "Inputs",
    "Outputs",
    "_case",
    "_output",
    "__import__",
    "1a",
    "a b",
    "é",
    "ａ",
    "x" * 61,
]


@pytest.mark.parametrize("name", READ_NAMES + NEVER_NAMES)
def test_names_that_would_break_the_program_are_refused(name: str) -> None:
    error = refused(BASE.replace("age", f'"{name}"' if " " in name else name, 1))
    assert error.place == "spec.yaml:4:3"
    assert repr(name) in error.message
    assert "for instance" in (error.hint or "")
    suggested = (error.hint or "").rsplit("'", 2)[1]
    assert parse_spec(BASE.replace("age", suggested, 1)).inputs[0].name == suggested


@pytest.mark.parametrize("name", ["re", "Decimal", "list", "transact", "Outputs", "class", "broken_x", "print"])
def test_step_names_that_would_break_the_program_are_refused(name: str) -> None:
    error = refused(BASE.replace("judge", name))
    assert error.place == "spec.yaml:9:5"
    assert repr(name) in error.message


def test_a_later_field_may_not_take_the_name_of_an_earlier_step() -> None:
    text = BASE + "    outputs: {ok: boolean}\n  - {step: more, type: function, intent: x, outputs: {judge: text}}\n"
    assert "name of a field" in refused(text).message


def test_the_reserved_names_are_those_that_the_prelude_binds() -> None:
    scope: dict[str, object] = {}
    exec(PRELUDE, scope)  # the text is ours
    assert {name for name in scope if not name.startswith("__")} == PRELUDE_NAMES


# ---- the published schema ----------------------------------------------------------------------------------------


def _plain(text: str) -> object:
    from ruamel.yaml import YAML

    from ingot.yaml_text import read_yaml

    read_yaml(text, "x")  # the same refusals apply
    tree = YAML(typ="safe").load(re.sub(r"(\d{4}-\d{2}-\d{2})(?=[,\]\n}])", r'"\1"', text).replace("1.2.0", '"1.2.0"'))
    return json.loads(json.dumps(tree))


@pytest.fixture(scope="module")
def schema_validator() -> object:
    jsonschema = pytest.importorskip("jsonschema", reason="the published schema is checked with the jsonschema package")
    schema = spec_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


@pytest.mark.parametrize("text", [PRINTED, BASE + CASE, FULL], ids=["printed", "base", "full"])
def test_the_schema_accepts_specs(schema_validator: object, text: str) -> None:
    errors = list(schema_validator.iter_errors(_plain(text)))  # type: ignore[attr-defined]
    assert errors == []


@pytest.mark.parametrize("path", sorted(LIBRARY.glob("**/spec.yaml")), ids=lambda path: path.parent.name)
def test_the_schema_accepts_bundled_specs(schema_validator: object, path: Path) -> None:
    assert list(schema_validator.iter_errors(_plain(path.read_text()))) == []  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "what",
    [name for name in BAD if name.startswith("unknown ") and name not in (
        "unknown scorer key", "unknown adverse value", "unknown column",
    )],
)  # fmt: skip
def test_the_schema_rejects_unknown_keys(schema_validator: object, what: str) -> None:
    assert list(schema_validator.iter_errors(_plain(BAD[what][0]))) != []  # type: ignore[attr-defined]


# ---- nothing but SpecError ---------------------------------------------------------------------------------------


def error_of(text: str) -> SpecError | None:
    """The SpecError of a text, None where it loads; anything else is not caught."""
    try:
        parse_spec(text)
    except SpecError as error:
        return error
    return None


PIECES = st.sampled_from(
    ["", "\n", "  ", "- ", ": ", "{", "}", "[", "]", "'", '"', "|", "&a ", "*a", "!!int ", "<<: ", "null", "true", "1e9",
     ".nan", "0x1F", "2024-02-30", "list of ", "?", "#", "\t", "\0", "\ud800", "é", "type", "name", "inputs:\n", "cases:\n",
     "range: [1, 2]", "values: []", "minimum: 2020-01-01", "%", "---\n", "9" * 80, "a.b", "enum", "object"]
)  # fmt: skip


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True)
@given(
    st.sampled_from([PRINTED, BASE + CASE, FULL]),
    st.lists(st.tuples(st.integers(0, 4_000), st.integers(0, 12), PIECES), min_size=1, max_size=4),
)
def test_a_mutated_spec_raises_spec_error_or_nothing(text: str, edits: list[tuple[int, int, str]]) -> None:
    for at, cut, piece in edits:
        start = at % (len(text) + 1)
        text = text[:start] + piece + text[start + cut :]
    error = error_of(text)
    if error is None:
        assert len(parse_spec(text).digest()) == 64
    else:
        assert re.match(r"^.+:\d+:\d+$", error.place or "")


@settings(max_examples=150, deadline=None, derandomize=True)
@given(st.data())
def test_values_swapped_for_others_raise_spec_error_or_nothing(data: st.DataObject) -> None:
    text = data.draw(st.sampled_from([PRINTED, BASE + CASE, FULL]))
    lines = text.split("\n")
    number = data.draw(st.integers(0, len(lines) - 1))
    junk = data.draw(
        st.sampled_from(["3", "[]", "{}", "null", "-1", "0.5", "yes", "[[1]]", "{a: {b: c}}", "''", "~", "[null]"])
    )
    head, colon, _ = lines[number].partition(": ")
    lines[number] = head + colon + junk
    error = error_of("\n".join(lines))
    assert error is None or error.place


def test_a_given_case_may_not_show_the_answer_of_a_held_out_one() -> None:
    text = """
metadata: {name: t}
inputs: {n: "decimal"}
outputs: {v: integer}
logic_requirements: [{step: rule, type: function, intent: Count., inputs: [n]}]
cases:
  - {id: shown, input: {n: 100}, expected: {v: 1}}
  - {id: secret, input: {n: 100.00}, expected: {v: 1}, held_out: true}
"""
    with pytest.raises(SpecError, match="'shown' has the input of held-out case 'secret'") as raised:
        parse_spec(text, "spec.yaml")
    assert raised.value.place == "spec.yaml:7:5"
