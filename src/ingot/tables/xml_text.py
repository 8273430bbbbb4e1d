"""XML text → nodes, without any document type: no entities, no external parts, no surprises of size."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from xml.parsers import expat

from ingot.errors import SpecError

LARGEST = 4 * 1024 * 1024
DEEPEST = 100
MOST_NODES = 100_000


@dataclass(slots=True)
class Node:
    """An element by its local name. `text` is its own text and that of what it holds, `line` where it begins."""

    tag: str
    attributes: Mapping[str, str]
    line: int
    children: list[Node] = field(default_factory=list)
    text: str = ""

    def all(self, tag: str) -> Iterator[Node]:
        """The children with a local name."""
        return (child for child in self.children if child.tag == tag)

    def first(self, tag: str) -> Node | None:
        """The first child with a local name."""
        return next(self.all(tag), None)

    def text_of(self, tag: str) -> str | None:
        """The stripped text of the first child with a local name."""
        found = self.first(tag)
        return None if found is None else found.text.strip()


def read_xml(text: str, name: str) -> Node:
    """The root element. Raises SpecError for anything but plain, well-formed XML of a sane size."""
    if len(text) > LARGEST:
        raise SpecError(f"the XML has {len(text):,} characters; {LARGEST:,} is the limit", place=f"{name}:1:1")
    parser = expat.ParserCreate(namespace_separator=" ")
    stack: list[Node] = [Node("", {}, 0)]
    count = 0

    def fail(message: str, hint: str) -> SpecError:
        return SpecError(
            message, place=f"{name}:{parser.CurrentLineNumber}:{parser.CurrentColumnNumber + 1}", hint=hint
        )

    def doctype(*_: object) -> None:
        raise fail("a document type is not allowed: it can make a small file stand for a huge one", "delete <!DOCTYPE")

    def start(tag: str, attributes: dict[str, str]) -> None:
        nonlocal count
        count += 1
        if len(stack) > DEEPEST or count > MOST_NODES:
            raise fail(f"more than {DEEPEST} levels or {MOST_NODES:,} elements", "split the model")
        local = {key.rpartition(" ")[2]: value for key, value in attributes.items()}
        node = Node(tag.rpartition(" ")[2], local, parser.CurrentLineNumber)
        stack[-1].children.append(node)
        stack.append(node)

    def end(_: str) -> None:
        node = stack.pop()
        if len(stack) > 1:
            stack[-1].text += node.text

    def characters(found: str) -> None:
        stack[-1].text += found

    parser.StartDoctypeDeclHandler = doctype
    parser.EntityDeclHandler = doctype
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = characters
    try:
        parser.Parse(text.encode(), True)
    except expat.ExpatError as error:
        raise fail(f"malformed XML: {expat.errors.messages.get(error.code, error)}", "check the file") from None
    except UnicodeEncodeError as error:
        raise SpecError(f"malformed XML: {error.reason}", place=f"{name}:1:1") from None
    return stack[0].children[0]
