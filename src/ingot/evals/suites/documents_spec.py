"""The spec of one field of a document set: functions that look for it in different ways, and what they agree on.

by_label, by_form, by_part                ─┐
by_certainty, by_proof (silent when unsure) ─┴─▶ settle (hybrid, calibrated on held-out documents) ─▶ the field, or a person
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from ingot.evals.suites.documents_rows import Document, DocumentField
from ingot.evals.suites.documents_seen import excerpts, outline
from ingot.evals.suites.documents_split import Parts
from ingot.evals.suites.documents_told import told

LONGEST = 200_000
PRECISION = 0.95
OUTLINES = 2
GIVEN, HELD_OUT = "given.jsonl", "held_out.jsonl"
WAYS = {
    "by_label": (
        "by label: find the labels that name the value (in several spellings; OCR drops or changes letters and blanks) and take "
        "what stands to the right of one in its line, up to a gap of two or more blanks, or else below it in the same "
        "columns. Try the surest label in the whole text first, then the next."
    ),
    "by_form": (
        "by form: collect every text that has the form of the value, wherever it stands. Give each points for words near it "
        "that speak for it (left in its line, above it), for its place in the document and for standing there several times; "
        "take points away for words that speak for another field. Take the one with most points, the first among equals."
    ),
    "by_part": (
        "by part: parts of such a document come in an order (letterhead, block of names and numbers, table, closing). Find the "
        "part that has this value by the lines that begin and end it, split its lines into cells at two or more blanks, and "
        "take the cell that fits. Do not copy the first two ways: it must be able to be right where they are wrong."
    ),
    "by_certainty": (
        "for certain: answer only what a careful reader would bet on, else as where it is not found. All of this must hold: one "
        "of the two or three surest labels (or for a value without a label: the usual place) is there; all places that could "
        "have the value name one and the same text; it has the whole form and no letter looks misread; nobody could begin or "
        "end it elsewhere (a sign, a bracket or a word beside it that some would count in, a line that may go on); and nothing "
        "in the document speaks for another text. Wrong is far worse than no answer, yet answer in the plain half of documents."
    ),
    "by_proof": (
        "by proof: answer only what two facts of the document show that do not depend on each other, else as where it is not "
        "found: a sum or difference that comes out to it, the same value at another label or in another part, an order or a "
        "place that leaves only it, no second candidate anywhere. The label alone is no proof, and where another text fits "
        "nearly as well there is none."
    ),
}
SILENT = ("by_certainty", "by_proof")
"""Ways that may answer nothing: no case says what they must find, and among as many votes theirs count most. Whether they
answer tells plain documents from the others, where those that always answer agree in both."""


Match = Literal["exact", "normalised"]
"""What is right: the very text, or the same value (letters and digits of a text; an amount as a number)."""


@dataclass(frozen=True, slots=True)
class DocumentSet:
    """A kind of documents. `what` says what they are in half a sentence, `match` what is right, for gates, calibration and
    score alike."""

    name: str
    title: str
    what: str
    fields: tuple[DocumentField, ...]
    month_first: bool = False
    match: Match = "exact"


def spec_text(
    documents: DocumentSet, field: DocumentField, given: Sequence[Document], reach: float, places: Sequence[str]
) -> str:
    """The spec of one field as JSON; its cases are in the files of `case_files`. `places` are those of `places`."""
    names = _names(field)
    kind, seen = _type(field), seen_text(given, places)
    tree: dict[str, Any] = {
        **_head(documents, field),
        "clauses": _clauses(documents, field),
        "logic_requirements": [
            *(_function(way, number, name, field, kind, seen) for number, (way, name) in enumerate(names.items())),
            _settle(field, names, kind),
        ],
        "outputs": {field.name: kind, **dict.fromkeys(names.values(), kind)},
        "thresholds": {
            "accuracy": reach, "held_out_accuracy": 0, "branch_coverage": 0.4, "mutation_score": 0, "complexity": 20, "function_lines": 70,
        },
        "cases": {"given": GIVEN, "held_out": HELD_OUT},
        **_scorers(documents, field, [*names.values()]),
    }  # fmt: skip
    return json.dumps(tree, ensure_ascii=False, indent=1)


def plain_text(documents: DocumentSet, field: DocumentField, places: Sequence[str]) -> str:
    """The rule for whoever asks a model of every document: the field alone, what it is, and where it stood in given ones."""
    kind, clauses = _type(field), _clauses(documents, field)
    logic = "\n".join(places)
    step = {
        "step": f"read_{field.name}", "type": "function", "intent": f"Read {field.name}.", "clauses": ["C1", "C2"],
        "inputs": ["text"], "outputs": {field.name: kind}, **({"logic": logic} if places else {}),
    }  # fmt: skip
    tree = {
        **_head(documents, field), "clauses": {name: clauses[name] for name in ("C1", "C2")},
        "logic_requirements": [step], "outputs": {field.name: kind},
    }  # fmt: skip
    return json.dumps(tree, ensure_ascii=False)


def _head(documents: DocumentSet, field: DocumentField) -> dict[str, Any]:
    """What a spec of this field is, and what it reads."""
    return {
        "metadata": {
            "name": f"{documents.name}_{field.name}", "version": "1.0.0", "owner": "documents",
            "title": f"{field.name} of {documents.title}",
        },
        "inputs": {"text": {"type": "text", "max_length": LONGEST}},
    }  # fmt: skip


def _scorers(documents: DocumentSet, field: DocumentField, names: Sequence[str]) -> dict[str, Any]:
    """How the spec compares the field and what each function finds; nothing where that is exactly."""
    if documents.match == "exact" or field.columns is not None:
        return {}
    return {"scorers": dict.fromkeys((field.name, *names), "amount" if field.kind == "amount" else "plain")}


def case_files(field: DocumentField, parts: Parts) -> dict[str, str]:
    """The cases that the spec names, as JSON Lines: what the field and each function must give."""
    return {GIVEN: _lines(field, parts.given), HELD_OUT: _lines(field, parts.held_out)}


def _lines(field: DocumentField, documents: Sequence[Document]) -> str:
    rows = []
    for one in documents:
        asked = [name for way, name in _names(field).items() if way not in SILENT]
        expected = dict.fromkeys((field.name, *asked), one.expected[field.name])
        rows.append(json.dumps({"id": one.id, "input": {"text": one.text}, "expected": expected}, ensure_ascii=False))
    return "".join(f"{row}\n" for row in rows)


def _names(field: DocumentField) -> dict[str, str]:
    """By way the output of its function."""
    return {way: f"{field.name}_{number}" for number, way in enumerate(WAYS, start=1)}


def _clauses(documents: DocumentSet, field: DocumentField) -> dict[str, str]:
    """What every function is told: the text, the field, the ways to look."""
    nothing = "no rows" if field.columns is not None else '""'
    said = (
        (
            f"The text is OCR of {documents.what}, line by line; columns stand apart by two or more blanks, and blanks inside a "
            "line keep them aligned. Letters, points and blanks are misread here and there, labels too. Documents to come have "
            "other senders and other layouts than those seen here: prefer what holds for all to what fits one. Copy a value as it is "
            f"printed, without blanks at its ends, runs of blanks made one. Where it is not found: {nothing}."
        ),
        f"{field.name}: {field.about or field.name.replace('_', ' ')}{_form(field)}",
    )
    return {f"C{number}": text for number, text in enumerate((*said, *WAYS.values()), start=1)}


def _form(field: DocumentField) -> str:
    if field.columns is not None:
        columns = ", ".join(f"{name} ({kind})" if kind != "text" else name for name, kind in field.columns.items())
        return f' A row for each line item, in order, with {columns}; a cell that is not printed is "".'
    return {
        "text": "",
        "date": " It is a date, in whatever form it is printed.",
        "amount": " It is an amount of money.",
    }[field.kind]


def _function(way: str, number: int, name: str, field: DocumentField, kind: Any, seen: str) -> dict[str, Any]:
    """A function says all that it needs, since it may be asked for by itself; a request for several says it once."""
    return {
        "step": f"{field.name}_{way}", "type": "function", "clauses": ["C1", "C2", f"C{number + 3}"], "inputs": ["text"], "outputs": {name: kind},
        "logic": seen,
    }  # fmt: skip


def seen_text(given: Sequence[Document], places: Sequence[str]) -> str:
    """What a reader of the given documents knows: how two of them look, and where the value stands."""
    looks = [look for one in given[:OUTLINES] if (look := outline(one.text))]
    said = [f"Such a document (runs of blanks are shortened here, [...] is left out):\n{look}" for look in looks]
    return "\n".join([*said, *places])


def places(field: DocumentField, given: Sequence[Document]) -> list[str]:
    """What all given documents tell of a field's places, and some of these as they are; nothing of a list of line items."""
    shown = [] if field.columns is not None else excerpts(given, field.name)
    if not shown:
        return []
    seen = "Seen in documents (lines around the value as they are, and after => the value):"
    return [*told(given, field.name), seen, *shown]


def _settle(field: DocumentField, names: Mapping[str, str], kind: Any) -> dict[str, Any]:
    first = [names[way] for way in SILENT]
    candidates = [*first, *(name for name in names.values() if name not in first)]
    return {
        "step": "settle", "type": "hybrid", "intent": f"Read {field.name}.", "inputs": ["text", *names.values()],
        "outputs": {field.name: kind}, "candidates": {field.name: candidates}, "precision": PRECISION, "otherwise": "human",
        **({"recall": [field.name]} if field.kind == "text" and field.columns is None else {}),
    }  # fmt: skip


def _type(field: DocumentField) -> Any:
    if field.columns is None:
        return "text"
    return {"type": "list", "items": {"type": "object", "fields": dict.fromkeys(field.columns, "text")}}
