"""What a program may use does not hang on how busy the machine is: CPU and sleep are counted, the clock is not."""

from __future__ import annotations

import os
import select
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from ingot.errors import StageError
from ingot.runtime import worker
from ingot.runtime.monty import MontyRunner
from ingot.runtime.sandbox import Call, Limits, Sandbox, Trial

LOOP = "def transact(case):\n    while True:\n        pass\n"
DEADLOCK = """\
def transact(case):
    import _thread
    lock = _thread.allocate_lock()
    lock.acquire()
    lock.acquire()
"""
AMPLE = Limits(trial_seconds=20.0, run_seconds=20.0)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(seeds=(0,)) as sandbox:
        yield sandbox


# ---- the sandbox -------------------------------------------------------------------------------------------------


def test_a_program_that_uses_up_its_cpu_time_is_lost(sandbox: Sandbox) -> None:
    run = sandbox.run(LOOP, [Trial("a", {})], offset=0, seed=0, limits=Limits(trial_seconds=0.1))
    assert run.lost == {"a": "timeout"}


def test_all_trials_together_have_a_limit_of_cpu_time(sandbox: Sandbox) -> None:
    limits = Limits(trial_seconds=20.0, run_seconds=0.5)
    assert sandbox.run(LOOP, [Trial("a", {})], offset=0, seed=0, limits=limits).lost == {"a": "timeout"}


def test_a_program_that_sleeps_is_lost_without_cpu_time(sandbox: Sandbox) -> None:
    run = sandbox.run(DEADLOCK, [Trial("a", {})], offset=0, seed=0, limits=Limits(trial_seconds=0.05))
    assert run.lost == {"a": "timeout"}


def test_a_program_that_gets_no_cpu_is_the_machines_fault(sandbox: Sandbox) -> None:
    limits = Limits(trial_seconds=20.0, run_seconds=20.0, patience=0.005)
    with pytest.raises(StageError, match="the machine is too busy"):
        sandbox.run(LOOP, [Trial("a", {})], offset=0, seed=0, limits=limits)
    assert sandbox.run("def transact(case):\n    return case, None\n", [Trial("a", {})], offset=0, seed=0).lost == {}


def test_a_child_killed_from_outside_says_nothing_of_the_program() -> None:
    with Sandbox(seeds=(0,)) as own:
        nursery = own._nurseries[0]._process
        assert nursery is not None
        killer = threading.Thread(target=_kill_child, args=(nursery.pid,))
        killer.start()
        with pytest.raises(StageError, match="killed from outside"):
            own.run(LOOP, [Trial("a", {})], offset=0, seed=0, limits=AMPLE)
        killer.join()


def _kill_child(parent: int) -> None:
    while True:
        for path in Path("/proc").glob("[0-9]*/stat"):
            try:
                fields = path.read_bytes().rpartition(b")")[2].split()
            except OSError:
                continue
            if int(fields[1]) == parent:
                os.kill(int(path.parent.name), signal.SIGKILL)
                return
        time.sleep(0.01)


# ---- the watch ---------------------------------------------------------------------------------------------------


@pytest.fixture
def sleeper() -> Iterator[int]:
    with subprocess.Popen(["sleep", "60"]) as process:
        yield process.pid
        process.kill()


def _watched(child: int, pipe: socket.socket, clock: float = 0.8) -> str:
    control, other = socket.socketpair()
    descriptor = os.pidfd_open(child)
    try:
        with closing(control), closing(other):
            ready, why = worker._waited(control, child, descriptor, pipe.fileno(), worker.Time(0.2, clock, 60.0))
    finally:
        os.close(descriptor)
    assert not ready
    return why


def test_sleep_is_told(sleeper: int) -> None:
    pipe, host = socket.socketpair()
    with closing(pipe), closing(host):
        assert _watched(sleeper, pipe, clock=60.0) == worker.TIMEOUT


def test_a_process_that_is_not_let_run_does_not_sleep(sleeper: int) -> None:
    os.kill(sleeper, signal.SIGSTOP)
    pipe, host = socket.socketpair()
    with closing(pipe), closing(host):
        assert _watched(sleeper, pipe) == worker.BUSY


def test_waiting_for_the_host_to_read_is_no_sleep(sleeper: int) -> None:
    pipe, host = socket.socketpair()
    with closing(pipe), closing(host):
        pipe.setblocking(False)
        while select.select([], [pipe], [], 0)[1]:
            pipe.send(b"x" * 4096)
        assert _watched(sleeper, pipe) == worker.BUSY


# ---- the second engine -------------------------------------------------------------------------------------------

ENDLESS = "def rule(n):\n    while True:\n        n += 1\n"
QUICK = "def rule(n):\n    return n\n"
CALLS = [Call("a", "rule", "[1]", "1", None, False)]


def test_monty_is_stopped_by_cpu_time_and_says_the_same_each_time() -> None:
    with MontyRunner() as monty:
        reasons = [monty.compare("", ENDLESS, ["rule"], CALLS, seconds=0.2).outside for _ in range(2)]
        assert [str(one) for one in reasons] == ["Monty needs more than 0.2 seconds of CPU for its calls"] * 2
        assert monty.compare("", QUICK, ["rule"], CALLS, seconds=0.2).agreed == 1


def test_the_next_program_has_its_own_time() -> None:
    counting = "def rule(n):\n    for one in range(1500000):\n        n += 0\n    return n\n"
    with MontyRunner() as monty:
        for _ in range(6):
            assert monty.compare("", counting, ["rule"], CALLS, seconds=1.0).agreed == 1


def test_a_monty_that_gets_no_cpu_is_the_machines_fault() -> None:
    with MontyRunner(patience=0.2) as monty, pytest.raises(StageError, match="the machine is too busy"):
        monty.compare("", ENDLESS, ["rule"], CALLS, seconds=60.0)


def test_monty_does_not_sleep() -> None:
    sleeping = "import time\n\n\ndef rule(n):\n    time.sleep(60)\n    return n\n"
    with MontyRunner() as monty:
        assert "sleep limit" in str(monty.compare("import time", sleeping, ["rule"], CALLS).outside)
