"""DocILE: business documents by their official metric (extra ``docile``; the data set is the user's own, with a token).

Programs see text alone: the words of the data set's OCR, laid out in lines and columns. What they answer is found again
among the words, so that the official metric, which asks where a value stands, can count it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ingot.errors import InputError
from ingot.evals.log import Log
from ingot.evals.metrics.measure import Measure
from ingot.evals.suite import Suite
from ingot.evals.suites.documents_rows import Document, DocumentField
from ingot.evals.suites.documents_spec import DocumentSet
from ingot.evals.suites.documents_split import Parts

COLUMNS = 160
"""Letters to the width of a page."""
FIELDS = "document_id,date_issue:date,vendor_name,customer_billing_name,amount_total_gross:amount"


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

    train = data_set(path, "train", given + held_out)
    learnt = [_document(one, fields) for one in train]
    scored = [_document(one, fields) for one in data_set(path, "val")]
    said = f"{given} given and {held_out} held out of train, val scored"
    parts = Parts(tuple(learnt[:given]), tuple(learnt[given:]), tuple(scored), said)
    kind = DocumentSet("docile", "DocILE", "a scanned invoice, order or similar business document", tuple(fields))
    return suite_of(kind, parts, {})


def data_set(path: Path, split: str, count: int | None = None) -> Any:
    """A split of the data set, of `count` documents drawn with a fixed seed. Raises InputError."""
    try:
        from docile.dataset import Dataset
    except ImportError as error:
        raise InputError(f"DocILE's package is missing: {error}", hint="pip install 'ingot[docile]'") from None
    try:
        found = Dataset(split, path, load_annotations=False, load_ocr=False)
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
    pages: dict[int, list[Word]] = {}
    for word in words:
        pages.setdefault(word.page, []).append(word)
    return "\n\n".join("\n".join(map(_line, _lines(pages[page]))) for page in sorted(pages))


def located(words: Sequence[Word], value: str) -> tuple[Word, ...]:
    """The first words of one page that, one after the other, are a value; () where there are none."""
    wanted = value.split()
    for at in range(len(words) - len(wanted) + 1):
        run = words[at : at + len(wanted)]
        if wanted and [one.text for one in run] == wanted and run[0].page == run[-1].page:
            return tuple(run)
    return ()


def official(log: Log, documents: Any) -> list[Measure]:
    """KILE by the official metric, of a log's answers and guesses: average precision (its primary metric) and F1, with
    ``same_text`` and by field type. Every gold field of the data set counts, those of types that were not compiled too.
    LIR is not measured: no line items are answered. Source: Šimsa et al. 2023, DocILE; package docile-benchmark."""
    from docile.evaluation import evaluate_dataset

    said = answers(log)
    predictions = {one.docid: _predictions(words_of(one), said.get(one.docid, {})) for one in documents}
    count = sum(map(len, predictions.values()))
    if not count:
        return [Measure("KILE AP", None, "share", 0, note="no answer stands in its document")]
    found = evaluate_dataset(documents, predictions, {})
    types = sorted({one.fieldtype for each in predictions.values() for one in each})
    whole, same = found.get_metrics("kile"), found.get_metrics("kile", same_text=True)
    measures = [("KILE AP", whole["AP"]), ("KILE F1", whole["f1"]), ("KILE F1, same text", same["f1"])]
    measures += [(f"KILE F1, {name}", found.get_metrics("kile", fieldtype=name)["f1"]) for name in types]
    return [Measure(name, float(value), "share", count) for name, value in measures]


def answers(log: Log) -> dict[str, dict[str, tuple[str, float]]]:
    """By document and field, what was answered or guessed, and how sure it is (1 where nothing was said)."""
    found: dict[str, dict[str, tuple[str, float]]] = {}
    for task in log.tasks:
        for item in task.items:
            for name in item.scores:
                value = item.answer.unwithheld.get(name)
                if isinstance(value, str) and value:
                    found.setdefault(item.item, {})[name] = value, item.answer.confidence.get(name, 1.0)
    return found


def _predictions(words: Sequence[Word], said: Mapping[str, tuple[str, float]]) -> list[Any]:
    from docile.dataset import BBox, Field

    found = []
    for name, (value, sure) in said.items():
        if run := located(words, value):
            box = BBox(
                min(one.left for one in run),
                min(one.top for one in run),
                max(one.right for one in run),
                max(one.bottom for one in run),
            )
            found.append(Field(bbox=box, page=run[0].page, score=sure, text=value, fieldtype=name))
    return found


def _document(document: Any, fields: Sequence[DocumentField]) -> Document:
    expected = {one.name: _gold(document, one.name) for one in fields}
    return Document(document.docid, lay_out(words_of(document)), expected)


def _gold(document: Any, name: str) -> str:
    """The text of a field's first place, "" where the document has none."""
    places = [one for one in document.annotation.fields if one.fieldtype == name and one.text]
    first = min(places, key=lambda one: (one.page, one.bbox.top, one.bbox.left), default=None)
    return "" if first is None else " ".join(first.text.split())


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
