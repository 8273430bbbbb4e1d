"""DMN XML: read as written, refused where it is hostile or broken, and compiled to programs that answer the same."""

import json
from decimal import Decimal
from pathlib import Path

import pytest
from click.testing import CliRunner

from ingot.cli.bench import bench_command
from ingot.compile.assemble import assemble, signatures
from ingot.errors import SpecError
from ingot.evals.dmn_tck import ModelScore, read_models, score_model
from ingot.runtime.sandbox import Sandbox
from ingot.tables.compiled import check_tables, write_tables
from ingot.tables.dmn import read
from ingot.tables.dmn_spec import lower

HEAD = '<definitions xmlns="https://www.omg.org/spec/DMN/20230324/MODEL/" name="parcels">'
MODEL = f"""{HEAD}
  <itemDefinition name="tZone"><typeRef>string</typeRef>
    <allowedValues><text>"home", "abroad"</text></allowedValues></itemDefinition>
  <itemDefinition name="tParcel">
    <itemComponent name="Net Weight"><typeRef>number</typeRef></itemComponent>
    <itemComponent name="Zone"><typeRef>tZone</typeRef></itemComponent>
  </itemDefinition>
  <inputData id="i1" name="Parcel"><variable name="Parcel" typeRef="tParcel"/></inputData>
  <inputData id="i2" name="Sent on"><variable name="Sent on" typeRef="date"/></inputData>
  <decision id="d2" name="Total Price"><variable name="Total Price" typeRef="number"/>
    <informationRequirement><requiredDecision href="#d1"/></informationRequirement>
    <literalExpression><text>Price.Postage + max(Price.Handling, 1.5)</text></literalExpression></decision>
  <decision id="d1" name="Price">
    <informationRequirement><requiredInput href="#i1"/></informationRequirement>
    <informationRequirement><requiredInput href="#i2"/></informationRequirement>
    <decisionTable hitPolicy="FIRST">
      <input><inputExpression typeRef="number"><text>Parcel.Net Weight</text></inputExpression></input>
      <input><inputExpression typeRef="tZone"><text>Parcel.Zone</text></inputExpression></input>
      <input><inputExpression typeRef="date"><text>Sent on</text></inputExpression></input>
      <output name="Postage" typeRef="number"/><output name="Handling" typeRef="number"/>
      <rule><inputEntry><text>&lt; 2</text></inputEntry><inputEntry><text>"home"</text></inputEntry>
        <inputEntry><text>-</text></inputEntry>
        <outputEntry><text>4.10</text></outputEntry><outputEntry><text>1</text></outputEntry></rule>
      <rule><inputEntry><text>[2..20[</text></inputEntry><inputEntry><text>-</text></inputEntry>
        <inputEntry><text>&gt;= date("2026-01-01")</text></inputEntry>
        <outputEntry><text>Parcel.Net Weight * 3</text></outputEntry><outputEntry><text>2</text></outputEntry></rule>
    </decisionTable></decision>
</definitions>"""
CASES = [
    {"id": "1", "input": {"Parcel": {"Net Weight": 1, "Zone": "home"}}, "expected": {"Price": {"Postage": 4.1, "Handling": 1}}},
    {"id": "2", "input": {"Parcel": {"Net Weight": 2.5, "Zone": "abroad"}, "Sent on": "2026-02-01"},
     "expected": {"Total Price": 9.5}},
    {"id": "3", "input": {"Parcel": {"Net Weight": 2.5, "Zone": "abroad"}}, "expected": {"Total Price": None}},
    {"id": "4", "input": {"Parcel": {"Net Weight": 20, "Zone": "home"}, "Sent on": "2026-02-01"}, "expected": {"Price": None}},
]  # fmt: skip


def test_a_model_is_read_as_it_is_written() -> None:
    model = read(MODEL)
    assert dict(model.inputs) == {"Parcel": "tParcel", "Sent on": "date"}
    price = model.decision("Price")
    assert price is not None
    assert price.table is not None
    assert price.table.rows[1] == ("[2..20[", "-", '>= date("2026-01-01")', "Parcel.Net Weight * 3", "2")
    assert price.requires == ("Parcel", "Sent on")


