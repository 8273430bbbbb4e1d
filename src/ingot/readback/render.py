"""Program → what it does, for people: text, Markdown, an HTML fragment or JSON. The same program gives the same."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from html import escape
from typing import Any

from ingot.program import Program, Signature
from ingot.readback.nouns import CODE, CODE_END, listed, quoted
from ingot.readback.paths import paths
from ingot.readback.rows import Paths, Row
from ingot.readback.sentences import Sentence, escalates, sentences, words_of
from ingot.readback.words import Words

_CODE = re.compile(f"{CODE}(.*?){CODE_END}", re.DOTALL)
ORDER = "Read from top to bottom: the first sentence that gives the answer ends it."
TABLE = "The same as a table, in which the first row that holds decides"
HEADS = ("If", "Then", "Clauses", "Line")


@dataclass(frozen=True, slots=True)
class Line:
    """One row of a function's table in words: its conditions, its outcome, its clauses and its line."""

    conditions: str
    outcome: str
    clauses: tuple[str, ...]
    line: int


@dataclass(frozen=True, slots=True)
class Told:
    """One function: its `sentences`, and its `table` where it has rows worth one; `cut` where there are more."""

    signature: Signature
    sentences: tuple[Sentence, ...]
    table: tuple[Line, ...]
    named: Mapping[str, str]
    cut: bool

    @property
    def quoted(self) -> int:
        """How many pieces of the sentences are source, for want of words."""
        return sum(quoted(one.text) for one in self.sentences)


def readback(program: Program) -> tuple[Told, ...]:
    """What every generated function does, in the spec's order.

    Raises SyntaxError for logic that is not Python, and KeyError where a function is missing.
    """
    clauses = {clause.id: clause.text for clause in program.spec.clauses}
    nodes = {node.name: node for node in ast.parse(program.logic).body if isinstance(node, ast.FunctionDef)}
    found = []
    for signature in program.signatures:
        rows = paths(program.logic, signature, clauses)
        words = words_of(nodes[signature.name], signature)
        named = {name: words.value(_parsed(source)) for name, source in rows.named.items()}
        named = {name: said for name, said in named.items() if any(name in _names(row) for row in rows.rows)}
        asks = escalates(program, signature)
        table = tuple(_line(row, words, asks) for row in rows.rows) if _has_table(rows) else ()
        found.append(Told(signature, sentences(program, signature), table, named, rows.cut))
    return tuple(found)


def _has_table(rows: Paths) -> bool:
    """A table tells every path; where a path goes through a loop the sentences tell it better."""
    return len(rows.rows) > 1 and all(row.exact for row in rows.rows)


def _line(row: Row, words: Words, asks: bool) -> Line:
    needed = [(_parsed(one.written), one.holds) for one in row.needed]
    said = words.joined(needed, " and ") or ("otherwise" if row.conditions else "always")
    if row.raises:
        outcome = f"the run stops with the error {CODE}{row.raises}{CODE_END}"
    elif asks and all(source == "None" for source in row.written.values()):
        outcome = "a person decides"
    else:
        said_of = words.apart if len(row.written) > 1 else words.value
        outcome = ", ".join(f"{name or 'all'}: {said_of(_parsed(source))}" for name, source in row.written.items())
    return Line(said, outcome, row.clauses, row.line)


def _names(row: Row) -> set[str]:
    sources = [*(one.written for one in row.needed), *row.written.values()]
    return {node.id for source in sources for node in ast.walk(_parsed(source)) if isinstance(node, ast.Name)}


def _parsed(source: str) -> ast.expr:
    return ast.parse(source, mode="eval").body


# ---- forms -------------------------------------------------------------------------------------------------------


def as_text(program: Program) -> str:
    """For a terminal."""
    return "\n".join(_plain(program, lambda text: text, "- ", lambda table: list(_text_table(table)), str)) + "\n"


def as_markdown(program: Program) -> str:
    """For a page: code is marked as code, and nothing of the program's texts is Markdown."""
    lines = _plain(program, _escaped, "- ", lambda table: list(_markdown_table(table)), lambda name: f"## {name}")
    return "\n".join(lines) + "\n"


def _plain(
    program: Program, shown: Callable[[str], str], bullet: str, table: Callable[[tuple[Line, ...]], list[str]],
    title: Callable[[str], str],
) -> Iterator[str]:  # fmt: skip
    for at, told in enumerate(readback(program)):
        yield from [""] if at else []
        yield title(told.signature.name)
        yield shown(f"{_reads(told.signature)} {ORDER}")
        yield ""
        for one in told.sentences:
            yield f"{'  ' * one.depth}{bullet}{shown_code(one.text, shown, _fenced)}{shown(_place(one))}"
        if told.table:
            yield ""
            yield shown(f"{TABLE}:")
            yield ""
            yield from table(told.table)
            if told.named:
                yield ""
            for name, said in told.named.items():
                yield shown_code(f"There, {name} is {said}.", shown, _fenced)
        if told.cut:
            yield shown("There are more ways through this function than a table can show.")


