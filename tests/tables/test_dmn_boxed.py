"""Functions, contexts and invocations of DMN: written into what uses them, answered exactly, or refused with a line."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from ingot.compile.assemble import assemble, signatures
from ingot.errors import SpecError
from ingot.evals.dmn_tck import read_models, score_model
from ingot.runtime.sandbox import Sandbox
from ingot.tables.compiled import check_tables, write_tables
from ingot.tables.dmn import read
from ingot.tables.dmn_spec import lower

MODEL = """<definitions xmlns="https://www.omg.org/spec/DMN/20230324/MODEL/" name="moving">
<itemDefinition name="tSize"><typeRef>string</typeRef>
  <allowedValues><text>"van", "lorry"</text></allowedValues></itemDefinition>
<itemDefinition name="tJob"><itemComponent name="Boxes"><typeRef>number</typeRef></itemComponent>
  <itemComponent name="Floor"><typeRef>number</typeRef></itemComponent></itemDefinition>
<inputData id="i1" name="Job"><variable name="Job" typeRef="tJob"/></inputData>
<inputData id="i2" name="Lift"><variable name="Lift" typeRef="boolean"/></inputData>
<businessKnowledgeModel id="b1" name="Growth"><encapsulatedLogic>
  <formalParameter name="base" typeRef="number"/><formalParameter name="times" typeRef="number"/>
  <literalExpression><text>base ** times</text></literalExpression></encapsulatedLogic></businessKnowledgeModel>
<businessKnowledgeModel id="b2" name="Vehicle for"><encapsulatedLogic>
  <formalParameter name="load" typeRef="number"/>
  <decisionTable hitPolicy="UNIQUE" typeRef="tSize">
    <input><inputExpression typeRef="number"><text>load * 2</text></inputExpression></input><output/>
    <rule><inputEntry><text>&lt; 20</text></inputEntry><outputEntry><text>"van"</text></outputEntry></rule>
    <rule><inputEntry><text>&gt;= 20</text></inputEntry><outputEntry><text>"lorry"</text></outputEntry></rule>
  </decisionTable></encapsulatedLogic></businessKnowledgeModel>
<businessKnowledgeModel id="b3" name="Stairs"><encapsulatedLogic>
  <formalParameter name="job" typeRef="tJob"/><formalParameter name="lift" typeRef="boolean"/>
  <literalExpression><text>if lift or job.Floor = 0 then 0 else job.Boxes * job.Floor</text></literalExpression>
  </encapsulatedLogic></businessKnowledgeModel>
<decision id="d1" name="Vehicle"><variable name="Vehicle" typeRef="tSize"/>
  <informationRequirement><requiredInput href="#i1"/></informationRequirement>
  <invocation><literalExpression><text>Vehicle for</text></literalExpression>
    <binding><parameter name="load"/><literalExpression><text>Job.Boxes</text></literalExpression></binding>
  </invocation></decision>
<decision id="d2" name="Effort"><variable name="Effort" typeRef="number"/>
  <informationRequirement><requiredInput href="#i1"/></informationRequirement>
  <informationRequirement><requiredInput href="#i2"/></informationRequirement>
  <context>
    <contextEntry><variable name="Climb" typeRef="number"/>
      <literalExpression><text>Stairs(lift: Lift, job: Job)</text></literalExpression></contextEntry>
    <contextEntry><variable name="Weight"/>
      <literalExpression><text>Growth(2, Job.Floor) + Climb</text></literalExpression></contextEntry>
    <contextEntry><literalExpression><text>Weight * 10</text></literalExpression></contextEntry>
  </context></decision>
<decision id="d3" name="Offer">
  <informationRequirement><requiredDecision href="#d1"/></informationRequirement>
  <informationRequirement><requiredDecision href="#d2"/></informationRequirement>
  <context>
    <contextEntry><variable name="Hours"/><literalExpression><text>Effort / 4</text></literalExpression></contextEntry>
    <contextEntry><variable name="Fits"/>
      <literalExpression><text>Vehicle = "van" and Hours &lt; 8</text></literalExpression></contextEntry>
  </context></decision>
