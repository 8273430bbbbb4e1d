"""Labelled outcomes in both databases: sealed, kept once, refused where they contradict."""

from __future__ import annotations

from typing import Any

import pytest

from ingot.errors import InputError, StoreError
from ingot.labels import Label, fitting
from ingot.spec import parse_spec
from ingot.store.labels import keep_labels, kept_labels, run_found
from ingot.store.store import Store

from .conftest import KEY

SPEC = """
metadata: {name: late fee}
inputs: {days: integer, name: {type: text, sensitive: phi}}
outputs: {fee: decimal}
logic_requirements:
  - {step: charge, type: function, intent: By the day.}
"""


def label(days: int, fee: str, name: str = "Bob", **more: Any) -> Label:
    return Label({"days": days, "name": name}, {"fee": fee}, "Ada", "2026-03-01T10:00:00Z", **more)


def test_labels_are_sealed_kept_once_and_in_order(url: str) -> None:
    spec = parse_spec(SPEC)
    other = spec.model_copy(update={"metadata": spec.metadata.model_copy(update={"name": "another"})})
    with Store.open(url, KEY) as store:
        assert len(keep_labels(store, spec, [label(20, "0", name="Zelda Quux", why="Quux rang")])) == 1
        assert keep_labels(store, spec, [label(20, "0.00", name="Zelda Quux")]) == [], "the same again"
        with pytest.raises(InputError, match="contradicts what Ada said"):
            keep_labels(store, spec, [label(21, "0"), label(20, "1", name="Zelda Quux")])
        assert [one.input["days"] for one in kept_labels(store, spec)] == [20], "none of a refused set is kept"
        assert len(keep_labels(store, spec, [label(21, "0"), label(22, "3")])) == 2
        kept = kept_labels(store, spec)
        assert [one.input["days"] for one in kept] == [20, 21, 22]
        assert (kept[0].input["name"], kept[0].why) == ("Zelda Quux", "Quux rang")
        assert kept_labels(store, other) == []
        assert not store.audit.verify().problems
        assert "Quux" not in str(list(store.audit.records()))
        with pytest.raises(StoreError, match="has no run 'a-1' of late fee"):
            run_found(store, spec, "a-1")


def test_a_wrong_label_is_corrected_and_stays_in_the_log(url: str) -> None:
    spec = parse_spec(SPEC + "cases: [{id: a, input: {days: 21, name: Bob}, expected: {fee: 5}}]\n")
    with Store.open(url, KEY) as store:
        keep_labels(store, spec, [label(20, "1"), label(22, "3")])
        assert len(keep_labels(store, spec, [label(20, "2", instead=True)])) == 1
        assert keep_labels(store, spec, [label(20, "2", instead=True)]) == [], "the same again"
        stand, aside = fitting(spec, kept_labels(store, spec))
        assert {one.input["days"]: one.expected["fee"] for one in stand} == {20: "2", 22: "3"}
        assert aside == []
        assert len(kept_labels(store, spec)) == 3
        with pytest.raises(InputError, match="contradicts what Ada said"):
            keep_labels(store, spec, [label(20, "1")])
        with pytest.raises(InputError, match="contradicts case 'a' of the spec"):
            keep_labels(store, spec, [label(21, "6", instead=True)])


def test_a_label_that_a_later_version_has_no_place_for_is_set_aside(url: str) -> None:
    """A field that is gone, a narrower range, a case of the spec that says otherwise: no later label fails for it."""
    later = SPEC.replace("days: integer", "days: {type: integer, range: [0, 30]}") + (
        "cases: [{id: a, input: {days: 21, name: Bob}, expected: {fee: 5}}]\n"
    )
    with Store.open(url, KEY) as store:
        keep_labels(store, parse_spec(SPEC), [label(20, "0"), label(21, "0"), label(99, "7")])
        assert len(keep_labels(store, parse_spec(later), [label(22, "0")])) == 1
        stand, aside = fitting(parse_spec(later), kept_labels(store, parse_spec(later)))
        assert [one.input["days"] for one in stand] == [20, 22]
        assert [one.input["days"] for one in aside] == [21, 99]
        with pytest.raises(InputError, match="contradicts case 'a' of the spec"):
            keep_labels(store, parse_spec(later), [label(21, "0")])
        assert len(fitting(parse_spec(SPEC), kept_labels(store, parse_spec(SPEC)))[0]) == 4, (
            "the old version has them all"
        )
