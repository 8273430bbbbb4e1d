"""DocILE: words as text and back to places, and its official metric on documents that were made up here."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ingot.errors import InputError
from ingot.evals.log import Scored
from ingot.evals.solvers import Answer
from ingot.evals.suites.documents_docile import Word, answers, data_set, lay_out, located, official
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
    assert [one.text for one in located(WORDS, "Ann Example")] == ["Ann", "Example"]
    assert located(WORDS, "Example Total") == ()  # over the end of a page
    assert located(WORDS, "Bob") == located(WORDS, "") == ()


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


class Page:
    """A document with one gold field, as the metric asks for it."""

    def __init__(self, docid: str) -> None:
        from docile.dataset import BBox, Field

        box = BBox(0.6, 0.102, 0.6 + 4 / 160, 0.112)
        gold = [Field(bbox=box, page=0, text="4711", fieldtype="document_id")]
        self.docid, self.ocr = docid, self
        self.annotation = SimpleNamespace(fields=gold, li_fields=[], page_count=2)

    def get_all_words(self, page: int, **_: Any) -> list[Any]:
        from docile.dataset import BBox, Field

        return [
            Field(text=one.text, bbox=BBox(one.left, one.top, one.right, one.bottom), page=page)
            for one in WORDS
            if one.page == page
        ]

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
    assert both == {"KILE AP": 1, "KILE F1": 1, "KILE F1, same text": 1, "KILE F1, document_id": 1}
    half = {one.name: one.value for one in official(log(item(0, "4711", 0.9), item(1, "9.50", 0.8)), pages)}
    assert half["KILE F1"] == pytest.approx(0.5)
    assert half["KILE AP"] == pytest.approx(0.5)
    none = official(log(item(0, "not there", 0.9)), pages)
    assert none[0].value is None


def test_without_the_data_it_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError) as told:
        data_set(tmp_path, "val")
    assert told.value.hint
