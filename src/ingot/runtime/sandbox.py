"""The sandbox: run a program on trials in caged processes, and say what it did.

    with Sandbox() as sandbox:
        run = sandbox.run(program.text, trials, offset=program.offset, seed=0)

One warm nursery process per hash seed forks a caged child per program (`ingot.runtime.worker`, `ingot.runtime.cage`).
What comes back is decoded, bounded and checked here, and never unpickled. A cage contains a hostile program; it does
not make it honest: what a program says about itself is worth what the SECURITY stage before it is worth.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import pickle
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from ingot.canonical import canonical_json
from ingot.errors import StageError
from ingot.program import Observation
from ingot.runtime import branches, cage, worker
from ingot.runtime.branches import Branch
from ingot.runtime.tagged import decode

SEEDS = (0, 1, 4242)

Refusals = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True)
class Trial:
    """One input of a program, and the outputs of the steps that no function computes. Values are typed Python values
    (Decimal, date, …)."""

    id: str
    input: Mapping[str, Any]
    steps: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Limits:
    """What a run may use. `trial_seconds` of CPU for one trial, `run_seconds` of CPU for one child (a whole second more or
    less), `memory` bytes beyond the bare interpreter, `answer_bytes` in all. After `deaths` children were lost the
    remaining trials are not run.

    What a program may use is not counted by the clock, which runs faster for it on a busy machine. `patience` times
    `run_seconds` by the clock is the last resort: what has not ended by then is a StageError, and no word on the program.
    """

    trial_seconds: float = 1.0
    run_seconds: float = 20.0
    patience: float = 30.0
    memory: int = 256 * 1024 * 1024
    answer_bytes: int = 32 * 1024 * 1024
    deaths: int = 2

    @property
    def sleep_seconds(self) -> float:
        """Seconds that one child may sleep in all: a rule has nothing to wait for."""
        return 5 * self.trial_seconds

    @property
    def cpu_seconds(self) -> int:
        """Whole seconds of CPU for one child, as the kernel counts them."""
        return int(self.run_seconds) + 1

    @property
    def clock_seconds(self) -> float:
        """Seconds by the clock after which the machine is too busy for an answer."""
        return self.patience * self.run_seconds

    def times(self, factor: float) -> Limits:
        """The same with `factor` times the CPU, for a program that has ended once within these."""
        return replace(self, trial_seconds=factor * self.trial_seconds, run_seconds=factor * self.run_seconds)


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a generated function: its arguments before the call and its output as tagged JSON
    (`ingot.runtime.tagged`), or the type of the exception that left it. `changed` is True where an argument was
    mutated."""

    trial: str
    function: str
    arguments: str
    output: str | None
    error: str | None
    changed: bool


@dataclass(frozen=True, slots=True)
class Run:
    """What a program did on every trial, by trial id.

    `answers` has the tagged JSON of ``(output, review)`` of the trials that ended; `lost` says why a child was lost
    during a trial (``timeout``, ``memory``, ``crash``) or that the trial was ``not run``; `refused` names what the
    cage refused; `taken` and `lines` (of ``logic.py``) are there where cover was asked for.
    """

    seed: int
    confinement: Mapping[str, bool]
    observations: Mapping[str, Observation]
    answers: Mapping[str, str]
    lost: Mapping[str, str]
    refused: Refusals
    calls: tuple[Call, ...]
    branches: tuple[Branch, ...]
    taken: Mapping[str, frozenset[int]]
    lines: Mapping[str, frozenset[int]]
    loading: Observation | None = None

    def canonical(self, trial: str) -> bytes | None:
        """Canonical bytes of a trial's output and review; None where it has none or holds a value with no bytes."""
        observation = self.observations[trial]
        if observation.error is not None:
            return None
        try:
            return canonical_json([observation.output, observation.review])
        except (TypeError, ValueError):
            return None


LOST = "Lost"
"""The error type of a trial during which the child was lost."""