</definitions>"""


def run(wanted: str, **values: Any) -> Any:
    made = lower(read(MODEL), [wanted])
    spec = made.spec()
    check_tables(spec)
    text = assemble(spec, write_tables(spec, signatures(spec))).text
    space: dict[str, Any] = {"__name__": "program"}
    exec(compile(text, "program.py", "exec"), space)
    given = {field.name: None for field in spec.inputs} | values
    output, review = space["transact"](given)
    assert review is None
    where = made.outputs[wanted]
    return output[where] if isinstance(where, str) else {key: output[ident] for key, ident in where.items()}


def job(boxes: int | None, floor: int | None) -> dict[str, Any]:
    return {name: None if value is None else Decimal(value) for name, value in (("Boxes", boxes), ("Floor", floor))}


def test_a_table_in_a_function_is_the_decisions_own() -> None:
    assert run("Vehicle", Job=job(9, 0)) == "van"
    assert run("Vehicle", Job=job(10, 0)) == "lorry"
    assert run("Vehicle", Job=job(None, 0)) is None


@pytest.mark.parametrize(
    ("boxes", "floor", "lift", "effort"),
    [(5, 3, False, 230), (5, 3, True, 80), (5, 0, None, 10), (5, 3, None, 230), (None, 3, False, None), (5, None, True, None)],
)  # fmt: skip
def test_functions_and_contexts_answer_null_by_null(
    boxes: int | None, floor: int | None, lift: bool | None, effort: int | None
) -> None:
    assert run("Effort", Job=job(boxes, floor), Lift=lift) == (None if effort is None else Decimal(effort))


def test_a_context_without_a_value_is_an_object() -> None:
    assert run("Offer", Job=job(5, 0), Lift=True) == {"Hours": Decimal("2.5"), "Fits": True}
    assert run("Offer", Job=job(50, None), Lift=True) == {"Hours": None, "Fits": False}
    assert run("Offer", Job=job(5, None), Lift=True) == {"Hours": None, "Fits": None}


@pytest.mark.parametrize(
    ("before", "after", "message", "near"),
    [
        ("base ** times", "Growth(base, times)", "'Growth' calls itself", 'name="Growth"'),
        ("Growth(2, Job.Floor)", "Growth(2)", "'Growth' takes base, times, and is given a value", '<text>Growth(2'),
        ("Growth(2, Job.Floor)", "Growth(base: 2, time: 1)", "is given base, time", "<text>Growth(base:"),
        ("Growth(2, Job.Floor)", 'Growth("2", Job.Floor)', "'base' of 'Growth' is \"2\"", '<text>Growth("2"'),
        ("Growth(2, Job.Floor)", "Growth(2, floor(Job.Floor))", "'floor' is not a function", '<text>Growth(2'),
        ("base ** times", "base ** Lift", "'Lift' is neither a field nor a value", "base ** Lift"),
        ('name="Climb" typeRef="number"', 'name="Climb" typeRef="boolean"', "'Climb' is", '<context>'),
        ("<text>Vehicle for</text>", "<text>Vehicle to</text>", "'Vehicle to' is no function of the model", "<invocation>"),
        ('<formalParameter name="load" typeRef="number"/>', '<formalParameter name="load" typeRef="tSize"/>', "type may not allow", "<invocation>"),
        ("<text>Weight * 10</text>", "<text>Weight * {a: 1}</text>", "'{' at character 10 has no meaning", "{a: 1}"),
        ('<literalExpression><text>Weight * 10', '<literalExpression expressionLanguage="urn:x/JavaScript"><text>Weight', "in 'javascript'", "urn:x"),
        ('<encapsulatedLogic>\n  <formalParameter name="base"', '<encapsulatedLogic kind="Java">\n  <formalParameter name="base"', "function in Java", 'kind="Java"'),
        ('"lorry"</text></outputEntry>', '"train"</text></outputEntry>', "'train' is not a value", None),
    ],
)  # fmt: skip
def test_what_cannot_be_written_into_its_place_is_refused(
    before: str, after: str, message: str, near: str | None
) -> None:
    assert before in MODEL
    text = MODEL.replace(before, after)
    with pytest.raises(SpecError, match=message.replace("(", r"\(").replace("{", r"\{")) as refused:
        check_tables(lower(read(text, "moving.dmn"), ["Offer"]).spec())
    if near is not None:
        line = text[: text.index(near)].count("\n") + 1
        assert refused.value.place == f"moving.dmn:{line}:1"


def test_calls_and_a_decision_that_is_given(tmp_path: Path) -> None:
    cases = [
        {"id": "1", "input": {"Job": {"Boxes": 5, "Floor": 3}, "Lift": True}, "expected": {"Effort": 80}},
        {"id": "2", "input": {"Effort": 80, "Vehicle": "van"}, "expected": {"Offer": {"Hours": 20, "Fits": False}}},
    ]
    (tmp_path / "moving.dmn").write_text(MODEL, encoding="utf-8")
    (tmp_path / "cases.jsonl").write_text(
        json.dumps({"model": "moving", "dmn_file": "moving.dmn", "cases": cases}), encoding="utf-8"
    )
    ((row, text),) = read_models(tmp_path)
    with Sandbox(seeds=(0,)) as sandbox:
        score = score_model(row, text, sandbox)
    assert (score.passed, score.failed, score.unsupported) == (1, 0, 1)
    assert score.reasons == ("case 2: the decision 'Effort' is given, as a decision service may",)


def test_long_names_of_steps_stay_apart() -> None:
    long = "A very long name of a decision that goes on and on for ever"
    text = MODEL.replace('name="Effort"', f'name="{long}"').replace("Effort / 4", f"{long} / 4")
    spec = lower(read(text.replace("Growth(2, Job.Floor)", "Job.Floor" + " + Job.Boxes" * 20)), ["Offer"]).spec()
    names = [field.name for step in spec.logic_requirements for field in step.outputs]
    assert len(names) == len(set(names)) == len(spec.logic_requirements) + 1
