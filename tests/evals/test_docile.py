"""DocILE: words as text and back to places, and its official metric on documents that were made up here."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner

from ingot.cli.bench_documents import documents_command
from ingot.errors import InputError
from ingot.evals.log import Scored
from ingot.evals.solvers import Answer
from ingot.evals.solvers.compiled import Compiled
from ingot.evals.suites.documents_docile import Word, data_set, lay_out, load_docile
from ingot.evals.suites.documents_docile_metric import answers, located, official, orders_of, rows_located
from ingot.evals.suites.documents_rows import read_fields
from ingot.models import Scripted
from ingot.models.replay import recorded
from tests.evals.test_metrics import log


def word(text: str, left: float, top: float, page: int = 0) -> Word:
    return Word(text, left, top, left + len(text) / 160, top + 0.01, page)


WORDS = (
    word("INVOICE", 0.1, 0.1),
    word("No.", 0.5, 0.1),
    word("4711", 0.6, 0.102),
    word("Ann", 0.1, 0.2),
    word("Example", 0.125, 0.2),
    word("Total", 0.1, 0.1, 1),
    word("9.50", 0.6, 0.1, 1),
)


def test_words_are_laid_out_in_lines_and_columns() -> None:
    first, second, between, third = lay_out(reversed(WORDS)).split("\n")
    assert first.split() == ["INVOICE", "No.", "4711"]
    assert first.index("INVOICE") == 16
    assert first.index("No.") == 80
    assert second.strip() == "Ann Example"
    assert between == ""
    assert third.index("9.50") == 96


def test_a_value_is_found_again_among_the_words() -> None:
    assert [[one.text for one in run] for run in located(orders_of(WORDS), "Ann Example")] == [["Ann", "Example"]]
    assert located(orders_of(WORDS), "Example Total") == []  # over the end of a page
    assert located(orders_of(WORDS), "Bob") == located(orders_of(WORDS), "") == []
    by_columns = (WORDS[0], WORDS[3], WORDS[1], WORDS[4])  # not one after the other, yet side by side in their line
    assert located(orders_of(by_columns), "Ann Example") == [(WORDS[3], WORDS[4])]


TABLE = tuple(
    word(text, left, 0.3 + row / 20)
    for row, cells in enumerate((("TEA", "2", "3.00"), ("PIE", "2", "3.00"), ("TEA", "1", "1.50")))
    for text, left in zip(cells, (0.1, 0.5, 0.8), strict=True)
)


def test_cells_of_line_items_are_found_in_their_rows() -> None:
    rows = [
        {"d": "TEA", "q": "2", "a": "3.00"},
        {"d": "PIE", "q": "2", "a": "3.00"},
        {"d": "TEA", "q": "1", "a": "none"},
    ]
    found = rows_located(orders_of((*WORDS, *TABLE)), rows)
    assert [[run[0] for run in one.values()] for one in found] == [[*TABLE[:3]], [*TABLE[3:6]], [*TABLE[6:8]]]
    assert rows_located(orders_of(TABLE), [rows[2], rows[0]])[1]["d"] == (
        TABLE[0],
    )  # a row out of order is found where it stands


def item(number: int, value: str, sure: float, guessed: bool = False) -> Scored:
    told = {"document_id": value}
    answer = Answer(None if guessed else told, confidence={"document_id": sure}, guesses=told if guessed else {})
    return Scored(f"d{number}", "unseen", True, answer, {"document_id": 1.0})


def test_answers_and_guesses_come_with_their_confidence() -> None:
    found = answers(log(item(0, "4711", 0.9), item(1, "4711", 0.4, guessed=True)))
    assert found == {"d0": {"document_id": ("4711", 0.9)}, "d1": {"document_id": ("4711", 0.4)}}


class Documents(list[Any]):
    name = "made up"

    @property
    def docids(self) -> list[str]:
        return [one.docid for one in self]


CELLS = ("line_item_description", "line_item_quantity", "line_item_amount_gross")


def _box(one: Word) -> Any:
    from docile.dataset import BBox

    return BBox(one.left, one.top, one.right, one.bottom)


class Page:
    """A document with one gold field, as the metric asks for it."""

    def __init__(self, docid: str) -> None:
        from docile.dataset import BBox, Field

        box = BBox(0.6, 0.102, 0.6 + 4 / 160, 0.112)
        gold = [Field(bbox=box, page=0, text="4711", fieldtype="document_id")]
        self.docid, self.ocr = docid, self
        rows = [
            Field(bbox=_box(one), page=0, text=one.text, fieldtype=kind, line_item_id=1 + at // 3)
            for at, (one, kind) in enumerate(zip(TABLE, CELLS * 3, strict=True))
        ]
        self.annotation = SimpleNamespace(fields=gold, li_fields=rows, page_count=2)

    def get_all_words(self, page: int, **_: Any) -> list[Any]:
        from docile.dataset import Field

        return [Field(text=one.text, bbox=_box(one), page=page) for one in (*WORDS, *TABLE) if one.page == page]

    def page_image(self, page: int) -> None:
        return None

    def __enter__(self) -> Page:
        return self

    def __exit__(self, *_: object) -> None:
        return None


def test_the_official_metric_counts_places() -> None:
    pytest.importorskip("docile", reason="needs the extra docile")
    pages = Documents([Page("d0"), Page("d1")])
    both = {one.name: one.value for one in official(log(item(0, "4711", 0.9), item(1, "4711", 0.8)), pages)}
    assert both == {"KILE AP": 1, "KILE F1": 1, "KILE F1, same text": 1, "KILE F1, document_id": 1, "LIR F1": None}
    half = {one.name: one.value for one in official(log(item(0, "4711", 0.9), item(1, "9.50", 0.8)), pages)}
    assert half["KILE F1"] == pytest.approx(0.5)
    assert half["KILE AP"] == pytest.approx(0.5)
    none = official(log(item(0, "not there", 0.9)), pages)
    assert [one.value for one in none] == [None, None]


def test_the_official_metric_counts_line_items() -> None:
    pytest.importorskip("docile", reason="needs the extra docile")
    rows = [
        dict(zip(CELLS, cells, strict=True)) for cells in (("TEA", "2", "3.00"), ("PIE", "2", ""), ("TEA", "1", "9.99"))
    ]
    answer = Answer({"line_items": rows}, confidence={"line_items": 0.9})
    told = official(log(Scored("d0", "unseen", True, answer, {"line_items": 0.0})), Documents([Page("d0")]))
    found = {one.name: one.value for one in told}
    precision, recall = 7 / 7, 7 / 9  # what is not printed is no prediction
    assert found["LIR F1"] == pytest.approx(2 * precision * recall / (precision + recall))
    assert found["LIR F1, line_item_amount_gross"] == pytest.approx(0.5)
    assert found["KILE AP"] is None


def test_without_the_data_it_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError) as told:
        data_set(tmp_path, "val")
    assert told.value.hint


# ---- the layout on disk, as the data set's authors ship it -------------------------------------------------------

PROGRAM = """```python
def document_id_by_label(text: str) -> str:
    found = re.search(r"No\\. +([0-9]+)", text)
    return found.group(1) if found else ""  # C3


def document_id_by_form(text: str) -> str:
    found = re.search(r"[0-9]{4}", text)
    return found.group(0) if found else ""  # C4


def document_id_by_part(text: str) -> str:
    found = text.split()
    return found[2] if len(found) > 2 else ""  # C5


def document_id_by_certainty(text: str) -> str:
    return ""  # C6


def document_id_by_proof(text: str) -> str:
    found = re.findall(r"[0-9]{4}", text)
    return found[0] if len(found) == 1 else ""  # C7
```"""


def on_disk(folder: Path, docid: str, number: str, goods: str) -> str:
    """One document: an annotation with a field and one line item, and the words of the OCR with snapped boxes."""
    words = (word("INVOICE", 0.1, 0.1), word("No.", 0.5, 0.1), word(number, 0.6, 0.1))
    words += tuple(word(f"{goods}{n}", 0.1, 0.2 + n / 50) for n in range(20))
    box = (0.6, 0.1, 0.6 + len(number) / 160, 0.11)
    annotation = {
        "field_extractions": [{"bbox": box, "page": 0, "text": number, "fieldtype": "document_id"}],
        "line_item_extractions": [
            {"bbox": (0.1, 0.2, 0.2, 0.21), "page": 0, "text": f"{goods}0", "fieldtype": "line_item_description", "line_item_id": 7},
        ],
        "line_item_headers": [],
        "metadata": {"page_count": 1, "cluster_id": 1, "page_sizes_at_200dpi": [[1600, 1600]]},
    }  # fmt: skip
    boxes = [((one.left, one.top), (one.right, one.bottom)) for one in words]
    told = [
        {"value": one.text, "confidence": 1.0, "geometry": each, "snapped_geometry": each}
        for one, each in zip(words, boxes, strict=True)
    ]
    page = {"page_idx": 0, "dimensions": [1600, 1600], "blocks": [{"lines": [{"words": told}]}]}
    for name, content in (("annotations", annotation), ("ocr", {"pages": [page]})):
        (folder / name).mkdir(parents=True, exist_ok=True)
        (folder / name / f"{docid}.json").write_text(json.dumps(content), encoding="utf-8")
    return docid


def test_the_command_runs_on_the_layout_of_the_data_set(tmp_path: Path) -> None:
    pytest.importorskip("docile", reason="needs the extra docile")
    data = tmp_path / "docile"
    for split, first, count in (("train", 1000, 32), ("val", 2000, 6)):
        names = [on_disk(data, f"{split}{n}", str(first + n), f"{split}goods{n}x") for n in range(count)]
        (data / f"{split}.json").write_text(json.dumps(names), encoding="utf-8")
    lists = load_docile(data, read_fields("rows[line_item_description,line_item_quantity]"), given=5, held_out=27)
    assert [item.expected["rows"] for item in lists.tasks[0].items][:1] == [
        [{"line_item_description": "valgoods0x0", "line_item_quantity": ""}]
    ]
    assert {item.group for item in lists.tasks[0].items} == {"cluster 1"}
    for wrong in ("document_number", "rows[description]"):
        with pytest.raises(InputError, match="DocILE has no field type"):
            load_docile(data, read_fields(wrong), given=5, held_out=27)
    suite = load_docile(data, read_fields("document_id"), given=5, held_out=27)
    replies = tmp_path / "replies"
    Compiled(recorded(Scripted([PROGRAM]), replies), attempts=1).prepare(suite.tasks[0])
    out = tmp_path / "out"
    options = ["--docile", str(data), "--fields", "document_id", "--given", "5", "--held-out", "27"]
    told = ["--model", f"replay:{replies}", "--attempts", "1", "--out", str(out), "--yes"]
    ran = CliRunner().invoke(documents_command, [*options, *told])
    assert ran.exit_code == 0, ran.output
    assert "official, compiled: KILE AP" in ran.output
    measured = json.loads((out / "documents-docile" / "compiled" / "docile.json").read_text(encoding="utf-8"))
    assert [(one["name"], one["value"], one["n"]) for one in measured] == [
        ("KILE AP", 1, 6), ("KILE F1", 1, 6), ("KILE F1, same text", 1, 6), ("KILE F1, document_id", 1, 6), ("LIR F1", None, 0),
    ]  # fmt: skip