class Sandbox:
    """Warm processes that run programs in cages. Use as a context manager; several threads may share one."""

    def __init__(self, seeds: Sequence[int] = SEEDS) -> None:
        self._nurseries = {seed: _Nursery(seed) for seed in seeds}

    @property
    def seeds(self) -> tuple[int, ...]:
        """The hash seeds that a run can choose from."""
        return tuple(self._nurseries)

    def start(self) -> Self:
        """Start every nursery, at once rather than one after the other. Raises StageError."""
        nurseries = list(self._nurseries.values())
        for nursery in nurseries:
            nursery.launch()
        for nursery in nurseries:
            nursery.ready()
        return self

    def close(self) -> None:
        """End every process. The sandbox starts again when it is used again."""
        for nursery in self._nurseries.values():
            nursery.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def run(
        self,
        text: str,
        trials: Sequence[Trial],
        *,
        offset: int,
        seed: int,
        cover: bool = False,
        functions: Sequence[str] = (),
        last_line: int | None = None,
        limits: Limits | None = None,
    ) -> Run:
        """Run ``transact`` of a program's `text` on every trial under one hash seed.

        `offset` is the program's; `last_line` the last line of its logic in `text`. Calls of `functions` are
        recorded. A trial that raises, hangs or dies does not keep the others from running. Raises StageError where
        the sandbox itself breaks.
        """
        if seed not in self._nurseries:
            raise StageError(f"the sandbox has no hash seed {seed!r}", hint=f"one of {self.seeds!r}")
        last = last_line or text.count("\n") + 1
        tree, found = _instrumented(text, offset, last) if cover else (None, ())
        request = {
            "text": text, "tree": tree, "cover": cover, "functions": tuple(functions), "first_line": offset + 1,
            "last_line": last,
        }  # fmt: skip
        return _Collected(seed, offset, found).run(self._nurseries[seed], request, trials, limits or Limits())


def _instrumented(text: str, offset: int, last: int) -> tuple[Any, tuple[Branch, ...]]:
    try:
        return branches.instrument(text, offset, last)
    except (SyntaxError, ValueError, RecursionError):
        return None, ()  # the child compiles the text and reports why it cannot


class _Collected:
    """The observations of one run while its children answer."""

    def __init__(self, seed: int, offset: int, found: tuple[Branch, ...]) -> None:
        self.seed, self.offset, self.branches = seed, offset, found
        self.confinement: dict[str, bool] = {}
        self.loading: Observation | None = None
        self.observations: dict[str, Observation] = {}
        self.answers: dict[str, str] = {}
        self.lost: dict[str, str] = {}
        self.refused: dict[str, tuple[str, ...]] = {}
        self.calls: list[Call] = []
        self.taken: dict[str, frozenset[int]] = {}
        self.lines: dict[str, frozenset[int]] = {}

    def run(self, nursery: _Nursery, request: dict[str, Any], trials: Sequence[Trial], limits: Limits) -> Run:
        blobs = [pickle.dumps((dict(trial.input), dict(trial.steps)), 5) for trial in trials]
        done = 0
        for _ in range(limits.deaths):
            frames, end = nursery.ask({**request, "trials": blobs[done:]}, limits)
            done = self._collect(frames, trials, done)
            failed = self.loading is not None and self.loading.error is not None
            if failed or done >= len(trials) or end == (worker.EXIT, worker.GAVE_UP):
                break
            self._lose(trials[done], end)
            done += 1
            if self.loading is None:
                break
        for trial in trials[done:]:
            self.lost[trial.id] = "not run"
            error = self.loading.error if self.loading and self.loading.error else "NotRun: the program was given up"
            self.observations[trial.id] = Observation(None, error=error)
        return Run(
            self.seed, self.confinement, self.observations, self.answers, self.lost, self.refused, tuple(self.calls),
            self.branches, self.taken, self.lines, self.loading,
        )  # fmt: skip

    def _collect(self, frames: list[dict[str, Any]], trials: Sequence[Trial], done: int) -> int:
        """Note every frame; how many trials have answered by now."""
        for number, frame in enumerate(frames):
            if number == 0:
                self.confinement = frame["confinement"]
                if not (self.confinement.get("rlimits") and self.confinement.get("audit_hook")):
                    raise StageError("the sandbox could not limit its process", hint="see `ingot rules EXE004`")
            elif number == 1:
                self.loading = self._failure(frame) or Observation(None)
                if frame["refused"]:
                    self.refused[""] = frame["refused"]
                self.taken[""] = frame["taken"]
            elif done < len(trials):
                self._note(trials[done], frame)
                done += 1
        return done

    def _note(self, trial: Trial, frame: dict[str, Any]) -> None:
        self.observations[trial.id] = self._failure(frame) or self._answer(trial, frame)
        if frame["refused"]:
            self.refused[trial.id] = frame["refused"]
        self.taken[trial.id] = frame["taken"]
        self.lines[trial.id] = frozenset(line - self.offset for line in frame["lines"])
        self.calls += [Call(trial.id, *call) for call in frame["calls"]]

    def _failure(self, frame: dict[str, Any]) -> Observation | None:
        if frame["failed"] is None:
            return None
        kind, message, line, function = frame["failed"]
        return Observation(None, None, f"{kind}: {message}", None if line is None else line - self.offset, function)

    def _answer(self, trial: Trial, frame: dict[str, Any]) -> Observation:
        try:
            output, review = decode(frame["answer"] or "null")
            if review is not None:
                step, reason = review
                review = (str(step), str(reason))
        except (ValueError, TypeError, RecursionError):
            return Observation(None, error="TypeError: the program did not return an output and a review")
        self.answers[trial.id] = frame["answer"]
        return Observation(output, review)

    def _lose(self, trial: Trial, end: tuple[str, int]) -> None:
        kind, number = end
        if kind == worker.BUSY:
            raise StageError("the machine is too busy: a program did not get its time of CPU", hint="run it again")
        if kind == worker.KILLED:
            raise StageError(
                "a process of the sandbox was killed from outside, for want of memory perhaps", hint="run it again"
            )
        timers = (signal.SIGPROF, signal.SIGALRM, signal.SIGXCPU, signal.SIGKILL)
        if kind == worker.TIMEOUT or (kind == worker.SIGNAL and number in timers):
            why, text = "timeout", "it did not end in the time allowed"
        elif kind == worker.EXIT and number == worker.OUT_OF_MEMORY:
            why, text = "memory", "it used all the memory allowed"
        elif kind == worker.STOPPED:
            why, text = "crash", "it answered more than is allowed, or what no program answers"
        else:
            why, text = "crash", f"the interpreter died ({kind} {number})"
        self.lost[trial.id] = why
        self.observations[trial.id] = Observation(None, error=f"{LOST}: {text}")
        if self.loading is None:
            self.loading = Observation(None, error=f"{LOST}: {text}, while the program was loaded")


