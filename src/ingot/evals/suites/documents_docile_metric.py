"""DocILE's official metric of a log: answers are found again among the words, and counted by where they stand.

Log ─▶ answers ─▶ places among the words ─▶ KILE (fields) and LIR (line items), package docile-benchmark
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ingot.evals.log import Log
from ingot.evals.metrics.measure import Measure
from ingot.evals.suites.documents_docile import Word, in_lines, words_of

Orders = tuple[Sequence[Word], ...]
"""The words of a document in the order of the OCR, and in that of lines."""
Run = tuple[Word, ...]
"""Words one after the other, of one page."""
Said = Mapping[str, tuple[Any, float]]
"""By field what was answered of a document (a text, or rows of line items), and how sure it is."""
MEASURED = {"kile": (("AP", "AP"), ("F1", "f1")), "lir": (("F1", "f1"), ("AP", "AP"))}
"""What is told of a task, its primary metric first."""


def official(log: Log, documents: Any) -> list[Measure]:
    """KILE and LIR by the official metric, of a log's answers and guesses: average precision (primary for KILE) and F1 (primary for
    LIR), with ``same_text`` and by field type. Every gold field of the data set counts, those of types that were not compiled
    too; a task of which no answer stands in its document is not measured. Source: Šimsa et al. 2023, DocILE; package
    docile-benchmark."""
    from docile.evaluation import evaluate_dataset

    said = answers(log)
    placed: dict[str, dict[str, list[Any]]] = {"kile": {}, "lir": {}}
    for one in documents:
        orders, found = orders_of(words_of(one)), said.get(one.docid, {})
        placed["kile"][one.docid] = list(_fields(orders, found))
        placed["lir"][one.docid] = list(_line_items(orders, found))
    counts = {task: sum(map(len, found.values())) for task, found in placed.items()}
    measured = evaluate_dataset(documents, placed["kile"], placed["lir"]) if any(counts.values()) else None
    told: list[Measure] = []
    for task, count in counts.items():
        if count:
            types = sorted({one.fieldtype for each in placed[task].values() for one in each})
            told += [Measure(name, value, "share", count) for name, value in _values(measured, task, types)]
        else:
            first = f"{task.upper()} {MEASURED[task][0][0]}"
            told.append(Measure(first, None, "share", 0, note="no answer stands in its document"))
    return told


def _values(measured: Any, task: str, types: Sequence[str]) -> Iterator[tuple[str, float]]:
    title, whole = task.upper(), measured.get_metrics(task)
    yield from ((f"{title} {name}", float(whole[key])) for name, key in MEASURED[task])
    yield f"{title} F1, same text", float(measured.get_metrics(task, same_text=True)["f1"])
    yield from ((f"{title} F1, {name}", float(measured.get_metrics(task, fieldtype=name)["f1"])) for name in types)


def answers(log: Log) -> dict[str, dict[str, tuple[Any, float]]]:
    """By document and field, what was answered or guessed, and how sure it is (1 where nothing was said)."""
    found: dict[str, dict[str, tuple[Any, float]]] = {}
    for item in log.items:
        for name in item.scores:
            if value := item.answer.unwithheld.get(name):
                found.setdefault(item.item, {})[name] = value, item.answer.confidence.get(name, 1.0)
    return found


def orders_of(words: Sequence[Word]) -> Orders:
    """The orders in which a value's words are looked for."""
    return words, [word for line in in_lines(words) for word in line]


def located(orders: Orders, value: str) -> list[Run]:
    """Every run of words of one page that, one after the other, are a value: in the order of the OCR, and where there is none in
    that of lines."""
    wanted = value.split()
    for ordered in orders:
        runs = (tuple(ordered[at : at + len(wanted)]) for at in range(len(ordered) - len(wanted) + 1))
        same = [run for run in runs if [one.text for one in run] == wanted and len({one.page for one in run}) == 1]
        if wanted and same:
            return same
    return []


def rows_located(orders: Orders, rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Run]]:
    """Where the cells of line items stand, row by row; a cell that is not printed is left out. A row begins below the row
    before it, at the first place of the cell that has fewest places there; its other cells are the nearest ones."""
    found, above = [], (-1, 0.0)
    for row in rows:
        places = {name: runs for name, cell in row.items() if (runs := located(orders, str(cell)))}
        below = {name: left for name, runs in places.items() if (left := [run for run in runs if _height(run) > above])}
        if not below:
            found.append({name: runs[0] for name, runs in places.items()})
            continue
        fewest = min(map(len, below.values()))
        anchor = min((run for runs in below.values() if len(runs) == fewest for run in runs), key=_height)
        above = _height(anchor)
        found.append({name: min(runs, key=lambda run: _apart(run, anchor)) for name, runs in places.items()})
    return found


def _height(run: Run) -> tuple[int, float]:
    """The page, and the middle of the first word."""
    return run[0].page, (run[0].top + run[0].bottom) / 2


def _apart(run: Run, anchor: Run) -> tuple[int, float, float]:
    """How far a run is from a row: first in pages, then in height, then in width."""
    (page, height), (here, at) = _height(run), _height(anchor)
    return abs(page - here), abs(height - at), abs(run[0].left - anchor[0].left)


def _fields(orders: Orders, said: Said) -> Iterator[Any]:
    for name, (value, sure) in said.items():
        if isinstance(value, str) and (runs := located(orders, value)):
            yield _field(runs[0], name, value, sure)


def _line_items(orders: Orders, said: Said) -> Iterator[Any]:
    number = 0
    for value, sure in said.values():
        for row, places in zip(value, rows_located(orders, value), strict=True) if isinstance(value, list) else ():
            number += 1
            yield from (_field(run, name, str(row[name]), sure, number) for name, run in places.items())


def _field(run: Run, name: str, text: str, sure: float, number: int | None = None) -> Any:
    """What the metric takes for a prediction: the box around the words."""
    from docile.dataset import BBox, Field

    left, top = min(one.left for one in run), min(one.top for one in run)
    right, bottom = max(one.right for one in run), max(one.bottom for one in run)
    box = BBox(left, top, right, bottom)
    return Field(bbox=box, page=run[0].page, score=sure, text=text, fieldtype=name, line_item_id=number)
