"""DMN XML → `Model`: input data, item definitions, decisions with their tables or literal expressions.

`read` takes the text as it is and decides nothing; `ingot.tables.dmn_spec` makes a spec of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ingot.errors import SpecError
from ingot.tables.xml_text import Node, read_xml


@dataclass(frozen=True, slots=True)
class Item:
    """A type: `base` names another type, or `parts` are its named parts. `allowed` is a text of unary tests."""

    name: str
    base: str | None
    is_list: bool
    allowed: str | None
    parts: tuple[Item, ...]


@dataclass(frozen=True, slots=True)
class InputColumn:
    """The expression that a column tests, with its type and its allowed values where they are stated."""

    expression: str
    type: str | None
    allowed: str | None


@dataclass(frozen=True, slots=True)
class OutputColumn:
    """An output column; `allowed` in the order of priority; `default` holds where no row does."""

    name: str | None
    type: str | None
    allowed: str | None
    default: str | None


@dataclass(frozen=True, slots=True)
class DmnTable:
    """A decision table as it is written. `rows` hold the texts of all input and then all output cells; `lines` where
    each row begins."""

    hit_policy: str
    aggregation: str | None
    type: str | None
    inputs: tuple[InputColumn, ...]
    outputs: tuple[OutputColumn, ...]
    rows: tuple[tuple[str, ...], ...]
    lines: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Decision:
    """A decision: a table, a literal expression, or, where it is neither, the name of what it is (`other`)."""

    name: str
    type: str | None
    requires: tuple[str, ...]
    table: DmnTable | None
    literal: str | None
    other: str | None
    line: int


@dataclass(frozen=True, slots=True)
class Model:
    """A DMN model. `inputs` maps the name of each input data to its type; the rest is in the order of `file`."""

    name: str
    inputs: Mapping[str, str | None]
    items: Mapping[str, Item]
    decisions: tuple[Decision, ...]
    file: str = "model.dmn"

    def decision(self, name: str) -> Decision | None:
        """The decision with a name."""
        return next((one for one in self.decisions if one.name == name), None)


_LOGIC = ("decisionTable", "literalExpression", "invocation", "context", "list", "relation", "functionDefinition",
          "conditional", "for", "every", "some", "filter")  # fmt: skip


def read(text: str, name: str = "model.dmn") -> Model:
    """A model from the text of a DMN file. Raises SpecError with ``file:line:column``."""
    root = read_xml(text, name)
    if root.tag != "definitions":
        raise SpecError(f"the root is <{root.tag}>, not <definitions>", place=f"{name}:{root.line}:1")
    by_id = {f"#{node.attributes.get('id', '')}": node.attributes.get("name", "") for node in root.children}
    inputs = {_name(node, name): _type(node.first("variable")) for node in root.all("inputData")}
    items = {item.name: item for item in (_item(node, name) for node in root.all("itemDefinition"))}
    decisions = tuple(_decision(node, name, by_id) for node in root.all("decision"))
    return Model(root.attributes.get("name", name), inputs, items, decisions, name)


def _name(node: Node, file: str) -> str:
    found = " ".join(node.attributes.get("name", "").split())
    if not found:
        raise SpecError(f"<{node.tag}> has no name", place=f"{file}:{node.line}:1")
    return found


def _type(node: Node | None) -> str | None:
    return None if node is None else node.attributes.get("typeRef")


def _item(node: Node, file: str) -> Item:
    allowed = node.first("allowedValues")
    return Item(
        name=_name(node, file),
        base=node.text_of("typeRef"),
        is_list=node.attributes.get("isCollection") == "true",
        allowed=None if allowed is None else allowed.text_of("text"),
        parts=tuple(_item(part, file) for part in node.all("itemComponent")),
    )


def _decision(node: Node, file: str, by_id: Mapping[str, str]) -> Decision:
    required = [
        needed.attributes.get("href", "")
        for requirement in node.all("informationRequirement")
        for needed in requirement.children
        if needed.tag in ("requiredInput", "requiredDecision")
    ]
    logic = next((child for child in node.children if child.tag in _LOGIC), None)
    table = _table(logic, file) if logic is not None and logic.tag == "decisionTable" else None
    literal = logic.text_of("text") if logic is not None and logic.tag == "literalExpression" else None
    other = None if table is not None or literal is not None else "nothing" if logic is None else logic.tag
    requires = tuple(by_id.get(href, href) for href in required)
    return Decision(_name(node, file), _type(node.first("variable")), requires, table, literal, other, node.line)


def _table(node: Node, file: str) -> DmnTable:
    inputs = tuple(_input(column, file) for column in node.all("input"))
    outputs = tuple(_output(column) for column in node.all("output"))
    rows = [(rule, [*rule.all("inputEntry"), *rule.all("outputEntry")]) for rule in node.all("rule")]
    if not rows:
        raise SpecError("the decision table has no rows", place=f"{file}:{node.line}:1", hint="add a <rule>")
    for number, (rule, cells) in enumerate(rows, start=1):
        if len(cells) != len(inputs) + len(outputs):
            raise SpecError(
                f"row {number} has {len(cells)} cells for {len(inputs) + len(outputs)} columns",
                place=f"{file}:{rule.line}:1",
            )
    return DmnTable(
        hit_policy=node.attributes.get("hitPolicy", "UNIQUE").lower(),
        aggregation=node.attributes.get("aggregation"),
        type=node.attributes.get("typeRef"),
        inputs=inputs,
        outputs=outputs,
        rows=tuple(tuple((cell.text_of("text") or "") for cell in cells) for _, cells in rows),
        lines=tuple(rule.line for rule, _ in rows),
    )


def _input(node: Node, file: str) -> InputColumn:
    expression, allowed = node.first("inputExpression"), node.first("inputValues")
    text = None if expression is None else expression.text_of("text")
    if not text:
        raise SpecError("an input column has no expression", place=f"{file}:{node.line}:1")
    return InputColumn(text, _type(expression), None if allowed is None else allowed.text_of("text"))


def _output(node: Node) -> OutputColumn:
    allowed, default = node.first("outputValues"), node.first("defaultOutputEntry")
    return OutputColumn(
        node.attributes.get("name"),
        node.attributes.get("typeRef"),
        None if allowed is None else allowed.text_of("text"),
        None if default is None else default.text_of("text"),
    )