# ---- nurseries ---------------------------------------------------------------------------------------------------

_BOOT = """\
import sys, types
for name, path in (("ingot", {root!r}), ("ingot.runtime", {runtime!r})):
    sys.modules[name] = types.ModuleType(name)
    sys.modules[name].__path__ = [path]
from ingot.runtime.worker import serve
serve({descriptor})
"""
"""Imports the worker without running ``ingot/__init__.py`` or seeing any installed package."""


@functools.cache
def seccomp_filter() -> bytes:
    """The seccomp filter as BPF for this machine; empty where the library or its system library is missing."""
    try:
        import pyseccomp as seccomp
    except (ImportError, OSError, RuntimeError):
        return b""
    rules = seccomp.SyscallFilter(seccomp.ERRNO(1))
    no_exec = seccomp.Arg(2, seccomp.MASKED_EQ, 4, 0)  # PROT_EXEC is 4
    for name in cage.SYSCALLS:
        with contextlib.suppress(OSError, ValueError):  # a call that this machine does not have
            rules.add_rule(seccomp.ALLOW, name, *((no_exec,) if name in ("mmap", "mprotect") else ()))
    target = os.memfd_create("filter")
    with open(target, "r+b", buffering=0) as file:
        rules.export_bpf(file)
        file.seek(0)
        return file.read()


