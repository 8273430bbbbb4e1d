"""DocILE: business documents by their official metric (extra ``docile``; the data set is the user's own, with a token).

Programs see text alone: the words of the data set's OCR, laid out in lines and columns.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from ingot.errors import InputError
from ingot.evals.suite import Suite
from ingot.evals.suites.documents_rows import Document, DocumentField
from ingot.evals.suites.documents_spec import DocumentSet
from ingot.evals.suites.documents_split import Parts

COLUMNS = 160
"""Letters to the width of a page."""
FIELDS = (
    "document_id,date_issue:date,vendor_name,customer_billing_name,amount_total_gross:amount,"
    "line_items[line_item_description,line_item_quantity,line_item_amount_gross:amount]"
)


@dataclass(frozen=True, slots=True)
class Word:
    """A word of the OCR. Places are shares of the page's width and height, from the top left."""

    text: str
    left: float
    top: float
    right: float
    bottom: float
    page: int


def load_docile(path: Path, fields: Sequence[DocumentField], given: int, held_out: int) -> Suite:
    """Given and held-out documents from the split ``train``, scored ones the split ``val``. Raises InputError where the
    package or the data is missing."""
    from ingot.evals.suites.documents import suite_of

    _check_types(fields)
    train = data_set(path, "train", given + held_out)
    learnt = [_document(one, fields) for one in train]
    scored = [_document(one, fields) for one in data_set(path, "val")]
    said = f"{given} given and {held_out} held out of train, val scored"
    parts = Parts(tuple(learnt[:given]), tuple(learnt[given:]), tuple(scored), said)
    kind = DocumentSet("docile", "DocILE", "a scanned invoice, order or similar business document", tuple(fields))
    return suite_of(kind, parts, {})


def _check_types(fields: Sequence[DocumentField]) -> None:
    """Names are DocILE's own: of a field its type, of a list of line items (which may have any name) those of its columns."""
    docile = _package()
    for one in fields:
        names, known = (
            ([one.name], docile.KILE_FIELDTYPES) if one.columns is None else (list(one.columns), docile.LIR_FIELDTYPES)
        )
        if unknown := [name for name in names if name not in known]:
            raise InputError(f"DocILE has no field type {unknown[0]!r}", hint=f"give some of {', '.join(known)}")


def _package() -> Any:
    try:
        import docile.dataset
    except ImportError as error:
        raise InputError(f"DocILE's package is missing: {error}", hint="pip install 'ingot[docile]'") from None
    return docile.dataset


def data_set(path: Path, split: str, count: int | None = None) -> Any:
    """A split of the data set, of `count` documents drawn with a fixed seed. Raises InputError."""
    docile = _package()
    try:
        found = docile.Dataset(split, path, load_annotations=False, load_ocr=False)
        drawn = found if count is None else found.sample(count, seed=0)
        return drawn.load()
    except (OSError, ValueError, KeyError) as error:
        raise InputError(
            f"cannot read DocILE's {split!r}: {error}",
            place=str(path),
            hint="give the folder of the downloaded data set",
        ) from None


def words_of(document: Any) -> list[Word]:
    """The words of one of DocILE's documents, page by page in reading order."""
    pages = range(document.annotation.page_count)
    return [
        Word(one.text or "", one.bbox.left, one.bbox.top, one.bbox.right, one.bbox.bottom, page)
        for page in pages
        for one in document.ocr.get_all_words(page)
    ]


def lay_out(words: Iterable[Word]) -> str:
    """Words as text: a line for words at one height, blanks so that columns stay aligned, an empty line between pages."""
    pages = groupby(in_lines(words), key=lambda line: line[0].page)
    return "\n\n".join("\n".join(map(_line, lines)) for _, lines in pages)


def _document(document: Any, fields: Sequence[DocumentField]) -> Document:
    expected = {
        one.name: _gold(document, one.name) if one.columns is None else _rows(document, one.columns) for one in fields
    }
    return Document(document.docid, lay_out(words_of(document)), expected, f"cluster {document.annotation.cluster_id}")


def _gold(document: Any, name: str) -> str:
    """The text of a field's first place, "" where the document has none."""
    return _first([one for one in document.annotation.fields if one.fieldtype == name])


def _rows(document: Any, columns: Iterable[str]) -> list[dict[str, str]]:
    """The line items from the top down, each with these columns: the text of its first place, "" where it has none."""
    items: dict[int, list[Any]] = {}
    for one in document.annotation.li_fields:
        items.setdefault(one.line_item_id, []).append(one)
    ordered = sorted(items.values(), key=lambda cells: min(map(_place, cells)))
    rows = [{name: _first([one for one in cells if one.fieldtype == name]) for name in columns} for cells in ordered]
    return [row for row in rows if any(row.values())]


def _first(places: Sequence[Any]) -> str:
    first = min((one for one in places if one.text), key=_place, default=None)
    return "" if first is None else " ".join(first.text.split())


def _place(one: Any) -> tuple[int, float, float]:
    return one.page, one.bbox.top, one.bbox.left


def in_lines(words: Iterable[Word]) -> list[list[Word]]:
    """Words in lines from the top down, page by page."""
    pages: dict[int, list[Word]] = {}
    for word in words:
        pages.setdefault(word.page, []).append(word)
    return [line for page in sorted(pages) for line in _lines(pages[page])]


def _lines(words: Sequence[Word]) -> list[list[Word]]:
    """Words of one page in lines: those whose middle is within the height of the line's first."""
    lines: list[list[Word]] = []
    for word in sorted(words, key=lambda one: (one.top + one.bottom, one.left)):
        middle = (word.top + word.bottom) / 2
        if lines and lines[-1][0].top <= middle <= lines[-1][0].bottom:
            lines[-1].append(word)
        else:
            lines.append([word])
    return [sorted(line, key=lambda one: one.left) for line in lines]


def _line(words: Sequence[Word]) -> str:
    """Words of one line, each at its column; a gap of two letters or more parts columns, by two blanks at least."""
    text, end = "", 0.0
    for word in words:
        least = 2 if text else 0
        apart = word.left - end > 2 / COLUMNS
        text += " " * (max(least, round(word.left * COLUMNS) - len(text)) if apart else least // 2) + word.text
        end = word.right
    return text
