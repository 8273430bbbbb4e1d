"""PostgreSQL that goes away: what it had not kept is not answered, nothing is written twice, and all goes on by itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ingot.errors import StoreError
from ingot.evals.faults_cluster import Cluster, Wire, server_binaries
from ingot.runtime.run import load
from ingot.store.group import append_together
from ingot.store.reviews import decide, list_reviews
from ingot.store.runs import RecordedWorkflow
from ingot.store.store import Store
from tests.store.conftest import KEY
from tests.store.test_store_group import entry

CASE = {"name": "Ann", "months": 2, "rate": "1.10"}
YES = {"permit": "YES"}


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    if server_binaries() is None:
        pytest.skip("no PostgreSQL server binary on this machine")
    with Cluster() as made:
        yield made


@pytest.fixture
def wire(cluster: Cluster) -> Iterator[Wire]:
    made = Wire(cluster.port)
    yield made
    made.close()


@pytest.fixture
def store(wire: Wire) -> Iterator[Store]:
    with Store.open(f"postgresql://bench@127.0.0.1:{wire.port}/postgres", KEY) as made:
        yield made


@pytest.mark.parametrize("count", [1, 5])
def test_a_commit_whose_answer_was_lost_is_not_written_again(
    store: Store, wire: Wire, artifacts: Callable[[str], Path], count: int
) -> None:
    pure = RecordedWorkflow(load(artifacts("pure")), store)
    entries = [entry(pure) for _ in range(count)]
    wire.cut()
    assert append_together(store, entries) == [True] * count
    assert wire.cuts == 1
    for one in entries:
        assert len(list(store.audit.records(one.run))) == 1
    assert store.audit.verify().problems == ()


def test_a_run_whose_commit_gave_no_answer_does_not_answer(
    store: Store, wire: Wire, artifacts: Callable[[str], Path]
) -> None:
    pure = RecordedWorkflow(load(artifacts("pure")), store)
    asked, run = {**CASE, "rate": None}, pure.new_run()
    wire.cut()
    with pytest.raises(StoreError, match="record the run"):
        pure.run(asked, run=run)
    assert [one["run"] for one in list_reviews(store)] == [run], "it was committed, and nobody was answered"
    with pytest.raises(StoreError, match="in the store already"):
        pure.run(asked, run=run)
    assert store.audit.verify().problems == ()


def test_what_cannot_be_written_does_not_answer_and_all_goes_on_after_a_restart(
    store: Store, cluster: Cluster, artifacts: Callable[[str], Path]
) -> None:
    pure, clerk = (RecordedWorkflow(load(artifacts(name)), store) for name in ("pure", "clerk"))
    before = pure.run(CASE).run_id
    asked = clerk.run(CASE)
    head = store.audit.head()
    cluster.kill()
    lost = [pure.new_run() for _ in range(3)]
    try:
        for run in lost:
            with pytest.raises(StoreError):
                pure.run(CASE, run=run)
        for call in (lambda: clerk.run(CASE), lambda: list_reviews(store), clerk.unfinished, store.audit.verify):
            with pytest.raises(StoreError):
                call()
        assert all(isinstance(end, StoreError) for end in append_together(store, [entry(pure) for _ in range(3)]))
    finally:
        cluster.start()
    decided = decide(clerk, f"{asked.run_id}.0", approve=True, by="Kim", why="seen", answer=YES)
    assert decided is not None
    assert decided.status == "completed"
    after = pure.run(CASE).run_id
    told = [one["run"] for one in store.audit.records() if one.get("status") == "completed"]
    assert [run for run in told if run in (before, after, *lost)] == [before, after]
    assert store.audit.verify(head).problems == ()


def test_many_runs_that_hold_a_connection_do_not_wait_for_each_other(
    store: Store, artifacts: Callable[[str], Path]
) -> None:
    """Each run with steps holds one connection while it writes on another."""
    from concurrent.futures import ThreadPoolExecutor

    clerk = RecordedWorkflow(load(artifacts("clerk")), store)
    with ThreadPoolExecutor(24) as pool:
        outcomes = list(pool.map(lambda _: clerk.run(CASE), range(24)))
    assert {one.status for one in outcomes} == {"needs_review"}