class _Nursery:
    """One warm process under one hash seed, and the lock that keeps its conversation whole."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._is_ready = False

    def launch(self) -> None:
        """Start the process without waiting for it."""
        with self._lock:
            self._launch()

    def ready(self) -> None:
        """Wait until it answers. Raises StageError."""
        with self._lock:
            self._connection()

    def close(self) -> None:
        with self._lock:
            self._close()

    def ask(self, request: dict[str, Any], limits: Limits) -> tuple[list[dict[str, Any]], tuple[str, int]]:
        """What a new child answers, frame by frame, and how it ended. Raises StageError."""
        with self._lock:
            control = self._connection()
            ours, theirs = socket.socketpair()
            try:
                with ours:
                    self._send(control, request, limits, theirs)
                    frames = _frames(ours, control, limits)
                    end = json.loads(worker.receive(control))
            except (OSError, ValueError) as error:
                self._close()
                raise StageError(f"the sandbox broke: {error}", hint="run it again; report it if it stays") from error
            except BaseException:
                self._close()  # interrupted in mid-conversation: a new process is cheaper than a confused one
                raise
            return frames, (str(end[0]), int(end[1]))

    def _send(self, control: socket.socket, request: dict[str, Any], limits: Limits, theirs: socket.socket) -> None:
        bounds = {
            "memory": limits.memory, "cpu_seconds": limits.cpu_seconds, "trial_seconds": limits.trial_seconds,
        }  # fmt: skip
        body = pickle.dumps({**request, **bounds}, 5)
        with theirs:
            socket.send_fds(control, [worker.RUN], [theirs.fileno()])
        seconds = limits.sleep_seconds, limits.clock_seconds, limits.cpu_seconds + 1
        control.sendall(struct.pack(worker.HEADER, *seconds, len(body)) + body)

    def _launch(self) -> None:
        if self._process is not None and self._process.poll() is None:
            return
        self._close()
        here = Path(__file__).parent
        ours, theirs = socket.socketpair()
        boot = _BOOT.format(root=str(here.parent), runtime=str(here), descriptor=theirs.fileno())
        self._control = ours
        with theirs, self._starting():
            self._process = subprocess.Popen(
                [sys.executable, "-s", "-S", "-P", "-c", boot],
                pass_fds=[theirs.fileno()],
                env={"PYTHONHASHSEED": str(self.seed), "PYTHONUTF8": "1"},
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        ours.settimeout(60)
        with self._starting():
            worker.send(ours, seccomp_filter())

    @contextlib.contextmanager
    def _starting(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            self._close()
            raise StageError(
                f"the sandbox process did not start: {error}",
                hint=f"it needs Linux 5.3 or newer and a Python at {sys.executable!r}",
            ) from error

    def _connection(self) -> socket.socket:
        self._launch()
        assert self._control is not None
        if not self._is_ready:
            with self._starting():
                worker.receive(self._control)
            self._is_ready = True
        return self._control

    def _close(self) -> None:
        self._is_ready = False
        if self._control is not None:
            self._control.close()
            self._control = None
        if self._process is not None:
            process, self._process = self._process, None
            try:
                process.wait(2)  # a closed control socket is its end
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _frames(pipe: socket.socket, control: socket.socket, limits: Limits) -> list[dict[str, Any]]:
    """The child's frames until it closes the pipe, says too much or says what it should not: then it is stopped."""
    deadline = time.monotonic() + limits.clock_seconds + 60
    received = bytearray()
    total = 0
    frames: list[dict[str, Any]] = []
    while True:
        pipe.settimeout(max(deadline - time.monotonic(), 0.01))
        part = pipe.recv(1 << 18)
        received += part
        total += len(part)
        try:
            frames += _whole_frames(received, len(frames))
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            total = limits.answer_bytes + 1
        if total > limits.answer_bytes:
            control.sendall(worker.STOP)
            return frames
        if not part:
            return frames


def _whole_frames(received: bytearray, known: int) -> list[dict[str, Any]]:
    """The frames that have arrived whole, taken out of `received`. Raises where one is not what a child writes."""
    frames: list[dict[str, Any]] = []
    while len(received) >= 4:
        size = int.from_bytes(received[:4], "big")
        if size > 4 * worker.LARGEST_ANSWER:
            raise ValueError("a frame is too large")
        if len(received) < 4 + size:
            break
        frames.append(_checked(json.loads(received[4 : 4 + size]), known + len(frames)))
        del received[: 4 + size]
    return frames


def _checked(frame: Any, number: int) -> dict[str, Any]:
    """The frame, every member of it of the type that it must have."""
    if number == 0:
        return {"confinement": {str(key): value is True for key, value in frame["confinement"].items()}}
    failed = frame["failed"]
    if failed is not None:
        kind, message, line, function = failed
        failed = (_text(kind)[:80], _text(message)[:300], _number(line), _text(function, True))
    calls = []
    for function, arguments, output, error, changed in frame.get("calls", ()):
        decode(arguments), decode(output or "null")  # who reads the calls later relies on it
        calls.append((_text(function), _text(arguments), _text(output, True), _text(error, True), changed is True))
    return {
        "failed": failed,
        "answer": _text(frame.get("answer"), True),
        "refused": tuple(_text(event) for event in frame["refused"]),
        "taken": frozenset(_number(one) for one in frame["taken"]),
        "lines": frozenset(_number(one) for one in frame.get("lines", ())),
        "calls": calls,
    }


def _text(value: Any, nullable: bool = False) -> Any:
    if isinstance(value, str) or (nullable and value is None):
        return value
    raise TypeError("a frame holds something else than text")


def _number(value: Any) -> Any:
    if value is None or type(value) is int:
        return value
    raise TypeError("a frame holds something else than a number")
