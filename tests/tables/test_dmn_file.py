"""DMN files where a spec is expected, and as the table of one step; by the commands that people type."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from ingot.cli import cli
from ingot.errors import SpecError
from ingot.runtime.run import load
from ingot.spec import load_spec

MODEL = """<?xml version="1.0" encoding="UTF-8"?>
<definitions xmlns="https://www.omg.org/spec/DMN/20230324/MODEL/" name="ads" namespace="urn:ads">
  <inputData id="i" name="Applicant Age"><variable name="Applicant Age" typeRef="number"/></inputData>
  <decision id="d" name="Advert"><variable name="Advert" typeRef="string"/>
    <informationRequirement><requiredInput href="#i"/></informationRequirement>
    <decisionTable hitPolicy="FIRST">
      <input><inputExpression typeRef="number"><text>Applicant Age</text></inputExpression></input>
      <output/>
      <rule><inputEntry><text>&gt; 18</text></inputEntry><outputEntry><text>"cars"</text></outputEntry></rule>
      <rule><inputEntry><text>-</text></inputEntry><outputEntry><text>"toys"</text></outputEntry></rule>
    </decisionTable></decision>
</definitions>
"""


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "ads.dmn"
    path.write_text(MODEL, encoding="utf-8")
    return path


def ingot(*arguments: object) -> tuple[int, str]:
    done = CliRunner().invoke(cli, [str(one) for one in arguments])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.exit_code, done.output


def test_a_model_compiles_from_the_command_line(model: Path, tmp_path: Path) -> None:
    code, said = ingot("compile", model, "--out", tmp_path / "out")
    assert code == 0, said
    workflow = load(next((tmp_path / "out").iterdir()))
    assert workflow.run({"Applicant_Age": 30}).output == {"Advert": "cars"}
    assert workflow.run({"Applicant_Age": None}).output == {"Advert": "toys"}
    assert ingot("plan", model)[0] == 0


def test_init_from_a_model_writes_a_spec_that_compiles(model: Path, tmp_path: Path) -> None:
    code, said = ingot("init", tmp_path / "ads", "--from", model)
    assert code == 0, said
    spec = load_spec(tmp_path / "ads" / "spec.yaml")
    assert spec.logic_requirements[0].table == load_spec(model).logic_requirements[0].table
    assert ingot("init", tmp_path / "other", "--from", tmp_path / "ads" / "spec.yaml")[0] == 2


def test_a_step_may_take_its_table_from_a_model(model: Path) -> None:
    spec = model.with_name("spec.yaml")
    text = (
        "metadata: {name: ads}\ninputs: {Applicant_Age: integer}\nlogic_requirements:\n  - step: advertise\n"
        "    type: deterministic_rule\n    outputs: {Advert: {type: enum, values: [cars, toys]}}\n"
        "    table: {dmn: ads.dmn, decision: Advert}\n"
    )
    spec.write_text(text, encoding="utf-8")
    table = load_spec(spec).logic_requirements[0].table
    assert table is not None
    assert table.rows == (("> 18", '"cars"'), ("-", '"toys"'))
    spec.write_text(text.replace("decision: Advert", "decision: Adverts"), encoding="utf-8")
    with pytest.raises(SpecError, match="no decision 'Adverts'"):
        load_spec(spec)
    spec.write_text(text.replace("decision: Advert", "rows: [[1]]"), encoding="utf-8")
    with pytest.raises(SpecError, match="not both"):
        load_spec(spec)


@pytest.mark.parametrize(
    ("old", "new", "said", "line"),
    [
        ('"cars"', "today()", "not supported: row 1", 9),
        ("<text>-</text>", "<text>&gt; 20</text>", "no input that no row before it takes reaches this row", 10),
        ('typeRef="number"/>', 'typeRef="time"/>', "not supported: 'Applicant Age' is of type time", None),
        ("<text>Applicant Age</text>", '<text>Applicant Age + "1"</text>', "which is not a number", 4),
        ('hitPolicy="FIRST"', 'hitPolicy="BEST"', "unknown hit policy 'best'", 4),
    ],
)
def test_what_is_wrong_or_not_supported_is_told_with_its_line(
    model: Path, tmp_path: Path, old: str, new: str, said: str, line: int | None
) -> None:
    model.write_text(MODEL.replace(old, new), encoding="utf-8")
    with pytest.raises(SpecError, match=said.replace("(", r"\(")) as refused:
        ingot("compile", model, "--out", tmp_path / "out")
    assert refused.value.place is not None
    assert refused.value.place.startswith(f"{model}:{line}" if line else str(model))
    assert not (tmp_path / "out").exists()


def test_a_table_without_rows_and_a_model_without_decisions(model: Path) -> None:
    rows = MODEL[MODEL.index("      <rule>") : MODEL.index("    </decisionTable>")]
    model.write_text(MODEL.replace(rows, ""), encoding="utf-8")
    with pytest.raises(SpecError, match="no rows"):
        load_spec(model)
    decision = MODEL[MODEL.index("  <decision ") : MODEL.index("</definitions>")]
    model.write_text(MODEL.replace(decision, ""), encoding="utf-8")
    with pytest.raises(SpecError, match="no decision"):
        load_spec(model)
