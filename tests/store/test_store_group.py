"""Group commit: many records in one transaction, none failing for another."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from ingot.errors import StoreError
from ingot.runtime.run import load
from ingot.store.group import Entry, append_together
from ingot.store.runs import RecordedWorkflow, Waiting
from ingot.store.store import Store

CASE = {"name": "Ann", "months": 2, "rate": "1.10"}


def entry(recorded: RecordedWorkflow, run: str | None = None, *, once: bool = False) -> Entry:
    run = run or recorded.new_run()
    _, record, waiting = recorded.traced(run, CASE)
    return Entry(run, record, recorded.records, waiting, once)


def test_runs_that_follow_each_other_share_a_segment(pure: RecordedWorkflow) -> None:
    entries = [entry(pure) for _ in range(20)]
    pure.new_run()  # a number that no record has
    entries.append(entry(pure))
    assert append_together(pure.store, entries[::-1]) == [True] * 21
    assert pure.store.audit.count() == (2, 21)
    for one in entries:
        assert [found["run"] for found in pure.store.audit.records(one.run)] == [one.run]
    assert not pure.store.audit.verify().problems


def test_what_is_asked_for_once_is_written_once(pure: RecordedWorkflow) -> None:
    first, other = entry(pure, "key-00000000", once=True), entry(pure, "key-00000001", once=True)
    assert append_together(pure.store, [first, first, entry(pure), other]) == [True, False, True, True]
    assert append_together(pure.store, [other, first]) == [False, False]
    assert pure.store.audit.count()[1] == 3


def test_one_that_cannot_be_written_fails_alone(store: Store, artifacts: Callable[[str], Path]) -> None:
    pure = RecordedWorkflow(load(artifacts("pure")), store)
    good, bad = entry(pure), entry(pure)
    row = Waiting(bad.run, None, "", "step", "reason", "")  # type: ignore[arg-type]  # null where none may be
    bad = replace(bad, waiting=row)
    ends = append_together(store, [good, bad, entry(pure)])
    assert [end is True for end in ends] == [True, False, True]
    assert isinstance(ends[1], StoreError)
    assert store.audit.count()[1] == 2
    assert [found["run"] for found in store.audit.records(bad.run)] == []
    assert not store.audit.verify().problems


@pytest.mark.parametrize("count", [1, 3])
def test_a_store_that_takes_nothing_says_so_for_each(pure: RecordedWorkflow, count: int) -> None:
    entries = [entry(pure) for _ in range(count)]
    from sqlalchemy import text

    with pure.store.engine.begin() as connection:
        connection.execute(text("DROP TABLE ingot_audit"))
    assert all(isinstance(end, StoreError) for end in append_together(pure.store, entries))
