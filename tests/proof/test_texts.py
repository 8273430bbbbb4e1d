"""Texts near a text: samples of regular expressions, and edits that are the same every time."""

import random
import re

from ingot.proof.texts import SAMPLES, edited, samples, words_of


def test_each_alternative_of_a_pattern_is_sampled_once() -> None:
    assert set(samples(r"\b(?:TOTAL|CASH ?SALE)\b")) >= {"TOTAL", "CASHSALE", "CASH SALE"}
    assert all(re.fullmatch(r"\d{2}/[A-C]+", one) for one in samples(r"\d{2}/[A-C]+"))
    assert len(samples("|".join(f"word{number}" for number in range(40)))) == SAMPLES
    assert samples("(") == []


def test_a_plain_text_is_a_word_and_a_pattern_is_not() -> None:
    assert words_of(["Colombia", r"SUB[ -]?TOTAL", 7, ""]) == ("Colombia", "SUBTOTAL", "SUB TOTAL", "SUB-TOTAL")


def test_edits_are_near_and_the_same_every_time() -> None:
    text = "SHOP\nTOTAL 12.00\nCASH 20.00\nCHANGE 8.00"

    def made() -> list[str]:
        chance = random.Random(1)
        return [edited(text, ("TOTAL", "VISA"), ("X\nY",), chance) for _ in range(300)]

    assert made() == made()
    found = set(made())
    assert len(found) > 100
    assert set(text.split("\n")) & {line for one in found for line in one.split("\n")}
    assert any("VISA 12.00" in one for one in found)
    assert any(one.endswith("X\nY") for one in found)
    assert "SHOP\nCASH 20.00\nCHANGE 8.00" in found