def test_the_decisions_that_are_needed_come_first() -> None:
    spec = lower(read(MODEL), ["Total Price"]).spec()
    assert [step.step for step in spec.logic_requirements] == ["decide_Price", "decide_Total_Price"]
    check_tables(spec)
    text = assemble(spec, write_tables(spec, signatures(spec))).text
    space: dict[str, object] = {"__name__": "program"}
    exec(compile(text, "program.py", "exec"), space)
    output, review = space["transact"]({"Parcel": {"Net_Weight": Decimal(1), "Zone": "home"}, "Sent_on": None})  # type: ignore[operator]
    assert output["Total_Price"] == Decimal("5.60")
    assert review is None


def scored(folder: Path) -> list[ModelScore]:
    with Sandbox(seeds=(0,)) as sandbox:
        return [score_model(row, text, sandbox) for row, text in read_models(folder)]


@pytest.fixture
def kit(tmp_path: Path) -> Path:
    (tmp_path / "parcels.dmn").write_text(MODEL)
    row = {"model": "parcels", "dmn_file": "parcels.dmn", "cases": CASES}
    (tmp_path / "cases.jsonl").write_text(json.dumps(row) + "\n")
    return tmp_path


def test_the_bench_counts_what_the_programs_answer(kit: Path) -> None:
    (score,) = scored(kit)
    assert (score.passed, score.failed, score.unsupported, score.reasons) == (4, 0, 0, ())
    wrong = (kit / "cases.jsonl").read_text().replace("9.5", "9.4")
    (kit / "cases.jsonl").write_text(wrong)
    (score,) = scored(kit)
    assert (score.passed, score.failed, score.verdict) == (3, 1, "failed")
    assert "expected 9.4" in score.reasons[0]


def test_the_bench_says_what_is_not_supported(kit: Path) -> None:
    (kit / "parcels.dmn").write_text(MODEL.replace("max(", "modulo("))
    (score,) = scored(kit)
    assert (score.passed, score.unsupported) == (2, 2)
    assert "'modulo' is not a function" in score.reasons[0]
    shown = CliRunner().invoke(bench_command, ["dmn", "--data", str(kit)])
    assert "models whose decisions are tables: 0 of 1 pass, 2 of 4 cases" in shown.output


BOMB = '<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]>'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (BOMB + MODEL.replace("4.10", "&b;"), "document type is not allowed"),
        ('<!DOCTYPE x SYSTEM "file:///etc/passwd">' + MODEL, "document type is not allowed"),
        (MODEL.replace("4.10", "&b;"), "malformed XML"),
        (MODEL[:-5], "malformed XML"),
        ("", "malformed XML"),
        ("<a>" * 200 + "</a>" * 200, "more than 100 levels"),
        ("<html/>", "not <definitions>"),
        (MODEL.replace("<outputEntry><text>2</text></outputEntry>", ""), "row 2 has 4 cells for 5 columns"),
        (MODEL.replace("rule>", "remark>"), "has no rows"),
        (MODEL.replace('name="Price"', ""), "<decision> has no name"),
        ("\ud800", "malformed XML"),
    ],
)
def test_broken_and_hostile_xml_is_one_error(text: str, message: str) -> None:
    with pytest.raises(SpecError, match=message) as caught:
        read(text, "model.dmn")
    assert caught.value.place
    assert caught.value.place.startswith("model.dmn:")


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ("&lt; 2", "&lt; ", "row 1: .* ends where a value is expected"),
        ("Parcel.Net Weight * 3", "Parcel.Gross * 3", "'Parcel.Gross' is neither a field nor a value"),
        ('typeRef="date"', 'typeRef="time"', "'Sent on' is of type time"),
        ("<text>Sent on</text>", "<text>Sent on + 1</text>", "'\\+' of Sent_on, which is not a number"),
        ('hitPolicy="FIRST"', 'hitPolicy="BEST"', "unknown hit policy 'best'"),
        ('href="#i1"', 'href="#d2"', "needs itself"),
    ],
)
def test_what_cannot_be_lowered_is_one_error(before: str, after: str, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        lower(read(MODEL.replace(before, after)), ["Total Price"])
