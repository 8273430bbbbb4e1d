"""Table steps → DMN 1.3 XML, each step a decision, each row a rule with its clause as annotation.

`write` gives the text, or refuses with the step and row: nothing that DMN would read otherwise than Ingot does is
written. Nothing about people is in a table: what the flow sends to a person is null there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from xml.sax.saxutils import escape, quoteattr

from ingot.errors import SpecError
from ingot.fields import Field
from ingot.spec import Spec, Step
from ingot.tables.cells import (
    Cell,
    Comparison,
    Expression,
    Literal,
    Ref,
    expressions_of,
    parts_of,
    replaced,
    show_cell,
    show_expression,
)
from ingot.tables.table import DecisionTable, Row, TableError, read_table

NAMESPACE = "https://www.omg.org/spec/DMN/20191111/MODEL/"
_TYPES = {"text": "string", "enum": "string", "integer": "number", "decimal": "number", "boolean": "boolean",
          "date": "date"}  # fmt: skip


def write(spec: Spec) -> str:
    """The DMN text of a spec whose function steps are all tables. Raises SpecError where one has no place in DMN."""
    known: dict[str, Field] = {field.name: field for field in spec.inputs}
    owners = {field.name: "input" for field in spec.inputs}
    names = {field.name: field.name for field in spec.inputs}
    decisions: list[str] = []
    items: list[str] = []
    for step in spec.logic_requirements:
        if step.is_function:
            table = _read(step, known)
            items += _item(step)
            decisions += _decision(table, names, owners, spec)
            several = len(step.outputs) > 1
            names |= {one.name: f"{step.step}.{one.name}" if several else one.name for one in step.outputs}
            owners |= dict.fromkeys((one.name for one in step.outputs), _name(step))
        known |= {field.name: field for field in step.outputs}
    read = {name for step in spec.functions for name in step.inputs}
    inputs = [line for field in spec.inputs if field.name in read for line in _input(field)]
    title = quoteattr(spec.metadata.name)
    head = f'<definitions xmlns="{NAMESPACE}" id="model" name={title} namespace="urn:ingot:export">'
    return "\n".join(
        ['<?xml version="1.0" encoding="UTF-8"?>', head, *items, *inputs, *decisions, "</definitions>", ""]
    )


def _read(step: Step, known: Mapping[str, Field]) -> DecisionTable:
    if not step.is_table:
        raise SpecError(f"step {step.step!r} is not a table")
    for name in step.inputs:
        if known[name].nullable and step.on_null == "escalate":
            raise _refused(step, f"a null in {name!r} goes to a person, which DMN cannot say")
        if known[name].type in ("list", "object"):
            raise _refused(step, f"{name!r} is of type {known[name].type}")
    try:
        table = read_table(step, known)
    except TableError as error:
        raise _refused(step, str(error)) from None
    if table.makes_list and (len(table.outputs) > 1 or table.default is not None):
        raise _refused(step, "a list of objects, or a default of a list")
    if table.table.aggregate != "list" and table.default is not None:
        raise _refused(step, "a default beside an aggregate")
    return table


def _refused(step: Step, why: str, row: int | None = None) -> SpecError:
    where = "" if row is None else f", row {row + 1}"
    return SpecError(f"{step.step!r}{where} has no place in a DMN table: {why}", hint="nothing was written")


def _name(step: Step) -> str:
    return step.outputs[0].name if len(step.outputs) == 1 else step.step


def _type(field: Field) -> str:
    kind = _TYPES.get(field.type)
    if kind is None:
        raise SpecError(f"{field.name!r} is of type {field.type}, which has no place in a DMN table")
    return kind


def _input(field: Field) -> list[str]:
    return [f'  <inputData id="i_{field.name}" name="{field.name}">',
            f'    <variable name="{field.name}" typeRef="{_type(field)}"/>', "  </inputData>"]  # fmt: skip


def _item(step: Step) -> list[str]:
    """The type of a decision with several outputs, or with a list."""
    if len(step.outputs) == 1:
        return []
    parts = [
        f'    <itemComponent name="{one.name}"><typeRef>{_type(one)}</typeRef></itemComponent>' for one in step.outputs
    ]
    return [f'  <itemDefinition name="t_{step.step}">', *parts, "  </itemDefinition>"]


def _decision(table: DecisionTable, names: Mapping[str, str], owners: Mapping[str, str], spec: Spec) -> list[str]:
    step = table.step
    several = len(step.outputs) > 1
    kind = f"t_{step.step}" if several else None if table.makes_list else _type(step.outputs[0])
    needs = dict.fromkeys(
        f'requiredInput href="#i_{name}"' if owners[name] == "input" else f'requiredDecision href="#d_{owners[name]}"'
        for name in step.inputs
    )
    typed = f' typeRef="{kind}"' if kind else ""
    policy = table.table.hit_policy.upper()
    aggregation = "" if table.table.aggregate == "list" else f' aggregation="{table.table.aggregate.upper()}"'
    return [
        f'  <decision id="d_{_name(step)}" name="{_name(step)}">',
        f'    <variable name="{_name(step)}"{typed}/>',
        *(f"    <informationRequirement><{one}/></informationRequirement>" for one in needs),
        f'    <decisionTable hitPolicy="{policy}"{aggregation}>',
        *(f'      <input><inputExpression typeRef="{_type(one.field)}"><text>{names[one.path]}</text></inputExpression>'
          "</input>" for one in table.columns),
        *_outputs(table, several),
        '      <annotation name="clause"/>',
        *(line for row in table.rows for line in _rule(row, table, names, spec)),
        "    </decisionTable>",
        "  </decision>",
    ]  # fmt: skip


def _outputs(table: DecisionTable, several: bool) -> list[str]:
    lines: list[str] = []
    for number, field in enumerate(table.outputs):
        name = f' name="{field.name}"' if several else ""
        values = ", ".join(_text(value, table.step, None) for value in field.values) if field.type == "enum" else ""
        inner = f"<outputValues><text>{escape(values)}</text></outputValues>" if values else ""
        if table.default is not None:
            shown = show_expression(table.default[number])
            inner += f"<defaultOutputEntry><text>{escape(shown)}</text></defaultOutputEntry>"
        lines.append(f'      <output{name} typeRef="{_type(field)}">{inner}</output>')
    return lines


def _rule(row: Row, table: DecisionTable, names: Mapping[str, str], spec: Spec) -> list[str]:
    step = table.step
    inputs = [_cell(cell, row, step, names) for cell in row.cells]
    outputs = [_output(one, field, row, table, names) for one, field in zip(row.outputs, table.outputs, strict=True)]
    clause = spec.clause(row.clause)
    note = " ".join(f"{row.clause}: {clause.text}".split()) if clause else row.clause
    return [
        "      <rule>",
        *(f"        <inputEntry><text>{escape(text)}</text></inputEntry>" for text in inputs),
        *(f"        <outputEntry><text>{escape(text)}</text></outputEntry>" for text in outputs),
        f"        <annotationEntry><text>{escape(note)}</text></annotationEntry>",
        "      </rule>",
    ]


def _cell(cell: Cell, row: Row, step: Step, names: Mapping[str, str]) -> str:
    """A unary test. ``!= x`` is none of DMN's: ``not(x)`` says the same, null included."""
    if any(isinstance(test, Comparison) and test.op == "!=" for test in cell.tests):
        test = cell.tests[0]
        if len(cell.tests) > 1 or cell.negated or not isinstance(test, Comparison):
            raise _refused(step, f"'!=' among other tests: {show_cell(cell)}", row.number)
        cell = Cell((replace(test, op="="),), True)
    for expression in expressions_of(cell):
        _check(expression, step, row)
    tests = tuple(
        replace(test, right=_named(test.right, names))
        if isinstance(test, Comparison)
        else replace(test, low=_named(test.low, names), high=_named(test.high, names))
        for test in cell.tests
    )
    return show_cell(Cell(tests, cell.negated))


def _output(found: Expression, field: Field, row: Row, table: DecisionTable, names: Mapping[str, str]) -> str:
    _check(found, table.step, row)
    if field.places is not None and not isinstance(found, Literal):
        raise _refused(table.step, f"{field.name!r} is computed and rounded to {field.places} places", row.number)
    return show_expression(_named(found, names))


def _named(expression: Expression, names: Mapping[str, str]) -> Expression:
    return replaced(expression, lambda ref: Ref(names[ref.path]))


def _check(expression: Expression, step: Step, row: Row) -> None:
    if isinstance(expression, Literal) and isinstance(expression.value, str):
        _text(expression.value, step, row.number)
    for part in parts_of(expression):
        _check(part, step, row)


def _text(value: str, step: Step, row: int | None) -> str:
    if any(char in value for char in "\"'\\") or not value.isprintable():
        raise _refused(step, f"a text with a quote, a backslash or a control character: {value!r}", row)
    return f'"{value}"'
