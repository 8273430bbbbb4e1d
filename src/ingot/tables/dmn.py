"""DMN XML → `Model`: input data, item definitions, decisions and functions with their boxed expressions.

`read` takes the text as it is and decides nothing; `ingot.tables.dmn_spec` makes a spec of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

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
class Text:
    """A literal expression as it is written."""

    text: str
    line: int


@dataclass(frozen=True, slots=True)
class Entry:
    """A named part of a context; without a name it is the context's value."""

    name: str | None
    type: str | None
    value: Boxed


@dataclass(frozen=True, slots=True)
class Context:
    """A boxed context: each entry sees those before it."""

    entries: tuple[Entry, ...]
    line: int


@dataclass(frozen=True, slots=True)
class Invocation:
    """A boxed invocation: a function of the model and the value of each parameter by its name."""

    called: str
    bindings: tuple[tuple[str, Boxed], ...]
    line: int


@dataclass(frozen=True, slots=True)
class Conditional:
    """A boxed ``if``."""

    condition: Boxed
    first: Boxed
    second: Boxed
    line: int


@dataclass(frozen=True, slots=True)
class Other:
    """What is not read, by what it is."""

    what: str
    line: int


Boxed = DmnTable | Text | Context | Invocation | Conditional | Other


@dataclass(frozen=True, slots=True)
class Knowledge:
    """A business knowledge model: a function with named parameters of a type."""

    name: str
    parameters: tuple[tuple[str, str | None], ...]
    body: Boxed
    line: int


@dataclass(frozen=True, slots=True)
class Decision:
    """A decision: its type, what it requires by name, and its logic."""

    name: str
    type: str | None
    requires: tuple[str, ...]
    logic: Boxed
    line: int

    @property
    def table(self) -> DmnTable | None:
        """The decision's table, where that is its logic."""
        return self.logic if isinstance(self.logic, DmnTable) else None


@dataclass(frozen=True, slots=True)
class Model:
    """A DMN model. `inputs` maps the name of each input data to its type, `knowledge` each function's name to the
    function; the rest is in the order of `file`."""

    name: str
    inputs: Mapping[str, str | None]
    items: Mapping[str, Item]
    decisions: tuple[Decision, ...]
    file: str = "model.dmn"
    knowledge: Mapping[str, Knowledge] = field(default_factory=dict)

    def decision(self, name: str) -> Decision | None:
        """The decision with a name."""
        return next((one for one in self.decisions if one.name == name), None)


_LOGIC = ("decisionTable", "literalExpression", "invocation", "context", "list", "relation", "functionDefinition",
          "conditional", "for", "every", "some", "filter")  # fmt: skip
_KNOWN = ("", "feel", "s-feel", "sfeel")


def read(text: str, name: str = "model.dmn") -> Model:
    """A model from the text of a DMN file. Raises SpecError with ``file:line:column``."""
    root = read_xml(text, name)
    if root.tag != "definitions":
        raise SpecError(f"the root is <{root.tag}>, not <definitions>", place=f"{name}:{root.line}:1")
    by_id = {f"#{node.attributes.get('id', '')}": node.attributes.get("name", "") for node in root.children}
    inputs = {_name(node, name): _type(node.first("variable")) for node in root.all("inputData")}
    items = {item.name: item for item in (_item(node, name) for node in root.all("itemDefinition"))}
    decisions = tuple(_decision(node, name, by_id) for node in root.all("decision"))
    knowledge = {one.name: one for one in (_knowledge(node, name) for node in root.all("businessKnowledgeModel"))}
    return Model(root.attributes.get("name", name), inputs, items, decisions, name, knowledge)


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
    requires = tuple(by_id.get(href, href) for href in required)
    return Decision(_name(node, file), _type(node.first("variable")), requires, _logic(node, file), node.line)


def _knowledge(node: Node, file: str) -> Knowledge:
    inner = node.first("encapsulatedLogic")
    if inner is None:
        return Knowledge(_name(node, file), (), Other("function without logic", node.line), node.line)
    parameters = tuple((_name(one, file), one.attributes.get("typeRef")) for one in inner.all("formalParameter"))
    kind = inner.attributes.get("kind", "FEEL")
    body = _logic(inner, file) if kind == "FEEL" else Other(f"function in {kind}", inner.line)
    return Knowledge(_name(node, file), parameters, body, node.line)


def _logic(node: Node, file: str) -> Boxed:
    """The boxed expression inside an element."""
    found = next((child for child in node.children if child.tag in _LOGIC), None)
    if found is None:
        return Other("nothing", node.line)
    match found.tag:
        case "decisionTable":
            return _table(found, file)
        case "literalExpression":
            return _text(found)
        case "context":
            return Context(tuple(_entry(one, file) for one in found.all("contextEntry")), found.line)
        case "invocation":
            return _invocation(found, file)
        case "conditional":
            parts = [_inside(found, tag, file) for tag in ("if", "then", "else")]
            return Conditional(parts[0], parts[1], parts[2], found.line)
    return Other(found.tag, found.line)


def _text(node: Node) -> Boxed:
    language = node.attributes.get("expressionLanguage", "").rstrip("/").rpartition("/")[2].lower()
    if language not in _KNOWN:
        return Other(f"literal expression in {language!r}", node.line)
    text = node.text_of("text")
    return Text(text, node.line) if text else Other("literal expression without text", node.line)


def _inside(node: Node, tag: str, file: str) -> Boxed:
    part = node.first(tag)
    return Other(f"{node.tag} without <{tag}>", node.line) if part is None else _logic(part, file)


def _entry(node: Node, file: str) -> Entry:
    variable = node.first("variable")
    return Entry(None if variable is None else _name(variable, file), _type(variable), _logic(node, file))


def _invocation(node: Node, file: str) -> Boxed:
    called = node.first("literalExpression")
    bindings = [
        (_name(parameter, file), _logic(one, file))
        for one in node.all("binding")
        if (parameter := one.first("parameter")) is not None
    ]
    name = None if called is None else called.text_of("text")
    return Invocation(name, tuple(bindings), node.line) if name else Other("invocation of nothing", node.line)


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
