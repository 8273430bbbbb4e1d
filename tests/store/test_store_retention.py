"""Retention: what is old is gone from every table and from the file; what waits stays; ids stay taken."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, text

from ingot.errors import StoreError
from ingot.runtime.run import load
from ingot.store import answers, audit, reviews, runs
from ingot.store.answers import StoreAnswers
from ingot.store.database import reading, writing
from ingot.store.retention import prune
from ingot.store.reviews import decide, list_reviews, show_review
from ingot.store.runs import RecordedWorkflow
from ingot.store.store import Store
from ingot.store.tables import reviews as kept
from ingot.store.tables import tables

from .conftest import KEY

CASE = {"name": "Planted Patient", "months": 2, "rate": "1.10"}
YES = {"permit": "YES"}


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Say which day it is."""

    def set_to(day: str) -> None:
        for module in (answers, audit, reviews, runs):
            monkeypatch.setattr(module, "now_text", lambda: f"{day}T10:00:00Z")

    set_to("2026-01-01")
    return set_to


def sealed(store: Store) -> list[str]:
    """Everything sealed in any table."""
    columns = [table.c.sealed for table in tables.tables.values() if "sealed" in table.c]
    with reading(store.engine) as connection:
        held = [connection.execute(select(one)).scalars() for one in (*columns, kept.c.why, kept.c.answer)]
        return [one for cells in held for one in cells if one]


def test_what_is_over_and_old_is_gone_everywhere(
    clerk: RecordedWorkflow, pure: RecordedWorkflow, clock: Callable[[str], None]
) -> None:
    store = clerk.store
    run = str(clerk.run(CASE).run_id)
    decide(clerk, f"{run}.0", approve=True, by="Kim", why="Planted asked", answer=YES)
    pure.run(CASE)
    final = pure.run({**CASE, "rate": None}).run_id
    decide(pure, f"{final}.0", approve=False, by="Kim", why="no")
    StoreAnswers(store).put("q", b"answer")
    before = sealed(store)
    assert len(before) == 8
    clock("2026-02-01")
    pure.run(CASE)
    done = prune(store, "2026-01-15T00:00:00Z")
    assert (done.segments, done.kept, done.runs, done.answers) == (6, 0, 2, 1)
    assert sealed(store) == []
    assert store.audit.verify().problems == ()
    assert [one["kind"] for one in store.audit.records()] == ["run", "pruned"]
    left = show_review(store, f"{run}.0")
    assert (left.pruned, left.state, left.decided_by, left.why, dict(left.input)) == (True, "approved", "Kim", None, {})
    assert [one["review"] for one in list_reviews(store, None)] == sorted([f"{run}.0", f"{final}.0"])
    again = prune(store, "2026-01-15T00:00:00Z")
    assert (again.segments, again.runs, again.answers) == (0, 0, 0)
    if done.wiped is not None:
        assert done.wiped
        file = Path(str(store.engine.url.database))
        held = b"".join(one.read_bytes() for one in file.parent.glob("store.db*"))
        assert not [one for one in before if one.encode() in held]


def test_ids_stay_taken_and_what_was_pruned_is_said(clerk: RecordedWorkflow, clock: Callable[[str], None]) -> None:
    clerk.run(CASE, run="mine-00000001")
    decide(clerk, "mine-00000001.0", approve=True, by="Kim", why="ok", answer=YES)
    clock("2026-02-01")
    prune(clerk.store, "2026-01-15T00:00:00Z")
    with pytest.raises(StoreError, match="its record was pruned: what it came to is not kept"):
        clerk.run_once(CASE, "mine-00000001")
    with pytest.raises(StoreError, match="in the store already"):
        clerk.run(CASE, run="mine-00000001")
    with pytest.raises(StoreError, match="is ended"):
        clerk.resume("mine-00000001")
    with pytest.raises(StoreError, match="was approved by Kim"):
        decide(clerk, "mine-00000001.0", approve=False, by="Eve", why="no")