def _reads(signature: Signature) -> str:
    params = listed([field.name for field in signature.params]) if signature.params else "nothing"
    return f"From {params} it works out {listed([field.name for field in signature.outputs])}."


def _place(one: Sentence) -> str:
    return f" ({', '.join([*one.clauses, f'line {one.line}'])})"


def shown_code(text: str, plain: Callable[[str], str], code: Callable[[str], str]) -> str:
    """The text with its plain parts and its pieces of source each shown in its own way."""
    parts = _CODE.split(text)
    return "".join(code(part) if at % 2 else plain(part) for at, part in enumerate(parts))


def _fenced(source: str) -> str:
    """Source as Markdown's code: the fence is longer than any run of ticks inside."""
    ticks = "`" * (max((len(run) for run in re.findall("`+", source)), default=0) + 1)
    pad = " " if len(ticks) > 1 else ""
    return f"{ticks}{pad}{' '.join(source.split())}{pad}{ticks}"


def _escaped(text: str) -> str:
    return re.sub(r"([\\`*\[\]<>|#]|(?<!\w)_|_(?!\w))", r"\\\1", text)


def _text_table(table: tuple[Line, ...]) -> Iterator[str]:
    for number, one in enumerate(table, start=1):
        said = shown_code(f"{one.conditions} → {one.outcome}", str, _fenced)
        yield f"{number:>3}. {said} ({', '.join([*one.clauses, f'line {one.line}'])})"


def _markdown_table(table: tuple[Line, ...]) -> Iterator[str]:
    yield f"| {' | '.join(HEADS)} |"
    yield "|---|---|---|---|"
    for one in table:
        cells = [shown_code(cell, _escaped, lambda code: _fenced(code).replace("|", "\\|")) for cell in _cells(one)]
        yield f"| {' | '.join(cells)} |"


def _cells(one: Line) -> tuple[str, str, str, str]:
    return one.conditions, one.outcome, ", ".join(one.clauses), str(one.line)


def as_html(program: Program, *, linked: bool = True) -> str:
    """A fragment for a page: every text escaped; `linked` lines lead to ``#L12``, clauses to ``#c-C1``."""
    return "".join(_function_html(told, _links if linked else _unlinked) for told in readback(program))


def _function_html(told: Told, links: Callable[[tuple[str, ...], int], str]) -> str:
    sentences_html = "".join(
        f'<li class="d{min(one.depth, 6)}">{_html(one.text)} {links(one.clauses, one.line)}</li>'
        for one in told.sentences
    )
    rows = "".join(
        f"<tr><td>{_html(one.conditions)}</td><td>{_html(one.outcome)}</td><td>{links(one.clauses, one.line)}</td></tr>"
        for one in told.table
    )
    named = "".join(f"<p>There, {escape(name)} is {_html(said)}.</p>" for name, said in told.named.items())
    table = (
        f'<details class="whole"><summary>{TABLE}</summary>'
        '<div class="scroll" tabindex="0"><table><thead><tr><th scope="col">If</th><th scope="col">Then</th>'
        f'<th scope="col">Clauses and line</th></tr></thead><tbody>{rows}</tbody></table></div>{named}</details>'
    )
    more = "<p>There are more ways through this function than a table can show.</p>" if told.cut else ""
    return (
        f"<h3>{escape(told.signature.name)}</h3><p>{escape(_reads(told.signature))} {ORDER}</p>"
        f'<ol class="told">{sentences_html}</ol>{table if rows else ""}{more}'
    )


def _html(text: str) -> str:
    return shown_code(text, escape, lambda source: f"<code>{escape(source)}</code>")


def _unlinked(clauses: tuple[str, ...], line: int) -> str:
    return f"({', '.join([*map(escape, clauses), f'line {line}'])})"


def _links(clauses: tuple[str, ...], line: int) -> str:
    cited = [f'<a href="#c-{escape(one)}">{escape(one)}</a>' for one in clauses]
    places = ", ".join([*cited, f'<a href="#L{line}">line {line}</a>'])
    return f'<span class="cited">{places}</span>'


def as_json(program: Program) -> list[dict[str, Any]]:
    """For other tools: sentences and table with source between backticks, and how many pieces of source there are."""
    return [
        {
            "function": told.signature.name,
            "sentences": [
                {"depth": one.depth, "text": shown_code(one.text, str, _fenced), "line": one.line,
                 "clauses": list(one.clauses)}
                for one in told.sentences
            ],
            "table": [
                {"if": shown_code(one.conditions, str, _fenced), "then": shown_code(one.outcome, str, _fenced),
                 "line": one.line, "clauses": list(one.clauses)}
                for one in told.table
            ],
            "cut": told.cut,
            "quoted": told.quoted,
        }
        for told in readback(program)
    ]  # fmt: skip