def test_what_waits_or_is_under_way_keeps_everything(
    store: Store,
    clerk: RecordedWorkflow,
    pure: RecordedWorkflow,
    artifacts: Callable[[str], Path],
    clock: Callable[[str], None],
) -> None:
    def killed(step: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        raise KeyboardInterrupt

    clerk.run(CASE, run="waits-00000001")
    pure.run({**CASE, "rate": None}, run="waits-00000002")
    with pytest.raises(KeyboardInterrupt):
        RecordedWorkflow(load(artifacts("clerk"), ask_person=killed), store).run(CASE, run="killed-00000001")
    before = sealed(store)
    clock("2026-06-01")
    done = prune(store, "2026-05-01T00:00:00Z")
    assert (done.segments, done.kept, done.runs) == (0, 2, 0)
    assert sealed(store) == before
    assert clerk.run_once(CASE, "waits-00000001").status == "needs_review"
    ended = decide(clerk, "waits-00000001.0", approve=True, by="Kim", why="late", answer=YES)
    assert ended is not None
    assert ended.output is not None
    assert show_review(store, "waits-00000002.0").input == {**CASE, "rate": None}
    assert clerk.unfinished() == ["killed-00000001"]


def test_a_run_that_ended_lately_is_kept_though_it_began_long_ago(
    clerk: RecordedWorkflow, clock: Callable[[str], None]
) -> None:
    run = clerk.run(CASE).run_id
    clock("2026-02-01")
    decide(clerk, f"{run}.0", approve=True, by="Kim", why="ok", answer=YES)
    prune(clerk.store, "2026-01-15T00:00:00Z")
    assert not show_review(clerk.store, f"{run}.0").pruned
    assert clerk.run_once(CASE, str(run)).status == "completed"
    prune(clerk.store, "2026-03-01T00:00:00Z")
    assert sealed(clerk.store) == []


def test_of_a_batch_one_run_that_waits_keeps_its_segment(pure: RecordedWorkflow, clock: Callable[[str], None]) -> None:
    from ingot.store.group import Entry, append_together

    entries = []
    for number, rate in enumerate(("1", None, "2")):
        run = f"b-{number:08x}"
        _, record, waiting = pure.traced(run, {**CASE, "rate": rate})
        entries.append(Entry(run, record, pure.records, waiting))
    assert append_together(pure.store, entries) == [True, True, True]
    clock("2026-02-01")
    assert (prune(pure.store, "2026-01-15T00:00:00Z").segments, len(list(pure.store.audit.records()))) == (0, 3)
    decide(pure, "b-00000001.0", approve=False, by="Kim", why="no")
    assert prune(pure.store, "2026-01-15T00:00:00Z").segments == 1
    assert prune(pure.store, "2026-03-01T00:00:00Z").runs == 1
    assert pure.store.audit.verify().problems == ()


def test_a_pruning_that_fails_leaves_all_as_it_was(
    clerk: RecordedWorkflow, clock: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = clerk.run(CASE).run_id
    decide(clerk, f"{run}.0", approve=False, by="Kim", why="no")
    clock("2026-02-01")
    before = sealed(clerk.store)
    with writing(clerk.store.engine) as connection:
        connection.execute(text("ALTER TABLE ingot_answers RENAME TO away"))
    with pytest.raises(StoreError, match="cannot prune the store"):
        prune(clerk.store, "2026-01-15T00:00:00Z")
    with writing(clerk.store.engine) as connection:
        connection.execute(text("ALTER TABLE away RENAME TO ingot_answers"))
    assert sealed(clerk.store) == before
    assert len(list(clerk.store.audit.records())) == 2


def test_reasons_of_an_older_version_are_sealed_when_it_is_opened(clerk: RecordedWorkflow) -> None:
    """And a secret that is not the store's seals nothing."""
    if clerk.store.engine.dialect.name != "sqlite":
        pytest.skip("one database is enough for the way up")
    run = clerk.run(CASE).run_id
    decide(clerk, f"{run}.0", approve=False, by="Kim", why="no")
    with writing(clerk.store.engine) as connection:
        connection.execute(text("DROP TABLE ingot_redactions"))
        connection.execute(text("ALTER TABLE ingot_audit DROP COLUMN content"))
        connection.execute(text("UPDATE ingot_reviews SET why = 'Planted asked'"))
        connection.execute(text("UPDATE ingot_revision SET version_num = '0003'"))
    clerk.store.close()
    from ingot.store.keys import StoreKey

    url = f"sqlite:///{clerk.store.engine.url.database}"
    with pytest.raises(StoreError, match="another secret"):
        Store.open(url, StoreKey(bytes(32)))
    with Store.open(url, KEY) as again:
        assert show_review(again, f"{run}.0").why == "Planted asked"
        with reading(again.engine) as connection:
            assert "Planted" not in str(connection.execute(text("SELECT why FROM ingot_reviews")).scalar())
